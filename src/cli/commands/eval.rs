//! `aesearch eval [DATA...]`: how good the codes of the index are, with labels where there are some.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::{SkippedDocument, exit_for, skipped_documents, tell_gallery, tell_skipped};
use crate::cli::args;
use crate::cli::exit::{Exit, catch_interrupts};
use crate::cli::print::{count, facts, thousands};
use crate::cli::resolve::Context;
use crate::eval::report::{EvalOptions, Report, evaluate};
use crate::gallery::{Gallery, Observer, OpenOptions};
use crate::images;

#[derive(Debug, Serialize)]
struct EvalDocument<'a> {
    #[serde(flatten)]
    report: &'a Report,
    skipped: Vec<SkippedDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Eval) -> anyhow::Result<Exit> {
    let dir = context.index_dir(&args.index)?;
    let options = resolve(context, args);
    context.limit_threads(options.threads);
    let walk = if args.queries.is_empty() { None } else { Some(images::walk(&args.queries)?) };
    let default = OpenOptions::new(context.runtime.clone());
    let open = OpenOptions { device: context.device(&args.compute, default.device)?, ..default };
    let gallery = Gallery::open(&dir, &open, &|text| context.printer.note(text))?;
    tell_gallery(context, &dir, &gallery);
    let items = walk.as_ref().map(|walk| walk.items.as_slice());
    let (report, mut skipped) = evaluate(&gallery, &dir, items, &options, &Stopper)?;
    skipped.extend(walk.into_iter().flat_map(|walk| walk.skipped));
    tell_skipped(&context.printer, &skipped);
    if context.printer.json {
        let document = EvalDocument { report: &report, skipped: skipped_documents(&skipped) };
        context.printer.document("eval", &document)?;
    } else {
        context.printer.text(&facts(&lines(&report)))?;
    }
    Ok(exit_for(&skipped))
}

fn resolve(context: &Context, args: &args::Eval) -> EvalOptions {
    let default = EvalOptions::default();
    EvalOptions {
        max_queries: args.max_queries.unwrap_or(default.max_queries),
        threads: context.threads(&args.compute),
    }
}

fn lines(report: &Report) -> Vec<(&'static str, String)> {
    let (asked, known) = (count(report.queries as u64, "image"), thousands(report.images as u64));
    let asked = format!("{asked} asking {known}, {} bits", report.bits);
    let mut lines = vec![("queries", asked)];
    let mut value = |name, value: Option<f64>| lines.extend(value.map(|value| (name, format!("{value:.3}"))));
    value("mAP", report.map_all);
    value("mAP@1000", report.map_1000);
    value("precision@10", report.precision_10);
    value("precision@100", report.precision_100);
    value("kNN-10 accuracy", report.knn10_accuracy);
    value("  re-ranked by latents", report.reranked_knn10_accuracy);
    value("  of exact latents", report.baselines.latents.map(|b| b.knn10_accuracy));
    value("  of exact pixels", report.baselines.pixels.map(|b| b.knn10_accuracy));
    value("recall@10 of the graph", Some(report.recall_10));
    if report.map_all.is_none() {
        lines.push(("labels", "fewer than two: nothing to judge answers by".into()));
    }
    lines
}

/// Ctrl-C ends an examination; nothing is kept of it.
struct Stopper;

impl Observer for Stopper {
    fn interrupted(&self) -> bool {
        catch_interrupts().load(Ordering::Relaxed)
    }
}
