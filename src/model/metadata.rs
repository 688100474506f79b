//! What a model file says of itself: key-value pairs in `metadata_props`, all prefixed `aesearch.`.
//!
//! They hold all that is needed to run the model, and where it came from. A file without these keys is a
//! model of another program (see `foreign`); a file with a newer format version is refused.

use super::architecture::Architecture;
use super::family::Design;
use super::properties::{BinarizerKind, Brightness, Precision, Prior};
use crate::error::{Error, Result};
use crate::images::{InputShape, shrink};
use crate::onnx::OnnxFile;
use std::collections::HashMap;
use std::str::FromStr;

/// Version of this set of keys.
const FORMAT: u32 = 1;
const PREFIX: &str = "aesearch.";
/// The name of the image tensor in both graphs.
pub(crate) const IMAGE: &str = "image";
/// The name of the latent tensor in both graphs.
pub(crate) const LATENT: &str = "latent";

/// Larger numbers than these in a file are damage, not models.
const MAX_SIDE: usize = 4096;
const MAX_LATENT: usize = 1 << 20;

/// What a model file says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// The name it was given: the model folder's.
    pub name: String,
    /// `conv-hash`, `conv`, `dense`, `vae`, `aae`, `lstm`, `photo`.
    pub family: String,
    /// What the encoder takes.
    pub input: InputShape,
    /// What the decoder gives.
    pub reconstruction: InputShape,
    /// Numbers per latent.
    pub latent_size: usize,
    /// Bits per code.
    pub bits: usize,
    /// How latents become bits.
    pub binarizer: BinarizerKind,
    /// Filters, where the family leaves them open: see [`Design`].
    pub width: usize,
    /// How often blocks are repeated, where the family leaves that open, in percent.
    pub depth: usize,
    /// How the files store weights.
    pub precision: Precision,
    /// Whether the encoder evens out brightness first.
    pub brightness: Brightness,
    /// Where latents of new images can be drawn from.
    pub prior: Option<Prior>,
    /// SHA-256 of the training images after decoding and resizing, hex; empty when untrained.
    pub data_fingerprint: String,
    /// Number of training images.
    pub training_images: usize,
    /// Epochs trained, those of a warm start's source not counted.
    pub epochs: usize,
    /// Mean binary cross-entropy per pixel over the last epoch.
    pub train_loss: Option<f64>,
    /// The same over the validation images, measured on the exported files.
    pub val_loss: Option<f64>,
    /// Standard deviation of the Gaussian noise that training added, 0 for none.
    pub denoise: f32,
    /// Where weights come from that this program did not train.
    pub origin: Option<String>,
    /// Name and SHA-256 of the encoder whose features it was trained to follow.
    pub teacher: Option<String>,
    /// The share of that encoder's ten nearest held-out images that its codes keep.
    pub teacher_kept: Option<f64>,
    /// Of an encoder whose convolutions compute in int8: the share of the ten nearest of an image that is the
    /// same as with the encoder it was made from.
    pub int8_overlap: Option<f64>,
    /// How training images were varied: `none`, `digits` or `photos`.
    pub augment: String,
    /// Seed of weights, order and noise.
    pub seed: u64,
    /// Version of the program that wrote the file.
    pub tool_version: String,
}

impl Metadata {
    /// The key without which a file is a model of another program.
    pub(super) const MARK: &str = "aesearch.format";

    /// The metadata of an architecture before any training.
    pub fn new(name: &str, architecture: &Architecture, bits: usize) -> Self {
        Metadata {
            name: name.to_owned(),
            family: architecture.family.name().to_owned(),
            input: architecture.input,
            reconstruction: architecture.reconstruction,
            latent_size: architecture.latent_size(),
            bits,
            binarizer: architecture.family.binarizer(),
            width: architecture.design.width,
            depth: architecture.design.depth,
            precision: Precision::default(),
            brightness: architecture.brightness(),
            prior: architecture.prior(),
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
            augment: "none".into(),
            seed: 0,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The sizes to make the architecture with.
    pub fn design(&self) -> Design {
        let Metadata { bits, width, depth, latent_size: latent, brightness, .. } = *self;
        Design { bits, width, depth, latent, brightness }
    }

    /// What the reconstructions of images `[N, C, H, W]` in `0..=1` are compared with: the images at the
    /// decoder's size and brightness.
    pub fn target(&self, images: Vec<f32>) -> Vec<f32> {
        let mut target = self.at_drawn_size(images);
        if self.brightness == Brightness::Normalized {
            target.chunks_exact_mut(self.reconstruction.size()).for_each(super::normalize::normalize);
        }
        target
    }

    /// Images `[N, C, H, W]` at the decoder's size.
    pub fn at_drawn_size(&self, images: Vec<f32>) -> Vec<f32> {
        if self.reconstruction == self.input {
            images
        } else {
            shrink(&images, self.input, self.reconstruction)
        }
    }

    /// The pairs to write, in a fixed order.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = vec![
            ("format", FORMAT.to_string()),
            ("name", self.name.clone()),
            ("family", self.family.clone()),
            ("channels", self.input.channels.to_string()),
            ("height", self.input.height.to_string()),
            ("width", self.input.width.to_string()),
            ("latent_size", self.latent_size.to_string()),
            ("bits", self.bits.to_string()),
            ("binarizer", self.binarizer.to_string()),
            ("first_filters", self.width.to_string()),
            ("brightness", self.brightness.to_string()),
            ("data_fingerprint", self.data_fingerprint.clone()),
            ("training_images", self.training_images.to_string()),
            ("epochs", self.epochs.to_string()),
            ("denoise", self.denoise.to_string()),
            ("augment", self.augment.clone()),
            ("seed", self.seed.to_string()),
            ("tool_version", self.tool_version.clone()),
        ];
        pairs.extend(fixed_rules().map(|(key, rule)| (key, rule.to_owned())));
        if self.reconstruction != self.input {
            let InputShape { height, width, .. } = self.reconstruction;
            pairs.push(("reconstruction_height", height.to_string()));
            pairs.push(("reconstruction_width", width.to_string()));
        }
        if self.depth != Design::default().depth {
            pairs.push(("depth", self.depth.to_string()));
        }
        if self.precision != Precision::default() {
            pairs.push(("precision", self.precision.to_string()));
        }
        pairs.extend(self.origin.clone().map(|origin| ("origin", origin)));
        pairs.extend(self.teacher.clone().map(|teacher| ("teacher", teacher)));
        pairs.extend(self.teacher_kept.map(|kept| ("teacher_kept", kept.to_string())));
        pairs.extend(self.int8_overlap.map(|share| ("int8_overlap", share.to_string())));
        pairs.extend(self.prior.map(|p| ("prior", p.to_string())));
        pairs.extend(self.train_loss.map(|l| ("train_loss", l.to_string())));
        pairs.extend(self.val_loss.map(|l| ("val_loss", l.to_string())));
        pairs.into_iter().map(|(key, value)| (format!("{PREFIX}{key}"), value)).collect()
    }

    /// Reads the metadata of `file`, which messages call `model`.
    ///
    /// # Errors
    /// When keys are missing, unreadable, or of a newer format; names the key.
    pub fn read(file: &OnnxFile, model: &str) -> Result<Self> {
        let pairs: HashMap<&str, &str> =
            file.metadata().filter_map(|(k, v)| Some((k.strip_prefix(PREFIX)?, v))).collect();
        let keys = Keys { model, pairs };
        let format: u32 = keys.parse("format").map_err(|e| {
            e.with_hint("expected an encoder.onnx written by `train`; train one on your images")
        })?;
        if format > FORMAT {
            let what = format!("format: expected at most {FORMAT}, got {format}");
            return Err(Error::version(model, what).with_hint("upgrade aesearch to read this model"));
        }
        for (key, ours) in fixed_rules() {
            let theirs: String = keys.parse(key)?;
            if theirs != ours {
                let what = format!("metadata {PREFIX}{key}: expected '{ours}', got '{theirs}'");
                return Err(Error::version(model, what));
            }
        }
        let input = InputShape {
            channels: keys.parse("channels")?,
            height: keys.parse("height")?,
            width: keys.parse("width")?,
        };
        let metadata = Metadata {
            name: keys.parse("name")?,
            family: keys.parse("family")?,
            input,
            reconstruction: InputShape {
                channels: input.channels,
                height: keys.optional("reconstruction_height")?.unwrap_or(input.height),
                width: keys.optional("reconstruction_width")?.unwrap_or(input.width),
            },
            latent_size: keys.parse("latent_size")?,
            bits: keys.parse("bits")?,
            binarizer: keys.parse("binarizer")?,
            width: keys.optional("first_filters")?.unwrap_or(Design::default().width),
            depth: keys.optional("depth")?.unwrap_or(Design::default().depth),
            precision: keys.optional("precision")?.unwrap_or_default(),
            brightness: keys.optional("brightness")?.unwrap_or_default(),
            prior: keys.optional("prior")?,
            data_fingerprint: keys.parse("data_fingerprint")?,
            training_images: keys.parse("training_images")?,
            epochs: keys.parse("epochs")?,
            train_loss: keys.optional("train_loss")?,
            val_loss: keys.optional("val_loss")?,
            denoise: keys.parse("denoise")?,
            origin: keys.optional("origin")?,
            teacher: keys.optional("teacher")?,
            teacher_kept: keys.optional("teacher_kept")?,
            int8_overlap: keys.optional("int8_overlap")?,
            augment: keys.optional("augment")?.unwrap_or_else(|| "none".into()),
            seed: keys.parse("seed")?,
            tool_version: keys.parse("tool_version")?,
        };
        let (InputShape { channels, height, width }, drawn) = (metadata.input, metadata.reconstruction);
        let checks = [
            ("channels", channels, matches!(channels, 1 | 3), "1 or 3"),
            ("height", height, (1..=MAX_SIDE).contains(&height), "1 to 4096"),
            ("width", width, (1..=MAX_SIDE).contains(&width), "1 to 4096"),
            ("reconstruction_height", drawn.height, (1..=height).contains(&drawn.height), "1 to the height"),
            ("reconstruction_width", drawn.width, (1..=width).contains(&drawn.width), "1 to the width"),
            (
                "latent_size",
                metadata.latent_size,
                (1..=MAX_LATENT).contains(&metadata.latent_size),
                "1 to 1048576",
            ),
            ("bits", metadata.bits, (32..=256).contains(&metadata.bits), "32 to 256"),
        ];
        match checks.into_iter().find(|(_, _, holds, _)| !holds) {
            Some((key, got, _, expected)) => Err(keys.error(key, expected, &got.to_string())),
            None => Ok(metadata),
        }
    }
}

/// Rules of which this program has only one. A model made with another rule would get other inputs than it
/// was trained on.
fn fixed_rules() -> [(&'static str, &'static str); 3] {
    [("resize", crate::images::RESIZE_RULE), ("colour", crate::images::COLOUR_RULE), ("latent_name", LATENT)]
}

struct Keys<'a> {
    model: &'a str,
    pairs: HashMap<&'a str, &'a str>,
}

impl Keys<'_> {
    fn error(&self, key: &str, expected: &str, got: &str) -> Error {
        Error::damaged(self.model, format!("metadata {PREFIX}{key}: expected {expected}, got '{got}'"))
    }

    fn optional<T: FromStr>(&self, key: &str) -> Result<Option<T>> {
        let Some(value) = self.pairs.get(key) else { return Ok(None) };
        let parsed = value.parse().map_err(|_| self.error(key, &format!("a {}", kind::<T>()), value))?;
        Ok(Some(parsed))
    }

    fn parse<T: FromStr>(&self, key: &str) -> Result<T> {
        self.optional(key)?.ok_or_else(|| {
            Error::damaged(self.model, format!("metadata {PREFIX}{key}: expected a value, got none"))
        })
    }
}

/// The last part of a type's path: `usize`, `BinarizerKind`.
fn kind<T>() -> &'static str {
    std::any::type_name::<T>().rsplit("::").next().unwrap_or("value")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, encoder_onnx};

    fn sample() -> (Architecture, Metadata) {
        let input = InputShape { channels: 1, height: 28, width: 28 };
        let architecture = Family::Conv.architecture(input, 64).unwrap();
        let metadata = Metadata {
            epochs: 3,
            val_loss: Some(0.081_25),
            seed: u64::MAX,
            denoise: 0.5,
            teacher: Some("clip (SHA-256 0123)".into()),
            teacher_kept: Some(0.625),
            ..Metadata::new("mine", &architecture, 64)
        };
        (architecture, metadata)
    }

    #[test]
    fn what_is_written_is_read() {
        let (architecture, metadata) = sample();
        let file = encoder_onnx(&architecture, &architecture.initial_weights(0), &metadata);
        let back = OnnxFile::read(&file.to_bytes()).unwrap();
        assert_eq!(Metadata::read(&back, "mine").unwrap(), metadata);
    }

    #[test]
    fn impossible_numbers_and_other_rules_are_refused() {
        let (architecture, metadata) = sample();
        let file = encoder_onnx(&architecture, &architecture.initial_weights(0), &metadata);
        let with = |key: &str, value: &str| {
            let pairs = metadata.pairs().into_iter().map(|(k, v)| {
                let changed = k == format!("{PREFIX}{key}");
                (k, if changed { value.to_owned() } else { v })
            });
            Metadata::read(&file.clone().with_metadata(pairs), "m").unwrap_err().to_string()
        };
        assert_eq!(with("channels", "2"), "m: metadata aesearch.channels: expected 1 or 3, got '2'");
        assert!(with("height", "18446744073709551615").contains("expected 1 to 4096"));
        assert!(with("width", "-1").contains("expected a usize"));
        assert!(with("bits", "1000").contains("expected 32 to 256"));
        assert!(with("resize", "crop").contains("expected 'stretch-"));
    }

    #[test]
    fn newer_and_foreign_files_are_refused() {
        let (architecture, metadata) = sample();
        let file = encoder_onnx(&architecture, &architecture.initial_weights(0), &metadata);
        let newer = file.clone().with_metadata([("aesearch.format".into(), "2".into())]);
        let message = Metadata::read(&newer, "mine").unwrap_err().to_string();
        assert_eq!(message, "mine: format: expected at most 1, got 2");
        let foreign = file.with_metadata([]);
        let error = Metadata::read(&foreign, "mine").unwrap_err();
        assert_eq!(error.to_string(), "mine: metadata aesearch.format: expected a value, got none");
        assert!(error.hint().is_some());
    }
}
