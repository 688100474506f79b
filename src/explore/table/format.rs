//! The file formats of tables, and how their names end.

use std::path::Path;

use crate::error::{Error, Result};

/// How texts are written in CSV files; columns of numbers always stand as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CsvTexts {
    /// An apostrophe stands before a text that spreadsheets would run as a formula, as OWASP advises ("CSV
    /// Injection"): one that begins with `=`, `+`, `-`, `@`, a tab or a line break, behind any apostrophes of its own.
    /// [`Labels::Table`](crate::gallery::Labels::Table) takes it away again.
    #[default]
    Safe,
    /// As they are.
    Plain,
}

/// A format that tables are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values, with column names in the first line.
    Csv,
    /// One array of objects.
    Json,
    /// An object on each line.
    JsonLines,
    /// A numpy archive, with an array for each column.
    Npz,
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
            Some("npz") => Ok(Format::Npz),
            Some("parquet") => Ok(Format::Parquet),
            _ => Err(Error::unsupported(format!(
                "{}: expected a name that ends in .csv, .json, .jsonl, .npz or .parquet",
                path.display()
            ))),
        }
    }
}
