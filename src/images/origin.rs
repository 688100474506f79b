//! Who made an image file, and what its encoding keeps of a picture: headers tell.

use super::metadata::{Metadata, riff_chunks};
use super::tiff::Directory;

/// What headers tell of how a file came to be. Nothing here is certain: programs write what they like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Origin {
    /// Its EXIF data tells which camera took it, or how.
    pub camera: bool,
    /// It tells how it was generated.
    pub generated: bool,
    /// What its encoding keeps.
    pub encoding: Encoding,
    /// The step by which a JPEG file quantizes the first coefficient of luma.
    pub jpeg_step: Option<u16>,
    /// The quantization tables of a JPEG file are those of libjpeg, not a camera's own.
    pub standard_tables: bool,
    /// It is stored mirrored or turned.
    pub turned: bool,
}

/// What an encoding keeps of a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// All of it.
    #[default]
    Lossless,
    /// All, of at most 256 colours.
    Palette,
    /// What is seen of it.
    Lossy,
}

impl Origin {
    /// Of a file of this format, such as `jpeg`.
    pub(super) fn of(format: &str, bytes: &[u8], metadata: &Metadata) -> Origin {
        Origin {
            camera: metadata.by_camera,
            generated: metadata.generated,
            encoding: encoding(format, bytes),
            jpeg_step: metadata.jpeg_step,
            standard_tables: metadata.standard_tables,
            turned: metadata.orientation.is_some_and(|turned| turned != 1),
        }
    }
}

fn encoding(format: &str, bytes: &[u8]) -> Encoding {
    /// Where the colour type of a PNG file lies, and the bits of a pixel of a BMP file.
    const COLOUR_TYPE: usize = 25;
    const BITS: usize = 28;
    match format {
        "jpeg" | "avif" | "heic" | "jxl" => Encoding::Lossy,
        "webp" if riff_chunks(bytes).any(|(name, _)| name == *b"VP8L") => Encoding::Lossless,
        "webp" => Encoding::Lossy,
        "gif" => Encoding::Palette,
        "png" if bytes.get(COLOUR_TYPE) == Some(&3) => Encoding::Palette,
        "bmp" if bytes.starts_with(b"BM") && bytes.get(BITS).is_some_and(|bits| *bits <= 8) => {
            Encoding::Palette
        }
        "tiff" => of_tiff(bytes),
        _ => Encoding::Lossless,
    }
}

fn of_tiff(bytes: &[u8]) -> Encoding {
    const COMPRESSION: u16 = 259;
    const COLOURS: u16 = 262;
    let number = |tag| Directory::first(bytes).ok()?.number(tag);
    match (number(COMPRESSION), number(COLOURS)) {
        (Some(6 | 7), _) => Encoding::Lossy, // JPEG
        (_, Some(3)) => Encoding::Palette,
        _ => Encoding::Lossless,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_keep_what_they_can() {
        let riff = |name: &[u8; 4]| [b"RIFF\0\0\0\0WEBP", &name[..], &[0; 4]].concat();
        let mut png = vec![0; 30];
        assert_eq!(encoding("png", &png), Encoding::Lossless);
        png[25] = 3;
        let mut bmp = [b"BM", &[0; 40][..]].concat();
        assert_eq!(encoding("png", &png), Encoding::Palette);
        assert_eq!((encoding("bmp", &bmp), encoding("bmp", b"BM")), (Encoding::Palette, Encoding::Lossless));
        bmp[28] = 24;
        assert_eq!(encoding("bmp", &bmp), Encoding::Lossless);
        assert_eq!(encoding("webp", &riff(b"VP8L")), Encoding::Lossless);
        assert_eq!(
            (encoding("webp", &riff(b"VP8 ")), encoding("webp", b"")),
            (Encoding::Lossy, Encoding::Lossy)
        );
        let tiff = |tag: u16, value: u8| {
            let [low, high] = tag.to_le_bytes();
            [b"II*\0\x08\0\0\0\x01\0", &[low, high, 3, 0, 1, 0, 0, 0, value, 0, 0, 0][..], &[0; 4]].concat()
        };
        assert_eq!(encoding("tiff", &tiff(259, 7)), Encoding::Lossy);
        assert_eq!(encoding("tiff", &tiff(262, 3)), Encoding::Palette);
        assert_eq!(encoding("tiff", &tiff(259, 5)), Encoding::Lossless);
        for end in 0..20 {
            let _ = encoding("tiff", &tiff(259, 7)[..end]);
        }
    }
}
