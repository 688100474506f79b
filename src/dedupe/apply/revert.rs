//! One step back: whatever state a step is in, its file comes to its old place again, with the same bytes and times.
//!
//! The same code serves a step that was refused halfway, one that a kill has cut short, and `undo`. It looks where the file is
//! (in its place, parked, moved, in the trash, behind a link) and goes on from there, so that it may itself be cut short and
//! begun again. Nothing is removed but copies, and links that have been recognised.

use std::fs;
use std::path::Path;

use super::disk::{Disk, Dress, Fault, Outcome, Placed};
use super::inspect::{self, has_bytes, holds_bytes, is_there};
use super::journal::{Header, Intent};
use super::options::Action;
use super::perform::remove_parked;
use super::place::{Folder, Place};
use super::trash;

/// Puts the file of a step back.
///
/// # Errors
/// Refused where that cannot be done; then the reason says where the file lies.
pub(super) fn put_back(disk: &mut Disk, header: &Header, intent: &Intent) -> Outcome {
    let place = Place::of(&header.id, intent);
    let from = &intent.from.0;
    end_copies(disk, intent, &place)?;
    disk.pause("look")?;
    if !is_home(header.action, intent) {
        if !is_there(&place.near.parked) {
            fetch(disk, header.action, intent, &place)?;
        }
        if is_there(&place.near.parked) {
            unpark(disk, header.action, intent, &place)?;
        }
    }
    clean(disk, header.action, intent, &place)?;
    disk.sync_around(from)
}

/// Whether a step that was cut short had in truth been done; what it left behind is then removed.
pub(super) fn is_complete(disk: &mut Disk, header: &Header, intent: &Intent) -> Outcome<bool> {
    let place = Place::of(&header.id, intent);
    let from = &intent.from.0;
    disk.pause("look")?;
    let is_done = !is_there(&place.near.parked)
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
        disk.remove_folder(&place.near.path)?;
        if let Some(far) = &place.far {
            disk.remove_folder(&far.path)?;
        }
    }
    Ok(is_done)
}

/// Whether a step could be taken back, as far as looking tells.
///
/// # Errors
/// The reason why not.
pub(super) fn can_go_back(header: &Header, intent: &Intent) -> Result<(), String> {
    let place = Place::of(&header.id, intent);
    let from = &intent.from.0;
    if is_home(header.action, intent) {
        return Ok(());
    }
    let is_parked = is_there(&place.near.parked);
    let is_taken = is_there(from) && !(header.action.is_link() && is_link(header.action, from, intent));
    if is_taken {
        return Err(taken(intent, &place));
    }
    match header.action {
        _ if is_parked => Ok(()),
        Action::List | Action::Delete => Err(DELETED.to_owned()),
        Action::Trash => trash::find(from, &intent.expected).map(|_| ()),
        Action::Move if place.far.as_ref().is_some_and(|far| is_there(&far.parked)) => Ok(()),
        Action::Move => intent.to.as_ref().map_or(Ok(()), |to| moved(&to.0, intent)),
        _ => behind_link(from, intent),
    }
}

const DELETED: &str = "it was deleted for good";

/// Whether the file itself is in its place, not a link to the one that is kept.
fn is_home(action: Action, intent: &Intent) -> bool {
    let from = &intent.from.0;
    inspect::inspect(from, &intent.expected).is_ok()
        && !(action == Action::Hardlink && is_keeper(from, intent))
}

/// Whether `path` is another name of the file that is kept.
fn is_keeper(path: &Path, intent: &Intent) -> bool {
    let Some(keeper) = &intent.keeper else { return false };
    matches!(
        (inspect::plain(path), inspect::plain(&keeper.0)),
        (Ok(a), Ok(b)) if inspect::same_file(path, &a, &keeper.0, &b)
    )
}

/// Whether what is at `path` is the step's link, or as good as it: a file with the bytes of the one that comes back.
fn is_link(action: Action, path: &Path, intent: &Intent) -> bool {
    match action {
        Action::Symlink => {
            let target = intent.target.as_ref();
            fs::read_link(path).is_ok_and(|link| target.is_some_and(|target| target.0 == link))
        }
        _ => has_bytes(path, &intent.expected) || (action == Action::Hardlink && is_keeper(path, intent)),
    }
}

fn taken(intent: &Intent, place: &Place) -> String {
    let parked = &place.near.parked;
    let lies = match &intent.to {
        _ if is_there(parked) => format!("; the file itself lies at {}", parked.display()),
        Some(to) => format!("; the file itself lies at {}", to.0.display()),
        None => String::new(),
    };
    format!("something else is in its place{lies}")
}

fn moved(to: &Path, intent: &Intent) -> Result<(), String> {
    if has_bytes(to, &intent.expected) {
        return Ok(());
    }
    let what = if is_there(to) { "it is not the file any more" } else { "it is gone" };
    Err(format!("moved to {}, where {what}", to.display()))
}

fn behind_link(from: &Path, intent: &Intent) -> Result<(), String> {
    if holds_bytes(from, &intent.expected) {
        return Ok(());
    }
    let what = if is_there(from) { "the link holds other bytes now" } else { "the link is gone" };
    Err(format!("{what}: the file cannot be made of it again"))
}

/// Brings the file to where it is parked or to its place, from wherever the finished step has put it.
fn fetch(disk: &mut Disk, action: Action, intent: &Intent, place: &Place) -> Outcome {
    let from = &intent.from.0;
    match (action, &place.far, &intent.to) {
        (Action::Move, Some(far), Some(to)) => fetch_moved(disk, intent, place, far, &to.0),
        (Action::Trash, ..) => {
            make_parents(disk, from)?;
            trash::take_back(disk, intent, &place.near)
        }
        (Action::Hardlink | Action::Reflink | Action::Symlink, ..) => {
            behind_link(from, intent)?;
            let file = disk.open(from)?;
            copy_in(disk, &file, intent, &place.near)
        }
        _ => {
            disk.remove_folder(&place.near.path)?;
            Err(Fault::Refused(DELETED.to_owned()))
        }
    }
}

fn fetch_moved(disk: &mut Disk, intent: &Intent, place: &Place, far: &Folder, to: &Path) -> Outcome {
    let from = &intent.from.0;
    if !is_there(&far.parked) {
        moved(to, intent)?;
        disk.make_folder(&far.path)?;
        disk.take(to, &far.parked)?;
        disk.pause("look")?;
        if !has_bytes(&far.parked, &intent.expected) {
            disk.place(&far.parked, to)?;
            disk.remove_folder(&far.path)?;
            return Err(Fault::Refused(format!(
                "moved to {}, where it is not the file any more",
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
            Err(Fault::Refused(taken(intent, place)))
        }
        Placed::Far => {
            let file = disk.open(&far.parked)?;
            copy_in(disk, &file, intent, &place.near)?;
            disk.remove(&far.parked)?;
            disk.remove_folder(&far.path)
        }
    }
}

/// Parks a copy of an open file, whole or not at all.
pub(super) fn copy_in(disk: &mut Disk, file: &fs::File, intent: &Intent, near: &Folder) -> Outcome {
    disk.make_folder(&near.path)?;
    discard(disk, &near.temp)?;
    disk.copy(file, &near.temp, &intent.expected, &Dress::new(intent.expected.mtime_ns, intent.mode))?;
    disk.take(&near.temp, &near.parked)?;
    disk.sync_around(&near.parked)
}

/// From its temporary name to its place, which a link of ours leaves.
fn unpark(disk: &mut Disk, action: Action, intent: &Intent, place: &Place) -> Outcome {
    let from = &intent.from.0;
    disk.pause("look")?;
    if is_there(from) {
        let is_ours = |path: &Path| action.is_link() && is_link(action, path, intent);
        if !is_ours(from) {
            return Err(Fault::Refused(taken(intent, place)));
        }
        if is_ours(&place.link) {
            disk.remove(&place.link)?;
        }
        disk.take(from, &place.link)?;
        disk.pause("look")?;
        if !is_ours(&place.link) {
            disk.place(&place.link, from)?;
            return Err(Fault::Refused(taken(intent, place)));
        }
    }
    make_parents(disk, from)?;
    match disk.place(&place.near.parked, from)? {
        Placed::Done => disk.sync_around(from),
        _ => Err(Fault::Refused(taken(intent, place))),
    }
}

/// Removes what the step has left behind, but nothing whose bytes are not in the file's place.
fn clean(disk: &mut Disk, action: Action, intent: &Intent, place: &Place) -> Outcome {
    let from = &intent.from.0;
    discard(disk, &place.near.temp)?;
    if is_there(&place.link) {
        if !is_link(action, &place.link, intent) {
            return Err(Fault::Refused(format!("something else lies at {}", place.link.display())));
        }
        disk.remove(&place.link)?;
    }
    remove_copy(disk, &place.near, intent)?;
    disk.remove_folder(&place.near.path)?;
    if let (Some(far), Some(to)) = (&place.far, &intent.to) {
        discard(disk, &far.temp)?;
        // its folder is there as long as the place it goes to may hold a copy besides the file
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

/// Deals with copies that were under way, before the file is within everybody's reach again: one that got whole counts as the
/// file, as what it was made of may have gone since.
fn end_copies(disk: &mut Disk, intent: &Intent, place: &Place) -> Outcome {
    let (temp, parked) = (&place.near.temp, &place.near.parked);
    if !is_there(parked) && has_bytes(temp, &intent.expected) {
        disk.dress(temp, &Dress::new(intent.expected.mtime_ns, intent.mode))?;
        disk.take(temp, parked)?;
    }
    match &place.far {
        Some(far) if is_there(parked) => discard(disk, &far.temp),
        _ => Ok(()),
    }
}

/// Removes a copy that never got whole.
fn discard(disk: &mut Disk, temp: &Path) -> Outcome {
    if is_there(temp) { disk.remove(temp) } else { Ok(()) }
}

/// Removes a second file with the bytes of the one that is in its place.
fn remove_copy(disk: &mut Disk, folder: &Folder, intent: &Intent) -> Outcome {
    let copy = &folder.parked;
    if !is_there(copy) {
        return Ok(());
    }
    disk.pause("look")?;
    let lies = || format!("something else lies at {}", copy.display());
    if !has_bytes(copy, &intent.expected) {
        return Err(Fault::Refused(lies()));
    }
    let home = || if has_bytes(&intent.from.0, &intent.expected) { Ok(()) } else { Err(lies()) };
    remove_parked(disk, folder, &intent.expected, &Dress::new(intent.expected.mtime_ns, intent.mode), &home)
}

/// The folder that the file lay in may have gone since.
fn make_parents(disk: &mut Disk, path: &Path) -> Outcome {
    let missing: Vec<&Path> = path.ancestors().skip(1).take_while(|folder| !is_there(folder)).collect();
    for folder in missing.into_iter().rev() {
        disk.make_folder(folder)?;
    }
    Ok(())
}
