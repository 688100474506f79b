//! From an item to its pixels and its stamp; what cannot be read has a reason instead.
//!
//! A file is opened once and read once, then hashed and decoded from that buffer. Nothing is kept.

use std::path::Path;

use super::item::{Content, Item, Origin};
use super::limits::check_size;
use super::plain_file::read_file;
use super::source::{Raw, Source};
use super::{Decoding, Limits, Needed, Pixels, Stamp, codec, sniff};
use crate::cloud::{self, Arriving, Fetched};

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
    checked(item, read_any(item, limits)?)
}

/// Images that are read one after the other, of which those that a listing of a bucket named are fetched ahead, several
/// at once.
pub struct ReadAhead(Option<Arriving>);

impl ReadAhead {
    /// Begins to fetch what is to be read of `items`.
    pub fn new<'a>(items: impl Iterator<Item = &'a Item>, limits: &Limits) -> ReadAhead {
        let objects: Vec<_> = items.filter_map(listed).cloned().collect();
        let is_some = !objects.is_empty();
        ReadAhead(is_some.then(|| cloud::get_all(objects, limits.max_file_bytes)))
    }

    /// As [`read()`]; all images must come once, in the same order.
    ///
    /// # Errors
    /// As [`read()`].
    pub fn read(&mut self, item: &Item, limits: &Limits) -> Result<Source, String> {
        match (&mut self.0, listed(item)) {
            (Some(arriving), Some(_)) => checked(item, source_of(arriving.next()?)),
            _ => read(item, limits),
        }
    }
}

fn listed(item: &Item) -> Option<&cloud::Object> {
    match &item.origin {
        Origin::Remote { object, .. } => object.listed(),
        _ => None,
    }
}

fn source_of(Fetched { bytes, tag }: Fetched) -> Source {
    let size = bytes.len() as u64;
    Source { raw: Raw::File(bytes), quick_stamp: (size, tag) }
}

fn checked(item: &Item, source: Source) -> Result<Source, String> {
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
        Origin::Remote { object, .. } => {
            let (url, known) = (object.url(), object.listed());
            Ok(source_of(cloud::get(url, known, limits.max_file_bytes)?))
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
