//! The file of a container: read by position, and closed between two reads.
//!
//! Ten thousand archives may be containers at once, more than a system has file handles. So every read opens
//! the file again, and checks that it is still the one that was listed: same size, same time of change.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::Arc;

use crate::images::plain_file::{io_reason, mtime_ns, open_file};

/// Smallest and largest read of a [`Window`], in bytes: small after a jump, larger as reading goes on.
const READS: [usize; 2] = [1 << 12, 1 << 16];

/// A file as it was when it was first opened. Clones share the path.
#[derive(Debug, Clone)]
pub(super) struct FileAt {
    path: Arc<Path>,
    len: u64,
    mtime_ns: i64,
}

impl FileAt {
    /// Opens the file, and notes its size and time of change.
    ///
    /// # Errors
    /// The reason why it cannot be opened.
    pub(super) fn new(path: &Path) -> Result<Self, String> {
        FileAt::open(path).map_err(io_reason)
    }

    /// As [`FileAt::new`], with the system's own error.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let (_, metadata) = open_file(path)?;
        Ok(FileAt { path: path.into(), len: metadata.len(), mtime_ns: mtime_ns(&metadata) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes and time of change, as [`Item::quick_stamp`](crate::images::Item::quick_stamp).
    pub(super) fn stamp(&self) -> (u64, i64) {
        (self.len, self.mtime_ns)
    }

    /// Fills `buffer` from the bytes at `offset`.
    pub(super) fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let (file, metadata) = open_file(&self.path)?;
        if (metadata.len(), mtime_ns(&metadata)) != self.stamp() {
            return Err(io::Error::other("the container has changed since it was listed"));
        }
        read_exact_at(file, offset, buffer)
    }

    /// The `len` bytes at `offset`.
    pub(super) fn read_at(&self, offset: u64, len: u64) -> io::Result<Vec<u8>> {
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = zeroed(len)?;
        self.read_exact_at(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// The bytes from `offset` on, as a stream.
    pub(super) fn from(&self, offset: u64) -> Window {
        self.window(offset, self.len.saturating_sub(offset))
    }

    /// At most `len` bytes from `offset` on, as a stream.
    pub(super) fn window(&self, offset: u64, len: u64) -> Window {
        let end = offset.saturating_add(len).min(self.len);
        Window { file: self.clone(), at: offset, end, buffer: Vec::new(), used: 0, next_read: READS[0] }
    }
}

/// A buffer of zeros, or an error where there is no memory for it.
pub(super) fn zeroed(len: u64) -> io::Result<Vec<u8>> {
    let no_memory = || io::Error::new(io::ErrorKind::OutOfMemory, format!("no memory for {len} bytes"));
    let len = usize::try_from(len).map_err(|_| no_memory())?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| no_memory())?;
    bytes.resize(len, 0);
    Ok(bytes)
}

#[cfg(unix)]
fn read_exact_at(file: File, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(&file, buffer, offset)
}

#[cfg(not(unix))]
fn read_exact_at(mut file: File, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    // the handle belongs to this read alone, so nothing else moves its position
    io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
    file.read_exact(buffer)
}

/// A part of a file as a buffered stream.
pub(super) struct Window {
    file: FileAt,
    /// Where the next read starts in the file; the buffer holds the bytes before it.
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were consumed.
    used: usize,
    next_read: usize,
}

impl Window {
    /// The position of the stream, in bytes of the file.
    pub(super) fn position(&self) -> u64 {
        self.at - (self.buffer.len() - self.used) as u64
    }

    /// Where the stream ends, in bytes of the file.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Continues at `position`; beyond the end there is nothing to read.
    pub(super) fn jump(&mut self, position: u64) {
        let start = self.at - self.buffer.len() as u64;
        if (start..=self.at).contains(&position) {
            self.used = (position - start) as usize;
        } else {
            (self.at, self.used, self.next_read) = (position, 0, READS[0]);
            self.buffer.clear();
        }
    }
}

impl BufRead for Window {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.buffer.len() {
            let len = self.end.saturating_sub(self.at).min(self.next_read as u64);
            self.buffer.resize(len as usize, 0);
            self.used = self.buffer.len(); // none of it counts if the read fails
            if len > 0 {
                self.file.read_exact_at(self.at, &mut self.buffer)?;
            }
            self.used = 0;
            self.at += len;
            self.next_read = (self.next_read * 2).min(READS[1]);
        }
        Ok(&self.buffer[self.used..])
    }

    fn consume(&mut self, amount: usize) {
        self.used = (self.used + amount).min(self.buffer.len());
    }
}

impl Read for Window {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(out)?;
        self.consume(n);
        Ok(n)
    }
}

impl io::Seek for Window {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let position = match to {
            io::SeekFrom::Start(position) => Some(position),
            io::SeekFrom::End(by) => self.end.checked_add_signed(by),
            io::SeekFrom::Current(by) => self.position().checked_add_signed(by),
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        self.jump(position);
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_read_jump_and_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bytes");
        let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
        std::fs::write(&path, &bytes).unwrap();
        let file = FileAt::new(&path).unwrap();
        let mut all = Vec::new();
        file.from(0).read_to_end(&mut all).unwrap();
        assert!(all == bytes);
        let mut window = file.window(10, 100_000);
        for position in [5, 70_000, 10, 12, 3_000, 100_009, 100_010, 300_000] {
            window.jump(position);
            assert_eq!(window.position(), position);
            let mut byte = [0];
            let n = window.read(&mut byte).unwrap();
            assert_eq!(n, usize::from(position < 100_010), "{position}");
            assert!(n == 0 || byte[0] == bytes[position as usize]);
        }
        assert!(file.read_at(199_999, 2).is_err() && file.read_at(u64::MAX, 2).is_err());
    }

    #[test]
    fn a_file_that_changed_is_not_read_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bytes");
        std::fs::write(&path, [1; 10]).unwrap();
        let file = FileAt::new(&path).unwrap();
        std::fs::write(&path, [2; 11]).unwrap();
        assert!(file.read_at(0, 4).unwrap_err().to_string().contains("has changed"));
    }
}
