//! One layer: what it makes of an input's extent, and which parameters it has.
//!
//! Extents are `[channels, height, width]` of one image, without the batch; a vector is `[units, 1, 1]`.
//! Whether a layer becomes an inference node (`model::export`) or part of a training step (`train`) is not
//! known here.

use std::fmt;

/// Added to the variance of a channel, the usual value.
pub(crate) const BATCH_NORM_EPSILON: f32 = 1e-5;

/// Factor and offset of [`Layer::Center`].
pub(crate) const CENTER: [f32; 2] = [255.0 / 128.0, -127.0 / 128.0];

/// Channels, height and width of what flows between layers, per image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Planes, or units of a vector.
    pub channels: usize,
    /// Pixels; 1 for a vector.
    pub height: usize,
    /// Pixels; 1 for a vector.
    pub width: usize,
}

impl Extent {
    /// A vector of `units` numbers.
    pub fn vector(units: usize) -> Self {
        Extent { channels: units, height: 1, width: 1 }
    }

    /// Numbers per image.
    pub fn len(self) -> usize {
        self.channels * self.height * self.width
    }

    /// True for what is no map of pixels.
    pub fn is_vector(self) -> bool {
        self == Extent::vector(self.channels)
    }

    /// True when there is nothing in it.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.height == 1 && self.width == 1 {
            write!(f, "{}", self.channels)
        } else {
            write!(f, "{}x{}x{}", self.height, self.width, self.channels)
        }
    }
}

/// How a convolution treats the border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Zeros around, so that the output has `ceil(size / stride)` pixels; an odd number of zeros puts the
    /// larger half behind, as Keras and TensorFlow do.
    Same,
    /// None: the kernel stays inside.
    Valid,
}

impl Padding {
    /// Zeros `(before, behind)` along a dimension of `size` pixels.
    pub fn amounts(self, size: usize, kernel: usize, stride: usize) -> (usize, usize) {
        match self {
            Padding::Valid => (0, 0),
            Padding::Same => {
                let total = ((size.div_ceil(stride) - 1) * stride + kernel).saturating_sub(size);
                (total / 2, total - total / 2)
            }
        }
    }
}

/// One layer of an encoder, decoder or discriminator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Each image to mean 0.5 and standard deviation 0.25, clipped to `0..=1`: brightness and contrast go
    /// out.
    Normalize,
    /// `(255 x - 127) / 128`, from `0..=1` to about `-1..=1`: how EfficientNet-Lite takes images.
    Center,
    /// A square 2-D convolution. Parameters: weight `[filters, channels, kernel, kernel]`, and bias
    /// `[filters]`.
    Conv {
        /// Output channels.
        filters: usize,
        /// Pixels along each side.
        kernel: usize,
        /// Pixels between neighbouring outputs.
        stride: usize,
        /// Border.
        padding: Padding,
        /// Whether there is one.
        bias: bool,
    },
    /// A square 2-D convolution of each channel by itself (Howard et al., "MobileNets", 2017). Parameters:
    /// weight `[channels, 1, kernel, kernel]`, and bias `[channels]`.
    DepthwiseConv {
        /// Pixels along each side.
        kernel: usize,
        /// Pixels between neighbouring outputs.
        stride: usize,
        /// Border.
        padding: Padding,
    },
    /// The end of a block with a skip (He et al., 2016): what went into the first of the last `layers` layers
    /// is added to what came out of the last one.
    Residual {
        /// Layers of the block, this one not counted.
        layers: usize,
    },
    /// A fully connected layer. Parameters: weight `[units, inputs]`, and bias `[units]`.
    Dense {
        /// Output size.
        units: usize,
        /// Whether there is one.
        bias: bool,
    },
    /// Each channel to mean 0 and variance 1 over the batch (Ioffe & Szegedy, 2015); in exported files folded
    /// into the layer before, with running statistics. Parameters, where affine: scale and shift,
    /// `[channels]` each.
    BatchNorm {
        /// Whether a learned scale and shift follow.
        affine: bool,
    },
    /// A normal distribution per number: mean and logarithm of the variance, fully connected (Kingma &
    /// Welling, 2014). In training one draw of it, in exported files the mean. Parameters: weight `[2 units,
    /// inputs]`, bias `[2 units]`.
    Gaussian {
        /// Output size.
        units: usize,
    },
    /// -1 or 1 by the sign. In training each number is 1 for exactly half of the batch, and gradients pass as
    /// if nothing were there (bi-half layer, Li & van Gemert, 2021).
    Binarize,
    /// A long short-term memory over the rows of an image, or the steps of a sequence `[numbers, steps, 1]`
    /// (Hochreiter & Schmidhuber, 1997). Parameters: input weight `[4 units, inputs]`, state weight `[4
    /// units, units]`, bias `[4 units]`, gates in the order of ONNX: input, output, forget, cell.
    Lstm {
        /// Size of the state.
        units: usize,
        /// Whether the states of all steps come out, `[units, steps, 1]`, or the last one alone.
        sequence: bool,
    },
    /// A vector, the same for every step of a sequence, `[numbers, steps, 1]`.
    Repeat {
        /// Steps.
        steps: usize,
    },
    /// A sequence `[channels * width, steps, 1]`, each step a row of an image.
    Rows {
        /// Of the image.
        channels: usize,
    },
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// The mean of each channel over all pixels, as a vector.
    GlobalAveragePool,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// Every pixel becomes a square of 2 by 2.
    Upsample,
    /// Channels, rows, columns laid out as one vector.
    Flatten,
    /// The inverse of `Flatten`.
    Reshape(Extent),
}

impl Layer {
    /// What comes out when `input` goes in.
    ///
    /// # Errors
    /// Says which layer cannot take which input.
    pub fn output(&self, input: Extent) -> Result<Extent, String> {
        let wants = |expected: &str| Err(format!("{self}: expected {expected}, got {input}"));
        match *self {
            Layer::Conv { kernel, stride, padding, .. }
            | Layer::DepthwiseConv { kernel, stride, padding } => {
                let along = |size: usize| {
                    let (before, behind) = padding.amounts(size, kernel, stride);
                    let padded = size + before + behind;
                    padded.checked_sub(kernel).map(|room| room / stride + 1)
                };
                let (height, width) = along(input.height).zip(along(input.width)).ok_or_else(|| {
                    format!("{self}: expected at least {kernel}x{kernel} pixels, got {input}")
                })?;
                let channels = if let Layer::Conv { filters, .. } = *self { filters } else { input.channels };
                Ok(Extent { channels, height, width })
            }
            Layer::Dense { units, .. } | Layer::Gaussian { units } if input.is_vector() => {
                Ok(Extent::vector(units))
            }
            Layer::Dense { .. } | Layer::Gaussian { .. } => wants("a vector"),
            Layer::Lstm { units, sequence: true } => Ok(Extent { channels: units, width: 1, ..input }),
            Layer::Lstm { units, sequence: false } => Ok(Extent::vector(units)),
            Layer::Repeat { steps } if input.is_vector() => Ok(Extent { height: steps, ..input }),
            Layer::Repeat { .. } => wants("a vector"),
            Layer::Rows { channels } if input.width == 1 && input.channels.is_multiple_of(channels) => {
                Ok(Extent { channels, height: input.height, width: input.channels / channels })
            }
            Layer::Rows { .. } => wants("a sequence of rows"),
            Layer::Normalize
            | Layer::Center
            | Layer::BatchNorm { .. }
            | Layer::Residual { .. }
            | Layer::Binarize
            | Layer::Relu
            | Layer::Relu6
            | Layer::Sigmoid => Ok(input),
            Layer::GlobalAveragePool => Ok(Extent::vector(input.channels)),
            Layer::Upsample => Ok(Extent { height: 2 * input.height, width: 2 * input.width, ..input }),
            Layer::Flatten => Ok(Extent::vector(input.len())),
            Layer::Reshape(target) if target.len() == input.len() => Ok(target),
            Layer::Reshape(target) => {
                Err(format!("{self}: expected {} numbers, got {}", target.len(), input.len()))
            }
        }
    }

    /// Names and dimensions of the tensors that training changes.
    pub fn parameters(&self, input: Extent) -> Vec<(&'static str, Vec<usize>)> {
        let linear = |dims: Vec<usize>, bias: bool| {
            let units = dims[0];
            let bias = bias.then(|| ("bias", vec![units]));
            [("weight", dims)].into_iter().chain(bias).collect()
        };
        match *self {
            Layer::Conv { filters, kernel, bias, .. } => {
                linear(vec![filters, input.channels, kernel, kernel], bias)
            }
            Layer::DepthwiseConv { kernel, .. } => linear(vec![input.channels, 1, kernel, kernel], true),
            Layer::Dense { units, bias } => linear(vec![units, input.len()], bias),
            Layer::Gaussian { units } => linear(vec![2 * units, input.len()], true),
            Layer::BatchNorm { affine: true } => {
                vec![("scale", vec![input.channels]), ("shift", vec![input.channels])]
            }
            Layer::Lstm { units, .. } => vec![
                ("input_weight", vec![4 * units, input.channels * input.width]),
                ("state_weight", vec![4 * units, units]),
                ("bias", vec![4 * units]),
            ],
            _ => vec![],
        }
    }

    /// Names and dimensions of the running statistics that training keeps beside the parameters.
    pub fn statistics(&self, input: Extent) -> Vec<(&'static str, Vec<usize>)> {
        match self {
            Layer::BatchNorm { .. } => {
                vec![("mean", vec![input.channels]), ("variance", vec![input.channels])]
            }
            _ => vec![],
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Layer::Normalize => write!(f, "Normalize"),
            Layer::Center => write!(f, "Center"),
            Layer::Conv { kernel, stride, padding, .. }
            | Layer::DepthwiseConv { kernel, stride, padding } => {
                match self {
                    Layer::Conv { filters, .. } => write!(f, "Conv {filters} {kernel}x{kernel}")?,
                    _ => write!(f, "DepthwiseConv {kernel}x{kernel}")?,
                }
                if *stride > 1 {
                    write!(f, " stride {stride}")?;
                }
                if *padding == Padding::Valid { write!(f, " valid") } else { Ok(()) }
            }
            Layer::Residual { layers } => write!(f, "Residual over {layers}"),
            Layer::Dense { units, .. } => write!(f, "Dense {units}"),
            Layer::BatchNorm { .. } => write!(f, "BatchNorm"),
            Layer::Gaussian { units } => write!(f, "Gaussian {units}"),
            Layer::Binarize => write!(f, "Binarize"),
            Layer::Lstm { units, sequence: true } => write!(f, "LSTM {units} sequence"),
            Layer::Lstm { units, sequence: false } => write!(f, "LSTM {units}"),
            Layer::Repeat { steps } => write!(f, "Repeat {steps}"),
            Layer::Rows { .. } => write!(f, "Rows"),
            Layer::Relu => write!(f, "ReLU"),
            Layer::Relu6 => write!(f, "ReLU6"),
            Layer::GlobalAveragePool => write!(f, "GlobalAveragePool"),
            Layer::Sigmoid => write!(f, "Sigmoid"),
            Layer::Upsample => write!(f, "Upsample 2x"),
            Layer::Flatten => write!(f, "Flatten"),
            Layer::Reshape(to) => write!(f, "Reshape {to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_that_of_keras() {
        assert_eq!(Padding::Same.amounts(28, 3, 2), (0, 1));
        assert_eq!(Padding::Same.amounts(7, 2, 2), (0, 1));
        assert_eq!(Padding::Same.amounts(7, 3, 2), (1, 1));
        assert_eq!(Padding::Same.amounts(4, 2, 1), (0, 1));
        assert_eq!(Padding::Same.amounts(8, 3, 1), (1, 1));
        assert_eq!(Padding::Valid.amounts(8, 3, 1), (0, 0));
    }

    #[test]
    fn impossible_inputs_are_named() {
        let conv = Layer::Conv { filters: 4, kernel: 5, stride: 1, padding: Padding::Valid, bias: true };
        let message = conv.output(Extent { channels: 1, height: 3, width: 9 }).unwrap_err();
        assert_eq!(message, "Conv 4 5x5 valid: expected at least 5x5 pixels, got 3x9x1");
        let dense = Layer::Dense { units: 2, bias: true }.output(Extent { channels: 1, height: 3, width: 3 });
        assert_eq!(dense.unwrap_err(), "Dense 2: expected a vector, got 3x3x1");
    }
}
