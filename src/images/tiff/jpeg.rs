//! Strips and tiles that are JPEG files, whose tables may stand apart.

use super::unpacked::Chunk;
use crate::images::jpeg::{File, Part};

/// The largest MCU has so many columns and rows: a strip or tile may be filled up to whole ones.
pub(super) const MCU: usize = 32;

/// What a strip or tile must hold.
pub(super) struct Wanted {
    /// Columns, and at most so many rows.
    pub(super) chunk: (usize, usize),
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
    let Wanted { chunk: (columns, most), rows, samples, to_rgb } = *wanted;
    let file = File::open_strip(tables, packed, to_rgb).map_err(|fault| format!("JPEG: {fault}"))?;
    let ((width, height), found) = (file.size(), file.samples());
    let fits = (columns..=columns.next_multiple_of(MCU)).contains(&width)
        && (rows..=most.next_multiple_of(MCU)).contains(&height);
    if !fits || found != samples {
        return Err(format!(
            "damaged: JPEG: expected {columns}x{rows} of {samples} samples, got {width}x{height} of {found}"
        ));
    }
    let decoded = file.decode(Part { eighths: 8, luma: false }).map_err(|fault| format!("JPEG: {fault}"))?;
    Ok(Chunk { row_bytes: width * samples, bytes: decoded.data })
}
