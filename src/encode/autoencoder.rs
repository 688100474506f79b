//! Both networks of a model together: reconstructions of images, and how much they lose.

use super::{Decoder, EncodeOptions, Encoder};
use crate::error::Result;
use crate::images::InputShape;
use crate::model::{Metadata, Model, cross_entropy};
use crate::runtime::Runtime;

/// Encoder and decoder of one model, running.
#[derive(Debug)]
pub struct Autoencoder {
    /// Images to latents.
    pub encoder: Encoder,
    /// Latents to images.
    pub decoder: Decoder,
    metadata: Metadata,
}

/// Images, their latents and their reconstructions.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconstruction {
    /// Channels, height and width of each reconstruction.
    pub shape: InputShape,
    /// What the decoder should reconstruct, f32 [N, C, H, W]: the images, for some models at another
    /// brightness or size.
    pub originals: Vec<f32>,
    /// f32 [N, D]
    pub latents: Vec<f32>,
    /// What it did reconstruct, f32 [N, C, H, W] in 0..=1.
    pub images: Vec<f32>,
}

impl Autoencoder {
    /// Opens both networks; none if the model has no decoder.
    ///
    /// # Errors
    /// As [`Encoder::new`] and [`Decoder::new`].
    pub fn open(runtime: &Runtime, model: &Model, options: &EncodeOptions) -> Result<Option<Autoencoder>> {
        let Some(decoder) = Decoder::new(runtime, model, options)? else { return Ok(None) };
        let encoder = Encoder::new(runtime, model, options)?;
        Ok(Some(Autoencoder { encoder, decoder, metadata: model.metadata.clone() }))
    }

    /// Encodes and decodes images [N, C, H, W].
    ///
    /// # Errors
    /// When `images` is not a whole number of images, or a run fails.
    pub fn reconstruct(&mut self, images: &[f32]) -> Result<Reconstruction> {
        let latents = self.encoder.encode(images)?;
        let reconstructed = self.decoder.decode(&latents)?;
        let originals = self.metadata.target(images.to_vec());
        Ok(Reconstruction { shape: self.metadata.reconstruction, originals, latents, images: reconstructed })
    }
}

impl Reconstruction {
    /// Original and reconstruction of each image, [C, H, W].
    pub fn pairs(&self) -> impl Iterator<Item = (&[f32], &[f32])> {
        let size = self.shape.size();
        self.originals.chunks_exact(size).zip(self.images.chunks_exact(size))
    }

    /// The mean binary cross-entropy per pixel of each image, in nats.
    pub fn losses(&self) -> Vec<f32> {
        let size = self.shape.size() as f64;
        self.pairs().map(|(original, image)| (cross_entropy(original, image) / size) as f32).collect()
    }

    /// The share of the variance of each image that is explained, 0 to 1.
    pub fn explained(&self) -> Vec<f64> {
        self.pairs().map(|(original, image)| explained_variance(original, image)).collect()
    }
}

/// Variance per pixel that counts as noise: two of 256 steps, squared. A flat image has no other variance.
const NOISE: f64 = (2.0 / 255.0) * (2.0 / 255.0);

/// The explained variance R2 of an image, 0 to 1: how much nearer its reconstruction is than a flat image of
/// its mean.
///
/// In contrast to a loss this compares between images of different contrast, and between models of different
/// size.
pub fn explained_variance(original: &[f32], reconstruction: &[f32]) -> f64 {
    let n = original.len().max(1) as f64;
    let mean = original.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let square = |difference: f64| difference * difference;
    let total: f64 = original.iter().map(|&x| square(f64::from(x) - mean)).sum();
    let pairs = original.iter().zip(reconstruction);
    let missed: f64 = pairs.map(|(&x, &y)| square(f64::from(x) - f64::from(y))).sum();
    (1.0 - missed / (total + n * NOISE)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_explains_nothing_and_the_image_itself_everything() {
        let image = [0.0, 0.2, 0.6, 0.8];
        assert_eq!(explained_variance(&image, &image), 1.0);
        assert!(explained_variance(&image, &[0.4; 4]) < 0.01);
        assert_eq!(explained_variance(&image, &[0.8, 0.6, 0.2, 0.0]), 0.0);
        let halfway = image.map(|x| (x + 0.4) / 2.0);
        assert!((explained_variance(&image, &halfway) - 0.75).abs() < 0.01);
    }

    #[test]
    fn a_flat_image_is_explained_by_what_is_about_as_bright() {
        assert!(explained_variance(&[0.5; 9], &[0.502; 9]) > 0.9);
        assert_eq!(explained_variance(&[0.5; 9], &[0.6; 9]), 0.0);
    }
}
