//! Taking images out of an index. Files are left alone, and the next `update` over their folder brings the
//! images back.

use std::path::{Path, PathBuf};

use aesearch_index::{SegmentBuilder, Snapshot, Writer};

use super::folder::base;
use super::thumbnails::drop_gone;
use crate::error::Result;
use crate::images::{PathScope, Skipped};

/// What a removal did.
#[derive(Debug, Clone)]
pub struct RemoveReport {
    /// Images taken out.
    pub removed: usize,
    /// Images in the index now.
    pub images: usize,
    /// Paths that match no image of the index.
    pub skipped: Vec<Skipped>,
}

/// Takes the images at `paths` out of the index at `dir`: an image by its path or name (`container#17`), all
/// of a container, or all below a folder, whether or not the files are still there.
///
/// # Errors
/// `NotFound` when there is no index, `Locked` when another writer holds it, `Damaged` or `Io` when it cannot
/// be read or written.
pub fn remove(dir: &Path, paths: &[PathBuf]) -> Result<RemoveReport> {
    let base = base(dir);
    Snapshot::open(dir)?; // before the lock, which would make the folder
    let mut writer = Writer::lock(dir)?;
    let last = Snapshot::open(dir)?; // again: another writer may have been faster
    let scopes: Vec<PathScope> = paths.iter().map(|path| PathScope::new(path)).collect();
    let mut used = vec![false; scopes.len()];
    let mut gone = Vec::new();
    for id in last.ids() {
        let mut holds = false;
        for (scope, used) in scopes.iter().zip(&mut used) {
            if scope.holds(last.name(id), base) {
                (holds, *used) = (true, true);
            }
        }
        if holds {
            gone.push(id);
        }
    }
    if !gone.is_empty() {
        writer.commit(SegmentBuilder::new(&last.settings())?, &gone)?;
        drop_gone(dir, &Snapshot::open(dir)?)?;
    }
    let unused =
        paths.iter().zip(&used).filter(|(_, used)| !**used).map(|(path, _)| {
            Skipped::new(path.as_os_str().as_encoded_bytes(), "the index holds no image there")
        });
    Ok(RemoveReport { removed: gone.len(), images: last.len() - gone.len(), skipped: unused.collect() })
}
