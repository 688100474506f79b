//! Light strokes on dark, or dark on light? A model reconstructs images of the polarity it was trained on,
//! and fails on others.
//!
//! For a collection this is decided once, from a sample, when its index is made; for a query from the image
//! itself, and only if its brightness raises a doubt. Photographs are reconstructed about as well in either
//! polarity, so an image stays as it is unless inverting it makes a clear difference.

use crate::encode::{Autoencoder, EncodeOptions, Reconstruction};
use crate::error::{Error, Result};
use crate::images::{Item, invert_pixels};
use crate::model::{Family, Model};

use super::pipeline::Pipeline;
use super::record::Polarity;
use super::sample::{Sample, sample};

/// Images are inverted only if that reduces the reconstruction error to less than this share.
const CLEARLY: f32 = 0.9;

/// Whether images are inverted before they are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Invert {
    /// Decide by the reconstruction error.
    #[default]
    Auto,
    /// Take images as they are.
    Never,
    /// Invert all images.
    Always,
}

impl std::str::FromStr for Invert {
    type Err = Error;

    fn from_str(text: &str) -> Result<Invert> {
        match text {
            "auto" => Ok(Invert::Auto),
            "never" => Ok(Invert::Never),
            "always" => Ok(Invert::Always),
            _ => Err(Error::invalid(format!("`invert`: expected auto, never or always, got {text}"))),
        }
    }
}

impl Polarity {
    /// Decided by the caller, or not at all, for a model without a decoder.
    pub(super) fn fixed(inverted: bool) -> Polarity {
        Polarity { inverted, sampled: 0, error_as_is: 0.0, error_inverted: 0.0, brightness: None }
    }

    /// Whether an image `[C, H, W]` is so much brighter or darker than the collection that its polarity is in
    /// doubt.
    pub(super) fn doubts(&self, image: &[f32]) -> bool {
        let brightness = mean(image);
        self.brightness.is_some_and(|usual| (1.0 - brightness - usual).abs() < (brightness - usual).abs())
    }
}

/// What is to be decided for a model: models of photographs take images as they are, as they know both light
/// on dark and dark on light.
pub(super) fn asked_for(model: &Model, invert: Invert) -> Invert {
    let knows_both = model.metadata.family == Family::Photo.name();
    if invert == Invert::Auto && knows_both { Invert::Never } else { invert }
}

/// Decides for a collection from a sample of its images; for a model without a decoder, they are left as they
/// are.
///
/// # Errors
/// When the model cannot be run.
pub fn decide_polarity(items: &[&Item], invert: Invert, pipeline: &Pipeline<'_>) -> Result<Polarity> {
    Ok(decide_by_sample(items, invert, pipeline)?.0)
}

/// The same as [`decide_polarity`], with the sample as it was read; without images if none had to be read.
pub(super) fn decide_by_sample(
    items: &[&Item],
    invert: Invert,
    pipeline: &Pipeline<'_>,
) -> Result<(Polarity, Sample)> {
    let invert = asked_for(pipeline.model, invert);
    if invert != Invert::Auto {
        return Ok((Polarity::fixed(invert == Invert::Always), Sample::default()));
    }
    let options = EncodeOptions { threads: 1, device: pipeline.options.device };
    let Some(mut autoencoder) = Autoencoder::open(pipeline.runtime, pipeline.model, &options)? else {
        return Ok((Polarity::fixed(false), Sample::default()));
    };
    let mut read = sample(items, &pipeline.decoding(), &[pipeline.model.metadata.input])?;
    let (polarity, _) = decide(&mut read.images[0], invert, &mut autoencoder)?;
    if polarity.sampled > 0 {
        invert_pixels(&mut read.images[0]); // as they were read
    }
    Ok((polarity, read))
}

/// Decides for a collection from a sample of its images `[N, C, H, W]`, and returns their reconstruction in
/// the polarity chosen.
pub(super) fn decide(
    images: &mut [f32],
    invert: Invert,
    autoencoder: &mut Autoencoder,
) -> Result<(Polarity, Reconstruction)> {
    let n_sampled = images.len() / autoencoder.encoder.input().size();
    let fixed = match invert {
        Invert::Auto if n_sampled > 0 => None,
        Invert::Auto | Invert::Never => Some(false),
        Invert::Always => Some(true),
    };
    if let Some(inverted) = fixed {
        if inverted {
            invert_pixels(images);
        }
        return Ok((Polarity::fixed(inverted), autoencoder.reconstruct(images)?));
    }
    let [as_is, negative] = both_ways(images, autoencoder)?;
    let [error_as_is, error_inverted] = [&as_is, &negative].map(|seen| mean(&seen.losses()));
    let inverted = error_inverted < CLEARLY * error_as_is;
    let brightness = mean(images); // they are inverted now
    let brightness = Some(if inverted { brightness } else { 1.0 - brightness });
    let sampled = n_sampled as u32; // a small sample
    let polarity = Polarity { inverted, sampled, error_as_is, error_inverted, brightness };
    Ok((polarity, if inverted { negative } else { as_is }))
}

/// Inverts images `[N, C, H, W]` if the model reconstructs them clearly better so. Returns whether it did.
pub(super) fn correct(images: &mut [f32], autoencoder: &mut Autoencoder) -> Result<bool> {
    let [as_is, negative] = both_ways(images, autoencoder)?.map(|seen| mean(&seen.losses()));
    let better = negative < CLEARLY * as_is;
    if !better {
        invert_pixels(images);
    }
    Ok(better)
}

/// Reconstructs images `[N, C, H, W]`, each in the polarity that the model knows better. The reconstruction
/// of an inverted image is inverted back: originals and reconstructions are in the images' own polarity.
///
/// # Errors
/// As [`Autoencoder::reconstruct`].
pub fn reconstruct_either_way(
    images: &[f32],
    invert: Invert,
    autoencoder: &mut Autoencoder,
) -> Result<Reconstruction> {
    let mut seen = autoencoder.reconstruct(images)?;
    if invert == Invert::Never {
        return Ok(seen);
    }
    let mut negatives = images.to_vec();
    invert_pixels(&mut negatives);
    let negative = autoencoder.reconstruct(&negatives)?;
    let (size, latent_size) = (seen.shape.size(), autoencoder.encoder.latent_size());
    for (i, (as_is, inverted)) in seen.losses().into_iter().zip(negative.losses()).enumerate() {
        if invert == Invert::Always || inverted < CLEARLY * as_is {
            let (image, latent) = (i * size..(i + 1) * size, i * latent_size..(i + 1) * latent_size);
            seen.latents[latent.clone()].copy_from_slice(&negative.latents[latent]);
            seen.images[image.clone()].copy_from_slice(&negative.images[image.clone()]);
            invert_pixels(&mut seen.images[image]);
        }
    }
    Ok(seen)
}

/// The reconstruction of the images as they are, and of the images inverted. Leaves them inverted.
fn both_ways(images: &mut [f32], autoencoder: &mut Autoencoder) -> Result<[Reconstruction; 2]> {
    let as_is = autoencoder.reconstruct(images)?;
    invert_pixels(images);
    Ok([as_is, autoencoder.reconstruct(images)?])
}

fn mean(values: &[f32]) -> f32 {
    (values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_alone_settles_the_usual_case() {
        let dark = Polarity { brightness: Some(0.1), ..Polarity::fixed(false) };
        assert!(!dark.doubts(&[0.0, 0.0, 0.4, 0.4]));
        assert!(dark.doubts(&[1.0, 1.0, 0.6, 0.6]));
        assert!(!Polarity::fixed(false).doubts(&[0.9]));
    }
}
