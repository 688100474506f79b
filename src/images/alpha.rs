//! Transparency: whether an alpha channel says anything, and the ground that a transparent image is laid over.
//!
//! The ground is white, as where browsers and converters flatten an image; black where the drawing would not
//! show on white, as with a white logo. An alpha of 0 throughout was never set, as in many TGA and BMP files:
//! the colours count, as viewers show them. Opaque pixels stay what they are on any ground.

/// Least difference from white that shows, root of the mean square over all visible pixels, 0..=255.
const SHOWS: u64 = 24;

/// Drops the last of `N` channels, alpha, after laying the others over a ground on which they show: `[n, N]`
/// to `[n, N - 1]`.
#[cfg(test)]
pub(super) fn over_ground<const N: usize>(pixels: &[u8]) -> Vec<u8> {
    over_grounds::<N>(pixels, false).0
}

/// The same, and if `both` are wanted, also over the other ground, where that makes a difference.
pub(super) fn over_grounds<const N: usize>(
    pixels: &[u8],
    both: bool,
) -> (Vec<u8>, Option<(Ground, Vec<u8>)>) {
    let pixels = pixels.as_chunks::<N>().0;
    let mut visible = Visible::default();
    visible.add(pixels);
    let other = if both { visible.other_ground() } else { None };
    (visible.ground().under(pixels), other.map(|ground| (ground, ground.under(pixels))))
}

/// What pixels are laid over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    White,
    Black,
    /// Nothing: alpha was never set.
    Unset,
}

impl Ground {
    pub(super) const ALL: [Ground; 3] = [Ground::White, Ground::Black, Ground::Unset];

    /// Pixels laid over it, `[n, N]` to `[n, N - 1]`.
    pub(super) fn under<const N: usize>(self, pixels: &[[u8; N]]) -> Vec<u8> {
        let ground = if self == Ground::White { 255 } else { 0 };
        let mut out = Vec::with_capacity(pixels.len() * (N - 1));
        for pixel in pixels {
            let alpha = if self == Ground::Unset { 255 } else { u32::from(pixel[N - 1]) };
            let lay = |&value: &u8| ((u32::from(value) * alpha + ground * (255 - alpha) + 127) / 255) as u8;
            out.extend(pixel[..N - 1].iter().map(lay));
        }
        out
    }
}

/// What is visible of the pixels so far: how much they differ from white, each in as far as it is opaque.
#[derive(Debug, Default)]
pub(super) struct Visible {
    squares: u64,
    weights: u64,
    is_transparent: bool,
}

impl Visible {
    /// More pixels of the image.
    pub(super) fn add<const N: usize>(&mut self, pixels: &[[u8; N]]) {
        for pixel in pixels {
            let alpha = u64::from(pixel[N - 1]);
            let darkest = pixel[..N - 1].iter().min().map_or(0, |&value| 255 - u64::from(value));
            self.squares += alpha * darkest * darkest;
            self.weights += alpha;
            self.is_transparent |= alpha < 255;
        }
    }

    /// The one of black and white that is not the ground, where the image is transparent anywhere.
    pub(super) fn other_ground(&self) -> Option<Ground> {
        match self.ground() {
            Ground::White if self.is_transparent => Some(Ground::Black),
            Ground::Black if self.is_transparent => Some(Ground::White),
            _ => None,
        }
    }

    /// The ground of an image of which these were all pixels.
    pub(super) fn ground(&self) -> Ground {
        match () {
            () if self.weights == 0 => Ground::Unset,
            () if self.squares >= SHOWS * SHOWS * self.weights => Ground::White,
            () => Ground::Black,
        }
    }
}

/// Colours that were multiplied by their alpha, the last of `N` channels, become what they were before.
pub(super) fn divide_by_alpha<const N: usize>(pixels: &mut [u8]) {
    for pixel in pixels.as_chunks_mut::<N>().0 {
        let alpha = u32::from(pixel[N - 1]);
        if let 1..=254 = alpha {
            let divide = |value: &mut u8| {
                *value = ((u32::from(*value) * 255 + alpha / 2) / alpha).min(255) as u8;
            };
            pixel[..N - 1].iter_mut().for_each(divide);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_show_on_their_ground() {
        assert_eq!(over_ground::<2>(&[0, 255, 0, 0]), [0, 255], "black ink on white");
        assert_eq!(over_ground::<2>(&[255, 255, 255, 0]), [255, 0], "white ink on black");
        assert_eq!(over_ground::<4>(&[255, 250, 240, 255, 0, 0, 0, 0]), [255, 250, 240, 0, 0, 0]);
        assert_eq!(over_ground::<4>(&[255, 255, 0, 255, 0, 0, 0, 0]), [255, 255, 0, 255, 255, 255]);
        assert_eq!(over_ground::<4>(&[200, 100, 50, 128, 9, 9, 9, 0]), [227, 177, 152, 255, 255, 255]);
    }

    #[test]
    fn the_other_ground_is_that_of_transparent_pixels_alone() {
        let both = |pixels: &[u8]| over_grounds::<2>(pixels, true).1;
        assert_eq!(both(&[0, 255, 0, 0]), Some((Ground::Black, vec![0, 0])));
        assert_eq!(both(&[255, 255, 255, 0]), Some((Ground::White, vec![255, 255])));
        assert_eq!((both(&[0, 255, 9, 255]), both(&[7, 0, 8, 0])), (None, None));
        assert_eq!(over_grounds::<2>(&[0, 255, 0, 0], false).1, None);
    }

    #[test]
    fn opaque_pixels_stay() {
        let values: Vec<u8> = (0..=255).flat_map(|value| [value, 255]).collect();
        assert_eq!(over_ground::<2>(&values), (0..=255).collect::<Vec<u8>>());
    }

    #[test]
    fn an_alpha_of_zero_throughout_hides_nothing() {
        assert_eq!(over_ground::<4>(&[1, 2, 3, 0, 4, 5, 6, 0]), [1, 2, 3, 4, 5, 6]);
        assert!(over_ground::<2>(&[]).is_empty());
    }

    #[test]
    fn associated_alpha_is_divided_out() {
        let mut pixels = [100, 50, 0, 128, 7, 8, 9, 255, 0, 0, 0, 0, 200, 0, 0, 100];
        divide_by_alpha::<4>(&mut pixels);
        assert_eq!(pixels, [199, 100, 0, 128, 7, 8, 9, 255, 0, 0, 0, 0, 255, 0, 0, 100]);
    }
}
