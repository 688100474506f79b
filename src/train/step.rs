//! The training step as one ONNX graph: forward pass, gradients, Adam.
//!
//! ```text
//! image [C, pixels, N], target  -+                            +-> parameters' [P], m' [P], v' [P]
//! parameters, m, v  [P]         -+-> layers -> loss -> Adam  -+-> loss
//! rate, epsilon  scalars        -+
//! ```
//!
//! Parameters and moments are flat vectors in the order of `Architecture::parameters`. The batch size stays open.

use super::conv::{Conv, conv};
use super::ops::{Feature, cross_entropy, dense, raster, relu};
use super::tape::Tape;
use super::upconv::upsample_conv;
use crate::error::{Error, Result};
use crate::model::{Architecture, Layer, Padding};
use crate::onnx::{Graph, OnnxFile, Value, batch, fixed};

/// Decay of the first moment: Adam's beta 1.
pub(crate) const BETA1: f32 = 0.9;
/// Decay of the second moment: Adam's beta 2.
pub(crate) const BETA2: f32 = 0.999;

/// Builds the training step. With `denoise`, the clean images come in as a second input, `target`.
pub(crate) fn training_step(architecture: &Architecture, denoise: bool) -> Result<OnnxFile> {
    let mut tape = Tape::default();
    let count = architecture.parameter_count();
    let image = image_input(&mut tape.graph, architecture, "image");
    let target = if denoise { image_input(&mut tape.graph, architecture, "target") } else { image.clone() };
    let state = ["parameters", "m", "v"].map(|name| tape.graph.input(name, vec![fixed(count)]));
    let [rate, epsilon] = ["rate", "epsilon"].map(|name| tape.graph.input(name, vec![]));
    let tensors = split_parameters(&mut tape.graph, architecture, &state[0]);
    let logits = forward(&mut tape, architecture, &image, &tensors)?;
    let loss = cross_entropy(&mut tape, &logits, &target);
    let gradients = tape.backward(&loss, &tensors);
    let g = &mut tape.graph;
    let gradients: Option<Vec<Value>> = gradients.into_iter().collect();
    let gradients = gradients.ok_or_else(|| Error::Training {
        what: "the loss does not depend on every parameter".into(),
        hint: None,
    })?;
    let gradient = g.concat(&gradients, 0);
    let updated = adam(g, &state, &gradient, &rate, &epsilon);
    for (name, value) in ["next_parameters", "next_m", "next_v"].into_iter().zip(&updated) {
        g.output(name, value);
    }
    g.output("loss", &loss);
    Ok(tape.graph.finish("training_step"))
}

/// The forward pass alone, as the training step computes it: `image` and `parameters` to `reconstruction`.
#[cfg(test)]
pub(crate) fn forward_only(architecture: &Architecture) -> Result<OnnxFile> {
    let mut tape = Tape::default();
    let image = image_input(&mut tape.graph, architecture, "image");
    let parameters = tape.graph.input("parameters", vec![fixed(architecture.parameter_count())]);
    let tensors = split_parameters(&mut tape.graph, architecture, &parameters);
    let logits = forward(&mut tape, architecture, &image, &tensors)?;
    let reconstruction = tape.graph.sigmoid(&logits);
    tape.graph.output("reconstruction", &reconstruction);
    Ok(tape.graph.finish("forward"))
}

fn image_input(g: &mut Graph, architecture: &Architecture, name: &str) -> Value {
    let image = architecture.image();
    g.input(name, vec![fixed(image.channels), fixed(image.height * image.width), batch(1)])
}

fn split_parameters(g: &mut Graph, architecture: &Architecture, flat: &Value) -> Vec<Value> {
    let sizes: Vec<usize> = architecture.parameters().iter().map(|p| p.len()).collect();
    g.split(flat, &sizes)
}

/// All layers but the final sigmoid, which belongs to the loss. Gives logits, `[channels, pixels, N]` in memory.
fn forward(tape: &mut Tape, architecture: &Architecture, image: &Value, tensors: &[Value]) -> Result<Value> {
    let steps: Vec<_> = architecture.steps().collect();
    let mut tensors = tensors.chunks_exact(2);
    let mut x = Feature::raster(image.clone(), architecture.image());
    let mut upsampled = false;
    for (i, step) in steps.iter().enumerate().take(steps.len() - 1) {
        let mut own_tensors = || match tensors.next() {
            Some([weight, bias]) => [weight, bias],
            _ => unreachable!("Architecture::parameters has two tensors for every layer with parameters"),
        };
        match step.layer {
            Layer::Conv { filters, kernel, stride, padding } if !upsampled => {
                let shape = Conv {
                    filters,
                    kernel,
                    stride,
                    pad_y: padding.amounts(step.input.height, kernel, stride),
                    pad_x: padding.amounts(step.input.width, kernel, stride),
                };
                let next = steps[i + 1..].iter().find(|s| s.layer != Layer::Relu);
                let next_stride2 = next.and_then(|s| match s.layer {
                    Layer::Conv { kernel, stride: 2, padding, .. } => Some((
                        padding.amounts(s.input.height, kernel, 2).0,
                        padding.amounts(s.input.width, kernel, 2).0,
                    )),
                    _ => None,
                });
                x = conv(tape, &x, own_tensors(), shape, next_stride2);
            }
            Layer::Conv { filters, kernel: 3, stride: 1, padding } => {
                x = upsample_conv(tape, &x, own_tensors(), filters, padding == Padding::Same);
                upsampled = false;
            }
            Layer::Upsample if !upsampled => upsampled = true,
            _ if upsampled => {
                let what = format!("{}: expected a 3x3 convolution of stride 1 after Upsample", step.layer);
                return Err(Error::Training { what, hint: None });
            }
            Layer::Dense { units } => {
                x = raster(tape, &x);
                x = dense(tape, &x, own_tensors(), units);
            }
            Layer::Relu => x = relu(tape, &x),
            Layer::Flatten | Layer::Reshape(_) => {
                x = raster(tape, &x);
                x = Feature::raster(x.value, step.output);
            }
            Layer::Conv { .. } | Layer::Upsample | Layer::Sigmoid => {
                let what = format!("{}: expected as the last layer only", step.layer);
                return Err(Error::Training { what, hint: None });
            }
        }
    }
    Ok(raster(tape, &x).value)
}

/// Adam (Kingma & Ba, 2015). `rate` and `epsilon` come with the bias corrections of the step already applied.
fn adam(
    g: &mut Graph,
    [p, m, v]: &[Value; 3],
    gradient: &Value,
    rate: &Value,
    epsilon: &Value,
) -> [Value; 3] {
    let square = g.mul(gradient, gradient);
    let m = blend(g, m, gradient, BETA1);
    let v = blend(g, v, &square, BETA2);
    let step = g.mul(&m, rate);
    let root = g.sqrt(&v);
    let scale = g.add(&root, epsilon);
    let update = g.div(&step, &scale);
    [g.sub(p, &update), m, v]
}

/// `keep * old + (1 - keep) * new`.
fn blend(g: &mut Graph, old: &Value, new: &Value, keep: f32) -> Value {
    let (keep, take) = (g.scalar(keep), g.scalar(1.0 - keep));
    let old = g.mul(old, &keep);
    let new = g.mul(new, &take);
    g.add(&old, &new)
}
