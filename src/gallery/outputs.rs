//! No indexed image is overwritten: output paths are checked against the images before the work.

use std::path::Path;

use aesearch_index::Snapshot;
use rayon::prelude::*;

use super::folder::base;
use crate::error::{Error, Result};
use crate::images::file_of;
use crate::output::check_places;

/// Refuses paths that cannot be written, the same path twice, and the images of the index at `dir`.
///
/// # Errors
/// When a path is refused.
pub fn check_outputs(outputs: &[&Path], snapshot: &Snapshot, dir: &Path) -> Result<()> {
    check_places(outputs)?;
    outputs.iter().try_for_each(|path| keep_images(path, snapshot, dir))
}

/// Refuses to overwrite an image of the index at `dir`, or a container that holds some.
///
/// # Errors
/// When `path` is one of these.
pub fn keep_images(path: &Path, snapshot: &Snapshot, dir: &Path) -> Result<()> {
    let Ok(there) = path.canonicalize() else { return Ok(()) };
    let base = base(dir);
    let is_there = |name: &[u8]| file_of(name, base)?.canonicalize().ok().filter(|file| *file == there);
    let ids: Vec<u32> = snapshot.ids().collect();
    if ids.into_par_iter().any(|id| is_there(snapshot.name(id)).is_some()) {
        let what = format!("{}: expected a place to write to, got one of the images", path.display());
        return Err(Error::invalid(what).with_hint("nothing was written; name another file"));
    }
    Ok(())
}
