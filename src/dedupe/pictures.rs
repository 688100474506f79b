//! The pictures of a plan's files, read again for the page and the sheet.

use std::collections::HashMap;
use std::path::Path;

use super::decisions::unhex;
use super::plan::{File, Plan};
use crate::gallery::Thumbnails;
use crate::images::{Decoding, Item, Limits, MemoryBudget, Pixels, read, resolve};

/// Gives the pixels of a file, or nothing. It is called by several threads at once, for files in the order of
/// their names.
pub type PictureSource<'a> = dyn Fn(&File) -> Option<Pixels> + Sync + 'a;

/// Finds the files of a plan once, so that a container is opened once for all its entries.
pub struct Pictures {
    items: HashMap<Vec<u8>, Item>,
    decoding: Decoding,
}

impl Pictures {
    /// The files that the plan names; those that are gone, by the thumbnails of the index at `dir`. Decoders
    /// share `memory` bytes.
    pub fn of(plan: &Plan, dir: &Path, memory: u64) -> Pictures {
        let mut names: Vec<&[u8]> = files(plan).map(File::name).collect();
        names.sort_unstable();
        names.dedup();
        let found = resolve(names.iter().copied(), Path::new(&plan.base));
        let items = names.iter().zip(found).filter_map(|(name, item)| Some((name.to_vec(), item.ok()?)));
        let mut items: HashMap<Vec<u8>, Item> = items.collect();
        if items.len() < names.len()
            && let Ok(thumbnails) = Thumbnails::open(dir)
        {
            for file in files(plan).filter(|file| !items.contains_key(file.name())).collect::<Vec<_>>() {
                let jpeg = unhex(&file.hash).and_then(|hash| thumbnails.get(&hash));
                items.extend(jpeg.map(|jpeg| (file.name().to_vec(), Item::from_bytes(file.name(), jpeg))));
            }
        }
        Pictures { items, decoding: Decoding { budget: MemoryBudget::new(memory), ..Decoding::default() } }
    }

    /// The pixels of a file; nothing if it cannot be read any more.
    pub fn get(&self, file: &File) -> Option<Pixels> {
        let item = self.items.get(file.name())?;
        read(item, &Limits::default()).ok()?.decode(&self.decoding).ok()
    }
}

fn files(plan: &Plan) -> impl Iterator<Item = &File> {
    let groups = plan.groups.iter().flat_map(|group| {
        let others = group.also_kept.iter().chain(&group.duplicates).map(|other| &other.file);
        std::iter::once(&group.keeper).chain(others)
    });
    groups.chain(plan.near_misses.iter().flat_map(|miss| [&miss.a, &miss.b]))
}
