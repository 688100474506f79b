//! From the codes of items to the arrays that are searched: folded, put into buckets, routed by a graph.
//!
//! Equal codes are folded into one first: duplicates would fill the neighbour lists of the graph with each other.

use crate::cluster::{Clusters, cluster};
use crate::graph::{self, Frozen};
use crate::search::View;

/// The searched arrays of a segment, in memory. [`View`] has their shapes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arranged {
    pub(crate) words: usize,
    pub(crate) codes: Vec<u64>,
    pub(crate) code_offsets: Vec<u32>,
    pub(crate) code_items: Vec<u32>,
    pub(crate) item_codes: Vec<u32>, // [items], position of each item's code
    pub(crate) buckets: Vec<u32>,
    pub(crate) representatives: Vec<u64>,
    pub(crate) graph: Frozen,
}

impl Arranged {
    pub(crate) fn view(&self) -> View<'_> {
        View {
            words: self.words,
            codes: &self.codes,
            code_offsets: &self.code_offsets,
            code_items: &self.code_items,
            buckets: &self.buckets,
            graph: self.graph.view(&self.representatives),
        }
    }
}

/// Arranges the codes of all items `[items, words]` in buckets of about `bucket_size` distinct codes.
pub(crate) fn arrange(item_codes: &[u64], words: usize, bucket_size: usize) -> Arranged {
    let (by_code, runs) = fold(item_codes, words);
    let code_of = |item: u32| &item_codes[item as usize * words..][..words];
    let distinct: Vec<u64> =
        runs[..runs.len() - 1].iter().flat_map(|&start| code_of(by_code[start as usize])).copied().collect();

    let Clusters { centres, assignment } = cluster(&distinct, words, bucket_size);
    let graph = graph::build(&centres, words);
    let mut members = vec![Vec::new(); graph.order.len()];
    for (code, &cluster) in assignment.iter().enumerate() {
        members[cluster as usize].push(code);
    }

    let mut arranged = Arranged {
        words,
        codes: Vec::with_capacity(distinct.len()),
        code_offsets: vec![0],
        code_items: Vec::with_capacity(by_code.len()),
        item_codes: vec![0; by_code.len()],
        buckets: vec![0],
        representatives: Vec::with_capacity(centres.len()),
        graph,
    };
    for &cluster in &arranged.graph.order {
        arranged.representatives.extend_from_slice(&centres[cluster as usize * words..][..words]);
        for &code in &members[cluster as usize] {
            let items = &by_code[runs[code] as usize..runs[code + 1] as usize];
            for &item in items {
                arranged.item_codes[item as usize] = arranged.code_offsets.len() as u32 - 1;
            }
            arranged.code_items.extend_from_slice(items);
            arranged.code_offsets.push(arranged.code_items.len() as u32);
            arranged.codes.extend_from_slice(&distinct[code * words..][..words]);
        }
        arranged.buckets.push(arranged.code_offsets.len() as u32 - 1);
    }
    arranged
}

/// Item ids sorted by (code, id), and where each run of equal codes starts: `[distinct + 1]`.
fn fold(item_codes: &[u64], words: usize) -> (Vec<u32>, Vec<u32>) {
    let code_of = |item: u32| &item_codes[item as usize * words..][..words];
    let mut by_code: Vec<u32> = (0..(item_codes.len() / words) as u32).collect();
    by_code.sort_unstable_by(|&a, &b| code_of(a).cmp(code_of(b)).then(a.cmp(&b)));
    let mut runs = Vec::new();
    for (i, &item) in by_code.iter().enumerate() {
        if i == 0 || code_of(by_code[i - 1]) != code_of(item) {
            runs.push(i as u32);
        }
    }
    runs.push(by_code.len() as u32);
    (by_code, runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_codes_are_folded_and_items_stay_in_order() {
        let (by_code, runs) = fold(&[9, 4, 9, 4, 1], 1);
        assert_eq!(by_code, [4, 1, 3, 0, 2]);
        assert_eq!(runs, [0, 1, 3, 5]);
        let arranged = arrange(&[9, 4, 9, 4, 1], 1, 128);
        assert_eq!(arranged.codes, [1, 4, 9]);
        assert_eq!(arranged.item_codes, [2, 1, 2, 1, 0]);
        assert_eq!(arranged.buckets, [0, 3]);
    }

    #[test]
    fn no_items_make_empty_arrays() {
        let arranged = arrange(&[], 2, 128);
        assert_eq!((arranged.code_offsets, arranged.buckets), (vec![0], vec![0]));
    }
}
