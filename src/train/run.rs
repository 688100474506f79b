//! The training loop: epochs of shuffled batches through the training step, then the exported files.
//!
//! State (parameters and Adam's moments) stays inside ONNX Runtime from step to step. The same data, options and thread
//! count give the same weights.

use super::data::{Batch, Dataset};
use super::evaluate::reconstruction_loss;
use super::step::{BETA1, BETA2, training_step};
use crate::error::{Error, Result};
use crate::model::{Architecture, Family, Metadata, Model, decoder_onnx, encoder_onnx, read_weights};
use crate::onnx::OnnxFile;
use crate::runtime::{Device, Input, Runtime, Session, SessionOptions, Tensor};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Keeps Adam's division away from zero, as in Keras.
const ADAM_EPSILON: f64 = 1e-7;

/// What to train and how.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// Name of the model, for its metadata.
    pub name: String,
    /// Which layers.
    pub family: Family,
    /// Bits per code, 32 to 256.
    pub bits: usize,
    /// Passes over the images.
    pub epochs: usize,
    /// Images per step.
    pub batch: usize,
    /// Adam's step size at the start; over the last fifth of the training it comes down to 0.
    pub learning_rate: f64,
    /// Seed of weights, order and noise.
    pub seed: u64,
    /// Standard deviation of the Gaussian noise on the input, 0 for none; the target stays clean.
    pub denoise: f32,
    /// Start from this model's weights.
    pub from: Option<Model>,
    /// Threads inside one step.
    pub threads: usize,
    /// Where to run.
    pub device: Device,
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions {
            name: "model".into(),
            family: Family::ConvHash,
            bits: 64,
            epochs: 5,
            batch: 32,
            learning_rate: 2e-3,
            seed: 0,
            denoise: 0.0,
            from: None,
            threads: 1,
            device: Device::Auto,
        }
    }
}

/// One finished epoch. Losses are mean binary cross-entropy per pixel, in nats.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochReport {
    /// From 1.
    pub epoch: usize,
    /// Over the epoch's batches, each before its step.
    pub train_loss: f64,
    /// Over the validation images, through the exported files; `None` without such images.
    pub val_loss: Option<f64>,
    /// Wall time, validation included.
    pub seconds: f64,
}

/// What training tells while it runs.
pub enum Progress<'a> {
    /// A step is done.
    Step {
        /// From 1.
        epoch: usize,
        /// Images seen in this epoch.
        images: usize,
        /// Loss of the step's batch.
        loss: f64,
    },
    /// An epoch is done.
    Epoch(&'a EpochReport),
}

/// A trained model, not yet written.
pub struct Trained {
    /// What was trained.
    pub architecture: Architecture,
    /// What the files will say.
    pub metadata: Metadata,
    /// The exported encoder.
    pub encoder: OnnxFile,
    /// The exported decoder.
    pub decoder: OnnxFile,
    /// One report per epoch.
    pub epochs: Vec<EpochReport>,
    /// Training was stopped before its last epoch; the model is that of the last finished one.
    pub interrupted: bool,
}

/// Trains on `data`, measuring `validation` after each epoch. When `stop` is set, the epoch at hand is dropped and the model
/// of the one before is returned.
///
/// # Errors
/// When the options do not fit the data, the loss or a weight stops being finite (with the epoch), ONNX Runtime fails, or
/// `stop` is set before the first epoch is done ([`Error::Interrupted`]).
pub fn train(
    runtime: &Runtime,
    data: &Dataset,
    validation: Option<&Dataset>,
    options: &TrainOptions,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Trained> {
    let architecture = options.family.architecture(data.shape(), options.bits)?;
    let mut metadata = check(&architecture, data, options)?;
    if validation.is_some_and(Dataset::is_empty) {
        return Err(Error::usage("validation images: expected at least one, got none"));
    }
    let mut trainer = Trainer::new(runtime, &architecture, options)?;
    let mut order: Vec<usize> = (0..data.len()).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed ^ 0x6f72_6465_725f_6e6f);
    let mut epochs: Vec<EpochReport> = vec![];
    let mut files = None;
    while epochs.len() < options.epochs {
        let epoch = epochs.len() + 1;
        let start = Instant::now();
        order.shuffle(&mut rng);
        let mut batches = Epoch { number: epoch, data, order: &order, options };
        let Some(train_loss) = batches.run(&mut trainer, &mut rng, stop, progress)? else { break };
        metadata.epochs = epoch;
        metadata.train_loss = Some(train_loss);
        let weights = trainer.parameters();
        let export = |metadata: &Metadata| {
            [encoder_onnx, decoder_onnx].map(|half| half(&architecture, weights, metadata))
        };
        let measure = |held_out| {
            let bytes = export(&metadata).map(|file| file.to_bytes());
            reconstruction_loss(runtime, [&bytes[0], &bytes[1]], held_out, options)
        };
        metadata.val_loss = validation.map(measure).transpose()?;
        files = Some(export(&metadata));
        let report = EpochReport {
            epoch,
            train_loss,
            val_loss: metadata.val_loss,
            seconds: start.elapsed().as_secs_f64(),
        };
        progress(Progress::Epoch(&report));
        epochs.push(report);
    }
    let [encoder, decoder] = files.ok_or(Error::Interrupted)?;
    let interrupted = epochs.len() < options.epochs;
    Ok(Trained { architecture, metadata, encoder, decoder, epochs, interrupted })
}

/// One pass over the images.
struct Epoch<'a> {
    /// From 1.
    number: usize,
    data: &'a Dataset,
    order: &'a [usize],
    options: &'a TrainOptions,
}

impl Epoch<'_> {
    /// All batches; gives the mean loss, or `None` when `stop` was set meanwhile.
    fn run(
        &mut self,
        trainer: &mut Trainer,
        rng: &mut ChaCha8Rng,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Option<f64>> {
        let Epoch { number: epoch, data, order, options } = *self;
        let (mut sum, mut images) = (0.0, 0);
        for (step, ids) in order.chunks(options.batch).enumerate() {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let batch = data.batch(ids, options.denoise, rng);
            let done = ((epoch - 1) * data.len() + images) as f64 / (options.epochs * data.len()) as f64;
            let loss = trainer.step(&batch, options.learning_rate * cooldown(done))?;
            if !loss.is_finite() {
                return Err(diverged(format!(
                    "epoch {epoch}, step {}: loss: expected a number, got {loss}",
                    step + 1
                )));
            }
            sum += loss * ids.len() as f64;
            images += ids.len();
            progress(Progress::Step { epoch, images, loss });
        }
        if trainer.parameters().iter().any(|weight| !weight.is_finite()) {
            return Err(diverged(format!("epoch {epoch}: weights: expected numbers, got others")));
        }
        Ok(Some(sum / data.len() as f64))
    }
}

fn diverged(what: String) -> Error {
    Error::Training { what, hint: Some("try a lower --lr".into()) }
}

/// What is left of the learning rate when `done`, in `0..=1`, of the training is over: all of it for four fifths, then a
/// straight line to 0, so that the last steps settle (Haegele et al., 2024, "constant with cooldown").
fn cooldown(done: f64) -> f64 {
    (5.0 * (1.0 - done)).min(1.0)
}

/// Checks the options against each other and the data, and fills in the metadata that training does not change.
fn check(architecture: &Architecture, data: &Dataset, options: &TrainOptions) -> Result<Metadata> {
    if data.is_empty() {
        return Err(Error::usage("training images: expected at least one, got none"));
    }
    if !(32..=256).contains(&options.bits) {
        return Err(Error::usage(format!("--bits: expected 32 to 256, got {}", options.bits)));
    }
    if options.epochs == 0 || options.batch == 0 {
        return Err(Error::usage("--epochs and --batch: expected at least 1, got 0"));
    }
    let positive = options.learning_rate.is_finite() && options.learning_rate > 0.0;
    if !positive || !options.denoise.is_finite() || options.denoise < 0.0 {
        return Err(Error::usage(format!(
            "--lr and --denoise: expected a positive rate and a deviation of 0 or more, got {} and {}",
            options.learning_rate, options.denoise
        )));
    }
    let bits = options.bits.min(architecture.latent_size());
    Ok(Metadata {
        data_fingerprint: data.fingerprint(),
        training_images: data.len(),
        denoise: options.denoise,
        seed: options.seed,
        ..Metadata::new(&options.name, architecture, bits)
    })
}

/// A running training step with its state.
pub struct Trainer {
    session: Session,
    parameters: Tensor,
    moments: [Tensor; 2],
    steps: i32,
}

impl Trainer {
    /// Builds the training step of `architecture` and starts it from fresh weights or those of `options.from`.
    ///
    /// # Errors
    /// When the weights to start from do not fit, or ONNX Runtime refuses the graph.
    pub fn new(runtime: &Runtime, architecture: &Architecture, options: &TrainOptions) -> Result<Self> {
        let weights = match &options.from {
            Some(model) => warm_start(architecture, model)?,
            None => architecture.initial_parameters(options.seed),
        };
        let graph = training_step(architecture, options.denoise > 0.0)?.to_bytes();
        let session = runtime.session(
            &graph,
            &SessionOptions { threads: options.threads, device: options.device, flush_denormals: true },
        )?;
        let count = weights.len();
        let zeros = || Tensor::new(&[count], vec![0.0; count]);
        Ok(Trainer {
            session,
            parameters: Tensor::new(&[count], weights)?,
            moments: [zeros()?, zeros()?],
            steps: 0,
        })
    }

    /// One step of Adam at `learning_rate` on a batch, `[C, H*W, N]`; gives the loss before the step.
    ///
    /// # Errors
    /// When ONNX Runtime fails.
    pub fn step(&mut self, batch: &Batch, learning_rate: f64) -> Result<f64> {
        self.steps += 1;
        let correction = |beta: f32| 1.0 - f64::from(beta).powi(self.steps);
        let second = correction(BETA2).sqrt();
        let rate = [(learning_rate * second / correction(BETA1)) as f32];
        let epsilon = [(ADAM_EPSILON * second) as f32];
        let mut inputs = vec![
            ("image", Input::Slice(&batch.dims, batch.noisy.as_deref().unwrap_or(&batch.clean))),
            ("parameters", Input::Tensor(&self.parameters)),
            ("m", Input::Tensor(&self.moments[0])),
            ("v", Input::Tensor(&self.moments[1])),
            ("rate", Input::Slice(&[], &rate)),
            ("epsilon", Input::Slice(&[], &epsilon)),
        ];
        if batch.noisy.is_some() {
            inputs.push(("target", Input::Slice(&batch.dims, &batch.clean)));
        }
        let outputs = self.session.run(&inputs)?;
        let [parameters, m, v, loss]: [Tensor; 4] =
            outputs.try_into().map_err(|_| Error::runtime("training step: expected 4 outputs"))?;
        self.parameters = parameters;
        self.moments = [m, v];
        Ok(loss.data().first().copied().map_or(f64::NAN, f64::from))
    }

    /// The flat parameter vector.
    pub fn parameters(&self) -> &[f32] {
        self.parameters.data()
    }
}

fn warm_start(architecture: &Architecture, model: &Model) -> Result<Vec<f32>> {
    let name = &model.metadata.name;
    let Some(decoder) = &model.decoder else {
        return Err(Error::model(name, "decoder.onnx: expected beside the encoder, got none"));
    };
    let [encoder, decoder] =
        [&model.encoder, decoder].map(|bytes| OnnxFile::read(bytes).map_err(|what| Error::model(name, what)));
    read_weights(architecture, name, &encoder?, &decoder?)
}
