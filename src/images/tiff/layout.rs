//! What the tags of a TIFF picture say about its pixels, checked. Kinds that are not supported are refused
//! here, by name.

use std::borrow::Cow;

use super::directory::Directory;
use super::jpeg::MCU;
use crate::images::raster::Channels;

/// Bytes of a part of a strip.
const PART: u64 = 1 << 18;

/// What a pixel's samples mean.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    Grey,
    /// 0 is white.
    GreyInverted,
    Rgb,
    /// The colours that samples are numbers of.
    Palette(Vec<[u8; 3]>),
    Cmyk,
    YCbCr(YCbCr),
    /// L, a, b; whether a and b are stored with their middle at 128, instead of signed.
    Lab {
        is_offset: bool,
    },
}

/// How luma and chroma become RGB.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct YCbCr {
    /// Shares of red, green and blue in the luma.
    pub(super) luma: [f32; 3],
    /// Black and white of luma, then of both chromas.
    pub(super) reference: [f32; 6],
    /// Columns and rows of luma to one chroma.
    pub(super) subsampling: (usize, usize),
}

/// What kind of number a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Unsigned,
    Signed,
    Float,
}

/// How chunks are compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Fax(Fax),
    Lzw,
    Jpeg { tables: Vec<u8>, to_rgb: bool },
    Deflate,
    PackBits,
    Zstd,
    WebP,
}

/// The codes of fax machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fax {
    /// Rows begin at whole bytes, nothing separates them.
    Rows,
    Group3 {
        two_dimensional: bool,
    },
    Group4,
}

/// What was done to samples before they were compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    Horizontal,
    Float,
}

/// Which sample is alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alpha {
    pub(super) sample: usize,
    /// Colours were multiplied by it.
    pub(super) is_associated: bool,
}

/// Where pixels lie and what they mean.
#[derive(Debug, Clone)]
pub(in crate::images) struct Layout {
    pub(in crate::images) width: usize,
    pub(in crate::images) height: usize,
    pub(super) meaning: Meaning,
    pub(super) number: Number,
    pub(super) bits: usize,
    pub(super) samples: usize,
    /// Colours of the palette have more than 8 bits.
    has_fine_palette: bool,
    pub(super) alpha: Option<Alpha>,
    pub(super) compression: Compression,
    pub(super) predictor: Predictor,
    pub(super) is_little: bool,
    /// Each sample has its own chunks.
    pub(super) is_planar: bool,
    /// The first pixel of a byte is its lowest bit.
    pub(super) is_reversed: bool,
    pub(super) is_tiled: bool,
    /// Columns and rows of a strip or tile.
    pub(super) chunk: (usize, usize),
    pub(super) offsets: Vec<u64>,
    /// Bytes of each chunk, or up to the next one where a writer left them out.
    pub(super) lengths: Vec<u64>,
}

impl Layout {
    /// Whether compressed bytes of a strip or tile lie behind the end of a file of so many bytes.
    pub(in crate::images) fn ends_beyond(&self, length: u64) -> bool {
        let ends =
            self.offsets.iter().zip(&self.lengths).map(|(start, length)| start.saturating_add(*length));
        !matches!(self.compression, Compression::None) && ends.max() > Some(length)
    }

    /// Reads the tags.
    ///
    /// # Errors
    /// What is damaged or not supported.
    pub(in crate::images) fn of(directory: &Directory) -> Result<Layout, String> {
        let size = |tag| directory.number(tag).map(|side| side as usize).unwrap_or(0);
        let (width, height) = (size(256), size(257));
        if width == 0 || height == 0 || width.max(height) > 1 << 31 {
            return Err(format!("damaged: the size is {width}x{height}"));
        }
        let samples = directory.number(277).unwrap_or(1) as usize;
        let bits = directory.numbers(258, samples.min(64)).unwrap_or_else(|| vec![1]);
        if bits.iter().any(|&depth| depth != bits[0]) {
            return Err(format!("not supported: samples of different depths, {bits:?} bits"));
        }
        let bits = bits.first().map_or(1, |&bits| bits as usize);
        let number = number(directory)?;
        let meaning = meaning(directory, samples, bits)?;
        let is_planar = directory.number(284) == Some(2);
        let is_of_three = samples == 3 && !is_planar;
        let (meaning, compression) = compression(directory, meaning, is_of_three)?;
        let alpha = alpha(directory, &meaning, samples)?;
        let has_fine_palette = has_fine_palette(directory, &meaning);
        let (is_tiled, chunk) = chunk(directory, (width, height))?;
        let per_plane = width.div_ceil(chunk.0) * height.div_ceil(chunk.1);
        let expected = per_plane.saturating_mul(if is_planar { samples } else { 1 });
        let [offsets, lengths] = if is_tiled { [324, 325] } else { [273, 279] };
        let what = if is_tiled { "tiles" } else { "strips" };
        let offsets = directory.numbers(offsets, expected).unwrap_or_default();
        if offsets.len() != expected {
            return Err(format!("damaged: expected {expected} {what}, got {}", offsets.len()));
        }
        let layout = Layout {
            width,
            height,
            meaning,
            number,
            bits,
            samples,
            has_fine_palette,
            alpha,
            predictor: predictor(directory, &compression)?,
            compression,
            is_little: directory.is_little,
            is_planar,
            is_reversed: directory.number(266) == Some(2),
            is_tiled,
            chunk,
            lengths: filled(directory.numbers(lengths, expected).unwrap_or_default(), &offsets),
            offsets,
        };
        layout.check()?;
        Ok(layout)
    }

    /// Combinations that do not exist, or are not supported.
    fn check(&self) -> Result<(), String> {
        let Layout { bits, number, meaning, .. } = self;
        let fits = match number {
            Number::Unsigned => matches!(bits, 1..=16 | 24 | 32 | 64),
            Number::Signed => matches!(bits, 8 | 16 | 32 | 64),
            Number::Float => matches!(bits, 16 | 32 | 64),
        };
        let fits = fits
            && match meaning {
                Meaning::Grey | Meaning::GreyInverted | Meaning::Rgb | Meaning::Cmyk => true,
                Meaning::Palette(_) => *number == Number::Unsigned && *bits <= 8,
                Meaning::YCbCr(_) => *number == Number::Unsigned && *bits <= 16,
                // some writers say that a and b are signed, others do not
                Meaning::Lab { .. } => *number != Number::Float && matches!(bits, 8 | 16),
            };
        let fits = fits
            && match &self.compression {
                Compression::Fax(_) => *bits == 1 && self.samples == 1,
                Compression::Jpeg { .. } | Compression::WebP => *bits == 8 && *number == Number::Unsigned,
                _ => true,
            };
        let is_split = self.subsampling() != (1, 1);
        let fits = fits && !(is_split && (self.is_planar || *bits != 8 || self.samples != 3));
        let fits = fits
            && match self.predictor {
                Predictor::None => true,
                Predictor::Horizontal => matches!(bits, 8 | 16 | 32 | 64) && !is_split,
                Predictor::Float => *number == Number::Float,
            };
        if fits {
            return Ok(());
        }
        let kind = match number {
            Number::Unsigned => "unsigned",
            Number::Signed => "signed",
            Number::Float => "float",
        };
        let name = match meaning {
            Meaning::Grey | Meaning::GreyInverted => "grey",
            Meaning::Rgb => "RGB",
            Meaning::Palette(_) => "palette",
            Meaning::Cmyk => "CMYK",
            Meaning::YCbCr(_) => "YCbCr",
            Meaning::Lab { .. } => "LAB",
        };
        let stored = if self.is_planar { "planes of " } else { "" };
        Err(format!(
            "not supported: {stored}{name} in {kind} samples of {bits} bits, stored as this file does"
        ))
    }

    /// Columns and rows of luma to one chroma in the bytes of a chunk.
    pub(super) fn subsampling(&self) -> (usize, usize) {
        match &self.meaning {
            Meaning::YCbCr(how) => how.subsampling,
            _ => (1, 1),
        }
    }

    /// The samples that are decoded: colours, then alpha.
    pub(super) fn kept(&self) -> Vec<usize> {
        (0..self.meaning.colours()).chain(self.alpha.map(|alpha| alpha.sample)).collect()
    }

    /// Whether samples are measurements, which become grey only once all are known.
    pub(in crate::images) fn is_measured(&self) -> bool {
        let is_lab = matches!(self.meaning, Meaning::Lab { .. });
        !is_lab && (self.number != Number::Unsigned || self.bits > 16)
    }

    /// Whether samples hold more than 8 bits.
    pub(in crate::images) fn is_finer(&self) -> bool {
        self.bits > 8 || self.number != Number::Unsigned
    }

    /// Whether samples are of 9 to 16 bits, and become those of a grey or RGB picture by their scale alone.
    pub(in crate::images) fn is_fine(&self) -> bool {
        let is_plain = matches!(self.meaning, Meaning::Grey | Meaning::GreyInverted | Meaning::Rgb);
        is_plain && self.alpha.is_none() && self.number == Number::Unsigned && matches!(self.bits, 9..=16)
    }

    /// The same picture in strips of few rows, where it lies in the file as it is, in one.
    pub(super) fn in_parts(&self) -> Cow<'_, Layout> {
        let Some(rows) = self.rows_of_part() else { return Cow::Borrowed(self) };
        let starts = (0..self.height.div_ceil(rows) as u64).map(|part| part * rows as u64 * self.row_bytes());
        Cow::Owned(Layout {
            chunk: (self.width, rows),
            offsets: starts.clone().map(|start| self.offsets[0].saturating_add(start)).collect(),
            lengths: starts.map(|start| self.lengths[0].saturating_sub(start)).collect(),
            ..self.clone()
        })
    }

    /// Rows of the strips of [`in_parts`](Self::in_parts); none where the picture stays as it is.
    fn rows_of_part(&self) -> Option<usize> {
        let is_one = self.offsets.len() == 1 && !self.is_tiled && self.subsampling() == (1, 1);
        let may_part = is_one && !self.is_planar && self.compression == Compression::None;
        let rows = usize::try_from(PART / self.row_bytes().max(1)).unwrap_or(1);
        may_part.then_some(rows.clamp(1, self.height))
    }

    fn row_bytes(&self) -> u64 {
        (self.width as u64 * self.samples as u64).saturating_mul(self.bits as u64).div_ceil(8)
    }

    /// The largest chunk that reading by rows unpacks, and all bytes that it takes at most: the chunks that a row
    /// crosses.
    pub(in crate::images) fn memory_of_rows(&self) -> (u64, u64) {
        // without its lists of strips, which may be long
        let parts = match self.rows_of_part() {
            Some(rows) => Cow::Owned(Layout { chunk: (self.width, rows), ..self.clone() }),
            None => Cow::Borrowed(self),
        };
        let planes = if self.is_planar { self.kept().len() as u64 } else { 1 };
        let across = self.width.div_ceil(parts.chunk.0) as u64;
        let all = parts.chunk_bytes().saturating_mul(planes * across).saturating_add(parts.unpacking_bytes());
        (parts.chunk_bytes(), all)
    }

    /// The largest number in a sample of up to 16 bits.
    pub(super) fn largest(&self) -> u64 {
        (1 << self.bits) - 1
    }

    /// Whether all that samples hold is numbers of more than 8 bits, and at most 16.
    pub(in crate::images) fn is_deep(&self) -> bool {
        let is_plain =
            matches!(self.meaning, Meaning::Grey | Meaning::GreyInverted | Meaning::Rgb | Meaning::Cmyk);
        self.bits > 8 && is_plain && !self.is_measured() && self.has_no_others()
    }

    /// Whether the 8 bits that are decoded of each sample are all that the picture holds.
    pub(super) fn is_exact(&self) -> bool {
        let is_converted = matches!(self.meaning, Meaning::YCbCr(_) | Meaning::Lab { .. });
        !self.is_finer() && !is_converted && !self.has_fine_palette && self.has_no_others()
    }

    /// Whether there are no samples beside colours and alpha, which are not decoded.
    fn has_no_others(&self) -> bool {
        self.kept().len() == self.samples
    }

    /// Whether colours were multiplied by alpha.
    pub(super) fn is_associated(&self) -> bool {
        self.alpha.is_some_and(|alpha| alpha.is_associated)
    }

    /// What the decoded samples are.
    pub(in crate::images) fn channels(&self) -> Channels {
        match (&self.meaning, self.alpha.is_some()) {
            (Meaning::Cmyk, _) => Channels::Cmyk,
            (Meaning::Grey | Meaning::GreyInverted, false) => Channels::Grey,
            (Meaning::Grey | Meaning::GreyInverted, true) => Channels::GreyAlpha,
            (_, false) => Channels::Rgb,
            (_, true) => Channels::Rgba,
        }
    }

    /// Bytes of all decoded samples.
    pub(in crate::images) fn total_bytes(&self) -> u64 {
        let samples = self.width as u64 * self.height as u64 * self.kept().len() as u64;
        samples.saturating_mul(if self.is_measured() { 4 } else { 1 })
    }

    /// Bytes that unpacking one chunk takes at most.
    pub(in crate::images) fn unpacking_bytes(&self) -> u64 {
        if !matches!(self.compression, Compression::Jpeg { .. }) {
            return self.chunk_bytes();
        }
        // coefficients of 2 bytes, planes, pixels
        let [columns, rows] = [self.chunk.0, self.chunk.1].map(|side| side.next_multiple_of(MCU) as u64);
        let samples = if self.is_planar { 1 } else { self.samples as u64 };
        columns.saturating_mul(rows).saturating_mul(4 * samples)
    }

    /// Bytes of one unpacked chunk.
    pub(in crate::images) fn chunk_bytes(&self) -> u64 {
        let samples = if self.is_planar { 1 } else { self.samples as u64 };
        let bits = (self.chunk.0 as u64).saturating_mul(samples).saturating_mul(self.bits as u64);
        bits.div_ceil(8).saturating_mul(self.chunk.1 as u64)
    }
}

impl Meaning {
    /// How many samples of a pixel are colour.
    pub(super) fn colours(&self) -> usize {
        match self {
            Meaning::Grey | Meaning::GreyInverted | Meaning::Palette(_) => 1,
            Meaning::Rgb | Meaning::YCbCr(_) | Meaning::Lab { .. } => 3,
            Meaning::Cmyk => 4,
        }
    }
}

/// Lengths of all chunks: those that are not told, or told as 0, reach to the next chunk.
fn filled(mut lengths: Vec<u64>, offsets: &[u64]) -> Vec<u64> {
    lengths.resize(offsets.len(), 0);
    if lengths.contains(&0) {
        let mut starts = offsets.to_vec();
        starts.sort_unstable();
        for (length, &offset) in lengths.iter_mut().zip(offsets).filter(|(length, _)| **length == 0) {
            let next = starts.get(starts.partition_point(|&start| start <= offset));
            *length = next.map_or(u64::MAX, |next| next - offset);
        }
    }
    lengths
}

fn number(directory: &Directory) -> Result<Number, String> {
    match directory.number(339).unwrap_or(1) {
        1 | 4 => Ok(Number::Unsigned),
        2 => Ok(Number::Signed),
        3 => Ok(Number::Float),
        5 | 6 => Err("not supported: complex numbers; scientific software reads them".to_owned()),
        other => Err(format!("damaged: no sample format {other} exists")),
    }
}

fn meaning(directory: &Directory, samples: usize, bits: usize) -> Result<Meaning, String> {
    let told = directory.number(262).unwrap_or(if samples < 3 { 0 } else { 2 });
    let unsupported = |what: &str| Err(format!("not supported: {what}"));
    Ok(match told {
        0 => Meaning::GreyInverted,
        // 4 is a mask: 1 is inside
        1 | 4 => Meaning::Grey,
        2 => Meaning::Rgb,
        3 => Meaning::Palette(palette(directory, bits)?),
        5 if matches!(directory.number(332), Some(2)) => {
            return unsupported("inks other than CMYK; ImageMagick reads some");
        }
        5 => Meaning::Cmyk,
        6 => Meaning::YCbCr(ycbcr(directory)),
        8 => Meaning::Lab { is_offset: false },
        9 => Meaning::Lab { is_offset: true },
        10 => return unsupported("ITU LAB; ImageMagick reads it"),
        32_803 | 34_892 => return unsupported("camera raw, which a raw converter reads"),
        32_844 | 32_845 => {
            return unsupported("LogLuv, light in logarithms; programs for HDR images read it");
        }
        other => return Err(format!("damaged: no kind of colour {other} exists")),
    })
}

/// Red of all colours, then green, then blue, in 16 bits; some writers use only 8 of them.
fn palette(directory: &Directory, bits: usize) -> Result<Vec<[u8; 3]>, String> {
    let count = 1 << bits.min(16);
    let table = directory.numbers(320, 3 * count).filter(|table| table.len() == 3 * count);
    let table = table.ok_or("damaged: the palette is missing or cut short")?;
    let shift = if table.iter().all(|&value| value < 256) { 0 } else { 8 };
    Ok((0..count).map(|i| [0, 1, 2].map(|c| (table[i + c * count] >> shift) as u8)).collect())
}

/// Whether 8 bits of each colour are not all: they are stored once, twice, or above a byte of 0.
fn has_fine_palette(directory: &Directory, meaning: &Meaning) -> bool {
    let Meaning::Palette(colours) = meaning else { return false };
    let table = directory.numbers(320, 3 * colours.len()).unwrap_or_default();
    let is_all = |is_coarse: fn(&u64) -> bool| table.iter().all(is_coarse);
    !is_all(|value| *value < 256) && !is_all(|value| value % 257 == 0) && !is_all(|value| value % 256 == 0)
}

fn ycbcr(directory: &Directory) -> YCbCr {
    let three = |tag| directory.fractions(tag, 3).and_then(|found| found.try_into().ok());
    let six = |tag| directory.fractions(tag, 6).and_then(|found| found.try_into().ok());
    let luma = three(529).filter(|luma: &[f32; 3]| luma.iter().all(|share| (0.01..1.0).contains(share)));
    let reference = six(532).filter(|pairs: &[f32; 6]| {
        pairs.as_chunks::<2>().0.iter().all(|[black, white]| white - black >= 1.0)
    });
    let subsampling = directory.numbers(530, 2).filter(|pair| pair.len() == 2).unwrap_or_else(|| vec![2, 2]);
    let ratio = |told: u64| if matches!(told, 1 | 2 | 4) { told as usize } else { 1 };
    YCbCr {
        luma: luma.unwrap_or([0.299, 0.587, 0.114]),
        reference: reference.unwrap_or([0.0, 255.0, 128.0, 255.0, 128.0, 255.0]),
        subsampling: (ratio(subsampling[0]), ratio(subsampling[1])),
    }
}

/// The compression, and the meaning of what it gives: JPEG of three samples a pixel holds YCbCr that its decoder
/// makes RGB of.
fn compression(
    directory: &Directory,
    meaning: Meaning,
    is_of_three: bool,
) -> Result<(Meaning, Compression), String> {
    let name = match directory.number(259).unwrap_or(1) {
        1 => return Ok((meaning, Compression::None)),
        2 => return Ok((meaning, Compression::Fax(Fax::Rows))),
        3 => {
            let two_dimensional = directory.number(292).unwrap_or(0) & 1 != 0;
            return Ok((meaning, Compression::Fax(Fax::Group3 { two_dimensional })));
        }
        4 => return Ok((meaning, Compression::Fax(Fax::Group4))),
        5 => return Ok((meaning, Compression::Lzw)),
        7 => {
            let to_rgb = matches!(meaning, Meaning::YCbCr(_)) && is_of_three;
            let tables = directory.block(347).unwrap_or_default().to_vec();
            return Ok((if to_rgb { Meaning::Rgb } else { meaning }, Compression::Jpeg { tables, to_rgb }));
        }
        8 | 32_946 => return Ok((meaning, Compression::Deflate)),
        32_773 => return Ok((meaning, Compression::PackBits)),
        50_000 => return Ok((meaning, Compression::Zstd)),
        50_001 => {
            return Ok((
                if directory.number(262) == Some(6) { Meaning::Rgb } else { meaning },
                Compression::WebP,
            ));
        }
        6 => "old-style JPEG",
        9 | 10 | 34_661 => "JBIG",
        32_766 => "NeXT's",
        32_771 => "Group 3 in words",
        32_809 => "ThunderScan",
        32_908 | 32_909 => "Pixar's",
        33_003 | 33_004 | 33_005 | 34_712 => "JPEG 2000",
        34_676 | 34_677 => "SGI's logarithmic",
        34_887 => "LERC",
        34_925 => "LZMA",
        50_002 | 52_546 => "JPEG XL",
        other => return Err(format!("not supported: compression {other}, which is not known")),
    };
    Err(format!("not supported: {name} compression; convert it with ImageMagick or libtiff's tiffcp"))
}

/// The tag counts only for these compressions, as in libtiff.
fn predictor(directory: &Directory, compression: &Compression) -> Result<Predictor, String> {
    if !matches!(compression, Compression::Lzw | Compression::Deflate | Compression::Zstd) {
        return Ok(Predictor::None);
    }
    match directory.number(317).unwrap_or(1) {
        1 => Ok(Predictor::None),
        2 => Ok(Predictor::Horizontal),
        3 => Ok(Predictor::Float),
        other => Err(format!("damaged: no predictor {other} exists")),
    }
}

/// Alpha among the samples beyond the colours. Where nothing says what a fourth sample beside RGB is, it is
/// taken for alpha, as by other readers.
fn alpha(directory: &Directory, meaning: &Meaning, samples: usize) -> Result<Option<Alpha>, String> {
    let colours = meaning.colours();
    if samples < colours || samples > 64 {
        return Err(format!("damaged: expected {colours} samples a pixel or some more, got {samples}"));
    }
    let told = directory.numbers(338, samples - colours).unwrap_or_default();
    let found = told.iter().position(|&kind| matches!(kind, 1 | 2));
    Ok(match found {
        _ if *meaning == Meaning::Cmyk => None,
        Some(extra) => Some(Alpha { sample: colours + extra, is_associated: told[extra] == 1 }),
        None if told.first().is_none_or(|&kind| kind != 0) && colours == 3 && samples == 4 => {
            Some(Alpha { sample: 3, is_associated: false })
        }
        None => None,
    })
}

/// Whether there are tiles, and the columns and rows of a strip or tile.
fn chunk(directory: &Directory, (width, height): (usize, usize)) -> Result<(bool, (usize, usize)), String> {
    let number = |tag| directory.number(tag).map(|side| side as usize);
    if !directory.has(324) {
        let rows = number(278).unwrap_or(height).min(height);
        return if rows > 0 {
            Ok((false, (width, rows)))
        } else {
            Err("damaged: strips of 0 rows".to_owned())
        };
    }
    match (number(322), number(323)) {
        (Some(columns @ 1..=0xf_ffff), Some(rows @ 1..=0xf_ffff)) => Ok((true, (columns, rows))),
        _ => Err("damaged: tiles without a size".to_owned()),
    }
}
