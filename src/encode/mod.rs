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
//! | `binarizer.rs` | latents to bits: by sign, by a fitted rotation, by a trained network |
//! | `itq.rs` | fitting the rotation |
//! | `learned.rs` | running the network |
//! | `learn.rs` | training it on a collection |
//! | `held_out.rs` | which of the two keeps more neighbours |
//!
//! Nothing here reads image files, and nothing here trains a model.

mod autoencoder;
mod binarizer;
mod held_out;
mod itq;
mod learn;
mod learned;
mod probe;
mod sessions;

pub use crate::pca::{Directions, MAX_FIT, Plane};
pub use autoencoder::{Autoencoder, Reconstruction, explained_variance};
pub use binarizer::{Binarizer, Rule};
pub use held_out::{Survival, Trial, at_once, learned_or_itq};
pub use learn::{FEWEST_TO_LEARN, LearnOptions, learning_work};
pub use learned::Learned;
pub use probe::{is_usable, probe};
pub use sessions::{Decoder, EncodeOptions, Encoder};
