//! What is asked for, and what comes of it.

use std::path::PathBuf;

use crate::images::{Item, Skipped, WalkOptions};
use crate::model::Metadata;
use crate::runtime::RuntimeOptions;

/// What to quantize, on which images, and where to.
#[derive(Debug, Clone, Default)]
pub struct QuantizeRequest {
    /// A shipped model's name, or a model folder.
    pub model: String,
    /// The model folder to write.
    pub folder: PathBuf,
    /// Replace the model in the folder.
    pub force: bool,
    /// Images like those that the model is to encode: folders, files or containers.
    pub images: Vec<PathBuf>,
    /// Which of the images below `images` to take.
    pub walk: WalkOptions,
    /// Images for a model of grey ones, where `images` names none.
    pub drawn: Vec<Item>,
    /// Where ONNX Runtime comes from.
    pub runtime: RuntimeOptions,
    /// The command that asks for it, for the model's card.
    pub command: String,
}

/// A model that was quantized and written.
#[derive(Debug, Clone)]
pub struct QuantizedModel {
    /// What its files say of themselves.
    pub metadata: Metadata,
    /// SHA-256 of its `encoder.onnx`, hex.
    pub sha256: String,
    /// Images that it was calibrated on.
    pub calibrated_on: usize,
    /// How it compares with the original.
    pub comparison: Comparison,
    /// Inputs that could not be used.
    pub skipped: Vec<Skipped>,
}

/// An encoder in int8 beside the one it was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The share of the ten nearest of an image, by the cosine of latents among the others, that is the same.
    pub overlap: f64,
    /// Images compared, none of which was calibrated on.
    pub held_out: usize,
    /// Milliseconds for one image on one thread, in floats and in int8.
    pub milliseconds: [f64; 2],
    /// Bytes of `encoder.onnx`, likewise.
    pub bytes: [usize; 2],
}
