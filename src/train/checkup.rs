//! What a trained model makes of images, so that a training that failed says so: do reconstructions differ, do
//! bits change, do latents know an image again better than pixels do?
//!
//! On 2,000 digits of MNIST, reconstructions of sound models vary by 20 to 87 % of what the images do, those of
//! collapsed ones by 0.3 to 5 %. Another image than its own is nearer to a mild view in 0.1 (`conv`) to 0.4 %
//! (`dense`) of all cases by latents, in 0.5 % by pixels, and by latents of collapsed models in 2 to 8 %.

use serde::Serialize;

use super::data::Dataset;
use super::student::fitted_binarizer;
use crate::encode::{Decoder, EncodeOptions, Encoder};
use crate::error::Result;
use crate::images::{mild_view, spread};
use crate::model::Model;
use crate::observer::Note;
use crate::pca::to_unit;
use crate::runtime::Runtime;

/// Images that are looked at, at most, and at least.
const IMAGES: (usize, usize) = (256, 20);
/// Bytes that they take at most, if there are more than the fewest.
const MEMORY: usize = 128 << 20;
/// Images in memory at a time.
const BATCH: usize = 32;
/// Reconstructions that vary by less than this share of what the images do are all alike.
const ALIKE: f64 = 0.1;
/// A bit is dead when at least this share of the images have the same value in it.
const DEAD: f64 = 0.99;
/// Codes may have this share of dead bits without a word.
const FEW_DEAD: f64 = 0.1;

/// Latents that take another image for nearer in less than this share of all cases need not be better than pixels,
/// which may have no fault at all.
const RARE: f64 = 0.01;

/// What a model makes of some images, spread over all that were held out, or else over those it was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Checkup {
    /// The number of images.
    pub images: usize,
    /// Whether they were held out.
    pub held_out: bool,
    /// The variance of reconstructions over the images, as a share of that of the images themselves.
    pub variation: f64,
    /// Bits of a code.
    pub bits: usize,
    /// Bits with the same value in at least 99 % of the images.
    pub dead_bits: usize,
    /// The chance that a view of an image, moved slightly and in other light, is nearer to it than to another
    /// one, by the cosine of latents.
    pub own_view_by_latents: f64,
    /// The same by the Euclidean distance of pixels.
    pub own_view_by_pixels: f64,
}

impl Checkup {
    /// Looks at `model`, which was trained on `data`; none where there are fewer than 20 images, or all are the
    /// same.
    ///
    /// # Errors
    /// When images cannot be read, or ONNX Runtime fails.
    pub(super) fn of(
        runtime: &Runtime,
        model: &Model,
        (data, validation): (&Dataset, Option<&Dataset>),
        options: &EncodeOptions,
    ) -> Result<Option<Checkup>> {
        let held_out = validation.filter(|images| images.len() >= IMAGES.1);
        let images = held_out.unwrap_or(data);
        let mut encoder = Encoder::new(runtime, model, options)?;
        let decoder = Decoder::new(runtime, model, options)?.filter(|_| images.len() >= IMAGES.1);
        let Some(mut decoder) = decoder else { return Ok(None) };
        let seen = Seen::new(&mut encoder, &mut decoder, model, images)?;
        if seen.shown.variance() <= 0.0 {
            return Ok(None);
        }
        let binarizer = fitted_binarizer(&mut encoder, &model.metadata, data)?;
        let [latents, _] = &seen.latents;
        let codes = binarizer.binarize(latents);
        let n = latents.len() / model.metadata.latent_size;
        let [by_latents, by_pixels] =
            [(seen.latents, model.metadata.latent_size, true), (seen.pixels, images.image_size(), false)]
                .map(|(vectors, size, by_cosine)| own_view(vectors, size, by_cosine));
        Ok(Some(Checkup {
            images: n,
            held_out: held_out.is_some(),
            variation: seen.drawn.variance() / seen.shown.variance(),
            bits: binarizer.bits(),
            dead_bits: dead_bits(&codes, binarizer.bits()),
            own_view_by_latents: by_latents,
            own_view_by_pixels: by_pixels,
        }))
    }

    /// What is wrong with it, each with what to try; nothing with a sound model.
    pub fn warnings(&self) -> Vec<Note> {
        const LONGER: &str = "train longer (`epochs`), in steps of fewer images (`batch`), with another \
                              `learning_rate`, or on more images";
        let Checkup { images, variation, bits, dead_bits, own_view_by_latents, own_view_by_pixels, .. } =
            *self;
        let of_images = format!("{images} {}", if self.held_out { "held-out images" } else { "images" });
        let mut warnings = vec![];
        if variation < ALIKE {
            let what = format!(
                "the reconstructions of {of_images} are nearly all alike: they vary by {:.1} % of what the images do",
                100.0 * variation
            );
            warnings.push(Note::warning(what).with_hint(LONGER));
        }
        if dead_bits as f64 > FEW_DEAD * bits as f64 {
            let what = format!(
                "{dead_bits} of {bits} bits are dead: at least 99 % of {of_images} have the same value in them"
            );
            warnings.push(Note::warning(what).with_hint("train longer (`epochs`), or ask for fewer `bits`"));
        }
        let [by_latents, by_pixels] = [own_view_by_latents, own_view_by_pixels].map(|chance| 1.0 - chance);
        if by_latents >= by_pixels.max(RARE) {
            let what = format!(
                "the model recognises images no better than raw pixels do: of {of_images}, each moved slightly, another \
                 image is nearer in {:.1} % of comparisons by latents, {:.1} % by pixels",
                100.0 * by_latents,
                100.0 * by_pixels
            );
            warnings.push(Note::warning(what).with_hint(LONGER));
        }
        // what is to be done about several is said once, after the last
        let last = warnings.len().saturating_sub(1);
        warnings.iter_mut().take(last).for_each(|warning| warning.hint = None);
        warnings
    }
}

/// What a model made of images.
struct Seen {
    /// Of images, and of a mild view of each, `[N, D]`.
    latents: [Vec<f32>; 2],
    /// Of the same, `[N, C, H, W]`.
    pixels: [Vec<f32>; 2],
    /// What was to be reconstructed.
    shown: Spread,
    /// And what was.
    drawn: Spread,
}

impl Seen {
    fn new(encoder: &mut Encoder, decoder: &mut Decoder, model: &Model, images: &Dataset) -> Result<Seen> {
        let size = model.metadata.reconstruction.size();
        let mut seen = Seen {
            latents: [vec![], vec![]],
            pixels: [vec![], vec![]],
            shown: Spread::new(size),
            drawn: Spread::new(size),
        };
        let most = (MEMORY / (2 * size_of::<f32>() * images.image_size())).clamp(IMAGES.1, IMAGES.0);
        for (start, ids) in (0..).step_by(BATCH).zip(spread(images.len(), most).chunks(BATCH)) {
            let mut own = vec![];
            for &id in ids {
                own.extend(images.image(id)?.iter().map(|&value| f32::from(value) / 255.0));
            }
            let of_view = |(i, image)| mild_view(image, images.shape(), start + i);
            let views = own.chunks_exact(images.image_size()).enumerate().flat_map(of_view).collect();
            seen.shown.add(&model.metadata.target(own.clone()));
            for (i, pixels) in [own, views].into_iter().enumerate() {
                let latents = encoder.encode(&pixels)?;
                if i == 0 {
                    seen.drawn.add(&decoder.decode(&latents)?);
                }
                seen.latents[i].extend(latents);
                seen.pixels[i].extend(pixels);
            }
        }
        Ok(seen)
    }
}

/// How much images of one size differ.
struct Spread {
    n: usize,
    sums: Vec<f64>,
    squares: f64,
}

impl Spread {
    fn new(size: usize) -> Spread {
        Spread { n: 0, sums: vec![0.0; size], squares: 0.0 }
    }

    fn add(&mut self, images: &[f32]) {
        for image in images.chunks_exact(self.sums.len()) {
            self.n += 1;
            for (sum, &value) in self.sums.iter_mut().zip(image) {
                *sum += f64::from(value);
                self.squares += f64::from(value) * f64::from(value);
            }
        }
    }

    /// The variance of each value over the images, mean over the values; next to nothing counts as nothing.
    fn variance(&self) -> f64 {
        let n = self.n as f64;
        let of_means: f64 = self.sums.iter().map(|sum| (sum / n) * (sum / n)).sum();
        let variance = (self.squares / n - of_means) / self.sums.len() as f64;
        if variance > 1e-9 { variance } else { 0.0 }
    }
}

/// The bits that hardly any of `codes` `[N, words(bits)]` has another value in.
fn dead_bits(codes: &[u64], bits: usize) -> usize {
    let words = aesearch_index::words(bits);
    let n = codes.len() / words;
    let ones =
        |bit: usize| codes.chunks_exact(words).filter(|code| code[bit / 64] >> (bit % 64) & 1 == 1).count();
    (0..bits).map(ones).filter(|&ones| ones.max(n - ones) as f64 >= DEAD * n as f64).count()
}

/// The chance that a view is nearer to its own image than to another one, equal distances counting half: the
/// mean area under the ROC curve (Mann and Whitney, 1947). Images and views are vectors `[N, size]`.
fn own_view(mut vectors: [Vec<f32>; 2], size: usize, by_cosine: bool) -> f64 {
    if by_cosine {
        vectors.iter_mut().for_each(|vectors| vectors.chunks_exact_mut(size).for_each(to_unit));
    }
    let [images, views] = &vectors;
    let n = images.len() / size;
    let others_farther = |(i, view): (usize, &[f32])| {
        let distance = |image: &[f32]| view.iter().zip(image).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
        let own = distance(&images[i * size..][..size]);
        let farther = |(j, image): (usize, &[f32])| match distance(image).total_cmp(&own) {
            _ if i == j => 0.0,
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        };
        images.chunks_exact(size).enumerate().map(farther).sum::<f64>() / (n - 1) as f64
    };
    views.chunks_exact(size).enumerate().map(others_farther).sum::<f64>() / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: Checkup = Checkup {
        images: 200,
        held_out: true,
        variation: 0.5,
        bits: 64,
        dead_bits: 6,
        own_view_by_latents: 0.97,
        own_view_by_pixels: 0.96,
    };

    #[test]
    fn each_fault_has_its_warning_and_a_sound_model_none() {
        let told = |checkup: Checkup| {
            let warnings = checkup.warnings();
            assert!(warnings.iter().all(|note| note.is_warning));
            assert_eq!(warnings.iter().filter(|note| note.hint.is_some()).count(), warnings.len().min(1));
            warnings.into_iter().map(|note| note.text).collect::<Vec<_>>()
        };
        assert!(told(SOUND).is_empty());
        let alike = told(Checkup { variation: 0.031, ..SOUND });
        assert_eq!(
            alike,
            [
                "the reconstructions of 200 held-out images are nearly all alike: they vary by 3.1 % of what the images do"
            ]
        );
        let dead = told(Checkup { dead_bits: 7, held_out: false, ..SOUND });
        assert_eq!(dead, ["7 of 64 bits are dead: at least 99 % of 200 images have the same value in them"]);
        let [blind] = &told(Checkup { own_view_by_latents: 0.96, ..SOUND })[..] else {
            panic!("one warning")
        };
        assert!(blind.ends_with("in 4.0 % of comparisons by latents, 4.0 % by pixels"), "{blind}");
        let best = Checkup { own_view_by_latents: 0.995, own_view_by_pixels: 1.0, ..SOUND };
        assert!(told(best).is_empty());
        let all = Checkup { variation: 0.0, dead_bits: 64, own_view_by_latents: 0.5, ..SOUND };
        assert_eq!(told(all).len(), 3);
    }

    #[test]
    fn variance_is_that_over_the_images() {
        let variance = |images: &[f32]| {
            let mut spread = Spread::new(2);
            images.chunks(4).for_each(|images| spread.add(images));
            spread.variance()
        };
        assert_eq!(variance(&[0.25, 0.75, 0.25, 0.75, 0.25, 0.75]), 0.0);
        assert_eq!(variance(&[0.0, 1.0, 1.0, 1.0]), 0.125); // a quarter in one of two values
    }

    #[test]
    fn bits_that_one_image_in_a_hundred_has_otherwise_are_dead() {
        let codes =
            |every: usize| (0..200).flat_map(|i| [u64::from(i % every == 0), 0b11]).collect::<Vec<_>>();
        assert_eq!([2, 50, 100].map(|every| dead_bits(&codes(every), 66)), [65, 65, 66]);
    }

    #[test]
    fn a_view_is_nearest_to_its_own_image_or_to_none() {
        let images = vec![0.0, 1.0, 1.0, 1.0, 1.0, 0.0];
        let of = |views: Vec<f32>| own_view([images.clone(), views], 2, false);
        assert_eq!(of(images.clone()), 1.0);
        // those of the first and the last image are changed over
        assert_eq!(of(vec![1.0, 0.0, 1.0, 1.0, 0.0, 1.0]), 1.0 / 3.0);
        assert_eq!(own_view([vec![0.5; 6], vec![0.5; 6]], 2, false), 0.5);
        let longer: Vec<f32> = images.iter().map(|x| 9.0 * x).collect();
        assert_eq!(own_view([images, longer], 2, true), 1.0);
    }
}
