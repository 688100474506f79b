//! Whether an encoder of another program is fit for use, judged by the latents of a few images.
//!
//! Each image is encoded alone and together with the others. An encoder in training mode normalizes by what
//! else is in the batch, so that the latents of one image differ; one that is fed wrongly may give all images
//! the same.

use super::sessions::Encoder;
use crate::error::{Error, Result};
use crate::images::invert_pixels;

/// No number of a latent may be larger: squares, and sums of them over the largest latent and all images that
/// a binarizer is fitted to, stay far from the largest f32.
pub(crate) const LARGEST: f32 = 1e15;

/// If no number is larger, squares vanish.
const SMALLEST: f32 = 1e-15;

/// Latents of one image, alone and in a batch, that differ by more than this share of the distance between
/// two images. Measured: 0 for EfficientNet-Lite0, 0.03 with its activations quantized by what is in the
/// batch, 0.66 for a small network that normalizes by the batch.
const APART: f32 = 0.1;

/// Latents of different images that differ by less than this share of their length are the same.
const SAME: f32 = 1e-5;

/// Images whose pixels differ by more than this in the mean are different ones.
const DIFFERENT: f32 = 0.02;

/// Whether all numbers of a latent are finite and none is so large that computing with it gives infinity.
pub fn is_usable(latent: &[f32]) -> bool {
    latent.iter().all(|number| number.abs() <= LARGEST) // false for NaN
}

/// Encodes images [N, C, H, W] alone and together, with the negative of the first as one more.
///
/// # Errors
/// `Unsupported` when the encoder is not fit for use, with the reason; or when it fails.
pub fn probe(encoder: &mut Encoder, name: &str, images: &[f32]) -> Result<()> {
    let size = encoder.input().size();
    let Some(first) = images.get(..size) else { return Ok(()) };
    let mut negative = first.to_vec();
    invert_pixels(&mut negative);
    let images = [images, &negative].concat();
    let alone = encoder.encode_by(1, &images)?;
    let together = encoder.encode_by(images.len() / size, &images)?;
    let seen = Seen {
        size,
        latent_size: encoder.latent_size(),
        images: &images,
        alone: &alone,
        together: &together,
    };
    seen.judge().map_err(|(expected, got, hint)| {
        Error::unsupported(format!("{name}: latents: expected {expected}, got {got}")).with_hint(hint)
    })
}

/// Images and their latents.
struct Seen<'a> {
    size: usize,
    latent_size: usize,
    images: &'a [f32],
    alone: &'a [f32],
    together: &'a [f32],
}

/// What was expected, what was found, and what to do.
type Verdict = Result<(), (String, String, &'static str)>;

impl Seen<'_> {
    fn judge(&self) -> Verdict {
        let [alone, together] =
            [self.alone, self.together].map(|all| all.chunks_exact(self.latent_size).collect::<Vec<_>>());
        let usable: Vec<usize> =
            (0..alone.len()).filter(|&i| is_usable(alone[i]) && is_usable(together[i])).collect();
        if usable.is_empty() {
            let worst = self.alone.iter().find(|&&number| !is_usable(&[number])).unwrap_or(&f32::NAN);
            let expected = format!("finite numbers up to {LARGEST:e}");
            return Err((expected, format!("{worst:e}"), FED));
        }
        let pixels: Vec<&[f32]> = self.images.chunks_exact(self.size).collect();
        let pairs = || {
            let pairs =
                usable.iter().flat_map(|&i| usable.iter().map(move |&j| (i, j))).filter(|(i, j)| i < j);
            pairs.filter(|&(i, j)| mean_difference(pixels[i], pixels[j]) > DIFFERENT)
        };
        let between = |latents: &[&[f32]]| median(pairs().map(|(i, j)| distance(latents[i], latents[j])));
        let apart = between(&alone).max(between(&together));
        let own = median(usable.iter().map(|&i| distance(alone[i], together[i])));
        if apart > 0.0 && own > APART * apart {
            let percent = 100.0 * own / apart;
            let expected = "the same for an image alone and in a batch".to_owned();
            let got = format!("ones that differ by {percent:.0} % of the distance between two images");
            return Err((expected, got, TRAINING));
        }
        let largest = usable.iter().flat_map(|&i| alone[i]).fold(0.0, |most: f32, x| most.max(x.abs()));
        let length = median(usable.iter().map(|&i| distance(alone[i], &vec![0.0; self.latent_size])));
        let expected = || "different ones for different images".to_owned();
        if largest < SMALLEST {
            return Err((expected(), "zeros for all".to_owned(), FED));
        }
        if pairs().next().is_some() && pairs().all(|(i, j)| distance(alone[i], alone[j]) <= SAME * length) {
            return Err((expected(), "the same for all".to_owned(), FED));
        }
        Ok(())
    }
}

const TRAINING: &str =
    "export the encoder for inference, not in training mode (in PyTorch after model.eval())";
const FED: &str = "check how the images are fed, and which output is used: `description`";

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt() as f32
}

fn mean_difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len().max(1) as f32
}

/// The middle one; 0 of none.
fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.collect();
    values.sort_unstable_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four images of four pixels.
    const IMAGES: [f32; 16] =
        [0.0, 0.1, 0.2, 0.3, 0.9, 0.8, 0.1, 0.0, 0.5, 0.5, 0.5, 0.5, 1.0, 0.9, 0.8, 0.7];

    fn judged(alone: &[f32], together: &[f32]) -> Result<(), String> {
        let seen = Seen { size: 4, latent_size: 2, images: &IMAGES, alone, together };
        seen.judge().map_err(|(_, got, _)| got)
    }

    #[test]
    fn latents_of_an_image_may_differ_a_little_and_not_much() {
        let latents = [1.0, 2.0, 3.0, -1.0, 0.0, 2.5, -2.0, 0.5];
        assert_eq!(judged(&latents, &latents), Ok(()));
        assert_eq!(judged(&latents, &latents.map(|x| x + 0.02)), Ok(()));
        let got = judged(&latents, &latents.map(|x| x * 0.5)).unwrap_err();
        assert!(got.starts_with("ones that differ by"), "{got}");
        let got = judged(&[0.0; 8], &latents).unwrap_err();
        assert!(got.starts_with("ones that differ by"), "{got}");
    }

    #[test]
    fn equal_latents_are_noticed_unless_the_images_are_equal() {
        assert_eq!(judged(&[0.0; 8], &[0.0; 8]).unwrap_err(), "zeros for all");
        assert_eq!(judged(&[1e-20; 8], &[1e-20; 8]).unwrap_err(), "zeros for all");
        let same = [1.0, -2.0].repeat(4);
        assert_eq!(judged(&same, &same).unwrap_err(), "the same for all");
        let images = [0.5; 16];
        let seen = Seen { size: 4, latent_size: 2, images: &images, alone: &same, together: &same };
        assert!(seen.judge().is_ok());
    }

    #[test]
    fn one_image_without_a_usable_latent_is_no_fault_of_the_encoder_but_all_are() {
        let latents = [f32::NAN, 2.0, 3.0, -1.0, 0.0, 2.5, -2.0, 0.5];
        assert_eq!(judged(&latents, &latents), Ok(()));
        assert_eq!(judged(&[1e20; 8], &[1e20; 8]).unwrap_err(), "1e20");
        assert_eq!(judged(&[f32::NAN; 8], &[f32::NAN; 8]).unwrap_err(), "NaN");
        assert!(
            is_usable(&[LARGEST, -LARGEST]) && !is_usable(&[2.0 * LARGEST]) && !is_usable(&[f32::INFINITY])
        );
    }
}
