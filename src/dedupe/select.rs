//! Which files may be proposed, by a regular expression. The only file that names `regex`.

use std::str::FromStr;

use regex::bytes::{Regex, RegexBuilder};

use super::plan::File;
use crate::error::{Error, Result};

/// The largest compiled expression, in bytes.
const LARGEST: usize = 4 << 20;

/// A regular expression for the paths of files that may be proposed for removal; the others stay.
///
/// ```
/// use aesearch::dedupe::Select;
///
/// let select: Select = "^downloads/|\\(\\d+\\)\\.jpg$".parse().unwrap();
/// assert!(select.holds(b"photos/a (2).jpg") && !select.holds(b"photos/a.jpg"));
/// assert!("(".parse::<Select>().is_err());
/// ```
#[derive(Debug, Clone)]
pub struct Select(Regex);

impl Select {
    /// Whether a path matches, anywhere.
    pub fn holds(&self, path: &[u8]) -> bool {
        self.0.is_match(path)
    }

    /// Whether a file may be proposed; without an expression, all may.
    pub(super) fn allows(select: Option<&Select>, file: &File) -> bool {
        select.is_none_or(|select| select.holds(file.name()))
    }
}

impl FromStr for Select {
    type Err = Error;

    fn from_str(pattern: &str) -> Result<Select> {
        RegexBuilder::new(pattern).size_limit(LARGEST).build().map(Select).map_err(|error| {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Error::invalid(format!("`select`: expected a regular expression, got {pattern:?}: {why}"))
        })
    }
}

impl PartialEq for Select {
    fn eq(&self, other: &Select) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Select {}
