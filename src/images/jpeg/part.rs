//! What is asked of a JPEG file, and what comes of it.

use std::fmt;

/// How much of an image is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::images) struct Part {
    /// Pixels of each side for 8 of the file: 1, 2, 4 or 8.
    pub(in crate::images) eighths: usize,
    /// Only the luma, where the file has one.
    pub(in crate::images) luma: bool,
}

/// A decoded image, u8 `[height, width, channels]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::images) struct Decoded {
    pub(in crate::images) width: usize,
    pub(in crate::images) height: usize,
    /// 1 or 3.
    pub(in crate::images) channels: usize,
    pub(in crate::images) data: Vec<u8>,
    /// Why its pixels are not those that were written, where that shows.
    pub(in crate::images) damage: Option<&'static str>,
}

/// Why there is no image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::images) enum Fault {
    /// The file ends before the image does.
    Truncated,
    /// What is wrong, and where.
    Damaged(String),
    /// What the file asks for.
    Unsupported(&'static str),
}

impl Fault {
    pub(super) fn damaged(what: &str, at: usize) -> Fault {
        Fault::Damaged(format!("{what} at byte {at}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Truncated => f.write_str("the file ends too early (truncated)"),
            Fault::Damaged(what) => write!(f, "damaged: {what}"),
            Fault::Unsupported(what) => write!(f, "unsupported: {what}"),
        }
    }
}
