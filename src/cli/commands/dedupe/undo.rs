//! `aesearch dedupe undo JOURNAL`: take back what `apply` did, or tell what that would do.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::apply::{StepDocument, exit, steps, tell};
use crate::cli::args;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::commands::{SkippedDocument, skipped_documents};
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::dedupe::{Action, PlanFile, Step, UndoReport, journal_of, undo};
use crate::error::{Error, Result};

#[derive(Debug, Serialize)]
struct UndoDocument<'a> {
    action: Option<Action>,
    dry_run: bool,
    /// In a dry run: what would be put back; `to` is where it is now.
    done: Vec<StepDocument<'a>>,
    refused: Vec<SkippedDocument<'a>>,
    interrupted: bool,
}

pub(super) fn run(context: &Context, args: &args::Undo) -> anyhow::Result<Exit> {
    let dry_run = !args.yes;
    let journal = journal(&args.journal)?;
    let printer = &context.printer;
    let what = if dry_run { "would put back" } else { "put back" };
    let line = |step: &Step| format!("{what} {}", step.name);
    let report = undo(&journal, dry_run, &TerminalObserver::new(context, "putting back"))?;
    tell(printer, &report.done, &report.refused, line)?;
    if printer.json {
        let document = UndoDocument {
            action: report.action,
            dry_run,
            done: steps(&report.done),
            refused: skipped_documents(&report.refused),
            interrupted: report.interrupted,
        };
        printer.document("dedupe undo", &document)?;
    } else {
        printer.text(&summary(&journal, dry_run, &report))?;
    }
    if report.interrupted {
        printer.warning("interrupted: the same command goes on from there");
    } else if !dry_run && !report.done.is_empty() {
        printer.note(
            "an index that was brought up to date meanwhile lacks the files that are back: `aesearch index` takes them in",
        );
    }
    Ok(exit(report.interrupted, &report.refused))
}

/// The journal at this path, or the one beside the plan at it.
///
/// # Errors
/// When there is a plan, and no journal beside it.
fn journal(path: &Path) -> Result<PathBuf> {
    let beside = journal_of(path);
    if beside.is_file() {
        return Ok(beside);
    }
    if PlanFile::read(path).is_ok() {
        let what = format!("{}: expected a journal beside this plan, got none", path.display());
        return Err(Error::invalid(what).with_hint(
            "nothing of it was done, or all of it was taken back; of an apply with --journal, name that file",
        ));
    }
    Ok(path.to_path_buf())
}

/// `plan.json.journal: would put back 5 files; nothing was changed: --yes does it`
fn summary(journal: &Path, dry_run: bool, report: &UndoReport) -> String {
    let mut text = format!("{}: ", journal.display());
    text += if dry_run { "would put back " } else { "put back " };
    text += &count(report.done.len() as u64, "file");
    if !report.refused.is_empty() {
        text += &format!(", {} left as they are", count(report.refused.len() as u64, "file"));
    }
    if dry_run {
        text += "; nothing was changed: --yes does it";
    }
    text
}
