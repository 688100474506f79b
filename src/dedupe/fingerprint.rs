//! The fingerprint of an image: what is kept to compare it with others. It takes 1.3 kB, or 5.4 kB for an
//! image of 64x64 pixels and more.
//!
//! It holds the luma at 32x32, for larger images also at 64x64, and the colour at 8x8, whatever the image's
//! proportions; the size, format and traces of how it came to be, to find out which copy is the original; and a
//! hash of the pixels, unless the image was decoded smaller than it is.
//! Nothing here knows the index.

use super::local;
use super::traces::{self, Traces, traces_of};
use crate::images::{InputShape, Needed, OnGround, Pixels, Resizer, SourceFacts};

/// Side of the luma, in pixels.
pub(super) const SIDE: usize = 32;
/// Pixels of the luma.
pub(super) const AREA: usize = SIDE * SIDE;
/// Side of the colour, in pixels.
const CHROMA_SIDE: usize = 8;
/// Values of the colour: blueness at each pixel, then redness.
pub(super) const CHROMA: usize = 2 * CHROMA_SIDE * CHROMA_SIDE;

/// Luma, u8 `[SIDE, SIDE]`.
pub(super) type Thumb = [u8; AREA];
/// Side of the larger luma that is also kept of large images, in pixels.
pub(super) const FINE_SIDE: usize = 2 * SIDE;
/// Its pixels.
const FINE_AREA: usize = FINE_SIDE * FINE_SIDE;
/// That luma, u8 `[FINE_SIDE, FINE_SIDE]`.
pub(super) type FineLuma = [u8; FINE_AREA];

/// Colour this close to grey counts as grey: JPEG leaves as much in grey pictures. In levels.
const GREY_WITHIN: u8 = 2;

/// Offsets in the bytes of a fingerprint; the first byte is the version.
pub(super) const VERSION: u8 = 9;
const WIDTH: usize = 1;
const HEIGHT: usize = 5;
const FLAGS: usize = 9;
const EXIF: u8 = 1;
const HAS_FINE: u8 = 2;
const SEVERAL: u8 = 4;
const NO_HASH: u8 = 8;
const PARTIAL: u8 = 16;
const FINER: u8 = 32;
const DAMAGED: u8 = 64;
const ON_BOTH: u8 = 128;
const PIXELS: usize = 10;
const LUMA: usize = PIXELS + 32;
const COLOUR: usize = LUMA + AREA;
const FINE: usize = COLOUR + CHROMA;

/// A fingerprint, borrowed from its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fingerprint<'a> {
    /// The hash of the samples as they are stored, upright. None where the image was decoded smaller than it is,
    /// or only in part.
    pub(super) pixels: Option<&'a [u8; 32]>,
    /// The luma.
    pub(super) luma: &'a Thumb,
    /// The luma at twice the size, if the image is large enough.
    pub(super) fine: Option<&'a FineLuma>,
    /// Cb, then Cr, u8 `[2, 8, 8]`; 128 is grey.
    pub(super) chroma: &'a [u8; CHROMA],
    /// Width of the upright image, in pixels.
    pub(super) width: u32,
    /// Its height.
    pub(super) height: u32,
    /// Its file's format, such as `jpeg`; empty for plain pixels.
    pub(super) format: &'a str,
    /// Its file has EXIF data.
    pub(super) exif: bool,
    /// The quality of a JPEG file, 1 to 100.
    pub(super) jpeg_quality: Option<u8>,
    /// What it tells of how it came to be.
    pub(super) traces: Traces<'a>,
    /// Its file holds further pictures.
    pub(super) several: bool,
    /// Its samples have more bits than the lumas show.
    pub(super) finer: bool,
    /// Not everything in it is decoded, so other files with the same decoded pixels may differ.
    pub(super) partial: bool,
    /// What is wrong with it, if anything: its pixels may not be those that were written.
    pub(super) damage: Option<&'a str>,
    /// How a transparent image looks on the other one of black and white.
    pub(super) other: Option<OnOther<'a>>,
}

/// How a transparent image looks on the other ground.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnOther<'a> {
    /// The other ground is white, the one that the image shows on is black.
    pub(super) is_white: bool,
    luma: &'a Thumb,
    fine: Option<&'a FineLuma>,
    chroma: &'a [u8; CHROMA],
}

/// What decoding an image has shown beside its pixels.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What is wrong with its file.
    pub(super) damage: Vec<String>,
    /// A transparent image over the other ground.
    pub(super) other: Option<OnGround>,
}

/// How large an image has to be decoded for its fingerprint and for local features: at twice the size of the fine luma,
/// which with the margin of [`Needed`] is three times as many pixels each way. Where the image's own size would not be
/// known then, it is decoded whole.
pub(super) fn needed(facts: &SourceFacts) -> Needed {
    let enough = Needed::Both { width: 2 * FINE_SIDE, height: 2 * FINE_SIDE, side: local::SIDE };
    if facts.size.is_some() { enough } else { Needed::Whole }
}

/// The bytes of an image's fingerprint.
///
/// # Errors
/// When the image is empty.
pub(super) fn fingerprint_of(
    pixels: &Pixels,
    facts: &SourceFacts,
    found: &Found,
    resizer: &mut Resizer,
) -> Result<Vec<u8>, String> {
    let Found { damage, other } = found;
    let mut bytes = Vec::with_capacity(FINE + FINE_AREA + traces::SIZE + 8);
    let fine = fine_luma(pixels, resizer)?;
    bytes.push(VERSION);
    let decoded = (pixels.width, pixels.height);
    let (width, height) = facts.size.unwrap_or(decoded);
    let is_whole = (width, height) == decoded;
    for side in [width, height] {
        bytes.extend(u32::try_from(side).map_err(|_| "too large".to_owned())?.to_le_bytes());
    }
    let hash = facts.samples.filter(|_| is_whole && !facts.partial && damage.is_empty());
    let flags = [
        (facts.exif, EXIF),
        (fine.is_some(), HAS_FINE),
        (facts.several, SEVERAL),
        (hash.is_none(), NO_HASH),
        // if the image was decoded whole and has no hash, another decode will not give one
        (facts.partial || is_whole && hash.is_none(), PARTIAL),
        (facts.finer, FINER),
        (!damage.is_empty(), DAMAGED),
        (other.is_some(), ON_BOTH),
    ];
    bytes.push(flags.iter().filter(|(is_so, _)| *is_so).map(|(_, flag)| flag).sum());
    bytes.extend(hash.unwrap_or_default());
    bytes.extend(luma(pixels, resizer)?);
    bytes.extend(chroma(pixels, resizer)?);
    bytes.extend(fine.iter().flat_map(|fine| fine.iter()));
    if let Some(OnGround { is_white, pixels }) = other {
        bytes.push(u8::from(*is_white));
        bytes.extend(luma(pixels, resizer)?);
        bytes.extend(chroma(pixels, resizer)?);
        bytes.extend(fine_luma(pixels, resizer)?.iter().flat_map(|fine| fine.iter()));
    }
    bytes.push(facts.jpeg_quality.unwrap_or(0));
    bytes.extend(traces_of(pixels, (width, height), &facts.origin));
    bytes.extend(facts.format.as_bytes());
    if !damage.is_empty() {
        bytes.push(b'\n');
        bytes.extend(damage.join(", ").replace('\n', " ").as_bytes());
    }
    Ok(bytes)
}

/// The same fingerprint, with the hash of the whole image's samples, if it has one; nothing if the bytes are not
/// a fingerprint of this version.
pub(super) fn with_samples(fingerprint: &[u8], samples: Option<[u8; 32]>) -> Option<Vec<u8>> {
    let mut bytes = fingerprint.to_vec();
    Fingerprint::from_bytes(fingerprint)?;
    bytes[FLAGS] =
        bytes[FLAGS] & !(NO_HASH | PARTIAL) | if samples.is_none() { NO_HASH | PARTIAL } else { 0 };
    bytes[PIXELS..LUMA].copy_from_slice(&samples.unwrap_or_default());
    Some(bytes)
}

/// An image's luma, stretched to a square.
///
/// # Errors
/// When the image is empty.
pub(super) fn luma(pixels: &Pixels, resizer: &mut Resizer) -> Result<Thumb, String> {
    let mut plane = [0.0; AREA];
    resizer.to_input(pixels, InputShape { channels: 1, height: SIDE, width: SIDE }, &mut plane)?;
    Ok(plane.map(|value| (value * 255.0).round() as u8))
}

/// The luma of an image at twice the size, if the image is large enough.
///
/// # Errors
/// When the image is empty.
pub(super) fn fine_luma(pixels: &Pixels, resizer: &mut Resizer) -> Result<Option<Box<FineLuma>>, String> {
    if pixels.width.min(pixels.height) < FINE_SIDE {
        return Ok(None);
    }
    let mut plane = vec![0.0; FINE_AREA];
    resizer.to_input(pixels, InputShape { channels: 1, height: FINE_SIDE, width: FINE_SIDE }, &mut plane)?;
    let bytes: Box<[u8]> = plane.iter().map(|value| (value * 255.0).round() as u8).collect();
    Ok(bytes.try_into().ok())
}

/// An image's colour, as Cb and Cr of JPEG.
///
/// # Errors
/// When the image is empty.
pub(super) fn chroma(pixels: &Pixels, resizer: &mut Resizer) -> Result<[u8; CHROMA], String> {
    const PLANE: usize = CHROMA / 2;
    if pixels.channels == 1 {
        return Ok([128; CHROMA]);
    }
    let mut planes = [0.0; 3 * PLANE];
    let shape = InputShape { channels: 3, height: CHROMA_SIDE, width: CHROMA_SIDE };
    resizer.to_input(pixels, shape, &mut planes)?;
    Ok(std::array::from_fn(|i| {
        let [r, g, b] = [0, 1, 2].map(|channel| planes[channel * PLANE + i % PLANE]);
        let value = match i / PLANE {
            0 => -0.168_736 * r - 0.331_264 * g + 0.5 * b,
            _ => 0.5 * r - 0.418_688 * g - 0.081_312 * b,
        };
        (128.0 + value * 255.0).round().clamp(0.0, 255.0) as u8
    }))
}

impl<'a> Fingerprint<'a> {
    /// Whether no other image counts as near it, because it holds more than its lumas show.
    pub(super) fn is_apart(&self) -> bool {
        self.several || self.finer
    }

    /// Whether the picture has no colour.
    pub(super) fn is_grey(&self) -> bool {
        self.chroma.iter().all(|value| value.abs_diff(128) <= GREY_WITHIN)
    }

    /// The same, of a transparent image on the other ground.
    pub(super) fn on_other(&self) -> Option<Fingerprint<'a>> {
        let OnOther { luma, fine, chroma, .. } = self.other?;
        Some(Fingerprint { luma, fine, chroma, other: None, ..*self })
    }

    /// Reads a fingerprint; nothing if the bytes are not a fingerprint of this version.
    pub(super) fn from_bytes(bytes: &'a [u8]) -> Option<Fingerprint<'a>> {
        if bytes.first() != Some(&VERSION) {
            return None;
        }
        let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let flags = *bytes.get(FLAGS)?;
        let (fine, rest) =
            bytes.get(FINE..)?.split_at_checked(if flags & HAS_FINE != 0 { FINE_AREA } else { 0 })?;
        let (other, rest) = match flags & ON_BOTH {
            0 => (None, rest),
            _ => {
                let (&is_white, rest) = rest.split_first()?;
                let (luma, rest) = rest.split_first_chunk()?;
                let (chroma, rest) = rest.split_first_chunk()?;
                let (fine, rest) = rest.split_at_checked(fine.len())?;
                let fine = if fine.is_empty() { None } else { Some(fine.try_into().ok()?) };
                (Some(OnOther { is_white: is_white == 1, luma, fine, chroma }), rest)
            }
        };
        let (&quality, rest) = rest.split_first()?;
        let (traces, rest) = rest.split_first_chunk::<{ traces::SIZE }>()?;
        let rest = std::str::from_utf8(rest).ok()?;
        let (format, damage) = rest.split_once('\n').unwrap_or((rest, ""));
        Some(Fingerprint {
            pixels: if flags & NO_HASH != 0 { None } else { Some(bytes.get(PIXELS..LUMA)?.try_into().ok()?) },
            luma: bytes.get(LUMA..COLOUR)?.try_into().ok()?,
            chroma: bytes.get(COLOUR..FINE)?.try_into().ok()?,
            fine: if fine.is_empty() { None } else { Some(fine.try_into().ok()?) },
            width: number(WIDTH)?,
            height: number(HEIGHT)?,
            format,
            exif: flags & EXIF != 0,
            jpeg_quality: (quality > 0).then_some(quality),
            traces: Traces::from_bytes(traces),
            several: flags & SEVERAL != 0,
            partial: flags & PARTIAL != 0,
            finer: flags & FINER != 0,
            damage: (flags & DAMAGED != 0).then_some(damage),
            other,
        })
    }
}

/// The eight orientations of a square.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Turn {
    /// Mirrored left to right, before it is turned.
    pub mirrored: bool,
    /// Quarter turns to the right, 0 to 3.
    pub quarters: u8,
}

impl Turn {
    /// Unchanged.
    pub const NONE: Turn = Turn { mirrored: false, quarters: 0 };
    /// Mirrored left to right.
    pub const MIRRORED: Turn = Turn { mirrored: true, quarters: 0 };
    /// Flipped upside down.
    pub const FLIPPED: Turn = Turn { mirrored: true, quarters: 2 };

    /// The turn that takes it back.
    pub fn inverse(self) -> Turn {
        // a mirrored turn is its own inverse
        if self.mirrored { self } else { Turn { quarters: (4 - self.quarters) % 4, ..self } }
    }

    /// The square image, u8 `[side, side]`, turned.
    ///
    /// # Panics
    /// When the image is not square.
    pub fn of<const N: usize>(self, image: &[u8; N]) -> [u8; N] {
        let side = N.isqrt();
        assert_eq!(side * side, N, "a square");
        let last = side - 1;
        std::array::from_fn(|at| {
            let (x, y) = (at % side, at / side);
            let (x, y) = match self.quarters % 4 {
                0 => (x, y),
                1 => (y, last - x),
                2 => (last - x, last - y),
                _ => (last - y, x),
            };
            image[y * side + if self.mirrored { last - x } else { x }]
        })
    }

    /// Both planes of a colour, turned.
    pub(super) fn of_chroma(self, chroma: &[u8; CHROMA]) -> [u8; CHROMA] {
        let plane = |at: usize| -> [u8; CHROMA / 2] { std::array::from_fn(|i| chroma[at + i]) };
        let planes = [self.of(&plane(0)), self.of(&plane(CHROMA / 2))];
        std::array::from_fn(|i| planes[i / (CHROMA / 2)][i % (CHROMA / 2)])
    }

    /// In words; nothing for an unchanged image.
    pub fn name(self) -> Option<&'static str> {
        match (self.mirrored, self.quarters % 4) {
            (false, 0) => None,
            (false, 1) => Some("turned right"),
            (false, 2) => Some("turned upside down"),
            (false, _) => Some("turned left"),
            (true, 0) => Some("mirrored"),
            (true, 1) => Some("mirrored and turned right"),
            (true, 2) => Some("flipped"),
            (true, _) => Some("mirrored and turned left"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_back_and_damage_is_none() {
        for (width, height, fine) in [(5, 7, false), (64, 63, false), (64, 64, true), (100, 70, true)] {
            let data = (0..width * height * 3).map(|i| (i * 37 % 251) as u8).collect();
            let pixels = Pixels { width, height, channels: 3, data };
            let samples = Some([7; 32]);
            let facts = SourceFacts {
                format: "png",
                exif: true,
                jpeg_quality: fine.then_some(90),
                several: fine,
                samples,
                ..SourceFacts::default()
            };
            let bytes = fingerprint_of(&pixels, &facts, &Found::default(), &mut Resizer::new()).unwrap();
            let fingerprint = Fingerprint::from_bytes(&bytes).unwrap();
            assert_eq!(
                (fingerprint.width as usize, fingerprint.height as usize, fingerprint.format),
                (width, height, "png")
            );
            assert_eq!(
                (fingerprint.exif, fingerprint.fine.is_some(), fingerprint.several),
                (true, fine, fine)
            );
            assert_eq!(
                (fingerprint.pixels, fingerprint.finer, fingerprint.partial, fingerprint.damage),
                (samples.as_ref(), false, false, None)
            );
            assert_eq!(fingerprint.jpeg_quality, facts.jpeg_quality);
            let unsure = SourceFacts { samples: None, finer: true, ..facts };
            let unsure = fingerprint_of(&pixels, &unsure, &Found::default(), &mut Resizer::new()).unwrap();
            let found = Fingerprint::from_bytes(&unsure).unwrap();
            assert_eq!((found.pixels, found.finer, found.partial), (None, true, true), "all was decoded");
            let damage = ["cut short".to_owned(), "dark\nblue".to_owned()];
            let other = OnGround {
                is_white: true,
                pixels: Pixels { data: vec![9; pixels.data.len()], width, height, channels: 3 },
            };
            let more = Found { damage: damage.to_vec(), other: Some(other) };
            let damaged = fingerprint_of(&pixels, &facts, &more, &mut Resizer::new()).unwrap();
            let found = Fingerprint::from_bytes(&damaged).unwrap();
            assert!(found.other.is_some_and(|other| other.is_white && other.luma == &[9; AREA]));
            assert_eq!(found.on_other().unwrap().fine.is_some(), fine);
            assert!((0..damaged.len() - 40).all(|end| Fingerprint::from_bytes(&damaged[..end]).is_none()));
            assert_eq!(
                (found.pixels, found.damage, found.format),
                (None, Some("cut short, dark blue"), "png")
            );
            assert_eq!(fingerprint.luma, &luma(&pixels, &mut Resizer::new()).unwrap());
            let smaller = SourceFacts { size: Some((8 * width, 8 * height)), ..facts };
            let smaller = fingerprint_of(&pixels, &smaller, &Found::default(), &mut Resizer::new()).unwrap();
            let found = Fingerprint::from_bytes(&smaller).unwrap();
            assert_eq!(
                (found.pixels, found.partial, found.width as usize, found.height as usize),
                (None, false, 8 * width, 8 * height)
            );
            let settled = with_samples(&smaller, samples).unwrap();
            assert_eq!(Fingerprint::from_bytes(&settled).unwrap().pixels, fingerprint.pixels);
            let settled = with_samples(&smaller, None).unwrap();
            assert!(Fingerprint::from_bytes(&settled).unwrap().partial);
            let whole = if fine { FINE + FINE_AREA } else { FINE };
            assert!((0..whole).all(|end| Fingerprint::from_bytes(&bytes[..end]).is_none()));
        }
        assert!(Fingerprint::from_bytes(&[VERSION + 1; 2000]).is_none());
    }

    #[test]
    fn grey_has_no_colour_and_colours_have_theirs() {
        let image = |rgb: [u8; 3]| Pixels { width: 4, height: 4, channels: 3, data: rgb.repeat(16) };
        let chroma = |rgb| chroma(&image(rgb), &mut Resizer::new()).unwrap();
        assert_eq!(chroma([90, 90, 90]), [128; CHROMA]);
        let blue = chroma([0, 0, 255]);
        assert!(blue[0] > 250 && blue[CHROMA / 2] < 128);
    }

    #[test]
    fn every_turn_is_taken_back_by_its_inverse() {
        let image: Thumb = std::array::from_fn(|i| (i * 7919 % 251) as u8);
        for mirrored in [false, true] {
            for quarters in 0..4 {
                let turn = Turn { mirrored, quarters };
                assert_eq!(turn.inverse().of(&turn.of(&image)), image, "{turn:?}");
            }
        }
        let right = Turn { quarters: 1, ..Turn::NONE }.of(&image);
        assert_eq!(
            (right[SIDE - 1], right[0]),
            (image[0], image[AREA - SIDE]),
            "top left comes to the top right"
        );
    }
}
