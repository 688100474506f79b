//! From images to codes: latents by the encoder, reconstructions by the decoder, and codes from latents.
//!
//! ```text
//! f32 [N, C, H, W], 0..=1 --Encoder--> f32 [N, D] --Binarizer--> u64 [N, words(bits)]
//!                                          \--Decoder--> f32 [N, C, H, W], 0..=1
//! ```
//!
//! | file | responsibility |
//! |---|---|
//! | `sessions.rs` | a model's two networks, running |
//! | `probe.rs` | whether another program's encoder is fit for use |
//! | `autoencoder.rs` | both together: images, latents, reconstructions, losses |
//! | `binarizer.rs` | latents to bits, by sign or by a fitted rotation |
//! | `itq.rs` | fitting that rotation |
//!
//! Nothing here reads image files, and nothing here trains a network.

mod autoencoder;
mod binarizer;
mod itq;
mod probe;
mod sessions;

pub use crate::pca::{Directions, MAX_FIT, Plane};
pub use autoencoder::{Autoencoder, Reconstruction, explained_variance};
pub use binarizer::Binarizer;
pub use probe::{is_usable, probe};
pub use sessions::{Decoder, EncodeOptions, Encoder};
