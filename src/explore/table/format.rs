//! The file formats of tables, and how their names end.

use std::path::Path;

use crate::error::{Error, Result};

/// A format that tables are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values, with a line of names.
    Csv,
    /// One array of objects.
    Json,
    /// An object on each line.
    JsonLines,
    /// numpy's structured array.
    Npy,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The format of a file, by how its name ends.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn of(path: &Path) -> Result<Format> {
        match path.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => Ok(Format::Csv),
            Some("json") => Ok(Format::Json),
            Some("jsonl" | "ndjson") => Ok(Format::JsonLines),
            Some("npy") => Ok(Format::Npy),
            Some("parquet") => Ok(Format::Parquet),
            _ => Err(Error::unsupported(format!(
                "{}: expected a name that ends in .csv, .json, .jsonl, .npy or .parquet",
                path.display()
            ))),
        }
    }
}
