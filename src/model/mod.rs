//! The one definition of a model: a list of layers, from which everything else is derived.
//!
//! | file | responsibility |
//! |---|---|
//! | `layers.rs` | one layer: its output shape, its parameters |
//! | `architecture.rs` | an encoder and a decoder of such layers, their parameters in one flat vector, the summary table |
//! | `families.rs` | the families: which layers, for which input |
//! | `export.rs` | layers and weights to inference graphs, and weights back out of files |
//! | `loss.rs` | how far a reconstruction is from its original |
//! | `metadata.rs` | what a model file says of itself |
//! | `normalize.rs` | evening out brightness |
//! | `foreign.rs` | encoders of other programs: what goes in, what comes out |
//! | `files.rs` | reading files of models: how many bytes, and none from elsewhere |
//! | `shipped.rs` | the models inside the program |
//! | `zoo.rs` | models by name, folder or file |
//!
//! ```text
//! families -> Architecture -> export -> encoder.onnx, decoder.onnx   (standard Conv, Gemm, Resize nodes)
//!                          -> train  -> a training step               (see `train`)
//! ```

mod architecture;
mod export;
mod families;
mod files;
mod foreign;
mod layers;
mod loss;
mod metadata;
mod normalize;
mod shipped;
mod zoo;

pub(crate) use architecture::Step;
pub use architecture::{Architecture, Half, Parameter, SummaryRow};
pub use export::{decoder_onnx, encoder_onnx, read_weights};
pub use families::{Design, Family};
pub use foreign::{Description, Foreign, Format, Layout, Size};
pub(crate) use layers::BATCH_NORM_EPSILON;
pub use layers::{Extent, Layer, Padding};
pub use loss::cross_entropy;
pub use metadata::{BinarizerKind, Brightness, Metadata, Prior};
pub(crate) use normalize::normalize_nodes;
pub use zoo::{Known, LoadOptions, Model, candidates, local_models, shipped_names};
