//! What was found, as columns of a table: the one place that says what they are called.
//!
//! `cluster -o` and `outliers -o` write these of theirs; an export of all puts `cluster_` before the `distance` and `outlier_` before
//! the `score`, which would not tell by themselves what they are of.

use aesearch_index::words;

use crate::error::Result;
use crate::explore::cluster::Clustering;
use crate::explore::map::Map;
use crate::explore::neighbours::Neighbours;
use crate::explore::outliers::{Flag, Measures, Outliers};
use crate::explore::rows::Rows;
use crate::explore::table::{Column, Table, hex};

/// `path`, `label`.
pub fn identity(items: &Rows<'_>) -> Table {
    let rows = 0..items.len() as u32;
    let names = rows.clone().map(|row| Some(items.name(row).into_owned()));
    let labels = rows.map(|row| items.label(row).map(str::to_owned));
    Table::default()
        .with("path", Column::Texts(names.collect()))
        .with("label", Column::Texts(labels.collect()))
}

/// `cluster`, `distance` (from its medoid), `silhouette`.
pub fn clusters(found: &Clustering) -> Table {
    Table::default()
        .with("cluster", Column::Integers(found.assignment.clone()))
        .with("distance", Column::Numbers(found.distances.clone()))
        .with("silhouette", Column::Numbers(found.silhouettes.clone()))
}

/// `x`, `y`.
pub fn places(map: &Map) -> Table {
    let axis = |axis: usize| Column::Numbers(map.points.iter().map(|point| Some(point[axis])).collect());
    Table::default().with("x", axis(0)).with("y", axis(1))
}

/// `score`, its ranks and what they are of, what was seen of the image, `flags`, `suggested_label`.
pub fn oddities(items: &Rows<'_>, found: &Outliers) -> Table {
    let mut suggested = vec![None; items.len()];
    for doubt in &found.doubts {
        suggested[doubt.row as usize] = Some(items.label_names[doubt.suggested as usize].clone());
    }
    let flags = |flags: &Vec<Flag>| {
        let names: Vec<&str> = flags.iter().map(|flag| flag.name()).collect();
        (!names.is_empty()).then(|| names.join(" "))
    };
    let all = |values: &[f32]| Column::Numbers(values.iter().copied().map(Some).collect());
    let seen = |what: &dyn Fn(&Measures) -> Option<f32>| {
        Column::Numbers(found.looks.iter().map(|look| look.as_ref().and_then(what)).collect())
    };
    Table::default()
        .with("score", all(&found.scores))
        .with("reconstruction_rank", Column::Numbers(found.reconstruction_ranks.clone()))
        .with("reconstruction_loss", seen(&|look| look.loss))
        .with("neighbour_rank", all(&found.neighbour_ranks))
        .with("neighbour_distance", all(&found.distances))
        .with("brightness", seen(&|look| Some(look.brightness)))
        .with("contrast", seen(&|look| Some(look.contrast)))
        .with("sharpness", seen(&|look| Some(look.sharpness)))
        .with("flags", Column::Texts(found.flags.iter().map(flags).collect()))
        .with("suggested_label", Column::Texts(suggested))
}

/// `neighbours` (at most `k` rows, the nearest first), `neighbour_distances`.
pub fn neighbours(near: &Neighbours, k: usize) -> Table {
    let (rows, distances) = lists(near, k);
    Table::default()
        .with("neighbours", Column::Lists(rows))
        .with("neighbour_distances", Column::NumberLists(distances))
}

/// At most `k` neighbours of each, and their distances.
pub(super) fn lists(near: &Neighbours, k: usize) -> (Vec<Vec<u32>>, Vec<Vec<f32>>) {
    let n = near.rows.len() / near.k.max(1);
    (0..n as u32).map(|row| near.of(row).take(k).unzip()).unzip()
}

/// `latent`: of length 1, so that a product is a cosine.
///
/// # Errors
/// When the index keeps none.
pub fn latents(items: &Rows<'_>) -> Result<Table> {
    let size = items.snapshot().latent_size();
    Ok(Table::default().with("latent", Column::Vectors { size, values: items.latents()? }))
}

/// `code`: its bytes in hexadecimal, which is the same text in every format.
pub fn codes(items: &Rows<'_>) -> Table {
    let size = code_size(items);
    let bytes = code_bytes(items);
    Table::default()
        .with("code", Column::Texts(bytes.chunks(size.max(1)).map(|code| Some(hex(code))).collect()))
}

/// Bytes of a code.
pub(super) fn code_size(items: &Rows<'_>) -> usize {
    items.snapshot().bits().div_ceil(8)
}

/// Codes as bytes, `[n, code_size]`: bit i is bit i % 8 of byte i / 8, and bits beyond the last are 0.
pub(super) fn code_bytes(items: &Rows<'_>) -> Vec<u8> {
    let (size, codes) = (code_size(items), items.codes());
    let codes = codes.chunks(words(items.snapshot().bits()));
    codes.flat_map(|code| code.iter().flat_map(|word| word.to_le_bytes()).take(size)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::neighbours::NONE;

    #[test]
    fn neighbours_are_as_many_as_there_are() {
        let near = Neighbours {
            k: 2,
            rows: vec![1, 2, 0, NONE, NONE, NONE],
            distances: vec![0.1, 0.2, 0.1, f32::INFINITY, f32::INFINITY, f32::INFINITY],
        };
        let (rows, distances) = lists(&near, 5);
        assert_eq!(rows, [vec![1, 2], vec![0], vec![]]);
        assert_eq!(distances, [vec![0.1, 0.2], vec![0.1], vec![]]);
        assert_eq!(lists(&near, 1).0, [vec![1], vec![0], vec![]]);
        assert_eq!(neighbours(&near, 1).names().collect::<Vec<_>>(), ["neighbours", "neighbour_distances"]);
    }
}
