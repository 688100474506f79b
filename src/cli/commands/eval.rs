//! `aesearch eval [DATA...]`: how good the codes of the index are, with labels where there are some.

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, skipped_documents, tell_gallery, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::foreign::load_options;
use crate::cli::print::{Align, Table, count, facts, thousands};
use crate::cli::resolve::Context;
use crate::error::Result;
use crate::eval::codes::CodeQuality;
use crate::eval::evaluate::{Baselines, EvalOptions, EvalReport, Promise, RecallAt, WithoutLabels, evaluate};
use crate::eval::quality::Quality;
use crate::eval::views::OwnView;
use crate::gallery::{Gallery, OpenOptions};

/// `null` stands for what needs labels, images or latents that are not there.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EvalDocument<'a> {
    /// In the index.
    images: usize,
    /// Images that were asked with.
    queries: usize,
    /// Of a code.
    bits: usize,
    /// Mean average precision over the whole ranking.
    map_all: Option<f64>,
    /// The same for the first 1,000.
    map_1000: Option<f64>,
    /// Hits with the label of the query among the first 10.
    precision_10: Option<f64>,
    /// The same among the first 100.
    precision_100: Option<f64>,
    /// The same within two bits; 0 where nothing is.
    precision_radius_2: Option<f64>,
    /// Queries whose label the 10 nearest vote for.
    knn10_accuracy: Option<f64>,
    /// The same, as `query` answers.
    reranked_knn10_accuracy: Option<f64>,
    /// The share of the 10 nearest codes that the index finds.
    recall_10: f64,
    /// What `--recall` promises, and what was found.
    recall_promises: &'a [Promise],
    /// The 10 nearest latents among so many codes.
    recall_10_at: Option<RecallAt>,
    /// Other ways to search the same images.
    baselines: Baselines,
    /// What can be said without labels.
    without_labels: WithoutLabels,
    /// Images that could not be read.
    skipped: Vec<SkippedDocument<'a>>,
}

impl<'a> EvalDocument<'a> {
    fn new(report: &'a EvalReport) -> Self {
        let ranking = report.codes.map(|codes| codes.ranking);
        EvalDocument {
            images: report.images,
            queries: report.queries,
            bits: report.bits,
            map_all: ranking.map(|quality| quality.map_all),
            map_1000: ranking.map(|quality| quality.map_1000),
            precision_10: ranking.map(|quality| quality.precision_10),
            precision_100: ranking.map(|quality| quality.precision_100),
            precision_radius_2: report.codes.map(|codes| codes.precision_radius_2),
            knn10_accuracy: ranking.map(|quality| quality.knn10_accuracy),
            reranked_knn10_accuracy: report.reranked_knn10_accuracy,
            recall_10: report.recall_10,
            recall_promises: &report.promises,
            recall_10_at: report.recall_10_at,
            baselines: report.baselines,
            without_labels: report.without_labels,
            skipped: skipped_documents(&report.skipped),
        }
    }
}

pub(in crate::cli) fn run(context: &Context, args: &args::Eval) -> anyhow::Result<Exit> {
    let dir = context.index_dir(&args.reading.index)?;
    let options = resolve(context, args)?;
    let default = OpenOptions::new(context.runtime.clone());
    let model = args.model.clone().unwrap_or(default.model);
    let open = OpenOptions {
        load: load_options(context, &args.described, &model)?,
        model,
        access: args.reading.access(),
        device: context.device(&args.compute.device, default.device)?,
        ..default
    };
    let gallery = Gallery::open(&dir, &open, &TerminalObserver::unstoppable(context, "opening"))?;
    tell_gallery(context, &gallery);
    let report = evaluate(&gallery, &args.queries, &options, &TerminalObserver::new(context, "working"))?;
    tell_skipped(&context.printer, &report.skipped);
    if context.printer.json {
        context.printer.document("eval", &EvalDocument::new(&report))?;
    } else {
        print(context, &report)?;
    }
    Ok(exit_for(&report.skipped))
}

fn resolve(context: &Context, args: &args::Eval) -> Result<EvalOptions> {
    let default = EvalOptions::default();
    Ok(EvalOptions {
        max_queries: args.max_queries.unwrap_or(default.max_queries),
        threads: context.threads(&args.compute.threads),
        labels: args.labels.choice()?,
        ..default
    })
}

/// Queries and images; a table of what needs labels; what can be said without them.
fn print(context: &Context, report: &EvalReport) -> anyhow::Result<()> {
    let printer = &context.printer;
    let (n_queries, n_images) = (thousands(report.queries as u64), count(report.images as u64, "image"));
    printer.text(&format!("{n_queries} queries of {n_images}, {} bits", report.bits))?;
    printer.text("")?;
    match &report.codes {
        Some(codes) => printer.table(&judged(codes, report))?,
        None => printer.text(
            "fewer than two labels, or none in common: no metrics by label; --labels folder takes all folders for classes",
        )?,
    }
    printer.text("")?;
    printer.text(&facts(&unjudged(report)))?;
    printer.text(report.without_labels.note)
}

fn judged(codes: &CodeQuality, report: &EvalReport) -> Table {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("mAP", Align::Right),
        ("mAP@1000", Align::Right),
        ("precision@10", Align::Right),
        ("@100", Align::Right),
        ("radius 2", Align::Right),
        ("kNN-10", Align::Right),
        ("queries", Align::Right),
    ]);
    let mut row = |name: &str, ranking: Quality, radius_2: Option<f64>| {
        let Quality { queries, map_all, map_1000, precision_10, precision_100, knn10_accuracy } = ranking;
        let figures = [map_all, map_1000, precision_10, precision_100].map(share);
        let rest =
            [radius_2.map(share).unwrap_or_default(), share(knn10_accuracy), thousands(queries as u64)];
        table.row([name.to_owned()].into_iter().chain(figures).chain(rest));
    };
    let Baselines { latents, pixels, pca_itq } = report.baselines;
    row("codes", codes.ranking, Some(codes.precision_radius_2));
    latents.into_iter().for_each(|ranking| row("float latents", ranking, None));
    pixels.into_iter().for_each(|ranking| row("raw pixels", ranking, None));
    pca_itq
        .into_iter()
        .for_each(|codes| row("PCA+ITQ of pixels", codes.ranking, Some(codes.precision_radius_2)));
    table
}

fn unjudged(report: &EvalReport) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let Some(accuracy) = report.reranked_knn10_accuracy {
        lines.push((
            "kNN-10 re-ranked",
            format!("{} of the queries, with the hits that `query` gives", share(accuracy)),
        ));
    }
    lines.push(("recall of the graph", format!("{} of the 10 nearest codes", share(report.recall_10))));
    let promise = |Promise { asked, measured, kept }: &Promise| {
        format!("{} for {asked:.3}{}", share(*measured), if *kept { "" } else { " (NOT kept)" })
    };
    lines.push(("recall as asked for", report.promises.iter().map(promise).collect::<Vec<_>>().join(", ")));
    if let Some(RecallAt { first_10, first_100, first_1000 }) = report.recall_10_at {
        let [first_10, first_100, first_1000] = [first_10, first_100, first_1000].map(share);
        let among = format!("among the first 10 codes, {first_100} of 100, {first_1000} of 1,000");
        lines.push(("recall of the latents", format!("{first_10} of the 10 nearest {among}")));
    }
    let WithoutLabels { distinct_codes, dead_bits, effective_bits, reconstruction_loss, own_view, .. } =
        report.without_labels;
    let of_images = format!("{} of {}", thousands(distinct_codes as u64), thousands(report.images as u64));
    lines.push(("distinct codes", of_images));
    lines.push(("dead bits", format!("{dead_bits} of {}", report.bits)));
    lines.push(("effective bits", format!("{effective_bits:.1} of {}", report.bits)));
    lines.extend(reconstruction_loss.map(|loss| ("reconstruction loss", format!("{loss:.4}"))));
    if let Some(OwnView { own_distance, random_distance, auc, .. }) = own_view {
        let apart = format!("{own_distance:.1} bits from the image, random pairs {random_distance:.1}");
        lines.push(("changed view", format!("{apart}, AUC {auc:.4}")));
    }
    lines
}

fn share(value: f64) -> String {
    format!("{value:.3}")
}
