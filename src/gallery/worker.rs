//! One worker of the pipeline: takes chunks from a queue, loads their images into one batch, encodes it, and
//! says what became of each image.
//!
//! A worker owns all it needs, so that it can be abandoned if a decoder hangs: its [`Watch`] says what it has
//! been decoding, and for how long. Entries of a compressed stream are read while the worker holds the queue,
//! so that workers take turns and the stream is read once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::outcome::{KnownHashes, KnownInputs, Outcome, StageTimes};
use super::thumbnails::Thumbnailer;
use super::watch::Watch;
use crate::encode::{Encoder, is_usable};
use crate::error::{Error, Result};
use crate::images::{Decoding, Item, ReadAhead, Remarks, Resizer, Source, invert_pixels};

/// Bytes that are read ahead of decoding while a stream is held.
const READ_AHEAD: usize = 32 << 20;

/// Images to encode together.
#[derive(Clone)]
pub(super) struct Chunk {
    pub(super) number: usize,
    pub(super) items: Vec<Item>,
    /// Items that are not tried again, and why.
    pub(super) given_up: BTreeMap<usize, String>,
}

/// What became of a chunk.
pub(super) struct Done {
    pub(super) chunk: usize,
    pub(super) outcomes: Result<Vec<Outcome>>,
    pub(super) bytes: u64,
    pub(super) times: StageTimes,
    /// What is odd about images that were encoded all the same, with their names.
    pub(super) remarks: Vec<String>,
}

/// Where workers take chunks from, one at a time.
pub(super) type Queue = Arc<Mutex<Receiver<Arc<Chunk>>>>;

/// How files become the model's input.
#[derive(Clone)]
pub(super) struct Preparation {
    pub(super) decoding: Decoding,
    /// Invert every image.
    pub(super) inverted: bool,
    /// Contents that are not encoded again.
    pub(super) known: Arc<KnownHashes>,
    /// Contents that are not decoded again.
    pub(super) inputs: Arc<KnownInputs>,
    /// Keeps a small picture of every image.
    pub(super) thumbnails: Option<Arc<Thumbnailer>>,
}

/// What a worker thread owns.
pub(super) struct Worker {
    preparation: Preparation,
    encoder: Encoder,
    resizer: Resizer,
    watch: Arc<Watch>,
    images: Vec<f32>,     // [loaded, C, H, W]
    times: StageTimes,    // of this chunk
    bytes: u64,           // of this chunk
    remarks: Vec<String>, // of this chunk
}

/// The state of an image while its chunk is loaded.
enum Loading {
    /// To be read, in no particular order.
    Waiting,
    Read(Source),
    Settled(Outcome),
}

impl Worker {
    /// A worker that `watch` follows.
    pub(super) fn new(mut preparation: Preparation, encoder: Encoder, watch: Arc<Watch>) -> Worker {
        preparation.decoding.stopwatch = watch.stopwatch.clone();
        preparation.decoding.remarks = Remarks::default();
        let (resizer, images, times) = (Resizer::new(), Vec::new(), StageTimes::default());
        Worker { preparation, encoder, resizer, watch, images, times, bytes: 0, remarks: Vec::new() }
    }

    /// Starts its thread, which works until the queue is closed, and then returns the encoder.
    pub(super) fn start(mut self, queue: Queue, results: Sender<Done>) -> Result<JoinHandle<Encoder>> {
        thread::Builder::new()
            .name("worker".to_owned())
            .spawn(move || {
                self.work(&queue, &results);
                self.encoder
            })
            .map_err(|error| Error::invalid(format!("threads: cannot start another one: {error}")))
    }

    fn work(&mut self, queue: &Queue, results: &Sender<Done>) {
        loop {
            (self.times, self.bytes) = (StageTimes::default(), 0);
            let Ok(turn) = queue.lock() else { return };
            if self.watch.is_abandoned() {
                return;
            }
            let Ok(chunk) = turn.recv() else { return };
            let tried = chunk.items.iter().enumerate().filter(|(at, _)| !chunk.given_up.contains_key(at));
            let mut ahead = ReadAhead::new(tried.map(|(_, item)| item), &self.preparation.decoding.limits);
            let loading = chunk.items.iter().enumerate().map(|(at, item)| match chunk.given_up.get(&at) {
                Some(reason) => Loading::Settled(Outcome::Skipped(reason.clone())),
                None if item.in_sequence() && self.bytes < READ_AHEAD as u64 => self.read(item, &mut ahead),
                None => Loading::Waiting,
            });
            let loading: Vec<Loading> = loading.collect();
            drop(turn);
            let outcomes = self.outcomes(&chunk, loading, &mut ahead);
            let (bytes, times, remarks) = (self.bytes, self.times, std::mem::take(&mut self.remarks));
            if results.send(Done { chunk: chunk.number, outcomes, bytes, times, remarks }).is_err() {
                return;
            }
        }
    }

    fn outcomes(
        &mut self,
        chunk: &Chunk,
        loading: Vec<Loading>,
        ahead: &mut ReadAhead,
    ) -> Result<Vec<Outcome>> {
        self.images.clear();
        let mut outcomes = Vec::with_capacity(loading.len());
        for (at, loading) in loading.into_iter().enumerate() {
            let loading = match loading {
                Loading::Waiting => self.read(&chunk.items[at], ahead),
                loading => loading,
            };
            outcomes.push(match loading {
                Loading::Settled(outcome) => outcome,
                Loading::Read(source) => self.prepare(source, (chunk.number, at)),
                Loading::Waiting => continue, // never: it was read
            });
            let remarks = self.preparation.decoding.remarks.take();
            let named = |remark: String| format!("{}: {remark}", chunk.items[at].display());
            self.remarks.extend(remarks.into_iter().map(named));
        }
        let start = Instant::now();
        let latents = self.encoder.encode(&self.images)?;
        self.times.encode += start.elapsed();
        let mut latents = latents.chunks_exact(self.encoder.latent_size());
        for outcome in &mut outcomes {
            if let Outcome::Encoded { latent, .. } = outcome {
                latent.extend_from_slice(latents.next().unwrap_or_default());
                if !is_usable(latent) {
                    let what = "the model gives it a latent with numbers that are not finite, or too large";
                    *outcome = Outcome::Skipped(what.to_owned());
                }
            }
        }
        Ok(outcomes)
    }

    fn read(&mut self, item: &Item, ahead: &mut ReadAhead) -> Loading {
        let start = Instant::now();
        let source = ahead.read(item, &self.preparation.decoding.limits);
        self.times.read += start.elapsed();
        match source {
            Ok(source) => {
                self.bytes += source.len() as u64;
                Loading::Read(source)
            }
            Err(reason) => Loading::Settled(Outcome::Skipped(reason)),
        }
    }

    /// Adds one image to the end of `images`, unless its content is known; its latent follows when the batch
    /// is encoded.
    fn prepare(&mut self, source: Source, position: (usize, usize)) -> Outcome {
        let start = Instant::now();
        let stamp = source.stamp();
        let hashed = Instant::now();
        self.times.hash += hashed - start;
        if self.preparation.known.contains_key(&stamp.hash) {
            return Outcome::Same(stamp);
        }
        let mut facts = Box::new(source.file_facts());
        // an input has the size of the model
        let pixels = match self.preparation.inputs.get(&stamp.hash).filter(|_| facts.size.is_some()) {
            Some(input) => Ok(Cow::Borrowed(input)),
            None => {
                self.watch.watched(position, || source.decode(&self.preparation.decoding)).map(Cow::Owned)
            }
        };
        let decoded = Instant::now();
        self.times.decode += decoded - hashed;
        let pixels = match pixels {
            Ok(pixels) => pixels,
            Err(reason) => return Outcome::Skipped(reason),
        };
        facts.size = facts.size.or(Some((pixels.width as u32, pixels.height as u32)));
        if let Some(thumbnails) = &self.preparation.thumbnails {
            thumbnails.add(&stamp.hash, &pixels);
        }
        let shape = self.encoder.input();
        let start = self.images.len();
        self.images.resize(start + shape.size(), 0.0);
        let image = &mut self.images[start..];
        let resized = self.resizer.to_input(&pixels, shape, image);
        if self.preparation.inverted {
            invert_pixels(image);
        }
        self.times.resize += decoded.elapsed();
        match resized {
            Ok(()) => {
                let latent = Vec::with_capacity(self.encoder.latent_size());
                Outcome::Encoded { stamp, latent, facts }
            }
            Err(reason) => {
                self.images.truncate(start);
                Outcome::Skipped(reason)
            }
        }
    }
}
