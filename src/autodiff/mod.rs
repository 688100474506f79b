//! Here is a forward pass, give me its gradients: graphs that differentiate themselves while they are built.
//!
//! ```text
//! Tape: forward nodes, with records -> Tape::backward: gradients, again as nodes -> Adam -> one ONNX graph
//! ```
//!
//! | file | responsibility |
//! |---|---|
//! | `tape.rs` | reverse-mode differentiation of graphs |
//! | `ops.rs` | dense, ReLU, pixel order, cross-entropy, with gradients |
//! | `blocks.rs` | ReLU6, skips, the mean over all pixels |
//! | `conv.rs` | convolution as gather and product, with gradients |
//! | `depthwise.rs` | convolution of each channel by itself, as products over tiles |
//! | `upconv.rs` | upsampling and convolution in one |
//! | `norm.rs` | batch normalization |
//! | `lstm.rs` | back-propagation through time |
//! | `objectives.rs` | contrast of codes, draws from distributions, the adversary |
//! | `neighbours.rs` | neighbours of codes as those of features; two views nearest to each other |
//! | `adam.rs` | the optimizer |
//!
//! Nothing is computed here; what runs the graph is `runtime`. Which layers a model has is for `train` to
//! lower.

mod adam;
mod blocks;
mod conv;
mod depthwise;
mod lstm;
mod neighbours;
mod norm;
mod objectives;
mod ops;
mod tape;
mod upconv;

#[cfg(test)]
mod tests;

pub(crate) use adam::{Adam, adam_pace};
pub(crate) use blocks::{affine, global_mean, relu6, residual};
pub(crate) use conv::{Conv, conv, phase_order};
pub(crate) use depthwise::{depthwise, tile_order};
pub(crate) use lstm::lstm;
pub(crate) use neighbours::{Temperatures, apart, columns, cosines, own_view, soft_neighbours};
pub(crate) use norm::{Statistics, batch_norm, normed_conv};
pub(crate) use objectives::{
    binarize, contrastive, first_half, gaussian, half_codes, second_half, verdict_loss, weighted_sum,
};
pub(crate) use ops::{Feature, add, cross_entropy, dense, raster, relu};
pub(crate) use tape::Tape;
pub(crate) use upconv::upsample_conv;
