//! The beam of one graph search: candidates and results in one arena, chained by distance.
//!
//! Distances are small integers, so a list per distance and a bitmap of the non-empty ones replace both heaps
//! of the paper's algorithm 2.

use crate::top::DISTANCES;

const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Candidate {
    node: u32,
    distance: u32,
    next: u32, // the next candidate at this distance that is not expanded yet, or NONE
}

/// Candidates of one search.
#[derive(Debug)]
pub(super) struct Beam {
    arena: Vec<Candidate>,
    heads: [u32; DISTANCES],  // first unexpanded candidate per distance
    waiting: [u64; 5],        // bit d: heads[d] is not NONE
    counts: [u32; DISTANCES], // candidates per distance
    total: u32,               // candidates up to `worst`
    width: u32,               // ef in the paper
    worst: u32,               // the last distance among the `width` nearest
    bound: u32,               // distances below it are still wanted
}

impl Default for Beam {
    fn default() -> Self {
        Beam {
            arena: Vec::new(),
            heads: [NONE; DISTANCES],
            waiting: [0; 5],
            counts: [0; DISTANCES],
            total: 0,
            width: 0,
            worst: 0,
            bound: 0,
        }
    }
}

impl Beam {
    /// Empties the beam for a search of `width` results.
    pub(super) fn start(&mut self, width: usize) {
        self.arena.clear();
        self.heads.fill(NONE);
        self.waiting.fill(0);
        self.counts.fill(0);
        self.total = 0;
        self.width = u32::try_from(width).unwrap_or(u32::MAX).max(1);
        self.worst = DISTANCES as u32 - 1;
        self.bound = DISTANCES as u32;
    }

    /// The first distance that is no longer wanted.
    #[inline]
    pub(super) fn bound(&self) -> u32 {
        self.bound
    }

    /// Adds a candidate; `distance` must be below the bound.
    #[inline]
    pub(super) fn push(&mut self, node: u32, distance: u32) {
        let d = distance as usize;
        self.arena.push(Candidate { node, distance, next: self.heads[d] });
        self.heads[d] = self.arena.len() as u32 - 1;
        self.waiting[d / 64] |= 1 << (d % 64);
        self.counts[d] += 1;
        self.total += 1;
        if self.total >= self.width {
            while self.total - self.counts[self.worst as usize] >= self.width {
                self.total -= self.counts[self.worst as usize];
                self.worst -= 1;
            }
            self.bound = self.worst;
        }
    }

    /// The nearest candidate that was not expanded yet, if it can still lead to a result.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<u32> {
        let word = self.waiting.iter().position(|&word| word != 0)?;
        let d = word * 64 + self.waiting[word].trailing_zeros() as usize;
        if d > self.worst as usize {
            return None;
        }
        let Candidate { node, next, .. } = self.arena[self.heads[d] as usize];
        self.heads[d] = next;
        if next == NONE {
            self.waiting[word] &= self.waiting[word] - 1;
        }
        Some(node)
    }

    /// The `count` nearest candidates as (distance, node), nearest first, ties by number.
    pub(super) fn best(&self, count: usize) -> Vec<(u32, u32)> {
        let mut best: Vec<_> = self
            .arena
            .iter()
            .filter(|candidate| candidate.distance <= self.worst)
            .map(|candidate| (candidate.distance, candidate.node))
            .collect();
        best.sort_unstable();
        best.truncate(count);
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_nearest_first_and_stops_beyond_the_worst_result() {
        let mut beam = Beam::default();
        beam.start(2);
        for (node, distance) in [(1, 9), (2, 256), (3, 0)] {
            assert!(distance < beam.bound());
            beam.push(node, distance);
        }
        assert_eq!(beam.bound(), 9);
        assert_eq!((beam.pop(), beam.pop(), beam.pop()), (Some(3), Some(1), None));
        assert_eq!(beam.best(2), [(0, 3), (9, 1)]);
    }
}
