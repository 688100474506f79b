//! Reads PNG files row by row, for images that are made smaller. The only file that names `png`; whole files
//! are decoded through `image`, which uses the same decoder.

use std::io::Cursor;

use image::error::{DecodingError, LimitError, LimitErrorKind, ParameterError, ParameterErrorKind};
use image::{ImageError, ImageFormat};

use super::Limits;
use super::raster::{Channels, Raster, to_8_bits};
use super::shrink::{Shrinker, Shrunk};

/// A file whose header has been read.
pub(super) struct Rows<'a> {
    reader: png::Reader<Cursor<&'a [u8]>>,
    /// 16 bits a sample.
    pub(super) is_fine: bool,
}

impl<'a> Rows<'a> {
    /// Bytes of memory that reading rows takes beside the image: what `png` unpacks ahead.
    pub(super) const MEMORY: u64 = 1 << 18;

    /// Opens a file; none if its rows do not come in order, from top to bottom, and cover the whole picture.
    pub(super) fn open(bytes: &'a [u8], limits: &Limits) -> Option<Rows<'a>> {
        let most = usize::try_from(limits.max_decoded_bytes).unwrap_or(usize::MAX);
        let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: most });
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        // the same as `image` sets
        decoder.set_transformations(png::Transformations::EXPAND);
        let reader = decoder.read_info().ok()?;
        let info = reader.info();
        let is_whole = info.frame_control.is_none_or(|frame| {
            (frame.width, frame.height, frame.x_offset, frame.y_offset) == (info.width, info.height, 0, 0)
        });
        let is_fine = reader.output_color_type().1 == png::BitDepth::Sixteen;
        (is_whole && !info.interlaced).then_some(Rows { reader, is_fine })
    }

    /// Passes all rows, which have these channels, to `shrinker`.
    ///
    /// # Errors
    /// The same as `image` would give.
    pub(super) fn shrink(mut self, mut shrinker: Shrinker, channels: Channels) -> Result<Shrunk, ImageError> {
        let mut fine: Vec<u16> = Vec::new();
        while let Some(row) = self.reader.next_row().map_err(as_image)? {
            let data = if self.is_fine {
                fine.clear();
                fine.extend(row.data().as_chunks::<2>().0.iter().map(|&digits| u16::from_be_bytes(digits)));
                if shrinker.is_fine() {
                    shrinker.fine_row(&fine);
                    continue;
                }
                fine.iter().copied().map(to_8_bits).collect()
            } else {
                row.data().to_vec()
            };
            shrinker.rows(Raster { width: data.len() / channels.count(), height: 1, channels, data });
        }
        Ok(shrinker.finish())
    }
}

/// The error that `image` makes of this one.
fn as_image(error: png::DecodingError) -> ImageError {
    match error {
        png::DecodingError::IoError(error) => ImageError::IoError(error),
        png::DecodingError::Format(_) => {
            ImageError::Decoding(DecodingError::new(ImageFormat::Png.into(), error))
        }
        png::DecodingError::Parameter(_) => {
            ImageError::Parameter(ParameterError::from_kind(ParameterErrorKind::Generic(error.to_string())))
        }
        png::DecodingError::LimitsExceeded => {
            ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory))
        }
    }
}
