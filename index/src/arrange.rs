//! Turns the codes of items into the arrays that are searched: distinct codes in buckets, with a graph over
//! the buckets.
//!
//! Items are numbered in the order of their codes: bucket after bucket, equal codes in the order in which
//! they were pushed. So a code needs no table of its items, and similar items are stored close together.
//! Equal codes are stored once: duplicates would fill the neighbour lists of the graph with each other.
//!
//! Memory: at most 1.5 times the codes, on top of the codes themselves, at 128 bits and buckets of about 128.

use rayon::prelude::*;

use crate::cluster::{Clusters, Distinct, cluster};
use crate::graph::{self, Frozen};
use crate::view::View;

/// The searched arrays of a segment, in memory. [`View`] has their shapes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arranged {
    pub(crate) words: usize,
    pub(crate) codes: Vec<u64>,
    pub(crate) code_offsets: Vec<u32>,
    pub(crate) order: Vec<u32>, // [items], the number of each item in the input
    pub(crate) buckets: Vec<u32>,
    pub(crate) representatives: Vec<u64>,
    pub(crate) graph: Frozen,
}

impl Arranged {
    pub(crate) fn view(&self) -> View<'_> {
        View {
            words: self.words,
            items: self.order.len() as u32,
            codes: &self.codes,
            code_offsets: &self.code_offsets,
            dead: &[],
            buckets: &self.buckets,
            graph: self.graph.view(&self.representatives),
        }
    }
}

/// Arranges the codes of all items `[items, words]` in buckets of about `bucket_size` distinct codes, by
/// default of [`default_bucket_size`].
pub(crate) fn arrange(item_codes: Vec<u64>, words: usize, bucket_size: Option<usize>) -> Arranged {
    let (by_code, runs) = fold(&item_codes, words);
    let distinct = Distinct { codes: &item_codes, words, by_code: &by_code, runs: &runs };
    let Clusters { centres, assignment } =
        cluster(&distinct, bucket_size.unwrap_or_else(|| default_bucket_size(runs.len() - 1)));
    let graph = graph::build(&centres, words);
    let (buckets, grouped) = group(&assignment, &graph.order);
    drop(assignment);

    let mut order = Vec::with_capacity(by_code.len());
    let mut code_offsets = Vec::with_capacity(grouped.len() + 1);
    code_offsets.push(0);
    for code in grouped {
        order.extend_from_slice(&by_code[runs[code as usize] as usize..runs[code as usize + 1] as usize]);
        code_offsets.push(order.len() as u32);
    }
    drop((by_code, runs));

    let code_of = |item: u32| &item_codes[item as usize * words..][..words];
    let mut codes = Vec::with_capacity((code_offsets.len() - 1) * words);
    code_offsets.windows(2).for_each(|run| codes.extend_from_slice(code_of(order[run[0] as usize])));
    let representative = |&cluster: &u32| &centres[cluster as usize * words..][..words];
    let representatives = graph.order.iter().flat_map(representative).copied().collect();
    Arranged { words, codes, code_offsets, order, buckets, representatives, graph }
}

/// The smallest default for codes per bucket.
pub(crate) const SMALLEST_BUCKET: usize = 128;

/// The default for codes per bucket: 128, growing with the square root of `n` beyond 400,000 codes, so that
/// scanning the representatives and scanning buckets grow alike. Against 128 at 10 million codes this took a
/// third of the time to build and half the time to search; at 1 million (202 per bucket) both took a tenth
/// less.
fn default_bucket_size(n: usize) -> usize {
    const FEW: f64 = 4e5;
    (SMALLEST_BUCKET as f64 * (n as f64 / FEW).sqrt().max(1.0)) as usize
}

/// Item numbers sorted by (code, number), and where each run of equal codes starts: `[distinct + 1]`.
fn fold(item_codes: &[u64], words: usize) -> (Vec<u32>, Vec<u32>) {
    let code_of = |item: u32| &item_codes[item as usize * words..][..words];
    let mut by_code: Vec<u32> = (0..(item_codes.len() / words) as u32).collect();
    by_code.par_sort_unstable_by(|&a, &b| code_of(a).cmp(code_of(b)).then(a.cmp(&b)));
    let starts = |&i: &usize| i == 0 || code_of(by_code[i - 1]) != code_of(by_code[i]);
    let mut runs: Vec<u32> = (0..by_code.len()).filter(starts).map(|i| i as u32).collect();
    runs.push(by_code.len() as u32);
    (by_code, runs)
}

/// Sorts codes by cluster, clusters as in `order`: the first code of each `[clusters + 1]`, and the codes.
fn group(assignment: &[u32], order: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut place = vec![0u32; order.len()]; // of each cluster in `order`
    order.iter().zip(0..).for_each(|(&cluster, at)| place[cluster as usize] = at);
    let mut starts = vec![0u32; order.len() + 1];
    assignment.iter().for_each(|&cluster| starts[place[cluster as usize] as usize + 1] += 1);
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next = starts.clone();
    let mut grouped = vec![0; assignment.len()];
    for (&cluster, code) in assignment.iter().zip(0..) {
        let next = &mut next[place[cluster as usize] as usize];
        grouped[*next as usize] = code;
        *next += 1;
    }
    (starts, grouped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::clustered_codes;

    #[test]
    fn equal_codes_are_folded_and_items_stay_in_order() {
        let (by_code, runs) = fold(&[9, 4, 9, 4, 1], 1);
        assert_eq!(by_code, [4, 1, 3, 0, 2]);
        assert_eq!(runs, [0, 1, 3, 5]);
        let arranged = arrange(vec![9, 4, 9, 4, 1], 1, None);
        assert_eq!(arranged.codes, [1, 4, 9]);
        assert_eq!(arranged.order, [4, 1, 3, 0, 2]);
        assert_eq!((arranged.code_offsets, arranged.buckets), (vec![0, 1, 3, 5], vec![0, 3]));
    }

    #[test]
    fn every_item_is_found_under_its_own_code() {
        for (words, bucket_size) in [(1, 1), (2, 20), (3, 128), (4, 64)] {
            let mut codes = clustered_codes(900, words * 64, 10, 5);
            codes.copy_within(0..100 * words, 200 * words);
            let arranged = arrange(codes.clone(), words, Some(bucket_size));
            let mut seen = vec![false; 900];
            for (code, run) in arranged.code_offsets.windows(2).enumerate() {
                for &item in &arranged.order[run[0] as usize..run[1] as usize] {
                    let own = &codes[item as usize * words..][..words];
                    assert_eq!(own, &arranged.codes[code * words..][..words]);
                    assert!(!std::mem::replace(&mut seen[item as usize], true));
                }
            }
            assert!(seen.into_iter().all(|seen| seen));
        }
    }

    #[test]
    fn threads_do_not_change_the_arrays() {
        for (n, bucket_size) in [(30_000, 64), (20_000, 4), (2000, 1)] {
            let codes = clustered_codes(n, 128, 100, 3);
            let with = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| arrange(codes.clone(), 2, Some(bucket_size)))
            };
            assert!(with(1) == with(2), "{n} codes in buckets of {bucket_size}");
        }
    }

    #[test]
    fn buckets_grow_with_many_codes() {
        assert_eq!(
            [0, 1000, 400_000, 1_600_000, 40_000_000].map(default_bucket_size),
            [128, 128, 128, 256, 1280]
        );
    }

    #[test]
    fn no_items_make_empty_arrays() {
        let arranged = arrange(vec![], 2, None);
        assert_eq!((arranged.code_offsets, arranged.buckets), (vec![0], vec![0]));
    }
}
