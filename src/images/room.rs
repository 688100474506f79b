//! Memory that many decoders share: large images wait for each other, small ones hardly notice.
//!
//! What a decoder needs is known from the header, before anything of that size is allocated. An image that needs more than
//! there is in all is refused with a reason.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::clock::Clock;

/// Less than this is not counted: there is one such image per thread at most.
const SMALL: u64 = 1 << 20;

/// A decoder that does not come to an end keeps its part: others do not wait for it forever.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// So many bytes, for all threads that hold a clone of it.
#[derive(Debug, Clone)]
pub struct Room(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    size: u64,
    taken: Mutex<u64>,
    given_back: Condvar,
}

/// A part of the room, given back on drop.
#[derive(Debug)]
pub(super) struct Part<'a> {
    room: &'a Shared,
    bytes: u64,
}

impl Default for Room {
    /// As much as the images ask for.
    fn default() -> Self {
        Room::new(u64::MAX)
    }
}

impl Room {
    /// A room of `size` bytes.
    pub fn new(size: u64) -> Room {
        Room(Arc::new(Shared { size, taken: Mutex::new(0), given_back: Condvar::new() }))
    }

    /// Waits until `bytes` of it are free, while `clock` stands; an error where there are not so many in all.
    pub(super) fn take(&self, bytes: u64, clock: &Clock) -> Result<Option<Part<'_>>, String> {
        let room = &*self.0;
        if bytes <= SMALL {
            return Ok(None);
        }
        if bytes > room.size {
            let [needed, size] = [bytes, room.size].map(|bytes| bytes >> 20);
            return Err(format!(
                "too large: it needs {needed} MiB of memory, {size} MiB are there for images (--max-memory)"
            ));
        }
        let mut taken = room.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes > room.size - *taken {
            clock.stop();
            let is_full = |taken: &mut u64| bytes > room.size - *taken;
            let waited = room.given_back.wait_timeout_while(taken, LONGEST_WAIT, is_full);
            let (now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            clock.start();
            taken = now;
            if timeout.timed_out() {
                return Err("the memory that it needs did not become free (--max-memory)".to_owned());
            }
        }
        *taken += bytes;
        Ok(Some(Part { room, bytes }))
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        *self.room.taken.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.room.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn what_is_too_large_is_refused_and_what_is_small_is_free() {
        let room = Room::new(4 * MIB);
        assert!(room.take(5 * MIB, &Clock::default()).unwrap_err().contains("needs 5 MiB"));
        let _all = room.take(4 * MIB, &Clock::default()).unwrap();
        assert!(room.take(SMALL, &Clock::default()).unwrap().is_none());
        assert!(Room::default().take(u64::MAX, &Clock::default()).is_ok());
    }

    #[test]
    fn many_threads_never_hold_more_than_there_is() {
        let (room, held) = (Room::new(4 * MIB), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (room, held) = (room.clone(), &held);
                scope.spawn(move || {
                    for turn in 0..50 {
                        let bytes = SMALL + 1 + (thread * 7 + turn) % 5 * MIB / 2;
                        let part = room.take(bytes, &Clock::default()).unwrap();
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
