//! Places to write to, looked at before the work: what is asked for is not lost at its end, and no image is written over.

use std::path::Path;

use aesearch_index::Snapshot;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::images::file_of;

/// Refuses places that nothing can be written to, the same one twice, and the images of the index at `dir`.
pub(super) fn check_outputs(outputs: &[&Path], dir: &Path) -> Result<()> {
    check_places(outputs)?;
    outputs.iter().try_for_each(|path| keep_files(path, dir))
}

/// Refuses places that nothing can be written to, and the same one twice.
pub(super) fn check_places(outputs: &[&Path]) -> Result<()> {
    for (i, path) in outputs.iter().enumerate() {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() || path.is_dir() {
            let what = format!("{}: expected a file's name in a folder that is there", path.display());
            return Err(Error::invalid(what));
        }
        if outputs[..i].contains(path) {
            return Err(Error::invalid(format!("{}: expected one output, got two", path.display())));
        }
    }
    Ok(())
}

/// Refuses to write over one of the images of the index at `dir`, or over the file that holds them.
pub(super) fn keep_files(path: &Path, dir: &Path) -> Result<()> {
    let Ok(there) = path.canonicalize() else { return Ok(()) };
    let (snapshot, base) = (Snapshot::open(dir)?, dir.parent().unwrap_or(Path::new("")));
    let is_there = |name: &[u8]| file_of(name, base)?.canonicalize().ok().filter(|file| *file == there);
    let ids: Vec<u32> = snapshot.ids().collect();
    if ids.into_par_iter().any(|id| is_there(snapshot.name(id)).is_some()) {
        let what = format!("{}: expected a place to write to, got one of the images", path.display());
        return Err(Error::invalid(what).with_hint("nothing was written; name another file"));
    }
    Ok(())
}
