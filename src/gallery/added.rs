//! Encoders of other programs that get a name: tried, and copied to where that name is looked up.
//!
//! The copy is a folder of its own with `encoder.onnx`, `encoder.toml`, which describes it in full, and the
//! files with its weights.

use std::fs;
use std::path::{Path, PathBuf};

use super::memory::Memory;
use super::probe::Trial;
use crate::error::{Error, Result};
use crate::images::InputShape;
use crate::model::{LoadOptions, Model, shipped_names};
use crate::observer::Observer;
use crate::output::write_folder;
use crate::runtime::{Device, RuntimeOptions, ensure};

/// Images that the encoder is tried on.
const IMAGES: usize = 6;

/// How to add a model.
#[derive(Debug, Clone)]
pub struct AddOptions {
    /// How its file is opened; `load.added` is the folder that models are added to.
    pub load: LoadOptions,
    /// Replace a model of the same name.
    pub force: bool,
    /// Where it is tried.
    pub device: Device,
    /// The memory it may take when it is tried.
    pub memory: Memory,
    /// Where ONNX Runtime comes from.
    pub runtime: RuntimeOptions,
}

/// Tries an encoder of another program on drawn images and copies it, so that `name` finds it from now on.
///
/// # Errors
/// `Invalid` when the name cannot be used, or is taken; as [`Model::load_any`]; `Unsupported` when the
/// encoder is not fit for use; or when the copy cannot be written.
pub fn add_model(file: &str, name: &str, options: &AddOptions, observer: &dyn Observer) -> Result<Model> {
    let AddOptions { load, force, device, memory, runtime } = options;
    let folder = place(name, load)?;
    if folder.exists() && !force {
        let what = format!("{name:?}: expected a new name, got that of a model in {}", folder.display());
        return Err(
            Error::invalid(what).with_hint("`force` replaces it; indexes that it made need it as it is")
        );
    }
    let model = Model::load_any(file, load)?;
    let Some(foreign) = &model.foreign else {
        let what = format!("{file}: expected an encoder of another program, got a model of this one");
        return Err(Error::invalid(what).with_hint("it needs no other name: pass its folder as `model`"));
    };
    let runtime = ensure(runtime, observer)?;
    let trial = Trial { model: &model, runtime: &runtime, device: *device, max_memory: memory.bytes() };
    trial.run(drawn(model.metadata.input), observer)?;

    let old = folder.with_file_name(format!(".{name}.old"));
    let fail = |error| Error::io(&folder, error);
    if folder.exists() {
        let _ = fs::remove_dir_all(&old); // of a run that was killed
        fs::rename(&folder, &old).map_err(fail)?;
    }
    let written = write_folder(&folder, |folder| {
        let files = foreign.external.iter().map(|file| (file.location.as_str(), &*file.bytes));
        let toml = foreign.format.to_toml();
        let own = [("encoder.onnx", &*model.encoder), ("encoder.toml", toml.as_bytes())];
        files.chain(own).try_for_each(|(location, bytes)| write(&folder.join(location), bytes))
    });
    if written.is_err() && old.exists() {
        fs::rename(&old, &folder).map_err(fail)?;
    } else if old.exists() {
        fs::remove_dir_all(&old).map_err(fail)?;
    }
    written?;
    Model::load_any(name, load)
}

/// The folder of a model of this name.
fn place(name: &str, load: &LoadOptions) -> Result<PathBuf> {
    let wrong = |expected: &str| Err(Error::invalid(format!("`name`: expected {expected}, got {name:?}")));
    let Some(added) = &load.added else {
        return Err(Error::invalid("`load.added`: expected the folder of added models, got none"));
    };
    if name == "auto" || shipped_names().any(|shipped| shipped == name) {
        return wrong("one that no shipped model has");
    }
    let plain = |c: char| c.is_alphanumeric() || "-_.+".contains(c);
    if name.is_empty() || name.len() > 100 || name.starts_with(['.', '-']) || !name.chars().all(plain) {
        return wrong("at most 100 letters, digits, or - _ . +, and none of the last three first");
    }
    Ok(added.join(name))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes)).map_err(|error| Error::io(path, error))
}

/// Images [N, C, H, W] of waves, each with its own directions and colours.
fn drawn(InputShape { channels, height, width }: InputShape) -> Vec<f32> {
    let value = |image: usize, channel: usize, y: usize, x: usize| {
        let (y, x) = (y as f32 / height as f32, x as f32 / width as f32);
        let (i, c) = (image as f32, channel as f32);
        0.5 + 0.25 * (6.0 * (i + 1.0) * x + c).sin() + 0.25 * (4.0 * (7.0 - i) * y + 2.0 * i + c).cos()
    };
    let places = move |image: usize, channel: usize| {
        (0..height).flat_map(move |y| (0..width).map(move |x| value(image, channel, y, x)))
    };
    (0..IMAGES).flat_map(|image| (0..channels).flat_map(move |channel| places(image, channel))).collect()
}
