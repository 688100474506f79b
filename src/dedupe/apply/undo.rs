//! All of a journal taken back, the last step first.

use std::ops::ControlFlow;
use std::path::Path;

use super::back::{can_go_back, put_back};
use super::disk::{Disk, Fault, clone_blocks};
use super::journal::{Header, Intent, Journal, State};
use super::options::{Step, Told, UndoReport};
use crate::error::Result;
use crate::images::Skipped;

/// Takes back every step of the journal at `path` that can be, or with `dry_run` only looks which can. Where nothing is left to
/// take back the journal goes. `told` hears of every file, and may break off between two of them; undoing again goes on.
///
/// # Errors
/// When the journal cannot be read or written, or another process holds it. That a file cannot be put back is no error: it is
/// reported with its reason.
pub fn undo(
    path: &Path,
    dry_run: bool,
    told: &mut dyn FnMut(&Told) -> ControlFlow<()>,
) -> Result<UndoReport> {
    let disk = Disk { before: &mut |_| Ok(()), sync: true, clone: clone_blocks, far: false };
    undo_on(disk, path, dry_run, told)
}

/// The same, on this disk.
pub(super) fn undo_on(
    mut disk: Disk,
    path: &Path,
    dry_run: bool,
    told: &mut dyn FnMut(&Told) -> ControlFlow<()>,
) -> Result<UndoReport> {
    let mut journal = Journal::existing(path, disk.sync)?;
    let header = journal.header.clone();
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
        let flow = match back {
            Ok(()) => {
                // a step that changed nothing is none to tell of
                let step = step(&header, &entry.intent);
                if !dry_run {
                    journal.end(number, State::Undone, "", path)?;
                }
                let flow = told(&Told::Done(&step));
                report.done.push(step);
                flow
            }
            Err(Fault::Refused(reason)) => {
                let refused = Skipped::new(name(&header, &entry.intent), reason);
                let flow = told(&Told::Refused(&refused));
                report.refused.push(refused);
                flow
            }
            Err(Fault::Fatal(error)) => return Err(error),
        };
        if flow.is_break() {
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
