//! Two aligned pictures, compared block by block: where they agree, where they do not, and where there is
//! nothing to see.
//!
//! 1. Where light or shadow is clipped in one, it is clipped alike in the other.
//! 2. The sharper one is blurred until both are equally sharp, judged by the median block, so that letters
//!    that only one has do not count.
//! 3. In each block the gradients of both are correlated. Brightness and contrast make no difference, not even
//!    where they change over the picture. A block in which neither has gradients says nothing.

use super::layer::{Layer, Overlay};

/// Blocks along the side of a square as large as the overlap, and the limits of a block's side, in pixels.
const ALONG: f32 = 10.0;
const SIDES: std::ops::RangeInclusive<f32> = 10.0..=32.0;
/// The share of a block's pixels that both must cover.
const COVERED: f32 = 0.5;
/// Rounds of blurring, and the relative difference in sharpness at which they stop.
const ROUNDS: usize = 16;
const EVEN: f32 = 0.1;
/// Levels at each end that may be clipped, and the share of a picture from which it is.
const ENDS: f32 = 6.0;
const CLIPPED: f32 = 0.02;
/// The least share of pixels of which neither is clipped, and the most of the range that is clipped for the other's sake.
const OPEN: f32 = 0.3;
const MOST_CLIPPED: f32 = 0.5;

/// One block, in which both pictures lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Block {
    pub(super) column: usize,
    pub(super) row: usize,
    /// Mean square of the gradients of the ground and the other one, in levels of the ground.
    pub(super) energies: (f32, f32),
    /// How alike they are: 1 for the same, 0 for nothing in common.
    pub(super) likeness: f32,
}

impl Block {
    /// Mean square of the difference of the gradients.
    pub(super) fn difference(&self) -> f32 {
        let (ground, other) = self.energies;
        ground + other - 2.0 * self.likeness * (ground * other).sqrt()
    }
}

/// The blocks of an overlap.
#[derive(Debug)]
pub(super) struct Blocks {
    /// Side of a block, in pixels.
    pub(super) side: usize,
    pub(super) blocks: Vec<Block>,
    /// Pixels that both cover.
    pub(super) area: usize,
    /// How often the sharper one was blurred.
    pub(super) softenings: usize,
}

/// Compares an overlap block by block; the one that is sharper becomes less so.
pub(super) fn compare(laid: &mut Overlay) -> Blocks {
    let area = laid.inside.iter().filter(|inside| **inside).count();
    clip_alike(laid, area);
    let side = ((area as f32).sqrt() / ALONG).clamp(*SIDES.start(), *SIDES.end()) as usize;
    let cells = cells(laid, side);
    let mut softenings = 0;
    for _ in 0..ROUNDS {
        let Some((ground, other)) = sharpness(laid, &cells, side) else { break };
        let excess = ground.max(other) / ground.min(other) - 1.0;
        if excess < EVEN {
            break;
        }
        let times = if excess > 1.0 { 3 } else { 1 };
        let layer = if ground > other { &mut laid.ground } else { &mut laid.other };
        (0..times).for_each(|_| layer.soften());
        softenings += times;
    }
    let [ground, other] = [&laid.ground, &laid.other].map(Gradients::of);
    let mut blocks: Vec<Block> = Vec::with_capacity(cells.len());
    for &(column, row) in &cells {
        let place = Place { left: column * side, top: row * side, side };
        let sums = Sums::of(&ground, &other, &laid.inside, &place);
        blocks.push(Block { column, row, energies: sums.energies(), likeness: sums.likeness() });
    }
    let gain = gain(&blocks);
    for block in &mut blocks {
        block.energies.1 *= gain;
    }
    Blocks { side, blocks, area, softenings }
}

/// Clips each picture where light or shadow of the other one is clipped, as in a copy that was made brighter.
fn clip_alike(laid: &mut Overlay, area: usize) {
    let inside = || laid.inside.iter().zip(laid.ground.values.iter().zip(&laid.other.values));
    let inside = || inside().filter(|(inside, _)| **inside).map(|(_, (a, b))| (*a, *b));
    let open = |value: f32| (ENDS..=255.0 - ENDS).contains(&value);
    let mut sums = [0.0f64; 5];
    for (a, b) in inside().filter(|(a, b)| open(*a) && open(*b)) {
        let (a, b) = (f64::from(a), f64::from(b));
        sums.iter_mut().zip([1.0, a, b, a * a, b * b]).for_each(|(sum, value)| *sum += value);
    }
    let [n, a, b, aa, bb] = sums;
    if n < f64::from(OPEN) * area as f64 || n < 64.0 {
        return;
    }
    let spread = |sum: f64, squares: f64| (squares / n - (sum / n).powi(2)).max(1.0).sqrt();
    let gain = (spread(a, aa) / spread(b, bb)) as f32; // a = gain b + offset
    let offset = (a / n) as f32 - gain * (b / n) as f32;
    let share =
        |is: &dyn Fn((f32, f32)) -> bool| inside().filter(|pair| is(*pair)).count() as f32 / area as f32;
    let (white, black) = (255.0 - ENDS, ENDS);
    let of_other = [share(&|(_, b)| b >= white), share(&|(_, b)| b <= black)];
    let of_ground = [share(&|(a, _)| a >= white), share(&|(a, _)| a <= black)];
    let clip = |layer: &mut Layer, [is_white, is_black]: [f32; 2], most: f32, least: f32| {
        let most = if is_white > CLIPPED { most.max(255.0 * (1.0 - MOST_CLIPPED)) } else { 255.0 };
        let least = if is_black > CLIPPED { least.min(255.0 * MOST_CLIPPED) } else { 0.0 };
        if most < white || least > black {
            layer.values.iter_mut().for_each(|value| *value = value.clamp(least.min(most), most));
        }
    };
    clip(&mut laid.ground, of_other, gain * white + offset, gain * black + offset);
    clip(&mut laid.other, of_ground, (white - offset) / gain, (black - offset) / gain);
}

/// Blocks that are covered well enough, by column and row.
fn cells(laid: &Overlay, side: usize) -> Vec<(usize, usize)> {
    let (width, height) = (laid.ground.width, laid.ground.height);
    let (columns, rows) = (width.div_ceil(side), height.div_ceil(side));
    let mut counts = vec![0usize; columns * rows];
    for (y, row) in laid.inside.chunks_exact(width).enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, inside)| **inside) {
            counts[y / side * columns + x / side] += 1;
        }
    }
    let least = (COVERED * (side * side) as f32) as usize;
    let covered = counts.iter().enumerate().filter(|(_, count)| **count > least);
    covered.map(|(cell, _)| (cell % columns, cell / columns)).collect()
}

/// How sharp the median block of each picture is: the energy of its gradients, over that of gradients four
/// times as wide. None where there is too little to see.
fn sharpness(laid: &Overlay, cells: &[(usize, usize)], side: usize) -> Option<(f32, f32)> {
    let of = |layer: &Layer| {
        let mut ratios: Vec<f32> = Vec::with_capacity(cells.len());
        for &(column, row) in cells {
            let (mut fine, mut wide) = (0.0f32, 0.0f32);
            for y in (row * side).max(4)..((row + 1) * side).min(layer.height.saturating_sub(4)) {
                for x in (column * side).max(4)..((column + 1) * side).min(layer.width.saturating_sub(4)) {
                    let at = y * layer.width + x;
                    if !laid.inside[at] {
                        continue;
                    }
                    let v = &layer.values;
                    let near =
                        (v[at + 1] - v[at - 1]).powi(2) + (v[at + layer.width] - v[at - layer.width]).powi(2);
                    let far = (v[at + 4] - v[at - 4]).powi(2)
                        + (v[at + 4 * layer.width] - v[at - 4 * layer.width]).powi(2);
                    fine += near;
                    wide += far;
                }
            }
            ratios.push(if wide > (side * side) as f32 * 16.0 { fine / wide } else { -1.0 });
        }
        ratios
    };
    let (ground, other) = (of(&laid.ground), of(&laid.other));
    let both = |one: &[f32], two: &[f32]| {
        let seen = one.iter().zip(two).filter(|(one, two)| **one > 0.0 && **two > 0.0);
        median(seen.map(|(one, _)| *one).collect())
    };
    Some((both(&ground, &other)?, both(&other, &ground)?))
}

fn median(mut values: Vec<f32>) -> Option<f32> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f32::total_cmp).1)
}

/// The factor that gives the gradients of the other picture the energy of the ground's, in the median block.
fn gain(blocks: &[Block]) -> f32 {
    let alike = |least: f32| {
        let chosen = blocks.iter().filter(|block| block.likeness > least);
        let ratios: Vec<f32> =
            chosen.map(|block| block.energies.0.max(0.1) / block.energies.1.max(0.1)).collect();
        (ratios.len() >= 4).then(|| median(ratios)).flatten()
    };
    alike(0.7).or_else(|| alike(-2.0)).unwrap_or(1.0)
}

/// The value below which a share of the others lies; 0 of none.
pub(super) fn quantile(mut values: Vec<f32>, share: f32) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() - 1) as f32 * share) as usize;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}

/// Groups of cells that touch, also at a corner, the largest first.
pub(super) fn touching(mut left: Vec<(usize, usize)>) -> Vec<Vec<(usize, usize)>> {
    let mut groups = Vec::new();
    while let Some(first) = left.pop() {
        let mut group = vec![first];
        let mut next = 0;
        while let Some(&(x, y)) = group.get(next) {
            next += 1;
            let touches = |&(a, b): &(usize, usize)| a.abs_diff(x) <= 1 && b.abs_diff(y) <= 1;
            group.extend(left.iter().copied().filter(touches));
            left.retain(|cell| !touches(cell));
        }
        groups.push(group);
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    groups
}

/// Gradients, f32 `[height, width]` each; 0 on the edge.
struct Gradients {
    width: usize,
    height: usize,
    along: Vec<f32>,
    down: Vec<f32>,
}

impl Gradients {
    fn of(layer: &Layer) -> Gradients {
        let (width, height) = (layer.width, layer.height);
        let (mut along, mut down) = (vec![0.0; width * height], vec![0.0; width * height]);
        for y in 1..height.saturating_sub(1) {
            for at in y * width + 1..(y + 1) * width - 1 {
                (along[at], down[at]) = layer.gradient(at);
            }
        }
        Gradients { width, height, along, down }
    }
}

/// A square of pixels.
struct Place {
    left: usize,
    top: usize,
    side: usize,
}

/// Sums over a block: pixels, squares of the gradients of both, and their products.
struct Sums {
    n: f32,
    ground: f32,
    other: f32,
    product: f32,
}

impl Sums {
    fn of(ground: &Gradients, other: &Gradients, inside: &[bool], place: &Place) -> Sums {
        let (width, height) = (ground.width, ground.height);
        let mut sums = Sums { n: 0.0, ground: 0.0, other: 0.0, product: 0.0 };
        let columns = place.left..(place.left + place.side).min(width);
        for y in place.top..(place.top + place.side).min(height) {
            for x in columns.clone() {
                let at = y * width + x;
                if !inside[at] {
                    continue;
                }
                let (a, b) = (ground.along[at], ground.down[at]);
                let (c, d) = (other.along[at], other.down[at]);
                sums.n += 1.0;
                sums.ground += a * a + b * b;
                sums.other += c * c + d * d;
                sums.product += a * c + b * d;
            }
        }
        sums
    }

    fn energies(&self) -> (f32, f32) {
        let n = self.n.max(1.0);
        (self.ground / n, self.other / n)
    }

    fn likeness(&self) -> f32 {
        self.product / (self.ground * self.other).sqrt().max(1e-3)
    }
}
