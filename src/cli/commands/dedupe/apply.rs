//! `aesearch dedupe apply PLAN`: carry a plan out, or tell what that would do.

use std::path::Path;

use serde::Serialize;

use crate::cli::args;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::commands::{SkippedDocument, skipped_documents};
use crate::cli::exit::Exit;
use crate::cli::print::{Printer, bytes, count, quoted};
use crate::cli::resolve::Context;
use crate::dedupe::{Action, ApplyOptions, ApplyReport, Kind, PlanFile, Step, apply};
use crate::error::{Error, Result};
use crate::images::Skipped;

#[derive(Debug, Serialize)]
struct ApplyDocument<'a> {
    action: Action,
    dry_run: bool,
    /// In a dry run: what would be done.
    done: Vec<StepDocument<'a>>,
    refused: Vec<SkippedDocument<'a>>,
    done_before: usize,
    left_out: usize,
    bytes_freed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    journal: Option<String>,
    interrupted: bool,
}

/// A file that something was done to.
#[derive(Debug, Serialize)]
pub(super) struct StepDocument<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sidecar: bool,
}

pub(super) fn run(context: &Context, args: &args::Apply) -> anyhow::Result<Exit> {
    let options = resolve(args)?;
    let file = PlanFile::read(&args.plan)?;
    let printer = &context.printer;
    let is_list = options.action == Action::List;
    let report = apply(&file, &options, &TerminalObserver::new(context, "applying"))?;
    let line = |step: &Step| match is_list {
        true => step.path.display().to_string(),
        false => step_line(options.action, options.dry_run, step),
    };
    tell(printer, &report.done, &report.refused, line)?;
    if printer.json {
        printer.document("dedupe apply", &document(&options, &report))?;
    } else if !is_list {
        printer.text(&summary(&args.plan, &options, &report))?;
    }
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
    let kinds = args.kinds.iter().map(|name| kind(name)).collect::<Result<Vec<Kind>>>()?;
    Ok(ApplyOptions {
        dry_run: !args.yes,
        kinds: if kinds.is_empty() { default.kinds } else { kinds },
        to: args.to.clone().unwrap_or(default.to),
        sidecars: args.sidecars,
        journal: args.journal.clone().unwrap_or(default.journal),
        ..default
    })
}

fn kind(name: &str) -> Result<Kind> {
    match name {
        "bytes" => Ok(Kind::Bytes),
        "pixels" => Ok(Kind::Pixels),
        "near" => Ok(Kind::Near),
        _ => Err(Error::invalid(format!("--kinds: expected bytes, pixels or near, got {name}"))),
    }
}

/// The steps, one a line on stdout, and what was left alone as warnings.
pub(super) fn tell(
    printer: &Printer,
    done: &[Step],
    refused: &[Skipped],
    line: impl Fn(&Step) -> String,
) -> anyhow::Result<()> {
    for Skipped { path, reason, .. } in refused {
        printer.warning(&format!("left alone {path}: {reason}"));
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

/// What is done, as it would be, and as it was.
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

/// `would move b/one.png -> plan.json.duplicates/b/one.png`
fn step_line(action: Action, dry_run: bool, step: &Step) -> String {
    let (would, was) = words(action);
    let what = if dry_run { format!("would {would}") } else { was.to_owned() };
    let to = step.to.as_ref().map_or(String::new(), |to| format!(" -> {}", to.display()));
    format!("{what} {}{to}", step.name)
}

/// `plan.json: would move 5 files, 1 left alone; nothing was changed: --yes does it`
fn summary(plan: &Path, options: &ApplyOptions, report: &ApplyReport) -> String {
    let (would, was) = words(options.action);
    let what = if options.dry_run { format!("would {would}") } else { was.to_owned() };
    let mut parts = vec![format!("{what} {}", count(report.done.len() as u64, "file"))];
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
    format!("{}: {}{ending}", plan.display(), parts.join(", "))
}

fn document<'a>(options: &ApplyOptions, report: &'a ApplyReport) -> ApplyDocument<'a> {
    let is_dry = options.dry_run || options.action == Action::List;
    ApplyDocument {
        action: options.action,
        dry_run: is_dry,
        done: steps(&report.done),
        refused: skipped_documents(&report.refused),
        done_before: report.done_before,
        left_out: report.left_out,
        bytes_freed: report.freed,
        journal: (!is_dry).then(|| options.journal.to_string_lossy().into_owned()),
        interrupted: report.interrupted,
    }
}

/// What is worth knowing besides.
fn remarks(printer: &Printer, args: &args::Apply, options: &ApplyOptions, report: &ApplyReport) {
    if report.left_out > 0 && args.kinds.is_empty() {
        let left_out = count(report.left_out as u64, "duplicate");
        printer.note(&format!(
            "{left_out} of other kinds left out: a link to an image with other bytes would change what the file holds"
        ));
    }
    if report.interrupted {
        printer.warning("interrupted: the same command goes on from there, `aesearch dedupe undo` goes back");
    }
    if options.action == Action::List {
        printer.note(
            "nothing was changed: --action move, and others, tell what they would do; with --yes they do it",
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
        printer.note("an index still holds the files that are gone: `aesearch index` brings it up to date");
    }
}
