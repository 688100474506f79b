//! Paths from a list: one per line, or each ended by a zero byte, as `find -print0` writes them.
//!
//! On Unix a path may be any bytes, UTF-8 or not. Lists that programs on Windows write are read everywhere.

use std::io::Read;
use std::path::PathBuf;

use crate::{Error, Result};

/// The paths in a list, without empty ones.
///
/// # Errors
/// The list cannot be read.
pub fn from_list(mut reader: impl Read, null_separated: bool) -> Result<Vec<PathBuf>> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|error| Error::invalid(format!("list of files: {error}")))?;
    let end = if null_separated { 0 } else { b'\n' };
    let lines = || without_mark(&bytes).split(|&byte| byte == end);
    // Editors on Windows end lines with two bytes. On Unix a name may end with the first of them, but not all do.
    let ended = lines().count() - 1;
    let strip = !null_separated && (cfg!(windows) || lines().take(ended).all(|line| line.ends_with(b"\r")));
    let lines = lines().map(|line| line.strip_suffix(b"\r").filter(|_| strip).unwrap_or(line));
    Ok(lines.filter(|line| !line.is_empty()).map(super::names::path_of).collect())
}

/// A text without the mark of UTF-8 that programs on Windows put in front.
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_zero_bytes() {
        let paths = |bytes: &[u8], null_separated| from_list(bytes, null_separated).unwrap();
        assert_eq!(paths(b"a.png\n\nb c.png", false), [PathBuf::from("a.png"), "b c.png".into()]);
        assert_eq!(paths(b"a\nb.png\0c\0\0", true), [PathBuf::from("a\nb.png"), "c".into()]);
        assert!(paths(b"", false).is_empty());
    }

    #[test]
    fn lists_from_windows() {
        let paths = |bytes: &[u8]| from_list(bytes, false).unwrap();
        let both = [PathBuf::from("a.png"), "b.png".into()];
        assert_eq!(paths(b"a.png\r\nb.png\r\n"), both);
        assert_eq!(paths(b"\xef\xbb\xbfa.png\r\n\r\nb.png"), both);
        assert_eq!(paths(b"\xef\xbb\xbfa.png\nb.png\n"), both);
    }

    #[cfg(unix)]
    #[test]
    fn every_byte_is_kept() {
        use std::os::unix::ffi::OsStrExt;
        let paths = from_list(&b"\xff\r \n"[..], false).unwrap();
        assert_eq!(paths[0].as_os_str().as_bytes(), b"\xff\r ");
    }
}
