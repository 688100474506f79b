//! What a file holds beside the picture that is decoded, and beside the pages and frames that `several` counts:
//! the film of a motion photo, a depth map, another picture behind the end, the gain map of an HDR photo.

use super::parts::{index_entries, is_gain_map, is_thumbnail};
use crate::images::jpeg;
use crate::images::metadata::{GifBlock, gif_blocks, gif_end, png_chunks, riff_chunks, segments, xmp_packet};

/// What else there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(in crate::images) enum Inside {
    /// Nothing, or only smaller sizes of the same picture.
    #[default]
    Nothing,
    /// Something that is not looked at: two files with the same pixels may differ in it.
    More,
    /// Another picture, a depth map, or a film.
    Picture,
}

/// What is beside the picture in a file of this format, such as `jpeg`.
pub(in crate::images) fn inside(format: &str, bytes: &[u8]) -> Inside {
    match format {
        "jpeg" => jpeg_file(bytes),
        "heic" | "avif" => heif(bytes),
        "png" => png_end(bytes).map_or(Inside::Nothing, |end| behind(&bytes[end..])),
        "gif" if gif_blocks(bytes).any(|block| block == GifBlock::Image) => {
            gif_end(bytes).map_or(Inside::Nothing, |end| behind(&bytes[end..]))
        }
        "webp" => riff_end(bytes).map_or(Inside::Nothing, |end| behind(&bytes[end.min(bytes.len())..])),
        _ => Inside::Nothing,
    }
}

fn jpeg_file(bytes: &[u8]) -> Inside {
    const EXTENSION: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
    let extended: Vec<u8> = segments(bytes)
        .filter(|segment| segment.marker == 0xe1 && segment.body.starts_with(EXTENSION))
        .flat_map(|segment| segment.body.get(EXTENSION.len() + 40..).unwrap_or_default())
        .copied()
        .collect();
    let says = |text: &[u8], marks: &[&[u8]]| marks.iter().any(|mark| has(text, mark));
    if says(&extended, &[b"GDepth:Data", b"GImage:Data", b"GDepth:Image", b"Device:Data"]) {
        return Inside::Picture;
    }
    let packet = xmp_packet("jpeg", bytes).unwrap_or_default();
    let rest = jpeg::end(bytes).map_or(&[][..], |end| &bytes[end..]);
    let in_packet =
        if says(&packet, &[b"GDepth:Data", b"GImage:Data"]) { Inside::Picture } else { Inside::Nothing };
    in_packet.max(behind_jpeg(bytes, rest))
}

/// What is behind the end of a JPEG file: other JPEG files, one after the other, then anything.
fn behind_jpeg(bytes: &[u8], mut rest: &[u8]) -> Inside {
    let small: Vec<usize> =
        index_entries(bytes).into_iter().filter(is_thumbnail).map(|entry| entry.range.start).collect();
    let mut found = Inside::Nothing;
    loop {
        rest = without_zeros(rest);
        if !rest.starts_with(b"\xff\xd8\xff") {
            return found.max(behind(rest));
        }
        let at = bytes.len() - rest.len();
        let end = jpeg::end(rest).unwrap_or(rest.len());
        found = found.max(match () {
            () if is_gain_map(&rest[..end]) => Inside::More,
            () if small.contains(&at) => Inside::Nothing,
            () => Inside::Picture,
        });
        rest = &rest[end..];
    }
}

/// What bytes behind the end of a file are.
fn behind(rest: &[u8]) -> Inside {
    const PICTURES: [&[u8]; 5] = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"WEBPVP8", b"DepthMap"];
    let rest = without_zeros(rest);
    let is_film = |at: usize| rest.get(at + 4..at + 8).is_some_and(|brand| brand.is_ascii());
    let has_film = rest.windows(4).enumerate().any(|(at, four)| four == b"ftyp" && is_film(at));
    match () {
        () if rest.is_empty() => Inside::Nothing,
        () if has_film || PICTURES.iter().any(|mark| has(rest, mark)) => Inside::Picture,
        () => Inside::More,
    }
}

/// HEIC files keep the film of a motion photo in a box of its own or behind all others, and depth maps as
/// pictures that belong to the main one.
fn heif(bytes: &[u8]) -> Inside {
    /// Directories of what is inside come first.
    const HEAD: usize = 1 << 18;
    let head = &bytes[..bytes.len().min(HEAD)];
    let depth: [&[u8]; 2] = [b"hevc:2015:auxid:2", b"auxiliary:depth"];
    let mut at = 0_usize;
    let mut is_film = false;
    while let Some(&[a, b, c, d, name @ ..]) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        is_film |= name == *b"mpvd" || at > 0 && name == *b"ftyp";
        match u32::from_be_bytes([a, b, c, d]) as usize {
            size @ 8.. => at = at.saturating_add(size),
            _ => break,
        }
    }
    if is_film || depth.iter().any(|mark| has(head, mark)) { Inside::Picture } else { Inside::Nothing }
}

fn png_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 8;
    for (name, body) in png_chunks(bytes) {
        at += 12 + body.len();
        if name == *b"IEND" {
            return (at <= bytes.len()).then_some(at);
        }
    }
    None
}

/// By the length in its header, or behind its last chunk if that is farther.
fn riff_end(bytes: &[u8]) -> Option<usize> {
    riff_chunks(bytes).next()?;
    let size = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?) as usize;
    Some(size.saturating_add(8).next_multiple_of(2))
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().take_while(|&&byte| byte == 0).count();
    &bytes[start..]
}

fn has(text: &[u8], mark: &[u8]) -> bool {
    text.windows(mark.len()).any(|window| window == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x04JF\xff\xda\0\x03x\x01\x02\xff\0\x03\xff\xd9";

    #[test]
    fn what_is_behind_a_jpeg_is_seen() {
        let with = |more: &[u8]| inside("jpeg", &[JPEG, more].concat());
        assert_eq!((with(b""), with(&[0; 99])), (Inside::Nothing, Inside::Nothing));
        assert_eq!(with(b"SEFT and numbers"), Inside::More);
        assert_eq!(with(b"\0\0\0\x18ftypmp42 and so on"), Inside::Picture);
        assert_eq!((with(JPEG), with(b"...DepthMap...")), (Inside::Picture, Inside::Picture));
        let gain = [&JPEG[..4], b"\0\x0ahdrgainmap", &JPEG[8..]].concat();
        assert_eq!(with(&gain), Inside::More);
        assert_eq!(with(&[&gain, JPEG].concat()), Inside::Picture);
        let segment = |body: &[u8]| {
            let length = (2 + body.len()) as u16;
            [&JPEG[..2], b"\xff\xe1", &length.to_be_bytes(), body, &JPEG[2..]].concat()
        };
        let extended =
            [&b"http://ns.adobe.com/xmp/extension/\0"[..], &[b'0'; 40], b"GDepth:Data='x'"].concat();
        assert_eq!(inside("jpeg", &segment(&extended)), Inside::Picture);
        assert_eq!(
            inside("jpeg", &segment(b"http://ns.adobe.com/xap/1.0/\0GImage:Data='x'")),
            Inside::Picture
        );
        (0..JPEG.len()).for_each(|end| assert_eq!(inside("jpeg", &JPEG[..end]), Inside::Nothing));
    }

    #[test]
    fn what_is_behind_other_files_is_seen() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\0IHDR1234\0\0\0\0IEND1234";
        let mut gif = b"GIF89a\x01\0\x01\0\0\0\0".to_vec();
        gif.extend([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b]);
        let webp = b"RIFF\x0c\0\0\0WEBPVP8L\0\0\0\0";
        for (format, file) in [("png", &png[..]), ("gif", &gif), ("webp", webp)] {
            let with = |more: &[u8]| inside(format, &[file, more].concat());
            assert_eq!(
                (with(b""), with(b"\0\0"), with(b"abc")),
                (Inside::Nothing, Inside::Nothing, Inside::More)
            );
            assert_eq!(with(b"\0\0\0\x18ftypisom"), Inside::Picture, "{format}");
            (0..file.len()).for_each(|end| assert_eq!(inside(format, &file[..end]), Inside::Nothing));
        }
        let heic = b"\0\0\0\x0cftypheic\0\0\0\x08mdat";
        assert_eq!(inside("heic", heic), Inside::Nothing);
        assert_eq!(inside("heic", &[&heic[..], b"\0\0\0\x08mpvd"].concat()), Inside::Picture);
        assert_eq!(inside("heic", &[&heic[..], b"\0\0\0\x0cftypmp42"].concat()), Inside::Picture);
        assert_eq!(inside("heic", b"\0\0\0\x30ftypheic urn:mpeg:hevc:2015:auxid:2"), Inside::Picture);
    }
}
