//! Makes a damaged index usable again: segments in which `verify` finds anything wrong are dropped, the others stay.
//!
//! Nothing is guessed: what a damaged segment held is named where its names are still sound, so that the caller can
//! bring it in again. A MANIFEST that cannot be read cannot be repaired: only it knows how the codes were made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::manifest::{Manifest, SegmentEntry};
use crate::map::Access;
use crate::snapshot::open_segments;
use crate::verify::{Problem, sound_names, verify};
use crate::writer::Writer;

/// A segment that was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The segment's file.
    pub path: PathBuf,
    /// Number of its items.
    pub items: usize,
    /// Their names; none where these are damaged as well.
    pub names: Option<Vec<Vec<u8>>>,
    /// What is wrong with it, or with its tombstones.
    pub problems: Vec<Problem>,
}

/// Drops the damaged segments of the index at `dir` in one commit, and tells what they held. A sound index is left alone.
///
/// # Errors
/// [`Error::Locked`](crate::Error::Locked), [`Error::NotFound`](crate::Error::NotFound),
/// [`Error::Damaged`](crate::Error::Damaged) where the MANIFEST itself cannot be read, [`Error::Io`](crate::Error::Io).
pub fn repair(dir: &Path) -> Result<Vec<Dropped>> {
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
            let names = opened.ok().and_then(|opened| sound_names(&opened));
            let (path, items) = (dir.join(&entry.name), entry.live() as usize);
            dropped.push(Dropped { path, items, names, problems });
        }
    }
    let damaged = |entry: &SegmentEntry| dropped.iter().any(|dropped| dropped.path == dir.join(&entry.name));
    writer.drop_segments(&damaged)?;
    Ok(dropped)
}
