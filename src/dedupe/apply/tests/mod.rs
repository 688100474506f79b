//! A small tree with duplicates of every kind, in which runs are killed and disturbed between any two
//! accesses of the disk.

mod kills;
mod outside;
mod plans;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::disk::Disk;
use super::inspect::hex;
use super::options::{PlanFile, journal_of};
use super::undo::undo_on;
use super::{Action, ApplyOptions, ApplyReport, UndoReport, apply_on};
use crate::dedupe::plan::{self, Duplicate, Group, GroupKind, Plan, Threshold};
use crate::error::{Error, Result};
use crate::images::stamp_file;

/// Files of the tree, each with its content.
pub(super) const FILES: [(&str, &str); 12] = [
    ("a/one.png", "one"),
    ("b/one.png", "one"),
    ("c/one.png", "one"),
    ("a/two.png", "two"),
    ("b/two.png", "two"),
    ("d/three.png", "three"),
    ("e/three.png", "threeish"),
    ("b/one.xmp", "about b/one"),
    ("c/one.png.json", "about c/one"),
    ("e/three.AAE", "about e/three"),
    ("e/three.cr2", "raw of e/three"),
    ("e/three.png.xmp", "more about e/three"),
];

/// What happens at each access of the disk.
type Hook<'a> = dyn FnMut(&'static str) -> Result<(), Error> + 'a;

/// The tree, and a plan for it.
pub(super) struct World {
    root: tempfile::TempDir,
    pub(super) plan: Plan,
    /// Every other folder counts as another file system.
    pub(super) far: bool,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Folder,
    /// Content, and nanoseconds since 1970.
    File(String, i64),
    Link(PathBuf),
}

impl World {
    pub(super) fn new() -> World {
        // in memory where there is such a place: thousands of these are made
        let memory = tempfile::tempdir_in("/dev/shm");
        let root = memory.or_else(|_| tempfile::tempdir()).unwrap();
        for (number, (name, content)) in FILES.iter().enumerate() {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            set_time(&path, 1_000_000 + number as u64);
        }
        let base = root.path().to_path_buf();
        let plan = Plan {
            images: FILES.len(),
            base,
            threshold: Threshold::default(),
            keep: Vec::new(),
            groups: Vec::new(),
            near_misses: Vec::new(),
            skipped: Vec::new(),
            damaged: Vec::new(),
            cameras_lost: 0,
        };
        let mut world = World { root, plan, far: false };
        world.group(GroupKind::Bytes, "a/one.png", &["b/one.png", "c/one.png"]);
        world.group(GroupKind::Bytes, "a/two.png", &["b/two.png"]);
        world.group(GroupKind::Near, "d/three.png", &["e/three.png", "a/two.png"]);
        world
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(super) fn file(&self, name: &str) -> plan::File {
        let stamp = stamp_file(&self.path(name)).unwrap();
        plan::File {
            path: name.to_owned(),
            size: stamp.size,
            mtime_ns: stamp.mtime_ns,
            hash: hex(&stamp.hash),
            width: 1,
            height: 1,
            ..plan::File::default()
        }
    }

    pub(super) fn group(&mut self, kind: GroupKind, keep: &str, duplicates: &[&str]) {
        let duplicate = |name: &&str| Duplicate {
            file: self.file(name),
            distance: 0,
            similarity: 1.0,
            turned: None,
            region: None,
        };
        let group = Group {
            id: keep.to_owned(),
            kind,
            keep: keep.to_owned(),
            reason: String::new(),
            keeper: self.file(keep),
            also_kept: Vec::new(),
            duplicates: duplicates.iter().map(duplicate).collect(),
            diameter: 0.0,
            medoid: keep.to_owned(),
            conflicting_labels: Vec::new(),
        };
        self.plan.groups.push(group);
    }

    pub(super) fn options(&self, action: Action) -> ApplyOptions {
        let options = ApplyOptions::new(action, &self.path("plan.json"));
        // also to be deleted: near groups
        let kinds = if action.is_link() { options.kinds } else { GroupKind::DUPLICATES.to_vec() };
        let (to, sidecars) = (self.path("moved"), !action.is_link());
        ApplyOptions { dry_run: false, kinds, to, sidecars, ..options }
    }

    pub(super) fn apply_with(&self, options: &ApplyOptions, hook: &mut Hook) -> Result<ApplyReport> {
        let file = PlanFile { plan: self.plan.clone(), path: self.path("plan.json"), hash: [7; 32] };
        apply_on(self.disk(hook), &file, options, &())
    }

    pub(super) fn apply(&self, action: Action) -> ApplyReport {
        self.apply_with(&self.options(action), &mut |_| Ok(())).unwrap()
    }

    pub(super) fn undo_with(&self, hook: &mut Hook) -> Result<UndoReport> {
        let journal = journal_of(&self.path("plan.json"));
        undo_on(self.disk(hook), &journal, false, &())
    }

    pub(super) fn undo(&self) -> UndoReport {
        self.undo_with(&mut |_| Ok(())).unwrap()
    }

    fn disk<'a>(&self, hook: &'a mut Hook) -> Disk<'a> {
        let clone = |from: &Path, to: &Path| fs::copy(from, to).map(|_| ());
        Disk { before: hook, sync: false, clone, far: self.far }
    }

    /// Everything but the journal.
    pub(super) fn tree(&self) -> BTreeMap<PathBuf, Seen> {
        let mut tree = BTreeMap::new();
        let mut pending = vec![self.root.path().to_path_buf()];
        while let Some(folder) = pending.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(self.root.path()).unwrap().to_path_buf();
                let metadata = fs::symlink_metadata(&path).unwrap();
                let seen = if metadata.is_dir() {
                    pending.push(path);
                    Seen::Folder
                } else if metadata.is_symlink() {
                    Seen::Link(fs::read_link(&path).unwrap())
                } else {
                    let time = metadata.modified().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
                    Seen::File(fs::read_to_string(&path).unwrap(), time.as_nanos() as i64)
                };
                if name != Path::new("plan.json.journal") {
                    tree.insert(name, seen);
                }
            }
        }
        tree
    }

    /// What all files hold, but for those that hold nothing yet.
    pub(super) fn contents(&self) -> BTreeSet<String> {
        let files = self.tree().into_values().filter_map(|seen| match seen {
            Seen::File(content, _) if !content.is_empty() => Some(content),
            _ => None,
        });
        files.collect()
    }

    /// The tree without times.
    pub(super) fn names(&self) -> Vec<(PathBuf, Option<String>)> {
        let content = |seen| match seen {
            Seen::File(content, _) => Some(content),
            _ => None,
        };
        self.tree().into_iter().map(|(path, seen)| (path, content(seen))).collect()
    }
}

pub(super) fn set_time(path: &Path, seconds: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::new(seconds, 123_456_789)).unwrap();
}

/// An end as by a kill, at the access with this number.
pub(super) fn killed_at(at: usize) -> impl FnMut(&'static str) -> Result<(), Error> {
    let mut number = 0;
    move |_| {
        number += 1;
        if number > at { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// Stops after the first file.
pub(super) struct Stop;

impl crate::observer::Observer for Stop {
    fn should_stop(&self) -> bool {
        true
    }
}
