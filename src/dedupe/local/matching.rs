//! Which corners of two pictures look the same, and the map that most of them agree on.
//!
//! A corner's match is the other picture's most similar one, if it is so both ways, and if the second most
//! similar, elsewhere, is much less so (Lowe 2004). Any two matches give a similarity; the one that most
//! matches follow is refined by least squares, last as an affine map, so that stretched copies fit
//! (RANSAC: Fischler and Bolles 1981; locally optimised: Chum, Matas and Kittler 2003).

use aesearch_index::distances;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::features::{Descriptor, Point, mirrored};
use super::geometry::{Affine, Match};

/// Bits in which a corner may differ from its match.
const MOST_BITS: u16 = 80;
/// The most similar must differ in at most this share of the bits in which the second does.
const RATIO: f32 = 0.8;
/// Pixels within which corners are the same place.
const SAME_PLACE: f32 = 6.0;
/// Pixels by which a match may miss.
const TOLERANCE: f32 = 4.0;
/// Scales that are looked for.
const SCALES: std::ops::Range<f32> = 0.1..10.0;
/// How far a map may be from what scale and direction of a match say: a factor, and the cosine of an angle.
const SCALE_OFF: f32 = 1.8;
const TURN_OFF: f32 = 0.8;
/// Pairs of matches that are tried at most.
const TRIALS: usize = 1_000;
/// The chance, at which fewer are tried, that none of them has two good matches.
const MISSED: f32 = 1e-6;
/// The most that a map may stretch in one direction against the other.
const STRETCH: f32 = 2.0;
/// Side of the cells of which each counts once, in pixels.
const CELL: f32 = 3.0;

/// How one picture lies on another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aligned {
    /// From the second picture's pixels to the first's.
    pub(super) map: Affine,
    /// Matches that follow it, each place counted once.
    pub(super) inliers: usize,
}

/// The corners of a picture.
pub(super) struct Side<'a> {
    pub(super) points: &'a [Point],
    pub(super) descriptors: &'a [Descriptor],
}

/// How `b` lies on `a`, or its mirror image does where `width_to_mirror` says how wide `b` is.
pub(super) fn align(a: &Side, b: &Side, width_to_mirror: Option<f32>) -> Option<Aligned> {
    let (points, descriptors): (Vec<Point>, Vec<Descriptor>);
    let b = match width_to_mirror {
        None => b,
        Some(width) => {
            let turned =
                |p: &Point| Point { x: width - p.x, direction: (-p.direction.0, p.direction.1), ..*p };
            points = b.points.iter().map(turned).collect();
            descriptors = b.descriptors.iter().map(mirrored).collect();
            &Side { points: &points, descriptors: &descriptors }
        }
    };
    let matches = matches(a, b);
    let pairs: Vec<(Point, Point)> = matches.iter().map(|&(i, j)| (a.points[i], b.points[j])).collect();
    let mut aligned = best_map(&pairs)?;
    if let Some(width) = width_to_mirror {
        aligned.map = aligned.map.after(&Affine([-1.0, 0.0, width, 0.0, 1.0, 0.0]));
    }
    Some(aligned)
}

fn matches(a: &Side, b: &Side) -> Vec<(usize, usize)> {
    let n = b.descriptors.len();
    if n == 0 {
        return Vec::new();
    }
    let mut rows = Vec::with_capacity(a.descriptors.len() * n); // [corners of a, corners of b]
    let (mut row, mut least) = (Vec::new(), vec![u16::MAX; n]);
    for one in a.descriptors {
        distances(b.descriptors.as_flattened(), one, &mut row);
        least.iter_mut().zip(&row).for_each(|(least, distance)| *least = (*least).min(*distance));
        rows.extend_from_slice(&row);
    }
    let mut found = Vec::new();
    for (i, row) in rows.chunks_exact(n).enumerate() {
        let distance = row.iter().copied().min().unwrap_or(u16::MAX);
        let Some(j) = row.iter().position(|other| *other == distance) else { continue };
        let column = |other: usize| rows[other * n + j];
        // of equally similar ones the first is the match
        if distance > MOST_BITS || least[j] != distance || (0..i).any(|other| column(other) == distance) {
            continue;
        }
        let limit = (f32::from(distance) / RATIO) as u16;
        let mut rivals =
            (0..n).filter(|&other| row[other] <= limit && is_elsewhere(&b.points[j], &b.points[other]));
        let mut in_column = (0..a.descriptors.len())
            .filter(|&other| column(other) <= limit && is_elsewhere(&a.points[i], &a.points[other]));
        if rivals.next().is_none() && in_column.next().is_none() {
            found.push((i, j));
        }
    }
    found
}

fn is_elsewhere(a: &Point, b: &Point) -> bool {
    let reach = SAME_PLACE * a.scale.max(b.scale);
    (a.x - b.x).powi(2) + (a.y - b.y).powi(2) > reach * reach
}

/// The map from the second of each pair to the first that most pairs follow.
fn best_map(pairs: &[(Point, Point)]) -> Option<Aligned> {
    let matches: Vec<Match> = pairs.iter().map(|(a, b)| [(b.x, b.y), (a.x, a.y)]).collect();
    let n = matches.len();
    let mut best: Option<(usize, Affine)> = None;
    let try_one = |i: usize, j: usize, best: &mut Option<(usize, Affine)>| {
        let Some(map) = Affine::of_two(&matches[i], &matches[j]) else { return };
        if !(fits(&map, &pairs[i]) && fits(&map, &pairs[j])) {
            return;
        }
        let count = matches.iter().filter(|m| follows(&map, m)).count();
        if best.is_none_or(|(most, _)| count > most) {
            *best = Some((count, map));
        }
    };
    if n * n.saturating_sub(1) / 2 <= TRIALS {
        for j in 0..n {
            (0..j).for_each(|i| try_one(i, j, &mut best));
        }
    } else {
        let mut random = ChaCha8Rng::seed_from_u64(n as u64);
        let mut trials = 0;
        while trials < TRIALS && (trials as f32) < enough(best.map_or(0, |(most, _)| most), n) {
            let [i, j] = [(); 2].map(|()| random.next_u32() as usize % n);
            trials += 1;
            if i != j {
                try_one(i, j, &mut best);
            }
        }
    }
    let (_, map) = best?;
    let map = refined(map, &matches);
    Some(Aligned { inliers: distinct(&map, &matches), map })
}

/// Pairs to try until one of two good matches is nearly certain to be among them, if so many of `n` are good.
fn enough(good: usize, n: usize) -> f32 {
    let share = good as f32 / n as f32;
    MISSED.ln() / (1.0 - share * share).max(f32::MIN_POSITIVE).ln().min(-f32::EPSILON)
}

/// Whether a map agrees with scale and direction of a pair's corners.
fn fits(map: &Affine, (a, b): &(Point, Point)) -> bool {
    let scale = map.scale();
    let expected = a.scale / b.scale;
    if !SCALES.contains(&scale) || !(expected / SCALE_OFF..expected * SCALE_OFF).contains(&scale) {
        return false;
    }
    let (cos, sin) = (map.0[0] / scale, map.0[3] / scale);
    let turned = (cos * b.direction.0 - sin * b.direction.1, sin * b.direction.0 + cos * b.direction.1);
    turned.0 * a.direction.0 + turned.1 * a.direction.1 > TURN_OFF
}

/// Whether a match ends where the map says. Misses are measured at a size between those of both pictures.
fn follows(map: &Affine, [from, to]: &Match) -> bool {
    let (x, y) = map.apply(*from);
    (x - to.0).powi(2) + (y - to.1).powi(2) <= TOLERANCE * TOLERANCE * map.scale()
}

/// A better map for those that follow one, as long as it is followed by no fewer.
fn refined(map: Affine, matches: &[Match]) -> Affine {
    let followers =
        |map: &Affine| -> Vec<Match> { matches.iter().filter(|m| follows(map, m)).copied().collect() };
    let mut best = (followers(&map), map);
    for fit in [
        Affine::best_similarity,
        Affine::best_similarity,
        Affine::best_affine,
        Affine::best_affine,
        Affine::best_affine,
    ] {
        let enough = best.0.len() >= 6;
        let Some(map) = fit(&best.0).filter(|_| enough) else { continue };
        let is_sound = SCALES.contains(&map.scale()) && map.determinant() > 0.0 && map.stretch() < STRETCH;
        let found = followers(&map);
        if is_sound && found.len() >= best.0.len() {
            best = (found, map);
        }
    }
    best.1
}

/// Matches that follow a map, each place of either picture counted once.
fn distinct(map: &Affine, matches: &[Match]) -> usize {
    let places = |side: usize| {
        let place = |m: &Match| ((m[side].0 / CELL) as i32, (m[side].1 / CELL) as i32);
        let mut places: Vec<_> = matches.iter().filter(|m| follows(map, m)).map(place).collect();
        places.sort_unstable();
        places.dedup();
        places.len()
    };
    places(0).min(places(1))
}
