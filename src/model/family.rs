//! The families of autoencoders by name, and the sizes that they leave open. Their layers are in `families`.

use std::fmt;
use std::str::FromStr;

use super::properties::{BinarizerKind, Brightness};

/// A family of autoencoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Three strided convolutions into a latent whose signs are the code: trained to reconstruct from the
    /// signs alone, and to give two views of an image the same ones.
    ConvHash,
    /// The convolutional autoencoder of the classic walk-through: latent 4x4x32 for images of 28x28.
    Conv,
    /// Fully connected: 128, 32, 128.
    Dense,
    /// A variational autoencoder (Kingma & Welling, 2014), convolutional: its latents follow a normal
    /// distribution.
    Vae,
    /// An adversarial autoencoder (Makhzani et al., 2015), convolutional: a discriminator sees to that
    /// distribution.
    Aae,
    /// An LSTM reads the rows of an image one after the other, another one writes them.
    Lstm,
    /// EfficientNet-Lite (Tan & Le, "EfficientNet", 2019, without squeeze-and-excitation), its pooled
    /// features projected to the latent; the decoder gives 64x64 pixels. For photographs, started from
    /// pretrained weights.
    Photo,
}

/// The sizes that a family leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Design {
    /// Bits of the code; the latent of `conv-hash`, `vae`, `aae` and `lstm` has as many numbers.
    pub bits: usize,
    /// Filters of the first convolution of `conv-hash`, `vae` and `aae`; deeper ones have multiples of it. Of
    /// `photo`, the filters of all layers, in percent of EfficientNet-Lite0's.
    pub width: usize,
    /// Of `photo`, how often blocks are repeated, in percent of EfficientNet-Lite0.
    pub depth: usize,
    /// Numbers of the latent of `photo`.
    pub latent: usize,
    /// Whether `conv-hash` evens out brightness first.
    pub brightness: Brightness,
}

impl Default for Design {
    fn default() -> Self {
        Design { bits: 64, width: 32, depth: 100, latent: 256, brightness: Brightness::Kept }
    }
}

impl From<usize> for Design {
    fn from(bits: usize) -> Self {
        Design { bits, ..Design::default() }
    }
}

impl Family {
    /// All families, the default one first.
    pub const ALL: [Family; 7] = [
        Family::ConvHash,
        Family::Conv,
        Family::Dense,
        Family::Vae,
        Family::Aae,
        Family::Lstm,
        Family::Photo,
    ];

    /// The name used on the command line and in model files.
    pub fn name(self) -> &'static str {
        match self {
            Family::ConvHash => "conv-hash",
            Family::Conv => "conv",
            Family::Dense => "dense",
            Family::Vae => "vae",
            Family::Aae => "aae",
            Family::Lstm => "lstm",
            Family::Photo => "photo",
        }
    }

    /// How latents of this family become bits. All but `conv-hash` are trained for latents that nothing pulls
    /// to either side of zero: a binarizer is fitted to the collection first, ITQ or a learned one.
    pub fn binarizer(self) -> BinarizerKind {
        match self {
            Family::ConvHash => BinarizerKind::Sign,
            Family::Conv | Family::Dense | Family::Vae | Family::Aae | Family::Lstm | Family::Photo => {
                BinarizerKind::Itq
            }
        }
    }

    /// Channels of the input, where the family knows images of one kind alone.
    pub fn channels(self) -> Option<usize> {
        (self == Family::Photo).then_some(3)
    }

    /// Height and width of the input for images of this height and width, where nothing is said: the next that
    /// the family takes.
    pub fn sides(self, image: [usize; 2]) -> [usize; 2] {
        let up = |step: usize| image.map(|side| side.next_multiple_of(step).max(2 * step));
        let sides = up(if self == Family::Photo { 32 } else { 4 });
        // its decoder doubles both sides three times, or takes the same off both
        match self == Family::Conv && sides[0] % 8 != sides[1] % 8 {
            true => up(8),
            false => sides,
        }
    }

    /// Bits of the code where nothing is said: small latents where new images are to be drawn from them. Those of
    /// `dense` are 32 numbers, as in the article.
    pub fn default_bits(self) -> usize {
        match self {
            Family::ConvHash | Family::Conv => 64,
            Family::Dense | Family::Vae | Family::Aae => 32,
            Family::Lstm | Family::Photo => 128,
        }
    }
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
