//! The formats of files of codes, and how their names end.

use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A format that codes are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// The stream format of Apache Arrow.
    Arrow,
    /// A numpy archive, with an array for each column.
    Npz,
    /// An object on each line.
    JsonLines,
}

const EXPECTED: &str = "parquet, arrow, npz or jsonl";

impl Format {
    /// The name in options and documents.
    pub fn name(self) -> &'static str {
        match self {
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
            Format::Npz => "npz",
            Format::JsonLines => "jsonl",
        }
    }

    /// The format of a file, by how its name ends.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn of(path: &Path) -> Result<Format> {
        match path.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("parquet") => Ok(Format::Parquet),
            Some("arrow" | "arrows") => Ok(Format::Arrow),
            Some("npz") => Ok(Format::Npz),
            Some("jsonl" | "ndjson") => Ok(Format::JsonLines),
            _ => {
                let what = "expected a name that ends in .parquet, .arrow, .npz or .jsonl, or a `format`";
                Err(Error::unsupported(format!("{}: {what}", path.display())))
            }
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Format> {
        let all = [Format::Parquet, Format::Arrow, Format::Npz, Format::JsonLines];
        let found = all.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| Error::invalid(format!("`format`: expected {EXPECTED}, got {name:?}")))
    }
}
