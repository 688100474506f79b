//! Results as columns of a table. All column names are defined here.
//!
//! The tables of clusters and outliers have a `distance` and a `score`; an export of everything calls them
//! `cluster_distance` and `outlier_score`.

use aesearch_index::{Value, words};

use super::cluster::Clustering;
use super::map::Map;
use super::metadata::OfFile;
use super::neighbours::Neighbours;
use super::outliers::{Flag, Measures, Outliers};
use super::rows::Rows;
use super::table::{Column, Table, hex};
use crate::error::Result;
use crate::filter::shown;
use crate::gallery::Known;

/// `path`, `label`.
pub fn identity(rows: &Rows) -> Table {
    let all = 0..rows.len() as u32;
    let names = all.clone().map(|row| Some(rows.name(row).into_owned()));
    let labels = all.map(|row| rows.label(row).map(str::to_owned));
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
pub fn positions(map: &Map) -> Table {
    let axis = |axis: usize| Column::Numbers(map.points.iter().map(|point| Some(point[axis])).collect());
    Table::default().with("x", axis(0)).with("y", axis(1))
}

/// `score`, the two ranks with the values they rank, measures of the image, `flags`, `suggested_label`.
pub fn outliers(rows: &Rows, found: &Outliers) -> Table {
    let mut suggested = vec![None; rows.len()];
    for doubt in &found.doubts {
        suggested[doubt.row as usize] = Some(rows.label_names[doubt.suggested as usize].clone());
    }
    let flags = |flags: &Vec<Flag>| (!flags.is_empty()).then(|| Flag::names(flags));
    let all = |values: &[f32]| Column::Numbers(values.iter().copied().map(Some).collect());
    let measured = |what: &dyn Fn(&Measures) -> Option<f32>| {
        Column::Numbers(found.measures.iter().map(|measures| measures.as_ref().and_then(what)).collect())
    };
    Table::default()
        .with("score", all(&found.scores))
        .with("reconstruction_rank", Column::Numbers(found.reconstruction_ranks.clone()))
        .with("reconstruction_loss", measured(&|measures| measures.loss))
        .with("neighbour_rank", all(&found.neighbour_ranks))
        .with("neighbour_distance", all(&found.distances))
        .with("brightness", measured(&|measures| Some(measures.brightness)))
        .with("contrast", measured(&|measures| Some(measures.contrast)))
        .with("sharpness", measured(&|measures| Some(measures.sharpness)))
        .with("flags", Column::Texts(found.flags.iter().map(flags).collect()))
        .with("suggested_label", Column::Texts(suggested))
}

/// `taken`, `camera`, `jpeg_quality`, `sidecars` (names, with a semicolon between two).
pub fn metadata(found: &[Option<OfFile>]) -> Table {
    let texts = |what: &dyn Fn(&OfFile) -> Option<String>| {
        Column::Texts(found.iter().map(|of_file| of_file.as_ref().and_then(what)).collect())
    };
    let qualities = found.iter().map(|of_file| Some(of_file.as_ref()?.metadata.jpeg_quality?.into()));
    let names = |of_file: &OfFile| Some(of_file.sidecars.join("; ")).filter(|names| !names.is_empty());
    Table::default()
        .with("taken", texts(&|of_file| of_file.metadata.taken.clone()))
        .with("camera", texts(&|of_file| of_file.metadata.camera()))
        .with("jpeg_quality", Column::Integers(qualities.collect()))
        .with("sidecars", texts(&names))
}

/// What the index keeps of what files know: `date` (by the clock of the camera), `camera`, `lens`, `width` and
/// `height` (upright), `format`, `bytes`, `latitude`, `longitude` (degrees), `rating`, `orientation`, `software`.
pub fn exif(rows: &Rows, known: &Known<'_>) -> Table {
    let value = |row: usize, column: &str| known.value(rows.ids[row], column);
    let texts = |column: &str| {
        let text = |row: usize| Some(shown(column, value(row, column)?));
        Column::Texts((0..rows.len()).map(text).collect())
    };
    let numbers = |column: &str, unit: f64| {
        let number = |row: usize| match value(row, column)? {
            Value::Integer(number) => Some((number as f64 / unit) as f32),
            Value::Text(_) => None,
        };
        Column::Numbers((0..rows.len()).map(number).collect())
    };
    let integers = |column: &str| {
        let integer = |row: usize| match value(row, column)? {
            Value::Integer(number) => u32::try_from(number).ok(),
            Value::Text(_) => None,
        };
        Column::Integers((0..rows.len()).map(integer).collect())
    };
    Table::default()
        .with("date", texts("date"))
        .with("camera", texts("camera"))
        .with("lens", texts("lens"))
        .with("width", integers("width"))
        .with("height", integers("height"))
        .with("format", texts("format"))
        .with("bytes", integers("bytes"))
        .with("latitude", numbers("latitude", 1e6))
        .with("longitude", numbers("longitude", 1e6))
        .with("rating", integers("rating"))
        .with("orientation", integers("orientation"))
        .with("software", texts("software"))
}

/// `neighbours` (at most `k` rows, the nearest first), `neighbour_distances`.
pub fn neighbours(near: &Neighbours, k: usize) -> Table {
    let (neighbours, distances) = lists(near, k);
    Table::default()
        .with("neighbours", Column::Lists(neighbours))
        .with("neighbour_distances", Column::NumberLists(distances))
}

/// At most `k` neighbours of each image, and their distances.
pub(super) fn lists(near: &Neighbours, k: usize) -> (Vec<Vec<u32>>, Vec<Vec<f32>>) {
    let n = near.rows.len() / near.k.max(1);
    (0..n as u32).map(|row| near.of(row).take(k).unzip()).unzip()
}

/// `latent`, scaled to length 1, so that a dot product is a cosine.
///
/// # Errors
/// When the index keeps no latents.
pub fn latents(rows: &Rows) -> Result<Table> {
    let size = rows.snapshot().latent_size();
    Ok(Table::default().with("latent", Column::Vectors { size, values: rows.latents()? }))
}

/// `code`, as bytes in hexadecimal, which is the same text in every format.
pub fn codes(rows: &Rows) -> Table {
    let size = code_size(rows);
    let bytes = code_bytes(rows);
    Table::default()
        .with("code", Column::Texts(bytes.chunks(size.max(1)).map(|code| Some(hex(code))).collect()))
}

/// Bytes of a code.
pub(super) fn code_size(rows: &Rows) -> usize {
    rows.snapshot().bits().div_ceil(8)
}

/// Codes as bytes, `[n, code_size]`: bit i is bit i % 8 of byte i / 8, and bits beyond the last are 0.
pub(super) fn code_bytes(rows: &Rows) -> Vec<u8> {
    let (size, codes) = (code_size(rows), rows.codes());
    let codes = codes.chunks(words(rows.snapshot().bits()));
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
