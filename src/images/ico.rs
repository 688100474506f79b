//! Which picture of an ICO file is decoded, and how: a PNG of any kind, or a bitmap with a mask.
//!
//! Like other readers, the one with the most bits a pixel, then the largest. A bitmap's header counts the rows
//! of its mask too; the mask says where pixels of fewer than 32 bits are transparent.

use super::bmp;

/// A picture inside an ICO file.
pub(super) enum Picture<'a> {
    /// A whole PNG file.
    Png(&'a [u8]),
    /// A bitmap and its mask.
    Bitmap(Bitmap<'a>),
}

/// A bitmap with alpha, in its own or in a mask.
pub(super) struct Bitmap<'a> {
    /// As a BMP file, without its mask.
    pub(super) file: Vec<u8>,
    /// What follows the header and the colours.
    pixels: &'a [u8],
    bits: usize,
}

/// The picture that is decoded.
///
/// # Errors
/// The file is damaged.
pub(super) fn best(bytes: &[u8]) -> Result<Picture<'_>, String> {
    const ENTRY: usize = 16;
    let cut = || "the file ends too early (truncated)".to_owned();
    let count = bytes.get(4..6).map(|count| usize::from(u16::from_le_bytes([count[0], count[1]])));
    let entries = bytes.get(6..6 + count.ok_or_else(cut)? * ENTRY).ok_or_else(cut)?;
    let score = |entry: &&[u8; ENTRY]| {
        let side = |side: u8| if side == 0 { 256 } else { u32::from(side) };
        (u16::from_le_bytes([entry[6], entry[7]]), side(entry[0]) * side(entry[1]))
    };
    let best = entries.as_chunks::<ENTRY>().0.iter().max_by_key(score);
    let best = best.ok_or("damaged: it holds no picture")?;
    let [length, start] = [8, 12].map(|at| bmp::long(best, at).unwrap_or(0) as usize);
    let content = bytes.get(start..start.saturating_add(length)).filter(|content| !content.is_empty());
    let content = content.ok_or_else(cut)?;
    if content.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Ok(Picture::Png(content));
    }
    let rows = bmp::long(content, 8).filter(|_| content.len() > 40).ok_or_else(cut)? as i32 / 2;
    let mut bitmap = content.to_vec();
    bitmap[8..12].copy_from_slice(&rows.to_le_bytes());
    let pixels = content.get(bmp::pixels_at(content)..).ok_or_else(cut)?;
    let bits = usize::from(bmp::bits(content));
    Ok(Picture::Bitmap(Bitmap { file: bmp::with_file_header(&bitmap), pixels, bits }))
}

impl Bitmap<'_> {
    /// The alpha of each pixel of so many columns and rows, from the top.
    pub(super) fn alpha(&self, (width, height): (usize, usize)) -> Vec<u8> {
        let row_bytes = |bits: usize| (width * bits).div_ceil(32) * 4;
        let rows = |bytes: &[u8], row_bytes: usize, alpha: &dyn Fn(&[u8], usize) -> u8| -> Vec<u8> {
            let upwards = bytes.chunks_exact(row_bytes).take(height).rev();
            upwards.flat_map(|row| (0..width).map(|x| alpha(row, x)).collect::<Vec<_>>()).collect()
        };
        let length = row_bytes(self.bits) * height;
        if let (32, Some(pixels)) = (self.bits, self.pixels.get(..length)) {
            let alpha = rows(pixels, width * 4, &|row, x| row[4 * x + 3]);
            if alpha.iter().any(|&alpha| alpha > 0) {
                return alpha;
            }
        }
        // some writers do not fill up the rows of the mask
        let mask = self.pixels.get(length..).unwrap_or_default();
        let mask_row = [row_bytes(1), width.div_ceil(8)].into_iter().find(|row| mask.len() >= row * height);
        match mask_row {
            Some(mask_row) => {
                rows(mask, mask_row, &|row, x| if row[x / 8] >> (7 - x % 8) & 1 == 1 { 0 } else { 255 })
            }
            None => vec![255; width * height],
        }
    }
}
