//! Pictures that stand side by side in a file: pages of TIFF files, photos and sequences of HEIC files, JPEG files
//! one after the other (MPO). Each can be cut out, or the file changed so that it comes first.
//!
//! Thumbnails, masks and gain maps are no pictures of their own.

use std::ops::Range;

use crate::images::metadata::segments;
use crate::images::tiff::Directory;
#[cfg(feature = "heic")]
use crate::images::{heic, heics};

/// Most pictures of one file that are taken.
pub(in crate::images) const MOST: usize = 10_000;
/// Most entries that the directories of a TIFF file have in all: 10,000 pages of 100.
const MOST_ENTRIES: usize = 1 << 20;

/// One picture of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::images) enum Part {
    /// A page of a TIFF file: where its directory lies, and in it the offset of the next one.
    Page { directory: u64, next_at: usize },
    /// A picture of a HEIC file, by its number in the file.
    #[cfg(feature = "heic")]
    Photo(u32),
    /// A picture of a sequence.
    #[cfg(feature = "heic")]
    OfSequence(heics::Sample),
    /// Bytes that are a JPEG file.
    Jpeg(Range<usize>),
}

impl Part {
    /// A file of which this is the only or the first picture.
    pub(in crate::images) fn file(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Part::Page { directory, next_at } => {
                let (at, size) = if is_large(&bytes) { (8, 8) } else { (4, 4) };
                put(&mut bytes, at, size, *directory);
                put(&mut bytes, *next_at, size, 0);
            }
            #[cfg(feature = "heic")]
            Part::Photo(id) => {
                if !heic::set_primary(&mut bytes, *id) {
                    bytes.clear(); // rather than another picture
                }
            }
            #[cfg(feature = "heic")]
            Part::OfSequence(sample) => return sample.file(&bytes).unwrap_or_default(),
            Part::Jpeg(range) => {
                bytes.truncate(range.end);
                bytes.drain(..range.start.min(bytes.len()));
            }
        }
        bytes
    }
}

/// The pictures of a TIFF, HEIC or JPEG file, at most one more than [`MOST`]; none where there is only one.
pub(in crate::images) fn parts(format: &str, bytes: &[u8]) -> Vec<Part> {
    let mut parts = match format {
        "tiff" => pages(bytes),
        #[cfg(feature = "heic")]
        "heic" => {
            let photos = heic::pictures(bytes).into_iter().map(Part::Photo);
            photos.chain(heic::sequence(bytes, MOST + 1).into_iter().map(Part::OfSequence)).collect()
        }
        "jpeg" => jpegs(bytes),
        _ => Vec::new(),
    };
    parts.truncate(MOST + 1);
    parts
}

/// The number at the start of a TIFF file that says how its offsets are stored.
fn is_large(bytes: &[u8]) -> bool {
    matches!(bytes.get(2..4), Some([43, 0] | [0, 43]))
}

/// Writes a number of so many bytes, in the order of a TIFF file.
fn put(bytes: &mut [u8], at: usize, size: usize, value: u64) {
    let is_little = bytes.starts_with(b"I");
    let mut digits = value.to_le_bytes();
    let digits = &mut digits[..size];
    if !is_little {
        digits.reverse();
    }
    if let Some(field) = bytes.get_mut(at..at.saturating_add(size)) {
        field.copy_from_slice(digits);
    }
}

/// The pages of a TIFF file, up to the damage.
fn pages(bytes: &[u8]) -> Vec<Part> {
    /// What kind of picture it is: bit 0 for one that is also there larger, bit 2 for a mask.
    const KIND: u16 = 254;
    /// The same in older files: 2 for one that is also there larger.
    const OLD_KIND: u16 = 255;
    const WIDTH: u16 = 256;
    let Ok(mut directory) = Directory::first(bytes) else { return Vec::new() };
    let first = directory.offset;
    let mut pages: Vec<Part> = Vec::new();
    let (mut seen, mut entries) = (std::collections::HashSet::new(), 0);
    while pages.len() <= MOST && seen.insert(directory.offset) && seen.len() <= 2 * MOST {
        entries += directory.len();
        if entries > MOST_ENTRIES {
            break;
        }
        let is_helper =
            directory.number(KIND).is_some_and(|kind| kind & 5 != 0) || directory.number(OLD_KIND) == Some(2);
        if directory.offset == first || (directory.has(WIDTH) && !is_helper) {
            pages.push(Part::Page { directory: directory.offset, next_at: directory.next_at });
        }
        directory = match directory.at(directory.next as u64) {
            Some(next) if directory.next > 0 => next,
            _ => break,
        };
    }
    pages
}

/// The pictures of a JPEG file with an index of them (CIPA DC-007, "MPF") in its second kind of application
/// data.
fn jpegs(bytes: &[u8]) -> Vec<Part> {
    let of_entry = |entry: IndexEntry| {
        let jpeg = bytes.get(entry.range.clone()).unwrap_or_default();
        let counts = jpeg.starts_with(b"\xff\xd8\xff") && !is_thumbnail(&entry);
        (counts && (entry.range.start == 0 || !is_gain_map(jpeg))).then_some(Part::Jpeg(entry.range))
    };
    index_entries(bytes).into_iter().filter_map(of_entry).collect()
}

/// What the index of a JPEG file says of one picture.
pub(super) struct IndexEntry {
    kind: u32,
    pub(super) range: Range<usize>,
}

/// Whether it is another size of the main picture.
pub(super) fn is_thumbnail(entry: &IndexEntry) -> bool {
    entry.kind >> 16 & 0xff == 1
}

/// The entries of a JPEG file's index of pictures; none without one.
pub(super) fn index_entries(bytes: &[u8]) -> Vec<IndexEntry> {
    /// The index's entries, 16 bytes each.
    const ENTRIES: u16 = 0xb002;
    let Some(base) = index_of_pictures(bytes) else { return Vec::new() };
    let tiff = bytes.get(base..).unwrap_or_default();
    let entries =
        Directory::first(tiff).ok().and_then(|directory| directory.block(ENTRIES)).unwrap_or_default();
    let number = |digits: &[u8]| {
        let digits: [u8; 4] = digits.try_into().unwrap_or_default();
        if tiff.starts_with(b"I") { u32::from_le_bytes(digits) } else { u32::from_be_bytes(digits) }
    };
    let of_entry = |entry: &[u8; 16]| {
        let [kind, size, offset] = [0, 4, 8].map(|at| number(&entry[at..at + 4]));
        let start = if offset == 0 { 0 } else { base.saturating_add(offset as usize) };
        IndexEntry { kind, range: start..start.saturating_add(size as usize).min(bytes.len()) }
    };
    entries.as_chunks::<16>().0.iter().take(MOST + 1).map(of_entry).collect()
}

/// Where the index of pictures begins: its own header, from which offsets count.
fn index_of_pictures(bytes: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"MPF\0";
    let mut found =
        segments(bytes).filter(|segment| segment.marker == 0xe2 && segment.body.starts_with(NAME));
    found.next().map(|segment| segment.at + NAME.len())
}

/// Whether a JPEG says of itself that it brightens another one.
pub(super) fn is_gain_map(jpeg: &[u8]) -> bool {
    let head = &jpeg[..jpeg.len().min(1 << 16)];
    let marks: [&[u8]; 3] = [b"hdr-gain-map", b"hdrgainmap", b"iso:21496:-1"];
    marks.iter().any(|mark| head.windows(mark.len()).any(|window| window == *mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TIFF of so many directories with a width, each of the kind that is said.
    fn tiff(kinds: &[u32], is_little: bool) -> Vec<u8> {
        let long = |n: u32| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let short = |n: u16| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let mut bytes = if is_little { b"II".to_vec() } else { b"MM".to_vec() };
        bytes.extend([short(42).to_vec(), long(8).to_vec()].concat());
        for (page, kind) in (1..).zip(kinds) {
            bytes.extend(short(2));
            for (tag, value) in [(254, *kind), (256, page)] {
                bytes.extend([short(tag), short(4)].concat());
                bytes.extend([long(1), long(value)].concat());
            }
            bytes.extend(long(if page as usize == kinds.len() { 0 } else { 8 + 30 * page }));
        }
        bytes
    }

    #[test]
    fn each_page_becomes_a_file_of_its_own() {
        for is_little in [true, false] {
            let bytes = tiff(&[0, 1, 2, 4, 0], is_little);
            let parts = parts("tiff", &bytes);
            assert_eq!(parts.len(), 3, "{parts:?}: a smaller one and a mask are left out");
            for (part, width) in parts.iter().zip([1, 3, 5]) {
                let file = part.file(bytes.clone());
                let directory = Directory::first(&file).unwrap();
                assert_eq!((directory.number(256), directory.next), (Some(width), 0));
            }
        }
        let mut looped = tiff(&[0, 0], true);
        let end = looped.len();
        looped[end - 4..].copy_from_slice(&8_u32.to_le_bytes());
        assert_eq!(parts("tiff", &looped).len(), 2);
        (0..end).for_each(|end| assert!(parts("tiff", &looped[..end]).len() <= 1 + end / 60));
    }

    #[test]
    fn directories_that_lie_over_each_other_cost_little() {
        const ENTRIES: usize = 0xffff;
        // the number of entries is the upper half of a value; each entry is a width
        let mut bytes = b"II*\0\x14\0\0\0\0\0".to_vec();
        for _ in 0..ENTRIES + 300 {
            bytes.extend([0, 1, 4, 0, 1, 0, 0, 0, 1, 0, 0xff, 0xff]);
        }
        for page in 0..100 {
            let at = 20 + 24 * page;
            let next = at + 2 + 12 * ENTRIES;
            bytes[next..next + 4].copy_from_slice(&(at as u32 + 24).to_le_bytes());
        }
        assert_eq!(parts("tiff", &bytes).len(), MOST_ENTRIES / ENTRIES);
    }

    /// Three JPEG files in one, by a big-endian index; what the second is said to be, and what it says itself.
    fn mpo(kind: u32, says: &[u8]) -> Vec<u8> {
        let inner = [b"\xff\xd8\xff\xe1\0\x10", says, b"\xff\xd9"].concat();
        let mut index = b"MM\0*\0\0\0\x08\0\x01\xb0\x02\0\x07\0\0\0\x30\0\0\0\x1a\0\0\0\0".to_vec();
        let head = 4 + 2 + 4; // up to the index
        let whole = head + index.len() + 48 + 2;
        let offset = |n: usize| (whole + n * inner.len() - head) as u32;
        let size = inner.len() as u32;
        for (kind, size, offset) in
            [(0x2003_0000, whole as u32, 0), (kind, size, offset(0)), (0x0002_0002, size, offset(1))]
        {
            index.extend([kind, size, offset].map(u32::to_be_bytes).concat());
            index.extend([0; 4]);
        }
        let length = (2 + 4 + index.len()) as u16;
        let header = [b"\xff\xd8\xff\xe2", &length.to_be_bytes()[..], b"MPF\0"].concat();
        let head = [&header[..], &index, b"\xff\xd9"].concat();
        [&head[..], &inner, &inner].concat()
    }

    #[test]
    fn photos_of_one_jpeg_are_found_without_thumbnails_and_gain_maps() {
        let starts = |bytes: &[u8]| {
            let found = parts("jpeg", bytes);
            found.iter().for_each(|part| assert!(part.file(bytes.to_vec()).starts_with(b"\xff\xd8\xff")));
            found.len()
        };
        assert_eq!(starts(&mpo(0x0002_0002, b"nothing")), 3);
        assert_eq!(starts(&mpo(0x0001_0001, b"nothing")), 2);
        assert_eq!(starts(&mpo(0, b"ns.adobe.com/hdr-gain-map/1.0/")), 1);
        let bytes = mpo(0x0002_0002, b"nothing");
        (0..bytes.len()).for_each(|end| assert!(starts(&bytes[..end]) <= 3));
        assert_eq!(starts(b"\xff\xd8\xff\xda\0\x04MPF\0"), 0);
    }
}
