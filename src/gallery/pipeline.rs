//! Encoding many images: workers that read, decode, resize and encode, and one collector that receives the
//! outcomes in order.
//!
//! ```text
//! items --chunks of 64--> queue --> worker 1 (resizer, encoder) \
//!                               --> worker 2 (resizer, encoder)  > reordered --> sink(item, outcome)
//!                               --> ...                         /
//! ```
//!
//! Decoding and encoding happen in the same worker, so a batch never leaves its core. No more than a few
//! chunks per worker are under way or wait for an earlier one, however many items there are. A worker whose
//! decoder hangs is abandoned and replaced, and its image is skipped. Nothing here knows the index.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use super::outcome::{KnownHashes, KnownInputs, Outcome, StageTimes};
use super::sessions::IdleEncoders;
use super::thumbnails::Thumbnailer;
use super::worker::{Chunk, Done, Preparation};
use super::worker_pool::{Recipe, WorkerPool};
use crate::error::Result;
use crate::images::{Decoding, Item, Limits, MemoryBudget, Needed};
use crate::model::Model;
use crate::observer::{Note, Observer, Progress};
use crate::runtime::{Device, Runtime};

/// Images per batch: enough for the encoder's speed, few enough to spread over the workers.
const CHUNK: usize = 64;

/// Values per batch at most, but for a single large image: 8 MB.
const CHUNK_VALUES: usize = 1 << 21;

/// Bytes of images in memory per batch at most, but for a single large image.
const CHUNK_BYTES: usize = 16 << 20;

/// Chunks per worker that are under way or wait for an earlier one.
const WINDOW: usize = 4;

/// Bytes of images in memory that these chunks hold at most, but for one chunk.
const WINDOW_BYTES: usize = 256 << 20;

/// How often a run without work looks whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// When the run is to stop, workers may finish what they are at, as long as a chunk is done so often.
const PATIENCE: Duration = Duration::from_secs(3);

/// Encodes images of files with one model.
#[derive(Debug, Clone)]
pub struct Pipeline<'a> {
    /// ONNX Runtime.
    pub runtime: &'a Runtime,
    /// The model.
    pub model: &'a Model,
    /// How.
    pub options: PipelineOptions,
    /// Invert every image before it is encoded.
    pub inverted: bool,
    /// Sessions that earlier runs have left, of this model on this device; those of this run join them.
    pub encoders: IdleEncoders,
    pub(super) known: Arc<KnownHashes>,
    /// Images that have been decoded at the model's size; not asked where thumbnails are kept, which are larger.
    pub(super) inputs: Arc<KnownInputs>,
    /// Keeps a small picture of every image that is decoded.
    pub(super) thumbnails: Option<Arc<Thumbnailer>>,
}

/// How images are encoded.
#[derive(Debug, Clone)]
pub struct PipelineOptions {
    /// Worker threads, each with its own session on one core.
    pub threads: usize,
    /// The device.
    pub device: Device,
    /// The limits for one image.
    pub limits: Limits,
    /// The memory for decoding.
    pub budget: MemoryBudget,
}

impl Default for PipelineOptions {
    fn default() -> Self {
        PipelineOptions {
            threads: 1,
            device: Device::default(),
            limits: Limits::default(),
            budget: MemoryBudget::default(),
        }
    }
}

/// How far a run of the pipeline came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Encoded {
    /// The first `done` images have an outcome.
    pub progress: Progress,
    /// How long each stage took.
    pub times: StageTimes,
    /// The observer stopped the run before all images had one.
    pub stopped: bool,
}

impl Encoded {
    /// Whether all images have an outcome.
    pub fn is_finished(&self) -> bool {
        !self.stopped
    }
}

impl<'a> Pipeline<'a> {
    /// A pipeline that encodes images as they are.
    pub fn new(runtime: &'a Runtime, model: &'a Model, options: PipelineOptions) -> Pipeline<'a> {
        let (known, inputs, encoders) = (Arc::default(), Arc::default(), IdleEncoders::default());
        Pipeline { runtime, model, options, inverted: false, encoders, known, inputs, thumbnails: None }
    }

    /// Calls `sink` with each item's position and outcome, in the order of `items`. If the observer stopped
    /// the run, the items with an outcome are the first ones.
    ///
    /// # Errors
    /// When the encoder cannot be opened or fails, or `sink` fails.
    pub fn encode(
        &self,
        items: &[&Item],
        observer: &dyn Observer,
        sink: &mut dyn FnMut(usize, Outcome) -> Result<()>,
    ) -> Result<Encoded> {
        if items.is_empty() {
            return Ok(Encoded::default());
        }
        let mut position = 0;
        let mut count = |_: &Item, outcome| {
            position += 1;
            sink(position - 1, outcome)
        };
        let mut images = items.iter().map(|&item| item.clone());
        self.encode_stream((&mut images, items.len()), observer, &mut count)
    }

    /// The same for images that come one after the other: no more of them are held than are under way. `expected`
    /// is how many may come, for progress; 0 if nobody knows.
    pub(super) fn encode_stream(
        &self,
        (images, expected): (&mut dyn Iterator<Item = Item>, usize),
        observer: &dyn Observer,
        sink: &mut dyn FnMut(&Item, Outcome) -> Result<()>,
    ) -> Result<Encoded> {
        self.encode_fed((&mut Feed::Listed(images), expected), observer, sink)
    }

    /// The same, from a feed that need not have the next image at once.
    pub(super) fn encode_fed(
        &self,
        (images, expected): (&mut Feed<'_>, usize),
        observer: &dyn Observer,
        sink: &mut dyn FnMut(&Item, Outcome) -> Result<()>,
    ) -> Result<Encoded> {
        let chunk = (CHUNK_VALUES / self.model.metadata.input.size().max(1)).clamp(1, CHUNK);
        let most = if expected == 0 { usize::MAX } else { expected.div_ceil(chunk) };
        let n_workers = self.options.threads.clamp(1, most);
        let limits = &self.options.limits;
        let mut pool = WorkerPool::new(self.recipe(), n_workers)?;
        let mut collector = Collector {
            encoded: Encoded { progress: Progress::of(0, expected), ..Encoded::default() },
            issued: BTreeMap::new(),
            held: 0,
            observer,
            sink,
            early: BTreeMap::new(),
            next: 0,
        };
        let (mut number, mut has_more) = (0, true);
        let mut stopped: Option<Instant> = None; // since when, or since the last chunk after that
        loop {
            while stopped.is_none() && has_more && collector.has_room(WINDOW * n_workers) {
                let Some(items) = images.some((chunk, CHUNK_BYTES), pool.under_way() == 0) else {
                    has_more = false;
                    break;
                };
                if items.is_empty() {
                    break; // for now
                }
                let chunk = Arc::new(Chunk { number, items, given_up: BTreeMap::new() });
                collector.issue(chunk.clone());
                pool.issue(chunk);
                number += 1;
            }
            if pool.under_way() == 0 && (stopped.is_some() || !has_more) {
                pool.end();
                return Ok(collector.end(has_more));
            }
            if pool.under_way() > 0
                && let Some(done) = pool.next(limits.decode_timeout, limits.look_every())?
            {
                collector.take(done)?;
                observer.progress(&collector.encoded.progress);
                stopped = stopped.map(|_| Instant::now());
            }
            if stopped.is_none() && observer.should_stop() {
                stopped = Some(Instant::now());
            }
            if let Some(since) = stopped {
                pool.forget_waiting();
                if since.elapsed() > PATIENCE {
                    pool.leave();
                    return Ok(collector.end(true));
                }
            }
        }
    }

    /// How images are decoded for the model.
    pub(super) fn decoding(&self) -> Decoding {
        let PipelineOptions { limits, budget, .. } = &self.options;
        let input = self.model.metadata.input;
        let grey = input.channels == 1 && self.thumbnails.is_none();
        let needed = match &self.thumbnails {
            None => Needed::inputs(&[input]),
            Some(thumbnails) => {
                Needed::Both { width: input.width, height: input.height, side: thumbnails.side }
            }
        };
        Decoding { limits: *limits, grey, needed, budget: budget.clone(), ..Decoding::default() }
    }

    fn recipe(&self) -> Recipe<'a> {
        let (decoding, known) = (self.decoding(), self.known.clone());
        let (inverted, thumbnails) = (self.inverted, self.thumbnails.clone());
        let inputs = if thumbnails.is_none() { self.inputs.clone() } else { Arc::default() };
        let preparation = Preparation { decoding, inverted, known, inputs, thumbnails };
        let (device, idle) = (self.options.device, self.encoders.clone());
        Recipe { runtime: self.runtime, model: self.model, device, preparation, idle }
    }
}

/// Hands outcomes to the sink in order.
struct Collector<'a> {
    encoded: Encoded,
    /// Chunks of which no outcome was handed over.
    issued: BTreeMap<usize, Arc<Chunk>>,
    /// Bytes of images in memory that they hold.
    held: usize,
    observer: &'a dyn Observer,
    sink: &'a mut dyn FnMut(&Item, Outcome) -> Result<()>,
    /// Outcomes of chunks that come after one that is not done.
    early: BTreeMap<usize, Vec<Outcome>>,
    /// The chunk to hand over next.
    next: usize,
}

/// Where images come from.
pub(super) enum Feed<'a> {
    /// They are there.
    Listed(&'a mut dyn Iterator<Item = Item>),
    /// Others send them, when they have them.
    Arriving(Receiver<Item>),
}

impl Feed<'_> {
    /// The next images, as [`some_of`]: those that are there, none if there are none yet, `None` at the end. `waits`
    /// a moment for the first one.
    fn some(&mut self, most: (usize, usize), waits: bool) -> Option<Vec<Item>> {
        let images = match self {
            Feed::Listed(images) => return Some(some_of(images, most)).filter(|some| !some.is_empty()),
            Feed::Arriving(images) => images,
        };
        let first = match waits {
            true => images.recv_timeout(LOOK_EVERY),
            false => images.try_recv().map_err(|error| match error {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            }),
        };
        match first {
            Ok(first) => Some(some_of(&mut std::iter::once(first).chain(images.try_iter()), most)),
            Err(RecvTimeoutError::Timeout) => Some(Vec::new()),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }
}

/// The next images: at most `n`, and no more once they hold `most_bytes` of memory.
pub(super) fn some_of(images: &mut dyn Iterator<Item = Item>, (n, most_bytes): (usize, usize)) -> Vec<Item> {
    let (mut some, mut bytes) = (Vec::new(), 0);
    while some.len() < n && bytes < most_bytes {
        let Some(item) = images.next() else { break };
        bytes += item.held_bytes();
        some.push(item);
    }
    some
}

fn held_bytes(chunk: &Chunk) -> usize {
    chunk.items.iter().map(Item::held_bytes).sum()
}

impl Collector<'_> {
    fn has_room(&self, most: usize) -> bool {
        self.issued.len() < most && (self.held < WINDOW_BYTES || self.issued.is_empty())
    }

    fn issue(&mut self, chunk: Arc<Chunk>) {
        self.held += held_bytes(&chunk);
        self.issued.insert(chunk.number, chunk);
    }

    /// The run ends; `has_more` if images may be left.
    fn end(self, has_more: bool) -> Encoded {
        let Progress { done, total, .. } = self.encoded.progress;
        let is_all = done > 0 && done == total;
        Encoded { stopped: !is_all && (has_more || !self.issued.is_empty()), ..self.encoded }
    }

    fn take(&mut self, done: Done) -> Result<()> {
        self.encoded.times += done.times;
        self.encoded.progress.bytes += done.bytes;
        done.remarks.into_iter().for_each(|remark| self.observer.note(&Note::new(remark)));
        self.early.insert(done.chunk, done.outcomes?);
        while let Some(outcomes) = self.early.remove(&self.next) {
            let Some(chunk) = self.issued.remove(&self.next) else { break };
            self.held -= held_bytes(&chunk);
            let progress = &mut self.encoded.progress;
            for (outcome, item) in outcomes.into_iter().zip(&chunk.items) {
                if let Outcome::Skipped(reason) = &outcome {
                    progress.skipped += 1;
                    self.observer.skipped(&item.display(), reason);
                }
                (self.sink)(item, outcome)?;
                progress.done += 1;
            }
            self.next += 1;
        }
        Ok(())
    }
}
