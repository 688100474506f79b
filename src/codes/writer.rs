//! Rows into a file of a format, a few at a time.

use std::collections::HashMap;
use std::io::{self, Write};

use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::arrays::write_arrays;
use super::format::Format;
use super::head::Head;
use super::line::{By, LineDocument};
use super::row::Row;

/// Rows of a Parquet file that are written, and can be read, at a time.
const ROW_GROUP: usize = 1 << 16;

/// A file of codes that is being written.
pub(super) struct Writer<'a, W: Write + Send> {
    head: &'a Head,
    schema: SchemaRef,
    out: Out<W>,
}

enum Out<W: Write + Send> {
    Parquet(Box<ArrowWriter<W>>),
    Arrow(Box<StreamWriter<W>>),
    Lines(W, By),
    /// All rows are there before the first array is written.
    Npz(W, Vec<Row>),
}

impl<'a, W: Write + Send> Writer<'a, W> {
    /// Begins a file; `more` is added to the metadata of a Parquet file.
    pub(super) fn new(format: Format, out: W, head: &'a Head, more: &[(&str, String)]) -> io::Result<Self> {
        let metadata = head.metadata();
        let schema = head.layout.schema(match format {
            Format::Arrow => metadata.iter().cloned().collect(),
            _ => HashMap::new(),
        });
        let out = match format {
            Format::Parquet => {
                let more = more.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
                let pairs = metadata.into_iter().chain(more).map(|(name, value)| KeyValue::new(name, value));
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .set_max_row_group_row_count(Some(ROW_GROUP))
                    .set_created_by("aesearch".to_owned())
                    .set_key_value_metadata(Some(pairs.collect()));
                // the metadata above is all there is: readers would take that of Arrow's schema instead
                let options = ArrowWriterOptions::new().with_properties(properties.build());
                let options = options.with_skip_arrow_metadata(true);
                let writer = ArrowWriter::try_new_with_options(out, schema.clone(), options);
                Out::Parquet(Box::new(writer.map_err(of_table)?))
            }
            Format::Arrow => Out::Arrow(Box::new(StreamWriter::try_new(out, &schema).map_err(of_table)?)),
            Format::JsonLines => Out::Lines(out, By::of(head)),
            Format::Npz => Out::Npz(out, Vec::new()),
        };
        Ok(Writer { head, schema, out })
    }

    /// Adds rows.
    pub(super) fn write(&mut self, rows: Vec<Row>) -> io::Result<()> {
        let Writer { head, schema, out } = self;
        match out {
            Out::Parquet(writer) => {
                writer.write(&head.layout.batch(&rows, schema).map_err(io::Error::other)?).map_err(of_table)
            }
            Out::Arrow(writer) => {
                writer
                    .write(&head.layout.batch(&rows, schema).map_err(io::Error::other)?)
                    .map_err(of_table)?;
                writer.flush().map_err(of_table)
            }
            Out::Lines(out, by) => {
                let mut write = || -> io::Result<()> {
                    for row in &rows {
                        serde_json::to_writer(&mut *out, &LineDocument::new(row, by))?;
                        out.write_all(b"\n")?;
                    }
                    out.flush()
                };
                write()
            }
            Out::Npz(_, all) => {
                all.extend(rows);
                Ok(())
            }
        }
    }

    /// Ends the file.
    pub(super) fn finish(self) -> io::Result<()> {
        match self.out {
            Out::Parquet(writer) => writer.close().map(drop).map_err(of_table),
            Out::Arrow(mut writer) => writer.finish().map_err(of_table),
            Out::Lines(mut out, _) => out.flush(),
            Out::Npz(mut out, rows) => write_arrays(&rows, self.head, &mut out),
        }
    }
}

/// What the crates of tables say, or the error of the disk that is inside.
fn of_table(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    let error: Box<dyn std::error::Error + Send + Sync> = error.into();
    let error = match error.downcast::<ParquetError>() {
        Ok(parquet) => match *parquet {
            ParquetError::External(inner) => inner,
            other => return io::Error::other(other),
        },
        Err(other) => other,
    };
    let error = match error.downcast::<ArrowError>() {
        Ok(arrow) => match *arrow {
            ArrowError::IoError(_, inner) => return inner,
            other => return io::Error::other(other),
        },
        Err(other) => other,
    };
    error.downcast::<io::Error>().map_or_else(io::Error::other, |error| *error)
}
