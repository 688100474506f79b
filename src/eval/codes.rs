//! The quality of binary codes: every query ranks the whole database by Hamming distance, labels say what is
//! relevant.
//!
//! No index and no approximation here. Per query: distances of all items (u16), one histogram of all items
//! and one of the relevant ones, then the closed forms of `ties` and the vote of `votes`. 10,000 queries of
//! 60,000 codes of 64 bits take seconds.

use aesearch_index::words;
use rayon::prelude::*;
use serde::Serialize;

use super::quality::{Quality, Question, Truth};
use super::ties::{Bucket, Tables, precision_within, share_of_first};
use super::votes::majority;

/// The radius, in bits, of [`CodeQuality::precision_radius_2`].
const RADIUS: usize = 2;

/// Stands for a label that is not known.
const UNKNOWN: u32 = u32::MAX;

/// Codes, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Codes<'a> {
    /// Bits per code.
    pub bits: usize,
    /// `[items, words(bits)]`; bits past the last are 0.
    pub codes: &'a [u64],
}

impl Codes<'_> {
    fn len(&self) -> usize {
        self.codes.len() / words(self.bits)
    }
}

/// Metrics of codes: means over the queries, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CodeQuality {
    /// The metrics of any ranking.
    #[serde(flatten)]
    pub ranking: Quality,
    /// The share of relevant items among those within 2 bits of the query. A query with nothing that near
    /// counts as 0, as in the literature on hashing: the figure also says how often a lookup of the nearest
    /// few codes finds anything.
    pub precision_radius_2: f64,
}

/// Ranks the database for each query and averages the metrics; none where no query has a label.
///
/// The order of the items, of the queries and the number of threads do not matter.
///
/// # Panics
/// When codes and labels differ in number, or database and queries in bits.
pub fn code_quality(question: &Question<'_, Codes<'_>>, truth: Truth<'_>) -> Option<CodeQuality> {
    assert_eq!(question.database.len(), truth.database.len(), "codes and labels of the database");
    assert_eq!(question.queries.len(), truth.queries.len(), "codes and labels of the queries");
    let tables = Tables::new(question.database.len());
    let labels: Vec<u32> = truth.database.iter().map(|label| label.unwrap_or(UNKNOWN)).collect();
    let judged = each(question, |query, distances| {
        let label = truth.queries[query]?;
        let own = question.own(query);
        let mut buckets = histogram(distances, &labels, label, question.database.bits);
        if let Some(own) = own.filter(|&own| labels[own] != UNKNOWN) {
            let bucket = &mut buckets[usize::from(distances[own])];
            bucket.items -= 1;
            bucket.relevant -= usize::from(labels[own] == label);
        }
        let last = distance_of_rank(&buckets, 10);
        let neighbours: Vec<(u32, u32)> = (0..distances.len())
            .filter(|&item| distances[item] <= last && own != Some(item) && labels[item] != UNKNOWN)
            .map(|item| (u32::from(distances[item]), labels[item]))
            .collect();
        let ranking = Quality::of(&tables, &buckets, majority(&neighbours, 10, label));
        Some((ranking, precision_within(&buckets, RADIUS)))
    });
    let (rankings, within): (Vec<Quality>, Vec<f64>) = judged.into_iter().flatten().unzip();
    let ranking = Quality::mean(&rankings)?;
    Some(CodeQuality { ranking, precision_radius_2: within.iter().sum::<f64>() / within.len() as f64 })
}

/// The share of each query's `wanted` items that are among its first `depths` codes, ties shuffled: the mean
/// over the queries for each depth, from 0 to 1; 1 where nothing is wanted.
///
/// # Panics
/// When `wanted` and queries differ in number, or an own item is wanted.
pub fn recall_among_first<const N: usize>(
    question: &Question<'_, Codes<'_>>,
    wanted: &[Vec<u32>],
    depths: [usize; N],
) -> [f64; N] {
    assert_eq!(question.queries.len(), wanted.len(), "queries and what they want");
    let everything = vec![0; question.database.len()];
    let shares = each(question, |query, distances| {
        let mut buckets = histogram(distances, &everything, UNKNOWN, question.database.bits);
        if let Some(own) = question.own(query) {
            buckets[usize::from(distances[own])].items -= 1;
        }
        for &item in &wanted[query] {
            buckets[usize::from(distances[item as usize])].relevant += 1;
        }
        depths.map(|depth| share_of_first(&buckets, depth))
    });
    std::array::from_fn(|at| {
        let sum: f64 = shares.iter().map(|shares| shares[at]).sum();
        if shares.is_empty() { 1.0 } else { sum / shares.len() as f64 }
    })
}

/// Calls `judge` with each query and its distances from all items; the answers in the order of the queries.
fn each<T: Send>(question: &Question<'_, Codes<'_>>, judge: impl Fn(usize, &[u16]) -> T + Sync) -> Vec<T> {
    let Question { database, queries, own } = *question;
    assert_eq!(database.bits, queries.bits, "bits of database and queries");
    assert!(own.is_none_or(|own| own.len() == queries.len()), "own items and queries");
    let measure = |distances: &mut Vec<u16>, (query, code): (usize, &[u64])| {
        measure_distances(database.codes, code, distances);
        judge(query, distances)
    };
    let codes = queries.codes.par_chunks_exact(words(queries.bits)).enumerate();
    codes.map_init(|| vec![0u16; database.len()], measure).collect()
}

/// Fills `distances` with the Hamming distance of every database code to `query`.
fn measure_distances(codes: &[u64], query: &[u64], distances: &mut [u16]) {
    if let [query] = *query {
        // the usual 64 bits: a flat loop that vectorises
        for (distance, code) in distances.iter_mut().zip(codes) {
            *distance = (code ^ query).count_ones() as u16;
        }
        return;
    }
    for (distance, code) in distances.iter_mut().zip(codes.chunks_exact(query.len())) {
        *distance = code.iter().zip(query).map(|(a, b)| (a ^ b).count_ones() as u16).sum();
    }
}

/// Labelled items, and those of them that have `label`, at each distance from 0 to `bits`.
fn histogram(distances: &[u16], labels: &[u32], label: u32, bits: usize) -> Vec<Bucket> {
    // neighbouring items mostly share a distance: two counters each, so that one increment need not wait for
    // the last; relevance goes into the upper half
    let mut counts = [vec![0u64; bits + 1], vec![0u64; bits + 1]];
    for (item, (&distance, &other)) in distances.iter().zip(labels).enumerate() {
        counts[item % 2][usize::from(distance)] +=
            u64::from(other != UNKNOWN) | u64::from(other == label) << 32;
    }
    let [even, odd] = counts;
    let unpack = |(even, odd): (u64, u64)| {
        let sum = even + odd;
        Bucket { items: (sum & 0xffff_ffff) as usize, relevant: (sum >> 32) as usize }
    };
    even.into_iter().zip(odd).map(unpack).collect()
}

/// The distance of the item at rank `k` (counted from 1), or the largest where there are fewer items.
fn distance_of_rank(buckets: &[Bucket], k: usize) -> u16 {
    let mut seen = 0;
    let reached = buckets.iter().position(|bucket| {
        seen += bucket.items;
        seen >= k
    });
    reached.unwrap_or(buckets.len() - 1) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::seq::SliceRandom;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    type Labelled = (Vec<u64>, Vec<Option<u32>>);

    fn ask<'a>(
        bits: usize,
        database: &'a Labelled,
        queries: &'a Labelled,
    ) -> (Question<'a, Codes<'a>>, Truth<'a>) {
        let codes = |codes: &'a [u64]| Codes { bits, codes };
        let question = Question { database: codes(&database.0), queries: codes(&queries.0), own: None };
        (question, Truth { database: &database.1, queries: &queries.1 })
    }

    /// Sorts a shuffled database by distance and reads the figures off the order; the mean over many
    /// shuffles.
    fn by_shuffling(question: &Question<'_, Codes<'_>>, truth: Truth<'_>, rounds: usize) -> [f64; 4] {
        let Question { database, queries, own } = *question;
        let (mut rng, width) = (ChaCha8Rng::seed_from_u64(9), words(database.bits));
        let mut mean = [0.0; 4];
        for _ in 0..rounds {
            for (query, &label) in truth.queries.iter().enumerate() {
                let code = &queries.codes[query * width..][..width];
                let mut order: Vec<usize> = (0..truth.database.len())
                    .filter(|&item| own.is_none_or(|own| own[query] as usize != item))
                    .collect();
                order.shuffle(&mut rng);
                order.sort_by_key(|&item| aesearch_distance(&database.codes[item * width..][..width], code));
                let relevant: Vec<bool> = order.iter().map(|&item| truth.database[item] == label).collect();
                let (mut hits, mut sum) = (0.0, 0.0);
                let mut found = [0.0; 4];
                for (rank, &relevant) in relevant.iter().enumerate() {
                    if relevant {
                        hits += 1.0;
                        sum += hits / (rank + 1) as f64;
                    }
                    match rank + 1 {
                        10 => found[2] = hits / 10.0,
                        100 => found[3] = hits / 100.0,
                        1000 => found[1] = sum / f64::max(hits, 1.0),
                        _ => {}
                    }
                }
                found[0] = sum / f64::max(hits, 1.0);
                for (mean, found) in mean.iter_mut().zip(found) {
                    *mean += found / (rounds * truth.queries.len()) as f64;
                }
            }
        }
        mean
    }

    fn aesearch_distance(a: &[u64], b: &[u64]) -> u32 {
        a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    /// Codes of few bits near one of four centres: many ties, labels that mean something.
    fn sample(bits: usize, items: usize, seed: u64) -> Labelled {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut codes, mut labels) = (Vec::new(), Vec::new());
        for _ in 0..items {
            let label = rng.random_range(0..4u32);
            let mut code = vec![0u64; words(bits)];
            for bit in 0..bits {
                let centre = (bit as u32 * 7 + label * 3) % 5 < 2;
                code[bit / 64] |= u64::from(centre ^ rng.random_bool(0.3)) << (bit % 64);
            }
            codes.extend(code);
            labels.push(Some(label));
        }
        (codes, labels)
    }

    #[test]
    fn closed_forms_agree_with_shuffled_ties() {
        let own: Vec<u32> = (0..20).collect();
        for (bits, leave_out) in [(32, false), (100, false), (40, true)] {
            let database = sample(bits, 1100, 1);
            let queries = match leave_out {
                true => (database.0[..20 * words(bits)].to_vec(), database.1[..20].to_vec()),
                false => sample(bits, 20, 2),
            };
            let (question, truth) = ask(bits, &database, &queries);
            let question = Question { own: leave_out.then_some(&own[..]), ..question };
            let found = code_quality(&question, truth).unwrap().ranking;
            let found = [found.map_all, found.map_1000, found.precision_10, found.precision_100];
            let expected = by_shuffling(&question, truth, 60);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 5e-3, "{bits} bits: {found} {expected}");
            }
        }
    }

    #[test]
    fn a_query_in_the_database_does_not_help_itself() {
        let labels = [1, 2, 1].map(Some).to_vec();
        let all = (vec![0, 0, u64::MAX], labels);
        let first = (vec![0], vec![Some(1)]);
        let (question, truth) = ask(64, &all, &first);
        // with itself: a tie of the right and the wrong label at 0; without: the wrong one, then the right
        // one
        let with = code_quality(&question, truth).unwrap();
        assert!((with.ranking.precision_10 - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(with.precision_radius_2, 0.5);
        let without = code_quality(&Question { own: Some(&[0]), ..question }, truth).unwrap();
        assert_eq!((without.ranking.precision_10, without.ranking.map_all), (0.5, 0.5));
        assert_eq!(without.ranking.knn10_accuracy, 0.0, "tied votes go to the nearer label");
        assert_eq!(without.precision_radius_2, 0.0);
    }

    #[test]
    fn the_radius_counts_two_bits_and_an_empty_one_as_nothing() {
        let all = (vec![0b1, 0b11, 0b111, u64::MAX], [1, 2, 1, 1].map(Some).to_vec());
        let queries = (vec![0, 0xff << 8], vec![Some(1); 2]);
        let (question, truth) = ask(64, &all, &queries);
        // within two bits of 0: a right one and a wrong one; of the other: none
        assert_eq!(code_quality(&question, truth).unwrap().precision_radius_2, 0.25);
    }

    #[test]
    fn items_without_a_label_are_in_no_ranking() {
        let some = (vec![0, 1, 3, 7], vec![None, Some(2), Some(1), None]);
        let queries = (vec![0, 0], vec![Some(1), None]);
        let (question, truth) = ask(64, &some, &queries);
        let found = code_quality(&question, truth).unwrap();
        assert_eq!((found.ranking.queries, found.ranking.map_all), (1, 0.5));
        assert_eq!((found.ranking.precision_10, found.precision_radius_2), (0.5, 0.5));
        let own = code_quality(&Question { own: Some(&[0, 3]), ..question }, truth);
        assert_eq!(own, Some(found), "leaving out what is in no ranking");
    }

    #[test]
    fn nothing_to_measure_is_nothing() {
        let (none, one) = ((vec![], vec![]), (vec![5], vec![Some(1)]));
        let measure = |database: &Labelled, queries: &Labelled| {
            let (question, truth) = ask(64, database, queries);
            code_quality(&question, truth)
        };
        assert_eq!(measure(&one, &none), None);
        assert_eq!(measure(&one, &(vec![5], vec![None])), None);
        let zero =
            CodeQuality { ranking: Quality { queries: 1, ..Quality::default() }, ..CodeQuality::default() };
        assert_eq!(measure(&none, &one), Some(zero));
        let (question, truth) = ask(64, &one, &one);
        assert_eq!(code_quality(&Question { own: Some(&[0]), ..question }, truth), Some(zero));
    }

    #[test]
    fn recall_counts_what_stands_among_the_first_codes() {
        // distances from 0: 0, 1, 1, 2, 64; the item itself is left out
        let all = (vec![0, 1, 2, 3, u64::MAX], vec![]);
        let query = (vec![0], vec![]);
        let question = Question { own: Some(&[0]), ..ask(64, &all, &query).0 };
        let recall = |wanted: &[u32]| recall_among_first(&question, &[wanted.to_vec()], [1, 2, 3, 10]);
        assert_eq!(recall(&[1]), [0.5, 1.0, 1.0, 1.0], "one of two tied for the first place");
        assert_eq!(recall(&[1, 2]), [0.5, 1.0, 1.0, 1.0]);
        assert_eq!(recall(&[3, 4]), [0.0, 0.0, 0.5, 1.0]);
        assert_eq!(recall(&[]), [1.0; 4]);
    }

    proptest! {
        #[test]
        fn the_order_of_the_database_does_not_matter(seed in 0u64..1000, items in 1usize..80) {
            let all = sample(64, items, seed);
            let mut order: Vec<usize> = (0..items).collect();
            order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            let shuffled = order.iter().map(|&i| (all.0[i], all.1[i])).unzip();
            let queries = (all.0[..1].to_vec(), all.1[..1].to_vec());
            let measure = |database| {
                let (question, truth) = ask(64, database, &queries);
                code_quality(&question, truth)
            };
            prop_assert_eq!(measure(&all), measure(&shuffled));
        }
    }
}
