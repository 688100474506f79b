//! The model `auto`: which of the shipped models suits these images best.
//!
//! Two things count. A model of one kind of images, such as digits, is taken where it explains them: where
//! its reconstructions keep enough of their variance, 1 - SSE / SST, the squared error against that of a flat
//! image of the same mean, for each image at the model's own size. (For a grey model it is multiplied by the
//! share of the variance that a perfect grey image would explain.) And a model must tell images apart: an
//! image moved slightly and in other light must be nearer to itself than to all others of the sample.
//! Reconstructions alone mislead: what a model draws well, it need not distinguish.

use crate::encode::{Autoencoder, EncodeOptions, Reconstruction, explained_variance};
use crate::error::Result;
use crate::images::{Decoding, InputShape, Item, Limits, MemoryBudget, invert_pixels, mild_view, spread};
use crate::model::{LoadOptions, Model, candidates};
use crate::observer::{Note, Observer};
use crate::output::count;
use crate::runtime::{Device, Runtime, RuntimeOptions, ensure};

use super::polarity::{self, Invert};
use super::record::Polarity;
use super::sample::sample;
use super::views::{POOR, SOME, is_poor, recognized};

/// A model that explains so much was made for such images, and the others are not asked. Measured:
/// `digits-64` explains 0.77 of MNIST and 0.01 of CIFAR-10.
const SURE: f64 = 0.6;

/// Below this, images are not of the kind that a model was made for.
const WELL: f64 = 0.35;

/// An earlier candidate that explains images well is left only for one that recognizes so much more of them.
const MORE: f64 = 0.1;

/// Inputs of more numbers than this are large: of these, a model sees [`SOME`] images.
const LARGE: usize = 64 * 64 * 3;

/// How to choose a model.
#[derive(Debug, Clone)]
pub struct ChooseOptions {
    /// A shipped model's name, a model folder or file, or `auto`.
    pub model: String,
    /// How a model of another program is opened; none where only a model of this program will do.
    pub load: Option<LoadOptions>,
    /// Where the candidates run.
    pub device: Device,
    /// Whether images are inverted for them.
    pub invert: Invert,
    /// The limits for one image.
    pub limits: Limits,
    /// The memory for decoding.
    pub budget: MemoryBudget,
    /// Where ONNX Runtime comes from; looked for only if there is something to choose.
    pub runtime: RuntimeOptions,
}

impl Default for ChooseOptions {
    fn default() -> Self {
        ChooseOptions::new(RuntimeOptions::default())
    }
}

impl ChooseOptions {
    fn named(&self) -> Result<Model> {
        self.load.as_ref().map_or_else(|| Model::load(&self.model), |load| Model::load_any(&self.model, load))
    }

    /// The defaults, with ONNX Runtime from where `runtime` says.
    pub fn new(runtime: RuntimeOptions) -> Self {
        ChooseOptions {
            model: "auto".to_owned(),
            load: None,
            device: Device::Cpu,
            invert: Invert::Auto,
            limits: Limits::default(),
            budget: MemoryBudget::default(),
            runtime,
        }
    }
}

/// How a model was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The models that were considered, in the order of preference; the last ones not, where an earlier one
    /// was sure to be taken.
    pub candidates: Vec<Candidate>,
    /// Which of them was taken.
    pub taken: usize,
}

/// A model that was considered.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// The share of an image's variance that its reconstruction explains, 0 to 1; mean over the images.
    pub explained: f64,
    /// The share of images to which a slightly other view of them is nearest, 0 to 1.
    pub recognized: f64,
    /// The number of those images; the same for all candidates.
    pub images: usize,
}

impl Choice {
    /// The model that was taken.
    pub fn taken(&self) -> &Candidate {
        &self.candidates[self.taken]
    }

    /// Whether even that one hardly tells the images apart.
    pub fn is_poor(&self) -> bool {
        is_poor(self.taken().recognized, self.taken().images)
    }
}

/// The model that `options` name; for `auto`, the candidate that suits a sample of `items` best. The
/// observer is told about the choice. Where there was one, the polarity of the images was decided with it.
///
/// # Errors
/// `NotFound` when there is no such model, `Runtime` when ONNX Runtime cannot be used.
pub fn choose(
    items: &[&Item],
    options: &ChooseOptions,
    observer: &dyn Observer,
) -> Result<(Model, Option<Polarity>)> {
    if options.model != "auto" || items.is_empty() {
        return Ok((options.named()?, None));
    }
    let runtime = ensure(&options.runtime, observer)?;
    let mut models = candidates()?;
    let (choice, polarities) = judge(&models, items, &runtime, options)?;
    if choice.taken().images == 0 {
        return Ok((options.named()?, None));
    }
    announce(&choice, observer);
    Ok((models.swap_remove(choice.taken), Some(polarities[choice.taken])))
}

/// Which model `auto` stands for, and why; a warning if even that one hardly tells the images apart.
fn announce(choice: &Choice, observer: &dyn Observer) {
    let share = |share: f64| format!("{:.0} %", 100.0 * share);
    let taken = choice.taken();
    let others = choice.candidates.iter().filter(|other| other.name != taken.name);
    let others: Vec<String> = others
        .map(|other| format!("{} {} and {}", other.name, share(other.recognized), share(other.explained)))
        .collect();
    let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
    let (name, images) = (&taken.name, count(taken.images as u64, "image"));
    let (recognized, explained) = (share(taken.recognized), share(taken.explained));
    observer.note(&Note::new(format!(
        "model {name}: it recognizes {recognized} of {images} in other views, and explains {explained} of the \
         variance{others}"
    )));
    if choice.is_poor() {
        let what =
            format!("no shipped model was trained on images like these; {name} hardly tells them apart");
        observer.note(
            &Note::warning(what).with_hint("train a model on them with `train`, and pass it as `model`"),
        );
    }
}

/// Lets `models` see a sample of `items`, one after the other until one is sure. Returns the choice, and the
/// polarity that each model needs.
pub(super) fn judge(
    models: &[Model],
    items: &[&Item],
    runtime: &Runtime,
    options: &ChooseOptions,
) -> Result<(Choice, Vec<Polarity>)> {
    let (mut candidates, mut polarities) = (Vec::new(), Vec::new());
    for model in models {
        let input = model.metadata.input;
        let of_drawn = InputShape { channels: 3, ..model.metadata.reconstruction };
        let (limits, budget) = (options.limits, options.budget.clone());
        let how = Decoding { limits, budget, ..Decoding::default() };
        let most = if input.size() > LARGE { SOME } else { items.len() };
        let seen: Vec<&Item> = spread(items.len(), most).into_iter().map(|i| items[i]).collect();
        let samples = sample(&seen, &how, &[input, of_drawn])?.images;
        let [mut images, coloured]: [Vec<f32>; 2] = samples.try_into().unwrap_or_default();
        let compared = spread(images.len() / input.size(), SOME);
        let encode = EncodeOptions { threads: 1, device: options.device };
        let (name, n) = (model.metadata.name.clone(), compared.len());
        let mut candidate = Candidate { name, explained: 0.0, recognized: 0.0, images: n };
        let mut polarity = Polarity::fixed(false); // of a model without a decoder
        if let Some(mut autoencoder) = Autoencoder::open(runtime, model, &encode)? {
            let image = |id: usize| &images[id * input.size()..][..input.size()];
            let view = |(i, &id): (usize, &usize)| mild_view(image(id), input, i);
            let mut views: Vec<f32> = compared.iter().enumerate().flat_map(view).collect();
            let invert = polarity::asked_for(model, options.invert);
            let seen;
            (polarity, seen) = polarity::decide(&mut images, invert, &mut autoencoder)?;
            candidate.explained = explained_in_colour(&seen, &coloured);
            if polarity.inverted {
                invert_pixels(&mut views);
            }
            let views = autoencoder.encoder.encode(&views)?;
            let size = model.metadata.latent_size;
            let latents = compared.iter().flat_map(|id| &seen.latents[id * size..][..size]);
            candidate.recognized = recognized(&latents.copied().collect::<Vec<f32>>(), &views, size);
        }
        let is_sure = candidate.explained >= SURE && candidate.recognized >= POOR;
        candidates.push(candidate);
        polarities.push(polarity);
        if is_sure {
            break;
        }
    }
    Ok((Choice { taken: best(&candidates), candidates }, polarities))
}

/// The mean share of the variance of images `[N, 3, H, W]` that their reconstructions explain; for a grey
/// model, as much of it as grey can explain.
fn explained_in_colour(seen: &Reconstruction, coloured: &[f32]) -> f64 {
    let area = seen.shape.height * seen.shape.width;
    let shares =
        seen.explained().into_iter().zip(coloured.chunks_exact(3 * area)).map(|(explained, image)| {
            let own = if seen.shape.channels == 1 { explained_by_grey(image) } else { 1.0 };
            explained * own
        });
    mean(shares)
}

/// The share of the variance of an image `[3, H, W]` that is left when each pixel is replaced by the mean of
/// its channels.
fn explained_by_grey(image: &[f32]) -> f64 {
    let area = image.len() / 3;
    let grey: Vec<f32> =
        (0..area).map(|i| (image[i] + image[area + i] + image[2 * area + i]) / 3.0).collect();
    explained_variance(image, &grey.repeat(3))
}

/// The first one that explains the images well and tells them apart about as well as any; else the one that
/// tells them apart best, the last of equal ones.
fn best(candidates: &[Candidate]) -> usize {
    let most = candidates.iter().map(|candidate| candidate.recognized).fold(0.0, f64::max);
    let suits = |candidate: &Candidate| candidate.explained >= WELL && candidate.recognized >= most - MORE;
    candidates.iter().position(suits).unwrap_or_else(|| {
        let order = |&i: &usize, &j: &usize| candidates[i].recognized.total_cmp(&candidates[j].recognized);
        (0..candidates.len()).max_by(order).unwrap_or(0)
    })
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len().max(1) as f64;
    values.sum::<f64>() / n
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SHAPE, picture, write_model};
    use super::*;
    use crate::images::{WalkOptions, walk, write_png};
    use crate::model::{Design, Family, Metadata, decoder_onnx, encoder_onnx};
    use crate::runtime::RuntimeOptions;

    #[test]
    fn a_model_is_taken_for_what_it_explains_and_tells_apart() {
        let candidate = |&(explained, recognized): &(f64, f64)| Candidate {
            name: String::new(),
            explained,
            recognized,
            images: 48,
        };
        let taken = |shares: &[(f64, f64)]| best(&shares.iter().map(candidate).collect::<Vec<_>>());
        assert_eq!(taken(&[(0.7, 0.9)]), 0);
        assert_eq!(taken(&[(0.7, 0.9), (0.9, 0.95)]), 0, "about as well");
        assert_eq!(taken(&[(0.7, 0.5), (0.4, 0.95)]), 1, "drawn well, and not told apart");
        assert_eq!(taken(&[(0.01, 0.9), (0.2, 0.9)]), 1, "neither explains them");
        assert_eq!(taken(&[(0.01, 0.9), (0.2, 0.3)]), 0);
    }

    #[test]
    fn grey_explains_no_colour() {
        let grey = [0.1, 0.5, 0.9].repeat(3);
        assert!(explained_by_grey(&grey) > 0.999);
        let red_or_green = [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]].concat();
        assert!(explained_by_grey(&red_or_green) < 0.01);
        let shape = InputShape { channels: 1, height: 1, width: 2 };
        let seen =
            Reconstruction { shape, originals: vec![0.2, 0.6], latents: vec![], images: vec![0.2, 0.6] };
        assert!(explained_in_colour(&seen, &red_or_green) < 0.01);
        let pale = [0.2, 0.6].repeat(3);
        assert!(explained_in_colour(&seen, &pale) > 0.999);
    }

    #[test]
    fn models_are_compared_on_as_many_images_whatever_their_input() {
        let items: Vec<Item> =
            (0..60).map(|n| Item::from_pixels(format!("picture {n}"), picture(n))).collect();
        let items: Vec<&Item> = items.iter().collect();
        let model = |family: Family, shape: InputShape, design: Design| {
            let architecture = family.architecture(shape, design).unwrap();
            let metadata = Metadata::new(family.name(), &architecture, 32);
            let weights = architecture.initial_weights(1);
            let [encoder, decoder] = [encoder_onnx, decoder_onnx]
                .map(|half| half(&architecture, &weights, &metadata).to_bytes().into());
            Model::from_parts(family.name(), encoder, Some(decoder), None).unwrap()
        };
        let large = InputShape { channels: 3, height: 96, width: 96 };
        let narrow = Design { width: 10, depth: 10, latent: 32, ..Design::from(32) };
        let models = [model(Family::Dense, SHAPE, Design::from(32)), model(Family::Photo, large, narrow)];
        let options =
            ChooseOptions { invert: Invert::Never, ..ChooseOptions::new(RuntimeOptions::from_env()) };
        let runtime = ensure(&options.runtime, &()).unwrap();
        let (choice, _) = judge(&models, &items, &runtime, &options).unwrap();
        let compared: Vec<usize> = choice.candidates.iter().map(|candidate| candidate.images).collect();
        assert_eq!(compared, [SOME, SOME], "{choice:?}");
    }

    #[test]
    fn light_strokes_are_known_by_a_model_of_digits() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..12 {
            write_png(&dir.path().join(format!("{n:02}.png")), &picture(n)).unwrap();
        }
        let model = dir.path().join("model");
        write_model(&model, Family::Dense, 1); // draws everything dark
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/models/article/article-conv");
        let models = [model.to_str().unwrap(), shipped].map(|model| Model::load(model).unwrap());
        assert_eq!(models[0].metadata.input, SHAPE);
        let items = walk(&[dir.path().to_path_buf()], &WalkOptions::default()).unwrap().items;
        let items: Vec<&Item> = items.iter().collect();
        let options = ChooseOptions::new(RuntimeOptions::from_env());
        let runtime = ensure(&options.runtime, &()).unwrap();
        let (choice, polarities) = judge(&models, &items, &runtime, &options).unwrap();
        assert_eq!((choice.taken().images, choice.taken), (12, 1), "{choice:?}");
        assert!(choice.candidates[0].explained < 0.05 && !choice.is_poor(), "{choice:?}");
        assert!(!polarities[1].inverted && polarities[1].sampled == 12, "{polarities:?}");
        assert!(choice.taken().recognized > 0.5, "{choice:?}");
        // what hardly any view is recognized by, is said to be poor, where there are images enough to tell
        let mut poor = choice;
        poor.candidates[1].recognized = 0.4;
        assert!(poor.is_poor());
        poor.candidates[1].images = 3;
        assert!(!poor.is_poor());
    }
}
