//! Which image a thread is decoding, and for how long: a decoder that hangs is noticed, and its thread
//! abandoned.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::images::Stopwatch;

/// What one thread is decoding, since when.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub(super) stopwatch: Stopwatch,
    /// Chunk and item: 2^32 items per chunk are enough.
    position: AtomicU64,
    /// The thread was replaced: it ends when it can.
    abandoned: AtomicBool,
}

impl Watch {
    /// Runs `decode`, which decodes the item at this position: the number of the chunk, and of the item in
    /// it.
    pub(super) fn watched<T>(&self, (chunk, item): (usize, usize), decode: impl FnOnce() -> T) -> T {
        self.position.store((chunk as u64) << 32 | item as u64, Ordering::Release);
        self.stopwatch.start();
        let decoded = decode();
        self.stopwatch.stop();
        decoded
    }

    /// Tells the thread to end, as another one does its work from now on.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
    }

    /// Whether the thread is to end.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// The chunk and item that have been decoded for longer than `timeout`.
    pub(super) fn decoding_for(&self, timeout: Duration) -> Option<(usize, usize)> {
        let position = self.position.load(Ordering::Acquire);
        let is_late = self.stopwatch.time().is_some_and(|time| time > timeout);
        // Read twice: the time is that of this item, or of a later one, which has taken less.
        (is_late && position == self.position.load(Ordering::Acquire))
            .then_some(((position >> 32) as usize, position as u32 as usize))
    }
}
