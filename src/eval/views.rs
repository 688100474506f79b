//! How good the model is on a sample of the images, without any label: how well it reconstructs them, and
//! whether it recognizes an image that was moved slightly and made darker or brighter.

use aesearch_index::distance;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::image_set::{ImageSet, load_pixels};
use crate::encode::{Decoder, EncodeOptions, Encoder};
use crate::error::Result;
use crate::gallery::Gallery;
use crate::images::mild_view;
use crate::model::cross_entropy;

/// Images in the sample.
const SAMPLE: usize = 1000;
/// Images in memory at a time.
const BATCH: usize = 100;
/// The distance of an image from a view of itself, compared with the distance of two random images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OwnView {
    /// Images in the sample; as many random pairs are drawn.
    pub images: usize,
    /// Mean Hamming distance of an image and its view, in bits.
    pub own_distance: f64,
    /// Mean Hamming distance of a random pair, in bits.
    pub random_distance: f64,
    /// The chance that an image is nearer to its view than a random pair is to each other, an equal distance
    /// counting half: 1 if a small change never makes images be confused, 0.5 if codes say nothing.
    pub auc: f64,
}

/// How good the model is; none where too few images can be read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ModelQuality {
    /// Mean binary cross-entropy per value, where the model has a decoder.
    pub(super) reconstruction_loss: Option<f64>,
    pub(super) own_view: Option<OwnView>,
}

/// Measures the model on a sample of `images`; those that are gone are left out.
pub(super) fn measure_model(gallery: &Gallery, images: &ImageSet, threads: usize) -> Result<ModelQuality> {
    let pipeline = gallery.pipeline(threads);
    let options = EncodeOptions { threads, device: pipeline.options.device };
    let mut encoder = Encoder::new(pipeline.runtime, pipeline.model, &options)?;
    let mut decoder = Decoder::new(pipeline.runtime, pipeline.model, &options)?;
    let drawn = pipeline.model.metadata.reconstruction.size();
    let (shape, binarizer) = (encoder.input(), &gallery.facts().codes.binarizer);
    let sample = images.spread(SAMPLE);
    let (mut codes, mut views, mut loss) = (Vec::new(), Vec::new(), 0.0);
    for start in (0..sample.len()).step_by(BATCH) {
        let rows: Vec<usize> = (start..sample.len().min(start + BATCH)).collect();
        let items = sample.at(&rows).items(gallery);
        let pixels: Vec<f32> = items
            .into_iter()
            .flatten()
            .filter_map(|item| load_pixels(gallery, &[item], shape))
            .flatten()
            .collect();
        let latents = encoder.encode(&pixels)?;
        if let Some(decoder) = &mut decoder {
            let originals = pipeline.model.metadata.target(pixels.clone());
            loss += cross_entropy(&originals, &decoder.decode(&latents)?);
        }
        codes.extend(binarizer.binarize(&latents));
        let viewed: Vec<f32> = pixels
            .chunks_exact(shape.size())
            .enumerate()
            .flat_map(|(at, image)| mild_view(image, shape, start + at))
            .collect();
        views.extend(binarizer.binarize(&encoder.encode(&viewed)?));
    }
    let n_images = codes.len() / aesearch_index::words(binarizer.bits());
    let loss = (decoder.is_some() && n_images > 0).then(|| loss / (n_images * drawn) as f64);
    Ok(ModelQuality { reconstruction_loss: loss, own_view: own_view(&codes, &views, binarizer.bits()) })
}

/// Compares `codes` with the codes of their `views`, and with each other in random pairs, drawn with a fixed
/// seed.
fn own_view(codes: &[u64], views: &[u64], bits: usize) -> Option<OwnView> {
    let width = aesearch_index::words(bits);
    let n = codes.len() / width;
    if n < 2 {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let code = |at: usize| &codes[at * width..][..width];
    let own: Vec<u32> = (0..n).map(|at| distance(code(at), &views[at * width..][..width])).collect();
    let random = (0..n).map(|at| {
        let other = rng.random_range(0..n - 1);
        distance(code(at), code(other + usize::from(other >= at)))
    });
    let random: Vec<u32> = random.collect();
    let mean = |distances: &[u32]| distances.iter().map(|&d| f64::from(d)).sum::<f64>() / n as f64;
    Some(OwnView {
        images: n,
        own_distance: mean(&own),
        random_distance: mean(&random),
        auc: chance_of_less(&own, &random, bits),
    })
}

/// The chance that one of `a` is less than one of `b`, equal ones counting half: the area under the ROC curve
/// (Mann and Whitney, 1947). All are at most `most`.
fn chance_of_less(a: &[u32], b: &[u32], most: usize) -> f64 {
    let count = |values: &[u32]| {
        let mut counts = vec![0u64; most + 1];
        values.iter().for_each(|&value| counts[value as usize] += 1);
        counts
    };
    let (mut less, mut below) = (0.0, 0u64);
    for (own, other) in count(a).into_iter().zip(count(b)) {
        less += other as f64 * (below as f64 + own as f64 / 2.0);
        below += own;
    }
    less / (a.len() * b.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_counts_ties_half() {
        assert_eq!(chance_of_less(&[0, 1], &[2, 3], 3), 1.0);
        assert_eq!(chance_of_less(&[2, 3], &[0, 1], 3), 0.0);
        assert_eq!(chance_of_less(&[1, 1], &[1, 1], 3), 0.5);
        assert_eq!(chance_of_less(&[1, 2], &[2, 0], 3), (0.5 + 0.5 * 0.5) / 2.0);
    }

    #[test]
    fn pairs_are_never_an_image_and_itself() {
        // codes of 64 bits, each 32 bits from the other, and views one bit from their images
        let (codes, views) = ([0, 0xffff_ffff], [1, 0xffff_fffe]);
        let found = own_view(&codes, &views, 64).unwrap();
        assert_eq!(found, OwnView { images: 2, own_distance: 1.0, random_distance: 32.0, auc: 1.0 });
        assert_eq!(own_view(&codes[..1], &views[..1], 64), None);
    }
}
