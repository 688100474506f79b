//! From a plan to single tasks, in the plan's order, without reading the disk.
//!
//! A plan may have been edited by hand. Contradictions are refused here: a file that stays and goes, goes
//! twice, or belongs to a reference. Safety does not depend on this, because each step checks the files
//! themselves.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use super::inspect::{Expected, Keeper};
use super::journal::path_of;
use super::options::ApplyOptions;
use crate::dedupe::plan::{File, Group, GroupKind, Plan};
use crate::dedupe::select::Select;
use crate::images::Skipped;

/// One file to deal with.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// Its name in the plan.
    pub(super) name: String,
    /// Its absolute path.
    pub(super) from: PathBuf,
    pub(super) expected: Expected,
    /// None for a sidecar.
    pub(super) keeper: Option<Keeper>,
    /// Where `move` puts it if the name is free.
    pub(super) to: PathBuf,
    /// Other files of its shot, as the plan names them.
    pub(super) shot: Vec<PathBuf>,
}

/// Tasks and refusals in the plan's order, and the number of duplicates in groups of other kinds or not selected.
pub(super) fn tasks(plan: &Plan, options: &ApplyOptions) -> (Vec<Result<Task, Skipped>>, usize) {
    let mut tasks = Vec::new();
    let mut left_out = 0;
    let mut goes: HashSet<PathBuf> = HashSet::new();
    let reference = reference(plan);
    for group in &plan.groups {
        if !options.kinds.contains(&group.kind) {
            left_out += group.duplicates.len();
            continue;
        }
        let gone_before = absolute(plan, &group.keeper).is_some_and(|keeper| goes.contains(&keeper));
        for duplicate in &group.duplicates {
            if !Select::allows(options.select.as_ref(), &duplicate.file) {
                left_out += 1;
                continue;
            }
            let task = task(plan, group, &duplicate.file, options).and_then(|task| match &task.from {
                _ if gone_before => Err("the file that is kept is itself a duplicate in an earlier group"),
                from if reference.contains(from) => Err("part of a reference: it is never changed"),
                from if !goes.insert(from.clone()) => Err("the plan names it more than once"),
                _ => Ok(task),
            });
            tasks.push(task.map_err(|reason| Skipped::new(duplicate.file.name(), reason)));
        }
    }
    (tasks, left_out)
}

/// Paths of files that are never changed.
fn reference(plan: &Plan) -> HashSet<PathBuf> {
    let members = |group: &'_ Group| {
        let also = group.also_kept.iter().map(|d| (d.file.clone(), true));
        let others = group.duplicates.iter().map(|d| (d.file.clone(), d.file.reference));
        let keeper = (group.keeper.clone(), group.keeper.reference);
        also.chain(others).chain([keeper]).collect::<Vec<_>>()
    };
    let kept = plan.groups.iter().flat_map(members).filter(|(_, stays)| *stays);
    kept.filter_map(|(file, _)| absolute(plan, &file)).collect()
}

fn task(plan: &Plan, group: &Group, file: &File, options: &ApplyOptions) -> Result<Task, &'static str> {
    if file.entry {
        return Err("inside a container, which is never changed");
    }
    if file.reference {
        return Err("part of a reference: it is never changed");
    }
    if group.keep != group.keeper.path {
        return Err("the plan does not say which file is kept: its fields keep and keeper differ");
    }
    let from = absolute(plan, file).ok_or("its path is not valid on this system")?;
    let keeper = absolute(plan, &group.keeper)
        .ok_or("the path of the file that is kept is not valid on this system")?;
    if from == keeper {
        return Err("it is the file that is kept");
    }
    if group.kind == GroupKind::Bytes && !file.hash.eq_ignore_ascii_case(&group.keeper.hash) {
        return Err("the plan contradicts itself: it says the same bytes, but the hashes are not the same");
    }
    if group.keeper.entry && options.action.is_link() {
        return Err("the file that is kept is inside a container, which no link can point into");
    }
    if group.keeper.frame {
        return Err("the one that is kept is only one picture of another file");
    }
    let keeper = Keeper { path: keeper, entry: group.keeper.entry, expected: expected(&group.keeper) };
    let to = below(&options.to, &from, &plan.base);
    let shot = file.shot.iter().map(|name| from.with_file_name(name)).collect();
    Ok(Task { name: file.path.clone(), from, expected: expected(file), keeper: Some(keeper), to, shot })
}

fn expected(file: &File) -> Expected {
    Expected { size: file.size, mtime_ns: file.mtime_ns, hash: file.hash.clone() }
}

/// The absolute path of a file of the plan, without `.` and `..`.
fn absolute(plan: &Plan, file: &File) -> Option<PathBuf> {
    Some(tidy(&plan.base.join(path_of(file.name())?)))
}

/// The same path without `.` and `..`, without asking the file system.
pub(super) fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    tidy
}

/// Where `file` goes below `to`: with its path from `base`, or from the root if it is elsewhere.
fn below(to: &Path, file: &Path, base: &Path) -> PathBuf {
    let names = file.strip_prefix(tidy(base)).unwrap_or(file).components();
    let names = names.filter(|part| matches!(part, Component::Normal(_)));
    names.fold(to.to_path_buf(), |path, part| path.join(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_keep_their_paths_below_the_folder_and_stay_in_it() {
        let below = |file: &str| below(Path::new("/to"), &tidy(Path::new(file)), Path::new("/base"));
        assert_eq!(below("/base/a/b.png"), Path::new("/to/a/b.png"));
        assert_eq!(below("/base/a/../../../../b.png"), Path::new("/to/b.png"));
        assert_eq!(below("/far/./b.png"), Path::new("/to/far/b.png"));
    }
}
