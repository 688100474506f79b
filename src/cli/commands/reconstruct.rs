//! `aesearch reconstruct DATA... -o FILE`: what a model sees in images, as a picture, and how much is lost.

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, looking, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{Align, Table};
use crate::cli::resolve::Context;
use crate::generate::reconstruction::{ReconstructOptions, reconstruct};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ImageDocument<'a> {
    /// The image.
    path: &'a str,
    /// Mean binary cross-entropy per pixel.
    loss: f32,
    /// The share of the variance of its pixels, at most 1.
    explained: f64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ReconstructDocument<'a> {
    /// Its name.
    model: &'a str,
    /// In the order given.
    images: Vec<ImageDocument<'a>>,
    /// The picture that was drawn.
    sheet: String,
    /// Images that could not be read.
    skipped: Vec<SkippedDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Reconstruct) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let options = ReconstructOptions {
        model: looking(context, &args.looking, &args.device)?,
        count: args.count.unwrap_or(ReconstructOptions::default().count),
        sheet: Some(args.output.clone()),
    };
    let made = reconstruct(&args.data, &options, &TerminalObserver::new(context, "encoding"))?;

    tell_skipped(printer, &made.skipped);
    if printer.json {
        let images = made.images.iter().map(|image| ImageDocument {
            path: &image.path,
            loss: image.loss,
            explained: image.explained,
        });
        let document = ReconstructDocument {
            model: &made.model,
            images: images.collect(),
            sheet: args.output.display().to_string(),
            skipped: skipped_documents(&made.skipped),
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
    Ok(exit_for(&made.skipped))
}
