//! Takes back all steps of a journal, the last one first.

use std::path::{Path, PathBuf};

use super::disk::{Disk, Fault, clone_blocks};
use super::inspect::is_there;
use super::journal::{Header, Intent, Journal, State};
use super::options::{PlanFile, Step, UndoOptions, UndoReport, journal_of};
use super::paths::StepPaths;
use super::revert::{can_go_back, put_back};
use crate::error::{Error, Result};
use crate::images::Skipped;
use crate::observer::{Observer, Progress, Stage};

/// Takes back every step of a journal that can be taken back, or in a dry run only checks which can. If
/// nothing is left, the journal is removed. The observer hears of every file and can stop the work between
/// two; another call goes on from there.
///
/// # Errors
/// When the journal cannot be read or written, or another process holds it. A file that cannot be put back is
/// not an error: it is reported with the reason.
pub fn undo(options: &UndoOptions, observer: &dyn Observer) -> Result<UndoReport> {
    let disk = Disk { before: &mut |_| Ok(()), sync: true, clone: clone_blocks, far: false };
    undo_on(disk, &find_journal(&options.journal)?, options.dry_run, observer)
}

/// The journal at this path, or the one beside the plan at it.
///
/// # Errors
/// When there is a plan, and no journal beside it.
fn find_journal(path: &Path) -> Result<PathBuf> {
    let beside = journal_of(path);
    if beside.is_file() {
        return Ok(beside);
    }
    if PlanFile::read(path).is_ok() {
        let what = format!("{}: expected a journal beside this plan, got none", path.display());
        return Err(Error::not_found(what).with_hint(
            "either nothing was done, or all of it was taken back; if `apply` wrote another `journal`, name that file",
        ));
    }
    Ok(path.to_path_buf())
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
    let mut report =
        UndoReport { journal: path.to_path_buf(), action: Some(header.action), ..UndoReport::default() };
    for number in (0..journal.entries.len()).rev() {
        let entry = journal.entries[number].clone();
        if matches!(entry.state, State::Refused | State::Undone) {
            continue;
        }
        let back = if dry_run {
            can_go_back(&header, &entry.intent).map_err(Fault::Refused)
        } else {
            put_back(&mut disk, &header, &entry.intent)
                .and_then(|()| left_behind(&header, &entry.intent).map_err(Fault::Refused))
        };
        match back {
            Ok(()) => {
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

/// Checks that a step whose file is back has left no folder of ours.
fn left_behind(header: &Header, intent: &Intent) -> Result<(), String> {
    let paths = StepPaths::of(&header.id, intent);
    match [Some(paths.near), paths.far].into_iter().flatten().find(|folder| is_there(&folder.path)) {
        None => Ok(()),
        Some(folder) => Err(format!(
            "it is back, but its temporary folder cannot be removed: {}: see what is in it, then undo again",
            folder.path.display()
        )),
    }
}

fn step(header: &Header, intent: &Intent) -> Step {
    Step {
        name: name(header, intent),
        path: intent.from.0.clone(),
        to: intent.to.as_ref().map(|to| to.0.clone()),
        is_sidecar: intent.keeper.is_none(),
        is_new: intent.is_new,
        freed: 0,
    }
}

/// The file's path, relative to the plan's base folder if it is below it.
fn name(header: &Header, intent: &Intent) -> String {
    let path = &intent.from.0;
    path.strip_prefix(&header.base.0).unwrap_or(path).to_string_lossy().into_owned()
}
