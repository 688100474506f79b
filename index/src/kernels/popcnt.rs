//! The naive loops of `plain.rs`, compiled for POPCNT.

use super::plain;
use super::sink::Sink;

#[target_feature(enable = "popcnt")]
pub(super) fn distance(a: &[u64], b: &[u64]) -> u32 {
    plain::distance(a, b)
}

#[target_feature(enable = "popcnt")]
pub(super) fn scan<const W: usize, S: Sink>(codes: &[[u64; W]], query: &[u64; W], base: usize, sink: &mut S) {
    plain::scan(codes, query, base, sink);
}

#[target_feature(enable = "popcnt,avx2")]
pub(super) fn distances(codes: &[u64], query: &[u64], out: &mut Vec<u16>) {
    plain::distances(codes, query, out);
}

#[target_feature(enable = "popcnt")]
pub(super) fn gather(codes: &[u64], ids: &[u32], query: &[u64], out: &mut Vec<u32>) {
    plain::gather(codes, ids, query, out);
}
