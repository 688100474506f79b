//! Checks that a file is still the expected one: size, modification time, BLAKE3, and that it is a file and
//! not a link.
//!
//! Nothing here changes anything. If a file is not as expected, the reason is text that can be shown to
//! people.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::images::{self, Limits, file_of, resolve, stamp_file};

/// What a file should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Expected {
    /// In bytes.
    pub(super) size: u64,
    /// Modification time, in nanoseconds since 1970.
    pub(super) mtime_ns: i64,
    /// BLAKE3, hex.
    pub(super) hash: String,
}

/// A file as it was when all of it was read.
#[derive(Debug, Clone)]
pub(super) struct Inspection {
    /// Of the file, or of the container that holds the entry.
    pub(super) metadata: Metadata,
    #[cfg_attr(not(unix), expect(dead_code))]
    at: SystemTime,
}

/// The file that is kept.
#[derive(Debug, Clone)]
pub(super) struct Keeper {
    /// Its absolute path; for an entry, with the entry's name.
    pub(super) path: PathBuf,
    /// Whether it is an entry of a container.
    pub(super) entry: bool,
    pub(super) expected: Expected,
}

/// Reads the file at `path`, which must not be a link.
///
/// # Errors
/// The difference from what is expected.
pub(super) fn inspect(path: &Path, expected: &Expected) -> Result<Inspection, String> {
    let at = SystemTime::now();
    let before = plain(path)?;
    if before.len() != expected.size {
        return Err(format!("its size: expected {} bytes, got {}", expected.size, before.len()));
    }
    let stamp = stamp_file(path)?;
    differs(&stamp, expected)?;
    let metadata = plain(path)?;
    if !same_file(path, &before, path, &metadata) {
        return Err("it was replaced while it was being read".to_owned());
    }
    Ok(Inspection { metadata, at })
}

fn differs(stamp: &images::Stamp, expected: &Expected) -> Result<(), String> {
    if stamp.size != expected.size {
        return Err(format!("its size: expected {} bytes, got {}", expected.size, stamp.size));
    }
    if !hex(&stamp.hash).eq_ignore_ascii_case(&expected.hash) {
        return Err("its bytes have changed since the scan".to_owned());
    }
    if stamp.mtime_ns != expected.mtime_ns {
        let [expected, got] = [expected.mtime_ns, stamp.mtime_ns].map(|ns| ns as f64 / 1e9);
        return Err(format!("its modification time: expected {expected:.3} s since 1970, got {got:.3}"));
    }
    Ok(())
}

/// The metadata of what is at `path` itself, which must be a file.
pub(super) fn plain(path: &Path) -> Result<Metadata, String> {
    let metadata = fs::symlink_metadata(path).map_err(|error| match is_missing(&error) {
        true => "it is gone".to_owned(),
        false => error.to_string(),
    })?;
    match metadata.file_type() {
        kind if kind.is_symlink() => Err("it is a symbolic link, not a file of its own".to_owned()),
        kind if !kind.is_file() => Err("it is not a regular file".to_owned()),
        _ => Ok(metadata),
    }
}

/// Whether there is anything at `path`, even a dangling link.
pub(super) fn is_there(path: &Path) -> bool {
    !matches!(fs::symlink_metadata(path), Err(error) if is_missing(&error))
}

/// Whether the error says that nothing is there. Other errors do not say whether there is something.
pub(super) fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// Whether there is a file at `path`, not a link, with these bytes.
pub(super) fn has_bytes(path: &Path, expected: &Expected) -> bool {
    plain(path).is_ok_and(|metadata| metadata.len() == expected.size) && holds_bytes(path, expected)
}

/// Whether `path` leads to these bytes, directly or through a link.
pub(super) fn holds_bytes(path: &Path, expected: &Expected) -> bool {
    stamp_file(path).is_ok_and(|stamp| {
        stamp.size == expected.size && hex(&stamp.hash).eq_ignore_ascii_case(&expected.hash)
    })
}

/// Whether two paths are names of one file.
#[cfg(unix)]
pub(super) fn same_file(_: &Path, a: &Metadata, _: &Path, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Whether two paths are names of one file; hard links are not recognised on this system.
#[cfg(not(unix))]
pub(super) fn same_file(a: &Path, _: &Metadata, b: &Path, _: &Metadata) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Whether a file has no other name, as far as the system tells.
pub(super) fn is_only_name(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::nlink(metadata) <= 1;
    #[cfg(not(unix))]
    return metadata.is_file();
}

/// The permission bits, if the system has any.
pub(super) fn mode(metadata: &Metadata) -> Option<u32> {
    #[cfg(unix)]
    return Some(std::os::unix::fs::MetadataExt::mode(metadata) & 0o7777);
    #[cfg(not(unix))]
    return metadata.permissions().readonly().then_some(0o444);
}

pub(super) fn hex(hash: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Keeper {
    /// Reads the keeper; `other` is the file that goes, at `other_path`.
    ///
    /// # Errors
    /// Why the other file must not go.
    pub(super) fn inspect(&self, other_path: &Path, other: &Metadata) -> Result<Inspection, String> {
        let (inspection, file) = if self.entry { self.inspect_entry() } else { self.inspect_file() }
            .map_err(|reason| self.reason(&reason))?;
        if same_file(&file, &inspection.metadata, other_path, other) {
            return Err(self.reason("it is the same file under another name"));
        }
        Ok(inspection)
    }

    /// Checks quickly that it is as at the last inspection; reads it again only if its times do not prove it.
    ///
    /// # Errors
    /// The difference.
    pub(super) fn still(&self, last: &Inspection) -> Result<(), String> {
        let file = if self.entry { file_of(self.name(), Path::new("")) } else { Some(self.path.clone()) };
        let now = file.ok_or("it is gone".to_owned()).and_then(|file| plain(&file));
        match now {
            Ok(now) if last.is_same(&now) => Ok(()),
            Ok(_) if self.entry => self.inspect_entry().map(|_| ()).map_err(|reason| self.reason(&reason)),
            Ok(_) => self.inspect_file().map(|_| ()).map_err(|reason| self.reason(&reason)),
            Err(reason) => Err(self.reason(&reason)),
        }
    }

    fn reason(&self, reason: &str) -> String {
        format!("the file that is kept, {}: {reason}", self.path.display())
    }

    fn name(&self) -> &[u8] {
        self.path.as_os_str().as_encoded_bytes()
    }

    fn inspect_file(&self) -> Result<(Inspection, PathBuf), String> {
        Ok((inspect(&self.path, &self.expected)?, self.path.clone()))
    }

    fn inspect_entry(&self) -> Result<(Inspection, PathBuf), String> {
        let at = SystemTime::now();
        let item = resolve([self.name()], Path::new("")).remove(0)?;
        if item.is_frame() {
            return Err("it is only one picture of another file".to_owned());
        }
        differs(&images::read(&item, &Limits::default())?.stamp(), &self.expected)?;
        let file = file_of(self.name(), Path::new("")).ok_or("its container is gone")?;
        let metadata = fs::metadata(&file).map_err(|error| error.to_string())?;
        Ok((Inspection { metadata, at }, file))
    }
}

impl Inspection {
    /// Whether `now` is the same file, unchanged since. A file that was changed shortly before it was read
    /// may have been changed again within the same tick of the file system's clock, so its times prove
    /// nothing.
    #[cfg(unix)]
    fn is_same(&self, now: &Metadata) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        const TICK_S: u64 = 2;
        let facts =
            |m: &Metadata| (m.dev(), m.ino(), m.size(), m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec());
        let read_s = self.at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let is_old = u64::try_from(now.ctime()).is_ok_and(|changed_s| changed_s + TICK_S < read_s);
        is_old && facts(&self.metadata) == facts(now)
    }

    /// There is no time here that nobody can set, so the file is read again.
    #[cfg(not(unix))]
    fn is_same(&self, _now: &Metadata) -> bool {
        false
    }
}
