//! Which way to go: the cheapest that calibration promises to find enough, or past every code where that is as cheap.

use crate::search::{RecallPoint, View};

/// A way to some buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) probes: usize, // buckets
    pub(crate) graph: bool,   // by a walk through the graph, else past all representatives
}

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// At every code.
    Exact,
    /// At some buckets.
    Buckets(Way),
}

/// How queries come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// One at a time.
    Alone,
    /// Many at a time, which pass all representatives together in less time.
    Together,
}

// Costs, in codes compared in a row, as measured at 1,000,000 codes of 128 bits with AVX2, where 1,000 take half a
// microsecond. They decide between plans that find enough, so what they get wrong costs time and never an answer.

/// Visiting a bucket: a cache miss or two, and what is near in it.
const VISIT: usize = 400;
/// So many representatives are passed by many queries together: that takes a fourth off and more, where they are no few.
const MANY: usize = 2048;
/// The graph walk, per candidate of its beam.
const WALK: usize = 650;

impl Way {
    /// Candidates of the beam of a walk (ef in the paper): a few more than are wanted, as the first ones that are found are
    /// not yet the nearest.
    pub(crate) fn width(&self) -> usize {
        self.probes.saturating_add(self.probes / 2).max(8)
    }

    /// What going this way through `view` takes, and looking at the buckets that it leads to.
    pub(crate) fn cost(&self, view: &View<'_>) -> usize {
        let found = if self.graph { self.width().saturating_mul(WALK) } else { view.n_buckets() };
        let per_bucket = view.n_codes() / view.n_buckets().max(1);
        let visit = self.probes.saturating_mul(per_bucket + VISIT.min(8 * per_bucket));
        found.saturating_add(visit)
    }
}

impl View<'_> {
    /// True when it pays that many queries pass all representatives together.
    pub(crate) fn has_many_buckets(&self) -> bool {
        self.n_buckets() >= MANY
    }

    /// The cheapest plan that `curve`, sorted by k, promises to find `recall` of `k` neighbours.
    pub(crate) fn plan(&self, curve: &[RecallPoint], k: usize, recall: f32, asked: Asked) -> Plan {
        // recall falls as k grows at equal probes, so the next larger measured k is the safe side
        let curve = &curve[curve.partition_point(|point| (point.k as usize) < k)..];
        let saved =
            if asked == Asked::Together && self.has_many_buckets() { self.n_buckets() / 4 } else { 0 };
        let mut best = (self.n_codes(), Plan::Exact);
        for point in curve.iter().take_while(|point| point.k == curve[0].k) {
            let cost = (point.cost as usize).saturating_sub(if point.graph { 0 } else { saved });
            if point.recall >= recall && recall < 1.0 && cost < best.0 {
                best = (cost, Plan::Buckets(Way { probes: point.probes as usize, graph: point.graph }));
            }
        }
        best.1
    }
}
