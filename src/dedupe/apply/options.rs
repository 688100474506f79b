//! What to do with duplicates, and the result.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::dedupe::plan::{GroupKind, Plan};
use crate::dedupe::select::Select;
use crate::error::{Error, Result};
use crate::images::{JOURNAL, MOVED_AWAY, Skipped, hash_bytes, read_text};

/// What to do with each duplicate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing: it is only checked and listed.
    #[default]
    List,
    /// Move it to another folder, where it keeps its relative path.
    Move,
    /// Move it to the desktop's trash.
    Trash,
    /// Replace it by a hard link to the keeper.
    Hardlink,
    /// Replace it by a copy that shares its blocks with the keeper, on file systems that can.
    Reflink,
    /// Replace it by a symbolic link to the keeper.
    Symlink,
    /// Delete it for good.
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

    /// Its name in options and documents.
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

    /// Whether a link replaces the duplicate; both must then have the same bytes.
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
            Error::invalid(format!("`action`: expected one of {}, got {name}", known.join(", ")))
        })
    }
}

/// A plan and the file it was read from.
#[derive(Debug, Clone)]
pub(super) struct PlanFile {
    /// The plan.
    pub(super) plan: Plan,
    /// The path of the file.
    pub(super) path: PathBuf,
    /// BLAKE3 of the file's bytes.
    pub(super) hash: [u8; 32],
}

impl PlanFile {
    /// Reads the plan at `path`.
    ///
    /// # Errors
    /// When it cannot be read, is not a plan, or one of another version.
    pub(super) fn read(path: &Path) -> Result<PlanFile> {
        let bytes = read_text(path).map_err(|error| Error::io(path, error))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| {
            Error::invalid(format!("{}: expected a plan, got bytes that are not text", path.display()))
        })?;
        Ok(PlanFile {
            plan: Plan::from_json(text, path)?,
            path: path.to_path_buf(),
            hash: hash_bytes(&bytes),
        })
    }
}

/// How to carry a plan out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyOptions {
    /// The plan, a file that a scan has written.
    pub plan: PathBuf,
    /// What to do with each duplicate.
    pub action: Action,
    /// Whether everything is only checked, and nothing changed.
    pub dry_run: bool,
    /// The kinds of groups to deal with.
    pub kinds: Vec<GroupKind>,
    /// Which files are dealt with, by their paths in the plan; none: all.
    pub select: Option<Select>,
    /// The folder that `move` puts files in, where they keep their relative paths.
    pub to: PathBuf,
    /// Whether sidecars (`.xmp`, `.json`, `.aae`) go with their image; with links, all names stay.
    pub sidecars: bool,
    /// Whether what only files that go have (rating, keywords, place, time) is written into a new sidecar of the
    /// keeper first. If the keeper has an XMP file already, they stay.
    pub merge_metadata: bool,
    /// The file that each step is recorded in.
    pub journal: PathBuf,
}

impl ApplyOptions {
    /// A dry run of `action` on the plan at `plan`, for the kinds of groups that suit it: links need the same
    /// bytes, and what cannot be taken back is for what is certain. The journal and the folder for moved files
    /// are beside the plan.
    pub fn new(action: Action, plan: &Path) -> ApplyOptions {
        ApplyOptions {
            plan: plan.to_path_buf(),
            action,
            dry_run: true,
            kinds: default_kinds(action),
            select: None,
            to: beside(plan, MOVED_AWAY),
            sidecars: !action.is_link() && action != Action::List,
            merge_metadata: false,
            journal: journal_of(plan),
        }
    }
}

/// Links are for the same bytes; what is deleted cannot come back, so it is only what is certainly the same; and
/// edited images differ in a part that somebody may want.
fn default_kinds(action: Action) -> Vec<GroupKind> {
    match action {
        _ if action.is_link() => vec![GroupKind::Bytes],
        Action::Delete => vec![GroupKind::Bytes, GroupKind::Pixels],
        _ => vec![GroupKind::Bytes, GroupKind::Pixels, GroupKind::Near],
    }
}

impl Default for ApplyOptions {
    /// Lists the duplicates of `plan.json` in the working directory.
    fn default() -> Self {
        ApplyOptions::new(Action::List, Path::new("plan.json"))
    }
}

/// How to take a plan back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoOptions {
    /// The journal, or the plan if the journal is beside it.
    pub journal: PathBuf,
    /// Whether everything is only checked, and nothing changed.
    pub dry_run: bool,
}

impl Default for UndoOptions {
    /// A dry run for `plan.json` in the working directory.
    fn default() -> Self {
        UndoOptions { journal: PathBuf::from("plan.json"), dry_run: true }
    }
}

/// The default path of a plan's journal.
pub(in crate::dedupe) fn journal_of(plan: &Path) -> PathBuf {
    beside(plan, JOURNAL)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// A file that something was done to, or in a dry run would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The file, as the plan names it.
    pub name: String,
    /// Its absolute path.
    pub path: PathBuf,
    /// With `move`, where it went; with links, what it links to.
    pub to: Option<PathBuf>,
    /// Whether it is a sidecar of a duplicate, or a new one of a keeper.
    pub is_sidecar: bool,
    /// Whether it was written, as `merge_metadata` asks.
    pub is_new: bool,
    /// Disk space freed, in bytes.
    pub freed: u64,
}

/// The result of carrying a plan out.
#[derive(Debug, Clone, Default)]
pub struct ApplyReport {
    /// The steps performed, in order.
    pub done: Vec<Step>,
    /// Files left alone, each with the reason.
    pub refused: Vec<Skipped>,
    /// Sidecars that stay where they are although their images go, as absolute paths. Empty with `sidecars`,
    /// and for links and `list`.
    pub orphans: Vec<PathBuf>,
    /// The number of files that an earlier run with the same journal has dealt with.
    pub done_before: usize,
    /// The number of duplicates in groups of other kinds, or not selected.
    pub left_out: usize,
    /// Disk space freed, in bytes.
    pub freed: u64,
    /// Whether the observer stopped the work.
    pub interrupted: bool,
}

/// The result of taking a plan back.
#[derive(Debug, Clone, Default)]
pub struct UndoReport {
    /// The journal that was read.
    pub journal: PathBuf,
    /// What had been done to the files.
    pub action: Option<Action>,
    /// Files that are back as they were.
    pub done: Vec<Step>,
    /// Files that are not, each with the reason.
    pub refused: Vec<Skipped>,
    /// Whether the observer stopped the work.
    pub interrupted: bool,
}
