//! A few images spread evenly over a collection, for what is decided once for all of them.
//!
//! They are read on threads of their own, so that one whose decoder hangs can be abandoned. What was decoded is kept
//! at the model's size, so that the run does not decode it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::outcome::{KnownInputs, StageTimes};
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::images::{Decoding, InputShape, Item, Needed, Pixels, Remarks, Resizer, read, spread};

/// Images that are sampled.
const SAMPLE: usize = 128;

/// Some images of a collection.
#[derive(Default)]
pub(super) struct Sample {
    /// f32 `[N, C, H, W]` for each shape.
    pub(super) images: Vec<Vec<f32>>,
    /// The same at the first shape's size, by their contents, but for those that the decoder remarked on.
    pub(super) inputs: KnownInputs,
    /// How long each stage took, summed over the threads.
    pub(super) times: StageTimes,
    /// How long all of it took.
    pub(super) took: Duration,
}

impl Sample {
    /// The images at the first of the shapes.
    pub(super) fn first(self) -> Vec<f32> {
        self.images.into_iter().next().unwrap_or_default()
    }
}

/// One image.
struct Sampled {
    /// At each of the shapes.
    images: Vec<Vec<f32>>,
    /// Its content, and the image at the first shape's size.
    input: Option<([u8; 32], Pixels)>,
}

/// What a thread sends: the number of an image, the image if it can be read, and how long that took.
type Message = (usize, Option<Sampled>, StageTimes);

/// What the threads share.
struct Reading {
    items: Vec<Item>,
    how: Decoding,
    shapes: Vec<InputShape>,
    next: AtomicUsize,
}

/// Reads at most [`SAMPLE`] of the items, on as many threads as the current rayon pool has, and resizes them
/// to each of `shapes`: one f32 `[N, C, H, W]` per shape. Images that cannot be read, or not in time, are
/// left out.
///
/// # Errors
/// When no thread can be started.
pub(super) fn sample(items: &[&Item], how: &Decoding, shapes: &[InputShape]) -> Result<Sample> {
    let start = Instant::now();
    let items: Vec<Item> = spread(items.len(), SAMPLE).into_iter().map(|i| items[i].clone()).collect();
    let n_sampled = items.len();
    let next = AtomicUsize::new(0);
    let how = Decoding { needed: Needed::inputs(shapes), ..how.clone() };
    let limits = how.limits;
    let reading = Arc::new(Reading { items, how, shapes: shapes.to_vec(), next });
    let (sender, receiver) = mpsc::channel();
    let n_threads = rayon::current_num_threads().min(n_sampled);
    let mut watches =
        (0..n_threads).map(|_| reading.clone().spawn(sender.clone())).collect::<Result<Vec<_>>>()?;
    // one large allocation for each shape, which is returned to the system; many small ones would not be
    let mut all: Vec<Vec<f32>> = shapes.iter().map(|shape| vec![0.0; n_sampled * shape.size()]).collect();
    let mut is_read: Vec<Option<bool>> = vec![None; n_sampled];
    let (mut inputs, mut times) = (KnownInputs::new(), StageTimes::default());
    while is_read.contains(&None) {
        // an image that comes too late stays left out
        if let Ok((index, sampled, took)) = receiver.recv_timeout(limits.look_every())
            && is_read[index].is_none()
        {
            is_read[index] = Some(sampled.is_some());
            times += took;
            let Some(Sampled { images, input }) = sampled else { continue };
            inputs.extend(input);
            for (all, image) in all.iter_mut().zip(images) {
                all[index * image.len()..][..image.len()].copy_from_slice(&image);
            }
        }
        for watch in &mut watches {
            if let Some((_, index)) = watch.decoding_for(limits.decode_timeout) {
                is_read[index].get_or_insert(false);
                *watch = reading.clone().spawn(sender.clone())?;
            }
        }
    }
    for (all, size) in all.iter_mut().zip(shapes.iter().map(InputShape::size)) {
        let mut kept = 0;
        for index in (0..n_sampled).filter(|&index| is_read[index] == Some(true)) {
            all.copy_within(index * size..(index + 1) * size, kept);
            kept += size;
        }
        all.truncate(kept);
    }
    Ok(Sample { images: all, inputs, times, took: start.elapsed() })
}

impl Reading {
    fn spawn(self: Arc<Self>, sender: Sender<Message>) -> Result<Arc<Watch>> {
        let watch = Arc::new(Watch::default());
        let watched = watch.clone();
        let (stopwatch, remarks) = (watch.stopwatch.clone(), Remarks::default());
        let how = Decoding { stopwatch, remarks, ..self.how.clone() };
        let work = move || {
            let mut resizer = Resizer::new();
            loop {
                let index = self.next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = self.items.get(index) else { return };
                let mut times = StageTimes::default();
                let sampled = watched.watched((0, index), || self.read(item, &how, &mut resizer, &mut times));
                if sender.send((index, sampled, times)).is_err() {
                    return; // nobody waits for it any more
                }
            }
        };
        let started = thread::Builder::new().name("sample".to_owned()).spawn(work);
        started.map_err(|error| Error::invalid(format!("threads: cannot start another one: {error}")))?;
        Ok(watch)
    }

    fn read(
        &self,
        item: &Item,
        how: &Decoding,
        resizer: &mut Resizer,
        times: &mut StageTimes,
    ) -> Option<Sampled> {
        let start = Instant::now();
        let source = read(item, &how.limits);
        let was_read = Instant::now();
        times.read += was_read - start;
        let source = source.ok()?;
        let hash = source.stamp().hash;
        let hashed = Instant::now();
        times.hash += hashed - was_read;
        let pixels = source.decode(how);
        let decoded = Instant::now();
        times.decode += decoded - hashed;
        let is_plain = how.remarks.take().is_empty();
        let pixels = pixels.ok()?;
        let first = resizer.to_size(&pixels, *self.shapes.first()?).ok()?;
        let mut resize = |(number, shape): (usize, &InputShape)| {
            let mut image = vec![0.0; shape.size()];
            let pixels = if number == 0 { &first } else { &pixels };
            resizer.to_input(pixels, *shape, &mut image).ok().map(|()| image)
        };
        let images = self.shapes.iter().enumerate().map(&mut resize).collect::<Option<Vec<_>>>()?;
        times.resize += decoded.elapsed();
        Some(Sampled { images, input: is_plain.then_some((hash, first)) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::outcome::Outcome;
    use super::super::pipeline::{Pipeline, PipelineOptions};
    use super::super::tests::{Fixture, SHAPE};
    use super::super::thumbnails::Thumbnailer;
    use super::*;
    use crate::images::{WalkOptions, walk};
    use crate::model::{Family, Model};
    use crate::runtime::ensure;

    #[test]
    fn what_was_sampled_is_not_decoded_again() {
        let fixture = Fixture::new(Family::ConvHash);
        fixture.draw(0..9);
        let items = walk(&[fixture.path("data")], &WalkOptions::default()).unwrap().items;
        let items: Vec<&Item> = items.iter().collect();
        let model = Model::load(&fixture.options.model).unwrap();
        let runtime = ensure(&fixture.options.runtime, &()).unwrap();
        let mut pipeline = Pipeline::new(&runtime, &model, PipelineOptions::default());
        let latents = |pipeline: &Pipeline<'_>| {
            let mut latents = Vec::new();
            let mut take = |_, outcome| {
                if let Outcome::Encoded { latent, .. } = outcome {
                    latents.push(latent);
                }
                Ok(())
            };
            pipeline.encode(&items, &(), &mut take).unwrap();
            latents
        };
        let expected = latents(&pipeline);
        let sample = sample(&items, &pipeline.decoding(), &[SHAPE]).unwrap();
        assert_eq!((sample.inputs.len(), sample.images[0].len()), (9, 9 * SHAPE.size()));
        assert!(!sample.times.decode.is_zero() && !sample.took.is_zero());
        pipeline.inputs = Arc::new(sample.inputs.clone());
        assert_eq!(latents(&pipeline), expected);

        // whatever is known of a content counts
        let first = sample.inputs[&read(items[0], &Decoding::default().limits).unwrap().stamp().hash].clone();
        let all_first = sample.inputs.keys().map(|&hash| (hash, first.clone()));
        pipeline.inputs = Arc::new(all_first.collect());
        assert_eq!(latents(&pipeline), vec![expected[0].clone(); 9]);
        std::fs::create_dir(fixture.path("index")).unwrap();
        let thumbnails = Thumbnailer::open(&fixture.path("index"), Some(64), &()).unwrap();
        pipeline.thumbnails = thumbnails.map(Arc::new);
        assert_eq!(latents(&pipeline), expected, "thumbnails are larger than what is known");
    }
}
