//! Names of images as bytes: from a name to the path of a file, or of a container and the name of an entry in
//! it.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::films::time_of;
use super::sniff;

/// `container#entry` at each `#`, from the right.
pub(super) fn splits(name: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let at = name.iter().enumerate().rev().filter(|(at, byte)| **byte == b'#' && *at > 0);
    at.map(|(at, _)| (&name[..at], &name[at + 1..]))
}

/// The name of the folder that a file lies in, which is its label.
pub(super) fn folder_name(path: &Path) -> Option<Cow<'_, str>> {
    path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy())
}

/// The file of which `name` is one picture of several, `a.gif` of `a.gif#2` or `film.mp4` of
/// `film.mp4#00:01:02`; none for other images and for entries of containers, as far as names tell.
pub fn file_of_frame(name: &[u8]) -> Option<&[u8]> {
    let (file, frame) = splits(name).next()?;
    let is_number = !frame.is_empty() && frame.iter().all(u8::is_ascii_digit);
    let path = path_of(file);
    let is_frame = if is_number { sniff::is_image_name(&path) } else { is_time_of_film(&path, frame) };
    is_frame.then_some(file)
}

/// Whether an entry of the file at `path` is a picture of a film, as far as names tell.
pub(super) fn is_time_of_film(path: &Path, entry: &[u8]) -> bool {
    sniff::is_film_name(path) && time_of(entry).is_some()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_from_entries_of_containers() {
        for (name, file) in [
            ("a/b.gif#2", Some("a/b.gif")),
            ("a#1.tif#12", Some("a#1.tif")),
            ("a.mkv#00:00:07", Some("a.mkv")),
        ] {
            assert_eq!(file_of_frame(name.as_bytes()), file.map(str::as_bytes), "{name}");
        }
        for name in [
            "b.gif",
            "b.gif#",
            "b.gif#2x",
            "a.zip#b.gif",
            "idx3-ubyte.gz#2",
            "#2",
            "a.mkv#7",
            "a.gif#00:00:07",
        ] {
            assert_eq!(file_of_frame(name.as_bytes()), None, "{name}");
        }
    }
}
