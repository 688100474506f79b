//! Which pictures are taken of a file that holds several.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::images::spread;

/// Which pictures are taken of a file that holds several: an animated GIF, PNG or WebP, a TIFF of several
/// pages, a HEIC or MPO with several photos. Where it is more than the first, each is an item of its own,
/// named `file#frame`; frames are numbered from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Frames {
    /// The first one (of an animated PNG the one that stands for it), under the name of the file.
    #[default]
    First,
    /// All of them.
    All,
    /// At most so many, 2 or more, spread evenly over the file.
    AtMost(u32),
}

impl Frames {
    /// The numbers of those that are taken of `n`.
    pub(in crate::images) fn of(self, n: usize) -> Vec<u32> {
        let most = match self {
            Frames::First => 1,
            Frames::All => n,
            Frames::AtMost(most) => most as usize,
        };
        spread(n, most).into_iter().map(|number| number as u32).collect()
    }
}

impl fmt::Display for Frames {
    /// As [`Frames::from_str`] takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Frames::First => f.write_str("first"),
            Frames::All => f.write_str("all"),
            Frames::AtMost(most) => write!(f, "{most}"),
        }
    }
}

impl FromStr for Frames {
    type Err = Error;

    fn from_str(text: &str) -> Result<Frames> {
        match (text, text.parse()) {
            ("first", _) | (_, Ok(1)) => Ok(Frames::First),
            ("all", _) => Ok(Frames::All),
            (_, Ok(most @ 2..)) => Ok(Frames::AtMost(most)),
            _ => Err(Error::invalid(format!("`frames`: expected first, all or a number, got {text:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_taken_as_was_said() {
        for (text, of_five) in [
            ("first", vec![0]),
            ("1", vec![0]),
            ("all", vec![0, 1, 2, 3, 4]),
            ("2", vec![0, 2]),
            ("3", vec![0, 1, 3]),
            ("9", vec![0, 1, 2, 3, 4]),
        ] {
            let frames: Frames = text.parse().unwrap();
            assert_eq!((frames.of(5), frames.to_string().parse().unwrap()), (of_five, frames), "{text}");
        }
        for wrong in ["", "0", "-1", "1.5", "every"] {
            let error = wrong.parse::<Frames>().unwrap_err().to_string();
            assert_eq!(error, format!("`frames`: expected first, all or a number, got {wrong:?}"));
        }
    }
}
