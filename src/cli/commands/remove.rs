//! `aesearch remove PATH...`: take images out of the index.

use serde::Serialize;

use super::{SkippedDocument, exit_for, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{count, thousands};
use crate::cli::resolve::Context;
use crate::gallery::remove;

#[derive(Debug, Serialize)]
struct RemoveDocument<'a> {
    removed: usize,
    images: usize,
    skipped: Vec<SkippedDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Remove) -> anyhow::Result<Exit> {
    let dir = context.index_dir(&args.index)?;
    let report = remove(&dir, &args.paths)?;
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
