//! A model becomes one whose encoder computes in int8: calibrated on images, its biases corrected, compared
//! with the original on images that were kept apart, and written as a model folder.
//!
//! | file | responsibility |
//! |---|---|
//! | `request.rs` | what is asked for, and what comes of it |
//! | `run.rs` | from a model and images to a model folder |
//! | `calibrate.rs` | what 8 bits stand for in each layer |
//! | `correct.rs` | biases that take out the mean error of each convolution |
//! | `compare.rs` | the share of neighbours that is kept, and the time for an image |
//! | `samples.rs` | running graphs on images, one after the other |
//! | `card.rs` | the model card |
//!
//! The layers in int8 are those of `model::Int8Encoder`. The same images and the same ONNX Runtime on the same
//! kind of processor give the same bytes.

mod calibrate;
mod card;
mod compare;
mod correct;
mod request;
mod run;
mod samples;

pub use request::{Comparison, QuantizeRequest, QuantizedModel};
pub use run::quantize_model;

#[cfg(test)]
mod tests;
