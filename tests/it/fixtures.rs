//! Small things that tests make again and again: pictures, files in every format, IDX files, and the way to
//! the shared data.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use aesearch::images::Pixels;
use image::{DynamicImage, ImageFormat};

/// The formats that can be read, each with the ending of its files.
pub(crate) const FORMATS: [(&str, ImageFormat); 10] = [
    ("png", ImageFormat::Png),
    ("jpg", ImageFormat::Jpeg),
    ("webp", ImageFormat::WebP),
    ("gif", ImageFormat::Gif),
    ("bmp", ImageFormat::Bmp),
    ("tiff", ImageFormat::Tiff),
    ("ppm", ImageFormat::Pnm),
    ("qoi", ImageFormat::Qoi),
    ("tga", ImageFormat::Tga),
    ("ico", ImageFormat::Ico),
];

/// The folder of data that development shares: `$AESEARCH_DATA`, else `../shared/data`. Without it, says that
/// the test is left out.
pub(crate) fn shared_data() -> Option<PathBuf> {
    let found = std::env::var_os("AESEARCH_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    if found.join("mnist").is_dir() {
        return Some(found);
    }
    eprintln!("SKIPPED: no shared data at {} (set AESEARCH_DATA)", found.display());
    None
}

/// A smooth picture, different in each corner: [height, width, channels].
pub(crate) fn picture(width: usize, height: usize, channels: usize) -> Pixels {
    let at = |x: usize, y: usize, c: usize| match c {
        0 => x * 255 / width,
        1 => y * 255 / height,
        _ => (x + y) * 255 / (width + height),
    };
    let mut data = Vec::new();
    for y in 0..height {
        for x in 0..width {
            data.extend((0..channels).map(|c| at(x, y, c) as u8));
        }
    }
    Pixels { width, height, channels, data }
}

/// A picture as the file format says, lossless where the format can be.
pub(crate) fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).expect("encodes");
    file.into_inner()
}

/// [`picture`] in colour, in a file format.
pub(crate) fn encoded_picture(width: usize, height: usize, format: ImageFormat) -> Vec<u8> {
    let buffer = image::RgbImage::from_raw(width as u32, height as u32, picture(width, height, 3).data);
    let image = DynamicImage::ImageRgb8(buffer.expect("fits"));
    // inside ICO only RGBA is read
    let image = if format == ImageFormat::Ico { image.into_rgba8().into() } else { image };
    encode(&image, format)
}

/// A PNG file from its parts: what a header claims, what other chunks say, what the pixels are.
pub(crate) struct RawPng<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bits a channel, and the format's code of the colour type (3: palette).
    pub(crate) depth_and_colour: [u8; 2],
    pub(crate) chunks: &'a [(&'a [u8; 4], &'a [u8])],
    /// Each row behind its filter byte.
    pub(crate) rows: &'a [u8],
}

impl RawPng<'_> {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut header = Vec::new();
        header.extend(self.width.to_be_bytes());
        header.extend(self.height.to_be_bytes());
        header.extend(self.depth_and_colour);
        header.extend([0, 0, 0]);
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(self.rows).expect("to memory");
        let packed = packed.finish().expect("to memory");

        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        let mut chunk = |name: &[u8; 4], body: &[u8]| {
            let mut sum = flate2::Crc::new();
            sum.update(name);
            sum.update(body);
            file.extend((body.len() as u32).to_be_bytes());
            file.extend(name);
            file.extend(body);
            file.extend(sum.sum().to_be_bytes());
        };
        chunk(b"IHDR", &header);
        self.chunks.iter().for_each(|(name, body)| chunk(name, body));
        chunk(b"IDAT", &packed);
        chunk(b"IEND", &[]);
        file
    }
}

/// An IDX file of unsigned bytes.
pub(crate) fn idx(sides: &[u32], content: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sides.len() as u8];
    file.extend(sides.iter().flat_map(|side| side.to_be_bytes()));
    file.extend_from_slice(content);
    file
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(bytes).expect("to memory");
    packed.finish().expect("to memory")
}

/// Writes a file, and the folders it lies in.
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("has a folder")).expect("makes the folder");
    std::fs::write(path, bytes).expect("writes the file");
}
