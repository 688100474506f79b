//! Damage that decoders pass over: checksums that do not fit, ends that are missing. JPEG files tell theirs while
//! they are decoded (`jpeg`); what is wrong with the pixels of other formats is their decoder's to say.

use super::metadata::{GifBlock, gif_blocks, gif_end, png_chunks};
use super::tiff;

/// What is wrong with a file whose pixels can be decoded.
pub(super) fn damage(format: &str, bytes: &[u8]) -> Option<String> {
    match format {
        "png" => png(bytes),
        "gif" => gif(bytes),
        "webp" => webp(bytes),
        "tiff" => tiff_chunks(bytes),
        "qoi" => missing(!bytes.ends_with(&[0, 0, 0, 0, 0, 0, 0, 1]), "its end"),
        _ => None,
    }
}

fn missing(is_missing: bool, what: &str) -> Option<String> {
    is_missing.then(|| format!("{what} is missing"))
}

/// Each chunk has a checksum; decoders check those that they need.
fn png(bytes: &[u8]) -> Option<String> {
    let mut at = 8;
    for (name, body) in png_chunks(bytes) {
        let end = at + 8 + body.len();
        let Some(&wanted) = bytes.get(end..).and_then(<[u8]>::first_chunk) else { break };
        let mut sum = flate2::Crc::new();
        sum.update(&bytes[at + 4..end]);
        if sum.sum() != u32::from_be_bytes(wanted) {
            return Some(format!("the checksum of its {} chunk is wrong", String::from_utf8_lossy(&name)));
        }
        if name == *b"IEND" {
            return None;
        }
        at = end + 4;
    }
    Some("its end is missing".to_owned())
}

fn gif(bytes: &[u8]) -> Option<String> {
    let has_picture = gif_blocks(bytes).any(|block| block == GifBlock::Image);
    missing(!has_picture || gif_end(bytes).is_none(), "its end")
}

/// The header says how long the file is.
fn webp(bytes: &[u8]) -> Option<String> {
    let said = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?) as usize;
    missing(bytes.len() < said.saturating_add(8), "its end")
}

/// Compressed strips and tiles whose last bytes are not there may still give all pixels.
fn tiff_chunks(bytes: &[u8]) -> Option<String> {
    let directory = tiff::Directory::first(bytes).ok()?;
    let layout = tiff::Layout::of(&directory).ok()?;
    missing(layout.ends_beyond(bytes.len() as u64), "the end of a strip or tile")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{Pixels, encode_png};

    #[test]
    fn checksums_and_ends_are_checked() {
        let png = encode_png(&Pixels { width: 9, height: 7, channels: 1, data: vec![7; 63] }).unwrap();
        assert_eq!(damage("png", &png), None);
        for end in 8..png.len() {
            assert!(damage("png", &png[..end]).is_some(), "cut at {end}");
        }
        for at in 12..png.len() {
            let mut flipped = png.clone();
            flipped[at] ^= 1;
            assert!(damage("png", &flipped).is_some(), "byte {at}");
        }
        let mut gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\0\0\0".to_vec();
        gif.extend([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b]);
        assert_eq!(damage("gif", &gif), None);
        (13..gif.len()).for_each(|end| assert!(damage("gif", &gif[..end]).is_some(), "{end}"));
        let webp = b"RIFF\x0c\0\0\0WEBPVP8L\0\0\0\0";
        assert_eq!((damage("webp", webp), damage("qoi", b"qoif\0\0\0\0\0\0\0\x01")), (None, None));
        assert!(damage("webp", b"RIFF\x10\0\0\0WEBPVP8L\x04\0\0\0ab").is_some());
        assert!(damage("qoi", b"qoif\0\0\0\0\0\0\x01").is_some());
    }
}
