//! Layers and weights to inference graphs of standard nodes, and weights back out of such files.
//!
//! `encoder.onnx` takes `image` `[N, C, H, W]` in `0..=1` and gives `latent` `[N, D]`; `decoder.onnx` the
//! reverse. Weights keep their names from [`Architecture::parameters`], so that a warm start finds them
//! again.

use super::architecture::{Architecture, Half, Parameter, Step};
use super::layers::{BATCH_NORM_EPSILON, CENTER, Extent, Layer};
use super::metadata::{IMAGE, LATENT, Metadata};
use super::normalize::normalize_nodes;
use super::properties::Precision;
use crate::error::{Error, Result};
use crate::onnx::{Graph, OnnxFile, Value, batch, fixed};
use std::collections::HashMap;

/// The inference graph from image to latent. `weights` is the flat vector of the whole architecture.
pub fn encoder_onnx(architecture: &Architecture, weights: &[f32], metadata: &Metadata) -> OnnxFile {
    half_onnx(architecture, weights, metadata.precision, (Half::Encoder, IMAGE, LATENT))
        .with_metadata(metadata.pairs())
}

/// The inference graph from latent to image. `weights` is the flat vector of the whole architecture.
pub fn decoder_onnx(architecture: &Architecture, weights: &[f32], metadata: &Metadata) -> OnnxFile {
    half_onnx(architecture, weights, metadata.precision, (Half::Decoder, LATENT, IMAGE))
        .with_metadata(metadata.pairs())
}

/// The inference graph from image to what comes out of the first `layers` layers of the encoder, `features`,
/// in 32 bits.
pub fn features_onnx(architecture: &Architecture, weights: &[f32], layers: usize) -> OnnxFile {
    let steps: Vec<Step> = architecture.half(Half::Encoder).take(layers).collect();
    let tensors = Tensors::of(architecture, weights, Precision::Float32);
    steps_onnx(&steps, tensors, (Half::Encoder, IMAGE, "features"))
}

fn half_onnx(
    arch: &Architecture,
    weights: &[f32],
    precision: Precision,
    (half, input, output): (Half, &str, &str),
) -> OnnxFile {
    let steps: Vec<Step> = arch.half(half).collect();
    steps_onnx(&steps, Tensors::of(arch, weights, precision), (half, input, output))
}

fn steps_onnx(steps: &[Step], mut tensors: Tensors, (half, input, output): (Half, &str, &str)) -> OnnxFile {
    tensors.fold_norms(steps);
    let mut graph = Graph::new();
    let mut x = graph.input(input, tensor_shape(steps[0].input));
    let mut inputs = vec![];
    for step in steps {
        inputs.push(x.clone());
        x = match step.layer {
            Layer::Residual { layers } => graph.add(&inputs[step.index - layers], &x),
            _ => inference_nodes(&mut graph, step, &x, &tensors),
        };
    }
    graph.output(output, &x);
    graph.finish(half.name())
}

/// The tensors of an architecture.
#[derive(Debug, Clone)]
pub(super) struct Tensors {
    /// By name: dimensions and values.
    by_name: HashMap<String, (Vec<usize>, Vec<f32>)>,
    /// How they are written.
    precision: Precision,
}

impl Tensors {
    fn of(arch: &Architecture, weights: &[f32], precision: Precision) -> Self {
        let all = arch.parameters().into_iter().chain(arch.statistics());
        let named = all.map(|p| (p.name.clone(), (p.dims.clone(), weights[p.range()].to_vec())));
        Tensors { by_name: named.collect(), precision }
    }

    /// The tensors of some layers as they stand in a model's file: normalizations are folded already.
    pub(super) fn read(file: &OnnxFile, steps: &[Step], precision: Precision) -> Self {
        let kinds = ["weight", "bias", "input_weight", "state_weight"];
        let names = steps.iter().flat_map(|step| kinds.map(|kind| Self::name(step, kind)));
        let found = names.filter_map(|name| file.weight(&name).map(|tensor| (name, tensor)));
        Tensors { by_name: found.collect(), precision }
    }

    pub(super) fn name(step: &Step, kind: &str) -> String {
        format!("{}.{}.{kind}", step.half.name(), step.index)
    }

    pub(super) fn values(&self, step: &Step, kind: &str) -> Option<&[f32]> {
        self.by_name.get(&Self::name(step, kind)).map(|(_, values)| values.as_slice())
    }

    pub(super) fn values_mut(&mut self, step: &Step, kind: &str) -> Option<&mut [f32]> {
        self.by_name.get_mut(&Self::name(step, kind)).map(|(_, values)| values.as_mut_slice())
    }

    /// The tensor as a named constant of `graph`.
    fn weight(&self, graph: &mut Graph, step: &Step, kind: &str) -> Value {
        let name = Self::name(step, kind);
        let (dims, values) = &self.by_name[&name];
        match self.precision {
            Precision::Float32 => graph.weight(&name, dims, values),
            Precision::Float16 => graph.half_weight(&name, dims, values),
        }
    }

    /// Works every batch normalization into the weight and bias of the layer before it.
    fn fold_norms(&mut self, steps: &[Step]) {
        for pair in steps.windows(2) {
            let [linear, norm] = pair else { continue };
            let (Some(mean), Some(variance)) = (self.values(norm, "mean"), self.values(norm, "variance"))
            else {
                continue;
            };
            let channels = mean.len();
            let or = |values: Option<&[f32]>, other| values.map_or(vec![other; channels], <[f32]>::to_vec);
            let scale = or(self.values(norm, "scale"), 1.0);
            let shift = or(self.values(norm, "shift"), 0.0);
            let bias = or(self.values(linear, "bias"), 0.0);
            let factor: Vec<f32> =
                scale.iter().zip(variance).map(|(s, v)| s / (v + BATCH_NORM_EPSILON).sqrt()).collect();
            let bias = (0..channels).map(|c| (bias[c] - mean[c]) * factor[c] + shift[c]).collect();
            self.by_name.insert(Self::name(linear, "bias"), (vec![channels], bias));
            if let Some((_, weight)) = self.by_name.get_mut(&Self::name(linear, "weight")) {
                let per_channel = weight.len() / channels;
                for (row, factor) in weight.chunks_exact_mut(per_channel).zip(&factor) {
                    row.iter_mut().for_each(|w| *w *= factor);
                }
            }
        }
    }
}

/// `[N, units]` for a vector, else `[N, C, H, W]`.
pub(super) fn tensor_shape(extent: Extent) -> Vec<crate::onnx::Dim> {
    match extent.is_vector() {
        true => vec![batch(1), fixed(extent.channels)],
        false => image_shape(extent),
    }
}

/// `[N, C, H, W]`.
fn image_shape(extent: Extent) -> Vec<crate::onnx::Dim> {
    vec![batch(1), fixed(extent.channels), fixed(extent.height), fixed(extent.width)]
}

/// A convolution by such a weight and bias.
pub(super) fn conv_node(graph: &mut Graph, step: &Step, x: &Value, [weight, bias]: [&Value; 2]) -> Value {
    let (Layer::Conv { kernel, stride, padding, .. } | Layer::DepthwiseConv { kernel, stride, padding }) =
        step.layer
    else {
        return x.clone();
    };
    let (top, bottom) = padding.amounts(step.input.height, kernel, stride);
    let (left, right) = padding.amounts(step.input.width, kernel, stride);
    graph.conv(x, weight, Some(bias), stride, [top, left, bottom, right])
}

pub(super) fn inference_nodes(graph: &mut Graph, step: &Step, x: &Value, tensors: &Tensors) -> Value {
    let mut tensor = |kind: &str| tensors.weight(graph, step, kind);
    match step.layer {
        Layer::Conv { .. } | Layer::DepthwiseConv { .. } => {
            let [weight, bias] = ["weight", "bias"].map(tensor);
            conv_node(graph, step, x, [&weight, &bias])
        }
        Layer::Dense { .. } => {
            let [weight, bias] = ["weight", "bias"].map(tensor);
            graph.gemm((x, false), (&weight, true), Some(&bias))
        }
        Layer::Gaussian { units } => {
            let [weight, bias] = ["weight", "bias"].map(tensor);
            let both = graph.gemm((x, false), (&weight, true), Some(&bias));
            graph.columns(&both, 0..units)
        }
        Layer::Lstm { units, sequence } => {
            let weights = ["input_weight", "state_weight", "bias"].map(&mut tensor);
            lstm_nodes(graph, step.input, x, &weights, (units, sequence))
        }
        // folded into the layer before
        Layer::BatchNorm { .. } => x.clone(),
        Layer::Center => {
            let [scale, shift] = CENTER.map(|value| graph.scalar(value));
            let scaled = graph.mul(x, &scale);
            graph.add(&scaled, &shift)
        }
        Layer::Normalize => {
            let count = step.input.len();
            let flat = graph.reshape(x, vec![batch(1), fixed(count)]);
            let y = normalize_nodes(graph, &flat, 1, count);
            graph.reshape(&y, x.shape().to_vec())
        }
        Layer::Binarize => {
            let zero = graph.scalar(0.0);
            let (two, one) = (graph.scalar(2.0), graph.scalar(1.0));
            let positive = graph.above(x, &zero);
            let doubled = graph.mul(&positive, &two);
            graph.sub(&doubled, &one)
        }
        // a sum with what is not at hand here: see `steps_onnx`
        Layer::Residual { .. } => x.clone(),
        Layer::Relu => graph.relu(x),
        Layer::Relu6 => graph.clip(x, 0.0, 6.0),
        Layer::GlobalAveragePool => {
            let pooled = graph.global_average_pool(x);
            graph.reshape(&pooled, tensor_shape(step.output))
        }
        Layer::Sigmoid => graph.sigmoid(x),
        Layer::Upsample => graph.upsample(x),
        Layer::Flatten => graph.reshape(x, tensor_shape(step.output)),
        Layer::Reshape(to) => graph.reshape(x, image_shape(to)), // also where that is a single pixel
        Layer::Repeat { steps } => {
            let column = graph.reshape(x, vec![batch(1), fixed(step.input.channels), fixed(1), fixed(1)]);
            let ones = graph.constant(&[1, 1, steps, 1], &vec![1.0; steps]);
            graph.mul(&column, &ones)
        }
        Layer::Rows { channels } => {
            let Extent { height, width, .. } = step.output;
            let rows = graph.reshape(x, vec![batch(1), fixed(channels), fixed(width), fixed(height)]);
            graph.transpose(&rows, &[0, 1, 3, 2])
        }
    }
}

/// An LSTM over the rows of `[N, C, H, W]`: the standard operator, which wants `[H, N, C*W]`.
fn lstm_nodes(
    graph: &mut Graph,
    input: Extent,
    x: &Value,
    weights: &[Value; 3],
    (units, sequence): (usize, bool),
) -> Value {
    let Extent { channels, height, width } = input;
    let rows = graph.transpose(x, &[2, 0, 1, 3]);
    let rows = graph.reshape(&rows, vec![fixed(height), batch(1), fixed(channels * width)]);
    let [all, last] = graph.lstm(&rows, weights, units);
    if sequence {
        // [H, 1, N, units] to [N, units, H, 1]
        graph.transpose(&all, &[2, 3, 0, 1])
    } else {
        graph.reshape(&last, vec![batch(1), fixed(units)])
    }
}

/// Reads the flat vector of `architecture` back from the two files of a model folder: a warm start.
///
/// Where a batch normalization was folded into the layer before, its scale and shift become 1 and the bias
/// that was left of it, and its statistics 0 and 1: the same function only as long as nothing measures the
/// statistics anew, so a training has to measure them first and set scale and shift by them. A discriminator,
/// which no file holds, starts from `seed`.
///
/// # Errors
/// Names the first tensor that is missing or has other dimensions than the architecture wants.
pub fn read_weights(
    architecture: &Architecture,
    model: &str,
    [encoder, decoder]: [&OnnxFile; 2],
    seed: u64,
) -> Result<Vec<f32>> {
    let mut flat = architecture.initial_weights(seed);
    for Parameter { name, dims, offset } in architecture.parameters() {
        let Some((half, rest)) = name.split_once('.') else { continue };
        let (file, name) = match half {
            "encoder" => (encoder, name.clone()),
            "decoder" => (decoder, name.clone()),
            _ => continue,
        };
        let stored = match rest.split_once('.') {
            Some((_, "scale")) => continue,
            Some((index, "shift")) => {
                let before = index.parse::<usize>().unwrap_or(0).saturating_sub(1);
                format!("{half}.{before}.bias")
            }
            _ => name,
        };
        match file.weight(&stored) {
            Some((found, values)) if found == dims => {
                flat[offset..offset + values.len()].copy_from_slice(&values);
            }
            found => {
                let got = found.map_or("none".into(), |(dims, _)| format!("{dims:?}"));
                let hint =
                    format!("start from a model of family {} and the same input size", architecture.family);
                return Err(
                    Error::mismatch(model, format!("{stored}: expected {dims:?}, got {got}")).with_hint(hint)
                );
            }
        }
    }
    Ok(flat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::InputShape;
    use crate::model::Family;

    #[test]
    fn weights_survive_the_files() {
        for family in Family::ALL {
            let side = if family == Family::Photo { 96 } else { 32 };
            let input = InputShape { channels: 3, height: side, width: side };
            let architecture = family.architecture(input, 64).unwrap();
            let weights = architecture.initial_weights(3);
            let metadata = Metadata::new("test", &architecture, 64);
            let [encoder, decoder] = [encoder_onnx, decoder_onnx].map(|export| {
                OnnxFile::read(&export(&architecture, &weights, &metadata).to_bytes()).unwrap()
            });
            let back = read_weights(&architecture, "test", [&encoder, &decoder], 3).unwrap();
            assert_eq!(back.len(), weights.len());
            // a folded normalization leaves its epsilon behind
            for (back, weight) in back.iter().zip(&weights) {
                assert!((back - weight).abs() <= 1e-5 * weight.abs(), "{family}: {back} and {weight}");
            }
        }
    }

    #[test]
    fn weights_of_16_bits_are_those_rounded() {
        let input = InputShape { channels: 3, height: 96, width: 96 };
        let architecture = Family::Photo.architecture(input, 64).unwrap();
        let weights: Vec<f32> = architecture.initial_weights(3).iter().map(|w| w + 0.01).collect();
        let whole = Metadata::new("test", &architecture, 64);
        let half = Metadata { precision: Precision::Float16, ..whole.clone() };
        let bytes = |metadata: &Metadata| {
            [encoder_onnx, decoder_onnx].map(|export| export(&architecture, &weights, metadata).to_bytes())
        };
        let [long, short] = [&whole, &half].map(bytes);
        assert!(long.iter().zip(&short).all(|(long, short)| short.len() < long.len() * 6 / 10));
        let [encoder, decoder] = short.each_ref().map(|bytes| OnnxFile::read(bytes).unwrap());
        assert_eq!(Metadata::read(&encoder, "test").unwrap(), half);
        let back = read_weights(&architecture, "test", [&encoder, &decoder], 3).unwrap();
        // below 6e-5 halves have fewer digits
        let head = architecture.parameters().into_iter().find(|p| p.name.starts_with("head")).unwrap().offset;
        let mut kept = back[..head].iter().zip(&weights);
        assert!(kept.all(|(a, b)| (a - b).abs() <= 5e-4 * b.abs() + 1e-7));
        // rounded once, they stay as they are
        let again = encoder_onnx(&architecture, &back, &half).to_bytes();
        assert_eq!(again, short[0]);
    }

    #[test]
    fn a_model_of_another_shape_is_refused() {
        let grey = InputShape { channels: 1, height: 28, width: 28 };
        let small = Family::Dense.architecture(grey, 32).unwrap();
        let metadata = Metadata::new("small", &small, 32);
        let weights = small.initial_weights(0);
        let (encoder, decoder) =
            (encoder_onnx(&small, &weights, &metadata), decoder_onnx(&small, &weights, &metadata));
        let large = Family::Dense.architecture(InputShape { height: 32, width: 32, ..grey }, 32).unwrap();
        let error = read_weights(&large, "small", [&encoder, &decoder], 0).unwrap_err();
        assert_eq!(error.to_string(), "small: encoder.1.weight: expected [128, 1024], got [128, 784]");
    }
}
