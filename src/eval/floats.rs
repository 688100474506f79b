//! The baselines: the same questions answered exactly from float vectors, the latents before binarization or the raw pixels.
//!
//! Brute force by matrix products, blocked so that a block of the database serves many queries; meant for about a thousand
//! queries, as a yardstick for the codes, not as a search engine.

use nalgebra::{DMatrix, DMatrixView};
use rayon::prelude::*;
use serde::Serialize;

use super::votes::ranked_majority;

/// What nearness of two vectors means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nearness {
    /// The angle between them.
    Cosine,
    /// The Euclidean distance.
    Euclidean,
}

/// Vectors with labels.
#[derive(Debug, Clone, Copy)]
pub struct Vectors<'a> {
    /// Numbers per vector.
    pub size: usize,
    /// `[items, size]`, row by row.
    pub values: &'a [f32],
    /// `[items]`.
    pub labels: &'a [u32],
}

/// What exact search over float vectors reaches, means over the queries, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Baseline {
    /// Queries asked.
    pub queries: usize,
    /// Relevant items among the first 10.
    pub precision_10: f64,
    /// Queries whose label is that of the majority of their 10 nearest items.
    pub knn10_accuracy: f64,
}

/// Answers each query exactly and averages what the labels say of the 10 nearest.
///
/// `own`, where given, names for each query the database's item that it is itself, and that its answer leaves out.
///
/// # Panics
/// When values and labels differ in number, or the sizes of database and queries.
pub fn baseline(
    database: Vectors<'_>,
    queries: Vectors<'_>,
    nearness: Nearness,
    own: Option<&[u32]>,
) -> Baseline {
    const K: usize = 10;
    // one more than needed: the query itself may be among them
    let answers = nearest(database, queries, nearness, K + usize::from(own.is_some()));
    let (mut precision, mut right) = (0.0, 0.0);
    for (query, answer) in answers.iter().enumerate() {
        let own = own.map(|own| own[query]);
        let labels: Vec<u32> = answer
            .iter()
            .filter(|&&item| own != Some(item))
            .take(K)
            .map(|&item| database.labels[item as usize])
            .collect();
        let label = queries.labels[query];
        let relevant = labels.iter().filter(|&&other| other == label).count();
        precision += relevant as f64 / labels.len().max(1) as f64;
        right += f64::from(u8::from(ranked_majority(&labels) == Some(label)));
    }
    let n = answers.len().max(1) as f64;
    Baseline { queries: answers.len(), precision_10: precision / n, knn10_accuracy: right / n }
}

/// Queries that share one pass over the database.
const QUERIES: usize = 256;
/// Database vectors per matrix product.
const ROWS: usize = 2048;

/// The `k` nearest items of each query, nearest first, equally near ones by id.
pub fn nearest(database: Vectors<'_>, queries: Vectors<'_>, nearness: Nearness, k: usize) -> Vec<Vec<u32>> {
    let size = database.size;
    assert_eq!(size, queries.size, "sizes of database and query vectors");
    assert_eq!(database.values.len(), database.labels.len() * size, "values and labels of the database");
    assert_eq!(queries.values.len(), queries.labels.len() * size, "values and labels of the queries");
    if size == 0 || k == 0 {
        return vec![Vec::new(); queries.labels.len()];
    }
    let norms: Vec<f32> =
        database.values.par_chunks_exact(size).map(|row| row.iter().map(|x| x * x).sum()).collect();
    let answers = queries.values.par_chunks(QUERIES * size).flat_map_iter(|batch| {
        let n = batch.len() / size;
        // row-major [n, size] is column-major [size, n]
        let batch = DMatrixView::from_slice(batch, size, n);
        let mut best = vec![Best { k, items: Vec::with_capacity(k + 1) }; n];
        for (block, rows) in database.values.chunks(ROWS * size).enumerate() {
            let first = block * ROWS;
            let rows = DMatrixView::from_slice(rows, size, rows.len() / size).transpose();
            let dots: DMatrix<f32> = &rows * batch; // [rows, n], one query's dot products lie together
            for (best, dots) in best.iter_mut().zip(dots.as_slice().chunks_exact(rows.nrows())) {
                for (row, &dot) in dots.iter().enumerate() {
                    let norm = norms[first + row];
                    // up to what is the same for every item of a query: its own norm
                    let far = match nearness {
                        Nearness::Cosine => -dot / norm.sqrt().max(f32::MIN_POSITIVE),
                        Nearness::Euclidean => norm - 2.0 * dot,
                    };
                    best.offer(far, (first + row) as u32);
                }
            }
        }
        best.into_iter().map(|best| best.items.into_iter().map(|(_, item)| item).collect())
    });
    answers.collect()
}

/// The nearest items so far, nearest first.
#[derive(Clone)]
struct Best {
    k: usize,
    items: Vec<(f32, u32)>,
}

impl Best {
    fn offer(&mut self, far: f32, item: u32) {
        if self.items.len() == self.k && self.items.last().is_some_and(|last| far >= last.0) {
            return;
        }
        let place = self.items.partition_point(|other| other.0 <= far);
        self.items.insert(place, (far, item));
        self.items.truncate(self.k);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn random(items: usize, size: usize, seed: u64) -> (Vec<f32>, Vec<u32>) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let values = (0..items * size).map(|_| rng.random_range(-1.0..1.0)).collect();
        (values, (0..items).map(|_| rng.random_range(0..3)).collect())
    }

    #[test]
    fn blocks_find_what_a_plain_scan_finds() {
        let (values, labels) = random(2 * ROWS + 77, 5, 1);
        let database = Vectors { size: 5, values: &values, labels: &labels };
        let (values, labels) = random(QUERIES + 3, 5, 2);
        let queries = Vectors { size: 5, values: &values, labels: &labels };
        for nearness in [Nearness::Cosine, Nearness::Euclidean] {
            let answers = nearest(database, queries, nearness, 7);
            for query in [0, 1, QUERIES, QUERIES + 2] {
                let q = &queries.values[query * 5..][..5];
                let far = |item: usize| -> f32 {
                    let row = &database.values[item * 5..][..5];
                    let dot: f32 = row.iter().zip(q).map(|(a, b)| a * b).sum();
                    match nearness {
                        Nearness::Cosine => -dot / row.iter().map(|x| x * x).sum::<f32>().sqrt(),
                        Nearness::Euclidean => row.iter().zip(q).map(|(a, b)| (a - b) * (a - b)).sum(),
                    }
                };
                let mut order: Vec<u32> = (0..database.labels.len() as u32).collect();
                order.sort_by(|&a, &b| far(a as usize).total_cmp(&far(b as usize)));
                assert_eq!(answers[query], order[..7]);
            }
        }
    }

    #[test]
    fn equally_near_items_come_by_id() {
        let database = Vectors { size: 1, values: &[2.0, 1.0, 1.0, 1.0], labels: &[0, 0, 0, 0] };
        let query = Vectors { size: 1, values: &[1.0], labels: &[0] };
        assert_eq!(nearest(database, query, Nearness::Euclidean, 2), [[1, 2]]);
    }

    #[test]
    fn a_query_in_the_database_does_not_help_itself() {
        let vectors = Vectors { size: 1, values: &[0.0, 1.0, 5.0], labels: &[1, 2, 1] };
        let with = baseline(vectors, vectors, Nearness::Euclidean, None);
        let without = baseline(vectors, vectors, Nearness::Euclidean, Some(&[0, 1, 2]));
        assert!((with.precision_10 - 5.0 / 9.0).abs() < 1e-12);
        assert!((without.precision_10 - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(without.queries, 3);
    }
}
