//! Encoding many images: worker threads that decode, resize and encode, and one collector that hears of it in order.
//!
//! ```text
//! jobs --chunks of 64--> worker 1 (resizer, encoder) \
//!                        worker 2 (resizer, encoder)  > bounded channel --> reordered --> sink(job, outcome)
//!                        ...                         /
//! ```
//!
//! Decoding and encoding happen in the same worker, so a batch never leaves its core. Memory holds a few chunks per worker,
//! however many jobs there are. Nothing here knows the index.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::choose::Choice;
use crate::encode::{EncodeOptions, Encoder};
use crate::error::Result;
use crate::images::{Item, Limits, Resizer, Stamp, invert_ink, load};
use crate::model::Model;
use crate::runtime::{Device, Runtime};

/// Images per batch: enough for the encoder's speed, few enough to spread over the workers.
const CHUNK: usize = 64;

/// Values per batch at most, but for a single large image: 64 MB.
const CHUNK_VALUES: usize = 1 << 24;

/// An image to be encoded.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The image.
    pub item: &'a Item,
    /// The content for which the code is known already: with this hash, nothing is encoded.
    pub known: Option<[u8; 32]>,
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The image's latent `[D]`.
    Encoded {
        /// The state of the file that was read.
        stamp: Stamp,
        /// f32 `[D]`.
        latent: Vec<f32>,
    },
    /// The content is the known one.
    Same(Stamp),
    /// There are no pixels, for this reason.
    Skipped(String),
}

/// With what, where and how images are encoded.
#[derive(Debug, Clone, Copy)]
pub struct Coder<'a> {
    /// ONNX Runtime.
    pub runtime: &'a Runtime,
    /// The model.
    pub model: &'a Model,
    /// Worker threads, each with its own session on one core.
    pub threads: usize,
    /// The device.
    pub device: Device,
    /// What one image may cost.
    pub limits: Limits,
    /// Invert every image before it is encoded.
    pub inverted: bool,
}

/// Who hears of the work while it goes on; called from the caller's own thread. `()` hears nothing.
pub trait Observer {
    /// Something worth a line, such as a download.
    fn note(&self, text: &str) {
        let _ = text;
    }

    /// A model was chosen for the images.
    fn chosen(&self, choice: &Choice) {
        let _ = choice;
    }

    /// So many of so many images are done.
    fn progress(&self, done: usize, total: usize) {
        let _ = (done, total);
    }

    /// Whether to stop; asked after each batch. What is done by then is kept.
    fn interrupted(&self) -> bool {
        false
    }
}

impl Observer for () {}

impl Coder<'_> {
    /// Calls `sink` with each job's number and outcome, in the order of `jobs`. Returns whether all were done; if the
    /// observer interrupted, those that were are the first ones.
    ///
    /// # Errors
    /// When the encoder cannot be opened or fails, or `sink` fails.
    pub fn encode(
        &self,
        jobs: &[Job<'_>],
        observer: &dyn Observer,
        sink: &mut dyn FnMut(usize, Outcome) -> Result<()>,
    ) -> Result<bool> {
        let chunk = (CHUNK_VALUES / self.model.metadata.input.size().max(1)).clamp(1, CHUNK);
        let shared = Shared { jobs, chunk, next: AtomicUsize::new(0), stop: AtomicBool::new(false) };
        let n_workers = self.threads.clamp(1, jobs.len().div_ceil(chunk).max(1));
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::sync_channel(2 * n_workers);
            for _ in 0..n_workers {
                let (sender, shared) = (sender.clone(), &shared);
                scope.spawn(move || self.work(shared, &sender));
            }
            drop(sender);
            let done = collect(&receiver, &shared, observer, sink);
            shared.stop.store(true, Ordering::Relaxed); // on an error: the workers end after their chunk
            drop(receiver);
            done.map(|done| done == jobs.len())
        })
    }

    /// One worker: takes chunks until there are none left, or it is told to stop.
    fn work(&self, shared: &Shared<'_>, sender: &mpsc::SyncSender<Sent>) {
        let mut worker = None;
        while !shared.stop.load(Ordering::Relaxed) {
            let chunk = shared.next.fetch_add(1, Ordering::Relaxed);
            let Some(jobs) = shared.jobs.chunks(shared.chunk).nth(chunk) else { return };
            let outcomes = match &mut worker {
                Some(worker) => Worker::outcomes(worker, jobs),
                none => Worker::new(self).and_then(|fresh| none.insert(fresh).outcomes(jobs)),
            };
            let failed = outcomes.is_err();
            if sender.send((chunk, outcomes)).is_err() || failed {
                return;
            }
        }
    }
}

/// What the workers of a run have in common.
struct Shared<'a> {
    jobs: &'a [Job<'a>],
    /// Jobs per chunk.
    chunk: usize,
    /// The next chunk to take.
    next: AtomicUsize,
    stop: AtomicBool,
}

/// A chunk's number and what became of its jobs.
type Sent = (usize, Result<Vec<Outcome>>);

/// Hands chunks to the sink in order; returns how many jobs were handed over.
fn collect(
    receiver: &mpsc::Receiver<Sent>,
    shared: &Shared<'_>,
    observer: &dyn Observer,
    sink: &mut dyn FnMut(usize, Outcome) -> Result<()>,
) -> Result<usize> {
    let mut early = BTreeMap::new();
    let (mut chunk, mut done) = (0, 0);
    for (number, outcomes) in receiver {
        early.insert(number, outcomes?);
        while let Some(outcomes) = early.remove(&chunk) {
            for outcome in outcomes {
                sink(done, outcome)?;
                done += 1;
            }
            chunk += 1;
        }
        observer.progress(done, shared.jobs.len());
        if observer.interrupted() {
            shared.stop.store(true, Ordering::Relaxed); // chunks under way still arrive
        }
    }
    Ok(done)
}

/// What a worker thread owns.
struct Worker<'a> {
    coder: &'a Coder<'a>,
    encoder: Encoder,
    resizer: Resizer,
    images: Vec<f32>, // [loaded, C, H, W]
}

impl<'a> Worker<'a> {
    fn new(coder: &'a Coder<'a>) -> Result<Worker<'a>> {
        let options = EncodeOptions { threads: 1, device: coder.device };
        let encoder = Encoder::new(coder.runtime, coder.model, &options)?;
        Ok(Worker { coder, encoder, resizer: Resizer::new(), images: Vec::new() })
    }

    fn outcomes(&mut self, jobs: &[Job<'_>]) -> Result<Vec<Outcome>> {
        self.images.clear();
        let mut outcomes: Vec<Outcome> = jobs.iter().map(|job| self.load(job)).collect();
        let latents = self.encoder.encode(&self.images)?;
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

    /// Loads one image to the end of `images`; its latent is still to come.
    fn load(&mut self, job: &Job<'_>) -> Outcome {
        let loaded = match load(job.item, &self.coder.limits) {
            Ok(loaded) => loaded,
            Err(reason) => return Outcome::Skipped(reason),
        };
        if job.known == Some(loaded.stamp.hash) {
            return Outcome::Same(loaded.stamp);
        }
        let shape = self.encoder.input();
        let start = self.images.len();
        self.images.resize(start + shape.size(), 0.0);
        let image = &mut self.images[start..];
        if let Err(reason) = self.resizer.to_input(&loaded.pixels, shape, image) {
            self.images.truncate(start);
            return Outcome::Skipped(reason);
        }
        if self.coder.inverted {
            invert_ink(image);
        }
        Outcome::Encoded { stamp: loaded.stamp, latent: Vec::with_capacity(self.encoder.latent_size()) }
    }
}
