//! Headers of TGA files: which bytes are one, as the format has no signature; pictures of one bit a pixel, which
//! the decoder does not know, rewritten.

use std::borrow::Cow;

use super::Limits;
use super::limits::check_pixels;

/// The length of the header, and where its fields stand.
const HEADER: usize = 18;
const KIND: usize = 2;
const DEPTH: usize = 16;

/// Grey, not compressed.
const GREY: u8 = 3;

/// Whether every field of the header is plausible, which serves as a signature.
pub(super) fn is_plausible(bytes: &[u8]) -> bool {
    let Some(&header) = bytes.first_chunk::<HEADER>() else { return false };
    let [_, map, kind, _, _, map_low, map_high, map_depth, ..] = header;
    let [.., width_low, width_high, height_low, height_high, depth, descriptor] = header;
    let short = |low, high| u16::from_le_bytes([low, high]);
    let has_map = map == 1 && short(map_low, map_high) > 0 && matches!(map_depth, 15 | 16 | 24 | 32);
    let kind_fits = match kind {
        1 | 9 => has_map && matches!(depth, 8 | 16),
        2 | 10 => (map == 0 || has_map) && matches!(depth, 15 | 16 | 24 | 32),
        GREY if depth == 1 => map == 0 && map_depth == 0,
        GREY | 11 => map == 0 && matches!(depth, 8 | 16),
        _ => false,
    };
    let some = short(width_low, width_high) > 0 && short(height_low, height_high) > 0;
    kind_fits && some && descriptor & 0xc0 == 0
}

/// The file as the decoder knows it: a byte a pixel where it has a bit.
///
/// # Errors
/// It ends too early, or its picture is too large.
pub(super) fn known<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Cow<'a, [u8]>, String> {
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(bytes.into()) };
    if header[KIND] != GREY || header[DEPTH] != 1 {
        return Ok(bytes.into());
    }
    let [width, height] = [12, 14].map(|at| usize::from(u16::from_le_bytes([header[at], header[at + 1]])));
    check_pixels((width as u32, height as u32), (width * height) as u64, limits)?;
    let row_bytes = width.div_ceil(8);
    let start = HEADER + usize::from(header[0]);
    let rows = bytes.get(start..start + row_bytes * height).ok_or("the file ends too early (truncated)")?;
    let mut file = header.to_vec();
    (file[0], file[DEPTH]) = (0, 8);
    for row in rows.chunks(row_bytes) {
        file.extend((0..width).map(|x| if row[x / 8] << (x % 8) & 0x80 == 0 { 0 } else { 255 }));
    }
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_become_bytes() {
        let limits = Limits::default();
        let mut file = [0; HEADER].to_vec();
        (file[0], file[KIND], file[12], file[14], file[DEPTH], file[17]) = (2, GREY, 9, 2, 1, 0x20);
        file.extend([7, 7, 0b1010_0000, 0x80, 0, 0]);
        assert!(is_plausible(&file));
        let found = known(&file, &limits).unwrap();
        assert_eq!((found[0], found[DEPTH], found[17]), (0, 8, 0x20));
        assert_eq!(found[HEADER..][..10], [255, 0, 255, 0, 0, 0, 0, 0, 255, 0]);
        assert_eq!(found.len(), HEADER + 18);
        assert!(known(&file[..file.len() - 1], &limits).unwrap_err().contains("truncated"));
        let few = Limits { max_pixels: 17, ..limits };
        assert!(known(&file, &few).unwrap_err().starts_with("too large"));
        file[DEPTH] = 8;
        assert_eq!(known(&file, &limits).unwrap(), file);
    }
}
