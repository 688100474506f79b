//! Whether an image file holds more pictures than the first, which is the one that is decoded: frames, pages,
//! sizes. How many frames there are.
//!
//! Only headers and block lengths are read; a damaged file counts as one picture, or as those before the damage.

use super::parts::{MOST, parts};

/// Whether there are more pictures in a file of this format, such as `gif`.
pub(in crate::images) fn several(format: &str, bytes: &[u8]) -> bool {
    let found = match format {
        "gif" => Some(gif(bytes, 2) > 1),
        "png" => png(bytes).map(|(is_animated, _)| is_animated),
        "webp" => webp(bytes),
        "tiff" => tiff(bytes),
        "jpeg" => Some(parts(format, bytes).len() > 1),
        "heic" | "avif" => Some(is_sequence(bytes) || parts(format, bytes).len() > 1),
        "ico" => bytes.get(4..6).map(|count| count != [1, 0]),
        _ => None,
    };
    found.unwrap_or(false)
}

/// The number of frames of a GIF, PNG or WebP, at most one more than [`MOST`]; of a damaged file those before
/// the damage.
pub(in crate::images) fn frames(format: &str, bytes: &[u8]) -> usize {
    match format {
        "gif" => gif(bytes, MOST + 1),
        "png" => match png(bytes) {
            // frames have as many control chunks
            Some((true, claimed)) => chunks(bytes, b"fcTL").min(claimed),
            _ => 1,
        },
        "webp" if webp(bytes) == Some(true) => chunks(bytes, b"ANMF"),
        _ => 1,
    }
}

/// Images of a GIF, no more than `most`. Blocks: a header with a table of colours, then images and extensions,
/// each with sub-blocks up to an empty one.
fn gif(bytes: &[u8], most: usize) -> usize {
    let table = |flags: u8| if flags & 0x80 != 0 { 3 << ((flags & 7) + 1) } else { 0 };
    let mut images = 0;
    let mut count = || {
        let mut at = 13 + table(*bytes.get(10)?);
        while images < most {
            at += match bytes.get(at)? {
                0x2c => {
                    images += 1;
                    10 + table(*bytes.get(at + 9)?) + 1
                }
                0x21 => 2,
                _ => return None,
            };
            while let length @ 1.. = usize::from(*bytes.get(at)?) {
                at += 1 + length;
            }
            at += 1;
        }
        Some(())
    };
    count();
    images
}

/// Whether a PNG is animated, and how many frames it claims. The control chunk of an animation precedes the
/// pixels.
fn png(bytes: &[u8]) -> Option<(bool, usize)> {
    let mut at = 8;
    loop {
        let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
        let length = number(at)?;
        match bytes.get(at + 4..at + 8)? {
            b"acTL" => return Some((true, number(at + 8)?)),
            b"IDAT" | b"IEND" => return Some((false, 1)),
            _ => at = at.checked_add(12)?.checked_add(length)?,
        }
    }
}

/// Chunks with this name in a PNG or WebP, at most one more than [`MOST`]. In PNG the length precedes the name,
/// and a checksum follows; in WebP the name precedes the length, and a chunk of odd length is padded.
fn chunks(bytes: &[u8], wanted: &[u8; 4]) -> usize {
    let is_png = bytes.starts_with(b"\x89");
    let (mut at, mut found) = (if is_png { 8 } else { 12 }, 0);
    let word = |at: usize| bytes.get(at..)?.first_chunk::<4>();
    while let (Some(&first), Some(&second), true) = (word(at), word(at.saturating_add(4)), found <= MOST) {
        let (name, length) = match is_png {
            true => (second, u32::from_be_bytes(first) as usize + 4),
            false => (first, (u32::from_le_bytes(second) as usize).next_multiple_of(2)),
        };
        found += usize::from(name == *wanted);
        at = at.saturating_add(8).saturating_add(length);
    }
    found
}

/// Whether one of the brands of an HEIF file is that of a sequence.
fn is_sequence(bytes: &[u8]) -> bool {
    let size = bytes.first_chunk().map_or(0, |size| u32::from_be_bytes(*size) as usize);
    let brands = bytes.get(8..size.min(bytes.len())).unwrap_or_default();
    brands.as_chunks::<4>().0.iter().any(|brand| matches!(brand, b"avis" | b"hevc" | b"hevx" | b"msf1"))
}

/// A flag of the extended header.
fn webp(bytes: &[u8]) -> Option<bool> {
    Some(bytes.get(12..16)? == b"VP8X" && bytes.get(20)? & 2 != 0)
}

/// One directory per page, each with the offset of the next; offsets have 8 bytes in large files.
fn tiff(bytes: &[u8]) -> Option<bool> {
    let is_little = bytes.first()? == &b'I';
    let number = |at: usize, size: usize| -> Option<usize> {
        let digits = bytes.get(at..at.checked_add(size)?)?;
        let add = |value: u64, digit: &u8| value << 8 | u64::from(*digit);
        let value = if is_little { digits.iter().rev().fold(0, add) } else { digits.iter().fold(0, add) };
        usize::try_from(value).ok()
    };
    let is_large = number(2, 2)? == 43;
    let (offset, count, entry) = if is_large { (8, 8, 20) } else { (4, 2, 12) };
    let first = number(offset, offset)?;
    let entries = number(first, count)?;
    let next = first.checked_add(count)?.checked_add(entries.checked_mul(entry)?)?;
    Some(number(next, offset)? != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A GIF of so many images of one pixel, each with an extension before it.
    fn gif_of(images: usize) -> Vec<u8> {
        let mut bytes = b"GIF89a\x01\0\x01\0\x80\0\0".to_vec();
        bytes.extend([0; 6]); // two colours
        for _ in 0..images {
            bytes.extend([0x21, 0xf9, 4, 0, 0, 0, 0, 0]);
            bytes.extend([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]);
        }
        bytes.push(0x3b);
        bytes
    }

    fn png_of(chunks: &[&[u8; 4]]) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        for chunk in chunks {
            bytes.extend([0, 0, 0, 3]);
            bytes.extend(*chunk);
            bytes.extend([7; 7]);
        }
        bytes
    }

    fn tiff_of(pages: u32, is_little: bool) -> Vec<u8> {
        let long = |n: u32| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let short = |n: u16| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let mut bytes = if is_little { b"II".to_vec() } else { b"MM".to_vec() };
        bytes.extend(short(42));
        bytes.extend(long(8));
        for page in 1..=pages {
            bytes.extend(short(1));
            bytes.extend([1; 12]);
            bytes.extend(long(if page == pages { 0 } else { 8 + 18 * page }));
        }
        bytes
    }

    #[test]
    fn more_than_one_picture_is_seen() {
        for (format, one, more) in [
            ("gif", gif_of(1), gif_of(2)),
            ("png", png_of(&[b"IHDR", b"IDAT"]), png_of(&[b"IHDR", b"acTL", b"IDAT"])),
            ("tiff", tiff_of(1, true), tiff_of(3, true)),
            ("tiff", tiff_of(1, false), tiff_of(2, false)),
            (
                "webp",
                b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x08".to_vec(),
                b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02".to_vec(),
            ),
            ("ico", vec![0, 0, 1, 0, 1, 0], vec![0, 0, 1, 0, 2, 0]),
            ("avif", b"\0\0\0\x14ftypavif\0\0\0\0mif1".to_vec(), b"\0\0\0\x14ftypavif\0\0\0\0avis".to_vec()),
        ] {
            assert!(!several(format, &one) && several(format, &more), "{format}");
            // damage is one picture, and no panic
            (0..one.len()).for_each(|end| assert!(!several(format, &one[..end]) || format == "ico"));
        }
        assert!(!several("jpeg", &gif_of(2)));
    }

    #[test]
    fn frames_are_counted_up_to_the_damage() {
        assert_eq!((frames("gif", &gif_of(7)), frames("gif", &gif_of(MOST + 9))), (7, MOST + 1));
        let gif = gif_of(3);
        let counts: Vec<usize> = (0..=gif.len()).map(|end| frames("gif", &gif[..end])).collect();
        assert!(counts.is_sorted() && counts[gif.len()] == 3 && counts[gif.len() - 16] == 2);

        // the body of each chunk is 7 7 7: it claims more frames than there are
        let mut png = png_of(&[b"IHDR", b"acTL", b"fcTL", b"IDAT", b"fcTL", b"fdAT", b"IEND"]);
        assert_eq!(frames("png", &png), 2);
        let claimed = 8 + 15 + 8;
        png[claimed..claimed + 4].copy_from_slice(&1_u32.to_be_bytes());
        assert_eq!((frames("png", &png), frames("png", &png_of(&[b"IHDR", b"fcTL", b"IDAT"]))), (1, 1));

        let mut webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0".to_vec();
        webp.extend(b"ANMF\x03\0\0\0\x01\x01\x01\0ANMF\x04\0\0\0\x01\x01\x01\x01");
        assert_eq!((frames("webp", &webp), frames("webp", &webp[..30]), frames("jpeg", &webp)), (2, 0, 1));
    }
}
