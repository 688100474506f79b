//! The search through one segment: the whole scan, or the way to the nearest buckets and a scan of those.
//!
//! The way to the buckets leads through the graph or past all representatives: where these are many a walk is shorter, but
//! between clusters that lie far from each other it misses some. Calibration has measured both.
//!
//! Both scans give items sorted by (distance, id), ties included up to k. The planner picks the cheapest way that the
//! calibration promises to be enough, or the whole scan where that is as cheap.

use std::cell::RefCell;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::kernels::{self, prefetch, scan, scan_many};
use crate::tombstones::is_dead;
use crate::top::{ByCode, ByItems, Nearest, kth};

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
    /// They were found by a walk through the graph; else among all representatives.
    pub graph: bool,
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

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// At every code.
    Exact,
    /// At so many buckets, found by a walk through the graph or among all representatives.
    Buckets { probes: usize, graph: bool },
}

// Costs, in codes compared in a row, as measured at 1,000,000 codes of 128 bits with AVX2, where 1,000 take half a
// microsecond. They decide between plans that find enough, so what they get wrong costs time and never an answer.

/// Visiting a bucket: a cache miss or two, and what is near in it.
const VISIT: usize = 400;
/// The graph walk, per candidate of its beam.
const WALK: usize = 650;
/// So many codes are counted by distance rather than sorted out one by one.
const SMALL: usize = 512;

/// What a search needs beside the view, reused by each thread.
#[derive(Debug, Default)]
struct Scratch {
    routes: Nearest, // representatives
    codes: Nearest,
    distances: Vec<u16>, // of a few codes
    buckets: Vec<u32>,
    keys: Vec<u64>, // distance << 32 | id: sorts faster than pairs
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl View<'_> {
    pub(crate) fn n_codes(&self) -> usize {
        self.code_offsets.len().saturating_sub(1)
    }

    pub(crate) fn n_buckets(&self) -> usize {
        self.buckets.len().saturating_sub(1)
    }

    /// The items that `wanted` asks for, among those that `plan` looks at.
    pub(crate) fn search(&self, query: &[u64], wanted: &Search, plan: Plan) -> Vec<Hit> {
        let (k, radius) = (wanted.k, wanted.radius.unwrap_or(u32::MAX));
        SCRATCH.with_borrow_mut(|scratch| {
            match plan {
                Plan::Exact => {
                    let bound = self.first_bound(query, k, radius, scratch);
                    scratch.codes.start(k, bound.saturating_sub(1));
                    scan(self.codes, query, &mut ByItems::new(&mut scratch.codes, self));
                }
                Plan::Buckets { probes, graph } => {
                    self.scan_nearest(query, (k, radius), (probes, graph), scratch)
                }
            }
            self.hits(scratch.codes.finish(), if wanted.ties { usize::MAX } else { k }, &mut scratch.keys)
        })
    }

    /// As `search`, for `queries` `[n, words]`.
    pub(crate) fn search_many(&self, queries: &[u64], wanted: &Search, plan: Plan) -> Vec<Vec<Hit>> {
        if plan != Plan::Exact {
            return queries.chunks_exact(self.words).map(|query| self.search(query, wanted, plan)).collect();
        }
        let (k, radius) = (wanted.k, wanted.radius.unwrap_or(u32::MAX));
        SCRATCH.with_borrow_mut(|scratch| {
            let primed = queries
                .chunks_exact(self.words)
                .map(|query| Nearest::new(k, self.first_bound(query, k, radius, scratch).saturating_sub(1)));
            let mut nearest: Vec<Nearest> = primed.collect();
            let mut sinks: Vec<ByItems<'_, '_>> =
                nearest.iter_mut().map(|nearest| ByItems::new(nearest, self)).collect();
            scan_many(self.codes, queries, &mut sinks);
            let most = if wanted.ties { usize::MAX } else { k };
            nearest.iter_mut().map(|nearest| self.hits(nearest.finish(), most, &mut scratch.keys)).collect()
        })
    }

    /// The codes that hold the `k` nearest items and all ties, as (distance, code); every code is looked at.
    pub(crate) fn scan_all(&self, query: &[u64], k: usize) -> Vec<(u32, u32)> {
        let mut nearest = Nearest::new(k, u32::MAX);
        scan(self.codes, query, &mut ByItems::new(&mut nearest, self));
        std::mem::take(nearest.finish())
    }

    /// The items of a code, the dead among them; none that do not exist.
    #[inline]
    pub(crate) fn items_of(&self, code: u32) -> Range<u32> {
        match self.code_offsets.get(code as usize..).and_then(<[u32]>::first_chunk) {
            Some(&[start, end]) => start..end.min(self.items),
            None => 0..0,
        }
    }

    /// A bound that no more is above than need be: after a few buckets, so that a whole scan passes over nearly all codes.
    fn first_bound(&self, query: &[u64], k: usize, radius: u32, scratch: &mut Scratch) -> u32 {
        let per_bucket = self.n_codes() / self.n_buckets().max(1);
        // small buckets are no help, as finding them costs as much as the scan, and neither are those that are half of it
        let probes = if (8..=4096).contains(&per_bucket) { 4 + k.saturating_mul(2) / per_bucket } else { 0 };
        self.scan_nearest(query, (k, radius), (probes, false), scratch);
        scratch.codes.bound()
    }

    /// Looks at the `probes` buckets nearest to the query, for `k` items within `radius`; what it finds is in `scratch.codes`.
    fn scan_nearest(
        &self,
        query: &[u64],
        (k, radius): (usize, u32),
        (probes, graph): (usize, bool),
        scratch: &mut Scratch,
    ) {
        self.route(query, probes, graph, scratch);
        let Scratch { codes: nearest, distances, buckets, .. } = scratch;
        nearest.start(k, radius);
        // each code lies in one bucket and each item under one code, unless the file is damaged
        let (mut left, mut items_left) = (self.codes.len(), self.items as usize);
        for (at, &bucket) in buckets.iter().enumerate() {
            let (start, codes) = self.bucket(bucket);
            if codes.len() > left {
                break;
            }
            left -= codes.len();
            if let Some(&next) = buckets.get(at + 1) {
                prefetch(self.bucket(next).1);
            }
            if self.dead.is_empty() && codes.len() <= SMALL * self.words {
                // Every code stands for an item at least, so codes may be counted for items. The first ones give a bound: to
                // take in all that a loose one lets through takes longer than to count.
                kernels::distances(codes, query, distances);
                if at == 0 {
                    kth(distances, k).into_iter().for_each(|distance| nearest.within(distance));
                }
                nearest.push_all(start, distances);
            } else {
                let mut sink = ByItems { base: start, left: items_left, ..ByItems::new(nearest, self) };
                scan(codes, query, &mut sink);
                items_left = sink.left;
            }
        }
    }

    /// The first code of a bucket, and its codes `[n, words]`; none where the arrays do not have them.
    fn bucket(&self, bucket: u32) -> (usize, &[u64]) {
        let bounds = self.buckets.get(bucket as usize..).and_then(<[u32]>::first_chunk);
        let Some([start, end]) = bounds.map(|bounds: &[u32; 2]| bounds.map(|code| code as usize)) else {
            return (0, &[]);
        };
        let codes = self.codes.get(start.saturating_mul(self.words)..end.saturating_mul(self.words));
        (start, codes.unwrap_or_default())
    }

    /// The buckets with the nearest representatives, nearest first, and what finding them takes.
    pub(crate) fn nearest_buckets(&self, query: &[u64], probes: usize, graph: bool) -> (Vec<u32>, usize) {
        SCRATCH.with_borrow_mut(|scratch| {
            let cost = self.route(query, probes, graph, scratch);
            (scratch.buckets.clone(), cost)
        })
    }

    /// Puts the nearest buckets into `scratch.buckets`, nearest first. Gives what that takes.
    fn route(&self, query: &[u64], probes: usize, graph: bool, scratch: &mut Scratch) -> usize {
        let Scratch { routes, distances, buckets, .. } = scratch;
        buckets.clear();
        if probes == 0 {
            return 0;
        }
        if graph {
            // a beam of a few more than are wanted, as the first ones it finds are not yet the nearest
            let width = (probes + probes / 2).max(8);
            let found = self.graph.nearest(query, width);
            buckets.extend(found.into_iter().take(probes).map(|(_, bucket)| bucket));
            return width.saturating_mul(WALK);
        }
        routes.start(probes, u32::MAX);
        let all = self.graph.representatives;
        let (few, rest) = all.split_at(all.len().min(SMALL * self.words));
        kernels::distances(few, query, distances);
        kth(distances, probes).into_iter().for_each(|distance| routes.within(distance));
        routes.push_all(0, distances);
        scan(rest, query, &mut ByCode::from(SMALL, routes));
        let found = routes.finish();
        found.sort_unstable();
        buckets.extend(found.iter().take(probes).map(|&(_, bucket)| bucket));
        all.len() / self.words
    }

    /// What looking at `probes` buckets takes once they are found.
    pub(crate) fn visit_cost(&self, probes: usize) -> usize {
        let per_bucket = self.n_codes() / self.n_buckets().max(1);
        probes.saturating_mul(per_bucket + VISIT.min(8 * per_bucket))
    }

    /// The cheapest plan that `curve` promises to find `recall` of `k` neighbours.
    pub(crate) fn plan(&self, curve: &[RecallPoint], k: usize, recall: f32) -> Plan {
        // recall falls as k grows at equal probes, so the next larger measured k is the safe side
        let measured = curve.iter().map(|point| point.k).filter(|&measured| measured as usize >= k).min();
        let enough = curve.iter().filter(|point| Some(point.k) == measured && point.recall >= recall);
        match enough.min_by_key(|point| (point.cost, point.probes)) {
            Some(point) if recall < 1.0 && (point.cost as usize) < self.n_codes() => {
                Plan::Buckets { probes: point.probes as usize, graph: point.graph }
            }
            _ => Plan::Exact,
        }
    }

    /// The live items of (distance, code) pairs: at most `k`, the nearest, by (distance, id).
    fn hits(&self, codes: &[(u32, u32)], k: usize, keys: &mut Vec<u64>) -> Vec<Hit> {
        keys.clear();
        keys.extend(codes.iter().map(|&(distance, code)| u64::from(distance) << 32 | u64::from(code)));
        // Items are numbered as their codes are, so codes in order give items in order. Where none is dead, the first k codes
        // have the first k items: the others' are not even looked up.
        if self.dead.is_empty() && k.saturating_mul(4) < keys.len() {
            keys.select_nth_unstable(k);
            keys.truncate(k);
        }
        keys.sort_unstable();
        let mut hits = Vec::with_capacity(k.min(keys.len()));
        let mut left = self.items as usize; // as in `ByItems`
        for &key in &*keys {
            let (distance, code) = ((key >> 32) as u32, key as u32);
            let items = self.items_of(code).take(left);
            left -= items.len();
            let live = items.filter(|&item| !is_dead(self.dead, item)).take(k - hits.len());
            hits.extend(live.map(|id| Hit { id, distance }));
            if hits.len() == k {
                break;
            }
        }
        hits
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
