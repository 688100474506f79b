//! `aesearch dedupe evaluate --truth FILE`: hold what a scan finds against pairs that are known.

use std::path::PathBuf;

use serde::Serialize;

use super::scan::{Wanted, find};
use crate::cli::args;
use crate::cli::commands::exit_for;
use crate::cli::commands::outputs::{check_places, keep_files};
use crate::cli::exit::Exit;
use crate::cli::print::{count, facts};
use crate::cli::resolve::Context;
use crate::dedupe::{Decisions, Evaluation, Point, ScanOptions, Threshold, Truth, curve_svg, evaluate};
use crate::error::Error;
use crate::output::write_whole;

/// Paths of the truth that are named.
const NAMED: usize = 5;

#[derive(Debug, Serialize)]
struct EvaluateDocument<'a> {
    images: usize,
    threshold: &'a Threshold,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    /// Paths of the truth that are none of the images.
    unknown: &'a [String],
}

pub(super) fn run(context: &Context, args: &args::Evaluate) -> anyhow::Result<Exit> {
    let truth = Truth::read(&args.truth)?;
    check_places(&args.curve.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    let default = ScanOptions::default();
    let options = ScanOptions {
        false_positive_rate: super::scan::rate(args.false_positive_rate, default.false_positive_rate)?,
        turns: super::scan::turns(&args.invariant)?,
        ..default
    };
    let wanted = Wanted {
        data: &args.data,
        reference: &[],
        index: &args.index,
        walking: &args.walking,
        compute: &args.compute,
    };
    // what was decided is no measure of what is found
    let found = find(context, &wanted, &options, &Decisions::default())?;
    let (evaluation, unknown) = evaluate(&found.scan, &truth, &args.data);
    if evaluation.true_pairs == 0 {
        let what = format!(
            "{}: expected pairs of the {} that were compared, got none",
            args.truth.display(),
            count(found.scan.plan.images as u64, "image")
        );
        return Err(Error::invalid(what)
            .with_hint("paths start at the working directory, at the file's own folder, or at one of DATA")
            .into());
    }
    for path in unknown.iter().take(NAMED) {
        context.printer.warning(&format!("{path}: not among the images that were compared"));
    }
    if unknown.len() > NAMED {
        context.printer.warning(&format!("and {} more", unknown.len() - NAMED));
    }
    if let Some(path) = &args.curve {
        keep_files(path, &context.index_dir(&args.index)?)?;
        write_whole(path, curve_svg(&evaluation).as_bytes())?;
    }
    let plan = &found.scan.plan;
    if context.printer.json {
        let document = EvaluateDocument {
            images: plan.images,
            threshold: &plan.threshold,
            evaluation: &evaluation,
            unknown: &unknown,
        };
        context.printer.document("dedupe evaluate", &document)?;
    } else {
        context.printer.text(&text(&evaluation))?;
    }
    Ok(match exit_for(&found.skipped()) {
        Exit::Done if !unknown.is_empty() => Exit::Skipped,
        exit => exit,
    })
}

fn text(evaluation: &Evaluation) -> String {
    let point = |point: &Point| {
        let Point { similarity, precision, recall, f1 } = point;
        format!(
            "precision {precision:.4}, recall {recall:.4}, F1 {f1:.4}, from similarity {similarity:.4} on"
        )
    };
    let mut lines = vec![
        ("true pairs", evaluation.true_pairs.to_string()),
        ("at the threshold", point(&evaluation.at_threshold)),
        ("best F1", point(&evaluation.best)),
        ("average precision", format!("{:.4}", evaluation.average_precision)),
    ];
    let kinds: Vec<String> =
        evaluation.recall_by_kind.iter().map(|(kind, recall)| format!("{kind} {recall:.4}")).collect();
    if !kinds.is_empty() {
        lines.push(("recall by kind", kinds.join(", ")));
    }
    if evaluation.unjudged > 0 {
        lines.push((
            "unjudged",
            format!("{} called near that nobody judged", count(evaluation.unjudged as u64, "pair")),
        ));
    }
    if let Some(pair) = evaluation.false_pairs.first() {
        lines.push(("false, for one", format!("{} = {} ({:.4})", pair.a, pair.b, pair.similarity)));
    }
    facts(&lines)
}
