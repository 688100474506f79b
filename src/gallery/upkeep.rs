//! Looking after an index: checking it, dropping what is damaged, and merging its segments.

use std::path::Path;

use aesearch_index::{Access, Dropped, Problem, Snapshot, Writer};

use super::thumbnails;
use crate::error::Result;

/// Checks every byte of the index at `dir` against its checksums, and lists what is wrong; nothing for a
/// sound index.
///
/// # Errors
/// `NotFound` when there is no index, `Io` when a file cannot be read at all.
pub fn verify(dir: &Path, access: Access) -> Result<Vec<Problem>> {
    Ok(aesearch_index::verify_with(dir, access)?)
}

/// What a repair did.
#[derive(Debug, Clone)]
pub struct RepairReport {
    /// The segments that were dropped; none when the index was sound.
    pub dropped: Vec<Dropped>,
    /// Names of the images they held, which are to be indexed again; bytes that are not UTF-8 are shown as
    /// U+FFFD.
    pub paths: Vec<String>,
    /// Images they held whose names are lost as well.
    pub unnamed: usize,
    /// Images in the index now.
    pub images: usize,
}

/// Drops the damaged segments of the index at `dir`, and lists what they held. A sound index is not changed.
///
/// # Errors
/// `NotFound` when there is no index, `Locked` when another writer holds it, `Damaged` when its manifest
/// cannot be read.
pub fn repair(dir: &Path) -> Result<RepairReport> {
    let dropped = aesearch_index::repair(dir)?;
    let names = dropped.iter().filter_map(|dropped| dropped.names.as_ref()).flatten();
    let paths = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let unnamed = dropped.iter().filter(|dropped| dropped.names.is_none()).map(|dropped| dropped.items).sum();
    Ok(RepairReport { paths, unnamed, images: Snapshot::open(dir)?.len(), dropped })
}

/// The size of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexSize {
    /// Segments.
    pub segments: usize,
    /// Images that were removed and still take space.
    pub removed: usize,
    /// Bytes of all files.
    pub bytes: u64,
}

impl IndexSize {
    fn of(snapshot: &Snapshot) -> IndexSize {
        IndexSize { segments: snapshot.segments(), removed: snapshot.dead(), bytes: snapshot.bytes() }
    }
}

/// What compacting did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactReport {
    /// Images in the index.
    pub images: usize,
    /// The size before.
    pub before: IndexSize,
    /// The size now.
    pub after: IndexSize,
}

/// Merges the segments of the index at `dir` into one, without the images that were removed.
///
/// # Errors
/// `NotFound` when there is no index, `Locked` when another writer holds it, `Damaged` or `Io` when it cannot
/// be read or written.
pub fn compact(dir: &Path) -> Result<CompactReport> {
    Snapshot::open(dir)?; // before the lock, which would make the folder
    let mut writer = Writer::lock(dir)?;
    let before = IndexSize::of(&Snapshot::open(dir)?);
    writer.compact()?;
    thumbnails::compact(dir)?;
    let now = Snapshot::open(dir)?;
    Ok(CompactReport { images: now.len(), before, after: IndexSize::of(&now) })
}
