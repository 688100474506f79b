//! A JPEG file before it is decoded, and its pixels.

use super::header::{Frame, Segment, Segments, Tables};
use super::markers::has_end;
use super::part::{Decoded, Fault, Part};
use super::picture::{Colour, colour_of, picture};
use super::plane::Plane;
use super::{scan, whole};

/// Scans of a file at most: progressive files have about ten.
const MAX_SCANS: usize = 200;

/// The headers of a file in memory.
pub(in crate::images) struct File<'a> {
    bytes: &'a [u8],
    frame: Frame,
    colour: Colour,
    /// `zune-jpeg` can read its layout.
    is_usual: bool,
    /// Another file that holds only tables.
    tables: &'a [u8],
    /// Every scan is read, even if fewer are enough for the part that is wanted.
    reads_all: bool,
}

impl<'a> File<'a> {
    /// Reads the headers of a file.
    pub(in crate::images) fn open(bytes: &'a [u8]) -> Result<File<'a>, Fault> {
        let Headers { frame, tables, is_interleaved } = Headers::read(bytes, Tables::default())?;
        if frame.components.len() == 2 {
            return Err(Fault::Unsupported("a number of components other than 1, 3 and 4"));
        }
        let colour = colour_of(&frame, &tables);
        // the other decoder tells RGB by Adobe's segment alone
        let is_rgb_there = frame.components.len() == 3 && tables.adobe == Some(0);
        let is_usual = (frame.progressive || is_interleaved) && (colour == Colour::Rgb) == is_rgb_there;
        Ok(File { bytes, frame, colour, is_usual, tables: &[], reads_all: false })
    }

    /// As [`File::open`], of a strip or tile in another file, which may hold its tables apart and tells what
    /// its components are: luma and chroma that are to become RGB, or else they are given as they are stored.
    pub(in crate::images) fn open_strip(
        tables: &'a [u8],
        bytes: &'a [u8],
        to_rgb: bool,
    ) -> Result<File<'a>, Fault> {
        if !bytes.starts_with(b"\xff\xd8") {
            return Err(Fault::damaged("no start marker", 0));
        }
        let Headers { frame, .. } = Headers::read(bytes, tables_of(tables)?)?;
        let colour = if to_rgb { Colour::YCbCr } else { Colour::Stored };
        Ok(File { bytes, frame, colour, is_usual: false, tables, reads_all: false })
    }

    /// The same, with every scan read where pixels are decoded here, so that damage shows in each.
    pub(in crate::images) fn reading_all(self) -> Self {
        File { reads_all: true, ..self }
    }

    /// Why pixels are not those that were written, where that shows. All scans are read once more for that.
    pub(in crate::images) fn damage(&self) -> Option<String> {
        let all = File { frame: self.frame.clone(), reads_all: true, ..*self };
        match all.decode_here(Part { eighths: 1, luma: false }) {
            Ok(decoded) => decoded.damage.map(str::to_owned),
            Err(fault) => Some(fault.to_string()),
        }
    }

    /// Columns and rows, as stored.
    pub(in crate::images) fn size(&self) -> (usize, usize) {
        (self.frame.width, self.frame.height)
    }

    /// Components, as stored.
    pub(in crate::images) fn samples(&self) -> usize {
        self.frame.components.len()
    }

    /// It has no colours.
    pub(in crate::images) fn is_grey(&self) -> bool {
        self.colour == Colour::Grey
    }

    /// It has inks instead of colours.
    pub(in crate::images) fn is_inked(&self) -> bool {
        matches!(self.colour, Colour::Cmyk | Colour::Ycck)
    }

    /// Whether the marker is there that ends the image; pixels are whole without it as well, where there are
    /// any.
    pub(in crate::images) fn has_end(&self) -> bool {
        has_end(self.bytes)
    }

    /// Bytes of a part, decoded.
    pub(in crate::images) fn decoded_bytes(&self, part: Part) -> u64 {
        let side = |whole: usize| (whole * part.eighths).div_ceil(8) as u64;
        side(self.frame.width) * side(self.frame.height) * self.channels(part) as u64
    }

    /// Bytes of memory that decoding a part takes: pixels as they are decoded and as they are returned,
    /// planes, and the coefficients of progressive files.
    pub(in crate::images) fn memory(&self, part: Part) -> u64 {
        let decoded = self.decoded_bytes(part);
        let planes = Plane::memory(&self.frame, part, (self.is_luma(part), self.is_thorough()));
        decoded * if part.eighths == 8 { 3 } else { 2 } + planes
    }

    /// Decodes a part of the file. One that lacks only its end marker is whole.
    pub(in crate::images) fn decode(&self, part: Part) -> Result<Decoded, Fault> {
        if part.eighths < 8 || !self.is_usual {
            return self.decode_here(part);
        }
        let pixels = |bytes: &[u8]| {
            let (width, height, channels) = (self.frame.width, self.frame.height, self.channels(part));
            let data = whole::pixels(bytes, channels, self.decoded_bytes(part))?;
            Some(Decoded { width, height, channels, data, damage: None })
        };
        if self.has_end() {
            return pixels(self.bytes).map_or_else(|| self.decode_here(part), Ok);
        }
        let here = self.decode_here(part)?;
        // the same pixels as with the end marker
        Ok(pixels(&[self.bytes, &[0xff, 0xd9]].concat()).unwrap_or(here))
    }

    /// As [`File::decode`], always by the decoder here.
    pub(super) fn decode_here(&self, part: Part) -> Result<Decoded, Fault> {
        let (mut segments, mut tables) = (Segments::new(self.bytes), tables_of(self.tables)?);
        let mut planes = Plane::all(&self.frame, part, (self.is_luma(part), self.is_thorough()));
        let (mut frames, mut scans, mut damage) = (0, 0, None);
        loop {
            match segments.next(&mut tables)? {
                Segment::Frame(_) => {
                    frames += 1;
                    if frames > 1 {
                        return Err(Fault::damaged("a second frame", segments.at()));
                    }
                }
                Segment::Scan(scan) => {
                    scans += 1;
                    if scans > MAX_SCANS {
                        return Err(Fault::damaged("more scans than any program writes", scan.at));
                    }
                    let read = scan::read(self.bytes, &scan, (&self.frame, &tables), &mut planes)?;
                    damage = damage.or(read.damage);
                    segments.go_to(read.end);
                }
                Segment::End => break,
                Segment::Nothing if planes.iter().all(Plane::is_final) => break,
                Segment::Nothing => return Err(Fault::Truncated),
            }
        }
        if !planes.iter().all(Plane::is_begun) {
            return Err(Fault::damaged("an end before all components", segments.at()));
        }
        planes.iter_mut().for_each(Plane::finish);
        Ok(Decoded { damage, ..picture(&self.frame, self.colour, part, &planes) })
    }

    /// Without an end, every scan must be read to see that it is whole.
    fn is_thorough(&self) -> bool {
        self.reads_all || !self.has_end()
    }

    fn is_luma(&self, part: Part) -> bool {
        part.luma && self.colour == Colour::YCbCr
    }

    fn channels(&self, part: Part) -> usize {
        match self.colour {
            Colour::Grey => 1,
            Colour::Stored => self.samples(),
            _ if self.is_luma(part) => 1,
            _ => 3,
        }
    }
}

/// What precedes the first scan.
struct Headers {
    frame: Frame,
    tables: Tables,
    /// That scan holds all components.
    is_interleaved: bool,
}

impl Headers {
    fn read(bytes: &[u8], mut tables: Tables) -> Result<Headers, Fault> {
        let (mut segments, mut frame) = (Segments::new(bytes), None);
        let scan = loop {
            match segments.next(&mut tables)? {
                Segment::Frame(found) => frame = Some(found),
                Segment::Scan(scan) => break scan,
                Segment::End => return Err(Fault::damaged("an end without pixels", segments.at())),
                Segment::Nothing => return Err(Fault::Truncated),
            }
        };
        let frame: Frame = frame.ok_or_else(|| Fault::damaged("a scan before its frame", scan.at))?;
        let is_interleaved = scan.components.len() == frame.components.len();
        Ok(Headers { frame, tables, is_interleaved })
    }
}

/// The tables of a file that holds nothing else.
fn tables_of(bytes: &[u8]) -> Result<Tables, Fault> {
    let (mut segments, mut tables) = (Segments::new(bytes), Tables::default());
    match segments.next(&mut tables)? {
        Segment::End | Segment::Nothing => Ok(tables),
        _ => Err(Fault::damaged("pixels among tables", segments.at())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Part = Part { eighths: 8, luma: false };
    const FILES: [(&str, &[u8]); 8] = [
        ("baseline-420", include_bytes!("../../../tests/data/jpeg/baseline-420.jpg")),
        ("baseline-422", include_bytes!("../../../tests/data/jpeg/baseline-422.jpg")),
        ("baseline-444", include_bytes!("../../../tests/data/jpeg/baseline-444.jpg")),
        ("progressive-420", include_bytes!("../../../tests/data/jpeg/progressive-420.jpg")),
        ("restart-420", include_bytes!("../../../tests/data/jpeg/restart-420.jpg")),
        ("rgb", include_bytes!("../../../tests/data/jpeg/rgb.jpg")),
        ("grey", include_bytes!("../../../tests/data/jpeg/grey.jpg")),
        ("progressive-cmyk", include_bytes!("../../../tests/data/jpeg/progressive-cmyk.jpg")),
    ];

    #[test]
    fn both_decoders_agree() {
        for (name, bytes) in FILES {
            for part in [WHOLE, Part { luma: true, ..WHOLE }] {
                let file = File::open(bytes).unwrap();
                let here = file.decode_here(part).unwrap();
                let there = whole::pixels(bytes, here.channels, here.data.len() as u64).expect(name);
                let worst = here.data.iter().zip(&there).map(|(a, b)| a.abs_diff(*b)).max();
                assert!(worst <= Some(4), "{name}: {part:?}: {worst:?}");
            }
        }
    }

    #[test]
    fn a_small_part_takes_little_memory() {
        let memory = |name: &str, eighths: usize| {
            let (_, bytes) = FILES.iter().find(|file| file.0 == name).unwrap();
            File::open(bytes).unwrap().memory(Part { eighths, luma: false })
        };
        assert!(20 * memory("baseline-420", 1) < memory("baseline-420", 8));
        // coefficients are kept of colour, which has 2x2 pixels of a block, but not of luma
        assert!(2 * memory("progressive-420", 1) < memory("progressive-420", 8));
        // without an end, all coefficients are kept
        let bytes = FILES.iter().find(|file| file.0 == "progressive-420").unwrap().1;
        let cut = File::open(&bytes[..bytes.len() - 2]).unwrap();
        let part = Part { eighths: 1, luma: false };
        let kept: usize = Plane::all(&cut.frame, part, (false, true)).iter().map(Plane::bytes_kept).sum();
        assert!(cut.memory(part) >= kept as u64 && kept as u64 > memory("progressive-420", 1));
    }

    #[test]
    fn jfif_says_more_about_colours_than_adobe() {
        let (_, bytes) = FILES.iter().find(|file| file.0 == "baseline-444").unwrap();
        let file = File::open(bytes).unwrap();
        let expected = file.decode_here(WHOLE).unwrap();
        assert!(bytes[6..].starts_with(b"JFIF\0"));
        let adobe = b"\xff\xee\0\x0eAdobe\0d\0\0\0\0\0";
        let both = [&bytes[..20], adobe, &bytes[20..]].concat();
        assert_eq!(File::open(&both).unwrap().decode(WHOLE).unwrap(), expected);
        let alone = [&bytes[..2], adobe, &bytes[20..]].concat();
        assert_ne!(File::open(&alone).unwrap().decode(WHOLE).unwrap(), expected, "RGB");
    }
}
