//! The search of one segment for items that pass a filter.
//!
//! ```text
//! few pass ---------------------------> a scan of their codes, which lie side by side
//! else: nearest buckets, those where nothing passes left out
//!         until the k-th hit's rank among all items promises the recall
//!         else -----------------------> a scan of every code
//! ```
//!
//! Calibration says how many buckets hold the nearest r items. The k nearest that pass are among the nearest
//! r, where r is the rank of the k-th of them among all items: about k by the share that passes, but far more
//! or less where filter and query have to do with each other. So the rank is counted as buckets are scanned,
//! and the search goes on until it has seen as many as that rank needs.

use crate::curve::RecallPoint;
use crate::kernels::{Sink, scan};
use crate::passing::{Few, Passing};
use crate::plan::{Plan, Route};
use crate::search::{ByItems, Hit, Limits, Mode, SCRATCH, Scratch, Search};
use crate::top::DISTANCES;
use crate::view::View;

/// How to find what passes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way<'a> {
    Few(&'a Few),
    Every,
    Buckets { recall: f32, most: usize }, // `most`: what the better of the others costs
}

impl View<'_> {
    /// The items that `wanted` asks for, among those that pass; `self.dead` marks all others.
    pub(crate) fn search_passing(
        &self,
        query: &[u64],
        wanted: &Search,
        (passing, curve): (&Passing, &[RecallPoint]),
    ) -> Vec<Hit> {
        let way = self.way(wanted, passing, curve);
        let found = SCRATCH.with_borrow_mut(|scratch| {
            let limits = Limits::of(wanted);
            let is_done = match way {
                Way::Every => false,
                Way::Few(few) => self.scan_few(query, limits, few, scratch),
                Way::Buckets { recall, most } => {
                    let all = Promise { curve, recall, most };
                    self.scan_passing(query, limits, passing, &all, scratch)
                        || passing.few.as_ref().is_some_and(|few| self.scan_few(query, limits, few, scratch))
                }
            };
            is_done.then(|| self.hits(scratch.codes.finish(), wanted, &mut scratch.keys))
        });
        found.unwrap_or_else(|| self.search(query, wanted, Plan::Exact))
    }

    fn way<'a>(&self, wanted: &Search, passing: &'a Passing, curve: &[RecallPoint]) -> Way<'a> {
        let exact = passing.few.as_ref().map_or(Way::Every, Way::Few);
        let cost = passing.few.as_ref().map_or(self.n_codes(), |few| few.numbers.len());
        let rank = wanted.k.saturating_mul(self.items as usize).div_ceil(passing.items.max(1));
        match wanted.mode {
            Mode::Recall(recall)
                if passing.items > 0 && Promise { curve, recall, most: cost }.route(rank).is_some() =>
            {
                Way::Buckets { recall, most: cost }
            }
            _ => exact,
        }
    }

    /// Leaves the nearest of a few codes in `scratch.codes`.
    fn scan_few(&self, query: &[u64], limits: Limits, few: &Few, scratch: &mut Scratch) -> bool {
        scratch.codes.start(limits.k, limits.radius);
        scratch.visited += few.numbers.len();
        let items = ByItems::new(&mut scratch.codes, self);
        scan(&few.codes, query, &mut ByNumber { items, numbers: &few.numbers });
        true
    }

    /// Scans buckets until the promise is kept, and leaves the nearest codes in `scratch.codes`; false where
    /// a scan of everything that passes costs less.
    fn scan_passing(
        &self,
        query: &[u64],
        limits: Limits,
        passing: &Passing,
        promise: &Promise<'_>,
        scratch: &mut Scratch,
    ) -> bool {
        let expected = limits.k.saturating_mul(self.items as usize).div_ceil(passing.items.max(1));
        let (Some(mut route), Some(least)) = (promise.route(expected), promise.route(limits.k)) else {
            return false;
        };
        // a quarter of what is expected tells whether that was right
        let mut enough = least.probes.max(route.probes / 4);
        let mut seen = Seen::new(self.n_buckets());
        scratch.codes.start(limits.k, limits.radius);
        loop {
            self.find_buckets(query, route, scratch);
            let buckets = std::mem::take(&mut scratch.buckets);
            for &bucket in &buckets {
                if seen.probes >= enough {
                    match promise.route(seen.rank(limits.k, scratch.codes.bound())) {
                        None => return false,
                        Some(needed) => enough = needed.probes,
                    }
                    if seen.probes >= enough {
                        break;
                    }
                }
                if seen.add(bucket) {
                    self.scan_one(query, bucket, passing, &mut seen, scratch);
                }
            }
            scratch.buckets = buckets;
            let Some(needed) = promise.route(seen.rank(limits.k, scratch.codes.bound())) else {
                return false;
            };
            if needed.probes <= seen.probes || seen.probes >= self.n_buckets() {
                return true;
            }
            if needed.probes <= route.probes {
                return true; // the walk found no more
            }
            (route, enough) = (needed, needed.probes);
        }
    }

    /// Scans one bucket, unless nothing in it passes.
    fn scan_one(
        &self,
        query: &[u64],
        bucket: u32,
        passing: &Passing,
        seen: &mut Seen,
        scratch: &mut Scratch,
    ) {
        let (start, codes) = self.bucket(bucket);
        if !passing.bucket(bucket) {
            let last = (start + codes.len() / self.words).saturating_sub(1);
            let items = self.items_of(start as u32).start..self.items_of(last as u32).end;
            seen.unscanned = seen.unscanned.saturating_add(items.len());
            return;
        }
        scratch.visited += codes.len() / self.words;
        let items = ByItems::new(&mut scratch.codes, self).from(start);
        let mut sink = Ranked { items, within: &mut seen.within, found: &mut seen.found };
        scan(codes, query, &mut sink);
    }
}

/// What calibration promises.
struct Promise<'a> {
    curve: &'a [RecallPoint],
    recall: f32,
    most: usize,
}

impl Promise<'_> {
    /// The cheapest route to the nearest `rank` items; none where it costs more than a scan of all that pass.
    fn route(&self, rank: usize) -> Option<Route> {
        // at equal probes recall falls as k grows, so the next larger measured k is on the safe side
        let curve = &self.curve[self.curve.partition_point(|point| (point.k as usize) < rank)..];
        let kept = |point: &&RecallPoint| point.recall >= self.recall && self.recall < 1.0;
        let of_k = curve.iter().take_while(|point| point.k == curve[0].k);
        let best = of_k.filter(kept).min_by_key(|point| point.cost)?;
        let is_worth = (best.cost as usize) < self.most;
        is_worth.then_some(Route { probes: best.probes as usize, graph: best.graph })
    }
}

/// What a search has seen.
struct Seen {
    buckets: Vec<u64>,          // a bit per bucket
    probes: usize,              // buckets
    within: [usize; DISTANCES], // items by distance, as far as they were within the bound
    found: usize,               // items that pass
    unscanned: usize,           // items of buckets in which none passes
}

impl Seen {
    fn new(buckets: usize) -> Self {
        let buckets = vec![0; buckets.div_ceil(64)];
        Seen { buckets, probes: 0, within: [0; DISTANCES], found: 0, unscanned: 0 }
    }

    /// Whether a bucket is new.
    fn add(&mut self, bucket: u32) -> bool {
        let Some(word) = self.buckets.get_mut(bucket as usize / 64) else { return false };
        let bit = 1 << (bucket % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        self.probes += usize::from(is_new);
        is_new
    }

    /// The rank among all items of the `k`th that passes, or of where it is to be expected; what was not
    /// scanned counts as nearer.
    fn rank(&self, k: usize, bound: u32) -> usize {
        // in a damaged file items may belong to several codes
        let nearer = self.within[..(bound as usize).min(DISTANCES)].iter();
        let seen = nearer.fold(self.unscanned, |sum, &items| sum.saturating_add(items));
        if self.found >= k { seen } else { seen.saturating_mul(k) / self.found.max(1) }
    }
}

/// Feeds codes by their place in a list.
struct ByNumber<'a, 'v> {
    items: ByItems<'a, 'v>,
    numbers: &'a [u32],
}

impl Sink for ByNumber<'_, '_> {
    #[inline]
    fn bound(&self) -> u32 {
        self.items.bound()
    }

    #[inline]
    fn push(&mut self, index: usize, distance: u32) {
        self.items.push(self.numbers[index] as usize, distance);
    }
}

/// Counts all items by distance, and feeds those that pass.
struct Ranked<'a, 'v> {
    items: ByItems<'a, 'v>,
    within: &'a mut [usize; DISTANCES],
    found: &'a mut usize,
}

impl Sink for Ranked<'_, '_> {
    #[inline]
    fn bound(&self) -> u32 {
        self.items.bound()
    }

    #[inline]
    fn push(&mut self, index: usize, distance: u32) {
        let within = &mut self.within[distance as usize];
        *within = within.saturating_add(self.items.count(index));
        *self.found += self.items.take(index, distance);
    }
}
