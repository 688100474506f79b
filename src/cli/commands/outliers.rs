//! `aesearch outliers`: unusual images, faults, and labels that the neighbours contradict.

use std::path::Path;

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, open_rows, skipped_documents, tell_gallery, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{Align, Table, count, thousands};
use crate::cli::resolve::Context;
use crate::error::Result;
use crate::explore::outliers::{Doubt, Flag, OutlierOptions, OutlierOutputs, Outliers, Reading, outliers_to};
use crate::explore::rows::Rows;
use crate::gallery::{Gallery, OpenOptions};

/// Images that are listed where no number is given.
const LISTED: usize = 20;
/// If more than one label in so many is doubtful, the codes are to blame rather than the labels.
const HARDLY_KNOWN: usize = 5;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct OutlierDocument<'a> {
    /// The image.
    path: String,
    /// Null where none is known.
    label: Option<&'a str>,
    /// The larger of the two ranks; 1 is the most unusual.
    score: f32,
    /// The share of the images that are reconstructed better.
    reconstruction_rank: Option<f32>,
    /// Mean binary cross-entropy per pixel.
    reconstruction_loss: Option<f32>,
    /// The share of the images with nearer neighbours.
    neighbour_rank: f32,
    /// To the last of the neighbours.
    neighbour_distance: f32,
    /// Faults.
    flags: &'a [Flag],
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct DoubtDocument<'a> {
    /// The image.
    path: String,
    /// What it is called.
    label: Option<&'a str>,
    /// What most neighbours are called.
    suggested: &'a str,
    /// Of the neighbours with that label, by weight.
    share: f32,
    /// Of those with its own.
    own_share: f32,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document<'a> {
    /// That were looked at.
    images: usize,
    /// The highest score first.
    outliers: Vec<OutlierDocument<'a>>,
    /// Images with faults, by path.
    flagged: Vec<OutlierDocument<'a>>,
    /// The most doubtful label first.
    label_errors: Vec<DoubtDocument<'a>>,
    /// Images that could not be read.
    skipped: Vec<SkippedDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Outliers) -> anyhow::Result<Exit> {
    let default = OutlierOptions::default();
    let options = OutlierOptions {
        neighbours: args.neighbours.unwrap_or(default.neighbours),
        threads: context.threads(&args.compute.threads),
    };
    options.check()?;
    let dir = context.index_dir(&args.reading.index)?;
    let rows = open_rows(context, &dir, &args.reading, (&args.labels, &args.only))?;
    let gallery = match args.unread {
        true => None,
        false => Some(open(context, &args.reading, &args.compute, &dir)?),
    };
    let reading = gallery.as_ref().map(Reading::new);
    let observer = TerminalObserver::new(context, "searching");
    let count = args.count.unwrap_or(LISTED);
    let outputs = OutlierOutputs {
        table: args.output.clone(),
        sheet: args.sheet.clone().map(|path| (path, count)),
        texts: args.csv.texts(),
    };
    let found = outliers_to(&rows, reading, &options, &outputs, &observer);
    observer.finish();
    let found = found?;
    tell_skipped(&context.printer, &found.skipped);
    if context.printer.json {
        context.printer.document("outliers", &document(&rows, &found, count))?;
    } else {
        print(context, &rows, &found, count)?;
    }
    Ok(exit_for(&found.skipped))
}

/// The index with its model, to read images again.
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
    tell_gallery(context, &gallery);
    Ok(gallery)
}

fn outlier<'a>(rows: &'a Rows, found: &'a Outliers, row: u32) -> OutlierDocument<'a> {
    let at = row as usize;
    OutlierDocument {
        path: rows.name(row).into_owned(),
        label: rows.label(row),
        score: found.scores[at],
        reconstruction_rank: found.reconstruction_ranks[at],
        reconstruction_loss: found.measures[at].and_then(|measures| measures.loss),
        neighbour_rank: found.neighbour_ranks[at],
        neighbour_distance: found.distances[at],
        flags: &found.flags[at],
    }
}

fn document<'a>(rows: &'a Rows, found: &'a Outliers, top: usize) -> Document<'a> {
    let flagged = (0..rows.len() as u32).filter(|&row| found.is_faulty(row));
    let doubt = |doubt: &Doubt| DoubtDocument {
        path: rows.name(doubt.row).into_owned(),
        label: rows.label(doubt.row),
        suggested: &rows.label_names[doubt.suggested as usize],
        share: doubt.share,
        own_share: doubt.own_share,
    };
    Document {
        images: rows.len(),
        outliers: found.order().into_iter().take(top).map(|row| outlier(rows, found, row)).collect(),
        flagged: flagged.map(|row| outlier(rows, found, row)).collect(),
        label_errors: found.doubts.iter().map(doubt).collect(),
        skipped: skipped_documents(&found.skipped),
    }
}

fn print(context: &Context, rows: &Rows, found: &Outliers, top: usize) -> anyhow::Result<()> {
    let printer = &context.printer;
    let is_drawn = found.reconstruction_ranks.iter().any(Option::is_some);
    let mut columns = vec![("score", Align::Right)];
    columns.extend(is_drawn.then_some(("reconstructed worse than", Align::Right)));
    columns.extend([("more isolated than", Align::Right), ("flags", Align::Left), ("image", Align::Left)]);
    let mut table = Table::new(&columns);
    let percent = |rank: f32| format!("{:.1} %", 100.0 * rank);
    for row in found.order().into_iter().take(top) {
        let OutlierDocument { path, score, reconstruction_rank, neighbour_rank, flags, .. } =
            outlier(rows, found, row);
        let mut cells = vec![format!("{score:.4}")];
        cells.extend(is_drawn.then(|| reconstruction_rank.map_or("-".to_owned(), percent)));
        cells.extend([percent(neighbour_rank), Flag::names(flags), path]);
        table.row(cells);
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
                rows.label(doubt.row).unwrap_or_default().to_owned(),
                rows.label_names[doubt.suggested as usize].clone(),
                percent(doubt.share),
                rows.name(doubt.row).into_owned(),
            ]);
        }
        printer.text("")?;
        printer.table(&table)?;
    }
    print_faults(context, rows, found, top)?;
    printer.text(&format!("\n{}", summary(rows, found)))
}

/// Images with faults, by path: most of them have no high score.
fn print_faults(context: &Context, rows: &Rows, found: &Outliers, top: usize) -> anyhow::Result<()> {
    let faulty: Vec<u32> = (0..rows.len() as u32).filter(|&row| found.is_faulty(row)).collect();
    if faulty.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[("fault", Align::Left), ("image", Align::Left)]);
    for &row in faulty.iter().take(top) {
        table.row([Flag::names(&found.flags[row as usize]), rows.name(row).into_owned()]);
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

/// `10,000 images: 3 dark, 1 blurred; 133 labels that the neighbours contradict`
fn summary(rows: &Rows, found: &Outliers) -> String {
    let all = [Flag::NearConstant, Flag::Dark, Flag::Bright, Flag::Blurred, Flag::OddAspect];
    let number = |flag: Flag| found.flags.iter().filter(|flags| flags.contains(&flag)).count();
    let faults = all.into_iter().map(|flag| (flag.name(), number(flag))).filter(|(_, number)| *number > 0);
    let faults: Vec<String> = faults.map(|(name, number)| format!("{number} {name}")).collect();
    let faults = if faults.is_empty() { "no faults flagged".to_owned() } else { faults.join(", ") };
    let doubts = match found.doubts.len() {
        0 => String::new(),
        n => format!("; {} that the neighbours contradict", count(n as u64, "label")),
    };
    let labelled = rows.labels.iter().flatten().count();
    // if labels are mostly right, few are contradicted: many mean that codes do not separate these labels
    let doubts = match found.doubts.len() * HARDLY_KNOWN > labelled {
        true => {
            doubts
                + ", so many that the codes hardly separate these labels: only the first ones are likely errors"
        }
        false => doubts,
    };
    format!("{}: {faults}{doubts}", count(rows.len() as u64, "image"))
}
