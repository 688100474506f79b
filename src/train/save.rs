//! A trained model on disk: `encoder.onnx`, `decoder.onnx`, the card `README.md`, and `golden.json`.
//!
//! Every file is written whole or not at all. An older `encoder.onnx` is removed first and the new one comes
//! last: a folder with an encoder is complete.

use super::evaluate::only;
use super::run::Trained;
use crate::error::{Error, Result};
use crate::images::InputShape;
use crate::model::Metadata;
use crate::output::write_whole;
use crate::runtime::{Device, Input, Runtime, SessionOptions};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::Path;

/// What a model must give for [`golden_image`]; checked for every shipped model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    /// SHA-256 of the `encoder.onnx` it was made with.
    pub encoder_sha256: String,
    /// Latent of the golden image.
    pub latent: Vec<f32>,
    /// Mean of the reconstruction from that latent.
    pub reconstruction_mean: f32,
}

/// A fixed image of any shape, `[C, H, W]` in `0..=1`: a bright bar with a soft edge on black.
pub fn golden_image(shape: InputShape) -> Vec<f32> {
    let pixel = |i: usize| {
        let (y, x) = (i / shape.width % shape.height, i % shape.width);
        let (y, x) = (y as f32 / shape.height as f32, x as f32 / shape.width as f32);
        let distance = (x - 0.35 - 0.3 * y).abs();
        if (0.15..0.85).contains(&y) { (1.5 - 15.0 * distance).clamp(0.0, 1.0) } else { 0.0 }
    };
    (0..shape.channels * shape.height * shape.width).map(pixel).collect()
}

/// Runs a model on the golden image.
///
/// # Errors
/// When ONNX Runtime refuses the files.
pub fn golden(runtime: &Runtime, encoder: &[u8], decoder: &[u8], metadata: &Metadata) -> Result<Golden> {
    use sha2::{Digest, Sha256};
    let options = SessionOptions { device: Device::Cpu, ..SessionOptions::default() };
    let shape = metadata.input;
    let dims = [1, shape.channels, shape.height, shape.width];
    let image = golden_image(shape);
    let latent = only(runtime.session(encoder, &options)?.run(&[("image", Input::Slice(&dims, &image))])?)?;
    let output = only(runtime.session(decoder, &options)?.run(&[("latent", Input::Tensor(&latent))])?)?;
    Ok(Golden {
        encoder_sha256: Sha256::digest(encoder).iter().map(|byte| format!("{byte:02x}")).collect(),
        latent: latent.data().to_vec(),
        reconstruction_mean: output.data().iter().sum::<f32>() / output.data().len() as f32,
    })
}

/// Writes the files of a model folder.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn write_model(
    folder: &Path,
    card: &str,
    golden: &Golden,
    [encoder, decoder]: [&[u8]; 2],
) -> Result<()> {
    let golden = serde_json::to_vec_pretty(golden).map_err(|e| Error::io(folder, e.into()))?;
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    let last = folder.join("encoder.onnx");
    match std::fs::remove_file(&last) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(&last, e)),
        _ => {}
    }
    write_whole(&folder.join("README.md"), card.as_bytes())?;
    write_whole(&folder.join("golden.json"), &golden)?;
    write_whole(&folder.join("decoder.onnx"), decoder)?;
    write_whole(&last, encoder)
}

/// The first lines of a card; `kind` is what the family does not say, as `, in so and so`.
pub(super) fn heading(m: &Metadata, kind: &str) -> String {
    let Metadata { name, family, input, latent_size, bits, binarizer, .. } = m;
    let InputShape { channels, height, width } = input;
    format!(
        "# {name}\n\nFamily `{family}`{kind}, input {height}x{width}x{channels}, latent {latent_size}, codes of {bits} bits \
         ({binarizer}).\n\n"
    )
}

impl Trained {
    /// Writes the model folder. `command` is what made it, or empty, and `data` what it was trained on, both
    /// for the card.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self, runtime: &Runtime, folder: &Path, command: &str, data: &str) -> Result<()> {
        let (encoder, decoder) = (self.encoder.to_bytes(), self.decoder.to_bytes());
        let golden = golden(runtime, &encoder, &decoder, &self.metadata)?;
        write_model(folder, &self.card(command, data), &golden, [&encoder, &decoder])
    }

    /// The model card, in Markdown.
    fn card(&self, command: &str, data: &str) -> String {
        let m = &self.metadata;
        let mut card = heading(m, "");
        let parameters = self.architecture.parameter_count();
        let noise = if m.denoise > 0.0 { format!(", Gaussian noise {}", m.denoise) } else { String::new() };
        // writing to a String cannot fail
        if let Some(origin) = &m.origin {
            let _ = writeln!(card, "- Origin: {origin}");
        }
        if m.training_images > 0 {
            let _ = writeln!(
                card,
                "- Data: {data}, {} images, SHA-256 of the pixels `{}`",
                m.training_images, m.data_fingerprint
            );
        }
        if !command.is_empty() {
            let _ = writeln!(card, "- Command: `{command}`");
        }
        if let Some(student) = &self.student {
            let _ = writeln!(card, "- {student}");
        }
        let epochs = if m.epochs == 1 { "1 epoch".into() } else { format!("{} epochs", m.epochs) };
        let _ = writeln!(card, "- Seed {}, {epochs}{noise}, {parameters} parameters", m.seed);
        let _ = writeln!(card, "- Written by aesearch {}\n", m.tool_version);
        self.card_epochs(&mut card);
        let _ = writeln!(card, "\n| layer | output | parameters |\n|---|---|---|");
        for row in self.architecture.summary() {
            let _ = writeln!(card, "| {} | {} | {} |", row.layer, row.output, row.parameters);
        }
        card
    }

    /// The losses, as a table.
    fn card_epochs(&self, card: &mut String) {
        if self.epochs.is_empty() {
            let _ = writeln!(
                card,
                "The latent and the decoder are not trained yet: start a training from this model."
            );
            return;
        }
        let _ = writeln!(
            card,
            "Mean binary cross-entropy per pixel:\n\n| epoch | training | validation |\n|---|---|---|"
        );
        for e in &self.epochs {
            let validation = e.val_loss.map_or("".into(), |loss| format!("{loss:.4}"));
            let _ = writeln!(card, "| {} | {:.4} | {validation} |", e.epoch, e.train_loss);
        }
    }
}
