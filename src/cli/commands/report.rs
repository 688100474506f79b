//! `aesearch report`: one HTML file about everything in the index.

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, cluster, exit_for, open_rows, outliers, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{bytes, count, quoted, seconds, thousands};
use crate::cli::resolve::Context;
use crate::error::{Error, Result};
use crate::explore::map::{MapOptions, Method};
use crate::explore::outliers::OutlierOptions;
use crate::report::{DuplicateCounts, ReportOptions, report};

/// The file where none is named.
const OUTPUT: &str = "report.html";

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct DuplicatesDocument {
    /// Of all kinds.
    groups: usize,
    /// Groups of equal files.
    bytes: usize,
    /// Groups of equal pixels.
    pixels: usize,
    /// Groups of near copies.
    near: usize,
    /// Groups of edited copies.
    edited: usize,
    /// Images besides the one of each group that would be kept.
    duplicates: usize,
    /// The least similarity of near duplicates.
    threshold: f64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document<'a> {
    /// The page.
    output: String,
    /// Of the page.
    bytes: usize,
    /// On it.
    images: usize,
    /// Their number.
    clusters: usize,
    /// How images were placed.
    map: &'static str,
    /// Images with a fault.
    flagged: usize,
    /// Doubtful labels.
    label_errors: usize,
    /// Nothing if they were not searched for.
    duplicates: Option<DuplicatesDocument>,
    /// Wall time.
    seconds: f64,
    /// Images that could not be read.
    skipped: Vec<SkippedDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Report) -> anyhow::Result<Exit> {
    let start = Instant::now();
    let options = resolve(context, args)?;
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from(OUTPUT));
    let dir = context.index_dir(&args.reading.index)?;
    let rows = open_rows(context, &dir, &args.reading, (&args.labels, &args.only))?;
    let gallery = outliers::open(context, &args.reading, &args.compute, &dir)?;
    let observer = TerminalObserver::new(context, "reporting");
    let done = report(&rows, &gallery, &output, &options, &observer);
    observer.finish();
    let done = done?;
    tell_skipped(&context.printer, &done.skipped);
    let document = Document {
        output: output.display().to_string(),
        bytes: done.bytes,
        images: rows.len(),
        clusters: done.clusters,
        map: done.map.name(),
        flagged: done.flagged,
        label_errors: done.doubts,
        duplicates: done.duplicates.map(DuplicatesDocument::from),
        seconds: start.elapsed().as_secs_f64(),
        skipped: skipped_documents(&done.skipped),
    };
    if context.printer.json {
        context.printer.document("report", &document)?;
    } else {
        context.printer.text(&text(&document))?;
    }
    Ok(exit_for(&done.skipped))
}

fn resolve(context: &Context, args: &args::Report) -> Result<ReportOptions> {
    let default = ReportOptions::default();
    let clusters = cluster::resolve(&args.grouping)?;
    let method = args.map.as_deref().map_or(Ok(Method::default()), |name| {
        name.parse().map_err(|_| Error::invalid(format!("--map: expected pca or tsne, got {name:?}")))
    })?;
    let neighbours = args.neighbours.unwrap_or(default.neighbours);
    let options = ReportOptions {
        clusters,
        map: MapOptions { method, seed: clusters.seed, ..default.map },
        outliers: OutlierOptions { neighbours, threads: context.threads(&args.compute.threads) },
        neighbours,
        images: !args.unread,
        duplicates: !args.no_duplicates,
        labels: args.labels.choice()?,
        only: args.only.parsed()?,
        ..default
    };
    options.check()?;
    Ok(options)
}

impl From<DuplicateCounts> for DuplicatesDocument {
    fn from(found: DuplicateCounts) -> Self {
        let DuplicateCounts { groups, bytes, pixels, near, edited, duplicates, threshold } = found;
        DuplicatesDocument { groups, bytes, pixels, near, edited, duplicates, threshold }
    }
}

/// What is in the file, and how to open it.
fn text(document: &Document<'_>) -> String {
    let Document { output, images, clusters, flagged, label_errors, .. } = document;
    let mut parts = vec![count(*images as u64, "image"), count(*clusters as u64, "cluster")];
    if *flagged > 0 {
        parts.push(count(*flagged as u64, "image") + " with a fault");
    }
    if *label_errors > 0 {
        parts.push(count(*label_errors as u64, "doubtful label"));
    }
    parts.extend(document.duplicates.as_ref().map(|found| match found.groups {
        0 => "no duplicates".to_owned(),
        n => format!("{} of {}", count(n as u64, "group"), count(found.duplicates as u64, "duplicate")),
    }));
    format!(
        "{output}: {} in {} bytes ({}), made in {}\nopen it in a browser; it needs no network: {}",
        parts.join(", "),
        thousands(document.bytes as u64),
        bytes(document.bytes as u64),
        seconds(document.seconds),
        quoted(output),
    )
}
