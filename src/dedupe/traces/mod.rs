//! What an image tells of how it came to be: a camera, a generator, an earlier JPEG, an enlargement.
//!
//! ```text
//! headers -> Origin --+
//! pixels --+-> lattice: block means that lie on a lattice, of this JPEG file's grid and of others
//!          +-> detail: how much there is from pixel to pixel, and in which periods
//! ```
//!
//! It is measured when a fingerprint is made, from the pixels as they are decoded for that, and kept in it.
//! What it means shows only beside another image (`original`): a picture saved twice is the better one where
//! there is no other.

mod detail;
mod lattice;

pub(super) use detail::{octaves_above, period};
pub(super) use lattice::Earlier;

use crate::images::{Encoding, Origin, Pixels};

/// Bytes that they take.
pub(super) const SIZE: usize = HEAD + detail::SIZE;
/// Those before the detail.
const HEAD: usize = 5;
/// Marks in the first byte.
const CAMERA: u8 = 1;
const GENERATED: u8 = 2;
const LOSSY: u8 = 4;
const PALETTE: u8 = 8;
const STANDARD: u8 = 16;
const TEXTURED: u8 = 32;
/// In the second, how an earlier JPEG shows; its step, or frequency, is in the third.
const OTHER_GRID: u8 = 1;
const OWN_GRID: u8 = 2;
const GRID_AT_START: u8 = 3;

/// What is known of how an image came to be, borrowed from a fingerprint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traces<'a> {
    bytes: &'a [u8; SIZE],
}

/// The traces of an image as bytes; `size` is that of the whole image, which may have been decoded smaller.
pub(super) fn traces_of(pixels: &Pixels, size: (usize, usize), origin: &Origin) -> [u8; SIZE] {
    let found = lattice::earlier(pixels, size, origin);
    let marks = [
        (origin.camera, CAMERA),
        (origin.generated, GENERATED),
        (origin.encoding == Encoding::Lossy, LOSSY),
        (origin.encoding == Encoding::Palette, PALETTE),
        (origin.standard_tables, STANDARD),
        (found.is_textured, TEXTURED),
    ];
    let mut bytes = [0; SIZE];
    bytes[0] = marks.iter().filter(|(is_so, _)| *is_so).map(|(_, mark)| mark).sum();
    (bytes[1], bytes[2]) = match found.earlier {
        None => (0, 0),
        Some(Earlier::OtherGrid { step, at_start }) => {
            (if at_start { GRID_AT_START } else { OTHER_GRID }, step)
        }
        Some(Earlier::OwnGrid { frequency }) => (OWN_GRID, (frequency * 255.0).round() as u8),
    };
    bytes[3] = origin.jpeg_step.map_or(0, |step| step.min(255) as u8);
    bytes[4] = lattice::block_side(pixels, size).map_or(0, |side| side as u8);
    bytes[HEAD..].copy_from_slice(&detail::measure(pixels));
    bytes
}

impl<'a> Traces<'a> {
    pub(super) fn from_bytes(bytes: &'a [u8; SIZE]) -> Traces<'a> {
        Traces { bytes }
    }

    fn has(&self, mark: u8) -> bool {
        self.bytes[0] & mark != 0
    }

    /// EXIF data tells which camera took it, or how.
    pub(super) fn camera(&self) -> bool {
        self.has(CAMERA)
    }

    /// It tells how it was generated.
    pub(super) fn generated(&self) -> bool {
        self.has(GENERATED)
    }

    /// What its encoding keeps.
    pub(super) fn encoding(&self) -> Encoding {
        match () {
            () if self.has(LOSSY) => Encoding::Lossy,
            () if self.has(PALETTE) => Encoding::Palette,
            () => Encoding::Lossless,
        }
    }

    /// A JPEG file with the quantization tables of libjpeg.
    pub(super) fn has_standard_tables(&self) -> bool {
        self.has(STANDARD)
    }

    /// Most of it has texture, as photos have.
    pub(super) fn is_textured(&self) -> bool {
        self.has(TEXTURED)
    }

    /// The step by which a JPEG file quantizes the first coefficient of luma; none in other files.
    pub(super) fn jpeg_step(&self) -> Option<u8> {
        Some(self.bytes[3]).filter(|step| *step > 0)
    }

    /// How an earlier JPEG file shows.
    pub(super) fn earlier(&self) -> Option<Earlier> {
        match self.bytes[1] {
            code @ (OTHER_GRID | GRID_AT_START) => {
                Some(Earlier::OtherGrid { step: self.bytes[2], at_start: code == GRID_AT_START })
            }
            OWN_GRID => Some(Earlier::OwnGrid { frequency: f32::from(self.bytes[2]) / 255.0 }),
            _ => None,
        }
    }

    /// The side of what a block of 8x8 pixels of the image became when it was decoded: 8 if it was decoded
    /// whole; 0 if it was decoded at another part than 1/2 or 1/4 of its size.
    pub(super) fn block_side(&self) -> u8 {
        self.bytes[4]
    }

    /// The detail of the pixels that were decoded.
    pub(super) fn detail(&self) -> Option<&'a [u8; detail::SIZE]> {
        self.bytes[HEAD..].first_chunk()
    }
}
