//! `aesearch denoise IMAGE... -o DIR`: cleaned images, and a sheet that shows them before and after.

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, skipped_documents, some_readable, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::error::{Error, Result};
use crate::gallery::ChooseOptions;
use crate::generate::Reconstructor;
use crate::generate::denoise::{DenoiseOptions, denoise};
use crate::images;

/// The model that cleans images where none is named.
const MODEL: &str = "article-denoise";

/// Images on the sheet at most.
const SHOWN: usize = 20;

#[derive(Debug, Serialize)]
struct ImageDocument<'a> {
    path: &'a str,
    output: String,
    /// Root mean square distance from the image, of what the model was shown and of what it made of it.
    error_before: f32,
    error_after: f32,
}

#[derive(Debug, Serialize)]
struct DenoiseDocument<'a> {
    model: &'a str,
    images: Vec<ImageDocument<'a>>,
    sheet: String,
    skipped: Vec<SkippedDocument<'a>>,
    interrupted: bool,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Denoise) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let (looking, options) = resolve(context, args)?;
    let walk = images::walk(&args.images, &images::WalkOptions::default())?;
    let mut skipped = walk.skipped;
    let observer = TerminalObserver::new(context, "encoding");
    let mut reconstructor = Reconstructor::open(&walk.items, &looking, &observer)?;
    let done = denoise(&mut reconstructor, &walk.items, &options, &observer);
    observer.finish();
    let done = done?;
    skipped.extend(done.skipped);
    if !done.interrupted {
        some_readable(done.images.len(), &skipped)?;
    }
    images::write_png(&options.sheet, &done.sheet)?;

    tell_skipped(printer, &skipped);
    let metadata = &reconstructor.model.metadata;
    if metadata.denoise == 0.0 {
        printer.note(&format!(
            "{0} was not trained on noisy images; `aesearch train DATA --family conv --denoise 0.5 -o models/mine` trains one that is",
            metadata.name
        ));
    }
    let numbered = done.images.iter().filter(|image| image.numbered).count();
    if numbered > 0 {
        let files = count(numbered as u64, "file");
        printer.note(&format!(
            "{files} numbered, as other images have the same name: --json lists which is whose"
        ));
    }
    if printer.json {
        let images = done.images.iter().map(|image| ImageDocument {
            path: &image.path,
            output: image.output.display().to_string(),
            error_before: image.errors[0],
            error_after: image.errors[1],
        });
        let document = DenoiseDocument {
            model: &metadata.name,
            images: images.collect(),
            sheet: options.sheet.display().to_string(),
            skipped: skipped_documents(&skipped),
            interrupted: done.interrupted,
        };
        printer.document("denoise", &document)?;
    } else {
        let images = count(done.images.len() as u64, "image");
        let (dir, sheet) = (options.dir.display(), options.sheet.display());
        printer.text(&format!("{dir}: {images} cleaned by {}; before and after: {sheet}", metadata.name))?;
    }
    Ok(if done.interrupted { Exit::Interrupted } else { exit_for(&skipped) })
}

/// The model is not that of the index, which need not know noise: neither `aesearch.toml` nor a variable names it.
fn resolve(context: &Context, args: &args::Denoise) -> Result<(ChooseOptions, DenoiseOptions)> {
    let default = ChooseOptions::new(context.runtime.clone());
    let looking = ChooseOptions {
        model: args.model.clone().unwrap_or_else(|| MODEL.to_owned()),
        device: context.device(&args.device, default.device)?,
        invert: context.invert(&args.invert)?,
        ..default
    };
    let noise = args.noise.unwrap_or(0.0);
    if !(0.0..=10.0).contains(&noise) {
        return Err(Error::invalid(format!("--noise: expected 0 to 10, got {noise}")));
    }
    let options = DenoiseOptions {
        dir: args.output.clone(),
        sheet: args.sheet.clone().unwrap_or_else(|| args.output.join("sheet.png")),
        shown: SHOWN,
        noise,
        seed: args.seed.unwrap_or(0),
    };
    Ok((looking, options))
}
