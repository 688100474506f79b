//! `aesearch index DATA...`: bring the index up to date with what the paths hold, and say what was done.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, skipped_documents, tell_skipped};
use crate::cli::exit::Exit;
use crate::cli::foreign::load_options;
use crate::cli::print::{bytes, count, seconds, thousands};
use crate::cli::resolve::Context;
use crate::cli::{amount, args, walking};
use crate::codes::index_files;
use crate::error::{Error, Result};
use crate::gallery::{
    BinarizerChoice, Checkpoints, ModelIdentity, ThumbnailFacts, Times, UpdateOptions, UpdateReport, follow,
    update,
};
use crate::images::{Limits, Skipped};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ModelDocument<'a> {
    /// Its name, or the path it was given by.
    name: &'a str,
    /// Of `encoder.onnx`: its identity.
    sha256: &'a str,
    /// Of a code.
    bits: usize,
}

impl<'a> ModelDocument<'a> {
    pub(super) fn of(model: &'a ModelIdentity, bits: usize) -> ModelDocument<'a> {
        ModelDocument { name: &model.name, sha256: &model.sha256, bits }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct IndexDocument<'a> {
    /// New images.
    added: usize,
    /// Images that were there already.
    unchanged: usize,
    /// Images whose content is another.
    changed: usize,
    /// Images that are gone.
    removed: usize,
    /// Neither added nor removed.
    renamed: usize,
    /// Images that went through the model.
    encoded: usize,
    /// Coded anew from their latents.
    recoded: usize,
    /// In the index now.
    images: usize,
    /// Of the files that were read.
    bytes: u64,
    /// What could not be indexed.
    skipped: Vec<SkippedDocument<'a>>,
    /// What encodes.
    model: ModelDocument<'a>,
    /// Whether dark and light are swapped before encoding.
    inverted: bool,
    /// Of the index on disk.
    index_bytes: u64,
    /// Null where none are kept.
    thumbnails: Option<ThumbnailsDocument>,
    /// Wall time.
    seconds: f64,
    /// Seconds, summed over the worker threads.
    stages: StagesDocument,
    /// Whether it was ended by Ctrl-C; what was done is kept.
    interrupted: bool,
}

/// Small pictures of the images.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ThumbnailsDocument {
    /// Pixels, at most.
    side: usize,
    /// That have one.
    images: usize,
    /// Of all.
    bytes: u64,
}

impl From<ThumbnailFacts> for ThumbnailsDocument {
    fn from(ThumbnailFacts { side, images, bytes }: ThumbnailFacts) -> ThumbnailsDocument {
        ThumbnailsDocument { side, images, bytes }
    }
}

impl ThumbnailsDocument {
    /// `1,000 thumbnails of at most 256 pixels, 9.1 MB`
    pub(super) fn text(&self) -> String {
        let (n, size) = (count(self.images as u64, "thumbnail"), bytes(self.bytes));
        format!("{n} of at most {} pixels, {size}", self.side)
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct StagesDocument {
    walk: f64,
    check: f64,
    read: f64,
    hash: f64,
    decode: f64,
    resize: f64,
    encode: f64,
    fit: f64,
    write: f64,
}

impl StagesDocument {
    /// `seconds of all threads: walk 0.00, check 0.21, read 0.50, ...`
    fn text(&self) -> String {
        let StagesDocument { walk, check, read, hash, decode, resize, encode, fit, write } = self;
        format!(
            "seconds of all threads: walk {walk:.2}, check {check:.2}, read {read:.2}, hash {hash:.2}, decode \
             {decode:.2}, resize {resize:.2}, encode {encode:.2}, fit {fit:.2}, write {write:.2}"
        )
    }

    fn of(times: &Times) -> StagesDocument {
        let stages = &times.stages;
        let [walk, check, fit, write] =
            [times.walk, times.check, times.fit, times.write].map(|time| time.as_secs_f64());
        let [read, hash, decode, resize, encode] =
            [stages.read, stages.hash, stages.decode, stages.resize, stages.encode]
                .map(|time| time.as_secs_f64());
        StagesDocument { walk, check, read, hash, decode, resize, encode, fit, write }
    }
}

/// An index brought up to date.
#[derive(Debug)]
pub(super) struct Indexed {
    dir: PathBuf,
    report: UpdateReport,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Index) -> anyhow::Result<Exit> {
    if args.watch {
        return watch(context, args);
    }
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
    let dir = context.any_index_dir(&args.index)?;
    let (data, options) = resolve(context, args)?;
    if let Some(path) = &args.report_skipped {
        write_skipped(path, &[])?; // a wrong path is reported before the work
    }
    let indexed = match &args.from_codes[..] {
        [] => bring_up(context, &dir, &data, &options)?,
        files => {
            let model = args.coding.model.clone().unwrap_or_else(|| "auto".to_owned());
            let observer = TerminalObserver::new(context, "reading codes");
            let report = index_files(&dir, files, &UpdateOptions { model, ..options }, &observer);
            observer.finish();
            Indexed::reported(context, &dir, report?)
        }
    };
    if let Some(path) = &args.report_skipped {
        write_skipped(path, &indexed.report.skipped)?;
    }
    Ok(indexed)
}

/// Brings the index up to date whenever something changes, until Ctrl-C.
fn watch(context: &Context, args: &args::Index) -> anyhow::Result<Exit> {
    let dir = context.any_index_dir(&args.index)?;
    let (data, options) = resolve(context, args)?;
    let options = UpdateOptions { wait: true, ..options };
    let observer = TerminalObserver::new(context, "indexing");
    let (mut is_first, mut skipped, mut printed) = (true, Vec::new(), Ok(()));
    let done = &mut |report: UpdateReport| {
        observer.finish();
        if let Some(path) = &args.report_skipped {
            write_skipped(path, &report.skipped)?;
        }
        let changes = report.added + report.changed + report.removed + report.renamed;
        if report.interrupted || (changes == 0 && report.skipped == skipped && !is_first) {
            return Ok(());
        }
        skipped.clone_from(&report.skipped);
        let indexed = Indexed::reported(context, &dir, report);
        printed = match context.printer.json {
            true => context.printer.document("index", &indexed.document()),
            false => context.printer.text(&indexed.summary()),
        };
        if is_first {
            context.printer.note("watching for changes; Ctrl-C ends");
        }
        is_first = false;
        printed.as_ref().copied().map_err(|_| Error::Interrupted)
    };
    let watched = follow(&dir, &data, &options, &observer, done);
    printed?;
    watched?;
    Ok(Exit::Done)
}

/// Updates the index, with messages about it on stderr.
fn bring_up(context: &Context, dir: &Path, data: &[PathBuf], options: &UpdateOptions) -> Result<Indexed> {
    let observer = TerminalObserver::new(context, "indexing");
    let report = update(dir, data, options, &observer);
    observer.finish();
    Ok(Indexed::reported(context, dir, report?))
}

/// One JSON document per line.
fn write_skipped(path: &Path, skipped: &[Skipped]) -> Result<()> {
    let mut lines = String::new();
    for document in skipped_documents(skipped) {
        // Strings and numbers: nothing in it fails.
        lines += &serde_json::to_string(&document).unwrap_or_default();
        lines.push('\n');
    }
    std::fs::write(path, lines).map_err(|error| Error::io(path, error))
}

/// The paths, and what to do with them.
pub(super) fn resolve(context: &Context, args: &args::Index) -> Result<(Vec<PathBuf>, UpdateOptions)> {
    let (data, walk) = walking::resolve(&args.data, &args.walking)?;
    let default = coding(context, (&args.coding, &args.described, &args.compute))?;
    let options = UpdateOptions {
        walk,
        moves: args.coding.model.is_some(),
        bucket_size: args.bucket_size.or(context.config.bucket_size),
        refit: args.refit,
        thumbnails: args.thumbnails,
        prune: args.prune,
        checkpoints: Checkpoints {
            every: amount::seconds(
                "--checkpoint-seconds",
                args.checkpoint_seconds,
                default.checkpoints.every,
            )?,
            ..default.checkpoints
        },
        wait: args.wait,
        ..default
    };
    Ok((data, options))
}

/// What decides the codes of images.
pub(super) fn coding(
    context: &Context,
    (args, described, compute): (&args::Coding, &args::Described, &args::Compute),
) -> Result<UpdateOptions> {
    let default = UpdateOptions::new(context.runtime.clone());
    let model = args.model.clone().or_else(|| context.model()).unwrap_or(default.model);
    Ok(UpdateOptions {
        frames: args.frames.as_deref().map(str::parse).transpose()?,
        video: args.video.as_deref().map(str::parse).transpose()?,
        load: load_options(context, described, &model)?,
        model,
        threads: context.threads(&compute.threads),
        device: context.device(&compute.device, default.device)?,
        without_latents: args.no_latents,
        binarizer: args.binarizer.as_deref().map_or(default.binarizer, BinarizerChoice::named),
        bits: args.bits,
        invert: context.invert(&args.invert)?,
        memory: context.memory(args.max_memory.as_deref())?,
        limits: Limits {
            decode_timeout: amount::seconds(
                "--decode-timeout",
                args.decode_timeout,
                default.limits.decode_timeout,
            )?,
            ..default.limits
        },
        ..default
    })
}

/// Whether nothing usable was given, and nothing was removed either.
fn is_nothing(report: &UpdateReport) -> bool {
    report.images == 0 && report.removed == 0 && !report.skipped.is_empty()
}

impl Indexed {
    /// An update, after listing on stderr what was skipped, and whether it was interrupted.
    pub(super) fn reported(context: &Context, dir: &Path, report: UpdateReport) -> Indexed {
        tell_skipped(&context.printer, &report.skipped);
        context.printer.detail(&StagesDocument::of(&report.times).text());
        if report.interrupted {
            let what = "interrupted: what was done is kept; the same command continues from there";
            context.printer.warning(what);
        } else if is_nothing(&report) {
            context.printer.error("nothing to index: none of the paths has an image that can be read");
        }
        Indexed { dir: dir.to_path_buf(), report }
    }

    pub(super) fn exit(&self) -> Exit {
        match &self.report {
            report if report.interrupted => Exit::Interrupted,
            report if is_nothing(report) => Exit::Usage,
            report => exit_for(&report.skipped),
        }
    }

    /// `.aesearch: 2,000 images (2,000 new) with digits-64, 64 bits, 230.1 kB, in 0.81 s`
    pub(super) fn summary(&self) -> String {
        let report = &self.report;
        let parts = [
            (report.added, "new"),
            (report.changed, "changed"),
            (report.unchanged, "unchanged"),
            (report.recoded, "coded anew"),
            (report.renamed, "renamed"),
            (report.removed, "removed"),
            (report.skipped.len(), "skipped"),
        ];
        let parts = parts.into_iter().filter(|(n, _)| *n > 0);
        let parts: Vec<String> = parts.map(|(n, what)| format!("{} {what}", thousands(n as u64))).collect();
        let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        let (dir, images) = (self.dir.display(), count(report.images as u64, "image"));
        if report.index_bytes == 0 {
            return format!("{dir}: no index{parts}");
        }
        let (model, size) = (&report.model.name, bytes(report.index_bytes));
        let thumbnails =
            report.thumbnails.map(|facts| format!(", {}", ThumbnailsDocument::from(facts).text()));
        format!(
            "{dir}: {images}{parts} with {model}, {} bits, {size}{}, in {}",
            report.bits,
            thumbnails.unwrap_or_default(),
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
            renamed: report.renamed,
            encoded: report.encoded,
            recoded: report.recoded,
            images: report.images,
            bytes: report.bytes,
            skipped: skipped_documents(&report.skipped),
            model: ModelDocument::of(&report.model, report.bits),
            inverted: report.polarity.inverted,
            index_bytes: report.index_bytes,
            thumbnails: report.thumbnails.map(ThumbnailsDocument::from),
            seconds: report.seconds,
            stages: StagesDocument::of(&report.times),
            interrupted: report.interrupted,
        }
    }
}
