//! How long the decoding of an image has taken so far, read from another thread; waiting for memory does not
//! count.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// A stopwatch; clones show the same time.
#[derive(Debug, Clone, Default)]
pub struct Stopwatch(Arc<AtomicU64>); // milliseconds from the first stopwatch's start to this one's, plus 1; 0 while it is stopped

impl Stopwatch {
    /// Starts from zero.
    pub fn start(&self) {
        self.0.store(now(), Ordering::Release);
    }

    /// Stops; it shows no time then.
    pub fn stop(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// The time since its start; none while it is stopped.
    pub fn time(&self) -> Option<Duration> {
        let since = self.0.load(Ordering::Acquire);
        (since > 0).then(|| Duration::from_millis(now().saturating_sub(since)))
    }
}

fn now() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed().as_millis() as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_the_time_since_its_last_start() {
        let stopwatch = Stopwatch::default();
        assert_eq!(stopwatch.time(), None);
        stopwatch.start();
        std::thread::sleep(Duration::from_millis(20));
        assert!(stopwatch.clone().time() >= Some(Duration::from_millis(15)));
        stopwatch.start();
        assert!(stopwatch.time() < Some(Duration::from_millis(15)));
        stopwatch.stop();
        assert_eq!(stopwatch.time(), None);
    }
}
