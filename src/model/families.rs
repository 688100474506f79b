//! The layers of each family, for an input of any size.
//!
//! Height and width are parameters; both must be multiples of 4, from 8 to 512, so that two halvings can be
//! undone. `photo` is in `photo.rs`.

use super::architecture::Architecture;
use super::family::{Design, Family};
use super::layers::{Extent, Layer, Padding};
use super::photo::photo;
use super::properties::Brightness;
use crate::error::{Error, Result};
use crate::images::InputShape;
use Layer::{Binarize, Flatten, Gaussian, Normalize, Relu, Repeat, Reshape, Rows, Sigmoid, Upsample};

/// Widths that make sense.
const WIDTHS: std::ops::RangeInclusive<usize> = 4..=256;

impl Family {
    /// The layers of this family for images of shape `input`.
    ///
    /// # Errors
    /// Names the dimension that does not fit and what would.
    pub fn architecture(self, input: InputShape, design: impl Into<Design>) -> Result<Architecture> {
        let design = design.into();
        let InputShape { channels, height, width } = input;
        if channels != 1 && channels != 3 {
            return Err(Error::invalid(format!("{self}: channels: expected 1 or 3, got {channels}")));
        }
        for (what, size) in [("height", height), ("width", width)] {
            if self != Family::Photo && (size % 4 != 0 || !(8..=512).contains(&size)) {
                let expected = "a multiple of 4 from 8 to 512";
                return Err(Error::invalid(format!("{self}: {what}: expected {expected}, got {size}")));
            }
        }
        if !WIDTHS.contains(&design.width) {
            return Err(Error::invalid(format!("{self}: width: expected 4 to 256, got {}", design.width)));
        }
        let (encoder, decoder) = match self {
            Family::Photo => return photo(input, design),
            Family::ConvHash => conv_hash(input, design),
            Family::Conv => conv(input)?,
            Family::Dense => fully_connected(input),
            Family::Vae => {
                let (mut encoder, decoder) = pyramid(input, design);
                encoder.push(Gaussian { units: design.bits });
                (encoder, decoder)
            }
            Family::Aae => {
                let (mut encoder, decoder) = pyramid(input, design);
                encoder.push(dense(design.bits));
                (encoder, decoder)
            }
            Family::Lstm => lstm(input, design.bits),
        };
        let discriminator = match self {
            Family::Aae => vec![dense(256), Relu, dense(256), Relu, dense(1)],
            _ => vec![],
        };
        let reconstruction = input;
        Architecture {
            family: self,
            input,
            reconstruction,
            design,
            encoder,
            decoder,
            discriminator,
            head: vec![],
            lesson: vec![],
        }
        .checked()
    }
}

fn conv_layer(filters: usize, kernel: usize, stride: usize) -> Layer {
    Layer::Conv { filters, kernel, stride, padding: Padding::Same, bias: true }
}

fn dense(units: usize) -> Layer {
    Layer::Dense { units, bias: true }
}

/// Halves the image; the normalization brings its own shift.
fn normed_conv(filters: usize) -> [Layer; 3] {
    let conv = Layer::Conv { filters, kernel: 3, stride: 2, padding: Padding::Same, bias: false };
    [conv, Layer::BatchNorm { affine: true }, Relu]
}

/// The decoder is narrow whatever the encoder is: it is there to keep what an image looks like in the code.
fn conv_hash(input: InputShape, design: Design) -> (Vec<Layer>, Vec<Layer>) {
    let Design { bits, width, brightness, .. } = design;
    let first = match brightness {
        Brightness::Kept => None,
        Brightness::Normalized => Some(Normalize),
    };
    let blocks = [width, 2 * width, 4 * width].into_iter().flat_map(normed_conv);
    let latent = [Flatten, Layer::Dense { units: bits, bias: false }, Layer::BatchNorm { affine: false }];
    let encoder = first.into_iter().chain(blocks).chain(latent).collect();
    let decoder = [Binarize].into_iter().chain(widening(input, 16)).collect();
    (encoder, decoder)
}

/// From a vector to an image by way of its quarter.
fn widening(input: InputShape, width: usize) -> Vec<Layer> {
    let quarter = Extent { channels: 2 * width, height: input.height / 4, width: input.width / 4 };
    vec![
        dense(quarter.len()),
        Relu,
        Reshape(quarter),
        Upsample,
        conv_layer(width, 3, 1),
        Relu,
        Upsample,
        conv_layer(input.channels, 3, 1),
        Sigmoid,
    ]
}

/// What `vae` and `aae` share: all but the latent itself.
fn pyramid(input: InputShape, design: Design) -> (Vec<Layer>, Vec<Layer>) {
    const HIDDEN: usize = 256;
    let width = design.width;
    let encoder =
        vec![conv_layer(width, 3, 2), Relu, conv_layer(2 * width, 3, 2), Relu, Flatten, dense(HIDDEN), Relu];
    let decoder = [dense(HIDDEN), Relu].into_iter().chain(widening(input, width)).collect();
    (encoder, decoder)
}

/// The last state of the first LSTM is all that the second one sees, at every row.
fn lstm(input: InputShape, units: usize) -> (Vec<Layer>, Vec<Layer>) {
    let encoder = vec![Layer::Lstm { units, sequence: false }];
    let row = Layer::Conv {
        filters: input.channels * input.width,
        kernel: 1,
        stride: 1,
        padding: Padding::Same,
        bias: true,
    };
    let decoder = vec![
        Repeat { steps: input.height },
        Layer::Lstm { units, sequence: true },
        row,
        Rows { channels: input.channels },
        Sigmoid,
    ];
    (encoder, decoder)
}

/// The decoder starts from an eighth, rounded up, and doubles three times; where rounding made it too large
/// (28 -> 4 -> 16 instead of 14), the last but one convolution goes without padding and takes the two pixels
/// off again.
fn conv(input: InputShape) -> Result<(Vec<Layer>, Vec<Layer>)> {
    let InputShape { channels, height, width } = input;
    if height % 8 != width % 8 {
        return Err(Error::invalid(format!(
            "conv: width: expected the same remainder by 8 as the height ({height}), got {width}"
        )));
    }
    let padding = if height % 8 == 0 { Padding::Same } else { Padding::Valid };
    let eighth = Extent { channels: 32, height: height.div_ceil(8), width: width.div_ceil(8) };
    let encoder =
        vec![conv_layer(16, 3, 2), Relu, conv_layer(32, 3, 2), Relu, conv_layer(32, 2, 2), Relu, Flatten];
    let decoder = vec![
        Reshape(eighth),
        conv_layer(32, 2, 1),
        Relu,
        Upsample,
        conv_layer(32, 3, 1),
        Relu,
        Upsample,
        Layer::Conv { filters: 16, kernel: 3, stride: 1, padding, bias: true },
        Relu,
        Upsample,
        conv_layer(channels, 3, 1),
        Sigmoid,
    ];
    Ok((encoder, decoder))
}

fn fully_connected(input: InputShape) -> (Vec<Layer>, Vec<Layer>) {
    let image = Extent { channels: input.channels, height: input.height, width: input.width };
    let encoder = vec![Flatten, dense(128), Relu, dense(32), Relu];
    let decoder = vec![dense(128), Relu, dense(image.len()), Reshape(image), Sigmoid];
    (encoder, decoder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, decoder_onnx, encoder_onnx};

    const MNIST: InputShape = InputShape { channels: 1, height: 28, width: 28 };

    #[test]
    fn conv_is_the_articles() {
        let conv = Family::Conv.architecture(MNIST, 64).unwrap();
        let outputs: Vec<String> = conv.summary().iter().map(|r| r.output.to_string()).collect();
        assert_eq!(outputs[..6], ["14x14x16", "14x14x16", "7x7x32", "7x7x32", "4x4x32", "4x4x32"]);
        assert_eq!(outputs[17..], ["28x28x1", "28x28x1"]);
        assert_eq!(conv.latent_size(), 512);
        assert_eq!(conv.parameter_count(), 27_073);
    }

    #[test]
    fn every_family_takes_many_sizes() {
        for family in Family::ALL.into_iter().filter(|family| *family != Family::Photo) {
            for (channels, height, width) in [(1, 28, 28), (3, 32, 32), (3, 64, 48), (1, 12, 20), (3, 8, 8)] {
                let architecture = family.architecture(InputShape { channels, height, width }, 128).unwrap();
                let weights = architecture.initial_weights(1);
                assert!(!weights.is_empty(), "{family} {height}x{width}");
                let metadata = Metadata::new("any", &architecture, 32);
                for export in [encoder_onnx, decoder_onnx] {
                    assert!(!export(&architecture, &weights, &metadata).to_bytes().is_empty());
                }
            }
        }
    }

    #[test]
    fn odd_sizes_are_refused_by_name() {
        let message = |f: Family, height, width| {
            f.architecture(InputShape { channels: 1, height, width }, 64).unwrap_err().to_string()
        };
        assert_eq!(
            message(Family::Dense, 30, 28),
            "dense: height: expected a multiple of 4 from 8 to 512, got 30"
        );
        assert!(message(Family::Conv, 28, 32).contains("width: expected the same remainder by 8"));
    }

    #[test]
    fn the_same_seed_gives_the_same_parameters() {
        let conv = Family::ConvHash.architecture(MNIST, 64).unwrap();
        assert_eq!(conv.initial_weights(7), conv.initial_weights(7));
        assert_ne!(conv.initial_weights(7), conv.initial_weights(8));
    }
}
