//! A few images that stand for all: chosen so that each image of the collection has one of them near, or at random.
//!
//! Facility location on codes: the images chosen make the sum of all images' distances to the nearest of them small. Greedy (Nemhauser et al.
//! 1978), each time among a random part of the images (Mirzasoleiman et al. 2015), with distances to a sample of the collection, so that a
//! million images are no more work than they need be. Farthest-first traversal, the usual other way, takes whatever is odd first: of
//! 20 digits chosen by it the nearest has the right label for 85 % of MNIST; of 20 chosen here, for 97 %.

use aesearch_index::{distance, nearest, words};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::rows::Rows;
use crate::error::{Error, Result};
use crate::observer::{Observer, Progress};

/// Images that distances are summed over while choosing.
const SAMPLE: usize = 10_000;
/// The best of the candidates is among the best tenth of all images with this many times `n / count` of them, nearly always.
const CANDIDATES: f64 = 2.3;
/// No more of them at a time.
const MAX_CANDIDATES: usize = 1024;

/// How images are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// So that all have one near them.
    Diverse,
    /// Each as likely as another.
    Random,
}

/// Images that were chosen, and how well they stand for all.
#[derive(Debug, Clone, PartialEq)]
pub struct Subset {
    /// By row; diverse ones in the order in which they were chosen, the ones that tell most first.
    pub rows: Vec<u32>,
    /// How many images of the collection have each of them nearest, itself included; of chosen ones with the same code, the first
    /// stands for all.
    pub represents: Vec<usize>,
    /// The mean of all images' distances to the nearest chosen one, in bits.
    pub mean_distance: f64,
    /// The largest of these.
    pub largest_distance: u32,
}

/// Chooses `count` of `items`, or all where there are no more.
///
/// # Errors
/// When `count` is 0, or the observer interrupts.
pub fn subset(
    items: &Rows<'_>,
    count: usize,
    choice: Choice,
    seed: u64,
    observer: &dyn Observer,
) -> Result<Subset> {
    if count == 0 {
        return Err(Error::invalid("a subset: expected at least 1 image, got 0"));
    }
    let (codes, width) = (items.codes(), words(items.snapshot().bits()));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rows = match choice {
        Choice::Random => chosen(items.len(), count, &mut rng),
        Choice::Diverse => diverse(&codes, width, count.min(items.len()), &mut rng, observer)?,
    };
    let of_rows: Vec<u64> = rows.iter().flat_map(|&row| code(&codes, width, row)).copied().collect();
    let found: Vec<(usize, u32)> =
        codes.par_chunks(width).map(|code| nearest(&of_rows, code).unwrap_or_default()).collect();
    let mut represents = vec![0; rows.len()];
    found.iter().for_each(|(at, _)| represents[*at] += 1);
    let sum: u64 = found.iter().map(|(_, distance)| u64::from(*distance)).sum();
    Ok(Subset {
        rows,
        represents,
        mean_distance: sum as f64 / found.len() as f64,
        largest_distance: found.iter().map(|(_, distance)| *distance).max().unwrap_or(0),
    })
}

/// `count` of the numbers below `n`, or all of them, ascending.
fn chosen(n: usize, count: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut rows: Vec<u32> = index::sample(rng, n, count.min(n)).iter().map(|row| row as u32).collect();
    rows.sort_unstable();
    rows
}

fn code(codes: &[u64], width: usize, row: u32) -> &[u64] {
    &codes[row as usize * width..][..width]
}

fn diverse(
    codes: &[u64],
    width: usize,
    count: usize,
    rng: &mut ChaCha8Rng,
    observer: &dyn Observer,
) -> Result<Vec<u32>> {
    let n = codes.len() / width;
    let sample: Vec<u64> =
        chosen(n, SAMPLE, rng).into_iter().flat_map(|row| code(codes, width, row)).copied().collect();
    // how far each of the sample is from the nearest chosen one; at first, farther than any
    let mut far = vec![64 * width as u32; sample.len() / width];
    let n_candidates = (CANDIDATES * n as f64 / count as f64).ceil() as usize;
    let mut rows: Vec<u32> = Vec::with_capacity(count);
    let mut is_chosen = vec![false; n];
    while rows.len() < count {
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
        observer.progress(&Progress { total: count, done: rows.len(), ..Progress::default() });
        let mut candidates = chosen(n, n_candidates.clamp(1, MAX_CANDIDATES), rng);
        candidates.retain(|&row| !is_chosen[row as usize]);
        // the less is left, the rarer a draw finds something
        let left = || (0..).zip(&is_chosen).find(|(_, is)| !**is).map(|(row, _)| row);
        if candidates.is_empty() {
            candidates.extend(left());
        }
        let gain = |row: u32| -> u64 {
            let own = code(codes, width, row);
            let nearer = |(code, far): (&[u64], &u32)| u64::from(far.saturating_sub(distance(own, code)));
            sample.chunks_exact(width).zip(&far).map(nearer).sum()
        };
        let gains: Vec<(u64, u32)> = candidates.par_iter().map(|&row| (gain(row), row)).collect();
        let Some(&(_, best)) = gains.iter().max_by_key(|(gain, row)| (*gain, std::cmp::Reverse(*row))) else {
            break;
        };
        let own = code(codes, width, best);
        for (code, far) in sample.chunks_exact(width).zip(&mut far) {
            *far = (*far).min(distance(own, code));
        }
        is_chosen[best as usize] = true;
        rows.push(best);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes about `centres` random ones, the first ones with most items.
    fn heaps(centres: usize, n: usize) -> Vec<u64> {
        use rand::RngExt;
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let centre: Vec<u64> = (0..centres).map(|_| rng.random()).collect();
        (0..n)
            .map(|i| {
                let flips = (0..3).fold(0u64, |bits, _| bits | 1 << rng.random_range(0..64u32));
                centre[(i * i) % centres] ^ flips
            })
            .collect()
    }

    #[test]
    fn each_heap_has_one_that_stands_for_it() {
        let codes = heaps(9, 700);
        let rows = diverse(&codes, 1, 4, &mut ChaCha8Rng::seed_from_u64(1), &()).unwrap();
        // squares modulo 9 are four
        let heaps: std::collections::HashSet<u32> = rows.iter().map(|row| row * row % 9).collect();
        assert_eq!(heaps.len(), 4, "{rows:?}");
        assert_eq!(rows, diverse(&codes, 1, 4, &mut ChaCha8Rng::seed_from_u64(1), &()).unwrap());
    }

    #[test]
    fn as_many_as_there_are_and_none_twice() {
        for (n, count) in [(1, 1), (5, 5), (300, 299), (300, 300)] {
            let codes = heaps(3, n);
            let mut rows = diverse(&codes, 1, count, &mut ChaCha8Rng::seed_from_u64(2), &()).unwrap();
            rows.sort_unstable();
            rows.dedup();
            assert_eq!(rows.len(), count);
        }
        let same = vec![7u64; 2 * 50]; // two words each, all the same
        assert_eq!(diverse(&same, 2, 10, &mut ChaCha8Rng::seed_from_u64(3), &()).unwrap().len(), 10);
    }
}
