//! CPU time and memory of this process, from `/proc`: no unsafe code, and no crate for three numbers.
//!
//! On other systems than Linux the CPU clocks are wall clocks, and there is no memory figure.

use std::fs;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// True where the clocks below count CPU time.
pub(crate) static CPU_TIME: LazyLock<bool> = LazyLock::new(|| thread_ns().is_some());

/// CPU time of the calling thread, user and system.
///
/// The first field of `schedstat` is in nanoseconds but only updated when the scheduler runs, hence the
/// yield: else the figure lags by up to a tick (1 to 10 ms).
pub(crate) fn thread_cpu() -> Duration {
    std::thread::yield_now();
    thread_ns().map_or_else(|| START.elapsed(), Duration::from_nanos)
}

fn thread_ns() -> Option<u64> {
    fs::read_to_string("/proc/thread-self/schedstat").ok()?.split_whitespace().next()?.parse().ok()
}

/// CPU time of all threads, user and system, in steps of 10 ms: fields 14 and 15 of `stat`, in ticks of 1/100
/// s on every Linux that Rust runs on.
pub(crate) fn process_cpu() -> Duration {
    let ticks = || {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let fields = stat.rsplit_once(')')?.1; // the name before may hold blanks; field 3 is next
        let mut times = fields.split_whitespace().skip(11).map(|field| field.parse::<u64>().ok());
        Some(times.next()?? + times.next()??)
    };
    ticks().map_or_else(|| START.elapsed(), |ticks| Duration::from_millis(10 * ticks))
}

/// Peak resident memory, in bytes, including mapped pages of files.
pub(crate) fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Faults of this process that waited for the disk, and bytes read from it: field 12 of `stat`, and `io`.
pub(crate) fn disk() -> Option<(u64, u64)> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let faults = stat.rsplit_once(')')?.1.split_whitespace().nth(9)?.parse().ok()?;
    let io = fs::read_to_string("/proc/self/io").ok()?;
    let bytes = io.lines().find_map(|line| line.strip_prefix("read_bytes: "))?.parse().ok()?;
    Some((faults, bytes))
}

/// Seconds per call: the best and the median of as many calls as fit `budget`, but at least 3.
pub(crate) struct Timing {
    pub(crate) best: f64,
    pub(crate) median: f64,
}

/// Times `work` on the calling thread's CPU clock.
pub(crate) fn time(budget: Duration, mut work: impl FnMut()) -> Timing {
    const LEAST: usize = 3;
    const MOST: usize = 50;
    let mut seconds = Vec::new();
    let begin = Instant::now();
    while seconds.len() < LEAST || (begin.elapsed() < budget && seconds.len() < MOST) {
        let start = thread_cpu();
        work();
        seconds.push((thread_cpu() - start).as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Timing { best: seconds[0], median: seconds[seconds.len() / 2] }
}

/// The rate at which one thread reads a buffer of `bytes` and adds up its words: a yardstick for scans, in
/// 10^9 bytes/s.
pub(crate) fn gb_per_s(bytes: usize, budget: Duration) -> f64 {
    let buffer: Vec<u64> = (0..(bytes / 8).max(8) as u64).collect();
    let timing = time(budget, || {
        let mut sums = [0u64; 16]; // independent sums, so that loads and not additions are waited for
        for words in buffer.as_chunks::<16>().0 {
            sums.iter_mut().zip(words).for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
        }
        std::hint::black_box(sums);
    });
    8.0 * buffer.len() as f64 / timing.best / 1e9
}
