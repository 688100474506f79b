//! What a picture shows beside what it shares with another: more of the same picture, so that the other is a
//! crop, or a frame that was added, such as a border, a strip with words or a second picture.
//!
//! Where a frame begins, the light jumps all along the line; where a crop was cut, nothing is seen.

use super::geometry::Affine;
use super::plane::Plane;

/// What lies beside the overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Beside {
    /// Hardly anything.
    #[default]
    Nothing,
    /// One shade without a seam: a frame or a plain part of the picture, nothing tells.
    Plain,
    /// More of the picture.
    Picture,
    /// Something that was added: there is a seam.
    Frame,
}

/// The share of a picture that lies beside the overlap, from which it counts.
const BESIDE: f32 = 0.03;
/// The step at which pixels are looked at.
const STEP: usize = 3;
/// Levels that count as one shade, and the share of what lies beside that has it in a plain part.
const SHADES: usize = 8;
const PLAIN: f32 = 0.8;
/// Points along a line; pixels to either side of it where the light is compared; the places, in pixels from
/// the line, where a seam is looked for, and those that it is compared with.
const POINTS: usize = 80;
const REACH: f32 = 2.0;
const NEAR: [f32; 5] = [-2.0, -1.0, 0.0, 1.0, 2.0];
const FAR: [f32; 6] = [-13.0, -10.0, -7.0, 7.0, 10.0, 13.0];
/// The jump along a seam, for half of its points: at least, in levels, and in jumps along lines beside it.
/// For three quarters of its points, at least the share of what a quarter has beside it: where light jumps
/// along an edge of the picture, it does so for a part of a line.
const JUMP: f32 = 8.0;
const TIMES: f32 = 2.5;
const THROUGHOUT: f32 = 0.8;
/// A jump that is nothing.
const NOISE: f32 = 3.0;

/// What `plane` shows beside `other`; `map` tells where its points lie in it.
pub(super) fn beside(plane: &Plane, other: &Plane, map: &Affine) -> Beside {
    let (width, height) = (other.width as f32, other.height as f32);
    let (mut counts, mut all) = ([0usize; 256], 0);
    for y in (0..plane.height).step_by(STEP) {
        for x in (0..plane.width).step_by(STEP) {
            let there = map.apply((x as f32 + 0.5, y as f32 + 0.5));
            all += 1;
            if !(0.0..width).contains(&there.0) || !(0.0..height).contains(&there.1) {
                counts[usize::from(plane.data[y * plane.width + x])] += 1;
            }
        }
    }
    let beside: usize = counts.iter().sum();
    if (beside as f32) < BESIDE * all as f32 {
        return Beside::Nothing;
    }
    if has_seam(plane, (width, height), map) {
        return Beside::Frame;
    }
    let plain = counts.windows(SHADES).map(|shades| shades.iter().sum::<usize>()).max().unwrap_or(0);
    if plain as f32 >= PLAIN * beside as f32 { Beside::Plain } else { Beside::Picture }
}

/// Whether the edges of the other picture, whose size is `size`, are seen in this one: at least half of those
/// that lie inside. A crop may be cut along a line of the picture, but hardly twice.
fn has_seam(plane: &Plane, (width, height): (f32, f32), map: &Affine) -> bool {
    let Some(back) = map.inverse() else { return false };
    let corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)].map(|corner| back.apply(corner));
    let told: Vec<bool> =
        (0..4).filter_map(|side| is_seam(plane, corners[side], corners[(side + 1) % 4])).collect();
    let seams = told.iter().filter(|is_seam| **is_seam).count();
    seams > 0 && 2 * seams >= told.len()
}

/// Whether the light jumps along a line; none if most of it lies outside.
fn is_seam(plane: &Plane, from: (f32, f32), to: (f32, f32)) -> Option<bool> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy).max(1.0);
    let normal = (-dy / length, dx / length);
    // a quarter, half and three quarters of the points on a line beside this one have less of a jump than
    // this
    let jumps = |offset: f32| {
        let mut jumps = Vec::with_capacity(POINTS);
        for point in 0..POINTS {
            let along = (point as f32 + 0.5) / POINTS as f32;
            let at = |off: f32| {
                light(plane, (from.0 + along * dx + off * normal.0, from.1 + along * dy + off * normal.1))
            };
            if let (Some(before), Some(after)) = (at(offset - REACH), at(offset + REACH)) {
                jumps.push((after - before).abs());
            }
        }
        jumps.sort_by(f32::total_cmp);
        let count = jumps.len();
        (2 * count > POINTS).then(|| [1, 2, 3].map(|quarter| jumps[quarter * count / 4]))
    };
    jumps(0.0)?;
    let near: Vec<[f32; 3]> = NEAR.into_iter().filter_map(jumps).collect();
    let far: Vec<[f32; 3]> = FAR.into_iter().filter_map(jumps).collect();
    let most = |quarter: usize| near.iter().map(|jumps| jumps[quarter]).fold(0.0, f32::max);
    let usual = |quarter: usize| {
        let mut values: Vec<f32> = far.iter().map(|jumps| jumps[quarter]).collect();
        values.sort_by(f32::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0).max(NOISE)
    };
    let is_clear = most(1) >= JUMP && most(1) >= TIMES * usual(1);
    Some(is_clear && most(0) >= THROUGHOUT * usual(2))
}

/// The light at a point; none outside.
fn light(plane: &Plane, (x, y): (f32, f32)) -> Option<f32> {
    let is_inside = x >= 0.0 && y >= 0.0 && x < plane.width as f32 && y < plane.height as f32;
    is_inside.then(|| f32::from(plane.data[y as usize * plane.width + x as usize]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Patches of eight pixels, and noise.
    fn plane(width: usize, height: usize) -> Plane {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let patches: Vec<u8> = (0..4096).map(|_| rng.random_range(60..190)).collect();
        let value = |at: usize| {
            let (x, y) = (at % width, at / width);
            patches[(x / 11 + 64 * (y / 13)) % 4096] + rng.random_range(0..25)
        };
        let data = (0..width * height).map(value).collect();
        Plane { width, height, data }
    }

    fn cut(plane: &Plane, (left, top): (usize, usize), width: usize, height: usize) -> Plane {
        let rows = (top..top + height).map(|y| &plane.data[y * plane.width + left..][..width]);
        Plane { width, height, data: rows.flatten().copied().collect() }
    }

    fn moved(x: f32, y: f32) -> Affine {
        Affine([1.0, 0.0, x, 0.0, 1.0, y])
    }

    #[test]
    fn a_crop_leaves_more_of_the_picture_and_a_frame_a_seam() {
        let whole = plane(300, 220);
        // not along the edges of patches
        let part = cut(&whole, (27, 19), 253, 182);
        assert_eq!(beside(&whole, &part, &moved(-27.0, -19.0)), Beside::Picture);
        assert_eq!(beside(&part, &whole, &moved(27.0, 19.0)), Beside::Nothing);
        for shade in [0, 128, 255] {
            let mut framed = Plane { width: 300, height: 220, data: vec![shade; 300 * 220] };
            for y in 0..182 {
                let at = (y + 19) * 300 + 27;
                framed.data[at..at + 253].copy_from_slice(&part.data[y * 253..][..253]);
            }
            assert_eq!(beside(&framed, &part, &moved(-27.0, -19.0)), Beside::Frame, "{shade}");
        }
        // another picture below
        let mut below = whole.clone();
        let other = plane(310, 60);
        for y in 160..220 {
            for x in 0..300 {
                below.data[y * 300 + x] = 255 - other.data[(219 - y) * 310 + x + 7] / 2;
            }
        }
        assert_eq!(beside(&below, &cut(&whole, (0, 0), 300, 160), &moved(0.0, 0.0)), Beside::Frame);
    }

    #[test]
    fn a_plain_part_may_be_either() {
        let mut whole = plane(300, 220);
        for row in whole.data.chunks_exact_mut(300) {
            row[..60].fill(240);
        }
        let part = cut(&whole, (40, 0), 260, 220);
        assert_eq!(beside(&whole, &part, &moved(-40.0, 0.0)), Beside::Plain);
    }
}
