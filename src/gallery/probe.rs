//! An encoder of another program is tried on a few images before anything of it is committed.
//!
//! It runs on a thread of its own, so that one that does not end, or takes too much memory, can be left.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::memory::resident;
use super::pipeline::Pipeline;
use super::sample::sample;
use crate::encode::{EncodeOptions, Encoder, probe};
use crate::error::{Error, Result};
use crate::images::{Decoding, Item, invert_pixels};
use crate::observer::{Note, Observer};

/// Images that are tried.
const IMAGES: usize = 8;

/// How often memory and the observer are asked.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// After this time the observer is told what is going on.
const LONG: Duration = Duration::from_secs(20);

/// Tries the pipeline's model, which another program made, on some of `items`; it may take `max_memory` bytes.
///
/// # Errors
/// `Unsupported` when it is not fit for use, `TooLarge` when it takes more memory, `Interrupted` when the
/// observer stops it; or when it fails.
pub(super) fn try_out(
    items: &[&Item],
    pipeline: &Pipeline<'_>,
    max_memory: u64,
    observer: &dyn Observer,
) -> Result<()> {
    let Pipeline { model, runtime, inverted, .. } = *pipeline;
    let n = items.len().min(IMAGES);
    let few: Vec<&Item> = (0..n).map(|index| items[index * items.len() / n]).collect();
    let how = Decoding { grey: false, ..pipeline.decoding() };
    let mut images = sample(&few, &how, &[model.metadata.input])?.concat();
    if inverted {
        invert_pixels(&mut images);
    }
    let options = EncodeOptions { threads: 1, device: pipeline.options.device };
    let mut encoder = Encoder::new(runtime, model, &options)?;
    let (stopper, name, before) = (encoder.stopper(), model.metadata.name.clone(), resident());
    let (sender, receiver) = mpsc::channel();
    let work = move || drop(sender.send(probe(&mut encoder, &name, &images)));
    thread::Builder::new()
        .name("probe".to_owned())
        .spawn(work)
        .map_err(|error| Error::invalid(format!("threads: cannot start another one: {error}")))?;
    let (start, mut is_told) = (Instant::now(), false);
    loop {
        match receiver.recv_timeout(LOOK_EVERY) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::runtime("a thread ended early; this is a bug, please report it"));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let taken = resident().zip(before).map_or(0, |(now, before)| now.saturating_sub(before));
        let stop = if observer.should_stop() {
            Error::Interrupted
        } else if taken > max_memory {
            let [most, got] = [max_memory, taken].map(|bytes| bytes >> 20);
            let what = format!(
                "{}: memory: expected at most {most} MiB for {n} images, got {got} MiB",
                model.metadata.name
            );
            Error::too_large(what).with_hint("a larger `max_memory` gives it more, if you trust the file")
        } else {
            if start.elapsed() > LONG && !is_told {
                is_told = true;
                observer.note(&Note::new(format!(
                    "the model {} is still at its first {n} images",
                    model.metadata.name
                )));
            }
            continue;
        };
        stopper.stop();
        let _ = receiver.recv_timeout(Duration::from_secs(1)); // so that it has ended, if it can
        return Err(stop);
    }
}
