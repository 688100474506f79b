//! The training loop: epochs of shuffled batches through the training step, then the exported files.
//!
//! The same data, options and thread count give the same weights, whether the training ran through or was
//! resumed from a checkpoint.

use super::batch::{Batch, batches, n_batches, order};
use super::checkpoint::{Checkpoint, Position};
use super::data::Dataset;
use super::evaluate::reconstruction_loss;
use super::first_lesson::first_lesson;
use super::freeze::Freeze;
use super::log;
use super::options::TrainOptions;
use super::source::Source;
use super::step::{FEATURES, Objective};
use super::student::Student;
use super::trainer::{Losses, Pace, Trainer};
use super::warm::{first_weights, stored_weights};
use crate::encode::{EncodeOptions, Encoder};
use crate::error::{Error, Result};
use crate::model::{Architecture, Metadata, Model, Precision, decoder_onnx, encoder_onnx};
use crate::observer::{EpochReport, Note, Observer, Progress, Stage};
use crate::onnx::{OnnxFile, half_precision};
use crate::output::count;
use crate::runtime::Runtime;
use sha2::{Digest, Sha256};
use std::time::Instant;

/// The part of the training over which the divergence of a `vae` gains its full weight.
const WARM_UP: f64 = 0.2;

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
    /// The epoch that was exported, from 1: the one with the lowest validation loss, where that is all that
    /// the family is trained for; else the last one.
    pub best_epoch: usize,
    /// Why there are no more epochs.
    pub ending: Ending,
    /// How well it follows its teacher, where it had one.
    pub student: Option<Student>,
}

/// Why a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All epochs are done.
    Done,
    /// The validation loss had not fallen for as long as `early_stop` says.
    Early,
    /// The observer stopped it.
    Interrupted,
}

/// Trains on `data`, measuring `validation` after each epoch. When the observer stops it, the current epoch
/// is kept in the checkpoint if there is to be one, and the best finished epoch is returned.
///
/// # Errors
/// When the options do not fit the data, a loss or a weight stops being finite (with the epoch; the last
/// checkpoint stays), ONNX Runtime fails, or it is stopped before the first epoch is done
/// ([`Error::Interrupted`]).
pub fn train(
    runtime: &Runtime,
    data: &Dataset,
    validation: Option<&Dataset>,
    options: &TrainOptions,
    observer: &dyn Observer,
) -> Result<Trained> {
    let mut network = Network::new(options, data)?;
    check(data, validation, options)?;
    let metadata = network.metadata(data, options)?;
    let validation = validation.map(|images| Ok::<_, Error>((images, images.fingerprint()?))).transpose()?;
    let teacher = data.lessons().map_or_else(String::new, |lessons| lessons.teacher.clone() + &lessons.fed);
    let identity =
        identity(&metadata, validation.as_ref().map(|(_, print)| print.as_str()), &teacher, options);
    let source = network.source(runtime, data, options, observer)?;
    let mut run = Run::start(runtime, &network, (data, &source), options, identity)?;
    if !run.position.epochs.is_empty() || run.position.step > 0 {
        options.log.as_deref().map_or(Ok(()), |file| log::restart(file, &run.position.epochs))?;
        let n = run.position.epochs.len();
        observer.note(&Note::new(format!("resuming after {}", count(n as u64, "epoch"))));
    }
    observer.stage(Stage::images("training"));
    let mut ending = Ending::Done;
    while run.position.epochs.len() < options.epochs {
        let start = Instant::now();
        let before = run.position.seconds;
        if !run.epoch(observer)? {
            ending = Ending::Interrupted;
            break;
        }
        let (val_loss, weights) = match &validation {
            Some((images, _)) => {
                let weights = run.trainer.weights();
                let files = network.export(&weights, &metadata).map(|file| file.to_bytes());
                let loss = reconstruction_loss(runtime, [&files[0], &files[1]], images, options, &metadata)?;
                run.check_validation(loss)?;
                (Some(loss), weights)
            }
            None => (None, run.trainer.weights()),
        };
        let seconds = before + start.elapsed().as_secs_f64();
        let report = run.end_epoch(val_loss, weights, seconds)?;
        observer.epoch(&report);
        observer.note(&Note::new(report.to_string()));
        let waited = run.position.epochs.len() - run.position.best_epoch;
        if options.early_stop > 0 && waited >= options.early_stop {
            ending = Ending::Early;
            break;
        }
    }
    let keeps_last = run.keeps_last();
    let Position { epochs, best_epoch, .. } = run.position;
    let best_epoch = if keeps_last { epochs.len() } else { best_epoch };
    let Some(best) = best_epoch.checked_sub(1).map(|i| &epochs[i]) else { return Err(Error::Interrupted) };
    let metadata = Metadata {
        epochs: best.epoch,
        train_loss: Some(best.train_loss),
        val_loss: best.val_loss,
        ..metadata
    };
    let validation = validation.map(|(images, _)| images);
    let (metadata, student) = network.examine(runtime, &run.best, metadata, [Some(data), validation])?;
    let [encoder, decoder] = network.export(&run.best, &metadata);
    Ok(Trained {
        architecture: network.whole,
        metadata,
        encoder,
        decoder,
        epochs,
        best_epoch,
        ending,
        student,
    })
}

fn check(data: &Dataset, validation: Option<&Dataset>, options: &TrainOptions) -> Result<()> {
    if data.is_empty() {
        return Err(Error::invalid("training images: expected at least one, got none"));
    }
    if validation.is_some_and(Dataset::is_empty) {
        return Err(Error::invalid("validation images: expected at least one, got none"));
    }
    if options.early_stop > 0 && validation.is_none() {
        let what = "`early_stop`: expected validation images, got none";
        return Err(Error::invalid(what).with_hint("hold some images out"));
    }
    Ok(())
}

/// Weights as the files will have them: what is computed with them here is then what the files give.
fn round(weights: &mut [f32], precision: Precision) {
    if precision == Precision::Float16 {
        weights.iter_mut().for_each(|weight| *weight = half_precision(*weight));
    }
}

/// What is trained, and what stays as it is.
struct Network {
    whole: Architecture,
    /// Layers of the encoder that stay as they are.
    layers: usize,
    /// The flat vector of the whole to start from, where frozen layers or features depend on it.
    start: Option<Vec<f32>>,
    /// What is trained: the whole without its frozen layers.
    trained: Architecture,
}

impl Network {
    fn new(options: &TrainOptions, data: &Dataset) -> Result<Network> {
        let mut whole = options.architecture(data.shape())?;
        let lessons = data.lessons();
        if options.from.is_none() && lessons.is_none() {
            // fresh features have no neighbours that codes should have
            whole.head.clear();
        }
        if options.freeze == Freeze::Latent {
            whole.head.clear(); // codes of latents that do not change
        }
        let layers = options.freeze.layers(&whole)?;
        if let Some(lessons) = lessons {
            whole = whole.taught(lessons.size);
        }
        let mut start = match layers == 0 && whole.head.is_empty() {
            true => None,
            false => Some(stored_weights(&whole, options)?),
        };
        if let Some(weights) = &mut start {
            round(weights, options.precision);
        }
        let trained = whole.tail(layers)?;
        Ok(Network { whole, layers, start, trained })
    }

    /// What the files say before the first epoch.
    fn metadata(&self, data: &Dataset, options: &TrainOptions) -> Result<Metadata> {
        Ok(Metadata {
            data_fingerprint: data.fingerprint()?,
            training_images: data.len(),
            denoise: options.denoise,
            augment: options.augment.to_string(),
            seed: options.seed,
            precision: options.precision,
            origin: options.from.as_ref().and_then(|from| from.metadata.origin.clone()),
            teacher: data.lessons().map(|lessons| lessons.teacher.clone()),
            ..Metadata::new(&options.name, &self.whole, options.design.bits.min(self.whole.latent_size()))
        })
    }

    /// The source of batches. With the latent frozen too, the network is then the decoder alone.
    fn source<'a>(
        &mut self,
        runtime: &Runtime,
        data: &'a Dataset,
        options: &TrainOptions,
        observer: &dyn Observer,
    ) -> Result<Source<'a>> {
        let Some(start) = &mut self.start else { return Ok(Source::images(data)) };
        let mut source = Source::new(runtime, data, (&self.whole, self.layers, start), options, observer)?;
        if options.from.as_ref().is_some_and(|model| model.metadata.training_images == 0) {
            let latent = &mut start[self.whole.tail_offset(self.layers)..];
            source.start_projection(&self.trained, latent, options)?;
            round(latent, options.precision);
        }
        if options.freeze == Freeze::Latent {
            let latent = &start[self.whole.tail_offset(self.layers)..];
            source.freeze_latent(latent, self.whole.latent_size(), options)?;
            self.layers = self.whole.encoder.len();
            self.trained = self.whole.tail(self.layers)?;
        }
        Ok(source)
    }

    /// The flat vector of what is trained, as it starts.
    fn first_weights(
        &self,
        runtime: &Runtime,
        (data, source): (&Dataset, &Source<'_>),
        options: &TrainOptions,
    ) -> Result<Vec<f32>> {
        let mut weights = match &self.start {
            Some(start) => start[self.whole.tail_offset(self.layers)..].to_vec(),
            None => first_weights(runtime, &self.whole, data, options)?,
        };
        if options.from.is_some() && !self.whole.lesson.is_empty() {
            let bits = options.design.bits.min(self.whole.latent_size());
            let metadata = Metadata::new(&options.name, &self.whole, bits);
            let mut encoder =
                Encoder::new(runtime, &self.student(&weights, &metadata)?, &EncodeOptions::default())?;
            first_lesson(&mut encoder, (data, source), &self.trained, &mut weights)?;
        }
        Ok(weights)
    }

    /// The exported encoder as a model.
    fn student(&self, weights: &[f32], metadata: &Metadata) -> Result<Model> {
        let [encoder, _] = self.export(weights, metadata).map(|file| file.to_bytes());
        Model::from_parts(&metadata.name, encoder.into(), None, None)
    }

    /// Has the student examined, where it had a teacher; what it keeps goes into the metadata.
    fn examine(
        &self,
        runtime: &Runtime,
        weights: &[f32],
        metadata: Metadata,
        [data, validation]: [Option<&Dataset>; 2],
    ) -> Result<(Metadata, Option<Student>)> {
        let Some(data) = data.filter(|data| data.lessons().is_some()) else { return Ok((metadata, None)) };
        let student = Student::measure(runtime, &self.student(weights, &metadata)?, data, validation)?;
        let kept = student.as_ref().and_then(|student| student.kept);
        Ok((Metadata { teacher_kept: kept, ..metadata }, student))
    }

    /// The files of the whole, from the weights of what is trained.
    fn export(&self, weights: &[f32], metadata: &Metadata) -> [OnnxFile; 2] {
        let frozen =
            self.start.as_ref().map_or(&[][..], |start| &start[..self.whole.tail_offset(self.layers)]);
        let weights = [frozen, weights].concat();
        [encoder_onnx, decoder_onnx].map(|half| half(&self.whole, &weights, metadata))
    }
}

/// Distinguishes trainings that must not be mixed. The number of epochs and the learning rate are left out:
/// one may train longer than planned, or more gently after a divergence.
fn identity(metadata: &Metadata, validation: Option<&str>, teacher: &str, options: &TrainOptions) -> String {
    let TrainOptions {
        family,
        design,
        batch,
        schedule,
        weight_decay,
        weight,
        temperature,
        freeze,
        precision,
        threads,
        device,
        ..
    } = options;
    let from = options.from.as_ref().map(|model| model.sha256.as_str());
    let text = format!(
        "{} {validation:?} {:?} {family} {design:?} {batch} {schedule:?} {weight_decay} {weight} {temperature} {} {} {} {from:?} \
         {freeze:?} {precision} {threads} {device} {} {teacher}",
        metadata.data_fingerprint,
        metadata.input,
        options.augment,
        options.seed,
        options.denoise,
        metadata.tool_version
    );
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A training under way.
struct Run<'a> {
    data: &'a Dataset,
    source: &'a Source<'a>,
    options: &'a TrainOptions,
    architecture: &'a Architecture,
    objective: Objective,
    trainer: Trainer,
    position: Position,
    /// Weights of the epoch to be exported.
    best: Vec<f32>,
    saved: Instant,
}

impl<'a> Run<'a> {
    /// From the checkpoint, if there is one to resume from, else from the beginning.
    fn start(
        runtime: &Runtime,
        network: &'a Network,
        (data, source): (&'a Dataset, &'a Source<'a>),
        options: &'a TrainOptions,
        identity: String,
    ) -> Result<Self> {
        let (architecture, features) = (&network.trained, source.feature_size());
        let resumed = match &options.checkpoint {
            Some(checkpoint) if checkpoint.resume => Checkpoint::read(&checkpoint.file, &identity)?,
            _ => None,
        };
        let (trainer, position, best) = match resumed {
            Some(Checkpoint { position, state, best }) => {
                (Trainer::from_state(runtime, architecture, options, (state, features))?, position, best)
            }
            None => {
                let position = Position {
                    identity,
                    epochs: vec![],
                    step: 0,
                    sums: [0.0; 4],
                    seconds: 0.0,
                    best_epoch: 0,
                };
                let weights = network.first_weights(runtime, (data, source), options)?;
                (
                    Trainer::from_weights(runtime, architecture, options, (weights, features))?,
                    position,
                    vec![],
                )
            }
        };
        Ok(Run {
            data,
            source,
            options,
            architecture,
            objective: Objective::of(architecture),
            trainer,
            position,
            best,
            saved: Instant::now(),
        })
    }

    /// The remaining batches of the current epoch; false when the observer stopped it.
    fn epoch(&mut self, observer: &dyn Observer) -> Result<bool> {
        let epoch = self.position.epochs.len() + 1;
        let order = order(self.data.len(), self.options.seed, epoch);
        let start = Instant::now();
        let before = self.position.seconds;
        for (step, &ids) in batches(&order, self.options.batch).iter().enumerate().skip(self.position.step) {
            self.position.seconds = before + start.elapsed().as_secs_f64();
            let stopped = observer.should_stop();
            let due = if stopped || self.is_due() { self.snapshot() } else { None };
            let batch = self.source.batch(ids, self.options, self.architecture, (epoch, step))?;
            let losses = self.step(&batch, epoch, step)?;
            if !losses.is_finite() {
                return Err(self.diverged(format!(
                    "epoch {epoch}, step {}: loss: expected a number, got another",
                    step + 1
                )));
            }
            // only now are the weights from before the step known to be good
            due.map_or(Ok(()), |checkpoint| self.save(&checkpoint))?;
            if stopped {
                return Ok(false);
            }
            let images = ids.len() as f64;
            for (sum, loss) in
                self.position.sums.iter_mut().zip([losses.reconstruction].iter().chain(&losses.terms))
            {
                *sum += loss * images;
            }
            self.position.step = step + 1;
            let images = step * self.options.batch + ids.len();
            observer.progress(&Progress {
                done: (epoch - 1) * self.data.len() + images,
                total: self.options.epochs * self.data.len(),
                loss: Some(losses.reconstruction),
                ..Progress::default()
            });
        }
        if self.trainer.weights().iter().any(|weight| !weight.is_finite()) {
            return Err(self.diverged(format!("epoch {epoch}: weights: expected numbers, got others")));
        }
        self.position.seconds = before;
        Ok(true)
    }

    /// The part of the training that lies before a step, 0 to 1.
    fn done(&self, epoch: usize, step: usize) -> f64 {
        let seen = (step * self.options.batch) as f64 / self.data.len() as f64;
        ((epoch - 1) as f64 + seen) / self.options.epochs as f64
    }

    fn step(&mut self, batch: &Batch, epoch: usize, step: usize) -> Result<Losses> {
        let options = self.options;
        let done = self.done(epoch, step);
        let rate = options.learning_rate * options.schedule.factor(done);
        let weight = match self.objective {
            // counted per image in the paper, per latent number and pixel here
            Objective::Divergence => {
                let pixels = self.data.shape().size() as f64;
                options.weight * (done / WARM_UP).min(1.0) * self.architecture.latent_size() as f64 / pixels
            }
            _ => options.weight,
        };
        self.trainer.step(batch, &Pace { rate, decay: options.weight_decay, weight })
    }

    /// Ends the current epoch; its weights are kept if they are the ones to export so far.
    fn end_epoch(&mut self, val_loss: Option<f64>, weights: Vec<f32>, seconds: f64) -> Result<&EpochReport> {
        let images = self.data.len() as f64;
        let [loss, terms @ ..] = self.position.sums.map(|sum| sum / images);
        let taught = self.source.feature_size().map(|_| FEATURES[usize::from(self.data.lessons().is_some())]);
        let names = self.objective.terms().iter().copied().chain(taught).map(str::to_owned);
        let epoch = self.position.epochs.len() + 1;
        let last_step = n_batches(self.data.len(), self.options.batch) - 1;
        let factor = self.options.schedule.factor(self.done(epoch, last_step));
        let lowest = self.position.best_epoch.checked_sub(1).and_then(|i| self.position.epochs[i].val_loss);
        let best = val_loss.zip(lowest).is_none_or(|(new, lowest)| new < lowest);
        if best {
            self.position.best_epoch = epoch;
        }
        if best || self.keeps_last() {
            self.best = weights;
        }
        (self.position.step, self.position.sums, self.position.seconds) = (0, [0.0; 4], 0.0);
        self.position.epochs.push(EpochReport {
            epoch,
            train_loss: loss,
            val_loss,
            terms: names.zip(terms).collect(),
            seconds,
            learning_rate: self.options.learning_rate * factor,
            best,
        });
        let report = &self.position.epochs[epoch - 1];
        self.options.log.as_deref().map_or(Ok(()), |file| log::append(file, report))?;
        Ok(report)
    }

    /// Whether the last epoch is the one to export: how well images are reconstructed does not tell which
    /// codes are best, or follow a prior or a teacher.
    fn keeps_last(&self) -> bool {
        self.objective != Objective::Reconstruction || self.source.feature_size().is_some()
    }

    fn check_validation(&self, loss: f64) -> Result<()> {
        if loss.is_finite() {
            return Ok(());
        }
        let epoch = self.position.epochs.len() + 1;
        Err(self.diverged(format!("epoch {epoch}: validation loss: expected a number, got another")))
    }

    fn is_due(&self) -> bool {
        let checkpoint = self.options.checkpoint.as_ref();
        checkpoint.is_some_and(|c| self.saved.elapsed().as_secs_f64() >= c.interval_seconds)
    }

    /// A checkpoint of this moment, if checkpoints are wanted and training can resume from it.
    fn snapshot(&self) -> Option<Checkpoint> {
        self.options.checkpoint.as_ref()?;
        let state = self.trainer.state();
        let whole = state.weights.iter().all(|weight| weight.is_finite());
        whole.then(|| Checkpoint { position: self.position.clone(), state, best: self.best.clone() })
    }

    fn save(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        self.saved = Instant::now();
        self.options.checkpoint.as_ref().map_or(Ok(()), |options| checkpoint.write(&options.file))
    }

    fn diverged(&self, what: String) -> Error {
        let kept = self.options.checkpoint.as_ref().filter(|c| c.file.is_file());
        let hint = match kept {
            Some(_) => "try a lower `learning_rate`; `resume` goes on from the last good checkpoint",
            None => "try a lower `learning_rate`",
        };
        Error::training(what).with_hint(hint)
    }
}
