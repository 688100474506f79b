//! What an encoder makes of images, as a table: what other engines keep of an image to search and compare it.
//!
//! | column | type | what |
//! |---|---|---|
//! | `hash` | binary | BLAKE3 of the image's bytes |
//! | `width`, `height` | i32 | upright, in pixels |
//! | `size` | i64 | bytes of the image file |
//! | `format` | text | such as `jpeg` |
//! | `code` | binary | B / 8 bytes, words little-endian |
//! | `latent` | binary | D values of i8; with their scale, as an index keeps them |
//! | `latent_scale` | f32 | |
//! | `fingerprint` | binary | what `dedupe` compares images by; only where it was asked for |
//! | `reason` | text | why the image cannot be used; all else is null then, else this is |

use std::sync::Arc;

use aesearch::dedupe::{fingerprint_similarity, image_fingerprint};
use aesearch::encode::Binarizer;
use aesearch::gallery::Outcome;
use aesearch::images::Item;
use aesearch::{Error, Result};
use aesearch_index::quantize;
use arrow_array::{ArrayRef, BinaryArray, Float32Array, Int32Array, Int64Array, StringArray};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use rayon::prelude::*;

use crate::arrays::{Owner, array};
use crate::calls::unlocked;

/// The rows so far.
pub(crate) struct Rows<'a> {
    binarizer: &'a Binarizer,
    /// Or why there is none.
    rows: Vec<Result<Row, String>>,
    fingerprints: Option<Vec<Option<Vec<u8>>>>,
}

struct Row {
    hash: [u8; 32],
    sides: (u32, u32),
    bytes: u64,
    format: &'static str,
    code: Vec<u8>,
    latent: Vec<u8>,
    scale: f32,
}

impl<'a> Rows<'a> {
    /// No rows yet, of `n` that are to come.
    pub(crate) fn new(binarizer: &'a Binarizer, n: usize) -> Rows<'a> {
        Rows { binarizer, rows: Vec::with_capacity(n), fingerprints: None }
    }

    /// Adds the row of an image.
    pub(crate) fn push(&mut self, outcome: Outcome) {
        self.rows.push(match outcome {
            Outcome::Encoded { stamp, latent, facts } => {
                let words = self.binarizer.binarize(&latent).into_iter().flat_map(u64::to_le_bytes);
                let code = words.take(self.binarizer.bits().div_ceil(8)).collect();
                let (latent, scale) = quantize(&latent);
                let latent = latent.into_iter().map(i8::cast_unsigned).collect();
                let (sides, bytes) = (facts.size.unwrap_or_default(), facts.bytes);
                Ok(Row { hash: stamp.hash, sides, bytes, format: facts.format, code, latent, scale })
            }
            Outcome::Same(_) => Err("its content is known already".to_owned()), // never: nothing is
            Outcome::Skipped(reason) => Err(reason),
        });
    }

    /// Adds the fingerprints of the images of the rows; null where none can be made.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub(crate) fn add_fingerprints(&mut self, items: &[Item], threads: usize) -> Result<()> {
        let of = |(item, row): (&Item, &Result<Row, String>)| {
            row.as_ref().ok().and_then(|_| image_fingerprint(item).ok())
        };
        self.fingerprints = Some(if threads == 1 {
            items.iter().zip(&self.rows).map(of).collect()
        } else {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.map_err(|error| Error::invalid(format!("threads: {error}")))?;
            pool.install(|| items.par_iter().zip(&self.rows).map(of).collect())
        });
        Ok(())
    }

    /// The columns by name.
    pub(crate) fn columns(self) -> Vec<(String, ArrayRef)> {
        let rows = || self.rows.iter().map(|row| row.as_ref().ok());
        let hash = BinaryArray::from_iter(rows().map(|row| Some(&row?.hash)));
        let side = |of: fn((u32, u32)) -> u32| -> ArrayRef {
            Arc::new(Int32Array::from_iter(rows().map(|row| Some(of(row?.sides) as i32)))) // limited by memory
        };
        let size = Int64Array::from_iter(rows().map(|row| Some(row?.bytes as i64)));
        let format = StringArray::from_iter(rows().map(|row| Some(row?.format)));
        let code = BinaryArray::from_iter(rows().map(|row| Some(row?.code.as_slice())));
        let latent = BinaryArray::from_iter(rows().map(|row| Some(row?.latent.as_slice())));
        let scale = Float32Array::from_iter(rows().map(|row| Some(row?.scale)));
        let reason = StringArray::from_iter(self.rows.iter().map(|row| row.as_ref().err()));
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("hash", Arc::new(hash)),
            ("width", side(|(width, _)| width)),
            ("height", side(|(_, height)| height)),
            ("size", Arc::new(size)),
            ("format", Arc::new(format)),
            ("code", Arc::new(code)),
            ("latent", Arc::new(latent)),
            ("latent_scale", Arc::new(scale)),
        ];
        if let Some(fingerprints) = &self.fingerprints {
            columns.push(("fingerprint", Arc::new(BinaryArray::from_iter(fingerprints.iter()))));
        }
        columns.push(("reason", Arc::new(reason)));
        columns.into_iter().map(|(name, column)| (name.to_owned(), column)).collect()
    }
}

/// f32 [N]: how similar images are by their fingerprints, pair by pair; NaN where one of them is none.
#[pyfunction]
fn fingerprint_similarities<'py>(
    py: Python<'py>,
    first: Vec<Option<PyBackedBytes>>,
    second: Vec<Option<PyBackedBytes>>,
) -> PyResult<Bound<'py, PyAny>> {
    let similarities: Vec<f32> = unlocked(py, || {
        if first.len() != second.len() {
            let (n, got) = (first.len(), second.len());
            return Err(Error::invalid(format!(
                "fingerprints: expected {n} of each, got {got} of the second"
            )));
        }
        let pairs = first.iter().zip(&second);
        let similar = |(a, b): (&Option<PyBackedBytes>, &Option<PyBackedBytes>)| {
            fingerprint_similarity(a.as_ref()?, b.as_ref()?)
        };
        Ok(pairs.map(|pair| similar(pair).unwrap_or(f32::NAN)).collect())
    })?;
    let n = similarities.len();
    array(py, Owner::F32(similarities), &[n])
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(fingerprint_similarities, module)?)
}
