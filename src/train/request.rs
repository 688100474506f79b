//! What to train a model folder from: images, validation, storage, and the options that differ from the
//! family's own.

use std::path::{Path, PathBuf};

use super::augment::Augment;
use super::folder::check_free;
use super::freeze::Freeze;
use super::options::{CheckpointOptions, TrainOptions};
use super::teacher::TeacherRequest;
use crate::error::{Error, Result};
use crate::images::{InputShape, WalkOptions};
use crate::model::{Brightness, Design, Family, Model, Precision};
use crate::output::check_picture_beside;
use crate::runtime::{Device, RuntimeOptions};

/// A model folder to train. What is `None` depends on the images and the family, or on the model to start
/// from.
#[derive(Debug, Clone)]
pub struct TrainRequest {
    /// Folders, image files, containers.
    pub data: Vec<PathBuf>,
    /// What to take from them.
    pub walk: WalkOptions,
    /// The model folder to write; its name is that of the model.
    pub folder: PathBuf,
    /// What to validate on.
    pub validation: Validation,
    /// Start from the weights of this model: a shipped one's name, or a model folder.
    pub from: Option<String>,
    /// The encoder whose features of the images are to be learned.
    pub teacher: Option<TeacherRequest>,
    /// Width and height of the input, in pixels; else those of the first image, 64 at most.
    pub size: Option<(usize, usize)>,
    /// Channels of the input, 1 or 3; else those of the first image.
    pub channels: Option<usize>,
    /// What differs from the defaults of the family.
    pub tuning: Tuning,
    /// A PNG file that shows some images and views of them, drawn before training.
    pub views_sheet: Option<PathBuf>,
    /// Continue the unfinished training in the folder, if there is one.
    pub resume: bool,
    /// Replace the model in the folder, start over the unfinished training there, or write beside other files.
    pub force: bool,
    /// Wall time between two checkpoints.
    pub checkpoint_seconds: f64,
    /// Bytes of decoded images that are kept in memory; more of them go into an unnamed file in the folder.
    pub max_memory: u64,
    /// Threads inside one step.
    pub threads: usize,
    /// Where to run.
    pub device: Device,
    /// Where ONNX Runtime comes from.
    pub runtime: RuntimeOptions,
    /// The command that trains it, for the model card; empty if there is none.
    pub command: String,
}

impl Default for TrainRequest {
    fn default() -> Self {
        TrainRequest {
            data: vec![],
            walk: WalkOptions::default(),
            folder: "model".into(),
            validation: Validation::None,
            from: None,
            teacher: None,
            size: None,
            channels: None,
            tuning: Tuning::default(),
            views_sheet: None,
            resume: false,
            force: false,
            checkpoint_seconds: 10.0,
            max_memory: u64::MAX,
            threads: 1,
            device: Device::Auto,
            runtime: RuntimeOptions::default(),
            command: String::new(),
        }
    }
}

/// What to validate on after each epoch.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Validation {
    /// Nothing.
    #[default]
    None,
    /// A random part of the images, between 0 and 1, that is held out.
    Fraction(f64),
    /// Other images.
    Data(PathBuf),
}

/// Options of a training that differ from the defaults of the family; see [`TrainOptions`] for what they
/// mean.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "they are the fields of `TrainOptions` and `Design`")]
pub struct Tuning {
    pub family: Option<Family>,
    pub bits: Option<usize>,
    pub width: Option<usize>,
    pub depth: Option<usize>,
    pub latent: Option<usize>,
    pub freeze: Option<Freeze>,
    pub precision: Option<Precision>,
    pub brightness: Option<Brightness>,
    pub epochs: Option<usize>,
    pub batch: Option<usize>,
    pub learning_rate: Option<f64>,
    pub weight_decay: Option<f64>,
    pub weight: Option<f64>,
    pub temperature: Option<f32>,
    pub augment: Option<Augment>,
    pub seed: Option<u64>,
    pub denoise: Option<f32>,
    pub early_stop: Option<usize>,
}

impl TrainRequest {
    /// The file of an unfinished training, which `resume` continues; there is none without one.
    pub fn checkpoint_file(&self) -> PathBuf {
        self.folder.join("checkpoint")
    }

    /// Refuses what can be refused before an image is opened.
    pub(super) fn check(&self) -> Result<()> {
        self.views_sheet.iter().try_for_each(|sheet| check_picture_beside(sheet, &self.folder))?;
        let folder = self.folder.display();
        let exists = |name: &str| self.folder.join(name).exists();
        let (trained, begun) = (exists("encoder.onnx"), self.checkpoint_file().exists());
        if begun && !self.resume && !self.force {
            let what =
                format!("{}: expected no unfinished training, got one", self.checkpoint_file().display());
            return Err(Error::invalid(what).with_hint("`resume` continues it, `force` starts over"));
        }
        if self.resume && trained && !begun {
            let what = format!("{folder}: `resume`: expected an unfinished training, got a finished one");
            let hint =
                "train into another folder with `from` this one; `force` in place of `resume` trains again";
            return Err(Error::invalid(what).with_hint(hint));
        }
        if !begun || self.force {
            check_free(&self.folder, self.force)?;
        }
        if self.teacher.is_some() && self.tuning.freeze == Some(Freeze::Latent) {
            let what = "`freeze`: expected a latent that can follow the teacher, got latent";
            return Err(Error::invalid(what).with_hint("freeze the encoder alone, or leave out `teacher`"));
        }
        if let Validation::Fraction(fraction) = self.validation
            && !(fraction > 0.0 && fraction < 1.0)
        {
            let what = format!("`validation`: expected a path or a fraction between 0 and 1, got {fraction}");
            return Err(Error::invalid(what));
        }
        if self.tuning.early_stop.is_some_and(|epochs| epochs > 0) && self.validation == Validation::None {
            let what = "`early_stop`: expected validation images, got none";
            return Err(Error::invalid(what).with_hint("set `validation` to 0.1, for example"));
        }
        if !(self.checkpoint_seconds.is_finite() && self.checkpoint_seconds >= 0.0) {
            let what = format!("`checkpoint_seconds`: expected 0 or more, got {}", self.checkpoint_seconds);
            return Err(Error::invalid(what));
        }
        Ok(())
    }

    /// All options for images of shape `input`; every one of them is checked.
    pub(super) fn options(&self, from: Option<Model>, input: InputShape) -> Result<TrainOptions> {
        let tuning = &self.tuning;
        let like = from.as_ref().map(|model| &model.metadata);
        if let Some(like) = like
            && like.int8_overlap.is_some()
        {
            let what = format!("`from`: {}: expected weights in floats, got int8", like.name);
            return Err(Error::unsupported(what)
                .with_hint("start from the model that it was quantized from, which its origin names"));
        }
        let family = match (tuning.family, like) {
            (Some(family), _) => family,
            (None, Some(like)) => like.family.parse().map_err(Error::invalid)?,
            (None, None) => TrainOptions::default().family,
        };
        let default = TrainOptions::for_family(family, input.channels);
        let design = like.map_or(default.design, |like| like.design());
        let freeze = tuning.freeze.unwrap_or(default.freeze);
        let options = TrainOptions {
            name: model_name(&self.folder),
            design: Design {
                bits: tuning.bits.unwrap_or(design.bits),
                width: tuning.width.unwrap_or(design.width),
                depth: tuning.depth.unwrap_or(design.depth),
                latent: tuning.latent.unwrap_or(design.latent),
                brightness: tuning.brightness.unwrap_or(design.brightness),
            },
            epochs: tuning.epochs.unwrap_or(default.epochs),
            batch: tuning.batch.unwrap_or_else(|| default.batch_beside(freeze)),
            learning_rate: tuning
                .learning_rate
                .unwrap_or_else(|| default.rate_beside(freeze, like.is_some())),
            weight_decay: tuning.weight_decay.unwrap_or(default.weight_decay),
            weight: tuning.weight.unwrap_or(default.weight),
            temperature: tuning.temperature.unwrap_or(default.temperature),
            freeze,
            precision: tuning.precision.or(like.map(|like| like.precision)).unwrap_or(default.precision),
            augment: tuning.augment.unwrap_or(default.augment),
            seed: tuning.seed.unwrap_or(default.seed),
            denoise: tuning.denoise.unwrap_or(default.denoise),
            early_stop: tuning.early_stop.unwrap_or(default.early_stop),
            from,
            checkpoint: Some(CheckpointOptions {
                file: self.checkpoint_file(),
                interval_seconds: self.checkpoint_seconds,
                resume: self.resume,
            }),
            log: Some(self.folder.join("log.jsonl")),
            threads: self.threads,
            device: self.device,
            ..default
        };
        let latent_size = options.architecture(input)?.latent_size();
        if let Some(bits) = tuning.bits.filter(|&bits| bits > latent_size) {
            let most = format!("at most {latent_size}, the size of the latents of {family}");
            return Err(Error::invalid(format!("`bits`: expected {most}, got {bits}")));
        }
        if self.views_sheet.is_some() && options.augment == Augment::None {
            let what = "`views_sheet`: expected an augmentation to draw, got `augment` none";
            return Err(Error::invalid(what).with_hint("set `augment` to digits or photos"));
        }
        Ok(options)
    }
}

/// A model is called what its folder is called.
fn model_name(folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    absolute.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_before_an_image_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let request = || TrainRequest { folder: dir.path().join("mine"), ..TrainRequest::default() };
        assert!(request().check().is_ok());
        for fraction in [0.0, 1.0, 1.5, -0.1, f64::NAN] {
            let error =
                TrainRequest { validation: Validation::Fraction(fraction), ..request() }.check().unwrap_err();
            assert!(error.to_string().starts_with("`validation`: expected"), "{error}");
        }
        let tuning = Tuning { early_stop: Some(3), ..Tuning::default() };
        let early = TrainRequest { tuning, ..request() };
        assert!(early.check().unwrap_err().to_string().starts_with("`early_stop`"));
        assert!(TrainRequest { validation: Validation::Fraction(0.1), ..early }.check().is_ok());
        let error = TrainRequest { checkpoint_seconds: f64::NAN, ..request() }.check().unwrap_err();
        assert!(error.to_string().starts_with("`checkpoint_seconds`"), "{error}");
    }

    #[test]
    fn a_model_is_replaced_only_by_force() {
        let dir = tempfile::tempdir().unwrap();
        let request = TrainRequest { folder: dir.path().to_path_buf(), ..TrainRequest::default() };
        let write = |name: &str| std::fs::write(dir.path().join(name), "").unwrap();
        let refusal = |request: &TrainRequest| request.check().unwrap_err().to_string();
        let force = TrainRequest { force: true, ..request.clone() };
        write("README.md");
        assert!(refusal(&force).contains("a README.md of its own"), "{}", refusal(&force));
        let log = std::fs::write(dir.path().join("log.jsonl"), "{\"epoch\":1,\"train_loss\":0.5}");
        log.unwrap(); // of a training that ended before its first model
        assert!(request.check().is_ok());
        write("encoder.onnx");
        assert!(refusal(&request).contains("expected a folder without a model"), "{}", refusal(&request));
        assert!(force.check().is_ok());
        write("checkpoint");
        assert!(refusal(&request).contains("expected no unfinished training"), "{}", refusal(&request));
        assert!(force.check().is_ok());
        assert!(TrainRequest { resume: true, ..request }.check().is_ok());
    }

    #[test]
    fn a_folder_of_other_things_is_written_only_by_force() {
        let dir = tempfile::tempdir().unwrap();
        let request = TrainRequest { folder: dir.path().to_path_buf(), ..TrainRequest::default() };
        let put = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        let write = |name: &str| put(name, "");
        let force = TrainRequest { force: true, ..request.clone() };
        [".DS_Store", "curve.png", "log.jsonl"].into_iter().for_each(write);
        let error = request.check().unwrap_err();
        assert!(error.to_string().ends_with("2 files and folders, such as curve.png"), "{error}");
        write("README.md");
        assert!(force.check().unwrap_err().to_string().contains("a README.md of its own"));
        put("log.jsonl", "{\"epoch\":1,\"train_loss\":0.5}\n"); // now they are those of a training
        assert!(request.check().is_ok());
        write("photo.jpg");
        let error = request.check().unwrap_err();
        assert!(error.to_string().ends_with("for the model, got one with photo.jpg"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("`force`")));
        write("clip.onnx");
        let error = request.check().unwrap_err();
        assert!(
            error.to_string().ends_with("got one with 2 files and folders, such as clip.onnx"),
            "{error}"
        );
        assert!(force.check().is_ok());
        write("checkpoint"); // then it was a training's own before
        assert!(TrainRequest { resume: true, ..request }.check().is_ok());
    }

    #[test]
    fn what_is_left_open_is_what_suits_the_family_and_the_channels() {
        let grey = InputShape { channels: 1, height: 28, width: 28 };
        let colour = InputShape { channels: 3, ..grey };
        let request = TrainRequest { folder: "models/mine".into(), ..TrainRequest::default() };
        let [grey_options, colour_options] =
            [grey, colour].map(|shape| request.options(None, shape).unwrap());
        assert_eq!((grey_options.augment, colour_options.augment), (Augment::Digits, Augment::Photos));
        assert_eq!(grey_options.name, "mine");
        let tuning = Tuning { family: Some(Family::Dense), epochs: Some(2), ..Tuning::default() };
        let dense = TrainRequest { tuning, ..request }.options(None, grey).unwrap();
        assert_eq!((dense.family, dense.epochs, dense.batch), (Family::Dense, 2, 32));
        let tuning = Tuning { family: Some(Family::Dense), bits: Some(64), ..Tuning::default() };
        let error = TrainRequest { tuning, ..TrainRequest::default() }.options(None, grey).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`bits`: expected at most 32, the size of the latents of dense, got 64"
        );
        let sheet = TrainRequest {
            views_sheet: Some("v.png".into()),
            tuning: Tuning { family: Some(Family::Dense), ..Tuning::default() },
            ..TrainRequest::default()
        };
        assert!(sheet.options(None, grey).unwrap_err().to_string().starts_with("`views_sheet`"));
    }
}
