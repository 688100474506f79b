//! What a model makes of images: the original, what is kept of it as numbers, and what is drawn from these
//! alone.

use std::path::PathBuf;

use super::inputs::{Inputs, inputs, some_readable, write_sheet};
use super::reconstructor::Reconstructor;
use crate::draw::band_sheet::{Band, ColumnSheet, short_names};
use crate::draw::colormap::Scale;
use crate::draw::latent_tile::latent_tile;
use crate::encode::Reconstruction;
use crate::error::{Error, Result};
use crate::gallery::ChooseOptions;
use crate::images::{InputShape, Pixels, Skipped, to_pixels};
use crate::model::{Brightness, Extent};
use crate::observer::Observer;
use crate::runtime::RuntimeOptions;

/// A picture of more columns than these is too wide to look at.
const MAX_COUNT: usize = 1_000;

/// What to reconstruct.
#[derive(Debug, Clone)]
pub struct ReconstructOptions {
    /// With which model.
    pub model: ChooseOptions,
    /// Images at most, spread evenly over those there are: 1 to 1,000.
    pub count: usize,
    /// The PNG file for the picture; none to get the pixels alone.
    pub sheet: Option<PathBuf>,
}

impl Default for ReconstructOptions {
    fn default() -> Self {
        ReconstructOptions { model: ChooseOptions::new(RuntimeOptions::default()), count: 10, sheet: None }
    }
}

/// Images and their reconstructions.
#[derive(Debug)]
pub struct Reconstructed {
    /// The name of the model.
    pub model: String,
    /// Those that could be read.
    pub images: Vec<Measured>,
    /// The others.
    pub skipped: Vec<Skipped>,
    /// All of them as a picture.
    pub sheet: Pixels,
}

/// How well an image is reconstructed.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What the image is called.
    pub path: String,
    /// Mean binary cross-entropy per pixel, in nats.
    pub loss: f32,
    /// The share of its variance that is explained, 0 to 1.
    pub explained: f64,
}

/// Reconstructs images of `data` (files, folders, containers) and draws them: originals on top, latents below
/// them, reconstructions at the bottom.
///
/// # Errors
/// When `count` is out of its range, none of the images can be read, `sheet` is one of them or cannot be
/// written, or the model or ONNX Runtime cannot be used.
pub fn reconstruct(
    data: &[PathBuf],
    options: &ReconstructOptions,
    observer: &dyn Observer,
) -> Result<Reconstructed> {
    let (count, output) = (options.count, options.sheet.as_deref());
    if !(1..=MAX_COUNT).contains(&count) {
        return Err(Error::invalid(format!("`count`: expected 1 to {MAX_COUNT}, got {count}")));
    }
    let Inputs { items, mut skipped } = inputs(data, count, output, observer)?;
    let mut reconstructor = Reconstructor::open(&items, &options.model, observer)?;
    let shots = reconstructor.read(&items, observer);
    skipped.extend(shots.skipped);
    some_readable(shots.paths.len(), &skipped)?;
    let seen = reconstructor.reconstruct(&shots.images)?;
    let measured = shots.paths.into_iter().zip(seen.losses()).zip(seen.explained());
    let images: Vec<Measured> =
        measured.map(|((path, loss), explained)| Measured { path, loss, explained }).collect();
    let sheet = sheet(&reconstructor, &seen, &images).draw();
    write_sheet(output, &sheet)?;
    Ok(Reconstructed { model: reconstructor.model.metadata.name, images, skipped, sheet })
}

fn sheet(reconstructor: &Reconstructor, seen: &Reconstruction, images: &[Measured]) -> ColumnSheet {
    let (metadata, extent) = (&reconstructor.model.metadata, reconstructor.latent_extent());
    let scale = Scale::of(&seen.latents);
    let Extent { channels, height, width } = extent;
    let tile = InputShape { channels, height, width };
    let latents = seen.latents.chunks_exact(extent.len()).map(|latent| latent_tile(latent, tile, &scale));
    let shown =
        |planes: &[f32]| planes.chunks_exact(seen.shape.size()).map(|p| to_pixels(p, seen.shape)).collect();
    let mean = images.iter().map(|image| image.loss).sum::<f32>() / images.len().max(1) as f32;
    let original = match metadata.brightness {
        Brightness::Kept => "original",
        Brightness::Normalized => "evened out", // which is what the decoder is trained to give
    };
    let extent_of = |InputShape { channels, height, width }| Extent { channels, height, width };
    let [input, drawn] = [metadata.input, seen.shape].map(extent_of);
    ColumnSheet {
        title: [
            metadata.name.clone(),
            format!(
                "{input} \u{2192} {} numbers \u{2192} {drawn}; mean loss {mean:.4} per pixel",
                describe(extent)
            ),
        ],
        bands: vec![
            Band::texts(
                "image",
                short_names(&images.iter().map(|image| image.path.as_str()).collect::<Vec<_>>()),
            ),
            Band::pictures(original, shown(&seen.originals)),
            Band::pictures("latent", latents.collect()),
            Band::pictures("reconstruction", shown(&seen.images)),
            Band::texts("loss", images.iter().map(|image| format!("{:.4}", image.loss)).collect()),
        ],
        scale: Some(scale),
    }
}

/// `4x4x32 = 512`, or `64`.
fn describe(extent: Extent) -> String {
    match extent == Extent::vector(extent.channels) {
        true => extent.channels.to_string(),
        false => format!("{extent} = {}", extent.len()),
    }
}
