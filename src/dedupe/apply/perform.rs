//! One step forward: from a file that was looked at to what its action makes of it.
//!
//! ```text
//! a folder of its own -> [the link is made there] -> the file is taken in -> file and keeper are read once more
//!     move: renamed, or copied and read back     links: the link takes its place, then     delete: then
//!                                                the file is removed                       the file is removed
//! ```
//!
//! A refusal anywhere leaves the files where they are; `back` knows the way from every such state.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use super::disk::{Disk, Dress, Fault, Outcome, Placed};
use super::inspect::{self, Expected, Inspection, Keeper};
use super::journal::{Intent, Journal};
use super::options::Action;
use super::place::{Folder, Place, free_name};
use super::trash;

/// What a step is about.
pub(super) struct Perform<'a> {
    /// Number of its entry in the journal.
    pub(super) entry: usize,
    /// None for a sidecar.
    pub(super) keeper: Option<&'a Keeper>,
    /// The file as it was found before.
    pub(super) before: &'a Inspection,
    /// With `move`, the name to number where it is taken.
    pub(super) wanted: &'a Path,
}

/// Takes the step that the journal's entry means.
pub(super) fn perform(disk: &mut Disk, journal: &mut Journal, step: &Perform) -> Outcome {
    let intent = journal.entries[step.entry].intent.clone();
    let action = journal.header.action;
    let place = Place::of(&journal.header.id, &intent);
    let (from, expected) = (&intent.from.0, &intent.expected);
    if action == Action::Trash {
        disk.pause("trash")?;
        trash::put(from)?;
        disk.pause("look")?;
        inspect_keeper(step.keeper, from, step.before)?;
        return Ok(());
    }
    new_folder(disk, &place.near)?;
    let dress = Dress::new(expected.mtime_ns, intent.mode);
    // before the file leaves its place, so that it is away for a moment only
    match (action, step.keeper) {
        (Action::Hardlink, Some(keeper)) => disk.hard_link(&keeper.path, &place.link)?,
        (Action::Reflink, Some(keeper)) => disk.share(&keeper.path, &place.link, &dress)?,
        (Action::Symlink, Some(_)) => {
            let target = intent.target.as_ref().ok_or("no target".to_owned())?;
            disk.symlink(&target.0, &place.link)?;
        }
        _ => {}
    }
    disk.take(from, &place.near.parked)?;
    let parked = disk.inspect(&place.near.parked, expected)?;
    disk.pause("look")?;
    let kept = inspect_keeper(step.keeper, &place.near.parked, &parked)?;
    let kept = step.keeper.zip(kept.as_ref());
    match action {
        Action::Move => transfer(disk, journal, step, &place, &dress)?,
        Action::Delete => remove_parked(disk, &place.near, expected, &dress, &|| still(kept))?,
        _ => {
            let kept = kept.ok_or("no file that is kept".to_owned())?;
            let leads = || leads_to_keeper(action, from, kept, expected);
            if action != Action::Symlink {
                leads_to_keeper(action, &place.link, kept, expected)?;
            }
            placed(disk.place(&place.link, from)?, "something else has taken its place")?;
            disk.sync_around(from)?;
            leads()?;
            remove_parked(disk, &place.near, expected, &dress, &|| still(Some(kept)).and_then(|()| leads()))?;
        }
    }
    disk.remove_folder(&place.near.path)?;
    disk.sync_around(from)
}

/// Reads the file that stays, where there is one.
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

/// A folder that was not there.
fn new_folder(disk: &mut Disk, folder: &Folder) -> Outcome {
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

/// Whether the link at `path` is one to the file that stays, or for shared blocks has its bytes.
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

/// Brings the parked file to its new place, by a rename or by a copy that was read back.
fn transfer(disk: &mut Disk, journal: &mut Journal, step: &Perform, place: &Place, dress: &Dress) -> Outcome {
    let Intent { expected, folders, .. } = journal.entries[step.entry].intent.clone();
    let far = place.far.as_ref().ok_or("no place to go to".to_owned())?;
    for folder in &folders {
        if disk.make_folder(&folder.0)? {
            disk.sync_around(&folder.0)?;
        }
    }
    if !settle(disk, journal, step, &place.near.parked)? {
        new_folder(disk, far)?;
        let file = disk.open(&place.near.parked)?;
        disk.copy(&file, &far.temp, &expected, dress)?;
        if !settle(disk, journal, step, &far.temp)? {
            return Err(Fault::Refused("its new folder is on several file systems".to_owned()));
        }
        disk.sync_around(step.wanted)?;
        let to = destination(journal, step)?;
        let there =
            || inspect::inspect(&to, &expected).map(|_| ()).map_err(|reason| format!("its copy: {reason}"));
        remove_parked(disk, &place.near, &expected, dress, &there)?;
        disk.remove_folder(&far.path)?;
    }
    disk.sync_around(step.wanted)
}

/// Gives the file its new name, or the next that is free; false where only a copy can get there.
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

/// Removes the parked file while what replaces it is `there`. Between the last look and the removal others may still act: the
/// file is held open, looked after once more, and written again where its replacement has gone in that moment.
pub(super) fn remove_parked(
    disk: &mut Disk,
    folder: &Folder,
    expected: &Expected,
    dress: &Dress,
    there: &dyn Fn() -> Result<(), String>,
) -> Outcome {
    let held = disk.open(&folder.parked)?;
    disk.pause("last look")?;
    there()?;
    disk.remove(&folder.parked)?;
    if let Err(reason) = there() {
        disk.copy(&held, &folder.temp, expected, dress)?;
        disk.take(&folder.temp, &folder.parked)?;
        return Err(Fault::Refused(reason));
    }
    Ok(())
}
