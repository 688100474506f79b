//! JPEG XL files: the first picture. The only file that names `jxl_oxide`.
//!
//! The decoder applies the orientation, and says by a profile which colours it gives. Values of HDR curves (PQ,
//! HLG) stay what they are.

use jxl_oxide::{
    AllocTracker, ExtraChannelType, InitializeResult, JxlImage, JxlImageBuilder, JxlThreadPool, PixelFormat,
};

use super::Decoding;
use super::alpha::divide_by_alpha;
use super::colour::Transform;
use super::limits::check_pixels;
use super::raster::{Channels, Raster};

/// Bytes of a sample in the decoder, as it is decoded and as it is put together.
const BYTES: u64 = 16;

/// What the decoder may need for anything but samples.
const SLACK: u64 = 64 << 20;

/// The pixels of the first picture, upright, and how its colours become sRGB.
///
/// # Errors
/// What is damaged, too large or not supported.
pub(super) fn decode(bytes: &[u8], how: &Decoding) -> Result<(Raster, Option<Transform>), String> {
    let header = header(bytes)?;
    let (width, height) = (header.width(), header.height());
    let samples = u64::from(width) * u64::from(height);
    let planes = 3 + header.image_header().metadata.ec_info.len() as u64;
    check_pixels((width, height), samples.saturating_mul(planes), &how.limits)?;
    let needed = samples.saturating_mul(planes).saturating_mul(BYTES);
    let _held = how.budget.take(needed, &how.stopwatch)?;

    let most = usize::try_from(needed.saturating_add(SLACK)).unwrap_or(usize::MAX);
    let image = builder(most).read(bytes).map_err(|error| reason(&*error))?;
    if image.num_loaded_keyframes() == 0 {
        return Err(TRUNCATED.to_owned());
    }
    let frame = image.render_frame(0).map_err(|error| reason(&*error))?;
    let format = image.pixel_format();
    // colours of inks with an alpha have no place in a raster
    let mut stream = if format.has_black() { frame.stream_no_alpha() } else { frame.stream() };
    let (width, height) = (stream.width() as usize, stream.height() as usize);
    let mut data = vec![0_u8; width * height * stream.channels() as usize];
    stream.write_to_buffer(&mut data);
    let channels = match format {
        PixelFormat::Gray => Channels::Grey,
        PixelFormat::Graya => Channels::GreyAlpha,
        PixelFormat::Rgb => Channels::Rgb,
        PixelFormat::Rgba => Channels::Rgba,
        PixelFormat::Cmyk | PixelFormat::Cmyka => Channels::Cmyk,
    };
    if data.len() != width * height * channels.count() {
        return Err("damaged: a channel is missing".to_owned());
    }
    match channels {
        // no ink is white there
        Channels::Cmyk => data.iter_mut().for_each(|ink| *ink = 255 - *ink),
        Channels::GreyAlpha if is_multiplied(&image) => divide_by_alpha::<2>(&mut data),
        Channels::Rgba if is_multiplied(&image) => divide_by_alpha::<4>(&mut data),
        _ => {}
    }
    let profile = image.hdr_type().is_none().then(|| image.rendered_icc());
    let transform = profile.and_then(|profile| Transform::of(&profile, channels));
    Ok((Raster { width, height, channels, data }, transform))
}

/// Whether there are more pictures than the first.
pub(super) fn is_animated(bytes: &[u8]) -> bool {
    header(bytes).is_ok_and(|image| image.image_header().metadata.animation.is_some())
}

const TRUNCATED: &str = "the file ends too early (truncated)";

fn builder(most_bytes: usize) -> JxlImageBuilder {
    JxlImage::builder().pool(JxlThreadPool::none()).alloc_tracker(AllocTracker::with_limit(most_bytes))
}

/// The file up to where its header ends, before anything of the size of the picture is needed.
fn header(bytes: &[u8]) -> Result<JxlImage, String> {
    /// Bytes fed at a time.
    const PIECE: usize = 4096;
    let mut begun = builder(SLACK as usize).build_uninit();
    let mut at = 0;
    while at < bytes.len() {
        let piece = &bytes[at..bytes.len().min(at + PIECE)];
        match begun.feed_bytes(piece).map_err(|error| reason(&*error))? {
            0 if at + piece.len() == bytes.len() => break,
            0 => return Err("damaged: a box of no use".to_owned()),
            taken => at += taken,
        }
        match begun.try_init().map_err(|error| reason(&*error))? {
            InitializeResult::Initialized(image) => return Ok(image),
            InitializeResult::NeedMoreData(more) => begun = more,
        }
    }
    Err(TRUNCATED.to_owned())
}

/// Whether colours were multiplied by their alpha.
fn is_multiplied(image: &JxlImage) -> bool {
    let channels = &image.image_header().metadata.ec_info;
    channels.iter().any(|channel| matches!(channel.ty, ExtraChannelType::Alpha { alpha_associated: true }))
}

/// One line that says whether a file is damaged, too large or of a kind that is not read.
fn reason(error: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let is_early = |error: &std::io::Error| error.kind() == std::io::ErrorKind::UnexpectedEof;
    let text = error.to_string();
    if error.downcast_ref::<std::io::Error>().is_some_and(is_early) {
        TRUNCATED.to_owned()
    } else if text.contains("failed to allocate") {
        "too large: it needs more memory than its size lets expect".to_owned()
    } else if text.contains("support") {
        format!("unsupported: {text}; `djxl` of libjxl may read it")
    } else {
        format!("damaged: {text}")
    }
}
