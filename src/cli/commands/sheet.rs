//! `query --sheet FILE`: queries and their neighbours as one picture. The images are read again, from where they were
//! when they were indexed; one that is gone leaves its place grey.

use std::path::Path;

use aesearch_index::Snapshot;

use super::query::Answer;
use crate::draw::query_sheet::{Cell, Frame, SheetRow, query_sheet};
use crate::error::Result;
use crate::gallery::Hit;
use crate::images::{self, Limits, Pixels};

/// Draws `answers` into the PNG file `path`; `dir` is the index.
pub(super) fn draw(path: &Path, answers: &[Answer], snapshot: &Snapshot, dir: &Path) -> Result<()> {
    let rows: Vec<SheetRow> = answers
        .iter()
        .map(|answer| SheetRow {
            title: answer.path.clone(),
            image: answer.pixels.clone(),
            cells: cells(answer, snapshot, dir),
        })
        .collect();
    images::write_png(path, &query_sheet(&rows))
}

fn cells(answer: &Answer, snapshot: &Snapshot, dir: &Path) -> Vec<Cell> {
    // Relative names start where the index was made, which is mostly the folder that holds it.
    let base = dir.parent().unwrap_or(Path::new(""));
    let names = answer.hits.iter().map(|hit| snapshot.name(hit.id));
    let items = images::resolve(names, base);
    let limits = Limits::default();
    let cell = |(hit, item): (&Hit, std::result::Result<images::Item, String>)| Cell {
        image: item.and_then(|item| images::load(&item, &limits)).map_or_else(|_| missing(), |l| l.pixels),
        caption: caption(hit),
        frame: frame(answer, hit),
    };
    answer.hits.iter().zip(items).map(cell).collect()
}

fn caption(hit: &Hit) -> Vec<String> {
    let label = hit.label.as_ref().map_or(String::new(), |label| format!("  {label}"));
    vec![format!("{}.{label}", hit.rank), format!("{} bits  {:.3}", hit.distance, hit.similarity)]
}

/// Right or wrong, where the query's label is one that its neighbours bear at all: the folder of a query that lies
/// outside the collection says nothing.
fn frame(answer: &Answer, hit: &Hit) -> Frame {
    let known = answer.label.is_some() && answer.hits.iter().any(|other| other.label == answer.label);
    match known {
        false => Frame::Plain,
        true if hit.label == answer.label => Frame::Agrees,
        true => Frame::Differs,
    }
}

/// Stands for an image that cannot be read any more.
fn missing() -> Pixels {
    Pixels { width: 1, height: 1, channels: 1, data: vec![128] }
}
