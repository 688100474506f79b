//! Carries a plan out, step by step, and takes it back.
//!
//! ```text
//! plan -> order -> inspect -> journal (intent) -> perform -> journal (done)
//!                                                    \-> revert -> journal (refused)
//! journal -> undo -> revert
//! ```
//!
//! | file | responsibility |
//! |---|---|
//! | `options` | what to do, and the result |
//! | `order` | which files to deal with, and which file is kept for each |
//! | `units` | which of them go together or not at all |
//! | `sidecars` | which files go with an image |
//! | `merge` | what only files that go have, into a sidecar of the keeper |
//! | `inspect` | is a file still the expected one |
//! | `perform` | performs one step |
//! | `revert` | takes one step back, from whatever state it is in |
//! | `parking`, `paths` | a step's own folder; temporary paths and free names |
//! | `disk`, `trash` | every change of the disk; the trash |
//! | `journal` | what was going to be done, and how far it got |
//! | `undo` | takes all steps of a journal back |
//!
//! Nothing is lost: before a duplicate is removed, it is parked under a temporary name where nobody else
//! reaches it, and its keeper is read after that. A run that was killed can continue or be taken back from
//! its journal.

mod options;

mod merge;
mod order;
mod sidecars;
mod units;

mod inspect;
mod perform;
mod revert;

mod parking;
mod paths;

mod disk;
mod journal;
mod trash;

mod undo;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use disk::{Disk, Fault, Outcome, clone_blocks};
use inspect::{Expected, Inspection, Keeper, hex, is_there};
use journal::{Entry, Header, Intent, Journal, Name, State};
use order::{Task, tasks, tidy};
use paths::{StepPaths, free_name};
use perform::{Perform, perform};
use units::Units;

pub use options::{Action, ApplyOptions, ApplyReport, Step, UndoOptions, UndoReport};
pub use undo::undo;

#[cfg(test)]
pub(crate) use journal::schemas as journal_schemas;
use options::PlanFile;
pub(super) use options::journal_of;

use crate::dedupe::plan::GroupKind;
use crate::error::{Error, Result};
use crate::images::Skipped;
use crate::observer::{Observer, Progress, Stage};

/// Carries a plan out, or in a dry run or with [`Action::List`] only checks what would be done. The observer
/// hears of every file and can stop the work between two.
///
/// # Errors
/// When the plan cannot be read, plan or options contradict themselves, or the journal cannot be written or
/// is one of other steps. A file that cannot be dealt with is not an error: it is left alone and reported
/// with the reason.
pub fn apply(options: &ApplyOptions, observer: &dyn Observer) -> Result<ApplyReport> {
    let file = PlanFile::read(&options.plan)?;
    let disk = Disk { before: &mut |_| Ok(()), sync: true, clone: clone_blocks, far: false };
    apply_on(disk, &file, options, observer)
}

/// The same, on this disk.
fn apply_on(
    disk: Disk,
    file: &PlanFile,
    options: &ApplyOptions,
    observer: &dyn Observer,
) -> Result<ApplyReport> {
    let absolute = |path: &Path| {
        std::path::absolute(path).map(|path| tidy(&path)).map_err(|error| Error::io(path, error))
    };
    let mut options = options.clone();
    options.to = absolute(&options.to)?;
    check(file, &options)?;
    let (mut tasks, left_out) = tasks(&file.plan, &options);
    let new = if options.merge_metadata { merge::new_sidecars(&mut tasks) } else { Vec::new() };
    let plan_path = absolute(&file.path)?;
    let header = Header::new(options.action, &plan_path, &hex(&file.hash), &file.plan.base, &options.to);
    let is_act = !options.dry_run && options.action != Action::List;
    let (journal, entries) = if is_act {
        let journal = Journal::open(&options.journal, header, disk.sync)?;
        let entries = journal.entries.clone();
        (Some(journal), entries)
    } else {
        (None, Journal::peek(&options.journal, &header)?)
    };
    let mut run = Run {
        disk,
        options: &options,
        journal,
        done_before: HashMap::new(),
        unclear: HashMap::new(),
        gone: HashSet::from([plan_path]), // `a.json` is the plan, not a sidecar of `a.jpg`
        taken: HashSet::new(),
        kept: None,
        observer,
        report: ApplyReport { left_out, ..ApplyReport::default() },
    };
    run.resume(&entries)?;
    run.write(&new)?;
    run.all(tasks)?;
    run.note_orphans();
    if let Some(journal) = &run.journal {
        journal.flush()?;
    }
    Ok(run.report)
}

/// Refuses what cannot be carried out at all.
fn check(file: &PlanFile, options: &ApplyOptions) -> Result<()> {
    let plan = file.path.display();
    if !file.plan.base.is_absolute() {
        let base = file.plan.base.display();
        return Err(Error::invalid(format!("{plan}: base: expected an absolute path, got {base}")));
    }
    if options.kinds.contains(&GroupKind::Related) {
        let what = "`kinds`: expected kinds of duplicates, got related";
        return Err(
            Error::invalid(what).with_hint("related images are different pictures: none of them goes")
        );
    }
    if options.action.is_link() {
        if let Some(kind) = options.kinds.iter().find(|kind| **kind != GroupKind::Bytes) {
            let what = format!("`kinds`: expected bytes alone with {}, got {}", options.action, kind.name());
            return Err(Error::invalid(what).with_hint(
                "a link to another image would change what the file holds; links are for files with the same bytes",
            ));
        }
        if options.merge_metadata {
            let what =
                format!("`merge_metadata`: expected an action that takes files away, got {}", options.action);
            return Err(Error::invalid(what).with_hint("with links, the files beside both stay"));
        }
        if options.sidecars {
            let what =
                format!("`sidecars`: expected an action that takes files away, got {}", options.action);
            return Err(
                Error::invalid(what).with_hint("with links every name stays, and so do the files beside it")
            );
        }
    }
    if options.action == Action::Move && options.to == tidy(&file.plan.base) {
        let what = format!("`to`: expected a folder apart from the images, got {}", options.to.display());
        return Err(Error::invalid(what));
    }
    Ok(())
}

/// A run over a plan.
struct Run<'a, 'd> {
    disk: Disk<'d>,
    options: &'a ApplyOptions,
    /// None if nothing is changed.
    journal: Option<Journal>,
    /// Files that an earlier run has dealt with, and where they went.
    done_before: HashMap<PathBuf, Option<PathBuf>>,
    /// Files of an earlier run that could not be put back, and the reason.
    unclear: HashMap<PathBuf, String>,
    /// Files that are not in their places any more, or in a dry run would not be.
    gone: HashSet<PathBuf>,
    /// In a dry run: names that would be taken.
    taken: HashSet<PathBuf>,
    /// The last keeper, as it was when it was read.
    kept: Option<(PathBuf, Inspection)>,
    observer: &'a dyn Observer,
    report: ApplyReport,
}

impl Run<'_, '_> {
    /// Takes over what an earlier run with this journal has done; a step that it has begun is completed or
    /// put back.
    fn resume(&mut self, entries: &[Entry]) -> Result<()> {
        for (number, Entry { intent, state }) in entries.iter().enumerate() {
            let mut state = *state;
            if let (State::Open | State::Stuck, Some(journal)) = (state, &mut self.journal) {
                let header = journal.header.clone();
                let ended = match revert::is_complete(&mut self.disk, &header, intent) {
                    Ok(true) => Ok(State::Done),
                    Ok(false) => revert::put_back(&mut self.disk, &header, intent).map(|()| State::Refused),
                    Err(fault) => Err(fault),
                };
                let (now, reason) = match ended {
                    Ok(now) => (now, "it was cut short".to_owned()),
                    Err(Fault::Refused(reason)) => (State::Stuck, reason),
                    Err(Fault::Fatal(error)) => return Err(error),
                };
                state = now;
                if now == State::Stuck {
                    self.unclear.insert(intent.from.0.clone(), reason.clone());
                }
                journal.end(number, now, &reason, &StepPaths::of(&header.id, intent).near.parked)?;
            }
            if intent.is_new {
                continue;
            }
            let from = intent.from.0.clone();
            match state {
                State::Done => drop(self.done_before.insert(from, intent.to.clone().map(|to| to.0))),
                _ => drop(self.done_before.remove(&from)),
            }
        }
        if !self.options.action.is_link() {
            self.gone.extend(self.done_before.keys().cloned());
        }
        Ok(())
    }

    /// Writes new sidecars.
    fn write(&mut self, new: &[merge::NewSidecar]) -> Result<()> {
        for sidecar in new {
            let (name, path) = (sidecar.name.clone(), sidecar.path.clone());
            let step = Step { name, path: path.clone(), to: None, is_sidecar: true, is_new: true, freed: 0 };
            if let Some(journal) = &mut self.journal {
                let intent = Intent {
                    step: journal.next_step(),
                    from: Name(path),
                    expected: sidecar.expected(),
                    mode: None,
                    is_new: true,
                    keeper: None,
                    to: None,
                    target: None,
                    folders: Vec::new(),
                };
                let entry = journal.begin(intent)?;
                match merge::write(&mut self.disk, journal, entry, &sidecar.content) {
                    Ok(()) => journal.end(entry, State::Done, "", &sidecar.path)?,
                    Err(Fault::Fatal(error)) => return Err(error),
                    Err(Fault::Refused(reason)) => {
                        if let Fault::Fatal(error) =
                            self.put_back(entry, reason.clone()).unwrap_or_else(|fault| fault)
                        {
                            return Err(error);
                        }
                        let what = format!("{}: {reason}", sidecar.path.display());
                        return Err(Error::invalid(what).with_hint("nothing was taken away; run it again"));
                    }
                }
            }
            self.report.done.push(step);
        }
        Ok(())
    }

    fn all(&mut self, tasks: Vec<Result<Task, Skipped>>) -> Result<()> {
        let action = self.options.action;
        let mut units = Units::new(tasks, action.is_link() || action == Action::List);
        self.observer
            .stage(Stage::new(if self.journal.is_some() { "applying" } else { "checking" }, "files"));
        while let Some(unit) = units.next(&self.gone) {
            self.observer.progress(&Progress::of(units.taken(), units.len()));
            match unit {
                Ok(unit) => self.unit(&unit)?,
                Err(refused) => refused.into_iter().for_each(|refused| self.refuse(refused)),
            }
            if self.report.interrupted {
                break;
            }
        }
        Ok(())
    }

    /// Files that go together or not at all, and their sidecars.
    fn unit(&mut self, unit: &[Task]) -> Result<()> {
        if unit.len() > 1
            && let Some(reason) = self.why_not(unit)?
        {
            unit.iter().for_each(|task| self.refuse(Skipped::new(&task.name, reason.clone())));
            return Ok(());
        }
        let entries = self.journal.as_ref().map_or(0, |journal| journal.entries.len());
        let (done, mut went) = (self.report.done.len(), Vec::new());
        for task in unit {
            let to = match self.done_before.get(&task.from) {
                Some(to) => {
                    self.report.done_before += 1;
                    to.clone()
                }
                None => match self.one(task, false)? {
                    Some(to) => to,
                    None => return self.take_back(entries, done),
                },
            };
            went.push((task, to));
        }
        went.into_iter().try_for_each(|(task, to)| self.sidecars_of(task, to))
    }

    /// Why files cannot go together, before any of them does.
    fn why_not(&mut self, unit: &[Task]) -> Result<Option<String>> {
        for task in unit.iter().filter(|task| !self.done_before.contains_key(&task.from)) {
            let found = self.disk.inspect(&task.from, &task.expected).and_then(|found| match &task.keeper {
                Some(keeper) => Ok(keeper.inspect(&task.from, &found.metadata).map(|_| ())?),
                None => Ok(()),
            });
            let reason = match (self.unclear.get(&task.from), found) {
                (Some(reason), _) => reason.clone(),
                (None, Ok(())) => continue,
                (None, Err(Fault::Refused(reason))) => reason,
                (None, Err(Fault::Fatal(error))) => return Err(error),
            };
            let name = &task.name;
            return Ok(Some(format!("files of one shot go together or not at all; {name}: {reason}")));
        }
        Ok(None)
    }

    /// Takes back the steps since then: the rest of their shot stays.
    fn take_back(&mut self, entries: usize, done: usize) -> Result<()> {
        let steps = self.report.done.split_off(done);
        for step in &steps {
            self.report.freed -= step.freed;
            self.gone.remove(&step.path);
            self.taken.retain(|taken| Some(taken) != step.to.as_ref());
        }
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let header = journal.header.clone();
        for number in (entries..journal.entries.len()).rev() {
            let Entry { intent, state } = journal.entries[number].clone();
            if state != State::Done {
                continue;
            }
            match revert::put_back(&mut self.disk, &header, &intent) {
                Ok(()) => {
                    journal.end(number, State::Refused, "the rest of its shot stays", &intent.from.0)?
                }
                Err(Fault::Fatal(error)) => return Err(error),
                Err(Fault::Refused(_)) => {
                    // it is done, and cannot be undone
                    self.gone.insert(intent.from.0.clone());
                    self.report.done.extend(steps.iter().find(|step| step.path == intent.from.0).cloned());
                }
            }
        }
        Ok(())
    }

    /// The sidecars of a file that went to `to`.
    fn sidecars_of(&mut self, task: &Task, to: Option<PathBuf>) -> Result<()> {
        // if there is a file at its path again, the sidecars belong to that one
        let is_back = self.journal.is_some() && is_there(&task.from);
        if !self.options.sidecars || is_back {
            return Ok(());
        }
        let found = match sidecars::sidecars(&task.from, &self.gone) {
            Ok(found) => found,
            Err(error) => {
                self.refuse(Skipped::new(&task.name, format!("its sidecars cannot be listed: {error}")));
                return Ok(());
            }
        };
        for sidecar in found {
            if self.gone.contains(&sidecar) || self.report.interrupted {
                continue;
            }
            let to = sidecars::destination(&sidecar, &task.from, to.as_deref().unwrap_or(&task.from));
            let below = task.from.parent().and_then(|folder| sidecar.strip_prefix(folder).ok());
            let name = Path::new(&task.name).with_file_name(below.unwrap_or(&sidecar));
            let name = name.to_string_lossy().into_owned();
            match inspect::plain(&sidecar).and_then(|_| crate::images::stamp_file(&sidecar)) {
                Ok(stamp) => {
                    let (size, mtime_ns) = (stamp.size, stamp.mtime_ns);
                    let expected = Expected { size, mtime_ns, hash: hex(&stamp.hash) };
                    self.one(
                        &Task { name, from: sidecar, expected, keeper: None, to, shot: Vec::new() },
                        true,
                    )?;
                }
                Err(reason) => self.refuse(Skipped::new(name, reason)),
            }
        }
        if self.journal.is_some() {
            for folder in sidecars::notes_of(&task.from) {
                // one that is left behind does no harm
                if let Err(Fault::Fatal(error)) = self.disk.remove_folder(&folder) {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Lists the sidecars that stay behind; each folder is read once.
    fn note_orphans(&mut self) {
        let action = self.options.action;
        if self.options.sidecars || action.is_link() || action == Action::List {
            return;
        }
        let mut folders: BTreeMap<&Path, Vec<&OsStr>> = BTreeMap::new();
        let now = self.report.done.iter().map(|step| &step.path);
        for path in now.chain(self.done_before.keys()) {
            if let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
                folders.entry(folder).or_default().push(name);
            }
        }
        folders.values_mut().for_each(|names| names.sort());
        let of_folder = |(folder, names): (&Path, Vec<&OsStr>)| {
            // no sidecars are known of a folder that cannot be listed
            sidecars::of_images(folder, &names, &self.gone).unwrap_or_default()
        };
        let orphans = folders.into_iter().flat_map(of_folder).filter(|sidecar| !self.gone.contains(sidecar));
        self.report.orphans = orphans.collect();
    }

    /// One file; where it went, if it was dealt with.
    fn one(&mut self, task: &Task, is_sidecar: bool) -> Result<Option<Option<PathBuf>>> {
        match self.attempt(task, is_sidecar) {
            Ok(step) => {
                self.report.freed += step.freed;
                if !self.options.action.is_link() {
                    self.gone.insert(step.path.clone());
                }
                let to = step.to.clone();
                self.report.done.push(step);
                self.report.interrupted |= self.observer.should_stop();
                Ok(Some(to))
            }
            Err(Fault::Refused(reason)) => {
                self.refuse(Skipped::new(&task.name, reason));
                Ok(None)
            }
            Err(Fault::Fatal(error)) => Err(error),
        }
    }

    fn refuse(&mut self, refused: Skipped) {
        self.observer.skipped(&refused.path, &refused.reason);
        self.report.refused.push(refused);
        self.report.interrupted |= self.observer.should_stop();
    }

    fn attempt(&mut self, task: &Task, is_sidecar: bool) -> Outcome<Step> {
        let action = self.options.action;
        if let Some(reason) = self.unclear.get(&task.from) {
            return Err(Fault::Refused(reason.clone()));
        }
        let before = self.disk.inspect(&task.from, &task.expected)?;
        if let Some(keeper) = &task.keeper {
            self.inspect_keeper(keeper, &task.from, &before)?;
        }
        let freed = match action {
            Action::Delete | Action::Hardlink | Action::Reflink | Action::Symlink
                if inspect::is_only_name(&before.metadata) =>
            {
                task.expected.size
            }
            _ => 0,
        };
        let to = match action {
            Action::Move => Some(free_name(&task.to, |path| self.taken.contains(path))?),
            _ => None,
        };
        let target = match &task.keeper {
            Some(keeper) if action == Action::Symlink => Some(self.link_target(&task.from, &keeper.path)?),
            _ => None,
        };
        let keeper_path = task.keeper.as_ref().map(|keeper| keeper.path.clone());
        let shown = if action.is_link() { keeper_path.clone() } else { to.clone() };
        let mut step = Step {
            name: task.name.clone(),
            path: task.from.clone(),
            to: shown,
            is_sidecar,
            is_new: false,
            freed,
        };
        let Some(journal) = &mut self.journal else {
            self.taken.extend(to);
            return Ok(step);
        };
        let missing = |to: &Name| {
            let folders = to.0.ancestors().skip(1).take_while(|folder| !is_there(folder));
            folders.map(|folder| Name(folder.to_path_buf())).collect::<Vec<_>>()
        };
        let to = to.map(Name);
        let mut folders = to.as_ref().map_or(Vec::new(), missing);
        folders.reverse();
        let intent = Intent {
            step: journal.next_step(),
            from: Name(task.from.clone()),
            expected: task.expected.clone(),
            mode: inspect::mode(&before.metadata),
            is_new: false,
            keeper: keeper_path.map(Name),
            to,
            target: target.map(Name),
            folders,
        };
        let entry = journal.begin(intent)?;
        let what = Perform { entry, keeper: task.keeper.as_ref(), before: &before, wanted: &task.to };
        match perform(&mut self.disk, journal, &what) {
            Ok(()) => {
                journal.end(entry, State::Done, "", &task.from)?;
                if action == Action::Move {
                    step.to = journal.entries[entry].intent.to.clone().map(|to| to.0);
                }
                Ok(step)
            }
            Err(Fault::Refused(reason)) => Err(self.put_back(entry, reason)?),
            Err(fatal) => Err(fatal),
        }
    }

    /// Takes back a step that was refused halfway, and returns the complete reason.
    fn put_back(&mut self, entry: usize, reason: String) -> Outcome<Fault> {
        let Some(journal) = &mut self.journal else { return Ok(Fault::Refused(reason)) };
        let (header, intent) = (journal.header.clone(), journal.entries[entry].intent.clone());
        match revert::put_back(&mut self.disk, &header, &intent) {
            Ok(()) => {
                journal.end(entry, State::Refused, &reason, &intent.from.0)?;
                Ok(Fault::Refused(reason))
            }
            Err(Fault::Refused(more)) => {
                let reason = format!("{reason}; {more}");
                journal.end(entry, State::Stuck, &reason, &StepPaths::of(&header.id, &intent).near.parked)?;
                Ok(Fault::Refused(reason))
            }
            Err(fatal) => Err(fatal),
        }
    }

    /// Reads the keeper, unless it was read just before and shows no sign of a change.
    fn inspect_keeper(&mut self, keeper: &Keeper, path: &Path, file: &Inspection) -> Outcome {
        self.disk.pause("inspect")?;
        let last = self.kept.take().filter(|(kept, _)| *kept == keeper.path);
        let inspection = match last {
            Some((_, last))
                if keeper.still(&last).is_ok()
                    && !inspect::same_file(&keeper.path, &last.metadata, path, &file.metadata) =>
            {
                last
            }
            _ => keeper.inspect(path, &file.metadata)?,
        };
        self.kept = Some((keeper.path.clone(), inspection));
        Ok(())
    }

    /// The target of a symbolic link at `from` to `keeper`: a relative path if both are below the plan's base
    /// folder.
    fn link_target(&self, from: &Path, keeper: &Path) -> Result<PathBuf, String> {
        let real = |path: &Path| path.canonicalize().map_err(|error| format!("{}: {error}", path.display()));
        let (folder, keeper) = (real(from.parent().unwrap_or(from))?, real(keeper)?);
        let base = self.journal.as_ref().and_then(|journal| journal.header.base.0.canonicalize().ok());
        match base {
            Some(base) if folder.starts_with(&base) && keeper.starts_with(&base) => {
                let common = folder.components().zip(keeper.components()).take_while(|(a, b)| a == b).count();
                let up = folder.components().skip(common).map(|_| std::path::Component::ParentDir);
                Ok(up.chain(keeper.components().skip(common)).collect())
            }
            _ => Ok(keeper),
        }
    }
}
