//! Where the pixels of training images lie, or what frozen layers make of them: in memory, or in a file of
//! records of one size, one behind the other.
//!
//! The file has no name (on Unix; elsewhere it goes when it is closed), so nothing stays behind however the
//! process ends. It is written once and then read by position: what fits into the system's file cache costs
//! no disk access.

use crate::error::{Error, Result};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Images decoded at a time, at most, and the bytes they may take.
const CHUNK: (usize, usize) = (4096, 64 << 20);

/// How much memory images may take, and where they go when they are larger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Bytes of decoded images that are kept in memory.
    pub max_memory: u64,
    /// The folder of the file that takes them otherwise.
    pub folder: PathBuf,
}

impl Default for Storage {
    /// All in memory.
    fn default() -> Self {
        Storage { max_memory: u64::MAX, folder: PathBuf::from(".") }
    }
}

impl Storage {
    /// The size in bytes of the file for `n` records of `record` bytes, where they are too large for memory.
    pub fn file_bytes(&self, n: usize, record: usize) -> Option<u64> {
        let bytes = n as u64 * record as u64;
        (bytes > self.max_memory).then_some(bytes)
    }

    /// What is left of it beside `bytes` that can lie in memory alone.
    ///
    /// # Errors
    /// When memory may not hold so many; the error says `what` they are.
    pub(super) fn holding(&self, what: &str, bytes: u64) -> Result<Storage> {
        if bytes > self.max_memory {
            let (needed, most) = (bytes.div_ceil(1_000_000), self.max_memory / 1_000_000);
            let what = format!("{what}: expected at most {most} MB, got {needed} MB");
            return Err(Error::too_large(what).with_hint("train on fewer images, or raise `max_memory`"));
        }
        Ok(self.beside(bytes))
    }

    /// What is left of it when other images already take `memory_bytes`.
    #[must_use]
    pub fn beside(&self, memory_bytes: u64) -> Storage {
        Storage { max_memory: self.max_memory.saturating_sub(memory_bytes), ..self.clone() }
    }
}

/// How many images of `size` bytes to decode at a time.
pub(super) fn chunk(size: usize) -> usize {
    let (images, bytes) = CHUNK;
    (bytes / size.max(1)).clamp(1, images)
}

/// Pixels of images of one size, u8.
#[derive(Debug)]
pub(super) enum Store {
    Memory(Vec<u8>),
    Disk {
        file: File,
        /// Where it lies, for messages.
        folder: PathBuf,
    },
}

impl Store {
    /// The record at `at`, `size` bytes long.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn record(&self, at: usize, size: usize) -> Result<Cow<'_, [u8]>> {
        match self {
            Store::Memory(bytes) => Ok(Cow::Borrowed(&bytes[at * size..][..size])),
            Store::Disk { file, folder } => {
                let mut record = vec![0; size];
                let offset = at as u64 * size as u64;
                read_at(file, &mut record, offset).map_err(|e| Error::io(folder, e))?;
                Ok(Cow::Owned(record))
            }
        }
    }

    /// What is held in memory.
    pub(super) fn memory_bytes(&self) -> u64 {
        match self {
            Store::Memory(bytes) => bytes.len() as u64,
            Store::Disk { .. } => 0,
        }
    }
}

/// A store that is being filled.
pub(super) enum Filling {
    Memory(Vec<u8>),
    Disk { file: BufWriter<File>, folder: PathBuf, needed: Space },
}

/// What goes into a file, for messages.
#[derive(Clone, Copy)]
pub(super) struct Space {
    what: &'static str,
    bytes: u64,
}

impl Filling {
    /// For `n` records of `record` bytes; messages call them `what`.
    ///
    /// # Errors
    /// When there can be no file in the folder.
    pub(super) fn new(storage: &Storage, (n, record): (usize, usize), what: &'static str) -> Result<Self> {
        let Some(bytes) = storage.file_bytes(n, record) else { return Ok(Filling::Memory(vec![])) };
        let folder = storage.folder.clone();
        let file = tempfile::tempfile_in(&folder).map_err(|e| Error::io(&folder, e))?;
        let needed = Space { what, bytes };
        Ok(Filling::Disk { file: BufWriter::with_capacity(1 << 20, file), folder, needed })
    }

    /// Appends whole records.
    ///
    /// # Errors
    /// When they cannot be written; for a full disk the error says how much is needed.
    pub(super) fn extend(&mut self, records: &[u8]) -> Result<()> {
        match self {
            Filling::Memory(bytes) => bytes.extend_from_slice(records),
            Filling::Disk { file, folder, needed } => {
                file.write_all(records).map_err(|e| refused(folder, *needed, e))?;
            }
        }
        Ok(())
    }

    /// The filled store.
    ///
    /// # Errors
    /// As [`Filling::extend`].
    pub(super) fn finish(self) -> Result<Store> {
        match self {
            Filling::Memory(bytes) => Ok(Store::Memory(bytes)),
            Filling::Disk { file, folder, needed } => match file.into_inner() {
                Ok(file) => Ok(Store::Disk { file, folder }),
                Err(e) => Err(refused(&folder, needed, e.into_error())),
            },
        }
    }
}

/// A write that failed.
fn refused(folder: &Path, needed: Space, error: io::Error) -> Error {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    if !matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
        return Error::io(folder, error);
    }
    let (what, mb) = (needed.what, needed.bytes.div_ceil(1_000_000));
    let what = format!("{}: {what}: expected {mb} MB of free space, got a full disk", folder.display());
    Error::too_large(what)
        .with_hint("free some space, train on fewer or smaller images, or raise `max_memory`")
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[n..];
        offset += n as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 6;

    fn filled(max_memory: u64, folder: &Path) -> Store {
        let storage = Storage { max_memory, folder: folder.to_path_buf() };
        let mut filling = Filling::new(&storage, (4, SIZE), "records").unwrap();
        filling.extend(&(0..12).collect::<Vec<u8>>()).unwrap();
        filling.extend(&(12..24).collect::<Vec<u8>>()).unwrap();
        filling.finish().unwrap()
    }

    #[test]
    fn records_are_the_same_wherever_they_lie() {
        let dir = tempfile::tempdir().unwrap();
        let [memory, disk] = [24, 23].map(|max| filled(max, dir.path()));
        assert_eq!((memory.memory_bytes(), disk.memory_bytes()), (24, 0));
        for at in [3, 0, 2, 1] {
            let expected: Vec<u8> = (6 * at as u8..6 * at as u8 + 6).collect();
            for store in [&memory, &disk] {
                assert_eq!(store.record(at, 6).unwrap(), expected);
            }
        }
        assert!(disk.record(4, 6).unwrap_err().to_string().starts_with(&dir.path().display().to_string()));
        #[cfg(unix)]
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the file has a name");
    }

    #[test]
    fn a_full_disk_is_told_with_what_is_needed() {
        let folder = Path::new("models/mine");
        let needed = Space { what: "outputs of frozen layers", bytes: 2_500_001 };
        let error = refused(folder, needed, io::ErrorKind::StorageFull.into());
        assert_eq!(
            error.to_string(),
            "models/mine: outputs of frozen layers: expected 3 MB of free space, got a full disk"
        );
        assert!(error.hint().is_some());
        assert!(matches!(refused(folder, needed, io::ErrorKind::PermissionDenied.into()), Error::Io { .. }));
        let nowhere = Storage { max_memory: 0, folder: "no/such/folder".into() };
        let error = Filling::new(&nowhere, (1, SIZE), "records").err().unwrap();
        assert!(error.to_string().starts_with("no/such/folder: "), "{error}");
    }

    #[test]
    fn what_can_lie_in_memory_alone_takes_its_share_of_it() {
        let storage = Storage { max_memory: 5_000_000, folder: ".".into() };
        assert_eq!(storage.holding("features", 2_000_000).unwrap().max_memory, 3_000_000);
        let error = storage.holding("features", 5_000_001).unwrap_err();
        assert_eq!(error.to_string(), "features: expected at most 5 MB, got 6 MB");
    }

    #[test]
    fn what_is_decoded_at_a_time_is_bounded() {
        assert_eq!([1, 784, 3 << 20, 1 << 30].map(chunk), [4096, 4096, 21, 1]);
    }
}
