//! Metrics of one ranking in which many items share a distance: the expected value over all orders of the
//! ties.
//!
//! Hamming distances take few values, so a ranking by them is mostly ties, and a metric that trusts the order
//! of ties measures the order of the files (at 16 bits it moves the mean average precision by 8 points). Here
//! a ranking is a histogram, for each distance the number of items and of relevant ones, and every metric is
//! its exact expectation when ties are shuffled: McSherry and Najork, "Computing information retrieval
//! performance measures efficiently in the presence of tied scores", 2008. Nothing is sampled; `O(bits)` per
//! query, plus at most `cutoff` terms for a truncated metric.

/// Items at one distance from a query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// All of them.
    pub items: usize,
    /// Those with the query's label.
    pub relevant: usize,
}

/// Prefix sums that the closed forms need, made once for a database of up to `items` items.
#[derive(Debug, Clone)]
pub struct Tables {
    /// `harmonic[n]` = 1 + 1/2 + ... + 1/n.
    harmonic: Vec<f64>,
    /// `ln_factorial[n]` = ln(n!).
    ln_factorial: Vec<f64>,
}

impl Tables {
    /// Tables for rankings of at most `items` items.
    pub fn new(items: usize) -> Self {
        let sums = |term: fn(f64) -> f64| {
            let mut sum = 0.0;
            std::iter::once(0.0)
                .chain((1..=items).map(|n| {
                    sum += term(n as f64);
                    sum
                }))
                .collect()
        };
        Tables { harmonic: sums(|n| 1.0 / n), ln_factorial: sums(f64::ln) }
    }

    /// The summands of average precision that `bucket` adds when `before` was ranked ahead of it: the
    /// expected sum, over its relevant items, of the precision at their rank.
    ///
    /// The k-th of n tied items is relevant with probability r/n, and then (k-1)(r-1)/(n-1) of those before
    /// it are, on average; the sum over k splits into a constant and a difference of harmonic numbers.
    fn precisions(&self, before: Bucket, bucket: Bucket) -> f64 {
        let Bucket { items, relevant } = bucket;
        if relevant == 0 {
            return 0.0;
        }
        let (n, r) = (items as f64, relevant as f64);
        let slope = if items > 1 { (r - 1.0) / (n - 1.0) } else { 0.0 };
        let start = before.relevant as f64 + 1.0 - slope * (before.items as f64 + 1.0);
        let spread = self.harmonic[before.items + items] - self.harmonic[before.items];
        r / n * (slope * n + start * spread)
    }

    /// The probability of `drawn_relevant` relevant items among `drawn` of the bucket (hypergeometric).
    fn chance(&self, bucket: Bucket, drawn: usize, drawn_relevant: usize) -> f64 {
        let ln_choose =
            |n: usize, k: usize| self.ln_factorial[n] - self.ln_factorial[k] - self.ln_factorial[n - k];
        let other = bucket.items - bucket.relevant;
        (ln_choose(bucket.relevant, drawn_relevant) + ln_choose(other, drawn - drawn_relevant)
            - ln_choose(bucket.items, drawn))
        .exp()
    }

    /// Expected average precision over the whole ranking; 0 when nothing is relevant.
    ///
    /// `buckets` are in order of distance and hold no more items than the tables were made for.
    pub fn average_precision(&self, buckets: &[Bucket]) -> f64 {
        let (mut before, mut sum) = (Bucket::default(), 0.0);
        for &bucket in buckets {
            sum += self.precisions(before, bucket);
            before.items += bucket.items;
            before.relevant += bucket.relevant;
        }
        sum / before.relevant.max(1) as f64
    }

    /// Expected average precision of the first `cutoff` ranks, normalised by the relevant items among them.
    ///
    /// That is the mean, over the relevant items within the cutoff, of the precision at their rank, and 0
    /// when there are none. How many there are depends on the ties at the cutoff, so numerator and
    /// denominator are averaged together, over the hypergeometric number of relevant items that make it.
    /// (Dividing by `min(cutoff, all relevant)` instead would punish a database for having few items of a
    /// class.)
    pub fn truncated_average_precision(&self, buckets: &[Bucket], cutoff: usize) -> f64 {
        let (mut before, mut sum) = (Bucket::default(), 0.0);
        for &bucket in buckets {
            let room = cutoff - before.items;
            if bucket.items > room {
                let least = room.saturating_sub(bucket.items - bucket.relevant);
                return (least..=room.min(bucket.relevant))
                    .map(|relevant| {
                        let part = self.precisions(before, Bucket { items: room, relevant });
                        let count = (before.relevant + relevant).max(1) as f64;
                        self.chance(bucket, room, relevant) * (sum + part) / count
                    })
                    .sum();
            }
            sum += self.precisions(before, bucket);
            before.items += bucket.items;
            before.relevant += bucket.relevant;
        }
        sum / before.relevant.max(1) as f64
    }
}

/// Expected share of relevant items among the first `k` ranks, or among all items where there are fewer than
/// `k`.
pub fn precision(buckets: &[Bucket], k: usize) -> f64 {
    let (taken, relevant) = first(buckets, k);
    relevant / taken.max(1) as f64
}

/// Expected share of the relevant items that stand among the first `k` ranks; 1 when nothing is relevant.
pub fn share_of_first(buckets: &[Bucket], k: usize) -> f64 {
    let relevant: usize = buckets.iter().map(|bucket| bucket.relevant).sum();
    if relevant == 0 { 1.0 } else { first(buckets, k).1 / relevant as f64 }
}

/// Items among the first `k` ranks, and how many of them are relevant on average.
fn first(buckets: &[Bucket], k: usize) -> (usize, f64) {
    let (mut taken, mut relevant) = (0, 0.0);
    for bucket in buckets.iter().filter(|bucket| bucket.items > 0) {
        let part = bucket.items.min(k - taken);
        relevant += bucket.relevant as f64 * part as f64 / bucket.items as f64;
        taken += part;
    }
    (taken, relevant)
}

/// Share of relevant items among all within `radius`, where `buckets[d]` are the items at distance d; 0 where
/// there are none.
pub fn precision_within(buckets: &[Bucket], radius: usize) -> f64 {
    let near = &buckets[..buckets.len().min(radius + 1)];
    let (items, relevant) =
        near.iter().fold((0, 0), |(n, r), bucket| (n + bucket.items, r + bucket.relevant));
    relevant as f64 / items.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The metrics of one fully ordered ranking, straight from their definitions.
    fn ordered(relevant: &[bool], cutoff: usize) -> [f64; 3] {
        let (mut hits, mut all, mut cut, mut cut_hits) = (0.0, 0.0, 0.0, 0.0);
        for (i, _) in relevant.iter().enumerate().filter(|(_, relevant)| **relevant) {
            hits += 1.0;
            all += hits / (i + 1) as f64;
            if i < cutoff {
                cut_hits = hits;
                cut = all;
            }
        }
        let shown = cutoff.min(relevant.len()).max(1) as f64;
        [all / f64::max(hits, 1.0), cut / f64::max(cut_hits, 1.0), cut_hits / shown]
    }

    /// Mean of `ordered` over every distinct arrangement within each bucket; all are equally likely.
    fn by_hand(buckets: &[Bucket], cutoff: usize) -> [f64; 3] {
        let mut rankings: Vec<Vec<bool>> = vec![Vec::new()];
        for bucket in buckets {
            let masks =
                (0..1u32 << bucket.items).filter(|mask| mask.count_ones() as usize == bucket.relevant);
            let masks: Vec<u32> = masks.collect();
            let extend = |ranking: &Vec<bool>, mask: &u32| {
                let tail = (0..bucket.items).map(|i| mask >> i & 1 == 1);
                ranking.iter().copied().chain(tail).collect::<Vec<bool>>()
            };
            rankings = rankings.iter().flat_map(|r| masks.iter().map(move |m| extend(r, m))).collect();
        }
        let mut mean = [0.0; 3];
        for ranking in &rankings {
            for (sum, value) in mean.iter_mut().zip(ordered(ranking, cutoff)) {
                *sum += value / rankings.len() as f64;
            }
        }
        mean
    }

    fn buckets() -> impl Strategy<Value = Vec<Bucket>> {
        let bucket = (0usize..=5)
            .prop_flat_map(|items| (Just(items), 0..=items))
            .prop_map(|(items, relevant)| Bucket { items, relevant });
        proptest::collection::vec(bucket, 0..4)
    }

    proptest! {
        #[test]
        fn closed_forms_are_the_mean_over_all_orders(buckets in buckets(), cutoff in 1usize..12) {
            let expected = by_hand(&buckets, cutoff);
            let tables = Tables::new(20);
            let found = [
                tables.average_precision(&buckets),
                tables.truncated_average_precision(&buckets, cutoff),
                precision(&buckets, cutoff),
            ];
            for (found, expected) in found.iter().zip(expected) {
                prop_assert!((found - expected).abs() < 1e-9, "{} {}", found, expected);
            }
        }
    }

    #[test]
    fn a_perfect_ranking_is_worth_one_and_an_empty_one_nothing() {
        let tables = Tables::new(2000);
        let perfect = [Bucket { items: 700, relevant: 700 }, Bucket { items: 1300, relevant: 0 }];
        assert!((tables.average_precision(&perfect) - 1.0).abs() < 1e-12);
        assert!((tables.truncated_average_precision(&perfect, 1000) - 1.0).abs() < 1e-12);
        assert_eq!(precision(&perfect, 100), 1.0);
        assert_eq!(tables.average_precision(&[]), 0.0);
        assert_eq!(tables.truncated_average_precision(&[], 10), 0.0);
        assert_eq!(precision(&[], 10), 0.0);
    }

    #[test]
    fn large_buckets_stay_exact() {
        // one bucket of everything: the expected precision at any rank is close to the share of relevant
        // items
        let all = [Bucket { items: 60_000, relevant: 6_000 }];
        let tables = Tables::new(60_000);
        assert!((tables.average_precision(&all) - 0.1).abs() < 1e-3);
        let chances: f64 = (0..=1000).map(|x| tables.chance(all[0], 1000, x)).sum();
        assert!((chances - 1.0).abs() < 1e-9);
        assert!((tables.truncated_average_precision(&all, 1000) - 0.1).abs() < 1e-2);
    }
}
