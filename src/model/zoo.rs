//! Models by name, folder or file, and the ones that are shipped inside the program.
//!
//! A model folder holds `encoder.onnx`, `decoder.onnx`, a card (`README.md`) and `golden.json`. A model's identity is the
//! SHA-256 of its `encoder.onnx`.

use super::architecture::Architecture;
use super::families::Family;
use super::metadata::Metadata;
use crate::error::{Error, Result};
use crate::onnx::OnnxFile;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// The shipped models that `auto` chooses among, the preferred one first; it stands for `auto` where there is no image to
/// choose by. The article's models are not among them: they show what autoencoders do, their codes are no better.
const CANDIDATES: [&str; 1] = ["digits-64"];

/// A model that travels inside the program.
struct Shipped {
    name: &'static str,
    encoder: &'static [u8],
    decoder: &'static [u8],
    card: &'static str,
}

macro_rules! shipped {
    ($($name:literal),*) => {
        &[$(Shipped {
            name: $name,
            encoder: include_bytes!(concat!("../../models/", $name, "/encoder.onnx")),
            decoder: include_bytes!(concat!("../../models/", $name, "/decoder.onnx")),
            card: include_str!(concat!("../../models/", $name, "/README.md")),
        }),*]
    };
}

static SHIPPED: &[Shipped] = shipped!["digits-64", "article-conv", "article-dense"];

/// A loaded model: two ONNX files and what they say of themselves.
#[derive(Debug, Clone)]
pub struct Model {
    /// From the encoder's `metadata_props`.
    pub metadata: Metadata,
    /// The bytes of `encoder.onnx`.
    pub encoder: Cow<'static, [u8]>,
    /// The bytes of `decoder.onnx`, where there is one.
    pub decoder: Option<Cow<'static, [u8]>>,
    /// The card, where there is one.
    pub card: Option<Cow<'static, str>>,
    /// SHA-256 of `encoder.onnx`, hex.
    pub sha256: String,
}

impl Model {
    /// Loads a shipped model by name (`auto` for the preferred one), or a model folder, or an `encoder.onnx`.
    ///
    /// # Errors
    /// When there is no such model, or its files cannot be read or are not this program's.
    pub fn load(name_or_path: &str) -> Result<Model> {
        let name = if name_or_path == "auto" { CANDIDATES[0] } else { name_or_path };
        if let Some(shipped) = SHIPPED.iter().find(|s| s.name == name) {
            let (encoder, decoder) = (Cow::Borrowed(shipped.encoder), Cow::Borrowed(shipped.decoder));
            return Model::from_parts(name, encoder, Some(decoder), Some(Cow::Borrowed(shipped.card)));
        }
        let path = Path::new(name);
        let encoder = if path.is_dir() { path.join("encoder.onnx") } else { path.to_path_buf() };
        if !encoder.is_file() {
            let known = shipped_names().collect::<Vec<_>>().join(", ");
            return Err(Error::usage(format!(
                "{name}: model: expected a shipped name, a folder or a file, got none"
            ))
            .with_hint(format!("shipped models: {known}; a folder made by `aesearch train` works as well")));
        }
        let read = |path: &Path| std::fs::read(path).map_err(|e| Error::io(path, e));
        let optional = |path: PathBuf| path.is_file().then(|| read(&path)).transpose();
        let decoder = optional(encoder.with_file_name("decoder.onnx"))?.map(Cow::Owned);
        let card = optional(encoder.with_file_name("README.md"))?;
        let card = card.map(|bytes| Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()));
        Model::from_parts(name, Cow::Owned(read(&encoder)?), decoder, card)
    }

    /// The layers.
    ///
    /// # Errors
    /// When the model is of a family that this program does not know.
    pub fn architecture(&self) -> Result<Architecture> {
        let metadata = &self.metadata;
        let family: Family =
            metadata.family.parse().map_err(|what: String| Error::model(&metadata.name, what))?;
        family.architecture(metadata.input, metadata.design())
    }

    /// A model from bytes; messages call it `name`.
    ///
    /// # Errors
    /// When the encoder's bytes or metadata cannot be read.
    pub fn from_parts(
        name: &str,
        encoder: Cow<'static, [u8]>,
        decoder: Option<Cow<'static, [u8]>>,
        card: Option<Cow<'static, str>>,
    ) -> Result<Model> {
        let file = OnnxFile::read(&encoder).map_err(|what| Error::model(name, what))?;
        let metadata = Metadata::read(&file, name)?;
        let sha256 = Sha256::digest(&encoder).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Model { metadata, encoder, decoder, card, sha256 })
    }
}

/// The models that `auto` stands for, the preferred one first.
///
/// # Errors
/// As [`Model::load`].
pub fn candidates() -> Result<Vec<Model>> {
    CANDIDATES.into_iter().map(Model::load).collect()
}

/// The names of the shipped models.
pub fn shipped_names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|s| s.name)
}

/// Model folders directly inside `folder`, sorted; none when there is no such folder.
pub fn local_models(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut models: Vec<PathBuf> =
        entries.map(|e| e.path()).filter(|p| p.join("encoder.onnx").is_file()).collect();
    models.sort();
    models
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_model_is_named() {
        let error = Model::load("no-such-model").unwrap_err();
        assert_eq!(
            error.to_string(),
            "no-such-model: model: expected a shipped name, a folder or a file, got none"
        );
    }

    #[test]
    fn a_file_that_is_no_model_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.onnx");
        std::fs::write(&path, [0xff; 40]).unwrap();
        let error = Model::load(path.to_str().unwrap()).unwrap_err();
        assert!(error.to_string().contains("not an ONNX file"), "{error}");
    }
}
