//! The threshold for a collection, and what it means: how many false pairs to expect, and what share of
//! copies is found.

use rayon::prelude::*;

use super::compare::is_flat;
use super::copies::{Alteration, LARGEST};
use super::fingerprint::{Fingerprint, Thumb, Turn, chroma, fine_luma, luma};
use super::options::ScanOptions;
use super::pairs::{Compared, Comparison, Pair, compare};
use super::plan::{CopyRecall, Threshold};
use super::threshold::Null;
use super::verify::Verifier;
use crate::error::Result;
use crate::images::{Decoding, Needed, Pixels, Resizer, Source, fitted};

/// Images that are copied in each way.
const COPIED: usize = 200;
/// Pairs below this unlikeness that were not verified may be copies.
const ALIKE: f32 = 0.3;

/// A threshold and what it means.
pub(super) struct Measured {
    /// As the plan says it.
    pub(super) threshold: Threshold,
    /// Pairs up to this unlikeness are near.
    pub(super) cut: f32,
}

/// Finds the threshold that the options ask for, and the share of copies that it finds. `compared` are the pairs
/// of the collection in `turns`; those that `verifier` found to be copies, or related, are not in the null.
/// `source` reads the image at a position.
///
/// # Errors
/// Those of the search.
pub(super) fn measure(
    comparison: &Comparison<'_>,
    compared: &Compared,
    verifier: &Verifier<'_>,
    turns: &[Turn],
    options: &ScanOptions,
    source: impl Fn(u32) -> Option<Source> + Sync,
) -> Result<Measured> {
    let is_known = |a: u32, b: u32| verifier.finding((a, b)).is_some_and(|finding| finding.kind.is_some());
    // of many alike, the less similar pairs are not verified
    let may_be = |pair: &Pair| pair.unlikeness < ALIKE && !verifier.is_settled((pair.a, pair.b));
    let different = compared.pairs.iter().filter(|pair| !is_known(pair.a, pair.b) && !may_be(pair));
    let null = Null::new(different.map(|pair| pair.unlikeness), compared.tested);
    let rate = options.false_positive_rate;
    let cut = match options.threshold {
        Some(similarity) => null.at(1.0 - similarity, rate),
        None => null.cut(rate),
    };
    let n = comparison.fingerprints.len();
    let sample: Vec<u32> = (0..n.min(COPIED)).map(|i| (i * n / n.min(COPIED)) as u32).collect();
    let limit = cut.unlikeness as f32;
    let orientations = turns.iter().flat_map(|turn| [u8::from(turn.mirrored), turn.quarters]);
    let state: Vec<u8> = limit.to_le_bytes().into_iter().chain(orientations).collect();
    let state = comparison.known.state(&state);
    let threshold = Threshold {
        similarity: 1.0 - cut.unlikeness,
        false_positive_rate: rate,
        pairs_tested: compared.tested as u64,
        expected_false_pairs: Some(cut.rate * compared.tested as f64),
        null_pairs: null.tested() as u64,
        null_largest: 1.0 - null.least(),
        recall: comparison.known.copies(state, || recall(comparison, turns, limit, &sample, source))?,
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
