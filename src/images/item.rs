//! One image the user pointed at: what it is called, its label if it has one, and where its pixels come from.
//!
//! An item is light (a path, or a container and a number) and holds no pixels of its own: `load` brings them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::containers::Container;
use super::load;

/// One image: a file, or an entry of a container.
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
}

impl Item {
    /// The bytes that name this image: the path as it was given (on Unix exactly the system's bytes), or
    /// `container#entry`: the number of an image in an array, from 0, or a path in an archive.
    pub fn name(&self) -> Cow<'_, [u8]> {
        match &self.origin {
            Origin::File { path, .. } => Cow::Borrowed(path.as_os_str().as_encoded_bytes()),
            Origin::Entry { container, index } => {
                let path = container.path().as_os_str().as_encoded_bytes();
                Cow::Owned([path, b"#", &container.entry_name(*index as usize)].concat())
            }
        }
    }

    /// The name for people; bytes that are not UTF-8 are shown as U+FFFD.
    pub fn display(&self) -> String {
        String::from_utf8_lossy(&self.name()).into_owned()
    }

    /// The label: for an entry what its container (or a file beside it) says, for a file the name of its folder.
    pub fn label(&self) -> Option<&str> {
        match &self.origin {
            Origin::File { label, .. } => label.as_deref(),
            Origin::Entry { container, index } => container.label(*index as usize),
        }
    }

    /// Whether it is an entry of a container.
    pub fn is_entry(&self) -> bool {
        matches!(self.origin, Origin::Entry { .. })
    }

    /// Whether reading it is cheap only right after the entry before it in the same container, as in a compressed stream:
    /// several readers then take turns, each going on where the last one stopped.
    pub fn in_sequence(&self) -> bool {
        match &self.origin {
            Origin::File { .. } => false,
            Origin::Entry { container, index } => container.in_sequence(*index as usize),
        }
    }

    /// Size in bytes and time of change, in nanoseconds since 1970, of the file (for an entry: of its container). Where
    /// both equal those of an earlier [`Stamp`](super::Stamp), the image may be taken for unchanged without reading it.
    ///
    /// # Errors
    /// The reason why the file cannot be looked at.
    pub fn quick_stamp(&self) -> Result<(u64, i64), String> {
        match &self.origin {
            Origin::File { path, .. } => {
                let metadata = fs::metadata(path).map_err(load::io_reason)?;
                Ok((metadata.len(), load::mtime_ns(&metadata)))
            }
            Origin::Entry { container, .. } => Ok(container.quick_stamp()),
        }
    }
}

/// The order in which images are best read: entries of a container one after the other.
pub fn by_place(a: &Item, b: &Item) -> Ordering {
    let place = |item: &Item| match &item.origin {
        Origin::File { path, .. } => (path.clone(), 0),
        Origin::Entry { container, index } => (container.path().to_path_buf(), *index),
    };
    place(a).cmp(&place(b))
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({:?}, label {:?})", self.display(), self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_light() {
        assert!(size_of::<Item>() <= 40, "{} bytes", size_of::<Item>());
    }
}
