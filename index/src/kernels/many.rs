//! Many queries over the same codes: a chunk of codes stays in the L1 cache while all queries are compared
//! with it.
//!
//! With enough queries it pays to transpose blocks of codes into planes first (see `planes.rs`). A few
//! queries over codes that fit the L2 cache gain nothing over single scans.

use super::blocks::Blocks;
use super::dispatch::scan_with;
use super::isa::{Isa, Kind};
use super::plain;
use super::planes::{BLOCK, Queries, each_bit};
use super::sink::Sink;

/// Words of codes that are scanned for every query in turn: 16 KB.
const CHUNK: usize = 2048;
/// From this many queries on, planes pay off; with AVX2 16 break even and 32 gain a sixth.
const TURN: usize = 24;

/// Scans codes `[n, words]` for queries `[q, words]`, one for each of `sinks` `[q]`: every sink gets the same
/// calls in the same order as from a `scan`.
pub(crate) fn scan_many<S: Sink>(codes: &[u64], queries: &[u64], sinks: &mut [S]) {
    scan_many_with(Isa::current(), codes, queries, sinks);
}

pub(super) fn scan_many_with<S: Sink>(isa: Isa, codes: &[u64], queries: &[u64], sinks: &mut [S]) {
    let words = queries.len() / sinks.len().max(1);
    if !(1..=4).contains(&words) {
        return; // no such code exists: see `BITS`
    }
    let codes = &codes[..codes.len() / words * words];
    if sinks.len() >= TURN && pays(isa) {
        return scan_by_planes(isa, codes, words, queries, sinks);
    }
    let size = CHUNK / words; // codes
    for (i, chunk) in codes.chunks(size * words).enumerate() {
        for (query, sink) in queries.chunks_exact(words).zip(sinks.iter_mut()) {
            scan_with(isa, chunk, query, &mut Shifted { sink, base: i * size });
        }
    }
}

/// True if planes are faster than plain codes: AVX-512 counts bits in one instruction.
fn pays(isa: Isa) -> bool {
    match isa.0 {
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => true,
        #[cfg(target_arch = "aarch64")]
        Kind::Neon => true,
        _ => false,
    }
}

fn scan_by_planes<S: Sink>(isa: Isa, codes: &[u64], words: usize, queries: &[u64], sinks: &mut [S]) {
    let mut blocks = Blocks::new(isa, &[], words);
    for (i, codes) in codes.chunks(BLOCK * words).enumerate() {
        blocks.set(codes);
        for (queries, sinks) in queries.chunks(BLOCK * words).zip(sinks.chunks_mut(BLOCK)) {
            let mut limits = [0; BLOCK];
            let mut wanted = 0;
            for (j, (limit, sink)) in limits.iter_mut().zip(sinks.iter()).enumerate() {
                *limit = sink.bound().saturating_sub(1).min(255) as u8;
                wanted |= u128::from(sink.bound() > 0) << j;
            }
            blocks.near(0, Queries { codes: queries, wanted, limits: &limits }, |j, near| {
                let sink = &mut sinks[j];
                each_bit(near.codes, |code| {
                    let distance = match near.distances[code] {
                        u8::MAX => plain::distance(&codes[code * words..], &queries[j * words..][..words]),
                        distance => u32::from(distance),
                    };
                    if distance < sink.bound() {
                        sink.push(i * BLOCK + code, distance);
                    }
                });
            });
        }
    }
}

/// A sink for which the scan begins at code `base`.
struct Shifted<'a, S> {
    sink: &'a mut S,
    base: usize,
}

impl<S: Sink> Sink for Shifted<'_, S> {
    #[inline]
    fn bound(&self) -> u32 {
        self.sink.bound()
    }

    #[inline]
    fn push(&mut self, index: usize, distance: u32) {
        self.sink.push(self.base + index, distance);
    }
}
