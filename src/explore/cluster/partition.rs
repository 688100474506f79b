//! Clusters of a given number: greedy k-means++ starts (Arthur and Vassilvitskii 2007), then assignment and new centres in turn (Lloyd
//! 1982).
//!
//! The same loop is k-majority on codes (Grana et al. 2013), spherical k-means on latents (Dhillon and Modha 2001) and, with items for
//! centres, k-medoids by alternation (Park and Jun 2009). The best of several starts on a sample of codes goes on with all items; where
//! latents decide, they go on from what the codes found, which are far quicker to compare.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::space::{Assigned, Space};
use super::summary::medoids;

/// Starts, of which the one with the least sum of distances is taken, and their rounds.
const STARTS: usize = 8;
const FIRST_ROUNDS: usize = 8;
/// Items of the sample that they are tried on, at least, and for each cluster.
const SAMPLE: usize = 10_000;
const SAMPLE_PER_CLUSTER: usize = 50;
/// Rounds at most; fewer where fewer than one item in a thousand moves on.
const ROUNDS: usize = 50;
const SETTLED: usize = 1000;

/// What stands for a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Centre {
    /// The middle of its members.
    Mean,
    /// The member that is nearest to all others.
    Medoid,
}

/// Parts the items of `space` into at most `k` clusters, none empty; nothing where `go_on` says so.
pub(super) fn partition<S: Space>(
    space: &S,
    k: usize,
    seed: u64,
    go_on: &dyn Fn() -> bool,
) -> Option<Vec<u32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let k = k.min(space.len());
    let wanted = SAMPLE.max(k * SAMPLE_PER_CLUSTER);
    let sample = (wanted < space.len()).then(|| space.pick(&chosen(space.len(), wanted, &mut rng)));
    let tried = sample.as_ref().unwrap_or(space);
    let mut best: Option<(f64, S::Centres)> = None;
    for _ in 0..STARTS {
        let start = tried.centres(&seeds(tried, k, &mut rng));
        let (assignment, centres) = settle(tried, start, (k, Centre::Mean), FIRST_ROUNDS, go_on)?;
        let cost = assignment.iter().map(|to| f64::from(to.distance)).sum::<f64>();
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, centres));
        }
    }
    let (_, centres) = best?;
    let (_, centres) = settle(tried, centres, (k, Centre::Mean), ROUNDS, go_on)?;
    let (assignment, _) = settle(space, centres, (k, Centre::Mean), ROUNDS, go_on)?;
    Some(without_empty(assignment, k))
}

/// Goes on in `space` from a clustering into `k`, none empty, that was found in another one; nothing where `go_on` says so.
pub(super) fn refine<S: Space>(
    space: &S,
    clusters: &[u32],
    centre: Centre,
    go_on: &dyn Fn() -> bool,
) -> Option<Vec<u32>> {
    let k = clusters.iter().max().map_or(0, |&most| most as usize + 1);
    let clusters: Vec<Option<u32>> = clusters.iter().copied().map(Some).collect();
    let medoids = medoids(space, &clusters, &space.totals(&clusters, k), k);
    let start = space.centres(&medoids.into_iter().flatten().collect::<Vec<u32>>());
    let (assignment, _) = settle(space, start, (k, centre), ROUNDS, go_on)?;
    Some(without_empty(assignment, k))
}

/// `count` of the numbers below `len`, ascending, each with the same chance.
pub(super) fn chosen(len: usize, count: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut wanted = count.min(len);
    let mut chosen = Vec::with_capacity(wanted);
    for row in 0..len {
        if rng.random_range(0..len - row) < wanted {
            chosen.push(row as u32);
            wanted -= 1;
        }
    }
    chosen
}

/// `k` items that lie apart: each is the best of some that are drawn with chances that grow with the square of their distances to
/// those there are.
fn seeds<S: Space>(space: &S, k: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let first = rng.random_range(0..space.len() as u32);
    let mut seeds = vec![first];
    let to = |row: u32| space.assign(&space.centres(&[row])).into_iter().map(|to| to.distance);
    let mut far: Vec<f32> = to(first).collect();
    let weight = |far: f32| f64::from(far).powi(2);
    let candidates = 2 + (k as f64).ln() as usize;
    while seeds.len() < k {
        let total: f64 = far.iter().map(|&far| weight(far)).sum();
        let mut best: Option<(f64, u32, Vec<f32>)> = None;
        for _ in 0..candidates {
            let mut left = total * rng.random::<f64>();
            let drawn = far.iter().position(|&far| {
                left -= weight(far);
                far > 0.0 && left <= 0.0
            });
            // where all items are at a seed, there are no more clusters than seeds
            let Some(row) = drawn.or_else(|| far.iter().rposition(|&far| far > 0.0)) else { return seeds };
            let nearer: Vec<f32> = far.iter().zip(to(row as u32)).map(|(far, to)| far.min(to)).collect();
            let left = nearer.iter().map(|&far| weight(far)).sum();
            if best.as_ref().is_none_or(|(least, ..)| left < *least) {
                best = Some((left, row as u32, nearer));
            }
        }
        let Some((_, row, nearer)) = best else { break };
        seeds.push(row);
        far = nearer;
    }
    seeds
}

/// Assigns and moves the centres until little changes.
fn settle<S: Space>(
    space: &S,
    mut centres: S::Centres,
    (k, centre): (usize, Centre),
    rounds: usize,
    go_on: &dyn Fn() -> bool,
) -> Option<(Vec<Assigned>, S::Centres)> {
    let mut assignment = space.assign(&centres);
    for _ in 0..rounds {
        if !go_on() {
            return None;
        }
        centres = match centre {
            Centre::Mean => space.means(&assignment, &centres),
            Centre::Medoid => {
                let clusters: Vec<Option<u32>> = assignment.iter().map(|to| Some(to.cluster)).collect();
                let totals = space.totals(&clusters, k);
                let medoids = medoids(space, &clusters, &totals, k);
                space.centres(&medoids.into_iter().flatten().collect::<Vec<u32>>())
            }
        };
        let next = space.assign(&centres);
        let moved = assignment.iter().zip(&next).filter(|(was, is)| was.cluster != is.cluster).count();
        assignment = next;
        if moved * SETTLED < space.len() {
            break;
        }
    }
    Some((assignment, centres))
}

/// The clusters that have members, numbered anew.
fn without_empty(assignment: Vec<Assigned>, k: usize) -> Vec<u32> {
    let mut used = vec![false; k];
    assignment.iter().for_each(|to| used[to.cluster as usize] = true);
    let numbers: Vec<u32> = used
        .iter()
        .scan(0, |next, &used| {
            let number = *next;
            *next += u32::from(used);
            Some(number)
        })
        .collect();
    assignment.into_iter().map(|to| numbers[to.cluster as usize]).collect()
}
