//! From an item to its pixels and its stamp; what cannot be read has a reason instead.
//!
//! A file is opened once and read once, then hashed and decoded from that buffer. Nothing is kept.

use std::path::Path;

use super::item::{Content, Item, Origin};
use super::limits::check_size;
use super::plain_file::read_file;
use super::source::{Raw, Source};
use super::{Decoding, Limits, Needed, Pixels, Stamp, codec, sniff};

/// A decoded image and the stamp of what it was decoded from.
#[derive(Debug)]
pub struct Loaded {
    /// The image.
    pub pixels: Pixels,
    /// The state of the file (or entry) it came from.
    pub stamp: Stamp,
}

/// Reads and decodes one item, in colour. Never panics, whatever the bytes.
///
/// # Errors
/// The reason why there are no pixels, for a [`Skipped`](super::Skipped).
pub fn load(item: &Item, limits: &Limits) -> Result<Loaded, String> {
    load_for(item, limits, Needed::Whole)
}

/// As [`load`], where less than the whole size may be enough.
///
/// # Errors
/// As [`load`].
pub fn load_for(item: &Item, limits: &Limits, needed: Needed) -> Result<Loaded, String> {
    let source = read(item, limits)?;
    let stamp = source.stamp();
    Ok(Loaded { pixels: source.decode(&Decoding { limits: *limits, needed, ..Decoding::default() })?, stamp })
}

/// Reads one item, but does not decode it.
///
/// # Errors
/// The reason why it cannot be read, for a [`Skipped`](super::Skipped).
pub fn read(item: &Item, limits: &Limits) -> Result<Source, String> {
    let source = read_any(item, limits)?;
    // where other TIFF files hold the picture, those of cameras hold a thumbnail; where the content does not
    // tell them apart, the name does
    let is_tiff = matches!(&source.raw, Raw::File(bytes) if codec::is_plain_tiff(bytes));
    if is_tiff && sniff::is_raw_name(Path::new(&item.display())) {
        return Err(codec::unread(sniff::Optional::Raw));
    }
    Ok(source)
}

fn read_any(item: &Item, limits: &Limits) -> Result<Source, String> {
    match &item.origin {
        Origin::File { path, .. } => {
            let (bytes, quick_stamp) = read_file(path, limits.max_file_bytes)?;
            Ok(Source { raw: Raw::File(bytes), quick_stamp })
        }
        Origin::Entry { container, index } => {
            let raw = container.read(*index as usize, limits)?;
            Ok(Source { raw, quick_stamp: container.quick_stamp() })
        }
        Origin::Memory { image, .. } => {
            let raw = match &image.content {
                Content::File(bytes) => {
                    check_size(bytes.len() as u64, limits.max_file_bytes)?;
                    Raw::File(bytes.to_vec())
                }
                Content::Pixels(pixels) => {
                    pixels.check()?;
                    Raw::Pixels(pixels.clone())
                }
            };
            let size = raw.len() as u64;
            Ok(Source { raw, quick_stamp: (size, Stamp::IN_MEMORY) })
        }
    }
}
