//! `aesearch denoise IMAGE... -o DIR`: cleaned images, and a sheet that shows them before and after.

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::error::Result;
use crate::gallery::ChooseOptions;
use crate::generate::denoise::{DenoiseOptions, denoise};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ImageDocument<'a> {
    /// The image.
    path: &'a str,
    /// The cleaned one.
    output: String,
    /// Root mean square distance from the image, of what the model was shown and of what it made of it.
    error_before: f32,
    error_after: f32,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct DenoiseDocument<'a> {
    /// Its name.
    model: &'a str,
    /// The cleaned images.
    images: Vec<ImageDocument<'a>>,
    /// A picture of before and after.
    sheet: String,
    /// Images that could not be read.
    skipped: Vec<SkippedDocument<'a>>,
    /// Whether it was ended by Ctrl-C.
    interrupted: bool,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Denoise) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let options = resolve(context, args)?;
    let observer = TerminalObserver::new(context, "encoding");
    let done = denoise(&args.images, &options, &observer)?;
    observer.finish();

    tell_skipped(printer, &done.skipped);
    let numbered = done.images.iter().filter(|image| image.numbered).count();
    if numbered > 0 {
        let files = count(numbered as u64, "file");
        printer.note(&format!(
            "{files} numbered, as other images have the same name; --json lists the image of each file"
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
            model: &done.model,
            images: images.collect(),
            sheet: done.sheet.display().to_string(),
            skipped: skipped_documents(&done.skipped),
            interrupted: done.interrupted,
        };
        printer.document("denoise", &document)?;
    } else {
        let images = count(done.images.len() as u64, "image");
        let (dir, sheet) = (options.dir.display(), done.sheet.display());
        printer.text(&format!("{dir}: {images} cleaned by {}; before and after: {sheet}", done.model))?;
    }
    Ok(if done.interrupted { Exit::Interrupted } else { exit_for(&done.skipped) })
}

/// The model is not the one of the index, which need not know noise: neither `aesearch.toml` nor a variable
/// names it.
fn resolve(context: &Context, args: &args::Denoise) -> Result<DenoiseOptions> {
    let default = DenoiseOptions::default();
    Ok(DenoiseOptions {
        model: ChooseOptions {
            model: args.model.clone().unwrap_or(default.model.model),
            device: context.device(&args.device, default.model.device)?,
            invert: context.invert(&args.invert)?,
            ..ChooseOptions::new(context.runtime.clone())
        },
        dir: args.output.clone(),
        sheet: args.sheet.clone(),
        noise: args.noise.unwrap_or(default.noise),
        seed: args.seed.unwrap_or(default.seed),
        ..default
    })
}
