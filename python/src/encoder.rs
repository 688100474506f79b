//! A model's encoder on its own: images in, latents and codes out.

use std::path::PathBuf;
use std::thread::available_parallelism;

use aesearch::gallery::{Facts, IdleEncoders, Outcome, Pipeline, PipelineOptions, coded_by, coded_like};
use aesearch::images::Item;
use aesearch::model::Model;
use aesearch::observer::Observer;
use aesearch::runtime::{Runtime, ensure};
use aesearch::{Error, Result};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::arrays::{Owner, array};
use crate::calls::{observed, unlocked};
use crate::encoded::Rows;
use crate::errors::{exception, invalid};
use crate::export::{Table, table};
use crate::images::items;
use crate::runtime;

/// A model with ONNX Runtime.
#[pyclass(frozen, module = "aesearch._native")]
pub(crate) struct Encoder {
    model: Model,
    runtime: Runtime,
    /// What codes depend on: that of an index, or the signs of latents; none where the model needs a collection.
    facts: Option<Facts>,
    inverted: bool,
    /// As it was asked for: 0 is all cores.
    threads: usize,
    /// Sessions that are open: a later call takes them over.
    idle: IdleEncoders,
}

/// Whose codes to make: those of an index, of a binarizer in a file, or those of facts as bytes.
#[derive(FromPyObject)]
enum Given {
    Facts(PyBackedBytes),
    Path(PathBuf),
}

impl Encoder {
    /// Tells `each` what becomes of every image.
    fn run(
        &self,
        items: &[Item],
        observer: &dyn Observer,
        each: &mut dyn FnMut(usize, Outcome) -> Result<()>,
    ) -> Result<()> {
        let threads = threads_or_all(self.threads);
        let options = PipelineOptions { threads, ..PipelineOptions::default() };
        let mut pipeline = Pipeline::new(&self.runtime, &self.model, options);
        pipeline.inverted = self.inverted;
        pipeline.encoders = self.idle.clone();
        let items: Vec<&Item> = items.iter().collect();
        let encoded = pipeline.encode(&items, observer, each)?;
        if encoded.is_finished() { Ok(()) } else { Err(Error::Interrupted) }
    }

    fn facts(&self, py: Python<'_>) -> PyResult<&Facts> {
        self.facts.as_ref().ok_or_else(|| {
            let what = format!("{}: its codes depend on the collection: ask an index for them", self.name());
            exception(py, &Error::invalid(what).with_hint("`Encoder(binarizer=...)` takes that of an index"))
        })
    }
}

#[pymethods]
impl Encoder {
    #[new]
    fn new(
        py: Python<'_>,
        model: String,
        binarizer: Option<Given>,
        inverted: Option<bool>,
        threads: usize,
    ) -> PyResult<Encoder> {
        unlocked(py, || {
            let runtime = runtime::runtime();
            let options = runtime::load_options(&runtime);
            let (model, mut facts) = match &binarizer {
                Some(Given::Path(path)) => {
                    coded_like(path, &model, &options).map(|(model, facts)| (model, Some(facts)))?
                }
                Some(Given::Facts(facts)) => coded_by(Some(facts), &model, &options)?,
                None => coded_by(None, &model, &options)?,
            };
            let inverted = inverted.or(facts.as_ref().map(|facts| facts.polarity.inverted)).unwrap_or(false);
            if let Some(facts) = &mut facts {
                facts.polarity.inverted = inverted;
            }
            let (runtime, idle) = (ensure(&runtime, &())?, IdleEncoders::default());
            Ok(Encoder { model, runtime, facts, inverted, threads, idle })
        })
    }

    /// What codes depend on, as bytes; none if there are none. With the facts, the model opens again by itself.
    #[getter]
    fn facts_bytes<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.facts.as_ref().map(|facts| PyBytes::new(py, &facts.to_bytes()))
    }

    #[getter]
    fn model_sha256(&self) -> &str {
        &self.model.sha256
    }

    #[getter]
    fn inverted(&self) -> bool {
        self.inverted
    }

    #[getter]
    fn name(&self) -> &str {
        &self.model.metadata.name
    }

    #[getter]
    fn bits(&self) -> usize {
        self.facts.as_ref().map_or(self.model.metadata.bits, |facts| facts.codes.binarizer.bits())
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
            let mut latents = Vec::with_capacity(items.len() * self.latent_size());
            self.run(&items, observer, &mut |at, outcome| match outcome {
                Outcome::Encoded { latent, .. } => {
                    latents.extend(latent);
                    Ok(())
                }
                Outcome::Same(_) => Ok(()), // nothing is known from before
                Outcome::Skipped(reason) => Err(Error::invalid(format!("{}: {reason}", items[at].display()))),
            })?;
            Ok(latents)
        })?;
        let shape = [items.len(), self.latent_size()];
        array(py, Owner::F32(latents), &shape)
    }

    /// A row for each image, in their order; see `encoded`.
    fn table(
        &self,
        images: &Bound<'_, PyAny>,
        fingerprints: bool,
        listener: Option<Py<PyAny>>,
    ) -> PyResult<Table> {
        let (py, items) = (images.py(), items(images)?);
        let binarizer = &self.facts(py)?.codes.binarizer;
        let rows = observed(py, listener, |observer| {
            let mut rows = Rows::new(binarizer, items.len());
            self.run(&items, observer, &mut |_, outcome| {
                rows.push(outcome);
                Ok(())
            })?;
            if fingerprints {
                rows.add_fingerprints(&items, threads_or_all(self.threads))?;
            }
            Ok(rows)
        })?;
        table(rows.columns()).map_err(|error| invalid(py, error.to_string()))
    }

    /// u64 [N, B / 64] of latents, given as bytes of f32.
    fn codes<'py>(&self, py: Python<'py>, latents: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let binarizer = &self.facts(py)?.codes.binarizer;
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
