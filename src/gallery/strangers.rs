//! How near images are that have nothing to do with each other: similarities of random pairs of a
//! collection, kept with its index as a few numbers. What is no nearer to a query than that is no answer.

use std::collections::BinaryHeap;
use std::path::Path;

use aesearch_index::{SegmentBuilder, Snapshot, Writer};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::folder::open_if_any;
use super::record::{Facts, Record, Strangers};
use crate::error::Result;

/// Images that are compared, at most: those whose contents have the smallest hashes, which is as good as
/// drawn at random, and the same however the index came about.
const IMAGES: usize = 1000;
/// With fewer images there are no strangers to speak of.
const FEWEST: usize = 50;
/// Random pairs of them.
const PAIRS: usize = 10_000;

/// Measures an index; none where it is too small.
fn measured(snapshot: &Snapshot, seed: u64) -> Result<Option<Strangers>> {
    let ids = drawn(snapshot)?;
    if ids.len() < FEWEST {
        return Ok(None);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut pair = || {
        let first = rng.random_range(0..ids.len());
        let second = (first + rng.random_range(1..ids.len())) % ids.len();
        similarity(snapshot, [ids[first], ids[second]])
    };
    let mut similarities: Vec<f32> = (0..PAIRS).map(|_| pair()).collect();
    similarities.sort_unstable_by(f32::total_cmp);
    let quantiles = [16, 50, 84, 99].map(|percent| similarities[PAIRS * percent / 100]);
    Ok(Some(Strangers { images: ids.len() as u32, quantiles })) // at most IMAGES
}

/// The images to compare, in the order of their hashes.
fn drawn(snapshot: &Snapshot) -> Result<Vec<u32>> {
    let mut smallest = BinaryHeap::with_capacity(IMAGES + 1);
    for id in snapshot.ids() {
        smallest.push((Record::of(snapshot, id)?.hash, id));
        if smallest.len() > IMAGES {
            smallest.pop();
        }
    }
    Ok(smallest.into_sorted_vec().into_iter().map(|(_, id)| id).collect())
}

/// As the index ranks hits: see [`Snapshot::rerank`].
fn similarity(snapshot: &Snapshot, pair: [u32; 2]) -> f32 {
    let [Some(a), Some(b)] = pair.map(|id| snapshot.latent(id)) else {
        let [a, b] = pair.map(|id| snapshot.code(id));
        let distance: u32 = a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum();
        return 1.0 - 2.0 * distance as f32 / snapshot.bits() as f32;
    };
    let product = |a: &[i8], b: &[i8]| -> i64 {
        a.iter().zip(b).map(|(a, b)| i64::from(i32::from(*a) * i32::from(*b))).sum()
    };
    let lengths = (product(a.values, a.values) as f64 * product(b.values, b.values) as f64).sqrt();
    if lengths > 0.0 { (product(a.values, b.values) as f64 / lengths) as f32 } else { 0.0 }
}

/// Measures the index at `dir`, and keeps what was found with it. Gives the index as it is then, if there is
/// one.
///
/// This is done whether or not the run changed anything: an earlier one may have been killed right after its
/// last commit. The index is written only where the result is another.
pub(super) fn keep_strangers(
    (dir, writer): (&Path, &mut Writer),
    seed: u64,
) -> Result<Option<(Snapshot, Facts)>> {
    let now = open_if_any(dir)?;
    let Some((snapshot, facts)) = &now else { return Ok(now) };
    let strangers = measured(snapshot, seed)?;
    if strangers == facts.strangers {
        return Ok(now);
    }
    let facts = Facts { strangers, ..facts.clone() };
    let builder = SegmentBuilder::new(&snapshot.settings())?.with_attributes(vec![facts.to_attribute()]);
    writer.commit_since(builder, &[], snapshot.generation())?;
    drop(now);
    open_if_any(dir)
}
