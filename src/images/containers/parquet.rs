//! Parquet tables with a column of image files, as data set hubs offer them: read row by row, in place.
//!
//! The column holds bytes, or structs with a field `bytes`; where several do, the user names one. Labels are a
//! column of numbers or texts, with the class names in the "huggingface" metadata if there are any. Rows are read
//! through cursors, each a column reader at some row of a row group. The crate `parquet` decodes; its panics become
//! reasons.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parquet::basic::{Compression, ConvertedType, Type};
use parquet::column::page::PageReader;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::SerializedPageReader;
use parquet::schema::types::ColumnDescriptor;

use super::file::FileAt;
use super::labels::Labels;
use super::pages::{Footer, Pages};
use super::skips::{MAX_ENTRIES, Skips};
use super::stream::Pool;
use crate::images::Limits;
use crate::images::catch_panic::catch_panic;
use crate::images::limits::check_size;
use crate::images::plain_file::io_reason;
use crate::images::sniff::{Content, sniff};
use crate::images::source::Raw;

/// Largest footer, in bytes.
const MAX_FOOTER: u64 = 64 << 20;
/// Rows that any file may have, and how many more per byte of it: rows with images take far more than this.
const MAX_ROWS: [u64; 2] = [1 << 16, 64];
/// Most cursors of a table: each holds a page.
const MAX_CURSORS: usize = 4;
/// Rows of labels that are read at once.
const BATCH: usize = 4096;
/// Rows in which is looked for an image, to tell a column of images from other bytes.
const LOOKED_AT: usize = 16;
/// Names of columns of images, the likeliest first: they count where the content does not tell.
const IMAGE_NAMES: [&str; 10] =
    ["image", "img", "bytes", "image_bytes", "images", "picture", "photo", "jpg", "png", "content"];
/// Names of columns of labels.
const LABEL_NAMES: [&str; 6] = ["label", "labels", "cls", "class", "fine_label", "class_name"];

type Reader = ColumnReaderImpl<ByteArrayType>;

/// The images of a table: those of its first column of images, then those of the next.
pub(super) struct Table {
    file: FileAt,
    metadata: Arc<ParquetMetaData>,
    /// The leaves that hold images, at least one, and what they are called.
    columns: Vec<(String, usize)>,
    /// First row of each row group, and the number of rows.
    starts: Vec<u64>,
    labels: Option<Labels>,
    cursors: Pool<Reader>,
    damage: Mutex<Damage>,
}

/// The row groups of a column that are damaged: from which row, and why.
type Damage = HashMap<(usize, usize), (u64, String)>;

impl Table {
    /// Reads the footer and the labels; none if there is no column of images.
    ///
    /// # Errors
    /// The reason why nothing of it can be used.
    pub(super) fn open(file: &FileAt, skips: &mut Skips) -> Result<Option<Table>, String> {
        check_footer(file)?;
        guarded(|| {
            let metadata =
                ParquetMetaDataReader::new().parse_and_finish(&Footer(file.clone())).map_err(reason)?;
            let candidates = candidates(&metadata);
            if candidates.is_empty() {
                return Ok(None);
            }
            let mut starts = vec![0];
            let [any, for_a_byte] = MAX_ROWS;
            let most = any.saturating_add(file.len().saturating_mul(for_a_byte));
            for group in metadata.row_groups() {
                let rows =
                    u64::try_from(group.num_rows()).map_err(|_| "damaged: a negative number of rows")?;
                let end = starts.last().unwrap_or(&0) + rows.min(MAX_ENTRIES + 1);
                if end > MAX_ENTRIES {
                    return Err(format!("more than {} images", MAX_ENTRIES));
                }
                if end > most {
                    return Err(format!("more than {most} rows in {} bytes: refused as a bomb", file.len()));
                }
                starts.push(end);
            }
            let metadata = Arc::new(metadata);
            let cursors = Pool::new(MAX_CURSORS);
            let (labels, damage) = (None, Mutex::default());
            let file = file.clone();
            let mut table = Table { file, metadata, columns: candidates, starts, labels, cursors, damage };
            table.columns = table.image_columns()?;
            table.labels = table.read_labels().unwrap_or_else(|reason| {
                skips.container(&format!("parquet: labels: {reason}: used without labels"));
                None
            });
            Ok(Some(table))
        })
        .map_err(|reason| format!("parquet: {reason}"))
    }

    fn n_rows(&self) -> usize {
        self.starts.last().copied().unwrap_or(0) as usize
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len() * self.n_rows()
    }

    /// `17`, or `mask/17` where several columns hold images.
    pub(super) fn entry_name(&self, index: usize) -> String {
        let (column, row) = (index / self.n_rows().max(1), index % self.n_rows().max(1));
        match &self.columns[..] {
            [_] => row.to_string(),
            columns => format!("{}/{row}", columns.get(column).map_or("", |(name, _)| name)),
        }
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<usize> {
        let name = std::str::from_utf8(name).ok()?;
        let row = name.rsplit('/').next()?.parse().ok().filter(|&row: &usize| row < self.n_rows())?;
        let mut entries = (0..self.columns.len()).map(|column| column * self.n_rows() + row);
        entries.find(|&index| self.entry_name(index) == name)
    }

    /// The columns of images, by name.
    pub(super) fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// The entries of a column of images.
    pub(super) fn column(&self, name: &[u8]) -> Option<Range<usize>> {
        let at = self.columns.iter().position(|(column, _)| column.as_bytes() == name)?;
        Some(at * self.n_rows()..(at + 1) * self.n_rows())
    }

    pub(super) fn label(&self, index: usize) -> Option<&str> {
        self.labels.as_ref()?.get(index % self.n_rows().max(1))
    }

    pub(super) fn read(&self, index: usize, limits: &Limits) -> Result<Raw, String> {
        let (column, row) = (index / self.n_rows().max(1), index % self.n_rows().max(1));
        let bytes = self.read_row(column, row as u64).map_err(|reason| format!("parquet: {reason}"))?;
        let bytes = bytes.ok_or("no image in this row")?;
        check_size(bytes.len() as u64, limits.max_file_bytes)?;
        Ok(Raw::File(bytes.data().to_vec()))
    }

    /// The bytes in a row; none if it is empty. After a row that cannot be read, the other rows of its group
    /// are not tried: none of them can be read, and each attempt would decode all before it again.
    fn read_row(&self, column: usize, row: u64) -> Result<Option<ByteArray>, String> {
        let group = self.starts.partition_point(|start| *start <= row).checked_sub(1);
        let group = group.filter(|group| group + 1 < self.starts.len()).ok_or("no such row")?;
        if let Some((_, reason)) = self.damage().get(&(column, group)).filter(|(from, _)| *from <= row) {
            return Err(reason.clone());
        }
        guarded(|| self.read_row_of(column, group, row)).inspect_err(|reason| {
            let mut damage = self.damage();
            if damage.get(&(column, group)).is_none_or(|(from, _)| row < *from) {
                damage.insert((column, group), (row, reason.clone()));
            }
        })
    }

    fn damage(&self) -> MutexGuard<'_, Damage> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_row_of(&self, column: usize, group: usize, row: u64) -> Result<Option<ByteArray>, String> {
        let (start, end) = (self.starts[group], self.starts[group + 1]);
        let (_, leaf) = self.columns.get(column).ok_or("no such column")?;
        // cursors of all columns are in one pool: each column has row numbers of its own there
        let before = (column * self.n_rows()) as u64;
        let (at, mut reader) = match self.cursors.take(before + start, before + row) {
            Some((at, reader)) => (at - before, reader),
            None => (start, self.column_reader::<ByteArrayType>(group, *leaf)?),
        };
        let ahead = (row - at) as usize;
        if ahead > 0 && reader.skip_records(ahead).map_err(reason)? < ahead {
            return Err("damaged: fewer rows than its footer says".to_owned());
        }
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        let (n, ..) = reader.read_records(1, Some(&mut levels), None, &mut values).map_err(reason)?;
        if n == 0 {
            return Err("damaged: fewer rows than its footer says".to_owned());
        }
        if row + 1 < end {
            self.cursors.put(before + row + 1, reader);
        }
        Ok(values.pop().filter(|bytes: &ByteArray| !bytes.is_empty()))
    }

    fn column_reader<T: DataType>(&self, group: usize, column: usize) -> Result<ColumnReaderImpl<T>, String> {
        let group = self.metadata.row_group(group);
        let chunk = group.columns().get(column).ok_or("damaged: a row group without the column")?;
        if chunk.column_type() != T::get_physical_type() {
            return Err("damaged: a column of two types".to_owned());
        }
        let is_gzip = matches!(chunk.compression(), Compression::GZIP(_));
        if !is_gzip
            && !matches!(
                chunk.compression(),
                Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) | Compression::LZ4_RAW
            )
        {
            return Err(format!("packed by {}: not read", chunk.compression()));
        }
        let rows = usize::try_from(group.num_rows()).map_err(|_| "damaged: a negative number of rows")?;
        let pages = Arc::new(Pages::new(self.file.clone(), is_gzip));
        let pages = SerializedPageReader::new(pages, chunk, rows, None).map_err(reason)?;
        let descriptor = self.metadata.file_metadata().schema_descr().column(column);
        Ok(ColumnReaderImpl::new(descriptor, Box::new(pages) as Box<dyn PageReader>))
    }

    /// Those of the candidates that hold images; where no content tells, the one with a usual name.
    ///
    /// # Errors
    /// There are several, and neither content nor name says which.
    fn image_columns(&self) -> Result<Vec<(String, usize)>, String> {
        let all = &self.columns;
        if all.len() == 1 {
            return Ok(all.clone());
        }
        let first = |column: usize| {
            let rows =
                (0..self.n_rows().min(LOOKED_AT)).filter_map(|row| self.read_row(column, row as u64).ok());
            rows.flatten().next()
        };
        let is_image = |column: usize| {
            first(column)
                .is_some_and(|bytes| matches!(sniff(bytes.data()), Content::Image | Content::Optional(_)))
        };
        let images: Vec<_> = (0..all.len()).filter(|&at| is_image(at)).map(|at| all[at].clone()).collect();
        self.cursors.clear(); // of columns that may not be used, under other numbers
        self.damage().clear();
        if !images.is_empty() {
            return Ok(images);
        }
        let named = IMAGE_NAMES.iter().find_map(|name| all.iter().find(|(other, _)| other == name));
        named.map(|column| vec![column.clone()]).ok_or_else(|| {
            let names: Vec<&str> = self.column_names().collect();
            format!("which column holds the images: {}? name it `image`", names.join(", "))
        })
    }

    fn read_labels(&self) -> Result<Option<Labels>, String> {
        let schema = self.metadata.file_metadata().schema_descr();
        let leaf = LABEL_NAMES.iter().find_map(|name| {
            let fits = |leaf: &ColumnDescriptor| leaf.max_rep_level() == 0 && leaf.path().parts() == [*name];
            schema.columns().iter().position(|leaf| fits(leaf))
        });
        let Some(leaf) = leaf else { return Ok(None) };
        let name = schema.column(leaf).name().to_owned();
        let names = class_names(&self.metadata, &name);
        let mut labels = Labels::default();
        let number = |n: i64| {
            let name = usize::try_from(n).ok().and_then(|n| names.get(n));
            name.cloned().unwrap_or_else(|| n.to_string())
        };
        match schema.column(leaf).physical_type() {
            Type::INT32 => self.read_column::<Int32Type>(leaf, &mut labels, |n| number(i64::from(*n)))?,
            Type::INT64 => self.read_column::<Int64Type>(leaf, &mut labels, |n| number(*n))?,
            Type::BYTE_ARRAY => self.read_column::<ByteArrayType>(leaf, &mut labels, |text| {
                String::from_utf8_lossy(text.data()).into_owned()
            })?,
            _ => return Ok(None),
        }
        Ok(Some(labels))
    }

    /// Reads a column to its end.
    fn read_column<T: DataType>(
        &self,
        column: usize,
        labels: &mut Labels,
        text: impl Fn(&T::T) -> String,
    ) -> Result<(), String> {
        let top = self.metadata.file_metadata().schema_descr().column(column).max_def_level();
        for group in 0..self.metadata.num_row_groups() {
            let mut reader = self.column_reader::<T>(group, column)?;
            let end = self.starts[group + 1] as usize;
            while labels.len() < end {
                let (mut levels, mut values) = (Vec::new(), Vec::new());
                let most = BATCH.min(end - labels.len());
                let (n, ..) =
                    reader.read_records(most, Some(&mut levels), None, &mut values).map_err(reason)?;
                if n == 0 {
                    return Err("damaged: fewer rows than its footer says".to_owned());
                }
                let mut values = values.iter();
                for row in 0..n {
                    // a column that is never empty has no levels
                    let is_there = top == 0 || levels.get(row) == Some(&top);
                    let value = is_there.then(|| values.next()).flatten();
                    labels.push(value.map(&text).as_deref());
                }
            }
        }
        Ok(())
    }
}

/// Checks the magic number at the end and the length before it, before memory of that size is taken.
fn check_footer(file: &FileAt) -> Result<(), String> {
    let tail = file.len().checked_sub(8).map(|at| file.read_at(at, 8));
    let tail = tail.ok_or("parquet: the file ends too early (truncated)")?.map_err(io_reason)?;
    if &tail[4..] != b"PAR1" {
        return Err("parquet: no footer: the file ends too early (truncated), or is encrypted".to_owned());
    }
    let footer = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if footer > MAX_FOOTER || footer + 12 > file.len() {
        return Err(format!("parquet: damaged: a footer of {footer} bytes in a file of {}", file.len()));
    }
    Ok(())
}

/// The leaves that may hold images, and what they are called.
fn candidates(metadata: &ParquetMetaData) -> Vec<(String, usize)> {
    let schema = metadata.file_metadata().schema_descr();
    let mut bytes = Vec::new();
    for (index, leaf) in schema.columns().iter().enumerate() {
        let is_bytes = leaf.physical_type() == Type::BYTE_ARRAY && leaf.max_rep_level() == 0;
        let is_text = leaf.converted_type() != ConvertedType::NONE || leaf.logical_type_ref().is_some();
        match leaf.path().parts() {
            [name] if is_bytes && !is_text => bytes.push((name.clone(), index)),
            [name, inner] if is_bytes && inner == "bytes" => bytes.push((name.clone(), index)),
            _ => {}
        }
    }
    bytes
}

/// The class names for a column of numbers, as in the data sets of Hugging Face.
fn class_names(metadata: &ParquetMetaData, column: &str) -> Vec<String> {
    let names = || {
        let pairs = metadata.file_metadata().key_value_metadata()?;
        let text = pairs.iter().find(|pair| pair.key == "huggingface")?.value.as_ref()?;
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        let names = value.get("info")?.get("features")?.get(column)?.get("names")?.as_array()?;
        names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    };
    names().unwrap_or_default()
}

fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_panic(work).unwrap_or_else(|panic| Err(format!("damaged: the decoder panicked: {panic}")))
}

fn reason(error: ParquetError) -> String {
    match error {
        ParquetError::General(what) | ParquetError::EOF(what) => format!("damaged: {what}"),
        ParquetError::NYI(what) => format!("not supported: {what}"),
        ParquetError::External(error) => error.to_string(),
        other => format!("damaged: {other}"),
    }
}

#[cfg(test)]
mod tests;
