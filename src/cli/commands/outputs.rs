//! Output paths, checked before the work.

use std::path::Path;

use aesearch_index::Snapshot;

use crate::error::Result;
use crate::gallery;

pub(super) use crate::output::check_places;

/// Refuses paths that cannot be written, the same path twice, and the images of the index at `dir`.
pub(super) fn check_outputs(outputs: &[&Path], dir: &Path) -> Result<()> {
    check_places(outputs)?;
    outputs.iter().try_for_each(|path| keep_files(path, dir))
}

/// Refuses to overwrite an image of the index at `dir`, or a container that holds some.
pub(super) fn keep_files(path: &Path, dir: &Path) -> Result<()> {
    if !path.exists() {
        return Ok(()); // no need to open the index
    }
    gallery::keep_images(path, &Snapshot::open(dir)?, dir)
}
