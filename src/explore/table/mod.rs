//! Tables with a row for each image, written in formats that other programs read: CSV, JSON, npz, Parquet.
//!
//! | column | CSV | JSON | npz | Parquet |
//! |---|---|---|---|---|
//! | `Texts` | see [`CsvTexts`] | string | bytes, padded with zeros | string |
//! | `Integers` | digits | number | int64, -1 where there is none | int64 |
//! | `Numbers` | digits | number | float32, NaN where there is none | float |
//! | `Lists` | JSON | array | int32, padded with -1 | list of int32 |
//! | `NumberLists` | JSON | array | float32, padded with NaN | list of float |
//! | `Vectors` | JSON | array | float32 | list of float |
//! | `Bytes` | hexadecimal | string | as the text | bytes |
//! | `Struct` | JSON | object | an array for each field | group |

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
pub use format::{CsvTexts, Format};
pub(super) use npy::matrix;
pub use npy::{Array, write_npz};
pub(super) use values::{hex, tsv};

impl Table {
    /// Writes the table into a file, whole or not at all, in the format that the name ends in.
    ///
    /// # Errors
    /// When the name ends in none of the formats, or the file cannot be written.
    pub fn write(&self, path: &Path, texts: CsvTexts) -> Result<()> {
        let format = Format::of(path)?;
        write_whole_with(path, &mut |out| match format {
            Format::Csv => values::csv(self, texts, out),
            Format::Json => json::array(self, out),
            Format::JsonLines => json::lines(self, out),
            Format::Npz => npy::write(self, out),
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
        table.write(&path, CsvTexts::Safe).unwrap();
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

    /// The header and the content of each array of an archive, by its name.
    fn arrays(table: &Table) -> Vec<(String, String, Vec<u8>)> {
        use std::io::Read as _;
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(written_of(table, "t.npz"))).unwrap();
        let n = archive.len();
        let read = |i| {
            let mut entry = archive.by_index(i).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
            let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
            assert_eq!((start % 64, bytes[start - 1]), (0, b'\n'));
            let header = String::from_utf8_lossy(&bytes[10..start]).trim_end().to_owned();
            (entry.name().unwrap().into_owned(), header, bytes[start..].to_vec())
        };
        (0..n).map(read).collect()
    }

    #[test]
    fn npz_has_an_array_for_each_column() {
        let arrays = arrays(&sample());
        let told: Vec<String> = arrays.iter().map(|(name, header, _)| format!("{name} {header}")).collect();
        let header = |descr: &str, shape: &str| {
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}")
        };
        let expected = [
            ("path", header("|S10", "(2,)")),
            ("cluster", header("<i8", "(2,)")),
            ("x", header("<f4", "(2,)")),
            ("neighbours", header("<i4", "(2, 2)")),
            ("latent", header("<f4", "(2, 2)")),
        ];
        assert_eq!(told, expected.map(|(name, header)| format!("{name}.npy {header}")));
        assert_eq!(arrays[0].2, *b"a, \"b\".png\xc3\xa9.png\0\0\0\0");
        assert_eq!(arrays[1].2, [3i64.to_le_bytes(), (-1i64).to_le_bytes()].concat());
        assert_eq!(arrays[3].2, [1i32, 2, -1, -1].map(i32::to_le_bytes).concat());
        assert_eq!(arrays[4].2, [1f32, -2.0, 0.25, 4.0].map(f32::to_le_bytes).concat());
        let names: Vec<String> = self::arrays(&nested()).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(
            names,
            ["neighbors.ids", "neighbors.distances", "image.bytes", "image.path"]
                .map(|name| format!("{name}.npy"))
        );
    }

    #[test]
    fn texts_that_spreadsheets_would_run_stand_behind_an_apostrophe() {
        let texts = ["=1+1", "+1", "-a.png", "@x", "\tx", "a=1", "'=", ""].map(|text| Some(text.to_owned()));
        let table = Table::default()
            .with("path", Column::Texts(texts.to_vec()))
            .with("x", Column::Numbers(vec![Some(-1.5); 8]))
            .with("latent", Column::Vectors { size: 1, values: vec![-1.0; 8] });
        let of = |texts| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("t.csv");
            table.write(&path, texts).unwrap();
            let text = std::fs::read_to_string(path).unwrap();
            text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of(CsvTexts::Safe), ["'=1+1", "'+1", "'-a.png", "'@x", "'\tx", "a=1", "''=", ""]);
        assert_eq!(of(CsvTexts::Plain), ["=1+1", "+1", "-a.png", "@x", "\tx", "a=1", "'=", ""]);
        let text = String::from_utf8(written_of(&table, "t.csv")).unwrap();
        assert_eq!(text.lines().nth(1), Some("'=1+1,-1.5,[-1]"));
        assert!(String::from_utf8(written_of(&table, "t.json")).unwrap().contains("\"=1+1\""));
    }

    /// The rows of a Parquet file as text.
    fn parquet_rows(table: &Table) -> Vec<String> {
        use ::parquet::file::reader::{FileReader, SerializedFileReader};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        table.write(&path, CsvTexts::Safe).unwrap();
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
        let error = sample().write(Path::new("t.xlsx"), CsvTexts::Safe).unwrap_err().to_string();
        assert!(error.contains("t.xlsx") && error.contains(".parquet"), "{error}");
    }
}
