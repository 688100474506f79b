//! Several indexes into one: their segments are taken over as they are, and no image is opened.
//!
//! Codes of one binarizer alone can be compared, so images that were coded by another than the first index's are coded
//! anew from their latents.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use aesearch_index::{Access, Changes, SegmentBuilder, Settings, Snapshot};

use super::binarizers::different_codes;
use super::folder::{index_at, lock, open_if_any};
use super::record::Facts;
use super::refit::code;
use super::strangers::keep_strangers;
use super::thumbnails;
use super::together::Opened;
use crate::error::{Error, Result};
use crate::images::hash_bytes;
use crate::observer::{Observer, Progress, Stage};
use crate::output::write_folder;

/// What was put together.
#[derive(Debug, Clone)]
pub struct MergeReport {
    /// Images in the index.
    pub images: usize,
    /// Images that were left out, as a later index has others of the same names.
    pub replaced: usize,
    /// Images that were coded anew from their latents.
    pub recoded: usize,
    /// Segments of the index.
    pub segments: usize,
    /// Its size on disk, without thumbnails.
    pub index_bytes: u64,
    /// What holds for it.
    pub facts: Facts,
    /// Wall time.
    pub seconds: f64,
}

/// An index that is put together with others.
struct Part {
    index: Opened,
    /// Items that a later index replaces.
    without: Vec<u32>,
}

/// Makes an index at `to`, where there is none, of the indexes `from`, which must be of one model. Names, labels, records
/// and latents stay as they are, and so does what was removed. Of images of one name, that of the last index counts. The
/// binarizer is that of the first. `seed` is for measuring strangers.
///
/// # Errors
/// `Mismatch` when the indexes differ in their model or polarity, in whether they keep latents, or in binarizers where
/// they keep none; `Damaged` when a segment is damaged; when `to` is a folder with something in it, or the observer stops
/// the work. Nothing is left at `to` then.
pub fn merge(from: &[PathBuf], to: &Path, seed: u64, observer: &dyn Observer) -> Result<MergeReport> {
    let start = Instant::now();
    let mut parts = open(from)?;
    if open_if_any(to)?.is_some() {
        let what = format!("{}: expected no index, got one", to.display());
        return Err(Error::invalid(what)
            .with_hint("name a new folder; it may be one of several that are merged later"));
    }
    let replaced = find_replaced(&mut parts);
    let [first, ..] = &parts[..] else { return Err(Error::invalid("expected indexes, got none")) };
    let facts = Facts { strangers: None, classes: None, ..first.index.facts.clone() };
    let binarizer = &facts.codes.binarizer;
    let attributes = vec![facts.to_attribute()];
    let settings = Settings { attributes, ..first.index.snapshot.settings() };
    let (same, other): (Vec<&Part>, Vec<&Part>) =
        parts.iter().partition(|part| part.index.facts.codes.binarizer == *binarizer);
    let mut builder = SegmentBuilder::new(&settings)?;
    for Part { index: Opened { snapshot, .. }, without } in other {
        observer.stage(Stage::images("coding anew"));
        let without: HashSet<u32> = without.iter().copied().collect();
        for (done, id) in snapshot.ids().filter(|id| !without.contains(id)).enumerate() {
            let code = code(binarizer, snapshot, id);
            builder.push_changed(snapshot, id, &Changes { code: Some(&code), ..Changes::default() })?;
            if done % 4096 == 0 {
                observer.progress(&Progress::of(done, snapshot.len()));
                if observer.should_stop() {
                    return Err(Error::Interrupted);
                }
            }
        }
    }
    let recoded = builder.len();
    let taken: Vec<(&Snapshot, &[u32])> =
        same.into_iter().map(|part| (&part.index.snapshot, &part.without[..])).collect();
    let dirs: Vec<&Path> = parts.iter().map(|part| part.index.dir.as_path()).collect();
    let now = write_folder(to, |folder| {
        let mut writer = lock(folder, false, observer)?;
        writer.take_over(&taken, builder)?;
        thumbnails::take_over(&dirs, folder)?;
        keep_strangers((folder, &mut writer), seed)
    })?;
    let Some((index, facts)) = now else {
        return Err(Error::not_found(format!("{}: no index", to.display())));
    };
    Ok(MergeReport {
        images: index.len(),
        replaced,
        recoded,
        segments: index.segments(),
        index_bytes: index.bytes(),
        facts,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// Opens the indexes and checks that they can be put together.
fn open(from: &[PathBuf]) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    for dir in from {
        let index = Opened::at(&index_at(dir), Access::Map)?;
        if let Some(Part { index: first, .. }) = parts.first() {
            first.check_images(&index)?;
            let different = different_codes(&first.facts, &index.facts);
            if let Some(what) = different.filter(|_| index.snapshot.latent_size() == 0) {
                let hint = "they cannot be coded anew, as the indexes keep no latents: index both with one `binarizer`";
                return Err(first.refusal(&index, what).with_hint(hint));
            }
        }
        parts.push(Part { index, without: Vec::new() });
    }
    Ok(parts)
}

/// Notes which items are left out, as a later index has an image of the same name. Gives their number.
fn find_replaced(parts: &mut [Part]) -> usize {
    let mut by_name: HashMap<[u8; 16], (usize, u32)> = HashMap::new();
    let mut replaced = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        for id in part.index.snapshot.ids() {
            let hash = hash_bytes(part.index.snapshot.name(id));
            let name = std::array::from_fn(|i| hash[i]);
            replaced.extend(by_name.insert(name, (at, id)).filter(|(before, _)| *before != at));
        }
    }
    replaced.iter().for_each(|&(at, id)| parts[at].without.push(id));
    replaced.len()
}
