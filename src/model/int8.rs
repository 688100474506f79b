//! An encoder whose convolutions compute in int8: weights of 8 bits with a scale for each output channel,
//! activations of 8 bits with one scale for each layer.
//!
//! The first layer, which takes the pixels, a depthwise convolution directly behind it, and the last layer,
//! which gives the latent, stay in floats: what they round is seen in every latent. An activation behind a
//! convolution needs no node, as the range of what is rounded next cuts off what it would. What the ranges
//! are is measured by the caller (see `train`).

use super::architecture::{Half, Step};
use super::export::{Tensors, conv_node, inference_nodes, tensor_shape};
use super::layers::Layer;
use super::metadata::{IMAGE, LATENT};
use super::zoo::Model;
use crate::error::{Error, Result};
use crate::onnx::{Affine, Graph, OnnxFile, Value};
use std::collections::BTreeMap;
use std::ops::Range;

/// What 8 bits stand for in what comes out of some layers, by the layer's place.
pub type Ranges = BTreeMap<usize, Affine>;

/// Largest weight: -128 is left out, so that 0 is in the middle.
const LARGEST: f32 = 127.0;

/// The largest bias in units of its scale: half of what fits into 32 bits, as sums are added to it.
const LARGEST_BIAS: f32 = (1u32 << 30) as f32;

/// An encoder in floats, and which of its layers are to compute in int8.
#[derive(Debug, Clone)]
pub struct Int8Encoder {
    steps: Vec<Step>,
    tensors: Tensors,
    /// The layers from the first convolution in int8 to what follows the last one.
    region: Range<usize>,
}

impl Int8Encoder {
    /// From a model of a family that has more than two convolutions, or layers behind them.
    ///
    /// # Errors
    /// When the model is of another family or program, computes in int8 already, or lacks weights.
    pub fn new(model: &Model) -> Result<Self> {
        let name = &model.metadata.name;
        let architecture = model.architecture()?;
        if model.metadata.int8_overlap.is_some() {
            let what = format!("{name}: weights: expected floats, got int8 already");
            return Err(Error::unsupported(what)
                .with_hint("quantize the model that it was made from, which its origin names"));
        }
        let file = OnnxFile::read(&model.encoder).map_err(|what| Error::damaged(name, what))?;
        let steps: Vec<Step> = architecture.half(Half::Encoder).collect();
        let tensors = Tensors::read(&file, &steps, model.metadata.precision);
        let Some(region) = region(&steps) else {
            let what = format!(
                "{name}: family: expected one with convolutions inside (photo, conv-hash, conv, vae or aae), \
                 got {}",
                architecture.family
            );
            return Err(Error::unsupported(what));
        };
        if let Some(step) = steps.iter().find(|step| !has_all(&tensors, step)) {
            let what = format!("encoder.{}: expected the weights of {}, got none", step.index, step.layer);
            return Err(Error::damaged(name, what));
        }
        Ok(Int8Encoder { steps, tensors, region })
    }

    /// The places of the layers that compute in int8.
    pub fn convolutions(&self) -> Vec<usize> {
        self.region.clone().filter(|&i| is_convolution(&self.steps[i])).collect()
    }

    /// The places of the layers whose results are rounded to 8 bits: those before a convolution in int8, those
    /// behind one, and sums.
    pub fn rounded(&self) -> Vec<usize> {
        let is_rounded = |&i: &usize| match self.steps[i].layer {
            _ if i + 1 == self.region.start => true,
            Layer::Conv { .. } | Layer::DepthwiseConv { .. } => !self.is_activated(i),
            Layer::Relu | Layer::Relu6 | Layer::Residual { .. } => true,
            _ => false,
        };
        (self.region.start - 1..self.region.end).filter(is_rounded).collect()
    }

    /// Whether an activation follows the layer.
    fn is_activated(&self, i: usize) -> bool {
        let mut behind = self.steps[i + 1..].iter().map(|step| step.layer);
        let next = behind.find(|layer| !matches!(layer, Layer::BatchNorm { .. }));
        matches!(next, Some(Layer::Relu | Layer::Relu6))
    }

    /// The graph in floats, up to the last of the layers `seen`; it gives what comes out of each of them, in
    /// their order.
    pub fn float_onnx(&self, seen: &[usize]) -> OnnxFile {
        let end = seen.iter().max().map_or(self.steps.len(), |last| last + 1);
        self.onnx(&Ranges::new(), seen, end)
    }

    /// The graph in int8 up to the convolution at `place`; it gives what comes out of that, not rounded.
    pub fn int8_onnx_until(&self, ranges: &Ranges, place: usize) -> OnnxFile {
        self.onnx(ranges, &[place], place + 1)
    }

    /// The whole graph in int8, from image to latent, without metadata.
    pub fn int8_onnx(&self, ranges: &Ranges) -> OnnxFile {
        self.onnx(ranges, &[], self.steps.len())
    }

    /// Adds to the bias of the layer at `place`.
    pub fn shift_bias(&mut self, place: usize, by: &[f32]) {
        let bias = self.tensors.values_mut(&self.steps[place], "bias");
        bias.into_iter().flatten().zip(by).for_each(|(bias, by)| *bias += by);
    }

    fn onnx(&self, ranges: &Ranges, seen: &[usize], end: usize) -> OnnxFile {
        let mut graph = Graph::new();
        let mut x = graph.input(IMAGE, tensor_shape(self.steps[0].input));
        let mut inputs = vec![];
        let mut last = None;
        for step in &self.steps[..end] {
            inputs.push(x.clone());
            let int8 = last.filter(|_| self.region.contains(&step.index));
            x = match (step.layer, int8) {
                (Layer::Residual { layers }, _) => graph.add(&inputs[step.index - layers], &x),
                (Layer::Conv { .. } | Layer::DepthwiseConv { .. }, Some(range)) => {
                    self.int8_conv(&mut graph, step, &x, range)
                }
                (Layer::Relu | Layer::Relu6, Some(_)) => x,
                _ => inference_nodes(&mut graph, step, &x, &self.tensors),
            };
            if seen.contains(&step.index) {
                graph.output(&format!("layer.{}", step.index), &x);
            }
            if let Some(&range) = ranges.get(&step.index) {
                x = graph.rounded(&x, range);
                last = Some(range);
            }
        }
        if seen.is_empty() {
            graph.output(LATENT, &x);
        }
        graph.finish(Half::Encoder.name())
    }

    /// A convolution of what was rounded to `input`.
    fn int8_conv(&self, graph: &mut Graph, step: &Step, x: &Value, input: Affine) -> Value {
        let [weights, biases] =
            ["weight", "bias"].map(|kind| self.tensors.values(step, kind).unwrap_or_default());
        let per_channel = weights.len() / biases.len().max(1);
        let scale = |(row, bias): (&[f32], &f32)| {
            let largest = row.iter().fold(0.0f32, |most, w| most.max(w.abs()));
            let for_bias = bias.abs() / (input.scale * LARGEST_BIAS);
            (largest / LARGEST).max(for_bias).max(f32::MIN_POSITIVE / input.scale.min(1.0))
        };
        let rows = || weights.chunks_exact(per_channel.max(1));
        let scales: Vec<f32> = rows().zip(biases).map(scale).collect();
        let stored: Vec<i8> = (rows().zip(&scales))
            .flat_map(|(row, scale)| row.iter().map(move |w| (w / scale).round_ties_even() as i8))
            .collect();
        let bias_scales: Vec<f32> = scales.iter().map(|scale| scale * input.scale).collect();
        let bias: Vec<i32> = (biases.iter().zip(&bias_scales))
            .map(|(bias, scale)| (f64::from(*bias) / f64::from(*scale)).round_ties_even() as i32)
            .collect();
        let dims = step.layer.parameters(step.input).swap_remove(0).1;
        let weight = graph.int8_weight(&Tensors::name(step, "weight"), &dims, &stored, &scales);
        let bias = graph.int32_weight(&Tensors::name(step, "bias"), &bias, &bias_scales);
        conv_node(graph, step, x, [&weight, &bias])
    }
}

fn is_convolution(step: &Step) -> bool {
    matches!(step.layer, Layer::Conv { .. } | Layer::DepthwiseConv { .. })
}

/// Whether weight and bias of a layer are there; a file has a bias where a normalization was folded as well.
fn has_all(tensors: &Tensors, step: &Step) -> bool {
    if matches!(step.layer, Layer::BatchNorm { .. }) {
        return true;
    }
    step.layer.parameters(step.input).first().is_none_or(|(_, dims)| {
        let sizes = [("weight", dims.iter().product()), ("bias", dims[0])];
        sizes.into_iter().all(|(kind, size)| tensors.values(step, kind).map(<[f32]>::len) == Some(size))
    })
}

/// The layers between the first with weights and the last one; none where no convolution lies there.
fn region(steps: &[Step]) -> Option<Range<usize>> {
    let has_weights = |step: &&Step| {
        let is_norm = matches!(step.layer, Layer::BatchNorm { .. });
        !is_norm && !step.layer.parameters(step.input).is_empty()
    };
    let weighted: Vec<&Step> = steps.iter().filter(has_weights).collect();
    let [_, inner @ .., _] = &weighted[..] else { return None };
    let is_depthwise = |step: &&&Step| matches!(step.layer, Layer::DepthwiseConv { .. });
    let mut inner = inner.iter().skip_while(is_depthwise).filter(|step| is_convolution(step));
    let start = inner.next()?.index;
    let last = inner.last().map_or(start, |step| step.index);
    let follows = |step: &&Step| {
        let Step { layer, .. } = step;
        matches!(layer, Layer::BatchNorm { .. } | Layer::Relu | Layer::Relu6 | Layer::Residual { .. })
    };
    let end = last + 1 + steps[last + 1..].iter().take_while(follows).count();
    Some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::InputShape;
    use crate::model::{Design, Family, Metadata, encoder_onnx};
    use std::borrow::Cow;

    fn model(family: Family, side: usize) -> Model {
        let input = InputShape { channels: 3, height: side, width: side };
        let width = if family == Family::Photo { 25 } else { 8 };
        let architecture = family.architecture(input, Design { width, ..Design::default() }).unwrap();
        let metadata = Metadata::new("test", &architecture, 64);
        let encoder = encoder_onnx(&architecture, &architecture.initial_weights(1), &metadata).to_bytes();
        Model::from_parts("test", Cow::Owned(encoder), None, None).unwrap()
    }

    #[test]
    fn the_first_and_the_last_layer_stay_in_floats() {
        let photo = Int8Encoder::new(&model(Family::Photo, 96)).unwrap();
        let convolutions = photo.convolutions();
        let all: Vec<usize> = (0..photo.steps.len()).filter(|&i| is_convolution(&photo.steps[i])).collect();
        assert_eq!(convolutions, all[2..], "the stem and its depthwise convolution");
        let hash = Int8Encoder::new(&model(Family::ConvHash, 32)).unwrap();
        assert_eq!((hash.convolutions(), hash.rounded()), (vec![3, 6], vec![2, 5, 8]));
        let conv = Int8Encoder::new(&model(Family::Conv, 32)).unwrap();
        assert_eq!((conv.convolutions(), conv.rounded()), (vec![2], vec![1, 3]));
    }

    #[test]
    fn every_convolution_in_int8_takes_and_gives_8_bits() {
        let photo = Int8Encoder::new(&model(Family::Photo, 96)).unwrap();
        let rounded = photo.rounded();
        let ranges: Ranges = rounded.iter().map(|&i| (i, Affine::covering(0.0, 6.0))).collect();
        let file = photo.int8_onnx(&ranges);
        let file = OnnxFile::read(&file.to_bytes()).unwrap();
        let by_output = |name: &str| file.nodes().find(|node| node.output() == name);
        let n_int8 = (file.nodes().filter(|node| node.operator() == "Conv"))
            .filter(|conv| {
                let inputs = [0, 1, 2].map(|i| conv.input(i).and_then(by_output));
                let mut operators = inputs.iter().map(|node| node.map(|node| node.operator()));
                let is_int8 = operators.all(|operator| operator == Some("DequantizeLinear"));
                let mut next = file.nodes().filter(|node| node.input(0) == Some(conv.output()));
                is_int8 && next.all(|node| node.operator() == "QuantizeLinear")
            })
            .count();
        assert_eq!(n_int8, photo.convolutions().len());
        assert!(n_int8 > 40);
    }

    #[test]
    fn other_models_are_refused() {
        for family in [Family::Dense, Family::Lstm] {
            let error = Int8Encoder::new(&model(family, 32)).unwrap_err();
            assert!(matches!(error, Error::Unsupported(_)), "{error}");
            assert!(error.to_string().ends_with(&format!("got {family}")), "{error}");
        }
        let mut again = model(Family::ConvHash, 32);
        again.metadata.int8_overlap = Some(0.95);
        let error = Int8Encoder::new(&again).unwrap_err();
        assert_eq!(error.to_string(), "test: weights: expected floats, got int8 already");
    }

    #[test]
    fn a_bias_survives_where_all_weights_are_zero() {
        let mut hash = Int8Encoder::new(&model(Family::ConvHash, 32)).unwrap();
        let [place, next] = hash.convolutions()[..] else { panic!("two") };
        hash.tensors.values_mut(&hash.steps[place].clone(), "weight").unwrap().fill(0.0);
        hash.shift_bias(place, &[5.0; 16]);
        let ranges: Ranges = hash.rounded().iter().map(|&i| (i, Affine::covering(0.0, 6.0))).collect();
        let file = hash.int8_onnx_until(&ranges, next);
        let scale = file.nodes().find(|n| n.input(0) == Some(&format!("encoder.{place}.bias")));
        let (_, scales) = file.weight(scale.unwrap().input(1).unwrap()).unwrap();
        assert!(scales.iter().all(|&scale| scale.is_normal() && 5.0 / scale < LARGEST_BIAS * 1.01));
    }
}
