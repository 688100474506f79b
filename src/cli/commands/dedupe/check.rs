//! `aesearch dedupe check IMAGE...`: is it in the index already?

use serde::Serialize;

use crate::cli::args;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::commands::{SkippedDocument, exit_for, skipped_documents, tell_skipped};
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::cli::walking;
use crate::dedupe::{Basis, CheckOptions, CheckThreshold, Checked, CheckedImage, check};
use crate::error::{Error, Result};
use crate::gallery::OpenOptions;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::commands) struct CheckDocument<'a> {
    /// From where on images count as near.
    threshold: ThresholdDocument,
    /// In the order given.
    images: Vec<ImageDocument<'a>>,
    /// Images that could not be read.
    skipped: Vec<SkippedDocument<'a>>,
}

/// The similarity from which images are near; `from` is `option`, `scan` or `default`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::commands) struct ThresholdDocument {
    /// Of near images, at least.
    similarity: f64,
    /// `scan`, `default` or `option`.
    from: &'static str,
    /// Of the scan: images compared, and pairs of them on which it is calibrated.
    images: Option<usize>,
    null_pairs: Option<u64>,
}

impl From<CheckThreshold> for ThresholdDocument {
    fn from(CheckThreshold { similarity, basis }: CheckThreshold) -> Self {
        let (from, images, null_pairs) = match basis {
            Basis::Given => ("option", None, None),
            Basis::Scan { images, null_pairs } => ("scan", Some(images), Some(null_pairs)),
            Basis::Shipped => ("default", None, None),
        };
        ThresholdDocument { similarity, from, images, null_pairs }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::commands) struct ImageDocument<'a> {
    /// The image.
    path: &'a str,
    /// Whether the index has it.
    known: bool,
    /// In what way: as in a plan.
    kind: Option<&'static str>,
    /// The image of the index.
    r#match: Option<&'a str>,
    /// Of the two.
    similarity: Option<f32>,
}

impl<'a> From<&'a CheckedImage> for ImageDocument<'a> {
    fn from(image: &'a CheckedImage) -> Self {
        let found = image.found.as_ref();
        ImageDocument {
            path: &image.path,
            known: image.is_known(),
            kind: found.map(|found| found.kind.name()),
            r#match: found.map(|found| found.path.as_str()),
            similarity: found.map(|found| found.similarity),
        }
    }
}

pub(super) fn run(context: &Context, args: &args::Check) -> anyhow::Result<Exit> {
    let options = resolve(context, args)?;
    let dir = context.index_dir(&args.index)?;
    let observer = TerminalObserver::new(context, "checking");
    let checked = check(&dir, &options, &observer);
    observer.finish();
    let Checked { threshold, images, skipped } = checked?;
    let printer = &context.printer;
    tell_skipped(printer, &skipped);
    if printer.json {
        let document = CheckDocument {
            threshold: threshold.into(),
            images: images.iter().map(ImageDocument::from).collect(),
            skipped: skipped_documents(&skipped),
        };
        printer.document("dedupe check", &document)?;
    } else {
        images.iter().try_for_each(|image| printer.text(&line(image)))?;
        // bytes and pixels need none
        if images.iter().any(|image| image.found.as_ref().is_none_or(|found| !found.kind.is_exact())) {
            printer.note(&about(threshold));
        }
    }
    let new = images.iter().filter(|image| !image.is_known()).count();
    if images.len() > 1 {
        printer.note(&format!("{}: {new} not there yet", count(images.len() as u64, "image")));
    }
    Ok(match exit_for(&skipped) {
        Exit::Done if args.exit_code && new > 0 => Exit::Negative,
        exit => exit,
    })
}

fn resolve(context: &Context, args: &args::Check) -> Result<CheckOptions> {
    let (images, walk) = walking::resolve(&args.images, &args.walking)?;
    if images.is_empty() {
        return Err(
            Error::invalid("check: expected images, got none").with_hint("name files, folders or containers")
        );
    }
    let default = OpenOptions::new(context.runtime.clone());
    let open = OpenOptions { device: context.device(&args.compute.device, default.device)?, ..default };
    context.threads(&args.compute.threads);
    Ok(CheckOptions { images, walk, open, similarity: args.threshold })
}

/// `near: similarity 0.9488 or more, by the last scan (652 images)`
fn about(CheckThreshold { similarity, basis }: CheckThreshold) -> String {
    let from = match basis {
        Basis::Given => "as given".to_owned(),
        Basis::Scan { images, .. } => format!("by the last scan ({})", count(images as u64, "image")),
        Basis::Shipped => "built-in default: this index has not been scanned".to_owned(),
    };
    format!("near: similarity {similarity:.4} or more, {from}")
}

/// `near    upload.jpg = photos/a.jpg  0.9912`, `related upload.jpg ~ photos/a.jpg  0.4120`, or `new     upload.jpg`
fn line(image: &CheckedImage) -> String {
    match &image.found {
        None => format!("{:7} {}", "new", image.path),
        Some(found) => {
            let kind = found.kind.name();
            let exact = found.kind.is_exact();
            let similarity = if exact { String::new() } else { format!("  {:.4}", found.similarity) };
            let sign = if image.is_known() { "=" } else { "~" };
            format!("{kind:7} {} {sign} {}{similarity}", image.path, found.path)
        }
    }
}
