//! The model `auto`: which of the shipped models suits these images best, judged by its reconstructions.
//!
//! Losses of different models cannot be compared: they depend on a model's size and colours, and on how much
//! there is to see in an image. What can be compared is the explained variance, 1 - SSE / SST: the squared
//! error of the reconstruction against that of a flat image of the same mean, for each image at the model's
//! own size. For a grey model it is multiplied by the share of the variance that a perfect grey image would
//! explain, which together is what its grey reconstruction explains in colour.

use crate::encode::{Autoencoder, EncodeOptions, Reconstruction, explained_variance};
use crate::error::Result;
use crate::images::{Decoding, InputShape, Item, Limits, MemoryBudget};
use crate::model::{LoadOptions, Model, candidates};
use crate::observer::{Note, Observer};
use crate::runtime::{Device, Runtime, RuntimeOptions, ensure};

use super::polarity::{self, Invert};
use super::record::Polarity;
use super::sample::sample;

/// A later candidate is taken only if it leaves less than this share of what an earlier one leaves
/// unexplained: the codes of a model are best on what it was made for, and reconstructions that are about as
/// good are no reason to leave it.
const CLEARLY: f64 = 0.8;

/// Below this, images are not of the kind that a model was made for. Measured: `digits-64` explains 0.77 of
/// MNIST and 0.01 of CIFAR-10, `photos-128` 0.54 of CIFAR-10 and 0.35 of MNIST; noise 0 by either.
const WELL: f64 = 0.35;

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
    /// Images sampled.
    pub sampled: usize,
    /// All models that were considered, in the order of preference.
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
}

impl Choice {
    /// The model that was taken.
    pub fn taken(&self) -> &Candidate {
        &self.candidates[self.taken]
    }

    /// Whether even that one reconstructs the images poorly.
    pub fn is_poor(&self) -> bool {
        self.taken().explained < WELL
    }
}

/// The model that `options` name; for `auto`, the candidate that reconstructs a sample of `items` best. The
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
    if choice.sampled == 0 {
        return Ok((options.named()?, None));
    }
    announce(&choice, observer);
    Ok((models.swap_remove(choice.taken), Some(polarities[choice.taken])))
}

/// Which model `auto` stands for, and why; a warning if even that one reconstructs the images poorly.
fn announce(choice: &Choice, observer: &dyn Observer) {
    let share = |candidate: &Candidate| format!("{:.0} %", 100.0 * candidate.explained);
    let taken = choice.taken();
    let others = choice.candidates.iter().filter(|other| other.name != taken.name);
    let others: Vec<String> = others.map(|other| format!("{} {}", other.name, share(other))).collect();
    let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
    let (name, explained, sampled) = (&taken.name, share(taken), choice.sampled);
    let images = if sampled == 1 { "image" } else { "images" };
    observer.note(&Note::new(format!(
        "model {name}: it explains {explained} of the variance of {sampled} {images}{others}"
    )));
    if choice.is_poor() {
        let what =
            format!("no shipped model was trained on images like these; {name} loses most of what they show");
        observer.note(
            &Note::warning(what).with_hint("train a model on them with `train`, and pass it as `model`"),
        );
    }
}

/// Lets all `models` reconstruct a sample of `items`. Returns the choice, and the polarity that each model
/// needs.
pub(super) fn judge(
    models: &[Model],
    items: &[&Item],
    runtime: &Runtime,
    options: &ChooseOptions,
) -> Result<(Choice, Vec<Polarity>)> {
    let shapes = models.iter().flat_map(|model| {
        let own = model.metadata.input;
        [own, InputShape { channels: 3, ..own }]
    });
    let shapes: Vec<InputShape> = shapes.collect();
    let (limits, budget) = (options.limits, options.budget.clone());
    let how = Decoding { limits, budget, ..Decoding::default() };
    let mut samples = sample(items, &how, &shapes)?;
    let sampled = samples.first().map_or(0, |images| images.len() / shapes[0].size());
    let encode = EncodeOptions { threads: 1, device: options.device };
    let (mut candidates, mut polarities) = (Vec::new(), Vec::new());
    for (model, [images, coloured]) in models.iter().zip(samples.as_chunks_mut().0) {
        let (mut explained, mut polarity) = (0.0, Polarity::fixed(false)); // of a model without a decoder
        if let Some(mut autoencoder) = Autoencoder::open(runtime, model, &encode)? {
            let seen;
            (polarity, seen) = polarity::decide(images, options.invert, &mut autoencoder)?;
            explained = explained_in_colour(&seen, coloured);
        }
        candidates.push(Candidate { name: model.metadata.name.clone(), explained });
        polarities.push(polarity);
    }
    Ok((Choice { sampled, taken: best(&candidates), candidates }, polarities))
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

/// The first one that no later one beats clearly.
fn best(candidates: &[Candidate]) -> usize {
    let unexplained = |i: usize| 1.0 - candidates[i].explained;
    (1..candidates.len())
        .fold(0, |best, i| if unexplained(i) < CLEARLY * unexplained(best) { i } else { best })
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
    use crate::model::Family;
    use crate::runtime::RuntimeOptions;

    fn candidate(explained: f64) -> Candidate {
        Candidate { name: String::new(), explained }
    }

    #[test]
    fn a_later_one_must_be_clearly_better() {
        let taken = |explained: &[f64]| best(&explained.iter().copied().map(candidate).collect::<Vec<_>>());
        assert_eq!(taken(&[0.7]), 0);
        assert_eq!(taken(&[0.7, 0.7]), 0);
        assert_eq!(taken(&[0.7, 0.75]), 0);
        assert_eq!(taken(&[0.0, 0.1]), 0);
        assert_eq!(taken(&[0.2, 0.7]), 1);
        assert_eq!(taken(&[0.2, 0.7, 0.75]), 1);
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
        assert_eq!((choice.sampled, choice.taken), (12, 1), "{choice:?}");
        assert!(choice.candidates[0].explained < 0.05 && !choice.is_poor(), "{choice:?}");
        assert!(!polarities[1].inverted && polarities[1].sampled == 12, "{polarities:?}");
        let (alone, _) = judge(&models[..1], &items, &runtime, &options).unwrap();
        assert!(alone.is_poor());
    }
}
