//! Paths from a list: one per line, or each ended by a zero byte, as `find -print0` writes them.
//!
//! On Unix a path may be any bytes, UTF-8 or not.

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
    let lines = bytes.split(|&byte| byte == end);
    // editors on Windows end lines with two bytes
    let strip = cfg!(windows) && !null_separated;
    let lines = lines.map(|line| line.strip_suffix(b"\r").filter(|_| strip).unwrap_or(line));
    Ok(lines.filter(|line| !line.is_empty()).map(super::names::path_of).collect())
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

    #[cfg(unix)]
    #[test]
    fn every_byte_is_kept() {
        use std::os::unix::ffi::OsStrExt;
        let paths = from_list(&b"\xff\r \n"[..], false).unwrap();
        assert_eq!(paths[0].as_os_str().as_bytes(), b"\xff\r ");
    }
}
