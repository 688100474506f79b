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
//! | `named` | which image does this name of an index mean |
//! | `sniff` | is this an image, by its name or its first bytes |
//! | `item`, `load` | what one image is called, whether it changed, what its pixels are |
//! | `idx` | the images and labels inside an IDX file |
//! | `codec` | file formats; the only file that names the crate `image` |
//! | `jpeg` | what the JPEG decoder does not tell: was the file cut short, how is it turned |
//! | `room` | memory that decoders share |
//! | `guard` | a decoder's panic becomes a reason |
//! | `resize` | the one way from pixels to a model's input |
//! | `noise` | noise on such inputs |
//!
//! A bad image is data, a [`Skipped`] with its reason; only a path that does not exist is an error. Nothing here knows models.

mod named;
mod walk;

mod item;
mod load;

mod codec;
mod guard;
mod idx;
mod jpeg;
mod noise;
mod resize;
mod room;
mod sniff;

pub use codec::{decode, encode_png, write_png};
pub use item::Item;
pub use load::{Decoding, Limits, Loaded, Source, Stamp, load, read};
pub use named::{Place, file_of, files_of, named};
pub use noise::add_noise;
pub use resize::{COLOUR_RULE, RESIZE_RULE, Resizer, invert_ink, to_pixels};
pub use room::Room;
pub use walk::{Walk, walk};

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
    /// Why, in one line.
    pub reason: String,
}
