//! One file per verb. Each resolves its options, calls the library once, and prints the result: a few lines
//! for people, or the verb's JSON document, whose type is defined in the same file.

mod answers;
pub(super) mod demo;
pub(super) mod encode;
mod encode_lines;
pub(super) mod index;
mod json_lines;
pub(super) mod query;
mod query_lines;

pub(super) mod denoise;
pub(super) mod latent;
pub(super) mod reconstruct;
pub(super) mod sample;
mod subset;

pub(super) mod dedupe;

pub(super) mod cluster;
pub(super) mod diff;
pub(super) mod map;
pub(super) mod outliers;
pub(super) mod report;

pub(super) mod export;

pub(super) mod doctor;
pub(super) mod estimate;
pub(super) mod eval;
pub(super) mod info;
pub(super) mod repair;
pub(super) mod verify;

pub(super) mod compact;
pub(super) mod merge;
pub(super) mod publish;
pub(super) mod push;
pub(super) mod remove;

pub(super) mod model;
mod quantize;
pub(super) mod train;

mod observer;

#[cfg(test)]
pub(super) mod schemas;

pub(super) mod completions;
pub(super) mod man;
pub(super) mod runtime;

use std::borrow::Cow;
use std::path::Path;

use aesearch_index::{IdSet, Snapshot};
use serde::Serialize;

use super::args::{DeviceArg, LabelsArg, Looking, Reading, WhereArg};
use super::exit::Exit;
use super::print::{Printer, count, thousands};
use super::resolve::Context;
use super::wording::of_command_line;
use crate::error::Result;
use crate::explore::rows::Rows;
use crate::filter::Where;
use crate::gallery::{ChooseOptions, Gallery, Labels, Opened};
use crate::images::Skipped;
use crate::observer::Observer;

/// A skipped input, in a document.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SkippedDocument<'a> {
    /// Its name.
    path: &'a str,
    /// The bytes of a path that is not UTF-8 and that `path` shows only in part.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<&'a [u8]>,
    /// Why.
    reason: Cow<'a, str>,
}

fn skipped_documents(skipped: &[Skipped]) -> Vec<SkippedDocument<'_>> {
    skipped
        .iter()
        .map(|s| SkippedDocument {
            path: &s.path,
            path_bytes: s.path_bytes.as_deref(),
            reason: of_command_line(&s.reason),
        })
        .collect()
}

/// Lists every skipped input on stderr.
fn tell_skipped(printer: &Printer, skipped: &[Skipped]) {
    for Skipped { path, reason, .. } in skipped {
        printer.warning(&format!("skipped {path}: {}", of_command_line(reason)));
    }
}

/// The exit code of a run that did what it could.
fn exit_for(skipped: &[Skipped]) -> Exit {
    if skipped.is_empty() { Exit::Done } else { Exit::Skipped }
}

/// The model that encodes the images, and where it runs.
fn looking(context: &Context, args: &Looking, device: &DeviceArg) -> Result<ChooseOptions> {
    let default = ChooseOptions::new(context.runtime.clone());
    Ok(ChooseOptions {
        model: args.model.clone().or_else(|| context.config.model.clone()).unwrap_or(default.model),
        device: context.device(device, default.device)?,
        invert: context.invert(&args.invert)?,
        ..default
    })
}

/// What `-v` says about open indexes.
fn tell_gallery(context: &Context, gallery: &Gallery) {
    for Opened { dir, snapshot, facts } in gallery.indexes() {
        let (images, model) = (count(snapshot.len() as u64, "image"), &facts.model);
        let said = format!("{}: {images} with {} from {}", dir.display(), model.name, model.source);
        context.printer.detail(&said);
    }
}

/// The indexes of a gallery, as they were named.
fn index_names(gallery: &Gallery) -> Vec<String> {
    gallery.indexes().map(|opened| opened.dir.display().to_string()).collect()
}

/// The images of an index that pass an expression, and how many they are on stderr.
fn select(
    context: &Context,
    expression: &Where,
    index: (&Path, &Snapshot),
    labels: &Labels,
    observer: &dyn Observer,
) -> Result<IdSet> {
    let ids = expression.select(index, labels, observer)?;
    let of = count(index.1.len() as u64, "image");
    context.printer.note(&format!("--where: {} of {of} pass", thousands(ids.len() as u64)));
    Ok(ids)
}

/// The images of the index at `dir` that pass, all where nothing is asked of them.
fn open_rows(
    context: &Context,
    dir: &Path,
    reading: &Reading,
    (labels, only): (&LabelsArg, &WhereArg),
) -> Result<Rows> {
    let (labels, only) = (labels.choice()?, only.parsed()?);
    let rows = Rows::labelled(dir, reading.access(), &labels)?;
    let Some(expression) = only else { return Ok(rows) };
    let observer = observer::TerminalObserver::new(context, "filtering");
    let ids = select(context, &expression, (dir, rows.snapshot()), &labels, &observer)?;
    observer.finish();
    rows.only(&ids)
}
