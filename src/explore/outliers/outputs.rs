//! What becomes of outliers: a table, a contact sheet.

use std::path::{Path, PathBuf};

use super::sheet::draw;
use super::{OutlierOptions, Outliers, Reading};
use crate::error::Result;
use crate::explore::columns;
use crate::explore::rows::Rows;
use crate::explore::table::{CsvTexts, Format};
use crate::gallery::check_outputs;
use crate::images::write_png;
use crate::observer::Observer;
use crate::output::check_picture;

/// What to make of outliers, besides the result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutlierOutputs {
    /// A table with a row for each image.
    pub table: Option<PathBuf>,
    /// A PNG file that shows the outliers, images with faults and doubtful labels, and how many of each.
    pub sheet: Option<(PathBuf, usize)>,
    /// How texts are written in tables that are CSV.
    pub texts: CsvTexts,
}

/// Looks for outliers and writes the outputs.
///
/// # Errors
/// As [`super::outliers`], or when an output cannot be written; that is checked before the work where
/// possible.
pub fn outliers_to(
    rows: &Rows,
    reading: Option<Reading<'_>>,
    options: &OutlierOptions,
    outputs: &OutlierOutputs,
    observer: &dyn Observer,
) -> Result<Outliers> {
    let table = outputs.table.as_deref();
    let sheet = outputs.sheet.as_ref().map(|(path, most)| (path.as_path(), *most));
    table.map(Format::of).transpose()?;
    sheet.map_or(Ok(()), |(path, _)| check_picture(path))?;
    let files: Vec<&Path> = table.into_iter().chain(sheet.map(|(path, _)| path)).collect();
    check_outputs(&files, rows.snapshot(), rows.dir())?;
    let mut found = super::outliers(rows, reading, options, observer)?;
    if let Some(path) = table {
        columns::identity(rows).and(columns::outliers(rows, &found)).write(path, outputs.texts)?;
    }
    if let Some((path, most)) = sheet {
        let (picture, unread) = draw(rows, &found, most, observer);
        write_png(path, &picture)?;
        found.skip(unread);
    }
    Ok(found)
}
