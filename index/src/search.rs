//! The search through one segment: the whole scan, or the way to the nearest buckets and a scan of those.
//!
//! The way leads through the graph where there are many buckets, else over all representatives: with AVX-512 a walk to 16
//! buckets takes as long as a sweep over 16,000 representatives, those of 2 million codes.
//!
//! Both give items sorted by (distance, id), ties included up to k. The planner picks the fewest buckets that the
//! calibration promises to be enough, or the whole scan where that is as cheap.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::kernels::scan;
use crate::tombstones::is_dead;
use crate::top::{ByCode, ByItems, Nearest};

/// What to look for.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// At most so many items.
    pub k: usize,
    /// How hard to look.
    pub mode: Mode,
    /// Only items within so many bits.
    pub radius: Option<u32>,
    /// More than `k` items where the last ones are equally near: all of these, for those who will put them in another order.
    pub ties: bool,
}

impl Default for Search {
    fn default() -> Self {
        Search { k: 10, mode: Mode::Recall(0.99), radius: None, ties: false }
    }
}

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    /// Look at every code.
    Exact,
    /// Look at so few codes that this share of the true neighbours (0 to 1, ties counted as equal) is still found.
    Recall(f32),
}

/// An item near the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The item.
    pub id: u32,
    /// Hamming distance of the codes, in bits.
    pub distance: u32,
}

/// A hit after re-ranking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// The item.
    pub id: u32,
    /// Hamming distance of the codes, in bits.
    pub distance: u32,
    /// Cosine of the latents, -1 to 1.
    pub similarity: f32,
}

/// What was measured when the index was built.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecallPoint {
    /// The number of neighbours asked for.
    pub k: u32,
    /// Buckets looked at.
    pub probes: u32,
    /// Share of the true neighbours found, less one standard error: 0 to 1.
    pub recall: f32,
    /// What it takes: as much as comparing with so many codes in a row.
    pub cost: u32,
}

/// The arrays that a search reads, in memory or in a map. Nothing but the lengths is trusted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) words: usize,
    pub(crate) items: u32,              // the dead among them
    pub(crate) codes: &'a [u64],        // [codes, words], distinct, bucket by bucket
    pub(crate) code_offsets: &'a [u32], // [codes + 1], first item of each
    pub(crate) dead: &'a [u64],         // one bit per item; empty where none is dead
    pub(crate) buckets: &'a [u32],      // [buckets + 1], first code of each
    pub(crate) graph: Graph<'a>,        // a node per bucket
}

// Costs, in codes scanned in a row; measured at 60,000 codes of 64 bits with AVX-512, where 1,000 take 0.12 us. On slower
// kernels the row costs more and the rest does not: there these lean to the whole scan, which is never wrong.

/// Visiting a bucket: a cache miss or two, and codes that pass a bound still loose.
const VISIT: usize = 512;
/// The graph walk, per bucket it returns. With fewer representatives than that for each, sweeping over all is faster.
const WALK: usize = 1000;

impl View<'_> {
    pub(crate) fn n_codes(&self) -> usize {
        self.code_offsets.len().saturating_sub(1)
    }

    pub(crate) fn n_buckets(&self) -> usize {
        self.buckets.len().saturating_sub(1)
    }

    /// The items that `wanted` asks for; `probes` buckets are looked at, or all codes.
    pub(crate) fn search(&self, query: &[u64], wanted: &Search, probes: Option<usize>) -> Vec<Hit> {
        let (k, radius) = (wanted.k, wanted.radius.unwrap_or(u32::MAX));
        let nearest = match probes {
            None => self.scan_all(query, k, radius),
            Some(probes) => self.scan_nearest(query, k, radius, probes),
        };
        self.hits(nearest.finish(), if wanted.ties { usize::MAX } else { k })
    }

    /// As `search`, for `queries` `[n, words]`.
    pub(crate) fn search_many(
        &self,
        queries: &[u64],
        wanted: &Search,
        probes: Option<usize>,
    ) -> Vec<Vec<Hit>> {
        let queries = queries.chunks_exact(self.words);
        queries.map(|query| self.search(query, wanted, probes)).collect()
    }

    /// The items of a code, the dead among them; none that do not exist.
    #[inline]
    pub(crate) fn items_of(&self, code: u32) -> Range<u32> {
        match self.code_offsets.get(code as usize..).and_then(<[u32]>::first_chunk) {
            Some(&[start, end]) => start..end.min(self.items),
            None => 0..0,
        }
    }

    /// Looks at every code. A few buckets are looked at first, so that the scan begins with a bound that few codes pass.
    pub(crate) fn scan_all(&self, query: &[u64], k: usize, radius: u32) -> Nearest {
        let per_bucket = self.n_codes() / self.n_buckets().max(1);
        // small buckets are no help: finding them costs as much as the scan
        let probes = if per_bucket < 8 { 0 } else { 4 + k.saturating_mul(2) / per_bucket };
        let first = self.scan_nearest(query, k, radius, probes);
        let mut nearest = Nearest::new(k, first.bound().saturating_sub(1));
        scan(self.codes, query, &mut ByItems::new(&mut nearest, self));
        nearest
    }

    /// Looks at the `probes` buckets nearest to the query.
    fn scan_nearest(&self, query: &[u64], k: usize, radius: u32, probes: usize) -> Nearest {
        let mut nearest = Nearest::new(k, radius);
        let mut sink = ByItems::new(&mut nearest, self);
        let mut left = self.codes.len(); // each code lies in one bucket, unless the file is damaged
        for bucket in self.route(query, probes) {
            let (start, codes) = self.bucket(bucket);
            if codes.len() > left {
                break;
            }
            left -= codes.len();
            sink.base = start;
            scan(codes, query, &mut sink);
        }
        nearest
    }

    /// The first code of a bucket, and its codes `[n, words]`; none where the arrays do not have them.
    fn bucket(&self, bucket: u32) -> (usize, &[u64]) {
        let Some(&[start, end]) = self.buckets.get(bucket as usize..bucket as usize + 2) else {
            return (0, &[]);
        };
        let (start, end) = (start as usize, end as usize);
        let codes = self.codes.get(start.saturating_mul(self.words)..end.saturating_mul(self.words));
        (start, codes.unwrap_or_default())
    }

    /// The buckets with the nearest representatives, nearest first.
    pub(crate) fn route(&self, query: &[u64], probes: usize) -> impl Iterator<Item = u32> + use<> {
        let nearest = if probes.saturating_mul(WALK) < self.n_buckets() {
            self.graph.nearest(query, probes)
        } else {
            // layer 0 of the graph as a whole: all representatives in a row
            let mut nearest = Nearest::new(probes, u32::MAX);
            scan(self.graph.representatives, query, &mut ByCode(&mut nearest));
            let mut found = nearest.finish();
            found.sort_unstable();
            found.truncate(probes);
            found
        };
        nearest.into_iter().map(|(_, bucket)| bucket)
    }

    /// What looking at `probes` buckets takes, in codes compared in a row.
    pub(crate) fn cost(&self, probes: usize) -> usize {
        let buckets = self.n_buckets().max(1);
        let route = probes.saturating_mul(WALK).min(buckets);
        route.saturating_add(probes.saturating_mul(self.n_codes() / buckets + VISIT))
    }

    /// True when looking at `probes` buckets costs as much as looking at every code.
    pub(crate) fn exact_is_as_cheap(&self, probes: usize) -> bool {
        self.cost(probes) >= self.n_codes()
    }

    /// The probes that `curve` promises to find `recall` of `k` neighbours with; none: look at every code.
    pub(crate) fn plan(&self, curve: &[RecallPoint], k: usize, recall: f32) -> Option<usize> {
        // recall falls as k grows at equal probes, so the next larger measured k is the safe side
        let measured = curve.iter().map(|point| point.k).filter(|&measured| measured as usize >= k).min()?;
        let enough = curve.iter().filter(|point| point.k == measured && point.recall >= recall);
        let probes = enough.map(|point| point.probes as usize).min()?;
        (!self.exact_is_as_cheap(probes)).then_some(probes)
    }

    /// The live items of (distance, code) pairs: at most `k`, the nearest, by (distance, id).
    fn hits(&self, codes: Vec<(u32, u32)>, k: usize) -> Vec<Hit> {
        let mut keys = Vec::with_capacity(codes.len()); // distance << 32 | id: sorts faster than pairs
        let mut left = self.items as usize; // as in `ByItems`
        for (distance, code) in codes {
            let items = self.items_of(code).take(left);
            left -= items.len();
            let live = items.filter(|&item| !is_dead(self.dead, item)).take(k);
            keys.extend(live.map(|id| u64::from(distance) << 32 | u64::from(id)));
        }
        if k < keys.len() {
            keys.select_nth_unstable(k);
            keys.truncate(k);
        }
        keys.sort_unstable();
        keys.into_iter().map(|key| Hit { id: key as u32, distance: (key >> 32) as u32 }).collect()
    }
}

/// Refuses a query that is no code of the index, or a recall that is no share.
pub(crate) fn check(query: &[u64], search: &Search, bits: usize) -> Result<()> {
    if !crate::is_code(query, bits) {
        let expected = format!("a code of {bits} bits in {} words", crate::words(bits));
        let top = query.last().map_or(0, |last| 64 - last.leading_zeros() as usize);
        let got = format!("{} words with {} bits", query.len(), query.len().saturating_sub(1) * 64 + top);
        return Err(Error::input("query", expected, got));
    }
    match search.mode {
        Mode::Recall(recall) if !(0.0..=1.0).contains(&recall) => {
            Err(Error::input("recall", "a share from 0 to 1", recall))
        }
        _ => Ok(()),
    }
}
