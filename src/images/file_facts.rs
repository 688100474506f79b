//! What a file knows of its image: plain data, kept by an index as columns.

use std::io::Cursor;

use image::ImageReader;

use super::catch_panic::catch_panic;
use super::codec::{Format, format_of, id, size_of};
use super::metadata::{Metadata, turned};

/// What a file knows of its image.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileFacts {
    /// Its format, such as `jpeg`; empty for plain pixels.
    pub format: &'static str,
    /// Bytes of the image file, or of its pixels where they are plain.
    pub bytes: u64,
    /// Columns and rows, upright; none where only decoding tells.
    pub size: Option<(u32, u32)>,
    /// What it says of itself.
    pub metadata: Metadata,
}

impl FileFacts {
    /// Those of an image file; nothing of one that is not read.
    pub(super) fn of(bytes: &[u8]) -> FileFacts {
        let found = catch_panic(|| {
            let (format, size) = match format_of(bytes).ok()? {
                Format::Usual(format) => {
                    let stored =
                        || ImageReader::with_format(Cursor::new(bytes), format).into_dimensions().ok();
                    let upright = |(width, height)| match turned(id(format), bytes) {
                        5.. => (height, width),
                        _ => (width, height),
                    };
                    let size = size_of(id(format), bytes);
                    let size = size.map(|(width, height)| (width as u32, height as u32));
                    (id(format), size.or_else(|| stored().map(upright)))
                }
                Format::Optional(format) => (format.id(), None),
            };
            let metadata = Metadata::of(format, bytes);
            Some(FileFacts { format, bytes: bytes.len() as u64, size, metadata })
        });
        found.ok().flatten().unwrap_or_default()
    }
}
