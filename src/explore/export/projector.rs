//! A folder that TensorBoard's Embedding Projector opens: `tensorboard --logdir FOLDER`.
//!
//! ```text
//! vectors.tsv            a latent on each line; where the index keeps none, the bits of a code as +-1
//! metadata.tsv           a line of names, then a line for each image
//! sprite.png             all pictures, row by row, each in a square
//! projector_config.pbtxt the names of these files
//! ```

use std::io::{self, Write};
use std::path::Path;

use super::findings::{Exported, Findings, Written};
use super::options::ExportOptions;
use super::pictures::pictures;
use crate::error::Result;
use crate::explore::columns;
use crate::explore::rows::Rows;
use crate::explore::table::tsv;
use crate::images::{Pixels, write_png};
use crate::observer::{Note, Observer};
use crate::output::{write_whole, write_whole_with};

/// The largest side of a sprite, in pixels: the limit of textures in browsers.
const MAX_SPRITE: usize = 8192;
/// The projector shows only this many points, the first ones.
const MAX_POINTS: usize = 100_000;
/// The colour around pictures that are not square, and where there is none.
const PAPER: u8 = 255;

pub(super) fn write(
    rows: &Rows,
    found: &Findings,
    to: &Path,
    options: &ExportOptions,
    observer: &dyn Observer,
) -> Result<Exported> {
    if rows.len() > MAX_POINTS {
        observer
            .note(&Note::new(format!("{} images: the projector shows the first {MAX_POINTS}", rows.len())));
    }
    let table = columns::identity(rows).and(found.table(rows, options, &options.parts)?);
    let vectors = rows.unit_vectors()?;
    let size = vectors.len() / rows.len();
    let (mut pictured, mut skipped) = (None, Vec::new());
    if options.picture > 0 {
        let cell = (MAX_SPRITE / across(rows.len())).min(options.picture);
        if cell == 0 {
            observer.note(&Note::new("no sprite: there are too many images"));
        } else {
            let (images, unread) = pictures(rows, (cell, options.outliers.threads), observer, Ok)?;
            pictured = Some(sprite(&images));
            skipped = unread;
        }
    }
    let [vectors_path, metadata, sprite, config] =
        ["vectors.tsv", "metadata.tsv", "sprite.png", "projector_config.pbtxt"].map(|name| to.join(name));
    write_whole_with(&vectors_path, &mut |out| numbers(&vectors, size, out))?;
    write_whole_with(&metadata, &mut |out| tsv(&table, out))?;
    let mut paths = vec![vectors_path, metadata];
    if let Some((image, _)) = &pictured {
        write_png(&sprite, image)?;
        paths.push(sprite);
    }
    write_whole(&config, config_of(rows.len(), size, pictured.map(|(_, cell)| cell)).as_bytes())?;
    paths.push(config);
    let files = paths.iter().map(|path| Written::of(path, to)).collect::<Result<_>>()?;
    Ok(Exported { columns: table.names().collect(), files, skipped })
}

/// Pictures in a row of the sprite, so that it is about square.
fn across(n: usize) -> usize {
    let root = n.isqrt();
    (root + usize::from(root * root < n)).max(1)
}

/// All pictures, each in the middle of a square with the longest side of any, and that side.
fn sprite(images: &[Option<Pixels>]) -> (Pixels, usize) {
    let shown = || images.iter().flatten();
    let cell = shown().map(|image| image.width.max(image.height)).max().unwrap_or(1);
    let channels = shown().map(|image| image.channels).max().unwrap_or(1);
    let across = across(images.len());
    let (width, height) = (across * cell, images.len().div_ceil(across) * cell);
    let mut data = vec![PAPER; width * height * channels];
    for (at, image) in images.iter().enumerate() {
        let Some(image) = image else { continue };
        let left = at % across * cell + (cell - image.width) / 2;
        let top = at / across * cell + (cell - image.height) / 2;
        for (y, line) in image.data.chunks_exact(image.width * image.channels).enumerate() {
            let start = ((top + y) * width + left) * channels;
            let target = &mut data[start..][..image.width * channels];
            match image.channels == channels {
                true => target.copy_from_slice(line),
                // grey among colours
                false => target.chunks_exact_mut(channels).zip(line).for_each(|(dot, &grey)| dot.fill(grey)),
            }
        }
    }
    (Pixels { width, height, channels, data }, cell)
}

/// A vector on each line.
fn numbers(vectors: &[f32], size: usize, out: &mut (dyn Write + Send)) -> io::Result<()> {
    for vector in vectors.chunks(size.max(1)) {
        for (i, value) in vector.iter().enumerate() {
            out.write_all(if i == 0 { b"" } else { b"\t" })?;
            write!(out, "{value:.5}")?; // latents are kept in eight bits
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn config_of(n: usize, size: usize, cell: Option<usize>) -> String {
    let sprite = cell.map_or(String::new(), |cell| {
        format!(
            "  sprite {{\n    image_path: \"sprite.png\"\n    single_image_dim: {cell}\n    single_image_dim: {cell}\n  }}\n"
        )
    });
    format!(
        "embeddings {{\n  tensor_name: \"latents\"\n  tensor_path: \"vectors.tsv\"\n  tensor_shape: {n}\n  \
         tensor_shape: {size}\n  metadata_path: \"metadata.tsv\"\n{sprite}}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_stand_in_the_middle_of_their_squares() {
        let grey = Pixels { width: 1, height: 3, channels: 1, data: vec![1, 2, 3] };
        let colour = Pixels { width: 2, height: 1, channels: 3, data: vec![10, 20, 30, 40, 50, 60] };
        let (sprite, cell) = sprite(&[Some(grey), None, Some(colour)]);
        assert_eq!((cell, sprite.width, sprite.height, sprite.channels), (3, 6, 6, 3));
        let dot = |x: usize, y: usize| &sprite.data[(y * 6 + x) * 3..][..3];
        assert_eq!([dot(1, 0), dot(1, 1), dot(1, 2)], [[1; 3], [2; 3], [3; 3]]);
        assert_eq!((dot(0, 4), dot(1, 4)), (&[10, 20, 30][..], &[40, 50, 60][..]));
        let covered = (0..36).filter(|i| sprite.data[i * 3..][..3] != [PAPER; 3]).count();
        assert_eq!(covered, 5);
    }

    #[test]
    fn a_sprite_is_as_wide_as_it_may_be_and_no_wider() {
        assert_eq!([1, 2, 4, 5, 9, 10, 70_000].map(across), [1, 2, 2, 3, 3, 4, 265]);
        assert_eq!(across(0), 1);
        let (nothing, cell) = sprite(&[None, None]);
        assert_eq!((nothing.data, cell), (vec![PAPER; 2], 1));
    }

    #[test]
    fn vectors_and_their_config_are_text() {
        let mut text = Vec::new();
        numbers(&[0.5, -0.123_456, 1.0, 0.0], 2, &mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "0.50000\t-0.12346\n1.00000\t0.00000\n");
        let config = config_of(5, 2, Some(28));
        assert_eq!(config.matches("single_image_dim: 28").count(), 2, "{config}");
        assert!(!config_of(5, 2, None).contains("sprite"));
    }
}
