//! One layer: what it makes of an input's extent, and which parameters it has.
//!
//! Extents are `[channels, height, width]` of one image, without the batch; a vector is `[units, 1, 1]`. Whether a layer
//! becomes an inference node (`model::export`) or part of a training step (`train`) is not known here.

use std::fmt;

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
    /// Zeros around, so that the output has `ceil(size / stride)` pixels; an odd number of zeros puts the larger half
    /// behind, as Keras and TensorFlow do.
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

/// One layer of an encoder or decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// A square 2-D convolution with bias. Parameters: `[filters, channels, kernel, kernel]` and `[filters]`.
    Conv {
        /// Output channels.
        filters: usize,
        /// Pixels along each side.
        kernel: usize,
        /// Pixels between neighbouring outputs.
        stride: usize,
        /// Border.
        padding: Padding,
    },
    /// A fully connected layer with bias. Parameters: `[units, inputs]` and `[units]`.
    Dense {
        /// Output size.
        units: usize,
    },
    /// `max(x, 0)`.
    Relu,
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
        match *self {
            Layer::Conv { filters, kernel, stride, padding } => {
                let along = |size: usize| {
                    let (before, behind) = padding.amounts(size, kernel, stride);
                    let padded = size + before + behind;
                    padded.checked_sub(kernel).map(|room| room / stride + 1)
                };
                let (height, width) = along(input.height).zip(along(input.width)).ok_or_else(|| {
                    format!("{self}: expected at least {kernel}x{kernel} pixels, got {input}")
                })?;
                Ok(Extent { channels: filters, height, width })
            }
            Layer::Dense { units } if input == Extent::vector(input.channels) => Ok(Extent::vector(units)),
            Layer::Dense { .. } => Err(format!("{self}: expected a vector, got {input}")),
            Layer::Relu | Layer::Sigmoid => Ok(input),
            Layer::Upsample => Ok(Extent { height: 2 * input.height, width: 2 * input.width, ..input }),
            Layer::Flatten => Ok(Extent::vector(input.len())),
            Layer::Reshape(target) if target.len() == input.len() => Ok(target),
            Layer::Reshape(target) => {
                Err(format!("{self}: expected {} numbers, got {}", target.len(), input.len()))
            }
        }
    }

    /// Dimensions of the weight and the bias, or `None` for a layer without parameters.
    pub fn parameters(&self, input: Extent) -> Option<[Vec<usize>; 2]> {
        match *self {
            Layer::Conv { filters, kernel, .. } => {
                Some([vec![filters, input.channels, kernel, kernel], vec![filters]])
            }
            Layer::Dense { units } => Some([vec![units, input.len()], vec![units]]),
            Layer::Relu | Layer::Sigmoid | Layer::Upsample | Layer::Flatten | Layer::Reshape(_) => None,
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Layer::Conv { filters, kernel, stride, padding } => {
                write!(f, "Conv {filters} {kernel}x{kernel}")?;
                if *stride > 1 {
                    write!(f, " stride {stride}")?;
                }
                if *padding == Padding::Valid { write!(f, " valid") } else { Ok(()) }
            }
            Layer::Dense { units } => write!(f, "Dense {units}"),
            Layer::Relu => write!(f, "ReLU"),
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
        let conv = Layer::Conv { filters: 4, kernel: 5, stride: 1, padding: Padding::Valid };
        let message = conv.output(Extent { channels: 1, height: 3, width: 9 }).unwrap_err();
        assert_eq!(message, "Conv 4 5x5 valid: expected at least 5x5 pixels, got 3x9x1");
        let dense = Layer::Dense { units: 2 }.output(Extent { channels: 1, height: 3, width: 3 });
        assert_eq!(dense.unwrap_err(), "Dense 2: expected a vector, got 3x3x1");
    }
}
