//! Queries and their hits as a table, with a row for each hit.

use std::path::Path;

use super::query_sheet::check_output;
use super::table::{Column, CsvTexts, Table};
use crate::error::Result;
use crate::gallery::{Answers, Gallery, Hit, check_outputs};

/// Writes the hits of `answers` in `gallery` into the file `path`, in the format that its name ends in:
/// query, rank, path, label, distance (bits), similarity, near (1, 0 or nothing), and the index where there are several; `texts` as they are wanted
/// in CSV. Gives the number of rows.
///
/// # Errors
/// `Invalid` when the file is one of the queries or an image of the index, `Unsupported` when it has no such
/// format, `Io` when it cannot be written.
pub fn write_query_table(
    path: &Path,
    answers: &Answers,
    gallery: &Gallery,
    texts: CsvTexts,
) -> Result<usize> {
    check_output(path, answers)?;
    for opened in gallery.indexes() {
        check_outputs(&[path], &opened.snapshot, &opened.dir)?;
    }
    let hits = || answers.answers.iter().flat_map(|answer| &answer.result.hits);
    let queries =
        answers.answers.iter().flat_map(|answer| vec![Some(answer.item.display()); answer.result.hits.len()]);
    let words = |of: fn(&Hit) -> Option<String>| Column::Texts(hits().map(of).collect());
    let integers = |of: fn(&Hit) -> Option<u32>| Column::Integers(hits().map(of).collect());
    let table = Table::default()
        .with("query", Column::Texts(queries.collect()))
        .with("rank", integers(|hit| u32::try_from(hit.rank).ok()))
        .with("path", words(|hit| Some(hit.path.clone())))
        .with("label", words(|hit| hit.label.clone()))
        .with("distance", integers(|hit| Some(hit.distance)))
        .with("similarity", Column::Numbers(hits().map(|hit| Some(hit.similarity)).collect()))
        .with("near", integers(|hit| hit.near.map(u32::from)));
    let places: Vec<String> = gallery.indexes().map(|opened| opened.dir.display().to_string()).collect();
    let table = match &places[..] {
        [_] => table,
        _ => {
            let places = hits().map(|hit| places.get(hit.index).cloned());
            table.with("index", Column::Texts(places.collect()))
        }
    };
    table.write(path, texts)?;
    Ok(hits().count())
}
