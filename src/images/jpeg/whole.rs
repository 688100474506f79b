//! All pixels of a sound file, by the crate `zune_jpeg`.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The luma (1 channel) or RGB (3) of a file whose pixels take so many bytes; none where the crate has
/// anything to complain about.
pub(super) fn pixels(bytes: &[u8], channels: usize, size: u64) -> Option<Vec<u8>> {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_out_colorspace(if channels == 1 { ColorSpace::Luma } else { ColorSpace::RGB });
    let pixels = JpegDecoder::new_with_options(ZCursor::new(bytes), options).decode().ok()?;
    (pixels.len() as u64 == size).then_some(pixels)
}
