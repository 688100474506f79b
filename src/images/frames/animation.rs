//! Frames of an animated GIF, PNG or WebP. Each is drawn upon the one before, so they are decoded in order.
//!
//! A thread keeps the decoder that it used last, at its place, if there is memory for it: frames that are read
//! one after the other cost one pass through the file, and no more than one frame is held. A jump back starts
//! again.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::Cursor;
use std::sync::{Arc, OnceLock};

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder as _, ImageDecoder, ImageResult, Rgba};

use crate::images::limits::check_pixels;
use crate::images::memory_budget::Kept;
use crate::images::metadata;
use crate::images::raster::{Channels, Raster};
use crate::images::stamp::hash_bytes;
use crate::images::{Decoding, Limits};

/// A decoder that holds more memory than this is not kept.
const MOST_KEPT: u64 = 512 << 20;
/// Canvases that a decoder holds between two frames: the canvas, and what it was before.
const CANVASES_KEPT: u64 = 2;
/// Canvases that a decoder and its result take: the canvas, what it was before, the frame, and a copy.
const CANVASES: u64 = 4;
/// Bytes of a pixel.
const BYTES: u64 = 4;

thread_local! {
    /// The decoder that this thread used last.
    static LAST: RefCell<Option<Reader>> = const { RefCell::new(None) };
}

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
    /// How it is to be turned, 1 to 8 as in EXIF.
    pub(in crate::images) turned: u8,
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
        let last = LAST.take().filter(|last| Arc::ptr_eq(&last.file, &self.file) && last.next <= self.number);
        let mut reader = match last {
            Some(reader) => reader,
            None => Reader::new(self, &how.limits)?,
        };
        let (width, height) = reader.size;
        let canvas = u64::from(width) * u64::from(height) * BYTES;
        reader.kept = None; // it is part of what is taken
        let held = how.budget.take(canvas.saturating_mul(CANVASES), &how.stopwatch)?;
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
        let drawn = Drawn { raster, profile: reader.profile.clone(), turned: reader.turned };
        drop(held);
        let bytes = canvas.saturating_mul(CANVASES_KEPT).saturating_add(self.file.bytes.len() as u64);
        reader.kept = if bytes <= MOST_KEPT { how.budget.keep(bytes) } else { None };
        if reader.kept.is_some() {
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
    turned: u8,
    /// Its part of the memory, as long as it is kept.
    kept: Option<Kept>,
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
        let (format, bytes) = (frame.kind.id(), frame.bytes());
        let profile = metadata::profile(format, bytes).map(Cow::into_owned);
        let turned = metadata::turned(format, bytes);
        let frames = frames(decoder).map_err(|error| reason(&error))?;
        Ok(Reader { file: frame.file.clone(), frames, next: 0, size, profile, turned, kept: None })
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

#[cfg(test)]
mod tests {
    use image::codecs::gif::GifEncoder;
    use image::{Frame as Picture, RgbaImage};

    use super::*;
    use crate::images::MemoryBudget;

    #[test]
    fn decoders_of_large_canvases_are_kept_as_far_as_memory_goes() {
        const SIDE: u32 = 2100; // four such canvases are 67 MB
        let mut bytes = Vec::new();
        let mut encoder = GifEncoder::new(&mut bytes);
        for shade in [9, 99, 199] {
            encoder.encode_frame(Picture::new(RgbaImage::from_pixel(SIDE, SIDE, Rgba([shade; 4])))).unwrap();
        }
        drop(encoder);
        let file = Arc::new(AnimatedFile::new(bytes));
        let frame = |number| Frame { file: file.clone(), kind: Animation::Gif, number, among: 3 };
        let next = || LAST.with_borrow(|last| last.as_ref().map(|reader| reader.next));
        let how = Decoding { budget: MemoryBudget::new(200 << 20), ..Decoding::default() };
        for number in [0, 2, 1] {
            assert_eq!(frame(number).draw(&how).unwrap().raster.width, SIDE as usize);
            assert_eq!(next(), Some(number + 1));
        }
        let tight = Decoding { budget: MemoryBudget::new(100 << 20), ..Decoding::default() };
        frame(2).draw(&tight).unwrap();
        assert_eq!(next(), None);
    }
}
