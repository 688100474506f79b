//! The arrays that a search reads, wherever they lie.

use std::ops::Range;

use crate::graph::Graph;

/// The arrays that a search reads, in memory or in a map. Nothing but the lengths is trusted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) words: usize,
    pub(crate) items: u32,              // including deleted ones
    pub(crate) codes: &'a [u64],        // [codes, words], distinct, bucket by bucket
    pub(crate) code_offsets: &'a [u32], // [codes + 1], first item of each
    pub(crate) dead: &'a [u64],         // one bit per item; empty if none is deleted
    pub(crate) buckets: &'a [u32],      // [buckets + 1], first code of each
    pub(crate) graph: Graph<'a>,        // a node per bucket
}

impl View<'_> {
    pub(crate) fn n_codes(&self) -> usize {
        self.code_offsets.len().saturating_sub(1)
    }

    pub(crate) fn n_buckets(&self) -> usize {
        self.buckets.len().saturating_sub(1)
    }

    /// The items of a code, including deleted ones, but none that do not exist.
    #[inline]
    pub(crate) fn items_of(&self, code: u32) -> Range<u32> {
        match self.code_offsets.get(code as usize..).and_then(<[u32]>::first_chunk) {
            Some(&[start, end]) => start..end.min(self.items),
            None => 0..0,
        }
    }

    /// The first code of a bucket, and its codes `[n, words]`; none if the arrays are damaged.
    pub(crate) fn bucket(&self, bucket: u32) -> (usize, &[u64]) {
        let bounds = self.buckets.get(bucket as usize..).and_then(<[u32]>::first_chunk);
        let Some([start, end]) = bounds.map(|bounds: &[u32; 2]| bounds.map(|code| code as usize)) else {
            return (0, &[]);
        };
        let codes = self.codes.get(start.saturating_mul(self.words)..end.saturating_mul(self.words));
        (start, codes.unwrap_or_default())
    }
}
