//! `aesearch index DATA...`: bring the index up to date with what the paths hold, and say what was done.

use std::path::PathBuf;

use serde::Serialize;

use super::teller::Teller;
use super::{SkippedDocument, exit_for, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::{Exit, catch_interrupts};
use crate::cli::foreign::load_options;
use crate::cli::print::{bytes, count, seconds, thousands};
use crate::cli::resolve::Context;
use crate::error::Result;
use crate::gallery::{Invert, UpdateOptions, UpdateReport, update};

#[derive(Debug, Serialize)]
struct ModelDocument<'a> {
    name: &'a str,
    sha256: &'a str,
    bits: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct IndexDocument<'a> {
    added: usize,
    unchanged: usize,
    changed: usize,
    removed: usize,
    images: usize,
    skipped: Vec<SkippedDocument<'a>>,
    model: ModelDocument<'a>,
    inverted: bool,
    index_bytes: u64,
    seconds: f64,
    interrupted: bool,
}

/// An index brought up to date.
#[derive(Debug)]
pub(super) struct Indexed {
    dir: PathBuf,
    report: UpdateReport,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Index) -> anyhow::Result<Exit> {
    let indexed = execute(context, args)?;
    if context.printer.json {
        context.printer.document("index", &indexed.document())?;
    } else {
        context.printer.text(&indexed.summary())?;
    }
    Ok(indexed.exit())
}

/// Everything but the answer on stdout.
pub(super) fn execute(context: &Context, args: &args::Index) -> Result<Indexed> {
    let dir = context.index_dir(&args.index)?;
    let options = resolve(context, args)?;
    let teller = Teller::index(context, &args.data).until(catch_interrupts());
    let report = update(&dir, &args.data, &options, &teller);
    teller.finish();
    let report = report?;
    tell_skipped(&context.printer, &report.skipped);
    if report.ink.inverted {
        context.printer.note("the images are indexed as their negatives, which the model knows better");
    }
    // What was decided when the index was made holds: codes of negatives cannot stand beside others.
    let ignored = match options.invert {
        Invert::Auto => None,
        Invert::Never => report.ink.inverted.then_some("never"),
        Invert::Always => (!report.ink.inverted).then_some("always"),
    };
    if let (Some(ignored), 1..) = (ignored, report.images) {
        let (kind, dir) =
            (if report.ink.inverted { "negatives" } else { "images as they are" }, dir.display());
        context.printer.warning(&format!(
            "--invert {ignored} has no effect: {dir} was made of {kind}; for another choice make another index with --index"
        ));
    }
    if report.interrupted {
        context.printer.warning("interrupted: what was done is kept; the same command goes on from there");
    }
    Ok(Indexed { dir, report })
}

fn resolve(context: &Context, args: &args::Index) -> Result<UpdateOptions> {
    let default = UpdateOptions::new(context.runtime.clone());
    let model = args.model.clone().or_else(|| context.config.model.clone()).unwrap_or(default.model);
    Ok(UpdateOptions {
        load: load_options(context, &args.described, &model)?,
        model,
        threads: context.threads(&args.compute),
        device: context.device(&args.compute.device, default.device)?,
        bucket_size: args.bucket_size.or(context.config.bucket_size),
        without_latents: args.no_latents,
        invert: context.invert(&args.invert)?,
        ..default
    })
}

impl Indexed {
    pub(super) fn exit(&self) -> Exit {
        if self.report.interrupted { Exit::Interrupted } else { exit_for(&self.report.skipped) }
    }

    /// `.aesearch: 2,000 images (2,000 new) with digits-64, 64 bits, 230.1 kB, in 0.81 s`
    pub(super) fn summary(&self) -> String {
        let report = &self.report;
        let parts = [
            (report.added, "new"),
            (report.changed, "changed"),
            (report.unchanged, "unchanged"),
            (report.removed, "removed"),
            (report.skipped.len(), "skipped"),
        ];
        let parts = parts.into_iter().filter(|(n, _)| *n > 0);
        let parts: Vec<String> = parts.map(|(n, what)| format!("{} {what}", thousands(n as u64))).collect();
        let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        let (dir, images) = (self.dir.display(), count(report.images as u64, "image"));
        let (model, size) = (&report.model.name, bytes(report.index_bytes));
        format!(
            "{dir}: {images}{parts} with {model}, {} bits, {size}, in {}",
            report.bits,
            seconds(report.seconds)
        )
    }

    pub(super) fn document(&self) -> IndexDocument<'_> {
        let report = &self.report;
        IndexDocument {
            added: report.added,
            unchanged: report.unchanged,
            changed: report.changed,
            removed: report.removed,
            images: report.images,
            skipped: skipped_documents(&report.skipped),
            model: ModelDocument {
                name: &report.model.name,
                sha256: &report.model.sha256,
                bits: report.bits,
            },
            inverted: report.ink.inverted,
            index_bytes: report.index_bytes,
            seconds: report.seconds,
            interrupted: report.interrupted,
        }
    }
}
