//! Train a model on images, and decode with it.

use std::path::PathBuf;
use std::sync::Mutex;

use aesearch::encode::{Decoder as Network, EncodeOptions};
use aesearch::train::{Ending, TeacherRequest, TrainRequest, Tuning, Validation, train_model};
use aesearch::{Error, Result};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::{Owner, array};
use crate::calls::{observed, unlocked};
use crate::dedupe::reasons;
use crate::encoder::{floats_of, threads_or_all};
use crate::errors::{exception, invalid};
use crate::runtime::{self, load_options};

/// What to train, on what.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Wanted {
    data: Vec<PathBuf>,
    exclude: Vec<String>,
    out: PathBuf,
    validation: Option<f64>,
    validation_data: Option<PathBuf>,
    start: Option<String>,
    teacher: Option<String>,
    size: Option<(usize, usize)>,
    channels: Option<usize>,
    resume: bool,
    force: bool,
    device: String,
    threads: usize,
    max_memory: Option<u64>,
    family: Option<String>,
    bits: Option<usize>,
    width: Option<usize>,
    depth: Option<usize>,
    latent: Option<usize>,
    epochs: Option<usize>,
    batch: Option<usize>,
    learning_rate: Option<f64>,
    weight_decay: Option<f64>,
    augment: Option<String>,
    seed: Option<u64>,
    denoise: Option<f32>,
    early_stop: Option<usize>,
}

impl Wanted {
    fn request(self) -> Result<TrainRequest> {
        let runtime = runtime::runtime();
        let load = load_options(&runtime);
        let validation = match (self.validation_data, self.validation) {
            (Some(path), _) => Validation::Data(path),
            (None, Some(share)) => Validation::Fraction(share),
            (None, None) => Validation::None,
        };
        let tuning = Tuning {
            family: named("family", self.family)?,
            bits: self.bits,
            width: self.width,
            depth: self.depth,
            latent: self.latent,
            epochs: self.epochs,
            batch: self.batch,
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            augment: named("augment", self.augment)?,
            seed: self.seed,
            denoise: self.denoise,
            early_stop: self.early_stop,
            ..Tuning::default()
        };
        let mut request = TrainRequest {
            data: self.data,
            folder: self.out,
            validation,
            from: self.start,
            teacher: self.teacher.map(|model| TeacherRequest { model, load }),
            size: self.size,
            channels: self.channels,
            tuning,
            resume: self.resume,
            force: self.force,
            max_memory: self.max_memory.unwrap_or(u64::MAX),
            threads: threads_or_all(self.threads),
            device: self.device.parse()?,
            runtime,
            ..TrainRequest::default()
        };
        request.walk.exclude = self.exclude;
        Ok(request)
    }
}

/// What a name stands for, if there is one.
fn named<T: std::str::FromStr<Err = String>>(option: &str, name: Option<String>) -> Result<Option<T>> {
    let wrong =
        |what: String| Error::invalid(format!("`{option}`: {}", &what[what.find("expected").unwrap_or(0)..]));
    name.as_deref().map(str::parse).transpose().map_err(wrong)
}

/// Trains a model and writes its folder.
#[pyfunction]
fn train<'py>(py: Python<'py>, wanted: Wanted, listener: Option<Py<PyAny>>) -> PyResult<Bound<'py, PyDict>> {
    let request = wanted.request().map_err(|error| exception(py, &error))?;
    let done = observed(py, listener, |observer| train_model(&request, observer))?;
    let trained = done.trained;
    let ending = match trained.ending {
        Ending::Done => "done",
        Ending::Early => "early",
        Ending::Interrupted => "stopped",
    };
    let result = PyDict::new(py);
    result.set_item("name", &trained.metadata.name)?;
    result.set_item("family", &trained.metadata.family)?;
    result.set_item("bits", trained.metadata.bits)?;
    result.set_item("parameters", trained.architecture.parameter_count())?;
    result.set_item("best_epoch", trained.best_epoch)?;
    result.set_item("ending", ending)?;
    result.set_item("images", done.images)?;
    result.set_item("batch", done.batch)?;
    result.set_item("epochs", serde_json::to_string(&trained.epochs).unwrap_or_default())?;
    result.set_item("skipped", reasons(&done.skipped))?;
    Ok(result)
}

/// A model's decoder.
#[pyclass(frozen, module = "aesearch._native")]
pub(crate) struct Decoder {
    network: Mutex<Network>,
    latent_size: usize,
    /// Channels, height, width.
    shape: [usize; 3],
}

#[pymethods]
impl Decoder {
    #[new]
    fn new(py: Python<'_>, model: String) -> PyResult<Decoder> {
        unlocked(py, || {
            let (model, runtime) = runtime::model(&model)?;
            let Some(network) = Network::new(&runtime, &model, &EncodeOptions::default())? else {
                let name = &model.metadata.name;
                return Err(Error::unsupported(format!("{name}: expected a model with a decoder, got none")));
            };
            let drawn = model.metadata.reconstruction;
            let shape = [drawn.channels, drawn.height, drawn.width];
            Ok(Decoder { network: Mutex::new(network), latent_size: model.metadata.latent_size, shape })
        })
    }

    #[getter]
    fn latent_size(&self) -> usize {
        self.latent_size
    }

    /// f32 [N, C, H, W] of latents, given as bytes of f32 [N, D].
    fn decode<'py>(&self, py: Python<'py>, latents: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        if !latents.len().is_multiple_of(4 * self.latent_size) {
            return Err(invalid(py, format!("latents: expected {} numbers each", self.latent_size)));
        }
        let latents = floats_of(latents);
        let [channels, height, width] = self.shape;
        let n = latents.len() / self.latent_size;
        let images = unlocked(py, || {
            let mut network = self.network.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            network.decode(&latents)
        })?;
        array(py, Owner::F32(images), &[n, channels, height, width])
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Decoder>()?;
    module.add_function(wrap_pyfunction!(train, module)?)?;
    Ok(())
}
