//! Light ink on dark, or dark on light? A model reconstructs what it was trained on; the other way round it fails.
//!
//! For a collection the question is put once, to a sample, when its index is made; for a query to the one image, and only
//! where its brightness raises a doubt. Natural photographs look much the same to both, so the image stays as it is unless
//! inverting makes it clearly better.

use crate::encode::{Decoder, Encoder};
use crate::error::Result;
use crate::images::{Item, Limits, Resizer, invert_ink, load};

use super::record::Ink;

/// Images looked at for a collection.
const SAMPLE: usize = 64;

/// Inverted only if the reconstruction's error falls below this share of the error as it is.
const CLEARLY: f32 = 0.9;

/// What to do about dark ink on light paper.
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
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Invert> {
        match text {
            "auto" => Ok(Invert::Auto),
            "never" => Ok(Invert::Never),
            "always" => Ok(Invert::Always),
            _ => Err(crate::Error::usage(format!("invert: expected auto, never or always, got `{text}`"))),
        }
    }
}

impl Ink {
    /// Decided by the user, or for want of a decoder.
    pub(super) fn fixed(inverted: bool) -> Ink {
        Ink { inverted, sampled: 0, error_as_is: 0.0, error_inverted: 0.0, brightness: None }
    }

    /// Whether an image [C, H, W] is so much brighter or darker than the collection that its ink is in doubt.
    pub(super) fn doubts(&self, image: &[f32]) -> bool {
        let brightness = mean(image);
        self.brightness.is_some_and(|usual| (1.0 - brightness - usual).abs() < (brightness - usual).abs())
    }
}

/// Decides for a collection, from images spread evenly over it.
pub(super) fn decide(
    items: &[&Item],
    limits: &Limits,
    encoder: &mut Encoder,
    decoder: &mut Decoder,
) -> Result<Ink> {
    let shape = encoder.input();
    let (mut resizer, mut images) = (Resizer::new(), Vec::new());
    let n_sampled = items.len().min(SAMPLE);
    for index in 0..n_sampled {
        let Ok(loaded) = load(items[index * items.len() / n_sampled], limits) else { continue };
        let start = images.len();
        images.resize(start + shape.size(), 0.0);
        if resizer.to_input(&loaded.pixels, shape, &mut images[start..]).is_err() {
            images.truncate(start);
        }
    }
    if images.is_empty() {
        return Ok(Ink::fixed(false));
    }
    let sampled = (images.len() / shape.size()) as u32; // at most SAMPLE
    let [error_as_is, error_inverted] = errors(&mut images, encoder, decoder)?;
    let inverted = error_inverted < CLEARLY * error_as_is;
    let brightness = mean(&images); // `errors` leaves them inverted
    let brightness = Some(if inverted { brightness } else { 1.0 - brightness });
    Ok(Ink { inverted, sampled, error_as_is, error_inverted, brightness })
}

/// Decides for images [N, C, H, W]: inverts them, or leaves them as they are. Returns whether it inverted.
pub(super) fn correct(images: &mut [f32], encoder: &mut Encoder, decoder: &mut Decoder) -> Result<bool> {
    let [as_is, inverted] = errors(images, encoder, decoder)?;
    let better = inverted < CLEARLY * as_is;
    if !better {
        invert_ink(images);
    }
    Ok(better)
}

/// The reconstruction's error of the images as they are, and of the images inverted, which they are thereafter.
fn errors(images: &mut [f32], encoder: &mut Encoder, decoder: &mut Decoder) -> Result<[f32; 2]> {
    let mut error = |images: &[f32]| -> Result<f32> {
        let latents = encoder.encode(images)?;
        Ok(cross_entropy(images, &decoder.decode(&latents)?))
    };
    let as_is = error(images)?;
    invert_ink(images);
    Ok([as_is, error(images)?])
}

/// Mean binary cross-entropy per pixel of a reconstruction.
fn cross_entropy(images: &[f32], reconstructions: &[f32]) -> f32 {
    let of_pixel = |(&x, &r): (&f32, &f32)| {
        let r = f64::from(r).clamp(1e-7, 1.0 - 1e-7);
        -(f64::from(x) * r.ln() + (1.0 - f64::from(x)) * (1.0 - r).ln())
    };
    let sum: f64 = images.iter().zip(reconstructions).map(of_pixel).sum();
    (sum / images.len().max(1) as f64) as f32
}

fn mean(values: &[f32]) -> f32 {
    (values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_alone_settles_the_usual_case() {
        let dark = Ink { brightness: Some(0.1), ..Ink::fixed(false) };
        assert!(!dark.doubts(&[0.0, 0.0, 0.4, 0.4]));
        assert!(dark.doubts(&[1.0, 1.0, 0.6, 0.6]));
        assert!(!Ink::fixed(false).doubts(&[0.9]));
    }

    #[test]
    fn the_error_is_the_cross_entropy() {
        assert!(cross_entropy(&[0.0, 1.0], &[0.0, 1.0]) < 1e-6);
        assert!((cross_entropy(&[0.0, 1.0], &[0.5, 0.5]) - std::f32::consts::LN_2).abs() < 1e-6);
        assert!(cross_entropy(&[1.0], &[0.0]) > 10.0);
        assert_eq!(cross_entropy(&[], &[]), 0.0);
    }
}
