//! Names of images as bytes: from a name to the path of a file, or of a container and the name of an entry in
//! it.

use std::path::PathBuf;

/// `container#entry` at each `#`, from the right.
pub(super) fn splits(name: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let at = name.iter().enumerate().rev().filter(|(at, byte)| **byte == b'#' && *at > 0);
    at.map(|(at, _)| (&name[..at], &name[at + 1..]))
}

#[cfg(unix)]
pub(super) fn path_of(name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(name))
}

#[cfg(not(unix))]
pub(super) fn path_of(name: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}
