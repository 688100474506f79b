//! Sequences in HEIC files: where the pictures of the track lie, and each as a file of one still picture.
//!
//! ```text
//! moov -> trak (hdlr: pict) -> stbl: stsd (hvc1: columns, rows, hvcC, colr), stsc, stco, stsz: where they lie
//!                           -> ftyp, meta (one item: hvcC, ispe, colr, irot), mdat
//! ```
//!
//! The decoder of still pictures tells which of them need others before them: those are not read. A track of alpha
//! planes is not applied.

use std::ops::Range;

use super::metadata::boxes;

/// Descriptions of pictures in a track that are looked at.
const MOST_ENTRIES: usize = 64;

/// One picture of a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sample {
    /// Its bytes in the file.
    pub(super) data: Range<usize>,
    /// Where the file says how it is coded.
    entry: Range<usize>,
    /// Quarter turns against the clock.
    turns: u8,
}

/// The pictures of the first track of pictures, no more than `most`, up to the damage; none where there is no such
/// track.
pub(super) fn samples(bytes: &[u8], most: usize) -> Vec<Sample> {
    let all = 0..bytes.len();
    let Some(moov) = child(bytes, all, b"moov") else { return Vec::new() };
    let tracks = children(bytes, moov).filter(|(name, _)| name == b"trak");
    let mut found = tracks.filter_map(|(_, track)| Track::of(bytes, track));
    found.next().map(|track| track.samples(most)).unwrap_or_default()
}

/// Whether a file has no still picture of its own.
pub(super) fn is_bare(bytes: &[u8]) -> bool {
    child(bytes, 0..bytes.len(), b"meta").is_none()
}

impl Sample {
    /// A file of this picture alone; none where it lacks what a decoder needs.
    pub(super) fn file(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        /// Columns and rows in the description of a picture, and where its boxes begin.
        const SIZE: Range<usize> = 24..28;
        const BOXES: usize = 78;
        let data = bytes.get(self.data.clone())?;
        let size = bytes.get(self.entry.clone())?.get(SIZE)?;
        let ispe = [&[0; 6][..], &size[..2], &[0; 2], &size[2..]].concat();
        let within = || children(bytes, self.entry.start + BOXES..self.entry.end);
        let copied = |wanted: &'static [u8; 4]| {
            let found = within().filter(move |(name, _)| name == wanted);
            found.map(|(name, range)| written(&name, &[bytes.get(range).unwrap_or_default()]))
        };
        let mut properties = vec![copied(b"hvcC").next()?, written(b"ispe", &[&ispe])];
        properties.extend(copied(b"colr").take(2));
        if self.turns > 0 {
            properties.push(written(b"irot", &[&[self.turns]]));
        }
        // all of them are essential to the one item
        let marks: Vec<u8> = (1..=properties.len() as u8).map(|number| 0x80 | number).collect();
        let ipma = [&[0; 4][..], &[0, 0, 0, 1, 0, 1, marks.len() as u8], &marks[..]].concat();
        let iprp = [written(b"ipco", &[&properties.concat()]), written(b"ipma", &[&ipma])].concat();
        let infe = written(b"infe", &[&[2, 0, 0, 0, 0, 1, 0, 0], b"hvc1\0"]);
        let ftyp = written(b"ftyp", &[b"heic\0\0\0\0mif1heic"]);
        let meta = |offset: usize| {
            let [offset, length] = [offset, data.len()].map(|n| (n as u32).to_be_bytes());
            let iloc = [&[0, 0, 0, 0, 0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1], &offset[..], &length].concat();
            let inside = [
                written(b"hdlr", &[&[0; 8], b"pict", &[0; 13]]),
                written(b"pitm", &[&[0, 0, 0, 0, 0, 1]]),
                written(b"iinf", &[&[0, 0, 0, 0, 0, 1], &infe]),
                written(b"iprp", &[&iprp]),
                written(b"iloc", &[&iloc]),
            ];
            written(b"meta", &[&[0; 4], &inside.concat()])
        };
        let offset = ftyp.len() + meta(0).len() + 8;
        Some([ftyp, meta(offset), written(b"mdat", &[data])].concat())
    }
}

/// The tables of a track.
struct Track<'a> {
    bytes: &'a [u8],
    /// How pictures are coded; none where that is not HEVC.
    entries: Vec<Option<Range<usize>>>,
    /// The first chunk, pictures in each chunk, and their description, from 1.
    runs: &'a [[u8; 12]],
    /// Where chunks begin, in numbers of 4 or 8 bytes.
    chunks: &'a [u8],
    is_long: bool,
    /// The size of all pictures, or 0; else of each.
    size: usize,
    n_sizes: usize,
    sizes: &'a [[u8; 4]],
    turns: u8,
}

impl<'a> Track<'a> {
    fn of(bytes: &'a [u8], track: Range<usize>) -> Option<Track<'a>> {
        let at = |from: &Range<usize>, path: &[&[u8; 4]]| {
            path.iter().try_fold(from.clone(), |range, name| child(bytes, range, name))
        };
        let mdia = at(&track, &[b"mdia"])?;
        let handler = bytes.get(at(&mdia, &[b"hdlr"])?)?.get(8..12)?;
        if !matches!(handler, b"pict" | b"vide") {
            return None;
        }
        let turns = turns(bytes.get(at(&track, &[b"tkhd"])?)?)?;
        let stbl = at(&mdia, &[b"minf", b"stbl"])?;
        let table = |name| bytes.get(at(&stbl, &[name])?);
        let stsd = at(&stbl, &[b"stsd"])?;
        let entries = children(bytes, stsd.start + 8..stsd.end).take(MOST_ENTRIES);
        let is_hevc = |name: [u8; 4]| matches!(&name, b"hvc1" | b"hev1");
        let entries = entries.map(|(name, range)| is_hevc(name).then_some(range)).collect();
        let stsz = table(b"stsz")?;
        let [size, n_sizes] = [4, 8].map(|at| number(stsz, at));
        let (chunks, is_long) = match table(b"stco") {
            Some(chunks) => (chunks, false),
            None => (table(b"co64")?, true),
        };
        let [runs, chunks, sizes] =
            [(table(b"stsc")?, 8), (chunks, 8), (stsz, 12)].map(|(table, at)| table.get(at..));
        let (runs, sizes) = (runs?.as_chunks().0, sizes?.as_chunks().0);
        Some(Track {
            bytes,
            entries,
            runs,
            chunks: chunks?,
            is_long,
            size: size?,
            n_sizes: n_sizes?,
            sizes,
            turns,
        })
    }

    fn samples(&self, most: usize) -> Vec<Sample> {
        let mut found = Vec::new();
        let width = if self.is_long { 8 } else { 4 };
        let run = |number: usize| -> Option<[usize; 3]> {
            let (parts, _) = self.runs.get(number)?.as_chunks::<4>();
            let [first, in_chunk, description] = parts else { return None };
            Some([first, in_chunk, description].map(|part| u32::from_be_bytes(*part) as usize))
        };
        let mut current = 0;
        for (chunk, offset) in (1..).zip(self.chunks.chunks_exact(width)) {
            while run(current + 1).is_some_and(|[first, ..]| first <= chunk) {
                current += 1;
            }
            let Some([_, in_chunk, description]) = run(current) else { return found };
            let entry = description.checked_sub(1).and_then(|index| self.entries.get(index)?.clone());
            let mut at = offset.iter().fold(0_u64, |sum, &digit| sum << 8 | u64::from(digit)) as usize;
            for _ in 0..in_chunk {
                let size = match self.size {
                    0 => self.sizes.get(found.len()).map(|size| u32::from_be_bytes(*size) as usize),
                    size => Some(size),
                };
                let (Some(size), Some(entry)) = (size, &entry) else { return found };
                let data = at..at.saturating_add(size);
                if found.len() >= most.min(self.n_sizes) || self.bytes.get(data.clone()).is_none() {
                    return found;
                }
                at = data.end;
                found.push(Sample { data, entry: entry.clone(), turns: self.turns });
            }
        }
        found
    }
}

/// Quarter turns against the clock, by the matrix of a track; none where it does anything else.
fn turns(tkhd: &[u8]) -> Option<u8> {
    let matrix = if tkhd.first()? == &1 { 52 } else { 40 };
    let number = |at: usize| Some(i32::from_be_bytes(*tkhd.get(matrix + at..)?.first_chunk()?) >> 16);
    match [number(0)?, number(4)?, number(12)?, number(16)?] {
        [1, 0, 0, 1] => Some(0),
        [0, -1, 1, 0] => Some(1),
        [-1, 0, 0, -1] => Some(2),
        [0, 1, -1, 0] => Some(3),
        _ => None,
    }
}

/// A number of four bytes.
fn number(table: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_be_bytes(*table.get(at..)?.first_chunk()?) as usize)
}

/// The boxes within a part of the file: their names, and where their contents lie.
fn children(bytes: &[u8], range: Range<usize>) -> impl Iterator<Item = ([u8; 4], Range<usize>)> {
    let (start, part) = (range.start, bytes.get(range).unwrap_or_default());
    boxes(part).map(move |found| (found.name, start + found.at..start + found.end))
}

fn child(bytes: &[u8], range: Range<usize>, wanted: &[u8; 4]) -> Option<Range<usize>> {
    children(bytes, range).find(|(name, _)| name == wanted).map(|(_, range)| range)
}

/// A box with these contents.
fn written(name: &[u8; 4], contents: &[&[u8]]) -> Vec<u8> {
    let length = 8 + contents.iter().map(|content| content.len()).sum::<usize>();
    [&(length as u32).to_be_bytes()[..], name, &contents.concat()].concat()
}
