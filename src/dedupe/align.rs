//! Aligns one image with another: shift, then scale, rotation and shear.
//!
//! The shift is searched at half the size. From there inverse compositional Lucas-Kanade (Baker and Matthews,
//! IJCV 2004) finds the affine motion, first at half the size, then at the full size. As in ECC (Evangelidis
//! and Psarakis, PAMI 2008), brightness and contrast are matched at every step. Pairs that turn out to have
//! nothing in common are given up early. How alike two aligned images are is measured in `compare`.

use super::fingerprint::{AREA, FINE_SIDE, FineLuma, SIDE, Thumb};

/// Pixels left out at each border of a template, because a turned copy has foreign corners there.
const BORDER: usize = 2;
/// Side of the inner part of a thumbnail, and its points.
pub(super) const INNER: usize = SIDE - 2 * BORDER;
/// Points of the inner part of a thumbnail.
pub(super) const POINTS: usize = INNER * INNER;
/// The same at twice the size.
pub(super) const DETAIL_INNER: usize = FINE_SIDE - 2 * BORDER;
pub(super) const DETAIL_POINTS: usize = DETAIL_INNER * DETAIL_INNER;
const HALF: usize = SIDE / 2;
const HALF_POINTS: usize = (HALF - 2 * BORDER) * (HALF - 2 * BORDER);
/// The largest shift that is searched, in pixels at half size.
const REACH: i32 = 2;
/// Shifts that are searched, along each side.
const SHIFTS: usize = 2 * REACH as usize + 1;
/// If the unshifted images correlate this well, no shift is searched.
const UNSHIFTED: f32 = 0.95;
/// Steps at half size, and at full size.
const ROUNDS: [usize; 2] = [6, 8];
/// Parameters of an affine motion.
const P: usize = 6;
/// Numbers that are summed in parallel.
const LANES: usize = 8;

/// Variance that rounding, noise and compression leave in a flat image, in grey levels squared. It keeps flat
/// images from matching each other.
pub(super) const FLOOR: f32 = 4.0;
/// The least correlation with which the search goes on: after the shift, at half size, at full size.
pub(super) type Enough = [f32; 3];
/// 999 of 1,000 copies have as much.
pub(super) const OF_COPIES: Enough = [0.5, 0.9, 0.93];
/// A step that gains less correlation than this is the last one.
const GAIN: f32 = 0.0005;
/// The least share of the template that the other image must cover.
const OVERLAP: f32 = 0.6;

/// x' = m0 x + m1 y + m2, y' = m3 x + m4 y + m5, in pixels from the middle.
pub(super) type Motion = [f32; P];

/// A thumbnail, slightly blurred, at full and half size.
#[derive(Clone)]
pub(super) struct View {
    fine: [f32; AREA],
    coarse: [f32; HALF * HALF],
    covered: Covered,
}

impl View {
    /// The view of a thumbnail.
    pub(super) fn new(luma: &Thumb) -> View {
        let mut fine: [f32; AREA] = luma.map(f32::from);
        blur::<SIDE>(&mut fine, 0.25);
        let coarse: [f32; HALF * HALF] = std::array::from_fn(|i| {
            let at = i / HALF * 2 * SIDE + i % HALF * 2;
            (fine[at] + fine[at + 1] + fine[at + SIDE] + fine[at + SIDE + 1]) / 4.0
        });
        let covered = Covered::of(&coarse);
        View { fine, coarse, covered }
    }
}

/// Blurs along rows and columns with `[t, 1 - 2t, t]`, repeating the border. The image is `[N, N]`, N at most
/// [`FINE_SIDE`].
pub(super) fn blur<const N: usize>(image: &mut [f32], t: f32) {
    let rows = image.as_chunks_mut::<N>().0;
    let mut line = [0.0; FINE_SIDE + 2]; // a row with its ends repeated
    for row in rows.iter_mut() {
        line[1..=N].copy_from_slice(row);
        (line[0], line[N + 1]) = (row[0], row[N - 1]);
        for (i, value) in row.iter_mut().enumerate() {
            *value = line[i + 1] + t * (line[i] + line[i + 2] - 2.0 * line[i + 1]);
        }
    }
    let Some(mut above) = rows.first().copied() else { return };
    for y in 0..rows.len() {
        let (here, below) = (rows[y], rows[(y + 1).min(N - 1)]);
        for (x, value) in rows[y].iter_mut().enumerate() {
            *value = here[x] + t * (above[x] + below[x] - 2.0 * here[x]);
        }
        above = here;
    }
}

/// Sums over pairs of values a, b: their number, a, b, aa, bb, ab.
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) n: f32,
    pub(super) a: f32,
    pub(super) b: f32,
    pub(super) aa: f32,
    pub(super) bb: f32,
    pub(super) ab: f32,
}

impl Sums {
    /// All sums but the number.
    pub(super) fn of(a: &[f32], b: &[f32]) -> Sums {
        let mut sums = [[0.0f32; LANES]; 5];
        let (a_rows, a_rest) = a.as_chunks::<LANES>();
        let (b_rows, b_rest) = b.as_chunks::<LANES>();
        for (a, b) in a_rows.iter().zip(b_rows) {
            for i in 0..LANES {
                sums[0][i] += a[i];
                sums[1][i] += b[i];
                sums[2][i] += a[i] * a[i];
                sums[3][i] += b[i] * b[i];
                sums[4][i] += a[i] * b[i];
            }
        }
        debug_assert!(a_rest.is_empty() && b_rest.is_empty());
        let [a, b, aa, bb, ab] = sums.map(|lanes| lanes.iter().sum());
        Sums { n: 0.0, a, b, aa, bb, ab }
    }

    /// Variances of a and of b, and their covariance.
    pub(super) fn covariances(&self) -> (f32, f32, f32) {
        let n = self.n.max(1.0);
        let (a, b) = (self.a / n, self.b / n);
        ((self.aa / n - a * a).max(0.0), (self.bb / n - b * b).max(0.0), self.ab / n - a * b)
    }

    fn correlation(&self) -> f32 {
        let (a, b, ab) = self.covariances();
        ab / ((a + FLOOR) * (b + FLOOR)).sqrt()
    }
}

/// The shift of `b` against `a` that correlates best, in pixels at half size, and that correlation. If they
/// correlate well unshifted, no other shift is tried.
fn best_shift(a: &View, b: &View) -> ((i32, i32), f32) {
    let mut best = ((0, 0), shifted(a, b, (0, 0)));
    if best.1 >= UNSHIFTED {
        return best;
    }
    for dy in -REACH..=REACH {
        for dx in -REACH..=REACH {
            let correlation = shifted(a, b, (dx, dy));
            if correlation > best.1 {
                best = ((dx, dy), correlation);
            }
        }
    }
    best
}

/// The correlation of `a` with `b` at a shift, at half size.
fn shifted(a: &View, b: &View, (dx, dy): (i32, i32)) -> f32 {
    let side = HALF as i32;
    let (y0, y1) = (0.max(-dy), side.min(side - dy));
    let (x0, x1) = (0.max(-dx), side.min(side - dx));
    let width = (x1 - x0) as usize;
    let mut products = [0.0f32; HALF];
    for y in y0..y1 {
        let a = &a.coarse[(y * side + x0) as usize..][..width];
        let b = &b.coarse[((y + dy) * side + x0 + dx) as usize..][..width];
        for (sum, (&a, &b)) in products.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let ([a, aa], [b, bb]) = (a.covered.at((dx, dy)), b.covered.at((-dx, -dy)));
    Sums { n: ((y1 - y0) * (x1 - x0)) as f32, a, b, aa, bb, ab: products.iter().sum() }.correlation()
}

/// Sums of the values, and of their squares, over what is left of an image at half size when another one of its
/// size is shifted against it: by up to [`REACH`] each way.
#[derive(Clone)]
struct Covered([[[f32; 2]; SHIFTS]; SHIFTS]);

impl Covered {
    fn of(coarse: &[f32; HALF * HALF]) -> Covered {
        // what a shift leaves of a line: all but its first or its last few
        let left = |line: &[[f32; 2]; HALF]| -> [[f32; 2]; SHIFTS] {
            let sum = |part: &[[f32; 2]]| part.iter().fold([0.0; 2], |sum, v| [sum[0] + v[0], sum[1] + v[1]]);
            let all = sum(line);
            std::array::from_fn(|i| {
                let shift = i as i32 - REACH;
                let cut = shift.unsigned_abs() as usize;
                let cut = sum(if shift < 0 { &line[..cut] } else { &line[HALF - cut..] });
                [all[0] - cut[0], all[1] - cut[1]]
            })
        };
        let mut columns = [[[0.0; 2]; HALF]; SHIFTS]; // by shift along the rows, then by row
        for (y, row) in coarse.as_chunks::<HALF>().0.iter().enumerate() {
            let sums = left(&row.map(|value| [value, value * value]));
            columns.iter_mut().zip(sums).for_each(|(column, sum)| column[y] = sum);
        }
        Covered(columns.each_ref().map(left))
    }

    fn at(&self, (dx, dy): (i32, i32)) -> [f32; 2] {
        self.0[(dx + REACH) as usize][(dy + REACH) as usize]
    }
}

/// The luma of a larger image at twice the thumbnail's size, prepared for others to be aligned with it.
pub(super) struct Detail {
    level: Box<Level<DETAIL_POINTS>>,
}

impl Detail {
    /// Prepares the luma.
    pub(super) fn new(luma: &FineLuma) -> Detail {
        Detail { level: Level::new::<FINE_SIDE>(&blurred_fine(luma)) }
    }

    /// Both, aligned; the search starts from the motion of their thumbnails.
    pub(super) fn pair(
        &self,
        other: &FineLuma,
        motion: &Motion,
    ) -> ([f32; DETAIL_POINTS], Warped<DETAIL_POINTS>) {
        let other = blurred_fine(other);
        let start = [motion[0], motion[1], 2.0 * motion[2], motion[3], motion[4], 2.0 * motion[5]];
        let (motion, _) = self.level.search::<FINE_SIDE>(&other, start, (ROUNDS[1], 0.0));
        let mut warped = Warped { value: [0.0; DETAIL_POINTS], inside: [0.0; DETAIL_POINTS] };
        self.level.warp::<FINE_SIDE>(&other, &motion, &mut warped);
        (self.level.values(), warped)
    }
}

fn blurred_fine(luma: &FineLuma) -> Box<[f32]> {
    let mut fine: Box<[f32]> = luma.iter().map(|&value| f32::from(value)).collect();
    blur::<FINE_SIDE>(&mut fine, 0.25);
    fine
}

/// The inner part of a template at one size.
pub(super) struct Level<const N: usize> {
    x: [f32; N], // from the middle
    y: [f32; N],
    value: [f32; N], // less the mean
    mean: f32,
    steepest: [[f32; N]; P], // how the value changes with each parameter
    inverse: [[f32; P]; P],  // of the Hessian
}

/// The result of one step of the search.
struct Step {
    correlation: f32,
    next: Option<(Motion, f32)>,
}

/// The other image, aligned with the template.
pub(super) struct Warped<const N: usize> {
    /// Its values; 0 outside.
    pub(super) value: [f32; N],
    /// 1 inside, 0 outside.
    pub(super) inside: [f32; N],
}

impl<const N: usize> Level<N> {
    /// Prepares a blurred image, f32 `[SIZE, SIZE]`.
    pub(super) fn new<const SIZE: usize>(image: &[f32]) -> Box<Self> {
        let inner = SIZE - 2 * BORDER;
        let middle = (SIZE as f32 - 1.0) / 2.0;
        let mut level = Box::new(Level {
            x: [0.0; N],
            y: [0.0; N],
            value: [0.0; N],
            mean: 0.0,
            steepest: [[0.0; N]; P],
            inverse: [[0.0; P]; P],
        });
        for i in 0..N {
            let (x, y) = (BORDER + i % inner, BORDER + i / inner);
            let at = y * SIZE + x;
            let gx = (image[at + 1] - image[at - 1]) / 2.0;
            let gy = (image[at + SIZE] - image[at - SIZE]) / 2.0;
            let (x, y) = (x as f32 - middle, y as f32 - middle);
            (level.x[i], level.y[i], level.value[i]) = (x, y, image[at]);
            // the linear part in pixels at the border, so that all parameters have the same scale
            let (u, v) = (x / middle, y / middle);
            for (steepest, value) in level.steepest.iter_mut().zip([gx, gy, gx * u, gx * v, gy * u, gy * v]) {
                steepest[i] = value;
            }
        }
        level.mean = level.value.iter().sum::<f32>() / N as f32;
        level.value.iter_mut().for_each(|value| *value -= level.mean);
        let steepest = &level.steepest;
        let mut hessian: [[f32; P]; P] =
            std::array::from_fn(|i| std::array::from_fn(|j| dot(&steepest[i], &steepest[j])));
        // parameters that the image does not determine (the shift along a stripe) stay as they are
        let trace: f32 = (0..P).map(|i| hessian[i][i]).sum();
        for (i, row) in hessian.iter_mut().enumerate() {
            row[i] += trace / P as f32 * 0.01 + FLOOR;
        }
        level.inverse = inverse(hessian);
        level
    }

    /// Samples the other image at the points of the template.
    pub(super) fn warp<const SIZE: usize>(&self, image: &[f32], m: &Motion, out: &mut Warped<N>) {
        // 2^23 and a multiple of every side: behind it, a float's last bits count whole numbers
        const WHOLE: f32 = 8_388_608.0 + 64.0;
        let (middle, last) = ((SIZE as f32 - 1.0) / 2.0, SIZE as f32 - 1.0);
        let mask = SIZE as u32 - 1;
        let (mut corners, mut right, mut below) = ([0u32; N], [0.0; N], [0.0; N]);
        for i in 0..N {
            let x = m[0] * self.x[i] + m[1] * self.y[i] + m[2] + middle;
            let y = m[3] * self.x[i] + m[4] * self.y[i] + m[5] + middle;
            let inside = x >= 0.0 && y >= 0.0 && x <= last && y <= last;
            let (x, y) = (x.max(0.0).min(last - 0.001), y.max(0.0).min(last - 0.001));
            let (column, row) = (x - 0.5 + WHOLE, y - 0.5 + WHOLE);
            corners[i] = (row.to_bits() & mask) * SIZE as u32 + (column.to_bits() & mask);
            (right[i], below[i]) = (x - (column - WHOLE), y - (row - WHOLE));
            out.inside[i] = if inside { 1.0 } else { 0.0 };
        }
        for i in 0..N {
            let corner = &image[corners[i] as usize..][..SIZE + 2];
            let top = corner[0] + right[i] * (corner[1] - corner[0]);
            let low = corner[SIZE] + right[i] * (corner[SIZE + 1] - corner[SIZE]);
            out.value[i] = (top + below[i] * (low - top)) * out.inside[i];
        }
    }

    /// One step from `m`.
    fn step<const SIZE: usize>(&self, image: &[f32], m: &Motion, warped: &mut Warped<N>) -> Step {
        self.warp::<SIZE>(image, m, warped);
        let masked: [f32; N] = std::array::from_fn(|i| self.value[i] * warped.inside[i]);
        let n: f32 = warped.inside.iter().sum();
        let sums = Sums { n, ..Sums::of(&masked, &warped.value) };
        let (a, b, ab) = sums.covariances();
        let mut step = Step { correlation: sums.correlation(), next: None };
        if n < OVERLAP * N as f32 || ab <= 0.0 || b < 1e-3 {
            step.correlation = step.correlation.min(0.0);
            return step;
        }
        // scale the other's contrast so that the error is least along the template, as in ECC
        let (gain, mean_a, mean_b) = ((a / ab).min(8.0), sums.a / n, sums.b / n);
        let error: [f32; N] = std::array::from_fn(|i| {
            ((warped.value[i] - mean_b) * gain - (self.value[i] - mean_a)) * warped.inside[i]
        });
        let slopes: [f32; P] = std::array::from_fn(|p| dot(&self.steepest[p], &error));
        let d: [f32; P] =
            std::array::from_fn(|p| self.inverse[p].iter().zip(&slopes).map(|(a, b)| a * b).sum());
        let middle = (SIZE as f32 - 1.0) / 2.0;
        let change = [1.0 + d[2] / middle, d[3] / middle, d[0], d[4] / middle, 1.0 + d[5] / middle, d[1]];
        let moved = d.iter().map(|d| d.abs()).fold(0.0, f32::max);
        step.next = inverted(&change).map(|back| (composed(m, &back), moved));
        step
    }

    /// The best motion found from `m`, with its correlation.
    pub(super) fn search<const SIZE: usize>(
        &self,
        image: &[f32],
        m: Motion,
        (rounds, enough): (usize, f32),
    ) -> (Motion, f32) {
        let mut warped = Warped { value: [0.0; N], inside: [0.0; N] };
        let (mut m, mut best) = (m, (m, -1.0));
        for round in 0..rounds {
            let step = self.step::<SIZE>(image, &m, &mut warped);
            let gained = step.correlation - best.1;
            if gained > 0.0 {
                best = (m, step.correlation);
            }
            let Some((next, moved)) = step.next else { break };
            if moved < 0.03 || gained < GAIN || !plausible(&next, SIZE as f32) {
                break;
            }
            // after two steps the result is close
            if round == 2 && best.1 < enough {
                break;
            }
            m = next;
        }
        best
    }

    /// The template's own values.
    pub(super) fn values(&self) -> [f32; N] {
        self.value.map(|value| value + self.mean)
    }
}

/// A thumbnail, prepared for others to be aligned with it.
pub(super) struct Template<'a> {
    view: &'a View,
    half: Box<Level<HALF_POINTS>>,
    full: Box<Level<POINTS>>,
}

impl<'a> Template<'a> {
    /// Prepares a view.
    pub(super) fn new(view: &'a View) -> Template<'a> {
        Template { view, half: Level::new::<HALF>(&view.coarse), full: Level::new::<SIDE>(&view.fine) }
    }

    /// The motion that aligns `other` with this one; nothing if they have nothing in common.
    pub(super) fn align(&self, other: &View, enough: &Enough) -> Option<Motion> {
        let ((dx, dy), correlation) = best_shift(self.view, other);
        if correlation < enough[0] {
            return None;
        }
        let shift = [1.0, 0.0, dx as f32, 0.0, 1.0, dy as f32];
        let (mut motion, correlation) =
            self.half.search::<HALF>(&other.coarse, shift, (ROUNDS[0], enough[1]));
        if correlation < enough[1] {
            return None;
        }
        motion[2] *= 2.0;
        motion[5] *= 2.0;
        let (motion, correlation) = self.full.search::<SIDE>(&other.fine, motion, (ROUNDS[1], enough[2]));
        (correlation >= enough[2]).then_some(motion)
    }

    /// Both, aligned.
    pub(super) fn pair(&self, other: &View, motion: &Motion) -> ([f32; POINTS], Warped<POINTS>) {
        let mut warped = Warped { value: [0.0; POINTS], inside: [0.0; POINTS] };
        self.full.warp::<SIDE>(&other.fine, motion, &mut warped);
        (self.full.values(), warped)
    }
}

fn dot<const N: usize>(a: &[f32; N], b: &[f32; N]) -> f32 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for i in 0..LANES {
            sums[i] += a[i] * b[i];
        }
    }
    sums.iter().sum()
}

/// Whether a copy could have moved like this: scaled by at most a third, turned by at most 17 degrees, and
/// mostly inside.
fn plausible(m: &Motion, side: f32) -> bool {
    let (x, y) = ((m[0], m[3]), (m[1], m[4])); // where the axes go
    let scale = |(a, b): (f32, f32)| (a.hypot(b) - 1.0).abs() < 0.35;
    let angles = [x.1.atan2(x.0), (-y.0).atan2(y.1)];
    scale(x) && scale(y) && angles.iter().all(|angle| angle.abs() < 0.3) && m[2].hypot(m[5]) < side / 3.0
}

/// First `b`, then `a`.
fn composed(a: &Motion, b: &Motion) -> Motion {
    [
        a[0] * b[0] + a[1] * b[3],
        a[0] * b[1] + a[1] * b[4],
        a[0] * b[2] + a[1] * b[5] + a[2],
        a[3] * b[0] + a[4] * b[3],
        a[3] * b[1] + a[4] * b[4],
        a[3] * b[2] + a[4] * b[5] + a[5],
    ]
}

fn inverted(m: &Motion) -> Option<Motion> {
    let det = m[0] * m[4] - m[1] * m[3];
    if det.is_nan() || det.abs() < 0.1 {
        return None;
    }
    let [a, b, c, d] = [m[4] / det, -m[1] / det, -m[3] / det, m[0] / det];
    Some([a, b, -(a * m[2] + b * m[5]), c, d, -(c * m[2] + d * m[5])])
}

/// The inverse of a symmetric positive definite matrix, by Gauss-Jordan elimination.
fn inverse(a: [[f32; P]; P]) -> [[f32; P]; P] {
    let mut a = a.map(|row| row.map(f64::from));
    let mut out = [[0.0f64; P]; P];
    for (i, row) in out.iter_mut().enumerate() {
        row[i] = 1.0;
    }
    for i in 0..P {
        let pivot = a[i][i];
        a[i].iter_mut().for_each(|value| *value /= pivot);
        out[i].iter_mut().for_each(|value| *value /= pivot);
        let (pivot_a, pivot_out) = (a[i], out[i]);
        for k in (0..P).filter(|&k| k != i) {
            let factor = a[k][i];
            for j in 0..P {
                a[k][j] -= factor * pivot_a[j];
                out[k][j] -= factor * pivot_out[j];
            }
        }
    }
    out.map(|row| row.map(|value| value as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_what_a_shift_leaves_are_those_of_its_pixels() {
        let luma: Thumb = std::array::from_fn(|i| (i * 37 % 251) as u8);
        let view = View::new(&luma);
        for (dx, dy) in (-REACH..=REACH).flat_map(|dx| (-REACH..=REACH).map(move |dy| (dx, dy))) {
            let side = HALF as i32;
            let is_left = |at: i32, shift: i32| (0..side).contains(&(at + shift));
            let mut expected = [0.0; 2];
            for (i, value) in (0..).zip(view.coarse) {
                if is_left(i % side, dx) && is_left(i / side, dy) {
                    expected = [expected[0] + value, expected[1] + value * value];
                }
            }
            let found = view.covered.at((dx, dy));
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found / expected - 1.0).abs() < 1e-4, "{dx} {dy}: {found} {expected}");
            }
        }
    }
}
