//! Images in: what the user points at becomes items, an item becomes pixels, pixels become what a model takes.
//!
//! ```text
//! paths --walk--> Item --load--> Pixels, u8 [H, W, C] --Resizer--> f32 [C, H, W], 0..=1
//!                   \--> Stamp (size, time, blake3: is it still the same?)
//! ```
//!
//! | file | what it answers |
//! |---|---|
//! | `walk` | which images do these paths hold, and what could not be used |
//! | `rules` | which of them the user wants to leave out |
//! | `list` | paths from a list instead of a command line |
//! | `resolve` | which image does this name of an index mean |
//! | `sniff` | is this an image, by its name or its first bytes |
//! | `item`, `load` | what one image is called, whether it changed, what its pixels are |
//! | `containers/` | files that hold many images, read in place |
//! | `codec` | file formats; the only file that names the crate `image` |
//! | `jpeg` | what the JPEG decoder does not tell: was the file cut short, how is it turned |
//! | `memory_budget`, `stopwatch` | memory that decoders share; how long one has been at work |
//! | `catch_panic` | a decoder's panic becomes a reason |
//! | `resize` | the one way from pixels to a model's input |
//! | `noise` | noise on such inputs |
//!
//! A bad image is data, a [`Skipped`] with its reason; only a path that does not exist is an error. Nothing here knows models.

mod list;
mod resolve;
mod rules;
mod walk;

mod item;
mod load;

mod containers;

mod catch_panic;
mod codec;
mod frames;
mod jpeg;
mod memory_budget;
mod noise;
mod resize;
mod sniff;
mod stopwatch;

pub use codec::{decode, encode_jpeg, encode_png, encode_small_png, write_png};
pub use item::{Item, by_place};
pub use list::from_list;
pub use load::{
    Decoding, Limits, Loaded, Source, SourceFacts, Stamp, hash_bytes, hash_of_pixels, load, read, stamp_file,
};
pub use memory_budget::MemoryBudget;
pub use noise::add_noise;
pub use resize::{COLOUR_RULE, RESIZE_RULE, Resizer, fitted, invert_pixels, to_pixels};
pub use resolve::{PathScope, file_of, files_of, keep_images, quick_stamp_of, resolve};
pub use stopwatch::Stopwatch;
pub use walk::{JOURNAL, MOVED_AWAY, Missing, Walk, WalkOptions, walk};

/// What a model takes: channels, height, width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct InputShape {
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Rows, in pixels.
    pub height: usize,
    /// Columns, in pixels.
    pub width: usize,
}

impl InputShape {
    /// Values in one image: channels x height x width.
    pub fn size(&self) -> usize {
        self.channels * self.height * self.width
    }
}

/// A decoded image, u8 [height, width, channels], upright, opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Rows from the top, channels innermost.
    pub data: Vec<u8>,
}

/// Something that looked like an image to use, and why it was not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The path, or `container#entry`; bytes that are not UTF-8 are shown as U+FFFD.
    pub path: String,
    /// The same byte by byte, where `path` cannot show it.
    pub path_bytes: Option<Vec<u8>>,
    /// Why, in one line.
    pub reason: String,
}

impl Skipped {
    /// What is called `name` is not used.
    pub fn new(name: impl AsRef<[u8]>, reason: impl Into<String>) -> Self {
        let name = name.as_ref();
        let path = String::from_utf8_lossy(name);
        let path_bytes = matches!(path, std::borrow::Cow::Owned(_)).then(|| name.to_vec());
        Skipped { path: path.into_owned(), path_bytes, reason: reason.into() }
    }
}
