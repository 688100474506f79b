//! Encoding many images: workers that read, decode, resize and encode, and one collector that hears of it in order.
//!
//! ```text
//! items --chunks of 64--> queue --> worker 1 (resizer, encoder) \
//!                               --> worker 2 (resizer, encoder)  > reordered --> sink(item, outcome)
//!                               --> ...                         /
//! ```
//!
//! Decoding and encoding happen in the same worker, so a batch never leaves its core. No more than a few chunks per worker are
//! under way or wait for an earlier one, however many items there are. A worker whose decoder does not come to an end is left
//! behind, its image skipped, and another takes its place. Nothing here knows the index.

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::worker::{Chunk, Done, Queue, Setup, Watch, Worker};
use crate::error::{Error, Result};
use crate::images::{Decoding, Item, Limits, MemoryBudget, Stamp};
use crate::model::Model;
use crate::observer::{Observer, Progress};
use crate::runtime::{Device, Runtime};

/// Images per batch: enough for the encoder's speed, few enough to spread over the workers.
const CHUNK: usize = 64;

/// Values per batch at most, but for a single large image: 64 MB.
const CHUNK_VALUES: usize = 1 << 24;

/// Chunks per worker that are under way or wait for an earlier one.
const WINDOW: usize = 4;

/// Workers that are left behind at most: each keeps a thread at work, and memory.
const MAX_LEFT: usize = 64;

/// Hashes of contents whose codes are known, and the items of the index they belong to.
pub(super) type Known = HashMap<[u8; 32], u32>;

/// What became of an image.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The image's latent `[D]`.
    Encoded {
        /// The state of the file that was read.
        stamp: Stamp,
        /// f32 `[D]`.
        latent: Vec<f32>,
    },
    /// The content is a known one.
    Same(Stamp),
    /// There are no pixels, for this reason.
    Skipped(String),
}

/// With what, where and how images are encoded.
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
    pub(super) known: Arc<Known>,
}

/// How images are encoded.
#[derive(Debug, Clone)]
pub struct PipelineOptions {
    /// Worker threads, each with its own session on one core.
    pub threads: usize,
    /// The device.
    pub device: Device,
    /// What one image may cost.
    pub limits: Limits,
    /// The memory for decoding.
    pub budget: MemoryBudget,
}

/// Time spent, summed over the workers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stages {
    /// Reading files, and unpacking containers.
    pub read: Duration,
    /// Hashing what was read.
    pub hash: Duration,
    /// From files to pixels.
    pub decode: Duration,
    /// From pixels to the model's input.
    pub resize: Duration,
    /// Running the model.
    pub encode: Duration,
}

impl std::ops::AddAssign for Stages {
    fn add_assign(&mut self, other: Stages) {
        self.read += other.read;
        self.hash += other.hash;
        self.decode += other.decode;
        self.resize += other.resize;
        self.encode += other.encode;
    }
}

/// What a run of the pipeline came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Encoded {
    /// How far it came: the first `done` images.
    pub progress: Progress,
    /// What took how long.
    pub stages: Stages,
}

impl Encoded {
    /// Whether all was done.
    pub fn is_finished(&self) -> bool {
        self.progress.done == self.progress.total
    }
}

impl<'a> Pipeline<'a> {
    /// A pipeline for images as they are.
    pub fn new(runtime: &'a Runtime, model: &'a Model, options: PipelineOptions) -> Pipeline<'a> {
        Pipeline { runtime, model, options, inverted: false, known: Arc::default() }
    }

    /// Calls `sink` with each item's number and outcome, in the order of `items`. If the observer interrupted, those that were
    /// done are the first ones.
    ///
    /// # Errors
    /// When the encoder cannot be opened or fails, or `sink` fails.
    pub fn encode(
        &self,
        items: &[&Item],
        observer: &dyn Observer,
        sink: &mut dyn FnMut(usize, Outcome) -> Result<()>,
    ) -> Result<Encoded> {
        let chunk = (CHUNK_VALUES / self.model.metadata.input.size().max(1)).clamp(1, CHUNK);
        let n_workers = self.options.threads.clamp(1, items.len().div_ceil(chunk).max(1));
        let mut pool = WorkerPool::new(self, n_workers)?;
        let mut collector = Collector { coded: Encoded::default(), sink, early: BTreeMap::new(), next: 0 };
        collector.coded.progress.total = items.len();
        let mut chunks = items.chunks(chunk).zip(0..);
        let mut stopped = false;
        loop {
            while !stopped && pool.under_way.len() + collector.early.len() < WINDOW * n_workers {
                let Some((items, number)) = chunks.next() else { break };
                let items = items.iter().map(|&item| item.clone()).collect();
                pool.issue(Arc::new(Chunk { number, items, given_up: BTreeMap::new() }));
            }
            if pool.under_way.is_empty() {
                pool.end();
                return Ok(collector.coded);
            }
            if let Some(done) = pool.next()? {
                collector.take(done)?;
                observer.progress(&collector.coded.progress);
            }
            stopped |= observer.should_stop();
            if stopped {
                pool.forget_waiting();
            }
        }
    }

    pub(super) fn setup(&self) -> Setup {
        let PipelineOptions { limits, budget, .. } = &self.options;
        let grey = self.model.metadata.input.channels == 1;
        let decoding = Decoding { limits: *limits, grey, budget: budget.clone(), ..Decoding::default() };
        Setup { decoding, inverted: self.inverted, known: self.known.clone() }
    }
}

/// Hands outcomes to the sink in order.
struct Collector<'a> {
    coded: Encoded,
    sink: &'a mut dyn FnMut(usize, Outcome) -> Result<()>,
    /// Outcomes of chunks that come after one that is not done.
    early: BTreeMap<usize, Vec<Outcome>>,
    /// The chunk to hand over next.
    next: usize,
}

impl Collector<'_> {
    fn take(&mut self, done: Done) -> Result<()> {
        self.coded.stages += done.stages;
        self.coded.progress.bytes += done.bytes;
        self.early.insert(done.chunk, done.outcomes?);
        while let Some(outcomes) = self.early.remove(&self.next) {
            let progress = &mut self.coded.progress;
            for outcome in outcomes {
                progress.skipped += usize::from(matches!(outcome, Outcome::Skipped(_)));
                (self.sink)(progress.done, outcome)?;
                progress.done += 1;
            }
            self.next += 1;
        }
        Ok(())
    }
}

/// The workers, what they have to do, and a watch on each.
struct WorkerPool<'a, 'b> {
    pipeline: &'a Pipeline<'b>,
    queue: mpsc::Sender<Arc<Chunk>>,
    /// The other end of it, for new workers.
    taker: Queue,
    sender: mpsc::Sender<Done>,
    receiver: mpsc::Receiver<Done>,
    workers: BTreeMap<usize, (JoinHandle<()>, Arc<Watch>)>,
    /// Workers there ever were: the number of the next one.
    hired: usize,
    /// Chunks that were issued and are not done.
    under_way: BTreeMap<usize, Arc<Chunk>>,
    looked: Instant,
}

impl<'a, 'b> WorkerPool<'a, 'b> {
    fn new(pipeline: &'a Pipeline<'b>, n_workers: usize) -> Result<WorkerPool<'a, 'b>> {
        let (queue, taker) = mpsc::channel();
        let (sender, receiver) = mpsc::channel();
        let (workers, under_way) = (BTreeMap::new(), BTreeMap::new());
        let taker = Arc::new(Mutex::new(taker));
        let looked = Instant::now();
        let mut pool =
            WorkerPool { pipeline, queue, taker, sender, receiver, workers, hired: 0, under_way, looked };
        let encoders = std::thread::scope(|scope| {
            let opened: Vec<_> = (0..n_workers).map(|_| scope.spawn(|| pipeline.encoder())).collect();
            opened
                .into_iter()
                .map(|opened| opened.join().map_err(|_| panicked())?)
                .collect::<Result<Vec<_>>>()
        })?;
        encoders.into_iter().try_for_each(|encoder| pool.hire(encoder))?;
        Ok(pool)
    }

    fn hire(&mut self, encoder: crate::encode::Encoder) -> Result<()> {
        let watch = Arc::new(Watch::default());
        let worker = Worker::new(self.pipeline.setup(), encoder, watch.clone());
        let worker = worker.start(self.taker.clone(), self.sender.clone())?;
        self.workers.insert(self.hired, (worker, watch));
        self.hired += 1;
        Ok(())
    }

    fn issue(&mut self, chunk: Arc<Chunk>) {
        self.under_way.insert(chunk.number, chunk.clone());
        let _ = self.queue.send(chunk); // the other end is our own
    }

    /// Takes back the chunks that nobody has begun with, which are the last ones.
    fn forget_waiting(&mut self) {
        // held, a worker waits for a chunk, there being none, or is about to give it back
        let Ok(queue) = self.taker.try_lock() else { return };
        while let Ok(chunk) = queue.try_recv() {
            self.under_way.remove(&chunk.number);
        }
    }

    /// Waits for the next chunk that is done; nothing where it is time to ask again whether to go on.
    fn next(&mut self) -> Result<Option<Done>> {
        let limits = &self.pipeline.options.limits;
        let (timeout, look_every) = (limits.decode_timeout, limits.look_every());
        let done = match self.receiver.recv_timeout(look_every) {
            // of a chunk that was issued anew, whoever comes first is heard
            Ok(done) => self.under_way.remove(&done.chunk).map(|_| done),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Err(panicked()), // never: we hold a sender
        };
        if self.looked.elapsed() >= look_every {
            self.looked = Instant::now();
            self.give_up_stuck(timeout)?;
        }
        Ok(done)
    }

    /// Leaves workers behind that decode an image for too long: the rest of their chunk is issued anew.
    fn give_up_stuck(&mut self, timeout: Duration) -> Result<()> {
        let stuck = |(&worker, (_, watch)): (&usize, &(JoinHandle<()>, Arc<Watch>))| {
            watch.decoding_for(timeout).map(|place| (worker, place))
        };
        let stuck: Vec<_> = self.workers.iter().filter_map(stuck).collect();
        for (worker, (number, item)) in stuck {
            if let Some((_, watch)) = self.workers.remove(&worker) {
                watch.abandon();
            }
            if let Some(chunk) = self.under_way.get(&number) {
                let reason = format!("it takes longer than {timeout:?} to decode (--decode-timeout)");
                let mut again = Chunk::clone(chunk);
                again.given_up.insert(item, reason);
                self.issue(Arc::new(again));
            }
            if self.hired > self.workers.len() + MAX_LEFT {
                let what = format!("{MAX_LEFT} images take longer than {timeout:?} to decode");
                return Err(Error::invalid(what).with_hint("a higher --decode-timeout gives them more time"));
            }
            self.hire(self.pipeline.encoder()?)?;
        }
        if self.workers.values().any(|(worker, _)| worker.is_finished()) {
            return Err(panicked());
        }
        Ok(())
    }

    /// Waits for the workers, who have nothing to do.
    fn end(self) {
        drop(self.queue);
        self.workers.into_values().for_each(|(worker, _)| drop(worker.join()));
    }
}

fn panicked() -> Error {
    Error::runtime("a worker thread ended early; this is a bug, please report it")
}
