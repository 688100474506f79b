//! k-majority clustering: k-means for binary codes (Grana et al., 2013), where a cluster's centre is the bitwise majority.
//!
//! Assignment is exact: each code is scanned against all centres, which the kernels make cheap, and the quality of the
//! buckets rests on it. Everything is deterministic, on any number of threads.

use rayon::prelude::*;

use crate::kernels::scan;
use crate::top::First;

/// Rounds of assignment and majority; more moves few codes.
const ROUNDS: usize = 4;
/// Codes per centre that the rounds look at; the last assignment looks at all.
const SAMPLE_PER_CENTRE: usize = 32;

/// A clustering of codes.
#[derive(Debug)]
pub(crate) struct Clusters {
    pub(crate) centres: Vec<u64>,    // [clusters, words], distinct, each with a member
    pub(crate) assignment: Vec<u32>, // [codes], cluster of each code
}

/// Clusters distinct codes `[n, words]`, sorted, into groups of about `size`.
pub(crate) fn cluster(codes: &[u64], words: usize, size: usize) -> Clusters {
    let n = codes.len() / words;
    if size <= 1 {
        return Clusters { centres: codes.to_vec(), assignment: (0..n as u32).collect() };
    }
    let clusters = n.div_ceil(size);
    let mut centres = every(codes, words, clusters);
    let sample = every(codes, words, clusters.saturating_mul(SAMPLE_PER_CENTRE).min(n));
    for _ in 0..ROUNDS {
        let assignment = assign(&sample, words, &centres);
        centres = majority(&sample, words, &assignment, &centres);
    }
    keep_used(words, &centres, assign(codes, words, &centres))
}

/// `count` codes at even steps: the codes are sorted, so dense regions give more.
fn every(codes: &[u64], words: usize, count: usize) -> Vec<u64> {
    let n = codes.len() / words;
    (0..count).flat_map(|i| &codes[i * n / count * words..][..words]).copied().collect()
}

/// The nearest centre of every code, the first of several.
fn assign(codes: &[u64], words: usize, centres: &[u64]) -> Vec<u32> {
    let nearest = |code: &[u64]| {
        let mut first = First::new();
        scan(centres, code, &mut first);
        first.index as u32
    };
    codes.par_chunks_exact(words).with_min_len(256).map(nearest).collect()
}

/// The bitwise majority of each cluster; a tie keeps the old centre's bit, a cluster without codes the old centre.
fn majority(codes: &[u64], words: usize, assignment: &[u32], old: &[u64]) -> Vec<u64> {
    let bits = words * 64;
    let mut balance = vec![0i32; old.len() * 64]; // ones minus zeros: [clusters, bits]
    for (code, &cluster) in codes.chunks_exact(words).zip(assignment) {
        let balance = &mut balance[cluster as usize * bits..][..bits];
        for (balance, &word) in balance.chunks_exact_mut(64).zip(code) {
            for (bit, balance) in balance.iter_mut().enumerate() {
                *balance += (word >> bit & 1) as i32 * 2 - 1;
            }
        }
    }
    let word = |(balance, old): (&[i32], &u64)| {
        balance.iter().enumerate().fold(0, |word, (bit, &balance)| {
            let one = balance > 0 || (balance == 0 && old >> bit & 1 == 1);
            word | u64::from(one) << bit
        })
    };
    balance.chunks_exact(64).zip(old).map(word).collect()
}

/// Drops centres without a code, such as the later of two equal ones.
fn keep_used(words: usize, centres: &[u64], mut assignment: Vec<u32>) -> Clusters {
    let mut number = vec![u32::MAX; centres.len() / words];
    assignment.iter().for_each(|&cluster| number[cluster as usize] = 0);
    let mut kept = Vec::new();
    for (number, centre) in number.iter_mut().zip(centres.chunks_exact(words)) {
        if *number == 0 {
            *number = (kept.len() / words) as u32;
            kept.extend_from_slice(centre);
        }
    }
    assignment.iter_mut().for_each(|cluster| *cluster = number[*cluster as usize]);
    Clusters { centres: kept, assignment }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::clustered_codes;

    fn sorted_distinct(mut codes: Vec<u64>) -> Vec<u64> {
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    #[test]
    fn majority_of_three() {
        assert_eq!(majority(&[0b011, 0b001, 0b101], 1, &[0, 0, 0], &[0]), [0b001]);
        assert_eq!(majority(&[0b01, 0b10], 1, &[0, 0], &[0b10]), [0b10], "ties keep the old bit");
        assert_eq!(majority(&[], 2, &[], &[7, 9]), [7, 9]);
    }

    #[test]
    fn every_centre_is_used_distinct_and_nearest() {
        let codes = sorted_distinct(clustered_codes(4000, 64, 20, 1));
        let Clusters { centres, assignment } = cluster(&codes, 1, 64);
        assert_eq!(sorted_distinct(centres.clone()).len(), centres.len());
        for (i, _) in centres.iter().enumerate() {
            assert!(assignment.contains(&(i as u32)));
        }
        for (&code, &cluster) in codes.iter().zip(&assignment) {
            let nearest = centres.iter().map(|centre| (centre ^ code).count_ones()).min().unwrap();
            assert_eq!((centres[cluster as usize] ^ code).count_ones(), nearest);
        }
    }

    #[test]
    fn small_inputs() {
        assert!(cluster(&[], 1, 128).centres.is_empty());
        assert_eq!(cluster(&[5, 6], 2, 128).centres, [5, 6]);
        assert_eq!(cluster(&[5, 6], 1, 1).assignment, [0, 1]);
    }
}
