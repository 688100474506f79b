//! What is said where the client of PostgreSQL is not built in.

use std::path::Path;

use aesearch_index::Access;

use super::report::{InTable, PushReport, SearchOptions};
use super::table::Table;
use crate::error::{Error, Result};
use crate::observer::Observer;

fn refused() -> Error {
    Error::unsupported("postgres: this build cannot speak to PostgreSQL")
        .with_hint("build the program with the feature postgres, which is off by default")
}

/// Always fails: the feature `postgres` is off.
///
/// # Errors
/// `Unsupported`.
pub fn push(_dir: &Path, _access: Access, _to: &Table, _observer: &dyn Observer) -> Result<PushReport> {
    Err(refused())
}

/// Always fails: the feature `postgres` is off.
///
/// # Errors
/// `Unsupported`.
pub fn open_table(_table: &Table, _options: &SearchOptions) -> Result<InTable> {
    Err(refused())
}
