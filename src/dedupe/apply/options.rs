//! What to do with duplicates, and what came of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::dedupe::plan::{Kind, Plan};
use crate::error::{Error, Result};
use crate::images::{JOURNAL, MOVED_AWAY, Skipped, hash_bytes};

/// What is done with each duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing: they are only looked at and told.
    List,
    /// It goes to another folder, below its own path.
    Move,
    /// It goes to the desktop's trash.
    Trash,
    /// It becomes another name of the file that is kept.
    Hardlink,
    /// It becomes a copy that shares its blocks with the file that is kept, where the file system can.
    Reflink,
    /// It becomes a symbolic link to the file that is kept.
    Symlink,
    /// It is removed for good.
    Delete,
}

impl Action {
    /// All of them, the most careful first.
    pub const ALL: [Action; 7] = [
        Action::List,
        Action::Move,
        Action::Trash,
        Action::Hardlink,
        Action::Reflink,
        Action::Symlink,
        Action::Delete,
    ];

    /// Its name on the command line and in documents.
    pub fn name(self) -> &'static str {
        match self {
            Action::List => "list",
            Action::Move => "move",
            Action::Trash => "trash",
            Action::Hardlink => "hardlink",
            Action::Reflink => "reflink",
            Action::Symlink => "symlink",
            Action::Delete => "delete",
        }
    }

    /// Whether a link takes the place of the duplicate: then both must have the same bytes.
    pub fn is_link(self) -> bool {
        matches!(self, Action::Hardlink | Action::Reflink | Action::Symlink)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Action {
    type Err = Error;

    fn from_str(name: &str) -> Result<Action> {
        Action::ALL.into_iter().find(|action| action.name() == name).ok_or_else(|| {
            let known: Vec<&str> = Action::ALL.map(Action::name).to_vec();
            Error::invalid(format!("--action: expected one of {}, got {name}", known.join(", ")))
        })
    }
}

/// A plan and the file it was read from.
#[derive(Debug, Clone)]
pub struct PlanFile {
    /// What the file says.
    pub plan: Plan,
    /// Where it lies.
    pub path: PathBuf,
    /// BLAKE3 of the file's bytes.
    pub hash: [u8; 32],
}

impl PlanFile {
    /// Reads the plan at `path`.
    ///
    /// # Errors
    /// When it cannot be read, is no plan, or one of another version.
    pub fn read(path: &Path) -> Result<PlanFile> {
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Error::invalid(format!("{}: expected a plan, got no text", path.display())))?;
        Ok(PlanFile {
            plan: Plan::from_json(text, path)?,
            path: path.to_path_buf(),
            hash: hash_bytes(&bytes),
        })
    }
}

/// How a plan is carried out.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// What is done with each duplicate.
    pub action: Action,
    /// Everything is looked at, and nothing is changed.
    pub dry_run: bool,
    /// Only groups of these kinds.
    pub kinds: Vec<Kind>,
    /// Where `move` puts the files, below their own paths.
    pub to: PathBuf,
    /// Sidecars (`.xmp`, `.json`, `.aae`) go with their image.
    pub sidecars: bool,
    /// Where each step is recorded.
    pub journal: PathBuf,
}

impl ApplyOptions {
    /// A dry run of `action` over all groups that it can be done to; journal and folder lie beside the plan at `plan`.
    pub fn new(action: Action, plan: &Path) -> ApplyOptions {
        let kinds =
            if action.is_link() { vec![Kind::Bytes] } else { vec![Kind::Bytes, Kind::Pixels, Kind::Near] };
        ApplyOptions {
            action,
            dry_run: true,
            kinds,
            to: beside(plan, MOVED_AWAY),
            sidecars: false,
            journal: journal_of(plan),
        }
    }
}

/// Where the journal of the plan at this path lies, when nothing else was said.
pub fn journal_of(plan: &Path) -> PathBuf {
    beside(plan, JOURNAL)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// A file that something was done to; in a dry run, would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The file, as the plan names it.
    pub name: String,
    /// Its absolute path.
    pub path: PathBuf,
    /// Where it went, with `move`; what it links to, with links.
    pub to: Option<PathBuf>,
    /// It is not a duplicate, but lay beside one.
    pub is_sidecar: bool,
    /// Bytes of the disk that became free.
    pub freed: u64,
}

/// What came of a plan.
#[derive(Debug, Clone, Default)]
pub struct ApplyReport {
    /// Steps taken, in order.
    pub done: Vec<Step>,
    /// Files that nothing is done to, each with the reason.
    pub refused: Vec<Skipped>,
    /// Files that an earlier run with the same journal has dealt with.
    pub done_before: usize,
    /// Duplicates in groups of other kinds than asked for.
    pub left_out: usize,
    /// Bytes of the disk that became free.
    pub freed: u64,
    /// The caller asked to stop.
    pub interrupted: bool,
}

/// What came of taking steps back.
#[derive(Debug, Clone, Default)]
pub struct UndoReport {
    /// What the steps were.
    pub action: Option<Action>,
    /// Files that are as they were before.
    pub done: Vec<Step>,
    /// Files that are not, each with the reason.
    pub refused: Vec<Skipped>,
    /// The caller asked to stop.
    pub interrupted: bool,
}
