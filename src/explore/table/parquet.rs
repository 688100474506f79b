//! Apache Parquet, compressed with Snappy, which every reader knows.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::column::{Column, Table};

/// Rows that are written, and can be read, at a time.
const ROW_GROUP: usize = 100_000;

pub(super) fn write(table: &Table, out: &mut (dyn Write + Send)) -> io::Result<()> {
    try_write(table, out).map_err(|error| match error {
        ParquetError::External(error) => match error.downcast() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        other => io::Error::other(other),
    })
}

fn try_write(table: &Table, out: &mut (dyn Write + Send)) -> Result<()> {
    let fields: String = table.columns.iter().map(|(name, column)| field(name, column)).collect();
    let schema = Arc::new(parse_message_type(&format!("message images {{ {fields} }}"))?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("aesearch ", env!("CARGO_PKG_VERSION")).to_owned());
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties.build()))?;
    for start in (0..table.len()).step_by(ROW_GROUP) {
        let rows = start..table.len().min(start + ROW_GROUP);
        let mut group = writer.next_row_group()?;
        for (_, column) in &table.columns {
            write_column(column, rows.clone(), &mut group)?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

fn field(name: &str, column: &Column) -> String {
    match column {
        Column::Texts(_) => format!("OPTIONAL BYTE_ARRAY {name} (STRING); "),
        Column::Integers(_) => format!("OPTIONAL INT64 {name}; "),
        Column::Numbers(_) => format!("OPTIONAL FLOAT {name}; "),
        Column::Lists(_) => list(name, "INT32"),
        Column::NumberLists(_) | Column::Vectors { .. } => list(name, "FLOAT"),
        Column::Bytes(_) => format!("OPTIONAL BYTE_ARRAY {name}; "),
        Column::Struct(fields) => {
            let fields: String = fields.iter().map(|(name, column)| field(name, column)).collect();
            format!("REQUIRED GROUP {name} {{ {fields} }} ")
        }
    }
}

fn list(name: &str, element: &str) -> String {
    format!("REQUIRED GROUP {name} (LIST) {{ REPEATED GROUP list {{ REQUIRED {element} element; }} }} ")
}

fn write_column<W: Write + Send>(
    column: &Column,
    rows: std::ops::Range<usize>,
    group: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<()> {
    match column {
        Column::Texts(values) => {
            let bytes = |text: &Option<String>| text.as_deref().map(ByteArray::from);
            optional::<ByteArrayType, _>(values[rows].iter().map(bytes), group)
        }
        Column::Integers(values) => {
            optional::<Int64Type, _>(values[rows].iter().map(|value| value.map(i64::from)), group)
        }
        Column::Numbers(values) => {
            let finite = |value: &Option<f32>| value.filter(|value| value.is_finite());
            optional::<FloatType, _>(values[rows].iter().map(finite), group)
        }
        Column::Lists(values) => {
            let number = |&number: &u32| i32::try_from(number).unwrap_or(i32::MAX);
            let lists = values[rows].iter().map(|list| list.iter().map(number).collect());
            repeated::<Int32Type>(lists, group)
        }
        Column::NumberLists(values) => repeated::<FloatType>(values[rows].iter().cloned(), group),
        // what is in a group that is always there has the levels that it would have outside
        Column::Struct(fields) => {
            fields.iter().try_for_each(|(_, column)| write_column(column, rows.clone(), group))
        }
        Column::Bytes(values) => {
            let bytes =
                |bytes: &Option<Vec<u8>>| bytes.as_deref().map(|bytes| ByteArray::from(bytes.to_vec()));
            optional::<ByteArrayType, _>(values[rows].iter().map(bytes), group)
        }
        Column::Vectors { size, values } => {
            let lists = rows.map(|row| values[row * size..][..*size].to_vec());
            repeated::<FloatType>(lists, group)
        }
    }
}

/// A column in which values may be missing.
fn optional<T: DataType, W: Write + Send>(
    cells: impl Iterator<Item = Option<T::T>>,
    group: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<()> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for cell in cells {
        levels.push(i16::from(cell.is_some()));
        values.extend(cell);
    }
    write_values::<T, W>(&values, &levels, None, group)
}

/// A column of lists. Levels say where a list begins, and that an empty one has no values.
fn repeated<T: DataType>(
    lists: impl Iterator<Item = Vec<T::T>>,
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
) -> Result<()> {
    let (mut values, mut levels, mut begins) = (Vec::new(), Vec::new(), Vec::new());
    for list in lists {
        let places = list.len().max(1);
        levels.extend(std::iter::repeat_n(i16::from(!list.is_empty()), places));
        begins.extend((0..places).map(|place| i16::from(place > 0)));
        values.extend(list);
    }
    write_values::<T, _>(&values, &levels, Some(&begins), group)
}

fn write_values<T: DataType, W: Write + Send>(
    values: &[T::T],
    levels: &[i16],
    begins: Option<&[i16]>,
    group: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<()> {
    let missing = || ParquetError::General("a column of the schema is missing".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, Some(levels), begins)?;
    column.close()
}
