//! One worker of the pipeline: takes chunks from a queue, loads their images into one batch, encodes it, says what became of each.
//!
//! A worker owns all it needs, so that it can be left behind when a decoder does not come to an end: its [`Watch`] tells for how
//! long it has been decoding what. Entries of a compressed stream are read while the worker holds the queue, so that workers take
//! turns and the stream is read once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::pipeline::{Known, Outcome, Pipeline, Stages};
use crate::encode::{EncodeOptions, Encoder};
use crate::error::{Error, Result};
use crate::images::{Decoding, Item, Resizer, Source, Stopwatch, invert_pixels, read};

/// Bytes that are read ahead of decoding while a stream is held.
const READ_AHEAD: usize = 32 << 20;

/// Images to encode together.
#[derive(Clone)]
pub(super) struct Chunk {
    pub(super) number: usize,
    pub(super) items: Vec<Item>,
    /// Why an item is not to be tried again.
    pub(super) given_up: BTreeMap<usize, String>,
}

/// What became of a chunk.
pub(super) struct Done {
    pub(super) chunk: usize,
    pub(super) outcomes: Result<Vec<Outcome>>,
    pub(super) bytes: u64,
    pub(super) stages: Stages,
}

/// Where workers take chunks from, one at a time.
pub(super) type Queue = Arc<Mutex<Receiver<Arc<Chunk>>>>;

/// How images become batches.
pub(super) struct Setup {
    pub(super) decoding: Decoding,
    pub(super) inverted: bool,
    pub(super) known: Arc<Known>,
}

/// What a worker is decoding, since when.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub(super) stopwatch: Stopwatch,
    /// Chunk and item: 2^32 items per chunk are enough.
    place: AtomicU64,
    /// The worker was left behind: it ends when it can.
    abandoned: AtomicBool,
}

impl Watch {
    pub(super) fn watched<T>(&self, (chunk, item): (usize, usize), decode: impl FnOnce() -> T) -> T {
        self.place.store((chunk as u64) << 32 | item as u64, Ordering::Release);
        self.stopwatch.start();
        let decoded = decode();
        self.stopwatch.stop();
        decoded
    }

    /// Another one does the worker's work from now on.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
    }

    /// The chunk and item that have been decoded for longer than `timeout`.
    pub(super) fn decoding_for(&self, timeout: Duration) -> Option<(usize, usize)> {
        let place = self.place.load(Ordering::Acquire);
        let is_late = self.stopwatch.time().is_some_and(|time| time > timeout);
        // read twice: the time is that of this image, or of a later one, which is younger
        (is_late && place == self.place.load(Ordering::Acquire))
            .then_some(((place >> 32) as usize, place as u32 as usize))
    }
}

impl Pipeline<'_> {
    pub(super) fn encoder(&self) -> Result<Encoder> {
        let options = EncodeOptions { threads: 1, device: self.options.device };
        Encoder::new(self.runtime, self.model, &options)
    }
}

/// What a worker thread owns.
pub(super) struct Worker {
    setup: Setup,
    encoder: Encoder,
    resizer: Resizer,
    watch: Arc<Watch>,
    images: Vec<f32>, // [loaded, C, H, W]
    stages: Stages,   // of this chunk
    bytes: u64,       // of this chunk
}

/// What an image is while its chunk is loaded.
enum Loading {
    /// To be read, in no particular order.
    Waiting,
    Read(Source),
    Settled(Outcome),
}

impl Worker {
    /// A worker that `watch` tells of.
    pub(super) fn new(mut setup: Setup, encoder: Encoder, watch: Arc<Watch>) -> Worker {
        setup.decoding.stopwatch = watch.stopwatch.clone();
        let (resizer, images, stages) = (Resizer::new(), Vec::new(), Stages::default());
        Worker { setup, encoder, resizer, watch, images, stages, bytes: 0 }
    }

    /// Starts its thread, which works until the queue is closed.
    pub(super) fn start(self, queue: Queue, results: Sender<Done>) -> Result<JoinHandle<()>> {
        thread::Builder::new()
            .name("worker".to_owned())
            .spawn(move || self.work(&queue, &results))
            .map_err(|error| Error::invalid(format!("threads: cannot start another one: {error}")))
    }

    fn work(mut self, queue: &Queue, results: &Sender<Done>) {
        loop {
            (self.stages, self.bytes) = (Stages::default(), 0);
            let Ok(turn) = queue.lock() else { return };
            if self.watch.abandoned.load(Ordering::Acquire) {
                return;
            }
            let Ok(chunk) = turn.recv() else { return };
            let loading = chunk.items.iter().enumerate().map(|(at, item)| match chunk.given_up.get(&at) {
                Some(reason) => Loading::Settled(Outcome::Skipped(reason.clone())),
                None if item.in_sequence() && self.bytes < READ_AHEAD as u64 => self.read(item),
                None => Loading::Waiting,
            });
            let loading: Vec<Loading> = loading.collect();
            drop(turn);
            let outcomes = self.outcomes(&chunk, loading);
            let (bytes, stages) = (self.bytes, self.stages);
            if results.send(Done { chunk: chunk.number, outcomes, bytes, stages }).is_err() {
                return;
            }
        }
    }

    fn outcomes(&mut self, chunk: &Chunk, loading: Vec<Loading>) -> Result<Vec<Outcome>> {
        self.images.clear();
        let mut outcomes = Vec::with_capacity(loading.len());
        for (at, loading) in loading.into_iter().enumerate() {
            let loading = match loading {
                Loading::Waiting => self.read(&chunk.items[at]),
                loading => loading,
            };
            outcomes.push(match loading {
                Loading::Settled(outcome) => outcome,
                Loading::Read(source) => self.prepare(source, (chunk.number, at)),
                Loading::Waiting => continue, // never: it was read
            });
        }
        let start = Instant::now();
        let latents = self.encoder.encode(&self.images)?;
        self.stages.encode += start.elapsed();
        let mut latents = latents.chunks_exact(self.encoder.latent_size());
        for outcome in &mut outcomes {
            if let Outcome::Encoded { latent, .. } = outcome {
                latent.extend_from_slice(latents.next().unwrap_or_default());
                if !latent.iter().all(|number| number.is_finite()) {
                    *outcome = Outcome::Skipped("the model gives it a latent that is not finite".to_owned());
                }
            }
        }
        Ok(outcomes)
    }

    fn read(&mut self, item: &Item) -> Loading {
        let start = Instant::now();
        let source = read(item, &self.setup.decoding.limits);
        self.stages.read += start.elapsed();
        match source {
            Ok(source) => {
                self.bytes += source.len() as u64;
                Loading::Read(source)
            }
            Err(reason) => Loading::Settled(Outcome::Skipped(reason)),
        }
    }

    /// Adds one image to the end of `images`, where its content is not known; its latent is still to come.
    fn prepare(&mut self, source: Source, place: (usize, usize)) -> Outcome {
        let start = Instant::now();
        let stamp = source.stamp();
        let hashed = Instant::now();
        self.stages.hash += hashed - start;
        if self.setup.known.contains_key(&stamp.hash) {
            return Outcome::Same(stamp);
        }
        let pixels = self.watch.watched(place, || source.decode(&self.setup.decoding));
        let decoded = Instant::now();
        self.stages.decode += decoded - hashed;
        let pixels = match pixels {
            Ok(pixels) => pixels,
            Err(reason) => return Outcome::Skipped(reason),
        };
        let shape = self.encoder.input();
        let start = self.images.len();
        self.images.resize(start + shape.size(), 0.0);
        let image = &mut self.images[start..];
        let resized = self.resizer.to_input(&pixels, shape, image);
        if self.setup.inverted {
            invert_pixels(image);
        }
        self.stages.resize += decoded.elapsed();
        match resized {
            Ok(()) => Outcome::Encoded { stamp, latent: Vec::with_capacity(self.encoder.latent_size()) },
            Err(reason) => {
                self.images.truncate(start);
                Outcome::Skipped(reason)
            }
        }
    }
}
