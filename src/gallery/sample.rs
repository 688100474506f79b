//! A few images spread evenly over a collection, for what is decided once for all of them.
//!
//! They are read on threads of their own, so that one whose decoder hangs can be abandoned.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

use super::watch::Watch;
use crate::error::{Error, Result};
use crate::images::{Decoding, InputShape, Item, Needed, Resizer, read, spread};

/// Images that are sampled.
const SAMPLE: usize = 128;

/// One image at each of the shapes; none where it cannot be read.
type Sampled = Option<Vec<Vec<f32>>>;

/// What the threads share.
struct Reading {
    items: Vec<Item>,
    how: Decoding,
    shapes: Vec<InputShape>,
    next: AtomicUsize,
}

/// Reads at most [`SAMPLE`] of the items, on as many threads as the current rayon pool has, and resizes them
/// to each of `shapes`: one f32 `[N, C, H, W]` per shape. Images that cannot be read, or not in time, are
/// left out.
///
/// # Errors
/// When no thread can be started.
pub(super) fn sample(items: &[&Item], how: &Decoding, shapes: &[InputShape]) -> Result<Vec<Vec<f32>>> {
    let items: Vec<Item> = spread(items.len(), SAMPLE).into_iter().map(|i| items[i].clone()).collect();
    let n_sampled = items.len();
    let next = AtomicUsize::new(0);
    let how = Decoding { needed: Needed::inputs(shapes), ..how.clone() };
    let limits = how.limits;
    let reading = Arc::new(Reading { items, how, shapes: shapes.to_vec(), next });
    let (sender, receiver) = mpsc::channel();
    let n_threads = rayon::current_num_threads().min(n_sampled);
    let mut watches =
        (0..n_threads).map(|_| reading.clone().spawn(sender.clone())).collect::<Result<Vec<_>>>()?;
    // one large allocation for each shape, which is returned to the system; many small ones would not be
    let mut all: Vec<Vec<f32>> = shapes.iter().map(|shape| vec![0.0; n_sampled * shape.size()]).collect();
    let mut is_read: Vec<Option<bool>> = vec![None; n_sampled];
    while is_read.contains(&None) {
        // an image that comes too late stays left out
        if let Ok((index, sampled)) = receiver.recv_timeout(limits.look_every())
            && is_read[index].is_none()
        {
            is_read[index] = Some(sampled.is_some());
            for (all, image) in all.iter_mut().zip(sampled.unwrap_or_default()) {
                all[index * image.len()..][..image.len()].copy_from_slice(&image);
            }
        }
        for watch in &mut watches {
            if let Some((_, index)) = watch.decoding_for(limits.decode_timeout) {
                is_read[index].get_or_insert(false);
                *watch = reading.clone().spawn(sender.clone())?;
            }
        }
    }
    for (all, size) in all.iter_mut().zip(shapes.iter().map(InputShape::size)) {
        let mut kept = 0;
        for index in (0..n_sampled).filter(|&index| is_read[index] == Some(true)) {
            all.copy_within(index * size..(index + 1) * size, kept);
            kept += size;
        }
        all.truncate(kept);
    }
    Ok(all)
}

impl Reading {
    fn spawn(self: Arc<Self>, sender: Sender<(usize, Sampled)>) -> Result<Arc<Watch>> {
        let watch = Arc::new(Watch::default());
        let watched = watch.clone();
        let how = Decoding { stopwatch: watch.stopwatch.clone(), ..self.how.clone() };
        let work = move || {
            let mut resizer = Resizer::new();
            loop {
                let index = self.next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = self.items.get(index) else { return };
                let sampled = watched.watched((0, index), || self.read(item, &how, &mut resizer));
                if sender.send((index, sampled)).is_err() {
                    return; // nobody waits for it any more
                }
            }
        };
        let started = thread::Builder::new().name("sample".to_owned()).spawn(work);
        started.map_err(|error| Error::invalid(format!("threads: cannot start another one: {error}")))?;
        Ok(watch)
    }

    fn read(&self, item: &Item, how: &Decoding, resizer: &mut Resizer) -> Sampled {
        let pixels = read(item, &how.limits).ok()?.decode(how).ok()?;
        let mut resize = |shape: &InputShape| {
            let mut image = vec![0.0; shape.size()];
            resizer.to_input(&pixels, *shape, &mut image).ok().map(|()| image)
        };
        self.shapes.iter().map(&mut resize).collect()
    }
}
