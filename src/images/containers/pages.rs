//! How the crate `parquet` reads: a file by position, with the header of every page checked before the crate
//! sees it.
//!
//! The header of a page may claim any size and any number of values, for which the crate would allocate
//! memory at once; and it unpacks a page packed by gzip to its end, whatever the header claims. Both are
//! checked here, where the bytes pass through.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::file::{FileAt, Window};
use super::skips::MAX_ENTRIES;
use super::stream::{BOMB, bomb_reason, is_bomb};

/// How many bytes of a header are examined; what matters is at the start.
const HEAD: usize = 128;

/// The footer and what it describes.
pub(super) struct Footer(pub(super) FileAt);

impl Length for Footer {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for Footer {
    type T = Window;

    fn get_read(&self, start: u64) -> Result<Window, ParquetError> {
        Ok(self.0.from(start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        Ok(self.0.read_at(start, length as u64)?.into())
    }
}

/// The pages of one column.
pub(super) struct Pages {
    file: FileAt,
    is_gzip: bool,
    headers: Headers,
}

/// The headers that were read, by their position: the crate may read several before it asks for the bytes of
/// a page.
type Headers = Arc<Mutex<BTreeMap<u64, PageHeader>>>;

impl Pages {
    pub(super) fn new(file: FileAt, is_gzip: bool) -> Self {
        Pages { file, is_gzip, headers: Headers::default() }
    }
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.file.len()
    }
}

impl ChunkReader for Pages {
    type T = HeaderReader;

    /// The crate calls this to read the header of a page, and for nothing else; it does not read all of them.
    fn get_read(&self, start: u64) -> Result<HeaderReader, ParquetError> {
        Ok(HeaderReader { window: self.file.from(start), headers: self.headers.clone(), is_checked: false })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.file.read_at(start, length as u64)?;
        if self.is_gzip {
            let headers = self.headers.lock().unwrap_or_else(PoisonError::into_inner);
            let header = headers.range(..start).next_back().map(|(_, header)| *header).unwrap_or_default();
            drop(headers);
            let packed = bytes.get(header.levels as usize..).unwrap_or_default();
            let mut unpacked = MultiGzDecoder::new(packed).take(header.unpacked + 1);
            // if it is damaged or not packed at all, the crate will notice
            if io::copy(&mut unpacked, &mut io::sink()).is_ok_and(|n| n > header.unpacked) {
                return Err(io::Error::other("damaged: a page unpacks to more than it claims").into());
            }
        }
        Ok(bytes.into())
    }
}

/// A stream that begins with the header of a page, which is checked before its first byte is passed on.
pub(super) struct HeaderReader {
    window: Window,
    headers: Headers,
    is_checked: bool,
}

impl Read for HeaderReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if !self.is_checked {
            let head = self.window.fill_buf()?;
            let header = PageHeader::parse(&head[..head.len().min(HEAD)]);
            let header = header.ok_or_else(|| io::Error::other("damaged: a page without a header"))?;
            header.check()?;
            let start = self.window.position();
            self.headers.lock().unwrap_or_else(PoisonError::into_inner).insert(start, header);
            self.is_checked = true;
        }
        self.window.read(out)
    }
}

/// What a page claims.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct PageHeader {
    unpacked: u64,
    packed: u64,
    n_values: u64,
    /// Bytes at the start that are never packed.
    levels: u64,
}

impl PageHeader {
    /// Reads the first fields of a header in Thrift's compact protocol: type, two sizes, perhaps a checksum,
    /// then a struct that begins with the number of values.
    fn parse(mut head: &[u8]) -> Option<PageHeader> {
        /// A field of type i32 that follows the one before it.
        const I32: u8 = 0x15;
        let mut next_i32 = || {
            let mut fields = [I32; 1];
            head.read_exact(&mut fields).ok().filter(|()| fields == [I32])?;
            varint(&mut head)
        };
        let kind = next_i32()?;
        let (unpacked, packed) = (next_i32()?, next_i32()?);
        if head.first() == Some(&I32) {
            // a checksum, of any sign
            let end = head.iter().skip(1).position(|&byte| byte < 0x80)?;
            head = &head[end + 2..];
        }
        let (&field, rest) = head.split_first()?;
        head = rest;
        if field & 0x0f != 0x0c {
            return None;
        }
        let mut next_i32 = || {
            let (&field, rest) = head.split_first()?;
            head = rest;
            (field == I32).then(|| varint(&mut head))?
        };
        let n_values = next_i32()?;
        let mut levels = 0;
        if kind == 3 {
            // a data page of version 2: nulls, rows, encoding, then the bytes of both kinds of levels
            for _ in 0..3 {
                next_i32()?;
            }
            levels = next_i32()? + next_i32()?;
        }
        Some(PageHeader { unpacked, packed, n_values, levels })
    }

    fn check(&self) -> io::Result<()> {
        if is_bomb(self.unpacked, self.packed) {
            return Err(io::Error::new(BOMB, bomb_reason()));
        }
        if self.n_values > MAX_ENTRIES {
            return Err(io::Error::other("damaged: a page claims more values than a file may hold"));
        }
        Ok(())
    }
}

/// A number that is not negative, zigzag and in groups of 7 bits.
fn varint(head: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = head.split_first()?;
        *head = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value.is_multiple_of(2).then_some(value / 2);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_understood() {
        // data page, 300 bytes from 100, 7 values
        let head = [0x15, 0, 0x15, 0xd8, 4, 0x15, 0xc8, 1, 0x2c, 0x15, 14, 0x15, 0];
        let header = PageHeader { unpacked: 300, packed: 100, n_values: 7, levels: 0 };
        assert_eq!(PageHeader::parse(&head), Some(header));
        // version 2, with a checksum
        let head = [
            0x15, 6, 0x15, 20, 0x15, 10, 0x15, 99, 0x4c, 0x15, 14, 0x15, 0, 0x15, 14, 0x15, 0, 0x15, 8, 0x15,
            4,
        ];
        let header = PageHeader { unpacked: 10, packed: 5, n_values: 7, levels: 6 };
        // checksums may be negative
        for (checksum, expected) in [(98, Some(header)), (99, Some(header))] {
            let mut head = head;
            head[7] = checksum;
            assert_eq!(PageHeader::parse(&head), expected);
        }
        for cut in 0..head.len() {
            assert_eq!(PageHeader::parse(&head[..cut]), None, "{cut}");
        }
        assert!(PageHeader { unpacked: 1 << 31, packed: 1 << 20, ..header }.check().is_err());
        assert!(PageHeader { n_values: 1 << 30, ..header }.check().is_err());
    }
}
