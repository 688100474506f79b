//! Training: the model definition becomes one ONNX graph that holds forward pass, gradients and Adam, and is run by the
//! same ONNX Runtime as everything else.
//!
//! ```text
//! Architecture -> step.rs -> tape.rs + ops.rs + conv.rs + upconv.rs -> training step (ONNX) --+
//! items -> data.rs -> batches [C, pixels, N] ------------------------------------------------+-> run.rs -> save.rs
//! ```
//!
//! | file | responsibility |
//! |---|---|
//! | `run.rs` | the loop over epochs and batches, its options and reports |
//! | `step.rs` | the whole training step as a graph |
//! | `tape.rs` | reverse-mode differentiation of graphs |
//! | `ops.rs` | dense, ReLU, pixel order, cross-entropy, with gradients |
//! | `conv.rs` | convolution as gather and product, with gradients |
//! | `upconv.rs` | upsampling and convolution in one |
//! | `data.rs` | images in memory, batches, noise |
//! | `evaluate.rs` | the loss of exported files |
//! | `save.rs` | the model folder |

mod conv;
mod data;
mod evaluate;
mod ops;
mod run;
mod save;
mod step;
mod tape;
mod upconv;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

pub use data::{Batch, Dataset};
pub use run::{EpochReport, Progress, TrainOptions, Trained, Trainer, train};
pub use save::{Golden, golden, golden_image};
