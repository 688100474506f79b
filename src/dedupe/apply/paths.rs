//! Temporary paths of a step. They follow from the journal's id and the step's number alone.
//!
//! Each step has a folder of its own beside the file: a rename into it takes the file as it is at that moment
//! and cannot overwrite anything. With `move`, there is a second folder beside the destination.

use std::path::{Path, PathBuf};

use super::inspect;
use super::journal::Intent;

/// The start of the names of temporary folders.
const PREFIX: &str = ".aesearch-";

/// Temporary paths of one step.
#[derive(Debug, Clone)]
pub(super) struct StepPaths {
    /// Beside the file.
    pub(super) near: StepFolder,
    /// The link, before it takes the file's place and after it has left it.
    pub(super) link: PathBuf,
    /// Beside the destination.
    pub(super) far: Option<StepFolder>,
}

/// A temporary folder.
#[derive(Debug, Clone)]
pub(super) struct StepFolder {
    pub(super) path: PathBuf,
    /// The file itself, whole, under its own name.
    pub(super) parked: PathBuf,
    /// An unfinished copy, which is never needed.
    pub(super) temp: PathBuf,
}

impl StepPaths {
    pub(super) fn of(id: &str, intent: &Intent) -> StepPaths {
        let from = &intent.from.0;
        let step = intent.step;
        let far = intent.to.as_ref().map(|to| StepFolder::new(&to.0, from, &format!("{id}-{step}-to")));
        let near = StepFolder::new(from, from, &format!("{id}-{step}"));
        StepPaths { link: near.path.join(other_than(from, "link")), near, far }
    }
}

impl StepFolder {
    fn new(beside: &Path, file: &Path, name: &str) -> StepFolder {
        let path = beside.with_file_name(format!("{PREFIX}{name}"));
        let parked = path.join(file.file_name().unwrap_or_default());
        StepFolder { temp: path.join(other_than(file, "copy")), parked, path }
    }
}

/// `name`, or a variant if the file itself has that name.
fn other_than(file: &Path, name: &str) -> String {
    let is_taken = file.file_name().is_some_and(|taken| taken.eq_ignore_ascii_case(name));
    if is_taken { format!("{name}-") } else { name.to_owned() }
}

/// `path`, or the first of `a-1.png`, `a-2.png`, ... that does not exist and is not `is_taken`.
///
/// # Errors
/// When the file system does not say whether a name exists.
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
