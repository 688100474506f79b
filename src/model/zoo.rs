//! Models by name, folder or file.
//!
//! A model folder holds `encoder.onnx`, `decoder.onnx`, a card (`README.md`) and `golden.json`. A model's
//! identity is the SHA-256 of its `encoder.onnx`. Any other file is an encoder that another program made, see
//! `foreign`; no file is given to the runtime before its outline was checked.

use super::architecture::Architecture;
use super::family::Family;
use super::files::{Budget, external};
use super::foreign::{Description, Foreign, Format};
use super::metadata::Metadata;
use super::shipped::shipped;
use crate::error::{Error, NO_SUCH_FILE, Result};
use crate::onnx::{OnnxFile, Outline};
use crate::runtime::ExternalFile;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

/// The shipped models that `auto` chooses among, the preferred one first; it stands for `auto` where there is
/// no image to choose by. The article's models are not among them: they show what autoencoders do, their
/// codes are no better.
const CANDIDATES: [&str; 2] = ["digits-64", "photos"];

/// The encoder in a model folder.
const ENCODER: &str = "encoder.onnx";

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
    /// SHA-256 of `encoder.onnx`, hex; of it and all its files, where weights lie in files of their own.
    pub sha256: String,
    /// Its inputs and outputs, if another program made it.
    pub foreign: Option<Foreign>,
}

/// How files of models are opened.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadOptions {
    /// What the user knows about an encoder that another program made.
    pub description: Description,
    /// Most bytes of all files of the model together.
    pub max_bytes: u64,
    /// The folder of models that were added by name, where names are looked up that are no files.
    pub added: Option<PathBuf>,
    /// The model that it must be, where an index was made with one of another program.
    pub known: Option<Known>,
}

/// What an index knows of the encoder of another program that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// SHA-256 of its files, hex.
    pub sha256: String,
    /// Its inputs and outputs, which the user need not describe again.
    pub format: Format,
    /// Size of all its files, which was allowed when the index was made.
    pub bytes: u64,
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions { description: Description::default(), max_bytes: 1 << 30, added: None, known: None }
    }
}

impl Model {
    /// Loads a shipped model by name (`auto` for the preferred one), or a model folder, or an `encoder.onnx`.
    ///
    /// # Errors
    /// When there is no such model, or its files cannot be read or are not this program's.
    pub fn load(name_or_path: &str) -> Result<Model> {
        Model::open(name_or_path, &LoadOptions::default(), &|File { name, .. }, _| {
            let what = format!(
                "{name}: expected a model made by `train`, got one of another program, which has no decoder \
                 and whose layers are not known"
            );
            let hint =
                "indexes, queries and evaluation work with any image encoder; pictures and training do not";
            Err(Error::unsupported(what).with_hint(hint))
        })
    }

    /// As [`Model::load`], or any program's image encoder: an ONNX file, or the `encoder.onnx` of a folder.
    ///
    /// # Errors
    /// As [`Model::load`]; or when the file is not to be run, or is not described well enough, or something
    /// is said of a model that needs no description.
    pub fn load_any(name_or_path: &str, options: &LoadOptions) -> Result<Model> {
        let model = Model::open(name_or_path, options, &|file, budget| {
            let File { name, path, bytes, outline } = file;
            if let Some(trap) = &outline.trap {
                let what = format!("{name}: {}", trap.what);
                return Err(Error::unsupported(what).with_hint(trap.hint));
            }
            let folder = path.parent().unwrap_or(Path::new(""));
            let external = external((name, folder), &outline.external, budget)?;
            let sha256 = sha256(&bytes, &external);
            let mut description = options.description.clone();
            if let Some(known) = &options.known {
                if sha256 != known.sha256 {
                    let what = format!("sha256: expected {}, got {sha256}", known.sha256);
                    return Err(Error::mismatch(name, what));
                }
                description = description.or(known.format.clone().into());
            }
            let (format, batch) = Format::resolve(name, &outline, &description)?;
            let called = if path.ends_with(ENCODER) {
                path.parent().and_then(Path::file_name)
            } else {
                path.file_stem()
            };
            let called = called.map_or_else(|| name.to_owned(), |stem| stem.to_string_lossy().into_owned());
            Ok(Model {
                metadata: format.metadata(&called),
                sha256,
                encoder: Cow::Owned(bytes),
                decoder: None,
                card: None,
                foreign: Some(Foreign {
                    format,
                    batch,
                    external,
                    bytes: budget.spent(),
                    path: path.to_path_buf(),
                    folds: outline.folds,
                }),
            })
        })?;
        if model.foreign.is_none() && !options.description.is_empty() {
            let what = format!("{name_or_path}: expected no description, as this model has its own, got one");
            return Err(Error::invalid(what).with_hint("leave out `description`"));
        }
        Ok(model)
    }

    fn open(
        name_or_path: &str,
        options: &LoadOptions,
        foreign: &dyn Fn(File<'_>, &mut Budget) -> Result<Model>,
    ) -> Result<Model> {
        let name = if name_or_path == "auto" { CANDIDATES[0] } else { name_or_path };
        if let Some(&(_, encoder, decoder, card, _)) = shipped().find(|(known, ..)| *known == name) {
            return Model::from_parts(name, encoder.into(), Some(decoder.into()), Some(card.into()));
        }
        let encoder = encoder_file(name, options.added.as_deref());
        if !encoder.is_file() {
            let is_path = name.contains(['/', '\\']) || name.ends_with(".onnx");
            let what = match Path::new(name).is_dir() {
                true => format!("{name}: model: expected {ENCODER} in this folder, got none"),
                false if is_path => format!("{name}: model: {NO_SUCH_FILE}"),
                false => format!("{name}: no model of this name, and no such file or folder"),
            };
            let known = shipped_names().collect::<Vec<_>>().join(", ");
            let shipped = if known.is_empty() {
                "no models are shipped with this build, which is without the feature `shipped-models`"
                    .to_owned()
            } else {
                format!("shipped models: {known}")
            };
            return Err(Error::not_found(what).with_hint(format!(
                "{shipped}; a folder made by `train`, or any image encoder as .onnx, works as well"
            )));
        }
        let known = options.known.as_ref().map_or(0, |known| known.bytes);
        let mut budget = Budget::new(options.max_bytes.max(known));
        let (bytes, outline) = checked(&encoder, &mut budget)?;
        if !outline.has_key(Metadata::MARK) {
            return foreign(File { name, path: &encoder, bytes, outline }, &mut budget);
        }
        alone(&encoder, &outline)?;
        let optional = |path: PathBuf| path.is_file().then_some(path);
        let decoder = optional(encoder.with_file_name("decoder.onnx")).map(|path| {
            let (bytes, outline) = checked(&path, &mut budget)?;
            alone(&path, &outline).map(|()| bytes)
        });
        let decoder = decoder.transpose()?.map(Cow::Owned);
        let card =
            optional(encoder.with_file_name("README.md")).map(|path| budget.read(&path)).transpose()?;
        let card = card.map(|bytes| Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()));
        Model::from_parts(name, Cow::Owned(bytes), decoder, card)
    }

    /// The layers.
    ///
    /// # Errors
    /// When the model is of a family that this program does not know.
    pub fn architecture(&self) -> Result<Architecture> {
        let metadata = &self.metadata;
        if self.foreign.is_some() {
            let what = "layers: expected those of a known family, got a model of another program";
            return Err(Error::mismatch(&metadata.name, what));
        }
        let family: Family =
            metadata.family.parse().map_err(|what: String| Error::version(&metadata.name, what))?;
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
        let file = OnnxFile::read(&encoder).map_err(|what| Error::damaged(name, what))?;
        let metadata = Metadata::read(&file, name)?;
        let sha256 = sha256(&encoder, &[]);
        Ok(Model { metadata, encoder, decoder, card, sha256, foreign: None })
    }

    /// The files that hold weights of the encoder, beside its own.
    pub fn external(&self) -> &[ExternalFile] {
        self.foreign.as_ref().map_or(&[], |foreign| &foreign.external)
    }
}

/// A model file that was read and checked.
struct File<'a> {
    /// What messages call it.
    name: &'a str,
    path: &'a Path,
    bytes: Vec<u8>,
    outline: Outline,
}

fn checked(path: &Path, budget: &mut Budget) -> Result<(Vec<u8>, Outline)> {
    let bytes = budget.read(path)?;
    let outline = Outline::read(&bytes).map_err(|what| Error::damaged(path.display().to_string(), what))?;
    Ok((bytes, outline))
}

/// Models of this program have all weights in the file itself.
fn alone(path: &Path, outline: &Outline) -> Result<()> {
    match outline.external.keys().next() {
        None => Ok(()),
        Some(location) => {
            let what = format!("weights: expected them in the file, got some in {location:?}");
            Err(Error::damaged(path.display().to_string(), what))
        }
    }
}

/// SHA-256 of the file; if there are others, of the digests and names of all.
fn sha256(encoder: &[u8], external: &[ExternalFile]) -> String {
    let mut digest = Sha256::digest(encoder);
    if !external.is_empty() {
        let mut all = Sha256::new_with_prefix(digest);
        for file in external {
            all.update(Sha256::digest(file.location.as_bytes()));
            all.update(Sha256::digest(&file.bytes));
        }
        digest = all.finalize();
    }
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The models that `auto` stands for, the preferred one first.
///
/// # Errors
/// As [`Model::load`].
pub fn candidates() -> Result<Vec<Model>> {
    CANDIDATES.into_iter().map(Model::load).collect()
}

/// Where the encoder of the model `name` lies, if it is a path, or the name of a model in the folder `added`:
/// a path that exists goes first.
pub fn encoder_file(name: &str, added: Option<&Path>) -> PathBuf {
    let path = Path::new(name);
    let encoder = if path.is_dir() { path.join(ENCODER) } else { path.to_path_buf() };
    let is_plain = path.components().eq([Component::Normal(name.as_ref())]);
    let added = added.filter(|_| is_plain && !encoder.is_file()).map(|added| added.join(name).join(ENCODER));
    added.filter(|added| added.is_file()).unwrap_or(encoder)
}

/// The names of the shipped models.
pub fn shipped_names() -> impl Iterator<Item = &'static str> {
    shipped().map(|(name, ..)| *name)
}

/// Model folders directly inside `folder`, sorted; none when there is no such folder. Hidden ones are left
/// out.
pub fn local_models(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut models: Vec<PathBuf> =
        entries.map(|e| e.path()).filter(|p| p.join(ENCODER).is_file() && !is_hidden(p)).collect();
    models.sort();
    models
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_model_is_named() {
        let error = Model::load("no-such-model").unwrap_err();
        assert_eq!(error.to_string(), "no-such-model: no model of this name, and no such file or folder");
        let dir = tempfile::tempdir().unwrap();
        let error = Model::load(dir.path().to_str().unwrap()).unwrap_err().to_string();
        assert!(error.ends_with(": model: expected encoder.onnx in this folder, got none"), "{error}");
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
