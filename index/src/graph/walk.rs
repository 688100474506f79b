//! The search through the frozen graph: greedy down the upper layers, then a beam on layer 0.

use std::cell::RefCell;

use super::beam::Beam;
use crate::kernels::{distance, gather};

/// A frozen graph, in memory or in a map.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Graph<'a> {
    pub(crate) layers: &'a [u32],          // [layers + 1], first row of each layer
    pub(crate) offsets: &'a [u32],         // [rows + 1], into edges
    pub(crate) edges: &'a [u32],           // node numbers
    pub(crate) representatives: &'a [u64], // [nodes, words]
}

/// The memory of a search, reused by each thread.
#[derive(Debug, Default)]
struct Scratch {
    beam: Beam,
    seen: Vec<u64>,      // one bit per node
    fresh: Vec<u32>,     // neighbours seen for the first time
    distances: Vec<u32>, // of `fresh`
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl<'a> Graph<'a> {
    /// The neighbours of `node` on `layer`; none if the arrays are damaged.
    pub(crate) fn neighbours(&self, layer: usize, node: u32) -> &'a [u32] {
        let row =
            self.layers.get(layer).map_or(usize::MAX, |&first| first as usize).saturating_add(node as usize);
        match self.offsets.get(row..row.saturating_add(2)) {
            Some(&[start, end]) => self.edges.get(start as usize..end as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// About the `count` nearest nodes to `query` (`count` is ef in the paper), nearest first, ties by
    /// number.
    pub(crate) fn nearest(&self, query: &[u64], count: usize) -> Vec<(u32, u32)> {
        SCRATCH.with_borrow_mut(|scratch| self.nearest_with(query, count, scratch))
    }

    fn nearest_with(&self, query: &[u64], count: usize, scratch: &mut Scratch) -> Vec<(u32, u32)> {
        let nodes = self.representatives.len() / query.len().max(1);
        if nodes == 0 || count == 0 {
            return Vec::new();
        }
        let Scratch { beam, seen, fresh, distances } = scratch;
        let mut left = self.edges.len(); // an edge is followed once, unless the file is damaged
        let (entry, entry_distance) = self.descend(query, distances, &mut left);
        seen.clear();
        seen.resize(nodes.div_ceil(64), 0);
        seen[entry as usize / 64] |= 1 << (entry % 64);
        beam.start(count);
        beam.push(entry, entry_distance);
        while let Some(node) = beam.pop() {
            let neighbours = spend(&mut left, self.neighbours(0, node));
            // branchless: always written, but kept only if it was not seen before
            fresh.resize(neighbours.len(), 0);
            let mut count = 0;
            for &next in neighbours {
                if let Some(word) = seen.get_mut(next as usize / 64) {
                    let bit = 1 << (next % 64);
                    fresh[count] = next;
                    count += usize::from(*word & bit == 0);
                    *word |= bit;
                }
            }
            fresh.truncate(count);
            gather(self.representatives, fresh, query, distances);
            for (&next, &distance) in fresh.iter().zip(&*distances) {
                if distance < beam.bound() {
                    beam.push(next, distance);
                }
            }
        }
        beam.best(count)
    }

    /// Greedy walk from the entry down to layer 1: (node, distance).
    fn descend(&self, query: &[u64], distances: &mut Vec<u32>, left: &mut usize) -> (u32, u32) {
        let mut node = 0;
        let mut nearest = distance(&self.representatives[..query.len()], query);
        for layer in (1..self.layers.len().saturating_sub(1)).rev() {
            loop {
                let neighbours = spend(left, self.neighbours(layer, node));
                gather(self.representatives, neighbours, query, distances);
                let best = distances.iter().zip(neighbours).min();
                match best {
                    Some((&distance, &next)) if distance < nearest => (nearest, node) = (distance, next),
                    _ => break,
                }
            }
        }
        (node, nearest)
    }
}

/// As many of `edges` as may still be followed; `left` is lowered by their number.
#[inline]
fn spend<'a>(left: &mut usize, edges: &'a [u32]) -> &'a [u32] {
    let edges = &edges[..edges.len().min(*left)];
    *left -= edges.len();
    edges
}

#[cfg(test)]
mod tests {
    use super::super::freeze::{Frozen, build};
    use super::*;
    use crate::kernels::scan;
    use crate::testing::{clustered_codes, random_words};
    use crate::top::{ByCode, TopK};

    fn graph_of(codes: &[u64], words: usize) -> (Frozen, Vec<u64>) {
        let frozen = build(codes, words);
        let ordered =
            frozen.order.iter().flat_map(|&i| &codes[i as usize * words..][..words]).copied().collect();
        (frozen, ordered)
    }

    #[test]
    fn finds_nearly_what_the_scan_finds() {
        let codes = clustered_codes(2000, 64, 40, 3);
        let (frozen, ordered) = graph_of(&codes, 1);
        let graph = frozen.view(&ordered);
        let mut hits = 0;
        for &query in &clustered_codes(100, 64, 40, 4) {
            let mut nearest = TopK::new(10, 64);
            scan(&ordered, &[query], &mut ByCode::new(&mut nearest));
            let last = nearest.finish().iter().map(|hit| hit.0).max().unwrap();
            hits += graph.nearest(&[query], 64).iter().take(10).filter(|hit| hit.0 <= last).count();
        }
        assert!(hits >= 980, "{hits} of 1000");
    }

    #[test]
    fn asking_for_all_nodes_returns_all_nodes() {
        for n in [1usize, 2, 3, 50, 400] {
            let mut codes = random_words(n, 5);
            codes.sort_unstable();
            let (frozen, ordered) = graph_of(&codes, 1);
            let mut all: Vec<u32> =
                frozen.view(&ordered).nearest(&[0], n).into_iter().map(|(_, node)| node).collect();
            all.sort_unstable();
            assert_eq!(all, (0..n as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn arrays_full_of_nonsense_are_walked_without_a_panic() {
        let representatives = random_words(30, 1);
        let noise: Vec<u32> = random_words(300, 2).into_iter().map(|word| (word % 40) as u32).collect();
        for layers in [&noise[..0], &noise[..1], &noise[..5], &[0, 7, u32::MAX, 3]] {
            let graph = Graph {
                layers,
                offsets: &noise[5..90],
                edges: &noise[90..],
                representatives: &representatives,
            };
            assert!(graph.nearest(&[7], 9).len() <= 9);
        }
        let none = Graph { layers: &[0], offsets: &[0], edges: &[], representatives: &[] };
        assert!(none.nearest(&[7], 9).is_empty());
    }

    #[test]
    fn no_more_edges_are_followed_than_there_are() {
        // the list of node 2 holds that of node 0 as well: 3 edges where there are 2
        let graph =
            Graph { layers: &[0, 3], offsets: &[0, 1, 0, 2], edges: &[2, 1], representatives: &[0, 1, 3] };
        assert_eq!(graph.nearest(&[0], 3), [(0, 0), (2, 2)]);
        let graph = Graph { offsets: &[0, 1, 1, 2], ..graph };
        assert_eq!(graph.nearest(&[0], 3).len(), 3);
    }
}
