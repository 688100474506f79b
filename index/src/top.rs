//! Top-k by counting: distances are small integers, so a histogram replaces the heap.
//!
//! All ties of the last distance are kept until the end, so that the answer does not depend on the order of the scan.

use crate::kernels::Sink;
use crate::search::View;
use crate::tombstones::is_dead;

/// Distances run from 0 to 256 bits.
pub(crate) const DISTANCES: usize = 257;

/// The nearest codes seen so far, counted by the items they stand for.
#[derive(Debug)]
pub(crate) struct Nearest {
    counts: [u64; DISTANCES], // items kept per distance
    kept: Vec<(u32, u32)>,    // (distance, code)
    total: u64,               // items kept at distances below `bound`
    k: u64,
    bound: u32, // distances below it are still wanted
}

impl Nearest {
    /// Room for `k` items within `radius` bits.
    pub(crate) fn new(k: usize, radius: u32) -> Self {
        let bound = if k == 0 { 0 } else { radius.min(DISTANCES as u32 - 1) + 1 };
        Nearest { counts: [0; DISTANCES], kept: Vec::new(), total: 0, k: k as u64, bound }
    }

    /// The first distance that is no longer wanted.
    #[inline]
    pub(crate) fn bound(&self) -> u32 {
        self.bound
    }

    /// Takes a code that stands for `weight` items; `distance` must be below the bound.
    #[inline]
    pub(crate) fn push(&mut self, code: u32, distance: u32, weight: u32) {
        debug_assert!(distance < self.bound);
        self.kept.push((distance, code));
        self.counts[distance as usize] += u64::from(weight);
        self.total += u64::from(weight);
        while let last = self.counts[self.bound as usize - 1]
            && self.total - last >= self.k
        {
            self.total -= last;
            self.bound -= 1;
        }
    }

    /// The codes that hold the `k` nearest items and all ties, as (distance, code), unsorted.
    pub(crate) fn finish(mut self) -> Vec<(u32, u32)> {
        let bound = self.bound;
        self.kept.retain(|&(distance, _)| distance < bound);
        self.kept
    }
}

/// Feeds [`Nearest`] from scans, the first code of each of which is `base`; a code stands for its items that are not dead.
pub(crate) struct ByItems<'a, 'v> {
    nearest: &'a mut Nearest,
    view: &'a View<'v>,
    pub(crate) base: usize,
    left: usize, // items that may still be looked at one by one: each is listed once, unless the file is damaged
}

impl<'a, 'v> ByItems<'a, 'v> {
    pub(crate) fn new(nearest: &'a mut Nearest, view: &'a View<'v>) -> Self {
        ByItems { nearest, view, base: 0, left: view.items as usize }
    }
}

impl Sink for ByItems<'_, '_> {
    #[inline]
    fn bound(&self) -> u32 {
        self.nearest.bound()
    }

    #[inline]
    fn push(&mut self, index: usize, distance: u32) {
        let code = (self.base + index) as u32; // no more codes than items, which are fewer than 2^32
        let items = self.view.items_of(code);
        let mut weight = items.len();
        if !self.view.dead.is_empty() {
            let looked_at = weight.min(self.left);
            self.left -= looked_at;
            weight = items.take(looked_at).filter(|&item| !is_dead(self.view.dead, item)).count();
        }
        if weight > 0 {
            self.nearest.push(code, distance, weight as u32);
        }
    }
}

/// Feeds [`Nearest`] from a scan, one item per code.
pub(crate) struct ByCode<'a>(pub(crate) &'a mut Nearest);

impl Sink for ByCode<'_> {
    #[inline]
    fn bound(&self) -> u32 {
        self.0.bound()
    }

    #[inline]
    fn push(&mut self, index: usize, distance: u32) {
        self.0.push(index as u32, distance, 1);
    }
}

/// The first of the nearest codes of a scan.
#[derive(Debug)]
pub(crate) struct First {
    pub(crate) index: usize,
    pub(crate) distance: u32,
    pub(crate) found: bool,
}

impl First {
    /// Nothing seen yet: index 0 at a distance no code has.
    pub(crate) fn new() -> Self {
        First::within(u32::MAX)
    }

    /// Only codes nearer than `bound` count.
    pub(crate) fn within(bound: u32) -> Self {
        First { index: 0, distance: bound, found: false }
    }
}

impl Sink for First {
    #[inline]
    fn bound(&self) -> u32 {
        self.distance
    }

    #[inline]
    fn push(&mut self, index: usize, distance: u32) {
        *self = First { index, distance, found: true };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_all_ties_of_the_last_distance_and_counts_items() {
        let mut nearest = Nearest::new(3, 64);
        for (code, distance, weight) in [(0, 9, 1), (1, 5, 1), (2, 5, 1), (3, 7, 4), (4, 7, 1)] {
            nearest.push(code, distance, weight);
        }
        assert_eq!(nearest.bound(), 8);
        let mut kept = nearest.finish();
        kept.sort_unstable();
        assert_eq!(kept, [(5, 1), (5, 2), (7, 3), (7, 4)]);
    }

    #[test]
    fn nothing_is_wanted_for_k_zero_and_beyond_the_radius() {
        assert_eq!(Nearest::new(0, 64).bound(), 0);
        assert_eq!(Nearest::new(1, 0).bound(), 1);
        assert_eq!(Nearest::new(1, u32::MAX).bound(), 257);
    }
}
