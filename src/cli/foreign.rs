//! What the user says about a foreign encoder: flags, then the .toml file beside it.
//!
//! Here it is only collected; whether it fits the file is checked when the file is opened.

use std::path::{Path, PathBuf};

use super::amount;
use super::args::Described;
use super::resolve::{Context, parse_toml, read_toml};
use crate::error::{Error, Result};
use crate::model::{Description, LoadOptions, Size, encoder_file, shipped_names};

/// How to open the model `name`; `auto` and shipped models have no file beside them.
pub(super) fn load_options(context: &Context, args: &Described, name: &str) -> Result<LoadOptions> {
    let mut description = flags(args)?;
    let added = context.added_models();
    if let Some(path) = beside(name, &added) {
        description = description.or(parse_toml(&read_toml(&path)?, &path)?);
    }
    let default = LoadOptions::default();
    let max_bytes = args.max_model_size.as_ref().or(context.config.max_model_size.as_ref());
    let max_bytes =
        max_bytes.map_or(Ok(default.max_bytes), |text| amount::parse("--max-model-size", text))?;
    Ok(LoadOptions { description, max_bytes, added: Some(added), ..default })
}

fn flags(args: &Described) -> Result<Description> {
    let layout = args.model_layout.as_deref().map(str::parse).transpose();
    let pool = args.model_pool.as_deref().map(str::parse).transpose();
    Ok(Description {
        size: args.model_size.as_deref().map(size).transpose()?,
        channels: args.model_channels,
        layout: layout.map_err(|what| Error::invalid(format!("--model-layout: {what}")))?,
        mean: args.model_mean.clone(),
        std: args.model_std.clone(),
        range: args.model_range,
        input: args.model_input.clone(),
        output: args.model_output.clone(),
        pool: pool.map_err(|what| Error::invalid(format!("--model-pool: {what}")))?,
        latent: args.model_latent,
        bits: args.model_bits,
    })
}

/// `clip.toml` for `clip.onnx`, where both exist.
fn beside(name: &str, added: &Path) -> Option<PathBuf> {
    if name == "auto" || shipped_names().any(|shipped| shipped == name) {
        return None;
    }
    let model = encoder_file(name, Some(added));
    let file = model.with_extension("toml");
    (model.is_file() && file != model && file.is_file()).then_some(file)
}

/// `224`, or `192x256`: height x width.
fn size(text: &str) -> Result<Size> {
    let (height, width) = text.split_once('x').unwrap_or((text, text));
    match (height.parse(), width.parse()) {
        (Ok(height), Ok(width)) => Ok(Size { height, width }),
        _ => {
            Err(Error::invalid(format!("--model-size: expected a size such as 224 or 192x256, got '{text}'")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_images_are_read() {
        assert_eq!(size("224").ok(), Some(Size { height: 224, width: 224 }));
        assert_eq!(size("192x256").ok(), Some(Size { height: 192, width: 256 }));
        assert!(["", "x", "1x2x3", "224x", "-1"].into_iter().all(|text| size(text).is_err()));
    }
}
