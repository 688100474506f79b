//! k-majority clustering: k-means for binary codes (Grana et al., 2013), where a cluster's centre is the
//! bitwise majority.
//!
//! The quality of the buckets depends on the assignment. With up to [`FEW`] centres each code is compared
//! with all of them; with more, the centres are clustered themselves, and a code is compared only with those
//! of the [`GROUPS`] nearest groups. The result is the same on any number of threads.

use rayon::prelude::*;

use crate::kernels::{First, scan};
use crate::top::{ByCode, TopK};

/// Rounds of assignment and majority; further rounds move few codes.
const ROUNDS: usize = 4;
/// Codes per centre used in the rounds; the last assignment uses all codes.
const SAMPLE_PER_CENTRE: usize = 32;
/// Up to this many centres, a code is compared with all.
const FEW: usize = 4096;
/// Beyond that, groups of centres that a code is compared with.
const GROUPS: usize = 32;

/// The distinct codes of some items, sorted: code `i` is the code of item `by_code[runs[i]]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Distinct<'a> {
    pub(crate) codes: &'a [u64], // [items, words]
    pub(crate) words: usize,
    pub(crate) by_code: &'a [u32],
    pub(crate) runs: &'a [u32], // [distinct + 1]
}

impl<'a> Distinct<'a> {
    fn len(&self) -> usize {
        self.runs.len() - 1
    }

    fn code(&self, i: usize) -> &'a [u64] {
        &self.codes[self.by_code[self.runs[i] as usize] as usize * self.words..][..self.words]
    }

    /// `count` codes at even steps: as they are sorted, dense regions give more.
    fn every(&self, count: usize) -> Vec<u64> {
        (0..count).flat_map(|i| self.code(i * self.len() / count)).copied().collect()
    }
}

/// A clustering of codes.
#[derive(Debug)]
pub(crate) struct Clusters {
    pub(crate) centres: Vec<u64>,    // [clusters, words], distinct, each with a member
    pub(crate) assignment: Vec<u32>, // [codes], cluster of each code
}

/// Clusters distinct codes into groups of about `size`.
pub(crate) fn cluster(codes: &Distinct<'_>, size: usize) -> Clusters {
    let (n, words) = (codes.len(), codes.words);
    if size <= 1 {
        return Clusters { centres: codes.every(n), assignment: (0..n as u32).collect() };
    }
    let clusters = n.div_ceil(size);
    let sample = codes.every(clusters.saturating_mul(SAMPLE_PER_CENTRE).min(n));
    let centres = refine(&sample, words, codes.every(clusters));
    drop(sample);
    let router = Router::new(&centres, words);
    let assign = |near: &mut TopK, i| router.nearest(codes.code(i), near);
    let assignment = (0..n).into_par_iter().with_min_len(256).map_init(TopK::default, assign).collect();
    drop_empty(words, &centres, assignment)
}

/// Moves `centres` towards the codes of `sample` `[n, words]`.
fn refine(sample: &[u64], words: usize, mut centres: Vec<u64>) -> Vec<u64> {
    for _ in 0..ROUNDS {
        let assignment = assign(sample, words, &Router::new(&centres, words));
        centres = majority(sample, words, &assignment, &centres);
    }
    centres
}

fn assign(codes: &[u64], words: usize, router: &Router<'_>) -> Vec<u32> {
    let assign = |near: &mut TopK, code: &[u64]| router.nearest(code, near);
    codes.par_chunks_exact(words).with_min_len(256).map_init(TopK::default, assign).collect()
}

/// Finds the centre nearest to a code; among equally near ones, the first.
struct Router<'a> {
    words: usize,
    centres: &'a [u64], // [clusters, words]
    groups: Option<Groups>,
}

/// Centres, grouped by clustering them.
struct Groups {
    centres: Vec<u64>, // [groups, words]
    starts: Vec<u32>,  // [groups + 1], first member of each
    members: Vec<u32>, // [clusters], ascending in each group
    codes: Vec<u64>,   // [clusters, words], those of `members`
}

impl<'a> Router<'a> {
    fn new(centres: &'a [u64], words: usize) -> Self {
        let n = centres.len() / words;
        Router { words, centres, groups: (n > FEW).then(|| Groups::new(centres, words)) }
    }

    /// `near` is scratch memory.
    fn nearest(&self, code: &[u64], near: &mut TopK) -> u32 {
        let Some(groups) = &self.groups else {
            let mut first = First::new();
            scan(self.centres, code, &mut first);
            return first.index as u32;
        };
        near.start(GROUPS, u32::MAX);
        scan(&groups.centres, code, &mut ByCode::new(near));
        let near = near.finish();
        near.sort_unstable();
        near.truncate(GROUPS);
        let mut best = (u32::MAX, u32::MAX); // (distance, centre)
        for &mut (_, group) in near {
            let [start, end] = [0, 1].map(|side| groups.starts[group as usize + side] as usize);
            // one more: an earlier centre may be as near
            let mut first = First::within(best.0.saturating_add(1));
            scan(&groups.codes[start * self.words..end * self.words], code, &mut first);
            if first.found {
                best = best.min((first.distance, groups.members[start + first.index]));
            }
        }
        best.1
    }
}

impl Groups {
    /// Makes about as many groups as each has members.
    fn new(centres: &[u64], words: usize) -> Self {
        let n = centres.len() / words;
        let n_groups = n.isqrt().max(1);
        let code = |i: usize| &centres[i * words..][..words];
        let heads = (0..n_groups).flat_map(|i| code(i * n / n_groups)).copied().collect();
        let heads = refine(centres, words, heads);
        let assignment = assign(centres, words, &Router { words, centres: &heads, groups: None });
        let Clusters { centres: heads, assignment } = drop_empty(words, &heads, assignment); // none is empty
        let mut members: Vec<u32> = (0..n as u32).collect();
        members.sort_by_key(|&centre| assignment[centre as usize]);
        let mut starts = vec![0u32; heads.len() / words + 1];
        assignment.iter().for_each(|&group| starts[group as usize + 1] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let codes = members.iter().flat_map(|&centre| code(centre as usize)).copied().collect();
        Groups { centres: heads, starts, members, codes }
    }
}

/// The bitwise majority of each cluster; a tie keeps the old centre's bit, a cluster without codes the old
/// centre.
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
fn drop_empty(words: usize, centres: &[u64], mut assignment: Vec<u32>) -> Clusters {
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

    fn cluster_all(codes: &[u64], words: usize, size: usize) -> Clusters {
        let n = (codes.len() / words) as u32;
        let (by_code, runs): (Vec<u32>, Vec<u32>) = ((0..n).collect(), (0..=n).collect());
        cluster(&Distinct { codes, words, by_code: &by_code, runs: &runs }, size)
    }

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
        let Clusters { centres, assignment } = cluster_all(&codes, 1, 64);
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
    fn groups_lose_little_against_comparing_with_every_centre() {
        let centres = sorted_distinct(clustered_codes(5000, 64, 40, 3));
        let codes = clustered_codes(2000, 64, 40, 4);
        let grouped = Router::new(&centres, 1);
        assert!(grouped.groups.is_some());
        let plain = Router { words: 1, centres: &centres, groups: None };
        let distance = |router: &Router<'_>, code: u64| {
            (centres[router.nearest(&[code], &mut TopK::default()) as usize] ^ code).count_ones()
        };
        let (mut near, mut exact) = (0, 0);
        for &code in &codes {
            near += distance(&grouped, code);
            exact += distance(&plain, code);
        }
        assert!(near >= exact && near * 100 <= exact * 101, "{near} for {exact} bits");
    }

    #[test]
    fn small_inputs() {
        assert!(cluster_all(&[], 1, 128).centres.is_empty());
        assert_eq!(cluster_all(&[5, 6], 2, 128).centres, [5, 6]);
        assert_eq!(cluster_all(&[5, 6], 1, 1).assignment, [0, 1]);
    }
}
