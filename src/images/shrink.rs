//! Makes large images smaller while their rows come in, so that only the smaller image is held in memory.
//! Each pixel is the mean of 2x2, 4x4 or 8x8, of fewer at the right and lower edge, summed in integers.
//!
//! The pixels summed are those that a whole decode would give: converted from the profile to sRGB, and laid
//! over a ground where they are transparent. Only the last row tells on which ground the drawing shows, so
//! until then means are kept for each. Samples of 16 bits are cut to 8 after they are summed, but before if
//! there is a profile or alpha.
//!
//! The rows are those of PNG (`png_rows`) and TIFF. The decoders of WebP, GIF, BMP, PNM, QOI and TGA give whole
//! images, so those formats are decoded whole; JPEG is decoded smaller by its own decoder.

use super::Needed;
use super::alpha::{Ground, Visible};
use super::colour::{self, Transform};
use super::raster::{Channels, Raster};

/// Images that take no more bytes than this, at 8 bits a sample, are decoded whole.
const SMALL: u64 = 4 << 20;

/// The size of an image, and how many of its pixels, each way, become one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) size: (usize, usize),
    pub(super) channels: Channels,
    side: usize,
}

impl Shape {
    /// The shape for an image of this size and EXIF orientation; none if it is to be decoded whole.
    pub(super) fn of(
        (size, turned): ((usize, usize), u8),
        channels: Channels,
        needed: Needed,
    ) -> Option<Shape> {
        let bytes = (size.0 as u64).saturating_mul(size.1 as u64).saturating_mul(channels.count() as u64);
        let upright = if turned >= 5 { (size.1, size.0) } else { size };
        let side = 8 / needed.eighths(upright);
        let shape = Shape { size, channels, side };
        // of few but very long rows a whole decode takes less
        (bytes > SMALL && side > 1 && shape.memory() < bytes.saturating_mul(2)).then_some(shape)
    }

    fn shrunk(self) -> (usize, usize) {
        (self.size.0.div_ceil(self.side), self.size.1.div_ceil(self.side))
    }

    /// Channels that are colour, once CMYK is RGB.
    fn colours(self) -> usize {
        if matches!(self.channels, Channels::Grey | Channels::GreyAlpha) { 1 } else { 3 }
    }

    fn is_transparent(self) -> bool {
        matches!(self.channels, Channels::GreyAlpha | Channels::Rgba)
    }

    /// Bytes of the smaller image.
    pub(super) fn bytes(self) -> u64 {
        let (width, height) = self.shrunk();
        (width as u64 * height as u64).saturating_mul(self.colours() as u64)
    }

    /// Bytes of memory that making it takes: means, the pixels returned, and some rows.
    pub(super) fn memory(self) -> u64 {
        let grounds = if self.is_transparent() { 3 } else { 1 };
        let rows = (self.size.0 as u64).saturating_mul(16 * (grounds + 2));
        self.bytes().saturating_mul(grounds + 1).saturating_add(rows)
    }
}

/// The smaller image, grey or RGB, and the same over the other ground, where that makes a difference.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shrunk {
    pub(super) image: Raster,
    pub(super) other: Option<(Ground, Raster)>,
}

/// Takes the rows of an image, from the top.
pub(super) struct Shrinker {
    shape: Shape,
    transform: Option<Transform>,
    is_fine: bool,
    /// One for an opaque image; otherwise one for each of [`Ground::ALL`].
    means: Vec<Means>,
    visible: Visible,
}

impl Shrinker {
    /// For rows of 8 bits a sample, or of 16 if `is_fine`.
    pub(super) fn new(shape: Shape, transform: Option<Transform>, is_fine: bool) -> Shrinker {
        let is_plain = matches!(shape.channels, Channels::Grey | Channels::Rgb) && transform.is_none();
        let is_fine = is_fine && is_plain;
        let grounds = if shape.is_transparent() { Ground::ALL.len() } else { 1 };
        let means = (0..grounds).map(|_| Means::new(shape, is_fine)).collect();
        Shrinker { shape, transform, is_fine, means, visible: Visible::default() }
    }

    /// Whether rows of 16 bits go to [`fine_row`](Self::fine_row) uncut.
    pub(super) fn is_fine(&self) -> bool {
        self.is_fine
    }

    /// Adds one row or more, of 8 bits a sample, as the file stores them.
    pub(super) fn rows(&mut self, rows: Raster) {
        let Raster { width, channels, data, .. } = colour::to_srgb(rows, self.transform.as_ref());
        for row in data.chunks_exact(width * channels.count()) {
            match channels {
                Channels::GreyAlpha => self.transparent::<2>(row),
                Channels::Rgba => self.transparent::<4>(row),
                _ => self.means[0].add(row),
            }
        }
    }

    /// Adds one row of 16 bits a sample.
    pub(super) fn fine_row(&mut self, row: &[u16]) {
        self.means[0].add(row);
    }

    fn transparent<const N: usize>(&mut self, row: &[u8]) {
        let pixels = row.as_chunks::<N>().0;
        self.visible.add(pixels);
        for (means, ground) in self.means.iter_mut().zip(Ground::ALL) {
            means.add(&ground.under(pixels));
        }
    }

    /// The smaller image, grey or RGB.
    pub(super) fn finish(mut self) -> Shrunk {
        let ground = if self.shape.is_transparent() { self.visible.ground() } else { Ground::ALL[0] };
        let other = self.visible.other_ground().filter(|_| self.shape.is_transparent());
        let image = self.take(ground);
        Shrunk { image, other: other.map(|ground| (ground, self.take(ground))) }
    }

    fn take(&mut self, ground: Ground) -> Raster {
        let at = Ground::ALL.iter().position(|one| *one == ground).unwrap_or(0);
        let (width, height) = self.shape.shrunk();
        let channels = if self.shape.colours() == 1 { Channels::Grey } else { Channels::Rgb };
        let mut data = std::mem::take(&mut self.means[at].out);
        data.resize(width * height * channels.count(), 0);
        Raster { width, height, channels, data }
    }
}

/// Means of squares of pixels, for the rows so far.
struct Means {
    side: usize,
    channels: usize,
    /// A sample is divided by this to have 8 bits.
    unit: u32,
    rows_left: usize,
    rows_held: usize,
    /// Sums of the rows held, [W, C].
    sums: Vec<u32>,
    out: Vec<u8>,
}

impl Means {
    fn new(shape: Shape, is_fine: bool) -> Means {
        let channels = shape.colours();
        Means {
            side: shape.side,
            channels,
            unit: if is_fine { 257 } else { 1 },
            rows_left: shape.size.1,
            rows_held: 0,
            sums: vec![0; shape.size.0 * channels],
            out: Vec::with_capacity(shape.bytes() as usize),
        }
    }

    fn add<T: Copy + Into<u32>>(&mut self, row: &[T]) {
        if self.rows_left == 0 {
            return;
        }
        self.sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += value.into());
        self.rows_held += 1;
        self.rows_left -= 1;
        if self.rows_held == self.side || self.rows_left == 0 {
            self.divide();
        }
    }

    fn divide(&mut self) {
        for square in self.sums.chunks(self.side * self.channels) {
            let count = (square.len() / self.channels * self.rows_held) as u32 * self.unit;
            for channel in 0..self.channels {
                let sum: u32 = square[channel..].iter().step_by(self.channels).sum();
                self.out.push(((sum + count / 2) / count) as u8);
            }
        }
        self.sums.fill(0);
        self.rows_held = 0;
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::images::alpha::over_ground;

    fn shape(size: (usize, usize), channels: Channels, side: usize) -> Shape {
        Shape { size, channels, side }
    }

    /// Of the pixels of a whole decode, [H, W, C].
    fn box_means(pixels: &[u8], (width, height): (usize, usize), channels: usize, side: usize) -> Vec<f64> {
        let mut out = Vec::new();
        for (top, left) in
            (0..height).step_by(side).flat_map(|y| (0..width).step_by(side).map(move |x| (y, x)))
        {
            let (rows, columns) = (top..height.min(top + side), left..width.min(left + side));
            let count = (rows.len() * columns.len()) as f64;
            for channel in 0..channels {
                let at = |y: usize, x: usize| f64::from(pixels[(y * width + x) * channels + channel]);
                let sum: f64 = rows.clone().flat_map(|y| columns.clone().map(move |x| at(y, x))).sum();
                out.push(sum / count);
            }
        }
        out
    }

    #[test]
    fn means_are_those_of_the_whole_image_on_its_ground() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for case in 0..200 {
            let size = (rng.random_range(1..40), rng.random_range(1..40));
            let side = [2, 4, 8][case % 3];
            let kinds = [Channels::Grey, Channels::GreyAlpha, Channels::Rgb, Channels::Rgba];
            let channels = kinds[rng.random_range(0..4)];
            let mut data = vec![0; size.0 * size.1 * channels.count()];
            // dark or white drawings, alpha never set, or anything
            let range = [0..=255, 0..=40, 250..=255][rng.random_range(0..3)].clone();
            data.iter_mut().for_each(|value| *value = rng.random_range(range.clone()));
            let alpha = [0..=0, 255..=255, 0..=255, 128..=128][rng.random_range(0..4)].clone();
            let whole = match channels {
                Channels::GreyAlpha | Channels::Rgba => {
                    let alphas = data.iter_mut().skip(channels.count() - 1).step_by(channels.count());
                    alphas.for_each(|value| *value = rng.random_range(alpha.clone()));
                    if channels == Channels::Rgba { over_ground::<4>(&data) } else { over_ground::<2>(&data) }
                }
                _ => data.clone(),
            };
            let mut shrinker = Shrinker::new(shape(size, channels, side), None, false);
            let mut rest = &data[..];
            let row = size.0 * channels.count();
            while !rest.is_empty() {
                let rows = rng.random_range(1..=3).min(rest.len() / row);
                let (now, later) = rest.split_at(rows * row);
                shrinker.rows(Raster { width: size.0, height: rows, channels, data: now.to_vec() });
                rest = later;
            }
            let found = shrinker.finish().image;
            assert_eq!((found.width, found.height), (size.0.div_ceil(side), size.1.div_ceil(side)));
            let expected = box_means(&whole, size, found.channels.count(), side);
            assert_eq!(found.data.len(), expected.len());
            for (&found, expected) in found.data.iter().zip(expected) {
                assert!((f64::from(found) - expected).abs() <= 0.5, "{size:?} {channels:?} {side}");
            }
        }
    }

    #[test]
    fn samples_of_16_bits_are_cut_after_the_mean() {
        let mut shrinker = Shrinker::new(shape((2, 2), Channels::Grey, 2), None, true);
        // each alone becomes 0 or 1 in 8 bits; their mean, three quarters of 257, is nearer to 1
        [[0, 257], [257, 257]].iter().for_each(|row| shrinker.fine_row(row));
        assert_eq!(shrinker.finish().image.data, [1]);
        let mut shrinker = Shrinker::new(shape((2, 2), Channels::Grey, 2), None, true);
        [[120, 120], [120, 140]].iter().for_each(|row| shrinker.fine_row(row));
        assert_eq!(shrinker.finish().image.data, [0], "their mean is 125 of 257");
        assert!(!Shrinker::new(shape((2, 2), Channels::Rgba, 2), None, true).is_fine());
    }

    #[test]
    fn small_images_are_decoded_whole() {
        let needed = Needed::Stretched { width: 32, height: 32 };
        let of = |size, channels| Shape::of((size, 6), channels, needed);
        assert!(of((1000, 1000), Channels::Rgb).is_none() && of((90, 50_000), Channels::Rgb).is_none());
        assert!(
            of((1 << 11, 1 << 11), Channels::Grey).is_none() && of((1025, 1025), Channels::Rgba).is_some()
        );
        let large = of((4001, 3000), Channels::Rgb).expect("a large one");
        assert_eq!((large.shrunk(), large.bytes()), ((501, 375), 501 * 375 * 3));
        assert!(Shape::of(((4000, 3000), 1), Channels::Rgb, Needed::Whole).is_none());
    }
}
