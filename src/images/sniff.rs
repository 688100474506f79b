//! Is this file an image? By its name, which costs nothing, or by its first bytes.
//!
//! Names decide inside a walked folder: a file called an image is taken for one, and if it is none that is worth telling. Of all
//! other files the first bytes decide, strictly, since a false alarm there would name a text file as a broken image.

use std::path::Path;

/// Bytes of a file's beginning that [`sniff`] wants to see.
pub(super) const HEAD: usize = 32;

/// Endings of camera raw files, which are TIFF (or like it) by their first bytes.
const RAW_EXTENSIONS: &[&str] = &[
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "iiq", "kdc", "mef", "mos", "mrw", "nef", "nrw",
    "orf", "pef", "raf", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
];

/// Endings of names of images, lower case; the last ones are not built in, which `load` then says.
const EXTENSIONS: &[&str] = &[
    "png", "apng", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "dib", "tif", "tiff", "pnm", "pbm",
    "pgm", "ppm", "pam", "qoi", "tga", "ico", "avif", "heic", "heif", "jxl",
];

/// What raw data of any camera is called.
pub(super) const RAW: &str = "camera raw";

/// What the first bytes of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// An image of a format that is built in.
    Image,
    /// An image of the format resolve, which is not built in.
    NotBuiltIn(&'static str),
    /// Images in IDX format.
    Idx,
    /// Labels (or other plain numbers) in IDX format.
    IdxLabels,
    /// Something compressed by gzip.
    Gzip,
    /// Anything else; TGA too, which has no signature.
    Unknown,
}

/// Whether the name claims to be an image.
pub(super) fn is_image_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)) || is_raw_name(path)
}

/// Whether the name claims to be a camera's raw data: of those, the first bytes are often TIFF's, but the picture in them is not.
pub(super) fn is_raw_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    RAW_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Whether these first bytes are those of a TIFF file, of any purpose.
pub(super) fn is_tiff(head: &[u8]) -> bool {
    [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|magic| head.starts_with(*magic))
}

/// Whether the name claims to be images in IDX format, as the MNIST family's files do.
pub(super) fn is_idx_name(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains("idx3-ubyte"))
}

/// What the first [`HEAD`] bytes (fewer if the file is shorter) say.
pub(super) fn sniff(head: &[u8]) -> Content {
    match head {
        [b'I', b'I', b'*', 0, _, _, _, _, b'C', b'R', ..]
        | [b'I', b'I', b'R', b'O' | b'S', ..]
        | [b'M', b'M', b'O', b'R', ..]
        | [b'I', b'I', b'U', 0, ..] => Content::NotBuiltIn(RAW),
        _ if head.starts_with(b"FUJIFILMCCD-RAW") => Content::NotBuiltIn(RAW),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..]
        | [0xff, 0xd8, 0xff, ..]
        | [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..]
        | [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..]
        | [b'I', b'I', b'*', 0, ..]
        | [b'M', b'M', 0, b'*', ..]
        | [b'q', b'o', b'i', b'f', ..]
        | [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t', ..] => Content::Image,
        // ICO: a count of pictures, then the first one's record with its reserved byte
        [0, 0, 1, 0, 1..=64, 0, _, _, _, 0, ..] => Content::Image,
        // BMP: "BM" alone could begin a text; the size of the header that follows must be one that exists
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, _, _, _, _, 12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0, ..] => {
            Content::Image
        }
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => sniff_brand(brand),
        [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => Content::NotBuiltIn("JPEG XL"),
        [0, 0, 8, 3 | 4, ..] => Content::Idx,
        [0, 0, 8..=14, 1..=4, ..] => Content::IdxLabels,
        [0x1f, 0x8b, ..] => Content::Gzip,
        _ => Content::Unknown,
    }
}

/// HEIF containers: the major brand tells the codec inside.
fn sniff_brand(brand: &[u8]) -> Content {
    match brand.get(..4) {
        Some(b"avif" | b"avis") => Content::NotBuiltIn("AVIF"),
        Some(b"crx ") => Content::NotBuiltIn(RAW),
        Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1") => {
            Content::NotBuiltIn("HEIC")
        }
        _ => Content::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for yes in ["a.png", "b/c.JPeG", "x.tga", "y.heic", "z.NEF", "z.dng"] {
            assert!(is_image_name(Path::new(yes)), "{yes}");
        }
        for no in ["png", ".png", "a.txt", "a.png.bak", ""] {
            assert!(!is_image_name(Path::new(no)), "{no}");
        }
        assert!(is_idx_name(Path::new("d/train-images-idx3-ubyte.gz")));
        assert!(is_idx_name(Path::new("t10k-images.idx3-ubyte")));
        assert!(!is_idx_name(Path::new("train-labels-idx1-ubyte.gz")));
    }

    #[test]
    fn texts_are_not_images() {
        for text in
            ["BMW is a maker of cars and of motorcycles", "P2P networks", "P4", "GIF", "", "II* is a word"]
        {
            assert_eq!(sniff(text.as_bytes()), Content::Unknown, "{text}");
        }
    }

    #[test]
    fn brands() {
        assert_eq!(sniff(b"\0\0\0\x1cftypavif...."), Content::NotBuiltIn("AVIF"));
        assert_eq!(sniff(b"\0\0\0\x18ftypheic...."), Content::NotBuiltIn("HEIC"));
        assert_eq!(sniff(b"\0\0\0\x18ftypcrx isom"), Content::NotBuiltIn(RAW));
        assert_eq!(sniff(b"\0\0\0\x18ftypisom...."), Content::Unknown);
    }

    #[test]
    fn cameras_raw_data_is_no_tiff() {
        let heads: [&[u8]; 6] = [
            b"II*\0\x10\0\0\0CR\x02\0",
            b"IIRO\x08\0",
            b"IIRS\x08\0",
            b"MMOR\0\0",
            b"IIU\0\x18\0",
            b"FUJIFILMCCD-RAW 0201",
        ];
        for head in heads {
            assert_eq!(sniff(head), Content::NotBuiltIn(RAW), "{head:?}");
        }
        assert_eq!(sniff(b"II*\0\x08\0\0\0CD"), Content::Image);
    }
}
