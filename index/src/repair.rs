//! Makes a damaged index usable again: segments in which `verify` finds anything wrong are dropped, the
//! others are kept.
//!
//! Nothing is guessed. The names of lost items are returned if they are still readable, so that the caller
//! can add these items again. A MANIFEST that cannot be read cannot be repaired: only it knows how the codes
//! were made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::manifest::{Manifest, SegmentEntry};
use crate::map::Access;
use crate::opened::open_segments;
use crate::verify::{Problem, readable_names, verify};
use crate::writer::Writer;

/// A segment that was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// The segment's file.
    pub path: PathBuf,
    /// Number of its items.
    pub items: usize,
    /// Their names, if these are not damaged too.
    pub names: Option<Vec<Vec<u8>>>,
    /// What is wrong with it, or with its tombstones.
    pub problems: Vec<Problem>,
}

/// Drops the damaged segments of the index at `dir` in one commit, and returns what they held. A sound index
/// is not changed.
///
/// # Errors
/// [`Error::Locked`](crate::Error::Locked), [`Error::NotFound`](crate::Error::NotFound),
/// [`Error::Damaged`](crate::Error::Damaged) where the MANIFEST itself cannot be read,
/// [`Error::Io`](crate::Error::Io).
pub fn repair(dir: impl AsRef<Path>) -> Result<Vec<Dropped>> {
    let dir = dir.as_ref();
    Manifest::read(dir)?; // before the lock, which would make the folder
    let mut writer = Writer::lock(dir)?;
    let problems = verify(dir)?;
    if problems.is_empty() {
        return Ok(Vec::new());
    }
    let (manifest, segments) = open_segments(dir, Access::Map)?;
    let mut dropped = Vec::new();
    for (entry, opened) in manifest.segments.iter().zip(segments) {
        let files: BTreeSet<PathBuf> = entry.files().map(|name| dir.join(name)).collect();
        let problems: Vec<Problem> = problems.iter().filter(|p| files.contains(&p.path)).cloned().collect();
        if !problems.is_empty() {
            let names = opened.ok().and_then(|opened| readable_names(&opened));
            let (path, items) = (dir.join(&entry.name), entry.live() as usize);
            dropped.push(Dropped { path, items, names, problems });
        }
    }
    let damaged = |entry: &SegmentEntry| dropped.iter().any(|dropped| dropped.path == dir.join(&entry.name));
    writer.drop_segments(&damaged)?;
    Ok(dropped)
}
