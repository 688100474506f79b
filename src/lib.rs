//! Similarity search for image collections: a small autoencoder turns images into latents, latents into
//! binary codes, and a memory-mapped HNSW index answers which codes are near.
//!
//! Start at [`gallery`], the facade: [`gallery::update`] indexes what some paths hold, and a
//! [`gallery::Gallery`] finds the images most similar to an image, for any number of threads at once. What
//! else can be done with a collection:
//!
//! | module | |
//! |---|---|
//! | [`dedupe`] | find duplicates, and remove them with undo |
//! | [`explore`], [`report`] | clusters, outliers, maps, exports; everything on one page |
//! | [`codes`] | codes in files, for other programs and machines; indexes of such files |
//! | [`database`] | codes in PostgreSQL, searched there |
//! | [`train`] | train a model on your own images |
//! | [`generate`] | reconstruct, denoise and sample images with a model's decoder |
//! | [`eval`] | how good the codes are |
//! | [`demo`] | digits to try all this on |
//!
//! Long calls take an [`Observer`], which hears about progress and can stop the work; `&()` hears nothing.
//! Errors are one enum, [`Error`], whose variants say what kind of thing went wrong. Images that cannot be
//! used are not errors: results list them as [`images::Skipped`].
//!
//! Modules are layers: `cli` -> `demo`, `report`, `codes`, `database` -> `dedupe`, `explore`, `eval`, `generate`, `train` ->
//! `gallery` -> `encode`, `autodiff`, `model`, `draw`, `images`, the crate `aesearch-index` -> `cloud`, `runtime`,
//! `onnx`, `output` -> `observer`, `error`. Each imports only those below it; ARCHITECTURE.md has the map.

pub mod filter;
pub mod gallery;

mod autodiff;
mod cloud;
pub mod encode;
pub mod images;
pub mod model;

pub mod onnx;
pub mod runtime;

pub mod codes;
pub mod database;
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
mod pca;

pub use error::{Error, Result};
pub use observer::Observer;
