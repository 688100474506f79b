//! Training images, in memory or on disk, and batches of them in the layout of the training step.
//!
//! Stored once as bytes `[n, C, H, W]` at the model's size, see [`store`](super::store); a data set names
//! some of them by their numbers, so that a split copies no pixels. A batch is `f32` `[C, H*W, N]` in
//! `0..=1`, batch innermost.

use super::lessons::Lessons;
use super::store::{Filling, Storage, Store, chunk};

use crate::error::{Error, Result};
use crate::images::{self, InputShape, Item, Limits, Needed, Resizer, Skipped};
use crate::observer::{Observer, Progress, Stage};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::sync::Arc;

/// Images of one shape.
#[derive(Debug, Clone)]
pub struct Dataset {
    shape: InputShape,
    /// Records `[C, H, W]`, shared by the parts of a split.
    store: Arc<Store>,
    /// Which of them, in which order.
    ids: Vec<u32>,
    /// What a teacher gives for the records, where there is one.
    lessons: Option<Arc<Lessons>>,
}

/// Images read at a time when a data set is read from end to end.
const READ: usize = 256;

impl Dataset {
    /// Images from bytes `[n, C, H, W]`.
    ///
    /// # Errors
    /// When the bytes are not a whole number of images.
    pub fn new(shape: InputShape, pixels: Vec<u8>) -> Result<Self> {
        let size = shape.channels * shape.height * shape.width;
        if size == 0 || !pixels.len().is_multiple_of(size) {
            let what = format!("images: expected a multiple of {size} bytes, got {}", pixels.len());
            return Err(Error::invalid(what));
        }
        let n = pixels.len() / size;
        Self::of(shape, Store::Memory(pixels), n)
    }

    /// The first `n` records of a store.
    fn of(shape: InputShape, store: Store, n: usize) -> Result<Self> {
        let n = u32::try_from(n)
            .map_err(|_| Error::invalid(format!("images: expected at most {}, got {n}", u32::MAX)))?;
        Ok(Dataset { shape, store: Arc::new(store), ids: (0..n).collect(), lessons: None })
    }

    /// Decodes and resizes `items` on all threads of the current rayon pool, some at a time; what cannot be
    /// read is listed.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the observer stops it, or when images that do not fit into memory cannot
    /// be written.
    pub fn load(
        items: &[Item],
        shape: InputShape,
        storage: &Storage,
        observer: &dyn Observer,
    ) -> Result<(Self, Vec<Skipped>)> {
        let size = shape.size();
        let limits = Limits::default();
        let read = |item: &Item| {
            let loaded = images::load_for(item, &limits, Needed::inputs(&[shape]))?;
            let mut floats = vec![0.0; size];
            Resizer::default().to_input(&loaded.pixels, shape, &mut floats)?;
            Ok(floats.iter().map(|x: &f32| (x * 255.0).round() as u8).collect::<Vec<u8>>())
        };
        let mut filling = Filling::new(storage, (items.len(), size), "decoded images")?;
        observer.stage(Stage::images("decoding"));
        let mut n = 0;
        let mut skipped = vec![];
        for chunk in items.chunks(chunk(size)) {
            if observer.should_stop() {
                return Err(Error::Interrupted);
            }
            observer.progress(&Progress {
                skipped: skipped.len(),
                ..Progress::of(n + skipped.len(), items.len())
            });
            let images: Vec<Result<Vec<u8>, String>> = chunk.par_iter().map(read).collect();
            for (item, image) in chunk.iter().zip(images) {
                match image {
                    Ok(image) => {
                        filling.extend(&image)?;
                        n += 1;
                    }
                    Err(reason) => {
                        observer.skipped(&item.display(), &reason);
                        skipped.push(Skipped::new(item.name(), reason));
                    }
                }
            }
        }
        Ok((Self::of(shape, filling.finish()?, n)?, skipped))
    }

    /// Channels, height, width.
    pub fn shape(&self) -> InputShape {
        self.shape
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True when there is no image.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The same images, with what a teacher gives for them.
    ///
    /// # Errors
    /// When it gave that for another number of images: some could be read at one time alone.
    pub(crate) fn with_lessons(self, lessons: Lessons) -> Result<Self> {
        let (n, got) = (self.ids.len(), lessons.len());
        if got != n {
            let what = format!("teacher: expected features of {n} images, got those of {got}");
            return Err(Error::training(what).with_hint("leave the images as they are while training begins"));
        }
        Ok(Dataset { lessons: Some(Arc::new(lessons)), ..self })
    }

    /// What a teacher gives for all records of the store.
    pub(crate) fn lessons(&self) -> Option<&Lessons> {
        self.lessons.as_deref()
    }

    /// What it gives for images `ids`, `[N, size]`.
    pub(crate) fn features(&self, lessons: &Lessons, ids: &[usize]) -> Vec<f32> {
        ids.iter().flat_map(|&i| lessons.of(self.ids[i] as usize)).copied().collect()
    }

    /// Numbers per image.
    pub(crate) fn image_size(&self) -> usize {
        self.shape.size()
    }

    /// Bytes that are held in memory: pixels that do not lie on disk, and what a teacher gives for them.
    pub fn memory_bytes(&self) -> u64 {
        let lessons = self.lessons.as_ref().map_or(0, |lessons| 8 * lessons.values.len() as u64);
        self.store.memory_bytes() + lessons
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
        for start in (0..self.len()).step_by(READ) {
            for image in self.images(start..(start + READ).min(self.len()))? {
                hash.update(&image);
            }
        }
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
                "validation fraction {fraction} of {n} images: expected some in both parts, got {aside}"
            );
            return Err(Error::invalid(what).with_hint("use a fraction between 0 and 1, such as 0.1"));
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let pick = |order: &[usize]| Dataset {
            ids: order.iter().map(|&i| self.ids[i]).collect(),
            shape: self.shape,
            store: Arc::clone(&self.store),
            lessons: self.lessons.clone(),
        };
        let (left, right) = order.split_at(aside);
        Ok((pick(right), pick(left)))
    }

    /// The bytes of image `i`, `[C, H, W]`.
    ///
    /// # Errors
    /// When images that lie on disk cannot be read.
    pub(crate) fn image(&self, i: usize) -> Result<Cow<'_, [u8]>> {
        self.store.record(self.ids[i] as usize, self.image_size())
    }

    /// Several of them; from a disk on all threads, as each waits for it.
    fn images(&self, ids: impl IntoParallelIterator<Item = usize>) -> Result<Vec<Cow<'_, [u8]>>> {
        ids.into_par_iter().map(|i| self.image(i)).collect()
    }

    /// Images `ids` as `f32` `[C*H*W, N]`, batch innermost.
    pub(crate) fn batch_innermost(&self, ids: &[usize]) -> Result<Vec<f32>> {
        let images = self.images(ids.to_vec())?;
        let mut batch = Vec::with_capacity(ids.len() * self.image_size());
        for pixel in 0..self.image_size() {
            batch.extend(images.iter().map(|image| f32::from(image[pixel]) * (1.0 / 255.0)));
        }
        Ok(batch)
    }

    /// Images `ids` as `f32` `[N, C, H, W]`, for the exported models.
    pub(crate) fn batch_outermost(&self, ids: std::ops::Range<usize>) -> Result<Vec<f32>> {
        let images = self.images(ids)?;
        Ok(images.iter().flat_map(|image| image.iter().map(|&x| f32::from(x) * (1.0 / 255.0))).collect())
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
        let mut all = vec![];
        for part in [&rest, &aside] {
            (0..part.len()).for_each(|i| all.extend_from_slice(&part.image(i).unwrap()));
        }
        all.sort_unstable();
        assert_eq!(all, (0..40).collect::<Vec<u8>>());
        assert!(Arc::ptr_eq(&rest.store, &aside.store), "no pixels are copied");
        assert!(counting(3).split(0.01, 0).is_err());
    }
}
