//! `dedupe evaluate`: what a scan finds, held against pairs that are known to be duplicates.
//!
//! Every pair of files that was compared has a similarity, others have none; a threshold moves down from 1, and precision and recall are
//! measured at each. Pairs that are not in the truth count as false, but for those that it implies (a is b, b is c). Where the
//! truth holds judgements, only pairs that were judged count.

mod curve;
mod known;
mod steps;
mod truth;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use truth::Truth;

use super::scan::Scan;
use curve::draw;
use known::{Known, Similarity};
use steps::Curve;

/// Points of the curve that are told.
const POINTS: usize = 200;

/// How good a scan is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Pairs of the truth that are duplicates, and both of whose files were compared.
    pub true_pairs: usize,
    /// At the scan's own threshold.
    pub at_threshold: Point,
    /// Where F1 is best.
    pub best: Point,
    /// The mean of the precision at each true pair that is found; one that is never found counts as 0.
    pub average_precision: f64,
    /// Of each kind of pair that the truth names, the part that is found at the threshold.
    pub recall_by_kind: BTreeMap<String, f64>,
    /// Precision and recall at falling thresholds.
    pub curve: Vec<Point>,
    /// Pairs found at the threshold that nobody judged, where there are judgements.
    pub unjudged: usize,
    /// Pairs that are called near and are no duplicates by the truth, the most similar first; at most 100.
    pub false_pairs: Vec<FalsePair>,
}

/// What a threshold comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Point {
    /// Pairs at least so similar are called duplicates.
    pub similarity: f64,
    /// The part of these that are.
    pub precision: f64,
    /// The part of all duplicates among them.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
}

/// A pair called near that is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FalsePair {
    /// One.
    pub a: String,
    /// The other.
    pub b: String,
    /// Their similarity.
    pub similarity: f32,
}

impl Point {
    fn of(similarity: f64, hits: usize, called: usize, true_pairs: usize) -> Point {
        let share = |part: usize, of: usize| if of == 0 { 0.0 } else { part as f64 / of as f64 };
        // nothing called, nothing wrong
        let precision = if called == 0 { 1.0 } else { share(hits, called) };
        let recall = share(hits, true_pairs);
        let sum = precision + recall;
        Point {
            similarity,
            precision,
            recall,
            f1: if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 },
        }
    }
}

/// Holds a scan against the truth; `roots` are where its paths may start beside the usual places. Gives the paths as well that
/// are none of the scan's.
pub fn evaluate(scan: &Scan, truth: &Truth, roots: &[PathBuf]) -> (Evaluation, Vec<String>) {
    let (known, unknown) = Known::new(scan, truth, roots);
    let similarity = Similarity::of(scan);
    let steps = match truth.has_judgements {
        true => known.judged_steps(&similarity),
        false => known.complete_steps(&similarity),
    };
    let limit = scan.plan.threshold.similarity as f32;
    let true_pairs = known.pairs.values().filter(|pair| pair.same).count();
    let curve = Curve::of(&steps, true_pairs);
    let is_called =
        |pair: &(u32, u32)| similarity.of_files(*pair).is_some_and(|similarity| similarity >= limit);
    let unjudged = match truth.has_judgements {
        true => {
            similarity.called(limit).saturating_sub(known.pairs.keys().filter(|pair| is_called(pair)).count())
        }
        false => 0,
    };
    let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (pair, judgement) in &known.pairs {
        if let Some(kind) = &judgement.kind {
            let (hits, all) = kinds.entry(kind.clone()).or_default();
            *hits += usize::from(is_called(pair));
            *all += 1;
        }
    }
    let evaluation = Evaluation {
        true_pairs,
        at_threshold: curve.at(limit),
        best: curve.points.iter().copied().max_by(|a, b| a.f1.total_cmp(&b.f1)).unwrap_or_default(),
        average_precision: curve.average_precision,
        recall_by_kind: kinds
            .into_iter()
            .map(|(kind, (hits, all))| (kind, hits as f64 / all as f64))
            .collect(),
        curve: thinned(&curve.points),
        unjudged,
        false_pairs: known.false_pairs(scan, &similarity, (limit, truth.has_judgements)),
    };
    (evaluation, unknown)
}

/// At most [`POINTS`] of them, spread evenly, the last one among them.
fn thinned(points: &[Point]) -> Vec<Point> {
    let n = points.len().min(POINTS);
    (1..=n).map(|i| points[i * points.len() / n - 1]).collect()
}

/// Precision over recall as an SVG picture.
pub fn curve_svg(evaluation: &Evaluation) -> String {
    draw(evaluation)
}

/// The folder that relative paths of a truth start at, beside the working directory and the paths of the scan.
fn folder(path: &Path) -> PathBuf {
    path.parent().map(Path::to_path_buf).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(text: &str) -> Truth {
        Truth::parse(text.as_bytes(), Path::new("pairs.csv")).unwrap()
    }

    fn scan(names: &[&str], pairs: &[(f32, u32, u32)]) -> Scan {
        Scan::of_scored(names, pairs, 0.9)
    }

    #[test]
    fn precision_recall_and_their_mean_are_those_of_the_textbook() {
        let scan =
            scan(&["a", "b", "c", "d", "e", "f"], &[(0.99, 0, 1), (0.95, 0, 2), (0.92, 2, 3), (0.5, 4, 5)]);
        let (got, unknown) = evaluate(&scan, &truth("a,b\na,b\nc,d\ne,f\n"), &[]);
        assert!(unknown.is_empty());
        // in order: hit, miss, hit; then below the threshold one more hit
        assert_eq!(got.true_pairs, 3);
        assert!((got.at_threshold.precision - 2.0 / 3.0).abs() < 1e-9);
        assert!((got.at_threshold.recall - 2.0 / 3.0).abs() < 1e-9);
        assert!((got.average_precision - (1.0 + 2.0 / 3.0 + 3.0 / 4.0) / 3.0).abs() < 1e-9);
        assert!((got.best.f1 - 6.0 / 7.0).abs() < 1e-9 && (got.best.similarity - 0.5).abs() < 1e-6);
        assert_eq!((got.false_pairs.len(), got.false_pairs[0].a.as_str()), (1, "a"));
        assert_eq!(got.curve.len(), 4);
    }

    #[test]
    fn what_the_truth_implies_is_not_false_and_what_it_never_finds_costs() {
        let scan = scan(&["a", "b", "c", "d"], &[(0.99, 0, 1), (0.98, 1, 2), (0.97, 0, 2)]);
        let (got, _) = evaluate(&scan, &truth("a,b\na,b\nb,c\na,d\n"), &[]);
        assert_eq!((got.at_threshold.precision, got.true_pairs), (1.0, 3));
        assert!((got.average_precision - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn only_judged_pairs_count_where_there_are_judgements() {
        let scan = scan(&["a", "b", "c"], &[(0.99, 0, 1), (0.98, 1, 2), (0.97, 0, 2)]);
        let (got, unknown) = evaluate(&scan, &truth("a,b,judgement\na,b,1\nb,c,0\nx,y,1\n"), &[]);
        assert_eq!((got.at_threshold.precision, got.at_threshold.recall, got.unjudged), (0.5, 1.0, 1));
        assert_eq!(unknown, ["x", "y"]);
    }

    #[test]
    fn equal_images_are_counted_without_going_through_their_pairs() {
        let names: Vec<String> = (0..60_000).map(|i| format!("{i:05}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut many = scan(&names, &[]);
        many.files.iter_mut().for_each(|file| file.1 = 0);
        let (got, _) = evaluate(&many, &truth("a,b\n00000,00001\n00001,00002\n"), &[]);
        let all = 60_000.0 * 59_999.0 / 2.0;
        assert_eq!((got.at_threshold.recall, got.false_pairs.len()), (1.0, 100));
        // 0 = 2 is implied, neither right nor wrong
        assert!((got.at_threshold.precision - 2.0 / (all - 1.0)).abs() < 1e-15);
        // nor where the truth says of all but the last that they are
        let stars: String = (1..59_999).map(|i| format!("00000,{i:05}\n")).collect();
        let (got, _) = evaluate(&many, &truth(&format!("a,b\n{stars}")), &[]);
        let wrong = |pair: &FalsePair| pair.b == "59999" && pair.similarity == 1.0;
        assert!(got.false_pairs.len() == 100 && got.false_pairs.iter().all(wrong));
        let (got, _) = evaluate(&many, &truth(&format!("a,b\n{stars}00000,59999\n")), &[]);
        assert_eq!((got.at_threshold.precision, got.false_pairs), (1.0, Vec::new()));
    }

    #[test]
    fn false_pairs_of_equal_and_of_near_images_are_each_told_once() {
        let mut scan = scan(&["a", "b", "c", "d", "e"], &[(0.95, 0, 3)]);
        [0, 0, 0, 3, 3].iter().zip(&mut scan.files).for_each(|(picture, file)| file.1 = *picture);
        let (got, _) = evaluate(&scan, &truth("a,b\na,b\nb,e\n"), &[]);
        let mut pairs: Vec<String> =
            got.false_pairs.iter().map(|pair| format!("{}{}", pair.a, pair.b)).collect();
        pairs[..3].sort_unstable(); // equal ones first
        pairs[3..].sort_unstable();
        assert_eq!(pairs, ["ac", "bc", "ed", "ad", "bd", "cd", "ce"]);
    }

    #[test]
    fn a_later_judgement_of_a_pair_holds() {
        let scan = scan(&["a", "b"], &[(0.99, 0, 1)]);
        let (got, _) = evaluate(&scan, &truth("a,b,1\nb,a,0\n"), &[]);
        assert_eq!((got.true_pairs, got.at_threshold.precision), (0, 0.0));
    }

    #[test]
    fn kinds_are_told_apart() {
        let scan = scan(&["a", "b", "c", "d"], &[(0.99, 0, 1), (0.2, 2, 3)]);
        let (got, _) = evaluate(&scan, &truth("a,b,kind\na,b,jpeg\nc,d,crop\n"), &[]);
        assert_eq!(got.recall_by_kind, BTreeMap::from([("crop".to_owned(), 0.0), ("jpeg".to_owned(), 1.0)]));
    }

    #[test]
    fn nothing_at_all_is_no_division_by_nothing() {
        let (got, _) = evaluate(&scan(&["a", "b"], &[]), &truth("a,b\n"), &[]);
        assert_eq!(
            (got.average_precision, got.at_threshold.recall, got.at_threshold.precision),
            (0.0, 0.0, 1.0)
        );
        assert!(curve_svg(&got).starts_with("<svg"));
    }
}
