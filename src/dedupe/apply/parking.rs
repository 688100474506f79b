//! A step's own folder, in which a file is parked while it changes its place: copied in, and removed once it
//! is replaced.

use std::fs;
use std::path::Path;

use super::disk::{Attributes, Disk, Fault, Outcome};
use super::inspect::{Expected, is_there};
use super::journal::Intent;
use super::paths::StepFolder;

/// Parks a copy of an open file, whole or not at all.
pub(super) fn copy_in(disk: &mut Disk, file: &fs::File, intent: &Intent, near: &StepFolder) -> Outcome {
    disk.make_folder(&near.path)?;
    discard(disk, &near.temp)?;
    disk.copy(file, &near.temp, &intent.expected, &Attributes::new(intent.expected.mtime_ns, intent.mode))?;
    disk.take(&near.temp, &near.parked)?;
    disk.sync_around(&near.parked)
}

/// Removes an incomplete copy.
pub(super) fn discard(disk: &mut Disk, temp: &Path) -> Outcome {
    if is_there(temp) { disk.remove(temp) } else { Ok(()) }
}

/// Removes the parked file, provided that what replaces it is `there`.
///
/// Others may still act between the last check and the removal. So the file is held open and the check
/// repeated; if the replacement has disappeared in that moment, the file is written again.
pub(super) fn remove_parked(
    disk: &mut Disk,
    folder: &StepFolder,
    expected: &Expected,
    attributes: &Attributes,
    there: &dyn Fn() -> Result<(), String>,
) -> Outcome {
    let held = disk.open(&folder.parked)?;
    disk.pause("last check")?;
    there()?;
    disk.remove(&folder.parked)?;
    if let Err(reason) = there() {
        disk.copy(&held, &folder.temp, expected, attributes)?;
        disk.take(&folder.temp, &folder.parked)?;
        return Err(Fault::Refused(reason));
    }
    Ok(())
}
