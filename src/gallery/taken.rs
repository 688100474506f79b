//! What an index takes of files that hold several pictures. The choice is kept with the index, so that a later
//! run that does not say otherwise finds the same items.

use std::path::PathBuf;

use crate::error::Result;
use crate::images::{Frames, Limits, Walk, WalkOptions, walk};
use crate::observer::{Note, Observer};

/// What an index takes of files that hold several pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Taken {
    /// Which frames of image files.
    pub frames: Frames,
}

impl Taken {
    /// What is asked for, else what the index was made with.
    pub(super) fn new(frames: Option<Frames>, before: Option<Taken>) -> Taken {
        let before = before.unwrap_or_default();
        Taken { frames: frames.unwrap_or(before.frames) }
    }

    /// Lists images, as `options` say beside.
    pub(super) fn list(self, data: &[PathBuf], options: &WalkOptions, limits: &Limits) -> Result<Walk> {
        walk(data, &WalkOptions { frames: self.frames, limits: *limits, ..options.clone() })
    }

    /// By name and value.
    pub(super) fn to_stored(self) -> Vec<(String, String)> {
        vec![("frames".to_owned(), self.frames.to_string())]
    }

    /// What [`Self::to_stored`] gave. What a newer program may have added is left out.
    pub(super) fn from_stored(stored: &[(String, String)]) -> Option<Taken> {
        let mut taken = Taken::default();
        for (name, value) in stored {
            if name == "frames" {
                taken.frames = value.parse().ok()?;
            }
        }
        Some(taken)
    }
}

/// Says what a walk left out.
pub(super) fn tell_walk(walk: &Walk, observer: &dyn Observer) {
    walk.skipped.iter().for_each(|skipped| observer.skipped(&skipped.path, &skipped.reason));
    if walk.links > 0 {
        let what = format!("{} links to folders were not entered; `follow` enters them", walk.links);
        observer.note(&Note::new(what));
    }
}
