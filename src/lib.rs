//! Similarity search for image collections: a small autoencoder turns images into latents, latents into binary codes,
//! and a memory-mapped HNSW index answers which codes are near.
//!
//! Start reading at [`gallery`], the facade that opens model, binarizer and index together. The layers, from the top:
//! `cli` -> `demo`, `report` -> `dedupe`, `explore`, `eval`, `generate`, `train` -> `gallery` -> `encode`, `images`, `model`, the crate `aesearch-index`
//! -> `runtime`, `onnx`, `output` -> `error`. A room imports only what stands below it; ARCHITECTURE.md has the map.

pub mod gallery;

pub mod encode;
pub mod images;
pub mod model;

pub mod onnx;
pub mod runtime;

pub mod dedupe;
pub mod demo;
pub mod eval;
pub mod explore;
pub mod generate;
pub mod report;
pub mod train;

pub mod draw;

#[cfg(feature = "cli")]
pub mod cli;
pub mod error;
pub mod observer;
pub mod output;

pub use error::{Error, Result};
pub use observer::Observer;
