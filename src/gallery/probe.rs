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
use crate::images::{Item, invert_pixels, spread};
use crate::model::Model;
use crate::observer::{Note, Observer};
use crate::runtime::{Device, Runtime};

/// Images that are tried.
const IMAGES: usize = 8;

/// How often memory and the observer are asked.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// After this time the observer is told what is going on.
const LONG: Duration = Duration::from_secs(20);

/// Tries the pipeline's model, which another program made, on some of `items`; it may take `max_memory`
/// bytes.
///
/// # Errors
/// As [`Trial::run`].
pub(super) fn try_out(
    items: &[&Item],
    pipeline: &Pipeline<'_>,
    max_memory: u64,
    observer: &dyn Observer,
) -> Result<()> {
    let Pipeline { model, runtime, inverted, .. } = *pipeline;
    let few: Vec<&Item> = spread(items.len(), IMAGES).into_iter().map(|i| items[i]).collect();
    let mut images = sample(&few, &pipeline.decoding(), &[model.metadata.input])?.first();
    if inverted {
        invert_pixels(&mut images);
    }
    Trial { model, runtime, device: pipeline.options.device, max_memory }.run(images, observer)
}

/// A model, and what it may take.
pub(super) struct Trial<'a> {
    pub(super) model: &'a Model,
    pub(super) runtime: &'a Runtime,
    pub(super) device: Device,
    /// In bytes.
    pub(super) max_memory: u64,
}

impl Trial<'_> {
    /// Encodes a few images [N, C, H, W] and judges the latents.
    ///
    /// # Errors
    /// `Unsupported` when the model is not fit for use, `TooLarge` when it takes more memory, `Interrupted`
    /// when the observer stops it; or when it fails.
    pub(super) fn run(&self, images: Vec<f32>, observer: &dyn Observer) -> Result<()> {
        let mut encoder =
            Encoder::new(self.runtime, self.model, &EncodeOptions { threads: 1, device: self.device })?;
        let (stopper, name) = (encoder.stopper(), self.model.metadata.name.clone());
        let (start, before, mut is_told) = (Instant::now(), resident(), false);
        let (sender, receiver) = mpsc::channel();
        let work = move || drop(sender.send(probe(&mut encoder, &name, &images)));
        thread::Builder::new()
            .name("probe".to_owned())
            .spawn(work)
            .map_err(|error| Error::invalid(format!("threads: cannot start another one: {error}")))?;
        let stop = loop {
            match receiver.recv_timeout(LOOK_EVERY) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::runtime("a thread ended early; this is a bug, please report it"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let taken = resident().zip(before).map_or(0, |(now, before)| now.saturating_sub(before));
            if taken > self.max_memory {
                break self.too_large(taken);
            }
            if observer.should_stop() {
                break Error::Interrupted;
            }
            if start.elapsed() > LONG && !is_told {
                is_told = true;
                let what = format!("the model {} is still at its first images", self.model.metadata.name);
                observer.note(&Note::new(what));
            }
        };
        stopper.stop();
        let _ = receiver.recv_timeout(Duration::from_secs(1)); // so that it has ended, if it can
        Err(stop)
    }

    fn too_large(&self, taken: u64) -> Error {
        let [most, got] = [self.max_memory, taken].map(|bytes| bytes >> 20);
        let what = format!(
            "{}: memory: expected at most {most} MiB for a few images, got {got} MiB",
            self.model.metadata.name
        );
        Error::too_large(what).with_hint("a larger `max_memory` gives it more, if you trust the file")
    }
}
