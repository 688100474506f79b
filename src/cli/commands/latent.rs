//! `aesearch latent DATA... -o FILE`: the latent space as a picture, seen from where it is widest.

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, keep_images, looking, skipped_documents, some_of, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::error::Error;
use crate::generate::Reconstructor;
use crate::generate::latent::{LatentOptions, view_latents};
use crate::images;

/// Images that are drawn without being asked for more.
const COUNT: usize = 10_000;
/// More images than these along a side are no picture to look at.
const MAX_GRID: usize = 100;

#[derive(Debug, Serialize)]
struct PointDocument<'a> {
    path: &'a str,
    label: Option<&'a str>,
    x: f32,
    y: f32,
}

#[derive(Debug, Serialize)]
struct LatentDocument<'a> {
    model: &'a str,
    latent_size: usize,
    /// The share of the variance along x and along y.
    explained: [f64; 2],
    points: Vec<PointDocument<'a>>,
    sheet: String,
    skipped: Vec<SkippedDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Latent) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let looking = looking(context, &args.looking, &args.compute.device)?;
    let default = LatentOptions::default();
    let grid = args.grid.unwrap_or(default.grid);
    if grid > MAX_GRID {
        return Err(Error::invalid(format!("--grid: expected at most {MAX_GRID}, got {grid}")).into());
    }
    let options = LatentOptions {
        grid,
        threads: context.threads(&args.compute),
        seed: args.seed.unwrap_or(default.seed),
    };
    let walk = images::walk(&args.data, &images::WalkOptions::default())?;
    keep_images(&args.output, &walk.items)?;
    let items = some_of(printer, &walk.items, args.count.unwrap_or(COUNT));
    let observer = TerminalObserver::new(context, "encoding");
    let mut reconstructor = Reconstructor::open(&items, &looking, &observer)?;
    let view = view_latents(&mut reconstructor, &items, &options, &observer);
    observer.finish();
    let view = view?;
    images::write_png(&args.output, &view.sheet)?;

    let skipped = [walk.skipped, view.skipped].concat();
    tell_skipped(printer, &skipped);
    let metadata = &reconstructor.model.metadata;
    if printer.json {
        let points = view.points.iter().map(|point| {
            let [x, y] = point.at;
            PointDocument { path: &point.path, label: point.label.as_deref(), x, y }
        });
        let document = LatentDocument {
            model: &metadata.name,
            latent_size: metadata.latent_size,
            explained: view.shares,
            points: points.collect(),
            sheet: args.output.display().to_string(),
            skipped: skipped_documents(&skipped),
        };
        printer.document("latent", &document)?;
    } else {
        let images = count(view.points.len() as u64, "image");
        let [x, y] = view.shares.map(|share| format!("{:.0} %", 100.0 * share));
        printer.text(&format!(
            "{}: {images} by {}; {x} of the variance of its {} numbers across, {y} up",
            args.output.display(),
            metadata.name,
            metadata.latent_size
        ))?;
    }
    Ok(exit_for(&skipped))
}
