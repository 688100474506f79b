//! How an image is to be turned: what EXIF says, or XMP where EXIF says nothing.
//!
//! An orientation is EXIF's number: 1 upright, 2 mirrored, 3 turned by half, 4 mirrored upside down, 5 to 8
//! with the sides exchanged. A damaged block says nothing; it is no reason to lose the image.

use super::tiff::{self, Directory};

const ORIENTATION: u16 = 274;

/// The orientation that these blocks of a file tell, 1 if none does.
pub(super) fn orientation(exif: Option<&[u8]>, xmp: impl FnOnce() -> Option<Vec<u8>>) -> u8 {
    let told = exif.and_then(in_exif).or_else(|| in_xmp(&xmp()?));
    told.unwrap_or(1)
}

/// From an EXIF block, a small TIFF file; some writers put a prefix before it that belongs to JPEG.
fn in_exif(block: &[u8]) -> Option<u8> {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    in_directory(&Directory::first(block).ok()?)
}

/// The orientation that the tags of a TIFF file tell, or its XMP packet; 1 if neither does.
pub(super) fn orientation_of_tiff(directory: &Directory) -> u8 {
    in_directory(directory).or_else(|| in_xmp(tiff::xmp(directory)?)).unwrap_or(1)
}

fn in_directory(directory: &Directory) -> Option<u8> {
    directory
        .number(ORIENTATION)
        .and_then(|told| u8::try_from(told).ok())
        .filter(|told| (1..=8).contains(told))
}

/// From an XMP packet, where it stands as an attribute or as an element.
fn in_xmp(packet: &[u8]) -> Option<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    let after = packet.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let is_between = |byte: &&u8| byte.is_ascii_whitespace() || matches!(byte, b'=' | b'"' | b'\'' | b'>');
    let digit = packet[after..].iter().find(|byte| !is_between(byte))?;
    (b'1'..=b'8').contains(digit).then(|| digit - b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exif_goes_before_xmp() {
        let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let xmp = || Some(b"<rdf:Description tiff:Orientation=\"8\">".to_vec());
        assert_eq!(orientation(Some(exif), xmp), 6);
        assert_eq!(orientation(Some(&[b"Exif\0\0", &exif[..]].concat()), || None), 6);
        assert_eq!(orientation(Some(b"MM\0*"), xmp), 8);
        assert_eq!(orientation(None, xmp), 8);
        assert_eq!(orientation(None, || None), 1);
        (0..exif.len() - 4)
            .for_each(|cut| assert!(matches!(orientation(Some(&exif[..cut]), || None), 1 | 6)));
    }

    #[test]
    fn xmp_has_two_forms() {
        assert_eq!(in_xmp(b"<tiff:Orientation>3</tiff:Orientation>"), Some(3));
        assert_eq!(in_xmp(b"x tiff:Orientation = '5' y"), Some(5));
        for none in ["", "tiff:Orientation", "tiff:Orientation=\"9\"", "tiff:Orientation=\"\" x=\"1\""] {
            assert_eq!(in_xmp(none.as_bytes()), None, "{none}");
        }
    }
}
