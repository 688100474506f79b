//! `aesearch outliers`: which images of the index do not fit, and which labels their neighbours contradict.

use std::path::{Path, PathBuf};

use aesearch_index::Snapshot;
use serde::Serialize;

use super::observer::TerminalObserver;
use super::outputs::check_outputs;
use super::{SkippedDocument, exit_for, skipped_documents, tell_gallery, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{Align, Table, count, thousands};
use crate::cli::resolve::Context;
use crate::error::{Error, Result};
use crate::explore::export::columns;
use crate::explore::outliers::{Doubt, Flag, OutlierOptions, Outliers, outliers};
use crate::explore::rows::Rows;
use crate::explore::table::Format;
use crate::gallery::{Gallery, OpenOptions};

/// Images that are listed where no number is given.
const LISTED: usize = 20;
/// Where one label in so many is doubtful, that is said of the codes rather than of the labels.
const HARDLY_KNOWN: usize = 5;

#[derive(Debug, Serialize)]
struct OutlierDocument<'a> {
    path: String,
    label: Option<&'a str>,
    score: f32,
    reconstruction_rank: Option<f32>,
    reconstruction_loss: Option<f32>,
    neighbour_rank: f32,
    neighbour_distance: f32,
    flags: &'a [Flag],
}

#[derive(Debug, Serialize)]
struct DoubtDocument<'a> {
    path: String,
    label: Option<&'a str>,
    suggested: &'a str,
    share: f32,
    own_share: f32,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    images: usize,
    /// The oddest first.
    outliers: Vec<OutlierDocument<'a>>,
    /// Images with faults, by path.
    flagged: Vec<OutlierDocument<'a>>,
    /// The most doubtful label first.
    label_errors: Vec<DoubtDocument<'a>>,
    skipped: Vec<SkippedDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Outliers) -> anyhow::Result<Exit> {
    args.output.as_deref().map(Format::of).transpose()?;
    let default = OutlierOptions::default();
    let options = OutlierOptions {
        neighbours: args.neighbours.unwrap_or(default.neighbours),
        threads: context.threads(&args.compute),
    };
    if options.neighbours == 0 {
        return Err(Error::invalid("--neighbours: expected at least 1, got 0").into());
    }
    let dir = context.index_dir(&args.reading.index)?;
    check_outputs(&args.output.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &dir)?; // before the work
    let snapshot = Snapshot::open_with(&dir, args.reading.access()).map_err(Error::from)?;
    let items = Rows::of(&snapshot)?;
    let found = match args.unread {
        true => outliers(&items, None, &options, &TerminalObserver::new(context, "working"))?,
        false => {
            let gallery = open(context, &args.reading, &args.compute, &dir)?;
            let observer = TerminalObserver::new(context, "comparing");
            let found = outliers(&items, Some((&gallery, &dir)), &options, &observer);
            observer.finish();
            found?
        }
    };
    if let Some(path) = &args.output {
        columns::identity(&items).and(columns::oddities(&items, &found)).write(path)?;
    }
    tell_skipped(&context.printer, &found.skipped);
    let top = args.top.unwrap_or(LISTED);
    if context.printer.json {
        context.printer.document("outliers", &document(&items, &found, top))?;
    } else {
        print(context, &items, &found, top)?;
    }
    Ok(exit_for(&found.skipped))
}

/// The index with its model, to look at images again.
pub(super) fn open(
    context: &Context,
    reading: &args::Reading,
    compute: &args::Compute,
    dir: &Path,
) -> Result<Gallery> {
    let default = OpenOptions::new(context.runtime.clone());
    let options = OpenOptions {
        access: reading.access(),
        device: context.device(&compute.device, default.device)?,
        ..default
    };
    let gallery = Gallery::open(dir, &options, &TerminalObserver::unstoppable(context, "opening"))?;
    tell_gallery(context, dir, &gallery);
    Ok(gallery)
}

fn outlier<'a>(items: &'a Rows<'_>, found: &'a Outliers, row: u32) -> OutlierDocument<'a> {
    let at = row as usize;
    OutlierDocument {
        path: items.name(row).into_owned(),
        label: items.label(row),
        score: found.scores[at],
        reconstruction_rank: found.reconstruction_ranks[at],
        reconstruction_loss: found.looks[at].and_then(|look| look.loss),
        neighbour_rank: found.neighbour_ranks[at],
        neighbour_distance: found.distances[at],
        flags: &found.flags[at],
    }
}

fn document<'a>(items: &'a Rows<'_>, found: &'a Outliers, top: usize) -> Document<'a> {
    let flagged = (0..items.len() as u32).filter(|&row| found.is_faulty(row));
    let doubt = |doubt: &Doubt| DoubtDocument {
        path: items.name(doubt.row).into_owned(),
        label: items.label(doubt.row),
        suggested: &items.label_names[doubt.suggested as usize],
        share: doubt.share,
        own_share: doubt.own_share,
    };
    Document {
        images: items.len(),
        outliers: found.order().into_iter().take(top).map(|row| outlier(items, found, row)).collect(),
        flagged: flagged.map(|row| outlier(items, found, row)).collect(),
        label_errors: found.doubts.iter().map(doubt).collect(),
        skipped: skipped_documents(&found.skipped),
    }
}

fn print(context: &Context, items: &Rows<'_>, found: &Outliers, top: usize) -> anyhow::Result<()> {
    let printer = &context.printer;
    let mut table = Table::new(&[
        ("score", Align::Right),
        ("drawn worse than", Align::Right),
        ("more alone than", Align::Right),
        ("flags", Align::Left),
        ("image", Align::Left),
    ]);
    let percent = |rank: f32| format!("{:.1} %", 100.0 * rank);
    for row in found.order().into_iter().take(top) {
        let OutlierDocument { path, score, reconstruction_rank, neighbour_rank, flags, .. } =
            outlier(items, found, row);
        table.row([
            format!("{score:.4}"),
            reconstruction_rank.map_or("-".to_owned(), percent),
            percent(neighbour_rank),
            names(flags),
            path,
        ]);
    }
    printer.table(&table)?;
    if !found.doubts.is_empty() {
        let mut table = Table::new(&[
            ("label", Align::Left),
            ("neighbours say", Align::Left),
            ("by", Align::Right),
            ("image", Align::Left),
        ]);
        for doubt in found.doubts.iter().take(top) {
            table.row([
                items.label(doubt.row).unwrap_or_default().to_owned(),
                items.label_names[doubt.suggested as usize].clone(),
                percent(doubt.share),
                items.name(doubt.row).into_owned(),
            ]);
        }
        printer.text("")?;
        printer.table(&table)?;
    }
    print_faults(context, items, found, top)?;
    printer.text(&format!("\n{}", summary(items, found)))
}

/// Images with faults, by path: most of them are not among the oddest.
fn print_faults(context: &Context, items: &Rows<'_>, found: &Outliers, top: usize) -> anyhow::Result<()> {
    let faulty: Vec<u32> = (0..items.len() as u32).filter(|&row| found.is_faulty(row)).collect();
    if faulty.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[("fault", Align::Left), ("image", Align::Left)]);
    for &row in faulty.iter().take(top) {
        table.row([names(&found.flags[row as usize]), items.name(row).into_owned()]);
    }
    context.printer.text("")?;
    context.printer.table(&table)?;
    match faulty.len().saturating_sub(top) {
        0 => Ok(()),
        more => context
            .printer
            .text(&format!("... and {} more: -o FILE and --json have all", thousands(more as u64))),
    }
}

fn names(flags: &[Flag]) -> String {
    flags.iter().map(|flag| flag.name()).collect::<Vec<_>>().join(" ")
}

/// `10,000 images: 3 dark, 1 blurred; 133 labels that the neighbours contradict`
fn summary(items: &Rows<'_>, found: &Outliers) -> String {
    let all = [Flag::NearConstant, Flag::Dark, Flag::Bright, Flag::Blurred, Flag::OddAspect];
    let number = |flag: Flag| found.flags.iter().filter(|flags| flags.contains(&flag)).count();
    let faults = all.into_iter().map(|flag| (flag.name(), number(flag))).filter(|(_, number)| *number > 0);
    let faults: Vec<String> = faults.map(|(name, number)| format!("{number} {name}")).collect();
    let faults = if faults.is_empty() { "no faults flagged".to_owned() } else { faults.join(", ") };
    let doubts = match found.doubts.len() {
        0 => String::new(),
        n => format!("; {} that the neighbours contradict", count(n as u64, "label")),
    };
    let labelled = items.labels.iter().flatten().count();
    // where labels are mostly right, few are contradicted: many say that codes do not tell these labels apart
    let doubts = match found.doubts.len() * HARDLY_KNOWN > labelled {
        true => doubts + ", so many that the codes hardly know these labels: look at the first ones alone",
        false => doubts,
    };
    format!("{}: {faults}{doubts}", count(items.len() as u64, "image"))
}
