//! Queries and their hits as one picture. The images are read again from where they were when they were
//! indexed; one that is gone leaves a grey square.

use std::path::Path;

use crate::draw::band_sheet::short_name;
use crate::draw::query_sheet::{Cell, Frame, LARGE, SheetRow, query_sheet};
use crate::error::{Error, Result};
use crate::gallery::{Answer, Answers, Gallery, Hit};
use crate::images::{self, Item, Limits, Needed, Pixels, keep_images};

/// Draws the queries of `answers` and their hits in `gallery` into the PNG file `path`.
///
/// # Errors
/// `Invalid` when the file is one of the queries, `Io` when it cannot be written.
pub fn write_query_sheet(path: &Path, answers: &Answers, gallery: &Gallery) -> Result<()> {
    check_output(path, answers)?;
    let row = |answer: &Answer| SheetRow {
        title: answer.item.display(),
        // what was decoded for the model may be too small to look at
        image: load(&answer.item).ok().or_else(|| answer.pixels.clone()).unwrap_or_else(missing),
        cells: cells(answer, gallery),
    };
    let rows: Vec<SheetRow> = answers.answers.iter().map(row).collect();
    let legend = legend(&rows, answers.answers.iter().flat_map(|answer| &answer.result.hits));
    images::write_png(path, &query_sheet(&rows, &legend))
}

/// What numbers, words and frames mean, of those that there are.
fn legend<'a>(rows: &[SheetRow], mut hits: impl Iterator<Item = &'a Hit>) -> Vec<String> {
    let framed = |frame: Frame| rows.iter().flat_map(|row| &row.cells).any(|cell| cell.frame == frame);
    let far = hits.any(|hit| hit.near == Some(false));
    let lines = [
        (true, "rank, bits that differ between the codes, similarity (1: the same)"),
        (framed(Frame::Agrees), "green frame: has the query's label"),
        (framed(Frame::Differs), "red frame: has another label"),
        (far, "not near: no nearer than images that have nothing in common"),
    ];
    lines.into_iter().filter(|(there, _)| *there).map(|(_, line)| line.to_owned()).collect()
}

/// Refuses to write over one of the queries, whether or not it could be read.
pub(super) fn check_output(path: &Path, answers: &Answers) -> Result<()> {
    let items: Vec<Item> = answers.answers.iter().map(|answer| answer.item.clone()).collect();
    keep_images(path, &items)?;
    let Ok(output) = path.canonicalize() else { return Ok(()) };
    let is_output = |query: &str| Path::new(query).canonicalize().is_ok_and(|query| query == output);
    if answers.skipped.iter().any(|skipped| is_output(&skipped.path)) {
        let what = format!("{}: expected a file for a picture, got one of the queries", path.display());
        return Err(Error::invalid(what).with_hint("nothing was written; name another file"));
    }
    Ok(())
}

fn cells(answer: &Answer, gallery: &Gallery) -> Vec<Cell> {
    let hits = &answer.result.hits;
    let cell = |(hit, item): (&Hit, Result<Item, String>)| {
        let image = item.and_then(|item| load(&item)).unwrap_or_else(|_| missing());
        Cell { image, caption: caption(hit), frame: frame(answer, hit) }
    };
    hits.iter().zip(gallery.hits_to_show(hits)).map(cell).collect()
}

/// An image, large enough for the sheet.
fn load(item: &Item) -> Result<Pixels, String> {
    images::load_for(item, &Limits::default(), Needed::Fitted { side: LARGE }).map(|loaded| loaded.pixels)
}

fn caption(hit: &Hit) -> Vec<String> {
    let near = format!("{}.  {} bits  {:.3}", hit.rank, hit.distance, hit.similarity);
    let far = (hit.near == Some(false)).then(|| "not near".to_owned());
    [Some(near), Some(short_name(&hit.path)), hit.label.clone(), far].into_iter().flatten().collect()
}

/// Right or wrong, if any hit has the query's label: the folder of a query from outside of the collection
/// says nothing.
fn frame(answer: &Answer, hit: &Hit) -> Frame {
    let label = answer.label.as_deref();
    let is_known = label.is_some() && answer.result.hits.iter().any(|other| other.label.as_deref() == label);
    match is_known {
        false => Frame::Plain,
        true if hit.label.as_deref() == label => Frame::Agrees,
        true => Frame::Differs,
    }
}

/// Stands for an image that cannot be read any more.
fn missing() -> Pixels {
    Pixels { width: 1, height: 1, channels: 1, data: vec![128] }
}
