//! Reads all images of an index once, on several threads. What becomes of them is up to the caller.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::rows::Rows;
use crate::error::{Error, Result};
use crate::images::{Item, Limits, Needed, Pixels, Skipped, by_place, fitted, load_for};
use crate::observer::{Note, Observer, Progress, Stage};
use crate::output::count;

/// Images that a worker gets at a time.
const BATCH: usize = 64;

/// The longest side of an image that is read to be shown: hundreds of photos at full size would not fit into
/// memory.
const SHOWN: usize = 256;

/// What a worker makes of a batch, by row: a value, or the reason why there is none.
type Made<T> = Vec<(u32, Result<T, String>)>;

/// What workers make of all images, `[n]` by row, and the images that were skipped. `new` makes the worker of
/// each thread.
///
/// # Errors
/// When a worker cannot be made or fails, or the observer stops the work.
pub(super) fn read_all<T: Send, W: FnMut(&[(u32, Item)]) -> Result<Made<T>>>(
    rows: &Rows,
    threads: usize,
    observer: &dyn Observer,
    new: impl Fn() -> Result<W> + Sync,
) -> Result<(Vec<Option<T>>, Vec<Skipped>)> {
    let all: Vec<u32> = (0..rows.len() as u32).collect();
    let (items, n_shown) = rows.find_to_show(&all);
    if n_shown > 0 {
        let what = format!("{} cannot be found: thumbnails are used", count(n_shown as u64, "image"));
        observer.note(&Note::new(what));
    }
    read_items(rows, items, threads, observer, new)
}

/// The same as [`read_all`] for given items, one for each row, or the reason why a row has none.
///
/// # Errors
/// As [`read_all`].
pub(super) fn read_items<T: Send, W: FnMut(&[(u32, Item)]) -> Result<Made<T>>>(
    rows: &Rows,
    items: Vec<Result<Item, String>>,
    threads: usize,
    observer: &dyn Observer,
    new: impl Fn() -> Result<W> + Sync,
) -> Result<(Vec<Option<T>>, Vec<Skipped>)> {
    observer.stage(Stage::images("reading"));
    let mut found: Vec<(u32, Item)> = Vec::with_capacity(rows.len());
    let mut skipped = Vec::new();
    for (row, item) in (0..).zip(items) {
        match item {
            Ok(item) => found.push((row, item)),
            Err(reason) => skipped.push(Skipped::new(rows.raw_name(row), reason)),
        }
    }
    // entries of a compressed stream are read one after the other
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
            observer.progress(&Progress::of(done, found.len()));
            stop.store(observer.should_stop(), Ordering::Relaxed);
        }
        let end = |worker: thread::ScopedJoinHandle<'_, Result<()>>| {
            worker.join().unwrap_or_else(|_| Err(Error::runtime("a worker that reads images panicked")))
        };
        workers.into_iter().try_for_each(end)
    })?;
    if stop.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    let mut of_rows: Vec<Option<T>> = (0..rows.len()).map(|_| None).collect();
    for (row, made) in all.into_inner().unwrap_or_else(PoisonError::into_inner) {
        match made {
            Ok(made) => of_rows[row as usize] = Some(made),
            Err(reason) => skipped.push(Skipped::new(rows.raw_name(row), reason)),
        }
    }
    skipped.sort_by(|a, b| a.path.cmp(&b.path));
    skipped.iter().for_each(|skipped| observer.skipped(&skipped.path, &skipped.reason));
    Ok((of_rows, skipped))
}

/// Reads a few images to show them, `[wanted]`, large ones scaled down to a side of [`SHOWN`]; those that
/// cannot be read are nothing, and are added to `skipped`.
pub(super) fn read_some(
    rows: &Rows,
    wanted: &[u32],
    skipped: &mut Vec<Skipped>,
    observer: &dyn Observer,
) -> Vec<Option<Pixels>> {
    let limits = Limits::default();
    let needed = Needed::Fitted { side: SHOWN };
    let small =
        |item: Item| load_for(&item, &limits, needed).and_then(|loaded| fitted(&loaded.pixels, SHOWN));
    let read = |(&row, item): (&u32, Result<Item, String>)| match item.and_then(small) {
        Ok(pixels) => Some(pixels),
        Err(reason) => {
            let left_out = Skipped::new(rows.raw_name(row), reason);
            observer.skipped(&left_out.path, &left_out.reason);
            skipped.push(left_out);
            None
        }
    };
    wanted.iter().zip(rows.find_to_show(wanted).0).map(read).collect()
}
