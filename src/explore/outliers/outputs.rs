//! Outliers as a table.

use std::path::Path;

use super::{OutlierOptions, Outliers, Reading};
use crate::error::Result;
use crate::explore::columns;
use crate::explore::rows::Rows;
use crate::explore::table::Format;
use crate::gallery::check_outputs;
use crate::observer::Observer;

/// Looks for outliers, and writes a table with a row for each image.
///
/// # Errors
/// As [`super::outliers`], or when the table cannot be written; that is checked before the work where
/// possible.
pub fn outliers_to(
    rows: &Rows,
    reading: Option<Reading<'_>>,
    options: &OutlierOptions,
    table: Option<&Path>,
    observer: &dyn Observer,
) -> Result<Outliers> {
    table.map(Format::of).transpose()?;
    check_outputs(table.as_slice(), rows.snapshot(), rows.dir())?;
    let found = super::outliers(rows, reading, options, observer)?;
    if let Some(path) = table {
        columns::identity(rows).and(columns::outliers(rows, &found)).write(path)?;
    }
    Ok(found)
}
