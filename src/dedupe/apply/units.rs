//! Which tasks are carried out together: files of one shot, such as a raw file and its JPEG, or a picture and the
//! film of a Live Photo, go together or not at all.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::inspect::{Expected, Keeper, hex};
use super::order::Task;
use crate::images::{Shots, Skipped, stamp_file};

/// The tasks of a run, of which some are taken together.
pub(super) struct Units {
    /// None once they were taken.
    tasks: Vec<Option<Result<Task, Skipped>>>,
    next: usize,
    by_path: HashMap<PathBuf, usize>,
    /// Files that are kept.
    kept: HashSet<PathBuf>,
    shots: Shots,
    /// Files stay in their places, so nothing is torn.
    all_stay: bool,
}

impl Units {
    /// In the order of the tasks.
    pub(super) fn new(tasks: Vec<Result<Task, Skipped>>, all_stay: bool) -> Units {
        let sound = || tasks.iter().zip(0..).filter_map(|(task, at)| Some((task.as_ref().ok()?, at)));
        let by_path = sound().map(|(task, at)| (task.from.clone(), at)).collect();
        let kept = sound().filter_map(|(task, _)| Some(task.keeper.as_ref()?.path.clone())).collect();
        let tasks = tasks.into_iter().map(Some).collect();
        Units { tasks, next: 0, by_path, kept, shots: Shots::default(), all_stay }
    }

    /// The number of tasks that the plan has.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// The number of them that were taken.
    pub(super) fn taken(&self) -> usize {
        self.next
    }

    /// The next tasks to carry out together, or what is refused instead; none at the end. Files that are `gone` go
    /// with no others.
    pub(super) fn next(&mut self, gone: &HashSet<PathBuf>) -> Option<Result<Vec<Task>, Vec<Skipped>>> {
        let first = loop {
            let task = self.tasks.get_mut(self.next)?.take();
            self.next += 1;
            match task {
                Some(Ok(task)) => break task,
                Some(Err(refused)) => return Some(Err(vec![refused])),
                None => {}
            }
        };
        let mut unit = vec![first];
        if self.all_stay {
            return Some(Ok(unit));
        }
        let mut reason = None;
        for other in self.others(&unit[0].from, &unit[0].shot) {
            let planned = self.by_path.get(&other).and_then(|&at| self.tasks[at].take());
            match planned {
                Some(Ok(task)) => unit.push(task),
                _ if gone.contains(&other) || unit.iter().any(|task| task.from == other) => {}
                _ => match self.follower(&unit[0], &other, gone) {
                    Some(task) => unit.push(task),
                    None => reason = Some(format!("it belongs to {}, which stays", other.display())),
                },
            }
        }
        Some(match reason {
            None => Ok(unit),
            Some(reason) => Err(unit.iter().map(|task| Skipped::new(&task.name, reason.clone())).collect()),
        })
    }

    /// The other files of a shot: those that the plan names, and those that are there.
    fn others(&self, file: &Path, planned: &[PathBuf]) -> Vec<PathBuf> {
        let found = self.shots.others(file);
        let mut others: Vec<PathBuf> = found.into_iter().map(|name| file.with_file_name(name)).collect();
        others.extend(planned.iter().filter(|path| path.exists()).cloned());
        others.sort();
        others.dedup();
        others
    }

    /// The task for a file that is in no group, and of which the keeper's shot has one with the same bytes.
    fn follower(&self, task: &Task, other: &Path, gone: &HashSet<PathBuf>) -> Option<Task> {
        let keeper = task.keeper.as_ref().filter(|keeper| !keeper.entry)?;
        let ending = |path: &Path| path.extension().map(|ending| ending.to_ascii_lowercase());
        let stays = |path: &PathBuf| {
            !gone.contains(path) && !self.by_path.contains_key(path) && ending(path) == ending(other)
        };
        if self.kept.contains(other) {
            return None;
        }
        let stamp = stamp_file(other).ok()?;
        let of = |stamp: &crate::images::Stamp| Expected {
            size: stamp.size,
            mtime_ns: stamp.mtime_ns,
            hash: hex(&stamp.hash),
        };
        let is_same = |path: PathBuf| {
            let kept = stamp_file(&path).ok().filter(|kept| kept.hash == stamp.hash)?;
            Some(Keeper { path, entry: false, expected: of(&kept) })
        };
        let kept = self.others(&keeper.path, &[]).into_iter().filter(stays).find_map(is_same)?;
        let name = other.file_name().unwrap_or_default();
        Some(Task {
            name: Path::new(&task.name).with_file_name(name).to_string_lossy().into_owned(),
            from: other.to_path_buf(),
            expected: of(&stamp),
            keeper: Some(kept),
            to: task.to.with_file_name(name),
            shot: Vec::new(),
        })
    }
}
