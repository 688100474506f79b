//! Pixels as a file has them, in 8 bits: before profile, transparency and orientation are applied.

/// What the channels of a raster are, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channels {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
    /// 0 is no ink, 255 is full.
    Cmyk,
}

impl Channels {
    /// How many there are.
    pub(super) fn count(self) -> usize {
        match self {
            Channels::Grey => 1,
            Channels::GreyAlpha => 2,
            Channels::Rgb => 3,
            Channels::Rgba | Channels::Cmyk => 4,
        }
    }
}

/// Pixels of one image, u8 [H, W, C].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Raster {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: Channels,
    pub(super) data: Vec<u8>,
}

/// The nearest of 256 steps: 65535 is 255 x 257.
pub(super) fn to_8_bits(value: u16) -> u8 {
    ((u32::from(value) + 128) / 257) as u8
}

/// CMYK as RGB where no profile says how the inks look: what each ink leaves of its colour.
pub(super) fn without_profile([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    let left = |ink: u8| ((255 - u32::from(ink)) * (255 - u32::from(black)) + 127) / 255;
    [cyan, magenta, yellow].map(|ink| left(ink) as u8)
}
