//! Compressed streams, read by position: a few decoders wait at different positions.
//!
//! A read takes the decoder closest before its bytes (or starts a new one), skips forward, reads, and leaves
//! it there for the next read. Ascending reads are one pass, whichever threads make them; a jump back costs a
//! pass from the start. What unpacks to far more than its own size is refused as a bomb.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder};

use super::file::{FileAt, zeroed};

/// Up to this many unpacked bytes nothing is a bomb, and a compressed array is kept in memory.
const SMALL: u64 = 64 << 20;
/// Bytes of all arrays together that are kept in memory.
const MAX_KEPT: u64 = 128 << 20;
/// How many times its own size a larger stream may unpack to.
const MAX_RATIO: u64 = 250;
/// Most idle decoders of one container, about 110 KB each.
const MAX_CURSORS: usize = 16;

/// The kind of error that [`Capped`] ends with.
pub(super) const BOMB: io::ErrorKind = io::ErrorKind::FileTooLarge;

/// Whether `unpacked` bytes are too many to come from `packed` ones.
pub(super) fn is_bomb(unpacked: u64, packed: u64) -> bool {
    unpacked > SMALL && unpacked / MAX_RATIO > packed
}

/// The reason for a bomb.
pub(super) fn bomb_reason() -> String {
    format!("unpacks to more than {} MiB and {MAX_RATIO} times its size: refused as a bomb", SMALL >> 20)
}

/// A stream that ends with an error of kind [`BOMB`] when it turns out to be one.
pub(super) struct Capped<R> {
    stream: R,
    packed: u64,
    unpacked: u64,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.stream.read(out)?;
        self.unpacked += n as u64;
        if is_bomb(self.unpacked, self.packed) {
            return Err(io::Error::new(BOMB, bomb_reason()));
        }
        Ok(n)
    }
}

/// How the bytes of a file (or of a part of it) are packed.
#[derive(Debug, Clone)]
pub(super) enum Packed {
    /// Not at all, from this position.
    Plain(FileAt, u64),
    /// The whole file by gzip.
    Gzip(FileAt),
    /// A part of the file, by DEFLATE: start and bytes.
    Deflate(FileAt, u64, u64),
}

impl Packed {
    /// The unpacked bytes from the start.
    pub(super) fn stream(&self) -> Box<dyn Read + Send> {
        match self {
            Packed::Plain(file, start) => Box::new(file.from(*start)),
            Packed::Gzip(file) => {
                let stream = MultiGzDecoder::new(file.from(0));
                Box::new(Capped { stream, packed: file.len(), unpacked: 0 })
            }
            Packed::Deflate(file, start, len) => {
                let stream = DeflateDecoder::new(file.window(*start, *len));
                Box::new(Capped { stream, packed: *len, unpacked: 0 })
            }
        }
    }
}

/// Bytes of arrays that this process keeps in memory.
static KEPT: AtomicU64 = AtomicU64::new(0);

/// Permission to keep some bytes in memory, returned on drop.
pub(super) struct Keep {
    of: &'static AtomicU64,
    bytes: u64,
}

impl Keep {
    /// Permission to keep an array of `bytes`; none if it is too large, or too much is kept already.
    pub(super) fn take(bytes: u64) -> Option<Keep> {
        if bytes <= SMALL { Keep::take_of(&KEPT, bytes) } else { None }
    }

    fn take_of(of: &'static AtomicU64, bytes: u64) -> Option<Keep> {
        let more = |kept: u64| kept.checked_add(bytes).filter(|kept| *kept <= MAX_KEPT);
        of.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Keep { of, bytes })
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Unpacked bytes, read by position.
pub(super) enum Content {
    /// Kept in memory, by permission.
    Memory(Vec<u8>, #[expect(dead_code, reason = "it is there to be dropped")] Keep),
    /// In a file as they are, from a position.
    File(FileAt, u64),
    /// Unpacked again when they are asked for.
    Stream { packed: Packed, end: u64, cursors: Pool<Box<dyn Read + Send>> },
}

impl Content {
    /// Content that is not kept in memory; no byte at or after `end` will be asked for.
    pub(super) fn new(packed: Packed, end: u64) -> Self {
        match packed {
            Packed::Plain(file, start) => Content::File(file, start),
            packed => Content::Stream { packed, end, cursors: Pool::new(MAX_CURSORS) },
        }
    }

    /// The `len` bytes at `offset`.
    pub(super) fn read_at(&self, offset: u64, len: u64) -> io::Result<Vec<u8>> {
        match self {
            Content::Memory(bytes, _) => {
                let end = offset.checked_add(len).and_then(|end| usize::try_from(end).ok());
                let part = end.and_then(|end| bytes.get(offset as usize..end));
                part.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
            Content::File(file, start) => {
                file.read_at(start.checked_add(offset).ok_or(io::ErrorKind::UnexpectedEof)?, len)
            }
            Content::Stream { packed, end, cursors } => {
                let (mut at, mut stream) = cursors.take(0, offset).unwrap_or_else(|| (0, packed.stream()));
                skip(&mut stream, offset - at)?;
                let mut bytes = zeroed(len)?;
                stream.read_exact(&mut bytes)?;
                at = offset + len;
                if at < *end {
                    cursors.put(at, stream);
                }
                Ok(bytes)
            }
        }
    }

    /// Whether reading in order is much cheaper than in any other order.
    pub(super) fn in_sequence(&self) -> bool {
        matches!(self, Content::Stream { .. })
    }
}

/// Reads `n` bytes and drops them.
pub(super) fn skip(stream: &mut dyn Read, n: u64) -> io::Result<()> {
    if io::copy(&mut stream.take(n), &mut io::sink())? < n {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// A few idle readers at their positions, the least recently used first.
pub(super) struct Pool<T> {
    idle: Mutex<Vec<(u64, T)>>,
    most: usize,
}

impl<T> Pool<T> {
    /// An empty pool for `most` readers.
    pub(super) fn new(most: usize) -> Self {
        Pool { idle: Mutex::new(Vec::new()), most }
    }

    /// The reader closest before `position` (or at it), but not before `floor`; and its position.
    pub(super) fn take(&self, floor: u64, position: u64) -> Option<(u64, T)> {
        let mut idle = self.lock();
        let fits = idle.iter().enumerate().filter(|(_, (at, _))| (floor..=position).contains(at));
        let (best, _) = fits.max_by_key(|(_, (at, _))| *at)?;
        Some(idle.remove(best))
    }

    /// Returns a reader, which is at `position`.
    pub(super) fn put(&self, position: u64, reader: T) {
        let mut idle = self.lock();
        if idle.len() >= self.most {
            idle.remove(0);
        }
        idle.push((position, reader));
    }

    /// Gives up all readers.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// A panic elsewhere cannot leave the list half-changed.
    fn lock(&self) -> MutexGuard<'_, Vec<(u64, T)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn threads_in_any_order_read_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bytes.gz");
        let bytes: Vec<u8> = (0..400_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        std::fs::write(&path, gzip(&bytes)).unwrap();
        let packed = Packed::Gzip(FileAt::new(&path).unwrap());
        let content = Content::new(packed, bytes.len() as u64);
        assert!(content.in_sequence());
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let (content, bytes) = (&content, &bytes);
                scope.spawn(move || {
                    for i in 0..40 {
                        // one goes forward, one back, two jump
                        let step = [i, 39 - i, i * 7 % 40, i * 11 % 40][thread as usize];
                        let (at, len) = (step * 9_999, 10_000);
                        let read = content.read_at(at, len).unwrap();
                        assert!(read == bytes[at as usize..][..len as usize], "{thread} {i}");
                    }
                });
            }
        });
        assert!(content.read_at(399_999, 2).is_err());
        let Content::Stream { cursors, .. } = &content else { panic!("a stream") };
        assert!((1..=MAX_CURSORS).contains(&cursors.lock().len()));
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        static KEPT: AtomicU64 = AtomicU64::new(0);
        let half = Keep::take_of(&KEPT, MAX_KEPT / 2).unwrap();
        let rest = Keep::take_of(&KEPT, MAX_KEPT / 2).unwrap();
        assert!(Keep::take_of(&KEPT, 1).is_none() && Keep::take_of(&KEPT, u64::MAX).is_none());
        drop(half);
        assert!(Keep::take_of(&KEPT, 1).is_some());
        drop(rest);
        assert_eq!(KEPT.load(Ordering::Relaxed), 0);
        assert!(Keep::take(SMALL + 1).is_none());
    }

    #[test]
    fn bombs_end_early() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("zeros.gz");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; 80 << 20]).unwrap();
        std::fs::write(&path, encoder.finish().unwrap()).unwrap();
        let mut stream = Packed::Gzip(FileAt::new(&path).unwrap()).stream();
        let error = io::copy(&mut stream, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), BOMB);
        assert!(!is_bomb(SMALL, 1) && !is_bomb(SMALL * 2, SMALL) && is_bomb(SMALL + 250, 1));
    }
}
