//! AVX-512 with VPOPCNTDQ: eight codes at a time.
//!
//! The bound is checked every thirty-two codes; the rest is loaded under a mask. The words of a code are
//! adjacent, so counts are added across lanes and put back into the order of the codes.

use std::arch::x86_64::*;

use super::popcnt;
use super::sink::Sink;

/// Scans codes `[n, W]`, thirty-two per check of the bound.
#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
pub(super) fn scan<const W: usize, S: Sink>(codes: &[[u64; W]], query: &[u64; W], sink: &mut S) {
    if let Some(query) = query.first_chunk::<3>()
        && W == 3
    {
        return scan_three(codes.as_flattened().as_chunks::<3>().0, query, sink);
    }
    let repeated: [u64; 8] = std::array::from_fn(|i| query[i % W]);
    let query_lanes = load512(&repeated);
    let mut done = 0;
    for block in codes.as_chunks::<32>().0 {
        let (octets, _) = block.as_flattened().as_chunks::<8>(); // 4 * W registers
        let mut distances = [_mm512_setzero_si512(); 4];
        for (i, d) in distances.iter_mut().enumerate() {
            let mut words = [_mm512_setzero_si512(); W];
            for (words, octet) in words.iter_mut().zip(&octets[i * W..]) {
                *words = load512(octet);
            }
            *d = eight_distances(&words, query_lanes);
        }
        let [a, b, c, d] = distances;
        let least = _mm512_min_epu64(_mm512_min_epu64(a, b), _mm512_min_epu64(c, d));
        if _mm512_cmplt_epu64_mask(least, _mm512_set1_epi64(i64::from(sink.bound()))) != 0 {
            for (i, d) in distances.into_iter().enumerate() {
                report512(d, 0xff, done + i * 8, sink);
            }
        }
        done += 32;
    }
    for block in codes[done..].chunks(8) {
        let mut words = [_mm512_setzero_si512(); W];
        for (words, octet) in words.iter_mut().zip(block.as_flattened().chunks(8)) {
            *words = load512_prefix(octet);
        }
        let real = (0xffu16 >> (8 - block.len())) as u8;
        report512(eight_distances(&words, query_lanes), real, done, sink);
        done += 8;
    }
}

/// Writes the distances of codes `[n, W]` to `out` `[n]`, in order, eight at a time; `W` is not 3.
#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt,avx2")]
pub(super) fn distances<const W: usize>(codes: &[[u64; W]], query: &[u64; W], out: &mut Vec<u16>) {
    let query_lanes = load512(&std::array::from_fn(|i| query[i % W]));
    out.resize(codes.len(), 0);
    let (blocks, rest) = codes.as_chunks::<8>();
    let (eights, last) = out.as_chunks_mut::<8>();
    for (out, block) in eights.iter_mut().zip(blocks) {
        let (octets, _) = block.as_flattened().as_chunks::<8>(); // W registers
        let mut words = [_mm512_setzero_si512(); W];
        for (words, octet) in words.iter_mut().zip(octets) {
            *words = load512(octet);
        }
        let narrow = _mm512_cvtepi64_epi16(eight_distances(&words, query_lanes));
        // SAFETY: 16 writable bytes; the store has no alignment.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), narrow) };
    }
    for (out, code) in last.iter_mut().zip(rest) {
        *out = popcnt::distance(code, query) as u16;
    }
}

/// Scans codes `[n, 3]`: eight of them fill three registers, in each of which the query starts at another
/// word.
#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
fn scan_three<S: Sink>(codes: &[[u64; 3]], query: &[u64; 3], sink: &mut S) {
    let query_lanes: [__m512i; 3] =
        std::array::from_fn(|r| load512(&std::array::from_fn(|lane| query[(r * 8 + lane) % 3])));
    let (blocks, rest) = codes.as_chunks::<8>();
    for (i, block) in blocks.iter().enumerate() {
        let (octets, _) = block.as_flattened().as_chunks::<8>(); // 3
        let mut counts = [_mm512_setzero_si512(); 3];
        for ((count, octet), query) in counts.iter_mut().zip(octets).zip(query_lanes) {
            *count = _mm512_popcnt_epi64(_mm512_xor_si512(load512(octet), query));
        }
        report512(sums_of_three(counts), 0xff, i * 8, sink);
    }
    popcnt::scan(rest, query, blocks.len() * 8, sink);
}

/// Sums of three counts in a row, of the 24 in three registers: those of eight codes, in order.
#[target_feature(enable = "avx512f")]
#[inline]
fn sums_of_three([a, b, c]: [__m512i; 3]) -> __m512i {
    let nth = |n: usize| {
        let (ab, of_c) = SELECT_THREE[n];
        let from_ab = _mm512_permutex2var_epi64(a, load512(&ab), b);
        _mm512_mask_permutexvar_epi64(from_ab, FROM_THIRD[n], load512(&of_c), c)
    };
    _mm512_add_epi64(_mm512_add_epi64(nth(0), nth(1)), nth(2))
}

/// Per word: its lanes in the first two registers (0..16), one per code, and its lanes in the third.
const SELECT_THREE: [([u64; 8], [u64; 8]); 3] = [
    ([0, 3, 6, 9, 12, 15, 0, 0], [0, 0, 0, 0, 0, 0, 2, 5]),
    ([1, 4, 7, 10, 13, 0, 0, 0], [0, 0, 0, 0, 0, 0, 3, 6]),
    ([2, 5, 8, 11, 14, 0, 0, 0], [0, 0, 0, 0, 0, 1, 4, 7]),
];
/// Per word: the codes that have it in the third register, a bit each.
const FROM_THIRD: [u8; 3] = [0b1100_0000, 0b1110_0000, 0b1110_0000];

/// Pushes those of eight distances that are below the bound; bit `i` of `real` says that code `base + i`
/// exists.
#[target_feature(enable = "avx512f")]
#[inline]
fn report512<S: Sink>(distances: __m512i, real: u8, base: usize, sink: &mut S) {
    let bound = _mm512_set1_epi64(i64::from(sink.bound()));
    let mut near = _mm512_cmplt_epu64_mask(distances, bound) & real;
    if near == 0 {
        return;
    }
    let mut words = [0u64; 8];
    // SAFETY: 64 writable bytes; the store has no alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), distances) };
    while near != 0 {
        let i = near.trailing_zeros() as usize & 7;
        near &= near - 1;
        if (words[i] as u32) < sink.bound() {
            sink.push(base + i, words[i] as u32);
        }
    }
}

/// Distances of eight codes of `W` words, in order, one per 64-bit lane.
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
#[inline]
fn eight_distances<const W: usize>(words: &[__m512i; W], query: __m512i) -> __m512i {
    let count = |i: usize| _mm512_popcnt_epi64(_mm512_xor_si512(words[i], query));
    let pairs = |a, b| _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    match W {
        1 => count(0),
        2 => {
            let sums = pairs(count(0), count(1)); // codes 0 4 1 5 2 6 3 7
            _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), sums)
        }
        _ => {
            let (ab, cd) = (pairs(count(0), count(1)), pairs(count(2), count(3)));
            let even = _mm512_shuffle_i64x2::<0b10_00_10_00>(ab, cd);
            let odd = _mm512_shuffle_i64x2::<0b11_01_11_01>(ab, cd);
            let sums = _mm512_add_epi64(even, odd); // codes 0 2 1 3 4 6 5 7
            _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 1, 3, 4, 6, 5, 7), sums)
        }
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load512(words: &[u64; 8]) -> __m512i {
    // SAFETY: 64 readable bytes; the load has no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

/// Loads up to eight words; the others are zero.
#[target_feature(enable = "avx512f")]
#[inline]
fn load512_prefix(words: &[u64]) -> __m512i {
    let real = (0xffu16 >> (8 - words.len().min(8))) as u8;
    // SAFETY: the mask keeps the load within `words`; the load has no alignment.
    unsafe { _mm512_maskz_loadu_epi64(real, words.as_ptr().cast()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables alone, so that they are checked on processors that cannot run the kernel.
    #[test]
    fn every_lane_of_the_three_word_sums_is_the_word_of_its_code() {
        for (n, (ab, of_c)) in SELECT_THREE.into_iter().enumerate() {
            for code in 0..8 {
                let third = FROM_THIRD[n] >> code & 1 == 1;
                let lane = if third { 16 + of_c[code] } else { ab[code] };
                assert_eq!(lane as usize, code * 3 + n);
            }
        }
    }
}
