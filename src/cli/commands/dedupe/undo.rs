//! `aesearch dedupe undo JOURNAL`: take back what `apply` did, or show what that would do.

use serde::Serialize;

use super::apply::{StepDocument, exit, steps, tell};
use crate::cli::args;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::commands::{SkippedDocument, skipped_documents};
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::dedupe::{Action, Step, UndoOptions, UndoReport, undo};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::commands) struct UndoDocument<'a> {
    /// What had been done; null where there is no journal.
    action: Option<Action>,
    /// Whether nothing was changed, because `--yes` was not given.
    dry_run: bool,
    /// In a dry run: what would be put back; `to` is where it is now.
    done: Vec<StepDocument<'a>>,
    /// What could not be put back.
    refused: Vec<SkippedDocument<'a>>,
    /// Whether it was ended by Ctrl-C.
    interrupted: bool,
}

pub(super) fn run(context: &Context, args: &args::Undo) -> anyhow::Result<Exit> {
    let options = UndoOptions { journal: args.journal.clone(), dry_run: !args.yes };
    let dry_run = options.dry_run;
    let printer = &context.printer;
    let what = if dry_run { "would put back" } else { "put back" };
    let line = |step: &Step| format!("{what} {}", step.name);
    let observer = TerminalObserver::new(context, "putting back");
    let report = undo(&options, &observer);
    observer.finish();
    let report = report?;
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
        printer.text(&summary(dry_run, &report))?;
    }
    if report.interrupted {
        printer.warning("interrupted: the same command continues");
    } else if !dry_run && !report.done.is_empty() {
        printer.note(
            "if the index was brought up to date meanwhile, `aesearch index` adds the files that are back",
        );
    }
    Ok(exit(report.interrupted, &report.refused))
}

/// `plan.json.journal: would put back 5 files; nothing was changed: --yes does it`
fn summary(dry_run: bool, report: &UndoReport) -> String {
    let mut text = format!("{}: ", report.journal.display());
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
