//! A warm start: the weights of a model's files, and the batch normalizations that were folded into them
//! unfolded again.
//!
//! A file holds `y = W x + b` where training has a linear layer and a normalization behind it. With the mean
//! `m` and the variance `v` that `W x` has over a batch, the scale `sqrt(v + epsilon)` and the shift `b + m`
//! make the two of them that function again. What a layer sees depends on those before it, so they are
//! measured one after the other. A normalization without scale and shift has no way back to `b`: it centres
//! the latents of the new images.

use super::batch::{Batch, order};
use super::data::Dataset;
use super::options::TrainOptions;
use super::step::statistics_graph;
use crate::error::{Error, Result};
use crate::model::{Architecture, BATCH_NORM_EPSILON, Half, Layer, Model, read_weights};
use crate::onnx::OnnxFile;
use crate::runtime::{Input, Runtime, Session, SessionOptions};

/// Batches to measure.
const BATCHES: usize = 8;

/// The weights to begin with: fresh ones, or those of `options.from`, so that its function is where training
/// starts.
///
/// # Errors
/// When the weights to start from do not fit, or the images cannot be read.
pub(crate) fn first_weights(
    runtime: &Runtime,
    architecture: &Architecture,
    data: &Dataset,
    options: &TrainOptions,
) -> Result<Vec<f32>> {
    let mut weights = stored_weights(architecture, options)?;
    let folded = |half| architecture.half(half).any(|step| matches!(step.layer, Layer::BatchNorm { .. }));
    if options.from.is_none() || ![Half::Encoder, Half::Decoder].into_iter().any(folded) {
        return Ok(weights);
    }
    let order = order(data.len(), options.seed, 1);
    let batches: Result<Vec<Batch>> = (order.chunks(options.batch).take(BATCHES).enumerate())
        .map(|(step, ids)| Batch::new(data, ids, options, architecture, (1, step)))
        .collect();
    let graph = statistics_graph(architecture)?.to_bytes();
    let session = SessionOptions {
        threads: options.threads,
        device: options.device,
        flush_denormals: true,
        ..SessionOptions::default()
    };
    let mut session = runtime.session(&graph, &session)?;
    unfold(&mut session, architecture, &batches?, &mut weights)?;
    Ok(weights)
}

/// Fresh weights, or those of `options.from` as they stand in its files.
pub(crate) fn stored_weights(architecture: &Architecture, options: &TrainOptions) -> Result<Vec<f32>> {
    match &options.from {
        None => Ok(architecture.initial_weights(options.seed)),
        Some(model) => weights_of(model, architecture, options.seed),
    }
}

/// The weights in the files of a model; those that are only there in training are fresh, from `seed`.
pub(crate) fn weights_of(model: &Model, architecture: &Architecture, seed: u64) -> Result<Vec<f32>> {
    let Model { metadata, encoder, decoder, .. } = model;
    let name = &metadata.name;
    let Some(decoder) = decoder else {
        return Err(Error::mismatch(name, "expected a decoder.onnx beside encoder.onnx, got none"));
    };
    let [encoder, decoder] =
        [encoder, decoder].map(|bytes| OnnxFile::read(bytes).map_err(|what| Error::damaged(name, what)));
    read_weights(architecture, name, [&encoder?, &decoder?], seed)
}

/// Sets scales, shifts and running statistics, layer after layer.
fn unfold(
    session: &mut Session,
    architecture: &Architecture,
    batches: &[Batch],
    weights: &mut [f32],
) -> Result<()> {
    let statistics = architecture.statistics();
    let parameters = architecture.parameters();
    let first = architecture.parameter_count();
    // a mean and a variance for each normalization
    for pair in statistics.chunks_exact(2) {
        let measured = measure(session, batches, &weights[..first])?;
        let [mean, variance] = [0, 1].map(|i| {
            let range = pair[i].range();
            &measured[range.start - first..range.end - first]
        });
        let layer = pair[0].name.trim_end_matches("mean");
        let named = |kind: &str| {
            let name = format!("{layer}{kind}");
            parameters.iter().find(|p| p.name == name).map(|p| p.range())
        };
        if let Some(scale) = named("scale") {
            let deviations = variance.iter().map(|v| (v + BATCH_NORM_EPSILON).sqrt());
            weights[scale].iter_mut().zip(deviations).for_each(|(scale, deviation)| *scale = deviation);
        }
        if let Some(shift) = named("shift") {
            weights[shift].iter_mut().zip(mean).for_each(|(shift, mean)| *shift += mean);
        }
        for (parameter, values) in pair.iter().zip([mean, variance]) {
            weights[parameter.range()].copy_from_slice(values);
        }
    }
    Ok(())
}

/// Means over the batches of what the normalizations measure, in the order of `Architecture::statistics`.
fn measure(session: &mut Session, batches: &[Batch], parameters: &[f32]) -> Result<Vec<f32>> {
    let mut sums: Vec<f64> = vec![];
    for batch in batches {
        let count = [parameters.len()];
        let outputs = session.run(&[
            ("image", Input::Slice(&batch.dims, &batch.images)),
            ("parameters", Input::Slice(&count, parameters)),
        ])?;
        let measured =
            outputs.first().ok_or_else(|| Error::runtime("statistics: expected some, got none"))?;
        sums.resize(measured.data().len(), 0.0);
        sums.iter_mut().zip(measured.data()).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    Ok(sums.iter().map(|sum| (sum / batches.len() as f64) as f32).collect())
}
