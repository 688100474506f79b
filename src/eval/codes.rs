//! The quality of binary codes: every query ranks the whole database by Hamming distance, labels say what is relevant.
//!
//! No index and no approximation here. Per query: distances of all items (u16), one histogram of all items and one of the relevant
//! ones, then the closed forms of `ties` and the vote of `votes`. 10,000 queries of 60,000 codes of 64 bits take seconds.

use aesearch_index::words;
use rayon::prelude::*;
use serde::Serialize;

use super::ties::{Bucket, Tables, precision};
use super::votes::majority;

/// Codes with labels.
#[derive(Debug, Clone, Copy)]
pub struct Codes<'a> {
    /// Bits per code.
    pub bits: usize,
    /// `[items, words(bits)]`, row by row; bits past the last are 0.
    pub codes: &'a [u64],
    /// `[items]`.
    pub labels: &'a [u32],
}

/// Means over the queries, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct CodeMetrics {
    /// Mean average precision over the whole ranking; a query without relevant items counts as 0.
    pub map_all: f64,
    /// Of the first 1,000 ranks, see [`Tables::truncated_average_precision`].
    pub map_1000: f64,
    /// Relevant items among the first 10.
    pub precision_10: f64,
    /// Relevant items among the first 100.
    pub precision_100: f64,
    /// Queries whose label is that of the majority of their 10 nearest items.
    pub knn10_accuracy: f64,
}

/// Ranks `database` for each query and averages what `labels` say of it.
///
/// `own`, where given, names for each query the database's item that it is itself, and that its ranking leaves out.
/// All zero when there are no queries. The order of the items, of the queries and the number of threads do not matter.
///
/// # Panics
/// When codes and labels differ in number, or database and queries in bits.
pub fn code_metrics(database: Codes<'_>, queries: Codes<'_>, own: Option<&[u32]>) -> CodeMetrics {
    let width = words(database.bits);
    assert_eq!(database.bits, queries.bits, "bits of database and queries");
    assert_eq!(database.codes.len(), database.labels.len() * width, "codes and labels of the database");
    assert_eq!(queries.codes.len(), queries.labels.len() * width, "codes and labels of the queries");
    assert!(own.is_none_or(|own| own.len() == queries.labels.len()), "own items and queries");
    let tables = Tables::new(database.labels.len());
    let per_query: Vec<CodeMetrics> = queries
        .codes
        .par_chunks_exact(width)
        .enumerate()
        .map_init(
            || vec![0u16; database.labels.len()],
            |distances, (query, code)| {
                measure_distances(database.codes, code, distances);
                let asked = Asked { label: queries.labels[query], own: own.map(|own| own[query] as usize) };
                one_query(&tables, database, distances, asked)
            },
        )
        .collect();
    mean(&per_query)
}

/// What is known of a query beside its distances.
#[derive(Clone, Copy)]
struct Asked {
    label: u32,
    /// The database's item that it is itself.
    own: Option<usize>,
}

fn one_query(tables: &Tables, database: Codes<'_>, distances: &[u16], asked: Asked) -> CodeMetrics {
    let Asked { label, own } = asked;
    let mut buckets = histogram(distances, database.labels, label, database.bits);
    if let Some(own) = own {
        let bucket = &mut buckets[usize::from(distances[own])];
        bucket.items -= 1;
        bucket.relevant -= usize::from(database.labels[own] == label);
    }
    let last = distance_of_rank(&buckets, 10);
    let neighbours: Vec<(u32, u32)> = (0..distances.len())
        .filter(|&item| distances[item] <= last && own != Some(item))
        .map(|item| (u32::from(distances[item]), database.labels[item]))
        .collect();
    CodeMetrics {
        map_all: tables.average_precision(&buckets),
        map_1000: tables.truncated_average_precision(&buckets, 1000),
        precision_10: precision(&buckets, 10),
        precision_100: precision(&buckets, 100),
        knn10_accuracy: majority(&neighbours, 10, label),
    }
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

/// Items and relevant items at each distance from 0 to `bits`.
fn histogram(distances: &[u16], labels: &[u32], label: u32, bits: usize) -> Vec<Bucket> {
    // neighbouring items mostly share a distance: two counters each, so that one increment need not wait for the last;
    // relevance goes into the upper half
    let mut counts = [vec![0u64; bits + 1], vec![0u64; bits + 1]];
    for (item, (&distance, &other)) in distances.iter().zip(labels).enumerate() {
        counts[item % 2][usize::from(distance)] += 1 | u64::from(other == label) << 32;
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

fn mean(all: &[CodeMetrics]) -> CodeMetrics {
    let average =
        |metric: fn(&CodeMetrics) -> f64| all.iter().map(metric).sum::<f64>() / all.len().max(1) as f64;
    CodeMetrics {
        map_all: average(|m| m.map_all),
        map_1000: average(|m| m.map_1000),
        precision_10: average(|m| m.precision_10),
        precision_100: average(|m| m.precision_100),
        knn10_accuracy: average(|m| m.knn10_accuracy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::seq::SliceRandom;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Sorts a shuffled database by distance and reads the metrics off the order; the mean over many shuffles.
    fn by_shuffling(database: Codes<'_>, queries: Codes<'_>, leave_out: bool, rounds: usize) -> [f64; 4] {
        let (mut rng, width) = (ChaCha8Rng::seed_from_u64(9), words(database.bits));
        let mut mean = [0.0; 4];
        for _ in 0..rounds {
            for (query, &label) in queries.labels.iter().enumerate() {
                let code = &queries.codes[query * width..][..width];
                let mut order: Vec<usize> =
                    (0..database.labels.len()).filter(|&item| !leave_out || item != query).collect();
                order.shuffle(&mut rng);
                order.sort_by_key(|&item| aesearch_distance(&database.codes[item * width..][..width], code));
                let relevant: Vec<bool> = order.iter().map(|&item| database.labels[item] == label).collect();
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
                    *mean += found / (rounds * queries.labels.len()) as f64;
                }
            }
        }
        mean
    }

    fn aesearch_distance(a: &[u64], b: &[u64]) -> u32 {
        a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    /// Codes of few bits near one of four centres: many ties, labels that mean something.
    fn sample(bits: usize, items: usize, seed: u64) -> (Vec<u64>, Vec<u32>) {
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
            labels.push(label);
        }
        (codes, labels)
    }

    #[test]
    fn closed_forms_agree_with_shuffled_ties() {
        for (bits, leave_out) in [(32, false), (100, false), (40, true)] {
            let (codes, labels) = sample(bits, 1100, 1);
            let database = Codes { bits, codes: &codes, labels: &labels };
            let width = words(bits);
            let (codes, labels) = match leave_out {
                true => (codes[..20 * width].to_vec(), labels[..20].to_vec()),
                false => sample(bits, 20, 2),
            };
            let queries = Codes { bits, codes: &codes, labels: &labels };
            let own: Vec<u32> = (0..20).collect();
            let found = code_metrics(database, queries, leave_out.then_some(&own[..]));
            let found = [found.map_all, found.map_1000, found.precision_10, found.precision_100];
            let expected = by_shuffling(database, queries, leave_out, 60);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 5e-3, "{bits} bits: {found} {expected}");
            }
        }
    }

    #[test]
    fn a_query_in_the_database_does_not_help_itself() {
        let (codes, labels) = ([0, 0, u64::MAX], [1, 2, 1]);
        let all = Codes { bits: 64, codes: &codes, labels: &labels };
        let first = Codes { bits: 64, codes: &codes[..1], labels: &labels[..1] };
        // with itself: a tie of the right and the wrong label at 0; without: the wrong one, then the right one
        assert!((code_metrics(all, first, None).precision_10 - 2.0 / 3.0).abs() < 1e-12);
        let without = code_metrics(all, first, Some(&[0]));
        assert_eq!((without.precision_10, without.map_all), (0.5, 0.5));
        assert_eq!(without.knn10_accuracy, 0.0, "tied votes go to the nearer label");
    }

    #[test]
    fn nothing_to_measure_is_zero() {
        let none = Codes { bits: 64, codes: &[], labels: &[] };
        let one = Codes { bits: 64, codes: &[5], labels: &[1] };
        assert_eq!(code_metrics(one, none, None), CodeMetrics::default());
        assert_eq!(code_metrics(none, one, None), CodeMetrics::default());
        assert_eq!(code_metrics(one, one, Some(&[0])), CodeMetrics::default());
    }

    proptest! {
        #[test]
        fn the_order_of_the_database_does_not_matter(seed in 0u64..1000, items in 1usize..80) {
            let (codes, labels) = sample(64, items, seed);
            let mut order: Vec<usize> = (0..items).collect();
            order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            let shuffled: Vec<u64> = order.iter().map(|&i| codes[i]).collect();
            let shuffled_labels: Vec<u32> = order.iter().map(|&i| labels[i]).collect();
            let queries = Codes { bits: 64, codes: &codes[..1], labels: &labels[..1] };
            let a = code_metrics(Codes { bits: 64, codes: &codes, labels: &labels }, queries, None);
            let b = code_metrics(Codes { bits: 64, codes: &shuffled, labels: &shuffled_labels }, queries, None);
            prop_assert_eq!(a, b);
        }
    }
}
