//! `aesearch latent DATA... -o FILE`: the latent space as a picture, seen from where it is widest.

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, looking, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::generate::latent::{LatentOptions, view_latents};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PointDocument<'a> {
    /// The image.
    path: &'a str,
    /// Null where none is known.
    label: Option<&'a str>,
    /// Along the direction in which latents vary most.
    x: f32,
    /// Along the next one.
    y: f32,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct LatentDocument<'a> {
    /// Its name.
    model: &'a str,
    /// Numbers of a latent.
    latent_size: usize,
    /// The share of the variance along x and along y.
    explained: [f64; 2],
    /// One for each image.
    points: Vec<PointDocument<'a>>,
    /// The picture that was drawn.
    sheet: String,
    /// Images that could not be read.
    skipped: Vec<SkippedDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Latent) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let default = LatentOptions::default();
    let options = LatentOptions {
        model: looking(context, &args.looking, &args.compute.device)?,
        count: args.count.unwrap_or(default.count),
        grid: args.grid.unwrap_or(default.grid),
        threads: context.threads(&args.compute.threads),
        seed: args.seed.unwrap_or(default.seed),
        labels: args.labels.choice()?,
        sheet: Some(args.output.clone()),
    };
    let observer = TerminalObserver::new(context, "encoding");
    let view = view_latents(&args.data, &options, &observer)?;
    observer.finish();

    tell_skipped(printer, &view.skipped);
    if printer.json {
        let points = view.points.iter().map(|point| {
            let [x, y] = point.at;
            PointDocument { path: &point.path, label: point.label.as_deref(), x, y }
        });
        let document = LatentDocument {
            model: &view.model,
            latent_size: view.latent_size,
            explained: view.shares,
            points: points.collect(),
            sheet: args.output.display().to_string(),
            skipped: skipped_documents(&view.skipped),
        };
        printer.document("latent", &document)?;
    } else {
        let images = count(view.points.len() as u64, "image");
        let [x, y] = view.shares.map(|share| format!("{:.0} %", 100.0 * share));
        printer.text(&format!(
            "{}: {images} by {}; {x} of the variance of its {} numbers across, {y} up",
            args.output.display(),
            view.model,
            view.latent_size
        ))?;
    }
    Ok(exit_for(&view.skipped))
}
