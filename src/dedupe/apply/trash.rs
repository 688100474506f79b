//! The desktop's trash, and the only file that names the crate for it.
//!
//! On Linux a file in it is found by its old path and recognised by its bytes; on Windows the newest of that path comes back; macOS
//! tells programs nothing about its trash.

use std::path::{Path, PathBuf};

use super::disk::{Disk, Outcome};
use super::inspect::Expected;
use super::journal::Intent;
use super::place::Folder;

/// Puts a file in the trash.
///
/// # Errors
/// The reason why it cannot.
pub(super) fn put(path: &Path) -> Result<(), String> {
    trash::delete(path).map_err(|error| format!("it cannot go to the trash: {error}"))
}

#[cfg(not(any(target_os = "macos", target_os = "ios", target_os = "android")))]
fn items(path: &Path) -> Result<Vec<trash::TrashItem>, String> {
    let items = trash::os_limited::list().map_err(|error| format!("the trash cannot be read: {error}"))?;
    // the trash knows files by the real names of their folders
    let real = path.parent().and_then(|folder| Some(folder.canonicalize().ok()?.join(path.file_name()?)));
    let is_wanted = |old: PathBuf| old == path || Some(&old) == real.as_ref();
    let mut items: Vec<_> = items.into_iter().filter(|item| is_wanted(item.original_path())).collect();
    items.sort_by_key(|item| std::cmp::Reverse(item.time_deleted));
    Ok(items)
}

/// A file in the trash: the file, and the note about it.
#[cfg(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android"))))]
pub(super) fn find(path: &Path, expected: &Expected) -> Result<(PathBuf, PathBuf), String> {
    let files = items(path)?.into_iter().filter_map(|item| {
        let note = PathBuf::from(item.id);
        Some((note.parent()?.parent()?.join("files").join(note.file_stem()?), note))
    });
    let mut found = files.filter(|(file, _)| super::inspect::has_bytes(file, expected));
    found.next().ok_or_else(|| "it is not in the trash any more".to_owned())
}

/// Brings a file from the trash to its place.
#[cfg(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android"))))]
pub(super) fn take_back(disk: &mut Disk, intent: &Intent, near: &Folder) -> Outcome {
    use super::disk::{Fault, Placed};

    let from = &intent.from.0;
    let (file, note) = find(from, &intent.expected)?;
    match disk.place(&file, from)? {
        Placed::Done => {}
        Placed::Taken => return Err(Fault::Refused("something else is in its place".to_owned())),
        Placed::Far => {
            let open = disk.open(&file)?;
            super::revert::copy_in(disk, &open, intent, near)?;
            disk.remove(&file)?;
        }
    }
    disk.remove(&note)
}

#[cfg(windows)]
pub(super) fn find(path: &Path, _expected: &Expected) -> Result<trash::TrashItem, String> {
    items(path)?.into_iter().next().ok_or_else(|| "it is not in the trash any more".to_owned())
}

#[cfg(windows)]
pub(super) fn take_back(disk: &mut Disk, intent: &Intent, _near: &Folder) -> Outcome {
    let item = find(&intent.from.0, &intent.expected)?;
    disk.pause("restore")?;
    let restored = trash::os_limited::restore_all([item]);
    Ok(restored.map_err(|error| format!("it cannot be taken out of the trash: {error}"))?)
}

#[cfg(any(target_os = "macos", target_os = "ios", target_os = "android"))]
pub(super) fn find(_path: &Path, _expected: &Expected) -> Result<PathBuf, String> {
    Err("programs cannot read this system's trash: put it back by hand".to_owned())
}

#[cfg(any(target_os = "macos", target_os = "ios", target_os = "android"))]
pub(super) fn take_back(_disk: &mut Disk, intent: &Intent, _near: &Folder) -> Outcome {
    find(&intent.from.0, &intent.expected)?;
    Ok(())
}
