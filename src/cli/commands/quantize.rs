//! `aesearch model quantize NAME -o DIR`: a model whose encoder computes in int8, and what it keeps of the
//! original.

use serde::Serialize;

use super::observer::TerminalObserver;
use super::train::command_line;
use super::{SkippedDocument, exit_for, skipped_documents, tell_skipped};
use crate::cli::exit::Exit;
use crate::cli::print::{Printer, bytes, count};
use crate::cli::resolve::Context;
use crate::cli::{args, walking};
use crate::demo::collection::drawn;
use crate::error::Result;
use crate::images::Item;
use crate::model::Model;
use crate::train::{QuantizeRequest, quantize_model};

/// Digits that stand in where a model of grey images is given none.
const DIGITS: usize = 768;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct QuantizeDocument<'a> {
    /// Of the new model.
    name: &'a str,
    /// The kind of network.
    family: &'a str,
    /// Of the new `encoder.onnx`.
    sha256: &'a str,
    /// The share of the ten nearest that is the same as with the original.
    overlap: f64,
    /// From which ranges were measured.
    calibration_images: usize,
    /// On which the overlap was measured.
    held_out_images: usize,
    /// For one image on one thread.
    ms_float: f64,
    /// The same in int8.
    ms_int8: f64,
    /// Of the original `encoder.onnx`.
    encoder_bytes_float: usize,
    /// Of the new one.
    encoder_bytes_int8: usize,
    /// The folder that was written.
    model_dir: String,
    /// Images that could not be read.
    skipped: Vec<SkippedDocument<'a>>,
}

pub(super) fn run(context: &Context, args: &args::Quantize) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    context.threads(&args.threads);
    let (images, walk) = walking::resolve(&args.images, &args.walking)?;
    let request = QuantizeRequest {
        model: args.model.clone(),
        folder: args.output.clone(),
        force: args.force,
        drawn: if images.is_empty() { stand_ins(printer, &args.model)? } else { vec![] },
        images,
        walk,
        runtime: context.runtime.clone(),
        command: command_line(),
    };
    let observer = TerminalObserver::new(context, "quantizing");
    let quantized = quantize_model(&request, &observer)?;
    observer.finish();
    tell_skipped(printer, &quantized.skipped);
    let comparison = &quantized.comparison;
    let ([ms_float, ms_int8], [float, int8]) = (comparison.milliseconds, comparison.bytes);
    let document = QuantizeDocument {
        name: &quantized.metadata.name,
        family: &quantized.metadata.family,
        sha256: &quantized.sha256,
        overlap: comparison.overlap,
        calibration_images: quantized.calibrated_on,
        held_out_images: comparison.held_out,
        ms_float,
        ms_int8,
        encoder_bytes_float: float,
        encoder_bytes_int8: int8,
        model_dir: args.output.display().to_string(),
        skipped: skipped_documents(&quantized.skipped),
    };
    if printer.json {
        printer.document("model quantize", &document)?;
    } else {
        let held_out = count(comparison.held_out as u64, "image");
        printer.text(&format!(
            "{}: {} keeps {:.3} of the ten nearest of {held_out} not calibrated on; {ms_int8:.2} ms an image, \
             {ms_float:.2} ms in floats; {}, {} in floats",
            document.model_dir,
            document.name,
            comparison.overlap,
            bytes(int8 as u64),
            bytes(float as u64),
        ))?;
    }
    Ok(exit_for(&quantized.skipped))
}

/// Drawn digits for a model of grey images, with a word about them; none for others, which need photos.
fn stand_ins(printer: &Printer, model: &str) -> Result<Vec<Item>> {
    if Model::load(model)?.metadata.input.channels != 1 {
        return Ok(vec![]);
    }
    printer.note(&format!("no --images: {DIGITS} drawn digits calibrate and measure the result"));
    let named = |(i, pixels)| Item::from_pixels(format!("digit {i}"), pixels);
    Ok(drawn(DIGITS, 0).into_iter().enumerate().map(named).collect())
}
