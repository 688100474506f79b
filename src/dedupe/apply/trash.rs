//! The desktop's trash. The only file that names the crate `trash`.
//!
//! On Linux a trashed file is found by its old path and recognised by its bytes. On Windows the newest one
//! with that path is restored. On macOS programs cannot read the trash.

use std::path::{Path, PathBuf};

use super::disk::{Disk, Outcome};
use super::inspect::Expected;
use super::journal::Intent;
use super::paths::StepFolder;

/// Puts a file in the trash.
///
/// # Errors
/// The reason why it cannot be trashed.
pub(super) fn move_to_trash(path: &Path) -> Result<(), String> {
    trash::delete(path).map_err(|error| format!("it cannot be moved to the trash: {error}"))
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

/// A file in the trash, and the note (`.trashinfo`) about it.
#[cfg(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android"))))]
pub(super) fn find_in_trash(path: &Path, expected: &Expected) -> Result<(PathBuf, PathBuf), String> {
    let files = items(path)?.into_iter().filter_map(|item| {
        let note = PathBuf::from(item.id);
        Some((note.parent()?.parent()?.join("files").join(note.file_stem()?), note))
    });
    let mut found = files.filter(|(file, _)| super::inspect::has_bytes(file, expected));
    found.next().ok_or_else(|| "it is not in the trash any more".to_owned())
}

/// Moves a file from the trash back to its place.
#[cfg(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android"))))]
pub(super) fn restore_from_trash(disk: &mut Disk, intent: &Intent, near: &StepFolder) -> Outcome {
    use super::disk::{Fault, Placed};

    let from = &intent.from.0;
    let (file, note) = find_in_trash(from, &intent.expected)?;
    match disk.place(&file, from)? {
        Placed::Done => {}
        Placed::Taken => return Err(Fault::Refused("something else is in its place".to_owned())),
        Placed::Far => {
            let open = disk.open(&file)?;
            super::parking::copy_in(disk, &open, intent, near)?;
            disk.remove(&file)?;
        }
    }
    disk.remove(&note)
}

#[cfg(windows)]
pub(super) fn find_in_trash(path: &Path, _expected: &Expected) -> Result<trash::TrashItem, String> {
    items(path)?.into_iter().next().ok_or_else(|| "it is not in the trash any more".to_owned())
}

#[cfg(windows)]
pub(super) fn restore_from_trash(disk: &mut Disk, intent: &Intent, _near: &StepFolder) -> Outcome {
    let item = find_in_trash(&intent.from.0, &intent.expected)?;
    disk.pause("restore")?;
    let restored = trash::os_limited::restore_all([item]);
    Ok(restored.map_err(|error| format!("it cannot be taken out of the trash: {error}"))?)
}

#[cfg(any(target_os = "macos", target_os = "ios", target_os = "android"))]
pub(super) fn find_in_trash(_path: &Path, _expected: &Expected) -> Result<PathBuf, String> {
    Err("programs cannot read this system's trash: put it back by hand".to_owned())
}

#[cfg(any(target_os = "macos", target_os = "ios", target_os = "android"))]
pub(super) fn restore_from_trash(_disk: &mut Disk, intent: &Intent, _near: &StepFolder) -> Outcome {
    find_in_trash(&intent.from.0, &intent.expected)?;
    Ok(())
}
