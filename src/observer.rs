//! The one way in which long calls report what they do, and learn that they should stop.
//!
//! Every call that can take more than a moment takes `&dyn Observer`; `&()` hears nothing and never stops.
//! All methods are called on the caller's own thread.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Hears of long work while it goes on. Every method has a default that does nothing.
pub trait Observer {
    /// A new stage begins; progress counts its units from now on.
    fn stage(&self, stage: Stage) {
        let _ = stage;
    }

    /// How far the stage is.
    fn progress(&self, progress: &Progress) {
        let _ = progress;
    }

    /// An epoch of a training is done; a note says the same.
    fn epoch(&self, report: &EpochReport) {
        let _ = report;
    }

    /// Something worth a line, such as a download or the loss of an epoch.
    fn note(&self, note: &Note) {
        let _ = note;
    }

    /// An input was left out. The result of the call lists it as well.
    fn skipped(&self, path: &str, reason: &str) {
        let _ = (path, reason);
    }

    /// Whether to stop. Asked after each batch, and several times a second; what is done by then is kept.
    fn should_stop(&self) -> bool {
        false
    }
}

impl Observer for () {}

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// What is done, such as "comparing".
    pub name: &'static str,
    /// What is counted, such as "pairs".
    pub unit: &'static str,
}

impl Stage {
    /// A stage that counts `unit`.
    pub const fn new(name: &'static str, unit: &'static str) -> Stage {
        Stage { name, unit }
    }

    /// A stage that counts images.
    pub const fn images(name: &'static str) -> Stage {
        Stage { name, unit: "images" }
    }
}

/// How far a stage is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Progress {
    /// Units done.
    pub done: usize,
    /// Of so many.
    pub total: usize,
    /// Bytes read, where files are read.
    pub bytes: u64,
    /// Inputs skipped.
    pub skipped: usize,
    /// The loss of the last batch, in training.
    pub loss: Option<f64>,
}

impl Progress {
    /// `done` of `total`, and nothing else to tell.
    pub fn of(done: usize, total: usize) -> Progress {
        Progress { done, total, ..Progress::default() }
    }
}

/// One finished epoch of a training, as it is reported, logged and kept in checkpoints. Losses are mean binary cross-entropy per pixel, in nats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// From 1.
    pub epoch: usize,
    /// Over the epoch's batches, each before its step.
    pub train_loss: f64,
    /// Over the validation images, through the exported files; `None` without such images.
    pub val_loss: Option<f64>,
    /// What the family adds to the reconstruction loss, by name, over the epoch's batches.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub terms: BTreeMap<String, f64>,
    /// Wall time, validation included.
    pub seconds: f64,
    /// Of the epoch's last step.
    #[serde(default)]
    pub learning_rate: f64,
    /// Whether its weights are the best so far: no epoch before it had as low a validation loss. Always true
    /// without validation.
    #[serde(default)]
    pub best: bool,
}

impl fmt::Display for EpochReport {
    /// `epoch 3  train 0.0812  val 0.0799  4.1 s`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {}  train {:.4}", self.epoch, self.train_loss)?;
        if let Some(loss) = self.val_loss {
            write!(f, "  val {loss:.4}")?;
        }
        for (name, value) in &self.terms {
            write!(f, "  {name} {value:.4}")?;
        }
        write!(f, "  {:.1} s", self.seconds)
    }
}

/// A line about the work.
///
/// Options and functions of this library are named in backticks, as in "`max_memory`"; a program may put its
/// own names there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The line, lower case, without a full stop.
    pub text: String,
    /// What to do about it, where there is something to do.
    pub hint: Option<String>,
    /// Something is wrong, though not so that the work must end.
    pub is_warning: bool,
}

impl Note {
    /// A remark.
    pub fn new(text: impl Into<String>) -> Note {
        Note { text: text.into(), hint: None, is_warning: false }
    }

    /// A warning.
    pub fn warning(text: impl Into<String>) -> Note {
        Note { is_warning: true, ..Note::new(text) }
    }

    /// The same, with advice.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Note {
        Note { hint: Some(hint.into()), ..self }
    }
}
