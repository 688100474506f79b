//! Where each format keeps EXIF data, an XMP packet and a colour profile. A damaged block counts as missing.

use std::borrow::Cow;
use std::io::Read as _;

#[cfg(any(feature = "avif", feature = "heic"))]
use crate::images::heif;
#[cfg(feature = "psd")]
use crate::images::psd;
use crate::images::tiff::{self, Directory};

use super::boxes::{MediaBox, boxes};
use super::chunks::{png_chunks, riff_chunks};
use super::gif::{GifBlock, gif_blocks, joined};
use super::segments::segments;

/// A block: a part of the file, or unpacked from it.
pub(in crate::images) type Block<'a> = Cow<'a, [u8]>;

/// Most bytes of an unpacked block.
const MOST_BYTES: u64 = 16 << 20;

/// The keyword of an XMP packet in PNG.
const XMP_OF_PNG: &[u8] = b"XML:com.adobe.xmp\0";

/// Stands before EXIF data in JPEG, and in other formats by some writers.
const EXIF_PREFIX: &[u8] = b"Exif\0\0";

/// EXIF data: TIFF files without a picture. Canon cameras split theirs in two.
pub(super) fn exif<'a>(format: &str, bytes: &'a [u8]) -> Vec<Block<'a>> {
    let one = match format {
        "jpeg" => segment(bytes, 0xe1, EXIF_PREFIX).map(Cow::Borrowed),
        "png" => chunk(png_chunks(bytes), b"eXIf").map(Cow::Borrowed),
        "webp" => chunk(riff_chunks(bytes), b"EXIF").map(Cow::Borrowed),
        "tiff" => Some(Cow::Borrowed(bytes)),
        #[cfg(feature = "raw")]
        "raw" => return exif_of_raw(bytes),
        #[cfg(feature = "psd")]
        "psd" => psd::resource(bytes, psd::EXIF).map(Cow::Borrowed),
        #[cfg(feature = "avif")]
        "avif" => heif::exif(bytes).map(Cow::Owned),
        #[cfg(feature = "heic")]
        "heic" => heif::exif(bytes).map(Cow::Owned),
        #[cfg(feature = "jxl")]
        "jxl" => exif_of_jxl(bytes).map(Cow::Borrowed),
        _ => None,
    };
    one.map(without_prefix).into_iter().collect()
}

/// Whether the file has EXIF data packed in a way that is not read: by Brotli, in JPEG XL.
pub(super) fn has_packed_exif(format: &str, bytes: &[u8]) -> bool {
    let is_packed = |found: MediaBox<'_>| found.name == *b"brob" && found.content.starts_with(b"Exif");
    format == "jxl" && boxes(bytes).any(is_packed)
}

/// The XMP packet.
pub(in crate::images) fn xmp<'a>(format: &str, bytes: &'a [u8]) -> Option<Block<'a>> {
    match format {
        "jpeg" => segment(bytes, 0xe1, b"http://ns.adobe.com/xap/1.0/\0").map(Cow::Borrowed),
        "png" => {
            // one at most is unpacked
            let is_xmp = |(name, body): &([u8; 4], &[u8])| name == b"iTXt" && body.starts_with(XMP_OF_PNG);
            png_chunks(bytes).find(is_xmp).and_then(|(_, body)| xmp_of_png(body))
        }
        "webp" => chunk(riff_chunks(bytes), b"XMP ").map(Cow::Borrowed),
        "gif" => of_application(bytes, b"XMP DataXMP").map(Cow::Borrowed),
        "tiff" => tiff::xmp(&Directory::first(bytes).ok()?).map(Cow::Borrowed),
        #[cfg(feature = "psd")]
        "psd" => psd::resource(bytes, psd::XMP).map(Cow::Borrowed),
        #[cfg(feature = "avif")]
        "avif" => heif::xmp(bytes).map(Cow::Owned),
        #[cfg(feature = "heic")]
        "heic" => heif::xmp(bytes).map(Cow::Owned),
        #[cfg(feature = "jxl")]
        "jxl" => boxes(bytes).find(|found| found.name == *b"xml ").map(|found| Cow::Borrowed(found.content)),
        _ => None,
    }
}

/// The colour profile of a JPEG, PNG, WebP, GIF or TIFF file; other formats get theirs from their decoders. One
/// that cannot be unpacked, or lacks a piece, is given as it lies in the file, which is no profile.
pub(in crate::images) fn profile<'a>(format: &str, bytes: &'a [u8]) -> Option<Block<'a>> {
    match format {
        "jpeg" => profile_of_jpeg(bytes).map(Cow::Owned),
        "png" => {
            let body = chunk(png_chunks(bytes).take_while(|(name, _)| name != b"IDAT"), b"iCCP")?;
            // its name, and how it is packed
            let packed = after_zero(body)?.strip_prefix(&[0])?;
            Some(inflate(packed).map_or(Cow::Borrowed(packed), Cow::Owned))
        }
        "webp" => chunk(riff_chunks(bytes), b"ICCP").map(Cow::Borrowed),
        "gif" => of_application(bytes, b"ICCRGBG1012").map(|blocks| Cow::Owned(joined(blocks))),
        "tiff" => tiff::profile(&Directory::first(bytes).ok()?).map(Cow::Borrowed),
        _ => None,
    }
}

fn without_prefix(block: Block<'_>) -> Block<'_> {
    match block {
        Cow::Borrowed(block) => Cow::Borrowed(block.strip_prefix(EXIF_PREFIX).unwrap_or(block)),
        Cow::Owned(block) if block.starts_with(EXIF_PREFIX) => {
            Cow::Owned(block[EXIF_PREFIX.len()..].to_vec())
        }
        owned => owned,
    }
}

/// What follows the name in the first JPEG segment with this marker and name.
fn segment<'a>(bytes: &'a [u8], marker: u8, name: &[u8]) -> Option<&'a [u8]> {
    segments(bytes)
        .filter(|segment| segment.marker == marker)
        .find_map(|segment| segment.body.strip_prefix(name))
}

fn chunk<'a>(mut chunks: impl Iterator<Item = ([u8; 4], &'a [u8])>, wanted: &[u8; 4]) -> Option<&'a [u8]> {
    chunks.find(|(name, _)| name == wanted).map(|(_, body)| body)
}

/// The data of an application in a GIF. (An XMP packet lies there without lengths.)
fn of_application<'a>(bytes: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    gif_blocks(bytes).find_map(|block| match block {
        GifBlock::Application(name, content) if name == wanted => Some(content),
        _ => None,
    })
}

/// The profile put together from its pieces. If one is missing, they keep their names, so that they are none.
fn profile_of_jpeg(bytes: &[u8]) -> Option<Vec<u8>> {
    const APP2: u8 = 0xe2;
    let of_profile = |body: &[u8]| body.starts_with(b"ICC_PROFILE\0");
    let bodies = || segments(bytes).filter(|segment| segment.marker == APP2 && of_profile(segment.body));
    let mut pieces: Vec<(u8, u8, &[u8])> = bodies()
        .filter_map(|segment| match segment.body.get(12..)? {
            [number, count, piece @ ..] => Some((*number, *count, piece)),
            _ => None,
        })
        .collect();
    pieces.sort_by_key(|(number, ..)| *number);
    let is_whole = |(index, (number, count, _)): (usize, &(u8, u8, &[u8]))| {
        usize::from(*number) == index + 1 && usize::from(*count) == pieces.len()
    };
    match pieces.iter().enumerate().all(is_whole) {
        true => {
            (!pieces.is_empty()).then(|| pieces.iter().flat_map(|(_, _, piece)| *piece).copied().collect())
        }
        false => Some(bodies().flat_map(|segment| segment.body).copied().collect()),
    }
}

/// The text of an iTXt chunk, if it is an XMP packet.
fn xmp_of_png(body: &[u8]) -> Option<Block<'_>> {
    let body = body.strip_prefix(XMP_OF_PNG)?;
    let (&[is_packed, _], rest) = body.split_first_chunk()?;
    // a language and a translated keyword
    let text = after_zero(after_zero(rest)?)?;
    if is_packed == 1 { inflate(text).map(Cow::Owned) } else { Some(Cow::Borrowed(text)) }
}

fn after_zero(bytes: &[u8]) -> Option<&[u8]> {
    let zero = bytes.iter().position(|&byte| byte == 0)?;
    Some(&bytes[zero + 1..])
}

/// What zlib packed; none if it is damaged or too large.
fn inflate(packed: &[u8]) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    let mut reader = flate2::read::ZlibDecoder::new(packed).take(MOST_BYTES + 1);
    let read = reader.read_to_end(&mut unpacked);
    (read.is_ok() && unpacked.len() as u64 <= MOST_BYTES).then_some(unpacked)
}

/// The EXIF data of a plain box. What is packed (by Brotli) is not read.
#[cfg(feature = "jxl")]
fn exif_of_jxl(bytes: &[u8]) -> Option<&[u8]> {
    let content = boxes(bytes).find(|found| found.name == *b"Exif")?.content;
    let offset = u32::from_be_bytes(*content.first_chunk()?) as usize;
    content.get(4..)?.get(offset..)
}

/// For TIFF files the file itself, for RAF what its JPEG has, for CR3 two boxes.
#[cfg(feature = "raw")]
fn exif_of_raw(bytes: &[u8]) -> Vec<Block<'_>> {
    const JPEG_OF_RAF: usize = 84;
    if bytes.starts_with(b"FUJIFILM") {
        let at = bytes.get(JPEG_OF_RAF..).and_then(|at| at.first_chunk()).map(|at| u32::from_be_bytes(*at));
        let jpeg = at.and_then(|at| bytes.get(at as usize..)).unwrap_or_default();
        return segment(jpeg, 0xe1, EXIF_PREFIX).map(Cow::Borrowed).into_iter().collect();
    }
    if bytes.get(4..8) != Some(b"ftyp") {
        return vec![Cow::Borrowed(bytes)];
    }
    let movie = boxes(bytes).find(|found| found.name == *b"moov").map_or(&[][..], |found| found.content);
    let canon =
        boxes(movie).filter(|found| found.name == *b"uuid").filter_map(|found| found.content.get(16..));
    let parts = canon.flat_map(boxes).filter(|found| matches!(&found.name, b"CMT1" | b"CMT2"));
    parts.take(2).map(|found| Cow::Borrowed(found.content)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &[u8] = b"\xff\xd8\xff\xe0\0\x03J";
    const FIRST: &[u8] = b"\xff\xe2\0\x12ICC_PROFILE\0\x01\x02ab";
    const SECOND: &[u8] = b"\xff\xff\xe2\0\x11ICC_PROFILE\0\x02\x02c";
    const SCAN: &[u8] = b"\xff\xda\0\x02";

    #[test]
    fn the_profile_of_a_jpeg_is_put_together() {
        let of = |parts: &[&[u8]]| profile_of_jpeg(&[START, &parts.concat()].concat());
        assert_eq!(of(&[FIRST, SECOND, SCAN]).unwrap(), b"abc");
        assert_eq!(of(&[SECOND, FIRST, SCAN]).unwrap(), b"abc");
        for missing in [&[FIRST][..], &[SECOND], &[FIRST, FIRST], &[FIRST, SCAN, SECOND]] {
            assert!(of(missing).unwrap().starts_with(b"ICC_PROFILE\0"), "not a profile, and not nothing");
        }
        assert_eq!(of(&[]), None);
    }

    fn png(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, body) in chunks {
            bytes.extend([&(body.len() as u32).to_be_bytes(), &name[..], body, &[0; 4]].concat());
        }
        bytes
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        flate2::read::ZlibEncoder::new(bytes, flate2::Compression::best()).read_to_end(&mut packed).unwrap();
        packed
    }

    fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WEBP".to_vec();
        for (name, body) in chunks {
            bytes.extend([&name[..], &(body.len() as u32).to_le_bytes(), body].concat());
            bytes.resize(bytes.len().next_multiple_of(2), 0);
        }
        bytes
    }

    #[test]
    fn blocks_of_jpeg_png_and_webp_are_found() {
        let body = b"http://ns.adobe.com/xap/1.0/\0<x/>";
        let jpeg =
            [START, b"\xff\xe1\0", &[body.len() as u8 + 2], body, b"\xff\xe1\0\x0aExif\0\0MM", SCAN].concat();
        assert_eq!(
            (xmp("jpeg", &jpeg).unwrap(), exif("jpeg", &jpeg)),
            ((&b"<x/>"[..]).into(), vec![(&b"MM"[..]).into()])
        );
        let end = jpeg.len() - SCAN.len();
        (0..end).for_each(|end| assert!(exif("jpeg", &jpeg[..end]).is_empty()));

        for (text, is_packed) in [(b"<x/>".to_vec(), 0), (packed(b"<x/>"), 1)] {
            let text = [b"XML:com.adobe.xmp\0", &[is_packed, 0][..], b"en\0\0", &text].concat();
            let file = png(&[
                (b"iTXt", b"Comment\0\0\0\0\0other".to_vec()),
                (b"iCCP", [b"name\0\0", &packed(b"colours")[..]].concat()),
                (b"iTXt", text),
                (b"IDAT", vec![7; 9]),
                (b"eXIf", b"II".to_vec()),
            ]);
            assert_eq!(xmp("png", &file).unwrap(), &b"<x/>"[..]);
            assert_eq!(profile("png", &file).unwrap(), &b"colours"[..]);
            assert_eq!(exif("png", &file), [&b"II"[..]]);
            for end in 0..file.len() {
                let cut = &file[..end];
                assert!(xmp("png", cut).is_none_or(|text| text.starts_with(b"<") || text.is_empty()));
                let is_known =
                    |found: Block<'_>| *found == b"colours"[..] || packed(b"colours").starts_with(&found);
                assert!(profile("png", cut).is_none_or(is_known));
            }
        }

        let file =
            riff(&[(b"ICCP", b"one"), (b"VP8 ", b"...."), (b"EXIF", b"Exif\0\0II"), (b"XMP ", b"<x/>")]);
        assert_eq!(
            (profile("webp", &file).unwrap(), xmp("webp", &file).unwrap()),
            ((&b"one"[..]).into(), (&b"<x/>"[..]).into())
        );
        assert_eq!(exif("webp", &file), [&b"II"[..]]);
        let gif =
            b"GIF89a\x01\0\x01\0\0\0\0\x21\xff\x0bICCRGBG1012\x02on\x01e\0\x21\xff\x0bXMP DataXMP\x03<x/\0;";
        assert_eq!(profile("gif", gif).unwrap(), &b"one"[..]);
        assert_eq!(xmp("gif", gif).unwrap(), &b"\x03<x/"[..]);
        assert!(exif("gif", gif).is_empty() && xmp("gif", &file).is_none() && profile("bmp", gif).is_none());
    }

    #[cfg(feature = "raw")]
    #[test]
    fn cameras_keep_theirs_in_the_file_itself_in_a_jpeg_or_in_boxes() {
        let boxed = |name: &[u8; 4], parts: &[&[u8]]| {
            let content = parts.concat();
            [&(content.len() as u32 + 8).to_be_bytes(), &name[..], &content].concat()
        };
        let canon = boxed(b"uuid", &[&[7; 16], &boxed(b"CMT1", &[b"II1"]), &boxed(b"CMT2", &[b"II2"])]);
        let cr3 = [boxed(b"ftyp", &[b"crx "]), boxed(b"moov", &[&boxed(b"trak", &[]), &canon])].concat();
        assert_eq!(exif("raw", &cr3), [&b"II1"[..], b"II2"]);
        let mut raf = b"FUJIFILMCCD-RAW".to_vec();
        raf.resize(84, 0);
        raf.extend([0, 0, 0, 90, 0, 0]);
        raf.extend(b"\xff\xd8\xff\xe1\0\x0aExif\0\0II\xff\xda\0\x02");
        assert_eq!(exif("raw", &raf), [&b"II"[..]]);
        assert_eq!(exif("raw", b"IIU\0"), [&b"IIU\0"[..]]);
        for (file, most) in [(cr3, 2), (raf, 1)] {
            (0..file.len()).for_each(|end| assert!(exif("raw", &file[..end]).len() <= most));
        }
    }

    #[cfg(feature = "heic")]
    #[test]
    fn a_file_of_libheif_holds_exif_data() {
        let file = include_bytes!("../../../tests/data/table/heic-6.heic");
        let found = exif("heic", file);
        assert!(found.len() == 1 && found[0].starts_with(b"MM\0*"), "{found:?}");
        for end in (0..file.len()).step_by(7) {
            assert!(exif("heic", &file[..end]).len() <= 1 && xmp("heic", &file[..end]).is_none());
        }
    }

    #[cfg(feature = "jxl")]
    #[test]
    fn boxes_of_jpeg_xl_are_plain_or_packed() {
        let packed = include_bytes!("../../../tests/data/jxl/turned.jxl");
        assert!(has_packed_exif("jxl", packed) && exif("jxl", packed).is_empty());
        let start = b"\0\0\0\x0cJXL \r\n\x87\n";
        let plain = [&start[..], b"\0\0\0\x10Exif\0\0\0\x02..II\0\0\0\x0cxml <x/>"].concat();
        assert_eq!(exif("jxl", &plain), [&b"II"[..]]);
        assert!(xmp("jxl", &plain).is_some_and(|packet| *packet == b"<x/>"[..]));
        assert!(!has_packed_exif("jxl", &plain) && !has_packed_exif("png", packed));
    }

    #[test]
    fn what_unpacks_to_too_much_is_given_as_it_is() {
        let bomb = packed(&vec![0; MOST_BYTES as usize + 1]);
        assert!(bomb.len() < 1 << 16);
        assert_eq!(profile("png", &png(&[(b"iCCP", [b"n\0\0", &bomb[..]].concat())])).unwrap(), bomb);
        let of_xmp = [XMP_OF_PNG, b"\x01\0\0\0", &bomb[..]].concat();
        let small = [XMP_OF_PNG, b"\0\0\0\0<x/>"].concat();
        let both = png(&[(b"iTXt", of_xmp), (b"iTXt", small)]);
        assert_eq!(xmp("png", &both), None, "no other is unpacked");
        assert!(inflate(&packed(&vec![0; MOST_BYTES as usize])).is_some());
    }
}
