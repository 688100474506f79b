//! Layers and weights to inference graphs of standard nodes, and weights back out of such files.
//!
//! `encoder.onnx` takes `image` `[N, C, H, W]` in `0..=1` and gives `latent` `[N, D]`; `decoder.onnx` the reverse. Weights
//! keep their names from [`Architecture::parameters`], so that a warm start finds them again.

use super::architecture::{Architecture, Parameter, Step};
use super::layers::{Extent, Layer};
use super::metadata::Metadata;
use crate::error::{Error, Result};
use crate::onnx::{Graph, OnnxFile, Value, batch, fixed};

/// Name of the image tensor in both graphs.
pub(crate) const IMAGE: &str = "image";
/// Name of the latent tensor in both graphs.
pub(crate) const LATENT: &str = "latent";

/// The inference graph from image to latent. `weights` is the flat vector of the whole architecture.
pub fn encoder_onnx(architecture: &Architecture, weights: &[f32], metadata: &Metadata) -> OnnxFile {
    half_onnx(architecture, weights, "encoder", IMAGE, LATENT).with_metadata(metadata.pairs())
}

/// The inference graph from latent to image. `weights` is the flat vector of the whole architecture.
pub fn decoder_onnx(architecture: &Architecture, weights: &[f32], metadata: &Metadata) -> OnnxFile {
    half_onnx(architecture, weights, "decoder", LATENT, IMAGE).with_metadata(metadata.pairs())
}

fn half_onnx(arch: &Architecture, weights: &[f32], half: &str, input: &str, output: &str) -> OnnxFile {
    let parameters = arch.parameters();
    let steps: Vec<Step> = arch.steps().filter(|s| s.half == half).collect();
    let mut graph = Graph::new();
    let mut x = graph.input(input, tensor_shape(steps[0].input));
    for step in &steps {
        let tensors: Vec<Value> = parameters
            .iter()
            .filter(|p| p.name.starts_with(&format!("{half}.{}.", step.index)))
            .map(|p| graph.weight(&p.name, &p.dims, &weights[p.range()]))
            .collect();
        x = inference_node(&mut graph, step, &x, &tensors);
    }
    graph.output(output, &x);
    graph.finish(half)
}

/// `[N, units]` for a vector, else `[N, C, H, W]`.
fn tensor_shape(extent: Extent) -> Vec<crate::onnx::Dim> {
    if extent == Extent::vector(extent.channels) {
        vec![batch(1), fixed(extent.channels)]
    } else {
        vec![batch(1), fixed(extent.channels), fixed(extent.height), fixed(extent.width)]
    }
}

fn inference_node(graph: &mut Graph, step: &Step, x: &Value, tensors: &[Value]) -> Value {
    match step.layer {
        Layer::Conv { kernel, stride, padding, .. } => {
            let (top, bottom) = padding.amounts(step.input.height, kernel, stride);
            let (left, right) = padding.amounts(step.input.width, kernel, stride);
            graph.conv(x, &tensors[0], &tensors[1], stride, [top, left, bottom, right])
        }
        Layer::Dense { .. } => graph.gemm((x, false), (&tensors[0], true), Some(&tensors[1])),
        Layer::Relu => graph.relu(x),
        Layer::Sigmoid => graph.sigmoid(x),
        Layer::Upsample => graph.upsample(x),
        Layer::Flatten | Layer::Reshape(_) => graph.reshape(x, tensor_shape(step.output)),
    }
}

/// Reads the flat parameter vector of `architecture` back from the two files of a model folder.
///
/// # Errors
/// Names the first tensor that is missing or has other dimensions than the architecture wants.
pub fn read_weights(
    architecture: &Architecture,
    model: &str,
    encoder: &OnnxFile,
    decoder: &OnnxFile,
) -> Result<Vec<f32>> {
    let mut flat = Vec::with_capacity(architecture.parameter_count());
    for Parameter { name, dims, .. } in architecture.parameters() {
        let file = if name.starts_with("encoder") { encoder } else { decoder };
        match file.weight(&name) {
            Some((found, values)) if found == dims => flat.extend(values),
            found => {
                let got = found.map_or("none".into(), |(dims, _)| format!("{dims:?}"));
                let hint =
                    format!("start from a model of family {} and the same input size", architecture.family);
                return Err(
                    Error::model(model, format!("{name}: expected {dims:?}, got {got}")).with_hint(hint)
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
        let input = InputShape { channels: 3, height: 32, width: 32 };
        for family in Family::ALL {
            let architecture = family.architecture(input, 64).unwrap();
            let weights = architecture.initial_parameters(3);
            let metadata = Metadata::new("test", &architecture, 64);
            let [encoder, decoder] = [encoder_onnx, decoder_onnx].map(|export| {
                OnnxFile::read(&export(&architecture, &weights, &metadata).to_bytes()).unwrap()
            });
            assert_eq!(read_weights(&architecture, "test", &encoder, &decoder).unwrap(), weights);
        }
    }

    #[test]
    fn a_model_of_another_shape_is_refused() {
        let grey = InputShape { channels: 1, height: 28, width: 28 };
        let small = Family::Dense.architecture(grey, 32).unwrap();
        let metadata = Metadata::new("small", &small, 32);
        let weights = small.initial_parameters(0);
        let (encoder, decoder) =
            (encoder_onnx(&small, &weights, &metadata), decoder_onnx(&small, &weights, &metadata));
        let large = Family::Dense.architecture(InputShape { height: 32, width: 32, ..grey }, 32).unwrap();
        let error = read_weights(&large, "small", &encoder, &decoder).unwrap_err();
        assert_eq!(error.to_string(), "small: encoder.1.weight: expected [128, 1024], got [128, 784]");
    }
}
