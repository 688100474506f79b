//! The one definition of a model: a list of layers, from which everything else is derived.
//!
//! | file | responsibility |
//! |---|---|
//! | `layers.rs` | one layer: its output shape, its parameters |
//! | `architecture.rs` | an encoder and a decoder of such layers, their parameters in one flat vector, the summary table |
//! | `families.rs` | `conv`, `dense`, `conv-hash`: which layers, for which input |
//! | `export.rs` | layers and weights to inference graphs, and weights back out of files |
//! | `metadata.rs` | what a model file says of itself |
//! | `zoo.rs` | models by name, folder or file; the shipped ones |
//!
//! ```text
//! families -> Architecture -> export -> encoder.onnx, decoder.onnx   (standard Conv, Gemm, Resize nodes)
//!                          -> train  -> a training step               (see `train`)
//! ```

mod architecture;
mod export;
mod families;
mod layers;
mod metadata;
mod zoo;

pub use architecture::{Architecture, Parameter, SummaryRow};
pub use export::{decoder_onnx, encoder_onnx, read_weights};
pub use families::Family;
pub use layers::{Extent, Layer, Padding};
pub use metadata::{BinarizerKind, Metadata};
pub use zoo::{Model, local_models, shipped_names};
