//! A given number of clusters: greedy k-means++ starts (Arthur and Vassilvitskii 2007), then assignment and
//! new centres in turn (Lloyd 1982).
//!
//! The same loop is k-majority on codes (Grana et al. 2013), k-means on latents and, with items as centres,
//! k-medoids by alternation (Park and Jun 2009). Several starts are tried on few items; the best continues
//! with more of them, and then with all, so that most rounds are cheap.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::space::{Assigned, Space};
use super::summary::medoids;

/// The number of starts, of which the one with the least sum of distances is used, and their rounds. With
/// many clusters a start costs more, and starts differ less.
const STARTS: usize = 6;
const STARTED_CLUSTERS: usize = 120;
const FIRST_ROUNDS: usize = 4;
/// The number of items on which starts are tried, and with which the best continues: at least, and per
/// cluster.
const FEW: (usize, usize) = (2000, 20);
const MORE: (usize, usize) = (10_000, 50);
/// The most rounds; the last one is where the sum of distances falls by no more than this fraction.
const ROUNDS: usize = 50;
const SETTLED: f64 = 1e-3;
/// Items per task.
const CHUNK: usize = 1024;

/// How the centre of a cluster is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Centre {
    /// The mean of its members.
    Mean,
    /// The member with the least sum of distances to the others.
    Medoid,
}

/// Divides the items of `space` into at most `k` clusters, none empty; nothing if `go_on` returns false.
pub(super) fn partition<S: Space>(
    space: &S,
    (k, centre): (usize, Centre),
    seed: u64,
    go_on: &dyn Fn() -> bool,
) -> Option<Vec<u32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let k = k.min(space.len());
    let mut sample = |(least, each): (usize, usize)| {
        let wanted = least.max(k * each);
        (wanted < space.len()).then(|| space.pick(&chosen(space.len(), wanted, &mut rng)))
    };
    let (few, more) = (sample(FEW), sample(MORE));
    let tried = few.as_ref().unwrap_or(space);
    let mut best: Option<(f64, S::Centres)> = None;
    for _ in 0..(STARTED_CLUSTERS / k.max(1)).clamp(1, STARTS) {
        let start = tried.centres(&seeds(tried, k, &mut rng));
        let (assignment, centres) = settle(tried, start, (k, Centre::Mean), FIRST_ROUNDS, go_on)?;
        let cost = cost(&assignment);
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, centres));
        }
    }
    let (_, mut centres) = best?;
    if let Some(more) = &more {
        (_, centres) = settle(more, centres, (k, Centre::Mean), ROUNDS, go_on)?;
    }
    let (assignment, _) = settle(space, centres, (k, centre), ROUNDS, go_on)?;
    Some(without_empty(assignment, k))
}

/// `count` random numbers below `len`, ascending, all equally likely.
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

/// `k` items far from each other: each is the best of some candidates, drawn with probabilities proportional
/// to their distances from the items so far. In both spaces, distances are squared lengths.
fn seeds<S: Space>(space: &S, k: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let first = rng.random_range(0..space.len() as u32);
    let mut seeds = vec![first];
    let rows = 0..space.len() as u32;
    let to = |from: u32| {
        rows.clone().into_par_iter().with_min_len(CHUNK).map(move |row| space.distance(from, row) as f32)
    };
    let mut far: Vec<f32> = to(first).collect();
    let candidates = 2 + (k as f64).ln() as usize;
    while seeds.len() < k {
        let total: f64 = far.iter().map(|&far| f64::from(far)).sum();
        let mut best: Option<(f64, u32, Vec<f32>)> = None;
        for _ in 0..candidates {
            let mut left = total * rng.random::<f64>();
            let drawn = far.iter().position(|&far| {
                left -= f64::from(far);
                far > 0.0 && left <= 0.0
            });
            // if all items coincide with seeds, there are no more clusters
            let Some(row) = drawn.or_else(|| far.iter().rposition(|&far| far > 0.0)) else { return seeds };
            let nearer: Vec<f32> = to(row as u32).zip(&far).map(|(to, far)| far.min(to)).collect();
            let left = nearer.iter().map(|&far| f64::from(far)).sum();
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

/// Assigns items and moves the centres until little changes.
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
        let [was, is] = [&assignment, &next].map(|all| cost(all));
        assignment = next;
        if was - is <= was * SETTLED {
            break;
        }
    }
    Some((assignment, centres))
}

/// The sum of the distances from centres.
fn cost(assignment: &[Assigned]) -> f64 {
    assignment.iter().map(|to| f64::from(to.distance)).sum()
}

/// Renumbers the clusters that have members.
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
