//! `aesearch sample --diverse N` and `--random N`: a few images that represent the collection.

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, open_rows, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::resolve::Context;
use crate::explore::subset::{Choice, SubsetOptions, SubsetOutputs, subset_to, summary};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ChosenDocument<'a> {
    /// The image.
    path: String,
    /// Null where none is known.
    label: Option<&'a str>,
    /// For how many images this is the nearest chosen one, itself included.
    represents: usize,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document<'a> {
    /// `diverse` or `random`.
    choice: &'static str,
    /// Of the random numbers.
    seed: u64,
    /// Images in the index.
    images: usize,
    /// The most representative first.
    chosen: Vec<ChosenDocument<'a>>,
    /// Of the images to the nearest chosen one, in bits.
    mean_distance: f64,
    /// The largest of these.
    largest_distance: u32,
    /// Copies or links that were made.
    files: usize,
    /// Images that could not be drawn or copied.
    skipped: Vec<SkippedDocument<'a>>,
}

pub(super) fn run(
    context: &Context,
    args: &args::Sample,
    (choice, count): (Choice, usize),
) -> anyhow::Result<Exit> {
    let options = SubsetOptions { choice, count, seed: args.seed.unwrap_or(0) };
    let outputs = SubsetOutputs {
        table: args.output.clone(),
        sheet: args.sheet.clone(),
        folder: args.folders.target(),
        texts: args.csv.texts(),
    };
    let dir = context.index_dir(&args.reading.index)?;
    let rows = open_rows(context, &dir, &args.reading, (&args.labels, &args.only))?;
    let observer = TerminalObserver::new(context, "choosing");
    let done = subset_to(&rows, &options, &outputs, &observer);
    observer.finish();
    let done = done?;
    let found = &done.subset;
    tell_skipped(&context.printer, &done.skipped);
    if context.printer.json {
        let chosen = found.rows.iter().zip(&found.represents).map(|(&row, &represents)| ChosenDocument {
            path: rows.name(row).into_owned(),
            label: rows.label(row),
            represents,
        });
        let document = Document {
            choice: choice.name(),
            seed: options.seed,
            images: rows.len(),
            chosen: chosen.collect(),
            mean_distance: found.mean_distance,
            largest_distance: found.largest_distance,
            files: done.files,
            skipped: skipped_documents(&done.skipped),
        };
        context.printer.document("sample", &document)?;
    } else {
        for &row in &found.rows {
            context.printer.text(&rows.name(row))?;
        }
        context.printer.note(&summary(&rows, found));
    }
    Ok(exit_for(&done.skipped))
}
