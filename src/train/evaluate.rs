//! The loss of a model on images, measured on its exported files: what a user of these files will get.

use super::data::Dataset;
use super::options::TrainOptions;
use crate::error::{Error, Result};
use crate::images::add_noise;
use crate::model::{Metadata, cross_entropy};
use crate::runtime::{Input, Runtime, SessionOptions, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Images per run: so many, and fewer where they are large, as all that a layer makes of them lies in memory.
const BATCH: usize = 250;
const NUMBERS: usize = 1_000_000;

/// Mean binary cross-entropy per pixel of the reconstructions of `data`, in nats.
///
/// `[encoder, decoder]` are ONNX files. With `options.denoise`, the encoder sees noisy images; the noise has
/// a seed of its own, so that every epoch is measured on the same ones.
pub(crate) fn reconstruction_loss(
    runtime: &Runtime,
    [encoder, decoder]: [&[u8]; 2],
    data: &Dataset,
    options: &TrainOptions,
    metadata: &Metadata,
) -> Result<f64> {
    let session = SessionOptions {
        threads: options.threads,
        device: options.device,
        flush_denormals: true,
        ..SessionOptions::default()
    };
    let mut encoder = runtime.session(encoder, &session)?;
    let mut decoder = runtime.session(decoder, &session)?;
    let mut rng = ChaCha8Rng::seed_from_u64(0x76_616c);
    let shape = data.shape();
    let n = (NUMBERS / shape.size()).clamp(1, BATCH);
    let mut sum = 0.0;
    for start in (0..data.len()).step_by(n) {
        let end = (start + n).min(data.len());
        let clean = data.batch_outermost(start..end)?;
        let noisy = (options.denoise > 0.0).then(|| add_noise(&clean, options.denoise, &mut rng));
        let dims = [end - start, shape.channels, shape.height, shape.width];
        let seen = Input::Slice(&dims, noisy.as_deref().unwrap_or(&clean));
        let latent = only(encoder.run(&[("image", seen)])?)?;
        let image = only(decoder.run(&[("latent", Input::Tensor(&latent))])?)?;
        sum += cross_entropy(&metadata.target(clean), image.data());
    }
    Ok(sum / (data.len() * metadata.reconstruction.size()) as f64)
}

/// The single output of a model.
pub(crate) fn only(mut outputs: Vec<Tensor>) -> Result<Tensor> {
    let count = outputs.len();
    outputs
        .pop()
        .filter(|_| count == 1)
        .ok_or_else(|| Error::runtime(format!("expected 1 output, got {count}")))
}
