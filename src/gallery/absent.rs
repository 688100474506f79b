//! Images that are not there now and may come back, as those on a drive that is not mounted: an index keeps them.
//!
//! An image is absent when a path of the run that it belongs to is gone or holds no image at all, or when it is
//! elsewhere and the nearest folder of it that exists is empty. (What is gone below a path that holds others was
//! deleted.)

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf, absolute};

use aesearch_index::Snapshot;

use crate::images::{PathScopes, Skipped, Walk, file_of, path_of};
use crate::observer::Observer;
use crate::output::count;

/// What is absent, and from where.
#[derive(Debug, Default)]
pub(super) struct Absent {
    /// Items of the index.
    pub(super) ids: Vec<u32>,
    /// For each, the number of its place.
    places: Vec<usize>,
    /// Paths that are gone or empty, and what is to be said of them.
    paths: Vec<PathBuf>,
    reasons: Vec<String>,
}

/// Splits the paths of a run into those to walk and those that are gone, though the index holds images of them.
pub(super) fn without_gone(
    data: &[PathBuf],
    old: Option<&Snapshot>,
    base: &Path,
) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let is_gone = |path: &&PathBuf| {
        file_of(path.as_os_str().as_encoded_bytes(), Path::new("")).is_none() && !path.is_dir()
    };
    let gone: Vec<PathBuf> = data.iter().filter(is_gone).cloned().collect();
    let scopes = PathScopes::new(&gone);
    let ids = old.filter(|_| !gone.is_empty()).into_iter().flat_map(|old| old.ids().map(move |id| (old, id)));
    let held: HashSet<&PathBuf> =
        ids.flat_map(|(old, id)| scopes.holding(old.name(id), base)).map(|at| &gone[at]).collect();
    data.iter().cloned().partition(|path| !held.contains(path))
}

impl Absent {
    /// What is absent of those items of an index that are neither among the names of a walk of `data` nor elsewhere;
    /// `gone` are paths of the run that were not walked. What is to be said of their paths is no longer among the
    /// skipped ones of the walk.
    pub(super) fn of(
        (old, ids): (&Snapshot, &[u32]),
        walk: &mut Walk,
        (data, gone): (&[PathBuf], &[PathBuf]),
        base: &Path,
    ) -> Absent {
        let mut absent = Absent { paths: [gone, &walk.empty].concat(), ..Absent::default() };
        absent.reasons = vec!["no such file or folder".to_owned(); absent.paths.len()];
        let has_roots = !absent.paths.is_empty();
        let (roots, walked) = (PathScopes::new(&absent.paths), PathScopes::new(data));
        let mut nearest: HashMap<PathBuf, Option<PathBuf>> = HashMap::new();
        let mut numbers: HashMap<PathBuf, usize> = HashMap::new();
        for &id in ids {
            let name = old.name(id);
            let of_root = || roots.holding(name, base).first().copied();
            let place = if has_roots { of_root() } else { None };
            let place = place.or_else(|| {
                let is_elsewhere = file_of(name, base).is_none() && walked.holding(name, base).is_empty();
                let folder = is_elsewhere.then(|| empty_above(name, base, &mut nearest)).flatten()?;
                Some(*numbers.entry(folder.clone()).or_insert_with(|| {
                    absent.paths.push(folder);
                    absent.reasons.push("an empty folder".to_owned());
                    absent.paths.len() - 1
                }))
            });
            if let Some(place) = place {
                absent.ids.push(id);
                absent.places.push(place);
            }
        }
        for &place in absent.places.iter().collect::<HashSet<_>>() {
            let at = walk.skipped.iter().position(|skipped| Path::new(&skipped.path) == absent.paths[place]);
            absent.reasons[place] = at.map_or_else(
                || std::mem::take(&mut absent.reasons[place]),
                |at| walk.skipped.remove(at).reason,
            );
        }
        absent
    }

    /// Says what is to be said of the paths that are gone, when all but `moved` of these items are kept.
    pub(super) fn tell(&self, moved: &[u32], observer: &dyn Observer) -> Vec<Skipped> {
        let moved: HashSet<&u32> = moved.iter().collect();
        let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
        for (id, &place) in self.ids.iter().zip(&self.places) {
            *counts.entry(place).or_default() += u64::from(!moved.contains(id));
        }
        let skipped = counts.into_iter().map(|(place, n)| {
            let reason = match (&self.reasons[place], count(n, "image")) {
                (reason, _) if n == 0 => reason.clone(),
                (reason, images) => {
                    format!("{reason} now; the index keeps {images} of it until `prune` drops them")
                }
            };
            let skipped = Skipped::new(self.paths[place].as_os_str().as_encoded_bytes(), reason);
            observer.skipped(&skipped.path, &skipped.reason);
            skipped
        });
        skipped.collect()
    }
}

/// The nearest folder above the image called `name` that exists, if it is empty.
fn empty_above(name: &[u8], base: &Path, known: &mut HashMap<PathBuf, Option<PathBuf>>) -> Option<PathBuf> {
    let path = path_of(name);
    [absolute(&path), absolute(base.join(&path))].into_iter().flatten().find_map(|file| {
        let folder = file.parent()?;
        let look = |folder: &PathBuf| {
            let nearest = folder.ancestors().find(|folder| folder.is_dir())?;
            let is_empty = fs::read_dir(nearest).is_ok_and(|mut entries| entries.next().is_none());
            is_empty.then(|| nearest.to_path_buf())
        };
        known.entry(folder.to_path_buf()).or_insert_with_key(look).clone()
    })
}
