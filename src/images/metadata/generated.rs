//! Does an image file tell how it was generated? Image generators write what they were asked for into text
//! chunks of PNG files or the comment of EXIF data, plotting programs and screenshot tools their name;
//! content credentials (C2PA) are signed. A program that converts the file drops all of these.

use super::boxes::boxes;
use super::chunks::{png_chunks, riff_chunks};
use super::exif::Exif;
use super::segments::segments;

/// Keywords of text chunks that hold a request: those of Stable Diffusion web UI, ComfyUI, InvokeAI and
/// others.
const REQUESTS: [&[u8]; 7] = [
    b"parameters",
    b"prompt",
    b"workflow",
    b"sd-metadata",
    b"Dream",
    b"invokeai_metadata",
    b"generation_data",
];
/// The keyword of the program that made a PNG file.
const PROGRAM: &[u8] = b"Software";
/// Programs that draw what they write, in lower case: others write their name into what they convert, too.
const DRAW: [&str; 8] =
    ["matplotlib", "screenshot", "flameshot", "spectacle", "novelai", "gnuplot", "graphviz", "plotly"];
/// The name of content credentials in HEIC and AVIF files: the first bytes of a `uuid` box.
const C2PA: [u8; 16] =
    [0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81];

/// Whether a file of this format, such as `png`, with this EXIF data tells it.
pub(super) fn is_told(format: &str, bytes: &[u8], exif: &Exif<'_>) -> bool {
    let in_file = match format {
        "png" => png_chunks(bytes).any(|(name, body)| match &name {
            b"tEXt" | b"zTXt" | b"iTXt" => is_request(body),
            b"caBX" => true,
            _ => false,
        }),
        "jpeg" => {
            const APP11: u8 = 0xeb;
            segments(bytes).any(|segment| segment.marker == APP11 && holds(segment.body, b"c2pa"))
        }
        "webp" => riff_chunks(bytes).any(|(name, _)| name == *b"C2PA"),
        "heic" | "avif" => {
            boxes(bytes).any(|found| found.name == *b"uuid" && found.content.starts_with(&C2PA))
        }
        _ => false,
    };
    let comment = || exif.comment();
    in_file || matches!(format, "jpeg" | "webp" | "avif") && is_asked(&comment())
}

/// Whether a text chunk is one that tells it.
fn is_request(body: &[u8]) -> bool {
    let Some(end) = body.iter().take(80).position(|byte| *byte == 0) else { return false };
    let (keyword, text) = (&body[..end], &body[end..]);
    if keyword == PROGRAM {
        let name = String::from_utf8_lossy(&text[..text.len().min(200)]).to_lowercase();
        return DRAW.iter().any(|program| name.contains(program));
    }
    REQUESTS.contains(&keyword)
}

/// Whether a comment is what an image generator was asked for.
fn is_asked(comment: &[u8]) -> bool {
    holds(comment, b"Steps: ") && holds(comment, b"Seed: ")
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::metadata::blocks::Block;

    fn png(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n", &(body.len() as u32).to_be_bytes()[..], name, body, &[0; 4]].concat()
    }

    fn is_told_by(format: &str, bytes: &[u8]) -> bool {
        is_told(format, bytes, &Exif::of(&[]))
    }

    #[test]
    fn what_generators_write_is_known() {
        for (name, body) in [
            (b"tEXt", &b"parameters\0a cat, Steps: 20"[..]),
            (b"iTXt", b"prompt\0\0\0\0\0{}"),
            (b"zTXt", b"workflow\0\0x"),
            (b"tEXt", b"Software\0Matplotlib version 3.9"),
            (b"caBX", b"jumb"),
        ] {
            assert!(is_told_by("png", &png(name, body)), "{body:?}");
        }
        for (name, body) in [
            (b"tEXt", &b"Comment\0parameters"[..]),
            (b"tEXt", b"Software\0Adobe ImageReady"),
            (b"tEXt", b"Software\0Krita"),
            (b"tEXt", b"parameters"),
            (b"IDAT", b"prompt\0"),
        ] {
            assert!(!is_told_by("png", &png(name, body)), "{body:?}");
        }
        assert!(is_told_by("jpeg", b"\xff\xd8\xff\xeb\0\x0aJP..c2pa"));
        assert!(!is_told_by("jpeg", b"\xff\xd8\xff\xec\0\x0aJP..c2pa"));
        let file = png(b"tEXt", b"parameters\0a cat");
        let keyword = 8 + 8 + b"parameters".len();
        (0..=keyword).for_each(|end| assert!(!is_told_by("png", &file[..end])));
    }

    #[test]
    fn a_comment_of_two_byte_letters_is_read() {
        let text: Vec<u8> = "a cat\nSteps: 20, Seed: 1".bytes().flat_map(|byte| [byte, 0]).collect();
        let comment = [b"UNICODE\0", &text[..]].concat();
        let entry = |tag: u16, kind: u16, count: u32, value: u32| {
            [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
        };
        let exif = [
            b"MM\0*\0\0\0\x08\0\x01",
            &entry(34_665, 4, 1, 26)[..],
            &[0; 4],
            b"\0\x01",
            &entry(37_510, 7, comment.len() as u32, 44),
            &[0; 4],
            &comment,
        ]
        .concat();
        let blocks = [Block::from(&exif[..])];
        assert!(is_told("webp", b"", &Exif::of(&blocks)) && !is_told("png", b"", &Exif::of(&blocks)));
    }
}
