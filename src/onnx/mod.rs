//! ONNX files: written, read, and built node by node.
//!
//! | file | responsibility |
//! |---|---|
//! | `graph.rs` | a typed builder: every value knows its shape, every method checks and infers |
//! | `network.rs` | its part for images: convolution, pooling, products per channel |
//! | `quantized.rs` | its part for integers: numbers rounded to 8 bits, weights of 8 bits |
//! | `dims.rs` | shapes, fixed or with an open batch size |
//! | `fields.rs` | inputs, outputs and attributes as messages |
//! | `file.rs` | a finished model: bytes out, bytes in, `metadata_props` |
//! | `nodes.rs` | the nodes of a file, one by one |
//! | `outline.rs` | what a file from elsewhere contains: inputs, outputs, operators, files with weights; or why it is refused |
//! | `constants.rs` | what such a file has ONNX Runtime compute whatever the image is, and what must not be run |
//! | `wire.rs` | protobuf field by field, without copies, for both |
//! | `messages.rs` | the part of `onnx.proto` that a graph needs, declared by hand for prost |
//!
//! This room knows tensors and nodes. It does not know what an autoencoder is (that is `model`) and it runs
//! nothing (that is `runtime`).

mod dims;
mod fields;
mod file;
mod graph;
pub(crate) mod messages;
mod network;
mod nodes;
mod outline;
mod quantized;

mod constants;
mod wire;

pub use constants::Trap;
pub use dims::{Dim, Shape, batch, fixed};
pub use file::{OnnxFile, half_precision};
pub use graph::{Graph, Value};
pub use nodes::Node;
pub use outline::{Outline, Port};
pub use quantized::Affine;
