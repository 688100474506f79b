//! Rows as tables of Arrow, from which Parquet and Arrow files are written, and back.
//!
//! Columns are found by name, in any order and among others, so that other programs may write them too: of Parquet
//! files from Spark, texts and bytes may come as large ones or as views of them.

use std::collections::HashMap;
use std::sync::Arc;

use aesearch_index::{codes_from_bytes, codes_to_bytes};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::row::{Row, bit_text};
use crate::error::{Error, Result};
use crate::gallery::{COLUMNS, Coded, OfFile};
use crate::images::{Skipped, Stamp};

/// What the columns of a table depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Bits per code.
    pub(super) bits: usize,
    /// Numbers per latent; 0 where there are none.
    pub(super) latent_size: usize,
    /// Whether there is a column of fingerprints.
    pub(super) fingerprints: bool,
}

/// The type of a column of what files know.
fn type_of(column: &str) -> DataType {
    match column {
        "camera" | "format" | "lens" | "software" => DataType::Utf8,
        "bytes" => DataType::Int64,
        "date" => DataType::Timestamp(TimeUnit::Millisecond, None),
        "latitude" | "longitude" => DataType::Float64,
        _ => DataType::Int32,
    }
}

impl Layout {
    /// The columns, with the facts of the codes for metadata.
    pub(super) fn schema(self, metadata: HashMap<String, String>) -> SchemaRef {
        let of_file = |name: &str| Field::new(name, type_of(name), true);
        let mut fields = vec![
            Field::new("path", DataType::Utf8, false),
            Field::new("hash", DataType::Binary, false),
            Field::new("label", DataType::Utf8, true),
            of_file("width"),
            of_file("height"),
            Field::new("code", DataType::Binary, false),
            Field::new("bits", DataType::Utf8, false),
        ];
        if self.latent_size > 0 {
            fields.push(Field::new("latent", DataType::Binary, false));
            fields.push(Field::new("latent_scale", DataType::Float32, false));
        }
        if self.fingerprints {
            fields.push(Field::new("fingerprint", DataType::Binary, true));
        }
        let others = COLUMNS.iter().filter(|name| !["width", "height"].contains(*name));
        fields.extend(others.map(|name| of_file(name)));
        fields.push(Field::new("size", DataType::Int64, false));
        fields.push(Field::new("mtime_ns", DataType::Int64, true));
        fields.push(Field::new("path_bytes", DataType::Binary, true));
        Arc::new(Schema::new_with_metadata(fields, metadata))
    }

    /// Rows as a table.
    pub(super) fn batch(self, rows: &[Row], schema: &SchemaRef) -> Result<RecordBatch> {
        let column = |field: &Arc<Field>| self.column(rows, field.name());
        let columns = schema.fields().iter().map(column).collect::<Result<Vec<ArrayRef>>>()?;
        RecordBatch::try_new(schema.clone(), columns).map_err(|error| Error::invalid(error.to_string()))
    }

    fn column(self, rows: &[Row], name: &str) -> Result<ArrayRef> {
        let images = || rows.iter().map(|row| &row.image);
        let bytes = |of: fn(&Row) -> Option<&[u8]>| Arc::new(BinaryArray::from_iter(rows.iter().map(of)));
        Ok(match name {
            "path" => Arc::new(StringArray::from_iter_values(images().map(|image| image.shown()))),
            "path_bytes" => bytes(|row| row.image.bytes_of_name()),
            "hash" => bytes(|row| Some(&row.image.stamp.hash)),
            "label" => Arc::new(StringArray::from_iter(images().map(|image| image.label.as_deref()))),
            "code" => {
                let codes = images().map(|image| Ok(codes_to_bytes(&image.code, self.bits)?));
                Arc::new(BinaryArray::from_iter_values(codes.collect::<Result<Vec<_>>>()?))
            }
            "bits" => {
                let texts = images().map(|image| bit_text(&image.code, self.bits));
                Arc::new(StringArray::from_iter_values(texts))
            }
            "latent" => {
                let bytes =
                    |image: &Coded| image.latent.iter().map(|x| x.to_le_bytes()[0]).collect::<Vec<u8>>();
                Arc::new(BinaryArray::from_iter_values(images().map(bytes)))
            }
            "latent_scale" => Arc::new(Float32Array::from_iter_values(images().map(|image| image.scale))),
            "fingerprint" => bytes(|row| Some(&row.fingerprint[..]).filter(|bytes| !bytes.is_empty())),
            "size" => {
                let sizes = images().map(|image| i64::try_from(image.stamp.size).unwrap_or(i64::MAX));
                Arc::new(Int64Array::from_iter_values(sizes))
            }
            "mtime_ns" => {
                let time =
                    |image: &Coded| Some(image.stamp.mtime_ns).filter(|time| *time != Stamp::IN_MEMORY);
                Arc::new(Int64Array::from_iter(images().map(time)))
            }
            of_file => of_file_column(rows, of_file),
        })
    }
}

fn of_file_column(rows: &[Row], name: &str) -> ArrayRef {
    let numbers = || rows.iter().map(|row| row.image.number(name));
    match type_of(name) {
        DataType::Utf8 => Arc::new(StringArray::from_iter(rows.iter().map(|row| row.image.text(name)))),
        DataType::Int64 => Arc::new(Int64Array::from_iter(numbers())),
        DataType::Float64 => {
            Arc::new(Float64Array::from_iter(numbers().map(|micro| Some(micro? as f64 / 1e6))))
        }
        DataType::Timestamp(..) => {
            let ms = numbers().map(|seconds| seconds?.checked_mul(1000));
            Arc::new(TimestampMillisecondArray::from_iter(ms))
        }
        _ => Arc::new(Int32Array::from_iter(numbers().map(|number| i32::try_from(number?).ok()))),
    }
}

/// The columns of one table that are read, by name.
struct Columns<'a> {
    batch: &'a RecordBatch,
    place: &'a str,
}

/// A row, or why there is none: programs keep the images that could not be encoded, with a reason.
pub(super) type Found = Result<Row, Skipped>;

/// The rows of a table; `place` is for messages.
///
/// # Errors
/// When a column is missing, of another type than it should be, or holds what no code or latent is.
pub(super) fn rows_of(batch: &RecordBatch, layout: Layout, place: &str) -> Result<Vec<Found>> {
    let columns = Columns { batch, place };
    let n = batch.num_rows();
    let names = columns.texts("path")?.ok_or_else(|| columns.missing("path"))?;
    let codes = columns.bytes("code")?.ok_or_else(|| columns.missing("code"))?;
    let hashes = columns.bytes("hash")?.ok_or_else(|| columns.missing("hash"))?;
    let (labels, raw) = (columns.texts("label")?, columns.bytes("path_bytes")?);
    let (sizes, times) = (columns.integers("size")?, columns.integers("mtime_ns")?);
    let (latents, scales) = match layout.latent_size {
        0 => (None, None),
        _ => (
            Some(columns.bytes("latent")?.ok_or_else(|| columns.missing("latent"))?),
            Some(columns.floats("latent_scale")?.ok_or_else(|| columns.missing("latent_scale"))?),
        ),
    };
    let (of_files, fingerprints) = (columns.of_files()?, columns.bytes("fingerprint")?);
    let at = |row: usize| format!("{place}: row {row}");
    let reasons = columns.texts("reason")?;
    let row = |row: usize| -> Result<Found> {
        let odd = |what: &str, expected: String| {
            Error::damaged(at(row), format!("{what}: expected {expected}, got something else"))
        };
        let text = names[row].clone().ok_or_else(|| odd("path", "a text".to_owned()))?;
        let name = raw.as_ref().and_then(|raw| raw[row].clone()).unwrap_or_else(|| text.into_bytes());
        let reason = reasons.as_ref().and_then(|reasons| reasons[row].as_deref());
        if let (None, Some(reason)) = (&codes[row], reason) {
            return Ok(Err(Skipped::new(name, reason)));
        }
        let code = codes[row].as_deref().unwrap_or_default();
        let code = codes_from_bytes(code, layout.bits)
            .ok()
            .filter(|code| !code.is_empty() && code.len() * 64 < layout.bits + 64);
        let code = code.ok_or_else(|| {
            odd("code", format!("{} bits in {} bytes", layout.bits, layout.bits.div_ceil(8)))
        })?;
        let hash = hashes[row].as_deref().and_then(|hash| <[u8; 32]>::try_from(hash).ok());
        let hash = hash.ok_or_else(|| odd("hash", "32 bytes".to_owned()))?;
        let latent: Vec<i8> = match &latents {
            None => Vec::new(),
            Some(latents) => {
                latents[row].as_deref().unwrap_or_default().iter().map(|&byte| byte as i8).collect()
            }
        };
        if latent.len() != layout.latent_size {
            return Err(odd("latent", format!("{} bytes", layout.latent_size)));
        }
        let scale = scales.as_ref().map_or(Some(0.0), |scales| scales[row]);
        let scale = scale.filter(|scale| scale.is_finite() && *scale >= 0.0);
        let scale = scale.ok_or_else(|| odd("latent_scale", "a number from 0".to_owned()))?;
        let size = sizes.as_ref().and_then(|sizes| sizes[row]).and_then(|size| u64::try_from(size).ok());
        // a time that nobody wrote down is that of no file: a later run over the images looks at them again
        let mtime_ns = times.as_ref().map_or(0, |times| times[row].unwrap_or(Stamp::IN_MEMORY));
        let label = labels.as_ref().and_then(|labels| labels[row].clone());
        let of_file = of_files.iter().filter_map(|(name, values)| Some((*name, values[row].clone()?)));
        let stamp = Stamp { size: size.unwrap_or(0), mtime_ns, hash };
        let image = Coded { name, label, stamp, code, latent, scale, of_file: of_file.collect() };
        let fingerprint = fingerprints.as_ref().and_then(|of| of[row].clone()).unwrap_or_default();
        Ok(Ok(Row { image, fingerprint }))
    };
    (0..n).map(row).collect()
}

/// The columns of what files know that are there.
type OfFiles = Vec<(&'static str, Vec<Option<OfFile>>)>;

/// The values of a column; none where there is no such column.
type Values<T> = Option<Vec<Option<T>>>;

impl Columns<'_> {
    fn missing(&self, name: &str) -> Error {
        let what = format!("{}: expected a column `{name}`, got none", self.place);
        Error::invalid(what).with_hint("files of `encode` have it")
    }

    fn odd<T>(&self, name: &str, expected: &str, got: &DataType) -> Result<T> {
        Err(Error::invalid(format!("{}: column {name}: expected {expected}, got {got}", self.place)))
    }

    fn texts(&self, name: &str) -> Result<Values<String>> {
        let Some(array) = self.batch.column_by_name(name) else { return Ok(None) };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(Some(match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().iter().map(owned).collect(),
            DataType::LargeUtf8 => array.as_string::<i64>().iter().map(owned).collect(),
            DataType::Utf8View => array.as_string_view().iter().map(owned).collect(),
            other => return self.odd(name, "texts", other),
        }))
    }

    fn bytes(&self, name: &str) -> Result<Values<Vec<u8>>> {
        let Some(array) = self.batch.column_by_name(name) else { return Ok(None) };
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        Ok(Some(match array.data_type() {
            DataType::Binary => array.as_binary::<i32>().iter().map(owned).collect(),
            DataType::LargeBinary => array.as_binary::<i64>().iter().map(owned).collect(),
            DataType::BinaryView => array.as_binary_view().iter().map(owned).collect(),
            DataType::FixedSizeBinary(_) => array.as_fixed_size_binary().iter().map(owned).collect(),
            other => return self.odd(name, "bytes", other),
        }))
    }

    fn integers(&self, name: &str) -> Result<Values<i64>> {
        let Some(array) = self.batch.column_by_name(name) else { return Ok(None) };
        Ok(Some(match array.data_type() {
            DataType::Int8 => array.as_primitive::<Int8Type>().iter().map(|x| x.map(i64::from)).collect(),
            DataType::Int16 => array.as_primitive::<Int16Type>().iter().map(|x| x.map(i64::from)).collect(),
            DataType::Int32 => array.as_primitive::<Int32Type>().iter().map(|x| x.map(i64::from)).collect(),
            DataType::Int64 => array.as_primitive::<Int64Type>().iter().collect(),
            other => return self.odd(name, "whole numbers", other),
        }))
    }

    fn floats(&self, name: &str) -> Result<Values<f32>> {
        let Some(array) = self.batch.column_by_name(name) else { return Ok(None) };
        Ok(Some(match array.data_type() {
            DataType::Float32 => array.as_primitive::<Float32Type>().iter().collect(),
            DataType::Float64 => {
                array.as_primitive::<Float64Type>().iter().map(|x| x.map(|x| x as f32)).collect()
            }
            other => return self.odd(name, "numbers", other),
        }))
    }

    /// The columns of what files know.
    fn of_files(&self) -> Result<OfFiles> {
        let mut found = Vec::new();
        for name in COLUMNS {
            let Some(array) = self.batch.column_by_name(name) else { continue };
            let values: Vec<Option<OfFile>> = match type_of(name) {
                DataType::Utf8 => {
                    let texts = self.texts(name)?.unwrap_or_default().into_iter();
                    texts.map(|text| text.filter(|text| !text.is_empty()).map(OfFile::Text)).collect()
                }
                DataType::Float64 if array.data_type() == &DataType::Float64 => {
                    let degrees = array.as_primitive::<Float64Type>().iter();
                    degrees
                        .map(|x| {
                            x.filter(|x| x.is_finite()).map(|x| OfFile::Integer((x * 1e6).round() as i64))
                        })
                        .collect()
                }
                DataType::Float64 => return self.odd(name, "degrees", array.data_type()),
                DataType::Timestamp(..) => {
                    self.dates(name, array)?.into_iter().map(|x| x.map(OfFile::Integer)).collect()
                }
                _ => self
                    .integers(name)?
                    .unwrap_or_default()
                    .into_iter()
                    .map(|x| x.map(OfFile::Integer))
                    .collect(),
            };
            found.push((name, values));
        }
        Ok(found)
    }

    /// Seconds.
    fn dates(&self, name: &str, array: &ArrayRef) -> Result<Vec<Option<i64>>> {
        let by = |unit: i64| move |x: Option<i64>| x.map(|x| x.div_euclid(unit));
        Ok(match array.data_type() {
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                array.as_primitive::<TimestampMillisecondType>().iter().map(by(1000)).collect()
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                array.as_primitive::<TimestampMicrosecondType>().iter().map(by(1_000_000)).collect()
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                array.as_primitive::<TimestampNanosecondType>().iter().map(by(1_000_000_000)).collect()
            }
            other => return self.odd(name, "times", other),
        })
    }
}
