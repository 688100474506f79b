//! Synthetic handwritten digits: light ink on black, 28 x 28 grey, in the proportions of MNIST.
//!
//! A digit's strokes (see `strokes`) are deformed as one hand would (slant, rotation, aspect, wobble), fitted
//! into 20 x 20 pixels, centred by their centre of mass, and inked with a soft pen. Not a font and not a copy
//! of any data set: a seeded random stream draws the same digit again, so a seed names a whole collection.

use std::f32::consts::TAU;

use rand::{Rng, RngExt};

use super::strokes::{FORMS, Form, Point, flatten};

/// Width and height of a drawn digit in pixels.
pub const SIDE: usize = 28;

/// The longer side of the ink's bounding box in pixels.
const BOX: f32 = 20.0;

/// From the line's edge to the image's, in pixels: only the soft edge of a swelling line reaches the border.
const MARGIN: f32 = 1.0;

/// Draws `digit` (0 to 9; larger numbers are taken modulo 10) by one hand chosen from `rng`.
///
/// Returns `[28, 28]` grey values row by row, 0 = paper, 255 = full ink.
pub fn draw(digit: u8, rng: &mut impl Rng) -> [u8; SIDE * SIDE] {
    let hand = Hand::sample(rng);
    let forms = FORMS[usize::from(digit % 10)];
    let mut strokes: Vec<Vec<Point>> = Vec::new();
    for stroke in pick(forms, rng).1 {
        strokes.push(flatten(&hand.deform(stroke, rng)));
    }
    fit(&mut strokes, hand.width);
    ink(&strokes, &hand, rng)
}

/// One of the forms, by weight.
fn pick<'a>(forms: &'a [Form], rng: &mut impl Rng) -> &'a Form {
    let total: u32 = forms.iter().map(|form| form.0).sum();
    let mut ticket = rng.random_range(0..total);
    for form in forms {
        if ticket < form.0 {
            return form;
        }
        ticket -= form.0;
    }
    &forms[0]
}

/// A random number with mean 0 and standard deviation 1, never beyond 3 (the sum of three uniform ones).
fn bell(rng: &mut impl Rng) -> f32 {
    (0..3).map(|_| rng.random_range(-1.0..1.0f32)).sum()
}

/// How one digit is written: everything that differs between writers and between two tries of one.
struct Hand {
    /// Row-major 2 x 2: aspect, then slant, then rotation.
    matrix: [f32; 4],
    /// Bend the whole digit.
    waves: [Wave; 3],
    /// Standard deviation of each point's own error, in heights.
    jitter: f32,
    /// Width of the line in pixels.
    width: f32,
    /// How much the width swells and shrinks along the digit, as a part of it, and where.
    pressure: (f32, f32, f32),
    /// Distance in pixels over which ink fades into paper.
    softness: f32,
}

/// A slow displacement: neighbouring points move together, unlike under jitter.
struct Wave {
    /// Radians per height in x and y.
    pace: Point,
    /// Radians.
    phase: f32,
    /// The largest displacement in heights.
    reach: Point,
}

impl Wave {
    fn sample(rng: &mut impl Rng) -> Self {
        let (sin, cos) = rng.random_range(0.0..TAU).sin_cos();
        let pace = rng.random_range(2.0..5.0f32);
        Wave {
            pace: (pace * cos, pace * sin),
            phase: rng.random_range(0.0..TAU),
            reach: (0.032 * bell(rng), 0.032 * bell(rng)),
        }
    }
}

impl Hand {
    fn sample(rng: &mut impl Rng) -> Self {
        let slant = (0.2 + 0.2 * bell(rng)).clamp(-0.25, 0.75);
        let (sin, cos) = (0.07 * bell(rng)).clamp(-0.16, 0.16).sin_cos();
        let aspect = (0.04 + 0.17 * bell(rng)).clamp(-0.3, 0.45).exp();
        // x' = aspect * x - slant * y (the top leans to the right), then rotated
        let matrix = [cos * aspect, -cos * slant - sin, sin * aspect, cos - sin * slant];
        Hand {
            matrix,
            waves: [Wave::sample(rng), Wave::sample(rng), Wave::sample(rng)],
            jitter: rng.random_range(0.005..0.026),
            width: (2.35 * (0.24 * bell(rng)).exp()).clamp(1.5, 4.2),
            pressure: (rng.random_range(0.0..0.22), rng.random_range(2.0..7.0), rng.random_range(0.0..TAU)),
            softness: rng.random_range(1.0..1.9),
        }
    }

    /// The stroke's points as this hand puts them; a repeated point stays repeated, so that corners stay
    /// corners.
    fn deform(&self, stroke: &[Point], rng: &mut impl Rng) -> Vec<Point> {
        let mut out: Vec<Point> = Vec::with_capacity(stroke.len());
        for (i, &(x, y)) in stroke.iter().enumerate() {
            if i > 0 && stroke[i - 1] == (x, y) {
                out.push(out[i - 1]);
                continue;
            }
            let (mut u, mut v) = (x + self.jitter * bell(rng), y + self.jitter * bell(rng));
            for wave in &self.waves {
                let swing = (wave.pace.0 * x + wave.pace.1 * y + wave.phase).sin();
                u += wave.reach.0 * swing;
                v += wave.reach.1 * swing;
            }
            let [a, b, c, d] = self.matrix;
            out.push((a * u + b * v, c * u + d * v));
        }
        out
    }
}

/// Scales the strokes so that their ink fills the box, and moves their centre of mass to the image's centre.
fn fit(strokes: &mut [Vec<Point>], width: f32) {
    let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
    for &(x, y) in strokes.iter().flatten() {
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    let scale = (BOX - width) / (high.0 - low.0).max(high.1 - low.1).max(1e-3);
    for point in strokes.iter_mut().flatten() {
        *point = (point.0 * scale, point.1 * scale);
    }
    let (mut mass, mut moment) = (1e-6, (0.0, 0.0));
    for span in strokes.iter().flat_map(|stroke| stroke.windows(2)) {
        let length = (span[1].0 - span[0].0).hypot(span[1].1 - span[0].1);
        mass += length;
        moment.0 += length * (span[0].0 + span[1].0) / 2.0;
        moment.1 += length * (span[0].1 + span[1].1) / 2.0;
    }
    let middle = SIDE as f32 / 2.0;
    // a 7 hangs far below its centre of mass: the paper's edge goes before the exact centre
    let shift = |moment: f32, low: f32, high: f32| {
        let room = (MARGIN + width / 2.0 - low * scale, SIDE as f32 - MARGIN - width / 2.0 - high * scale);
        (middle - moment / mass).max(room.0).min(room.1)
    };
    let (dx, dy) = (shift(moment.0, low.0, high.0), shift(moment.1, low.1, high.1));
    for point in strokes.iter_mut().flatten() {
        *point = (point.0 + dx, point.1 + dy);
    }
}

/// Inks every pixel by its distance to the nearest stroke.
fn ink(strokes: &[Vec<Point>], hand: &Hand, rng: &mut impl Rng) -> [u8; SIDE * SIDE] {
    let (swell, pace, phase) = hand.pressure;
    let grain = rng.random_range(0.0..0.5f32);
    let mut image = [0; SIDE * SIDE];
    for (i, pixel) in image.iter_mut().enumerate() {
        let at = ((i % SIDE) as f32 + 0.5, (i / SIDE) as f32 + 0.5);
        let spans = strokes.iter().flat_map(|stroke| stroke.windows(2));
        let distance = spans.map(|span| distance(at, span[0], span[1])).fold(f32::MAX, f32::min);
        let along = (at.0 + 1.7 * at.1) / SIDE as f32;
        let radius = 0.5 * hand.width * (1.0 + swell * (pace * along + phase).sin());
        let edge = radius - distance + 0.12 * grain * bell(rng);
        let coverage = (edge / hand.softness + 0.5).clamp(0.0, 1.0);
        *pixel = (255.0 * coverage * coverage * (3.0 - 2.0 * coverage)).round() as u8;
    }
    image
}

/// The distance from `p` to the straight line between `a` and `b`.
fn distance(p: Point, a: Point, b: Point) -> f32 {
    let (ab, ap) = ((b.0 - a.0, b.1 - a.1), (p.0 - a.0, p.1 - a.1));
    let length2 = ab.0 * ab.0 + ab.1 * ab.1;
    let t = if length2 > 0.0 { ((ap.0 * ab.0 + ap.1 * ab.1) / length2).clamp(0.0, 1.0) } else { 0.0 };
    (ap.0 - t * ab.0).hypot(ap.1 - t * ab.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn ten_of_each() -> impl Iterator<Item = (u8, [u8; SIDE * SIDE])> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        (0..100).map(move |i| (i % 10, draw(i % 10, &mut rng)))
    }

    #[test]
    fn digits_have_the_proportions_of_mnist() {
        for (digit, image) in ten_of_each() {
            let at = |i: usize| (i % SIDE, i / SIDE, f32::from(image[i]));
            let inked: Vec<_> = (0..image.len()).map(at).filter(|&(.., ink)| ink > 127.0).collect();
            let extent = |axis: fn(&(usize, usize, f32)) -> usize| {
                let (low, high) = (inked.iter().map(axis).min(), inked.iter().map(axis).max());
                high.unwrap() - low.unwrap() + 1
            };
            let longer = extent(|p| p.0).max(extent(|p| p.1));
            assert!((17..=22).contains(&longer), "{digit}: {longer} pixels");
            let mass: f32 = (0..image.len()).map(|i| at(i).2).sum();
            let centre = |axis: fn(&(usize, usize, f32)) -> usize| {
                (0..image.len()).map(at).map(|p| (axis(&p) as f32 + 0.5) * p.2).sum::<f32>() / mass
            };
            let (x, y) = (centre(|p| p.0), centre(|p| p.1));
            assert!((x - 14.0).abs() < 2.0 && (y - 14.0).abs() < 2.0, "{digit}: centre {x} {y}");
            let share = inked.len() as f32 / image.len() as f32;
            assert!((0.02..0.4).contains(&share), "{digit}: {share} of the pixels inked");
        }
    }

    #[test]
    fn no_line_is_cut_by_the_border() {
        for (digit, image) in ten_of_each() {
            let border = (0..SIDE).flat_map(|i| [i, SIDE * (SIDE - 1) + i, SIDE * i, SIDE * i + SIDE - 1]);
            assert!(border.into_iter().all(|i| image[i] < 128), "{digit}");
        }
    }

    #[test]
    fn no_two_draws_are_the_same() {
        let mut images: Vec<_> = ten_of_each().map(|(_, image)| image).collect();
        images.sort_unstable();
        assert!(images.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn numbers_beyond_nine_wrap() {
        let (mut a, mut b) = (ChaCha8Rng::seed_from_u64(1), ChaCha8Rng::seed_from_u64(1));
        assert_eq!(draw(17, &mut a), draw(7, &mut b));
    }
}
