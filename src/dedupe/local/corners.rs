//! Where a picture has corners: FAST (Rosten and Drummond 2006), ranked by Harris's measure.
//!
//! A pixel is a corner where nine in a row of the sixteen on a circle around it are all brighter, or all
//! darker. The best are taken, but from no place too many, so that they are spread over the picture.

use super::plane::Plane;

/// How much brighter or darker, in levels.
const THRESHOLD: i16 = 8;
/// Pixels from the edge in which no corner is looked for: a descriptor needs its surroundings.
pub(super) const MARGIN: usize = 16;
/// Cells along the longer side, of which none gives more than `CROWD` times its share of the corners.
const CELLS: usize = 8;
const CROWD: f32 = 2.5;
/// Harris's constant, and half the side of the square that is looked at.
const HARRIS: f32 = 0.04;
const AROUND: usize = 3;

/// Offsets of the circle, x and y, clockwise from the top.
const CIRCLE: [(isize, isize); 16] = [
    (0, -3),
    (1, -3),
    (2, -2),
    (3, -1),
    (3, 0),
    (3, 1),
    (2, 2),
    (1, 3),
    (0, 3),
    (-1, 3),
    (-2, 2),
    (-3, 1),
    (-3, 0),
    (-3, -1),
    (-2, -2),
    (-1, -3),
];

/// A corner, in pixels of its plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Corner {
    pub(super) x: usize,
    pub(super) y: usize,
    strength: f32,
}

/// At most `wanted` corners, spread over the picture.
pub(super) fn corners(plane: &Plane, wanted: usize) -> Vec<Corner> {
    if plane.width.min(plane.height) <= 2 * MARGIN {
        return Vec::new();
    }
    let mut found = peaks(plane);
    found.sort_by(|a, b| b.strength.total_cmp(&a.strength).then((a.y, a.x).cmp(&(b.y, b.x))));
    let cell = plane.width.max(plane.height).div_ceil(CELLS);
    let (columns, rows) = (plane.width.div_ceil(cell), plane.height.div_ceil(cell));
    let most = (CROWD * wanted as f32 / (columns * rows) as f32).ceil() as usize;
    let mut taken = vec![0; columns * rows];
    found.retain(|corner| {
        let count = &mut taken[corner.y / cell * columns + corner.x / cell];
        *count += 1;
        *count <= most
    });
    found.truncate(wanted);
    found
}

/// Corners that are stronger than their eight neighbours.
fn peaks(plane: &Plane) -> Vec<Corner> {
    let (width, height) = (plane.width, plane.height);
    let circle = CIRCLE.map(|(x, y)| x + y * width as isize);
    let mut scores = vec![0u8; width * height];
    let mut corners = Vec::new();
    for y in MARGIN..height - MARGIN {
        let row = y * width + MARGIN..(y + 1) * width - MARGIN;
        corners.extend(row.filter(|&at| {
            let centre = i16::from(plane.data[at]);
            let is_level = |i: usize| (ring(plane, at, circle[i]) - centre).abs() <= THRESHOLD;
            // nine in a row hold one of any two that lie opposite
            if is_level(0) && is_level(8) || is_level(4) && is_level(12) {
                return false;
            }
            let differences = circle.map(|offset| ring(plane, at, offset) - centre);
            let is_corner = has_arc(&differences);
            if is_corner {
                scores[at] = score(&differences).min(255) as u8;
            }
            is_corner
        }));
    }
    corners.retain(|&at| {
        let before = [at - width - 1, at - width, at - width + 1, at - 1];
        let after = [at + 1, at + width - 1, at + width, at + width + 1];
        before.iter().all(|&other| scores[other] < scores[at])
            && after.iter().all(|&other| scores[other] <= scores[at])
    });
    let corner = |at: usize| Corner { x: at % width, y: at / width, strength: harris(plane, at) };
    corners.into_iter().map(corner).filter(|corner| corner.strength > 0.0).collect()
}

fn ring(plane: &Plane, at: usize, offset: isize) -> i16 {
    i16::from(plane.data[at.wrapping_add_signed(offset)])
}

/// Whether nine in a row are all brighter, or all darker, by more than the threshold.
fn has_arc(differences: &[i16; 16]) -> bool {
    let bits = |is: fn(i16) -> bool| {
        differences.iter().enumerate().fold(0u32, |bits, (i, &value)| bits | u32::from(is(value)) << i)
    };
    let (brighter, darker) = (bits(|value| value > THRESHOLD), bits(|value| value < -THRESHOLD));
    [brighter, darker].into_iter().any(|bits| {
        let circle = bits | bits << 16;
        let two = circle & circle >> 1;
        let four = two & two >> 2;
        let eight = four & four >> 4;
        (eight & circle >> 8) & 0xffff != 0
    })
}

/// The largest threshold at which this is a corner.
fn score(differences: &[i16; 16]) -> i16 {
    let mut twice = [0i16; 24]; // the circle and its first half again
    twice[..16].copy_from_slice(differences);
    twice[16..].copy_from_slice(&differences[..8]);
    let (mut least, mut most) = ([i16::MAX; 16], [i16::MIN; 16]); // of nine in a row, from each of the sixteen
    for start in 0..9 {
        for (i, &difference) in twice[start..start + 16].iter().enumerate() {
            least[i] = least[i].min(difference);
            most[i] = most[i].max(difference);
        }
    }
    let brighter = least.iter().fold(i16::MIN, |a, &b| a.max(b));
    let darker = most.iter().fold(i16::MAX, |a, &b| a.min(b));
    brighter.max(-darker)
}

/// Large where gradients around a pixel have two directions, below 0 on an edge.
fn harris(plane: &Plane, at: usize) -> f32 {
    let width = plane.width;
    let (mut xx, mut yy, mut xy) = (0, 0, 0);
    for row in 0..=2 * AROUND {
        let start = at + row * width - AROUND * width - AROUND;
        for i in start..=start + 2 * AROUND {
            let across = i32::from(plane.data[i + 1]) - i32::from(plane.data[i - 1]);
            let down = i32::from(plane.data[i + width]) - i32::from(plane.data[i - width]);
            xx += across * across;
            yy += down * down;
            xy += across * down;
        }
    }
    let [xx, yy, xy] = [xx, yy, xy].map(|sum| sum as f32);
    xx * yy - xy * xy - HARRIS * (xx + yy) * (xx + yy)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn an_arc_is_what_scores_above_the_threshold() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut seen = [0; 2];
        for _ in 0..20_000 {
            let (start, length): (usize, usize) = (rng.random_range(0..16), rng.random_range(6..12));
            let sign = if rng.random_range(0..2) == 0 { 1 } else { -1 };
            let mut circle: [i16; 16] = std::array::from_fn(|_| rng.random_range(-12..=12));
            (0..length).for_each(|i| circle[(start + i) % 16] = sign * rng.random_range(6..40i16));
            let is_corner = score(&circle) > THRESHOLD;
            assert_eq!(has_arc(&circle), is_corner, "{circle:?}");
            seen[usize::from(is_corner)] += 1;
        }
        assert!(seen[0] > 1_000 && seen[1] > 1_000, "{seen:?}");
    }
}
