//! What a run of `update` did.

use std::time::Duration;

use super::outcome::StageTimes;
use super::record::{ModelIdentity, Polarity};
use super::thumbnails::ThumbnailFacts;
use crate::images::Skipped;

/// What a run did.
#[derive(Debug, Clone)]
pub struct UpdateReport {
    /// Images that are new in the index.
    pub added: usize,
    /// Images of the index whose content is the same.
    pub unchanged: usize,
    /// Images whose content had changed.
    pub changed: usize,
    /// Images that were removed.
    pub removed: usize,
    /// Images that have another name now; neither new nor removed.
    pub renamed: usize,
    /// Images that went through the model.
    pub encoded: usize,
    /// Images that were coded anew from their latents.
    pub recoded: usize,
    /// Images in the index now.
    pub images: usize,
    /// Bytes read.
    pub bytes: u64,
    /// Images that cannot be used.
    pub skipped: Vec<Skipped>,
    /// The model.
    pub model: ModelIdentity,
    /// Bits per code.
    pub bits: usize,
    /// Whether images are inverted, and how that was decided.
    pub polarity: Polarity,
    /// Size of the index on disk, without its thumbnails.
    pub index_bytes: u64,
    /// Small pictures that are kept.
    pub thumbnails: Option<ThumbnailFacts>,
    /// How long it took.
    pub seconds: f64,
    /// How long each part took.
    pub times: Times,
    /// The observer stopped the run; the index holds what was done.
    pub interrupted: bool,
}

/// How long each part of a run took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    /// Listing the images.
    pub walk: Duration,
    /// Choosing the model, and asking it about a sample of the images; what was read for that is counted in `stages`,
    /// where the model was not chosen by it.
    pub check: Duration,
    /// The stages of the pipeline, summed over the worker threads.
    pub stages: StageTimes,
    /// Fitting the binarizer, summed over the threads.
    pub fit: Duration,
    /// Commits.
    pub write: Duration,
}
