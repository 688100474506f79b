//! A contact sheet of what stands out: the images with the highest outlier scores, those with faults, and those
//! whose neighbours have another label.

use super::{Doubt, Flag, Outliers};
use crate::draw::group_sheet::{GroupSheet, SheetGroup, group_sheet};
use crate::draw::query_sheet::{Cell, Frame};
use crate::explore::read_all::read_some;
use crate::explore::rows::Rows;
use crate::images::{Pixels, Skipped};
use crate::observer::Observer;
use crate::output::{count, thousands};

/// The most images in each part of the sheet.
const MAX_DRAWN: usize = 300;

/// Draws at most `most` images of each kind, and lists those that could not be read.
pub(super) fn draw(
    rows: &Rows,
    found: &Outliers,
    most: usize,
    observer: &dyn Observer,
) -> (Pixels, Vec<Skipped>) {
    let most = most.min(MAX_DRAWN);
    let mut skipped = Vec::new();
    let mut group = |title: &str, of: &[(u32, String)]| {
        let shown = &of[..of.len().min(most)];
        let drawn: Vec<u32> = shown.iter().map(|(row, _)| *row).collect();
        let images = read_some(rows, &drawn, &mut skipped, observer);
        let cells = shown.iter().zip(images).zip(1..).filter_map(|(((row, about), image), rank)| {
            let mut caption = vec![format!("{rank}.  {}", rows.short_name(*row)), about.clone()];
            caption.extend(rows.label(*row).filter(|_| rows.is_labelled()).map(str::to_owned));
            Some(Cell { image: image?, caption, frame: Frame::Plain })
        });
        let title = match of.len() - shown.len() {
            0 => title.to_owned(),
            more => format!("{title}, and {} more", thousands(more as u64)),
        };
        SheetGroup { title, cells: cells.collect() }
    };
    let outliers: Vec<_> = found.order().iter().take(most).map(|&row| (row, score(found, row))).collect();
    let faulty: Vec<_> = (0..rows.len() as u32)
        .filter(|&row| found.is_faulty(row))
        .map(|row| (row, Flag::names(&found.flags[row as usize])))
        .collect();
    let says = |doubt: &Doubt| format!("near {}", rows.label_names[doubt.suggested as usize]);
    let doubts: Vec<_> = found.doubts.iter().map(|doubt| (doubt.row, says(doubt))).collect();
    let parts = [
        ("the highest outlier scores", outliers),
        ("faults", faulty),
        ("labels that the neighbours contradict, the most doubtful first", doubts),
    ];
    let groups = parts.iter().filter(|(_, of)| !of.is_empty()).map(|(title, of)| group(title, of)).collect();
    let title = [
        format!("outliers among {}", count(rows.len() as u64, "image")),
        "score: the share of the collection that is less isolated, or that the model redraws better"
            .to_owned(),
    ];
    (group_sheet(&GroupSheet { title, groups, foot: String::new() }), skipped)
}

/// `0.998`, and what it is about.
fn score(found: &Outliers, row: u32) -> String {
    let at = row as usize;
    let why = match found.reconstruction_ranks[at] {
        Some(drawn) if drawn > found.neighbour_ranks[at] => "redrawn",
        _ => "isolated",
    };
    format!("{:.3} {why}", found.scores[at])
}
