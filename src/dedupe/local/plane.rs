//! Grey pictures in memory, and what is done to them: made smaller, blurred, read between pixels.

use crate::images::{InputShape, Pixels, Resizer};

/// The share of pixels at each end that do not count when the darkest and the brightest are looked for.
const TAIL: f32 = 0.01;
/// The most that contrast is raised.
const MOST_GAIN: f32 = 4.0;

/// A grey picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    /// u8 `[height, width]`.
    pub(super) data: Vec<u8>,
}

impl Plane {
    /// The luma of an image, its longer side `side` pixels, with its proportions kept as well as whole pixels
    /// allow, and with its contrast raised to what fits.
    ///
    /// # Errors
    /// When the image is empty.
    pub(super) fn of(pixels: &Pixels, side: usize, resizer: &mut Resizer) -> Result<Plane, String> {
        let longest = pixels.width.max(pixels.height).max(1);
        let scaled = |length: usize| ((length * side + longest / 2) / longest).max(1);
        let (width, height) = (scaled(pixels.width), scaled(pixels.height));
        let mut values = vec![0.0; width * height];
        resizer.to_input(pixels, InputShape { channels: 1, height, width }, &mut values)?;
        let data = values.into_iter().map(|value| (value * 255.0 + 0.5) as u8).collect();
        let mut plane = Plane { width, height, data };
        plane.raise_contrast();
        Ok(plane)
    }

    fn raise_contrast(&mut self) {
        let mut counts = [0usize; 256];
        self.data.iter().for_each(|&value| counts[usize::from(value)] += 1);
        let tail = (self.data.len() as f32 * TAIL) as usize;
        let reached = |levels: [usize; 256]| {
            let mut seen = 0;
            let is_reached = |level: &&usize| {
                seen += counts[**level];
                seen > tail
            };
            levels.iter().find(is_reached).copied().unwrap_or(0) as f32
        };
        let low = reached(std::array::from_fn(|level| level));
        let high = reached(std::array::from_fn(|level| 255 - level));
        let gain = (255.0 / (high - low).max(1.0)).min(MOST_GAIN);
        let table: [u8; 256] = std::array::from_fn(|level| ((level as f32 - low) * gain).round() as u8);
        self.data.iter_mut().for_each(|value| *value = table[usize::from(*value)]);
    }

    /// The same picture at another size, bilinear; for sizes that are little smaller.
    pub(super) fn resized(&self, width: usize, height: usize) -> Plane {
        let along = steps(self.width, width);
        let down = steps(self.height, height);
        let mut data = Vec::with_capacity(width * height);
        let mut between = vec![0u16; self.width]; // the row that lies between two, times 256
        for &(y, next, part) in &down {
            let (upper, lower) = (&self.data[y * self.width..], &self.data[next * self.width..]);
            for ((between, &a), &b) in between.iter_mut().zip(upper).zip(lower) {
                *between = u16::from(a) * (256 - part) + u16::from(b) * part;
            }
            data.extend(along.iter().map(|&(x, right, share)| {
                let (a, b, share) = (u32::from(between[x]), u32::from(between[right]), u32::from(share));
                ((a * (256 - share) + b * share + (1 << 15)) >> 16) as u8
            }));
        }
        Plane { width, height, data }
    }

    /// Sums over squares of 5x5 pixels, u16 `[height, width]`; nothing within two pixels of the edge.
    pub(super) fn sums_of_five(&self) -> Vec<u16> {
        let (width, height) = (self.width, self.height);
        let mut sums = vec![0u16; width * height];
        let mut columns = vec![0u16; width];
        for y in 2..height.saturating_sub(2) {
            let rows: [&[u8]; 5] = std::array::from_fn(|i| &self.data[(y + i - 2) * width..][..width]);
            for (x, sum) in columns.iter_mut().enumerate() {
                *sum = rows.iter().map(|row| u16::from(row[x])).sum();
            }
            let out = &mut sums[y * width..][..width];
            for (x, five) in columns.windows(5).enumerate() {
                out[x + 2] = five.iter().sum();
            }
        }
        sums
    }
}

/// For each pixel of `target`, the two of `source` that it lies between, and how near to the second, of 256.
fn steps(source: usize, target: usize) -> Vec<(usize, usize, u16)> {
    let scale = source as f32 / target as f32;
    let step = |at: usize| {
        let place = ((at as f32 + 0.5) * scale - 0.5).clamp(0.0, (source - 1) as f32);
        let first = place as usize;
        (first, (first + 1).min(source - 1), ((place - first as f32) * 256.0) as u16)
    };
    (0..target).map(step).collect()
}
