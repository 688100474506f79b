//! Top-k by counting: distances are small integers, so a histogram replaces the heap.
//!
//! All ties at the last distance are kept until the end, so that the result does not depend on the order of
//! the scan.

use crate::kernels::Sink;

/// Distances run from 0 to 256 bits.
pub(crate) const DISTANCES: usize = 257;

/// The nearest codes seen so far, counted by the items they stand for.
#[derive(Debug)]
pub(crate) struct TopK {
    counts: [u64; DISTANCES], // items kept per distance
    kept: Vec<(u32, u32)>,    // (distance, code)
    total: u64,               // items kept at distances below `bound`
    k: u64,
    bound: u32,     // distances below it are still wanted
    touched: usize, // counts from here on are zero
}

impl Default for TopK {
    fn default() -> Self {
        TopK { counts: [0; DISTANCES], kept: Vec::new(), total: 0, k: 0, bound: 0, touched: 0 }
    }
}

impl TopK {
    /// Room for `k` items within `radius` bits.
    pub(crate) fn new(k: usize, radius: u32) -> Self {
        let mut nearest = TopK::default();
        nearest.start(k, radius);
        nearest
    }

    /// Starts again, for `k` items within `radius` bits.
    pub(crate) fn start(&mut self, k: usize, radius: u32) {
        self.counts[..self.touched].fill(0);
        self.kept.clear();
        self.total = 0;
        self.k = k as u64;
        self.bound = if k == 0 { 0 } else { radius.min(DISTANCES as u32 - 1) + 1 };
        self.touched = self.bound as usize;
    }

    /// The first distance that is no longer wanted.
    #[inline]
    pub(crate) fn bound(&self) -> u32 {
        self.bound
    }

    /// Lowers the bound before anything was pushed: the caller knows that `k` items are within `radius` bits.
    pub(crate) fn within(&mut self, radius: u32) {
        self.bound = self.bound.min(radius + 1);
        self.touched = self.bound as usize;
    }

    /// Takes code `base + i` for every `distances[i]` below the bound; each stands for one item or more.
    pub(crate) fn push_all(&mut self, base: usize, distances: &[u16]) {
        const TOGETHER: usize = 16;
        let (bound, known) = (self.bound, self.kept.len());
        for (at, some) in distances.chunks(TOGETHER).enumerate() {
            let near = some.iter().fold(false, |near, &distance| near | (u32::from(distance) < bound));
            if !near {
                continue;
            }
            // branchless: always written, but kept only if it is below the bound
            let mut end = self.kept.len();
            self.kept.resize(end + TOGETHER, (0, 0));
            for (i, &distance) in some.iter().enumerate() {
                let distance = u32::from(distance);
                self.kept[end] = (distance, (base + at * TOGETHER + i) as u32);
                end += usize::from(distance < bound);
            }
            self.kept.truncate(end);
        }
        for &(distance, _) in &self.kept[known..] {
            self.counts[distance as usize] += 1;
        }
        self.total += (self.kept.len() - known) as u64;
        self.lower();
    }

    /// Takes a code that stands for `weight` items; `distance` must be below the bound.
    #[inline]
    pub(crate) fn push(&mut self, code: u32, distance: u32, weight: u32) {
        debug_assert!(distance < self.bound);
        self.kept.push((distance, code));
        self.counts[distance as usize] += u64::from(weight);
        self.total += u64::from(weight);
        self.lower();
    }

    /// Lowers the bound to just above the last distance that is still wanted.
    #[inline]
    fn lower(&mut self) {
        while let Some(last) = (self.bound as usize).checked_sub(1).map(|last| self.counts[last])
            && self.total - last >= self.k
        {
            self.total -= last;
            self.bound -= 1;
        }
    }

    /// The codes that hold the `k` nearest items and all ties, as (distance, code), unsorted.
    pub(crate) fn finish(&mut self) -> &mut Vec<(u32, u32)> {
        let bound = self.bound;
        self.kept.retain(|&(distance, _)| distance < bound);
        &mut self.kept
    }
}

/// The `k`th smallest of `distances`, `k` from 1; none if there are fewer.
pub(crate) fn kth_smallest(distances: &[u16], k: usize) -> Option<u32> {
    let mut counts = [0u32; DISTANCES];
    distances.iter().for_each(|&distance| counts[usize::from(distance).min(DISTANCES - 1)] += 1);
    let mut seen = 0;
    let at = counts.iter().position(|&count| {
        seen += count as usize;
        seen >= k
    });
    at.map(|at| at as u32)
}

/// Feeds [`TopK`] from a scan that starts at code `base`, one item per code.
pub(crate) struct ByCode<'a> {
    nearest: &'a mut TopK,
    base: usize,
}

impl<'a> ByCode<'a> {
    pub(crate) fn new(nearest: &'a mut TopK) -> Self {
        ByCode::from(0, nearest)
    }

    pub(crate) fn from(base: usize, nearest: &'a mut TopK) -> Self {
        ByCode { nearest, base }
    }
}

impl Sink for ByCode<'_> {
    #[inline]
    fn bound(&self) -> u32 {
        self.nearest.bound()
    }

    #[inline]
    fn push(&mut self, index: usize, distance: u32) {
        self.nearest.push((self.base + index) as u32, distance, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_all_ties_of_the_last_distance_and_counts_items() {
        let mut nearest = TopK::new(3, 64);
        for (code, distance, weight) in [(0, 9, 1), (1, 5, 1), (2, 5, 1), (3, 7, 4), (4, 7, 1)] {
            nearest.push(code, distance, weight);
        }
        assert_eq!(nearest.bound(), 8);
        let kept = nearest.finish();
        kept.sort_unstable();
        assert_eq!(*kept, [(5, 1), (5, 2), (7, 3), (7, 4)]);
    }

    #[test]
    fn the_kth_distance_is_that_of_the_sorted() {
        let distances = [9, 5, 256, 5, 7, 0];
        for (k, expected) in
            [(1, Some(0)), (2, Some(5)), (3, Some(5)), (4, Some(7)), (6, Some(256)), (7, None)]
        {
            assert_eq!(kth_smallest(&distances, k), expected, "{k}");
        }
        assert_eq!(kth_smallest(&[], 1), None);
    }

    #[test]
    fn nothing_is_wanted_for_k_zero_and_beyond_the_radius() {
        assert_eq!(TopK::new(0, 64).bound(), 0);
        assert_eq!(TopK::new(1, 0).bound(), 1);
        assert_eq!(TopK::new(1, u32::MAX).bound(), 257);
    }
}
