//! Photoshop files (PSD, and PSB for large ones): the merged picture that Photoshop stores behind the layers for
//! other programs. Layers are not put together here.
//!
//! ```text
//! header | palette | resources: profile, EXIF, ... | layers: how many, and names of blocks | merged picture
//! ```
//!
//! The merged picture is stored by channels, as it looks on white; its transparency stands beside it. Samples
//! of 32 bits are linear light.

use super::alpha::divide_by_alpha;
use super::colour::Transform;
use super::limits::check_pixels;
use super::raster::{Channels, Raster, lab_to_rgb, to_8_bits};
use super::{Decoding, tiff};

/// Ids of resources.
const ALPHA_IDENTIFIERS: u16 = 1053;
pub(super) const EXIF: u16 = 1058;
const PROFILE: u16 = 1039;
const TRANSPARENT_INDEX: u16 = 1047;
const VERSION: u16 = 1057;
pub(super) const XMP: u16 = 1060;

const TRUNCATED: &str = "the file ends too early (truncated)";

/// What samples mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// 1 is black.
    Bits,
    Grey,
    Indexed,
    Rgb,
    /// 0 is full ink.
    Cmyk,
    Lab,
}

/// The merged picture as it is stored, and how its colours become sRGB.
///
/// # Errors
/// What is damaged, too large or not supported.
pub(super) fn decode(bytes: &[u8], how: &Decoding) -> Result<(Raster, Option<Transform>), String> {
    let file = File::parse(bytes)?;
    let is_merged = file.resource(VERSION).and_then(|version| version.get(4)) != Some(&0);
    if !is_merged && file.layers() != 0 {
        return Err(
            "unsupported: saved without a merged picture; save it with \"Maximize Compatibility\" on"
                .to_owned(),
        );
    }
    let alpha = file.has_transparency();
    let kept = file.mode.colours() + usize::from(alpha);
    let pixels = file.width as u64 * file.height as u64;
    let samples = pixels.saturating_mul(kept.max(3) as u64);
    check_pixels((file.width as u32, file.height as u32), samples, &how.limits)?;
    let _held = how.budget.take(samples.saturating_mul(2), &how.stopwatch)?;

    let data = file.samples(kept)?;
    let raster = file.raster(data, alpha);
    let transform = file.resource(PROFILE).filter(|_| file.has_profile());
    let transform = transform.and_then(|profile| Transform::of(profile, raster.channels));
    Ok((raster, transform))
}

/// What stands in the resource of an id.
pub(super) fn resource(bytes: &[u8], id: u16) -> Option<&[u8]> {
    File::parse(bytes).ok()?.resource(id)
}

impl Mode {
    fn of(number: u16, bits: u16) -> Result<Mode, String> {
        match (number, bits) {
            (0, 1) => Ok(Mode::Bits),
            // duotone: what its inks look like is not described
            (1 | 8, 8 | 16 | 32) => Ok(Mode::Grey),
            (2, 8) => Ok(Mode::Indexed),
            (3, 8 | 16 | 32) => Ok(Mode::Rgb),
            (4, 8 | 16) => Ok(Mode::Cmyk),
            (9, 8 | 16) => Ok(Mode::Lab),
            (7, _) => {
                Err("unsupported: inks of any kind (multichannel); ImageMagick reads some such files"
                    .to_owned())
            }
            (0..=9, _) => Err(format!("unsupported: mode {number} in {bits} bits")),
            _ => Err(format!("damaged: mode {number}")),
        }
    }

    /// Channels of its colours.
    fn colours(self) -> usize {
        match self {
            Mode::Bits | Mode::Grey | Mode::Indexed => 1,
            Mode::Rgb | Mode::Lab => 3,
            Mode::Cmyk => 4,
        }
    }
}

/// The parts of a file.
struct File<'a> {
    /// Of the kind for large files, whose lengths have 8 bytes.
    is_large: bool,
    channels: usize,
    width: usize,
    height: usize,
    bits: usize,
    mode: Mode,
    palette: &'a [u8],
    resources: &'a [u8],
    layers: &'a [u8],
    picture: &'a [u8],
}

impl<'a> File<'a> {
    fn parse(bytes: &'a [u8]) -> Result<File<'a>, String> {
        let header = bytes.get(..26).ok_or(TRUNCATED)?;
        let short = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let long = |at: usize| usize::from(short(at)) << 16 | usize::from(short(at + 2));
        let (version, channels, bits) = (short(4), usize::from(short(12)), short(22));
        let (height, width) = (long(14), long(18));
        let mode = Mode::of(short(24), bits)?;
        let most = if version == 2 { 300_000 } else { 30_000 };
        if width.max(height) > most || channels > 56 || channels < mode.colours() {
            return Err(format!("damaged: {width}x{height} pixels in {channels} channels"));
        }
        let mut rest = &bytes[26..];
        let is_large = version == 2;
        let palette = block(&mut rest, false).ok_or(TRUNCATED)?;
        let resources = block(&mut rest, false).ok_or(TRUNCATED)?;
        let layers = block(&mut rest, is_large).ok_or(TRUNCATED)?;
        if mode == Mode::Indexed && palette.len() < 768 {
            return Err("damaged: its palette is cut short".to_owned());
        }
        let bits = usize::from(bits);
        Ok(File { is_large, channels, width, height, bits, mode, palette, resources, layers, picture: rest })
    }

    /// The resource of an id: each has a signature, the id, a name, and a length, and begins at an even byte.
    fn resource(&self, id: u16) -> Option<&'a [u8]> {
        let mut rest = self.resources;
        loop {
            let found = u16::from_be_bytes(*rest.get(4..)?.first_chunk()?);
            let name = usize::from(*rest.get(6)?) + 1;
            rest = rest.get(6 + name.next_multiple_of(2)..)?;
            let content = block(&mut rest, false)?;
            if found == id {
                return Some(content);
            }
            rest = rest.get(content.len() % 2..)?;
        }
    }

    /// How many layers there are; less than 0 if the first channel after the colours is transparency.
    fn layers(&self) -> i16 {
        let count = |layers: &[u8]| layers.first_chunk().map(|count| i16::from_be_bytes(*count));
        let mut rest = self.layers;
        let usual = block(&mut rest, self.is_large).and_then(count);
        // those of more than 8 bits have a block of their own
        usual
            .or_else(|| {
                self.blocks()
                    .find(|(name, _)| matches!(name, b"Lr16" | b"Lr32"))
                    .and_then(|(_, deep)| count(deep))
            })
            .unwrap_or(0)
    }

    /// What follows the layers and the global mask: blocks with a signature, a name and a length.
    fn blocks(&self) -> impl Iterator<Item = ([u8; 4], &'a [u8])> + use<'a> {
        let (mut rest, is_large) = (self.layers, self.is_large);
        let begun = block(&mut rest, is_large).and_then(|_| block(&mut rest, false));
        if begun.is_none() {
            rest = &[];
        }
        std::iter::from_fn(move || {
            let name = *rest.get(4..)?.first_chunk()?;
            rest = &rest[8..];
            let is_long = is_large
                && matches!(
                    &name,
                    b"LMsk"
                        | b"Lr16"
                        | b"Lr32"
                        | b"Layr"
                        | b"Mt16"
                        | b"Mt32"
                        | b"Mtrn"
                        | b"Alph"
                        | b"FMsk"
                        | b"lnk2"
                        | b"FEid"
                        | b"FXid"
                        | b"PxSD"
                );
            let content = block(&mut rest, is_long)?;
            let padding = content.len().next_multiple_of(4) - content.len();
            rest = rest.get(padding..).unwrap_or_default();
            Some((name, content))
        })
    }

    /// Whether the channel after those of the colours is transparency, and not a selection that was saved. Only
    /// where it can be told what it did to the colours.
    fn has_transparency(&self) -> bool {
        if !matches!(self.mode, Mode::Grey | Mode::Rgb) || self.channels <= self.mode.colours() {
            return false;
        }
        let layers = self.layers();
        let is_of_selection = || {
            self.resource(ALPHA_IDENTIFIERS).is_some_and(|ids| ids.get(..4).is_some_and(|id| *id != [0; 4]))
        };
        layers < 0
            || self.blocks().any(|(name, _)| matches!(&name, b"Mtrn" | b"Mt16" | b"Mt32"))
            || layers == 0 && !is_of_selection()
    }

    /// The profile of samples of 32 bits is one of linear light, which they no longer are.
    fn has_profile(&self) -> bool {
        self.bits <= 16 && self.mode != Mode::Lab
    }

    /// The first `kept` channels of the picture in 8 bits, u8 [H, W, kept].
    fn samples(&self, kept: usize) -> Result<Vec<u8>, String> {
        let row_bytes = (self.width * self.bits).div_ceil(8);
        let (method, packed) = self.picture.split_first_chunk().ok_or(TRUNCATED)?;
        let rows = self.height * self.channels;
        let mut rest = packed;
        let counts = match u16::from_be_bytes(*method) {
            0 if packed.len() / rows < row_bytes => return Err(TRUNCATED.to_owned()),
            0 => None,
            1 => {
                let size = if self.is_large { 4 } else { 2 };
                let counts;
                (counts, rest) = packed.split_at_checked(rows * size).ok_or(TRUNCATED)?;
                Some(counts.chunks_exact(size))
            }
            2 | 3 => {
                return Err("unsupported: a merged picture packed by ZIP; ImageMagick reads it".to_owned());
            }
            other => return Err(format!("damaged: its picture is packed by method {other}")),
        };
        let mut counts = counts.into_iter().flatten();
        let mut data = vec![0; self.width * self.height * kept];
        for channel in 0..kept {
            for y in 0..self.height {
                let length = counts
                    .next()
                    .map(|digits| digits.iter().fold(0, |sum, &digit| sum << 8 | usize::from(digit)));
                let row;
                (row, rest) = rest.split_at_checked(length.unwrap_or(row_bytes)).ok_or(TRUNCATED)?;
                let unpacked = length.map(|_| tiff::pack_bits(row, row_bytes)).transpose();
                let unpacked =
                    unpacked.map_err(|_| format!("damaged: row {y} of channel {channel} is too short"))?;
                let out = data[y * self.width * kept + channel..].iter_mut().step_by(kept).take(self.width);
                self.unpack(unpacked.as_deref().unwrap_or(row), channel >= self.mode.colours(), out);
            }
        }
        Ok(data)
    }

    /// Samples of a row in 8 bits.
    fn unpack<'b>(&self, row: &[u8], is_alpha: bool, out: impl Iterator<Item = &'b mut u8>) {
        match self.bits {
            1 => out
                .enumerate()
                .for_each(|(x, value)| *value = if row[x / 8] << (x % 8) & 0x80 == 0 { 255 } else { 0 }),
            8 => out.zip(row).for_each(|(value, &stored)| *value = stored),
            16 => out
                .zip(row.as_chunks().0)
                .for_each(|(value, &stored)| *value = to_8_bits(u16::from_be_bytes(stored))),
            _ => out.zip(row.as_chunks().0).for_each(|(value, &stored)| {
                let light = f32::from_be_bytes(stored).clamp(0.0, 1.0);
                let seen = match light {
                    _ if is_alpha => light,
                    ..=0.003_130_8 => light * 12.92,
                    _ => 1.055 * light.powf(1.0 / 2.4) - 0.055,
                };
                *value = (seen * 255.0).round() as u8;
            }),
        }
    }

    fn raster(&self, mut data: Vec<u8>, alpha: bool) -> Raster {
        let channels = match (self.mode, alpha) {
            (Mode::Bits | Mode::Grey, false) => Channels::Grey,
            (Mode::Bits | Mode::Grey, true) => {
                take_off_white::<2>(&mut data);
                Channels::GreyAlpha
            }
            (Mode::Rgb, true) => {
                take_off_white::<4>(&mut data);
                Channels::Rgba
            }
            (Mode::Rgb, false) => Channels::Rgb,
            (Mode::Cmyk, _) => {
                data.iter_mut().for_each(|ink| *ink = 255 - *ink);
                Channels::Cmyk
            }
            (Mode::Lab, _) => {
                let middle = |value: u8| (value ^ 128) as i8;
                data.as_chunks_mut().0.iter_mut().for_each(|colour: &mut [u8; 3]| {
                    *colour = lab_to_rgb(colour[0], middle(colour[1]), middle(colour[2]));
                });
                Channels::Rgb
            }
            (Mode::Indexed, _) => return self.indexed(&data),
        };
        Raster { width: self.width, height: self.height, channels, data }
    }

    /// The palette has all reds, then all greens, then all blues.
    fn indexed(&self, indices: &[u8]) -> Raster {
        let colour = |index: u8| [0, 256, 512].map(|plane| self.palette[plane + usize::from(index)]);
        let transparent = self
            .resource(TRANSPARENT_INDEX)
            .and_then(|index| Some(u16::from_be_bytes(*index.first_chunk()?)));
        let (channels, data) = match transparent {
            Some(hidden @ ..256) => {
                let alpha = |index: u8| if u16::from(index) == hidden { 0 } else { 255 };
                (
                    Channels::Rgba,
                    indices
                        .iter()
                        .flat_map(|&index| colour(index).into_iter().chain([alpha(index)]))
                        .collect(),
                )
            }
            _ => (Channels::Rgb, indices.iter().flat_map(|&index| colour(index)).collect()),
        };
        Raster { width: self.width, height: self.height, channels, data }
    }
}

/// Colours that were laid over white become what they were before. Those that cannot have been are left alone:
/// some programs do not lay them over anything.
fn take_off_white<const N: usize>(pixels: &mut [u8]) {
    /// For rounding.
    const SLACK: u8 = 2;
    let is_on_white = |pixel: &[u8; N]| {
        pixel[..N - 1].iter().all(|&value| value.saturating_add(SLACK) >= 255 - pixel[N - 1])
    };
    if !pixels.as_chunks().0.iter().all(is_on_white) {
        return;
    }
    for pixel in pixels.as_chunks_mut::<N>().0 {
        let white = 255 - pixel[N - 1];
        pixel[..N - 1].iter_mut().for_each(|value| *value = value.saturating_sub(white));
    }
    divide_by_alpha::<N>(pixels);
}

/// Takes a length of 4 bytes, or of 8, and so many bytes off the front.
fn block<'a>(bytes: &mut &'a [u8], is_long: bool) -> Option<&'a [u8]> {
    let (digits, rest) = bytes.split_at_checked(if is_long { 8 } else { 4 })?;
    let length = digits.iter().fold(0, |length: u64, &digit| length << 8 | u64::from(digit));
    let (content, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(content)
}
