//! Taking images out of an index. Files are left alone, and the next `update` over their folder brings the
//! images back.

use std::path::{Path, PathBuf};

use aesearch_index::{IdSet, SegmentBuilder, Snapshot, Writer};

use super::columns;
use super::folder::base;
use super::thumbnails::drop_gone;
use crate::error::Result;
use crate::images::{PathScopes, Skipped};

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

/// Which images of an index pass.
pub type Passing<'a> = &'a dyn Fn(&Snapshot) -> Result<IdSet>;

/// Takes the images at `paths` out of the index at `dir`: an image by its path or name (`container#17`), all
/// of a container, or all below a folder, whether or not the files are still there. With `only`, those of them
/// that pass; without `paths`, all that do.
///
/// # Errors
/// `NotFound` when there is no index, `Locked` when another writer holds it, `Damaged` or `Io` when it cannot
/// be read or written.
pub fn remove(dir: &Path, paths: &[PathBuf], only: Option<Passing<'_>>) -> Result<RemoveReport> {
    let base = base(dir);
    Snapshot::open(dir)?; // before the lock, which would make the folder
    let mut writer = Writer::lock(dir)?;
    let last = Snapshot::open(dir)?; // again: another writer may have been faster
    let scopes = PathScopes::new(paths);
    let mut used = vec![false; paths.len()];
    let mut gone = Vec::new();
    let passing = only.map(|only| only(&last)).transpose()?;
    for id in last.ids().filter(|id| passing.as_ref().is_none_or(|passing| passing.contains(*id))) {
        let mut holds = paths.is_empty() && passing.is_some();
        for number in scopes.holding(last.name(id), base) {
            (holds, used[number]) = (true, true);
        }
        if holds {
            gone.push(id);
        }
    }
    if !gone.is_empty() {
        writer.commit(SegmentBuilder::new(&last.settings())?, &gone)?;
        let now = Snapshot::open(dir)?;
        drop_gone(dir, &now)?;
        columns::drop_gone(dir, &now)?;
    }
    let unused =
        paths.iter().zip(&used).filter(|(_, used)| !**used).map(|(path, _)| {
            Skipped::new(path.as_os_str().as_encoded_bytes(), "the index holds no image there")
        });
    Ok(RemoveReport { removed: gone.len(), images: last.len() - gone.len(), skipped: unused.collect() })
}
