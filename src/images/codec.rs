//! Image file formats: bytes to pixels, pixels to PNG and JPEG. The only file that names the crate `image`.
//!
//! The content decides which format it is, never the name. The header's size is checked against [`Limits`]
//! before pixels are allocated. The result is 8 bits a channel, grey or RGB, alpha laid over black, turned
//! upright as EXIF says. Colour profiles are not applied. HEIC, AVIF and JPEG XL need C libraries; they are
//! detected but not supported.

use std::error::Error as _;
use std::io::{Cursor, Write as _};
use std::path::Path;

use image::metadata::Orientation;
use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, RgbImage,
};

use super::catch_panic::catch_panic;
use super::sniff::{self, Content};
use super::{Decoding, Limits, Pixels, frames, jpeg};
use crate::{Error, Result};

/// What an image file says about itself beside its pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceFacts {
    /// Its format, such as `jpeg`; empty for plain pixels.
    pub format: &'static str,
    /// It has EXIF data.
    pub exif: bool,
    /// It holds more pictures than the one that is decoded: frames, pages or sizes.
    pub several: bool,
}

/// Decodes an image file held in memory: PNG, JPEG, WebP, GIF (first frame), BMP, TIFF, PNM, QOI, TGA, ICO.
/// Never panics.
///
/// # Errors
/// The reason why there are no pixels.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Pixels, String> {
    decode_for(bytes, &Decoding { limits: *limits, ..Decoding::default() })
}

/// As [`decode`], as `how` says: in grey where that is enough, for example.
pub(super) fn decode_for(bytes: &[u8], how: &Decoding) -> Result<Pixels, String> {
    let format = format_of(bytes)?;
    catch_panic(|| decode_as(format, bytes, how))
        .unwrap_or_else(|panic| Err(format!("{}: damaged: the decoder panicked: {panic}", name(format))))
}

/// The image as a PNG file in memory.
///
/// # Errors
/// The sizes are zero or do not match the data.
pub fn encode_png(pixels: &Pixels) -> Result<Vec<u8>> {
    let mut png = Vec::new();
    encode_as("png", image::codecs::png::PngEncoder::new(&mut png), pixels)?;
    Ok(png)
}

/// As [`encode_png`], but smaller and slower: half the bytes for drawings, in about ten times the time.
///
/// # Errors
/// As [`encode_png`].
pub fn encode_small_png(pixels: &Pixels) -> Result<Vec<u8>> {
    use image::codecs::png::{CompressionType, FilterType, PngEncoder};
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::NoFilter);
    encode_as("png", encoder, pixels)?;
    Ok(png)
}

/// The image as a JPEG file in memory; `quality` is 1 to 100.
///
/// # Errors
/// The sizes are zero, more than 65,535, or do not match the data.
pub fn encode_jpeg(pixels: &Pixels, quality: u8) -> Result<Vec<u8>> {
    let mut jpeg = Vec::new();
    encode_as("jpeg", image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, quality), pixels)?;
    Ok(jpeg)
}

fn encode_as(format: &str, encoder: impl ImageEncoder, pixels: &Pixels) -> Result<()> {
    let Pixels { width, height, channels, data } = pixels;
    let colour = match channels {
        1 => image::ExtendedColorType::L8,
        3 => image::ExtendedColorType::Rgb8,
        _ => return Err(Error::invalid(format!("{format}: channels: expected 1 or 3, got {channels}"))),
    };
    let expected = width.checked_mul(*height).and_then(|n| n.checked_mul(*channels));
    let sides = (u32::try_from(*width), u32::try_from(*height));
    let (Ok(columns @ 1..), Ok(rows @ 1..), true) = (sides.0, sides.1, expected == Some(data.len())) else {
        let what = format!("{format}: cannot write {width}x{height}x{channels} from {} bytes", data.len());
        return Err(Error::invalid(what));
    };
    encoder.write_image(data, columns, rows, colour).map_err(|e| Error::invalid(format!("{format}: {e}")))
}

/// Writes a PNG file: complete under its name, or not at all.
///
/// # Errors
/// As [`encode_png`], or the file cannot be written.
pub fn write_png(path: &Path, pixels: &Pixels) -> Result<()> {
    let png = encode_png(pixels)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // a picture is not secret: the permissions of any new file, not those of a temporary one
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.prefix(".aesearch-").tempfile_in(folder).map_err(|e| Error::io(path, e))?;
    file.write_all(&png).map_err(|e| Error::io(path, e))?;
    file.persist(path).map_err(|e| Error::io(path, e.error))?;
    Ok(())
}

/// What the headers of an image file say, without decoding it.
pub(super) fn facts(bytes: &[u8]) -> SourceFacts {
    /// EXIF data precede the pixels, in a block of at most 64 kB.
    const WITHIN: usize = 1 << 17;
    let head = &bytes[..bytes.len().min(WITHIN)];
    let holds = |mark: &[u8]| head.windows(mark.len()).any(|window| window == mark);
    let Ok(format) = format_of(bytes) else { return SourceFacts::default() };
    let exif = match format {
        ImageFormat::Jpeg => holds(b"Exif\0\0"),
        ImageFormat::Png => holds(b"eXIf"),
        ImageFormat::WebP => {
            bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & 8 != 0)
        }
        _ => false,
    };
    let format = match format {
        ImageFormat::Png => "png",
        ImageFormat::Jpeg => "jpeg",
        ImageFormat::Gif => "gif",
        ImageFormat::WebP => "webp",
        ImageFormat::Pnm => "pnm",
        ImageFormat::Tiff => "tiff",
        ImageFormat::Tga => "tga",
        ImageFormat::Bmp => "bmp",
        ImageFormat::Ico => "ico",
        ImageFormat::Qoi => "qoi",
        _ => "other",
    };
    SourceFacts { format, exif, several: frames::several(format, bytes) }
}

fn format_of(bytes: &[u8]) -> Result<ImageFormat, String> {
    if bytes.is_empty() {
        return Err("empty file (0 bytes)".to_owned());
    }
    if let Content::Unsupported(format) = sniff::sniff(bytes) {
        return Err(unsupported(format));
    }
    match image::guess_format(bytes) {
        Ok(format) if format.reading_enabled() => Ok(format),
        Ok(format) => Err(unsupported(&format!("{format:?}").to_uppercase())),
        Err(_) if is_plausible_tga(bytes) => Ok(ImageFormat::Tga),
        Err(_) => Err("not an image: the content is of no known format".to_owned()),
    }
}

/// The reason for a format that is detected but not supported.
pub(super) fn unsupported(format: &str) -> String {
    format!("{format} images are detected but not supported: convert them to PNG or JPEG")
}

/// TGA has no signature; a header in which every field is plausible serves as one.
fn is_plausible_tga(bytes: &[u8]) -> bool {
    let &[_, map, kind, _, _, map_len_low, map_len_high, map_depth, ..] = bytes else { return false };
    let Some(&[width_low, width_high, height_low, height_high, depth, descriptor]) = bytes.get(12..18) else {
        return false;
    };
    let map_len = u16::from_le_bytes([map_len_low, map_len_high]);
    let has_map = map == 1 && map_len > 0 && matches!(map_depth, 15 | 16 | 24 | 32);
    let kind_fits = match kind {
        1 | 9 => has_map && matches!(depth, 8 | 16),
        2 | 10 => (map == 0 || has_map) && matches!(depth, 15 | 16 | 24 | 32),
        3 | 11 => map == 0 && matches!(depth, 8 | 16),
        _ => false,
    };
    let some =
        u16::from_le_bytes([width_low, width_high]) > 0 && u16::from_le_bytes([height_low, height_high]) > 0;
    kind_fits && some && descriptor & 0xc0 == 0
}

fn decode_as(format: ImageFormat, bytes: &[u8], how: &Decoding) -> Result<Pixels, String> {
    if format == ImageFormat::Jpeg {
        return decode_jpeg(bytes, how).map_err(|why| format!("jpeg: {why}"));
    }
    let limits = &how.limits;
    let fail = |error| reason(format, error);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut codec_limits = image::Limits::default();
    codec_limits.max_alloc = Some(limits.max_decoded_bytes);
    reader.limits(codec_limits);
    let mut decoder = reader.into_decoder().map_err(fail)?;
    check_size(decoder.dimensions(), decoder.total_bytes(), limits)
        .map_err(|why| format!("{}: {why}", name(format)))?;

    // pixels as they are decoded and as they are returned
    let needed = decoder.total_bytes().saturating_mul(2);
    let _held = how.budget.take(needed, &how.stopwatch).map_err(|why| format!("{}: {why}", name(format)))?;

    // metadata that cannot be read is no reason to lose the image
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(fail)?;
    image.apply_orientation(orientation);
    Ok(flatten(image))
}

/// A JPEG, as small as is enough.
fn decode_jpeg(bytes: &[u8], how: &Decoding) -> Result<Pixels, String> {
    use Orientation::{NoTransforms, Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    let file = jpeg::File::open(bytes).map_err(|fault| fault.to_string())?;
    let orientation = file.exif.and_then(Orientation::from_exif_chunk).unwrap_or(NoTransforms);
    let (width, height) = file.size();
    let is_turned = matches!(orientation, Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH);
    let upright = if is_turned { (height, width) } else { (width, height) };
    let part = jpeg::Part { eighths: how.needed.eighths(upright), luma: how.grey };
    check_size((width as u32, height as u32), file.decoded_bytes(part), &how.limits)?;
    let _held = how.budget.take(file.memory(part), &how.stopwatch)?;
    let jpeg::Decoded { width, height, channels, data } =
        file.decode(part).map_err(|fault| fault.to_string())?;
    let (width, height) = (width as u32, height as u32);
    let image = match channels {
        1 => GrayImage::from_raw(width, height, data).map(DynamicImage::from),
        _ => RgbImage::from_raw(width, height, data).map(DynamicImage::from),
    };
    let mut image = image.ok_or("damaged: its pixels are of another size than its header says")?;
    image.apply_orientation(orientation);
    Ok(flatten(image))
}

fn check_size((width, height): (u32, u32), bytes: u64, limits: &Limits) -> Result<(), String> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(format!("the image is {width}x{height}: it has no pixels"));
    }
    if pixels > limits.max_pixels {
        let (pixels, most) = (pixels / 1_000_000, limits.max_pixels / 1_000_000);
        return Err(format!("too large: {width}x{height} is {pixels} megapixels, the limit is {most}"));
    }
    if bytes > limits.max_decoded_bytes {
        let (mib, most) = (bytes >> 20, limits.max_decoded_bytes >> 20);
        return Err(format!("too large: {width}x{height} decodes to {mib} MiB, the limit is {most}"));
    }
    Ok(())
}

/// 8 bits a channel, no alpha; grey stays grey.
fn flatten(image: DynamicImage) -> Pixels {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (channels, data) = match image {
        DynamicImage::ImageLuma8(grey) => (1, grey.into_raw()),
        DynamicImage::ImageRgb8(rgb) => (3, rgb.into_raw()),
        DynamicImage::ImageLumaA8(grey) => (1, over_black::<2>(grey.as_raw())),
        DynamicImage::ImageRgba8(rgba) => (3, over_black::<4>(rgba.as_raw())),
        DynamicImage::ImageLuma16(grey) => (1, grey.as_raw().iter().map(|&v| to_8_bits(v)).collect()),
        DynamicImage::ImageRgb16(rgb) => (3, rgb.as_raw().iter().map(|&v| to_8_bits(v)).collect()),
        DynamicImage::ImageLumaA16(grey) => (1, over_black_16::<2>(grey.as_raw())),
        DynamicImage::ImageRgba16(rgba) => (3, over_black_16::<4>(rgba.as_raw())),
        // floats, from TIFF: 0..=1 is what can be shown
        other => (3, over_black::<4>(other.into_rgba8().as_raw())),
    };
    Pixels { width, height, channels, data }
}

/// Drops the last of `N` channels, alpha, after multiplying the others by it.
fn over_black<const N: usize>(pixels: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(pixels.len() / N * (N - 1));
    for pixel in pixels.as_chunks::<N>().0 {
        let alpha = u32::from(pixel[N - 1]);
        out.extend(pixel[..N - 1].iter().map(|&v| ((u32::from(v) * alpha + 127) / 255) as u8));
    }
    out
}

fn over_black_16<const N: usize>(pixels: &[u16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(pixels.len() / N * (N - 1));
    for pixel in pixels.as_chunks::<N>().0 {
        let alpha = u64::from(pixel[N - 1]);
        out.extend(pixel[..N - 1].iter().map(|&v| to_8_bits((u64::from(v) * alpha / 65_535) as u16)));
    }
    out
}

/// The nearest of 256 steps: 65535 is 255 x 257.
fn to_8_bits(value: u16) -> u8 {
    ((u32::from(value) + 128) / 257) as u8
}

fn name(format: ImageFormat) -> String {
    format!("{format:?}").to_lowercase()
}

fn reason(format: ImageFormat, error: ImageError) -> String {
    let what = match &error {
        ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the file ends too early (truncated)".to_owned()
        }
        ImageError::Limits(_) => "too large: it needs more memory than the limit allows".to_owned(),
        ImageError::Unsupported(e) => format!("not supported: {e}"),
        other => {
            format!("damaged: {}", other.source().map_or_else(|| other.to_string(), ToString::to_string))
        }
    };
    // one line, however long the message of the decoder
    format!("{}: {}", name(format), what.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_jpeg_gives_its_luma_where_grey_is_wanted() {
        let (width, height) = (37, 21);
        let pixel = |x, y| image::Rgb([(x * 6) as u8, (y * 11) as u8, ((x + y) * 4) as u8]);
        let mut jpeg = Cursor::new(Vec::new());
        image::RgbImage::from_fn(width, height, pixel).write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        let jpeg = jpeg.into_inner();
        let colour = decode(&jpeg, &Limits::default()).unwrap();
        let grey = decode_for(&jpeg, &Decoding { grey: true, ..Decoding::default() }).unwrap();
        assert_eq!((colour.channels, grey.channels), (3, 1));
        assert_eq!((grey.width, grey.height, grey.data.len()), (37, 21, 37 * 21));
        for (&[r, g, b], &luma) in colour.data.as_chunks::<3>().0.iter().zip(&grey.data) {
            let expected = 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b);
            assert!((expected - f32::from(luma)).abs() <= 3.0, "{r} {g} {b}: {luma}");
        }
        let cut = decode_for(&jpeg[..jpeg.len() - 9], &Decoding { grey: true, ..Decoding::default() });
        assert!(cut.unwrap_err().contains("truncated"));
    }

    #[test]
    fn jpegs_are_small_and_look_like_what_they_were_made_of() {
        for channels in [1, 3] {
            let at = |i: usize| (i / channels % 40 * 6 + i % channels * 9) as u8;
            let pixels =
                Pixels { width: 40, height: 30, channels, data: (0..40 * 30 * channels).map(at).collect() };
            let [good, bad] = [95, 20].map(|quality| encode_jpeg(&pixels, quality).unwrap());
            assert!(bad.len() < good.len() && good.len() < encode_png(&pixels).unwrap().len() + 1000);
            let back = decode(&good, &Limits::default()).unwrap();
            assert_eq!((back.width, back.height, back.channels), (40, 30, channels));
            let off = back.data.iter().zip(&pixels.data).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>();
            assert!(off < 5 * pixels.data.len() as u32, "{off}");
        }
        assert!(encode_jpeg(&Pixels { width: 2, height: 2, channels: 1, data: vec![0; 3] }, 80).is_err());
        assert!(
            encode_jpeg(&Pixels { width: 1, height: 70_000, channels: 1, data: vec![0; 70_000] }, 80)
                .is_err()
        );
    }
}
