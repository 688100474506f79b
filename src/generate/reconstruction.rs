//! What a model makes of images: the original, what is kept of it as numbers, and what is drawn from these alone.

use super::reconstructor::Reconstructor;
use crate::draw::band_sheet::{Band, ColumnSheet, short_name};
use crate::draw::colormap::Scale;
use crate::draw::style::PAPER;
use crate::encode::Reconstruction;
use crate::error::Result;
use crate::images::{Item, Pixels, Skipped, to_pixels};
use crate::model::{Brightness, Extent};

/// Maps of a latent side by side: four, as the rows of a picture of them would else be too many.
const MAPS: usize = 4;

/// Images and their reconstructions.
#[derive(Debug)]
pub struct Reconstructed {
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

/// Reconstructs `items` and draws them: originals on top, latents below them, reconstructions at the foot.
///
/// # Errors
/// When the model fails on the images.
pub fn reconstruct(reconstructor: &mut Reconstructor, items: &[Item]) -> Result<Reconstructed> {
    let shots = reconstructor.read(items);
    let seen = reconstructor.reconstruct(&shots.images)?;
    let measured = shots.paths.into_iter().zip(seen.losses()).zip(seen.explained());
    let images: Vec<Measured> =
        measured.map(|((path, loss), explained)| Measured { path, loss, explained }).collect();
    let sheet = sheet(reconstructor, &seen, &images).draw();
    Ok(Reconstructed { images, skipped: shots.skipped, sheet })
}

fn sheet(reconstructor: &Reconstructor, seen: &Reconstruction, images: &[Measured]) -> ColumnSheet {
    let (metadata, extent) = (&reconstructor.model.metadata, reconstructor.latent_extent());
    let scale = Scale::of(&seen.latents);
    let latents =
        seen.latents.chunks_exact(extent.len()).map(|latent| latent_picture(latent, extent, &scale));
    let shown =
        |planes: &[f32]| planes.chunks_exact(seen.shape.size()).map(|p| to_pixels(p, seen.shape)).collect();
    let mean = images.iter().map(|image| image.loss).sum::<f32>() / images.len().max(1) as f32;
    let original = match metadata.brightness {
        Brightness::Kept => "original",
        Brightness::Normalized => "evened out", // which is all that the decoder is to give
    };
    let input = Extent { channels: seen.shape.channels, height: seen.shape.height, width: seen.shape.width };
    ColumnSheet {
        title: [
            metadata.name.clone(),
            format!("{input} -> {} numbers -> {input}; mean loss {mean:.4} per pixel", describe(extent)),
        ],
        bands: vec![
            Band::texts("image", images.iter().map(|image| short_name(&image.path)).collect()),
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

/// A latent as colours: a vector as a tile about as high as wide, maps beside and below each other with a line between
/// them. One pixel for each number.
fn latent_picture(latent: &[f32], extent: Extent, scale: &Scale) -> Pixels {
    let Extent { channels, height, width } = extent;
    let (columns, gap) =
        if (height, width) == (1, 1) { (tile_width(channels), 0) } else { (MAPS.min(channels), 1) };
    let rows = channels.div_ceil(columns);
    let (pitch_x, pitch_y) = (width + gap, height + gap);
    let (all_width, all_height) = (columns * pitch_x - gap, rows * pitch_y - gap);
    let mut data = PAPER.repeat(all_width * all_height);
    for (i, value) in latent.iter().enumerate() {
        let (map, y, x) = (i / (height * width), i / width % height, i % width);
        let at = (map / columns * pitch_y + y) * all_width + map % columns * pitch_x + x;
        data[3 * at..3 * at + 3].copy_from_slice(&scale.colour(*value));
    }
    Pixels { width: all_width, height: all_height, channels: 3, data }
}

/// The width of a tile of `n` numbers: without a gap at its end if it need not be more than twice as wide as high.
fn tile_width(n: usize) -> usize {
    let root = n.isqrt().max(1);
    let even = (1..=root).rev().find(|height| n.is_multiple_of(*height)).map_or(n, |height| n / height);
    if even <= 2 * root + 1 { even } else { n.div_ceil(root) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: Scale = Scale { limit: 1.0, signed: false };

    #[test]
    fn vectors_make_tiles_and_maps_stand_apart() {
        assert_eq!([1, 2, 30, 31, 32, 64, 128, 512].map(tile_width), [1, 2, 6, 7, 8, 8, 16, 32]);
        let tile = latent_picture(&[0.5; 31], Extent::vector(31), &SCALE);
        assert_eq!((tile.width, tile.height), (7, 5));
        assert_eq!(tile.data[3 * 34..], PAPER, "what is over is paper");
        let maps = latent_picture(&[1.0; 512], Extent { channels: 32, height: 4, width: 4 }, &SCALE);
        assert_eq!((maps.width, maps.height), (4 * 4 + 3, 8 * 4 + 7));
        let paper = maps.data.chunks_exact(3).filter(|dot| *dot == PAPER).count();
        assert_eq!(maps.width * maps.height - paper, 512);
    }

    #[test]
    fn every_number_has_its_place() {
        let latent = [0.0, 0.25, 0.5, 0.75, 1.0, 0.1]; // three maps of 1x2
        let picture = latent_picture(&latent, Extent { channels: 3, height: 1, width: 2 }, &SCALE);
        let dots: Vec<&[u8]> = picture.data.chunks_exact(3).collect();
        for (place, value) in [0, 1, 3, 4, 6, 7].into_iter().zip(latent) {
            assert_eq!(dots[place], SCALE.colour(value), "{value}");
        }
        assert_eq!((dots.len(), dots[2]), (8, &PAPER[..]));
    }
}
