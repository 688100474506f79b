//! Tables of what was found, a row for each image, in the formats that other programs read: CSV, JSON, npy, Parquet.
//!
//! | column | CSV | JSON | npy | Parquet |
//! |---|---|---|---|---|
//! | `Texts` | as it is | string | bytes, padded with zeros | string |
//! | `Integers` | digits | number | int64, -1 where there is none | int64 |
//! | `Numbers` | digits | number | float32, NaN where there is none | float |
//! | `Lists` | JSON | array | int32, padded with -1 | list of int32 |
//! | `Vectors` | JSON | array | float32 | list of float |

mod json;
mod npy;
mod parquet;
mod values;

use std::path::Path;

use crate::error::{Error, Result};
use crate::output::write_whole_with;

/// The values of a column, one for each row.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Words.
    Texts(Vec<Option<String>>),
    /// Whole numbers.
    Integers(Vec<Option<u32>>),
    /// Numbers; those that are not finite count as none.
    Numbers(Vec<Option<f32>>),
    /// Whole numbers, not as many in each row.
    Lists(Vec<Vec<u32>>),
    /// Finite numbers, `size` in each row.
    Vectors {
        /// Numbers in a row.
        size: usize,
        /// `[rows, size]`
        values: Vec<f32>,
    },
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Column::Texts(values) => values.len(),
            Column::Integers(values) => values.len(),
            Column::Numbers(values) => values.len(),
            Column::Lists(values) => values.len(),
            Column::Vectors { size, values } => values.len() / size.max(&1),
        }
    }
}

/// Columns of the same length, each with a name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    columns: Vec<(&'static str, Column)>,
}

impl Table {
    /// With one more column.
    ///
    /// # Panics
    /// When it has another length than those that are there.
    pub fn with(mut self, name: &'static str, column: Column) -> Table {
        assert!(self.columns.first().is_none_or(|(_, first)| first.len() == column.len()), "{name}: length");
        self.columns.push((name, column));
        self
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// Without rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The columns' names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.columns.iter().map(|(name, _)| *name)
    }

    /// Writes the table into a file, whole or not at all, in the format that its name tells.
    ///
    /// # Errors
    /// When the name tells none, or the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let format = Format::of(path)?;
        write_whole_with(path, &mut |out| match format {
            Format::Csv => values::csv(self, out),
            Format::Json => json::array(self, out),
            Format::JsonLines => json::lines(self, out),
            Format::Npy => npy::write(self, out),
            Format::Parquet => parquet::write(self, out),
        })
    }
}

/// How tables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values, with a line of names.
    Csv,
    /// One array of objects.
    Json,
    /// An object on each line.
    JsonLines,
    /// numpy's structured array.
    Npy,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The format that a file's name ends in.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn of(path: &Path) -> Result<Format> {
        match path.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => Ok(Format::Csv),
            Some("json") => Ok(Format::Json),
            Some("jsonl" | "ndjson") => Ok(Format::JsonLines),
            Some("npy") => Ok(Format::Npy),
            Some("parquet") => Ok(Format::Parquet),
            _ => Err(Error::usage(format!(
                "{}: expected a name that ends in .csv, .json, .jsonl, .npy or .parquet",
                path.display()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn sample() -> Table {
        Table::default()
            .with("path", Column::Texts(vec![Some("a, \"b\".png".into()), Some("\u{e9}.png".into())]))
            .with("cluster", Column::Integers(vec![Some(3), None]))
            .with("x", Column::Numbers(vec![Some(0.5), Some(f32::NAN)]))
            .with("neighbours", Column::Lists(vec![vec![1, 2], Vec::new()]))
            .with("latent", Column::Vectors { size: 2, values: vec![1.0, -2.0, 0.25, 4.0] })
    }

    fn written(name: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        sample().write(&path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        std::fs::read(path).unwrap()
    }

    #[test]
    fn csv_is_quoted_where_it_must_be() {
        let text = String::from_utf8(written("t.csv")).unwrap();
        let expected = "path,cluster,x,neighbours,latent\n\"a, \"\"b\"\".png\",3,0.5,\"[1,2]\",\"[1,-2]\"\n\
                        \u{e9}.png,,,[],\"[0.25,4]\"\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn json_is_an_array_or_a_line_for_each_row() {
        let array: serde_json::Value = serde_json::from_slice(&written("t.json")).unwrap();
        assert_eq!(array[0]["path"], "a, \"b\".png");
        assert_eq!(array[1]["x"], serde_json::Value::Null);
        assert_eq!(array[1]["latent"][0], 0.25);
        let lines = String::from_utf8(written("t.jsonl")).unwrap();
        let second: serde_json::Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
        assert_eq!(second, array[1]);
        assert_eq!(lines.lines().count(), 2);
    }

    #[test]
    fn npy_is_a_structured_array() {
        let bytes = written("t.npy");
        assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
        let header_size = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert_eq!((10 + header_size) % 64, 0);
        let header = std::str::from_utf8(&bytes[10..10 + header_size]).unwrap();
        assert_eq!(
            header.trim_end(),
            "{'descr': [('path', '|S10'), ('cluster', '<i8'), ('x', '<f4'), ('neighbours', '<i4', (2,)), \
             ('latent', '<f4', (2,))], 'fortran_order': False, 'shape': (2,), }"
        );
        let row = &bytes[10 + header_size..][..38];
        assert_eq!(&row[..10], b"a, \"b\".png");
        assert_eq!(row[10..18], 3i64.to_le_bytes());
        let second = &bytes[10 + header_size + 38..];
        assert_eq!(second[10..18], (-1i64).to_le_bytes());
        assert_eq!(second[22..26], (-1i32).to_le_bytes());
        assert_eq!(second.len(), 38);
    }

    #[test]
    fn parquet_is_read_again() {
        use ::parquet::file::reader::{FileReader, SerializedFileReader};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        sample().write(&path).unwrap();
        let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        let rows: Vec<String> =
            reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(
            rows[0],
            "{path: \"a, \"b\".png\", cluster: 3, x: 0.5, neighbours: [1, 2], latent: [1.0, -2E0]}"
        );
        assert_eq!(
            rows[1],
            "{path: \"\u{e9}.png\", cluster: null, x: null, neighbours: [], latent: [0.25, 4.0]}"
        );
    }

    #[test]
    fn other_names_are_refused() {
        let error = sample().write(Path::new("t.xlsx")).unwrap_err().to_string();
        assert!(error.contains("t.xlsx") && error.contains(".parquet"), "{error}");
    }
}
