//! A model's encoder on its own: images in, latents and codes out.

use std::thread::available_parallelism;

use aesearch::encode::Binarizer;
use aesearch::gallery::{Outcome, Pipeline, PipelineOptions};
use aesearch::images::Item;
use aesearch::model::Model;
use aesearch::runtime::Runtime;
use pyo3::prelude::*;

use crate::arrays::{Owner, array};
use crate::calls::{observed, unlocked};
use crate::errors::invalid;
use crate::images::items;
use crate::runtime;

/// A model with ONNX Runtime.
#[pyclass(frozen, module = "aesearch._native")]
pub(crate) struct Encoder {
    model: Model,
    runtime: Runtime,
    /// By sign where the model was trained for that; none where codes depend on the collection.
    binarizer: Option<Binarizer>,
    threads: usize,
}

#[pymethods]
impl Encoder {
    #[new]
    fn new(py: Python<'_>, model: String, threads: usize) -> PyResult<Encoder> {
        unlocked(py, || {
            let (model, runtime) = runtime::model(&model)?;
            let binarizer = Binarizer::sign(model.metadata.latent_size, model.metadata.bits).ok();
            Ok(Encoder { model, runtime, binarizer, threads: threads_or_all(threads) })
        })
    }

    #[getter]
    fn name(&self) -> &str {
        &self.model.metadata.name
    }

    #[getter]
    fn bits(&self) -> usize {
        self.model.metadata.bits
    }

    #[getter]
    fn latent_size(&self) -> usize {
        self.model.metadata.latent_size
    }

    /// Channels, height, width.
    #[getter]
    fn input_shape(&self) -> (usize, usize, usize) {
        let input = self.model.metadata.input;
        (input.channels, input.height, input.width)
    }

    /// f32 [N, D].
    fn encode<'py>(
        &self,
        images: &Bound<'py, PyAny>,
        listener: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, items) = (images.py(), items(images)?);
        let latents = observed(py, listener, |observer| {
            let options = PipelineOptions { threads: self.threads, ..PipelineOptions::default() };
            let pipeline = Pipeline::new(&self.runtime, &self.model, options);
            let items: Vec<&Item> = items.iter().collect();
            let mut latents = Vec::with_capacity(items.len() * self.latent_size());
            let encoded = pipeline.encode(&items, observer, &mut |at, outcome| match outcome {
                Outcome::Encoded { latent, .. } => {
                    latents.extend(latent);
                    Ok(())
                }
                Outcome::Same(_) => Ok(()), // nothing is known from before
                Outcome::Skipped(reason) => {
                    Err(aesearch::Error::invalid(format!("{}: {reason}", items[at].display())))
                }
            })?;
            if encoded.is_finished() { Ok(latents) } else { Err(aesearch::Error::Interrupted) }
        })?;
        let shape = [items.len(), self.latent_size()];
        array(py, Owner::F32(latents), &shape)
    }

    /// u64 [N, B / 64] of latents, given as bytes of f32.
    fn codes<'py>(&self, py: Python<'py>, latents: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let Some(binarizer) = &self.binarizer else {
            let name = self.name();
            return Err(invalid(
                py,
                format!("{name}: its codes depend on the collection: ask an index for them"),
            ));
        };
        let latents = floats_of(latents);
        let n = latents.len() / binarizer.latent_size();
        let codes = py.detach(|| binarizer.binarize(&latents));
        array(py, Owner::U64(codes), &[n, aesearch_index::words(binarizer.bits())])
    }
}

/// The numbers in bytes.
pub(crate) fn floats_of(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()
}

/// So many threads, or one for each core.
pub(crate) fn threads_or_all(threads: usize) -> usize {
    if threads > 0 { threads } else { available_parallelism().map_or(1, usize::from) }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Encoder>()
}
