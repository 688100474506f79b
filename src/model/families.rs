//! The families of autoencoders: which layers, for which input.
//!
//! Height and width are parameters; both must be multiples of 4, from 8 to 512, so that two halvings can be undone.

use super::architecture::Architecture;
use super::layers::{Extent, Layer, Padding};
use super::metadata::BinarizerKind;
use crate::error::{Error, Result};
use crate::images::InputShape;
use Layer::{Dense, Flatten, Relu, Reshape, Sigmoid, Upsample};
use std::fmt;
use std::str::FromStr;

/// A family of autoencoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Three strided convolutions into a small dense latent of as many numbers as the code has bits.
    ConvHash,
    /// The convolutional autoencoder of the classic walk-through: latent 4x4x32 for images of 28x28.
    Conv,
    /// Fully connected: 128, 32, 128.
    Dense,
}

impl Family {
    /// All families, the default one first.
    pub const ALL: [Family; 3] = [Family::ConvHash, Family::Conv, Family::Dense];

    /// The name used on the command line and in model files.
    pub fn name(self) -> &'static str {
        match self {
            Family::ConvHash => "conv-hash",
            Family::Conv => "conv",
            Family::Dense => "dense",
        }
    }

    /// How latents of this family become bits. All are trained for reconstruction alone, which does not pull latents to
    /// either side of zero: ITQ turns them first.
    pub fn binarizer(self) -> BinarizerKind {
        match self {
            Family::ConvHash | Family::Conv | Family::Dense => BinarizerKind::Itq,
        }
    }

    /// The layers of this family for images of shape `input` and codes of `bits` bits.
    ///
    /// # Errors
    /// Names the dimension that does not fit and what would.
    pub fn architecture(self, input: InputShape, bits: usize) -> Result<Architecture> {
        let InputShape { channels, height, width } = input;
        if channels != 1 && channels != 3 {
            return Err(Error::usage(format!("{self}: channels: expected 1 or 3, got {channels}")));
        }
        for (what, size) in [("height", height), ("width", width)] {
            if size % 4 != 0 || !(8..=512).contains(&size) {
                let expected = "a multiple of 4 from 8 to 512";
                return Err(Error::usage(format!("{self}: {what}: expected {expected}, got {size}")));
            }
        }
        let (encoder, decoder) = match self {
            Family::ConvHash => conv_hash(input, bits),
            Family::Conv => conv(input)?,
            Family::Dense => dense(input),
        };
        Architecture::new(self, input, encoder, decoder)
    }
}

fn conv_layer(filters: usize, kernel: usize, stride: usize) -> Layer {
    Layer::Conv { filters, kernel, stride, padding: Padding::Same }
}

fn conv_hash(input: InputShape, bits: usize) -> (Vec<Layer>, Vec<Layer>) {
    let quarter = Extent { channels: 32, height: input.height / 4, width: input.width / 4 };
    let encoder = vec![
        conv_layer(16, 3, 2),
        Relu,
        conv_layer(32, 3, 2),
        Relu,
        conv_layer(64, 3, 2),
        Relu,
        Flatten,
        Dense { units: bits },
    ];
    let decoder = vec![
        Dense { units: quarter.len() },
        Relu,
        Reshape(quarter),
        Upsample,
        conv_layer(16, 3, 1),
        Relu,
        Upsample,
        conv_layer(input.channels, 3, 1),
        Sigmoid,
    ];
    (encoder, decoder)
}

/// The decoder starts from an eighth, rounded up, and doubles three times; where rounding made it too large (28 -> 4
/// -> 16 instead of 14), the last but one convolution goes without padding and takes the two pixels off again.
fn conv(input: InputShape) -> Result<(Vec<Layer>, Vec<Layer>)> {
    let InputShape { channels, height, width } = input;
    if height % 8 != width % 8 {
        return Err(Error::usage(format!(
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
        Layer::Conv { filters: 16, kernel: 3, stride: 1, padding },
        Relu,
        Upsample,
        conv_layer(channels, 3, 1),
        Sigmoid,
    ];
    Ok((encoder, decoder))
}

fn dense(input: InputShape) -> (Vec<Layer>, Vec<Layer>) {
    let image = Extent { channels: input.channels, height: input.height, width: input.width };
    let encoder = vec![Flatten, Dense { units: 128 }, Relu, Dense { units: 32 }, Relu];
    let decoder = vec![Dense { units: 128 }, Relu, Dense { units: image.len() }, Reshape(image), Sigmoid];
    (encoder, decoder)
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Family {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let known = || Family::ALL.map(Family::name).join(", ");
        Family::ALL
            .into_iter()
            .find(|f| f.name() == s)
            .ok_or_else(|| format!("family: expected one of {}, got '{s}'", known()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for family in Family::ALL {
            for (channels, height, width) in [(1, 28, 28), (3, 32, 32), (3, 64, 48), (1, 12, 20), (3, 8, 8)] {
                let architecture = family.architecture(InputShape { channels, height, width }, 128).unwrap();
                assert!(architecture.parameter_count() > 0, "{family} {height}x{width}");
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
        assert_eq!(conv.initial_parameters(7), conv.initial_parameters(7));
        assert_ne!(conv.initial_parameters(7), conv.initial_parameters(8));
    }
}
