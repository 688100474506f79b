//! One file per verb. Each resolves its options, calls the library once, and prints the answer twice over: a few lines
//! for people, or the JSON document of the verb. The document's type stands in the same file.

pub(super) mod demo;
pub(super) mod index;
pub(super) mod query;

pub(super) mod eval;
pub(super) mod info;
pub(super) mod verify;

pub(super) mod model;
pub(super) mod train;

pub(super) mod completions;
pub(super) mod runtime;

use serde::Serialize;

use super::print::Printer;
use crate::images::Skipped;

/// An input that was left out, in a document.
#[derive(Debug, Serialize)]
struct SkippedDocument<'a> {
    path: &'a str,
    reason: &'a str,
}

/// Names every input that was left out on stderr; for the document, the same as data.
fn tell_skipped<'a>(printer: &Printer, skipped: &'a [Skipped]) -> Vec<SkippedDocument<'a>> {
    for Skipped { path, reason } in skipped {
        printer.warning(&format!("skipped {path}: {reason}"));
    }
    skipped.iter().map(|s| SkippedDocument { path: &s.path, reason: &s.reason }).collect()
}
