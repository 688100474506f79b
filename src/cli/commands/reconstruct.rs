//! `aesearch reconstruct DATA... -o FILE`: what a model sees in images, as a picture, and how much is lost.

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{
    SkippedDocument, exit_for, keep_images, looking, skipped_documents, some_of, some_readable, tell_skipped,
};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{Align, Table};
use crate::cli::resolve::Context;
use crate::error::Error;
use crate::generate::Reconstructor;
use crate::generate::reconstruction::reconstruct;
use crate::images;

/// Images that are drawn without being asked for more.
const COUNT: usize = 10;
/// More columns than these are no sheet to look at.
const MAX_COUNT: usize = 1_000;

#[derive(Debug, Serialize)]
struct ImageDocument<'a> {
    path: &'a str,
    loss: f32,
    explained: f64,
}

#[derive(Debug, Serialize)]
struct ReconstructDocument<'a> {
    model: &'a str,
    images: Vec<ImageDocument<'a>>,
    sheet: String,
    skipped: Vec<SkippedDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Reconstruct) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let n_shown = args.count.unwrap_or(COUNT);
    if !(1..=MAX_COUNT).contains(&n_shown) {
        return Err(Error::invalid(format!("--count: expected 1 to {MAX_COUNT}, got {n_shown}")).into());
    }
    let options = looking(context, &args.looking, &args.device)?;
    let walk = images::walk(&args.data, &images::WalkOptions::default())?;
    keep_images(&args.output, &walk.items)?;
    let mut skipped = walk.skipped;
    let items = some_of(printer, &walk.items, n_shown);
    let mut reconstructor =
        Reconstructor::open(&items, &options, &TerminalObserver::new(context, "encoding"))?;
    let made = reconstruct(&mut reconstructor, &items)?;
    skipped.extend(made.skipped);
    some_readable(made.images.len(), &skipped)?;
    images::write_png(&args.output, &made.sheet)?;

    tell_skipped(printer, &skipped);
    if printer.json {
        let images = made.images.iter().map(|image| ImageDocument {
            path: &image.path,
            loss: image.loss,
            explained: image.explained,
        });
        let document = ReconstructDocument {
            model: &reconstructor.model.metadata.name,
            images: images.collect(),
            sheet: args.output.display().to_string(),
            skipped: skipped_documents(&skipped),
        };
        printer.document("reconstruct", &document)?;
    } else {
        let mut table =
            Table::new(&[("loss", Align::Right), ("explained", Align::Right), ("path", Align::Left)]);
        for image in &made.images {
            let explained = format!("{:.0} %", 100.0 * image.explained);
            table.row([format!("{:.4}", image.loss), explained, image.path.clone()]);
        }
        printer.table(&table)?;
    }
    Ok(exit_for(&skipped))
}
