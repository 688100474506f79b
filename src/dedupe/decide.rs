//! Decides about images in one call: import, add or remove decisions, export.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use aesearch_index::Snapshot;

use super::decisions::{ChangeCounts, Decisions, Hash, Verdict};
use crate::error::{Error, Result};
use crate::gallery::check_outputs;
use crate::images::{Item, Limits, WalkOptions, read, resolve, walk};
use crate::output::write_whole;

/// What to do with decisions about some images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DecideTask {
    /// Nothing: decisions are only read, and perhaps imported and exported.
    #[default]
    Nothing,
    /// Remember this about the images.
    Remember(Verdict),
    /// Forget the decisions about them.
    Forget,
}

/// What to decide.
#[derive(Debug, Clone, Default)]
pub struct DecideOptions {
    /// What to do about the images.
    pub task: DecideTask,
    /// Files, folders or names such as `photos.tar#a.jpg`. Relative ones start at the working directory or at
    /// the folder of the index. With [`Verdict::Keep`], the first one is kept.
    pub images: Vec<PathBuf>,
    /// Adds the decisions of this file, before the task.
    pub import: Option<PathBuf>,
    /// Writes all decisions into this file, after the task.
    pub export: Option<PathBuf>,
}

/// The result of a decision.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The number of images that the task was about.
    pub images: usize,
    /// Decisions made.
    pub decided: ChangeCounts,
    /// Decisions imported.
    pub imported: ChangeCounts,
    /// The number of decisions forgotten.
    pub forgotten: usize,
    /// All decisions now.
    pub decisions: Decisions,
}

impl Decided {
    /// Whether any decision was added, replaced or forgotten.
    pub fn has_changed(&self) -> bool {
        let Decided { decided, imported, forgotten, .. } = self;
        decided.added + decided.replaced + imported.added + imported.replaced + forgotten > 0
    }
}

/// Changes the decisions beside the index at `dir`. Everything is read before anything is changed.
///
/// # Errors
/// When there is no index, images come without a task or the reverse, an image or the import cannot be read,
/// the verdict does not fit the images, or a file cannot be written.
pub fn decide(dir: &Path, options: &DecideOptions) -> Result<Decided> {
    let DecideOptions { task, images, import, export } = options;
    match (task, images.is_empty()) {
        (DecideTask::Nothing, false) => {
            return Err(
                Error::invalid("images: expected what to do with them, got nothing").with_hint("say `task`")
            );
        }
        (DecideTask::Remember(_) | DecideTask::Forget, true) => {
            return Err(Error::invalid("decide: expected images, got none")
                .with_hint("name those of one group, as the plan or the report does"));
        }
        _ => {}
    }
    let outputs: Vec<&Path> = export.iter().map(PathBuf::as_path).collect();
    check_outputs(&outputs, &Snapshot::open(dir)?, dir)?;
    let mut decisions = Decisions::read(dir)?;
    let import = import.as_deref().map(Decisions::read_file).transpose()?;
    let base = dir.parent().unwrap_or(Path::new(""));
    if let (DecideTask::Remember(Verdict::Keep), Some(first)) = (task, images.first()) {
        let several = hashes(std::slice::from_ref(first), base)?.len();
        if several != 1 {
            let what = format!("{}: expected one image to keep, got {several}", first.display());
            return Err(Error::invalid(what).with_hint("name a file, or one entry of a container"));
        }
    }
    let images = hashes(images, base)?;

    let imported = import.map(|import| decisions.merge(import)).unwrap_or_default();
    let (mut decided, mut forgotten) = (ChangeCounts::default(), 0);
    match task {
        DecideTask::Nothing => {}
        DecideTask::Remember(verdict) => decided = decisions.add(*verdict, &images)?,
        DecideTask::Forget => {
            forgotten = decisions.forget(&images.iter().map(|(hash, _)| *hash).collect::<Vec<_>>());
        }
    }
    let done = Decided { images: images.len(), decided, imported, forgotten, decisions };
    if done.has_changed() {
        done.decisions.write(dir)?;
    }
    if let Some(path) = export {
        write_whole(path, done.decisions.to_json().as_bytes())?;
    }
    Ok(done)
}

/// The images at `paths` with their names, hashed as they are now.
fn hashes(paths: &[PathBuf], base: &Path) -> Result<Vec<(Hash, String)>> {
    let unusable = |name: &str, reason: &str| {
        Error::invalid(format!("{name}: {reason}"))
            .with_hint("nothing was remembered; name images that can be read")
    };
    let mut items: Vec<Item> = Vec::new();
    for path in paths {
        if path.exists() {
            let walk = walk(std::slice::from_ref(path), &WalkOptions::default())?;
            if let Some(skipped) = walk.skipped.first() {
                return Err(unusable(&skipped.path, &skipped.reason));
            }
            items.extend(walk.items);
        } else {
            for item in resolve([path.as_os_str().as_encoded_bytes()], base) {
                items.push(item.map_err(|reason| unusable(&path.display().to_string(), &reason))?);
            }
        }
    }
    let mut seen = HashSet::new();
    items.retain(|item| seen.insert(item.name().into_owned()));
    let hash = |item: &Item| {
        let source = read(item, &Limits::default()).map_err(|reason| unusable(&item.display(), &reason))?;
        Ok((source.stamp().hash, item.display()))
    };
    items.iter().map(hash).collect()
}
