//! The images that a call is given, and where its picture goes.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::images::{Item, Pixels, Skipped, WalkOptions, keep_images, spread, walk, write_png};
use crate::observer::{Note, Observer};
use crate::output::check_picture;

/// Images to read, and what was left out on the way to them.
pub(super) struct Inputs {
    pub(super) items: Vec<Item>,
    pub(super) skipped: Vec<Skipped>,
}

/// The images below `paths`, at most `count` of them, spread evenly; `observer` hears when there are more.
///
/// # Errors
/// When a path does not exist, or `sheet` cannot be written or is one of the images.
pub(super) fn inputs(
    paths: &[PathBuf],
    count: usize,
    sheet: Option<&Path>,
    observer: &dyn Observer,
) -> Result<Inputs> {
    sheet.map_or(Ok(()), check_picture)?;
    let found = walk(paths, &WalkOptions::default())?;
    sheet.map_or(Ok(()), |sheet| keep_images(sheet, &found.items))?;
    found.skipped.iter().for_each(|skipped| observer.skipped(&skipped.path, &skipped.reason));
    let items: Vec<Item> =
        spread(found.items.len(), count).into_iter().map(|i| found.items[i].clone()).collect();
    if items.len() < found.items.len() {
        let (some, all) = (items.len(), found.items.len());
        observer
            .note(&Note::new(format!("{some} of {all} images, spread evenly; a larger `count` takes more")));
    }
    Ok(Inputs { items, skipped: found.skipped })
}

/// An error where none of the images could be read.
pub(super) fn some_readable(n_read: usize, skipped: &[Skipped]) -> Result<()> {
    match skipped {
        _ if n_read > 0 => Ok(()),
        [Skipped { path, reason, .. }] => Err(Error::invalid(format!("{path}: {reason}"))),
        _ => {
            let n = skipped.len();
            Err(Error::not_found(format!("images: expected at least one that can be read, got none of {n}")))
        }
    }
}

/// Writes the picture, where it is wanted as a file.
pub(super) fn write_sheet(sheet: Option<&Path>, picture: &Pixels) -> Result<()> {
    sheet.map_or(Ok(()), |path| write_png(path, picture))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_images_are_spread_over_all() {
        let dir = tempfile::tempdir().unwrap();
        (0..9).for_each(|i| std::fs::write(dir.path().join(format!("{i}.png")), b"").unwrap());
        let paths = [dir.path().to_path_buf()];
        let names = |count| -> Vec<String> {
            let some = inputs(&paths, count, None, &()).unwrap().items;
            some.iter().map(|item| item.display().chars().rev().nth(4).unwrap().to_string()).collect()
        };
        assert_eq!(names(3), ["0", "3", "6"]);
        assert_eq!((names(9).len(), names(20).len(), names(0).len()), (9, 9, 0));
        let taken = inputs(&paths, 3, Some(&dir.path().join("4.png")), &()).err().unwrap();
        assert!(taken.to_string().contains("got one of the images"), "{taken}");
    }
}
