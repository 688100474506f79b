//! A network that another program trained, taken over into our own definition: its convolutions are mapped
//! onto the layers of family `photo`, in their order and by their shapes.
//!
//! Batch normalizations behind a convolution are folded into it. What else there is between two convolutions
//! (activations, sums) is not looked at: whether both networks compute the same is found out by running
//! both, which is the caller's part.

use super::architecture::{Architecture, Half, Step};
use super::layers::Layer;
use crate::error::{Error, Result};
use crate::onnx::{Node, OnnxFile};

use std::collections::HashSet;

/// A convolution of a foreign graph: its weights, with the normalization behind it folded in.
struct Convolution {
    /// What messages call it.
    name: String,
    /// `[filters, channels / groups, kernel, kernel]`
    dims: Vec<usize>,
    weight: Vec<f32>,
    /// `[filters]`
    bias: Vec<f32>,
    stride: usize,
    groups: usize,
    /// `[top, left, bottom, right]`; none where the file says SAME, as TensorFlow has it, or a node of its own pads.
    pads: Option<[usize; 4]>,
}

/// The flat vector of `architecture` with the weights of the convolutions of `file`, which messages call
/// `name`; all else (projection and decoder) is fresh, from `seed`.
///
/// # Errors
/// `Mismatch` that names the first layer that does not fit, and what was found for it.
pub fn import(architecture: &Architecture, file: &OnnxFile, name: &str, seed: u64) -> Result<Vec<f32>> {
    let convolutions = convolutions(file, name)?;
    let mut found = convolutions.iter();
    let mut weights = architecture.initial_weights(seed);
    let parameters = architecture.parameters();
    let layers = architecture.feature_layers();
    for step in architecture.half(Half::Encoder).take(layers) {
        if dims(&step).is_none() {
            continue;
        }
        let place = format!("{}.{}", step.half.name(), step.index);
        let Some(convolution) = found.next() else {
            let what = format!(
                "layer {place} ({}): expected a convolution, got the end of the graph after {}",
                step.layer,
                convolutions.len()
            );
            return Err(Error::mismatch(name, what));
        };
        fits(&step, convolution)
            .map_err(|what| Error::mismatch(name, format!("layer {place} ({}): {what}", step.layer)))?;
        for (kind, values) in [("weight", &convolution.weight), ("bias", &convolution.bias)] {
            let parameter = parameters.iter().find(|p| p.name == format!("{place}.{kind}"));
            if let Some(parameter) = parameter {
                weights[parameter.range()].copy_from_slice(values);
            }
        }
    }
    match found.next() {
        None => Ok(weights),
        Some(more) => {
            let (expected, got) = (convolutions.len() - found.len() - 1, convolutions.len());
            let what = format!("{}: expected {expected} convolutions, got {got}", more.name);
            Err(Error::mismatch(name, what))
        }
    }
}

/// How many convolutions of `architecture` those of `file` fit, one after the other.
///
/// # Errors
/// When a convolution of the file is none of ours, whatever its shape.
pub fn fitting_layers(architecture: &Architecture, file: &OnnxFile, name: &str) -> Result<usize> {
    let convolutions = convolutions(file, name)?;
    let steps = architecture.half(Half::Encoder).filter(|step| dims(step).is_some());
    Ok(steps.zip(&convolutions).take_while(|(step, found)| fits(step, found).is_ok()).count())
}

/// Dimensions of the weights of a convolution.
fn dims(step: &Step) -> Option<Vec<usize>> {
    match step.layer {
        Layer::Conv { filters, kernel, .. } => Some(vec![filters, step.input.channels, kernel, kernel]),
        Layer::DepthwiseConv { kernel, .. } => Some(vec![step.input.channels, 1, kernel, kernel]),
        _ => None,
    }
}

/// Whether a convolution is what a layer of ours computes.
fn fits(step: &Step, found: &Convolution) -> Result<(), String> {
    let (Layer::Conv { kernel, stride, padding, .. } | Layer::DepthwiseConv { kernel, stride, padding }) =
        step.layer
    else {
        return Ok(());
    };
    let wrong = |what: &str, expected: String, got: String| {
        Err(format!("{what} of {}: expected {expected}, got {got}", found.name))
    };
    let expected = dims(step).unwrap_or_default();
    if found.dims != expected {
        return wrong("weight", format!("{expected:?}"), format!("{:?}", found.dims));
    }
    let groups = step.input.channels / expected[1];
    if found.groups != groups {
        return wrong("groups", groups.to_string(), found.groups.to_string());
    }
    if found.stride != stride {
        return wrong("stride", stride.to_string(), found.stride.to_string());
    }
    let (top, bottom) = padding.amounts(step.input.height, kernel, stride);
    let (left, right) = padding.amounts(step.input.width, kernel, stride);
    let ours = [top, left, bottom, right];
    match found.pads {
        Some(pads) if pads != ours => wrong("padding", format!("{ours:?}"), format!("{pads:?}")),
        _ => Ok(()),
    }
}

fn convolutions(file: &OnnxFile, name: &str) -> Result<Vec<Convolution>> {
    let mut all: Vec<(Convolution, &str)> = vec![];
    let mut padded = HashSet::new();
    for node in file.nodes() {
        match node.operator() {
            // how much is often computed from the size of the image, as PyTorch has no SAME
            "Pad" => {
                padded.insert(node.output());
            }
            "Conv" => {
                let mut convolution = convolution(file, &node, name)?;
                if node.input(0).is_some_and(|input| padded.contains(input)) {
                    convolution.pads = None;
                }
                all.push((convolution, node.output()));
            }
            "BatchNormalization" => {
                let before = all.iter_mut().find(|(_, output)| Some(*output) == node.input(0));
                let Some((convolution, output)) = before else {
                    let what = format!("{}: expected a convolution before it, got none", node.name());
                    return Err(Error::mismatch(name, what));
                };
                fold(file, &node, convolution).ok_or_else(|| {
                    let what = "expected scale, shift, mean and variance in the file, got others";
                    Error::mismatch(name, format!("{}: {what}", node.name()))
                })?;
                *output = node.output();
            }
            _ => {}
        }
    }
    Ok(all.into_iter().map(|(convolution, _)| convolution).collect())
}

fn convolution(file: &OnnxFile, node: &Node<'_>, name: &str) -> Result<Convolution> {
    let called = node.name().to_owned();
    let wrong = |what: &str| Error::mismatch(name, format!("{called}: {what}"));
    let weight = node.input(1).and_then(|weight| file.weight(weight));
    let Some((dims, weight)) = weight.filter(|(dims, _)| dims.len() == 4) else {
        return Err(wrong("expected weights of four dimensions in the file, got none"));
    };
    if weight.is_empty() {
        return Err(wrong("expected weights, got a dimension of 0"));
    }
    let bias = match node.input(2) {
        None => vec![0.0; dims[0]],
        Some(bias) => match file.weight(bias).filter(|(_, values)| values.len() == dims[0]) {
            Some((_, values)) => values,
            None => return Err(wrong("expected a bias for each filter in the file, got none")),
        },
    };
    if node.ints("dilations").is_some_and(|dilations| dilations.iter().any(|&d| d != 1)) {
        return Err(wrong("expected no dilation, got some"));
    }
    let size = |value: i64| usize::try_from(value).map_err(|_| wrong("expected sizes above 0, got others"));
    let strides = node.ints("strides").unwrap_or(&[1, 1]);
    let stride = match *strides {
        [down, across] if down == across => size(down)?,
        _ => return Err(wrong("expected the same stride down and across, got two")),
    };
    let pads = match (node.text("auto_pad").unwrap_or("NOTSET"), node.ints("pads")) {
        ("SAME_UPPER", _) => None,
        ("NOTSET", None) | ("VALID", _) => Some([0; 4]),
        ("NOTSET", Some(&[top, left, bottom, right])) => {
            Some([size(top)?, size(left)?, size(bottom)?, size(right)?])
        }
        _ => return Err(wrong("expected padding SAME_UPPER, VALID or four numbers, got another")),
    };
    let groups = size(node.int("group").unwrap_or(1))?;
    Ok(Convolution { name: called, dims, weight, bias, stride, groups, pads })
}

/// Works a batch normalization into the convolution before it.
fn fold(file: &OnnxFile, node: &Node<'_>, convolution: &mut Convolution) -> Option<()> {
    let filters = convolution.dims[0];
    let tensor = |i: usize| {
        let (_, values) = file.weight(node.input(i)?)?;
        (values.len() == filters).then_some(values)
    };
    let (scale, shift, mean, variance) = (tensor(1)?, tensor(2)?, tensor(3)?, tensor(4)?);
    let epsilon = node.float("epsilon").unwrap_or(1e-5);
    let per_filter = convolution.weight.len() / filters;
    for (f, weights) in convolution.weight.chunks_exact_mut(per_filter).enumerate() {
        let factor = scale[f] / (variance[f] + epsilon).sqrt();
        weights.iter_mut().for_each(|weight| *weight *= factor);
        convolution.bias[f] = (convolution.bias[f] - mean[f]) * factor + shift[f];
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::InputShape;
    use crate::model::{Design, Family, features_onnx};
    use crate::onnx::{Graph, batch, fixed};

    fn small() -> Architecture {
        let input = InputShape { channels: 3, height: 96, width: 96 };
        Family::Photo.architecture(input, Design { width: 25, latent: 32, ..Design::from(32) }).unwrap()
    }

    #[test]
    fn weights_are_found_by_order_and_shape() {
        let architecture = small();
        let weights = architecture.initial_weights(7);
        let layers = architecture.feature_layers();
        let file = features_onnx(&architecture, &weights, layers);
        assert_eq!(fitting_layers(&architecture, &file, "f").unwrap(), 49);
        let imported = import(&architecture, &file, "f", 8).unwrap();
        let latent = architecture.parameters().into_iter().find(|p| p.dims == [32, 320]).unwrap();
        assert_eq!(imported[..latent.offset], weights[..latent.offset]);
        assert_ne!(imported[latent.range()], weights[latent.range()], "the projection is fresh");
    }

    #[test]
    fn the_first_layer_that_does_not_fit_is_named() {
        let architecture = small();
        let file = |layers| features_onnx(&architecture, &architecture.initial_weights(7), layers);
        let cut = import(&architecture, &file(6), "cut.onnx", 0).unwrap_err();
        assert!(matches!(cut, Error::Mismatch(_)));
        let expected = "expected a convolution, got the end of the graph after 3";
        assert!(cut.to_string().ends_with(expected), "{cut}");
        let wider = Family::Photo
            .architecture(architecture.input, Design { width: 50, latent: 32, ..Design::from(32) });
        let error = import(&wider.unwrap(), &file(50), "f.onnx", 0).unwrap_err().to_string();
        let expected = "f.onnx: layer encoder.1 (Conv 16 3x3 stride 2): weight of Conv";
        assert!(
            error.starts_with(expected) && error.ends_with("expected [16, 3, 3, 3], got [8, 3, 3, 3]"),
            "{error}"
        );
    }

    #[test]
    fn a_node_that_pads_stands_for_padding() {
        let mut graph = Graph::new();
        let x = graph.input("image", vec![batch(1), fixed(3), fixed(96), fixed(96)]);
        let pads = graph.integers(&[0, 0, 0, 0, 0, 0, 1, 1]);
        let padded = graph.node("Pad", &[&x, &pads], vec![], vec![batch(1), fixed(3), fixed(97), fixed(97)]);
        let weight = graph.weight("stem", &[8, 3, 3, 3], &[0.5; 216]);
        let y = graph.conv(&padded, &weight, None, 2, [0; 4]);
        graph.output("features", &y);
        assert_eq!(fitting_layers(&small(), &graph.finish("padded"), "f").unwrap(), 1);
    }

    #[test]
    fn a_convolution_without_filters_is_refused() {
        let mut graph = Graph::new();
        let x = graph.input("image", vec![batch(1), fixed(3), fixed(8), fixed(8)]);
        let weight = graph.weight("none", &[0, 3, 3, 3], &[]);
        let y = graph.conv(&x, &weight, None, 1, [1; 4]);
        graph.output("features", &y);
        let error = import(&small(), &graph.finish("empty"), "empty.onnx", 0).unwrap_err();
        assert!(matches!(error, Error::Mismatch(_)));
        assert!(error.to_string().ends_with("expected weights, got a dimension of 0"), "{error}");
    }
}
