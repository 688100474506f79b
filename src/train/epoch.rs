//! One epoch of a training, as it is reported, logged and kept in checkpoints.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One finished epoch. Losses are mean binary cross-entropy per pixel, in nats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
