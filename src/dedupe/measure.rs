//! The threshold for a collection, and what it means: how many false pairs to expect, and what share of
//! copies is found.

use std::collections::HashSet;

use rayon::prelude::*;

use super::align::OF_ANY;
use super::compare::is_flat;
use super::copies::{Alteration, LARGEST};
use super::fingerprint::{Fingerprint, Thumb, Turn, chroma, fine_luma, luma};
use super::pairs::{Compared, Comparison, compare};
use super::plan::{CopyRecall, Threshold};
use super::threshold::{Cut, Null};
use crate::error::Result;
use crate::images::{Decoding, Needed, Pixels, Resizer, Source, fitted};

/// Images that null pairs are made with, for each orientation.
const NULL_IMAGES: usize = 6_144;
/// Images that are copied in each way.
const COPIED: usize = 200;
/// A pair below this unlikeness is left out of the null: if both images are alike unturned, a turned match
/// says that they are symmetric, not how alike different images are.
const ALIKE: f32 = 0.3;

/// A threshold and what it means.
pub(super) struct Measured {
    /// As the plan says it.
    pub(super) threshold: Threshold,
    /// Pairs up to this unlikeness are near.
    pub(super) cut: f32,
}

/// Finds the threshold for a false-positive rate per compared pair, and the share of copies that it finds.
/// `compared` are the pairs of the collection in `turns`; `source` reads the image at a position.
///
/// # Errors
/// Those of the search.
pub(super) fn measure(
    comparison: &Comparison<'_>,
    compared: &Compared,
    turns: &[Turn],
    rate: f64,
    source: impl Fn(u32) -> Option<Source> + Sync,
) -> Result<Measured> {
    let alike: HashSet<(u32, u32)> = compared
        .pairs
        .iter()
        .filter(|pair| pair.turn == Turn::NONE && pair.unlikeness < ALIKE)
        .map(|pair| (pair.a, pair.b))
        .collect();
    let n = comparison.fingerprints.len();
    let sample =
        |count: usize| (0..n.min(count)).map(|i| (i * n / n.min(count)) as u32).collect::<Vec<u32>>();
    // also if mirrored copies are searched for: they are few, as copies are, and the tail is fitted beyond
    // them
    let turned = [Turn::MIRRORED, Turn { quarters: 2, ..Turn::NONE }];
    let mut strictest: Option<(Cut, Null)> = None;
    for turn in turned {
        let found = comparison.pairs(&sample(NULL_IMAGES), &[turn], &OF_ANY)?;
        let different = found.pairs.iter().filter(|pair| !alike.contains(&(pair.a, pair.b)));
        let null = Null::new(different.map(|pair| pair.unlikeness), found.tested);
        let cut = null.cut(rate);
        // the stricter cut; one without a rate only if there is no other
        let strictness = |cut: &Cut| (cut.rate.is_none(), cut.unlikeness);
        if strictest.as_ref().is_none_or(|(other, _)| strictness(&cut) < strictness(other)) {
            strictest = Some((cut, null));
        }
    }
    let (cut, null) = strictest.unwrap_or_else(|| (Null::default().cut(rate), Null::default()));
    let limit = cut.unlikeness as f32;
    let threshold = Threshold {
        similarity: 1.0 - cut.unlikeness,
        false_positive_rate: rate,
        pairs_tested: compared.tested as u64,
        expected_false_pairs: cut.rate.map(|rate| rate * compared.tested as f64),
        null_pairs: if cut.rate.is_some() { null.tested() as u64 } else { 0 },
        null_largest: if cut.rate.is_some() { 1.0 - null.least() } else { 0.0 },
        recall: recall(comparison, turns, limit, &sample(COPIED), source)?,
    };
    Ok(Measured { threshold, cut: limit })
}

/// The share of copies found, for each way to make one.
fn recall(
    comparison: &Comparison<'_>,
    turns: &[Turn],
    limit: f32,
    positions: &[u32],
    source: impl Fn(u32) -> Option<Source> + Sync,
) -> Result<Vec<CopyRecall>> {
    let shown = |position: &&u32| !is_flat(comparison.fingerprints[**position as usize].luma);
    let read = |&position: &u32| {
        let needed = Needed::Fitted { side: LARGEST };
        let image = source(position)?.decode(&Decoding { needed, ..Decoding::default() }).ok()?;
        Some((position, fitted(&image, LARGEST).ok()?)) // many are held at once
    };
    let originals: Vec<(u32, Pixels)> =
        positions.iter().filter(shown).collect::<Vec<_>>().into_par_iter().filter_map(read).collect();
    let mirrored = turns.contains(&Turn::MIRRORED).then_some(Alteration::Mirrored);
    let mut recall = Vec::new();
    for change in Alteration::ALL.into_iter().chain(mirrored) {
        let copy = |resizer: &mut Resizer, (position, image): &(u32, Pixels)| {
            let copy = change.of(image).ok()?;
            let size = (copy.width as u32, copy.height as u32); // as of images, at most 2^32
            let fine = fine_luma(&copy, resizer).ok()?;
            Some((*position, size, luma(&copy, resizer).ok()?, chroma(&copy, resizer).ok()?, fine))
        };
        let copies: Vec<_> = originals.par_iter().map_init(Resizer::new, copy).flatten().collect();
        let mut found = vec![false; copies.len()];
        for &turn in turns {
            let queries: Vec<Thumb> = copies.iter().map(|(_, _, luma, ..)| turn.of(luma)).collect();
            let near = comparison.codes.near(&queries)?;
            let mut resizer = Resizer::new();
            for (((position, size, luma, chroma, fine), near), found) in
                copies.iter().zip(near).zip(&mut found)
            {
                let original = &comparison.fingerprints[*position as usize];
                let fine = fine.as_deref();
                let copy = Fingerprint { luma, chroma, fine, width: size.0, height: size.1, ..*original };
                *found |= near.binary_search(position).is_ok()
                    && compare(&copy, original, turn, &mut resizer) <= limit;
            }
        }
        let n = copies.len();
        if n > 0 {
            let share = found.iter().filter(|found| **found).count() as f64 / n as f64;
            recall.push(CopyRecall { copy: change.name(), copies: n, recall: share });
        }
    }
    Ok(recall)
}
