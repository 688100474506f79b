//! Nearest-neighbour search over binary codes: Hamming distance, memory-mapped immutable segments, an HNSW
//! graph over buckets.
//!
//! Codes in, neighbours out: the crate knows codes, ids, names and opaque payloads, and nothing of what they
//! stand for. A [`Writer`] commits what a [`SegmentBuilder`] collected; a [`Snapshot`] opens the last commit
//! in constant time and searches it in place; [`verify()`] reads every byte.
//!
//! ```
//! use aesearch_index::{Item, Search, SegmentBuilder, Settings, Snapshot, Writer};
//!
//! # let folder = tempfile::tempdir()?;
//! # let dir = folder.path();
//! let mut builder = SegmentBuilder::new(&Settings { bits: 64, ..Settings::default() })?;
//! for (name, code) in [("sparrow", 0b0011), ("robin", 0b0111), ("whale", !0)] {
//!     builder.push(Item::named(name, &[code]))?;
//! }
//! Writer::lock(dir)?.commit(builder, &[])?; // `dir` is created; on disk now, whole or not at all
//!
//! let index = Snapshot::open(dir)?;
//! let hits = index.search(&[0b0001], &Search { k: 2, ..Search::default() })?;
//! assert_eq!(hits.iter().map(|hit| hit.distance).collect::<Vec<_>>(), [1, 2]);
//! assert_eq!(index.name(hits[0].id), b"sparrow");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | call |
//! |---|---|
//! | add | [`SegmentBuilder::push`], [`push_codes`](SegmentBuilder::push_codes), then [`Writer::commit`] |
//! | remove, replace | [`Writer::remove`]; [`Writer::commit`] with what is added and what is removed |
//! | search | [`Snapshot::search`], [`search_many`](Snapshot::search_many), [`rerank`](Snapshot::rerank) |
//! | search within a radius | [`Search::within`], [`Search::radius`]; near pairs: [`Snapshot::pairs_within`] |
//! | search among some | [`Snapshot::select`], [`Snapshot::ids_named`], then [`Snapshot::filter`] |
//! | merge | every commit does; [`Writer::compact`] makes one segment of all |
//! | put indexes together | [`Writer::take_over`]: their segments, as they are |
//! | run for long | [`Writer::checkpoint`], and [`Writer::commit_since`] at the end |
//! | check | [`verify()`], [`repair`] |
//! | do without a folder | [`distance`], [`distances`], [`nearest`], [`pairs_within`] |
//!
//! # Codes, ids and names
//!
//! A code is `[words(bits)]` u64, bit `i` at word `i / 64`, position `i % 64`, unused bits zero;
//! [`codes_from_bytes`] makes some of rows of bytes. Several codes stand one after the other,
//! `[n, words(bits)]`. A latent is `[latent_size]` f32, kept as i8 with one scale per item.
//!
//! An id is the number of an item in one commit: a later commit may number items anew. A name is what the
//! caller knows an item by, for as long as the caller likes: bytes of a text, or of a number. Several items
//! may share a name, or have none.
//!
//! # Threads
//!
//! [`Snapshot`], [`Writer`], [`SegmentBuilder`], [`Filter`] and [`Error`] are `Send` and `Sync`. Any number
//! of threads and processes read an index while one writes it; a reader keeps the commit that it opened.
//! Building, [`Snapshot::search_many`] and [`pairs_within`] run on rayon's current pool: the caller's, where
//! they are called inside of
//! [`ThreadPool::install`](https://docs.rs/rayon/1/rayon/struct.ThreadPool.html#method.install), else the
//! global one. [`Snapshot::search`] runs on the calling thread.
//!
//! # Versions
//!
//! No type of another crate is part of the interface. [`Error`], [`Mode`], [`Access`] and what the crate
//! reports of recall, times and damage may get more variants and fields. Make options ([`Settings`],
//! [`Search`], [`Item`], [`Changes`]) with `..Default::default()`, as they may get more fields as well.
//! `FORMAT.md` beside this crate describes the files, which have a version of their own.

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

/// Runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod crash;
#[cfg(test)]
mod testing;

pub use builder::{Changes, Item, SegmentBuilder, quantize};
pub use code::{BITS, codes_from_bytes, codes_to_bytes, words};
pub use columns::Value;
pub use curve::RecallPoint;
pub use error::{Error, Result};
pub use ids::IdSet;
pub use kernels::{Isa, distance, distances, nearest, use_isa};
pub use map::Access;
pub use pairs::{Pair, pairs_within};
pub use passing::Filter;
pub use query::{LatentQuery, Times};
pub use repair::{Dropped, repair};
pub use search::{Hit, Mode, Ranked, Search};
pub use settings::Settings;
pub use snapshot::{Latent, Snapshot, is_index};
pub use verify::{Problem, verify, verify_with};
pub use writer::Writer;
