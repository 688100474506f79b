//! The byte strings of all items of a segment: `[items + 1]` offsets into bytes.
//!
//! A piece may be as long as all bytes, so pieces that overlap, in a damaged file, could take any amount of time and
//! memory together. Offsets must rise: where each block of them begins is looked at when the segment is opened, the
//! rest of a block when one of it is first used. So opening stays quick, and a few names cost a few blocks.

use std::sync::OnceLock;

use crate::layout::{Fault, Kind};
use crate::map::{Map, Span};

/// Offsets that are looked at together.
const BLOCK: usize = 1 << 14;

/// Where the byte strings of all items lie; without offsets all are empty.
#[derive(Debug)]
pub(crate) struct Pieces {
    offsets: Span<u64>,
    bytes: Span<u8>,
    rise: Vec<OnceLock<bool>>, // whether the offsets of a block do
}

impl Pieces {
    /// All empty.
    pub(crate) fn none() -> Self {
        Pieces { offsets: Span::empty(), bytes: Span::empty(), rise: Vec::new() }
    }

    /// Pieces of `bytes` between `offsets`; `kind` is what the offsets are called.
    pub(crate) fn new(map: &Map, kind: Kind, offsets: Span<u64>, bytes: Span<u8>) -> Result<Self, Fault> {
        let (all, end) = (map.get(&offsets), map.get(&bytes).len() as u64);
        let (first, last) = (all.first().copied(), all.last().copied());
        let blocks = all.iter().step_by(BLOCK).chain(all.last());
        if (first, last) != (Some(0), Some(end)) || !blocks.is_sorted() {
            let got = format!("{} to {}", first.unwrap_or_default(), last.unwrap_or_default());
            return Err(Fault::new(kind.name(), format!("offsets that rise from 0 to {end}"), got));
        }
        let blocks = all.len().div_ceil(BLOCK);
        Ok(Pieces { offsets, bytes, rise: (0..blocks).map(|_| OnceLock::new()).collect() })
    }

    /// `[items + 1]` offsets, and the bytes; both empty if all pieces are.
    pub(crate) fn all<'a>(&self, map: &'a Map) -> (&'a [u64], &'a [u8]) {
        (map.get(&self.offsets), map.get(&self.bytes))
    }

    /// The byte string of item `i`; empty if the offsets around it are damaged.
    pub(crate) fn get<'a>(&self, map: &'a Map, i: usize) -> &'a [u8] {
        let (offsets, bytes) = self.all(map);
        let block = i / BLOCK;
        // with the first of the next block, where the last piece ends
        let rises = || offsets.iter().skip(block * BLOCK).take(BLOCK + 1).is_sorted();
        let rises = self.rise.get(block).is_some_and(|rise| *rise.get_or_init(rises));
        if rises { piece(offsets, bytes, i) } else { &[] }
    }
}

/// Byte string `i` of `bytes`, between two `offsets`; empty if these are damaged.
pub(crate) fn piece<'a>(offsets: &[u64], bytes: &'a [u8], i: usize) -> &'a [u8] {
    match offsets.get(i..i.saturating_add(2)) {
        Some(&[start, end]) => {
            let (start, end) = (usize::try_from(start), usize::try_from(end));
            start.ok().zip(end.ok()).and_then(|(start, end)| bytes.get(start..end)).unwrap_or_default()
        }
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::{Access, bytes_of};

    /// All pieces of a file of these offsets and so many bytes; none if it is refused.
    fn pieces(offsets: &[u64], bytes: usize) -> Option<Vec<usize>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, [bytes_of(offsets), &vec![7; bytes]].concat()).unwrap();
        let map = Map::open(&path, Access::Read, None).unwrap();
        let length = size_of_val(offsets) as u64;
        let spans = (map.span(0, length).unwrap(), map.span(length, bytes as u64).unwrap());
        let pieces = Pieces::new(&map, Kind::NameOffsets, spans.0, spans.1).ok()?;
        Some((0..offsets.len()).map(|i| pieces.get(&map, i).len()).collect())
    }

    #[test]
    fn all_pieces_together_are_never_longer_than_their_bytes() {
        assert_eq!(pieces(&[0, 2, 2, 5], 5), Some(vec![2, 0, 3, 0]), "the last is none");
        assert_eq!(pieces(&[0], 0), Some(vec![0]));
        for refused in [&[1, 5][..], &[0, 4], &[0, 6], &[5], &[]] {
            assert_eq!(pieces(refused, 5), None, "{refused:?}");
        }
        for items in [1, 2, 63, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 7] {
            let rising: Vec<u64> = (0..=items as u64).collect();
            assert_eq!(pieces(&rising, items).unwrap().iter().sum::<usize>(), items);
            let mut overlapping = rising.clone();
            overlapping[1..items].iter_mut().step_by(2).for_each(|at| *at = items as u64);
            overlapping[1..items].iter_mut().skip(1).step_by(2).for_each(|at| *at = 0);
            let sum = pieces(&overlapping, items).map_or(0, |pieces| pieces.iter().sum());
            assert!(sum <= items, "{items}: {sum}");
            // one block is damaged: the others are read
            let mut damaged = rising;
            damaged[items / 2] = 0;
            let sum = pieces(&damaged, items).map_or(0, |pieces| pieces.iter().sum());
            assert!(sum <= items && (items < 3 * BLOCK || sum >= items - BLOCK), "{items}: {sum}");
        }
    }
}
