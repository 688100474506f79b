//! A teacher: any encoder, whose features of the training images a student learns to follow.
//!
//! Each image is read from its own file at the teacher's size, not blown up from what the student sees, and
//! encoded once. Images go to the encoders in parts that do not depend on the number of threads, so that
//! neither do the features.

use std::time::Instant;

use super::lessons::Lessons;
use super::sessions::for_each_thread;
use super::warm::weights_of;
use crate::encode::{EncodeOptions, Encoder, probe};
use crate::error::{Error, Result};
use crate::images::{self, Item, Limits, Needed, Resizer};
use crate::model::{Foreign, Format, Layout, LoadOptions, Metadata, Model, Size, features_onnx};
use crate::observer::{Observer, Progress, Stage};
use crate::runtime::{Device, Runtime};

use rayon::prelude::*;

/// Images at a time for each encoder.
const PART: usize = 16;
/// Images that another program's encoder is tried on first.
const TRIED: usize = 8;
/// Images that the time is measured on, and how often.
const TIMED: (usize, usize) = (16, 3);

/// Which encoder teaches.
#[derive(Debug, Clone)]
pub struct TeacherRequest {
    /// A shipped model's name, a model folder, or an ONNX file.
    pub model: String,
    /// How it is opened: what is known of an encoder that another program made.
    pub load: LoadOptions,
}

/// A teacher, running.
pub(super) struct Teacher {
    model: Model,
    /// One for each thread; a single one on a GPU.
    encoders: Vec<Encoder>,
}

impl Teacher {
    /// Opens the encoder of `model`, behind its pooled features where it has some.
    ///
    /// # Errors
    /// When its files are damaged, or ONNX Runtime refuses them.
    pub(super) fn open(runtime: &Runtime, model: Model, device: Device) -> Result<Teacher> {
        let model = pooled(model)?;
        let options = EncodeOptions { device, ..EncodeOptions::default() };
        let encoders = for_each_thread(|| Encoder::new(runtime, &model, &options), Encoder::device)?;
        Ok(Teacher { model, encoders })
    }

    /// Numbers per image.
    pub(super) fn size(&self) -> usize {
        self.model.metadata.latent_size
    }

    /// Features of all of `items` that can be read, in their order.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the observer stops it; when the encoder is not fit for use, fails, or gives
    /// what are no numbers.
    pub(super) fn lessons(&mut self, items: &[Item], observer: &dyn Observer) -> Result<Lessons> {
        let name = self.model.metadata.name.clone();
        let first = self.first(items);
        if first.is_empty() {
            return Err(Error::invalid("images for the teacher: expected some that can be read, got none"));
        }
        if self.model.foreign.is_some() {
            let size = self.encoders[0].input().size();
            probe(&mut self.encoders[0], &name, &first[..first.len().min(TRIED * size)])?;
        }
        observer.stage(Stage::images("asking the teacher about"));
        let mut values = vec![];
        let at_once = PART * self.encoders.len();
        for (i, part) in items.chunks(at_once).enumerate() {
            if observer.should_stop() {
                return Err(Error::Interrupted);
            }
            let features: Result<Vec<Vec<f32>>> = self
                .encoders
                .par_iter_mut()
                .zip(part.par_chunks(PART))
                .map(|(encoder, items)| encoder.encode(&read(encoder, items)))
                .collect();
            values.extend(features?.concat());
            observer.progress(&Progress::of(i * at_once + part.len(), items.len()));
        }
        if values.iter().any(|x| !x.is_finite()) {
            let what = format!("{name}: features: expected finite numbers, got NaN or infinity");
            return Err(Error::unsupported(what).with_hint("check how images are fed: `description`"));
        }
        let image_us = image_us(&mut self.encoders[0], &first)?;
        let teacher = format!("{name} (SHA-256 {})", self.model.sha256);
        let fed =
            self.model.foreign.as_ref().map_or_else(String::new, |foreign| format!("{:?}", foreign.format));
        Ok(Lessons { teacher, fed, size: self.size(), values, image_us })
    }

    /// The first of `items` that can be read, enough to measure the time on.
    fn first(&self, items: &[Item]) -> Vec<f32> {
        let (encoder, mut first) = (&self.encoders[0], vec![]);
        let enough = TIMED.0 * encoder.input().size();
        for part in items.chunks(TIMED.0) {
            first.extend(read(encoder, part));
            if first.len() >= enough {
                break;
            }
        }
        first.truncate(enough);
        first
    }
}

/// Those of `items` that can be read, as the encoder takes them, one behind the other.
fn read(encoder: &Encoder, items: &[Item]) -> Vec<f32> {
    let (shape, limits) = (encoder.input(), Limits::default());
    let mut resizer = Resizer::default();
    let mut all = vec![];
    for item in items {
        let mut image = vec![0.0; shape.size()];
        let read = images::load_for(item, &limits, Needed::inputs(&[shape]))
            .and_then(|loaded| resizer.to_input(&loaded.pixels, shape, &mut image));
        if read.is_ok() {
            all.extend(image);
        }
    }
    all
}

/// The time that an image takes to encode, in microseconds: of a few runs over `images`, the shortest.
///
/// # Errors
/// When the encoder fails.
pub(super) fn image_us(encoder: &mut Encoder, images: &[f32]) -> Result<f64> {
    let n = (images.len() / encoder.input().size()).max(1);
    let mut best = f64::INFINITY;
    for _ in 0..TIMED.1 {
        let start = Instant::now();
        encoder.encode(images)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best * 1e6 / n as f64)
}

/// A model of a family with pooled features, cut behind them: they say more than what is projected from them,
/// and are all there is where the projection was never trained. Other models stay.
///
/// What is cut has another output and another size than a model file of ours, as only a foreign encoder may:
/// so it becomes one, fed as ours are (pixels in 0..=1) and with no file of its own. Like a foreign one it is
/// probed first.
fn pooled(model: Model) -> Result<Model> {
    if model.foreign.is_some() || model.metadata.int8_overlap.is_some() {
        return Ok(model);
    }
    let architecture = model.architecture()?;
    let layers = architecture.feature_layers();
    if layers == 0 {
        return Ok(model);
    }
    let weights = weights_of(&model, &architecture, 0)?;
    let file = features_onnx(&architecture, &weights, layers);
    let latent = architecture.tail(layers)?.image().len();
    let input = architecture.input;
    let format = Format {
        size: Size { height: input.height, width: input.width },
        channels: input.channels,
        layout: Layout::Nchw,
        mean: vec![0.0; input.channels],
        std: vec![1.0; input.channels],
        range: 1,
        input: "image".into(),
        output: "features".into(),
        pool: None,
        latent,
        bits: model.metadata.bits,
    };
    let encoder = file.to_bytes();
    let bytes = encoder.len() as u64;
    let foreign = Foreign { format, batch: None, external: vec![], bytes, path: "".into(), folds: true };
    let metadata = Metadata { latent_size: latent, ..model.metadata.clone() };
    Ok(Model { metadata, encoder: encoder.into(), decoder: None, foreign: Some(foreign), ..model })
}
