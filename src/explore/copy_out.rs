//! Copies or links images into folders, to view them with other programs. Images are never moved.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::rows::Rows;
use crate::error::{Error, NO_SUCH_FILE, Result};
use crate::images::{Decoding, Item, Limits, Skipped, encode_png, file_of, read};
use crate::observer::{Observer, Progress, Stage};
use crate::output::write_folder;

/// Whether images are copied or linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyMode {
    /// Files of their own; entries of arrays become PNG files.
    Copy,
    /// Symbolic links; entries of containers cannot be linked.
    Link,
}

/// Where images are copied or linked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyTarget {
    /// A folder that is new or empty.
    pub to: PathBuf,
    /// Whether to copy or to link.
    pub mode: CopyMode,
}

/// A folder and the images that go into it.
#[derive(Debug, Clone, PartialEq)]
pub struct Folder {
    /// Its name; empty for the target folder itself.
    pub name: String,
    /// The images, by row.
    pub rows: Vec<u32>,
}

/// The result of [`copy_out`].
#[derive(Debug, Default)]
pub struct CopiedOut {
    /// The number of files or links that were made.
    pub files: usize,
    /// Images that could not be copied or linked.
    pub skipped: Vec<Skipped>,
}

/// Copies or links images into `folders` below the target.
///
/// # Errors
/// When the target is not empty, a folder cannot be made, or the observer stops the work. The target does not
/// exist then.
pub fn copy_out(
    rows: &Rows,
    folders: &[Folder],
    target: &CopyTarget,
    observer: &dyn Observer,
) -> Result<CopiedOut> {
    observer.stage(Stage::images("copying"));
    let total = folders.iter().map(|folder| folder.rows.len()).sum();
    let CopyTarget { to, mode } = target;
    write_folder(to, |to| {
        let mut copied = CopiedOut::default();
        for folder in folders {
            let place = to.join(&folder.name);
            fs::create_dir_all(&place).map_err(|error| Error::io(&place, error))?;
            let mut names = Names::default();
            for (&row, item) in folder.rows.iter().zip(rows.find(folder.rows.iter().copied())) {
                if observer.should_stop() {
                    return Err(Error::Interrupted);
                }
                observer.progress(&Progress::of(copied.files + copied.skipped.len(), total));
                let name = rows.raw_name(row);
                match item.and_then(|item| copy_one(&item, name, &place, *mode, &mut names)) {
                    Ok(()) => copied.files += 1,
                    Err(reason) => {
                        let left_out = Skipped::new(name, reason);
                        observer.skipped(&left_out.path, &left_out.reason);
                        copied.skipped.push(left_out);
                    }
                }
            }
        }
        Ok(copied)
    })
}

fn copy_one(item: &Item, name: &[u8], place: &Path, mode: CopyMode, names: &mut Names) -> Result<(), String> {
    let io = |error: std::io::Error| error.to_string();
    if let CopyMode::Link = mode {
        if item.is_entry() {
            return Err("an entry of a container can be copied, but not linked".to_owned());
        }
        let file = file_of(&item.name(), Path::new("")).ok_or(NO_SUCH_FILE)?;
        let file = file.canonicalize().map_err(io)?;
        return link(&file, &place.join(free_name(name, None, names))).map_err(io);
    }
    let source = read(item, &Limits::default())?;
    let (bytes, end) = match source.file_bytes() {
        Some(bytes) => (bytes.to_vec(), None),
        None => {
            let pixels = source.decode(&Decoding::default())?;
            (encode_png(&pixels).map_err(|error| error.to_string())?, Some("png"))
        }
    };
    let path = place.join(free_name(name, end, names));
    let mut file = fs::File::options().write(true).create_new(true).open(path).map_err(io)?;
    file.write_all(&bytes).map_err(io)
}

/// The file names of a folder, in lower case.
#[derive(Default)]
struct Names {
    taken: HashSet<String>,
    /// The number to try next after a name: counting from 2 each time would be quadratic where all names are
    /// the same.
    next: HashMap<String, usize>,
}

/// A file name that is free in the folder, even where case does not count: the last part of `name`, with the
/// number of an entry after the name of its container.
fn free_name(name: &[u8], end: Option<&str>, names: &mut Names) -> PathBuf {
    let name = String::from_utf8_lossy(name);
    let last = name.rsplit(['/', '\\']).next().unwrap_or(&name).replace(['#', ':'], "-");
    let (stem, old_end) = match last.rsplit_once('.') {
        Some((stem, end)) if !stem.is_empty() && end.len() <= 5 && end.chars().all(char::is_alphanumeric) => {
            (stem, Some(end))
        }
        _ => (last.as_str(), None),
    };
    let end = end.or(old_end).map_or(String::new(), |end| format!(".{end}"));
    let stem = if end == ".png" && old_end != Some("png") { last.as_str() } else { stem };
    let mut free = format!("{stem}{end}");
    let number = names.next.entry(free.to_lowercase()).or_insert(2);
    while !names.taken.insert(free.to_lowercase()) {
        free = format!("{stem}-{number}{end}");
        *number += 1;
    }
    PathBuf::from(free)
}

#[cfg(unix)]
fn link(file: &Path, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(file, at)
}

#[cfg(windows)]
fn link(file: &Path, at: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(file, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_never_taken_twice() {
        let mut names = Names::default();
        let mut free =
            |name: &str, end| free_name(name.as_bytes(), end, &mut names).to_string_lossy().into_owned();
        assert_eq!(free("a/b/cat.jpg", None), "cat.jpg");
        assert_eq!(free("a/c/Cat.jpg", None), "Cat-2.jpg");
        assert_eq!(free("train-images-idx3-ubyte.gz#17", Some("png")), "train-images-idx3-ubyte.gz-17.png");
        assert_eq!(free("photos.tar#x/y.webp", None), "y.webp");
        assert_eq!(free("noend", None), "noend");
        assert_eq!(free("a/cat-3.jpg", None), "cat-3.jpg");
        assert_eq!(free("a/d/CAT.jpg", None), "CAT-4.jpg");
        assert_eq!(free("a/e/cat.jpg", None), "cat-5.jpg");
    }
}
