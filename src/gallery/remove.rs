//! Taking images out of an index: the `remove` command. Files are left alone, and the next `index` over their folder
//! brings them back.

use std::path::{Path, PathBuf};

use aesearch_index::{SegmentBuilder, Snapshot, Writer};

use crate::error::Result;
use crate::images::{PathScope, Skipped};

/// What a removal did.
#[derive(Debug, Clone)]
pub struct RemoveReport {
    /// Images taken out.
    pub removed: usize,
    /// Images in the index now.
    pub images: usize,
    /// Paths of which the index holds nothing.
    pub skipped: Vec<Skipped>,
}

/// Takes the images at `paths` out of the index at `dir`: an image by its path or name (`container#17`), all of a container,
/// or all below a folder, whether or not the files are still there.
///
/// # Errors
/// When there is no index, or it is damaged, locked or cannot be written.
pub fn remove(dir: &Path, paths: &[PathBuf]) -> Result<RemoveReport> {
    let base = dir.parent().unwrap_or(Path::new(""));
    Snapshot::open(dir)?; // before the lock, which would make the folder
    let mut writer = Writer::lock(dir)?;
    let last = Snapshot::open(dir)?; // again: another writer may have been faster
    let places: Vec<PathScope> = paths.iter().map(|path| PathScope::new(path)).collect();
    let mut used = vec![false; places.len()];
    let mut gone = Vec::new();
    for id in last.ids() {
        let mut holds = false;
        for (place, used) in places.iter().zip(&mut used) {
            if place.holds(last.name(id), base) {
                (holds, *used) = (true, true);
            }
        }
        if holds {
            gone.push(id);
        }
    }
    if !gone.is_empty() {
        writer.commit(SegmentBuilder::new(&last.settings())?, &gone)?;
    }
    let unused =
        paths.iter().zip(&used).filter(|(_, used)| !**used).map(|(path, _)| {
            Skipped::new(path.as_os_str().as_encoded_bytes(), "the index holds no image there")
        });
    Ok(RemoveReport { removed: gone.len(), images: last.len() - gone.len(), skipped: unused.collect() })
}
