//! Evaluates what a scan finds against pairs that are known to be duplicates.
//!
//! Every pair of files that was compared has a similarity, others have none. A threshold moves down from 1,
//! and precision and recall are measured at each step. Pairs that are not in the truth count as false, except
//! those that it implies (a is b, b is c). If the truth holds judgements, only judged pairs count.
//!
//! | file | what it does |
//! |---|---|
//! | `mod` | one call: index, scan, compare with the truth, draw the curve |
//! | `truth` | reads known pairs from CSV, and finds the files they mean |
//! | `known` | what is known about the files of a scan, and how similar they are |
//! | `steps` | precision and recall at falling thresholds |
//! | `curve` | draws them as SVG |
//! | `result` | the figures |

mod result;
mod truth;

mod curve;
mod known;
mod steps;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aesearch_index::Snapshot;

pub use result::{Evaluation, FalsePair, OperatingPoint};
use truth::Truth;

use super::decisions::Decisions;
use super::find::{FindOptions, Found, find};
use super::scan::Scan;
use crate::error::{Error, Result};
use crate::gallery::keep_images;
use crate::observer::Observer;
use crate::output::{check_places, count, write_whole};
use curve::curve_svg;
use known::{Known, Similarity};
use steps::Curve;

/// The largest number of points in an evaluation's curve.
const POINTS: usize = 200;

/// What to evaluate, and against what.
#[derive(Debug, Clone)]
pub struct EvaluateOptions {
    /// What to compare and how. Outputs are not written.
    pub find: FindOptions,
    /// The known pairs, a CSV file: lines of `a,b`, or `a,b,judgement`. Paths start at the working directory,
    /// at the file's own folder, or at one of the paths of the data.
    pub truth: PathBuf,
    /// Draws precision over recall into this SVG file.
    pub curve: Option<PathBuf>,
}

impl Default for EvaluateOptions {
    /// Compares all images of the index with the pairs of `pairs.csv` in the working directory.
    fn default() -> Self {
        EvaluateOptions { find: FindOptions::default(), truth: PathBuf::from("pairs.csv"), curve: None }
    }
}

/// The result of an evaluation.
#[derive(Debug, Clone)]
pub struct Evaluated {
    /// Precision and recall.
    pub evaluation: Evaluation,
    /// Paths of the truth that were not among the images compared.
    pub unknown: Vec<String>,
    /// What was scanned.
    pub found: Found,
}

/// Indexes and scans as [`find_duplicates`](crate::dedupe::find_duplicates) does, but without decisions, and
/// compares the result with known pairs.
///
/// # Errors
/// Those of the scan; when the truth or the curve cannot be read or written, or no pair of the truth was
/// compared.
pub fn evaluate(dir: &Path, options: &EvaluateOptions, observer: &dyn Observer) -> Result<Evaluated> {
    let truth = Truth::read(&options.truth)?;
    let curve = options.curve.as_deref();
    check_places(curve.as_slice())?; // before the work
    let found = find(dir, &options.find, &Decisions::default(), observer)?;
    let (evaluation, unknown) = score(&found.scan, &truth, &options.find.data);
    if evaluation.true_pairs == 0 {
        let (truth, images) = (options.truth.display(), count(found.scan.plan.images as u64, "image"));
        let what = format!("{truth}: expected pairs of the {images} that were compared, got none");
        return Err(Error::invalid(what).with_hint(
            "paths start at the working directory, at the file's own folder, or at one of the paths compared",
        ));
    }
    if let Some(path) = curve {
        keep_images(path, &Snapshot::open(dir)?, dir)?;
        write_whole(path, curve_svg(&evaluation).as_bytes())?;
    }
    Ok(Evaluated { evaluation, unknown, found })
}

/// Compares a scan with the truth, whose paths may also start at one of `roots`. Also returns the paths that
/// the scan does not know.
fn score(scan: &Scan, truth: &Truth, roots: &[PathBuf]) -> (Evaluation, Vec<String>) {
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
    let mut kinds: BTreeMap<String, [usize; 3]> = BTreeMap::new(); // found, edited, all
    for (pair, judgement) in &known.pairs {
        if let Some(kind) = &judgement.kind {
            let [hits, edited, all] = kinds.entry(kind.clone()).or_default();
            *hits += usize::from(is_called(pair));
            *edited += usize::from(similarity.is_edited(*pair));
            *all += 1;
        }
    }
    let share = |part: usize| {
        let of =
            |(kind, counts): (&String, &[usize; 3])| (kind.clone(), counts[part] as f64 / counts[2] as f64);
        kinds.iter().map(of).collect()
    };
    let evaluation = Evaluation {
        true_pairs,
        at_threshold: curve.at(limit),
        best: curve.points.iter().copied().max_by(|a, b| a.f1.total_cmp(&b.f1)).unwrap_or_default(),
        average_precision: curve.average_precision,
        recall_by_kind: share(0),
        edited_by_kind: share(1),
        curve: thinned(&curve.points),
        unjudged,
        false_pairs: known.false_pairs(scan, &similarity, (limit, truth.has_judgements)),
    };
    (evaluation, unknown)
}

/// At most [`POINTS`] of them, spread evenly, including the last.
fn thinned(points: &[OperatingPoint]) -> Vec<OperatingPoint> {
    let n = points.len().min(POINTS);
    (1..=n).map(|i| points[i * points.len() / n - 1]).collect()
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
        let (got, unknown) = score(&scan, &truth("a,b\na,b\nc,d\ne,f\n"), &[]);
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
        let (got, _) = score(&scan, &truth("a,b\na,b\nb,c\na,d\n"), &[]);
        assert_eq!((got.at_threshold.precision, got.true_pairs), (1.0, 3));
        assert!((got.average_precision - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn only_judged_pairs_count_where_there_are_judgements() {
        let scan = scan(&["a", "b", "c"], &[(0.99, 0, 1), (0.98, 1, 2), (0.97, 0, 2)]);
        let (got, unknown) = score(&scan, &truth("a,b,judgement\na,b,1\nb,c,0\nx,y,1\n"), &[]);
        assert_eq!((got.at_threshold.precision, got.at_threshold.recall, got.unjudged), (0.5, 1.0, 1));
        assert_eq!(unknown, ["x", "y"]);
    }

    #[test]
    fn equal_images_are_counted_without_going_through_their_pairs() {
        let names: Vec<String> = (0..60_000).map(|i| format!("{i:05}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut many = scan(&names, &[]);
        many.files.iter_mut().for_each(|file| file.1 = 0);
        let (got, _) = score(&many, &truth("a,b\n00000,00001\n00001,00002\n"), &[]);
        let all = 60_000.0 * 59_999.0 / 2.0;
        assert_eq!((got.at_threshold.recall, got.false_pairs.len()), (1.0, 100));
        // 0 = 2 is implied, neither right nor wrong
        assert!((got.at_threshold.precision - 2.0 / (all - 1.0)).abs() < 1e-15);
        // nor where the truth says of all but the last that they are
        let stars: String = (1..59_999).map(|i| format!("00000,{i:05}\n")).collect();
        let (got, _) = score(&many, &truth(&format!("a,b\n{stars}")), &[]);
        let wrong = |pair: &FalsePair| pair.b == "59999" && pair.similarity == 1.0;
        assert!(got.false_pairs.len() == 100 && got.false_pairs.iter().all(wrong));
        let (got, _) = score(&many, &truth(&format!("a,b\n{stars}00000,59999\n")), &[]);
        assert_eq!((got.at_threshold.precision, got.false_pairs), (1.0, Vec::new()));
    }

    #[test]
    fn false_pairs_of_equal_and_of_near_images_are_each_listed_once() {
        let mut scan = scan(&["a", "b", "c", "d", "e"], &[(0.95, 0, 3)]);
        [0, 0, 0, 3, 3].iter().zip(&mut scan.files).for_each(|(picture, file)| file.1 = *picture);
        let (got, _) = score(&scan, &truth("a,b\na,b\nb,e\n"), &[]);
        let mut pairs: Vec<String> =
            got.false_pairs.iter().map(|pair| format!("{}{}", pair.a, pair.b)).collect();
        pairs[..3].sort_unstable(); // equal ones first
        pairs[3..].sort_unstable();
        assert_eq!(pairs, ["ac", "bc", "ed", "ad", "bd", "cd", "ce"]);
    }

    #[test]
    fn a_later_judgement_of_a_pair_holds() {
        let scan = scan(&["a", "b"], &[(0.99, 0, 1)]);
        let (got, _) = score(&scan, &truth("a,b,1\nb,a,0\n"), &[]);
        assert_eq!((got.true_pairs, got.at_threshold.precision), (0, 0.0));
    }

    #[test]
    fn kinds_are_told_apart() {
        let scan = scan(&["a", "b", "c", "d"], &[(0.99, 0, 1), (0.2, 2, 3)]);
        let (got, _) = score(&scan, &truth("a,b,kind\na,b,jpeg\nc,d,crop\n"), &[]);
        assert_eq!(got.recall_by_kind, BTreeMap::from([("crop".to_owned(), 0.0), ("jpeg".to_owned(), 1.0)]));
    }

    #[test]
    fn nothing_at_all_is_no_division_by_nothing() {
        let (got, _) = score(&scan(&["a", "b"], &[]), &truth("a,b\n"), &[]);
        assert_eq!(
            (got.average_precision, got.at_threshold.recall, got.at_threshold.precision),
            (0.0, 0.0, 1.0)
        );
        assert!(curve_svg(&got).starts_with("<svg"));
    }
}
