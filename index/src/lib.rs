//! Binary codes in, neighbours out: Hamming search over memory-mapped, immutable segment files.
//!
//! The crate knows bits, ids, names and opaque payloads; it knows no pixels, no models and no command line. A
//! [`Writer`] commits what a [`SegmentBuilder`] collected; a [`Snapshot`] opens the last commit in constant time and
//! answers from the map; [`verify`] reads every byte. `FORMAT.md` beside this crate describes the files.
//!
//! Shapes: a code is `[words(bits)]` u64, bit `i` at word `i / 64`, position `i % 64`, unused bits zero; a latent is
//! `[latent_size]` f32, kept as i8 with one scale per item.

#[cfg(target_endian = "big")]
compile_error!(
    "segments are little-endian and searched in place: a big-endian target needs a converting reader"
);

mod query;
mod snapshot;

mod builder;
mod merge;
mod writer;

mod repair;
mod verify;

mod pairs;
mod plan;
mod search;
mod segment;
mod tombstones;

mod graph;

mod arrange;
mod calibrate;
mod cluster;
mod top;

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

pub use builder::{Item, SegmentBuilder, Settings};
pub use error::{Error, Result};
pub use kernels::{Isa, distance, nearest, use_isa};
pub use map::Access;
pub use pairs::{Pair, pairs_within};
pub use query::Times;
pub use repair::{Dropped, repair};
pub use search::{Hit, Mode, Ranked, RecallPoint, Search};
pub use snapshot::{Latent, Snapshot};
pub use verify::{Problem, verify, verify_with};
pub use writer::Writer;

/// The narrowest and the widest code, in bits.
pub const BITS: std::ops::RangeInclusive<usize> = 32..=256;

/// The longest latent, in values, and the largest bucket, in codes.
pub(crate) const MAX_SIZE: usize = 1 << 20;

/// True when something was ever committed at `dir`; a folder with no more than a lock in it is no index.
pub fn is_index(dir: &std::path::Path) -> bool {
    dir.join(manifest::NAME).is_file()
}

/// Number of u64 words that hold a code of `bits` bits.
pub fn words(bits: usize) -> usize {
    bits.div_ceil(64)
}

/// True when `code` has the words of a `bits`-bit code and no bit set above `bits`.
pub(crate) fn is_code(code: &[u64], bits: usize) -> bool {
    code.len() == words(bits)
        && (bits.is_multiple_of(64) || code.last().is_some_and(|last| last >> (bits % 64) == 0))
}
