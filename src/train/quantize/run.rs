//! From a model and images to a model folder.

use std::path::Path;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::calibrate::ranges;
use super::card::card;
use super::compare::compare;
use super::correct::correct;
use super::request::{Comparison, QuantizeRequest, QuantizedModel};
use super::samples::Images;
use crate::error::{Error, Result};
use crate::images::{Skipped, walk};
use crate::model::{Int8Encoder, Metadata, Model, encoder_file};
use crate::observer::Observer;
use crate::runtime::ensure;
use crate::train::data::Dataset;
use crate::train::folder::{Held, check_free};
use crate::train::save::{golden, write_model};
use crate::train::store::Storage;

/// Images to calibrate on, at most: more change nothing.
const CALIBRATION: usize = 256;
/// Images to compare both encoders on, at most.
const HELD_OUT: usize = 512;
/// Images of both kinds together, at least.
const FEWEST: usize = 100;

/// Writes a model folder whose encoder computes in int8.
///
/// # Errors
/// When the model is not one that can be quantized, there are too few images, the folder is the model's own
/// or cannot be written, or ONNX Runtime cannot be used; [`Error::Interrupted`] when the observer stops it.
pub fn quantize_model(request: &QuantizeRequest, observer: &dyn Observer) -> Result<QuantizedModel> {
    let model = Model::load(&request.model)?;
    check_folder(request)?;
    let mut encoder = Int8Encoder::new(&model)?;
    let name = &model.metadata.name;
    let Some(decoder) = &model.decoder else {
        return Err(Error::mismatch(name, "expected a decoder.onnx beside encoder.onnx, got none"));
    };
    let (data, skipped) = images(request, &model, observer)?;
    let calibrated_on = CALIBRATION.min(data.len() / 2);
    let [calibration, held_out] =
        [0..calibrated_on, calibrated_on..data.len()].map(|ids| Images { data: &data, ids });
    let runtime = ensure(&request.runtime, observer)?;
    let ranges = ranges(&runtime, &encoder, &calibration, observer)?;
    correct(&runtime, &mut encoder, &ranges, &calibration, observer)?;
    let int8 = encoder.int8_onnx(&ranges);
    let both = [&model.encoder[..], &int8.to_bytes()];
    let comparison = compare(&runtime, both, &held_out, observer)?;
    let metadata = metadata(&model, comparison.overlap);
    let bytes = int8.with_metadata(metadata.pairs()).to_bytes();
    let golden = golden(&runtime, &bytes, decoder, &metadata)?;
    let sha256 = golden.encoder_sha256.clone();
    let comparison = Comparison { bytes: [model.encoder.len(), bytes.len()], ..comparison };
    let quantized = QuantizedModel { metadata, sha256, calibrated_on, comparison, skipped };
    let card = card(request, &quantized, &model);
    let held = Held::make(&request.folder, || check_folder(request))?;
    held.sweep()?;
    write_model(&request.folder, &card, &golden, [&bytes, decoder])?;
    Ok(quantized)
}

/// The folder must not be where the model lies, nor hold something else.
fn check_folder(request: &QuantizeRequest) -> Result<()> {
    let folder = &request.folder;
    let place = |path: &Path| path.canonicalize().ok();
    let ours = place(&folder.join("encoder.onnx"));
    if ours.is_some() && ours == place(&encoder_file(&request.model, None)) {
        let what = format!("{}: expected another folder than the model's own, got that", folder.display());
        return Err(Error::invalid(what).with_hint("the original would be lost: name a new folder"));
    }
    check_free(folder, request.force)
}

/// As many of the images as are wanted, drawn by a seed, at the model's size.
fn images(
    request: &QuantizeRequest,
    model: &Model,
    observer: &dyn Observer,
) -> Result<(Dataset, Vec<Skipped>)> {
    let (name, shape) = (&model.metadata.name, model.metadata.input);
    let (mut items, mut skipped) = match &request.images[..] {
        [] if shape.channels == 1 => (request.drawn.clone(), vec![]),
        [] => {
            let what = format!("{name}: `images`: expected photos to calibrate on, got none");
            let hint = "name some hundred images like those that you will index; for models of grey images, \
                        drawn digits stand in";
            return Err(Error::invalid(what).with_hint(hint));
        }
        paths => {
            let found = walk(paths, &request.walk)?;
            found.skipped.iter().for_each(|skipped| observer.skipped(&skipped.path, &skipped.reason));
            (found.items, found.skipped)
        }
    };
    items.shuffle(&mut ChaCha8Rng::seed_from_u64(0x696e_7438));
    items.truncate(CALIBRATION + HELD_OUT);
    let (data, unread) = Dataset::load(&items, shape, &Storage::default(), observer)?;
    skipped.extend(unread);
    if data.len() < FEWEST {
        let what = format!("`images`: expected at least {FEWEST} that can be read, got {}", data.len());
        return Err(Error::invalid(what).with_hint("half of them calibrate, the others measure the result"));
    }
    Ok((data, skipped))
}

fn metadata(model: &Model, overlap: f64) -> Metadata {
    let Model { metadata, sha256, .. } = model;
    let before = metadata.origin.as_ref().map_or_else(String::new, |origin| format!("; {origin}"));
    Metadata {
        name: format!("{}-int8", metadata.name),
        origin: Some(format!("quantized from {} (SHA-256 {sha256}){before}", metadata.name)),
        teacher_kept: None, // measured in floats
        int8_overlap: Some((overlap * 1000.0).round() / 1000.0),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        ..metadata.clone()
    }
}
