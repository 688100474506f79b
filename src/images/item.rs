//! One image: what it is called, its label if it has one, and where its pixels come from.
//!
//! An item from the disk is light, a path or a container and a number; `load` brings its pixels. An item from
//! memory shares the bytes or pixels that the caller handed over.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Pixels;
use super::containers::Container;
use super::names::folder_name;
use super::plain_file::{io_reason, mtime_ns};
use crate::cloud::{self, Object};

/// One image: a file, an entry of a container, or an image that the caller holds in memory.
///
/// [`walk`](super::walk) lists the images in folders and containers; the constructors make an item of a
/// single image.
///
/// ```
/// use aesearch::images::{Item, Limits, Pixels, encode_png, load};
///
/// let pixels = Pixels { width: 2, height: 1, channels: 1, data: vec![0, 255] };
/// let png = encode_png(&pixels)?;
/// let decoded = load(&Item::from_bytes("upload 17", png), &Limits::default()).expect("a sound image");
/// assert_eq!(decoded.pixels, pixels);
/// # Ok::<(), aesearch::Error>(())
/// ```
#[derive(Clone)]
pub struct Item {
    pub(super) origin: Origin,
}

/// Where the pixels are.
#[derive(Clone)]
pub(super) enum Origin {
    /// An image file, and the name of its folder.
    File { path: PathBuf, label: Option<Arc<str>> },
    /// Image `index` of a container.
    Entry { container: Arc<Container>, index: u32 },
    /// An object in a bucket, and the last folder of its URL.
    Remote { object: Arc<Remote>, label: Option<Arc<str>> },
    /// An image that the caller holds.
    Memory { image: Arc<InMemory>, label: Option<Arc<str>> },
}

/// An object in a bucket.
pub(super) enum Remote {
    /// As it was listed.
    Listed(Object),
    /// By its URL alone.
    Named(String),
}

impl Remote {
    pub(super) fn url(&self) -> &str {
        match self {
            Remote::Listed(object) => &object.url,
            Remote::Named(url) => url,
        }
    }

    pub(super) fn listed(&self) -> Option<&Object> {
        match self {
            Remote::Listed(object) => Some(object),
            Remote::Named(_) => None,
        }
    }
}

/// An image in memory, and what it is called.
#[derive(Clone)]
pub(super) struct InMemory {
    name: Vec<u8>,
    pub(super) content: Content,
}

/// What an image in memory is.
#[derive(Clone)]
pub(super) enum Content {
    /// The bytes of an image file.
    File(Arc<[u8]>),
    /// Decoded pixels.
    Pixels(Pixels),
}

impl Item {
    /// The image file at `path`, which is opened only when it is read. Its label is the name of its folder.
    /// For the images in a folder or a container, use [`walk`](super::walk). A path `s3://bucket/a.jpg` is that of an
    /// object in a bucket, with the feature `cloud`.
    pub fn from_path(path: impl Into<PathBuf>) -> Item {
        let path = path.into();
        let label = folder_name(&path).map(Arc::from);
        if let Some(url) = path.to_str().filter(|url| cloud::is_url(url.as_bytes())) {
            return Item {
                origin: Origin::Remote { object: Arc::new(Remote::Named(url.to_owned())), label },
            };
        }
        Item { origin: Origin::File { path, label } }
    }

    /// The bytes of an image file, in any format that [`decode`](super::decode) reads. Messages and results
    /// call it `name`.
    pub fn from_bytes(name: impl Into<Vec<u8>>, bytes: impl Into<Arc<[u8]>>) -> Item {
        Item::from_memory(name.into(), Content::File(bytes.into()))
    }

    /// Decoded pixels. Messages and results call them `name`.
    pub fn from_pixels(name: impl Into<Vec<u8>>, pixels: Pixels) -> Item {
        Item::from_memory(name.into(), Content::Pixels(pixels))
    }

    fn from_memory(name: Vec<u8>, content: Content) -> Item {
        Item { origin: Origin::Memory { image: Arc::new(InMemory { name, content }), label: None } }
    }

    /// The same image under another name; one on disk keeps its own. Pixels that a clone of the item shares are copied.
    #[must_use]
    pub fn with_name(mut self, new: impl Into<Vec<u8>>) -> Item {
        if let Origin::Memory { image, .. } = &mut self.origin {
            Arc::make_mut(image).name = new.into();
        }
        self
    }

    /// The same image with this label; an entry of a container keeps its own.
    #[must_use]
    pub fn with_label(mut self, new: &str) -> Item {
        if let Origin::File { label, .. } | Origin::Remote { label, .. } | Origin::Memory { label, .. } =
            &mut self.origin
        {
            *label = Some(Arc::from(new));
        }
        self
    }

    /// The bytes that name this image: the path as it was given (on Unix exactly the system's bytes); for an
    /// entry of a container `container#entry`, where `entry` is the number of an image in an array, from 0,
    /// or a path in an archive; for an image in memory the name it was given.
    pub fn name(&self) -> Cow<'_, [u8]> {
        match &self.origin {
            Origin::File { path, .. } => Cow::Borrowed(path.as_os_str().as_encoded_bytes()),
            Origin::Entry { container, index } => {
                let path = container.path().as_os_str().as_encoded_bytes();
                Cow::Owned([path, b"#", &container.entry_name(*index as usize)].concat())
            }
            Origin::Remote { object, .. } => Cow::Borrowed(object.url().as_bytes()),
            Origin::Memory { image, .. } => Cow::Borrowed(&image.name),
        }
    }

    /// The name for people; bytes that are not UTF-8 are shown as U+FFFD.
    pub fn display(&self) -> String {
        String::from_utf8_lossy(&self.name()).into_owned()
    }

    /// The file that holds it, and the name of its entry there, empty if it is the file itself; none for an
    /// image in a bucket or in memory.
    pub fn place(&self) -> Option<(&Path, Cow<'_, [u8]>)> {
        match &self.origin {
            Origin::File { path, .. } => Some((path, Cow::Borrowed(&[]))),
            Origin::Entry { container, index } => {
                Some((container.path(), container.entry_name(*index as usize)))
            }
            Origin::Remote { .. } | Origin::Memory { .. } => None,
        }
    }

    /// The image file that it is; none for what is inside of another file, in a bucket, or in memory.
    pub fn file(&self) -> Option<&Path> {
        match &self.origin {
            Origin::File { path, .. } => Some(path),
            _ => None,
        }
    }

    /// The label: for a file the name of its folder, for an entry what its container (or a file beside it)
    /// says. Images in memory have none unless [`with_label`](Item::with_label) gave them one.
    pub fn label(&self) -> Option<&str> {
        match &self.origin {
            Origin::File { label, .. } | Origin::Remote { label, .. } | Origin::Memory { label, .. } => {
                label.as_deref()
            }
            Origin::Entry { container, index } => container.label(*index as usize),
        }
    }

    /// Bytes of memory that it holds: none where the image is on disk.
    pub fn held_bytes(&self) -> usize {
        match &self.origin {
            Origin::Memory { image, .. } => match &image.content {
                Content::File(bytes) => bytes.len(),
                Content::Pixels(pixels) => pixels.data.len(),
            },
            Origin::File { .. } | Origin::Entry { .. } | Origin::Remote { .. } => 0,
        }
    }

    /// Whether the caller holds it in memory.
    pub fn is_in_memory(&self) -> bool {
        matches!(self.origin, Origin::Memory { .. })
    }

    /// Whether it is an entry of a container.
    pub fn is_entry(&self) -> bool {
        matches!(self.origin, Origin::Entry { .. })
    }

    /// Whether it is one picture of an image file that holds several, or of a film.
    pub fn is_frame(&self) -> bool {
        matches!(&self.origin, Origin::Entry { container, .. } if container.is_frames())
    }

    /// Whether reading it is cheap only right after the entry before it in the same container, as in a
    /// compressed stream or an animation. Several readers then take turns, each continuing where the last one stopped.
    pub fn in_sequence(&self) -> bool {
        match &self.origin {
            Origin::File { .. } | Origin::Remote { .. } | Origin::Memory { .. } => false,
            Origin::Entry { container, index } => container.in_sequence(*index as usize),
        }
    }

    /// Size in bytes and time of change, in nanoseconds since 1970, of the file (for an entry: of its
    /// container). Where both equal those of an earlier [`Stamp`](super::Stamp), the image may be taken for
    /// unchanged without reading it. For an object in a bucket a number that stands for its ETag takes the place of
    /// the time.
    ///
    /// # Errors
    /// The reason why the system does not tell, or that an image in memory has no time of change.
    pub fn quick_stamp(&self) -> Result<(u64, i64), String> {
        match &self.origin {
            Origin::File { path, .. } => {
                let metadata = fs::metadata(path).map_err(io_reason)?;
                Ok((metadata.len(), mtime_ns(&metadata)))
            }
            Origin::Entry { container, .. } => Ok(container.quick_stamp()),
            Origin::Remote { object, .. } => match &**object {
                Remote::Listed(object) => Ok((object.size, object.tag)),
                Remote::Named(url) => match cloud::find(url) {
                    Ok(Some(object)) => Ok((object.size, object.tag)),
                    Ok(None) => Err("no such object".to_owned()),
                    Err(error) => Err(error.to_string()),
                },
            },
            Origin::Memory { .. } => Err("an image in memory: no time of change".to_owned()),
        }
    }
}

/// The order in which images are best read: entries of a container one after the other.
pub fn by_place(a: &Item, b: &Item) -> Ordering {
    let position = |item: &Item| match &item.origin {
        Origin::File { path, .. } => (path.clone(), 0),
        Origin::Entry { container, index } => (container.path().to_path_buf(), *index),
        Origin::Remote { object, .. } => (PathBuf::from(object.url()), 0),
        Origin::Memory { .. } => (PathBuf::new(), 0),
    };
    position(a).cmp(&position(b))
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({:?}, label {:?})", self.display(), self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{Limits, WalkOptions, encode_png, load, walk};

    #[test]
    fn items_are_light() {
        assert!(size_of::<Item>() <= 40, "{} bytes", size_of::<Item>());
    }

    #[test]
    fn an_image_is_the_same_from_a_path_from_bytes_and_from_pixels() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        let pixels = Pixels { width: 3, height: 1, channels: 1, data: vec![0, 100, 255] };
        let png = encode_png(&pixels).unwrap();
        std::fs::write(&path, &png).unwrap();
        let png_bytes = png.len();

        let from_path = Item::from_path(&path);
        let walked = walk(std::slice::from_ref(&path), &WalkOptions::default()).unwrap().items.remove(0);
        assert_eq!((from_path.name(), from_path.label()), (walked.name(), walked.label()));
        let on_disk = load(&from_path, &Limits::default()).unwrap();

        let from_bytes = Item::from_bytes("upload", png);
        assert_eq!((from_bytes.display().as_str(), from_bytes.label()), ("upload", None));
        assert_eq!(from_bytes.clone().with_label("cat").label(), Some("cat"));
        assert_eq!((from_bytes.held_bytes(), from_path.held_bytes()), (png_bytes, 0));
        let in_memory = load(&from_bytes, &Limits::default()).unwrap();
        assert_eq!(in_memory.pixels, on_disk.pixels);
        assert_eq!((in_memory.stamp.hash, in_memory.stamp.size), (on_disk.stamp.hash, on_disk.stamp.size));
        assert!(from_bytes.quick_stamp().is_err(), "nothing tells whether it changed");

        let from_pixels = Item::from_pixels(b"\xff".to_vec(), pixels.clone());
        assert_eq!(&*from_pixels.name(), b"\xff");
        assert_eq!(load(&from_pixels, &Limits::default()).unwrap().pixels, pixels);
    }

    #[test]
    fn unusable_images_in_memory_have_reasons() {
        let limits = Limits { max_file_bytes: 10, ..Limits::default() };
        let reason = |item: &Item| load(item, &limits).unwrap_err();
        assert_eq!(reason(&Item::from_bytes("a", vec![])), "empty file (0 bytes)");
        assert!(reason(&Item::from_bytes("a", vec![0; 11])).starts_with("file too large"));
        let pixels = Pixels { width: 2, height: 2, channels: 3, data: vec![0; 11] };
        assert_eq!(reason(&Item::from_pixels("a", pixels)), "2x2x3 does not fit 11 bytes of pixels");
        assert!(reason(&Item::from_path("no such file")).starts_with("no such file"));
    }
}
