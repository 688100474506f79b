//! One reading of all images of an index, on several threads: what is made of them is up to the caller.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::rows::Rows;
use crate::error::{Error, Result};
use crate::observer::{Observer, Progress, Stage};

use crate::images::{Item, Skipped, by_place};

/// Images that a worker is given together.
const BATCH: usize = 64;

/// What a worker makes of some images, by row: a thing, or the reason why not.
type Made<T> = Vec<(u32, Result<T, String>)>;

/// What workers make of all images, `[n]` by row, and the images that could not be read. `new` makes what each thread works with.
///
/// # Errors
/// When a worker cannot be made or fails, or the observer interrupts.
pub(super) fn read_all<T: Send, W: FnMut(&[(u32, Item)]) -> Result<Made<T>>>(
    items: &Rows<'_>,
    dir: &Path,
    threads: usize,
    observer: &dyn Observer,
    new: impl Fn() -> Result<W> + Sync,
) -> Result<(Vec<Option<T>>, Vec<Skipped>)> {
    observer.stage(Stage::images("reading"));
    let mut found: Vec<(u32, Item)> = Vec::with_capacity(items.len());
    let mut skipped = Vec::new();
    let name = |row: u32| items.snapshot().name(items.ids[row as usize]);
    for (row, item) in (0..).zip(items.find(0..items.len() as u32, dir)) {
        match item {
            Ok(item) => found.push((row, item)),
            Err(reason) => skipped.push(Skipped::new(name(row), reason)),
        }
    }
    // entries of a packed stream have to be read one after the other
    found.sort_by(|a, b| by_place(&a.1, &b.1));
    let (next, done, stop) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let all = Mutex::new(Vec::with_capacity(found.len()));
    let work = || -> Result<()> {
        let mut worker = new()?;
        loop {
            let start = next.fetch_add(BATCH, Ordering::Relaxed);
            let Some(batch) = found.get(start..found.len().min(start + BATCH)) else { return Ok(()) };
            if batch.is_empty() || stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let made = worker(batch)?;
            done.fetch_add(batch.len(), Ordering::Relaxed);
            all.lock().unwrap_or_else(PoisonError::into_inner).extend(made);
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            thread::sleep(Duration::from_millis(20));
            let done = done.load(Ordering::Relaxed);
            observer.progress(&Progress { done, total: found.len(), ..Progress::default() });
            stop.store(observer.should_stop(), Ordering::Relaxed);
        }
        let end = |worker: thread::ScopedJoinHandle<'_, Result<()>>| {
            worker.join().unwrap_or_else(|_| Err(Error::invalid("a worker failed")))
        };
        workers.into_iter().try_for_each(end)
    })?;
    if stop.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    let mut of_rows: Vec<Option<T>> = (0..items.len()).map(|_| None).collect();
    for (row, made) in all.into_inner().unwrap_or_else(PoisonError::into_inner) {
        match made {
            Ok(made) => of_rows[row as usize] = Some(made),
            Err(reason) => skipped.push(Skipped::new(name(row), reason)),
        }
    }
    skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((of_rows, skipped))
}
