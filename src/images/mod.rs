//! Images in: what the user points at becomes items, an item becomes pixels, pixels become what a model
//! takes.
//!
//! ```text
//! paths --walk--> Item --load--> Pixels, u8 [H, W, C] --Resizer--> f32 [C, H, W], 0..=1
//!                   \--> Stamp (size, time, blake3: is it still the same?)
//! ```
//!
//! | file | what it answers |
//! |---|---|
//! | `walk`, `walker` | which images do these paths hold, and what could not be used |
//! | `rules` | which of them does the user want to leave out |
//! | `list` | paths from a list instead of a command line |
//! | `resolve`, `names` | which image does this name of an index mean; where does a name split into container and entry |
//! | `scope` | which images of an index lie at or below these paths; where is a file really |
//! | `item` | what is one image called, on disk, in a container or in memory |
//! | `load`, `source` | its bytes, then its pixels |
//! | `plain_file`, `stamp` | opening files safely; has a file changed, are two images the same |
//! | `limits`, `decoding` | what may one image cost; how is it decoded |
//! | `skipped` | an image that cannot be used, and why |
//! | `spread` | some of many, evenly spread |
//! | `containers/` | files that hold many images, read in place |
//! | `sniff` | is this an image, by its name or its first bytes |
//! | `codec`, `write` | image files in, of any format; out, PNG and JPEG |
//! | `jpeg/` | JPEG files, as small as is enough |
//! | `tiff/` | TIFF files of every kind |
//! | `avif`, `heic`, `jxl`, `psd` | files of these formats; `heif` is what the first two share |
//! | `heics` | sequences of HEIC pictures: each as a file of one |
//! | `raw` | the JPEG inside a camera's raw file |
//! | `shrink`, `png_rows` | large images made smaller while their rows come in; the rows of PNG files |
//! | `bmp`, `tga`, `ico` | headers of bitmaps; which picture of an icon |
//! | `damage` | what is wrong with a file that can be decoded |
//! | `finer`, `gamma` | has it more than the 8 bits of a sample that are decoded; what does PNG say of colours without a profile |
//! | `frames/` | files of several pictures: how many, which are taken, each by its number |
//! | `films/` | films: which pictures of them, by the program ffmpeg |
//! | `metadata/` | what does a file say about itself beside its pixels; which files beside it belong to it |
//! | `file_facts` | that, with its size, as an index keeps it |
//! | `shots` | which files belong to one shot, such as a raw file and its JPEG |
//! | `raster`, `colour`, `alpha` | from pixels as a file has them to pixels as they are seen: profile, ground |
//! | `samples` | the hash of all samples as a file has them: are two images the same in pixels |
//! | `memory_budget`, `stopwatch` | memory that decoders share; how long has one been running |
//! | `catch_panic` | a decoder's panic becomes a reason |
//! | `pixels`, `resize` | images in memory; the one way from pixels to a model's input |
//! | `noise`, `mild_view` | noise on such inputs; slightly other views of them |
//!
//! A bad image is data, a [`Skipped`] with its reason; only a path that does not exist is an error. Nothing
//! here knows models.

mod list;
mod names;
mod resolve;
mod rules;
mod scope;
mod walk;
mod walker;

mod item;
mod load;
mod source;

mod decoding;
mod file_facts;
mod limits;
mod listings;
mod pixels;
mod plain_file;
mod skipped;
mod spread;
mod stamp;

mod containers;

mod alpha;
#[cfg(feature = "avif")]
mod avif;
mod bmp;
mod codec;
mod colour;
mod damage;
mod films;
mod finer;
mod frames;
mod gamma;
#[cfg(feature = "heic")]
mod heic;
#[cfg(feature = "heic")]
mod heics;
#[cfg(any(feature = "avif", feature = "heic"))]
mod heif;
mod ico;
mod jpeg;
#[cfg(feature = "jxl")]
mod jxl;
mod metadata;
mod origin;
mod png_rows;
#[cfg(feature = "psd")]
mod psd;
mod raster;
#[cfg(feature = "raw")]
mod raw;
mod samples;
mod shots;
mod shrink;
mod sniff;
mod tga;
mod tiff;
mod write;

mod catch_panic;
mod memory_budget;
mod stopwatch;

mod mild_view;
mod noise;
mod resize;

pub use list::{from_list, without_mark};
pub use names::{is_url, path_of};
pub(crate) use plain_file::read_text;
pub use resolve::{
    Resolver, file_of, files_of, holds_frames, is_same_image, keep_images, quick_stamp_of, resolve,
};
pub use scope::{PathScope, PathScopes, Places};
pub use walk::walk;
pub use walker::{JOURNAL, MOVED_AWAY, Missing, Walk, WalkOptions};

pub use item::{Item, by_place};
pub use load::{Loaded, ReadAhead, load, load_for, read};
pub use source::Source;

pub use decoding::{Decoding, Needed, OnGround, OtherGround, Remarks};
pub use file_facts::FileFacts;
pub use films::{KnownFilms, Video};
pub use frames::Frames;
pub use limits::Limits;
pub use pixels::{InputShape, Pixels};
pub use samples::SampleHash;
pub use shots::Shots;
pub use skipped::Skipped;
pub use spread::spread;
pub use stamp::{Stamp, hash_bytes, stamp_file};

pub use codec::{SourceFacts, decode, metadata};
pub use metadata::{Metadata, Sidecars, is_sidecar, owner_of_sidecar};
pub use origin::{Encoding, Origin};
pub use write::{encode_jpeg, encode_png, encode_small_png, write_png};

pub use catch_panic::panic_is_caught;
pub use memory_budget::MemoryBudget;
pub use stopwatch::Stopwatch;

pub use mild_view::mild_view;
pub use noise::add_noise;
pub use resize::{COLOUR_RULE, RESIZE_RULE, Resizer, fitted, invert_pixels, shrink, to_pixels};
