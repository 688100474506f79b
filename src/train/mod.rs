//! Training: the model definition becomes one ONNX graph that holds forward pass, gradients and Adam, and is
//! run by the same ONNX Runtime as everything else.
//!
//! ```text
//! Architecture -> step.rs: lower.rs, the room autodiff -> training step (ONNX) --+
//! items -> data.rs, augment.rs -> batch.rs: [C, pixels, N] ----------------------+-> trainer.rs -> run.rs -> save.rs
//! ```
//!
//! | file | responsibility |
//! |---|---|
//! | `request.rs`, `model.rs` | from paths to a model folder: what is asked for; the call that does it |
//! | `import.rs` | pretrained weights of another program, as a model folder |
//! | `folder.rs` | whether a folder may be written, and by nobody else |
//! | `quantize/` | a model whose encoder computes in int8 |
//! | `images.rs` | the images to train and to validate on |
//! | `run.rs` | the loop over epochs and batches, and its reports |
//! | `options.rs` | what to train and how; defaults by family; the learning rate over time |
//! | `amount.rs` | batch and epochs that suit the number of images |
//! | `checkpoint.rs` | an unfinished training on disk |
//! | `warm.rs` | a start from another model's weights |
//! | `log.rs`, `curve.rs` | the learning curve on disk, and as a picture |
//! | `trainer.rs` | a running step and its state |
//! | `step.rs` | the whole training step as a graph: losses, gradients and Adam |
//! | `lower.rs` | layers to nodes |
//! | `batch.rs` | what goes into one step |
//! | `source.rs` | where batches come from: images, or what frozen layers make of them |
//! | `freeze.rs`, `frozen.rs` | which layers stay as they are; what these make of each view, kept |
//! | `sessions.rs` | how many sessions share a pass over all images |
//! | `features.rs` | features whose neighbours codes are to have |
//! | `teacher.rs`, `lessons.rs` | an encoder that teaches; what it gives for the images |
//! | `first_lesson.rs` | what a pretrained model knows of its features already |
//! | `student.rs` | how well the trained model follows it |
//! | `checkup.rs` | what a trained model makes of images, and whether that is a disappointment |
//! | `data.rs` | the images |
//! | `store.rs` | their pixels, in memory or on disk |
//! | `augment.rs` | random views of an image |
//! | `blur.rs` | a Gaussian over one channel |
//! | `views.rs` | batches of views |
//! | `evaluate.rs` | the loss of exported files |
//! | `save.rs` | the model folder |
//!
//! [`train_model`] goes from paths to a model folder; [`train()`] is the training alone, of images that are
//! already decoded.
//!
//! ```
//! use aesearch::demo::collection::write_collection;
//! use aesearch::encode::{EncodeOptions, Encoder};
//! use aesearch::images::{Limits, Resizer, decode};
//! use aesearch::model::{Family, Model};
//! use aesearch::runtime::RuntimeOptions;
//! use aesearch::train::{TrainRequest, Tuning, train_model};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! write_collection(dir, 1, 20)?; // 200 digits, and 7.png
//! let request = TrainRequest {
//!     data: vec![dir.join("digits")],
//!     folder: dir.join("mine"),
//!     tuning: Tuning { family: Some(Family::Dense), epochs: Some(1), ..Tuning::default() },
//!     runtime: RuntimeOptions::from_env(),
//!     ..TrainRequest::default()
//! };
//! let trained = train_model(&request, &())?; // in place of `()`, an observer hears how it goes, and can stop it
//! assert_eq!(trained.images, 200);
//!
//! let model = Model::load(&dir.join("mine").display().to_string())?;
//! let mut encoder = Encoder::new(&trained.runtime, &model, &EncodeOptions::default())?;
//! let seven = decode(&std::fs::read(dir.join("7.png"))?, &Limits::default())?;
//! let mut image = vec![0.0; encoder.input().size()]; // [C, H, W], 0..=1
//! Resizer::new().to_input(&seven, encoder.input(), &mut image)?;
//! let latent = encoder.encode(&image)?;
//! assert_eq!(latent.len(), 32);
//! # Ok(())
//! # }
//! ```

mod amount;
mod augment;
mod batch;
mod blur;
mod checkpoint;
mod checkup;
mod curve;
mod data;
mod evaluate;
mod features;
mod first_lesson;
mod folder;
mod freeze;
mod frozen;
mod images;
mod import;
mod lessons;
mod log;
mod lower;
mod model;
mod options;
mod quantize;
mod request;
mod run;
mod save;
mod sessions;
mod source;
mod step;
mod store;
mod student;
mod teacher;
mod trainer;
mod views;
mod warm;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

pub use crate::observer::EpochReport;
pub use augment::Augment;
pub use batch::Batch;
pub use checkup::Checkup;
pub use data::Dataset;
pub use freeze::Freeze;
pub use import::{ImportRequest, Imported, import_model};
pub use model::{TrainedModel, train_model};
pub use options::{CheckpointOptions, Schedule, TrainOptions};
pub use quantize::{Comparison, QuantizeRequest, QuantizedModel, quantize_model};
pub use request::{TrainRequest, Tuning, Validation};
pub use run::{Ending, Trained, train};
pub use save::{Golden, golden, golden_image};
pub use store::Storage;
pub use student::Student;
pub use teacher::TeacherRequest;
pub use trainer::{Losses, Pace, Trainer};
pub use views::preview;
