//! Output paths, checked before the work, so that it is not lost at its end.

use std::path::Path;

use crate::error::{Error, Result};

/// Refuses paths that no file can be written to, and the same path twice.
///
/// # Errors
/// When a path has no folder, is a folder itself, or is there twice.
pub fn check_places(outputs: &[&Path]) -> Result<()> {
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
