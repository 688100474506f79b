//! Image files in: bytes of any format to pixels.
//!
//! The content decides which format it is, never the name. The header's size is checked against [`Limits`]
//! before pixels are allocated. The result is 8 bits a channel, grey or RGB: its colour profile applied
//! (`colour`), laid over a ground if it is transparent (`alpha`), turned upright as EXIF or XMP say
//! (`metadata`). The hash of the samples, if it is wanted, is made before all that (`samples`). Decoders of
//! [`Optional`] formats are features of the program.

use std::error::Error as _;
use std::io::Cursor;

use image::metadata::Orientation;
use image::{
    ColorType, DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, RgbImage,
};

#[cfg(feature = "avif")]
use super::avif;
use super::catch_panic::catch_panic;
use super::colour::{self, Colours, Transform};
use super::decoding::OnGround;
#[cfg(feature = "heic")]
use super::heic;
#[cfg(feature = "jxl")]
use super::jxl;
use super::limits::check_pixels;
use super::metadata::{self, Metadata};
use super::origin::Origin;
#[cfg(feature = "psd")]
use super::psd;
use super::raster::{Channels, Raster, to_8_bits};
#[cfg(feature = "raw")]
use super::raw;
use super::samples::{Samples, Stored};
use super::shrink::{Shape, Shrinker, Shrunk};
use super::sniff::{self, Content, Optional};
use super::{
    Decoding, Limits, Pixels, alpha, bmp, damage, finer, frames, gamma, ico, jpeg, png_rows, tga, tiff,
};

/// What an image file says about itself beside its pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceFacts {
    /// Its format, such as `jpeg`; empty for plain pixels.
    pub format: &'static str,
    /// It has EXIF data.
    pub exif: bool,
    /// The quality of a JPEG file, 1 to 100, by its quantization tables.
    pub jpeg_quality: Option<u8>,
    /// Who made it, and what its encoding keeps.
    pub origin: Origin,
    /// It holds more pictures than the one that is decoded: frames, pages or sizes, a depth map, or a film.
    pub several: bool,
    /// It holds more than the 8 bits that are decoded of each sample.
    pub finer: bool,
    /// What is decoded may be less than it holds, as the preview of a raw file is: files with the same pixels
    /// may differ.
    pub partial: bool,
    /// The hash of its samples. Only decoding tells: [`Decoding::samples`].
    pub samples: Option<[u8; 32]>,
    /// Columns and rows of the image itself, upright, where it may be decoded smaller.
    pub size: Option<(usize, usize)>,
}

/// The decoder that reads an image file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format {
    Usual(ImageFormat),
    Optional(Optional),
}

/// Decodes an image file held in memory: PNG, JPEG, WebP, GIF (first frame), BMP, TIFF, PNM, QOI, TGA, ICO, and
/// what the features of the program add, such as HEIC. Never panics.
///
/// # Errors
/// The reason why there are no pixels.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Pixels, String> {
    decode_for(bytes, &Decoding { limits: *limits, ..Decoding::default() })
}

/// As [`decode`], as `how` says: in grey where that is enough, for example.
pub(super) fn decode_for(bytes: &[u8], how: &Decoding) -> Result<Pixels, String> {
    let format = format_of(bytes)?;
    let decoded = match format {
        Format::Usual(format) => catch_panic(|| {
            let pixels = decode_as(format, bytes, how)?;
            if let Some(damage) = how.samples.is_wanted().then(|| damage::damage(id(format), bytes)).flatten()
            {
                how.remarks.add(format!("{}: {damage}", name(format)));
            }
            Ok(pixels)
        }),
        Format::Optional(format) => {
            let named = |why| format!("{}: {why}", format.id());
            catch_panic(|| decode_optional(format, bytes, how).map_err(named))
        }
    };
    let name = match format {
        Format::Usual(format) => name(format),
        Format::Optional(format) => format.id().to_owned(),
    };
    decoded.unwrap_or_else(|panic| Err(format!("{name}: damaged: the decoder panicked: {panic}")))
}

/// What the headers of an image file say, without decoding it.
pub(super) fn facts(bytes: &[u8]) -> SourceFacts {
    catch_panic(|| match format_of(bytes) {
        Ok(Format::Usual(format)) => facts_as(id(format), bytes),
        Ok(Format::Optional(format)) => facts_of_optional(format, bytes),
        Err(_) => SourceFacts::default(),
    })
    .unwrap_or_default()
}

fn facts_as(format: &'static str, bytes: &[u8]) -> SourceFacts {
    let metadata = Metadata::of(format, bytes);
    let origin = Origin::of(format, bytes, &metadata);
    let Metadata { exif, jpeg_quality, .. } = metadata;
    let size = size_of(format, bytes);
    let (inside, finer) = (frames::inside(format, bytes), finer::is_finer(format, bytes));
    let several = frames::several(format, bytes) || inside == frames::Inside::Picture;
    let partial = inside == frames::Inside::More;
    SourceFacts { format, exif, jpeg_quality, origin, several, finer, partial, size, samples: None }
}

/// What an image file says about itself beside its pixels; nothing of one that is not read.
pub fn metadata(bytes: &[u8]) -> Metadata {
    let found = catch_panic(|| match format_of(bytes).ok()? {
        Format::Usual(format) => Some(Metadata::of(id(format), bytes)),
        Format::Optional(format) => Some(Metadata::of(format.id(), bytes)),
    });
    found.ok().flatten().unwrap_or_default()
}

/// Columns and rows of an image, upright, in those formats that may be decoded smaller.
pub(super) fn size_of(format: &str, bytes: &[u8]) -> Option<(usize, usize)> {
    let (size, turned) = match format {
        "jpeg" => return jpeg::File::open(bytes).ok().map(|file| size_upright(&file, bytes, None).0),
        "png" => {
            let side = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
            ((side(16)?, side(20)?), metadata::turned(format, bytes)) // in IHDR, which comes first
        }
        "tiff" => {
            let directory = tiff::Directory::first(bytes).ok()?;
            let layout = tiff::Layout::of(&directory).ok()?;
            ((layout.width as u32, layout.height as u32), metadata::turned(format, bytes))
        }
        _ => return None,
    };
    let (width, height) = (size.0 as usize, size.1 as usize);
    Some(if turned >= 5 { (height, width) } else { (width, height) })
}

/// As [`decode_for`], for a frame of an animation.
pub(super) fn decode_frame(frame: &frames::Frame, how: &Decoding) -> Result<Pixels, String> {
    let decoded = catch_panic(|| {
        let frames::Drawn { raster, profile, turned } = frame.draw(how)?;
        let told = if frame.kind.id() == "png" { gamma::told(frame.bytes()) } else { None };
        let Colours { transform, mark } = Colours::of(profile.as_deref(), told.as_deref(), raster.channels);
        if !finer::is_finer(frame.kind.id(), frame.bytes()) {
            how.samples.sink(mark, turned).put(&(&raster).into());
        }
        Ok(finish(raster, transform, turned, how))
    });
    let named = |why| format!("{}: frame {}: {why}", frame.kind.id(), frame.number);
    decoded.unwrap_or_else(|panic| Err(format!("damaged: the decoder panicked: {panic}"))).map_err(named)
}

/// As [`facts`], for one picture of a file: there are no others beside it.
pub(super) fn facts_of_one(bytes: &[u8]) -> SourceFacts {
    SourceFacts { several: false, ..facts(bytes) }
}

/// What [`frames`] calls the format of a file that may hold several pictures.
pub(super) fn format_of_several(bytes: &[u8]) -> Option<&'static str> {
    match format_of(bytes).ok()? {
        Format::Usual(ImageFormat::Gif) => Some("gif"),
        Format::Usual(ImageFormat::Png) => Some("png"),
        Format::Usual(ImageFormat::WebP) => Some("webp"),
        Format::Usual(ImageFormat::Tiff) => Some("tiff"),
        Format::Usual(ImageFormat::Jpeg) => Some("jpeg"),
        Format::Optional(Optional::Heic) => Some("heic"),
        _ => None,
    }
}

pub(super) fn format_of(bytes: &[u8]) -> Result<Format, String> {
    if bytes.is_empty() {
        return Err("empty file (0 bytes)".to_owned());
    }
    if let Content::Optional(format) = sniff::sniff(bytes) {
        return if reads(format) { Ok(Format::Optional(format)) } else { Err(unread(format)) };
    }
    match image::guess_format(bytes) {
        #[cfg(feature = "raw")]
        _ if sniff::is_tiff(bytes) && raw::is_raw(bytes) => Ok(Format::Optional(Optional::Raw)),
        _ if sniff::is_tiff(bytes) => Ok(Format::Usual(ImageFormat::Tiff)),
        Ok(format) if format.reading_enabled() => Ok(Format::Usual(format)),
        Ok(format) => Err(format!(
            "{} images are detected but not supported: convert them to PNG or JPEG",
            format!("{format:?}").to_uppercase()
        )),
        Err(_) if bmp::is_bare(bytes) => Ok(Format::Usual(ImageFormat::Bmp)),
        Err(_) if tga::is_plausible(bytes) => Ok(Format::Usual(ImageFormat::Tga)),
        Err(_) => Err("not an image: the content is of no known format".to_owned()),
    }
}

/// Whether a file is read as TIFF.
pub(super) fn is_plain_tiff(bytes: &[u8]) -> bool {
    matches!(format_of(bytes), Ok(Format::Usual(ImageFormat::Tiff)))
}

/// Whether this build has a decoder for it.
fn reads(format: Optional) -> bool {
    match format {
        Optional::Heic => cfg!(feature = "heic"),
        Optional::Raw => cfg!(feature = "raw"),
        Optional::JpegXl => cfg!(feature = "jxl"),
        Optional::Psd => cfg!(feature = "psd"),
        Optional::Avif => cfg!(feature = "avif"),
    }
}

/// The reason for a format that this build does not read.
pub(super) fn unread(format: Optional) -> String {
    let name = format.name();
    match format {
        Optional::Raw if cfg!(feature = "raw") => {
            format!("{name} by its name, but its layout is not known: convert it to JPEG or DNG")
        }
        _ => format!(
            "{name} images need the feature `{}`: build with it, or convert them to PNG or JPEG",
            format.id()
        ),
    }
}

/// Without any of these features, nothing is asked of the bytes.
#[cfg_attr(
    not(any(feature = "avif", feature = "heic", feature = "jxl", feature = "psd", feature = "raw")),
    allow(unused_variables)
)]
fn decode_optional(format: Optional, bytes: &[u8], how: &Decoding) -> Result<Pixels, String> {
    match format {
        #[cfg(feature = "avif")]
        Optional::Avif => {
            let avif::Found { raster, transform, turned } = avif::decode(bytes, how)?;
            Ok(finish(raster, transform, turned, how))
        }
        #[cfg(feature = "heic")]
        Optional::Heic => {
            let (raster, transform) = heic::decode(bytes, how)?;
            Ok(finish(raster, transform, 1, how))
        }
        #[cfg(feature = "jxl")]
        Optional::JpegXl => {
            let (raster, transform) = jxl::decode(bytes, how)?;
            Ok(finish(raster, transform, 1, how))
        }
        #[cfg(feature = "psd")]
        Optional::Psd => {
            let (raster, transform) = psd::decode(bytes, how)?;
            Ok(finish(raster, transform, metadata::turned(format.id(), bytes), how))
        }
        #[cfg(feature = "raw")]
        Optional::Raw => {
            let preview = raw::preview(bytes)?;
            decode_jpeg(preview.jpeg, preview.turned, how)
        }
        #[cfg(not(all(
            feature = "avif",
            feature = "heic",
            feature = "jxl",
            feature = "psd",
            feature = "raw"
        )))]
        _ => Err(unread(format)),
    }
}

/// As [`facts_as`]; the preview of a raw file is not asked.
fn facts_of_optional(format: Optional, bytes: &[u8]) -> SourceFacts {
    let several = match format {
        #[cfg(feature = "jxl")]
        Optional::JpegXl => jxl::is_animated(bytes),
        _ => {
            let inside = frames::inside(format.id(), bytes);
            frames::several(format.id(), bytes) || inside == frames::Inside::Picture
        }
    };
    let metadata = Metadata::of(format.id(), bytes);
    let (exif, origin) = (metadata.exif, Origin::of(format.id(), bytes, &metadata));
    // All of them may hold more than the 8 bits, the preview or the merged picture that are decoded: two files
    // are never the same by those.
    SourceFacts { format: format.id(), exif, origin, several, partial: true, ..SourceFacts::default() }
}

fn decode_as(format: ImageFormat, bytes: &[u8], how: &Decoding) -> Result<Pixels, String> {
    let fail = |error| reason(format, error);
    let named = |why| format!("{}: {why}", name(format));
    let rewritten = match format {
        ImageFormat::Jpeg => return decode_jpeg(bytes, None, how).map_err(named),
        ImageFormat::Tiff => return decode_tiff(bytes, how).map_err(named),
        ImageFormat::Ico => return decode_ico(bytes, how).map_err(named),
        ImageFormat::Bmp => bmp::known(bytes).map_err(named)?,
        ImageFormat::Tga => tga::known(bytes, &how.limits).map_err(named)?,
        _ => bytes.into(),
    };
    let bytes = &*rewritten;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut codec_limits = image::Limits::default();
    codec_limits.max_alloc = Some(how.limits.max_decoded_bytes);
    reader.limits(codec_limits);
    let decoder = reader.into_decoder().map_err(fail)?;
    let (profile, turned) = (metadata::profile(id(format), bytes), metadata::turned(id(format), bytes));
    let channels = channels_of(decoder.color_type());
    let size = (decoder.dimensions().0 as usize, decoder.dimensions().1 as usize);
    let told = match format {
        ImageFormat::Png => gamma::told(bytes),
        ImageFormat::Bmp => bmp::colours(bytes),
        _ => None,
    };
    let Colours { transform, mark } = Colours::of(profile.as_deref(), told.as_deref(), channels);
    if format == ImageFormat::Png
        && let Some(shape) = Shape::of((size, turned), channels, how.needed)
        && let Some(rows) = png_rows::Rows::open(bytes, &how.limits)
    {
        check_pixels(decoder.dimensions(), shape.memory(), &how.limits).map_err(named)?;
        let memory = shape.memory() + png_rows::Rows::MEMORY;
        let _held = how.budget.take(memory, &how.stopwatch).map_err(named)?;
        let shrinker = Shrinker::new(shape, transform, rows.is_fine);
        return Ok(finish_shrunk(rows.shrink(shrinker, channels).map_err(fail)?, turned, how));
    }
    check_pixels(decoder.dimensions(), decoder.total_bytes(), &how.limits).map_err(named)?;

    // pixels as they are decoded and as they are returned
    let needed = decoder.total_bytes().saturating_mul(2);
    let _held = how.budget.take(needed, &how.stopwatch).map_err(named)?;
    let image = DynamicImage::from_decoder(decoder).map_err(fail)?;
    if let Some(samples) = finer::largest(id(format), bytes).and_then(|most| samples_of(&image, most)) {
        let stored = Stored { width: size.0, height: size.1, channels, samples, is_associated: false };
        how.samples.sink(mark, turned).put(&stored);
    }
    Ok(finish(raster(image), transform, turned, how))
}

/// A JPEG, as small as is enough, turned as it says itself unless another file told how.
fn decode_jpeg(bytes: &[u8], told: Option<u8>, how: &Decoding) -> Result<Pixels, String> {
    let file = jpeg::File::open(bytes).map_err(|fault| fault.to_string())?;
    let file = if how.samples.is_wanted() { file.reading_all() } else { file };
    let (width, height) = file.size();
    let (upright, turned) = size_upright(&file, bytes, told);
    let channels = match () {
        () if file.is_grey() => Channels::Grey,
        () if file.is_inked() => Channels::Cmyk,
        () => Channels::Rgb,
    };
    let profile = metadata::profile("jpeg", bytes);
    let Colours { transform, mark } = Colours::of(profile.as_deref(), None, channels);
    let sink = how.samples.sink(mark, turned);
    let eighths = how.needed.eighths(upright);
    if channels == Channels::Cmyk && (transform.is_some() || sink.is_wanted() && eighths == 8) {
        let inked = (width * height * 4) as u64;
        check_pixels((width as u32, height as u32), inked, &how.limits)?;
        let _held = how.budget.take(3 * inked, &how.stopwatch)?;
        if let Some(data) = jpeg::inks(bytes, width * height) {
            let raster = Raster { width, height, channels, data };
            sink.put(&(&raster).into());
            remark_on(&file, None, how);
            return Ok(finish(raster, transform, turned, how));
        }
    }
    let transform = transform.filter(|_| channels != Channels::Cmyk);
    // the luma of other colours is not that of sRGB
    let part = jpeg::Part { eighths, luma: how.grey && transform.is_none() };
    check_pixels((width as u32, height as u32), file.decoded_bytes(part), &how.limits)?;
    let _held = how.budget.take(file.memory(part), &how.stopwatch)?;
    let decoded = file.decode(part).map_err(|fault| fault.to_string())?;
    // of pixels decoded smaller all scans were read
    let known = if eighths < 8 { Some(decoded.damage.map(str::to_owned)) } else { None };
    remark_on(&file, known, how);
    let is_all = eighths == 8 && decoded.channels == channels.count();
    let channels = if decoded.channels == 1 { Channels::Grey } else { Channels::Rgb };
    let raster = Raster { width: decoded.width, height: decoded.height, channels, data: decoded.data };
    if is_all {
        sink.put(&(&raster).into());
    }
    Ok(finish(raster, transform, turned, how))
}

/// Says what is wrong with a JPEG that was decoded; `known` is its damage, if all of it was read for that.
fn remark_on(file: &jpeg::File<'_>, known: Option<Option<String>>, how: &Decoding) {
    let is_asked = how.samples.is_wanted();
    match known.unwrap_or_else(|| if is_asked { file.damage() } else { None }).filter(|_| is_asked) {
        Some(damage) => how.remarks.add(format!("jpeg: {damage}")),
        None if !file.has_end() => {
            how.remarks.add("jpeg: its end marker is missing, its pixels are all there");
        }
        None => {}
    }
}

/// The first picture of a TIFF file.
fn decode_tiff(bytes: &[u8], how: &Decoding) -> Result<Pixels, String> {
    let directory = tiff::Directory::first(bytes)?;
    let layout = tiff::Layout::of(&directory)?;
    let (size, turned) = ((layout.width, layout.height), metadata::turned("tiff", bytes));
    let channels = layout.channels();
    let profile = metadata::profile("tiff", bytes);
    let Colours { transform, mark } = Colours::of(profile.as_deref(), None, channels);
    if !layout.is_measured()
        && let Some(shape) = Shape::of((size, turned), channels, how.needed)
    {
        let (chunk, memory) = layout.memory_of_rows();
        check_pixels((size.0 as u32, size.1 as u32), shape.memory().max(chunk), &how.limits)?;
        let _held = how.budget.take(shape.memory().saturating_add(memory), &how.stopwatch)?;
        let shrunk = tiff::shrink(bytes, &layout, Shrinker::new(shape, transform, layout.is_fine()))?;
        return Ok(finish_shrunk(shrunk, turned, how));
    }
    let bytes_needed = layout.total_bytes().max(layout.chunk_bytes());
    check_pixels((size.0 as u32, size.1 as u32), bytes_needed, &how.limits)?;
    let sink = how.samples.sink(mark, turned);
    let words = if sink.is_wanted() && layout.is_deep() { 2 } else { 0 };
    let needed = layout.total_bytes().saturating_mul(2 + words).saturating_add(layout.unpacking_bytes());
    let _held = how.budget.take(needed, &how.stopwatch)?;
    Ok(finish(tiff::decode(bytes, &layout, &sink)?, transform, turned, how))
}

/// The best picture of an ICO file.
fn decode_ico(bytes: &[u8], how: &Decoding) -> Result<Pixels, String> {
    let bitmap = match ico::best(bytes)? {
        ico::Picture::Png(png) => return decode_as(ImageFormat::Png, png, how),
        ico::Picture::Bitmap(bitmap) => bitmap,
    };
    let pixels = decode_as(ImageFormat::Bmp, &bitmap.file, how)?;
    let alpha = bitmap.alpha((pixels.width, pixels.height));
    let colours = pixels.data.chunks_exact(pixels.channels).zip(alpha);
    let data = colours.flat_map(|(colour, alpha)| colour.iter().copied().chain([alpha])).collect();
    let channels = if pixels.channels == 1 { Channels::GreyAlpha } else { Channels::Rgba };
    let raster = Raster { width: pixels.width, height: pixels.height, channels, data };
    how.samples.sink(None, 1).put(&(&raster).into());
    Ok(finish(raster, None, 1, how))
}

/// What is left to do once there are samples: profile, ground, orientation.
fn finish(raster: Raster, transform: Option<Transform>, turned: u8, how: &Decoding) -> Pixels {
    let Raster { width, height, channels, data } = colour::to_srgb(raster, transform.as_ref());
    let both = how.other_ground.is_wanted();
    let (channels, (data, other)) = match channels {
        Channels::GreyAlpha => (1, alpha::over_grounds::<2>(&data, both)),
        Channels::Rgba => (3, alpha::over_grounds::<4>(&data, both)),
        other => (other.count(), (data, None)),
    };
    if let Some((ground, data)) = other {
        let pixels = upright(Pixels { width, height, channels, data }, turned);
        how.other_ground.put(OnGround { is_white: ground == alpha::Ground::White, pixels });
    }
    upright(Pixels { width, height, channels, data }, turned)
}

/// The same for an image that was made smaller row by row.
fn finish_shrunk(shrunk: Shrunk, turned: u8, how: &Decoding) -> Pixels {
    if let Some((ground, raster)) = shrunk.other {
        let pixels = finish(raster, None, turned, &Decoding::default());
        how.other_ground.put(OnGround { is_white: ground == alpha::Ground::White, pixels });
    }
    finish(shrunk.image, None, turned, how)
}

fn upright(pixels: Pixels, turned: u8) -> Pixels {
    let Some(turn) = Orientation::from_exif(turned).filter(|turn| *turn != Orientation::NoTransforms) else {
        return pixels;
    };
    let Pixels { width, height, channels, data } = pixels;
    let sides = (width as u32, height as u32);
    let image = match channels {
        1 => GrayImage::from_raw(sides.0, sides.1, data).map(DynamicImage::from),
        _ => RgbImage::from_raw(sides.0, sides.1, data).map(DynamicImage::from),
    };
    let mut image = image.unwrap_or_default();
    image.apply_orientation(turn);
    let (width, height) = (image.width() as usize, image.height() as usize);
    Pixels { width, height, channels, data: image.into_bytes() }
}

/// Columns and rows of a JPEG once it is upright, and how it is turned, 1 to 8 as in EXIF; as the file says
/// itself unless another one told.
fn size_upright(file: &jpeg::File<'_>, bytes: &[u8], told: Option<u8>) -> ((usize, usize), u8) {
    let turned = told.unwrap_or_else(|| metadata::turned("jpeg", bytes));
    let (width, height) = file.size();
    (if turned >= 5 { (height, width) } else { (width, height) }, turned)
}

/// What the channels of decoded pixels are.
fn channels_of(colour: ColorType) -> Channels {
    match colour {
        ColorType::L8 | ColorType::L16 => Channels::Grey,
        ColorType::La8 | ColorType::La16 => Channels::GreyAlpha,
        ColorType::Rgb8 | ColorType::Rgb16 => Channels::Rgb,
        _ => Channels::Rgba,
    }
}

/// The samples of a decoded image, of which `most` is the largest number; none of floats.
fn samples_of(image: &DynamicImage, most: u16) -> Option<Samples<'_>> {
    Some(match image {
        DynamicImage::ImageLuma16(grey) => Samples::Words(grey.as_raw(), most),
        DynamicImage::ImageLumaA16(grey) => Samples::Words(grey.as_raw(), most),
        DynamicImage::ImageRgb16(rgb) => Samples::Words(rgb.as_raw(), most),
        DynamicImage::ImageRgba16(rgba) => Samples::Words(rgba.as_raw(), most),
        DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_) => return None,
        eight_bits => Samples::Bytes(eight_bits.as_bytes()),
    })
}

/// 8 bits a channel.
fn raster(image: DynamicImage) -> Raster {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let rounded = |values: Vec<u16>| values.into_iter().map(to_8_bits).collect();
    let channels = channels_of(image.color());
    let data = match image {
        DynamicImage::ImageLuma16(grey) => rounded(grey.into_raw()),
        DynamicImage::ImageLumaA16(grey) => rounded(grey.into_raw()),
        DynamicImage::ImageRgb16(rgb) => rounded(rgb.into_raw()),
        DynamicImage::ImageRgba16(rgba) => rounded(rgba.into_raw()),
        DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_) => image.into_rgba8().into_raw(),
        eight_bits => eight_bits.into_bytes(),
    };
    Raster { width, height, channels, data }
}

/// As documents call a format.
pub(super) fn id(format: ImageFormat) -> &'static str {
    match format {
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
    }
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
}
