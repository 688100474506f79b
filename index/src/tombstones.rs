//! Which items of a segment are deleted: one bit each, in an immutable file beside the segment.
//!
//! A commit that removes items writes a new such file; the segment stays as it is until it is merged. Shapes:
//! bit `i` at word `i / 64`, position `i % 64`, `[ceil(items / 64)]` u64; bits beyond the last item are zero.

use std::io::{BufWriter, Write};
use std::path::Path;

use crate::error::Result;
use crate::frame::Frame;
use crate::layout::{Header, Kind, Shape, TOMBSTONES_MAGIC};
use crate::map::{Access, Map, Span, bytes_of};
use crate::segment::{open_map, span};
use crate::storage::Storage;

/// An open tombstone file.
#[derive(Debug)]
pub(crate) struct Tombstones {
    pub(crate) header: Header,
    pub(crate) map: Map,
    words: Span<u64>,
}

impl Tombstones {
    /// Opens the tombstone file at `path`, of `bytes` bytes, and checks its frame.
    pub(crate) fn open(path: &Path, access: Access, bytes: u64) -> Result<Self> {
        let map = open_map(path, access, bytes)?;
        let read = || {
            let header = Header::parse(&map, TOMBSTONES_MAGIC)?;
            let words = u64::from(header.shape.items.div_ceil(64));
            let words = span(&map, &header, Kind::Tombstones, Some(words))?;
            Ok((header, words))
        };
        let (header, words) = read().map_err(|fault: crate::layout::Fault| fault.at(path))?;
        Ok(Tombstones { header, map, words })
    }

    /// One bit per item of the segment.
    pub(crate) fn words(&self) -> &[u64] {
        self.map.get(&self.words)
    }
}

/// Writes and syncs a tombstone file for a segment of `shape`. Returns its length in bytes.
pub(crate) fn write(
    path: &Path,
    words: &[u64],
    shape: &Shape,
    storage: &dyn Storage,
) -> std::io::Result<u64> {
    let mut frame = Frame::start(BufWriter::new(storage.create(path)?), 1)?;
    frame.section(Kind::Tombstones, |out: &mut dyn Write| out.write_all(bytes_of(words)))?;
    let (out, bytes) = frame.finish(TOMBSTONES_MAGIC, shape)?;
    storage.sync(path, out.get_ref())?;
    Ok(bytes)
}

/// True when bit `item` of `words` is set; items beyond them are alive.
#[inline]
pub(crate) fn is_dead(words: &[u64], item: u32) -> bool {
    words.get(item as usize / 64).is_some_and(|word| word >> (item % 64) & 1 == 1)
}
