//! Performs one step: takes an inspected file and does with it what the action says.
//!
//! ```text
//! make a folder beside the file -> [make the link in it] -> park the file in it -> read file and keeper once more
//!     move: rename, or copy and read back     links: put the link in place,     delete: remove the file
//!                                             then remove the file
//! ```
//!
//! A refusal leaves the files where they are at that moment; `revert` can take back every such state.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use super::disk::{Attributes, Disk, Fault, Outcome, Placed};
use super::inspect::{self, Expected, Inspection, Keeper};
use super::journal::{Intent, Journal};
use super::options::Action;
use super::parking::remove_parked;
use super::paths::{StepFolder, StepPaths, free_name};
use super::trash::move_to_trash;

/// A step to perform.
pub(super) struct Perform<'a> {
    /// Index of its entry in the journal.
    pub(super) entry: usize,
    /// None for a sidecar.
    pub(super) keeper: Option<&'a Keeper>,
    /// The file as it was found before the step.
    pub(super) before: &'a Inspection,
    /// With `move`: the name the file should get; if it is taken, a number is added to it.
    pub(super) wanted: &'a Path,
}

/// Performs the step of a journal entry.
pub(super) fn perform(disk: &mut Disk, journal: &mut Journal, step: &Perform) -> Outcome {
    let intent = journal.entries[step.entry].intent.clone();
    let action = journal.header.action;
    let paths = StepPaths::of(&journal.header.id, &intent);
    let (from, expected) = (&intent.from.0, &intent.expected);
    if action == Action::Trash {
        disk.pause("trash")?;
        move_to_trash(from)?;
        disk.pause("inspect")?;
        inspect_keeper(step.keeper, from, step.before)?;
        return Ok(());
    }
    new_folder(disk, &paths.near)?;
    let attributes = Attributes::new(expected.mtime_ns, intent.mode);
    // made before the file leaves its place, so that it is missing for a moment only
    match (action, step.keeper) {
        (Action::Hardlink, Some(keeper)) => disk.hard_link(&keeper.path, &paths.link)?,
        (Action::Reflink, Some(keeper)) => disk.share(&keeper.path, &paths.link, &attributes)?,
        (Action::Symlink, Some(_)) => {
            let target = intent.target.as_ref().ok_or("no target".to_owned())?;
            disk.symlink(&target.0, &paths.link)?;
        }
        _ => {}
    }
    disk.take(from, &paths.near.parked)?;
    let parked = disk.inspect(&paths.near.parked, expected)?;
    disk.pause("inspect")?;
    let kept = inspect_keeper(step.keeper, &paths.near.parked, &parked)?;
    let kept = step.keeper.zip(kept.as_ref());
    match action {
        Action::Move => transfer(disk, journal, step, &paths, &attributes)?,
        Action::Delete => remove_parked(disk, &paths.near, expected, &attributes, &|| still(kept))?,
        _ => {
            let kept = kept.ok_or("no file that is kept".to_owned())?;
            let leads = || leads_to_keeper(action, from, kept, expected);
            if action != Action::Symlink {
                leads_to_keeper(action, &paths.link, kept, expected)?;
            }
            placed(disk.place(&paths.link, from)?, "something else has taken its place")?;
            disk.sync_around(from)?;
            leads()?;
            remove_parked(disk, &paths.near, expected, &attributes, &|| {
                still(Some(kept)).and_then(|()| leads())
            })?;
        }
    }
    disk.remove_folder(&paths.near.path)?;
    disk.sync_around(from)
}

/// Reads the keeper, if the step has one.
fn inspect_keeper(
    keeper: Option<&Keeper>,
    path: &Path,
    file: &Inspection,
) -> Result<Option<Inspection>, String> {
    keeper.map(|keeper| keeper.inspect(path, &file.metadata)).transpose()
}

fn still(kept: Option<(&Keeper, &Inspection)>) -> Result<(), String> {
    kept.map_or(Ok(()), |(keeper, inspection)| keeper.still(inspection))
}

/// Makes a folder that must not exist yet.
fn new_folder(disk: &mut Disk, folder: &StepFolder) -> Outcome {
    if disk.make_folder(&folder.path)? {
        return Ok(());
    }
    Err(Fault::Refused(format!("{} is in the way", folder.path.display())))
}

fn placed(placed: Placed, taken: &str) -> Outcome {
    match placed {
        Placed::Done => Ok(()),
        Placed::Taken => Err(Fault::Refused(taken.to_owned())),
        Placed::Far => Err(Fault::Refused("its folder is on several file systems".to_owned())),
    }
}

/// Checks that the link at `path` leads to the keeper, or with shared blocks that it has the same bytes.
fn leads_to_keeper(
    action: Action,
    path: &Path,
    (keeper, kept): (&Keeper, &Inspection),
    expected: &Expected,
) -> Result<(), String> {
    let is_same = |metadata: &Metadata| inspect::same_file(&keeper.path, &kept.metadata, path, metadata);
    let leads = match action {
        Action::Hardlink if cfg!(unix) => inspect::plain(path).is_ok_and(|metadata| is_same(&metadata)),
        Action::Symlink => fs::metadata(path).is_ok_and(|metadata| is_same(&metadata)),
        _ => inspect::has_bytes(path, expected),
    };
    if leads { Ok(()) } else { Err("the link does not lead to the file that is kept".to_owned()) }
}

/// Moves the parked file to its new place, by renaming it or by a copy that is read back.
fn transfer(
    disk: &mut Disk,
    journal: &mut Journal,
    step: &Perform,
    paths: &StepPaths,
    attributes: &Attributes,
) -> Outcome {
    let Intent { expected, folders, .. } = journal.entries[step.entry].intent.clone();
    let far = paths.far.as_ref().ok_or("no place to go to".to_owned())?;
    for folder in &folders {
        if disk.make_folder(&folder.0)? {
            disk.sync_around(&folder.0)?;
        }
    }
    if !settle(disk, journal, step, &paths.near.parked)? {
        new_folder(disk, far)?;
        let file = disk.open(&paths.near.parked)?;
        disk.copy(&file, &far.temp, &expected, attributes)?;
        if !settle(disk, journal, step, &far.temp)? {
            return Err(Fault::Refused("its new folder is on several file systems".to_owned()));
        }
        disk.sync_around(step.wanted)?;
        let to = destination(journal, step)?;
        let there =
            || inspect::inspect(&to, &expected).map(|_| ()).map_err(|reason| format!("its copy: {reason}"));
        remove_parked(disk, &paths.near, &expected, attributes, &there)?;
        disk.remove_folder(&far.path)?;
    }
    disk.sync_around(step.wanted)
}

/// Gives the file its new name, or the next free one; false if only a copy can get there.
fn settle(disk: &mut Disk, journal: &mut Journal, step: &Perform, whole: &Path) -> Outcome<bool> {
    loop {
        match disk.place(whole, &destination(journal, step)?)? {
            Placed::Done => return Ok(true),
            Placed::Far => return Ok(false),
            Placed::Taken => journal.retarget(step.entry, &free_name(step.wanted, |_| false)?)?,
        }
    }
}

fn destination(journal: &Journal, step: &Perform) -> Result<PathBuf, String> {
    let to = journal.entries[step.entry].intent.to.as_ref();
    to.map(|to| to.0.clone()).ok_or("no place to go to".to_owned())
}
