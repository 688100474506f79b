//! Batches of views, for training, and some to look at.
//!
//! Each view draws from a stream of its own, named by a [`ViewKey`]: neither the number of threads nor what
//! was drawn before changes it, so that a resumed training sees the very same views.

use super::augment::Augment;
use super::data::Dataset;
use crate::error::{Error, Result};
use crate::images::{InputShape, Pixels};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Which views: every image of every epoch has as many as are asked for, each with its own stream of random
/// numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ViewKey {
    /// Of the training.
    pub(crate) seed: u64,
    /// From 1.
    pub(crate) epoch: usize,
    /// How many images of the epoch came before the batch.
    pub(crate) position: usize,
    /// First view, second view, ...
    pub(crate) view: usize,
}

impl ViewKey {
    /// The stream of the batch's image `i`.
    fn stream(self, i: usize) -> ChaCha8Rng {
        let mut seed = [0; 32];
        let words = [self.seed, self.epoch as u64, (self.position + i) as u64, self.view as u64];
        seed.as_chunks_mut().0.iter_mut().zip(words).for_each(|(bytes, word)| *bytes = word.to_le_bytes());
        ChaCha8Rng::from_seed(seed)
    }
}

/// Pixels that are turned batch innermost at a time: as many as share a cache line.
const BLOCK: usize = 16;

/// One view of each of the images `ids`, `f32` `[C*H*W, N]` in `0..=1`, batch innermost, on the threads of
/// the current rayon pool.
///
/// # Errors
/// When the images cannot be read.
pub(crate) fn views(data: &Dataset, ids: &[usize], augment: Augment, key: ViewKey) -> Result<Vec<f32>> {
    let (size, n) = (data.image_size(), ids.len());
    let outermost = outermost_views(data, ids, augment, key)?;
    let mut innermost = vec![0.0; n * size];
    innermost.par_chunks_mut((BLOCK * n).max(1)).enumerate().for_each(|(block, rows)| {
        for (i, view) in outermost.chunks_exact(size).enumerate() {
            let pixels = &view[block * BLOCK..];
            rows.chunks_exact_mut(n).zip(pixels).for_each(|(row, &pixel)| row[i] = pixel);
        }
    });
    Ok(innermost)
}

/// The same, `[N, C, H, W]`.
///
/// # Errors
/// When the images cannot be read.
pub(crate) fn outermost_views(
    data: &Dataset,
    ids: &[usize],
    augment: Augment,
    key: ViewKey,
) -> Result<Vec<f32>> {
    let (shape, size) = (data.shape(), data.image_size());
    let mut views = vec![0.0; ids.len() * size];
    views.par_chunks_exact_mut(size).zip(ids).enumerate().try_for_each(|(i, (view, &id))| {
        augment.view(shape, &data.image(id)?, &mut key.stream(i), view);
        Ok::<_, Error>(())
    })?;
    Ok(views)
}

/// Images of a preview, and views of each.
const PREVIEW: [usize; 2] = [10, 8];

/// Some images spread over the data, each with some random views of it, to look at before a training.
///
/// # Errors
/// When the images cannot be read.
pub fn preview(data: &Dataset, augment: Augment, seed: u64) -> Result<Vec<(Pixels, Vec<Pixels>)>> {
    let [rows, n_views] = PREVIEW;
    let shape = data.shape();
    let row = |id: usize| {
        let image = data.image(id)?;
        let view = |view| {
            let key = ViewKey { seed, epoch: 0, position: id, view };
            let mut drawn = vec![0.0; shape.size()];
            augment.view(shape, &image, &mut key.stream(0), &mut drawn);
            pixels(shape, |at| (drawn[at] * 255.0).round() as u8)
        };
        Ok((pixels(shape, |at| image[at]), (0..n_views).map(view).collect()))
    };
    let rows = rows.min(data.len());
    (0..rows).map(|i| row(i * data.len() / rows)).collect()
}

/// A picture whose planes, `[C, H, W]`, hold `value`.
fn pixels(shape: InputShape, value: impl Fn(usize) -> u8) -> Pixels {
    let InputShape { channels, height, width } = shape;
    let data = (0..shape.size()).map(|i| value(i % channels * height * width + i / channels)).collect();
    Pixels { width, height, channels, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: InputShape = InputShape { channels: 3, height: 16, width: 12 };
    const KEY: ViewKey = ViewKey { seed: 9, epoch: 1, position: 0, view: 0 };

    #[test]
    fn views_depend_on_their_key_alone() {
        let pixels = (0..40 * SHAPE.size()).map(|i| (i * i / 97 % 251) as u8).collect();
        let data = Dataset::new(SHAPE, pixels).unwrap();
        let ids: Vec<usize> = (0..40).rev().collect();
        let draw = |threads, ids: &[usize], key| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| views(&data, ids, Augment::Photos, key)).unwrap()
        };
        let all = draw(1, &ids, KEY);
        assert_eq!(all, draw(3, &ids, KEY));
        // the last ten of the batch, drawn as a batch of their own
        let last = draw(2, &ids[30..], ViewKey { position: 30, ..KEY });
        for (pixel, row) in last.chunks(10).enumerate() {
            assert_eq!(row, &all[pixel * 40 + 30..][..10]);
        }
        for other in [
            ViewKey { seed: 8, ..KEY },
            ViewKey { epoch: 2, ..KEY },
            ViewKey { position: 1, ..KEY },
            ViewKey { view: 1, ..KEY },
        ] {
            assert_ne!(all, draw(1, &ids, other), "{other:?}");
        }
        assert!(views(&data, &[], Augment::Photos, KEY).unwrap().is_empty());
        // as they are, they are the batch
        let plain = views(&data, &ids, Augment::None, KEY).unwrap();
        assert_eq!(plain, data.batch_innermost(&ids).unwrap());
    }

    #[test]
    fn a_preview_shows_images_of_all_the_data() {
        let data =
            Dataset::new(SHAPE, (0..25u8).flat_map(|i| vec![4 * i + 4; SHAPE.size()]).collect()).unwrap();
        let rows = preview(&data, Augment::Photos, 1).unwrap();
        let shown: Vec<u8> = rows.iter().map(|(image, _)| image.data[0]).collect();
        assert_eq!(shown, [4, 12, 24, 32, 44, 52, 64, 72, 84, 92]);
        assert!(rows.iter().all(|(_, views)| views.len() == 8 && views[0] != views[7]));
        let few = Dataset::new(SHAPE, vec![9; SHAPE.size()]).unwrap();
        let rows = preview(&few, Augment::None, 1).unwrap();
        assert_eq!((rows.len(), &rows[0].0), (1, &rows[0].1[0]));
    }
}
