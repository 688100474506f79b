//! Kernels without intrinsics: the naive loops, which `popcnt.rs` compiles for POPCNT as well.
//!
//! Tests compare every faster kernel with these; the faster kernels also use them for the rest after the last
//! block. The loops are always inlined, so that they are compiled for the instruction set of their caller.

use super::sink::Sink;

/// Hamming distance of two codes in bits.
#[inline(always)]
pub(super) fn distance(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// Scans codes `[n, W]`, reported to the sink from number `base` on.
#[inline(always)]
pub(super) fn scan<const W: usize, S: Sink>(codes: &[[u64; W]], query: &[u64; W], base: usize, sink: &mut S) {
    for (i, code) in codes.iter().enumerate() {
        let distance = distance(code, query);
        if distance < sink.bound() {
            sink.push(base + i, distance);
        }
    }
}

/// Writes the distances of codes `[n, words]` to `out` `[n]`, in order, replacing its content.
#[inline(always)]
pub(super) fn distances(codes: &[u64], query: &[u64], out: &mut Vec<u16>) {
    match query.len() {
        1 => distances_words::<1>(codes, query, out),
        2 => distances_words::<2>(codes, query, out),
        3 => distances_words::<3>(codes, query, out),
        4 => distances_words::<4>(codes, query, out),
        _ => out.clear(), // no such code exists: see `BITS`
    }
}

#[inline(always)]
fn distances_words<const W: usize>(codes: &[u64], query: &[u64], out: &mut Vec<u16>) {
    let (codes, _) = codes.as_chunks::<W>();
    out.resize(codes.len(), 0);
    let Some(query) = query.first_chunk::<W>() else { return };
    out.iter_mut().zip(codes).for_each(|(out, code)| *out = distance(code, query) as u16);
}

/// Writes the distances of the codes `ids` of `codes` `[n, words]` to `out` `[ids.len()]`; `u32::MAX` for an
/// id out of range.
#[inline(always)]
pub(super) fn gather(codes: &[u64], ids: &[u32], query: &[u64], out: &mut Vec<u32>) {
    match query.len() {
        1 => gather_words::<1>(codes, ids, query, out),
        2 => gather_words::<2>(codes, ids, query, out),
        3 => gather_words::<3>(codes, ids, query, out),
        4 => gather_words::<4>(codes, ids, query, out),
        _ => {
            out.clear();
            out.resize(ids.len(), u32::MAX);
        }
    }
}

#[inline(always)]
fn gather_words<const W: usize>(codes: &[u64], ids: &[u32], query: &[u64], out: &mut Vec<u32>) {
    out.clear();
    let Some(query) = query.first_chunk::<W>() else { return };
    let (codes, _) = codes.as_chunks::<W>();
    out.extend(ids.iter().map(|&id| codes.get(id as usize).map_or(u32::MAX, |code| distance(code, query))));
}

/// Dot product of a query with a latent, and the latent's squared length, both in the integers of their
/// scales.
#[inline(always)]
pub(super) fn dot_and_square(query: &[i16], values: &[i8]) -> (i64, i64) {
    let (mut dot, mut square) = (0i64, 0i64);
    // 256 products of at most 2^15 * 2^7 stay below 2^31
    for (query, values) in query.chunks(256).zip(values.chunks(256)) {
        let (mut d, mut s) = (0i32, 0i32);
        for (&q, &v) in query.iter().zip(values) {
            d += i32::from(q) * i32::from(v);
            s += i32::from(v) * i32::from(v);
        }
        dot += i64::from(d);
        square += i64::from(s);
    }
    (dot, square)
}
