//! Training images in memory, and batches of them in the layout of the training step.
//!
//! Stored as bytes `[n, C, H, W]` at the model's size; a batch is `f32` `[C, H*W, N]` in `0..=1`, batch innermost.

use crate::error::{Error, Result};
use crate::images::{self, InputShape, Item, Limits, Resizer, Skipped};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicBool, Ordering};

/// Images of one shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    shape: InputShape,
    /// `[n, C, H, W]`
    pixels: Vec<u8>,
}

impl Dataset {
    /// Images from bytes `[n, C, H, W]`.
    ///
    /// # Errors
    /// When the bytes are not a whole number of images.
    pub fn new(shape: InputShape, pixels: Vec<u8>) -> Result<Self> {
        let size = shape.channels * shape.height * shape.width;
        if size == 0 || !pixels.len().is_multiple_of(size) {
            let what = format!("images: expected a multiple of {size} bytes, got {}", pixels.len());
            return Err(Error::usage(what));
        }
        Ok(Dataset { shape, pixels })
    }

    /// Decodes and resizes `items` on all threads of the current rayon pool; what cannot be read is listed.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when `stop` is set meanwhile.
    pub fn load(items: &[Item], shape: InputShape, stop: &AtomicBool) -> Result<(Self, Vec<Skipped>)> {
        let size = shape.channels * shape.height * shape.width;
        let limits = Limits::default();
        let read = |item: &Item| {
            let loaded = images::load(item, &limits)?;
            let mut floats = vec![0.0; size];
            Resizer::default().to_input(&loaded.pixels, shape, &mut floats)?;
            Ok(floats.iter().map(|x: &f32| (x * 255.0).round() as u8).collect::<Vec<u8>>())
        };
        let mut pixels = vec![];
        let mut skipped = vec![];
        for chunk in items.chunks(4096) {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let images: Vec<Result<Vec<u8>, String>> = chunk.par_iter().map(read).collect();
            for (item, image) in chunk.iter().zip(images) {
                match image {
                    Ok(image) => pixels.extend(image),
                    Err(reason) => skipped.push(Skipped { path: item.display(), reason }),
                }
            }
        }
        Ok((Dataset { shape, pixels }, skipped))
    }

    /// Channels, height, width.
    pub fn shape(&self) -> InputShape {
        self.shape
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.pixels.len() / self.image_size().max(1)
    }

    /// True when there is no image.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// Numbers per image.
    pub(crate) fn image_size(&self) -> usize {
        self.shape.channels * self.shape.height * self.shape.width
    }

    /// SHA-256 over shape and pixels, hex: equal for the same images in the same order, whatever their files.
    ///
    /// # Errors
    /// When images that lie on disk cannot be read.
    pub fn fingerprint(&self) -> Result<String> {
        let mut hash = Sha256::new();
        for n in [self.shape.channels, self.shape.height, self.shape.width] {
            hash.update((n as u64).to_le_bytes());
        }
        hash.update(&self.pixels);
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Sets a seeded random `fraction` of the images aside: `(rest, aside)`.
    ///
    /// # Errors
    /// When either part would be empty.
    pub fn split(self, fraction: f64, seed: u64) -> Result<(Dataset, Dataset)> {
        let n = self.len();
        let aside = (n as f64 * fraction).round() as usize;
        if aside == 0 || aside >= n {
            let what = format!(
                "validation fraction {fraction} of {n} images: expected some on either side, got {aside}"
            );
            return Err(Error::usage(what).with_hint("give a fraction between 0 and 1, such as 0.1"));
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let pick = |ids: &[usize]| Dataset {
            shape: self.shape,
            pixels: ids.iter().flat_map(|&i| self.image(i).iter().copied()).collect(),
        };
        let (left, right) = order.split_at(aside);
        Ok((pick(right), pick(left)))
    }

    /// The bytes of image `i`, `[C, H, W]`.
    pub(crate) fn image(&self, i: usize) -> &[u8] {
        &self.pixels[i * self.image_size()..][..self.image_size()]
    }

    /// Images `ids` as `f32` `[C*H*W, N]`, batch innermost.
    pub(crate) fn batch_innermost(&self, ids: &[usize]) -> Result<Vec<f32>> {
        let images: Vec<&[u8]> = ids.iter().map(|&i| self.image(i)).collect();
        let mut batch = Vec::with_capacity(ids.len() * self.image_size());
        for pixel in 0..self.image_size() {
            batch.extend(images.iter().map(|image| f32::from(image[pixel]) * (1.0 / 255.0)));
        }
        Ok(batch)
    }

    /// Images `ids` as `f32` `[N, C, H, W]`, for the exported models.
    pub(crate) fn batch_outermost(&self, ids: std::ops::Range<usize>) -> Result<Vec<f32>> {
        let size = self.image_size();
        let bytes = &self.pixels[ids.start * size..ids.end * size];
        Ok(bytes.iter().map(|&x| f32::from(x) * (1.0 / 255.0)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: InputShape = InputShape { channels: 1, height: 2, width: 2 };

    fn counting(n: u8) -> Dataset {
        Dataset::new(SHAPE, (0..n * 4).collect()).unwrap()
    }

    #[test]
    fn batches_have_the_layouts_they_promise() {
        let data = counting(3);
        let inner: Vec<u8> =
            data.batch_innermost(&[2, 0]).unwrap().iter().map(|x| (x * 255.0).round() as u8).collect();
        assert_eq!(inner, [8, 0, 9, 1, 10, 2, 11, 3]);
        let outer: Vec<u8> =
            data.batch_outermost(1..2).unwrap().iter().map(|x| (x * 255.0).round() as u8).collect();
        assert_eq!(outer, [4, 5, 6, 7]);
    }

    #[test]
    fn a_split_keeps_every_image_once() {
        let (rest, aside) = counting(10).split(0.3, 5).unwrap();
        assert_eq!((rest.len(), aside.len()), (7, 3));
        let mut all = [rest.pixels, aside.pixels].concat();
        all.sort_unstable();
        assert_eq!(all, counting(10).pixels);
        assert!(counting(3).split(0.01, 0).is_err());
    }
}
