//! Which of two pictures has something laid over it that the other has not: a sticker, a caption, a watermark.
//!
//! The outline of what was laid over a picture has nothing to do with what is below. Across it the light jumps
//! in the picture that has it, by as much as both pictures differ there; in the other one the picture runs on.
//! So the squares of the jumps in the marked picture exceed those in the other one by the square of the
//! difference. Where the picture below shines through, it has less contrast than the other one.
//!
//! Nothing is told of what covers a plain ground: it may as well have been wiped off.

use std::ops::RangeInclusive;

use super::blocks::quantile;
use super::layer::Overlay;
use super::verdict::Likeness;

/// The difference from which a pixel may be covered: at least, and in median differences; and how many times
/// as much of it tells that one is covered.
const LEAST: f32 = 4.0;
const TIMES: f32 = 6.5;
const CERTAIN: f32 = 1.5;
/// Pixels across the outline.
const ACROSS: usize = 3;
/// Pairs of pixels across the outline, or covered pixels, from which they tell something. Where two pictures
/// do not quite fit, there are fewer.
const FEWEST: usize = 100;
/// How alike both are where one is covered, as a correlation, if the picture below shines through; and the
/// contrast that it has left at most.
const ALIKE: f32 = 0.8;
const FADED: f32 = 0.95;
/// By how much the jumps of the marked picture exceed the others, where 1 is expected.
const JUMPS: RangeInclusive<f32> = 0.4..=1.4;
/// The square of the median jump of a ground that is not plain, at least.
const PLAIN: f32 = 0.3;

/// Whether the ground, or the other picture, is marked in blocks that differ, by column and row; neither if
/// nothing tells. In pictures that are near, contrast tells nothing: one may be sharper than the other.
pub(super) fn covering(
    laid: &Overlay,
    (altered, side): (&[Vec<(usize, usize)>], usize),
    likeness: Likeness,
) -> [bool; 2] {
    let Some(values) = Values::of(laid, altered, side) else { return [false; 2] };
    let more = match values.contrast() {
        Some(more) if likeness == Likeness::Edited => more,
        Some(_) => 0.0,
        None => values.jumps(),
    };
    [more > 0.0, more < 0.0]
}

/// Both pictures with the same light and contrast, and where they differ.
struct Values {
    width: usize,
    ground: Vec<f32>,
    other: Vec<f32>,
    /// From this difference on, a pixel is covered.
    certain: f32,
    /// Whether a pixel is looked at, and covered.
    covered: Vec<bool>,
    /// Whether one is looked at, and not covered, as those around.
    clear: Vec<bool>,
}

impl Values {
    /// Those of the blocks that differ, and of the blocks around; none where they are everywhere.
    fn of(laid: &Overlay, altered: &[Vec<(usize, usize)>], side: usize) -> Option<Values> {
        let (width, height) = (laid.ground.width, laid.ground.height);
        let columns = width.div_ceil(side);
        let mut differing = vec![false; columns * height.div_ceil(side)];
        let mut around = differing.clone();
        for (column, row) in altered.iter().flatten() {
            differing[row * columns + column] = true;
            for row in row.saturating_sub(1)..(row + 2).min(height.div_ceil(side)) {
                around[row * columns + column.saturating_sub(1)..row * columns + (column + 2).min(columns)]
                    .fill(true);
            }
        }
        let block = |at: usize| at / width / side * columns + at % width / side;
        let is_same = |at: &usize| laid.inside[*at] && !differing[block(*at)];
        let same: Vec<usize> = (0..width * height).filter(is_same).collect();
        let (gain, offset) = levels(laid, &same)?;
        let other: Vec<f32> = laid.other.values.iter().map(|value| gain * value + offset).collect();
        let difference = |at: usize| (laid.ground.values[at] - other[at]).abs();
        let usual = quantile(same.iter().map(|at| difference(*at)).collect(), 0.5);
        let least = LEAST.max(TIMES * usual);
        let is_seen = |at: usize| laid.inside[at] && around[block(at)];
        let covered = |at: usize| is_seen(at) && difference(at) >= CERTAIN * least;
        let covered = (0..width * height).map(covered).collect();
        let clear = opened(width, |at| is_seen(at) && difference(at) < least, width * height);
        Some(Values {
            width,
            ground: laid.ground.values.clone(),
            other,
            certain: CERTAIN * least,
            covered,
            clear,
        })
    }

    /// How much more contrast the other one has where one is covered, as a logarithm; 0 if it has about as
    /// much, none if the picture below does not shine through.
    fn contrast(&self) -> Option<f32> {
        let places = || self.covered.iter().enumerate().filter(|(_, covered)| **covered).map(|(at, _)| at);
        let spread = Spread::of(places().map(|at| (self.ground[at], self.other[at])));
        if spread.n < FEWEST as f32 || spread.correlation() < ALIKE {
            return None;
        }
        let more = spread.ratio().ln();
        Some(if more.abs() > -FADED.ln() { -more } else { 0.0 })
    }

    /// By how much the squared jumps of the ground across the outline exceed those of the other one, in those
    /// of the difference; 0 if nothing tells.
    fn jumps(&self) -> f32 {
        let (mut of_ground, mut of_other, mut of_difference) = (Vec::new(), Vec::new(), 0.0);
        for step in [ACROSS, ACROSS * self.width] {
            // none leads around the edge: there nothing is inside
            for (from, to) in (step..self.ground.len()).map(|to| (to - step, to)) {
                let is_outline = self.clear[from] && self.covered[to] || self.covered[from] && self.clear[to];
                let jump = |values: &[f32]| values[to] - values[from];
                let (ground, other) = (jump(&self.ground), jump(&self.other));
                if is_outline && (ground - other).abs() >= self.certain {
                    of_ground.push(ground * ground);
                    of_other.push(other * other);
                    of_difference += (ground - other).powi(2);
                }
            }
        }
        let sum = |squares: &[f32]| squares.iter().sum::<f32>();
        let more = (sum(&of_ground) - sum(&of_other)) / f32::max(of_difference, 1.0);
        let is_told = of_ground.len() >= FEWEST && JUMPS.contains(&more.abs());
        let below = quantile(if more > 0.0 { of_other } else { of_ground }, 0.5);
        if is_told && below >= PLAIN { more } else { 0.0 }
    }
}

/// Sums over pairs of values.
struct Spread {
    n: f32,
    means: (f32, f32),
    variances: (f32, f32),
    product: f32,
}

impl Spread {
    fn of(values: impl Iterator<Item = (f32, f32)>) -> Spread {
        let mut sums = [0.0f64; 6];
        for (a, b) in values {
            let (a, b) = (f64::from(a), f64::from(b));
            sums.iter_mut().zip([1.0, a, b, a * a, b * b, a * b]).for_each(|(sum, value)| *sum += value);
        }
        let [n, a, b, aa, bb, ab] = sums;
        let n = n.max(1.0);
        let (a, b) = (a / n, b / n);
        let variances = ((aa / n - a * a).max(0.0) as f32, (bb / n - b * b).max(0.0) as f32);
        Spread { n: n as f32, means: (a as f32, b as f32), variances, product: (ab / n - a * b) as f32 }
    }

    fn correlation(&self) -> f32 {
        self.product / (self.variances.0 * self.variances.1).sqrt().max(1.0)
    }

    /// The contrast of the first, in that of the second.
    fn ratio(&self) -> f32 {
        (self.variances.0.max(1.0) / self.variances.1.max(1.0)).sqrt()
    }
}

/// The gain and offset that give the other picture the light and contrast of the ground, by pixels where both
/// are the same.
fn levels(laid: &Overlay, same: &[usize]) -> Option<(f32, f32)> {
    let spread = Spread::of(same.iter().map(|at| (laid.ground.values[*at], laid.other.values[*at])));
    let gain = spread.ratio();
    (same.len() >= FEWEST).then_some((gain, spread.means.0 - gain * spread.means.1))
}

/// The pixels in squares of three by three that are all so.
fn opened(width: usize, is_so: impl Fn(usize) -> bool, pixels: usize) -> Vec<bool> {
    let all: Vec<bool> = (0..pixels).map(is_so).collect();
    let mut opened = vec![false; pixels];
    for at in width + 1..pixels.saturating_sub(width + 1) {
        let rows = [at - width - 1, at - 1, at + width - 1];
        if rows.iter().all(|row| all[*row..row + 3].iter().all(|is_so| *is_so)) {
            rows.iter().for_each(|row| opened[*row..row + 3].fill(true));
        }
    }
    opened
}

#[cfg(test)]
mod tests {
    use super::super::geometry::Affine;
    use super::super::layer::Layer;
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const SIZE: (usize, usize) = (240, 180);
    const SIDE: usize = 20;

    /// Waves and patches, or one shade; with some noise.
    fn picture(seed: u64, is_plain: bool) -> Layer {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let patches: Vec<f32> = (0..400).map(|_| rng.random_range(-45.0..45.0)).collect();
        let mut layer = Layer::new(SIZE.0, SIZE.1);
        for (at, value) in layer.values.iter_mut().enumerate() {
            let (x, y) = (at % SIZE.0, at / SIZE.0);
            let wave = 30.0 * (x as f32 / 17.0).sin() + 20.0 * (y as f32 / 11.0).cos();
            let shade = if is_plain { 0.0 } else { wave + patches[x / 13 + 20 * (y / 11)] };
            *value = 120.0 + shade + if is_plain { 0.0 } else { rng.random_range(-2.0..2.0) };
        }
        layer.soften();
        layer
    }

    /// Blended with `shade` in letters of a kind, strokes 9 pixels wide, between 60 and 160.
    fn marked(layer: &Layer, shade: f32, part: f32) -> Layer {
        let mut marked = layer.clone();
        for (at, value) in marked.values.iter_mut().enumerate() {
            let (x, y) = (at % SIZE.0, at / SIZE.0);
            if (60..160).contains(&x) && (60..120).contains(&y) && (x / 9 % 2 == 0 || y / 9 % 3 == 0) {
                *value += part * (shade - *value);
            }
        }
        marked.soften();
        marked
    }

    fn told(ground: &Layer, other: &Layer, likeness: Likeness) -> [bool; 2] {
        let inside = (0..SIZE.0 * SIZE.1)
            .map(|at| (2..SIZE.0 - 2).contains(&(at % SIZE.0)) && (2..SIZE.1 - 2).contains(&(at / SIZE.0)));
        let (inside, map) = (inside.collect(), Affine::IDENTITY);
        let laid = Overlay { ground: ground.clone(), other: other.clone(), inside, origin: (0, 0), map };
        let blocks = (3..8).flat_map(|column| (3..6).map(move |row| (column, row))).collect();
        covering(&laid, (&[blocks], SIDE), likeness)
    }

    #[test]
    fn the_picture_with_the_mark_is_told_from_the_other() {
        for seed in 0..6 {
            let plain = picture(seed, false);
            let mut clean = plain.clone();
            clean.soften();
            // whatever tone the other has
            let darker = |layer: &Layer| {
                let values = layer.values.iter().map(|value| 0.8 * value + 10.0).collect();
                Layer { values, ..layer.clone() }
            };
            // opaque, and letters through which one sees
            for (shade, part) in [(250.0, 1.0), (10.0, 1.0), (255.0, 0.3), (130.0, 0.35), (0.0, 0.4)] {
                let marked = marked(&plain, shade, part);
                assert_eq!(told(&marked, &clean, Likeness::Edited), [true, false], "{seed} {shade} {part}");
                assert_eq!(told(&clean, &marked, Likeness::Edited), [false, true], "{seed} {shade} {part}");
                assert_eq!(told(&marked, &darker(&clean), Likeness::Edited), [true, false], "{seed} {shade}");
            }
            let sharper = told(&clean, &plain, Likeness::Near);
            assert_eq!(sharper, [false; 2], "{seed}: one is sharper");
        }
    }

    #[test]
    fn nothing_is_told_where_both_are_marked_or_the_ground_is_plain() {
        let plain = picture(1, true);
        let clean = plain.clone();
        assert_eq!(told(&marked(&plain, 250.0, 1.0), &clean, Likeness::Edited), [false; 2]);
        let ground = picture(2, false);
        let both = [250.0, 5.0].map(|shade| marked(&ground, shade, 1.0));
        assert_eq!(told(&both[0], &both[1], Likeness::Edited), [false; 2]);
        assert_eq!(told(&ground, &ground, Likeness::Edited), [false; 2]);
    }
}
