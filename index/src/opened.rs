//! Opens the segments of a commit and checks each against its entry in the MANIFEST.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::layout::Fault;
use crate::manifest::{Manifest, NAME, SegmentEntry};
use crate::map::Access;
use crate::segment::Segment;
use crate::tombstones::Tombstones;
use crate::view::View;

/// How often a reader tries again when commits overtake it.
const ATTEMPTS: usize = 16;

/// A segment of a snapshot.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) first: u32, // id of its first item
    pub(crate) segment: Segment,
    pub(crate) tombstones: Option<Tombstones>,
    pub(crate) dead_items: u32,
    pub(crate) problem: OnceLock<Option<(PathBuf, String)>>, // the first that `verify` would find
}

impl Opened {
    /// One bit per item; empty if none is deleted.
    pub(crate) fn dead(&self) -> &[u64] {
        self.tombstones.as_ref().map_or(&[], Tombstones::words)
    }

    pub(crate) fn view(&self) -> View<'_> {
        self.segment.view(self.dead())
    }
}

/// The last commit's MANIFEST and its segments, each open or the reason why it cannot be.
///
/// A commit may replace and remove files between reading the MANIFEST and opening them: then it starts over.
pub(crate) fn open_segments(dir: &Path, access: Access) -> Result<(Manifest, Vec<Result<Opened>>)> {
    let mut manifest = Manifest::read(dir)?;
    for _ in 0..ATTEMPTS {
        let mut first = 0;
        let segments = manifest.segments.iter().map(|entry| {
            let opened = open_entry(dir, &manifest, entry, (access, first));
            first += entry.items; // the manifest's sum was checked
            opened
        });
        let segments = segments.collect();
        let latest = Manifest::read(dir)?;
        if latest == manifest {
            return Ok((manifest, segments));
        }
        manifest = latest;
    }
    let busy = std::io::Error::other("commits follow each other too fast");
    Err(Error::io(&dir.join(NAME), "cannot read", busy))
}

/// Opens one segment of `manifest` and checks it and its tombstones against its entry.
fn open_entry(
    dir: &Path,
    manifest: &Manifest,
    entry: &SegmentEntry,
    (access, first): (Access, u32),
) -> Result<Opened> {
    let path = dir.join(&entry.name);
    let segment = Segment::open(&path, access, entry.bytes)?;
    let shape = segment.header.shape;
    let (expected, got) =
        ((manifest.bits, manifest.latent_size, entry.items), (shape.bits, shape.latent_size, shape.items));
    if expected != got {
        let show = |(bits, latent, items)| format!("{items} items of {bits} bits and {latent} latent values");
        return Err(Fault::new("header", show(expected), show(got)).at(&path));
    }
    let tombstones = match &entry.tombstones {
        None => None,
        Some(named) => {
            let path = dir.join(&named.name);
            let tombstones = Tombstones::open(&path, access, named.bytes)?;
            if tombstones.header.shape != shape {
                let expected = format!("the shape of {}", entry.name);
                return Err(Fault::new("header", expected, "another").at(&path));
            }
            Some(tombstones)
        }
    };
    Ok(Opened {
        first,
        segment,
        tombstones,
        dead_items: entry.items - entry.live(),
        problem: OnceLock::new(),
    })
}
