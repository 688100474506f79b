//! A Parquet file for Embedding Atlas: positions as `projection_x` and `projection_y`, neighbours as `{ids,
//! distances}` with row numbers, and pictures as `{bytes, path}`, as in data sets on the Hugging Face hub.
//!
//! Clusters are text here, since numbers would be coloured by their size.

use std::path::Path;

use super::findings::{Exported, Findings, Written};
use super::options::{ExportOptions, Part};
use super::pictures::pictures;
use crate::error::Result;
use crate::explore::columns;
use crate::explore::rows::Rows;
use crate::explore::table::{Column, Table};
use crate::images::encode_png;
use crate::observer::Observer;

pub(super) fn write(
    rows: &Rows,
    found: &Findings,
    to: &Path,
    options: &ExportOptions,
    observer: &dyn Observer,
) -> Result<Exported> {
    let mut table = columns::identity(rows);
    let mut skipped = Vec::new();
    if options.picture > 0 {
        let size = (options.picture, options.outliers.threads);
        let (images, unread) =
            pictures(rows, size, observer, |pixels| encode_png(&pixels).map_err(|error| error.to_string()))?;
        // first, since columns are shown in their order
        table = table.and(images_of(rows, images));
        skipped = unread;
    }
    let parts: Vec<Part> = options.parts.iter().copied().filter(|part| *part != Part::Neighbours).collect();
    let found_of_each = found.table(rows, options, &parts)?;
    table = table.and(found_of_each.renamed("x", "projection_x").renamed("y", "projection_y"));
    table = table.map("cluster", texts);
    if let Some(near) = found.near.as_ref().filter(|_| options.parts.contains(&Part::Neighbours)) {
        let (ids, distances) = columns::lists(near, options.outliers.neighbours);
        let fields = vec![("ids", Column::Lists(ids)), ("distances", Column::NumberLists(distances))];
        table = table.with("neighbors", Column::Struct(fields));
    }
    table.write(to, options.texts)?;
    Ok(Exported { columns: table.names().collect(), files: vec![Written::of(to, to)?], skipped })
}

/// `image`: the picture is shown, whatever its path.
fn images_of(rows: &Rows, images: Vec<Option<Vec<u8>>>) -> Table {
    let paths = (0..rows.len() as u32).map(|row| Some(rows.name(row).into_owned())).collect();
    let fields = vec![("bytes", Column::Bytes(images)), ("path", Column::Texts(paths))];
    Table::default().with("image", Column::Struct(fields))
}

/// Numbers as text that sorts in the same order.
fn texts(column: Column) -> Column {
    let Column::Integers(numbers) = column else { return column };
    let most = numbers.iter().flatten().max().copied().unwrap_or(0);
    let digits = most.to_string().len();
    Column::Texts(
        numbers.into_iter().map(|number| number.map(|number| format!("{number:0digits$}"))).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_become_texts_in_their_order() {
        let found = texts(Column::Integers(vec![Some(3), None, Some(12)]));
        assert_eq!(found, Column::Texts(vec![Some("03".into()), None, Some("12".into())]));
        let numbers = Column::Numbers(vec![Some(0.5)]);
        assert_eq!(texts(numbers.clone()), numbers);
    }
}
