//! Distances, as fast as the processor allows, chosen at run time.
//!
//! A scan walks codes `[n, words]` in order and hands every code nearer than the sink's bound to the sink, so
//! all kernels make the same calls in the same order. Only these files and `map.rs` have unsafe code.
//!
//! | file | what it does |
//! |---|---|
//! | `dispatch.rs` | picks the kernels of the instruction set in use |
//! | `isa.rs` | which sets the processor has, which one is in use |
//! | `many.rs` | many queries over the same codes |
//! | `blocks.rs` | codes in blocks of 128, against which many queries are compared |
//! | `planes.rs` | the codes of a block, transposed into planes of nibbles |
//! | `plain.rs`, `popcnt.rs` | the naive loops, and the same compiled for POPCNT |
//! | `avx2.rs`, `avx512.rs`, `neon.rs` | the same by SIMD |
//! | `sink.rs` | what a scan reports to |
#![allow(unsafe_code)]

mod dispatch;
mod isa;

mod blocks;
mod many;

mod plain;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod popcnt;

mod planes;
mod sink;

#[cfg(test)]
mod tests;

pub(crate) use blocks::Blocks;
pub use dispatch::{distance, distances, nearest};
pub(crate) use dispatch::{dot_and_square, gather, prefetch, scan};
pub use isa::{Isa, use_isa};
pub(crate) use many::scan_many;
pub(crate) use planes::{BLOCK, Queries, each_bit};
pub(crate) use sink::{First, Sink};
