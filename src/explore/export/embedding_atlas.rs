//! A Parquet file that Embedding Atlas shows: places as `projection_x` and `projection_y`, neighbours as it reads them,
//! `{ids, distances}` with the numbers of rows, and pictures as data sets on hubs have them, `{bytes, path}`.
//!
//! Clusters are words here, since numbers would be coloured by their size.

use super::{ExportOptions, Findings, Out, Part, Place, columns, pictures::pictures, written};
use crate::error::Result;
use crate::explore::rows::Rows;
use crate::explore::table::{Column, Table};
use crate::observer::Observer;

use crate::images::encode_png;

pub(super) fn write(
    items: &Rows<'_>,
    found: &Findings,
    place: Place<'_>,
    options: &ExportOptions,
    observer: &dyn Observer,
) -> Result<Out> {
    let mut table = columns::identity(items);
    let mut skipped = Vec::new();
    if options.picture > 0 {
        let size = (options.picture, options.outliers.threads);
        let (images, unread) = pictures(items, place.dir, size, observer, |pixels| {
            encode_png(&pixels).map_err(|error| error.to_string())
        })?;
        // before all others, since columns are shown in their order
        table = table.and(images_of(items, images));
        skipped = unread;
    }
    let parts: Vec<Part> = options.parts.iter().copied().filter(|part| *part != Part::Neighbours).collect();
    let found_of_each = found.table(items, options, &parts)?;
    table = table.and(found_of_each.renamed("x", "projection_x").renamed("y", "projection_y"));
    table = table.map("cluster", words);
    if let Some(near) = found.near.as_ref().filter(|_| options.parts.contains(&Part::Neighbours)) {
        let (ids, distances) = columns::lists(near, options.outliers.neighbours);
        let fields = vec![("ids", Column::Lists(ids)), ("distances", Column::NumberLists(distances))];
        table = table.with("neighbors", Column::Struct(fields));
    }
    table.write(place.to)?;
    Ok((table.names().collect(), vec![written(place.to, place.to)?], skipped))
}

/// `image`: what is there is shown, whatever its path says.
fn images_of(items: &Rows<'_>, images: Vec<Option<Vec<u8>>>) -> Table {
    let paths = (0..items.len() as u32).map(|row| Some(items.name(row).into_owned())).collect();
    let fields = vec![("bytes", Column::Bytes(images)), ("path", Column::Texts(paths))];
    Table::default().with("image", Column::Struct(fields))
}

/// Numbers as words that are sorted as they are.
fn words(column: Column) -> Column {
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
    fn clusters_become_words_in_their_order() {
        let found = words(Column::Integers(vec![Some(3), None, Some(12)]));
        assert_eq!(found, Column::Texts(vec![Some("03".into()), None, Some("12".into())]));
        let numbers = Column::Numbers(vec![Some(0.5)]);
        assert_eq!(words(numbers.clone()), numbers);
    }
}
