//! The card of a model in int8: how it was made, what it keeps, and the card of the model it was made from.

use super::request::{QuantizeRequest, QuantizedModel};
use crate::model::Model;
use crate::output::{bytes, count};
use crate::train::model::listed;
use crate::train::save::heading;

/// In Markdown.
pub(super) fn card(request: &QuantizeRequest, quantized: &QuantizedModel, from: &Model) -> String {
    let QuantizedModel { metadata: m, calibrated_on, comparison, .. } = quantized;
    let [float_ms, int8_ms] = comparison.milliseconds;
    let [float_bytes, int8_bytes] = comparison.bytes.map(|n| bytes(n as u64));
    let names: Vec<String> = request.images.iter().map(|path| path.display().to_string()).collect();
    let data = if names.is_empty() { "drawn digits".to_owned() } else { listed(&names) };
    let command = match &request.command[..] {
        "" => String::new(),
        command => format!("- Command: `{command}`\n"),
    };
    let original = match &from.card {
        Some(card) => format!("\nThe card of the model it was made from:\n\n#{card}"),
        None => String::new(),
    };
    let (images, held_out) =
        (count(*calibrated_on as u64, "image"), count(comparison.held_out as u64, "image"));
    format!(
        "{}- Origin: {}\n\
         - Calibrated on {images} of {data}\n\
         {command}\
         - Overlap: {:.3} of the ten nearest are those of {}, over {held_out} that it was not calibrated on\n\
         - Time: {int8_ms:.2} ms an image, {float_ms:.2} ms in floats, one at a time on one thread\n\
         - Size of the encoder: {int8_bytes}, {float_bytes} in floats\n\
         - Written by aesearch {}\n\n\
         Latents differ a little between processors with and without VNNI (instructions for sums of 8-bit \
         products), and so do codes.\n{original}",
        heading(m, ", convolutions in int8"),
        m.origin.as_deref().unwrap_or_default(),
        comparison.overlap,
        from.metadata.name,
        m.tool_version,
    )
}
