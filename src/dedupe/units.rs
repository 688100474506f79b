//! Files that go together or not at all: those of one shot, such as a raw file and its JPEG, or a picture and the
//! film of a Live Photo. Sidecars go with their image anyway.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::plan::{File, Group};
use crate::images::{file_of, stamp_file};

/// Whether two files are of one shot, so that neither is a duplicate of the other.
pub(super) fn are_of_one_shot(a: &File, b: &File) -> bool {
    let path = |file: &File| file_of(file.name(), Path::new(""));
    !a.shot.is_empty() && !b.shot.is_empty() && others(a).any(|other| Some(other) == path(b))
}

/// The other files of its shot.
fn others(file: &File) -> impl Iterator<Item = PathBuf> + '_ {
    let path = file_of(file.name(), Path::new("")).filter(|_| !file.shot.is_empty());
    path.into_iter().flat_map(|path| file.shot.iter().map(move |name| path.with_file_name(name)))
}

/// Duplicates that another file of their shot cannot follow stay. It follows if it is a duplicate itself, or if the
/// keeper has one of its kind with the same bytes.
pub(super) fn whole_shots(mut groups: Vec<Group>) -> Vec<Group> {
    let mut same = HashMap::new();
    loop {
        let path = |file: &File| file_of(file.name(), Path::new(""));
        let goes: HashSet<PathBuf> =
            groups.iter().flat_map(|group| &group.duplicates).filter_map(|other| path(&other.file)).collect();
        let kept = |group: &'_ Group| {
            let also = group.also_kept.iter().map(|other| &other.file);
            also.chain([&group.keeper])
                .filter(|file| !file.shot.is_empty())
                .filter_map(path)
                .collect::<Vec<_>>()
        };
        let stays: HashSet<PathBuf> =
            groups.iter().flat_map(kept).filter(|path| !goes.contains(path)).collect();
        let mut is_torn = false;
        for group in &mut groups {
            let follows = |other: &PathBuf| {
                let has_same = |kept: PathBuf| {
                    !goes.contains(&kept)
                        && kept.extension().map(|e| e.to_ascii_lowercase())
                            == other.extension().map(|e| e.to_ascii_lowercase())
                        && *same
                            .entry((kept.clone(), other.clone()))
                            .or_insert_with(|| have_same_bytes(&kept, other))
                };
                goes.contains(other) || !stays.contains(other) && others(&group.keeper).any(has_same)
            };
            let mut follows = follows;
            let (go, stay): (Vec<_>, Vec<_>) = std::mem::take(&mut group.duplicates)
                .into_iter()
                .partition(|duplicate| others(&duplicate.file).all(|other| follows(&other)));
            is_torn |= !stay.is_empty();
            group.duplicates = go;
            group.also_kept.extend(stay);
        }
        groups.retain(|group| !group.duplicates.is_empty());
        if !is_torn {
            return groups;
        }
    }
}

fn have_same_bytes(a: &Path, b: &Path) -> bool {
    let size = |path: &Path| std::fs::metadata(path).ok().map(|metadata| metadata.len());
    let hash = |path: &Path| stamp_file(path).ok().map(|stamp| stamp.hash);
    size(a).is_some() && size(a) == size(b) && hash(a).is_some() && hash(a) == hash(b)
}
