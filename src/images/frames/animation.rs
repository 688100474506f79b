//! Frames of an animated GIF, PNG or WebP. Each is drawn upon the one before, so they are decoded in order.
//!
//! A thread keeps the decoder that it used last, at its place: frames that are read one after the other cost
//! one pass through the file, and no more than one frame is held. A jump back starts again.

use std::cell::RefCell;
use std::io::Cursor;
use std::sync::{Arc, OnceLock};

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder as _, ImageDecoder, ImageResult, Rgba};

use crate::images::limits::check_pixels;
use crate::images::raster::{Channels, Raster};
use crate::images::stamp::hash_bytes;
use crate::images::{Decoding, Limits};

/// A decoder that takes more memory than this is not kept.
const MOST_KEPT: u64 = 64 << 20;
/// Canvases that a decoder and its result take: the canvas, what it was before, the frame, and a copy.
const CANVASES: u64 = 4;
/// Bytes of a pixel.
const BYTES: u64 = 4;

/// The formats of animations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::images) enum Animation {
    Gif,
    Png,
    WebP,
}

impl Animation {
    /// As documents call the format.
    pub(in crate::images) fn id(self) -> &'static str {
        match self {
            Animation::Gif => "gif",
            Animation::Png => "png",
            Animation::WebP => "webp",
        }
    }
}

/// The bytes of an animation, shared by its frames.
#[derive(Debug)]
pub(in crate::images) struct AnimatedFile {
    bytes: Vec<u8>,
    hash: OnceLock<[u8; 32]>,
}

impl AnimatedFile {
    pub(in crate::images) fn new(bytes: Vec<u8>) -> AnimatedFile {
        AnimatedFile { bytes, hash: OnceLock::new() }
    }
}

/// One frame, not decoded.
#[derive(Debug, Clone)]
pub(in crate::images) struct Frame {
    pub(in crate::images) file: Arc<AnimatedFile>,
    pub(in crate::images) kind: Animation,
    /// From 0.
    pub(in crate::images) number: u32,
    /// Frames of the file that are taken: each has its share of the bytes that were read.
    pub(in crate::images) among: usize,
}

/// A frame as it was drawn; then what its file says of colours and of how it is turned.
pub(in crate::images) struct Drawn {
    pub(in crate::images) raster: Raster,
    /// The colour profile.
    pub(in crate::images) profile: Option<Vec<u8>>,
    pub(in crate::images) exif: Option<Vec<u8>>,
    pub(in crate::images) xmp: Option<Vec<u8>>,
}

impl Frame {
    /// The bytes of the file.
    pub(in crate::images) fn bytes(&self) -> &[u8] {
        &self.file.bytes
    }

    /// BLAKE3 of the file's BLAKE3 and the number: equal for the same frame of files with the same bytes.
    pub(in crate::images) fn hash(&self) -> [u8; 32] {
        let file = self.file.hash.get_or_init(|| hash_bytes(&self.file.bytes));
        hash_bytes(&[&file[..], &self.number.to_le_bytes()].concat())
    }

    /// Its pixels.
    ///
    /// # Errors
    /// What is damaged or too large.
    pub(in crate::images) fn draw(&self, how: &Decoding) -> Result<Drawn, String> {
        thread_local! {
            static LAST: RefCell<Option<Reader>> = const { RefCell::new(None) };
        }
        let last = LAST.take().filter(|last| Arc::ptr_eq(&last.file, &self.file) && last.next <= self.number);
        let mut reader = match last {
            Some(reader) => reader,
            None => Reader::new(self, &how.limits)?,
        };
        let (width, height) = reader.size;
        let canvas = u64::from(width) * u64::from(height) * BYTES;
        let _held = how.budget.take(canvas.saturating_mul(CANVASES), &how.stopwatch)?;
        let raster = loop {
            let image = reader.frames.next().ok_or("the file ends too early (truncated)")?;
            let image = image.map_err(|error| reason(&error))?;
            reader.next += 1;
            if reader.next > self.number {
                let (width, height) = (image.buffer().width() as usize, image.buffer().height() as usize);
                let data = image.into_buffer().into_raw();
                break Raster { width, height, channels: Channels::Rgba, data };
            }
        };
        let Reader { profile, exif, xmp, .. } = &reader;
        let drawn = Drawn { raster, profile: profile.clone(), exif: exif.clone(), xmp: xmp.clone() };
        if canvas * CANVASES + self.file.bytes.len() as u64 <= MOST_KEPT {
            LAST.set(Some(reader));
        }
        Ok(drawn)
    }
}

/// The bytes of a file, as decoders take them.
struct Shared(Arc<AnimatedFile>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

/// A decoder that has drawn some frames.
struct Reader {
    file: Arc<AnimatedFile>,
    frames: image::Frames<'static>,
    /// The number of the frame that it draws next.
    next: u32,
    size: (u32, u32),
    profile: Option<Vec<u8>>,
    exif: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
}

impl Reader {
    fn new(frame: &Frame, limits: &Limits) -> Result<Reader, String> {
        let bytes = Cursor::new(Shared(frame.file.clone()));
        let fail = |error| reason(&error);
        match frame.kind {
            Animation::Gif => {
                let decoder = GifDecoder::new(bytes).map_err(fail)?;
                Reader::of(frame, decoder, limits, |decoder| Ok(decoder.into_frames()))
            }
            Animation::Png => {
                let decoder = PngDecoder::new(bytes).map_err(fail)?;
                Reader::of(frame, decoder, limits, |decoder| Ok(decoder.apng()?.into_frames()))
            }
            Animation::WebP => {
                let decoder = WebPDecoder::new(bytes).map_err(fail)?;
                Reader::of(frame, decoder, limits, |mut decoder| {
                    // the colour of the file is only a hint, which nobody follows
                    decoder.set_background_color(Rgba([0; 4]))?;
                    Ok(decoder.into_frames())
                })
            }
        }
    }

    fn of<D: ImageDecoder>(
        frame: &Frame,
        mut decoder: D,
        limits: &Limits,
        frames: impl FnOnce(D) -> ImageResult<image::Frames<'static>>,
    ) -> Result<Reader, String> {
        let size = decoder.dimensions();
        check_pixels(size, u64::from(size.0) * u64::from(size.1) * BYTES, limits)?;
        let mut most = image::Limits::default();
        most.max_alloc = Some(limits.max_decoded_bytes);
        decoder.set_limits(most).map_err(|error| reason(&error))?;
        // metadata that cannot be read is no reason to lose the image
        let profile = decoder.icc_profile().ok().flatten();
        let exif = decoder.exif_metadata().ok().flatten();
        let xmp = decoder.xmp_metadata().ok().flatten();
        let frames = frames(decoder).map_err(|error| reason(&error))?;
        Ok(Reader { file: frame.file.clone(), frames, next: 0, size, profile, exif, xmp })
    }
}

/// One line, however long the message of the decoder.
fn reason(error: &image::ImageError) -> String {
    let what = match error {
        image::ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            return "the file ends too early (truncated)".to_owned();
        }
        image::ImageError::Limits(_) => {
            return "too large: it needs more memory than the limit allows".to_owned();
        }
        other => std::error::Error::source(other).map_or_else(|| other.to_string(), ToString::to_string),
    };
    format!("damaged: {}", what.split_whitespace().collect::<Vec<_>>().join(" "))
}
