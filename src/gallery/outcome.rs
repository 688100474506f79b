//! What becomes of an image on its way through the pipeline, and how long each stage took.

use std::collections::HashMap;
use std::time::Duration;

use crate::images::{FileFacts, Pixels, Stamp};

/// Hashes of contents whose codes are known, and the items of the index that hold them.
pub(super) type KnownHashes = HashMap<[u8; 32], u32>;

/// Hashes of contents that were decoded before the run, and those images at the model's size.
pub(super) type KnownInputs = HashMap<[u8; 32], Pixels>;

/// What became of an image.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The image was encoded.
    Encoded {
        /// The state of the file when it was read.
        stamp: Stamp,
        /// f32 `[D]`.
        latent: Vec<f32>,
        /// What the file knows.
        facts: Box<FileFacts>,
    },
    /// The content is known already, so it was not encoded again.
    Same(Stamp),
    /// The image cannot be used, for this reason.
    Skipped(String),
}

/// Time spent in each stage, summed over the workers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// Reading files, and unpacking containers.
    pub read: Duration,
    /// Hashing what was read.
    pub hash: Duration,
    /// From files to pixels.
    pub decode: Duration,
    /// From pixels to the model's input.
    pub resize: Duration,
    /// Running the model.
    pub encode: Duration,
}

impl std::ops::AddAssign for StageTimes {
    fn add_assign(&mut self, other: StageTimes) {
        self.read += other.read;
        self.hash += other.hash;
        self.decode += other.decode;
        self.resize += other.resize;
        self.encode += other.encode;
    }
}
