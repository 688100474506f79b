//! Parquet files of codes, read in blocks.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::batch::{Found, Layout, rows_of};
use super::head::{FACTS, facts_in};
use crate::error::{Error, Result};
use crate::gallery::Facts;

/// Rows that are read at a time.
const BLOCK: usize = 4096;

/// A Parquet file with columns of codes, whose metadata was read.
pub(super) struct Table {
    path: PathBuf,
    builder: ParquetRecordBatchReaderBuilder<File>,
}

/// What a file says of the latents in it.
const LATENTS: &str = "latent";

impl Table {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// When it cannot be read, or is no Parquet file.
    pub(super) fn open(path: &Path) -> Result<Table> {
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| {
            Error::damaged(path.display(), format!("expected a Parquet file of codes: {error}"))
        })?;
        Ok(Table { path: path.to_path_buf(), builder })
    }

    /// A value of its metadata.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        let pairs = self.builder.metadata().file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
    }

    /// The facts in its metadata; none where it has none.
    ///
    /// # Errors
    /// As [`facts_in`].
    pub(super) fn facts(&self) -> Result<Option<Facts>> {
        self.value(FACTS).map(|text| facts_in(text, &self.path.display().to_string())).transpose()
    }

    /// Whether it has latents.
    pub(super) fn has_latents(&self) -> bool {
        self.builder.schema().column_with_name(LATENTS).is_some()
    }

    /// Rows, by its footer.
    pub(super) fn len(&self) -> usize {
        usize::try_from(self.builder.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Its rows, in blocks.
    ///
    /// # Errors
    /// When a column cannot be read.
    pub(super) fn rows(self, layout: Layout) -> Result<Rows> {
        let place = self.path.display().to_string();
        let all = ProjectionMask::all();
        let reader = self.builder.with_projection(all).with_batch_size(BLOCK).build();
        let reader = reader.map_err(|error| Error::damaged(&place, error))?;
        Ok(Rows { place, layout, reader })
    }
}

/// The rows of a file, a block at a time.
pub(super) struct Rows {
    place: String,
    layout: Layout,
    reader: ParquetRecordBatchReader,
}

impl Iterator for Rows {
    type Item = Result<Vec<Found>>;

    fn next(&mut self) -> Option<Result<Vec<Found>>> {
        let batch = self.reader.next()?;
        let batch = batch.map_err(|error| Error::damaged(&self.place, error));
        Some(batch.and_then(|batch| rows_of(&batch, self.layout, &self.place)))
    }
}
