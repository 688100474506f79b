//! From paths to images, with what the index takes of files that hold several pictures.

use std::path::PathBuf;

use aesearch_index::Snapshot;

use super::ingest::unfinished;
use super::record::{Facts, Record};
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
}

impl Listing<'_> {
    /// Lists the images in `data` for an index that is there already, or a new one; and says what it takes of
    /// files that hold several.
    ///
    /// # Errors
    /// Those of [`walk`]; when a record of the index is damaged.
    pub(super) fn list(&self, data: &[PathBuf], old: Option<&(Snapshot, Facts)>) -> Result<(Taken, Walk)> {
        let before = old.map(|(_, facts)| facts.taken);
        let taken = Taken::new(self.frames, self.video, before);
        let films = match old {
            Some((snapshot, facts)) if facts.taken.video == taken.video => known_films(snapshot)?,
            _ => KnownFilms::default(),
        };
        let Taken { frames, video } = taken;
        let options = WalkOptions { frames, video, films, limits: self.limits, ..self.walk.clone() };
        Ok((taken, walk(data, &options)?))
    }
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
