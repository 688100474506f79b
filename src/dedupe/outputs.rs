//! The files that a scan is written to, and names for them under which nothing of anybody else is lost.

use std::fs::{File, symlink_metadata};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::apply::journal_of;
use crate::error::{Error, Result};

/// The name of a plan and its page, before the number and the extension.
const STEM: &str = "duplicates";
/// Bytes at the start of a file that tell what it is.
const HEAD: u64 = 4096;
/// What the start of every plan and of every page holds.
const MARKS: [&str; 2] = ["\"command\": \"dedupe scan\"", "content=\"aesearch dedupe scan\""];
/// Numbers that are tried.
const MOST: usize = 1000;

/// The files that a scan is written to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanOutputs {
    /// The plan as JSON, for [`apply`](fn@crate::dedupe::apply).
    pub plan: Option<PathBuf>,
    /// An HTML page to review the groups and decide about them.
    pub report: Option<PathBuf>,
    /// The first groups as a PNG picture, near ones first.
    pub sheet: Option<PathBuf>,
}

impl ScanOutputs {
    /// A plan and its page beside each other in `folder`: `duplicates.json` and `duplicates.html`. An earlier
    /// plan and its page may be replaced. Where one of the names belongs to something else, or the plan was
    /// carried out so that its journal is needed, the next are taken: `duplicates-2.json` and so on.
    ///
    /// ```
    /// use aesearch::dedupe::ScanOutputs;
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// std::fs::write(folder.path().join("duplicates.html"), "my own page").unwrap();
    /// let outputs = ScanOutputs::plan_and_page(folder.path()).unwrap();
    /// assert_eq!(outputs.plan, Some(folder.path().join("duplicates-2.json")));
    /// assert_eq!(outputs.report, Some(folder.path().join("duplicates-2.html")));
    /// ```
    ///
    /// # Errors
    /// When a file in the folder cannot be read, or all names are taken.
    pub fn plan_and_page(folder: &Path) -> Result<ScanOutputs> {
        for number in 1..=MOST {
            let stem = if number == 1 { STEM.to_owned() } else { format!("{STEM}-{number}") };
            let [plan, page] = ["json", "html"].map(|extension| folder.join(format!("{stem}.{extension}")));
            let is_free = is_ours(&plan, MARKS[0])?
                && is_ours(&page, MARKS[1])?
                && symlink_metadata(journal_of(&plan)).is_err();
            if is_free {
                return Ok(ScanOutputs { plan: Some(plan), report: Some(page), sheet: None });
            }
        }
        let what = format!("{}: expected a free name below {STEM}-{MOST}.json, got none", folder.display());
        Err(Error::invalid(what).with_hint("remove old plans, or name the files with `outputs`"))
    }

    pub(super) fn paths(&self) -> Vec<&Path> {
        [&self.plan, &self.report, &self.sheet].into_iter().flatten().map(PathBuf::as_path).collect()
    }
}

/// Whether there is no such file, or one that a scan wrote.
fn is_ours(path: &Path, mark: &str) -> Result<bool> {
    match symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(Error::io(path, error)),
        Ok(metadata) if !metadata.is_file() => return Ok(false),
        Ok(_) => {}
    }
    let mut head = Vec::new();
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    file.take(HEAD).read_to_end(&mut head).map_err(|error| Error::io(path, error))?;
    Ok(head.windows(mark.len()).any(|window| window == mark.as_bytes()))
}
