//! Plain files, opened and read so that nothing waits and nothing changes unnoticed.
//!
//! Pipes, sockets and devices are refused before they are opened. A file whose size or time of change differs
//! after reading is refused as well: its bytes may be of two versions.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::limits::check_size;
use crate::error::NO_SUCH_FILE;

/// The reason why a pipe, a socket or a device is not used.
pub(super) const NO_FILE: &str = "neither a file nor a folder: not opened";

/// The bytes of a file, and its size and time of change, which were the same before and after reading.
pub(super) fn read_file(path: &Path, max_bytes: u64) -> Result<(Vec<u8>, (u64, i64)), String> {
    let (file, metadata) = open_file(path).map_err(io_reason)?;
    check_size(metadata.len(), max_bytes)?;
    let bytes = read_unchanged(file, &metadata)?;
    Ok((bytes, (metadata.len(), mtime_ns(&metadata))))
}

/// All bytes of a file whose metadata are still the same when they are read.
fn read_unchanged(mut file: File, metadata: &Metadata) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    // one more than the size, so that the read that finds the end does not grow the buffer
    let capacity =
        usize::try_from(metadata.len() + 1).map_err(|_| "file too large for this machine".to_owned())?;
    bytes.try_reserve_exact(capacity).map_err(|_| format!("no memory for {} bytes", metadata.len()))?;
    // a file that grows while it is read is not followed
    (&mut file).take(metadata.len() + 1).read_to_end(&mut bytes).map_err(io_reason)?;
    let now = file.metadata().map_err(io_reason)?;
    let is_same = now.len() == metadata.len() && mtime_ns(&now) == mtime_ns(metadata);
    if !is_same || bytes.len() as u64 != metadata.len() {
        return Err("it changed while it was read: try again".to_owned());
    }
    Ok(bytes)
}

/// The most bytes of a list or table.
const MOST_TEXT: u64 = 1 << 30;

/// The bytes of a list, table or document that a user names: a file, or what comes through a pipe. A device is
/// refused, as some never end.
pub(crate) fn read_text(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if is_device(&file.metadata()?) {
        return Err(io::Error::other("a device, not a file"));
    }
    let mut bytes = Vec::new();
    file.take(MOST_TEXT + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MOST_TEXT {
        true => Err(io::Error::other(format!("expected at most {} MiB, got more", MOST_TEXT >> 20))),
        false => Ok(bytes),
    }
}

#[cfg(unix)]
fn is_device(metadata: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = metadata.file_type();
    kind.is_char_device() || kind.is_block_device()
}

#[cfg(not(unix))]
fn is_device(_metadata: &Metadata) -> bool {
    false
}

/// Opens a plain file for reading, with its metadata. Anything else is refused: opening a pipe would wait for
/// a writer.
pub(super) fn open_file(path: &Path) -> io::Result<(File, Metadata)> {
    let file = match open_at_once(path) {
        // a plain file on which another program has a lease: the system asks it to release the file
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => File::open(path)?,
        opened => opened?,
    };
    let metadata = file.metadata()?;
    check_kind(&metadata)?;
    Ok((file, metadata))
}

/// Opens without waiting.
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
fn open_at_once(path: &Path) -> io::Result<File> {
    /// Linux's number on these machines.
    const O_NONBLOCK: i32 = 0o4000;
    let mut options = File::options();
    std::os::unix::fs::OpenOptionsExt::custom_flags(options.read(true), O_NONBLOCK).open(path)
}

/// Opens what was a plain file a moment ago.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
)))]
fn open_at_once(path: &Path) -> io::Result<File> {
    check_kind(&path.metadata()?)?;
    File::open(path)
}

fn check_kind(metadata: &Metadata) -> io::Result<()> {
    match metadata.file_type() {
        kind if kind.is_file() => Ok(()),
        kind if kind.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        _ => Err(io::Error::other(NO_FILE)),
    }
}

/// Time of change in nanoseconds since 1970; 0 where the system has none.
pub(super) fn mtime_ns(metadata: &Metadata) -> i64 {
    let nanos = |d: Duration| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX);
    metadata.modified().map_or(0, |time| match time.duration_since(UNIX_EPOCH) {
        Ok(after) => nanos(after),
        Err(before) => -nanos(before.duration()),
    })
}

/// A failed read, in the words of a reason.
pub(super) fn io_reason(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => NO_SUCH_FILE.to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::UnexpectedEof => "the file ends too early (truncated)".to_owned(),
        io::ErrorKind::IsADirectory => "a folder, not a file".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_text_may_be_a_file_or_a_pipe_but_no_device() {
        let dir = tempfile::tempdir().unwrap();
        let [file, pipe] = ["a.csv", "pipe"].map(|name| dir.path().join(name));
        std::fs::write(&file, "a,b").unwrap();
        assert_eq!(read_text(&file).unwrap(), b"a,b");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let writer = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::write(pipe, "c,d").unwrap()
        });
        assert_eq!(read_text(&pipe).unwrap(), b"c,d");
        writer.join().unwrap();
        for device in ["/dev/zero", "/dev/null"] {
            assert!(read_text(Path::new(device)).unwrap_err().to_string().contains("a device"), "{device}");
        }
        assert!(read_text(dir.path()).is_err());
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        std::fs::write(&path, b"before").unwrap();
        let metadata = path.metadata().unwrap();
        let read = || read_unchanged(open_file(&path).unwrap().0, &metadata);
        assert_eq!(read().unwrap(), b"before");
        File::options().append(true).open(&path).unwrap().write_all(b" and after").unwrap();
        assert!(read().unwrap_err().starts_with("it changed while it was read"));
        std::fs::write(&path, b"behind").unwrap();
        let later = metadata.modified().unwrap() + Duration::from_secs(2);
        File::options().append(true).open(&path).unwrap().set_modified(later).unwrap();
        assert!(read().unwrap_err().starts_with("it changed"), "of the same size, at another time");
        std::fs::write(&path, b"").unwrap();
        assert!(read().is_err());
        assert!(read_file(&path, 0).unwrap().0.is_empty());
    }
}
