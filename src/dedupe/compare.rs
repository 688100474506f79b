//! How unlike two aligned images are: 0 for the same, 1 for nothing in common.
//!
//! The worst place counts. A copy that was compressed, scaled or brightened differs from its original a
//! little everywhere; two images of the same kind (two ones, two ships on the horizon) may agree nearly
//! everywhere, but somewhere they differ completely.
//!
//! 1. Brightness and contrast are matched, from the pixels where neither is clipped; then both are clipped
//!    alike.
//! 2. The sharper one is blurred until both are equally sharp, since an image that was scaled down has lost
//!    its detail. How sharp one is, is the energy of its gradients for its contrast: what is blurred has less contrast, so
//!    equal contrasts hide some of the difference.
//! 3. The gradients are compared in each of 6x6 overlapping squares, two sevenths of a side wide: their
//!    difference over the mean energy of both. The largest value is the unlikeness of the luma. Pixel values
//!    themselves would correlate merely because both images are dark at the top.
//! 4. Different colours make it larger, similar colours smaller: few images with similar luma also have
//!    similar colours.

use super::align::{FLOOR, Sums, Warped, blur};
use super::fingerprint::{AREA, CHROMA, Fingerprint, SIDE, Thumb};

/// Above this, a value may have been clipped, in grey levels.
const CLIPPED: f32 = 240.0;
/// Cells along each side, of which 2x2 make a square.
const CELLS: usize = 7;
/// Rounds of blurring, and the relative difference at which they stop.
const ROUNDS: usize = 16;
const EVEN: f32 = 0.01;
/// How much is blurred in a round, as a share of what one is sharper than the other, and at most.
const EAGER: f32 = 0.3;
const BLUR: f32 = 0.2;
/// The least share of a square, and of the whole, that both must cover.
const COVERED: f32 = 0.4;
const OVERLAP: f32 = 0.5;
/// Mean square of twice the gradient below which an image is flat, with nothing but noise.
const FLAT: f32 = 4.0 * FLOOR;
/// Variance of colour below which images count as grey, in levels squared.
const GREY: f32 = 16.0;
/// The unlikeness of colours that changes nothing, such as that of two grey images.
const NEUTRAL: f32 = 0.25;
/// How much colours count, and the unlikeness below which they count no more.
const COLOUR_WEIGHT: f32 = 0.75;
const COLOUR_FLOOR: f32 = 0.1;

/// Whether an image may be near others at all.
pub(super) fn is_seen(fingerprint: &Fingerprint<'_>) -> bool {
    !is_flat(fingerprint.luma) && !fingerprint.is_apart()
}

/// Whether an image is nearly blank. Such an image resembles no other, and is compared only by bytes and
/// pixels.
pub(super) fn is_flat(luma: &Thumb) -> bool {
    let mut image = luma.map(f32::from);
    blur::<SIDE>(&mut image, 0.25);
    Gradients::<SIDE>::of(&image).energy(&[1.0; AREA]) < FLAT
}

/// Unlikeness of two lumas, f32 `[I, I]` with N points: `a`, and the other one aligned with it.
pub(super) fn luma_unlikeness<const N: usize, const I: usize>(mut a: [f32; N], other: Warped<N>) -> f32 {
    let Warped { value: mut b, inside } = other;
    even_out(&mut a, &mut b, &inside);
    let inner = interior::<N, I>(&inside);
    let (mut of_a, mut of_b) = (Gradients::<I>::of(&a), Gradients::<I>::of(&b));
    let (mut energy_a, mut energy_b) = (of_a.energy(&inner), of_b.energy(&inner));
    for _ in 0..ROUNDS {
        let (contrast_a, contrast_b) = contrasts(&a, &b, &inside);
        let ratio = (energy_a * contrast_b).max(1e-3) / (energy_b * contrast_a).max(1e-3);
        let excess = ratio.max(ratio.recip()) - 1.0;
        if excess < EVEN {
            break;
        }
        let amount = (EAGER * excess).min(BLUR);
        if ratio > 1.0 {
            blur::<I>(&mut a, amount);
            of_a = Gradients::of(&a);
            energy_a = of_a.energy(&inner);
        } else {
            blur::<I>(&mut b, amount);
            of_b = Gradients::of(&b);
            energy_b = of_b.energy(&inner);
        }
    }
    worst_square(&of_a, &of_b, (energy_a, energy_b), &inner)
}

/// Gives both the brightness and contrast of the one with less contrast, and clips them alike.
fn even_out<const N: usize>(a: &mut [f32; N], b: &mut [f32; N], inside: &[f32; N]) {
    let sums = |limit: f32| {
        let weight = |i: usize| if a[i] < limit && b[i] < limit { inside[i] } else { 0.0 };
        let weights: [f32; N] = std::array::from_fn(weight);
        let [of_a, of_b]: [[f32; N]; 2] = [&*a, &*b].map(|v| std::array::from_fn(|i| v[i] * weights[i]));
        Sums { n: weights.iter().sum(), ..Sums::of(&of_a, &of_b) }
    };
    let mut used = sums(CLIPPED);
    let (var_a, var_b, _) = used.covariances();
    if used.n < 0.3 * N as f32 || var_a.min(var_b) < 25.0 {
        used = sums(f32::INFINITY);
    }
    let (var_a, var_b, _) = used.covariances();
    let gain = var_b.sqrt().max(1.0) / var_a.sqrt().max(1.0);
    let offset = (used.b - gain * used.a) / used.n.max(1.0);
    let scale = |values: &mut [f32; N], gain: f32, offset: f32| {
        values.iter_mut().for_each(|value| *value = gain * *value + offset);
        gain * 255.0 + offset
    };
    // where the one that had more contrast was clipped
    let white = if gain > 1.0 { scale(b, 1.0 / gain, -offset / gain) } else { scale(a, gain, offset) };
    for values in [a, b] {
        values.iter_mut().for_each(|value| *value = value.min(white));
    }
}

/// The variances of both, where they overlap.
fn contrasts<const N: usize>(a: &[f32; N], b: &[f32; N], inside: &[f32; N]) -> (f32, f32) {
    let [of_a, of_b]: [[f32; N]; 2] = [a, b].map(|v| std::array::from_fn(|i| v[i] * inside[i]));
    let sums = Sums { n: inside.iter().sum(), ..Sums::of(&of_a, &of_b) }; // `inside` is 0 or 1
    let (a, b, _) = sums.covariances();
    (a.max(1.0), b.max(1.0))
}

/// 1 for points that have gradients, with all four neighbours inside; else 0.
fn interior<const N: usize, const I: usize>(inside: &[f32; N]) -> [f32; N] {
    std::array::from_fn(|at| {
        let (x, y) = (at % I, at / I);
        if !(1..I - 1).contains(&x) || !(1..I - 1).contains(&y) {
            return 0.0;
        }
        inside[at] * inside[at - 1] * inside[at + 1] * inside[at - I] * inside[at + I]
    })
}

/// Twice the gradients along x and y, for points with neighbours on all sides.
struct Gradients<const I: usize> {
    x: [[f32; I]; I],
    y: [[f32; I]; I],
}

impl<const I: usize> Gradients<I> {
    fn of(image: &[f32]) -> Self {
        let rows = image.as_chunks::<I>().0;
        let mut gradients = Gradients { x: [[0.0; I]; I], y: [[0.0; I]; I] };
        for y in 1..I - 1 {
            for x in 1..I - 1 {
                gradients.x[y][x] = rows[y][x + 1] - rows[y][x - 1];
                gradients.y[y][x] = rows[y + 1][x] - rows[y - 1][x];
            }
        }
        gradients
    }

    /// Their mean square, over the points that count.
    fn energy(&self, inner: &[f32]) -> f32 {
        let (mut n, mut sum) = ([0.0f32; I], [0.0f32; I]);
        for ((along, down), weights) in self.x.iter().zip(&self.y).zip(inner.as_chunks::<I>().0) {
            for x in 0..I {
                n[x] += weights[x];
                sum[x] += weights[x] * (along[x] * along[x] + down[x] * down[x]);
            }
        }
        sum.iter().sum::<f32>() / n.iter().sum::<f32>().max(1.0)
    }
}

/// The largest mean difference of gradients in a square, over their mean energy.
fn worst_square<const I: usize>(
    a: &Gradients<I>,
    b: &Gradients<I>,
    energies: (f32, f32),
    inner: &[f32],
) -> f32 {
    let square = 4.0 * ((I - 2) * (I - 2)) as f32 / (CELLS * CELLS) as f32; // points of one, about
    if energies.0.min(energies.1) < FLAT {
        return 1.0;
    }
    let (scale_a, scale_b) = (energies.0.sqrt().recip(), energies.1.sqrt().recip());
    let mut cells = [[(0.0f32, 0.0f32); CELLS]; CELLS]; // difference, points
    for y in 1..I - 1 {
        let weights = &inner[y * I..][..I];
        let mut row = [0.0; I];
        for x in 0..I {
            let (dx, dy) =
                (a.x[y][x] * scale_a - b.x[y][x] * scale_b, a.y[y][x] * scale_a - b.y[y][x] * scale_b);
            row[x] = weights[x] * (dx * dx + dy * dy) / 2.0;
        }
        let cells = &mut cells[(y - 1) * CELLS / (I - 2)];
        for x in 1..I - 1 {
            let cell = &mut cells[(x - 1) * CELLS / (I - 2)];
            cell.0 += row[x];
            cell.1 += weights[x];
        }
    }
    let all: f32 = cells.as_flattened().iter().map(|cell| cell.1).sum();
    if all < OVERLAP * square * (CELLS * CELLS) as f32 / 4.0 {
        return 1.0;
    }
    let squares = (0..CELLS - 1).flat_map(|y| (0..CELLS - 1).map(move |x| (x, y)));
    let unlike = squares.filter_map(|(x, y)| {
        let four = [cells[y][x], cells[y][x + 1], cells[y + 1][x], cells[y + 1][x + 1]];
        let (difference, n) = four.iter().fold((0.0, 0.0), |sum, cell| (sum.0 + cell.0, sum.1 + cell.1));
        (n >= COVERED * square).then_some(difference / n)
    });
    unlike.fold(0.0, f32::max).min(1.0)
}

/// Unlikeness of the colours of two [fingerprints](super::fingerprint), 0 to 1; for two grey images it is
/// neutral.
pub(super) fn colour_unlikeness(a: &[u8; CHROMA], b: &[u8; CHROMA]) -> f32 {
    let (mut difference, mut energy) = (0.0, 0.0);
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (f32::from(a) - 128.0, f32::from(b) - 128.0);
        difference += (a - b) * (a - b);
        energy += (a * a + b * b) / 2.0;
    }
    let n = CHROMA as f32;
    ((difference / n + NEUTRAL * GREY) / (energy / n + GREY)).min(1.0)
}

/// Unlikeness of two images from the unlikeness of their luma and of their colours, 0 to 1.
pub(super) fn unlikeness(luma: f32, colour: f32) -> f32 {
    let factor = ((colour + COLOUR_FLOOR) / (NEUTRAL + COLOUR_FLOOR)).powf(COLOUR_WEIGHT);
    (luma * factor).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::align::{INNER, OF_COPIES, POINTS, Template, View};
    use super::*;

    /// Stripes and a blob; `what` is where the blob is.
    fn picture(what: (f32, f32), gain: f32, light: f32) -> Thumb {
        std::array::from_fn(|i| {
            let (x, y) = ((i % SIDE) as f32, (i / SIDE) as f32);
            let blob = (-((x - what.0).powi(2) + (y - what.1).powi(2)) / 12.0).exp();
            (light + gain * (90.0 + 40.0 * (x * 0.6 + y * 0.3).sin() + 60.0 * blob)).clamp(0.0, 255.0) as u8
        })
    }

    fn compared(a: &Thumb, b: &Thumb) -> f32 {
        let (a, b) = (View::new(a), View::new(b));
        let template = Template::new(&a);
        template.align(&b, &OF_COPIES).map_or(1.0, |motion| {
            let (a, b) = template.pair(&b, &motion);
            luma_unlikeness::<POINTS, INNER>(a, b)
        })
    }

    #[test]
    fn light_and_contrast_are_nothing_a_moved_blob_is_much() {
        let image = picture((10.0, 20.0), 1.0, 0.0);
        assert_eq!(compared(&image, &image), 0.0);
        assert!(compared(&image, &picture((10.0, 20.0), 0.7, 0.0)) < 0.01);
        assert!(compared(&image, &picture((10.0, 20.0), 1.5, 0.0)) < 0.05, "clipped");
        assert!(compared(&image, &picture((20.0, 12.0), 1.0, 0.0)) > 0.3);
    }

    #[test]
    fn a_shift_and_a_blur_are_little() {
        let image = picture((14.0, 16.0), 1.0, 0.0);
        let moved: Thumb = std::array::from_fn(|i| image[i / SIDE * SIDE + (i % SIDE).saturating_sub(2)]);
        assert!(compared(&image, &moved) < 0.03, "{}", compared(&image, &moved));
        let mut soft = image.map(f32::from);
        blur::<SIDE>(&mut soft, 0.2);
        assert!(compared(&image, &soft.map(|value| value as u8)) < 0.03);
    }

    #[test]
    fn what_is_blurred_has_less_contrast_too() {
        // a thin stroke, as of a digit
        let stroke: Thumb = std::array::from_fn(|i| {
            let (x, y) = ((i % SIDE) as f32 - 16.0, (i / SIDE) as f32 - 15.0);
            (255.0 * (-((0.8 * x).hypot(y) - 8.0).powi(2) / 1.5).exp()) as u8
        });
        let mut soft = stroke.map(f32::from);
        (0..4).for_each(|_| blur::<SIDE>(&mut soft, 0.2));
        let unlike = compared(&stroke, &soft.map(|value| value as u8));
        assert!(unlike < 0.02, "{unlike}");
    }

    #[test]
    fn flat_images_are_like_nothing() {
        let noise: Thumb = std::array::from_fn(|i| 100 + (i * 7919 % 3) as u8);
        assert_eq!(compared(&noise, &noise), 1.0);
        assert_eq!(compared(&[7; 1024], &[7; 1024]), 1.0);
        assert!(is_flat(&noise) && is_flat(&[0; 1024]) && is_flat(&[255; 1024]));
        assert!(!is_flat(&picture((10.0, 20.0), 0.5, 0.0)));
        let sky: Thumb = std::array::from_fn(|i| 100 + (i / SIDE) as u8);
        assert!(is_flat(&sky), "a soft slope");
    }

    #[test]
    fn grey_says_nothing_of_colours() {
        let (grey, red, blue) = ([128; CHROMA], [160; CHROMA], [90; CHROMA]);
        assert!((colour_unlikeness(&grey, &grey) - NEUTRAL).abs() < 1e-6);
        assert!(colour_unlikeness(&red, &red) < 0.01 && colour_unlikeness(&red, &blue) == 1.0);
        assert!((unlikeness(0.1, NEUTRAL) - 0.1).abs() < 1e-6);
        assert!(unlikeness(0.1, 0.0) < 0.05 && unlikeness(0.1, 1.0) > 0.2 && unlikeness(0.0, 1.0) == 0.0);
    }
}
