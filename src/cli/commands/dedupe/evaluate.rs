//! `aesearch dedupe evaluate --truth FILE`: compare what a scan finds with known pairs.

use serde::Serialize;

use super::scan::{images, tell, turns};
use crate::cli::args;
use crate::cli::commands::exit_for;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::exit::Exit;
use crate::cli::print::{count, facts};
use crate::cli::resolve::Context;
use crate::dedupe::{
    EvaluateOptions, Evaluated, Evaluation, FindOptions, OperatingPoint, ScanOptions, Threshold, evaluate,
};
use crate::error::Result;

/// The number of unknown paths that are named.
const NAMED: usize = 5;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::commands) struct EvaluateDocument<'a> {
    /// That were compared.
    images: usize,
    /// Of the scan.
    threshold: &'a Threshold,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    /// Paths of the truth that are not among the images.
    unknown: &'a [String],
}

pub(super) fn run(context: &Context, args: &args::Evaluate) -> anyhow::Result<Exit> {
    let options = resolve(context, args)?;
    let dir = context.any_index_dir(&args.index)?;
    let observer = TerminalObserver::new(context, "comparing");
    let done = evaluate(&dir, &options, &observer);
    observer.finish();
    let Evaluated { evaluation, unknown, found } = done?;
    tell(context, &dir, &found);
    for path in unknown.iter().take(NAMED) {
        context.printer.warning(&format!("{path}: not among the images that were compared"));
    }
    if unknown.len() > NAMED {
        context.printer.warning(&format!("and {} more", unknown.len() - NAMED));
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

fn resolve(context: &Context, args: &args::Evaluate) -> Result<EvaluateOptions> {
    let default = ScanOptions::default();
    let scan = ScanOptions {
        false_positive_rate: args.false_positive_rate.unwrap_or(default.false_positive_rate),
        turns: turns(&args.invariant)?,
        ..default
    };
    let find = FindOptions { scan, ..images(context, &args.data, &args.walking, &args.compute)? };
    Ok(EvaluateOptions { find, truth: args.truth.clone(), curve: args.curve.clone() })
}

fn text(evaluation: &Evaluation) -> String {
    let point = |point: &OperatingPoint| {
        let OperatingPoint { similarity, precision, recall, f1 } = point;
        format!("precision {precision:.4}, recall {recall:.4}, F1 {f1:.4}, at similarity {similarity:.4}")
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
            format!("{} called near but not judged", count(evaluation.unjudged as u64, "pair")),
        ));
    }
    if let Some(pair) = evaluation.false_pairs.first() {
        lines.push(("false, for one", format!("{} = {} ({:.4})", pair.a, pair.b, pair.similarity)));
    }
    facts(&lines)
}
