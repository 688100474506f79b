//! From paths to images, with what the index takes of files that hold several pictures.

use std::path::{Path, PathBuf};

use aesearch_index::Snapshot;

use super::absent::{Absent, without_gone};
use super::ingest::unfinished;
use super::plan::elsewhere;
use super::record::{Facts, Record};
use super::spelling::Names;
use super::taken::Taken;
use crate::error::Result;
use crate::images::{Frames, KnownFilms, Limits, Video, Walk, WalkOptions, walk};
use crate::observer::{Note, Observer};
use crate::output::count;

/// How images are listed.
pub(super) struct Listing<'a> {
    /// As asked for; none: as in the index.
    pub(super) frames: Option<Frames>,
    /// Likewise.
    pub(super) video: Option<Video>,
    pub(super) walk: &'a WalkOptions,
    pub(super) limits: Limits,
    /// Images that are absent are given up.
    pub(super) prune: bool,
}

impl Listing<'_> {
    /// Lists the images in `data` for an index that is there already, or a new one, with what they are called in
    /// it. Relative names of the index start from the working directory, or else from `base`.
    ///
    /// # Errors
    /// Those of [`walk`]; when a record of the index is damaged.
    pub(super) fn list(
        &self,
        data: &[PathBuf],
        old: Option<&(Snapshot, Facts)>,
        base: &Path,
    ) -> Result<Listed> {
        let before = old.map(|(_, facts)| facts.taken);
        let taken = Taken::new(self.frames, self.video, before);
        let films = match old {
            Some((snapshot, facts)) if facts.taken.video == taken.video => known_films(snapshot)?,
            _ => KnownFilms::default(),
        };
        let Taken { frames, video } = taken;
        let options = WalkOptions { frames, video, films, limits: self.limits, ..self.walk.clone() };
        let snapshot = old.map(|(snapshot, _)| snapshot);
        let (there, gone) = without_gone(data, snapshot, base);
        let walk = walk(&there, &options)?;
        let names = Names::of(&walk.items, snapshot, &there, base);
        let mut listed = Listed { taken, walk, names, elsewhere: Vec::new(), absent: Absent::default() };
        if let Some(old) = snapshot {
            let (elsewhere, others) = elsewhere(old, &listed.walk, &listed.names, data, base);
            let absent = Absent::of((old, &others), &mut listed.walk, (&there, &gone), base);
            listed.elsewhere = elsewhere;
            listed.absent = if self.prune { Absent::default() } else { absent };
        }
        Ok(listed)
    }
}

/// The images in some paths, and what becomes of the others of an index.
pub(super) struct Listed {
    /// What is taken of files that hold several.
    pub(super) taken: Taken,
    pub(super) walk: Walk,
    /// What the images are called in the index.
    pub(super) names: Names,
    /// Images of the index that the run leaves alone.
    pub(super) elsewhere: Vec<u32>,
    pub(super) absent: Absent,
}

/// The films of an index; none where a run was not finished, which may hold only some of their pictures.
fn known_films(old: &Snapshot) -> Result<KnownFilms> {
    if unfinished(old).is_some() {
        return Ok(KnownFilms::default());
    }
    let stamp = |id: u32| Record::of(old, id).map(|record| (old.name(id), (record.size, record.mtime_ns)));
    let items = old.ids().filter(|&id| old.name(id).contains(&b'#')).map(stamp);
    Ok(KnownFilms::of(items.collect::<Result<Vec<_>>>()?.into_iter()))
}

/// Says what a walk left out.
pub(super) fn tell_walk(walk: &Walk, observer: &dyn Observer) {
    walk.skipped.iter().for_each(|skipped| observer.skipped(&skipped.path, &skipped.reason));
    if walk.links > 0 {
        let what = format!("{} links to folders were not entered; `follow` enters them", walk.links);
        observer.note(&Note::new(what));
    }
    if walk.films > 0 {
        let films = count(walk.films as u64, "film");
        observer.note(&Note::new(format!("{films} passed over; `video` takes pictures of films")));
    }
}
