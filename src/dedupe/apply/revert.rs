//! Reverts one step: whatever state it is in, its file returns to its old place, with the same bytes and
//! times.
//!
//! The same code serves a step that was refused halfway, one cut short by a kill, and `undo`. It finds out
//! where the file is (in its place, parked, moved, in the trash, behind a link) and continues from there, so
//! it may itself be cut short and started again. It removes only copies, and links that it has recognised as
//! its own.

use std::fs;
use std::path::Path;

use super::disk::{Attributes, Disk, Fault, Outcome, Placed};
use super::inspect::{self, has_bytes, holds_bytes, is_there};
use super::journal::{Header, Intent};
use super::merge;
use super::options::Action;
use super::parking::{copy_in, discard, remove_parked};
use super::paths::{StepFolder, StepPaths};
use super::trash::{find_in_trash, restore_from_trash};

/// Puts the file of a step back.
///
/// # Errors
/// Refused if that is impossible; the reason then says where the file is.
pub(super) fn put_back(disk: &mut Disk, header: &Header, intent: &Intent) -> Outcome {
    if intent.is_new {
        return merge::put_back(disk, &header.id, intent);
    }
    let paths = StepPaths::of(&header.id, intent);
    let from = &intent.from.0;
    end_copies(disk, intent, &paths)?;
    disk.pause("inspect")?;
    if !is_home(header.action, intent) {
        if !is_there(&paths.near.parked) {
            fetch(disk, header.action, intent, &paths)?;
        }
        if is_there(&paths.near.parked) {
            unpark(disk, header.action, intent, &paths)?;
        }
    }
    clean(disk, header.action, intent, &paths)?;
    disk.sync_around(from)
}

/// Whether a step that was cut short was in fact completed; if so, what it left behind is removed.
pub(super) fn is_complete(disk: &mut Disk, header: &Header, intent: &Intent) -> Outcome<bool> {
    if intent.is_new {
        return merge::is_complete(disk, &header.id, intent);
    }
    let paths = StepPaths::of(&header.id, intent);
    let from = &intent.from.0;
    disk.pause("inspect")?;
    let is_done = !is_there(&paths.near.parked)
        && match header.action {
            Action::List => false,
            Action::Move => {
                let is_moved =
                    |to: &Path| has_bytes(to, &intent.expected) && !has_bytes(from, &intent.expected);
                intent.to.as_ref().is_some_and(|to| is_moved(&to.0))
            }
            Action::Trash | Action::Delete => !is_there(from),
            _ => !is_home(header.action, intent) && is_link(header.action, from, intent),
        };
    if is_done {
        disk.remove_folder(&paths.near.path)?;
        if let Some(far) = &paths.far {
            disk.remove_folder(&far.path)?;
        }
    }
    Ok(is_done)
}

/// Checks whether a step could be reverted, without changing anything.
///
/// # Errors
/// The reason why it could not.
pub(super) fn can_go_back(header: &Header, intent: &Intent) -> Result<(), String> {
    if intent.is_new {
        return merge::can_go_back(intent);
    }
    let paths = StepPaths::of(&header.id, intent);
    let from = &intent.from.0;
    if is_home(header.action, intent) {
        return Ok(());
    }
    let is_parked = is_there(&paths.near.parked);
    let is_taken = is_there(from) && !(header.action.is_link() && is_link(header.action, from, intent));
    if is_taken {
        return Err(taken(intent, &paths));
    }
    match header.action {
        _ if is_parked => Ok(()),
        Action::List | Action::Delete => Err(DELETED.to_owned()),
        Action::Trash => find_in_trash(from, &intent.expected).map(|_| ()),
        Action::Move if paths.far.as_ref().is_some_and(|far| is_there(&far.parked)) => Ok(()),
        Action::Move => intent.to.as_ref().map_or(Ok(()), |to| moved(&to.0, intent)),
        _ => behind_link(from, intent),
    }
}

const DELETED: &str = "it was deleted for good";

/// Whether the file itself is in its place, and not a link to the keeper.
fn is_home(action: Action, intent: &Intent) -> bool {
    let from = &intent.from.0;
    inspect::inspect(from, &intent.expected).is_ok()
        && !(action == Action::Hardlink && is_keeper(from, intent))
}

/// Whether `path` is another name of the keeper.
fn is_keeper(path: &Path, intent: &Intent) -> bool {
    let Some(keeper) = &intent.keeper else { return false };
    matches!(
        (inspect::plain(path), inspect::plain(&keeper.0)),
        (Ok(a), Ok(b)) if inspect::same_file(path, &a, &keeper.0, &b)
    )
}

/// Whether the step's link is at `path`, or something as good: a file with the bytes of the one that comes
/// back.
fn is_link(action: Action, path: &Path, intent: &Intent) -> bool {
    match action {
        Action::Symlink => {
            let target = intent.target.as_ref();
            fs::read_link(path).is_ok_and(|link| target.is_some_and(|target| target.0 == link))
        }
        _ => has_bytes(path, &intent.expected) || (action == Action::Hardlink && is_keeper(path, intent)),
    }
}

fn taken(intent: &Intent, paths: &StepPaths) -> String {
    let parked = &paths.near.parked;
    let place = match &intent.to {
        _ if is_there(parked) => format!("; the file itself is at {}", parked.display()),
        Some(to) => format!("; the file itself is at {}", to.0.display()),
        None => String::new(),
    };
    format!("something else is in its place{place}")
}

fn moved(to: &Path, intent: &Intent) -> Result<(), String> {
    if has_bytes(to, &intent.expected) {
        return Ok(());
    }
    let what = if is_there(to) { "where there is another file now" } else { "and is gone from there" };
    Err(format!("it was moved to {}, {what}", to.display()))
}

fn behind_link(from: &Path, intent: &Intent) -> Result<(), String> {
    if holds_bytes(from, &intent.expected) {
        return Ok(());
    }
    let what = if is_there(from) { "the link leads to other bytes now" } else { "the link is gone" };
    Err(format!("{what}: the file cannot be restored from it"))
}

/// Brings the file from where the completed step has put it to where it is parked, or to its place.
fn fetch(disk: &mut Disk, action: Action, intent: &Intent, paths: &StepPaths) -> Outcome {
    let from = &intent.from.0;
    match (action, &paths.far, &intent.to) {
        (Action::Move, Some(far), Some(to)) => fetch_moved(disk, intent, paths, far, &to.0),
        (Action::Trash, ..) => {
            make_parents(disk, from)?;
            restore_from_trash(disk, intent, &paths.near)
        }
        (Action::Hardlink | Action::Reflink | Action::Symlink, ..) => {
            behind_link(from, intent)?;
            let file = disk.open(from)?;
            copy_in(disk, &file, intent, &paths.near)
        }
        _ => {
            disk.remove_folder(&paths.near.path)?;
            Err(Fault::Refused(DELETED.to_owned()))
        }
    }
}

fn fetch_moved(disk: &mut Disk, intent: &Intent, paths: &StepPaths, far: &StepFolder, to: &Path) -> Outcome {
    let from = &intent.from.0;
    if !is_there(&far.parked) {
        moved(to, intent)?;
        disk.make_folder(&far.path)?;
        disk.take(to, &far.parked)?;
        disk.pause("inspect")?;
        if !has_bytes(&far.parked, &intent.expected) {
            disk.place(&far.parked, to)?;
            disk.remove_folder(&far.path)?;
            return Err(Fault::Refused(format!(
                "it was moved to {}, where there is another file now",
                to.display()
            )));
        }
    }
    make_parents(disk, from)?;
    match disk.place(&far.parked, from)? {
        Placed::Done => disk.remove_folder(&far.path),
        Placed::Taken => {
            disk.place(&far.parked, to)?;
            disk.remove_folder(&far.path)?;
            Err(Fault::Refused(taken(intent, paths)))
        }
        Placed::Far => {
            let file = disk.open(&far.parked)?;
            copy_in(disk, &file, intent, &paths.near)?;
            disk.remove(&far.parked)?;
            disk.remove_folder(&far.path)
        }
    }
}

/// Moves the parked file to its place, from which a link of ours is removed.
fn unpark(disk: &mut Disk, action: Action, intent: &Intent, paths: &StepPaths) -> Outcome {
    let from = &intent.from.0;
    disk.pause("inspect")?;
    if is_there(from) {
        let is_ours = |path: &Path| action.is_link() && is_link(action, path, intent);
        if !is_ours(from) {
            return Err(Fault::Refused(taken(intent, paths)));
        }
        if is_ours(&paths.link) {
            disk.remove(&paths.link)?;
        }
        disk.take(from, &paths.link)?;
        disk.pause("inspect")?;
        if !is_ours(&paths.link) {
            disk.place(&paths.link, from)?;
            return Err(Fault::Refused(taken(intent, paths)));
        }
    }
    make_parents(disk, from)?;
    match disk.place(&paths.near.parked, from)? {
        Placed::Done => disk.sync_around(from),
        _ => Err(Fault::Refused(taken(intent, paths))),
    }
}

/// Removes what the step has left behind, but nothing whose bytes are not also in the file's place.
fn clean(disk: &mut Disk, action: Action, intent: &Intent, paths: &StepPaths) -> Outcome {
    let from = &intent.from.0;
    discard(disk, &paths.near.temp)?;
    if is_there(&paths.link) {
        if !is_link(action, &paths.link, intent) {
            return Err(Fault::Refused(format!("something else is at {}", paths.link.display())));
        }
        disk.remove(&paths.link)?;
    }
    remove_copy(disk, &paths.near, intent)?;
    disk.remove_folder(&paths.near.path)?;
    if let (Some(far), Some(to)) = (&paths.far, &intent.to) {
        discard(disk, &far.temp)?;
        // as long as this folder exists, the destination may hold a copy in addition to the file
        let is_copy =
            is_there(&far.path) && has_bytes(&to.0, &intent.expected) && has_bytes(from, &intent.expected);
        if is_copy && !is_there(&far.parked) {
            disk.take(&to.0, &far.parked)?;
        }
        remove_copy(disk, far, intent)?;
        disk.remove_folder(&far.path)?;
    }
    for folder in intent.folders.iter().rev() {
        disk.remove_folder(&folder.0)?;
    }
    Ok(())
}

/// Deals with unfinished copies before others can reach the file again. A complete copy counts as the file,
/// because its source may have disappeared since.
fn end_copies(disk: &mut Disk, intent: &Intent, paths: &StepPaths) -> Outcome {
    let (temp, parked) = (&paths.near.temp, &paths.near.parked);
    if !is_there(parked) && has_bytes(temp, &intent.expected) {
        disk.set_attributes(temp, &Attributes::new(intent.expected.mtime_ns, intent.mode))?;
        disk.take(temp, parked)?;
    }
    match &paths.far {
        Some(far) if is_there(parked) => discard(disk, &far.temp),
        _ => Ok(()),
    }
}

/// Removes a second file with the bytes of the one that is back in its place.
fn remove_copy(disk: &mut Disk, folder: &StepFolder, intent: &Intent) -> Outcome {
    let copy = &folder.parked;
    if !is_there(copy) {
        return Ok(());
    }
    disk.pause("inspect")?;
    let in_the_way = || format!("something else is at {}", copy.display());
    if !has_bytes(copy, &intent.expected) {
        return Err(Fault::Refused(in_the_way()));
    }
    let home = || if has_bytes(&intent.from.0, &intent.expected) { Ok(()) } else { Err(in_the_way()) };
    remove_parked(
        disk,
        folder,
        &intent.expected,
        &Attributes::new(intent.expected.mtime_ns, intent.mode),
        &home,
    )
}

/// Makes the folders above `path` again, which may have been removed meanwhile.
fn make_parents(disk: &mut Disk, path: &Path) -> Outcome {
    let missing: Vec<&Path> = path.ancestors().skip(1).take_while(|folder| !is_there(folder)).collect();
    for folder in missing.into_iter().rev() {
        disk.make_folder(folder)?;
    }
    Ok(())
}
