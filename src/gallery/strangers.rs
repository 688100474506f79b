//! How near images are that have nothing to do with each other, and how near the nearest: similarities of
//! random pairs of a collection, and of images and their nearest neighbours, kept with its index as a few
//! numbers. What is further from a query than nearly all images are from their nearest is no answer.

use std::collections::BTreeMap;
use std::path::Path;

use aesearch_index::{Hit, Ranked, Search, SegmentBuilder, Snapshot, Writer};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::folder::open_if_any;
use super::found::code_share;
use super::labels::has_classes;
use super::query::QueryOptions;
use super::record::{Facts, Record, Strangers};
use crate::error::Result;

/// Images that are compared, at most: those whose contents have the smallest hashes, which is as good as
/// drawn at random, and the same however the index came about.
const IMAGES: usize = 1000;
/// With fewer images there are no strangers to speak of.
const FEWEST: usize = 50;
/// Random pairs of them.
const PAIRS: usize = 10_000;
/// The share of images that may lie further from their nearest neighbour than a hit that counts.
const LONELY: f64 = 0.02;

/// Measures an index with these facts; none where it is too small.
fn measured(snapshot: &Snapshot, facts: &Facts, seed: u64) -> Result<Option<Strangers>> {
    let ids = drawn(snapshot)?;
    if ids.len() < FEWEST {
        return Ok(None);
    }
    let images = Images { snapshot, code_share: code_share(&facts.codes.binarizer) };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut pair = || {
        let first = rng.random_range(0..ids.len());
        let second = (first + rng.random_range(1..ids.len())) % ids.len();
        images.similarity([ids[first], ids[second]])
    };
    let mut similarities: Vec<f32> = (0..PAIRS).map(|_| pair()).collect();
    similarities.sort_unstable_by(f32::total_cmp);
    let quantiles = [16, 50, 84, 99].map(|percent| similarities[PAIRS * percent / 100]);
    let nearest = images.nearest(&ids)?;
    Ok(Some(Strangers { images: ids.len() as u32, quantiles, nearest })) // at most IMAGES
}

/// The images to compare, in the order of their hashes.
fn drawn(snapshot: &Snapshot) -> Result<Vec<u32>> {
    let mut smallest = BTreeMap::new(); // one of each content, or copies would fill it
    for id in snapshot.ids() {
        smallest.entry(Record::of(snapshot, id)?.hash).or_insert(id);
        if smallest.len() > IMAGES {
            smallest.pop_last();
        }
    }
    Ok(smallest.into_values().collect())
}

/// Images of an index, compared as hits are.
struct Images<'a> {
    snapshot: &'a Snapshot,
    code_share: f32,
}

impl Images<'_> {
    /// The similarity that all images `ids` but [`LONELY`] have to their nearest neighbour, found as a query
    /// would.
    fn nearest(&self, ids: &[u32]) -> Result<f32> {
        let QueryOptions { mode, rerank, .. } = QueryOptions::default();
        let search = Search { k: rerank, mode, radius: None, ties: true, only: None };
        let other = |&id: &u32| -> Result<Option<f32>> {
            let hits = self.snapshot.search(self.snapshot.code(id), &search)?;
            Ok(self.ranked(id, &hits).into_iter().find(|hit| hit.id != id).map(|hit| hit.similarity))
        };
        let found: Result<Vec<Option<f32>>> = ids.par_iter().map(other).collect();
        let mut nearest: Vec<f32> = found?.into_iter().flatten().collect();
        nearest.sort_unstable_by(f32::total_cmp);
        Ok(nearest.get((nearest.len() as f64 * LONELY) as usize).copied().unwrap_or(1.0))
    }

    fn similarity(&self, [first, second]: [u32; 2]) -> f32 {
        let [a, b] = [first, second].map(|id| self.snapshot.code(id));
        let distance = a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum();
        self.ranked(first, &[Hit { id: second, distance }]).first().map_or(0.0, |hit| hit.similarity)
    }

    /// Hits of the query with image `id`.
    fn ranked(&self, id: u32, hits: &[Hit]) -> Vec<Ranked> {
        let values = self.snapshot.latent(id).map_or(&[][..], |latent| latent.values);
        let latent: Vec<f32> = values.iter().map(|value| f32::from(*value)).collect();
        self.snapshot.rerank(&latent, hits, hits.len(), self.code_share)
    }
}

/// Measures the index at `dir`, looks at its folders, and keeps what was found with it. Gives the index as it is
/// then, if there is one.
///
/// This is done whether or not the run changed anything: an earlier one may have been killed right after its
/// last commit. The index is written only where the result is another.
pub(super) fn keep_strangers(
    (dir, writer): (&Path, &mut Writer),
    seed: u64,
) -> Result<Option<(Snapshot, Facts)>> {
    let now = open_if_any(dir)?;
    let Some((snapshot, facts)) = &now else { return Ok(now) };
    let (strangers, classes) = (measured(snapshot, facts, seed)?, Some(has_classes(snapshot)?));
    if (strangers, classes) == (facts.strangers, facts.classes) {
        return Ok(now);
    }
    let facts = Facts { strangers, classes, ..facts.clone() };
    let builder = SegmentBuilder::new(&snapshot.settings())?.with_attributes(vec![facts.to_attribute()]);
    writer.take_over(&[], builder)?; // nothing but the facts changes
    drop(now);
    open_if_any(dir)
}
