//! One file per verb. Each resolves its options, calls the library once, and prints the answer twice over: a few lines
//! for people, or the JSON document of the verb. The document's type stands in the same file.

pub(super) mod demo;
pub(super) mod index;
pub(super) mod query;
mod sheet;

pub(super) mod eval;
pub(super) mod info;
pub(super) mod verify;

pub(super) mod model;
pub(super) mod train;

pub(super) mod completions;
pub(super) mod runtime;

use std::path::Path;

use serde::Serialize;

use super::exit::Exit;
use super::print::{Printer, count};
use super::resolve::Context;
use crate::gallery::Gallery;
use crate::images::Skipped;

/// An input that was left out, in a document.
#[derive(Debug, Serialize)]
struct SkippedDocument<'a> {
    path: &'a str,
    reason: &'a str,
}

fn skipped_documents(skipped: &[Skipped]) -> Vec<SkippedDocument<'_>> {
    skipped.iter().map(|s| SkippedDocument { path: &s.path, reason: &s.reason }).collect()
}

/// Names every input that was left out on stderr.
fn tell_skipped(printer: &Printer, skipped: &[Skipped]) {
    for Skipped { path, reason } in skipped {
        printer.warning(&format!("skipped {path}: {reason}"));
    }
}

/// How a run ends that did what it could.
fn exit_for(skipped: &[Skipped]) -> Exit {
    if skipped.is_empty() { Exit::Done } else { Exit::Skipped }
}

/// What `-v` tells of an open index.
fn tell_gallery(context: &Context, dir: &Path, gallery: &Gallery) {
    let (snapshot, model) = (gallery.snapshot(), &gallery.facts().model);
    context.printer.detail(&format!(
        "{}: {} with {} from {}",
        dir.display(),
        count(snapshot.len() as u64, "image"),
        model.name,
        model.source
    ));
}
