//! Local features: corners at several sizes, each with a direction and 256 bits that describe its
//! surroundings (ORB: Rublee, Rabaud, Konolige and Bradski 2011).
//!
//! The direction is that from the corner to the centroid of the light around it. Each bit compares two places
//! of the surroundings, turned by the direction. The places are random, and the second half of the tests is
//! the first, mirrored; so the descriptor of a mirrored picture is the same bits in another order.

use std::sync::OnceLock;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::corners::{MARGIN, corners};
use super::plane::Plane;

/// Corners of an image, at most.
pub(super) const MOST: usize = 400;
/// Sizes at which corners are looked for, and the factor from one to the next.
const LEVELS: usize = 8;
const FACTOR: f32 = 1.2;
/// Radius of what a descriptor sees, in pixels; the places that it compares are means of 5x5 pixels.
const RADIUS: isize = 15;
const REACH: f32 = 13.0;
/// Standard deviation of those places.
const SPREAD: f32 = 5.6;
/// Directions that are told apart.
const DIRECTIONS: usize = 64;

/// What a corner looks like.
pub(super) type Descriptor = [u64; 4];

/// A corner, in pixels of the whole picture, `0..width`, the middle of the first pixel being 0.5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
    /// The scale at which it was found: 1, or larger for coarser corners.
    pub(super) scale: f32,
    /// Cosine and sine of its direction.
    pub(super) direction: (f32, f32),
}

/// The corners of a picture, and their descriptors.
pub(super) fn features(plane: &Plane) -> (Vec<Point>, Vec<Descriptor>) {
    let total: f32 = (0..LEVELS).map(|level| FACTOR.powi(-(level as i32))).sum();
    let (mut points, mut descriptors) = (Vec::new(), Vec::new());
    let mut resized: Option<Plane> = None;
    for level in 0..LEVELS {
        let scale = FACTOR.powi(level as i32);
        if level > 0 {
            let side = |length: usize| ((length as f32 / scale).round() as usize).max(1);
            let (width, height) = (side(plane.width), side(plane.height));
            resized = Some(resized.as_ref().unwrap_or(plane).resized(width, height));
        }
        let plane_here = resized.as_ref().unwrap_or(plane);
        let wanted = (MOST as f32 / scale / total).floor() as usize;
        let ratio =
            (plane.width as f32 / plane_here.width as f32, plane.height as f32 / plane_here.height as f32);
        let found = corners(plane_here, wanted);
        if found.is_empty() {
            continue;
        }
        let sums = plane_here.sums_of_five();
        for corner in found {
            let at = corner.y * plane_here.width + corner.x;
            let direction = direction(plane_here, at);
            descriptors.push(descriptor(&sums, plane_here.width, at, direction));
            points.push(Point {
                x: (corner.x as f32 + 0.5) * ratio.0,
                y: (corner.y as f32 + 0.5) * ratio.1,
                scale,
                direction,
            });
        }
    }
    (points, descriptors)
}

/// The descriptor of the same corner in the mirrored picture.
pub(super) fn mirrored(&[a, b, c, d]: &Descriptor) -> Descriptor {
    [c, d, a, b]
}

/// From a corner to the centroid of the light around it, as cosine and sine.
fn direction(plane: &Plane, at: usize) -> (f32, f32) {
    let (mut along, mut down) = (0i32, 0i32);
    for y in -RADIUS..=RADIUS {
        let half = ((RADIUS * RADIUS - y * y) as f32).sqrt() as isize;
        let middle = at.wrapping_add_signed(y * plane.width as isize);
        let row = &plane.data[middle - half as usize..=middle + half as usize];
        let (mut sum, mut moment) = (0, 0);
        for (x, &value) in (-half as i32..).zip(row) {
            sum += i32::from(value);
            moment += x * i32::from(value);
        }
        along += moment;
        down += y as i32 * sum;
    }
    let (along, down) = (along as f32, down as f32);
    let length = (along * along + down * down).sqrt();
    if length > 0.0 { (along / length, down / length) } else { (1.0, 0.0) }
}

fn descriptor(sums: &[u16], width: usize, at: usize, direction: (f32, f32)) -> Descriptor {
    let turn = direction.1.atan2(direction.0) / std::f32::consts::TAU * DIRECTIONS as f32;
    let tests = &tests()[turn.round().rem_euclid(DIRECTIONS as f32) as usize % DIRECTIONS];
    let value = |(x, y): (i8, i8)| sums[at.wrapping_add_signed(y as isize * width as isize + x as isize)];
    let mut words = [0; 4];
    for (word, tests) in words.iter_mut().zip(tests.as_chunks::<64>().0) {
        for (bit, &[first, second]) in tests.iter().enumerate() {
            *word |= u64::from(value(first) < value(second)) << bit;
        }
    }
    words
}

type Tests = [[(i8, i8); 2]; 256];

/// The places that are compared, turned to each direction.
fn tests() -> &'static [Tests] {
    static TESTS: OnceLock<Vec<Tests>> = OnceLock::new();
    TESTS.get_or_init(|| {
        let mut random = ChaCha8Rng::seed_from_u64(0x0B5E);
        let upright: [_; 128] = std::array::from_fn(|_| pair(&mut random));
        let turned = |direction: usize| {
            let (sin, cos) = (direction as f32 / DIRECTIONS as f32 * std::f32::consts::TAU).sin_cos();
            std::array::from_fn(|i| {
                let sign = if i < 128 { 1.0 } else { -1.0 };
                upright[i % 128].map(|(x, y): (f32, f32)| {
                    let y = sign * y;
                    ((cos * x - sin * y).round() as i8, (sin * x + cos * y).round() as i8)
                })
            })
        };
        (0..DIRECTIONS).map(turned).collect()
    })
}

/// Two places that lie apart, and not so that the mirrored test would be the same.
fn pair(random: &mut ChaCha8Rng) -> [(f32, f32); 2] {
    loop {
        let [a, b] = [(); 2].map(|()| (normal(random), normal(random)));
        let fits = |(x, y): (f32, f32)| x * x + y * y <= REACH * REACH;
        let apart = (a.0 - b.0).powi(2) + (a.1 - b.1).powi(2) >= 16.0;
        if fits(a) && fits(b) && apart && a.1.abs().max(b.1.abs()) >= 2.0 && (a.1 + b.1).abs() >= 1.0 {
            return [a, b];
        }
    }
}

/// About normal, from a sum of twelve.
fn normal(random: &mut ChaCha8Rng) -> f32 {
    let sum: f32 = (0..12).map(|_| (random.next_u32() >> 8) as f32 / (1 << 24) as f32).sum();
    (sum - 6.0) * SPREAD
}

const _: () = assert!(MARGIN as isize > RADIUS && MARGIN as f32 > REACH + 2.5);
