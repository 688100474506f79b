//! Whether an image file holds more pictures than the first, which is the one that is decoded: frames, pages,
//! sizes. How many frames there are.
//!
//! Only headers and block lengths are read; a damaged file counts as one picture, or as those before the damage.

use super::parts::{MOST, parts};
use crate::images::metadata::{GifBlock, gif_blocks, png_chunks, riff_chunks};
use crate::images::tiff::Directory;

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
            Some((true, claimed)) => count(png_chunks(bytes), b"fcTL").min(claimed),
            _ => 1,
        },
        "webp" if webp(bytes) == Some(true) => count(riff_chunks(bytes), b"ANMF"),
        _ => 1,
    }
}

/// Images of a GIF, no more than `most`.
fn gif(bytes: &[u8], most: usize) -> usize {
    gif_blocks(bytes).filter(|block| *block == GifBlock::Image).take(most).count()
}

/// Whether a PNG is animated, and how many frames it claims. The control chunk of an animation precedes the
/// pixels.
fn png(bytes: &[u8]) -> Option<(bool, usize)> {
    let mut chunks = png_chunks(bytes);
    let (name, body) = chunks.find(|(name, _)| matches!(name, b"acTL" | b"IDAT" | b"IEND"))?;
    match &name {
        b"acTL" => Some((true, u32::from_be_bytes(*body.first_chunk()?) as usize)),
        _ => Some((false, 1)),
    }
}

/// Chunks with this name, at most one more than [`MOST`].
fn count<'a>(chunks: impl Iterator<Item = ([u8; 4], &'a [u8])>, wanted: &[u8; 4]) -> usize {
    chunks.filter(|(name, _)| name == wanted).take(MOST + 1).count()
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

/// One directory per page, each with the offset of the next.
fn tiff(bytes: &[u8]) -> Option<bool> {
    Some(Directory::first(bytes).ok()?.next != 0)
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
            bytes.extend([0, 0, 0, 4]);
            bytes.extend(*chunk);
            bytes.extend([7; 8]);
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

        // the body of each chunk is 7 7 7 7: it claims more frames than there are
        let mut png = png_of(&[b"IHDR", b"acTL", b"fcTL", b"IDAT", b"fcTL", b"fdAT", b"IEND"]);
        assert_eq!(frames("png", &png), 2);
        let claimed = 8 + 16 + 8;
        png[claimed..claimed + 4].copy_from_slice(&1_u32.to_be_bytes());
        assert_eq!((frames("png", &png), frames("png", &png_of(&[b"IHDR", b"fcTL", b"IDAT"]))), (1, 1));

        let mut webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0".to_vec();
        webp.extend(b"ANMF\x03\0\0\0\x01\x01\x01\0ANMF\x04\0\0\0\x01\x01\x01\x01");
        assert_eq!((frames("webp", &webp), frames("webp", &webp[..30]), frames("jpeg", &webp)), (2, 0, 1));
    }
}
