//! Headers of BMP files that the decoder does not know, rewritten: OS/2's second version, bitmaps without a
//! file header (`.dib`), and the bitmaps inside ICO files.

use std::borrow::Cow;

/// The header before a bitmap's own.
const FILE_HEADER: usize = 14;

/// The sizes of OS/2's second header, short and whole. Its fields are those of Windows up to the 40th byte.
const OS2: [usize; 2] = [16, 64];
const WINDOWS: usize = 40;

/// Whether a file begins with a bitmap's header, without the file header that belongs before it.
pub(super) fn is_bare(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<WINDOWS>() else { return false };
    let one_plane = header[12..14] == [1, 0];
    let compression = long(header, 16).is_some_and(|kind| kind <= 3);
    bytes.starts_with(&[WINDOWS as u8, 0, 0, 0])
        && one_plane
        && compression
        && matches!(header[14..16], [1 | 4 | 8 | 16 | 24 | 32, 0])
}

/// The file with a header that the decoder knows.
///
/// # Errors
/// The compression is one of OS/2's own.
pub(super) fn known(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    if is_bare(bytes) {
        return Ok(with_file_header(bytes).into());
    }
    let size = long(bytes, FILE_HEADER).map_or(0, |size| size as usize);
    let (true, Some(header)) = (OS2.contains(&size), bytes.get(FILE_HEADER..FILE_HEADER + size)) else {
        return Ok(bytes.into());
    };
    let name = match long(header, 16).unwrap_or(0) {
        3 => "Huffman",
        4 => "24-bit run-length",
        _ => "",
    };
    if !name.is_empty() {
        return Err(format!("not supported: OS/2's {name} compression; ImageMagick reads some such files"));
    }
    let mut windows = [0; WINDOWS];
    let kept = size.min(WINDOWS);
    windows[..kept].copy_from_slice(&header[..kept]);
    windows[..4].copy_from_slice(&(WINDOWS as u32).to_le_bytes());
    let mut file = bytes[..FILE_HEADER].to_vec();
    let pixels = long(bytes, 10).unwrap_or(0).wrapping_add(WINDOWS as u32).wrapping_sub(size as u32);
    file[10..].copy_from_slice(&pixels.to_le_bytes());
    file.extend(windows);
    file.extend(&bytes[FILE_HEADER + size..]);
    Ok(file.into())
}

/// Whether masks give a channel more than the 8 bits that are decoded.
pub(super) fn is_finer(bytes: &[u8]) -> bool {
    /// The size of the first header that has a mask for alpha.
    const WITH_ALPHA: u32 = 56;
    let start = if is_bare(bytes) { 0 } else { FILE_HEADER };
    let has_alpha = long(bytes, start).is_some_and(|size| size >= WITH_ALPHA);
    let count = match long(bytes, start + 16) {
        Some(3) => 3 + usize::from(has_alpha),
        Some(6) => 4,
        _ => 0,
    };
    let mut masks = (0..count).filter_map(|mask| long(bytes, start + WINDOWS + 4 * mask));
    masks.any(|mask| mask.count_ones() > 8)
}

/// What the header says about colours, and the profile in the file; none if that is sRGB, or nothing.
pub(super) fn colours(bytes: &[u8]) -> Option<Vec<u8>> {
    /// The sizes of the headers that have colours, and a profile.
    const CALIBRATED: u32 = 108;
    const PROFILED: u32 = 124;
    let start = if is_bare(bytes) { 0 } else { FILE_HEADER };
    let size = long(bytes, start)?;
    // primaries of three numbers each, and three gammas
    let told = bytes.get(start + 60..start + 108).filter(|_| size >= CALIBRATED)?;
    match &bytes[start + 56..start + 60] {
        b"BGRs" | b" niW" => None,
        b"DEBM" | b"KNIL" if size >= PROFILED => {
            let [at, length] =
                [112, 116].map(|at| long(bytes, start + at).map_or(0, |number| number as usize));
            let profile = bytes.get(start.saturating_add(at)..)?;
            Some(profile[..length.min(profile.len())].to_vec())
        }
        _ => told.iter().any(|&byte| byte > 0).then(|| told.to_vec()),
    }
}

/// A bitmap as a file.
pub(super) fn with_file_header(bitmap: &[u8]) -> Vec<u8> {
    let mut file = b"BM".to_vec();
    file.extend((bitmap.len() as u32).saturating_add(FILE_HEADER as u32).to_le_bytes());
    file.extend([0; 4]);
    file.extend(((FILE_HEADER + pixels_at(bitmap)) as u32).to_le_bytes());
    file.extend(bitmap);
    file
}

/// Where the pixels of a bitmap begin: behind its header, the masks of its channels, and its colours.
pub(super) fn pixels_at(bitmap: &[u8]) -> usize {
    let field = |at| long(bitmap, at).unwrap_or(0) as usize;
    let bits = bits(bitmap);
    let masks = if field(0) == WINDOWS && field(16) == 3 { 12 } else { 0 };
    let colours = match field(32) {
        0 if bits <= 8 => 1 << bits,
        some => some.min(1 << 16),
    };
    field(0).min(1 << 16) + masks + 4 * colours
}

/// Bits a pixel.
pub(super) fn bits(bitmap: &[u8]) -> u8 {
    bitmap.get(14).copied().unwrap_or(0)
}

/// The little-endian number at `at`.
pub(super) fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|digits| u32::from_le_bytes(*digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_that_are_not_srgb_are_told() {
        let header = |size: u8, kind: &[u8; 4], told: u8| {
            let mut file = [&b"BM"[..], &[0; 12], &[size, 0, 0, 0], &[0; 52], kind].concat();
            file.extend([told; 48]);
            file.extend([[0; 4], 124_u32.to_le_bytes(), 3_u32.to_le_bytes(), [0; 4]].concat());
            file.extend(b"icc, pixels");
            file
        };
        assert_eq!(colours(&header(124, b"BGRs", 7)), None);
        assert_eq!(colours(&header(108, b" niW", 7)), None);
        assert_eq!((colours(&header(40, b"\0\0\0\0", 7)), colours(b"BM")), (None, None));
        assert_eq!(colours(&header(108, b"\0\0\0\0", 0)), None);
        assert_eq!(colours(&header(108, b"\0\0\0\0", 7)).unwrap(), [7; 48]);
        assert_eq!(colours(&header(124, b"DEBM", 0)).unwrap(), b"icc");
    }
}
