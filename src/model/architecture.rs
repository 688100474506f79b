//! An encoder and a decoder: two lists of layers, checked against each other, with all parameters in one flat
//! vector.
//!
//! The vector holds the tensors of each layer in order, encoder first, each in ONNX's own layout; behind
//! those that training changes stand the running statistics. Training, export and warm starts all speak of
//! them by these names and offsets.

use super::family::{Design, Family};
use super::layers::{Extent, Layer};
use super::properties::{Brightness, Prior};
use crate::error::{Error, Result};
use crate::images::InputShape;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;

/// A checked autoencoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// The family it was made from.
    pub family: Family,
    /// What the encoder takes.
    pub input: InputShape,
    /// What the decoder gives: the input's shape, or a smaller one.
    pub reconstruction: InputShape,
    /// The sizes it was made with.
    pub design: Design,
    /// From image to latent; the last output is a vector.
    pub encoder: Vec<Layer>,
    /// From latent to image; the last layer is a sigmoid.
    pub decoder: Vec<Layer>,
    /// From latent to one logit: was the latent drawn from the prior. Only used in training; empty for
    /// families without one.
    pub discriminator: Vec<Layer>,
    /// From latent to one number for each bit, whose codes are to have the neighbours that the encoder's
    /// features have. Only used in training; empty for families without one.
    pub head: Vec<Layer>,
    /// From latent to the features of a teacher. Only used in training; empty without a teacher.
    pub lesson: Vec<Layer>,
}

/// The parts of an architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// From image to latent.
    Encoder,
    /// From latent to image.
    Decoder,
    /// From latent to a verdict.
    Discriminator,
    /// From latent to bits, in training.
    Head,
    /// From latent to a teacher's features, in training.
    Lesson,
}

impl Half {
    /// `encoder`, `decoder`, `discriminator`, `head` or `lesson`.
    pub fn name(self) -> &'static str {
        match self {
            Half::Encoder => "encoder",
            Half::Decoder => "decoder",
            Half::Discriminator => "discriminator",
            Half::Head => "head",
            Half::Lesson => "lesson",
        }
    }
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
    /// `encoder`, `decoder`, `discriminator`, `head` or `lesson`.
    pub half: &'static str,
    /// For instance `Conv 16 3x3 stride 2`.
    pub layer: String,
    /// What comes out, per image.
    pub output: Extent,
    /// Weights and biases.
    pub parameters: usize,
}

impl Architecture {
    /// Checks that each layer takes what the one before gives, and that the halves fit each other.
    ///
    /// # Errors
    /// Names the layer that does not fit, or the mismatch of image and reconstruction.
    pub(crate) fn checked(self) -> Result<Self> {
        let (family, image) = (self.family, self.image());
        let latent = through(&self.encoder, image)?;
        let output = through(&self.decoder, latent)?;
        let verdict = through(&self.discriminator, latent)?;
        if !latent.is_vector() {
            return Err(Error::invalid(format!("{family}: latent: expected a vector, got {latent}")));
        }
        let target = extent(self.reconstruction);
        if output != target || self.decoder.last() != Some(&Layer::Sigmoid) {
            return Err(Error::invalid(format!(
                "{family}: reconstruction: expected {target} from a sigmoid, got {output}"
            )));
        }
        let bits = through(&self.head, latent)?;
        through(&self.lesson, latent)?;
        if !self.head.is_empty() && bits != Extent::vector(self.design.bits) {
            return Err(Error::invalid(format!(
                "{family}: head: expected {} numbers, got {bits}",
                self.design.bits
            )));
        }
        if !self.discriminator.is_empty() && verdict != Extent::vector(1) {
            return Err(Error::invalid(format!(
                "{family}: discriminator: expected one number, got {verdict}"
            )));
        }
        Ok(self)
    }

    /// The extent of an input image.
    pub fn image(&self) -> Extent {
        extent(self.input)
    }

    /// Size of the latent vector.
    pub fn latent_size(&self) -> usize {
        self.half(Half::Encoder).last().map_or(0, |s| s.output.len())
    }

    /// The latent as the layers have it before it is laid out flat: maps of some height and width, or a
    /// vector.
    pub fn latent_extent(&self) -> Extent {
        let last = self.half(Half::Encoder).last();
        last.map_or(self.image(), |s| if s.layer == Layer::Flatten { s.input } else { s.output })
    }

    /// Whether the encoder evens out brightness first.
    pub fn brightness(&self) -> Brightness {
        if self.encoder.first() == Some(&Layer::Normalize) {
            Brightness::Normalized
        } else {
            Brightness::Kept
        }
    }

    /// The distribution that training pulls latents to, if any.
    pub fn prior(&self) -> Option<Prior> {
        let gaussian = matches!(self.encoder.last(), Some(Layer::Gaussian { .. }));
        (gaussian || !self.discriminator.is_empty()).then_some(Prior::Normal)
    }

    /// Every layer with its place, input and output: encoder, decoder, lesson, discriminator, head.
    pub(crate) fn steps(&self) -> impl Iterator<Item = Step> {
        let halves = [Half::Encoder, Half::Decoder, Half::Lesson, Half::Discriminator, Half::Head];
        halves.into_iter().flat_map(|half| self.half(half))
    }

    /// The number of the encoder's layers up to its pooled features, these among them; 0 where it has none.
    pub fn feature_layers(&self) -> usize {
        let pool = self.encoder.iter().position(|layer| *layer == Layer::GlobalAveragePool);
        pool.map_or(0, |pool| pool + 1)
    }

    /// After how many of the encoder's layers each of its blocks ends, the stem among the first one.
    pub fn block_ends(&self) -> Vec<usize> {
        let layers = &self.encoder[..self.feature_layers()];
        let is_end = |&end: &usize| match layers[end - 1] {
            Layer::Residual { .. } => true,
            Layer::Conv { .. } => {
                !matches!(layers.get(end), Some(Layer::Relu | Layer::Relu6 | Layer::Residual { .. }))
            }
            _ => false,
        };
        (1..=layers.len()).filter(is_end).collect()
    }

    /// What is left when the first `frozen` layers of the encoder are taken away: its input is what comes out
    /// of them.
    ///
    /// # Errors
    /// When a skip leads from the layers that are taken away to those that stay.
    pub fn tail(&self, frozen: usize) -> Result<Architecture> {
        let Extent { channels, height, width } = match self.half(Half::Encoder).nth(frozen) {
            Some(step) => step.input,
            None => self.latent_extent(),
        };
        let input = InputShape { channels, height, width };
        let encoder = self.encoder[frozen.min(self.encoder.len())..].to_vec();
        Architecture { input, encoder, ..self.clone() }.checked()
    }

    /// The first of the flat vector's numbers that belongs to [`Architecture::tail`], which has all from
    /// there on.
    pub fn tail_offset(&self, frozen: usize) -> usize {
        let tensors = self.half(Half::Encoder).take(frozen).flat_map(|s| s.layer.parameters(s.input));
        tensors.map(|(_, dims)| dims.iter().product::<usize>()).sum()
    }

    /// The same, with a linear layer in training from the latent to a teacher's features, of so many numbers.
    pub(crate) fn taught(self, features: usize) -> Architecture {
        Architecture { lesson: vec![Layer::Dense { units: features, bias: true }], ..self }
    }

    /// The layers of one half.
    pub(crate) fn half(&self, half: Half) -> impl Iterator<Item = Step> {
        let image = self.image();
        // `checked` has been through every layer
        let latent = || self.encoder.iter().fold(image, |x, layer| layer.output(x).unwrap_or(x));
        let (layers, input) = match half {
            Half::Encoder => (&self.encoder, image),
            Half::Decoder => (&self.decoder, latent()),
            Half::Discriminator => (&self.discriminator, latent()),
            Half::Head => (&self.head, latent()),
            Half::Lesson => (&self.lesson, latent()),
        };
        layers.iter().enumerate().scan(input, move |input, (index, &layer)| {
            let output = layer.output(*input).ok()?;
            Some(Step { half, index, layer, input: std::mem::replace(input, output), output })
        })
    }

    /// All tensors that training changes, in the order of the flat vector.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.tensors(0, Layer::parameters)
    }

    /// The running statistics, which stand behind the parameters in the flat vector.
    pub fn statistics(&self) -> Vec<Parameter> {
        self.tensors(self.parameter_count(), Layer::statistics)
    }

    fn tensors(
        &self,
        mut offset: usize,
        of: impl Fn(&Layer, Extent) -> Vec<(&'static str, Vec<usize>)>,
    ) -> Vec<Parameter> {
        let mut all = vec![];
        for step in self.steps() {
            for (kind, dims) in of(&step.layer, step.input) {
                let parameter =
                    Parameter { name: format!("{}.{}.{kind}", step.half.name(), step.index), dims, offset };
                offset += parameter.len();
                all.push(parameter);
            }
        }
        all
    }

    /// Number of parameters.
    pub fn parameter_count(&self) -> usize {
        self.parameters().last().map_or(0, |p| p.range().end)
    }

    /// Length of the flat vector: parameters and running statistics.
    pub fn weight_count(&self) -> usize {
        self.statistics().last().map_or(self.parameter_count(), |p| p.range().end)
    }

    /// A fresh flat vector: Glorot uniform weights (Glorot & Bengio, 2010), in the encoder of `photo` those
    /// of `fresh_bounds`, scales and variances 1, the forget gates of an LSTM open (Jozefowicz et al., 2015),
    /// all else 0. The same seed gives the same bits.
    pub fn initial_weights(&self, seed: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut flat = vec![0.0; self.weight_count()];
        let steps: Vec<Step> = self.half(Half::Encoder).collect();
        let bounds = if self.family == Family::Photo { fresh_bounds(&steps) } else { HashMap::new() };
        for parameter in self.parameters().iter().chain(&self.statistics()) {
            let kind = parameter.name.rsplit('.').next().unwrap_or_default();
            let values = &mut flat[parameter.range()];
            if let [out, inputs, receptive @ ..] = &parameter.dims[..] {
                let fans = (out + inputs) * receptive.iter().product::<usize>();
                let bound = bounds.get(&parameter.name).copied().unwrap_or((6.0 / fans as f32).sqrt());
                values.fill_with(|| rng.random_range(-bound..bound));
            } else if matches!(kind, "scale" | "variance") {
                values.fill(1.0);
            }
        }
        for step in self.steps() {
            if let Layer::Lstm { units, .. } = step.layer {
                let name = format!("{}.{}.bias", step.half.name(), step.index);
                let bias = self.parameters().into_iter().find(|p| p.name == name);
                bias.into_iter().for_each(|p| flat[p.offset + 2 * units..p.offset + 3 * units].fill(1.0));
            }
        }
        flat
    }

    /// The layers as a table.
    pub fn summary(&self) -> Vec<SummaryRow> {
        let rows = self.steps().map(|s| SummaryRow {
            half: s.half.name(),
            layer: s.layer.to_string(),
            output: s.output,
            parameters: s.layer.parameters(s.input).iter().map(|(_, d)| d.iter().product::<usize>()).sum(),
        });
        rows.collect()
    }
}

fn extent(InputShape { channels, height, width }: InputShape) -> Extent {
    Extent { channels, height, width }
}

/// Bounds of fresh uniform weights in an encoder of ReLU6, by name, so that each layer gives numbers of about
/// the size that it takes (He et al., "Delving Deep into Rectifiers", 2015), and all skips together add about
/// as much as went in. With Glorot's, every block would halve what it takes, and after 16 of them nothing of
/// the image would be left.
fn fresh_bounds(encoder: &[Step]) -> HashMap<String, f32> {
    let skips = encoder.iter().filter(|s| matches!(s.layer, Layer::Residual { .. })).count();
    let bound = |step: &Step| {
        let dims = step.layer.parameters(step.input).into_iter().find(|(kind, _)| *kind == "weight")?.1;
        let inputs = dims[1..].iter().product::<usize>();
        let mut before = encoder[..step.index].iter().rev();
        let last = before.find(|s| s.layer != Layer::GlobalAveragePool);
        let kept = if last.is_some_and(|s| s.layer == Layer::Relu6) { 0.5 } else { 1.0 };
        let is_added = matches!(encoder.get(step.index + 1).map(|s| s.layer), Some(Layer::Residual { .. }));
        let share = if is_added { 1.0 / skips as f32 } else { 1.0 };
        Some((3.0 * share / (kept * inputs as f32)).sqrt())
    };
    encoder
        .iter()
        .filter_map(|s| Some((format!("{}.{}.weight", s.half.name(), s.index), bound(s)?)))
        .collect()
}

/// What comes out of a list of layers.
fn through(layers: &[Layer], input: Extent) -> Result<Extent> {
    let mut extents = vec![input];
    for (index, layer) in layers.iter().enumerate() {
        let x = extents[index];
        if let Layer::Residual { layers } = *layer
            && index.checked_sub(layers).map(|first| extents[first]) != Some(x)
        {
            return Err(Error::invalid(format!("{layer}: expected the extent of its input, got {x}")));
        }
        extents.push(layer.output(x).map_err(Error::invalid)?);
    }
    Ok(extents[layers.len()])
}

/// A layer in its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) half: Half,
    pub(crate) index: usize,
    pub(crate) layer: Layer,
    pub(crate) input: Extent,
    pub(crate) output: Extent,
}
