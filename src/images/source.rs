//! An image that was read but not decoded: the bytes of a file, or plain pixels.

use super::Pixels;
use super::codec::{self, SourceFacts};
use super::decoding::Decoding;
use super::file_facts::FileFacts;
use super::frames::Frame;
use super::metadata::Metadata;
use super::raster::Channels;
use super::samples::{Samples, Stored};
use super::stamp::{Stamp, hash_bytes, hash_pixels};

/// What holds an image, read but not decoded.
#[derive(Debug)]
pub struct Source {
    pub(super) raw: Raw,
    /// Size in bytes and time of change of the file (for an entry: of its container), as in [`Stamp`].
    pub(super) quick_stamp: (u64, i64),
}

/// The bytes of an image as they lie in a file or container.
#[derive(Debug)]
pub(super) enum Raw {
    /// A file of some image format.
    File(Vec<u8>),
    /// The same, cut out of a file of several pictures.
    Part(Vec<u8>),
    /// One frame of an animation.
    Frame(Frame),
    /// Plain pixels, of IDX and the like.
    Pixels(Pixels),
}

impl Raw {
    pub(super) fn len(&self) -> usize {
        match self {
            Raw::File(bytes) | Raw::Part(bytes) => bytes.len(),
            Raw::Frame(frame) => frame.bytes().len() / frame.among.max(1),
            Raw::Pixels(pixels) => pixels.data.len(),
        }
    }
}

impl Source {
    /// Bytes read.
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Nothing was read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of the image file; nothing where there are plain pixels, or where it is one picture of a file.
    pub fn file_bytes(&self) -> Option<&[u8]> {
        match &self.raw {
            Raw::File(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The state of the file or entry: hashes what was read.
    pub fn stamp(&self) -> Stamp {
        let (size, mtime_ns) = self.quick_stamp;
        let hash = match &self.raw {
            Raw::File(bytes) | Raw::Part(bytes) => hash_bytes(bytes),
            Raw::Frame(frame) => frame.hash(),
            Raw::Pixels(pixels) => hash_pixels(pixels),
        };
        Stamp { size, mtime_ns, hash }
    }

    /// What the file says of itself beside its pixels.
    pub fn facts(&self) -> SourceFacts {
        match &self.raw {
            Raw::File(bytes) => codec::facts(bytes),
            Raw::Part(bytes) => codec::facts_of_one(bytes),
            Raw::Frame(frame) => codec::facts_of_one(frame.bytes()),
            Raw::Pixels(_) => SourceFacts::default(),
        }
    }

    /// All that the file says of itself; nothing where there are plain pixels.
    pub fn metadata(&self) -> Metadata {
        match &self.raw {
            Raw::File(bytes) | Raw::Part(bytes) => codec::metadata(bytes),
            Raw::Frame(frame) => codec::metadata(frame.bytes()),
            Raw::Pixels(_) => Metadata::default(),
        }
    }

    /// What the file says of itself, its size in pixels among it where that takes no decoding.
    pub fn file_facts(&self) -> FileFacts {
        match &self.raw {
            Raw::File(bytes) | Raw::Part(bytes) => FileFacts::of(bytes),
            Raw::Frame(frame) => FileFacts { size: None, ..FileFacts::of(frame.bytes()) },
            Raw::Pixels(pixels) => FileFacts {
                bytes: pixels.data.len() as u64,
                size: Some((pixels.width as u32, pixels.height as u32)),
                ..FileFacts::default()
            },
        }
    }

    /// The image. Never panics, whatever the bytes.
    ///
    /// # Errors
    /// The reason why there are no pixels.
    pub fn decode(self, how: &Decoding) -> Result<Pixels, String> {
        match self.raw {
            Raw::File(bytes) | Raw::Part(bytes) => codec::decode_for(&bytes, how),
            Raw::Frame(frame) => codec::decode_frame(&frame, how),
            Raw::Pixels(pixels) => {
                let Pixels { width, height, channels, ref data } = pixels;
                let channels = if channels == 1 { Channels::Grey } else { Channels::Rgb };
                let samples = Samples::Bytes(data);
                let stored = Stored { width, height, channels, samples, is_associated: false };
                how.samples.sink(None, 1).put(&stored);
                Ok(pixels)
            }
        }
    }
}
