//! Layers to nodes of a training graph: the forward pass, with everything that its gradients need on the
//! tape.

use crate::autodiff::{
    Conv, Feature, Statistics, Tape, affine, batch_norm, binarize, conv, dense, depthwise, gaussian,
    global_mean, lstm, normed_conv, phase_order, raster, relu, relu6, residual, tile_order, upsample_conv,
};
use crate::error::{Error, Result};
use crate::images::InputShape;
use crate::model::{Architecture, CENTER, Extent, Half, Layer, Padding, Parameter, Step, normalize_nodes};
use crate::onnx::{Graph, Value, batch, fixed};
use std::collections::HashMap;

/// Tensors by name, cut out of flat vectors.
pub(crate) type Tensors = HashMap<String, Value>;

/// Cuts a flat vector into the tensors it holds, in their order.
pub(crate) fn cut(g: &mut Graph, flat: &Value, parameters: &[Parameter]) -> Vec<(String, Value)> {
    let sizes: Vec<usize> = parameters.iter().map(Parameter::len).collect();
    if sizes.is_empty() {
        return vec![];
    }
    parameters.iter().map(|p| p.name.clone()).zip(g.split(flat, &sizes)).collect()
}

/// A forward pass in the making.
pub(crate) struct Lowering<'a> {
    pub(crate) tape: Tape,
    pub(crate) architecture: &'a Architecture,
    pub(crate) tensors: Tensors,
    /// Standard normal numbers `[units, N]`, for a layer that draws.
    pub(crate) draw: Option<Value>,
    /// Of every batch normalization passed so far.
    pub(crate) statistics: Vec<Statistics>,
    /// Of the Gaussian layer, once passed: a scalar.
    pub(crate) divergence: Option<Value>,
}

impl<'a> Lowering<'a> {
    pub(crate) fn new(architecture: &'a Architecture) -> Self {
        Lowering {
            tape: Tape::default(),
            architecture,
            tensors: Tensors::new(),
            draw: None,
            statistics: vec![],
            divergence: None,
        }
    }

    /// The input for images, `[C, pixels, N]` in `0..=1`.
    pub(crate) fn image_input(&mut self, name: &str) -> Feature {
        let image = self.architecture.image();
        let shape = vec![fixed(image.channels), fixed(image.height * image.width), batch(1)];
        Feature::raster(self.tape.graph.input(name, shape), image)
    }

    /// The input for clean images at the decoder's size, `[C, pixels, N]`.
    pub(crate) fn target_input(&mut self, name: &str) -> Feature {
        let InputShape { channels, height, width } = self.architecture.reconstruction;
        let shape = vec![fixed(channels), fixed(height * width), batch(1)];
        Feature::raster(self.tape.graph.input(name, shape), Extent { channels, height, width })
    }

    /// Images as the decoder is to reproduce them.
    pub(crate) fn target(&mut self, image: &Feature) -> Value {
        match self.architecture.encoder.first() {
            Some(Layer::Normalize) => self.normalized(image).value,
            _ => image.value.clone(),
        }
    }

    fn normalized(&mut self, x: &Feature) -> Feature {
        let g = &mut self.tape.graph;
        let flat = g.reshape(&x.value, vec![fixed(x.extent.len()), batch(1)]);
        let y = normalize_nodes(g, &flat, 0, x.extent.len());
        Feature::raster(y, x.extent)
    }

    /// All layers of a half, except the sigmoid at the end of a decoder, which is part of the loss.
    pub(crate) fn half(&mut self, half: Half, input: &Feature) -> Result<Feature> {
        let steps: Vec<Step> = self.architecture.half(half).collect();
        self.layers(&steps, input)
    }

    /// The decoder for codes, without its first layer, which would cut them.
    pub(crate) fn decoder_of_codes(&mut self, codes: &Feature) -> Result<Feature> {
        let steps: Vec<Step> = self.architecture.half(Half::Decoder).skip(1).collect();
        self.layers(&steps, codes)
    }

    fn layers(&mut self, steps: &[Step], input: &Feature) -> Result<Feature> {
        // what goes into each layer; nothing where it is lowered in one piece with the one before
        let mut inputs: Vec<Option<Feature>> = vec![None; steps.len() + 1];
        let mut x = input.clone();
        let mut i = 0;
        while i < steps.len() {
            inputs[i] = Some(x.clone());
            let (taken, y) = match steps[i].layer {
                Layer::Residual { layers } => {
                    let skipped = i.checked_sub(layers).and_then(|first| inputs[first].as_ref());
                    let skipped = skipped.ok_or_else(|| unsupported(&steps[i], "behind a whole block"))?;
                    (1, residual(&mut self.tape, skipped, &x))
                }
                _ => self.layer(&steps[i..], &x)?,
            };
            x = y;
            i += taken;
        }
        Ok(raster(&mut self.tape, &x))
    }

    /// The first layer, together with those that are lowered in one piece with it; says how many they are.
    fn layer(&mut self, steps: &[Step], x: &Feature) -> Result<(usize, Feature)> {
        let step = &steps[0];
        let one = |y| Ok((1, y));
        match step.layer {
            Layer::Conv { filters, kernel: 1, stride: 1, .. } => {
                let (weight, bias) = self.linear(step)?;
                one(dense(&mut self.tape, x, (&weight, bias.as_ref()), filters))
            }
            Layer::Conv { filters, kernel, stride, padding, .. } => {
                self.conv(steps, x, square(step, filters, (kernel, stride, padding)))
            }
            Layer::DepthwiseConv { kernel, stride, padding } => {
                let [weight, bias] = [self.tensor(step, "weight")?, self.tensor(step, "bias")?];
                let shape = square(step, step.input.channels, (kernel, stride, padding));
                one(depthwise(&mut self.tape, x, [&weight, &bias], shape))
            }
            Layer::Upsample => self.upsample(steps, x),
            Layer::BatchNorm { affine } => self.batch_norm(step, x, affine).and_then(one),
            Layer::Dense { units, .. } => {
                let (weight, bias) = self.linear(step)?;
                let x = raster(&mut self.tape, x);
                one(dense(&mut self.tape, &x, (&weight, bias.as_ref()), units))
            }
            Layer::Gaussian { .. } => self.gaussian(step, x).and_then(one),
            Layer::Lstm { units, sequence } => self.lstm(step, x, (units, sequence), None).and_then(one),
            Layer::Repeat { steps: times } => match steps.get(1).map(|next| (next, next.layer)) {
                Some((next, Layer::Lstm { units, sequence })) => {
                    Ok((2, self.lstm(next, x, (units, sequence), Some(times))?))
                }
                _ => Err(unsupported(step, "before an LSTM only")),
            },
            // [C*W, H] in memory is [C, W, H]: pixel (y, x) is in slot x * H + y
            Layer::Rows { .. } => {
                let x = raster(&mut self.tape, x);
                let (height, width) = (step.output.height, step.output.width);
                let order = (0..height * width).map(|p| p % width * height + p / width).collect();
                one(Feature { value: x.value, extent: step.output, order, slots: height * width })
            }
            Layer::Binarize => one(binarize(&mut self.tape, x)),
            Layer::Normalize => one(self.normalized(x)),
            Layer::Center => one(affine(&mut self.tape, x, CENTER)),
            Layer::Relu => one(relu(&mut self.tape, x)),
            Layer::Relu6 => one(relu6(&mut self.tape, x)),
            Layer::GlobalAveragePool => one(global_mean(&mut self.tape, x)),
            Layer::Flatten | Layer::Reshape(_) => {
                let x = raster(&mut self.tape, x);
                one(Feature::raster(x.value, step.output))
            }
            // a sum with what is not at hand here: see `layers`
            Layer::Residual { .. } => Err(unsupported(step, "behind a whole block")),
            Layer::Sigmoid if steps.len() == 1 => one(x.clone()),
            Layer::Sigmoid => Err(unsupported(step, "as the last layer only")),
        }
    }

    /// A convolution; directly on an image, together with the batch normalization that follows.
    fn conv(&mut self, steps: &[Step], x: &Feature, shape: Conv) -> Result<(usize, Feature)> {
        let (step, wanted) = (&steps[0], wanted_order(&steps[1..]));
        // the encoder's first layer that has weights sees a constant
        let on_image = step.half == Half::Encoder && self.statistics.is_empty() && {
            let before = &self.architecture.encoder[..step.index];
            before.iter().all(|layer| *layer == Layer::Normalize)
        };
        match steps.get(1) {
            Some(norm) if on_image && norm.layer == (Layer::BatchNorm { affine: true }) => {
                let weight = self.tensor(step, "weight")?;
                let [scale, shift] = [self.tensor(norm, "scale")?, self.tensor(norm, "shift")?];
                let weights = [&weight, &scale, &shift];
                let (y, statistics) = normed_conv(&mut self.tape, x, weights, shape, wanted.as_deref());
                self.statistics.push(statistics);
                Ok((2, y))
            }
            _ => {
                let (weight, bias) = self.linear(step)?;
                Ok((1, conv(&mut self.tape, x, (&weight, bias.as_ref()), shape, wanted.as_deref())))
            }
        }
    }

    /// Upsampling, together with the convolution that follows.
    fn upsample(&mut self, steps: &[Step], x: &Feature) -> Result<(usize, Feature)> {
        match steps.get(1).map(|next| (next, next.layer)) {
            Some((next, Layer::Conv { filters, kernel: 3, stride: 1, padding, bias: true })) => {
                let [weight, bias] = [self.tensor(next, "weight")?, self.tensor(next, "bias")?];
                let same = padding == Padding::Same;
                Ok((2, upsample_conv(&mut self.tape, x, [&weight, &bias], filters, same)))
            }
            _ => Err(unsupported(&steps[0], "before a 3x3 convolution of stride 1 only")),
        }
    }

    fn batch_norm(&mut self, step: &Step, x: &Feature, affine: bool) -> Result<Feature> {
        let affine = match affine {
            true => Some([self.tensor(step, "scale")?, self.tensor(step, "shift")?]),
            false => None,
        };
        let affine = affine.as_ref().map(|[scale, shift]| [scale, shift]);
        let (y, statistics) = batch_norm(&mut self.tape, x, affine);
        self.statistics.push(statistics);
        Ok(y)
    }

    fn gaussian(&mut self, step: &Step, x: &Feature) -> Result<Feature> {
        let (weight, bias) = self.linear(step)?;
        let Some(noise) = self.draw.clone() else {
            return Err(unsupported(step, "with numbers drawn for it"));
        };
        let x = raster(&mut self.tape, x);
        let (y, divergence) = gaussian(&mut self.tape, &x, (&weight, bias.as_ref()), &noise);
        self.divergence = Some(divergence);
        Ok(y)
    }

    fn lstm(
        &mut self,
        step: &Step,
        x: &Feature,
        shape: (usize, bool),
        repeated: Option<usize>,
    ) -> Result<Feature> {
        let [w, r, b] = [
            self.tensor(step, "input_weight")?,
            self.tensor(step, "state_weight")?,
            self.tensor(step, "bias")?,
        ];
        Ok(lstm(&mut self.tape, x, [&w, &r, &b], shape, repeated))
    }

    /// Weight and, where there is one, bias.
    fn linear(&self, step: &Step) -> Result<(Value, Option<Value>)> {
        Ok((self.tensor(step, "weight")?, self.tensor(step, "bias").ok()))
    }

    /// A tensor in its own shape.
    fn tensor(&self, step: &Step, kind: &str) -> Result<Value> {
        let name = format!("{}.{}.{kind}", step.half.name(), step.index);
        self.tensors
            .get(&name)
            .cloned()
            .ok_or_else(|| Error::training(format!("{name}: expected a tensor, got none")))
    }
}

/// A convolution with so many filters of this kernel, stride and padding.
fn square(step: &Step, filters: usize, (kernel, stride, padding): (usize, usize, Padding)) -> Conv {
    let [pad_y, pad_x] = [step.input.height, step.input.width].map(|n| padding.amounts(n, kernel, stride));
    Conv { filters, kernel, stride, pad_y, pad_x }
}

/// The order, pixel by slot, in which the convolution that comes first in `steps` reads fastest.
fn wanted_order(steps: &[Step]) -> Option<Vec<usize>> {
    let by_pixel = |s: &&Step| !matches!(s.layer, Layer::Relu | Layer::Relu6 | Layer::BatchNorm { .. });
    let next = steps.iter().find(by_pixel)?;
    let Extent { height, width, .. } = next.input;
    match next.layer {
        Layer::Conv { kernel, stride: 2, padding, .. } => {
            let Conv { pad_y, pad_x, .. } = square(next, 0, (kernel, 2, padding));
            Some(phase_order(height, width, (pad_y.0, pad_x.0)))
        }
        Layer::DepthwiseConv { .. } => Some(tile_order(height, width)),
        _ => None,
    }
}

fn unsupported(step: &Step, expected: &str) -> Error {
    Error::training(format!("{}: expected {expected}", step.layer))
}
