//! The figures of an evaluation.

use std::collections::BTreeMap;

use serde::Serialize;

/// How good a scan is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Evaluation {
    /// The number of true pairs of which both files were compared.
    pub true_pairs: usize,
    /// Precision and recall at the scan's own threshold.
    pub at_threshold: OperatingPoint,
    /// Those at the threshold with the best F1.
    pub best: OperatingPoint,
    /// The mean of the precision at each true pair; a pair that is not found counts as 0.
    pub average_precision: f64,
    /// Recall at the threshold, of near and edited pairs together, for each kind of pair that the truth names.
    pub recall_by_kind: BTreeMap<String, f64>,
    /// The share that is called edited.
    pub edited_by_kind: BTreeMap<String, f64>,
    /// Precision and recall at falling thresholds.
    pub curve: Vec<OperatingPoint>,
    /// The number of pairs found at the threshold that were not judged; 0 if the truth holds no judgements.
    pub unjudged: usize,
    /// Pairs called near that are not duplicates, the most similar first; at most 100.
    pub false_pairs: Vec<FalsePair>,
}

/// Precision and recall at one threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OperatingPoint {
    /// Pairs at least this similar are called duplicates.
    pub similarity: f64,
    /// The share of them that are.
    pub precision: f64,
    /// The share of all duplicates among them.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
}

/// A pair called near that is not a duplicate.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FalsePair {
    /// The first.
    pub a: String,
    /// The second.
    pub b: String,
    /// Their similarity.
    pub similarity: f32,
}

impl OperatingPoint {
    /// The figures for `hits` true pairs among the `called` ones.
    pub(super) fn of(similarity: f64, hits: usize, called: usize, true_pairs: usize) -> OperatingPoint {
        let share = |part: usize, of: usize| if of == 0 { 0.0 } else { part as f64 / of as f64 };
        // if nothing is called near, nothing is wrong
        let precision = if called == 0 { 1.0 } else { share(hits, called) };
        let recall = share(hits, true_pairs);
        let sum = precision + recall;
        OperatingPoint {
            similarity,
            precision,
            recall,
            f1: if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 },
        }
    }
}
