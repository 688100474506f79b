//! The workers of one run: what they have to do, and what to do about one whose decoder hangs.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::sessions::IdleEncoders;
use super::watch::Watch;
use super::worker::{Chunk, Done, Preparation, Queue, Worker};
use crate::encode::{EncodeOptions, Encoder};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::runtime::{Device, Runtime, Stopper};

/// Workers that are abandoned at most: each keeps a thread busy, and holds memory.
const MAX_ABANDONED: usize = 64;

/// How long workers that were told to end are waited for.
const LEAVE_AFTER: Duration = Duration::from_secs(1);

/// What every worker is made from.
pub(super) struct Recipe<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) model: &'a Model,
    pub(super) device: Device,
    pub(super) preparation: Preparation,
    pub(super) idle: IdleEncoders,
}

impl Recipe<'_> {
    fn encoder(&self) -> Result<Encoder> {
        let options = EncodeOptions { threads: 1, device: self.device };
        self.idle.take().map_or_else(|| Encoder::new(self.runtime, self.model, &options), Ok)
    }
}

/// A worker's thread.
struct Running {
    thread: JoinHandle<Encoder>,
    watch: Arc<Watch>,
    stopper: Stopper,
}

/// The workers, the chunks they have not done yet, and a watch on each worker.
pub(super) struct WorkerPool<'a> {
    recipe: Recipe<'a>,
    queue: mpsc::Sender<Arc<Chunk>>,
    /// The other end of the queue, for new workers.
    taker: Queue,
    sender: mpsc::Sender<Done>,
    receiver: mpsc::Receiver<Done>,
    workers: BTreeMap<usize, Running>,
    /// Workers started so far: the number of the next one.
    started: usize,
    /// Chunks that were issued and are not done.
    under_way: BTreeMap<usize, Arc<Chunk>>,
    /// When the watches were last looked at.
    looked: Instant,
}

impl<'a> WorkerPool<'a> {
    /// Starts `n_workers` workers.
    pub(super) fn new(recipe: Recipe<'a>, n_workers: usize) -> Result<WorkerPool<'a>> {
        let encoders = std::thread::scope(|scope| {
            let opened: Vec<_> = (0..n_workers).map(|_| scope.spawn(|| recipe.encoder())).collect();
            opened
                .into_iter()
                .map(|opened| opened.join().map_err(|_| panicked())?)
                .collect::<Result<Vec<_>>>()
        })?;
        let (queue, taker) = mpsc::channel();
        let (sender, receiver) = mpsc::channel();
        let mut pool = WorkerPool {
            recipe,
            queue,
            taker: Arc::new(Mutex::new(taker)),
            sender,
            receiver,
            workers: BTreeMap::new(),
            started: 0,
            under_way: BTreeMap::new(),
            looked: Instant::now(),
        };
        encoders.into_iter().try_for_each(|encoder| pool.start(encoder))?;
        Ok(pool)
    }

    fn start(&mut self, encoder: Encoder) -> Result<()> {
        let (watch, stopper) = (Arc::new(Watch::default()), encoder.stopper());
        let worker = Worker::new(self.recipe.preparation.clone(), encoder, watch.clone());
        let thread = worker.start(self.taker.clone(), self.sender.clone())?;
        self.workers.insert(self.started, Running { thread, watch, stopper });
        self.started += 1;
        Ok(())
    }

    /// Chunks that were issued and are not done.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Hands a chunk to the workers.
    pub(super) fn issue(&mut self, chunk: Arc<Chunk>) {
        self.under_way.insert(chunk.number, chunk.clone());
        let _ = self.queue.send(chunk); // the other end is our own
    }

    /// Takes back the chunks that no worker has begun with, which are the last ones.
    pub(super) fn forget_waiting(&mut self) {
        // Where a worker holds the queue, it waits for a chunk because there is none, or is about to let go
        // of it.
        let Ok(queue) = self.taker.try_lock() else { return };
        while let Ok(chunk) = queue.try_recv() {
            self.under_way.remove(&chunk.number);
        }
    }

    /// Waits for the next chunk that is done; none when it is time to ask again whether to go on. An image
    /// that takes longer than `timeout` to decode is given up; that is checked every `look_every`.
    pub(super) fn next(&mut self, timeout: Duration, look_every: Duration) -> Result<Option<Done>> {
        let done = match self.receiver.recv_timeout(look_every) {
            // of a chunk that was issued again, the first result counts
            Ok(done) => self.under_way.remove(&done.chunk).map(|_| done),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Err(panicked()), // never: we hold a sender
        };
        if self.looked.elapsed() >= look_every {
            self.looked = Instant::now();
            self.replace_stuck(timeout)?;
        }
        Ok(done)
    }

    /// Abandons workers that have been decoding an image for too long, and issues their chunks again without
    /// that image.
    fn replace_stuck(&mut self, timeout: Duration) -> Result<()> {
        let stuck = |(&worker, running): (&usize, &Running)| {
            running.watch.decoding_for(timeout).map(|position| (worker, position))
        };
        let stuck: Vec<_> = self.workers.iter().filter_map(stuck).collect();
        for (worker, (number, item)) in stuck {
            if let Some(running) = self.workers.remove(&worker) {
                running.watch.abandon();
            }
            if let Some(chunk) = self.under_way.get(&number) {
                let reason = format!("it takes longer than {timeout:?} to decode (`decode_timeout`)");
                let mut again = Chunk::clone(chunk);
                again.given_up.insert(item, reason);
                self.issue(Arc::new(again));
            }
            if self.started > self.workers.len() + MAX_ABANDONED {
                let what = format!("{MAX_ABANDONED} images take longer than {timeout:?} to decode");
                let hint = "a longer `decode_timeout` gives them more time";
                return Err(Error::too_large(what).with_hint(hint));
            }
            self.start(self.recipe.encoder()?)?;
        }
        if self.workers.values().any(|running| running.thread.is_finished()) {
            return Err(panicked());
        }
        Ok(())
    }

    /// Waits for the workers, which have nothing left to do.
    pub(super) fn end(self) {
        drop(self.queue);
        let encoders = self.workers.into_values().filter_map(|running| running.thread.join().ok());
        encoders.for_each(|encoder| self.recipe.idle.give_back(encoder));
    }

    /// Leaves the workers, whatever they are doing; those that run the model end at its next node.
    pub(super) fn leave(self) {
        drop(self.queue);
        for running in self.workers.values() {
            running.watch.abandon();
            running.stopper.stop();
        }
        let start = Instant::now();
        let is_busy = || self.workers.values().any(|running| !running.thread.is_finished());
        while is_busy() && start.elapsed() < LEAVE_AFTER {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn panicked() -> Error {
    Error::runtime("a worker thread ended early; this is a bug, please report it")
}
