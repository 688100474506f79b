//! Where a picture has corners: FAST (Rosten and Drummond 2006), ranked by Harris's measure.
//!
//! A pixel is a corner where nine in a row of the sixteen on a circle around it are all brighter, or all
//! darker. The best are taken, but from no place too many, so that they are spread over the picture.

use super::plane::Plane;

/// How much brighter or darker, in levels.
const THRESHOLD: u8 = 8;
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
    let mut arcs = Arcs::new(width - 2 * MARGIN);
    for y in MARGIN..height - MARGIN {
        arcs.look_around(plane, y);
        for x in arcs.corners() {
            let at = y * width + MARGIN + x;
            scores[at] = score(&around(plane, at, &circle)).min(255) as u8;
            corners.push(at);
        }
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

/// How much brighter the circle around a pixel is.
fn around(plane: &Plane, at: usize, circle: &[isize; 16]) -> [i16; 16] {
    let centre = i16::from(plane.data[at]);
    let mut differences = [0; 16];
    for (difference, &offset) in differences.iter_mut().zip(circle) {
        *difference = i16::from(plane.data[at.wrapping_add_signed(offset)]) - centre;
    }
    differences
}

/// For each pixel of a row, which of the sixteen around it are brighter, and which darker, than it is by more than
/// the threshold: a bit each, the first eight and the second eight apart, so that the compiler handles many pixels
/// at a time.
struct Arcs {
    brighter: [Vec<u8>; 2],
    darker: [Vec<u8>; 2],
}

impl Arcs {
    fn new(n: usize) -> Arcs {
        let none = || [vec![0; n], vec![0; n]];
        Arcs { brighter: none(), darker: none() }
    }

    fn look_around(&mut self, plane: &Plane, y: usize) {
        let n = self.brighter[0].len();
        let row = |(x, down): (isize, isize)| {
            let start = (y * plane.width + MARGIN).wrapping_add_signed(x + down * plane.width as isize);
            &plane.data[start..][..n]
        };
        let centre = row((0, 0));
        for (half, places) in CIRCLE.as_chunks::<8>().0.iter().enumerate() {
            let (brighter, darker) = (&mut self.brighter[half][..n], &mut self.darker[half][..n]);
            brighter.fill(0);
            darker.fill(0);
            for (bit, &place) in places.iter().enumerate() {
                let ring = row(place);
                for i in 0..n {
                    let is = |above: u8, below: u8| u8::from(above > below.saturating_add(THRESHOLD)) << bit;
                    brighter[i] |= is(ring[i], centre[i]);
                    darker[i] |= is(centre[i], ring[i]);
                }
            }
        }
    }

    /// Pixels with nine in a row that are all brighter, or all darker.
    fn corners(&self) -> impl Iterator<Item = usize> + '_ {
        let [first, second] = &self.brighter;
        let [third, fourth] = &self.darker;
        let sides = first.iter().zip(second).zip(third.iter().zip(fourth));
        // nine in a row hold one of any two that lie opposite, and these have the same bit of both halves
        let may_be = |(a, b): (&u8, &u8)| a | b == u8::MAX;
        let is_corner = |(a, b): (&u8, &u8)| has_arc(u16::from_le_bytes([*a, *b]));
        sides.enumerate().filter_map(move |(x, (brighter, darker))| {
            let found = (may_be(brighter) && is_corner(brighter)) || (may_be(darker) && is_corner(darker));
            found.then_some(x)
        })
    }
}

/// Whether nine in a row are set, of sixteen on a circle.
fn has_arc(circle: u16) -> bool {
    let two = circle & circle.rotate_right(1);
    let four = two & two.rotate_right(2);
    let eight = four & four.rotate_right(4);
    eight & circle.rotate_right(8) != 0
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
    fn corners_are_what_scores_above_the_threshold() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut seen = [0; 2];
        for _ in 0..20_000 {
            let (start, length): (usize, usize) = (rng.random_range(0..16), rng.random_range(6..12));
            let sign = if rng.random_range(0..2) == 0 { 1 } else { -1 };
            let mut circle: [i16; 16] = std::array::from_fn(|_| rng.random_range(-12..=12));
            (0..length).for_each(|i| circle[(start + i) % 16] = sign * rng.random_range(6..40i16));
            let is_corner = score(&circle) > i16::from(THRESHOLD);
            // a picture of the circle, in the middle of which there is room for a corner
            let mut plane = Plane { width: 40, height: 40, data: vec![100; 1600] };
            let (x, y) = (20, 20);
            for ((dx, dy), difference) in CIRCLE.into_iter().zip(circle) {
                let at = (y * 40usize).wrapping_add_signed(dy * 40 + dx) + x;
                plane.data[at] = (100 + difference) as u8;
            }
            let mut arcs = Arcs::new(40 - 2 * MARGIN);
            arcs.look_around(&plane, y);
            assert_eq!(arcs.corners().any(|at| at == x - MARGIN), is_corner, "{circle:?}");
            seen[usize::from(is_corner)] += 1;
        }
        assert!(seen[0] > 1_000 && seen[1] > 1_000, "{seen:?}");
    }
}
