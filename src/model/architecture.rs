//! An encoder and a decoder: two lists of layers, checked against each other, with all parameters in one flat vector.
//!
//! The vector holds weight and bias of each layer in order, encoder first, each tensor in ONNX's own layout; training,
//! export and warm starts all speak of parameters by these names and offsets.

use super::families::Family;
use super::layers::{Extent, Layer};
use crate::error::{Error, Result};
use crate::images::InputShape;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A checked autoencoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// The family it was made from.
    pub family: Family,
    /// What the encoder takes.
    pub input: InputShape,
    /// From image to latent; the last output is a vector.
    pub encoder: Vec<Layer>,
    /// From latent to image; the last layer is a sigmoid.
    pub decoder: Vec<Layer>,
}

/// One tensor of weights or biases.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// For instance `encoder.0.weight`: the layer's place among all layers of its half.
    pub name: String,
    /// Dimensions, outermost first.
    pub dims: Vec<usize>,
    /// First element in the flat vector.
    pub offset: usize,
}

impl Parameter {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// True when it has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where it stands in the flat vector.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// A line of the summary: layer, output extent, number of parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryRow {
    /// `encoder` or `decoder`.
    pub half: &'static str,
    /// For instance `Conv 16 3x3 stride 2`.
    pub layer: String,
    /// What comes out, per image.
    pub output: Extent,
    /// Weights and biases.
    pub parameters: usize,
}

impl Architecture {
    /// Joins two halves and checks that each layer takes what the one before gives.
    ///
    /// # Errors
    /// Names the layer that does not fit, or the mismatch of image and reconstruction.
    pub fn new(family: Family, input: InputShape, encoder: Vec<Layer>, decoder: Vec<Layer>) -> Result<Self> {
        let architecture = Architecture { family, input, encoder, decoder };
        let image = architecture.image();
        let latent = extents(&architecture.encoder, image).map_err(Error::usage)?.1;
        let output = extents(&architecture.decoder, latent).map_err(Error::usage)?.1;
        if latent != Extent::vector(latent.channels) {
            return Err(Error::usage(format!("{family}: latent: expected a vector, got {latent}")));
        }
        if output != image || architecture.decoder.last() != Some(&Layer::Sigmoid) {
            return Err(Error::usage(format!(
                "{family}: reconstruction: expected {image} from a sigmoid, got {output}"
            )));
        }
        Ok(architecture)
    }

    /// The extent of an input image.
    pub fn image(&self) -> Extent {
        Extent { channels: self.input.channels, height: self.input.height, width: self.input.width }
    }

    /// Size of the latent vector.
    pub fn latent_size(&self) -> usize {
        self.steps().filter(|s| s.half == "encoder").last().map_or(0, |s| s.output.len())
    }

    /// Every layer with its place, input and output: encoder, then decoder.
    pub(crate) fn steps(&self) -> impl Iterator<Item = Step> {
        let halves = [("encoder", &self.encoder), ("decoder", &self.decoder)];
        let layers =
            halves.into_iter().flat_map(|(half, l)| l.iter().enumerate().map(move |(i, l)| (half, i, *l)));
        layers.scan(self.image(), |input, (half, index, layer)| {
            // `new` has checked every layer
            let output = layer.output(*input).ok()?;
            Some(Step { half, index, layer, input: std::mem::replace(input, output), output })
        })
    }

    /// All parameter tensors, in the order of the flat vector.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut offset = 0;
        let mut all = vec![];
        for step in self.steps() {
            for (kind, dims) in
                ["weight", "bias"].iter().zip(step.layer.parameters(step.input).into_iter().flatten())
            {
                let parameter =
                    Parameter { name: format!("{}.{}.{kind}", step.half, step.index), dims, offset };
                offset += parameter.len();
                all.push(parameter);
            }
        }
        all
    }

    /// Length of the flat parameter vector.
    pub fn parameter_count(&self) -> usize {
        self.parameters().last().map_or(0, |p| p.range().end)
    }

    /// Fresh parameters: Glorot uniform weights (Glorot & Bengio, 2010), biases zero. The same seed gives the same bits.
    pub fn initial_parameters(&self, seed: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut flat = vec![0.0; self.parameter_count()];
        for parameter in self.parameters().iter().filter(|p| p.dims.len() > 1) {
            let receptive: usize = parameter.dims[2..].iter().product();
            let fans = (parameter.dims[0] + parameter.dims[1]) * receptive;
            let bound = (6.0 / fans as f32).sqrt();
            flat[parameter.range()].fill_with(|| rng.random_range(-bound..bound));
        }
        flat
    }

    /// The table that `model show` prints.
    pub fn summary(&self) -> Vec<SummaryRow> {
        let rows = self.steps().map(|s| SummaryRow {
            half: s.half,
            layer: s.layer.to_string(),
            output: s.output,
            parameters: s
                .layer
                .parameters(s.input)
                .iter()
                .flatten()
                .map(|d| d.iter().product::<usize>())
                .sum(),
        });
        rows.collect()
    }
}

/// A layer in its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) half: &'static str,
    pub(crate) index: usize,
    pub(crate) layer: Layer,
    pub(crate) input: Extent,
    pub(crate) output: Extent,
}

fn extents(layers: &[Layer], input: Extent) -> Result<(Extent, Extent), String> {
    let output = layers.iter().try_fold(input, |extent, layer| layer.output(extent))?;
    Ok((input, output))
}
