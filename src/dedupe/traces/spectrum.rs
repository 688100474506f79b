//! How much light there is at each frequency, along a picture and down: an enlarged picture has little beyond the
//! highest frequency of the one it was made from.

use std::f32::consts::TAU;
use std::sync::OnceLock;

use crate::images::Pixels;

/// Bands along each axis, evenly spaced up to the highest frequency, of half a period to a pixel.
pub(in crate::dedupe) const BANDS: usize = 32;
/// Pixels of a segment.
const LENGTH: usize = 2 * BANDS;
/// Segments along the axis, and beside each other.
const ALONG: usize = 4;
const ACROSS: usize = 24;
/// Values to a doubling of the power, and the value of a power of 1.
pub(in crate::dedupe) const PER_OCTAVE: f32 = 8.0;
const ZERO: f32 = 80.0;

/// The logarithm of the power in each band: along the rows, then down the columns.
pub(in crate::dedupe) type Spectrum = [u8; 2 * BANDS];

/// The spectrum of a picture; none of a small one.
pub(super) fn measure(pixels: &Pixels) -> Option<Spectrum> {
    if pixels.width.min(pixels.height) < LENGTH {
        return None;
    }
    let along = powers(pixels, (pixels.width, pixels.height), |x, y| (x, y));
    let down = powers(pixels, (pixels.height, pixels.width), |y, x| (x, y));
    let byte = |power: f32| (PER_OCTAVE * power.max(f32::MIN_POSITIVE).log2() + ZERO).clamp(0.0, 255.0) as u8;
    Some(std::array::from_fn(|at| byte(if at < BANDS { along[at] } else { down[at - BANDS] })))
}

/// Cosine and sine of each band, with a window of Hann.
fn waves() -> &'static [[[f32; LENGTH]; 2]; BANDS] {
    static WAVES: OnceLock<Box<[[[f32; LENGTH]; 2]; BANDS]>> = OnceLock::new();
    WAVES.get_or_init(|| {
        let wave = |band: usize, is_sine: bool, at: usize| {
            let window = 0.5 - 0.5 * (TAU * (at as f32 + 0.5) / LENGTH as f32).cos();
            let (sin, cos) = (TAU * ((band + 1) * at % LENGTH) as f32 / LENGTH as f32).sin_cos();
            window * if is_sine { sin } else { cos }
        };
        let of_band = |band| [false, true].map(|is_sine| std::array::from_fn(|at| wave(band, is_sine, at)));
        Box::new(std::array::from_fn(of_band))
    })
}

/// The mean power in each band of segments along the first axis, `place` tells where a point of both axes lies.
fn powers(
    pixels: &Pixels,
    (length, breadth): (usize, usize),
    place: fn(usize, usize) -> (usize, usize),
) -> [f32; BANDS] {
    let waves = waves();
    let mut powers = [0.0; BANDS];
    let mut segment = [0.0f32; LENGTH];
    for number in 0..ALONG * ACROSS {
        let start = (length - LENGTH) * (number % ALONG) / (ALONG - 1);
        let line = breadth * (2 * (number / ALONG) + 1) / (2 * ACROSS);
        for (at, value) in segment.iter_mut().enumerate() {
            let (x, y) = place(start + at, line);
            *value = luma(pixels, x, y);
        }
        let mean = segment.iter().sum::<f32>() / LENGTH as f32;
        segment.iter_mut().for_each(|value| *value -= mean);
        for (power, [cosine, sine]) in powers.iter_mut().zip(waves) {
            let dot = |wave: &[f32; LENGTH]| wave.iter().zip(&segment).map(|(a, b)| a * b).sum::<f32>();
            *power += dot(cosine).powi(2) + dot(sine).powi(2);
        }
    }
    powers.map(|power| power / (ALONG * ACROSS * LENGTH) as f32)
}

fn luma(pixels: &Pixels, x: usize, y: usize) -> f32 {
    let at = (y * pixels.width + x) * pixels.channels;
    match pixels.data.get(at..at + pixels.channels) {
        Some(&[r, g, b]) => 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b),
        Some(&[grey, ..]) => f32::from(grey),
        _ => 0.0,
    }
}
