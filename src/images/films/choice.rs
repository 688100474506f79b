//! Which pictures are taken of films.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Which pictures are taken of films. Each is an item, named by its time: `film.mp4#00:01:02`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Video {
    /// None: films are passed over.
    #[default]
    Off,
    /// The first of each scene.
    Scenes,
    /// One every so many milliseconds, from the start.
    Every(u32),
}

impl fmt::Display for Video {
    /// As [`Video::from_str`] takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Video::Off => f.write_str("off"),
            Video::Scenes => f.write_str("scene"),
            Video::Every(ms) => write!(f, "{}", f64::from(*ms) / 1000.0),
        }
    }
}

impl FromStr for Video {
    type Err = Error;

    fn from_str(text: &str) -> Result<Video> {
        /// Seconds between pictures: hardly fewer than there are, and no more than a day.
        const SECONDS: std::ops::RangeInclusive<f64> = 0.01..=86_400.0;
        match (text, text.parse::<f64>()) {
            ("off", _) => Ok(Video::Off),
            ("scene", _) => Ok(Video::Scenes),
            (_, Ok(seconds)) if SECONDS.contains(&seconds) => {
                Ok(Video::Every((seconds * 1000.0).round() as u32))
            }
            _ => {
                let what = "off, scene or seconds (0.01 or more) between two pictures";
                Err(Error::invalid(format!("`video`: expected {what}, got {text:?}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_and_written() {
        for (text, video) in [
            ("off", Video::Off),
            ("scene", Video::Scenes),
            ("10", Video::Every(10_000)),
            ("0.5", Video::Every(500)),
        ] {
            assert_eq!((text.parse::<Video>().unwrap(), video.to_string()), (video, text.to_owned()));
        }
        for wrong in ["", "0", "-1", "inf", "NaN", "1e9", "scenes"] {
            assert!(wrong.parse::<Video>().unwrap_err().to_string().contains("`video`: expected"), "{wrong}");
        }
    }
}
