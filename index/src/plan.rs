//! The planner: picks the cheapest route that finds enough according to the calibration, or a scan of every
//! code.

use crate::curve::RecallPoint;
use crate::view::View;

/// How to get to the nearest buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) probes: usize, // buckets
    pub(crate) graph: bool,   // by a walk through the graph, else by a scan of all representatives
}

/// What to scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Every code.
    Exact,
    /// Some buckets.
    Buckets(Route),
}

/// How queries arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// One at a time.
    Alone,
    /// Many at a time, which scan the representatives together and faster.
    Together,
}

// Costs in codes compared in one scan, measured at 1,000,000 codes of 128 bits with AVX2, where 1,000 codes
// take half a microsecond. They decide between plans that find enough, so a wrong cost takes time but never
// changes the promise.

/// Visiting a bucket: a cache miss or two, and taking its near codes.
const VISIT: usize = 400;
/// From this many representatives on, many queries scan them together, which saves a quarter or more.
const MANY: usize = 2048;
/// The graph walk, per candidate of its beam.
const WALK: usize = 650;

impl Route {
    /// Width of the beam of a walk (ef in the paper): more than are wanted, as the first nodes found are not
    /// yet the nearest.
    pub(crate) fn width(&self) -> usize {
        self.probes.saturating_add(self.probes / 2).max(8)
    }

    /// Cost of finding the buckets of `view` by this route and of scanning them.
    pub(crate) fn cost(&self, view: &View<'_>) -> usize {
        let found = if self.graph { self.width().saturating_mul(WALK) } else { view.n_buckets() };
        let per_bucket = view.n_codes() / view.n_buckets().max(1);
        let visit = self.probes.saturating_mul(per_bucket + VISIT.min(8 * per_bucket));
        found.saturating_add(visit)
    }
}

impl View<'_> {
    /// True when many queries should scan the representatives together.
    pub(crate) fn has_many_buckets(&self) -> bool {
        self.n_buckets() >= MANY
    }

    /// The cheapest plan that finds `recall` of `k` neighbours according to `curve`, which is sorted by k.
    pub(crate) fn plan(&self, curve: &[RecallPoint], k: usize, recall: f32, arrival: Arrival) -> Plan {
        // at equal probes recall falls as k grows, so the next larger measured k is on the safe side
        let curve = &curve[curve.partition_point(|point| (point.k as usize) < k)..];
        let saved =
            if arrival == Arrival::Together && self.has_many_buckets() { self.n_buckets() / 4 } else { 0 };
        let mut best = (self.n_codes(), Plan::Exact);
        for point in curve.iter().take_while(|point| point.k == curve[0].k) {
            let cost = (point.cost as usize).saturating_sub(if point.graph { 0 } else { saved });
            if point.recall >= recall && recall < 1.0 && cost < best.0 {
                best = (cost, Plan::Buckets(Route { probes: point.probes as usize, graph: point.graph }));
            }
        }
        best.1
    }
}
