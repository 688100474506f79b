//! Kernels without intrinsics: the naive loops, and the same loops compiled for POPCNT.
//!
//! Every faster kernel is compared with these in the tests, and ends with them where less than a block is left. The
//! loops are inlined always, so that they take the instruction set of whom they are inlined into.

use super::Sink;

/// Hamming distance of two codes in bits.
#[inline(always)]
pub(super) fn distance(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// Scans codes `[n, W]`, the first of which the sink knows as `base`.
#[inline(always)]
pub(super) fn scan<const W: usize, S: Sink>(codes: &[[u64; W]], query: &[u64; W], base: usize, sink: &mut S) {
    for (i, code) in codes.iter().enumerate() {
        let distance = distance(code, query);
        if distance < sink.bound() {
            sink.push(base + i, distance);
        }
    }
}

/// Distances of codes `[n, words]`, in order, into `out` `[n]`; what was in it is gone.
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

/// Distances of the codes `ids` of `codes` `[n, words]`, into `out` `[ids.len()]`; `u32::MAX` for an id that is none.
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

/// Dot product of a query with a latent, and the latent's squared length, both in the integers of their scales.
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

/// The same loops, compiled for POPCNT.
#[cfg(target_arch = "x86_64")]
pub(super) mod popcnt {
    use super::Sink;

    #[target_feature(enable = "popcnt")]
    pub(in super::super) fn distance(a: &[u64], b: &[u64]) -> u32 {
        super::distance(a, b)
    }

    #[target_feature(enable = "popcnt")]
    pub(in super::super) fn scan<const W: usize, S: Sink>(
        codes: &[[u64; W]],
        query: &[u64; W],
        base: usize,
        sink: &mut S,
    ) {
        super::scan(codes, query, base, sink);
    }

    #[target_feature(enable = "popcnt,avx2")]
    pub(in super::super) fn distances(codes: &[u64], query: &[u64], out: &mut Vec<u16>) {
        super::distances(codes, query, out);
    }

    #[target_feature(enable = "popcnt")]
    pub(in super::super) fn gather(codes: &[u64], ids: &[u32], query: &[u64], out: &mut Vec<u32>) {
        super::gather(codes, ids, query, out);
    }
}
