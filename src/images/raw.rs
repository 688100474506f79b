//! Camera raw files: the largest JPEG that the camera, or a converter, put beside the raw samples. The samples
//! themselves are not developed.
//!
//! ```text
//! TIFF (CR2, NEF, ARW, DNG, ORF, RW2, PEF, ...)  directories: 513/514, strips of JPEG, RW2's tag 46
//! CR3, boxes as in films                         tracks (stsz, co64), PRVW, THMB; CMT1 has the orientation
//! RAF                                            offset and length in the header
//! ```
//!
//! Where that leads to no more than a thumbnail, every JPEG anywhere in the file counts: ORF and PEF keep theirs
//! among the notes of their makers.

use super::jpeg;
use super::metadata::{SCAN, boxes, segments};
use super::tiff::Directory;

/// Directories of a file at most, boxes of a file at most, JPEG files inside it at most.
const MOST: usize = 200;

/// A picture with less on its longer side is a thumbnail.
const THUMBNAIL: usize = 700;

const SUB_DIRECTORIES: u16 = 330;
const ORIENTATION: u16 = 274;

/// What stands for the picture.
pub(super) struct Preview<'a> {
    pub(super) jpeg: &'a [u8],
    /// How it is to be turned, if the raw file says so.
    pub(super) turned: Option<u8>,
}

/// Whether a TIFF file is that of a camera: a DNG, or one that begins with a smaller picture and has the others
/// below, or one of the colours of a sensor.
pub(super) fn is_raw(tiff: &[u8]) -> bool {
    const NEW_KIND: u16 = 254;
    const COLOURS: u16 = 262;
    const DNG_VERSION: u16 = 50_706;
    let Ok(first) = Directory::first(tiff) else { return false };
    let is_reduced = first.number(NEW_KIND).is_some_and(|kind| kind & 1 == 1);
    let is_of_sensor = matches!(first.number(COLOURS), Some(32_803 | 34_892));
    first.has(DNG_VERSION) || is_of_sensor || is_reduced && first.has(SUB_DIRECTORIES)
}

/// The largest JPEG in a raw file.
///
/// # Errors
/// There is none.
pub(super) fn preview(bytes: &[u8]) -> Result<Preview<'_>, String> {
    let mut found = Found::default();
    if bytes.get(4..8) == Some(b"ftyp") {
        walk_boxes(bytes, &mut found);
    } else if bytes.starts_with(b"FUJIFILM") {
        let number = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?) as u64);
        if let (Some(at), Some(length)) = (number(84), number(88)) {
            found.add_at(bytes, at, length);
        }
    } else if let Some(first) = Directory::first_of_any(bytes) {
        found.turned = first.number(ORIENTATION);
        directories(bytes, first, &mut found);
    }
    if found.side < THUMBNAIL {
        anywhere(bytes, &mut found);
    }
    if found.side < THUMBNAIL && found.is_cut {
        return Err("the file ends too early (truncated)".to_owned());
    }
    let turned =
        found.turned.and_then(|turned| u8::try_from(turned).ok()).filter(|turned| (1..=8).contains(turned));
    let jpeg = found.best.ok_or(
        "unsupported: no JPEG preview is inside, or the file is damaged; the camera's program or darktable develop it",
    )?;
    Ok(Preview { jpeg, turned })
}

/// The largest JPEG so far.
#[derive(Default)]
struct Found<'a> {
    best: Option<&'a [u8]>,
    pixels: usize,
    /// Its longer side.
    side: usize,
    turned: Option<u64>,
    /// Something lies behind the end of the file.
    is_cut: bool,
}

impl<'a> Found<'a> {
    /// As [`Found::add`], for so many bytes at an offset.
    fn add_at(&mut self, bytes: &'a [u8], at: u64, length: u64) {
        let end = at.checked_add(length).and_then(|end| usize::try_from(end).ok());
        match end {
            Some(end) if end <= bytes.len() => self.add(bytes.get(at as usize..end)),
            _ => self.is_cut = true,
        }
    }

    /// Bytes that may be a JPEG, and one that can be decoded: sensors' samples often are lossless JPEG.
    fn add(&mut self, candidate: Option<&'a [u8]>) {
        let Some(jpeg) = candidate.filter(|bytes| is_start(bytes)) else { return };
        let Ok(file) = jpeg::File::open(jpeg) else { return };
        let (width, height) = file.size();
        if width * height > self.pixels {
            (self.best, self.pixels, self.side) = (Some(jpeg), width * height, width.max(height));
        }
    }
}

/// A JPEG begins here, with a marker that may stand there.
fn is_start(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xd8, 0xff, 0xc0..=0xc2 | 0xc4 | 0xdb | 0xdd | 0xe0..=0xef | 0xfe, ..])
}

/// The directory, those below it, and those that follow.
fn directories<'a>(bytes: &'a [u8], first: Directory<'a>, found: &mut Found<'a>) {
    const COMPRESSION: u16 = 259;
    const STRIPS: (u16, u16) = (273, 279);
    const JPEG: (u16, u16) = (513, 514);
    const JPEG_OF_PANASONIC: u16 = 46;
    let (mut seen, mut next) = (Vec::new(), vec![first]);
    while let Some(directory) = next.pop() {
        let mut places = vec![JPEG];
        let is_jpeg = matches!(directory.number(COMPRESSION), Some(6 | 7));
        if is_jpeg && directory.numbers(STRIPS.0, 2).is_some_and(|all| all.len() == 1) {
            places.push(STRIPS);
        }
        for (at, length) in places {
            if let (Some(at), Some(length)) = (directory.number(at), directory.number(length)) {
                found.add_at(bytes, at, length);
            }
        }
        found.add(directory.block(JPEG_OF_PANASONIC));
        found.is_cut |= directory.has(JPEG_OF_PANASONIC) && directory.block(JPEG_OF_PANASONIC).is_none();
        let below = directory.numbers(SUB_DIRECTORIES, MOST).unwrap_or_default();
        for at in below.into_iter().chain([directory.next as u64]) {
            if at != 0 && seen.len() < MOST && !seen.contains(&at) {
                seen.push(at);
                next.extend(directory.at(at));
            }
        }
    }
}

/// The boxes of a CR3: each has its length, its name, and a content, which may be boxes.
fn walk_boxes<'a>(bytes: &'a [u8], found: &mut Found<'a>) {
    let (mut left, mut length_of_sample) = (MOST, None);
    let mut later = vec![bytes];
    let mut is_outermost = true;
    while let Some(within) = later.pop() {
        let mut end = 0;
        // the last ones that are found are looked into first
        for inner in boxes(within) {
            let content = inner.content;
            end = inner.end;
            left -= 1;
            if left == 0 {
                return;
            }
            let number = |at: usize| Some(u32::from_be_bytes(*content.get(at..)?.first_chunk()?));
            match &inner.name {
                b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" => later.push(content),
                // an identifier of 16 bytes, and for previews eight more
                b"uuid" => later.extend([content.get(16..), content.get(24..)].into_iter().flatten()),
                b"CMT1" => {
                    found.turned =
                        Directory::first_of_any(content).and_then(|first| first.number(ORIENTATION));
                }
                b"PRVW" | b"THMB" => {
                    let start = content.windows(3).take(64).position(|three| three == [0xff, 0xd8, 0xff]);
                    found.add(start.and_then(|start| content.get(start..)));
                }
                b"stsz" => length_of_sample = number(4),
                b"co64" => {
                    let at =
                        content.get(8..).and_then(|at| at.first_chunk()).map(|at| u64::from_be_bytes(*at));
                    if let (Some(at), Some(length @ 1..)) = (at, length_of_sample) {
                        found.add_at(bytes, at, length.into());
                    }
                }
                _ => {}
            }
        }
        found.is_cut |= is_outermost && end < within.len();
        is_outermost = false;
    }
}

/// Every JPEG in a file, by how it begins.
fn anywhere<'a>(bytes: &'a [u8], found: &mut Found<'a>) {
    let starts = bytes.windows(4).enumerate().filter(|(_, four)| is_start(four)).map(|(at, _)| at);
    for at in starts.take(MOST) {
        let jpeg = &bytes[at..];
        found.add(Some(&jpeg[..end(jpeg).unwrap_or(jpeg.len())]));
    }
}

/// Where a JPEG ends: after the end marker behind its first scan.
fn end(jpeg: &[u8]) -> Option<usize> {
    let scan = segments(jpeg).find(|segment| segment.marker == SCAN)?;
    let at = scan.at + scan.body.len();
    let scans = jpeg.get(at..)?;
    Some(at + scans.windows(2).position(|two| two == [0xff, 0xd9])? + 2)
}
