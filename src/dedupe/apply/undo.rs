//! All of a journal taken back, the last step first.

use std::path::Path;

use super::disk::{Disk, Fault, clone_blocks};
use super::journal::{Header, Intent, Journal, State};
use super::options::{Step, UndoReport};
use super::revert::{can_go_back, put_back};
use crate::error::Result;
use crate::images::Skipped;
use crate::observer::{Observer, Progress, Stage};

/// Takes back every step of the journal at `path` that can be, or with `dry_run` only looks which can. Where nothing is left to
/// take back the journal goes. The observer hears of every file and can stop between two; undoing again goes on.
///
/// # Errors
/// When the journal cannot be read or written, or another process holds it. That a file cannot be put back is no error: it is
/// reported with its reason.
pub fn undo(path: &Path, dry_run: bool, observer: &dyn Observer) -> Result<UndoReport> {
    let disk = Disk { before: &mut |_| Ok(()), sync: true, clone: clone_blocks, far: false };
    undo_on(disk, path, dry_run, observer)
}

/// The same, on this disk.
pub(super) fn undo_on(
    mut disk: Disk,
    path: &Path,
    dry_run: bool,
    observer: &dyn Observer,
) -> Result<UndoReport> {
    let mut journal = Journal::existing(path, disk.sync)?;
    let header = journal.header.clone();
    observer.stage(Stage::new("putting back", "files"));
    let mut report = UndoReport { action: Some(header.action), ..UndoReport::default() };
    for number in (0..journal.entries.len()).rev() {
        let entry = journal.entries[number].clone();
        if matches!(entry.state, State::Refused | State::Undone) {
            continue;
        }
        let back = if dry_run {
            can_go_back(&header, &entry.intent).map_err(Fault::Refused)
        } else {
            put_back(&mut disk, &header, &entry.intent)
        };
        match back {
            Ok(()) => {
                // a step that changed nothing is none to tell of
                let step = step(&header, &entry.intent);
                if !dry_run {
                    journal.end(number, State::Undone, "", path)?;
                }
                report.done.push(step);
            }
            Err(Fault::Refused(reason)) => {
                let refused = Skipped::new(name(&header, &entry.intent), reason);
                observer.skipped(&refused.path, &refused.reason);
                report.refused.push(refused);
            }
            Err(Fault::Fatal(error)) => return Err(error),
        }
        observer.progress(&Progress::of(journal.entries.len() - number, journal.entries.len()));
        if observer.should_stop() {
            report.interrupted = true;
            break;
        }
    }
    if !dry_run {
        journal.flush()?;
        if report.refused.is_empty() && !report.interrupted {
            journal.remove()?;
        }
    }
    Ok(report)
}

fn step(header: &Header, intent: &Intent) -> Step {
    Step {
        name: name(header, intent),
        path: intent.from.0.clone(),
        to: intent.to.as_ref().map(|to| to.0.clone()),
        is_sidecar: intent.keeper.is_none(),
        freed: 0,
    }
}

/// Its path from the plan's folder, where it lies there.
fn name(header: &Header, intent: &Intent) -> String {
    let path = &intent.from.0;
    path.strip_prefix(&header.base.0).unwrap_or(path).to_string_lossy().into_owned()
}
