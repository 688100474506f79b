//! A contact sheet of what stands out: the images with the highest outlier scores, those with faults, and those
//! whose neighbours have another label.

use std::collections::{BTreeSet, HashMap};

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

/// Images that stand out in the same way.
#[derive(Debug, PartialEq)]
struct Part {
    title: String,
    /// Those that are drawn, by row, and what is said of each.
    images: Vec<(u32, String)>,
}

/// Draws at most `most` images of each kind, and lists those that could not be read.
pub(super) fn draw(
    rows: &Rows,
    found: &Outliers,
    most: usize,
    observer: &dyn Observer,
) -> (Pixels, Vec<Skipped>) {
    let parts = parts(found, &rows.label_names, most);
    let drawn: BTreeSet<u32> = parts.iter().flat_map(|part| &part.images).map(|(row, _)| *row).collect();
    let drawn: Vec<u32> = drawn.into_iter().collect();
    let mut skipped = Vec::new();
    let read = read_some(rows, &drawn, &mut skipped, observer);
    let images: HashMap<u32, Pixels> =
        drawn.into_iter().zip(read).filter_map(|(row, image)| Some((row, image?))).collect();
    let cell = |((row, about), rank): (&(u32, String), usize)| {
        let mut caption = vec![format!("{rank}.  {}", rows.short_name(*row)), about.clone()];
        caption.extend(rows.label(*row).filter(|_| rows.is_labelled()).map(str::to_owned));
        Some(Cell { image: images.get(row)?.clone(), caption, frame: Frame::Plain })
    };
    let group = |Part { title, images }: Part| {
        let cells = images.iter().zip(1..).filter_map(cell).collect();
        SheetGroup { title, cells }
    };
    let title = [
        format!("outliers among {}", count(rows.len() as u64, "image")),
        "score: the share of images that are less isolated, or that the model reconstructs better".to_owned(),
    ];
    let groups = parts.into_iter().map(group).collect();
    (group_sheet(&GroupSheet { title, groups, foot: String::new() }), skipped)
}

/// What is drawn: at most `most` images of each kind, and no more than [`MAX_DRAWN`].
fn parts(found: &Outliers, label_names: &[String], most: usize) -> Vec<Part> {
    let outliers = found.order().iter().take(most).map(|&row| (row, score(found, row))).collect();
    let faulty = (0..found.flags.len() as u32)
        .filter(|&row| found.is_faulty(row))
        .map(|row| (row, Flag::names(&found.flags[row as usize])))
        .collect();
    let says = |doubt: &Doubt| format!("near {}", label_names[doubt.suggested as usize]);
    let doubts = found.doubts.iter().map(|doubt| (doubt.row, says(doubt))).collect();
    let part = |(title, mut images): (&str, Vec<(u32, String)>)| {
        let n = images.len();
        images.truncate(most.min(MAX_DRAWN));
        let title = match n - images.len() {
            0 => title.to_owned(),
            more => format!("{title}, and {} more", thousands(more as u64)),
        };
        Part { title, images }
    };
    let all = [
        ("highest outlier scores", outliers),
        ("faults", faulty),
        ("labels that the neighbours contradict, the most doubtful first", doubts),
    ];
    all.into_iter().map(part).filter(|part| !part.images.is_empty()).collect()
}

/// `0.998`, and what it is about.
fn score(found: &Outliers, row: u32) -> String {
    let at = row as usize;
    let why = match found.reconstruction_ranks[at] {
        Some(drawn) if drawn > found.neighbour_ranks[at] => "poorly reconstructed",
        _ => "isolated",
    };
    format!("{:.3} {why}", found.scores[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` images, the first of which are blank and the last of which bear labels in doubt.
    fn found(n: usize, blank: usize, doubted: usize) -> Outliers {
        let flags = |row| if row < blank { vec![Flag::NearConstant] } else { Vec::new() };
        let doubt = |row| Doubt { row: row as u32, suggested: 1, share: 0.9, own_share: 0.1 };
        Outliers {
            scores: (0..n).map(|row| row as f32 / n as f32).collect(),
            reconstruction_ranks: (0..n).map(|row| (row % 2 == 0).then_some(1.0)).collect(),
            neighbour_ranks: vec![0.5; n],
            distances: vec![0.1; n],
            measures: vec![None; n],
            flags: (0..n).map(flags).collect(),
            doubts: (n - doubted..n).rev().map(doubt).collect(),
            skipped: Vec::new(),
        }
    }

    #[test]
    fn each_kind_is_a_part_with_as_many_images_as_were_asked_for() {
        let names = ["cat", "dog"].map(str::to_owned);
        let titles = |found: &Outliers, most| -> Vec<(String, usize)> {
            parts(found, &names, most).into_iter().map(|part| (part.title, part.images.len())).collect()
        };
        let labels = "labels that the neighbours contradict, the most doubtful first";
        let of = |title: &str, n: usize| (title.to_owned(), n);
        let all = found(10, 4, 2);
        let expected = [of("highest outlier scores", 3), of("faults, and 1 more", 3), of(labels, 2)];
        assert_eq!(titles(&all, 3), expected);
        assert_eq!(titles(&all, 0), [], "no title without images");
        assert_eq!(titles(&found(10, 0, 0), 20), [of("highest outlier scores", 10)]);
        let many = titles(&found(2_000, 1_400, 0), 1_000);
        assert_eq!(many[0], of("highest outlier scores, and 700 more", MAX_DRAWN));
        assert_eq!(many[1], of("faults, and 1,100 more", MAX_DRAWN));
        let drawn = parts(&all, &names, 3);
        let expected = [(9, "0.900 isolated"), (8, "0.800 poorly reconstructed"), (7, "0.700 isolated")];
        assert_eq!(drawn[0].images, expected.map(|(row, about)| (row, about.to_owned())));
        assert_eq!(drawn[1].images[0], (0, Flag::NearConstant.name().to_owned()));
        assert_eq!(drawn[2].images[0], (9, "near dog".to_owned()));
    }
}
