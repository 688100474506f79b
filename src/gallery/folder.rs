//! An index folder: finding it, opening it, locking it, and loading the model that made it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aesearch_index::{Snapshot, Writer};

use super::record::{Facts, ModelIdentity};
use crate::error::{Error, Result};
use crate::model::{LoadOptions, Model};
use crate::observer::{Note, Observer};

/// How often a writer that waits for another one tries again.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// Folders that a search for indexes looks at.
const NEARBY_FOLDERS: usize = 2000;

/// The name of an index folder.
pub const FOLDER: &str = ".aesearch";

/// The index folder that applies to `start`, an absolute path: the one in it, or in the nearest folder above
/// it.
pub fn find(start: &Path) -> Option<PathBuf> {
    start.ancestors().map(|folder| folder.join(FOLDER)).find(|dir| aesearch_index::is_index(dir))
}

/// The index folder that is meant: the folder itself, or the one in it.
pub fn index_at(dir: &Path) -> PathBuf {
    let inner = dir.join(FOLDER);
    if !aesearch_index::is_index(dir) && aesearch_index::is_index(&inner) { inner } else { dir.to_owned() }
}

/// Index folders near `start`: in it, in folders up to two levels below it, and in folders beside it, in this order; at
/// most `most`. Many folders are looked at only in part.
pub fn nearby(start: &Path, most: usize) -> Vec<PathBuf> {
    let mut left = NEARBY_FOLDERS;
    let mut below = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut folders: Vec<PathBuf> = folders.take(left).map(|entry| entry.path()).collect();
        left -= folders.len();
        folders.sort_unstable();
        folders
    };
    let inner = below(start);
    let beside = start.parent().map(&mut below).unwrap_or_default();
    let deeper: Vec<PathBuf> = inner.iter().flat_map(|folder| below(folder)).collect();
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in [start.to_path_buf()].into_iter().chain(inner).chain(deeper).chain(beside) {
        let is_new = |dir: &PathBuf| aesearch_index::is_index(dir) && !found.contains(dir);
        let dirs = [folder.join(FOLDER), folder].into_iter().find(is_new);
        found.extend(dirs.filter(|_| found.len() < most));
    }
    found
}

/// The folder that relative names of images in the index at `dir` start from, if not from the working
/// directory.
pub(super) fn base(dir: &Path) -> &Path {
    dir.parent().unwrap_or(Path::new(""))
}

/// The index at `dir` with its facts; none where nothing was ever committed.
pub(super) fn open_if_any(dir: &Path) -> Result<Option<(Snapshot, Facts)>> {
    match Snapshot::open(dir) {
        Ok(snapshot) => {
            let facts = Facts::of(&snapshot, dir)?;
            Ok(Some((snapshot, facts)))
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The model that made an index: from where it was then, unless `named` (not `auto`) says where it is now.
/// How a model of another program is fed is known from the index.
pub(super) fn load_indexed_model(
    dir: &Path,
    facts: &Facts,
    named: &str,
    load: &LoadOptions,
) -> Result<Model> {
    let ModelIdentity { name, source, foreign, .. } = &facts.model;
    let load = LoadOptions { known: foreign.clone(), ..load.clone() };
    let model = match named {
        "auto" => Model::load_any(source, &load).map_err(|error| {
            // If the file is still there, the error's own hint says what to do.
            if error.hint().is_some() && Path::new(source).exists() {
                return error;
            }
            let made_with = format!("{} was made with the model {name}", dir.display());
            error.with_hint(format!("{made_with}; if it has moved, pass its new path as `model`"))
        })?,
        named => Model::load_any(named, &load)?,
    };
    check_made_with(dir, facts, &model).map(|()| model)
}

/// Whether `model` is the one that made the index at `dir`, and is fed in the same way.
pub(super) fn check_made_with(dir: &Path, facts: &Facts, model: &Model) -> Result<()> {
    let ModelIdentity { name, sha256, foreign, .. } = &facts.model;
    let (place, metadata) = (dir.display().to_string(), &model.metadata);
    if model.sha256 != *sha256 {
        let identity =
            |name: &str, sha256: &str| format!("{name} (sha256 {})", sha256.get(..12).unwrap_or(sha256));
        let (made_with, got) = (identity(name, sha256), identity(&metadata.name, &model.sha256));
        return Err(Error::mismatch(place, format!("model: expected {made_with}, got {got}")).with_hint(
            "codes of different models cannot be compared: use the model that made the index, or another folder as `dir`; \
             with `moves`, an index moves to a shipped model",
        ));
    }
    let formats = foreign.as_ref().zip(model.foreign.as_ref());
    match formats.and_then(|(known, now)| known.format.differs(&now.format)) {
        None => Ok(()),
        Some(difference) => Err(Error::mismatch(place, format!("model {name}: {difference}")).with_hint(
            "codes of images that were prepared in different ways cannot be compared: describe the model as it was when \
             the index was made, or leave the description out, or use another folder as `dir`",
        )),
    }
}

/// The right to write the index; with `wait`, as soon as it is free.
pub(super) fn lock(dir: &Path, wait: bool, observer: &dyn Observer) -> Result<Writer> {
    let mut is_announced = false;
    loop {
        match Writer::lock(dir) {
            Err(error) if error.is_locked() && wait => {}
            locked => return Ok(locked?),
        }
        if !is_announced {
            observer.note(&Note::new("another writer holds this index: waiting for it to end"));
            is_announced = true;
        }
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
        std::thread::sleep(ASK_EVERY);
    }
}
