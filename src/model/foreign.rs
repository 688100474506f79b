//! Encoders that other programs made: their inputs and outputs, from the file where it says, else from the
//! user.
//!
//! ```text
//! Outline (what the graph says) + Description (what the user says) -> Format: everything that is needed to run it
//! ```
//!
//! Where both say something, they must agree. Nothing here opens files, and nothing here runs a graph.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::layout::{Layout, Size};
use super::metadata::Metadata;
use super::pool::Pool;
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
    /// What becomes of the vectors of an output [N, T, D], which has one for each token.
    pub pool: Option<Pool>,
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
            pool: self.pool.or(other.pool),
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// What becomes of the vectors of an output [N, T, D]; none where the output has one vector per image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
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
            pool: format.pool,
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
    /// Where its file was found.
    pub path: PathBuf,
    /// Whether the runtime may compute what does not depend on the image once, when it loads the graph.
    pub folds: bool,
}

/// The element types of inputs that images are converted to.
const INPUTS: [&str; 4] = ["float32", "float16", "float64", BYTES];
/// Inputs of this type take the values of a file, 0 to 255.
const BYTES: &str = "uint8";
/// The element types of outputs that latents are converted from.
const OUTPUTS: [&str; 3] = ["float32", "float16", "float64"];

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
        let (latent, pool) = model.vector(output, layout, description.pool)?;
        let latent = model.agree("latent", latent, description.latent)?;
        if !(32..=MAX_LATENT).contains(&latent) {
            return Err(model.wrong("latent", &format!("32 to {MAX_LATENT} numbers per image"), latent));
        }
        let bits = description.bits.unwrap_or(latent.min(BITS));
        if !(32..=latent.min(256)).contains(&bits) {
            return Err(model.wrong("bits", &format!("32 to {}", latent.min(256)), bits));
        }
        let range = model.range(input, description)?;
        let format = Format {
            size,
            channels,
            layout,
            mean: model.per_channel("mean", description.mean.as_deref().unwrap_or(&[0.0]), channels)?,
            std: model.per_channel("std", description.std.as_deref().unwrap_or(&[1.0]), channels)?,
            range,
            input: input.name.clone(),
            output: output.name.clone(),
            pool,
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

    /// All of it as the text of a .toml file.
    pub fn to_toml(&self) -> String {
        // Numbers, lists and texts are written in TOML as in JSON.
        self.values().iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
    }

    /// All fields by their names.
    fn values(&self) -> serde_json::Map<String, serde_json::Value> {
        // by way of text, in which a float has its shortest form
        let text = serde_json::to_string(self).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
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
            teacher: None,
            teacher_kept: None,
            int8_overlap: None,
            augment: "none".to_owned(),
            seed: 0,
            tool_version: String::new(),
        }
    }

    /// The first field that differs from `other`, with both values; none if all are equal.
    pub fn differs(&self, other: &Format) -> Option<String> {
        let (ours, theirs) = (self.values(), other.values());
        let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        let shown = |value: Option<&serde_json::Value>| {
            value.map_or_else(|| "none".to_owned(), serde_json::Value::to_string)
        };
        keys.into_iter().find_map(|key| {
            let (value, theirs) = (ours.get(key), theirs.get(key));
            (value != theirs).then(|| format!("{key}: expected {}, got {}", shown(value), shown(theirs)))
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
        self.element(input, &INPUTS)?;
        if let Some(dims) = &input.dims
            && dims.len() != 4
        {
            let expected = "4 dimensions, [N, C, H, W] or [N, H, W, C]";
            return Err(self.unsupported(&format!("input {}", input.name), expected, dims.len()));
        }
        Ok(input)
    }

    fn element(&self, port: &Port, known: &[&str]) -> Result<()> {
        if known.contains(&port.element()) {
            return Ok(());
        }
        Err(self.unsupported(&port.name, &known.join(", "), port.element()).with_hint(
            "export the model with float32 inputs and outputs; inside it may compute in another type",
        ))
    }

    /// What white is; inputs of bytes take the values as they are in a file.
    fn range(&self, input: &Port, description: &Description) -> Result<u32> {
        let bytes = input.element() == BYTES;
        let range = description.range.unwrap_or(if bytes { 255 } else { 1 });
        let (mean, std) = (description.mean.as_deref(), description.std.as_deref());
        let shifted = mean.unwrap_or_default().iter().any(|&mean| mean != 0.0);
        if bytes && (range != 255 || shifted || std.unwrap_or_default().iter().any(|&std| std != 1.0)) {
            return Err(self
                .wrong("range", "255, with no mean and std, as the input takes bytes", "others")
                .with_hint("leave out range, mean and std in `description`"));
        }
        match range {
            1 | 255 => Ok(range),
            _ => Err(self.wrong("range", "1 or 255", range)),
        }
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
        self.element(output, &OUTPUTS).map(|()| output)
    }

    /// The numbers of a latent, nothing where that is open, and how the vectors of an image become one.
    fn vector(
        &self,
        output: &Port,
        layout: Layout,
        said: Option<Pool>,
    ) -> Result<(Option<usize>, Option<Pool>)> {
        let Some(dims) = &output.dims else { return Ok((None, said)) };
        let parts: Vec<Option<usize>> = dims.iter().skip(1).copied().filter(|dim| *dim != Some(1)).collect();
        let shape = || {
            let dims = dims.iter().map(|dim| dim.map_or_else(|| "?".to_owned(), |size| size.to_string()));
            format!("[{}]", dims.collect::<Vec<_>>().join(", "))
        };
        match (&dims[..], &parts[..], said) {
            ([_, _, ..], [] | [_], None) => Ok((parts.first().copied().unwrap_or(Some(1)), None)),
            ([_, _, ..], [] | [_], Some(pool)) => Err(self
                .wrong("pool", "none, as the output has one vector per image", pool)
                .with_hint("leave out `description.pool`")),
            ([_, _, latent], _, Some(pool)) => Ok((*latent, Some(pool))),
            ([_, _, _], _, None) => Err(self
                .wrong("pool", "mean or cls, as the output has several vectors per image", shape())
                .with_hint(advice("pool"))),
            ([_, _, _, _], _, Some(Pool::Cls)) => {
                Err(self.wrong("pool", "mean, as the output is a map", Pool::Cls))
            }
            ([_, _, _, _], _, _) => Ok((dims[layout.axes()[0]], None)),
            _ => Err(self
                .unsupported(
                    &format!("output {}", output.name),
                    "one vector per image, [N, D], or [N, T, D], or [N, C, H, W]",
                    shape(),
                )
                .with_hint(
                    "name another output in `description.output`, or export the model with its pooling layer",
                )),
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
