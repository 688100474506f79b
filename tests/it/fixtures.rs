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
    if format == ImageFormat::Tiff {
        // the decoder is ours, and so is this
        let samples = image.color().channel_count();
        let mut tiff =
            RawTiff::new([image.width(), image.height()], [u16::from(samples), 8], image.as_bytes());
        tiff.tags.push((262, Value::Shorts(vec![if samples < 3 { 1 } else { 2 }])));
        tiff.tags.extend(samples.is_multiple_of(2).then_some((338, Value::Shorts(vec![2]))));
        return tiff.bytes();
    }
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

/// A lossless WebP with a chunk of EXIF data.
pub(crate) fn webp_with_exif(image: &image::RgbImage, exif: &[u8]) -> Vec<u8> {
    let simple = encode(&DynamicImage::ImageRgb8(image.clone()), ImageFormat::WebP);
    let [columns, rows] = [image.width(), image.height()].map(|side| (side - 1).to_le_bytes());
    let mut webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0".to_vec();
    webp.extend([&columns[..3], &rows[..3], &simple[12..]].concat());
    webp.extend([b"EXIF", &(exif.len() as u32).to_le_bytes()[..], exif].concat());
    webp.resize(webp.len().next_multiple_of(2), 0);
    let length = webp.len() as u32 - 8;
    webp[4..8].copy_from_slice(&length.to_le_bytes());
    webp
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

/// A TIFF file from its parts: tags, and strips or tiles as they lie in it.
#[derive(Clone)]
pub(crate) struct RawTiff {
    pub(crate) is_big_endian: bool,
    /// BigTIFF.
    pub(crate) is_large: bool,
    pub(crate) is_tiled: bool,
    pub(crate) tags: Vec<(u16, Value)>,
    pub(crate) chunks: Vec<Vec<u8>>,
}

/// The values of a tag.
#[derive(Clone)]
pub(crate) enum Value {
    Bytes(Vec<u8>),
    Shorts(Vec<u16>),
    Longs(Vec<u32>),
}

impl RawTiff {
    /// Little-endian, one strip, not compressed: width and height, samples a pixel and their bits.
    pub(crate) fn new(sides: [u32; 2], [samples, bits]: [u16; 2], strip: &[u8]) -> RawTiff {
        let tags = vec![
            (256, Value::Longs(vec![sides[0]])),
            (257, Value::Longs(vec![sides[1]])),
            (258, Value::Shorts(vec![bits; usize::from(samples)])),
            (277, Value::Shorts(vec![samples])),
        ];
        let chunks = vec![strip.to_vec()];
        RawTiff { is_big_endian: false, is_large: false, is_tiled: false, tags, chunks }
    }

    pub(crate) fn with(mut self, tag: u16, values: &[u16]) -> RawTiff {
        self.tags.push((tag, Value::Shorts(values.to_vec())));
        self
    }

    /// Directory, values, chunks, in this order.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        let number = |value: u64, size: usize| {
            let mut digits = value.to_le_bytes()[..size].to_vec();
            if self.is_big_endian {
                digits.reverse();
            }
            digits
        };
        let lengths = self.chunks.iter().map(|chunk| chunk.len() as u32).collect();
        let [offsets, counts] = if self.is_tiled { [324, 325] } else { [273, 279] };
        self.tags.push((counts, Value::Longs(lengths)));
        self.tags.push((offsets, Value::Longs(vec![0; self.chunks.len()])));
        self.tags.sort_by_key(|(tag, _)| *tag);
        let (size, count_size, header) = if self.is_large { (8, 8, 16) } else { (4, 2, 8) };
        let values_at = header + count_size + self.tags.len() * (4 + 2 * size) + size;
        let digits = |value: &Value| -> (u64, Vec<u8>) {
            match value {
                Value::Bytes(bytes) => (1, bytes.clone()),
                Value::Shorts(values) => (3, values.iter().flat_map(|&v| number(v.into(), 2)).collect()),
                Value::Longs(values) => (4, values.iter().flat_map(|&v| number(v.into(), 4)).collect()),
            }
        };
        let mut pixels_at = values_at;
        for (_, value) in &self.tags {
            let length = digits(value).1.len();
            pixels_at += if length > size { length } else { 0 };
        }
        let starts = self.chunks.iter().scan(pixels_at as u32, |at, chunk| {
            *at += chunk.len() as u32;
            Some(*at - chunk.len() as u32)
        });
        let starts = Value::Longs(starts.collect());
        self.tags
            .iter_mut()
            .filter(|(tag, _)| *tag == offsets)
            .for_each(|(_, value)| *value = starts.clone());

        let mut file = if self.is_big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        file.extend(number(if self.is_large { 43 } else { 42 }, 2));
        if self.is_large {
            file.extend([number(8, 2), number(0, 2)].concat());
        }
        file.extend(number(header as u64, size));
        file.extend(number(self.tags.len() as u64, count_size));
        let mut values = Vec::new();
        for (tag, value) in &self.tags {
            let (kind, mut digits) = digits(value);
            let count = digits.len() / [0, 1, 0, 2, 4][kind as usize];
            file.extend([number(u64::from(*tag), 2), number(kind, 2), number(count as u64, size)].concat());
            if digits.len() > size {
                file.extend(number((values_at + values.len()) as u64, size));
                values.extend(digits);
            } else {
                digits.resize(size, 0);
                file.extend(digits);
            }
        }
        file.extend(number(0, size));
        [file, values, self.chunks.concat()].concat()
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
