//! What an index takes of files that hold several pictures. The choice is kept with the index, so that a later
//! run that does not say otherwise finds the same items.

use crate::images::{Frames, Video};

/// What an index takes of files that hold several pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Taken {
    /// Which frames of image files.
    pub frames: Frames,
    /// Which pictures of films.
    pub video: Video,
}

impl Taken {
    /// What is asked for, else what the index was made with.
    pub(super) fn new(frames: Option<Frames>, video: Option<Video>, before: Option<Taken>) -> Taken {
        let before = before.unwrap_or_default();
        Taken { frames: frames.unwrap_or(before.frames), video: video.unwrap_or(before.video) }
    }

    /// By name and value.
    pub(super) fn to_stored(self) -> Vec<(String, String)> {
        let Taken { frames, video } = self;
        vec![("frames".to_owned(), frames.to_string()), ("video".to_owned(), video.to_string())]
    }

    /// What [`Self::to_stored`] gave. What a newer program may have added is left out.
    pub(super) fn from_stored(stored: &[(String, String)]) -> Option<Taken> {
        let mut taken = Taken::default();
        for (name, value) in stored {
            match name.as_str() {
                "frames" => taken.frames = value.parse().ok()?,
                "video" => taken.video = value.parse().ok()?,
                _ => {}
            }
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_stored_by_name() {
        let taken = Taken { frames: Frames::AtMost(7), video: Video::Every(2500) };
        let mut stored = taken.to_stored();
        assert_eq!(Taken::from_stored(&stored), Some(taken));
        stored.push(("sound".to_owned(), "on".to_owned()));
        assert_eq!(Taken::from_stored(&stored[1..]), Some(Taken { frames: Frames::First, ..taken }));
        assert_eq!(Taken::from_stored(&[("video".to_owned(), "x".to_owned())]), None);
        let before = Some(taken);
        assert_eq!(Taken::new(None, Some(Video::Off), before), Taken { video: Video::Off, ..taken });
    }
}
