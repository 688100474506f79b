//! New images: latents drawn from the distribution that a model's training pulled them to, decoded.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::draw::canvas::{Area, Canvas, fitted};
use crate::draw::style::{LINE, MARGIN, PAPER, STRONG, TEXT, WEAK};
use crate::encode::{Decoder, EncodeOptions};
use crate::error::{Error, Result};
use crate::images::{Pixels, to_pixels};
use crate::model::{Model, Prior, shipped_names};
use crate::observer::Observer;
use crate::runtime::{Device, RuntimeOptions, ensure};

/// About the width of all images side by side.
const WIDTH: usize = 900;
/// Between images.
const BETWEEN: usize = 4;

/// What to draw.
#[derive(Debug, Clone)]
pub struct SampleOptions {
    /// New images.
    pub count: usize,
    /// Seed of the latents.
    pub seed: u64,
    /// Where the decoder runs.
    pub device: Device,
    /// Where ONNX Runtime comes from.
    pub runtime: RuntimeOptions,
}

/// New images.
#[derive(Debug, Clone)]
pub struct Samples {
    /// Each of them.
    pub images: Vec<Pixels>,
    /// All of them.
    pub sheet: Pixels,
}

/// The first shipped model that new images can be drawn from.
///
/// # Errors
/// When there is none.
pub fn default_model() -> Result<Model> {
    let mut models = shipped_names().map(Model::load).filter_map(Result::ok);
    models.find(|model| model.metadata.prior.is_some()).ok_or_else(|| cannot("model", "none is shipped"))
}

/// Draws latents from the model's prior and decodes them; `observer` hears of what takes long.
///
/// # Errors
/// When the model has no prior or no decoder, or ONNX Runtime cannot be used.
pub fn sample(model: &Model, options: &SampleOptions, observer: &dyn Observer) -> Result<Samples> {
    let metadata = &model.metadata;
    let Some(Prior::Normal) = metadata.prior else {
        return Err(cannot(
            &metadata.name,
            &format!("the latents of `{}` follow no known one", metadata.family),
        ));
    };
    let runtime = ensure(&options.runtime, observer)?;
    let encode = EncodeOptions { threads: 1, device: options.device };
    let decoder = Decoder::new(&runtime, model, &encode)?;
    let mut decoder = decoder.ok_or_else(|| cannot(&metadata.name, "it has no decoder"))?;
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let mut images = Vec::with_capacity(options.count);
    for _ in 0..options.count {
        // One by one: the same image for the same place, however many are drawn.
        let latent: Vec<f32> = (0..metadata.latent_size).map(|_| rng.sample(StandardNormal)).collect();
        images.push(to_pixels(&decoder.decode(&latent)?, metadata.input));
    }
    let about = format!(
        "{} latents of {} numbers from N(0, 1), seed {}",
        images.len(),
        metadata.latent_size,
        options.seed
    );
    let sheet = sheet([&metadata.name, &about], &images);
    Ok(Samples { images, sheet })
}

/// New images cannot be had, for this reason.
fn cannot(name: &str, reason: &str) -> Error {
    let able =
        shipped_names().filter(|name| Model::load(name).is_ok_and(|model| model.metadata.prior.is_some()));
    let shipped = able.collect::<Vec<_>>().join(", ");
    let shipped =
        if shipped.is_empty() { String::new() } else { format!("say --model with one of {shipped}; or ") };
    Error::invalid(format!("{name}: expected latents of a known distribution to draw from: {reason}"))
        .with_hint(format!(
            "{shipped}`aesearch train DATA --family vae -o models/mine` trains a model that can"
        ))
}

/// All images in a square, or nearly.
fn sheet([title, about]: [&str; 2], images: &[Pixels]) -> Pixels {
    let columns = images.len().isqrt() + usize::from(images.len().isqrt().pow(2) < images.len());
    let columns = columns.max(1);
    let (width, height) = images.first().map_or((1, 1), |image| (image.width, image.height));
    let zoom = (WIDTH / (columns * width)).clamp(1, 8);
    let (cell, tall) = (zoom * width, zoom * height);
    let across = (columns * (cell + BETWEEN)).max(WIDTH / 2);
    let top = MARGIN + 3 * LINE;
    let down = images.len().div_ceil(columns) * (tall + BETWEEN);
    let mut canvas = Canvas::new(2 * MARGIN + across - BETWEEN, top + down + MARGIN - BETWEEN, PAPER);
    for (i, (line, pen)) in [(title, STRONG), (about, WEAK)].into_iter().enumerate() {
        canvas.text((MARGIN, MARGIN + i * LINE), &fitted(line, TEXT, across), pen);
    }
    for (i, image) in images.iter().enumerate() {
        let (x, y) = (MARGIN + i % columns * (cell + BETWEEN), top + i / columns * (tall + BETWEEN));
        canvas.image(image, Area { x, y, width: cell, height: tall });
    }
    canvas.into_pixels()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_of_any_number_are_nearly_square() {
        for n in [0, 1, 2, 7, 100, 101] {
            let image = Pixels { width: 28, height: 28, channels: 1, data: vec![9; 28 * 28] };
            let drawn = sheet(["a model", "so many"], &vec![image; n]);
            assert!(drawn.width < 1200 && drawn.height < 1300, "{n}: {}x{}", drawn.width, drawn.height);
            let inked = drawn.data.chunks_exact(3).filter(|dot| *dot == [9; 3]).count();
            assert_eq!(inked % (28 * 28), 0);
            assert!(inked >= n * 28 * 28);
        }
    }
}
