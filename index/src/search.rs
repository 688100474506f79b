//! The search of one segment: a scan of every code, or of the buckets nearest to the query.
//!
//! The nearest buckets are found by a walk through the graph or by a scan of all representatives. With many
//! buckets a walk is faster, but it misses some between clusters that are far apart. Calibration has measured
//! both.
//!
//! Hits are sorted by (distance, id). The planner (`plan.rs`) decides what is scanned.

use std::cell::RefCell;

use crate::code::{is_code, words};
use crate::error::{Error, Result};
use crate::kernels::{self, Sink, prefetch, scan, scan_many};
use crate::passing::Filter;
use crate::plan::{Plan, Route};
use crate::tombstones::is_dead;
use crate::top::{ByCode, TopK, kth_smallest};
use crate::view::View;

/// What to search for.
///
/// ```
/// use aesearch_index::{Mode, Search};
///
/// let ten = Search::default(); // at a recall of .99
/// let three = Search { k: 3, mode: Mode::Exact, ..Search::default() };
/// let near = Search { radius: Some(8), ..Search::default() }; // ten at most, none farther than 8 bits
/// let all_near = Search::within(8);
/// # assert_eq!((ten.k, three.k, near.k, all_near.k), (10, 3, 10, usize::MAX));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// How many items, at most.
    pub k: usize,
    /// How hard to look.
    pub mode: Mode,
    /// Only items within this distance, in bits.
    pub radius: Option<u32>,
    /// Return all items as near as the `k`th, up to 16,384 more, for callers that will reorder them.
    pub ties: bool,
    /// Only items that pass this filter, which must be of the snapshot that is searched.
    pub only: Option<Filter>,
}

impl Default for Search {
    fn default() -> Self {
        Search { k: 10, mode: Mode::Recall(0.99), radius: None, ties: false, only: None }
    }
}

impl Search {
    /// All items within `radius` bits, by a scan of every code. Set `mode` to look at fewer.
    #[must_use]
    pub fn within(radius: u32) -> Self {
        Search { k: usize::MAX, mode: Mode::Exact, radius: Some(radius), ..Search::default() }
    }
}

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Mode {
    /// Scan every code.
    Exact,
    /// Scan as few codes as find this share of the true neighbours on average: 0 to 1, ties counted as equal.
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

/// Up to this many codes, all distances are computed first and then counted.
const SMALL: usize = 512;
/// The most ties that are returned beyond `k`: a million items may have the same code.
const MAX_TIES: usize = 1 << 14;

/// How many items, and how near.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) k: usize,
    pub(crate) radius: u32,
}

impl Limits {
    pub(crate) fn of(wanted: &Search) -> Self {
        Limits { k: wanted.k, radius: wanted.radius.unwrap_or(u32::MAX) }
    }
}

/// The memory of a search, reused by each thread.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    representatives: TopK,
    pub(crate) codes: TopK,
    distances: Vec<u16>, // of a few codes
    pub(crate) buckets: Vec<u32>,
    pub(crate) keys: Vec<u64>, // distance << 32 | id: sorts faster than pairs
    pub(crate) visited: usize, // codes compared with queries so far, representatives apart
}

thread_local! {
    pub(crate) static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl View<'_> {
    /// The items that `wanted` asks for, among those that `plan` scans.
    pub(crate) fn search(&self, query: &[u64], wanted: &Search, plan: Plan) -> Vec<Hit> {
        SCRATCH.with_borrow_mut(|scratch| {
            match plan {
                Plan::Exact => {
                    let bound = self.first_bound(query, Limits::of(wanted), scratch);
                    scratch.codes.start(wanted.k, bound.saturating_sub(1));
                    scratch.visited += self.n_codes();
                    scan(self.codes, query, &mut ByItems::new(&mut scratch.codes, self));
                }
                Plan::Buckets(route) => {
                    self.find_buckets(query, route, scratch);
                    self.scan_buckets(query, Limits::of(wanted), scratch);
                }
            }
            self.hits(scratch.codes.finish(), wanted, &mut scratch.keys)
        })
    }

    /// As `search`, for `queries` `[n, words]`, which scan codes or representatives together.
    pub(crate) fn search_many(&self, queries: &[u64], wanted: &Search, plan: Plan) -> Vec<Vec<Hit>> {
        let each = queries.chunks_exact(self.words);
        SCRATCH.with_borrow_mut(|scratch| match plan {
            Plan::Buckets(route) if route.graph || !self.has_many_buckets() => {
                let answer = |query| {
                    self.find_buckets(query, route, scratch);
                    self.scan_buckets(query, Limits::of(wanted), scratch);
                    self.hits(scratch.codes.finish(), wanted, &mut scratch.keys)
                };
                each.map(answer).collect()
            }
            Plan::Buckets(Route { probes, .. }) => {
                let mut representatives: Vec<TopK> =
                    each.clone().map(|query| self.with_bound(query, probes, scratch)).collect();
                let mut sinks: Vec<ByCode<'_>> = representatives.iter_mut().map(ByCode::new).collect();
                scan_many(self.graph.representatives, queries, &mut sinks);
                let answer = |(query, representatives): (&[u64], &mut TopK)| {
                    first_of(representatives.finish(), probes, &mut scratch.buckets);
                    self.scan_buckets(query, Limits::of(wanted), scratch);
                    self.hits(scratch.codes.finish(), wanted, &mut scratch.keys)
                };
                each.zip(&mut representatives).map(answer).collect()
            }
            Plan::Exact => {
                let with_bound = |query| {
                    let bound = self.first_bound(query, Limits::of(wanted), scratch);
                    TopK::new(wanted.k, bound.saturating_sub(1))
                };
                let mut nearest: Vec<TopK> = each.map(with_bound).collect();
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

    /// The codes that hold the `k` nearest items and all ties, as (distance, code), by a scan of every code.
    pub(crate) fn scan_all(&self, query: &[u64], k: usize) -> Vec<(u32, u32)> {
        let mut nearest = TopK::new(k, u32::MAX);
        scan(self.codes, query, &mut ByItems::new(&mut nearest, self));
        std::mem::take(nearest.finish())
    }

    /// A bound from the nearest few buckets, tight enough for a scan of every code to skip nearly all of
    /// them.
    fn first_bound(&self, query: &[u64], limits: Limits, scratch: &mut Scratch) -> u32 {
        let per_bucket = self.n_codes() / self.n_buckets().max(1);
        // finding small buckets costs as much as the scan, and scanning large or many ones is a good part of it
        let helpful = (8..=4096).contains(&per_bucket) && limits.k < self.n_codes() / 8;
        let probes = if helpful { 4 + limits.k.saturating_mul(2) / per_bucket } else { 0 };
        self.find_buckets(query, Route { probes, graph: false }, scratch);
        self.scan_buckets(query, limits, scratch);
        scratch.codes.bound()
    }

    /// Scans the buckets in `scratch.buckets` and leaves the nearest codes in `scratch.codes`.
    fn scan_buckets(&self, query: &[u64], Limits { k, radius }: Limits, scratch: &mut Scratch) {
        let Scratch { codes: nearest, distances, buckets, visited, .. } = scratch;
        nearest.start(k, radius);
        // each code lies in one bucket and each item under one code, unless the file is damaged
        let (mut left, mut items_left) = (self.codes.len(), self.items as usize);
        for (at, &bucket) in buckets.iter().enumerate() {
            let (start, codes) = self.bucket(bucket);
            if codes.len() > left {
                break;
            }
            left -= codes.len();
            *visited += codes.len() / self.words;
            if let Some(&next) = buckets.get(at + 1) {
                prefetch(self.bucket(next).1);
            }
            if self.dead.is_empty() && codes.len() <= SMALL * self.words {
                // Every code stands for at least one item, so counting codes is safe. The first bucket gives
                // a bound by counting, which is faster than taking everything that a loose bound lets
                // through.
                kernels::distances(codes, query, distances);
                if at == 0 {
                    kth_smallest(distances, k).into_iter().for_each(|distance| nearest.within(distance));
                }
                nearest.push_all(start, distances);
            } else {
                let mut sink = ByItems { base: start, left: items_left, ..ByItems::new(nearest, self) };
                scan(codes, query, &mut sink);
                items_left = sink.left;
            }
        }
    }

    /// The buckets with the nearest representatives, nearest first.
    pub(crate) fn nearest_buckets(&self, query: &[u64], route: Route) -> Vec<u32> {
        SCRATCH.with_borrow_mut(|scratch| {
            self.find_buckets(query, route, scratch);
            scratch.buckets.clone()
        })
    }

    /// Puts the nearest buckets into `scratch.buckets`, nearest first.
    pub(crate) fn find_buckets(&self, query: &[u64], route: Route, scratch: &mut Scratch) {
        let Scratch { representatives, distances, buckets, .. } = scratch;
        buckets.clear();
        if route.probes == 0 {
            return;
        }
        if route.graph {
            let found = self.graph.nearest(query, route.width());
            buckets.extend(found.into_iter().take(route.probes).map(|(_, bucket)| bucket));
            return;
        }
        // a scan of all representatives, with a bound from the first of them
        let all = self.graph.representatives;
        let (few, rest) = all.split_at(all.len().min(SMALL * self.words));
        representatives.start(route.probes, u32::MAX);
        kernels::distances(few, query, distances);
        kth_smallest(distances, route.probes)
            .into_iter()
            .for_each(|distance| representatives.within(distance));
        representatives.push_all(0, distances);
        scan(rest, query, &mut ByCode::from(SMALL, representatives));
        first_of(representatives.finish(), route.probes, buckets);
    }

    /// An empty top `probes` of the representatives, with a bound from the first few of them.
    fn with_bound(&self, query: &[u64], probes: usize, scratch: &mut Scratch) -> TopK {
        let all = self.graph.representatives;
        let mut representatives = TopK::new(probes, u32::MAX);
        kernels::distances(&all[..all.len().min(SMALL / 4 * self.words)], query, &mut scratch.distances);
        kth_smallest(&scratch.distances, probes)
            .into_iter()
            .for_each(|distance| representatives.within(distance));
        representatives
    }

    /// The nearest live items of (distance, code) pairs, as many as are `wanted`, sorted by (distance, id).
    pub(crate) fn hits(&self, codes: &[(u32, u32)], wanted: &Search, keys: &mut Vec<u64>) -> Vec<Hit> {
        let k = if wanted.ties && wanted.k > 0 { wanted.k.saturating_add(MAX_TIES) } else { wanted.k };
        keys.clear();
        keys.extend(codes.iter().map(|&(distance, code)| u64::from(distance) << 32 | u64::from(code)));
        // Items are numbered in the order of their codes, so sorted codes give sorted items. If none is
        // deleted, the first k codes have the first k items, and the items of other codes are not looked up.
        if self.dead.is_empty() && k.saturating_mul(4) < keys.len() {
            keys.select_nth_unstable(k);
            keys.truncate(k);
        }
        keys.sort_unstable();
        let mut hits = Vec::with_capacity(k.min(keys.len()));
        let mut left = self.items as usize; // as in `ByItems`
        let (mut last_distance, mut first) = (0, 0); // at this distance, items below `first` were returned
        for &key in &*keys {
            let (distance, code) = ((key >> 32) as u32, key as u32);
            if distance != last_distance {
                (last_distance, first) = (distance, 0);
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

/// Feeds [`TopK`] from scans that start at code `base`; a code counts for its live items.
pub(crate) struct ByItems<'a, 'v> {
    nearest: &'a mut TopK,
    view: &'a View<'v>,
    base: usize,
    left: usize, // items that may still be visited: each is listed once, unless the file is damaged
}

impl<'a, 'v> ByItems<'a, 'v> {
    pub(crate) fn new(nearest: &'a mut TopK, view: &'a View<'v>) -> Self {
        ByItems { nearest, view, base: 0, left: view.items as usize }
    }

    /// The same, for a scan that starts at code `base`.
    pub(crate) fn from(self, base: usize) -> Self {
        ByItems { base, ..self }
    }

    /// The items of code `index` of the scan, deleted ones among them.
    #[inline]
    pub(crate) fn count(&self, index: usize) -> usize {
        self.view.items_of((self.base + index) as u32).len()
    }

    /// Takes code `index` of the scan, if it has live items; returns how many.
    #[inline]
    pub(crate) fn take(&mut self, index: usize, distance: u32) -> usize {
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
        weight
    }
}

impl Sink for ByItems<'_, '_> {
    #[inline]
    fn bound(&self) -> u32 {
        self.nearest.bound()
    }

    #[inline]
    fn push(&mut self, index: usize, distance: u32) {
        self.take(index, distance);
    }
}

/// The first `probes` of (distance, bucket) pairs, by distance.
fn first_of(found: &mut [(u32, u32)], probes: usize, buckets: &mut Vec<u32>) {
    found.sort_unstable();
    buckets.clear();
    buckets.extend(found.iter().take(probes).map(|&(_, bucket)| bucket));
}

/// Refuses a query without the index's bits, or a recall outside 0 to 1.
pub(crate) fn check(query: &[u64], search: &Search, bits: usize) -> Result<()> {
    if !is_code(query, bits) {
        let expected = format!("a code of {bits} bits in {} words", words(bits));
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
