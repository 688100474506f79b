//! Names of images as bytes: from a name to the path of a file, or of a container and the name of an entry in
//! it.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::films::time_of;
use super::sniff;
use crate::cloud;

/// `container#entry` at each `#`, from the right.
pub(super) fn splits(name: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let at = name.iter().enumerate().rev().filter(|(at, byte)| **byte == b'#' && *at > 0);
    at.map(|(at, _)| (&name[..at], &name[at + 1..]))
}

/// The name of the folder that a file lies in, which is its label.
pub(super) fn folder_name(path: &Path) -> Option<Cow<'_, str>> {
    path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy())
}

/// Whether an entry of the file at `path` is a picture of a film, as far as names tell.
pub(super) fn is_time_of_film(path: &Path, entry: &[u8]) -> bool {
    sniff::is_film_name(path) && time_of(entry).is_some()
}

/// Whether this is the URL of a bucket, a prefix or an object, as `s3://bucket/photos`, rather than a path.
pub fn is_url(path: &Path) -> bool {
    cloud::is_url(path.as_os_str().as_encoded_bytes())
}

/// The path that these bytes are.
#[cfg(unix)]
pub fn path_of(name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(name))
}

/// The path that these bytes are; what is not UTF-8 is lost.
#[cfg(not(unix))]
pub fn path_of(name: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_films_have_times_for_names() {
        let is_time = |path: &str, entry: &str| is_time_of_film(Path::new(path), entry.as_bytes());
        assert!(is_time("a.mkv", "00:00:07"));
        assert!(!is_time("a.mkv", "7") && !is_time("a.gif", "00:00:07"));
    }
}
