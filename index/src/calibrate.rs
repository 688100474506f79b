//! Calibration: measures at build, on the index's own codes, how many buckets must be scanned for which
//! recall.
//!
//! Sampled codes are held out: each serves as a query whose own items do not count, and some bits of every
//! other one are flipped, as new queries are farther from the index than its own members. A neighbour counts
//! as found if it is no farther than the exact k-th (ties are equal). What is stored is the mean less one
//! standard error, computed with one extra sample that missed a tenth: perfect samples do not prove that
//! nothing is ever missed.

use rayon::prelude::*;

use crate::curve::RecallPoint;
use crate::plan::Route;
use crate::view::View;

/// Codes used as queries.
const SAMPLES: usize = 1024;
/// Numbers of neighbours measured: a page of results, a sheet, the default and a generous depth of
/// re-ranking.
const KS: [u32; 4] = [10, 50, 200, 1000];
/// Walks to more buckets than this are not measured: scanning all representatives is faster.
const MAX_WALKED: usize = 64;
/// The recall of the extra sample.
const UNSEEN: f64 = 0.9;
/// No search scans more buckets than this.
const MAX_PROBES: usize = 1 << 12;

/// Measures recall for growing numbers of probes, by both routes, up to where scanning every code is as
/// cheap.
pub(crate) fn calibrate(view: &View<'_>, bits: usize) -> Vec<RecallPoint> {
    let n_codes = view.n_codes();
    let most = view.n_buckets().min(MAX_PROBES);
    let worth = |route: &Route| route.probes <= most && route.cost(view) < n_codes;
    let past_all = probe_counts().map(|probes| Route { probes, graph: false }).take_while(worth);
    let walks = probe_counts().take_while(|&probes| probes <= MAX_WALKED);
    let walks = walks.map(|probes| Route { probes, graph: true }).take_while(worth);
    let routes: Vec<Route> = past_all.chain(walks).collect();
    let ks: Vec<u32> = KS.into_iter().filter(|&k| k as usize * 4 <= view.items as usize).collect();
    if routes.is_empty() || ks.is_empty() {
        return Vec::new();
    }
    let samples = SAMPLES.min(n_codes);
    let recalls: Vec<Vec<f64>> = (0..samples)
        .into_par_iter()
        .map(|i| measure(view, Sample::new(view, i, samples, bits), &routes, &ks))
        .collect();

    let mut curve = Vec::new();
    for (at_k, &k) in ks.iter().enumerate() {
        let mut sure = [false; 2]; // by each route: more buckets find no more
        for (at, route) in routes.iter().enumerate() {
            if sure[usize::from(route.graph)] {
                continue;
            }
            let recalls = recalls.iter().map(|recalls| recalls[at_k * routes.len() + at]);
            sure[usize::from(route.graph)] = recalls.clone().all(|recall| recall >= 1.0);
            let recall = cautious_mean(recalls) as f32;
            let (probes, cost) = (route.probes as u32, u32::try_from(route.cost(view)).unwrap_or(u32::MAX));
            curve.push(RecallPoint { k, probes, graph: route.graph, recall, cost });
        }
    }
    curve
}

/// 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32 ...
fn probe_counts() -> impl Iterator<Item = usize> {
    (1..4).chain((0..24).flat_map(|power| [4, 5, 6, 7].map(|quarter| quarter << power)))
}

/// The mean less its standard error, with the extra sample.
fn cautious_mean(values: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let n = (values.len() + 1) as f64;
    let mean = (values.clone().sum::<f64>() + UNSEEN) / n;
    let variance = values.chain([UNSEEN]).map(|value| (value - mean).powi(2)).sum::<f64>() / n;
    mean - (variance / n).sqrt()
}

/// A held-out query.
struct Sample {
    query: Vec<u64>,
    code: usize, // not to be found
}

impl Sample {
    /// Sample `number` of `samples`, spread evenly over the codes.
    fn new(view: &View<'_>, number: usize, samples: usize, bits: usize) -> Self {
        let code = number * view.n_codes() / samples;
        let mut query = view.codes[code * view.words..][..view.words].to_vec();
        if number % 2 == 1 {
            // 1 bit in 32, at places that differ from sample to sample; a place hit twice is flipped back
            for flip in 0..bits / 32 {
                let bit = (number * 37 + flip * flip * 11 + flip * 29) % bits;
                query[bit / 64] ^= 1 << (bit % 64);
            }
        }
        Sample { query, code }
    }
}

/// The recall of one sample at every k by every route: `[ks, routes]`.
fn measure(view: &View<'_>, sample: Sample, routes: &[Route], ks: &[u32]) -> Vec<f64> {
    let neighbours = exact_neighbours(view, &sample, ks[ks.len() - 1]);
    let mut last_distances = Vec::new(); // [ks], distance of the exact k-th item
    let mut items = 0;
    for &(distance, _, weight) in &neighbours {
        items += weight;
        while last_distances.len() < ks.len() && items >= ks[last_distances.len()] {
            last_distances.push(distance);
        }
    }
    last_distances.resize(ks.len(), u32::MAX);

    let mut per_bucket: Vec<(u32, Vec<u32>)> = Vec::new(); // neighbours in each bucket, per k
    for (distance, code, weight) in neighbours {
        let bucket = view.buckets.partition_point(|&first| first <= code) as u32 - 1;
        let at = per_bucket.binary_search_by_key(&bucket, |entry| entry.0).unwrap_or_else(|at| {
            per_bucket.insert(at, (bucket, vec![0; ks.len()]));
            at
        });
        for (found, &last) in per_bucket[at].1.iter_mut().zip(&last_distances) {
            *found += if distance <= last { weight } else { 0 };
        }
    }

    let mut recalls = vec![0.0; ks.len() * routes.len()];
    // in a scan of all representatives, the nearest few are the first of the nearest many
    let most = routes.iter().filter(|route| !route.graph).map(|route| route.probes).max().unwrap_or_default();
    let nearest = view.nearest_buckets(&sample.query, Route { probes: most, graph: false });
    for (at, route) in routes.iter().enumerate() {
        let walked;
        let buckets = if route.graph {
            walked = view.nearest_buckets(&sample.query, *route);
            &walked[..]
        } else {
            &nearest[..route.probes.min(nearest.len())]
        };
        let mut found = vec![0u32; ks.len()];
        for bucket in buckets {
            if let Ok(at) = per_bucket.binary_search_by_key(bucket, |entry| entry.0) {
                found.iter_mut().zip(&per_bucket[at].1).for_each(|(found, more)| *found += more);
            }
        }
        for (at_k, (&found, &k)) in found.iter().zip(ks).enumerate() {
            recalls[at_k * routes.len() + at] = f64::from(found.min(k)) / f64::from(k);
        }
    }
    recalls
}

/// The codes that hold the `k` nearest items and all ties, without the sample's own: (distance, code, items),
/// sorted.
fn exact_neighbours(view: &View<'_>, sample: &Sample, k: u32) -> Vec<(u32, u32, u32)> {
    let weight = |code: usize| view.code_offsets[code + 1] - view.code_offsets[code];
    let nearest = view.scan_all(&sample.query, (k + weight(sample.code)) as usize);
    let mut neighbours: Vec<_> = nearest
        .into_iter()
        .filter(|&(_, code)| code as usize != sample.code)
        .map(|(distance, code)| (distance, code, weight(code as usize)))
        .collect();
    neighbours.sort_unstable();
    neighbours
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrange::arrange;
    use crate::plan::{Arrival, Plan};
    use crate::search::Search;
    use crate::testing::clustered_codes;

    #[test]
    fn the_promise_holds_on_fresh_queries() {
        let arranged = arrange(clustered_codes(20_000, 64, 300, 1), 1, Some(32));
        let view = arranged.view();
        let curve = calibrate(&view, 64);
        assert!(!curve.is_empty());
        assert!(view.plan(&curve, 10, 0.9, Arrival::Alone) != Plan::Exact, "{curve:?}");
        for (k, recall) in [(10, 0.9), (10, 0.99), (50, 0.95)] {
            let plan = view.plan(&curve, k, recall, Arrival::Alone);
            let queries = clustered_codes(400, 64, 300, 2);
            let mut found = 0;
            for &query in &queries {
                let wanted = Search { k, ..Search::default() };
                let last = view.search(&[query], &wanted, Plan::Exact).last().unwrap().distance;
                let hits = view.search(&[query], &wanted, plan);
                found += hits.iter().filter(|hit| hit.distance <= last).count();
            }
            let measured = found as f32 / (queries.len() * k) as f32;
            assert!(measured >= recall - 0.005, "{measured} of {recall} at {plan:?}");
        }
    }

    #[test]
    fn small_indexes_need_no_curve() {
        let arranged = arrange(clustered_codes(100, 64, 3, 1), 1, None);
        assert!(calibrate(&arranged.view(), 64).is_empty());
        assert_eq!(arranged.view().plan(&[], 10, 0.0, Arrival::Alone), Plan::Exact);
    }

    #[test]
    fn probe_counts_rise() {
        let counts: Vec<usize> = probe_counts().take(12).collect();
        assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16]);
    }
}
