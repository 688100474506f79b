//! Strips and tiles that are JPEG files, whose tables may stand apart.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::unpacked::Chunk;

/// What a strip or tile must hold.
pub(super) struct Wanted {
    pub(super) columns: usize,
    /// At least so many.
    pub(super) rows: usize,
    pub(super) samples: usize,
    /// Luma and chroma are to become RGB; else samples are given as they are stored.
    pub(super) to_rgb: bool,
}

/// Decodes one.
///
/// # Errors
/// It is damaged, or holds something else.
pub(super) fn unpack(tables: &[u8], packed: &[u8], wanted: &Wanted) -> Result<Chunk, String> {
    let tables = tables.strip_suffix(b"\xff\xd9").unwrap_or(tables);
    let file = match packed.strip_prefix(b"\xff\xd8") {
        Some(rest) if !tables.is_empty() => [tables, rest].concat(),
        _ => packed.to_vec(),
    };
    let damaged = |error: &dyn std::fmt::Display| format!("damaged: JPEG: {error}");
    let options = DecoderOptions::default().set_strict_mode(false);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&file), options);
    decoder.decode_headers().map_err(|error| damaged(&error))?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let stored = decoder.input_colorspace().unwrap_or(ColorSpace::Luma);
    if width < wanted.columns || height < wanted.rows || stored.num_components() != wanted.samples {
        let found = stored.num_components();
        let Wanted { columns, rows, samples, .. } = wanted;
        return Err(format!(
            "damaged: JPEG: expected {columns}x{rows} of {samples} samples, got {width}x{height} of {found}"
        ));
    }
    let out = if wanted.to_rgb && stored == ColorSpace::YCbCr { ColorSpace::RGB } else { stored };
    decoder.set_options(options.jpeg_set_out_colorspace(out));
    let bytes = decoder.decode().map_err(|error| damaged(&error))?;
    Ok(Chunk { row_bytes: width * wanted.samples, bytes })
}
