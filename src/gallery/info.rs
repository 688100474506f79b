//! What an index holds, without opening its model or ONNX Runtime.

use std::path::Path;

use aesearch_index::{Access, RecallPoint, Snapshot};

use super::columns::Known;
use super::record::Facts;
use super::thumbnails::ThumbnailFacts;
use crate::error::Result;

/// What an index holds, and how fast it is.
#[derive(Debug, Clone)]
pub struct Info {
    /// Images.
    pub images: usize,
    /// Codes that differ from each other.
    pub distinct_codes: usize,
    /// Segments.
    pub segments: usize,
    /// Images that were removed and still take space.
    pub removed: usize,
    /// Bits per code.
    pub bits: usize,
    /// Numbers per latent; 0 where none are kept.
    pub latent_size: usize,
    /// Bytes of all files.
    pub index_bytes: u64,
    /// Small pictures that it keeps.
    pub thumbnails: Option<ThumbnailFacts>,
    /// In how many images each of [`COLUMNS`](super::COLUMNS) has a value.
    pub columns: Vec<(&'static str, usize)>,
    /// Its model, binarizer and polarity.
    pub facts: Facts,
    /// What approximate search finds, and how fast; empty where a scan of all codes is as fast.
    pub recall_curve: Vec<MeasuredRecall>,
    /// Mean time of an exact search, measured now; none for an empty index.
    pub exact_microseconds: Option<f32>,
}

/// A point of the recall curve.
#[derive(Debug, Clone, Copy)]
pub struct MeasuredRecall {
    /// How much is searched, and what share of the nearest codes that finds.
    pub point: RecallPoint,
    /// Mean time of such a search, measured now.
    pub microseconds: f32,
}

/// Describes the index at `dir`.
///
/// # Errors
/// `NotFound` when there is no index, `Damaged` or `Version` when it cannot be read.
pub fn info(dir: &Path, access: Access) -> Result<Info> {
    let snapshot = Snapshot::open_with(dir, access)?;
    let facts = Facts::of(&snapshot, dir)?;
    let times = snapshot.measure();
    let curve = snapshot.recall_curve().iter().zip(&times.curve);
    Ok(Info {
        images: snapshot.len(),
        distinct_codes: snapshot.distinct_codes(),
        segments: snapshot.segments(),
        removed: snapshot.dead(),
        bits: snapshot.bits(),
        latent_size: snapshot.latent_size(),
        index_bytes: snapshot.bytes(),
        thumbnails: ThumbnailFacts::of(dir)?,
        columns: Known::kept(dir, &snapshot)?.counts().to_vec(),
        facts,
        recall_curve: curve.map(|(&point, &microseconds)| MeasuredRecall { point, microseconds }).collect(),
        exact_microseconds: times.exact,
    })
}
