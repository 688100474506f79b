//! Files of codes and of the true neighbours.
//!
//! A file of codes is `[n, words]` u64, little-endian, nothing else: NumPy reads it with `fromfile`. A file
//! of truth is `[queries]` i32, little-endian: the distance of each query's exact 10th neighbour.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many neighbours every search asks for.
pub(crate) const K: usize = 10;

/// The codes `[n, words]` of a file.
pub(crate) fn read(path: &Path, words: usize) -> Result<Vec<u64>, Box<dyn Error>> {
    let bytes = read_bytes(path)?;
    if bytes.is_empty() || !bytes.len().is_multiple_of(8 * words) {
        let expected = format!("codes of {} bytes", 8 * words);
        return Err(
            format!("{}: length: expected {expected}, got {} bytes", path.display(), bytes.len()).into()
        );
    }
    let (codes, _) = bytes.as_chunks::<8>();
    Ok(codes.iter().map(|&word| u64::from_le_bytes(word)).collect())
}

/// The distances of a file of truth, one for each of `queries`.
pub(crate) fn read_truth(path: &Path, queries: usize) -> Result<Vec<u32>, Box<dyn Error>> {
    let bytes = read_bytes(path)?;
    let (distances, _) = bytes.as_chunks::<4>();
    if distances.len() != queries {
        return Err(
            format!("{}: expected {queries} distances, got {}", path.display(), distances.len()).into()
        );
    }
    Ok(distances.iter().map(|&distance| u32::from_le_bytes(distance)).collect())
}

/// Writes codes, each as its words.
pub(crate) fn write(path: &Path, words: impl IntoIterator<Item = u64>) -> Result<(), String> {
    let mut bytes = Vec::new();
    words.into_iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
    fs::write(path, bytes).map_err(|error| format!("{}: cannot write: {error}", path.display()))
}

/// Writes a file for [`read_truth`]: for each query the distance of its exact `K`th neighbour.
pub(crate) fn write_truth(path: &Path, base: &[u64], queries: &[u64], words: usize) -> Result<(), String> {
    let mut bytes = Vec::new();
    for query in queries.chunks_exact(words) {
        let mut distances: Vec<u32> =
            base.chunks_exact(words).map(|code| aesearch_index::distance(code, query)).collect();
        bytes.extend_from_slice(&distances.select_nth_unstable(K - 1).1.to_le_bytes());
    }
    fs::write(path, bytes).map_err(|error| format!("{}: cannot write: {error}", path.display()))
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: cannot read: {error}", path.display()))
}

/// Share of the `K` true neighbours found; anything no farther than the exact 10th counts.
pub(crate) fn recall(found: &[Vec<u32>], truth: &[u32]) -> f64 {
    let hits = |(found, &last): (&Vec<u32>, &u32)| {
        found.iter().take(K).filter(|&&distance| distance <= last).count()
    };
    let found: usize = found.iter().zip(truth).map(hits).sum();
    found as f64 / (truth.len() * K) as f64
}

/// A fingerprint of a set of pairs: their number and a sum of their hashes, in whatever order they are added.
#[derive(Default)]
pub(crate) struct PairSet {
    count: AtomicU64,
    sum: AtomicU64,
}

impl PairSet {
    /// Adds pairs (lower number, higher number, distance).
    pub(crate) fn add(&self, pairs: impl Iterator<Item = (u32, u32, u32)>) {
        let (mut count, mut sum) = (0u64, 0u64);
        for (a, b, distance) in pairs {
            let key = (u64::from(a) << 32 | u64::from(b)) ^ u64::from(distance).rotate_right(8);
            let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            count += 1;
            sum = sum.wrapping_add(hash ^ hash >> 29);
        }
        self.count.fetch_add(count, Ordering::Relaxed);
        self.sum.fetch_add(sum, Ordering::Relaxed);
    }

    /// Number of pairs, sum of hashes.
    pub(crate) fn take(&self) -> (u64, u64) {
        (self.count.load(Ordering::Relaxed), self.sum.load(Ordering::Relaxed))
    }
}
