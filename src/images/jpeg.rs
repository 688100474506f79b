//! One pass over the markers of a JPEG file, for two things that its decoder does not report.
//!
//! The decoder fills the missing part of a truncated file with grey and reports success; and asking it for
//! the EXIF block parses all headers once more. This is not a decoder: it interprets nothing but the
//! positions of markers.

/// What the markers say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Markers<'a> {
    /// The end-of-image marker is there; without it the file was cut short.
    pub(super) complete: bool,
    /// The EXIF block, from its TIFF header on.
    pub(super) exif: Option<&'a [u8]>,
}

/// Reads the markers of a whole JPEG file.
pub(super) fn markers(bytes: &[u8]) -> Markers<'_> {
    const RESTART_FIRST: u8 = 0xd0;
    const START_OF_IMAGE: u8 = 0xd8;
    const END_OF_IMAGE: u8 = 0xd9;
    const APP1: u8 = 0xe1;

    let mut found = Markers { complete: false, exif: None };
    let mut rest = bytes;
    // In the encoded data between segments 0xff is always followed by 0 or a restart marker, so a plain
    // search works.
    while let Some(at) = rest.iter().position(|&byte| byte == 0xff) {
        rest = &rest[at + 1..];
        match rest.first() {
            None => break,
            Some(&END_OF_IMAGE) => {
                found.complete = true;
                break;
            }
            // 0xff is padding; the others have no length
            Some(0xff) => {}
            Some(0 | 1 | RESTART_FIRST..=START_OF_IMAGE) => rest = &rest[1..],
            Some(&marker) => {
                let Some(&[high, low]) = rest.get(1..3) else { break };
                let end = 1 + usize::from(u16::from_be_bytes([high, low]));
                let Some(body) = rest.get(3..end) else { break };
                if marker == APP1 && found.exif.is_none() {
                    found.exif = body.strip_prefix(b"Exif\0\0");
                }
                rest = &rest[end..];
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] =
        b"\xff\xd8\xff\xe1\0\x0aExif\0\0MM\xff\xda\0\x03x\x01\x02\xff\0\x03\xff\xd0\x04\xff\xff\xd9junk";

    #[test]
    fn finds_the_end_and_exif() {
        assert_eq!(markers(FILE), Markers { complete: true, exif: Some(b"MM") });
    }

    #[test]
    fn any_cut_is_incomplete() {
        for cut in 0..FILE.len() - 4 {
            assert!(!markers(&FILE[..cut]).complete, "cut at {cut}");
        }
    }

    #[test]
    fn an_end_marker_inside_a_segment_does_not_count() {
        assert!(!markers(b"\xff\xd8\xff\xe1\0\x06\xff\xd9\xff\xd9").complete);
        assert!(!markers(b"\xff\xd8\xff\xe1\0\0").complete);
    }
}
