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
use crate::plan::{Plan, Way};
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
    /// More than `k` items where the last ones are equally near: all of these (16,384 more at most), for those who will put them in
    /// another order.
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

/// So many codes are counted by distance rather than sorted out one by one.
const SMALL: usize = 512;
/// More items that are as near as the last than this are not given: a collection may hold a million blank pages.
const MAX_TIES: usize = 1 << 14;

/// How many items, and how far.
#[derive(Debug, Clone, Copy)]
struct Limits {
    k: usize,
    radius: u32,
}

impl Limits {
    fn of(wanted: &Search) -> Self {
        Limits { k: wanted.k, radius: wanted.radius.unwrap_or(u32::MAX) }
    }
}

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
        SCRATCH.with_borrow_mut(|scratch| {
            match plan {
                Plan::Exact => {
                    let bound = self.first_bound(query, Limits::of(wanted), scratch);
                    scratch.codes.start(wanted.k, bound.saturating_sub(1));
                    scan(self.codes, query, &mut ByItems::new(&mut scratch.codes, self));
                }
                Plan::Buckets(way) => {
                    self.route(query, way, scratch);
                    self.look(query, Limits::of(wanted), scratch);
                }
            }
            self.hits(scratch.codes.finish(), wanted, &mut scratch.keys)
        })
    }

    /// As `search`, for `queries` `[n, words]`, which pass codes or representatives together.
    pub(crate) fn search_many(&self, queries: &[u64], wanted: &Search, plan: Plan) -> Vec<Vec<Hit>> {
        let each = queries.chunks_exact(self.words);
        SCRATCH.with_borrow_mut(|scratch| match plan {
            Plan::Buckets(way) if way.graph || !self.has_many_buckets() => {
                let answer = |query| {
                    self.route(query, way, scratch);
                    self.look(query, Limits::of(wanted), scratch);
                    self.hits(scratch.codes.finish(), wanted, &mut scratch.keys)
                };
                each.map(answer).collect()
            }
            Plan::Buckets(Way { probes, .. }) => {
                let mut routes: Vec<Nearest> =
                    each.clone().map(|query| self.primed(query, probes, scratch)).collect();
                let mut sinks: Vec<ByCode<'_>> = routes.iter_mut().map(ByCode::new).collect();
                scan_many(self.graph.representatives, queries, &mut sinks);
                let answer = |(query, routes): (&[u64], &mut Nearest)| {
                    first_of(routes.finish(), probes, &mut scratch.buckets);
                    self.look(query, Limits::of(wanted), scratch);
                    self.hits(scratch.codes.finish(), wanted, &mut scratch.keys)
                };
                each.zip(&mut routes).map(answer).collect()
            }
            Plan::Exact => {
                let primed = |query| {
                    let bound = self.first_bound(query, Limits::of(wanted), scratch);
                    Nearest::new(wanted.k, bound.saturating_sub(1))
                };
                let mut nearest: Vec<Nearest> = each.map(primed).collect();
                let mut sinks: Vec<ByItems<'_, '_>> =
                    nearest.iter_mut().map(|nearest| ByItems::new(nearest, self)).collect();
                scan_many(self.codes, queries, &mut sinks);
                nearest
                    .iter_mut()
                    .map(|nearest| self.hits(nearest.finish(), wanted, &mut scratch.keys))
                    .collect()
            }
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
    fn first_bound(&self, query: &[u64], limits: Limits, scratch: &mut Scratch) -> u32 {
        let per_bucket = self.n_codes() / self.n_buckets().max(1);
        // small buckets are no help, as finding them costs as much as the scan, and neither are those that are half of it
        let helpful = (8..=4096).contains(&per_bucket);
        let probes = if helpful { 4 + limits.k.saturating_mul(2) / per_bucket } else { 0 };
        self.route(query, Way { probes, graph: false }, scratch);
        self.look(query, limits, scratch);
        scratch.codes.bound()
    }

    /// Looks at the buckets in `scratch.buckets`; what it finds is in `scratch.codes`.
    fn look(&self, query: &[u64], Limits { k, radius }: Limits, scratch: &mut Scratch) {
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

    /// The buckets with the nearest representatives, nearest first.
    pub(crate) fn nearest_buckets(&self, query: &[u64], way: Way) -> Vec<u32> {
        SCRATCH.with_borrow_mut(|scratch| {
            self.route(query, way, scratch);
            scratch.buckets.clone()
        })
    }

    /// Puts the nearest buckets into `scratch.buckets`, nearest first.
    fn route(&self, query: &[u64], way: Way, scratch: &mut Scratch) {
        let Scratch { routes, distances, buckets, .. } = scratch;
        buckets.clear();
        if way.probes == 0 {
            return;
        }
        if way.graph {
            let found = self.graph.nearest(query, way.width());
            buckets.extend(found.into_iter().take(way.probes).map(|(_, bucket)| bucket));
            return;
        }
        // all representatives in a row, the first of which give a bound
        let all = self.graph.representatives;
        let (few, rest) = all.split_at(all.len().min(SMALL * self.words));
        routes.start(way.probes, u32::MAX);
        kernels::distances(few, query, distances);
        kth(distances, way.probes).into_iter().for_each(|distance| routes.within(distance));
        routes.push_all(0, distances);
        scan(rest, query, &mut ByCode::from(SMALL, routes));
        first_of(routes.finish(), way.probes, buckets);
    }

    /// Room for `probes` representatives, with a bound from the first few of them.
    fn primed(&self, query: &[u64], probes: usize, scratch: &mut Scratch) -> Nearest {
        let all = self.graph.representatives;
        let mut routes = Nearest::new(probes, u32::MAX);
        kernels::distances(&all[..all.len().min(SMALL / 4 * self.words)], query, &mut scratch.distances);
        kth(&scratch.distances, probes).into_iter().for_each(|distance| routes.within(distance));
        routes
    }

    /// The live items of (distance, code) pairs, as many as are `wanted`, the nearest, by (distance, id).
    fn hits(&self, codes: &[(u32, u32)], wanted: &Search, keys: &mut Vec<u64>) -> Vec<Hit> {
        let k = if wanted.ties && wanted.k > 0 { wanted.k.saturating_add(MAX_TIES) } else { wanted.k };
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
        let (mut nearness, mut first) = (0, 0); // the distance at hand, and the first item that was not given for it
        for &key in &*keys {
            let (distance, code) = ((key >> 32) as u32, key as u32);
            if distance != nearness {
                (nearness, first) = (distance, 0);
            }
            // in a damaged file items may be out of order, or belong to several codes
            let items = self.items_of(code);
            let items = items.start.max(first)..items.end;
            first = first.max(items.end);
            let items = items.take(left);
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

/// The first `probes` of (distance, bucket) pairs, by distance.
fn first_of(found: &mut [(u32, u32)], probes: usize, buckets: &mut Vec<u32>) {
    found.sort_unstable();
    buckets.clear();
    buckets.extend(found.iter().take(probes).map(|&(_, bucket)| bucket));
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
