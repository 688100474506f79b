//! Everything that can be computed about a collection, for other programs: computed once, then written.
//!
//! ```text
//! rows -> findings -> columns -> one table, in any format of table/
//!                            \-> embedding_atlas  a Parquet file for Embedding Atlas, with pictures
//!                             -> projector        a folder for TensorBoard's Embedding Projector
//!                             -> faiss            a folder with faiss's own index files
//! ```
//!
//! Rows are always in the order of [`Rows`], and numbered from 0.

mod findings;
mod options;

mod embedding_atlas;
mod faiss;
mod pictures;
mod projector;

use std::path::Path;

use super::columns;
use super::rows::Rows;
use super::table::matrix;
use crate::error::Result;
use crate::gallery::{Gallery, check_outputs};
use crate::observer::Observer;
use crate::output::{write_folder, write_whole_with};

use findings::Findings;
use options::is_matrix;

pub use findings::{Exported, Written};
pub use options::{ExportOptions, Part, Target};

/// Computes what is asked for and writes it to `to`: a file, or a folder that is new or empty. With a
/// gallery, images are read for outliers; pictures need none.
///
/// # Errors
/// When the options cannot be used, the index or the model fails, something cannot be written, or the
/// observer stops the work. Nothing is written then.
pub fn export(
    rows: &Rows,
    gallery: Option<&Gallery>,
    to: &Path,
    options: &ExportOptions,
    observer: &dyn Observer,
) -> Result<Exported> {
    options.check()?;
    options.target.check(to, &options.parts)?;
    if options.target.is_file() {
        check_outputs(&[to], rows.snapshot(), rows.dir())?;
    }
    let mut found = Findings::of(rows, gallery, options, observer)?;
    let mut exported = match options.target {
        Target::Table if is_matrix(to) => write_matrix(rows, to, options)?,
        Target::Table => {
            let table = columns::identity(rows).and(found.table(rows, options, &options.parts)?);
            table.write(to, options.texts)?;
            let files = vec![Written::of(to, to)?];
            Exported { columns: table.names().collect(), files, skipped: Vec::new() }
        }
        Target::EmbeddingAtlas => embedding_atlas::write(rows, &found, to, options, observer)?,
        Target::TensorBoard => write_folder(to, |to| projector::write(rows, &found, to, options, observer))?,
        Target::Faiss => write_folder(to, |to| faiss::write(rows, &found, to, options))?,
    };
    // an image that cannot be read is missing in all
    found.skip(std::mem::take(&mut exported.skipped));
    Ok(Exported { skipped: found.skipped, ..exported })
}

/// Latents `[n, D]` as float32, or codes `[n, bits / 8]` as bytes, in the order of names.
fn write_matrix(rows: &Rows, to: &Path, options: &ExportOptions) -> Result<Exported> {
    let column = if options.parts.contains(&Part::Codes) {
        let codes = columns::code_bytes(rows);
        let shape = [rows.len(), columns::code_size(rows)];
        write_whole_with(to, &mut |out| matrix("|u1", shape, std::iter::once(&codes), out))?;
        "code"
    } else {
        let latents = rows.latents()?;
        let shape = [rows.len(), rows.snapshot().latent_size()];
        write_whole_with(to, &mut |out| {
            matrix("<f4", shape, latents.iter().map(|value| value.to_le_bytes()), out)
        })?;
        "latent"
    };
    Ok(Exported { columns: vec![column], files: vec![Written::of(to, to)?], skipped: Vec::new() })
}
