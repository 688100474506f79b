//! Is this file an image? By its name, which costs nothing, or by its first bytes.
//!
//! Inside a walked folder the name decides: a file that is named as an image counts as one, and is reported
//! if it is not. For all other files the first bytes decide, strictly, since a false alarm would report a
//! text file as a broken image.

use std::path::Path;

/// How many first bytes of a file [`sniff`] examines.
pub(super) const HEAD: usize = 32;

/// Extensions of camera raw files, which look like TIFF by their first bytes.
const RAW_EXTENSIONS: &[&str] = &[
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "iiq", "kdc", "mef", "mos", "mrw", "nef", "nrw",
    "orf", "pef", "raf", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
];

/// Extensions of image files, lower case.
const EXTENSIONS: &[&str] = &[
    "png", "apng", "jpg", "jpeg", "jpe", "jfif", "mpo", "webp", "gif", "bmp", "dib", "tif", "tiff", "pnm",
    "pbm", "pgm", "ppm", "pam", "qoi", "tga", "ico", "avif", "heic", "heif", "hif", "jxl", "psd", "psb",
];

/// Extensions of films, lower case.
const FILM_EXTENSIONS: &[&str] = &[
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "wmv", "asf", "flv", "f4v", "mpg", "mpeg", "m2v", "vob",
    "ogv", "3gp", "3g2", "mts", "m2ts",
];

/// A format whose decoder is a feature of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Optional {
    Avif,
    Heic,
    JpegXl,
    /// Of Photoshop.
    Psd,
    /// Of any camera.
    Raw,
}

impl Optional {
    /// As people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Optional::Avif => "AVIF",
            Optional::Heic => "HEIC",
            Optional::JpegXl => "JPEG XL",
            Optional::Psd => "Photoshop",
            Optional::Raw => "camera raw",
        }
    }

    /// As documents and the features of the program call it.
    pub(super) fn id(self) -> &'static str {
        match self {
            Optional::Avif => "avif",
            Optional::Heic => "heic",
            Optional::JpegXl => "jxl",
            Optional::Psd => "psd",
            Optional::Raw => "raw",
        }
    }
}

/// What the first bytes of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// An image of a supported format.
    Image,
    /// An image of this format, which not every build reads.
    Optional(Optional),
    /// Images in IDX format.
    Idx,
    /// Labels (or other plain numbers) in IDX format.
    IdxLabels,
    /// Something compressed by gzip.
    Gzip,
    /// Anything else; TGA too, which has no signature.
    Unknown,
}

/// Whether the name is that of an image file.
pub(super) fn is_image_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)) || is_raw_name(path)
}

/// Whether the name is that of a camera's raw file. Its first bytes are often those of a TIFF file, whose
/// picture is only a thumbnail.
pub(super) fn is_raw_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    RAW_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Whether the name is that of a film.
pub(super) fn is_film_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    FILM_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Whether these first bytes may be those of a film, whose name says that it is one.
pub(super) fn is_film(head: &[u8]) -> bool {
    match head {
        [_, _, _, _, b'f', b't', b'y', b'p', ..]
        | [0x1a, 0x45, 0xdf, 0xa3, ..]
        | [0, 0, 1, 0xb3 | 0xba, ..]
        | [b'F', b'L', b'V', 1, ..]
        | [0x30, 0x26, 0xb2, 0x75, ..]
        | [b'O', b'g', b'g', b'S', ..]
        | [_, _, _, _, 0x47, ..] => true,
        [b'R', b'I', b'F', b'F', _, _, _, _, name @ ..] => name.starts_with(b"AVI "),
        [_, _, _, _, name @ ..] => {
            [b"moov", b"mdat", b"wide", b"free", b"skip"].iter().any(|known| name.starts_with(*known))
        }
        _ => false,
    }
}

/// Whether these first bytes are those of a TIFF file, whatever its purpose.
pub(super) fn is_tiff(head: &[u8]) -> bool {
    [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|magic| head.starts_with(*magic))
}

/// Whether the name is that of images in IDX format, as in the MNIST family.
pub(super) fn is_idx_name(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains("idx3-ubyte"))
}

/// What the first [`HEAD`] bytes (fewer if the file is shorter) say.
pub(super) fn sniff(head: &[u8]) -> Content {
    match head {
        [b'I', b'I', b'*', 0, _, _, _, _, b'C', b'R', ..]
        | [b'I', b'I', b'R', b'O' | b'S', ..]
        | [b'M', b'M', b'O', b'R', ..]
        | [b'I', b'I', b'U', 0, ..] => Content::Optional(Optional::Raw),
        [b'F', b'O', b'V', b'b', ..] | [0, b'M', b'R', b'M', ..] => Content::Optional(Optional::Raw),
        _ if head.starts_with(b"FUJIFILMCCD-RAW") || head.get(6..14) == Some(b"HEAPCCDR") => {
            Content::Optional(Optional::Raw)
        }
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..]
        | [0xff, 0xd8, 0xff, ..]
        | [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..]
        | [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..]
        | [b'I', b'I', b'*' | b'+', 0, ..]
        | [b'M', b'M', 0, b'*' | b'+', ..]
        | [b'q', b'o', b'i', b'f', ..]
        | [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t', ..] => Content::Image,
        // ICO: a count of pictures, then the first one's record with its reserved byte
        [0, 0, 1, 0, 1..=64, 0, _, _, _, 0, ..] => Content::Image,
        // BMP: "BM" alone could begin a text; the size of the header that follows must be one that exists
        [
            b'B',
            b'M',
            _,
            _,
            _,
            _,
            0,
            0,
            0,
            0,
            _,
            _,
            _,
            _,
            12 | 16 | 40 | 52 | 56 | 64 | 108 | 124,
            0,
            0,
            0,
            ..,
        ] => Content::Image,
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => sniff_brand(brand),
        [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => Content::Optional(Optional::JpegXl),
        [b'8', b'B', b'P', b'S', 0, 1 | 2, ..] => Content::Optional(Optional::Psd),
        [0, 0, 8, 3 | 4, ..] => Content::Idx,
        [0, 0, 8..=14, 1..=4, ..] => Content::IdxLabels,
        [0x1f, 0x8b, ..] => Content::Gzip,
        _ => Content::Unknown,
    }
}

/// HEIF containers: the major brand says which codec is inside, or else one of the brands that follow.
fn sniff_brand(brands: &[u8]) -> Content {
    match brands.get(..4) {
        Some(b"avif" | b"avis") => Content::Optional(Optional::Avif),
        Some(b"crx ") => Content::Optional(Optional::Raw),
        Some(b"mif1" | b"mif2" | b"msf1" | b"miaf") => {
            let is_avif = brands.chunks(4).skip(2).take(8).any(|brand| matches!(brand, b"avif" | b"avis"));
            Content::Optional(if is_avif { Optional::Avif } else { Optional::Heic })
        }
        Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx") => Content::Optional(Optional::Heic),
        _ => Content::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for yes in ["a.png", "b/c.JPeG", "x.tga", "y.heic", "y.HIF", "s.mpo", "z.NEF", "z.dng"] {
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
    fn films() {
        assert!(is_film_name(Path::new("a/b.MP4")) && is_film_name(Path::new("a.webm")));
        assert!(!is_film_name(Path::new("mp4")) && !is_film_name(Path::new("a.mp4.part")));
        for head in [&b"\0\0\0\x20ftypisom"[..], b"\x1aE\xdf\xa3", b"RIFF\0\0\0\0AVI LIST", b"\0\0\0\x08wide"]
        {
            assert!(is_film(head), "{head:?}");
        }
        for head in [&b"import x from"[..], b"", b"RIFF\0\0\0\0WAVE", b"#EXTM3U\n#EXT", b"ffconcat version"] {
            assert!(!is_film(head), "{head:?}");
        }
    }

    #[test]
    fn brands() {
        assert_eq!(sniff(b"\0\0\0\x1cftypavif...."), Content::Optional(Optional::Avif));
        assert_eq!(sniff(b"\0\0\0\x18ftypheic...."), Content::Optional(Optional::Heic));
        assert_eq!(sniff(b"\0\0\0\x1cftypmif1\0\0\0\0miafavif"), Content::Optional(Optional::Avif));
        assert_eq!(sniff(b"\0\0\0\x1cftypmif1\0\0\0\0miafheic"), Content::Optional(Optional::Heic));
        assert_eq!(sniff(b"\0\0\0\x18ftypcrx isom"), Content::Optional(Optional::Raw));
        assert_eq!(sniff(b"\0\0\0\x18ftypisom...."), Content::Unknown);
    }

    #[test]
    fn raw_files_of_cameras_are_not_tiff() {
        let heads: [&[u8]; 9] = [
            b"II*\0\x10\0\0\0CR\x02\0",
            b"IIRO\x08\0",
            b"IIRS\x08\0",
            b"MMOR\0\0",
            b"IIU\0\x18\0",
            b"FUJIFILMCCD-RAW 0201",
            b"II\x1a\0\0\0HEAPCCDR",
            b"FOVb\x03\0\x02\0",
            b"\0MRM\0\0\x01\0",
        ];
        for head in heads {
            assert_eq!(sniff(head), Content::Optional(Optional::Raw), "{head:?}");
        }
        assert_eq!(sniff(b"II*\0\x08\0\0\0CD"), Content::Image);
    }
}
