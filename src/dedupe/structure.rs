//! Codes of an image's structure, which stay nearly the same in a copy that was re-encoded, scaled,
//! brightened or cropped.
//!
//! Two vectors are computed from the luma, and each becomes 256 bits: on which side of fixed random planes it
//! is (Charikar, STOC 2002), so that the share of bits in which two codes differ is the angle between the
//! vectors, over pi.
//!
//! - `spatial`: low frequencies of the cosine transform. It knows where things are; a crop moves them.
//! - `spectrum`: magnitudes of low frequencies of the windowed Fourier transform. It does not know where
//!   things are, and finds copies that were shifted, cropped or turned a little.
//!
//! For 1,000 copies cropped by 11 % among 50,000 photos, the original is among the 16 nearest for 89 % by
//! spatial code, 98 % by spectrum, all by either; for digits shifted by a pixel 79 %, 100 %, 100 %. Semantic
//! codes are trained to ignore what these keep.

use std::f64::consts::PI;
use std::sync::LazyLock;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::fingerprint::{AREA, SIDE, Thumb};

/// Bits of a code.
pub(super) const BITS: usize = 256;
/// u64 words of a code.
pub(super) const WORDS: usize = BITS / 64;
/// A code.
pub(super) type Code = [u64; WORDS];

/// Frequencies of the cosine transform along each side.
const ORDER: usize = 8;
/// Numbers of a spatial vector.
pub(super) const SPATIAL: usize = ORDER * ORDER;
/// The highest frequency of the Fourier transform.
const HIGHEST: usize = 5;
/// Frequencies along a row: 0 to the highest, and the same below 0.
const ACROSS: usize = 2 * HIGHEST + 1;
/// Numbers of a spectrum vector.
pub(super) const SPECTRUM: usize = (HIGHEST + 1) * ACROSS;

/// Sines, cosines and weights.
struct Tables {
    cosines: [[f32; SIDE]; ORDER],
    weights: [f32; SPATIAL],
    window: [f32; SIDE],
    waves: [[(f32, f32); SIDE]; ACROSS], // cosine and sine; those below 0 last
}

static TABLES: LazyLock<Box<Tables>> = LazyLock::new(|| {
    let array = |f: &dyn Fn(usize) -> f64| -> [f32; SIDE] { std::array::from_fn(|at| f(at) as f32) };
    let cosine = |order: usize| array(&|at| (PI * order as f64 * (at as f64 + 0.5) / SIDE as f64).cos());
    let frequency = |i: usize| if i <= HIGHEST { i as f64 } else { i as f64 - ACROSS as f64 };
    let wave = |i: usize| -> [(f32, f32); SIDE] {
        std::array::from_fn(|at| {
            let (sine, cosine) = (2.0 * PI * frequency(i) * at as f64 / SIDE as f64).sin_cos();
            (cosine as f32, sine as f32)
        })
    };
    Box::new(Tables {
        cosines: std::array::from_fn(cosine),
        // natural images have less of the higher frequencies: half of that is compensated
        weights: std::array::from_fn(|i| ((i / ORDER).pow(2) + (i % ORDER).pow(2)) as f32)
            .map(|f| f.powf(0.25)),
        window: array(&|at| (PI * at as f64 / (SIDE as f64 - 1.0)).sin()),
        waves: std::array::from_fn(wave),
    })
});

/// Where things are. As a code it depends on neither brightness nor contrast.
pub(super) fn spatial(luma: &Thumb) -> [f32; SPATIAL] {
    let Tables { cosines, weights, .. } = &**TABLES;
    let mut rows = [[0.0f32; ORDER]; SIDE]; // frequencies along each row
    for (row, out) in luma.as_chunks::<SIDE>().0.iter().zip(&mut rows) {
        for (out, cosines) in out.iter_mut().zip(cosines) {
            *out = row.iter().zip(cosines).map(|(&value, cosine)| f32::from(value) * cosine).sum();
        }
    }
    std::array::from_fn(|i| {
        let cosines = &cosines[i / ORDER];
        let sum: f32 = rows.iter().zip(cosines).map(|(row, cosine)| row[i % ORDER] * cosine).sum();
        sum * weights[i]
    })
}

/// Which frequencies there are, wherever they are: logarithms of magnitudes, relative to their mean.
pub(super) fn spectrum(luma: &Thumb) -> [f32; SPECTRUM] {
    let Tables { window, waves, .. } = &**TABLES;
    let mean = luma.iter().map(|&value| u32::from(value)).sum::<u32>() as f32 / AREA as f32;
    let mut rows = [[(0.0f32, 0.0f32); ACROSS]; SIDE];
    for (row, out) in luma.as_chunks::<SIDE>().0.iter().zip(&mut rows) {
        let row: [f32; SIDE] = std::array::from_fn(|x| (f32::from(row[x]) - mean) * window[x]);
        for (i, out) in out.iter_mut().enumerate().take(HIGHEST + 1) {
            for (value, (cosine, sine)) in row.iter().zip(&waves[i]) {
                out.0 += value * cosine;
                out.1 -= value * sine;
            }
        }
        for i in HIGHEST + 1..ACROSS {
            let (real, imaginary) = out[ACROSS - i]; // the row is real
            out[i] = (real, -imaginary);
        }
    }
    let magnitudes: [f32; SPECTRUM] = std::array::from_fn(|i| {
        let (wave, across) = (&waves[i / ACROSS], i % ACROSS);
        let (mut real, mut imaginary) = (0.0, 0.0);
        for ((row, window), (cosine, sine)) in rows.iter().zip(window).zip(wave) {
            let (a, b) = row[across];
            real += window * (a * cosine + b * sine);
            imaginary += window * (b * cosine - a * sine);
        }
        f32::hypot(real, imaginary)
    });
    let mean = magnitudes.iter().sum::<f32>() / SPECTRUM as f32 + 1e-3;
    magnitudes.map(|magnitude| (magnitude / mean).ln_1p())
}

/// The planes for vectors of N numbers.
pub(super) struct Planes<const N: usize>(Vec<[f32; N]>); // [BITS]

impl<const N: usize> Planes<N> {
    /// Always the same planes.
    pub(super) fn new() -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(N as u64);
        Planes((0..BITS).map(|_| std::array::from_fn(|_| StandardNormal.sample(&mut rng))).collect())
    }

    /// The code of a vector, less `mean`.
    pub(super) fn code(&self, vector: &[f32; N], mean: &[f32; N]) -> Code {
        let vector: [f32; N] = std::array::from_fn(|i| vector[i] - mean[i]);
        let mut code = [0; WORDS];
        for (bit, plane) in self.0.iter().enumerate() {
            let side: f32 = plane.iter().zip(&vector).map(|(a, b)| a * b).sum();
            code[bit / 64] |= u64::from(side > 0.0) << (bit % 64);
        }
        code
    }
}

/// The mean of some vectors; zeros for none.
pub(super) fn mean<const N: usize>(vectors: &[[f32; N]]) -> [f32; N] {
    let n = vectors.len().max(1) as f64;
    std::array::from_fn(|i| (vectors.iter().map(|vector| f64::from(vector[i])).sum::<f64>() / n) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A few blobs, moved by (dx, dy).
    fn blobs(dx: f32, dy: f32, gain: f32) -> Thumb {
        std::array::from_fn(|i| {
            let (x, y) = ((i % SIDE) as f32 - dx, (i / SIDE) as f32 - dy);
            let blob = |cx: f32, cy: f32, r: f32| (-((x - cx).powi(2) + (y - cy).powi(2)) / r).exp();
            let light =
                0.5 * blob(12.0, 14.0, 20.0) + 0.3 * blob(20.0, 18.0, 9.0) + 0.2 * blob(15.0, 22.0, 4.0);
            (20.0 + gain * 200.0 * light) as u8
        })
    }

    fn distances(a: &Thumb, b: &Thumb) -> (u32, u32) {
        let apart = |a: Code, b: Code| a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum();
        let (planes, spectra) = (Planes::new(), Planes::new());
        let mut middle = spectrum(a);
        middle.iter_mut().for_each(|value| *value = 0.5);
        (
            apart(planes.code(&spatial(a), &[0.0; SPATIAL]), planes.code(&spatial(b), &[0.0; SPATIAL])),
            apart(spectra.code(&spectrum(a), &middle), spectra.code(&spectrum(b), &middle)),
        )
    }

    #[test]
    fn brightness_is_nothing_and_a_shift_is_nothing_to_the_spectrum() {
        let image = blobs(0.0, 0.0, 1.0);
        let (spatial, spectrum) = distances(&image, &blobs(0.0, 0.0, 0.6));
        assert!(spatial < 8 && spectrum < 8, "{spatial} {spectrum}");
        let (spatial, spectrum) = distances(&image, &blobs(1.5, -1.0, 1.0));
        assert!(spectrum < 30 && spectrum < spatial, "{spatial} {spectrum}");
    }

    #[test]
    fn a_wave_is_found_at_its_frequency() {
        let luma: Thumb = std::array::from_fn(|i| {
            (128.0 + 100.0 * (2.0 * PI * 3.0 * (i % SIDE) as f64 / SIDE as f64).cos()) as u8
        });
        let spectrum = spectrum(&luma);
        let largest = (0..SPECTRUM).max_by(|&a, &b| spectrum[a].total_cmp(&spectrum[b])).unwrap();
        assert!([3, ACROSS - 3].contains(&largest), "{largest}");
    }
}
