//! Where a step keeps files while it is under way, all told by the journal's id and the step's number.
//!
//! A folder of its own beside the file, so that a rename into it takes the file as it is in that moment and can hit nothing; with
//! `move`, another beside the place it goes to.

use std::path::{Path, PathBuf};

use super::inspect;
use super::journal::Intent;

/// The start of the names of temporary folders.
const PREFIX: &str = ".aesearch-";

/// Temporary paths of one step.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Beside the file.
    pub(super) near: Folder,
    /// A link before it takes the file's place, or after it has left it.
    pub(super) link: PathBuf,
    /// Beside the place that it goes to.
    pub(super) far: Option<Folder>,
}

/// A temporary folder.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// The file itself, whole, under its own name.
    pub(super) parked: PathBuf,
    /// A copy being made: worth nothing.
    pub(super) temp: PathBuf,
}

impl Place {
    pub(super) fn of(id: &str, intent: &Intent) -> Place {
        let from = &intent.from.0;
        let step = intent.step;
        let far = intent.to.as_ref().map(|to| Folder::new(&to.0, from, &format!("{id}-{step}-to")));
        let near = Folder::new(from, from, &format!("{id}-{step}"));
        Place { link: near.path.join(other_than(from, "link")), near, far }
    }
}

impl Folder {
    fn new(beside: &Path, file: &Path, name: &str) -> Folder {
        let path = beside.with_file_name(format!("{PREFIX}{name}"));
        let parked = path.join(file.file_name().unwrap_or_default());
        Folder { temp: path.join(other_than(file, "copy")), parked, path }
    }
}

/// `name`, unless the file itself is called so.
fn other_than(file: &Path, name: &str) -> String {
    let is_taken = file.file_name().is_some_and(|taken| taken.eq_ignore_ascii_case(name));
    if is_taken { format!("{name}-") } else { name.to_owned() }
}

/// `path`, or the first of `a-1.png`, `a-2.png`, ... that nothing is at and `is_taken` does not know.
///
/// # Errors
/// When it cannot be told what is there.
pub(super) fn free_name(path: &Path, is_taken: impl Fn(&Path) -> bool) -> Result<PathBuf, String> {
    let numbered = (1..u32::MAX).map(|n| {
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{n}"));
        if let Some(ending) = path.extension() {
            name.push(".");
            name.push(ending);
        }
        path.with_file_name(name)
    });
    for name in std::iter::once(path.to_path_buf()).chain(numbered) {
        match std::fs::symlink_metadata(&name) {
            Ok(_) => {}
            Err(error) if inspect::is_missing(&error) => {
                if !is_taken(&name) {
                    return Ok(name);
                }
            }
            Err(error) => return Err(format!("its place {}: {error}", name.display())),
        }
    }
    Err(format!("its place {}: no name is free", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_free_name_is_taken_and_what_cannot_be_told_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        assert_eq!(free_name(&path, |_| false).unwrap(), path);
        std::fs::write(&path, "a").unwrap();
        assert_eq!(free_name(&path, |_| false).unwrap(), dir.path().join("a-1.png"));
        assert_eq!(free_name(&path, |taken| taken.ends_with("a-1.png")).unwrap(), dir.path().join("a-2.png"));
        let long = dir.path().join("a".repeat(300));
        assert!(free_name(&long, |_| false).unwrap_err().contains("its place"));
    }
}
