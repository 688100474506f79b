//! Nearest-neighbour search over binary codes: Hamming distance, memory-mapped immutable segments, an HNSW
//! graph over buckets.
//!
//! The crate knows bits, ids, names and opaque payloads; it knows no pixels, no models and no command line. A
//! [`Writer`] commits what a [`SegmentBuilder`] collected; a [`Snapshot`] opens the last commit in constant
//! time and searches it in place; [`verify()`] reads every byte. A snapshot may be shared among threads.
//!
//! ```
//! use aesearch_index::{Item, Search, SegmentBuilder, Settings, Snapshot, Writer};
//!
//! let dir = tempfile::tempdir()?; // any folder; it is created if it does not exist
//! let mut builder = SegmentBuilder::new(&Settings { bits: 64, ..Settings::default() })?;
//! for (name, code) in [("sparrow", 0b0011), ("robin", 0b0111), ("whale", !0)] {
//!     builder.push(Item { name: name.as_bytes(), code: &[code], ..Item::default() })?;
//! }
//! Writer::lock(dir.path())?.commit(builder, &[])?; // on disk now, whole or not at all
//!
//! let index = Snapshot::open(dir.path())?;
//! let hits = index.search(&[0b0001], &Search { k: 2, ..Search::default() })?;
//! assert_eq!(hits.iter().map(|hit| hit.distance).collect::<Vec<_>>(), [1, 2]);
//! assert_eq!(index.name(hits[0].id), b"sparrow");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Shapes: a code is `[words(bits)]` u64, bit `i` at word `i / 64`, position `i % 64`, unused bits zero; a
//! latent is `[latent_size]` f32, kept as i8 with one scale per item. `FORMAT.md` beside this crate describes
//! the files.
//!
//! Building, [`Snapshot::search_many`] and [`pairs_within`] run on rayon's current pool: the caller's, where
//! they are called inside of
//! [`ThreadPool::install`](https://docs.rs/rayon/1/rayon/struct.ThreadPool.html#method.install), else the
//! global one.

#[cfg(target_endian = "big")]
compile_error!(
    "segments are little-endian and searched in place: a big-endian target needs a converting reader"
);

/// The version of the format that is written, major and minor. Files of an older minor version are read.
pub const FORMAT_VERSION: (u16, u16) = (layout::MAJOR, layout::MINOR);

mod query;
mod settings;
mod snapshot;

mod builder;
mod merge;
mod writer;

mod repair;
mod verify;

mod columns;
mod ids;
mod select;

mod pairs;

mod filtered;
mod passing;
mod plan;
mod search;

mod curve;
mod opened;
mod pieces;
mod segment;
mod tombstones;
mod view;

mod graph;

mod arrange;
mod calibrate;
mod cluster;
mod top;

mod code;
mod codec;
mod error;
mod frame;
mod kernels;
mod layout;
mod manifest;
mod map;
mod storage;

#[cfg(test)]
mod crash;
#[cfg(test)]
mod testing;

pub use builder::{Item, SegmentBuilder};
pub use code::{BITS, words};
pub use columns::Value;
pub use curve::RecallPoint;
pub use error::{Error, Result};
pub use ids::IdSet;
pub use kernels::{Isa, distance, distances, nearest, use_isa};
pub use map::Access;
pub use pairs::{Pair, pairs_within};
pub use passing::Filter;
pub use query::Times;
pub use repair::{Dropped, repair};
pub use search::{Hit, Mode, Ranked, Search};
pub use settings::Settings;
pub use snapshot::{Latent, Snapshot, is_index};
pub use verify::{Problem, verify, verify_with};
pub use writer::Writer;
