//! Distances for clustering: the Hamming distance of codes, the cosine of latents.
//!
//! In both spaces, the sum of the distances from an item to all members of a cluster follows from a sum over
//! the members, of bits or of vectors. So exact medoids and silhouettes cost one step per item and cluster,
//! not one per pair of items.

use aesearch_index::{distance, nearest};
use rayon::prelude::*;

use crate::explore::neighbours::dot;

/// Items per task. Sums are made per chunk and added in order, so that the number of threads does not matter.
const CHUNK: usize = 1024;

/// The nearest centre of an item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Assigned {
    pub(super) cluster: u32,
    pub(super) distance: f32,
}

/// Items with distances between them.
pub(super) trait Space: Sync + Sized {
    /// Points of the space, which need not be items.
    type Centres: Sync + Send;
    /// Sums over clusters, for the distances to all of their members.
    type Totals: Sync;
    /// For the diameter of a cluster, at most so many members are compared, those farthest from its centre.
    const OUTER: usize;

    /// The number of items.
    fn len(&self) -> usize;
    /// Some of the items, in this order.
    fn pick(&self, rows: &[u32]) -> Self;
    /// The distance of two items.
    fn distance(&self, a: u32, b: u32) -> f64;
    /// A distance transformed, monotonically, into one that obeys the triangle inequality.
    fn metric(distance: f64) -> f64;
    /// The distance of each of some items, the first of them their medoid, from their centre, by that metric.
    fn outward(&self, rows: &[u32]) -> Vec<f64>;
    /// Items as centres.
    fn centres(&self, rows: &[u32]) -> Self::Centres;
    /// The nearest centre of each item, the first of equally near ones.
    fn assign(&self, centres: &Self::Centres) -> Vec<Assigned>;
    /// The points with the least sum of distances to the members; an empty cluster keeps its old centre.
    fn means(&self, assignment: &[Assigned], old: &Self::Centres) -> Self::Centres;
    /// The sums over the members of each of `k` clusters.
    fn totals(&self, clusters: &[Option<u32>], k: usize) -> Self::Totals;
    /// The sum of the distances from an item to all members of a cluster.
    fn total(&self, totals: &Self::Totals, row: u32, cluster: usize) -> f64;
}

/// Codes, by the number of bits in which they differ.
#[derive(Debug, Clone)]
pub(super) struct Codes {
    pub(super) words: usize,
    pub(super) codes: Vec<u64>, // [n, words]
}

impl Codes {
    fn code(&self, row: u32) -> &[u64] {
        &self.codes[row as usize * self.words..][..self.words]
    }

    /// The number of members of each cluster with each bit set, `[k, 64 * words]`.
    fn bit_counts(&self, clusters: impl Fn(usize) -> Option<u32> + Sync, k: usize) -> Vec<u32> {
        let width = 64 * self.words;
        let count = |(chunk, codes): (usize, &[u64])| {
            let mut counts = vec![0u32; k * width];
            for (i, code) in codes.chunks_exact(self.words).enumerate() {
                let Some(cluster) = clusters(chunk * CHUNK + i) else { continue };
                let counts = &mut counts[cluster as usize * width..][..width];
                for (word, counts) in code.iter().zip(counts.chunks_exact_mut(64)) {
                    for (bit, count) in counts.iter_mut().enumerate() {
                        *count += (word >> bit & 1) as u32;
                    }
                }
            }
            counts
        };
        let add = |mut a: Vec<u32>, b: Vec<u32>| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        };
        let chunks = self.codes.par_chunks(CHUNK * self.words).enumerate();
        chunks.map(count).reduce(|| vec![0; k * width], add)
    }
}

/// For each cluster and each byte of a code, the share of each value of that byte in the sum of distances.
pub(super) struct ByteTotals(Vec<[u32; 256]>); // [k, bytes]

impl Space for Codes {
    type Centres = Vec<u64>; // [k, words]
    type Totals = ByteTotals;
    const OUTER: usize = 20_000;

    fn len(&self) -> usize {
        self.codes.len() / self.words
    }

    fn pick(&self, rows: &[u32]) -> Self {
        Codes { words: self.words, codes: self.centres(rows) }
    }

    fn distance(&self, a: u32, b: u32) -> f64 {
        f64::from(distance(self.code(a), self.code(b)))
    }

    fn metric(distance: f64) -> f64 {
        distance
    }

    fn outward(&self, rows: &[u32]) -> Vec<f64> {
        rows.iter().map(|&row| self.distance(rows[0], row)).collect()
    }

    fn centres(&self, rows: &[u32]) -> Vec<u64> {
        rows.iter().flat_map(|&row| self.code(row)).copied().collect()
    }

    fn assign(&self, centres: &Vec<u64>) -> Vec<Assigned> {
        let codes = self.codes.par_chunks_exact(self.words).with_min_len(CHUNK);
        let assign = |code: &[u64]| {
            let (cluster, distance) = nearest(centres, code).unwrap_or_default();
            Assigned { cluster: cluster as u32, distance: distance as f32 }
        };
        codes.map(assign).collect()
    }

    fn means(&self, assignment: &[Assigned], old: &Vec<u64>) -> Vec<u64> {
        let k = old.len() / self.words;
        let mut sizes = vec![0u32; k];
        assignment.iter().for_each(|to| sizes[to.cluster as usize] += 1);
        let counts = self.bit_counts(|row| Some(assignment[row].cluster), k);
        let mut centres = old.clone();
        let words = centres.iter_mut().zip(counts.chunks_exact(64)).enumerate();
        for (at, (word, counts)) in words {
            let size = sizes[at / self.words];
            for (bit, &count) in counts.iter().enumerate() {
                // a tie keeps the old bit
                match (2 * count).cmp(&size) {
                    std::cmp::Ordering::Less => *word &= !(1 << bit),
                    std::cmp::Ordering::Equal => {}
                    std::cmp::Ordering::Greater => *word |= 1 << bit,
                }
            }
        }
        centres
    }

    fn totals(&self, clusters: &[Option<u32>], k: usize) -> ByteTotals {
        let mut sizes = vec![0u32; k];
        clusters.iter().flatten().for_each(|&cluster| sizes[cluster as usize] += 1);
        let counts = self.bit_counts(|row| clusters[row], k);
        let table = |(byte, counts): (usize, &[u32])| -> [u32; 256] {
            let size = sizes[byte / (8 * self.words)];
            std::array::from_fn(|value| {
                let bits = counts.iter().enumerate();
                bits.map(|(bit, &count)| if value >> bit & 1 == 1 { size - count } else { count }).sum()
            })
        };
        ByteTotals(counts.par_chunks_exact(8).enumerate().map(table).collect())
    }

    fn total(&self, totals: &ByteTotals, row: u32, cluster: usize) -> f64 {
        let bytes = self.code(row).iter().flat_map(|word| word.to_le_bytes());
        let tables = totals.0[cluster * 8 * self.words..].iter();
        bytes.zip(tables).map(|(byte, table)| u64::from(table[usize::from(byte)])).sum::<u64>() as f64
    }
}

/// Vectors of length 1, by 1 minus their cosine.
#[derive(Debug, Clone)]
pub(super) struct Latents {
    pub(super) size: usize,
    pub(super) values: Vec<f32>, // [n, size]
}

impl Latents {
    fn vector(&self, row: u32) -> &[f32] {
        &self.values[row as usize * self.size..][..self.size]
    }

    /// The sum of the members of each cluster, `[k, size]`.
    fn sums(&self, clusters: impl Fn(usize) -> Option<u32> + Sync, k: usize) -> Vec<f64> {
        let sum = |(chunk, vectors): (usize, &[f32])| {
            let mut sums = vec![0f32; k * self.size];
            for (i, vector) in vectors.chunks_exact(self.size).enumerate() {
                let Some(cluster) = clusters(chunk * CHUNK + i) else { continue };
                let sum = &mut sums[cluster as usize * self.size..][..self.size];
                sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
            }
            sums
        };
        let mut total = vec![0f64; k * self.size];
        // some chunks at a time, so that memory does not grow with clusters times chunks
        for chunks in self.values.chunks(64 * CHUNK * self.size).zip(0..) {
            let (values, at) = chunks;
            let chunks = values.par_chunks(CHUNK * self.size).enumerate();
            let sums: Vec<Vec<f32>> = chunks.map(|(i, chunk)| sum((at * 64 + i, chunk))).collect();
            for sums in sums {
                total.iter_mut().zip(sums).for_each(|(total, sum)| *total += f64::from(sum));
            }
        }
        total
    }
}

/// The sum of the members of each cluster, and their number.
pub(super) struct VectorTotals {
    sums: Vec<f64>, // [k, size]
    sizes: Vec<u32>,
}

impl Space for Latents {
    type Centres = Vec<f32>; // [k, size]
    type Totals = VectorTotals;
    const OUTER: usize = 5_000;

    fn len(&self) -> usize {
        self.values.len() / self.size
    }

    fn pick(&self, rows: &[u32]) -> Self {
        Latents { size: self.size, values: self.centres(rows) }
    }

    fn distance(&self, a: u32, b: u32) -> f64 {
        f64::from(apart(dot(self.vector(a), self.vector(b))))
    }

    /// The angle, as it gives the tightest bounds.
    fn metric(distance: f64) -> f64 {
        (1.0 - distance).clamp(-1.0, 1.0).acos()
    }

    fn outward(&self, rows: &[u32]) -> Vec<f64> {
        let mut sum = vec![0f64; self.size];
        for &row in rows {
            sum.iter_mut().zip(self.vector(row)).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
        let middle: Vec<f32> = if length > 0.0 {
            sum.iter().map(|x| (x / length) as f32).collect()
        } else {
            self.vector(rows[0]).to_vec()
        };
        let far = |&row: &u32| Self::metric(f64::from(apart(dot(self.vector(row), &middle))));
        rows.iter().map(far).collect()
    }

    fn centres(&self, rows: &[u32]) -> Vec<f32> {
        rows.iter().flat_map(|&row| self.vector(row)).copied().collect()
    }

    /// By the squared Euclidean distance, as means are shorter than 1.
    fn assign(&self, centres: &Vec<f32>) -> Vec<Assigned> {
        let squares: Vec<f32> = centres.chunks_exact(self.size).map(|centre| dot(centre, centre)).collect();
        let nearest = |vector: &[f32]| {
            let mut best = Assigned { cluster: 0, distance: f32::INFINITY };
            for ((cluster, centre), square) in (0..).zip(centres.chunks_exact(self.size)).zip(&squares) {
                let distance = 1.0 + square - 2.0 * dot(centre, vector);
                if distance < best.distance {
                    best = Assigned { cluster, distance };
                }
            }
            best
        };
        let vectors = self.values.par_chunks_exact(self.size).with_min_len(CHUNK);
        vectors.map(nearest).collect()
    }

    fn means(&self, assignment: &[Assigned], old: &Vec<f32>) -> Vec<f32> {
        let mut sizes = vec![0u32; old.len() / self.size];
        assignment.iter().for_each(|to| sizes[to.cluster as usize] += 1);
        let sums = self.sums(|row| Some(assignment[row].cluster), sizes.len());
        let mut centres = old.clone();
        let each = centres.chunks_exact_mut(self.size).zip(sums.chunks_exact(self.size)).zip(sizes);
        for ((centre, sum), size) in each.filter(|(_, size)| *size > 0) {
            centre.iter_mut().zip(sum).for_each(|(mean, sum)| *mean = (sum / f64::from(size)) as f32);
        }
        centres
    }

    fn totals(&self, clusters: &[Option<u32>], k: usize) -> VectorTotals {
        let mut sizes = vec![0u32; k];
        clusters.iter().flatten().for_each(|&cluster| sizes[cluster as usize] += 1);
        VectorTotals { sums: self.sums(|row| clusters[row], k), sizes }
    }

    fn total(&self, totals: &VectorTotals, row: u32, cluster: usize) -> f64 {
        let (sum, sum_rest) = totals.sums[cluster * self.size..][..self.size].as_chunks::<4>();
        let (vector, vector_rest) = self.vector(row).as_chunks::<4>();
        let mut dots = [0f64; 4]; // four at once, as each would wait for the last
        for (x, sum) in vector.iter().zip(sum) {
            for i in 0..4 {
                dots[i] += f64::from(x[i]) * sum[i];
            }
        }
        let rest: f64 = vector_rest.iter().zip(sum_rest).map(|(&x, sum)| f64::from(x) * sum).sum();
        (f64::from(totals.sizes[cluster]) - dots.iter().sum::<f64>() - rest).max(0.0)
    }
}

/// 1 minus a cosine.
fn apart(cosine: f32) -> f32 {
    (1.0 - cosine).clamp(0.0, 2.0)
}
