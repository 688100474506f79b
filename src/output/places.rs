//! Output paths, checked before the work, so that it is not lost at its end.

use std::path::Path;

use crate::error::{Error, Result};

/// Refuses a file for a picture that cannot be written, or whose name says that it is no PNG.
///
/// # Errors
/// As [`check_places`], or when the name has another ending than .png.
pub fn check_picture(path: &Path) -> Result<()> {
    match path.extension() {
        Some(ending) if !ending.eq_ignore_ascii_case("png") => {
            let what =
                format!("{}: expected a name that ends in .png, as pictures are PNG files", path.display());
            Err(Error::unsupported(what))
        }
        _ => check_places(&[path]),
    }
}

/// The same, of a picture that may lie in `folder`, which need not be there yet.
///
/// # Errors
/// As [`check_picture`].
pub fn check_picture_beside(path: &Path, folder: &Path) -> Result<()> {
    let in_folder = path.parent() == Some(folder) && !folder.exists();
    check_picture(if in_folder { Path::new(path.file_name().unwrap_or_default()) } else { path })
}

/// Refuses paths that no file can be written to, and the same path twice. A pipe or a device would be replaced by a file.
///
/// # Errors
/// When a path has no folder, is there and no file, or is there twice.
pub fn check_places(outputs: &[&Path]) -> Result<()> {
    for (i, path) in outputs.iter().enumerate() {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() || path.is_dir() {
            let what = format!("{}: expected a file's name in a folder that is there", path.display());
            return Err(Error::invalid(what));
        }
        if path.exists() && !path.is_file() {
            let what = format!("{}: expected a file's name, got a pipe or a device", path.display());
            return Err(Error::invalid(what).with_hint("files appear whole, under their name"));
        }
        if outputs[..i].contains(path) {
            return Err(Error::invalid(format!("{}: expected one output, got two", path.display())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_a_png_in_a_folder_that_is_there_or_will_be() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["a.png", "a.PNG", "a"] {
            assert!(check_picture(&at(name)).is_ok(), "{name}");
        }
        let refusal = |name: &str| check_picture(&at(name)).unwrap_err().to_string();
        assert!(
            refusal("a.bmp").contains("a.bmp: expected a name that ends in .png"),
            "{}",
            refusal("a.bmp")
        );
        assert!(refusal("no/a.png").contains("a folder that is there"), "{}", refusal("no/a.png"));
        assert!(check_picture_beside(&at("no/a.png"), &at("no")).is_ok());
        assert!(check_picture_beside(&at("no/a.bmp"), &at("no")).is_err());
        assert!(check_picture_beside(&at("other/a.png"), &at("no")).is_err());
    }
}
