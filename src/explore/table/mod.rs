//! Tables with a row for each image, written in formats that other programs read: CSV, JSON, npy, Parquet.
//!
//! | column | CSV | JSON | npy | Parquet |
//! |---|---|---|---|---|
//! | `Texts` | as it is | string | bytes, padded with zeros | string |
//! | `Integers` | digits | number | int64, -1 where there is none | int64 |
//! | `Numbers` | digits | number | float32, NaN where there is none | float |
//! | `Lists` | JSON | array | int32, padded with -1 | list of int32 |
//! | `NumberLists` | JSON | array | float32, padded with NaN | list of float |
//! | `Vectors` | JSON | array | float32 | list of float |
//! | `Bytes` | hexadecimal | string | as the text | bytes |
//! | `Struct` | JSON | object | nested | group |

mod column;
mod format;

mod json;
mod npy;
mod parquet;
mod values;

use std::path::Path;

use crate::error::Result;
use crate::output::write_whole_with;

pub use column::{Column, Table};
pub use format::Format;
pub(super) use values::{hex, tsv};

impl Table {
    /// Writes the table into a file, whole or not at all, in the format that the name ends in.
    ///
    /// # Errors
    /// When the name ends in none of the formats, or the file cannot be written.
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

    /// Columns in columns.
    fn nested() -> Table {
        let near = vec![
            ("ids", Column::Lists(vec![vec![1], Vec::new()])),
            ("distances", Column::NumberLists(vec![vec![0.25], Vec::new()])),
        ];
        let image = vec![
            ("bytes", Column::Bytes(vec![Some(vec![0x89, 0x50]), None])),
            ("path", Column::Texts(vec![Some("a.png".into()), None])),
        ];
        Table::default().with("neighbors", Column::Struct(near)).with("image", Column::Struct(image))
    }

    fn written(name: &str) -> Vec<u8> {
        written_of(&sample(), name)
    }

    fn written_of(table: &Table, name: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        table.write(&path).unwrap();
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

    /// The rows of a Parquet file as text.
    fn parquet_rows(table: &Table) -> Vec<String> {
        use ::parquet::file::reader::{FileReader, SerializedFileReader};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        table.write(&path).unwrap();
        let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect()
    }

    #[test]
    fn columns_in_columns_keep_their_rows() {
        let rows = parquet_rows(&nested());
        let first = "{neighbors: {ids: [1], distances: [0.25]}, image: {bytes: [137, 80], path: \"a.png\"}}";
        assert_eq!(rows[0], first);
        assert_eq!(rows[1], "{neighbors: {ids: [], distances: []}, image: {bytes: null, path: null}}");
        let lines = String::from_utf8(written_of(&nested(), "t.jsonl")).unwrap();
        let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!(first["image"]["bytes"], "8950");
        assert_eq!(first["neighbors"]["distances"][0], 0.25);
        let csv = String::from_utf8(written_of(&nested(), "t.csv")).unwrap();
        assert!(csv.contains("\"{\"\"distances\"\":[0.25],\"\"ids\"\":[1]}\""), "{csv}");
        let npy = written_of(&nested(), "t.npy");
        let header = String::from_utf8_lossy(&npy);
        let descr = "[('neighbors', [('ids', '<i4', (1,)), ('distances', '<f4', (1,))]), \
                     ('image', [('bytes', '|S4'), ('path', '|S5')])]";
        assert!(header.contains(descr), "{header}");
        assert_eq!(npy[npy.len() - 34..][..17], *b"\x01\0\0\0\0\0\x80\x3e8950a.png");
        assert_eq!(npy[npy.len() - 17..][..4], [0xff; 4]);
    }

    #[test]
    fn tables_are_put_together() {
        let table = Table::default().with("a", Column::Integers(vec![Some(1)]));
        let other = Table::default().with("b", Column::Integers(vec![None])).renamed("b", "c");
        assert_eq!(table.and(other).renamed("x", "y").names().collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn parquet_is_read_again() {
        let rows = parquet_rows(&sample());
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
