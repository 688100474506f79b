//! How much detail a picture has from pixel to pixel, and whether that comes and goes with a period, as where
//! a program made new pixels between others (Gallagher, Detection of Linear and Cubic Interpolation in JPEG
//! Compressed Images, 2005).
//!
//! Detail is the second difference of luma. New pixels are weighted means of old ones, with weights that
//! depend on how near these are, and so does the second difference: enlarged from 4 to 5 pixels, it repeats
//! every five. Enlarged to exactly twice the size, all new pixels are alike, and nothing shows.

use std::f32::consts::TAU;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use crate::images::Pixels;

/// Frequencies that are told apart: these to 1, of a pixel.
pub(in crate::dedupe) const RESOLUTION: usize = 1024;
/// The lowest frequency that is looked at.
const FIRST: usize = RESOLUTION / 20;
/// The highest: half a period to a pixel.
const LAST: usize = RESOLUTION / 2;
/// Pixels along a line at most, and lines at most.
const LENGTH: usize = 512;
const LINES: usize = 160;
/// Second differences above this count as this, so that a few edges do not count for all. In levels.
const MOST: f32 = 20.0;
/// The trend that is taken away: pixels to either side.
const TREND: usize = 8;
/// Peaks that are kept, and how many times as high as the median they are at least.
const PEAKS: usize = 6;
const CLEAR: f32 = 3.0;
/// Values to a unit of strength, and to a doubling of the power; the value of a power of 1.
const PER_UNIT: f32 = 4.0;
const PER_OCTAVE: f32 = 16.0;
const ZERO: f32 = 64.0;
/// Shares of the longer side that a source may have: beyond these, the period is long, and pictures have such.
const SHARES: RangeInclusive<f32> = 0.3..=0.86;
/// Bytes of an axis: frequency and strength of each peak.
const AXIS: usize = 3 * PEAKS;
/// Bytes of all.
pub(super) const SIZE: usize = 1 + 2 * AXIS;

/// Pixels of a side that are looked at.
fn length(side: usize) -> usize {
    side.saturating_sub(2).min(LENGTH)
}

/// The detail of a picture, as bytes; zeros for a small one.
pub(super) fn measure(pixels: &Pixels) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    if pixels.width.min(pixels.height) < 4 * TREND {
        return bytes;
    }
    let (along, of_rows) = profile(pixels, (pixels.width, pixels.height), |x, y| (x, y));
    let (down, of_columns) = profile(pixels, (pixels.height, pixels.width), |y, x| (x, y));
    bytes[0] =
        (PER_OCTAVE * (of_rows + of_columns).max(f32::MIN_POSITIVE).log2() + ZERO).clamp(1.0, 255.0) as u8;
    for (axis, profile) in [along, down].into_iter().enumerate() {
        let of_axis = &mut bytes[1 + axis * AXIS..][..AXIS];
        for (peak, (frequency, strength)) in of_axis.chunks_exact_mut(3).zip(peaks(profile)) {
            peak[..2].copy_from_slice(&(frequency as u16).to_le_bytes());
            peak[2] = (PER_UNIT * strength).min(255.0) as u8;
        }
    }
    bytes
}

/// How many octaves more power the detail of the first has; none if either is too small.
pub(in crate::dedupe) fn octaves_above(a: &[u8; SIZE], b: &[u8; SIZE]) -> Option<f32> {
    (a[0] > 0 && b[0] > 0).then(|| (f32::from(a[0]) - f32::from(b[0])) / PER_OCTAVE)
}

/// The strength of the period that enlarging to `side` pixels from `of` leaves along an axis, 0 or 1; none
/// where it would lie where that of JPEG blocks does.
pub(in crate::dedupe) fn period(bytes: &[u8; SIZE], axis: usize, side: u32, of: u32) -> Option<f32> {
    let share = of as f32 / side as f32;
    if !SHARES.contains(&share) {
        return None;
    }
    let frequency = if share > 0.5 { 1.0 - share } else { share };
    let width = RESOLUTION as f32 / length(side as usize).max(1) as f32;
    let wanted = frequency * RESOLUTION as f32;
    if wanted < FIRST as f32 || is_of_blocks(wanted, width) {
        return None;
    }
    let peaks = bytes[1 + axis * AXIS..][..AXIS].chunks_exact(3);
    let near = peaks.filter(|peak| {
        let frequency = f32::from(u16::from_le_bytes([peak[0], peak[1]]));
        (frequency - wanted).abs() <= 1.2 * width
    });
    Some(near.map(|peak| f32::from(peak[2]) / PER_UNIT).fold(0.0, f32::max))
}

/// Whether a frequency is that of blocks of 8 pixels, or one of its multiples.
fn is_of_blocks(frequency: f32, width: f32) -> bool {
    let blocks = (RESOLUTION / 8) as f32;
    frequency > blocks / 2.0 && (frequency - (frequency / blocks).round() * blocks).abs() <= 2.5 * width
}

/// The mean size of the second difference at each place along the first axis, and its mean square.
fn profile(
    pixels: &Pixels,
    (side, breadth): (usize, usize),
    place: fn(usize, usize) -> (usize, usize),
) -> (Vec<f32>, f32) {
    let length = length(side);
    let (start, lines) = ((side - length) / 2, breadth.min(LINES));
    let (mut sums, mut squares) = (vec![0.0; length], 0.0);
    let mut line = vec![0.0; length + 2];
    for number in 0..lines {
        let across = breadth * (2 * number + 1) / (2 * lines);
        for (at, value) in line.iter_mut().enumerate() {
            let (x, y) = place((start + at).saturating_sub(1).min(side - 1), across);
            *value = luma(pixels, x, y);
        }
        for (sum, three) in sums.iter_mut().zip(line.windows(3)) {
            let difference = (2.0 * three[1] - three[0] - three[2]).abs().min(MOST);
            *sum += difference;
            squares += difference * difference;
        }
    }
    sums.iter_mut().for_each(|sum| *sum /= lines as f32);
    (sums, squares / (lines * length) as f32)
}

/// Frequencies at which a profile repeats, the clearest first, and how many times as high as the median they
/// are.
fn peaks(profile: Vec<f32>) -> Vec<(usize, f32)> {
    let length = profile.len();
    let profile: Vec<f32> = profile.into_iter().map(|value| (value + 0.05).ln()).collect();
    let straight = |at: usize| {
        let around = &profile[at.saturating_sub(TREND)..(at + TREND + 1).min(length)];
        let window = 0.5 - 0.5 * (TAU * at as f32 / (length - 1) as f32).cos();
        window * (profile[at] - around.iter().sum::<f32>() / around.len() as f32)
    };
    static TRANSFORM: OnceLock<Arc<dyn Fft<f32>>> = OnceLock::new();
    let transform = TRANSFORM.get_or_init(|| FftPlanner::new().plan_fft_forward(RESOLUTION));
    let mut waves = vec![Complex32::default(); RESOLUTION];
    waves.iter_mut().zip(0..length).for_each(|(wave, at)| wave.re = straight(at));
    transform.process(&mut waves);
    let width = RESOLUTION as f32 / length as f32;
    let strengths: Vec<f32> = waves[FIRST..=LAST].iter().map(|wave| wave.norm()).collect();
    let is_free = |at: usize| !is_of_blocks((FIRST + at) as f32, width);
    let mut free: Vec<f32> = (0..strengths.len()).filter(|at| is_free(*at)).map(|at| strengths[at]).collect();
    free.sort_by(f32::total_cmp);
    let median = free.get(free.len() / 2).copied().unwrap_or(0.0).max(1e-6);
    let is_peak = |at: usize| {
        let [before, here, after] = [strengths[at - 1], strengths[at], strengths[at + 1]];
        is_free(at) && here >= CLEAR * median && here >= before && here > after
    };
    let found = (1..strengths.len() - 1).filter(|at| is_peak(*at));
    let mut found: Vec<(usize, f32)> = found.map(|at| (FIRST + at, strengths[at] / median)).collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found.truncate(PEAKS);
    found
}

fn luma(pixels: &Pixels, x: usize, y: usize) -> f32 {
    let at = (y * pixels.width + x) * pixels.channels;
    match pixels.data.get(at..at + pixels.channels) {
        Some(&[r, g, b]) => 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b),
        Some(&[grey, ..]) => f32::from(grey),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn noise(side: usize) -> Pixels {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let data = (0..side * side).map(|_| rng.random_range(90..160)).collect();
        Pixels { width: side, height: side, channels: 1, data }
    }

    /// Enlarged along the rows, bilinear.
    fn wider(image: &Pixels, width: usize) -> Pixels {
        let value = |at: usize| {
            let (x, y) = (at % width, at / width);
            let place = ((x as f32 + 0.5) * image.width as f32 / width as f32 - 0.5).max(0.0);
            let left = (place as usize).min(image.width - 2);
            let [a, b] = [left, left + 1].map(|x| f32::from(image.data[y * image.width + x]));
            (a + (b - a) * (place - left as f32)).round() as u8
        };
        let data = (0..width * image.height).map(value).collect();
        Pixels { width, height: image.height, channels: 1, data }
    }

    #[test]
    fn enlarging_leaves_its_period_along_the_axis_that_it_made_longer() {
        let image = noise(200);
        for width in [236, 250, 280, 290, 350] {
            let bytes = measure(&wider(&image, width));
            assert!(period(&bytes, 0, width as u32, 200).unwrap() > 4.0, "{width}");
            assert!(
                period(&bytes, 1, width as u32, 200).is_none_or(|strength| strength < CLEAR + 1.5),
                "{width}"
            );
            let untouched = measure(&noise(width));
            assert!(period(&untouched, 0, width as u32, 200).unwrap() < CLEAR + 1.5, "{width}");
        }
        // where the edges of JPEG blocks repeat
        assert_eq!(period(&measure(&image), 0, 200, 150), None);
        assert_eq!(period(&measure(&image), 0, 200, 100), None);
    }

    #[test]
    fn what_is_smooth_has_less_power_and_what_is_small_says_nothing() {
        let image = noise(100);
        let smooth = wider(&wider(&image, 50), 100);
        let more = octaves_above(&measure(&image), &measure(&smooth)).unwrap();
        assert!(more > 0.5, "{more}");
        assert_eq!(octaves_above(&measure(&image), &measure(&noise(9))), None);
        let flat = Pixels { width: 64, height: 64, channels: 3, data: vec![7; 64 * 64 * 3] };
        assert!(octaves_above(&measure(&image), &measure(&flat)).unwrap() > 5.0);
    }
}
