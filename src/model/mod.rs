//! The one definition of a model: a list of layers, from which everything else is derived.
//!
//! | file | responsibility |
//! |---|---|
//! | `layers.rs` | one layer: its output shape, its parameters |
//! | `architecture.rs` | an encoder and a decoder of such layers, their parameters in one flat vector, the summary table |
//! | `family.rs` | the families by name, and the sizes that they leave open |
//! | `families.rs`, `photo.rs` | the layers of each family |
//! | `export.rs` | layers and weights to inference graphs, and weights back out of files |
//! | `int8.rs` | an encoder whose convolutions compute in 8 bits |
//! | `import.rs` | weights of another program's network |
//! | `loss.rs` | how far a reconstruction is from its original |
//! | `normalize.rs` | normalizing brightness |
//! | `metadata.rs`, `properties.rs` | what a model file says of itself |
//! | `zoo.rs`, `shipped.rs` | models by name, folder or file; the models inside the program |
//! | `foreign.rs` | encoders of other programs: their inputs and outputs |
//! | `layout.rs`, `pool.rs`, `feeding.rs` | what they are fed, and the latents in what they give |
//! | `files.rs` | reading files of models: how many bytes, and none from elsewhere |
//!
//! ```text
//! families -> Architecture -> export -> encoder.onnx, decoder.onnx   (standard Conv, Gemm, Resize nodes)
//!                          -> train  -> a training step               (see `train`)
//! ```

mod architecture;
mod families;
mod family;
mod layers;
mod photo;

mod export;
mod import;
mod int8;
mod loss;
mod normalize;

mod metadata;
mod properties;

mod feeding;
mod files;
mod foreign;
mod layout;
mod pool;
mod shipped;
mod zoo;

pub(crate) use architecture::Step;
pub use architecture::{Architecture, Half, Parameter, SummaryRow};
pub use family::{Design, Family};
pub(crate) use layers::{BATCH_NORM_EPSILON, CENTER};
pub use layers::{Extent, Layer, Padding};

pub use export::{decoder_onnx, encoder_onnx, features_onnx, read_weights};
pub use import::{fitting_layers, import};
pub use int8::{Int8Encoder, Ranges};
pub use loss::cross_entropy;
pub(crate) use normalize::normalize_nodes;

pub use metadata::Metadata;
pub use properties::{BinarizerKind, Brightness, Precision, Prior};

pub use foreign::{Description, Foreign, Format};
pub use layout::{Layout, Size};
pub use pool::Pool;
pub use zoo::{Known, LoadOptions, Model, candidates, encoder_file, local_models, shipped_names};
