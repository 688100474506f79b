//! Does a picture show that it was a JPEG file before?
//!
//! JPEG stores the mean of each block of 8x8 pixels as a multiple of a step, so the means of such a file lie
//! on a lattice, and nearly so after other changes: saved again with smaller steps, as PNG, mirrored,
//! cropped, with a mark on a part of it. How well numbers lie on a lattice is the size of their Fourier
//! coefficient at its frequency: 1 if all do, near 0 if they lie anywhere. Two lattices are looked for:
//!
//! - of another grid than the file's own: at all 64 places where blocks can begin, for several steps; it has to be
//!   there at one place and not at the others (as Bianchi & Piva, Detection of Nonaligned Double JPEG Compression Based
//!   on Integer Periodicity Maps, 2012);
//! - of the file's own grid: among the multiples of its own step, some are more frequent, in a period.
//!
//! A picture decoded at 1/2 or 1/4 of its size has blocks of 4x4 or 2x2 pixels, whose means are the same.

use std::f32::consts::TAU;
use std::sync::OnceLock;

use crate::images::{Origin, Pixels};

/// Steps that are tried on other grids: those of libjpeg from quality 94 to 25, and multiples of these.
const STEPS: [u8; 16] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 20, 24];
/// Sums of luma have 16 to a level.
const FINE: u32 = 16;
/// Means that can be told apart.
const MEANS: usize = 255 * FINE as usize + 1;
/// The level that JPEG calls 0.
const MIDDLE: f32 = 128.0;
/// Steps of the first coefficient to a level.
const STEPS_PER_LEVEL: f32 = 8.0;
/// Blocks along a window that is looked at, and windows along each side.
const BLOCKS: usize = 13;
const WINDOWS: usize = 2;
/// Blocks of the own grid at most.
const MOST: usize = 4096;
/// Blocks from which anything is said.
const FEWEST: usize = 150;
/// Variance of the pixels of a block with texture: in flat areas, means are those of pixels. In levels.
const TEXTURE: u32 = 4;
/// Blocks nearer to black or white than this may be clipped. In levels.
const CLIPPED: u32 = 3;
/// The share of blocks with texture in photos.
const TEXTURED: f32 = 0.5;

/// How clear a lattice of another grid has to be: itself, and beside those at other places.
const CLEAR: f32 = 0.2;
const CLEARER_BY: f32 = 0.14;
/// How clear one of the own grid has to be: itself, in standard deviations of chance, and
/// beside the median of all frequencies.
const OWN_CLEAR: f32 = 0.15;
const OWN_DEVIATIONS: f32 = 4.5;
const OWN_TIMES: f32 = 4.0;
/// Frequencies of the own grid that are tried: these to 1, and the longest period, in steps of 1.
const RESOLUTION: usize = 1024;
const LONGEST: f32 = 40.0;

/// How an earlier JPEG file shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::dedupe) enum Earlier {
    /// Means of blocks of another grid lie on multiples of this step.
    OtherGrid {
        /// In units of the first coefficient, of which 8 are a level.
        step: u8,
        /// Its first block begins where the picture does.
        at_start: bool,
    },
    /// Multiples of the file's own step have this frequency, at most 0.5.
    OwnGrid {
        /// Periods to a step.
        frequency: f32,
    },
}

/// What block means tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    pub(super) earlier: Option<Earlier>,
    /// Most blocks have texture.
    pub(super) is_textured: bool,
}

/// Looks for an earlier JPEG in the pixels of an image whose size is `size`.
pub(super) fn earlier(pixels: &Pixels, size: (usize, usize), origin: &Origin) -> Found {
    let nothing = Found { earlier: None, is_textured: false };
    let Some(side) = block_side(pixels, size) else { return nothing };
    let own = Means::of_grid(pixels, side);
    let is_textured = own.share() >= TEXTURED;
    // where its own grid lies in a turned picture is known only if it has whole blocks
    let is_askew = origin.turned && !(size.0.is_multiple_of(8) && size.1.is_multiple_of(8));
    let earlier = match origin.jpeg_step {
        Some(_) if is_askew => None,
        Some(step) => own_grid(&own, step, side).or_else(|| other_grid(pixels, side, Some(step))),
        None => other_grid(pixels, side, None),
    };
    Found { earlier, is_textured }
}

/// The side of what a block of 8x8 pixels of the image became, in pixels.
pub(super) fn block_side(pixels: &Pixels, (width, height): (usize, usize)) -> Option<usize> {
    let is_so = |side: &usize| {
        (width * side).div_ceil(8) == pixels.width && (height * side).div_ceil(8) == pixels.height
    };
    [8, 4, 2].into_iter().find(is_so)
}

/// Means of the blocks of the file's own grid that have texture, 16 to a level.
struct Means {
    found: Vec<u32>,
    seen: usize,
}

impl Means {
    fn of_grid(pixels: &Pixels, side: usize) -> Means {
        let (columns, rows) = (pixels.width / side, pixels.height / side);
        let step = (columns * rows).div_ceil(MOST).max(1);
        let mut means = Means { found: Vec::with_capacity((columns * rows / step).min(MOST)), seen: 0 };
        // every so many blocks, from row to row at other columns
        for at in (0..columns * rows).step_by(step) {
            let (left, top) = (at % columns * side, at / columns * side);
            let (mut sum, mut squares) = (0, 0);
            for y in top..top + side {
                for x in left..left + side {
                    let luma = luma(pixels, x, y);
                    sum += luma;
                    squares += luma.pow(2);
                }
            }
            means.seen += 1;
            means.found.extend(mean_of(sum, squares, side));
        }
        means
    }

    fn share(&self) -> f32 {
        self.found.len() as f32 / self.seen.max(1) as f32
    }
}

/// The mean of a block by sums of its luma and of the squares of that, 16 to a level; none of one without
/// texture, or that may be clipped.
fn mean_of(sum: u32, squares: u32, side: usize) -> Option<u32> {
    let area = (side * side) as u32;
    let mean = (sum + area / 2) / area;
    let variance = (u64::from(squares) * u64::from(area)).saturating_sub(u64::from(sum).pow(2));
    let has_texture = variance >= u64::from(TEXTURE * FINE * FINE * area * area);
    (has_texture && (CLIPPED..=255 - CLIPPED).contains(&(mean / FINE))).then_some(mean)
}

/// Luma of a pixel by the weights of JFIF, 16 to a level.
fn luma(pixels: &Pixels, x: usize, y: usize) -> u32 {
    let at = (y * pixels.width + x) * pixels.channels;
    match pixels.data.get(at..at + pixels.channels) {
        Some(&[r, g, b]) => {
            (19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + 2048) >> 12
        }
        Some(&[grey, ..]) => u32::from(grey) * FINE,
        _ => 0,
    }
}

/// The frequency at which multiples of the own step are more frequent.
fn own_grid(means: &Means, step: u16, side: usize) -> Option<Earlier> {
    // rounding of smaller pictures hides small steps
    let least = match side {
        8 => 1,
        4 => 2,
        _ => 6,
    };
    if means.found.len() < FEWEST || step < least {
        return None;
    }
    let mut counts = vec![0u32; MEANS];
    let scale = STEPS_PER_LEVEL / f32::from(step);
    for mean in &means.found {
        let multiple = ((*mean as f32 / FINE as f32 - MIDDLE) * scale).round() + MIDDLE * scale.ceil();
        counts[(multiple.max(0.0) as usize).min(MEANS - 1)] += 1;
    }
    let counts: Vec<(usize, f32)> = counts
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(at, count)| (at, *count as f32))
        .collect();
    let waves: Vec<(f32, f32)> =
        (0..RESOLUTION).map(|at| (TAU * at as f32 / RESOLUTION as f32).sin_cos()).collect();
    let total = means.found.len() as f32;
    let first =
        ((f32::from(step) / LONGEST * RESOLUTION as f32) as usize).clamp(RESOLUTION / 40, RESOLUTION / 3);
    let strength = |frequency: usize| {
        let (mut along, mut across) = (0.0, 0.0);
        for (multiple, count) in &counts {
            let (sin, cos) = waves[multiple * frequency % RESOLUTION];
            along += count * cos;
            across += count * sin;
        }
        f32::hypot(along, across) / total
    };
    let mut all: Vec<(f32, usize)> =
        (first..=RESOLUTION / 2).map(|frequency| (strength(frequency), frequency)).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (strength, frequency) = *all.first()?;
    // a drawing of few colours has many frequencies
    let usual = all[all.len() / 2].0;
    let is_clear = strength >= OWN_CLEAR.max(OWN_DEVIATIONS / total.sqrt()).max(OWN_TIMES * usual);
    is_clear.then_some(Earlier::OwnGrid { frequency: frequency as f32 / RESOLUTION as f32 })
}

/// For each mean, 16 to a level, how well it lies on the lattice of each step: the cosine of its phase, times
/// 127.
fn waves() -> &'static [[i8; STEPS.len()]] {
    static WAVES: OnceLock<Vec<[i8; STEPS.len()]>> = OnceLock::new();
    WAVES.get_or_init(|| {
        let wave = |mean: usize| {
            let value = (mean as f32 / FINE as f32 - MIDDLE) * STEPS_PER_LEVEL;
            STEPS.map(|step| (127.0 * (TAU * value / f32::from(step)).cos()).round() as i8)
        };
        (0..MEANS).map(wave).collect()
    })
}

/// How well the blocks that begin at one place lie on the lattice of each step.
#[derive(Clone, Copy, Default)]
struct AtPlace {
    sums: [i32; STEPS.len()],
    blocks: usize,
}

/// The step of a lattice at one place of the grid, other than the file's own.
fn other_grid(pixels: &Pixels, side: usize, own_step: Option<u16>) -> Option<Earlier> {
    let mut places = vec![AtPlace::default(); side * side];
    let start =
        |whole: usize, window: usize| (whole.saturating_sub(side * (BLOCKS + 1))) * (1 + 4 * window) / 6;
    for window in 0..WINDOWS * WINDOWS {
        let left = start(pixels.width, window % WINDOWS) / side * side;
        let top = start(pixels.height, window / WINDOWS) / side * side;
        add_window(pixels, (left, top), side, &mut places);
    }
    let strength = |place: &AtPlace, step: usize| place.sums[step] as f32 / (127.0 * place.blocks as f32);
    let mut best: Option<(f32, Earlier)> = None;
    for (number, step) in STEPS.into_iter().enumerate() {
        if own_step.is_some_and(|own| own % u16::from(step) == 0) {
            continue; // the own lattice shows near its own place
        }
        let seen = places
            .iter()
            .zip(0..)
            .filter(|(place, at)| place.blocks >= FEWEST && (*at > 0 || own_step.is_none()));
        let all: Vec<(f32, usize)> = seen.map(|(place, at)| (strength(place, number), at)).collect();
        let Some((first, at)) = all.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0)) else { continue };
        let beside = |other: usize| {
            let apart = |a: usize, b: usize| a.abs_diff(b).min(side - a.abs_diff(b));
            apart(at % side, other % side) <= 1 && apart(at / side, other / side) <= 1
        };
        let others = all.iter().filter(|(_, other)| side == 2 && *other != at || !beside(*other));
        let second = others.map(|(strength, _)| *strength).fold(0.0, f32::max);
        if first >= CLEAR && first - second >= CLEARER_BY && best.is_none_or(|(best, _)| first > best) {
            best = Some((first, Earlier::OtherGrid { step, at_start: at == 0 }));
        }
    }
    best.map(|(_, earlier)| earlier)
}

/// Adds the blocks of a window that begins at a multiple of `side`, at every place.
fn add_window(pixels: &Pixels, (left, top): (usize, usize), side: usize, places: &mut [AtPlace]) {
    let extent = |from: usize, whole: usize| (whole - from).min(side * (BLOCKS + 1) - 1);
    let (width, height) = (extent(left, pixels.width), extent(top, pixels.height));
    if width < side || height < side {
        return;
    }
    // sums of the last `side` rows in each column: of luma, and of its squares
    let mut columns = vec![(0u32, 0u32); width];
    let mut rows: Vec<Vec<u32>> = Vec::with_capacity(height);
    let waves = waves();
    for y in 0..height {
        let row: Vec<u32> = (left..left + width).map(|x| luma(pixels, x, top + y)).collect();
        for (column, luma) in columns.iter_mut().zip(&row) {
            *column = (column.0 + luma, column.1 + luma.pow(2));
        }
        rows.push(row);
        if y + 1 < side {
            continue;
        }
        let (mut sum, mut squares) = (0, 0);
        for x in 0..width {
            (sum, squares) = (sum + columns[x].0, squares + columns[x].1);
            if x + 1 < side {
                continue;
            }
            if let Some(mean) = mean_of(sum, squares, side) {
                let (first_x, first_y) = (x + 1 - side, y + 1 - side);
                let place = &mut places[first_y % side * side + first_x % side];
                place
                    .sums
                    .iter_mut()
                    .zip(&waves[mean as usize])
                    .for_each(|(sum, wave)| *sum += i32::from(*wave));
                place.blocks += 1;
            }
            let first = columns[x + 1 - side];
            (sum, squares) = (sum - first.0, squares - first.1);
        }
        for (column, luma) in columns.iter_mut().zip(&rows[y + 1 - side]) {
            *column = (column.0 - luma, column.1 - luma.pow(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const SIZE: (usize, usize) = (240, 200);

    /// Noise on slow waves, whose blocks from `start` on have means that are multiples of `steps`, one after
    /// another, in eighths of a level.
    fn picture(seed: u64, start: (usize, usize), steps: &[f32]) -> Pixels {
        let (width, height) = SIZE;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let wave =
            |x: usize, y: usize| 128.0 + 50.0 * (x as f32 / 31.0).sin() + 40.0 * (y as f32 / 23.0).cos();
        let mut values: Vec<f32> = (0..width * height)
            .map(|at| wave(at % width, at / width) + rng.random_range(-12.0..12.0f32))
            .collect();
        for step in steps {
            for top in (start.1..height - 7).step_by(8) {
                for left in (start.0..width - 7).step_by(8) {
                    let places: Vec<usize> =
                        (0..64).map(|at| (top + at / 8) * width + left + at % 8).collect();
                    let mean = places.iter().map(|at| values[*at]).sum::<f32>() / 64.0;
                    let unit = step / STEPS_PER_LEVEL;
                    let wanted = ((mean - MIDDLE) / unit).round() * unit + MIDDLE;
                    places.iter().for_each(|at| values[*at] += wanted - mean);
                }
            }
        }
        let data = values.into_iter().map(|value| value.round().clamp(0.0, 255.0) as u8).collect();
        Pixels { width, height, channels: 1, data }
    }

    fn found(pixels: &Pixels, jpeg_step: Option<u16>) -> Option<Earlier> {
        earlier(pixels, SIZE, &Origin { jpeg_step, ..Origin::default() }).earlier
    }

    #[test]
    fn a_lattice_is_found_wherever_its_grid_lies() {
        for (start, step) in [((0, 0), 8), ((3, 5), 8), ((7, 1), 10), ((4, 0), 6)] {
            let (pixels, at_start) = (picture(1, start, &[step as f32]), start == (0, 0));
            assert_eq!(found(&pixels, None), Some(Earlier::OtherGrid { step, at_start }), "{start:?}");
            let own = if at_start { None } else { Some(Earlier::OtherGrid { step, at_start }) };
            assert_eq!(found(&pixels, Some(4)).filter(|_| own.is_some()), own, "{start:?}");
        }
        assert_eq!(found(&picture(1, (0, 0), &[]), None), None);
        assert!(earlier(&picture(1, (0, 0), &[]), SIZE, &Origin::default()).is_textured);
    }

    #[test]
    fn an_earlier_step_shows_among_the_multiples_of_a_smaller_one() {
        for (first, own) in [(8.0, 4), (10.0, 4), (8.0, 3), (8.8, 4)] {
            let twice = picture(2, (0, 0), &[first, f32::from(own)]);
            let Some(Earlier::OwnGrid { frequency }) = found(&twice, Some(own)) else {
                panic!("{first} {own}")
            };
            let told = [frequency, 1.0 - frequency].map(|frequency| f32::from(own) / frequency);
            assert!(told.iter().any(|step| (step / first - 1.0).abs() < 0.03), "{first} {own}: {told:?}");
            let once = picture(2, (0, 0), &[f32::from(own)]);
            assert_eq!(found(&once, Some(own)), None);
        }
        // stored turned, with parts of blocks: nobody knows where its grid lies
        let twice = picture(2, (0, 0), &[8.0, 4.0]);
        let turned = Origin { jpeg_step: Some(4), turned: true, ..Origin::default() };
        assert!(earlier(&twice, SIZE, &turned).earlier.is_some());
        let cut = Pixels {
            width: SIZE.0,
            height: SIZE.1 - 3,
            channels: 1,
            data: twice.data[..SIZE.0 * (SIZE.1 - 3)].to_vec(),
        };
        assert!(earlier(&cut, (SIZE.0, SIZE.1 - 3), &turned).earlier.is_none());
    }

    #[test]
    fn what_is_flat_small_or_of_another_size_tells_nothing() {
        let flat = Pixels { width: 240, height: 200, channels: 1, data: vec![128; 240 * 200] };
        assert_eq!(earlier(&flat, SIZE, &Origin::default()), Found { earlier: None, is_textured: false });
        for side in [1, 3, 8, 17] {
            let small = Pixels { width: side, height: side, channels: 3, data: vec![9; side * side * 3] };
            assert_eq!(found(&small, None), None);
            assert_eq!(
                earlier(&small, (side, side), &Origin { jpeg_step: Some(8), ..Origin::default() }).earlier,
                None
            );
        }
        assert_eq!(block_side(&flat, (480, 400)), Some(4));
        assert_eq!((block_side(&flat, (957, 799)), block_side(&flat, (720, 600))), (Some(2), None));
    }
}
