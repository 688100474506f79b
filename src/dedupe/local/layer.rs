//! One picture laid on another: both as values over the same pixels, aligned to a fraction of a pixel.

use super::geometry::Affine;
use super::plane::Plane;

/// Rounds of alignment, the step between the pixels that it looks at, and the levels from which a difference
/// counts less.
const ROUNDS: usize = 3;
const STRIDE: usize = 2;
const DOUBTFUL: f32 = 20.0;
/// Pixels by which the alignment may move a corner.
const MOST_MOVED: f32 = 10.0;
/// The movement at which it stops, in pixels.
const SETTLED: f32 = 0.15;
/// The factor from which the other picture is halved first.
const HALVE: f32 = 1.5;

/// Values over a rectangle, f32 `[height, width]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<f32>,
}

impl Layer {
    pub(super) fn new(width: usize, height: usize) -> Layer {
        Layer { width, height, values: vec![0.0; width * height] }
    }

    /// Blurred by 1 2 1 along both sides; the edge keeps its values.
    pub(super) fn soften(&mut self) {
        let width = self.width;
        if width < 3 || self.height < 3 {
            return;
        }
        for row in self.values.chunks_exact_mut(width) {
            let mut before = row[0];
            for x in 1..width - 1 {
                let value = row[x];
                row[x] = (before + 2.0 * value + row[x + 1]) / 4.0;
                before = value;
            }
        }
        let mut before = self.values[..width].to_vec();
        for y in 1..self.height - 1 {
            let (upper, lower) = self.values.split_at_mut((y + 1) * width);
            let row = &mut upper[y * width..];
            for ((value, before), after) in row.iter_mut().zip(&mut before).zip(&lower[..width]) {
                let own = *value;
                *value = (*before + 2.0 * own + after) / 4.0;
                *before = own;
            }
        }
    }

    /// Half the differences of the neighbours of a pixel that is not on the edge, along x and y.
    pub(super) fn gradient(&self, at: usize) -> (f32, f32) {
        let v = &self.values;
        ((v[at + 1] - v[at - 1]) / 2.0, (v[at + self.width] - v[at - self.width]) / 2.0)
    }
}

/// Two pictures over the same pixels, those of the coarser one.
#[derive(Debug)]
pub(super) struct Overlay {
    /// The ground: the picture whose pixels are larger where they overlap.
    pub(super) ground: Layer,
    /// The other one, laid on it.
    pub(super) other: Layer,
    /// Whether the other one covers a pixel and its neighbours.
    pub(super) inside: Vec<bool>,
    /// The place of the first pixel in the ground's picture.
    pub(super) origin: (usize, usize),
    /// From pixels of the ground's picture to the other's.
    pub(super) map: Affine,
}

/// `other` laid on `ground` by `map`, which leads from the pixels of `ground` to its own; none where they do
/// not meet.
pub(super) fn overlay(ground: &Plane, other: &Plane, map: Affine) -> Option<Overlay> {
    let (origin, (width, height)) = meeting(ground, other, &map)?;
    let mut under = Layer::new(width, height);
    for (y, row) in under.values.chunks_exact_mut(width).enumerate() {
        let start = (origin.1 + y) * ground.width + origin.0;
        row.iter_mut().zip(&ground.data[start..]).for_each(|(value, &level)| *value = f32::from(level));
    }
    under.soften();
    let mut source = Layer {
        width: other.width,
        height: other.height,
        values: other.data.iter().map(|&level| f32::from(level)).collect(),
    };
    let (mut to_source, mut halved) = (map, 1.0);
    while to_source.scale() > HALVE && source.width.min(source.height) > 3 {
        source = half(&source);
        halved *= 2.0;
        to_source.0.iter_mut().for_each(|value| *value /= 2.0);
    }
    let mut laid =
        Overlay { ground: under, other: Layer::new(width, height), inside: Vec::new(), origin, map };
    lay(&mut laid, &source, &to_source);
    let mut moved = 0.0;
    for _ in 0..ROUNDS {
        let Some((step, movement)) = improvement(&laid) else { break };
        moved += movement;
        if moved > MOST_MOVED {
            break;
        }
        to_source = to_source.after(&step);
        lay(&mut laid, &source, &to_source);
        if movement < SETTLED {
            break;
        }
    }
    laid.map = Affine(to_source.0.map(|value| value * halved));
    Some(laid)
}

/// The rectangle of the ground's pixels in which the other picture lies: its first pixel, and its size.
fn meeting(ground: &Plane, other: &Plane, map: &Affine) -> Option<((usize, usize), (usize, usize))> {
    let back = map.inverse()?;
    let (width, height) = (other.width as f32, other.height as f32);
    let corners = [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)].map(|corner| back.apply(corner));
    let range = |values: [f32; 4], length: usize| {
        let low = values.iter().fold(f32::INFINITY, |low, &value| low.min(value)).max(0.0).floor();
        let high = values.iter().fold(0.0f32, |high, &value| high.max(value)).min(length as f32).ceil();
        (high >= low + 8.0).then_some((low as usize, (high - low) as usize))
    };
    let (left, width) = range(corners.map(|corner| corner.0), ground.width)?;
    let (top, height) = range(corners.map(|corner| corner.1), ground.height)?;
    Some(((left, top), (width, height)))
}

fn half(layer: &Layer) -> Layer {
    let (width, height) = (layer.width / 2, layer.height / 2);
    let mut out = Layer::new(width, height);
    for (y, row) in out.values.chunks_exact_mut(width).enumerate() {
        let upper = &layer.values[2 * y * layer.width..];
        let lower = &upper[layer.width..];
        for (x, value) in row.iter_mut().enumerate() {
            *value = (upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]) / 4.0;
        }
    }
    out
}

/// Reads the other picture at each pixel of the ground, and notes where it is.
fn lay(laid: &mut Overlay, source: &Layer, to_source: &Affine) {
    let (width, height) = (laid.ground.width, laid.ground.height);
    let (right, bottom) = ((source.width - 1) as f32, (source.height - 1) as f32);
    let mut covered = vec![false; width * height];
    for y in 0..height {
        let start = ((laid.origin.0 as f32) + 0.5, (laid.origin.1 + y) as f32 + 0.5);
        let (from_x, from_y) = to_source.apply(start);
        let (step_x, step_y) = (to_source.0[0], to_source.0[3]);
        let values = laid.other.values[y * width..][..width].iter_mut();
        for (x, (value, covered)) in values.zip(&mut covered[y * width..]).enumerate() {
            let at_x = from_x + step_x * x as f32 - 0.5;
            let at_y = from_y + step_y * x as f32 - 0.5;
            *covered = at_x >= -0.5 && at_y >= -0.5 && at_x <= right + 0.5 && at_y <= bottom + 0.5;
            let (at_x, at_y) = (at_x.clamp(0.0, right), at_y.clamp(0.0, bottom));
            let (column, row) = (at_x as usize, at_y as usize);
            let (along, down) = (at_x - column as f32, at_y - row as f32);
            let next = usize::from(column + 1 < source.width);
            let below = if row + 1 < source.height { source.width } else { 0 };
            let at = row * source.width + column;
            let v = &source.values;
            let upper = v[at] + along * (v[at + next] - v[at]);
            let lower = v[at + below] + along * (v[at + below + next] - v[at + below]);
            *value = upper + down * (lower - upper);
        }
    }
    laid.other.soften();
    laid.inside = eroded(&covered, width, height);
}

/// Covered, as are the two neighbours on every side; never on the edge.
fn eroded(covered: &[bool], width: usize, height: usize) -> Vec<bool> {
    let mut along = vec![false; covered.len()];
    for (row, out) in covered.chunks_exact(width).zip(along.chunks_exact_mut(width)) {
        for (out, five) in out[2..].iter_mut().zip(row.windows(5)) {
            *out = five.iter().all(|&covered| covered);
        }
    }
    let mut inside = vec![false; covered.len()];
    for y in 2..height.saturating_sub(2) {
        for x in 0..width {
            inside[y * width + x] = (y - 2..=y + 2).all(|y| along[y * width + x]);
        }
    }
    inside
}

/// The affine map of the ground's pixels after which the other picture would fit better, and how far it moves
/// a corner at most (Gauss and Newton, with the gradients of both pictures).
fn improvement(laid: &Overlay) -> Option<(Affine, f32)> {
    let (width, height) = (laid.ground.width, laid.ground.height);
    let (gain, offset) = levels(laid)?;
    let middle = (width as f32 / 2.0, height as f32 / 2.0);
    let unit = width.max(height) as f32 / 2.0;
    let mut normal = [[0.0f32; 7]; 6];
    for y in (2..height.saturating_sub(2)).step_by(STRIDE) {
        for x in (2..width.saturating_sub(2)).step_by(STRIDE) {
            let at = y * width + x;
            if !laid.inside[at] {
                continue;
            }
            let (gx, gy) = laid.ground.gradient(at);
            let (hx, hy) = laid.other.gradient(at);
            let (gx, gy) = ((gx + gain * hx) / 2.0, (gy + gain * hy) / 2.0);
            let error = laid.ground.values[at] - (gain * laid.other.values[at] + offset);
            let weight = 1.0 / (1.0 + (error / DOUBTFUL).powi(2));
            let (u, v) = ((x as f32 - middle.0) / unit, (y as f32 - middle.1) / unit);
            let row = [gx * u, gx * v, gx, gy * u, gy * v, gy, error];
            for (i, sums) in normal.iter_mut().enumerate() {
                let factor = weight * row[i];
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += factor * value;
                }
            }
        }
    }
    let [a, b, x, c, d, y] = solve(normal)?;
    let moved = |u: f32, v: f32| ((a * u + b * v + x).powi(2) + (c * u + d * v + y).powi(2)).sqrt();
    let (u, v) = (middle.0 / unit, middle.1 / unit);
    let movement =
        [(u, v), (-u, v), (u, -v), (-u, -v)].map(|(u, v)| moved(u, v)).into_iter().fold(0.0, f32::max);
    if !movement.is_finite() {
        return None;
    }
    let middle = (middle.0 + laid.origin.0 as f32 + 0.5, middle.1 + laid.origin.1 as f32 + 0.5);
    let [a, b, c, d] = [a, b, c, d].map(|value| value / unit);
    let step =
        Affine([1.0 + a, b, x - a * middle.0 - b * middle.1, c, 1.0 + d, y - c * middle.0 - d * middle.1]);
    Some((step, movement))
}

/// The gain and offset that give the other picture the ground's brightness and contrast.
fn levels(laid: &Overlay) -> Option<(f32, f32)> {
    let mut sums = [0.0f64; 5];
    for ((&a, &b), _) in
        laid.ground.values.iter().zip(&laid.other.values).zip(&laid.inside).filter(|(_, inside)| **inside)
    {
        let (a, b) = (f64::from(a), f64::from(b));
        for (sum, value) in sums.iter_mut().zip([1.0, a, b, a * a, b * b]) {
            *sum += value;
        }
    }
    let [n, a, b, aa, bb] = sums;
    if n < 64.0 {
        return None;
    }
    let spread = |sum: f64, squares: f64| (squares / n - (sum / n).powi(2)).max(0.0).sqrt();
    let gain = (spread(a, aa).max(1.0) / spread(b, bb).max(1.0)).clamp(0.2, 5.0);
    Some((gain as f32, (a / n - gain * b / n) as f32))
}

/// Solves six equations by elimination; none where they do not determine the unknowns.
fn solve(mut rows: [[f32; 7]; 6]) -> Option<[f32; 6]> {
    for (i, row) in rows.iter_mut().enumerate() {
        row[i] *= 1.0001;
    }
    for i in 0..6 {
        let pivot = (i..6).max_by(|&a, &b| rows[a][i].abs().total_cmp(&rows[b][i].abs()))?;
        rows.swap(i, pivot);
        let own = rows[i];
        if own[i].abs() < 1e-3 {
            return None;
        }
        for (_, row) in rows.iter_mut().enumerate().filter(|(j, _)| *j != i) {
            let factor = row[i] / own[i];
            row.iter_mut().zip(own).for_each(|(value, own)| *value -= factor * own);
        }
    }
    Some(std::array::from_fn(|i| rows[i][6] / rows[i][i]))
}
