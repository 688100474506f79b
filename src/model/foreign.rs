//! Encoders that other programs made: their inputs and outputs, from the file where it says, else from the
//! user.
//!
//! ```text
//! Outline (what the graph says) + Description (what the user says) -> Format: everything that is needed to run it
//! ```
//!
//! Where both say something, they must agree. Nothing here opens files, and nothing here runs a graph.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::metadata::Metadata;
use super::properties::{BinarizerKind, Brightness, Precision};
use crate::error::{Error, Result};
use crate::images::InputShape;
use crate::onnx::{Outline, Port};
use crate::runtime::ExternalFile;

/// The family that metadata name for a model of another program.
const FAMILY: &str = "onnx";

/// A larger side is a mistake: no encoder of whole images has one.
const MAX_SIDE: usize = 4096;
/// A larger latent makes an index of mostly latents, and a binarizer that takes minutes to fit.
const MAX_LATENT: usize = 1 << 14;
/// Values in a batch whose size the graph fixes: 1 GB.
const MAX_BATCH_VALUES: usize = 1 << 28;

/// Bits per code by default, where the latent has as many numbers.
const BITS: usize = 64;

/// Where channels stand among the dimensions of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// [N, C, H, W], as PyTorch has it.
    Nchw,
    /// [N, H, W, C], as TensorFlow has it.
    Nhwc,
}

impl Layout {
    /// Where channels, height and width stand.
    fn axes(self) -> [usize; 3] {
        match self {
            Layout::Nchw => [1, 2, 3],
            Layout::Nhwc => [3, 1, 2],
        }
    }

    /// The dimensions of one image.
    pub fn dims(self, shape: InputShape) -> [usize; 3] {
        let InputShape { channels, height, width } = shape;
        match self {
            Layout::Nchw => [channels, height, width],
            Layout::Nhwc => [height, width, channels],
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::Nchw => "nchw",
            Layout::Nhwc => "nhwc",
        })
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "nchw" => Ok(Layout::Nchw),
            "nhwc" => Ok(Layout::Nhwc),
            other => Err(format!("expected nchw or nhwc, got '{other}'")),
        }
    }
}

/// Height and width; in a file `224` or `[height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Sides", into = "[usize; 2]")]
pub struct Size {
    /// Rows, in pixels.
    pub height: usize,
    /// Columns, in pixels.
    pub width: usize,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a side such as 224, or [height, width]")]
enum Sides {
    Square(usize),
    Both([usize; 2]),
}

impl From<Sides> for Size {
    fn from(sides: Sides) -> Size {
        let [height, width] = match sides {
            Sides::Square(side) => [side, side],
            Sides::Both(sides) => sides,
        };
        Size { height, width }
    }
}

impl From<Size> for [usize; 2] {
    fn from(Size { height, width }: Size) -> Self {
        [height, width]
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}

/// What the user knows about an encoder. It can be deserialized: keys are named like the fields.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Description {
    /// Height and width of its input.
    pub size: Option<Size>,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: Option<usize>,
    /// Where channels stand.
    pub layout: Option<Layout>,
    /// Subtracted from each channel: one number for all, or one for each.
    pub mean: Option<Vec<f32>>,
    /// What is left is divided by this: one number for all, or one for each channel.
    pub std: Option<Vec<f32>>,
    /// What white is before mean and std: 1 or 255.
    pub range: Option<u32>,
    /// The input's name.
    pub input: Option<String>,
    /// The name of the output to use, where there are several.
    pub output: Option<String>,
    /// Numbers per latent.
    pub latent: Option<usize>,
    /// Bits per code.
    pub bits: Option<usize>,
}

impl Description {
    /// The same, with missing fields taken from `other`.
    #[must_use]
    pub fn or(self, other: Description) -> Description {
        Description {
            size: self.size.or(other.size),
            channels: self.channels.or(other.channels),
            layout: self.layout.or(other.layout),
            mean: self.mean.or(other.mean),
            std: self.std.or(other.std),
            range: self.range.or(other.range),
            input: self.input.or(other.input),
            output: self.output.or(other.output),
            latent: self.latent.or(other.latent),
            bits: self.bits.or(other.bits),
        }
    }

    /// Whether no field is set.
    pub fn is_empty(&self) -> bool {
        *self == Description::default()
    }
}

/// The inputs and outputs of an encoder, complete. An index stores this for its model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// Height and width of its input.
    pub size: Size,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Where channels stand.
    pub layout: Layout,
    /// What is subtracted, per channel.
    pub mean: Vec<f32>,
    /// What the difference is divided by, per channel.
    pub std: Vec<f32>,
    /// What white is before mean and std: 1 or 255.
    pub range: u32,
    /// The input's name.
    pub input: String,
    /// The output's name.
    pub output: String,
    /// Numbers per latent.
    pub latent: usize,
    /// Bits per code.
    pub bits: usize,
}

impl From<Format> for Description {
    fn from(format: Format) -> Self {
        Description {
            size: Some(format.size),
            channels: Some(format.channels),
            layout: Some(format.layout),
            mean: Some(format.mean),
            std: Some(format.std),
            range: Some(format.range),
            input: Some(format.input),
            output: Some(format.output),
            latent: Some(format.latent),
            bits: Some(format.bits),
        }
    }
}

/// What only models of other programs have.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreign {
    /// Its inputs and outputs.
    pub format: Format,
    /// The number of images in a run, where the graph fixes it.
    pub batch: Option<usize>,
    /// The files that hold its weights, beside its own.
    pub external: Vec<ExternalFile>,
    /// Size of all its files.
    pub bytes: u64,
}

impl Format {
    /// The format of an encoder, from its `outline`, and from `description` for what that leaves open; and
    /// the number of images in a run, where the graph fixes it. Messages call the model `name`.
    ///
    /// # Errors
    /// Something is left open by both, they contradict each other, or the graph is not an encoder of single
    /// images.
    pub fn resolve(
        name: &str,
        outline: &Outline,
        description: &Description,
    ) -> Result<(Format, Option<usize>)> {
        let model = Named(name);
        let input = model.input(outline, description)?;
        let layout = model.layout(input, description)?;
        let [channels, height, width] = layout.axes().map(|axis| dim(input, axis));
        let said = description.size;
        let channels = model.agree("channels", channels, description.channels)?;
        let size = Size {
            height: model.agree("size", height, said.map(|size| size.height))?,
            width: model.agree("size", width, said.map(|size| size.width))?,
        };
        if !matches!(channels, 1 | 3) {
            return Err(model.wrong("channels", "1 (grey) or 3 (colour)", channels));
        }
        if ![size.height, size.width].iter().all(|side| (1..=MAX_SIDE).contains(side)) {
            return Err(model.wrong("size", &format!("sides of 1 to {MAX_SIDE}"), size));
        }
        let batch = dim(input, 0);
        if batch.unwrap_or(1).saturating_mul(channels * size.height * size.width) > MAX_BATCH_VALUES {
            let got = format!("one of {}", batch.unwrap_or(1));
            return Err(Error::too_large(model.problem("input", "a batch that fits into 1 GB", got)));
        }
        let output = model.output(outline, description)?;
        let latent = model.agree("latent", model.vector(output)?, description.latent)?;
        if !(32..=MAX_LATENT).contains(&latent) {
            return Err(model.wrong("latent", &format!("32 to {MAX_LATENT} numbers per image"), latent));
        }
        let bits = description.bits.unwrap_or(latent.min(BITS));
        if !(32..=latent.min(256)).contains(&bits) {
            return Err(model.wrong("bits", &format!("32 to {}", latent.min(256)), bits));
        }
        let range = description.range.unwrap_or(1);
        if !matches!(range, 1 | 255) {
            return Err(model.wrong("range", "1 or 255", range));
        }
        let format = Format {
            size,
            channels,
            layout,
            mean: model.per_channel("mean", description.mean.as_deref().unwrap_or(&[0.0]), channels)?,
            std: model.per_channel("std", description.std.as_deref().unwrap_or(&[1.0]), channels)?,
            range,
            input: input.name.clone(),
            output: output.name.clone(),
            latent,
            bits,
        };
        match format.std.iter().find(|&&std| std <= 0.0) {
            Some(std) => Err(model.wrong("std", "numbers above 0", std)),
            None => Ok((format, batch)),
        }
    }

    /// The shape of images before [`Format::prepare`].
    pub fn shape(&self) -> InputShape {
        InputShape { channels: self.channels, height: self.size.height, width: self.size.width }
    }

    /// Images [N, C, H, W] in 0..=1 as the encoder takes them: each value becomes (value x range - mean) /
    /// std.
    pub fn prepare(&self, images: &[f32], out: &mut Vec<f32>) {
        out.clear();
        let area = self.size.height * self.size.width;
        let range = self.range as f32; // 1 or 255
        for image in images.chunks_exact(self.channels * area) {
            let value = |channel: usize, at: usize| {
                (image[channel * area + at] * range - self.mean[channel]) / self.std[channel]
            };
            let channels = 0..self.channels;
            match self.layout {
                Layout::Nchw => out.extend(channels.flat_map(|c| (0..area).map(move |at| value(c, at)))),
                Layout::Nhwc => {
                    out.extend((0..area).flat_map(|at| channels.clone().map(move |c| value(c, at))))
                }
            }
        }
    }

    /// What is known about the model, which is called `name`.
    pub(super) fn metadata(&self, name: &str) -> Metadata {
        Metadata {
            name: name.to_owned(),
            family: FAMILY.to_owned(),
            input: self.shape(),
            reconstruction: self.shape(),
            latent_size: self.latent,
            bits: self.bits,
            binarizer: BinarizerKind::Itq,
            width: 0,
            depth: 0,
            precision: Precision::default(),
            brightness: Brightness::Kept,
            prior: None,
            data_fingerprint: String::new(),
            training_images: 0,
            epochs: 0,
            train_loss: None,
            val_loss: None,
            denoise: 0.0,
            origin: None,
            augment: "none".to_owned(),
            seed: 0,
            tool_version: String::new(),
        }
    }

    /// The first field that differs from `other`, with both values; none if all are equal.
    pub fn differs(&self, other: &Format) -> Option<String> {
        // by way of text, in which a float has its shortest form
        let values = |format: &Format| -> serde_json::Map<String, serde_json::Value> {
            let text = serde_json::to_string(format).unwrap_or_default();
            serde_json::from_str(&text).unwrap_or_default()
        };
        let other = values(other);
        values(self).into_iter().find_map(|(key, value)| {
            let theirs = other.get(&key).filter(|theirs| **theirs != value)?;
            Some(format!("{key}: expected {value}, got {theirs}"))
        })
    }
}

/// The size of dimension `axis`, where the graph fixes it.
fn dim(port: &Port, axis: usize) -> Option<usize> {
    port.dims.as_ref()?.get(axis).copied().flatten()
}

fn names(ports: &[Port]) -> String {
    ports.iter().take(20).map(|port| port.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The advice to fill in a field of the description.
fn advice(key: &str) -> String {
    format!("set `description.{key}`")
}

/// A model, by the name that messages call it.
struct Named<'a>(&'a str);

impl Named<'_> {
    fn wrong(&self, key: &str, expected: &str, got: impl fmt::Display) -> Error {
        Error::invalid(self.problem(key, expected, got))
    }

    /// The graph is of a kind that cannot be used as an encoder, whatever the user says.
    fn unsupported(&self, key: &str, expected: &str, got: impl fmt::Display) -> Error {
        Error::unsupported(self.problem(key, expected, got))
    }

    fn problem(&self, key: &str, expected: &str, got: impl fmt::Display) -> String {
        format!("{}: {key}: expected {expected}, got {got}", self.0)
    }

    /// What the graph fixes, else what the user says; if both do, they must be equal.
    fn agree(&self, key: &str, graph: Option<usize>, said: Option<usize>) -> Result<usize> {
        match (graph, said) {
            (Some(graph), Some(said)) if graph != said => Err(self.wrong(
                key,
                &format!("{graph}, as the graph has it"),
                format!("{said} in `description.{key}`"),
            )),
            (Some(value), _) | (None, Some(value)) => Ok(value),
            (None, None) => {
                Err(self.wrong(key, "a number", "none, as the graph leaves it open").with_hint(advice(key)))
            }
        }
    }

    fn input<'a>(&self, outline: &'a Outline, description: &Description) -> Result<&'a Port> {
        let [input] = &outline.inputs[..] else {
            let got = format!("{} ({})", outline.inputs.len(), names(&outline.inputs));
            return Err(self
                .unsupported("inputs", "one, the image", got)
                .with_hint("export the image encoder alone, without what else the model takes"));
        };
        if let Some(said) = description.input.as_ref().filter(|said| **said != input.name) {
            let expected = format!("{}, as the graph has it", input.name);
            return Err(self.wrong("input", &expected, format!("{said} in `description.input`")));
        }
        self.float(input)?;
        if let Some(dims) = &input.dims
            && dims.len() != 4
        {
            let expected = "4 dimensions, [N, C, H, W] or [N, H, W, C]";
            return Err(self.unsupported(&format!("input {}", input.name), expected, dims.len()));
        }
        Ok(input)
    }

    fn float(&self, port: &Port) -> Result<()> {
        if port.is_float() {
            return Ok(());
        }
        Err(self.unsupported(&port.name, "float32", port.element()).with_hint(
            "export the model with float32 inputs and outputs; inside it may compute in float16 or int8",
        ))
    }

    /// From the user, else from the position of a dimension of 1 or 3, if there is only one.
    fn layout(&self, input: &Port, description: &Description) -> Result<Layout> {
        if let Some(layout) = description.layout {
            return Ok(layout);
        }
        let fits = |layout: Layout| matches!(dim(input, layout.axes()[0]), Some(1 | 3));
        match (fits(Layout::Nchw), fits(Layout::Nhwc)) {
            (true, false) => Ok(Layout::Nchw),
            (false, true) => Ok(Layout::Nhwc),
            (both, _) => {
                let got =
                    if both { "1 or 3 channels at either place" } else { "1 or 3 channels at neither place" };
                Err(self.wrong("layout", "nchw or nhwc", got).with_hint(advice("layout")))
            }
        }
    }

    /// The output that the user names, else the only one, else the only one of two dimensions.
    fn output<'a>(&self, outline: &'a Outline, description: &Description) -> Result<&'a Port> {
        let outputs = &outline.outputs[..];
        let matrices: Vec<&Port> =
            outputs.iter().filter(|port| port.dims.as_ref().is_some_and(|dims| dims.len() == 2)).collect();
        let output = match (&description.output, outputs, &matrices[..]) {
            (Some(name), _, _) => outputs.iter().find(|port| port.name == *name).ok_or_else(|| {
                let expected = format!("one of {}", names(outputs));
                Error::not_found(self.problem("output", &expected, format!("{name} in `description.output`")))
            })?,
            (None, [only], _) | (None, _, &[only]) => only,
            (None, _, _) => {
                let got = format!("{} ({})", outputs.len(), names(outputs));
                return Err(self
                    .wrong("output", "one with a vector per image", got)
                    .with_hint(advice("output")));
            }
        };
        self.float(output).map(|()| output)
    }

    /// The size of [N, D] or [N, D, 1, 1]; nothing where it is open.
    fn vector(&self, output: &Port) -> Result<Option<usize>> {
        let Some(dims) = &output.dims else { return Ok(None) };
        let parts: Vec<Option<usize>> = dims.iter().skip(1).copied().filter(|dim| *dim != Some(1)).collect();
        match parts[..] {
            [] if dims.len() > 1 => Ok(Some(1)),
            [size] => Ok(size),
            _ => {
                let shape: Vec<String> = dims
                    .iter()
                    .map(|dim| dim.map_or_else(|| "?".to_owned(), |size| size.to_string()))
                    .collect();
                let got = format!("[{}]", shape.join(", "));
                Err(self
                    .unsupported(&format!("output {}", output.name), "one vector per image, [N, D]", got)
                    .with_hint(
                        "name another output in `description.output`, or export the model with its pooling layer",
                    ))
            }
        }
    }

    fn per_channel(&self, key: &str, said: &[f32], channels: usize) -> Result<Vec<f32>> {
        let values = match *said {
            [one] => vec![one; channels],
            _ => said.to_vec(),
        };
        if values.len() != channels || values.iter().any(|value| !value.is_finite()) {
            let expected = if channels == 1 {
                "1 finite number".to_owned()
            } else {
                format!("1 or {channels} finite numbers")
            };
            return Err(self.wrong(key, &expected, format!("{said:?}")));
        }
        Ok(values)
    }
}
