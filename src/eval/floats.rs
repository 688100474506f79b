//! The baselines: the same queries answered exactly from float vectors, which are latents before binarization
//! or raw pixels.
//!
//! Brute force by matrix products, a block of queries with the whole database at a time. A ranking is rounded
//! to a histogram of `STEPS` steps, which the closed forms of `ties` then judge as they judge codes. The
//! nearest items are exact.

use nalgebra::{DMatrixView, DMatrixViewMut};
use rayon::prelude::*;

use super::quality::{Quality, Question, Truth};
use super::ties::{Bucket, Tables};
use super::votes::ranked_majority;

/// Neighbours that are returned, and that vote.
const K: usize = 10;
/// Distances between a query's nearest and farthest item that are told apart when the whole ranking is
/// judged.
const STEPS: usize = 1 << 14;
/// Queries per matrix product: with fewer, much of the time goes into packing the database ...
const QUERIES: usize = 256;
/// ... unless their distances, f32, would be more than this many.
const DISTANCES: usize = 1 << 24;

/// How near two vectors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nearness {
    /// The angle between them.
    Cosine,
    /// The Euclidean distance.
    Euclidean,
}

/// Vectors, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Vectors<'a> {
    /// Numbers per vector, at least one.
    pub size: usize,
    /// `[items, size]`
    pub values: &'a [f32],
}

impl Vectors<'_> {
    fn len(&self) -> usize {
        self.values.len() / self.size
    }
}

/// The answer to one query.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The 10 nearest items, nearest first, equally near ones by number.
    pub nearest: Vec<u32>,
    /// The metrics; none where the query has no label.
    pub quality: Option<Quality>,
}

/// Ranks the whole database for each query.
///
/// # Panics
/// When vectors and labels differ in number, or the sizes of database and queries.
pub fn answers(question: &Question<'_, Vectors<'_>>, nearness: Nearness, truth: Truth<'_>) -> Vec<Answer> {
    let Question { database, queries, own } = *question;
    assert_eq!(database.size, queries.size, "sizes of database and query vectors");
    assert_eq!(database.len(), truth.database.len(), "vectors and labels of the database");
    assert_eq!(queries.len(), truth.queries.len(), "vectors and labels of the queries");
    assert!(own.is_none_or(|own| own.len() == queries.len()), "own items and queries");
    if database.len() == 0 {
        let nothing = |label: &Option<u32>| label.map(|_| Quality { queries: 1, ..Quality::default() });
        let answer = |label| Answer { nearest: Vec::new(), quality: nothing(label) };
        return truth.queries.iter().map(answer).collect();
    }
    let tables = Tables::new(database.len());
    let squares = |row: &[f32]| row.iter().map(|x| x * x).sum::<f32>();
    let norms: Vec<f32> = database.values.par_chunks_exact(database.size).map(squares).collect();
    let per_block = (DISTANCES / database.len()).clamp(1, QUERIES);
    let blocks = queries.values.par_chunks(per_block * queries.size).enumerate();
    let answer = |dots: &mut Vec<f32>, (block, values): (usize, &[f32])| {
        multiply(database, values, dots);
        let rows = dots.chunks_exact_mut(database.len());
        let judge = |(row, far): (usize, &mut [f32])| {
            for (far, &norm) in far.iter_mut().zip(&norms) {
                // up to what is the same for every item of a query: its own norm
                *far = match nearness {
                    Nearness::Cosine => -*far / norm.sqrt().max(f32::MIN_POSITIVE),
                    Nearness::Euclidean => norm - 2.0 * *far,
                };
            }
            let query = block * per_block + row;
            let own = question.own(query);
            let quality = truth.queries[query].map(|label| {
                let known = |item: usize| own != Some(item) && truth.database[item].is_some();
                let voters = nearest(far, known).into_iter();
                let votes: Vec<u32> = voters.filter_map(|item| truth.database[item as usize]).collect();
                let right = ranked_majority(&votes) == Some(label);
                let buckets = histogram(far, truth.database, label, own);
                Quality::of(&tables, &buckets, f64::from(u8::from(right)))
            });
            Answer { nearest: nearest(far, |item| own != Some(item)), quality }
        };
        rows.enumerate().map(judge).collect::<Vec<Answer>>()
    };
    blocks.map_init(Vec::new, answer).collect::<Vec<_>>().concat()
}

/// Fills `dots` `[queries, items]` with the products of each query `values` `[queries, size]` and each item.
fn multiply(database: Vectors<'_>, values: &[f32], dots: &mut Vec<f32>) {
    let (items, size) = (database.len(), database.size);
    let n = values.len() / size;
    dots.resize(n * items, 0.0);
    // Row-major [items, size] is column-major [size, items]; the products are written row by row. (Strided
    // rows to multiply with would be wrong: nalgebra 0.35 reads past the end of small ones.)
    let queries = DMatrixView::from_slice(values, size, n).transpose();
    let rows = DMatrixView::from_slice(database.values, size, items);
    DMatrixViewMut::from_slice_with_strides_mut(dots, n, items, items, 1).gemm(1.0, &queries, &rows, 0.0);
}

/// The items of the [`K`] smallest of `far` that are `eligible`, the smallest first.
fn nearest(far: &[f32], eligible: impl Fn(usize) -> bool) -> Vec<u32> {
    let mut best: Vec<(f32, u32)> = Vec::with_capacity(K + 1);
    for (item, &far) in far.iter().enumerate() {
        if (best.len() == K && best.last().is_some_and(|last| far >= last.0)) || !eligible(item) {
            continue;
        }
        let place = best.partition_point(|other| other.0 <= far);
        best.insert(place, (far, item as u32)); // ids are u32
        best.truncate(K);
    }
    best.into_iter().map(|(_, item)| item).collect()
}

/// Labelled items, and those of them that have `label`, at each of [`STEPS`] distances that occurs.
fn histogram(far: &[f32], labels: &[Option<u32>], label: u32, own: Option<usize>) -> Vec<Bucket> {
    let (least, most) = far.iter().fold((f32::MAX, f32::MIN), |(a, b), &far| (a.min(far), b.max(far)));
    let scale = (STEPS - 1) as f32 / (most - least).max(f32::MIN_POSITIVE);
    let mut buckets = vec![Bucket::default(); STEPS];
    for (item, (far, &other)) in far.iter().zip(labels).enumerate() {
        if other.is_some() && own != Some(item) {
            // what is no number, of values beyond all measure, counts as nearest
            let bucket = &mut buckets[(((far - least) * scale) as usize).min(STEPS - 1)];
            bucket.items += 1;
            bucket.relevant += usize::from(other == Some(label));
        }
    }
    buckets.retain(|bucket| bucket.items > 0);
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn random(items: usize, size: usize, seed: u64) -> (Vec<f32>, Vec<Option<u32>>) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let values = (0..items * size).map(|_| rng.random_range(-1.0..1.0)).collect();
        (values, (0..items).map(|_| Some(rng.random_range(0..3))).collect())
    }

    fn question<'a>(size: usize, database: &'a [f32], queries: &'a [f32]) -> Question<'a, Vectors<'a>> {
        let vectors = |values| Vectors { size, values };
        Question { database: vectors(database), queries: vectors(queries), own: None }
    }

    /// Precision at every relevant rank, from a plain sort.
    fn average_precision(order: &[u32], labels: &[Option<u32>], label: Option<u32>) -> f64 {
        let (mut hits, mut sum) = (0.0, 0.0);
        for (rank, &item) in (1..).zip(order) {
            if labels[item as usize] == label {
                hits += 1.0;
                sum += hits / f64::from(rank);
            }
        }
        sum / f64::max(hits, 1.0)
    }

    #[test]
    fn blocks_find_what_a_plain_scan_finds() {
        let (values, labels) = random(2077, 5, 1);
        let (asked, asked_labels) = random(QUERIES + 3, 5, 2);
        let truth = Truth { database: &labels, queries: &asked_labels };
        for nearness in [Nearness::Cosine, Nearness::Euclidean] {
            let answers = answers(&question(5, &values, &asked), nearness, truth);
            for query in [0, 1, QUERIES, QUERIES + 2] {
                let q = &asked[query * 5..][..5];
                let far = |item: u32| -> f32 {
                    let row = &values[item as usize * 5..][..5];
                    let dot: f32 = row.iter().zip(q).map(|(a, b)| a * b).sum();
                    match nearness {
                        Nearness::Cosine => -dot / row.iter().map(|x| x * x).sum::<f32>().sqrt(),
                        Nearness::Euclidean => row.iter().zip(q).map(|(a, b)| (a - b) * (a - b)).sum(),
                    }
                };
                let mut order: Vec<u32> = (0..2077).collect();
                order.sort_by(|&a, &b| far(a).total_cmp(&far(b)));
                assert_eq!(answers[query].nearest, order[..K]);
                let found = answers[query].quality.unwrap().map_all;
                let expected = average_precision(&order, &labels, asked_labels[query]);
                assert!((found - expected).abs() < 1e-3, "{found} {expected}");
            }
        }
    }

    #[test]
    fn figures_of_a_ranking_by_hand() {
        // 1 | 2, 2 | 3 from the query: right, a tie of right and wrong, wrong; one item has no label
        let labels = [Some(1), Some(1), Some(2), None, Some(2)];
        let truth = Truth { database: &labels, queries: &[Some(1), None] };
        let answers =
            answers(&question(1, &[1.0, 2.0, -2.0, 2.5, 3.0], &[0.0, 0.0]), Nearness::Euclidean, truth);
        assert_eq!(answers[0].nearest, [0, 1, 2, 3, 4], "equally near items come by number");
        let quality = answers[0].quality.unwrap();
        assert!((quality.map_all - (1.0 + (1.0 + 2.0 / 3.0) / 2.0) / 2.0).abs() < 1e-12);
        assert_eq!((quality.precision_10, quality.knn10_accuracy), (0.5, 1.0));
        assert_eq!(answers[1].quality, None);
    }

    #[test]
    fn a_query_in_the_database_does_not_help_itself() {
        let (values, labels) = ([0.0, 1.0, 5.0], [1, 2, 1].map(Some));
        let truth = Truth { database: &labels, queries: &labels };
        let mean = |own| {
            let question = Question { own, ..question(1, &values, &values) };
            let answers = answers(&question, Nearness::Euclidean, truth);
            Quality::mean(&answers.iter().filter_map(|answer| answer.quality).collect::<Vec<_>>()).unwrap()
        };
        assert!((mean(None).precision_10 - 5.0 / 9.0).abs() < 1e-12);
        assert!((mean(Some(&[0, 1, 2])).precision_10 - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(mean(None).queries, 3);
    }

    #[test]
    fn nobody_answers_from_an_empty_database() {
        let truth = Truth { database: &[], queries: &[Some(1)] };
        let answers = answers(&question(2, &[], &[0.0, 1.0]), Nearness::Cosine, truth);
        assert_eq!(answers[0].quality.map(|quality| quality.map_all), Some(0.0));
    }
}
