//! Training: the model definition becomes one ONNX graph that holds forward pass, gradients and Adam, and is run by the
//! same ONNX Runtime as everything else.
//!
//! ```text
//! Architecture -> step.rs: lower.rs, objectives.rs, tape.rs -> training step (ONNX) --+
//! items -> data.rs, augment.rs -> batch.rs: [C, pixels, N] ---------------------------+-> trainer.rs -> run.rs -> save.rs
//! ```
//!
//! | file | responsibility |
//! |---|---|
//! | `run.rs` | the loop over epochs and batches, and its reports |
//! | `epoch.rs` | what is reported of one epoch |
//! | `options.rs` | what to train and how; defaults by family; the learning rate's course |
//! | `checkpoint.rs` | an unfinished training on disk |
//! | `warm.rs` | a start from another model's weights |
//! | `log.rs` | the learning curve on disk |
//! | `trainer.rs` | a running step and its state |
//! | `step.rs` | the whole training step as a graph: losses and Adam |
//! | `lower.rs` | layers to nodes |
//! | `objectives.rs` | contrast of codes, draws from distributions, the adversary |
//! | `tape.rs` | reverse-mode differentiation of graphs |
//! | `ops.rs` | dense, ReLU, pixel order, cross-entropy, with gradients |
//! | `conv.rs` | convolution as gather and product, with gradients |
//! | `upconv.rs` | upsampling and convolution in one |
//! | `norm.rs` | batch normalization |
//! | `lstm.rs` | back-propagation through time |
//! | `batch.rs` | what goes into one step |
//! | `data.rs` | the images |
//! | `store.rs` | their pixels, in memory or on disk |
//! | `augment.rs` | random views of an image |
//! | `blur.rs` | a Gaussian over one channel |
//! | `views.rs` | batches of views |
//! | `evaluate.rs` | the loss of exported files |
//! | `save.rs` | the model folder |

mod augment;
mod batch;
mod blur;
mod checkpoint;
mod conv;
mod data;
mod epoch;
mod evaluate;
mod log;
mod lower;
mod lstm;
mod norm;
mod objectives;
mod ops;
mod options;
mod run;
mod save;
mod step;
mod store;
mod tape;
mod trainer;
mod upconv;
mod views;
mod warm;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

pub use augment::Augment;
pub use batch::Batch;
pub use data::Dataset;
pub use epoch::EpochReport;
pub use options::{CheckpointOptions, Schedule, TrainOptions};
pub use run::{Ending, Trained, train};
pub use save::{Golden, golden, golden_image};
pub use store::Storage;
pub use trainer::{Losses, Pace, Trainer};
pub use views::preview;
