//! Does a model tell the images of a collection apart? An image moved slightly and in other light must be
//! nearer to itself than to all others of a sample.
//!
//! `choose` asks this of every shipped model. A model that was named is asked here, when it makes an index: it is
//! taken, with a warning if it does not suit the images. So is the model of an index when images are added to it, which
//! may have nothing to do with those that it was made of.

use std::path::Path;

use super::pipeline::Pipeline;
use super::sample::{Sample, sample};
use crate::encode::{Autoencoder, EncodeOptions, Encoder};
use crate::error::Result;
use crate::images::{Item, invert_pixels, mild_view, spread};
use crate::model::Family;
use crate::observer::{Note, Observer};
use crate::output::count;

/// Where fewer views are nearest to their own images, codes say little. Measured by `photos`: all of some
/// tens of photos, whatever their kind, and half of 40 pictures of noise.
pub(super) const POOR: f64 = 0.65;

/// Fewer images than this can be told apart by chance.
const FEW: usize = 8;

/// Images among which each model recognizes views, and all that a model of large inputs sees. The same number
/// for all models: fewer are easier to tell apart.
pub(super) const SOME: usize = 48;

/// Images that tell whether a model knows those that are added to its index.
const ADDED: usize = 16;

/// Where reconstructions explain less of the variance, a model was made for other images; but one of photographs
/// is for telling them apart, and draws them badly. Measured: `digits-64` 0.77 of MNIST, 0.00 of photos;
/// `photos-128` 0.52 of photos, `photos` 0.08.
const UNKNOWN: f64 = 0.05;
/// Numbers in the images that a named model is asked about, at most: fewer than [`SOME`] images beyond 224x224.
const MOST_VALUES: usize = 8 << 20;
/// Images that are encoded between two questions to the observer.
const BLOCK: usize = 8;

/// Whether so small a share of so many images says that codes tell little.
pub(super) fn is_poor(recognized: f64, images: usize) -> bool {
    images >= FEW && recognized < POOR
}

/// A warning if the pipeline's model was made for other images than `items`, or hardly tells them apart. `read` holds
/// images that have been read already; if there are none, some are read into it.
pub(super) fn warn_where_poor(
    items: &[&Item],
    read: &mut Sample,
    pipeline: &Pipeline<'_>,
    observer: &dyn Observer,
) -> Result<()> {
    if items.len() < FEW {
        return Ok(());
    }
    if let Some(fault) = fault(items, read, pipeline, SOME, observer)? {
        let what = format!("the model {} does not suit these images: {fault}", pipeline.model.metadata.name);
        let hint = "leave out `model`, so that the shipped model that suits them best is taken, or train one on them with `train`";
        observer.note(&Note::warning(what).with_hint(hint));
    }
    Ok(())
}

/// The same of images that are added to the index at `dir`, which its model made of others; a few of them tell.
pub(super) fn warn_where_unknown(
    dir: &Path,
    items: &[&Item],
    read: &mut Sample,
    pipeline: &Pipeline<'_>,
    observer: &dyn Observer,
) -> Result<()> {
    if let Some(fault) = fault(items, read, pipeline, ADDED, observer)? {
        let (dir, model) = (dir.display(), &pipeline.model.metadata.name);
        let added = count(items.len() as u64, "new image");
        let what = format!("{dir} was made with {model}, which does not know the {added}: {fault}");
        let hint = "searches will not find them well: give them an index of their own, another folder as `dir`, and take \
                    them out of this one with `remove`";
        observer.note(&Note::warning(what).with_hint(hint));
    }
    Ok(())
}

/// What speaks against a model for `items`, judged by `most` of them.
fn fault(
    items: &[&Item],
    read: &mut Sample,
    pipeline: &Pipeline<'_>,
    most: usize,
    observer: &dyn Observer,
) -> Result<Option<String>> {
    let Pipeline { model, runtime, inverted, .. } = *pipeline;
    let input = model.metadata.input;
    let most = most.min(MOST_VALUES / input.size());
    if items.is_empty() || most < FEW {
        return Ok(None);
    }
    if read.images.is_empty() {
        let seen: Vec<&Item> = spread(items.len(), most).into_iter().map(|i| items[i]).collect();
        *read = sample(&seen, &pipeline.decoding(), &[input])?;
    }
    let mut images = std::mem::take(&mut read.images).swap_remove(0);
    if images.len() > most * input.size() {
        let image = |id: usize| &images[id * input.size()..][..input.size()];
        images = spread(images.len() / input.size(), most).into_iter().flat_map(image).copied().collect();
    }
    let n = images.len() / input.size();
    if n == 0 {
        return Ok(None);
    }
    let views = images.chunks_exact(input.size()).enumerate();
    let mut views: Vec<f32> = views.flat_map(|(i, image)| mild_view(image, input, i)).collect();
    let options = EncodeOptions { threads: pipeline.options.threads, device: pipeline.options.device };
    let knows_photos = model.metadata.family == Family::Photo.name();
    let mut autoencoder = if knows_photos { None } else { Autoencoder::open(runtime, model, &options)? };
    if inverted {
        [&mut images, &mut views].into_iter().for_each(|pixels| invert_pixels(pixels));
    }
    let explained = match &mut autoencoder {
        Some(autoencoder) => autoencoder.reconstruct(&images)?.explained(),
        None => vec![],
    };
    let explained = explained.iter().sum::<f64>() / explained.len() as f64; // not a number without a decoder
    if explained < UNKNOWN {
        return Ok(Some(format!(
            "its reconstructions explain {:.0} % of their variance",
            100.0 * explained.max(0.0)
        )));
    }
    if n < FEW {
        return Ok(None);
    }
    let mut encoder = match autoencoder {
        Some(autoencoder) => autoencoder.encoder,
        None => Encoder::new(runtime, model, &options)?,
    };
    let mut latents = [Vec::new(), Vec::new()];
    for (pixels, latents) in [images, views].into_iter().zip(&mut latents) {
        for block in pixels.chunks(BLOCK * input.size()) {
            if observer.should_stop() {
                return Ok(None); // what comes next asks again
            }
            latents.extend(encoder.encode(block)?);
        }
    }
    let share = recognized(&latents[0], &latents[1], encoder.latent_size());
    let images = count(n as u64, "image");
    let fault = || format!("it recognizes {:.0} % of {images} in other views", 100.0 * share);
    Ok(is_poor(share, n).then(fault))
}

/// The share of images whose view is nearer to them than to every other image, by the cosine of `latents` and
/// latents of `views`, both `[N, size]`, about the mean of the latents.
pub(super) fn recognized(latents: &[f32], views: &[f32], size: usize) -> f64 {
    let n = (latents.len() / size).max(1);
    let mean: Vec<f32> =
        (0..size).map(|d| latents.iter().skip(d).step_by(size).sum::<f32>() / n as f32).collect();
    let unit = |latents: &[f32]| -> Vec<f32> {
        let centred = latents.chunks_exact(size).flat_map(|latent| {
            let centred: Vec<f32> = latent.iter().zip(&mean).map(|(x, mean)| x - mean).collect();
            let length = centred.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            centred.into_iter().map(move |x| x / length)
        });
        centred.collect()
    };
    let (latents, views) = (unit(latents), unit(views));
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let own_is_nearest = |(i, view): &(usize, &[f32])| {
        let own = cosine(view, &latents[i * size..][..size]);
        latents.chunks_exact(size).enumerate().all(|(j, other)| j == *i || cosine(view, other) < own)
    };
    views.chunks_exact(size).enumerate().filter(own_is_nearest).count() as f64 / n as f64
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, Notes};
    use super::*;

    #[test]
    fn views_are_recognized_by_the_direction_from_the_mean() {
        let latents = [[3.0, 1.0], [1.0, 3.0], [1.0, 1.0]].concat();
        assert_eq!(recognized(&latents, &latents, 2), 1.0);
        let [mut views, same] = [latents.clone(), vec![1.0; 6]];
        views.swap(0, 1); // the first two change places
        views.swap(2, 3);
        assert!(recognized(&latents, &views, 2) < 0.4);
        assert_eq!(recognized(&same, &same, 2), 0.0, "all the same tells nothing apart");
    }

    #[test]
    fn a_named_model_that_was_made_for_other_images_is_taken_with_a_warning() {
        let fixture = Fixture::new(Family::ConvHash); // draws everything dark
        fixture.draw(0..FEW);
        let warnings = |fixture: &Fixture| {
            let notes = Notes::default();
            fixture.try_update(&fixture.options, &notes).unwrap();
            notes.0.take()
        };
        let warned = warnings(&fixture);
        let expected = "the model untrained does not suit these images: its reconstructions explain 0 %";
        assert!(warned.iter().any(|note| note.starts_with(expected)), "{warned:?}");
        assert_eq!(warnings(&fixture), Vec::<String>::new(), "of nothing new");
        for new in [FEW..FEW + 1, FEW + 1..3 * FEW] {
            let n = count(new.len() as u64, "new image");
            fixture.draw(new);
            let warned = warnings(&fixture);
            let expected = format!("was made with untrained, which does not know the {n}: its recon");
            assert!(warned.len() == 1 && warned[0].contains(&expected), "{warned:?}");
        }
        let mut known = Fixture::new(Family::ConvHash);
        known.options.model = "digits-64".into();
        known.draw(0..FEW);
        let warned = warnings(&known);
        known.draw(FEW..2 * FEW);
        let warned = [warned, warnings(&known)].concat();
        assert!(!warned.iter().any(|note| note.contains("does not know")), "{warned:?}");
        assert!(!warned.iter().any(|note| note.contains("does not suit")), "{warned:?}");
    }

    #[test]
    fn what_few_views_are_recognized_by_is_poor_where_there_are_images_enough_to_tell() {
        assert!(is_poor(0.4, 48) && !is_poor(0.9, 48) && !is_poor(0.4, 3));
    }
}
