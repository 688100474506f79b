//! New images: latents drawn from the distribution that a model's training pulled them to, decoded.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use std::fs;
use std::path::{Path, PathBuf};

use super::inputs::write_sheet;
use crate::draw::square_sheet::square_sheet;
use crate::encode::{Decoder, EncodeOptions};
use crate::error::{Error, Result};
use crate::images::{Pixels, to_pixels, write_png};
use crate::model::{Model, Prior, shipped_names};
use crate::observer::Observer;
use crate::output::check_picture;
use crate::runtime::{Device, RuntimeOptions, ensure};

/// A picture of more images than these is too large to look at.
const MAX_COUNT: usize = 10_000;

/// What to draw.
#[derive(Debug, Clone)]
pub struct SampleOptions {
    /// A shipped model's name, or a model folder; else the first shipped model that new images can be drawn
    /// from.
    pub model: Option<String>,
    /// New images, 1 to 10,000.
    pub count: usize,
    /// Seed of the latents.
    pub seed: u64,
    /// Where the decoder runs.
    pub device: Device,
    /// Where ONNX Runtime comes from.
    pub runtime: RuntimeOptions,
    /// The PNG file for all of them; none to get the pixels alone.
    pub sheet: Option<PathBuf>,
    /// A folder that gets a PNG file for each of them.
    pub dir: Option<PathBuf>,
}

impl Default for SampleOptions {
    fn default() -> Self {
        SampleOptions {
            model: None,
            count: 100,
            seed: 0,
            device: Device::Cpu,
            runtime: RuntimeOptions::default(),
            sheet: None,
            dir: None,
        }
    }
}

/// New images.
#[derive(Debug, Clone)]
pub struct Samples {
    /// The name of the model.
    pub model: String,
    /// Each of them.
    pub images: Vec<Pixels>,
    /// All of them as a picture.
    pub sheet: Pixels,
    /// The files of each, where a folder for them is given.
    pub files: Vec<PathBuf>,
}

/// Draws latents from a model's prior and decodes them.
///
/// # Errors
/// When `count` is out of its range, the model has no prior or no decoder, ONNX Runtime cannot be used, or a
/// file cannot be written.
pub fn sample(options: &SampleOptions, observer: &dyn Observer) -> Result<Samples> {
    let count = options.count;
    if !(1..=MAX_COUNT).contains(&count) {
        return Err(Error::invalid(format!("`count`: expected 1 to {MAX_COUNT}, got {count}")));
    }
    options.sheet.as_deref().map_or(Ok(()), check_picture)?;
    let model = options.model.as_deref().map_or_else(default_model, Model::load)?;
    let images = decode(&model, options, observer)?;
    let (name, size) = (model.metadata.name, model.metadata.latent_size);
    let about = format!("{count} latents of {size} numbers from N(0, 1), seed {}", options.seed);
    let sheet = square_sheet([&name, &about], &images);
    write_sheet(options.sheet.as_deref(), &sheet)?;
    let files = options.dir.as_deref().map_or(Ok(Vec::new()), |dir| write_all(dir, &images))?;
    Ok(Samples { model: name, images, sheet, files })
}

/// The first shipped model that new images can be drawn from.
fn default_model() -> Result<Model> {
    let mut models = shipped_names().map(Model::load).filter_map(Result::ok);
    models.find(|model| model.metadata.prior.is_some()).ok_or_else(|| cannot("model", "none is shipped"))
}

/// Images from random latents.
fn decode(model: &Model, options: &SampleOptions, observer: &dyn Observer) -> Result<Vec<Pixels>> {
    let metadata = &model.metadata;
    let Some(Prior::Normal) = metadata.prior else {
        let reason = format!("the latents of `{}` follow no known one", metadata.family);
        return Err(cannot(&metadata.name, &reason));
    };
    let runtime = ensure(&options.runtime, observer)?;
    let encode = EncodeOptions { threads: 1, device: options.device };
    let decoder = Decoder::new(&runtime, model, &encode)?;
    let mut decoder = decoder.ok_or_else(|| cannot(&metadata.name, "it has no decoder"))?;
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    // One by one: the same image for the same place, however many are drawn.
    let mut draw = || {
        let latent: Vec<f32> = (0..metadata.latent_size).map(|_| rng.sample(StandardNormal)).collect();
        Ok(to_pixels(&decoder.decode(&latent)?, metadata.reconstruction))
    };
    (0..options.count).map(|_| draw()).collect()
}

/// One file for each image.
fn write_all(dir: &Path, images: &[Pixels]) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
    let write = |(i, image): (usize, &Pixels)| {
        let path = dir.join(format!("sample-{i:04}.png"));
        write_png(&path, image).map(|()| path)
    };
    images.iter().enumerate().map(write).collect()
}

/// Why a model cannot draw new images, and which ones can.
fn cannot(name: &str, reason: &str) -> Error {
    let able =
        shipped_names().filter(|name| Model::load(name).is_ok_and(|model| model.metadata.prior.is_some()));
    let shipped = able.collect::<Vec<_>>().join(", ");
    let shipped =
        if shipped.is_empty() { String::new() } else { format!("set `model` to one of {shipped}; or ") };
    Error::invalid(format!("{name}: expected latents of a known distribution to draw from: {reason}"))
        .with_hint(format!("{shipped}make a model that can with `train` and the family vae"))
}
