//! Images put into folders, to look at them with other programs: copied or linked, never moved.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::rows::Rows;
use crate::error::{Error, Result};
use crate::observer::Observer;

use crate::images::{Decoding, Item, Limits, Skipped, encode_png, file_of, read};
use crate::output::write_folder;

/// How images come into their folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// As files of their own; entries of arrays as PNG.
    Copy,
    /// As symbolic links; entries of containers cannot be linked to.
    Link,
}

/// A folder and what goes into it.
#[derive(Debug, Clone, PartialEq)]
pub struct Folder {
    /// Its name.
    pub name: String,
    /// The images, by row.
    pub rows: Vec<u32>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct CopiedOut {
    /// Files or links there are now.
    pub files: usize,
    /// Images that are not among them.
    pub skipped: Vec<Skipped>,
}

/// Puts images of the index at `dir` into `folders` below `to`, a folder that is new or empty.
///
/// # Errors
/// When something is at `to`, a folder cannot be made, or the observer interrupts; nothing is at `to` then.
pub fn copy_out(
    items: &Rows<'_>,
    dir: &Path,
    folders: &[Folder],
    (to, how): (&Path, How),
    observer: &dyn Observer,
) -> Result<CopiedOut> {
    write_folder(to, |to| {
        let mut gathered = CopiedOut::default();
        for folder in folders {
            let place = to.join(&folder.name);
            fs::create_dir_all(&place).map_err(|error| Error::io(&place, error))?;
            let mut names = Names::default();
            for (&row, item) in folder.rows.iter().zip(items.find(folder.rows.iter().copied(), dir)) {
                if observer.should_stop() {
                    return Err(Error::Interrupted);
                }
                let name = items.snapshot().name(items.ids[row as usize]);
                let brought = item.and_then(|item| bring(&item, name, &place, how, &mut names));
                match brought {
                    Ok(()) => gathered.files += 1,
                    Err(reason) => gathered.skipped.push(Skipped::new(name, reason)),
                }
            }
        }
        Ok(gathered)
    })
}

fn bring(item: &Item, name: &[u8], place: &Path, how: How, names: &mut Names) -> Result<(), String> {
    let io = |error: std::io::Error| error.to_string();
    if let How::Link = how {
        if item.is_entry() {
            return Err(
                "lies inside of a file, where nothing can be linked to: --copy-to takes it".to_owned()
            );
        }
        let file = file_of(&item.name(), Path::new("")).ok_or("no such file")?;
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

/// The names of a folder, in small letters.
#[derive(Default)]
struct Names {
    taken: HashSet<String>,
    /// The number to try next behind a name: where all are called the same, counting from 2 each time would take forever.
    next: HashMap<String, usize>,
}

/// A name that none of the folder has, also where capitals do not count: the last part of `name`, the entry's number behind its
/// container's name.
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
