//! Memory that many decoders share: large images wait for each other, small ones hardly notice.
//!
//! What a decoder needs is known from the header, before anything of that size is allocated. An image that
//! needs more than there is in all is refused with a reason.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::stopwatch::Stopwatch;

/// Images that need no more than this are not counted: there is at most one of them per thread.
const SMALL: u64 = 1 << 20;

/// A decoder that hangs keeps its part: others do not wait for it forever.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// A number of bytes for all threads that hold a clone of it.
#[derive(Debug, Clone)]
pub struct MemoryBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    size: u64,
    taken: Mutex<Taken>,
    given_back: Condvar,
}

#[derive(Debug, Default)]
struct Taken {
    now: u64,
    kept: u64,
}

/// A part of the budget for what is kept between two images, given back on drop.
#[derive(Debug)]
pub(super) struct Kept {
    budget: MemoryBudget,
    bytes: u64,
}

/// A part of the budget, given back on drop.
#[derive(Debug)]
pub(super) struct Part<'a> {
    budget: &'a Shared,
    bytes: u64,
}

impl Default for MemoryBudget {
    /// No limit.
    fn default() -> Self {
        MemoryBudget::new(u64::MAX)
    }
}

impl MemoryBudget {
    /// A budget of `size` bytes.
    pub fn new(size: u64) -> MemoryBudget {
        MemoryBudget(Arc::new(Shared { size, taken: Mutex::default(), given_back: Condvar::new() }))
    }

    /// Takes `bytes`, waiting until so many are free; `stopwatch` is stopped meanwhile. What is kept is waited
    /// for only as long as somebody else holds a part, so that it stops nobody.
    ///
    /// # Errors
    /// The budget is smaller than that, or nothing became free for minutes.
    pub(super) fn take(&self, bytes: u64, stopwatch: &Stopwatch) -> Result<Option<Part<'_>>, String> {
        let budget = &*self.0;
        if bytes <= SMALL {
            return Ok(None);
        }
        if bytes > budget.size {
            let [needed, size] = [bytes, budget.size].map(|bytes| bytes >> 20);
            return Err(format!(
                "too large: it needs {needed} MiB of memory, images may use {size} MiB (`max_memory`)"
            ));
        }
        let mut taken = budget.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |taken: &mut Taken| taken.now > 0 && bytes > budget.free(taken);
        if is_full(&mut taken) {
            stopwatch.stop();
            let waited = budget.given_back.wait_timeout_while(taken, LONGEST_WAIT, is_full);
            let (now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            stopwatch.start();
            taken = now;
            if timeout.timed_out() {
                return Err("the memory that it needs did not become free (`max_memory`)".to_owned());
            }
        }
        taken.now += bytes;
        Ok(Some(Part { budget, bytes }))
    }

    /// Takes `bytes` for what is kept until the next image, without waiting; none if they are not free, or if
    /// more than a quarter of the budget would be kept.
    pub(super) fn keep(&self, bytes: u64) -> Option<Kept> {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let most = (self.0.size / 4).saturating_sub(taken.kept).min(self.0.free(&taken));
        taken.kept += if bytes <= most { bytes } else { return None };
        Some(Kept { budget: self.clone(), bytes })
    }
}

impl Shared {
    fn free(&self, taken: &Taken) -> u64 {
        self.size.saturating_sub(taken.now).saturating_sub(taken.kept)
    }

    fn give_back(&self, part: impl FnOnce(&mut Taken)) {
        part(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner));
        self.given_back.notify_all();
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.budget.give_back(|taken| taken.now -= self.bytes);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.budget.0.give_back(|taken| taken.kept -= self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn what_is_too_large_is_refused_and_what_is_small_is_free() {
        let budget = MemoryBudget::new(4 * MIB);
        assert!(budget.take(5 * MIB, &Stopwatch::default()).unwrap_err().contains("needs 5 MiB"));
        let _all = budget.take(4 * MIB, &Stopwatch::default()).unwrap();
        assert!(budget.take(SMALL, &Stopwatch::default()).unwrap().is_none());
        assert!(MemoryBudget::default().take(u64::MAX, &Stopwatch::default()).is_ok());
    }

    #[test]
    fn what_is_kept_leaves_room_and_stops_nobody() {
        let (budget, watch) = (MemoryBudget::new(8 * MIB), Stopwatch::default());
        assert!(budget.keep(3 * MIB).is_none(), "more than a quarter");
        let kept = budget.keep(2 * MIB).unwrap();
        assert!(budget.keep(1).is_none());
        let all = budget.take(8 * MIB, &watch).unwrap();
        drop((kept, all));
        let most = budget.take(7 * MIB, &watch).unwrap();
        assert!(budget.keep(2 * MIB).is_none(), "not free");
        let kept = budget.keep(MIB).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| budget.take(2 * MIB, &Stopwatch::default()).map(|_| ()));
            drop(most);
            assert_eq!(waiting.join().unwrap(), Ok(()));
        });
        drop(kept);
        assert_eq!(budget.0.free(&budget.0.taken.lock().unwrap()), 8 * MIB);
    }

    #[test]
    fn many_threads_never_hold_more_than_there_is() {
        let (budget, held) = (MemoryBudget::new(4 * MIB), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (budget, held) = (budget.clone(), &held);
                scope.spawn(move || {
                    for turn in 0..50 {
                        let bytes = SMALL + 1 + (thread * 7 + turn) % 5 * MIB / 2;
                        let part = budget.take(bytes, &Stopwatch::default()).unwrap();
                        assert!(held.fetch_add(bytes, Ordering::SeqCst) + bytes <= 4 * MIB);
                        std::thread::yield_now();
                        held.fetch_sub(bytes, Ordering::SeqCst);
                        drop(part);
                    }
                });
            }
        });
    }
}
