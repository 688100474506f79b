//! The inks of a CMYK file, for a colour profile that says how they look. Always whole.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::picture::rgb;

/// Cyan, magenta, yellow and black of so many pixels, 255 for full ink; none where anything is wrong.
pub(in crate::images) fn inks(bytes: &[u8], pixels: usize) -> Option<Vec<u8>> {
    let options = DecoderOptions::default().set_strict_mode(true).set_max_width(usize::MAX);
    let options = options.set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().ok()?;
    let stored = decoder.input_colorspace()?;
    decoder.set_options(options.jpeg_set_out_colorspace(stored));
    let mut data = decoder.decode().ok().filter(|data| data.len() == 4 * pixels)?;
    for pixel in data.as_chunks_mut::<4>().0 {
        let [cyan, magenta, yellow, black] = *pixel;
        // stored inverted, as Adobe's programs do
        let [cyan, magenta, yellow] = match stored {
            ColorSpace::YCCK => rgb(cyan, magenta, yellow),
            _ => [cyan, magenta, yellow].map(|light| 255 - light),
        };
        *pixel = [cyan, magenta, yellow, 255 - black];
    }
    Some(data)
}
