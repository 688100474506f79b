//! The threshold for a collection, and what it means: how many false pairs to expect, and what share of
//! copies is found.

use super::fingerprint::Turn;
use super::options::ScanOptions;
use super::pairs::{Compared, Comparison, Pair};
use super::plan::Threshold;
use super::recall::{Lookup, sample};
use super::threshold::Null;
use super::verify::Verifier;
use crate::error::Result;
use crate::images::Source;
use crate::observer::Stage;

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
    let inliers = verifier.calibrate();
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
    let limit = cut.unlikeness as f32;
    let Comparison { fingerprints, codes, known, observer } = *comparison;
    observer.stage(Stage::new("measuring", "copies"));
    let (strict, counts) = (options.threshold.is_some(), inliers.counts);
    let lookup = Lookup { fingerprints, codes, turns, limit, strict, inliers: counts };
    let orientations = turns.iter().flat_map(|turn| [u8::from(turn.mirrored), turn.quarters]);
    let asked = [u8::from(strict), counts as u8].into_iter().chain(orientations);
    let state = known.state(limit.to_le_bytes().into_iter().chain(asked));
    let threshold = Threshold {
        similarity: 1.0 - cut.unlikeness,
        false_positive_rate: rate,
        pairs_tested: compared.tested as u64,
        expected_false_pairs: Some(cut.rate * compared.tested as f64),
        null_pairs: null.tested() as u64,
        null_largest: 1.0 - null.least(),
        inliers,
        recall: known.copies(state, || lookup.recall(&sample(fingerprints.len()), source))?,
    };
    Ok(Measured { threshold, cut: limit })
}
