//! `aesearch remove PATH...`: take images out of the index.

use aesearch_index::Snapshot;
use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, select, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{count, thousands};
use crate::cli::resolve::Context;
use crate::gallery::{Passing, remove};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RemoveDocument<'a> {
    /// Images that left the index.
    removed: usize,
    /// That are left.
    images: usize,
    /// Names that the index does not hold.
    skipped: Vec<SkippedDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Remove) -> anyhow::Result<Exit> {
    let dir = context.own_index_dir(&args.index)?;
    let (expression, labels) = (args.only.parsed()?, args.labels.choice()?);
    let observer = TerminalObserver::new(context, "filtering");
    let passing = |snapshot: &Snapshot| match &expression {
        Some(expression) => select(context, expression, (&dir, snapshot), &labels, &observer),
        None => Ok(snapshot.ids().collect()),
    };
    let report = remove(&dir, &args.paths, expression.as_ref().map(|_| &passing as Passing<'_>))?;
    observer.finish();
    tell_skipped(&context.printer, &report.skipped);
    if context.printer.json {
        let skipped = skipped_documents(&report.skipped);
        let document = RemoveDocument { removed: report.removed, images: report.images, skipped };
        context.printer.document("remove", &document)?;
    } else {
        let (removed, left) = (count(report.removed as u64, "image"), thousands(report.images as u64));
        context.printer.text(&format!("{}: {removed} removed, {left} left", dir.display()))?;
    }
    Ok(exit_for(&report.skipped))
}
