//! `aesearch dedupe apply PLAN`: carry a plan out, or show what that would do.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::args;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::commands::{SkippedDocument, skipped_documents};
use crate::cli::exit::Exit;
use crate::cli::print::{Printer, bytes, count, quoted};
use crate::cli::resolve::Context;
use crate::cli::wording::of_command_line;
use crate::dedupe::{Action, ApplyOptions, ApplyReport, GroupKind, Step, apply};
use crate::error::{Error, Result};
use crate::images::Skipped;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::commands) struct ApplyDocument<'a> {
    /// What happens to duplicates.
    action: Action,
    /// Whether nothing was changed, because `--yes` was not given.
    dry_run: bool,
    /// In a dry run: what would be done.
    done: Vec<StepDocument<'a>>,
    /// Files that were left alone.
    refused: Vec<SkippedDocument<'a>>,
    /// Sidecars that stay although their image goes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    orphans: Vec<String>,
    /// Duplicates that an earlier run handled.
    done_before: usize,
    /// Duplicates of kinds that were not asked for, or not selected.
    left_out: usize,
    /// By what was done.
    bytes_freed: u64,
    /// The file from which `undo` works.
    #[serde(skip_serializing_if = "Option::is_none")]
    journal: Option<String>,
    /// Whether it was ended by Ctrl-C.
    interrupted: bool,
}

/// A file that something was done to.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct StepDocument<'a> {
    /// The duplicate.
    path: &'a str,
    /// Where it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// Whether it is a file that goes with an image.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sidecar: bool,
}

pub(super) fn run(context: &Context, args: &args::Apply) -> anyhow::Result<Exit> {
    let options = resolve(args)?;
    let printer = &context.printer;
    let is_list = options.action == Action::List;
    let observer = TerminalObserver::new(context, "applying");
    let report = apply(&options, &observer);
    observer.finish();
    let report = report?;
    let line = |step: &Step| match is_list {
        true => step.path.display().to_string(),
        false => step_line(&options, step),
    };
    tell(printer, &report.done, &report.refused, line)?;
    if printer.json {
        printer.document("dedupe apply", &document(&options, &report))?;
    } else if !is_list {
        printer.text(&summary(&options, &report))?;
    }
    tell_orphans(printer, &report.orphans);
    remarks(printer, args, &options, &report);
    Ok(exit(report.interrupted, &report.refused))
}

fn resolve(args: &args::Apply) -> Result<ApplyOptions> {
    let action = args.action.as_deref().map_or(Ok(Action::List), str::parse)?;
    let default = ApplyOptions::new(action, &args.plan);
    if args.to.is_some() && action != Action::Move {
        let what = format!("--to: expected --action move, got {action}");
        return Err(Error::invalid(what).with_hint("only `move` puts files somewhere"));
    }
    let kinds = args.kinds.iter().map(|name| name.parse()).collect::<Result<Vec<GroupKind>>>()?;
    Ok(ApplyOptions {
        dry_run: !args.yes,
        kinds: if kinds.is_empty() { default.kinds } else { kinds },
        select: args.select.as_deref().map(str::parse).transpose()?,
        to: args.to.clone().unwrap_or(default.to),
        sidecars: !args.leave_sidecars && (args.sidecars || default.sidecars),
        merge_metadata: args.merge_metadata,
        journal: args.journal.clone().unwrap_or(default.journal),
        ..default
    })
}

/// Prints the steps on stdout, one a line, and warnings about what was left alone.
pub(super) fn tell(
    printer: &Printer,
    done: &[Step],
    refused: &[Skipped],
    line: impl Fn(&Step) -> String,
) -> anyhow::Result<()> {
    for Skipped { path, reason, .. } in refused {
        printer.warning(&format!("left alone {path}: {}", of_command_line(reason)));
    }
    if !printer.json {
        done.iter().try_for_each(|step| printer.text(&line(step)))?;
    }
    Ok(())
}

pub(super) fn exit(interrupted: bool, refused: &[Skipped]) -> Exit {
    match interrupted {
        true => Exit::Interrupted,
        false if refused.is_empty() => Exit::Done,
        false => Exit::Skipped,
    }
}

pub(super) fn steps(done: &[Step]) -> Vec<StepDocument<'_>> {
    let step = |step: &'_ Step| step.to.as_ref().map(|to| to.to_string_lossy().into_owned());
    done.iter().map(|s| StepDocument { path: &s.name, to: step(s), sidecar: s.is_sidecar }).collect()
}

/// The action as a verb: "would move", "moved".
fn words(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::List => ("list", "listed"),
        Action::Move => ("move", "moved"),
        Action::Trash => ("trash", "trashed"),
        Action::Hardlink => ("hard-link", "hard-linked"),
        Action::Reflink => ("share blocks of", "shared blocks of"),
        Action::Symlink => ("link", "linked"),
        Action::Delete => ("delete", "deleted"),
    }
}

/// "would move" in a dry run, else "moved".
fn verb(options: &ApplyOptions) -> String {
    let (would, was) = words(options.action);
    if options.dry_run { format!("would {would}") } else { was.to_owned() }
}

/// `would move b/one.png -> plan.json.duplicates/b/one.png`
fn step_line(options: &ApplyOptions, step: &Step) -> String {
    if step.is_new {
        let what = if options.dry_run { "would write" } else { "wrote" };
        return format!("{what} {}", step.name);
    }
    let what = verb(options);
    let to = step.to.as_ref().map_or(String::new(), |to| format!(" -> {}", to.display()));
    format!("{what} {}{to}", step.name)
}

/// `plan.json: would move 5 files, 1 left alone; nothing was changed: --yes does it`
fn summary(options: &ApplyOptions, report: &ApplyReport) -> String {
    let mut parts = vec![format!("{} {}", verb(options), count(report.done.len() as u64, "file"))];
    if report.done_before > 0 {
        parts.push(format!("{} dealt with before", count(report.done_before as u64, "duplicate")));
    }
    if !report.refused.is_empty() {
        parts.push(format!("{} left alone", count(report.refused.len() as u64, "file")));
    }
    if report.freed > 0 {
        parts.push(format!("{} freed", bytes(report.freed)));
    }
    let ending = if options.dry_run { "; nothing was changed: --yes does it" } else { "" };
    format!("{}: {}{ending}", options.plan.display(), parts.join(", "))
}

fn document<'a>(options: &ApplyOptions, report: &'a ApplyReport) -> ApplyDocument<'a> {
    let is_dry = options.dry_run || options.action == Action::List;
    ApplyDocument {
        action: options.action,
        dry_run: is_dry,
        done: steps(&report.done),
        refused: skipped_documents(&report.refused),
        orphans: report.orphans.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
        done_before: report.done_before,
        left_out: report.left_out,
        bytes_freed: report.freed,
        journal: (!is_dry).then(|| options.journal.to_string_lossy().into_owned()),
        interrupted: report.interrupted,
    }
}

/// Warns of sidecars that stay although their image goes.
fn tell_orphans(printer: &Printer, orphans: &[PathBuf]) {
    /// More are only counted.
    const NAMED: usize = 20;
    for path in orphans.iter().take(NAMED) {
        printer.warning(&format!("{}: this sidecar stays, but its image goes", path.display()));
    }
    if orphans.len() > NAMED {
        printer.warning(&format!(
            "and {} more: --json names all",
            count((orphans.len() - NAMED) as u64, "sidecar")
        ));
    }
    if !orphans.is_empty() {
        printer.note("without --leave-sidecars, sidecars go with their images");
    }
}

/// Notes on what to do next.
fn remarks(printer: &Printer, args: &args::Apply, options: &ApplyOptions, report: &ApplyReport) {
    if report.left_out > 0 && args.select.is_some() {
        let left_out = count(report.left_out as u64, "duplicate");
        printer.note(&format!("{left_out} left out: of other kinds, or not selected"));
    } else if report.left_out > 0 && args.kinds.is_empty() {
        let left_out = count(report.left_out as u64, "duplicate");
        let why = match options.action {
            Action::Delete => {
                "what cannot be undone is for the same bytes or pixels, unless --kinds says more"
            }
            action if action.is_link() => {
                "a link to an image with other bytes would change what the file holds"
            }
            _ => "--kinds takes them",
        };
        printer.note(&format!("{left_out} of other kinds left out: {why}"));
    }
    if options.action == Action::Delete && options.dry_run {
        printer
            .warning("deleting cannot be undone: `aesearch dedupe undo` puts back what --action move took");
    }
    if report.interrupted {
        printer.warning("interrupted: the same command continues, `aesearch dedupe undo` takes it back");
    }
    if options.action == Action::List {
        printer.note(
            "nothing was changed: --action move and the others show what they would do, and do it with --yes",
        );
        return;
    }
    if options.dry_run || report.done.is_empty() {
        return;
    }
    let journal = quoted(&options.journal.to_string_lossy());
    if options.action != Action::Delete {
        printer.note(&format!("`aesearch dedupe undo {journal} --yes` takes it back"));
    }
    if !options.action.is_link() {
        printer.note("the index still holds the files that are gone: `aesearch index` brings it up to date");
    }
}
