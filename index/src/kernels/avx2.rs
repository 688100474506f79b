//! AVX2: counts bits with a table of nibbles (Mula, Kurz and Lemire, 2018), four words at a time.
//!
//! [`scan`] reads codes as they lie in memory and adds the counts of a code's words across lanes. [`near`]
//! reads planes of nibbles (see `planes.rs`): the query picks a table per plane, so that 32 codes take two
//! instructions per nibble, as in the fast scan of product quantizers (André, Kermarrec and Le Scouarnec,
//! 2015).

use std::arch::x86_64::*;

use super::planes::{BLOCK, NIBBLE_DISTANCES, Near, PLANES_PER_WORD, Queries, WordPlanes};
use super::popcnt;
use super::sink::Sink;

/// Codes per check of the bound.
const STEP: usize = 32;

/// Scans codes `[n, W]`.
#[target_feature(enable = "avx2,popcnt")]
pub(super) fn scan<const W: usize, S: Sink>(codes: &[[u64; W]], query: &[u64; W], sink: &mut S) {
    // register `r` of a group begins at word `r * 4 % W` of a code
    let mut query_lanes = [_mm256_setzero_si256(); W];
    for (r, lanes) in query_lanes.iter_mut().enumerate() {
        *lanes = load256(&std::array::from_fn(|lane| query[(r * 4 + lane) % W]));
    }
    let query_half = load256(&std::array::from_fn(|lane| query[lane / 2 * 2 % W]));
    let (blocks, rest) = codes.as_chunks::<STEP>();
    let ahead = AHEAD / (STEP * W * 8); // blocks
    for (i, block) in blocks.iter().enumerate() {
        // at the end of a scan there is nothing to prefetch
        if let Some(later) = blocks.get(i + ahead) {
            prefetch(later);
        }
        let (groups, _) = block.as_chunks::<4>();
        if W.is_multiple_of(2) && sink.bound() <= TIGHT * W as u32 {
            let mut least = _mm256_set1_epi32(i32::MAX);
            for group in groups {
                least = _mm256_min_epi32(least, four_half_distances(group, query_half));
            }
            let bound = _mm256_set1_epi64x(i64::from(sink.bound()));
            if _mm256_movemask_epi8(_mm256_cmpgt_epi64(bound, least)) == 0 {
                continue;
            }
        }
        let mut distances = [_mm256_setzero_si256(); STEP / 4];
        let mut least = _mm256_set1_epi32(i32::MAX);
        for (d, group) in distances.iter_mut().zip(groups) {
            *d = four_distances(group, &query_lanes);
            least = _mm256_min_epi32(least, *d);
        }
        // distances are the lower halves of the lanes; the upper ones are zero, which is below no bound
        let bound = _mm256_set1_epi64x(i64::from(sink.bound()));
        if _mm256_movemask_epi8(_mm256_cmpgt_epi64(bound, least)) != 0 {
            report::<W, S>(&distances, i * STEP, sink);
        }
    }
    popcnt::scan(rest, query, blocks.len() * STEP, sink);
}

/// Bits per word: under such a tight bound nearly all codes are ruled out by half of their words, which are
/// compared first.
const TIGHT: u32 = 10;

/// How far ahead codes are prefetched, in bytes: the processor's own prefetch stops at the page.
const AHEAD: usize = 4096;

#[target_feature(enable = "avx2")]
#[inline]
#[allow(unused_unsafe, reason = "newer compilers know that a prefetch is safe")]
pub(super) fn prefetch<const W: usize>(codes: &[[u64; W]]) {
    for line in (0..size_of_val(codes)).step_by(64) {
        let address = codes.as_ptr().cast::<i8>().wrapping_add(line);
        // SAFETY: a prefetch may name any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address) };
    }
}

/// Pushes the distances of a step that are below the bound.
#[target_feature(enable = "avx2")]
#[inline]
fn report<const W: usize, S: Sink>(distances: &[__m256i; STEP / 4], base: usize, sink: &mut S) {
    let bound = _mm256_set1_epi64x(i64::from(sink.bound()));
    for (i, &d) in distances.iter().enumerate() {
        let near = _mm256_castsi256_pd(_mm256_cmpgt_epi64(bound, d));
        if _mm256_movemask_pd(near) == 0 {
            continue;
        }
        let d = if W == 2 { _mm256_permute4x64_epi64::<0b11_01_10_00>(d) } else { d };
        for (lane, distance) in store256(d).into_iter().enumerate() {
            if (distance as u32) < sink.bound() {
                sink.push(base + i * 4 + lane, distance as u32);
            }
        }
    }
}

/// Distances of four codes, one per 64-bit lane: in order, except that for two words the middle ones are
/// swapped.
#[target_feature(enable = "avx2")]
#[inline]
fn four_distances<const W: usize>(group: &[[u64; W]; 4], query: &[__m256i; W]) -> __m256i {
    let (quads, _) = group.as_flattened().as_chunks::<4>(); // W registers
    let count = |r: usize| count_bytes(_mm256_xor_si256(load256(&quads[r]), query[r]));
    let sum = |v| _mm256_sad_epu8(v, _mm256_setzero_si256());
    // counts of a byte stay below 4 * 8
    match W {
        1 => sum(count(0)),
        2 => sum(pairs(count(0), count(1))),
        3 => {
            // a0 a1 a2 b0, b1 b2 c0 c1, c2 d0 d1 d2: each lane of the three sums is from another code
            let (x, y, z) = (count(0), count(1), count(2));
            let a0_b2_c0_d2 =
                _mm256_blend_epi32::<0b11_00_00_00>(_mm256_blend_epi32::<0b00_11_11_00>(x, y), z);
            let b1_a1_d1_c1 =
                _mm256_blend_epi32::<0b00_11_00_00>(_mm256_blend_epi32::<0b00_00_11_00>(y, x), z);
            let c2_d0_a2_b0 = _mm256_blend_epi32::<0b11_11_00_00>(z, x);
            let a1_b1_c1_d1 = _mm256_shuffle_epi32::<0b01_00_11_10>(b1_a1_d1_c1);
            let a2_b0_c2_d0 = _mm256_permute4x64_epi64::<0b01_00_11_10>(c2_d0_a2_b0);
            sum(_mm256_add_epi8(_mm256_add_epi8(a0_b2_c0_d2, a1_b1_c1_d1), a2_b0_c2_d0))
        }
        _ => {
            let (ab, cd) = (pairs(count(0), count(1)), pairs(count(2), count(3)));
            let front_a_back_d = _mm256_blend_epi32::<0b11_11_00_00>(ab, cd);
            let back_a_front_d = _mm256_permute2x128_si256::<0x21>(ab, cd);
            sum(_mm256_add_epi8(front_a_back_d, back_a_front_d))
        }
    }
}

/// Distances of four codes of two or four words by every other word, one per 64-bit lane, in no order.
#[target_feature(enable = "avx2")]
#[inline]
fn four_half_distances<const W: usize>(group: &[[u64; W]; 4], query: __m256i) -> __m256i {
    let (quads, _) = group.as_flattened().as_chunks::<4>(); // W registers
    let even = |r: usize| _mm256_unpacklo_epi64(load256(&quads[r]), load256(&quads[r + 1]));
    let count = |r: usize| count_bytes(_mm256_xor_si256(even(r), query));
    let counts = match W {
        2 => count(0), // a0 c0 b0 d0
        _ => {
            let (ab, cd) = (count(0), count(2)); // a0 b0 a2 b2, c0 d0 c2 d2
            let front_a_back_d = _mm256_blend_epi32::<0b11_11_00_00>(ab, cd);
            _mm256_add_epi8(front_a_back_d, _mm256_permute2x128_si256::<0x21>(ab, cd))
        }
    };
    _mm256_sad_epu8(counts, _mm256_setzero_si256())
}

/// `a0 + a1, b0 + b1 | a2 + a3, b2 + b3`, of lanes of 64 bits, added by bytes.
#[target_feature(enable = "avx2")]
#[inline]
fn pairs(a: __m256i, b: __m256i) -> __m256i {
    _mm256_add_epi8(_mm256_blend_epi32::<0b11_00_11_00>(a, b), _mm256_alignr_epi8::<8>(b, a))
}

/// Bits set per byte.
#[target_feature(enable = "avx2")]
#[inline]
fn count_bytes(v: __m256i) -> __m256i {
    let table = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    let nibble = _mm256_set1_epi8(15);
    let low = _mm256_shuffle_epi8(table, _mm256_and_si256(v, nibble));
    let high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16::<4>(v), nibble));
    _mm256_add_epi8(low, high)
}

/// Calls `found` for each query that is near some code of a block, with these codes.
///
/// Checks after every half word whether any code can still be near; of dissimilar codes few blocks are read
/// to the end.
#[target_feature(enable = "avx2")]
pub(super) fn near<const W: usize>(
    planes: &[WordPlanes; W],
    queries: Queries,
    mut found: impl FnMut(usize, &mut Near),
) {
    let all_queries = queries.codes.as_chunks::<W>().0;
    let mut near = Near::none();
    for (start, mut wanted) in [(0, queries.wanted as u64), (64, (queries.wanted >> 64) as u64)] {
        while wanted != 0 {
            let i = start + wanted.trailing_zeros() as usize;
            wanted &= wanted - 1;
            let limits = _mm256_set1_epi8(queries.limits[i] as i8);
            if let Some(sums) = near_sums(planes, &all_queries[i], limits) {
                near.codes = 0;
                for (j, sum) in sums.into_iter().enumerate() {
                    let mask = _mm256_movemask_epi8(at_most(sum, limits)) as u32;
                    near.codes |= u128::from(mask) << (32 * j);
                    let out = &mut near.distances[32 * j..32 * j + 32];
                    // SAFETY: 32 writable bytes; the store has no alignment.
                    unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), sum) };
                }
                found(i, &mut near);
            }
        }
    }
}

/// Distances of the codes of a block, a byte each; `None` once all are beyond the limit.
#[target_feature(enable = "avx2")]
#[inline]
fn near_sums<const W: usize>(
    planes: &[WordPlanes; W],
    query: &[u64; W],
    limits: __m256i,
) -> Option<[__m256i; BLOCK / 32]> {
    let mut sums = [_mm256_setzero_si256(); BLOCK / 32];
    for (planes, &word) in planes.iter().zip(query) {
        let mut bits = word;
        for half in planes.as_chunks::<{ PLANES_PER_WORD / 2 }>().0 {
            for plane in half {
                let table = table256(bits);
                bits >>= 4;
                for (sum, nibbles) in sums.iter_mut().zip(plane.0.as_chunks::<32>().0) {
                    // 64 planes of at most 4 bits could reach 256: 255 stands for both
                    *sum = _mm256_adds_epu8(*sum, _mm256_shuffle_epi8(table, load_bytes(nibbles)));
                }
            }
            let [a, b, c, d] = sums;
            let least = _mm256_min_epu8(_mm256_min_epu8(a, b), _mm256_min_epu8(c, d));
            if _mm256_movemask_epi8(at_most(least, limits)) == 0 {
                return None;
            }
        }
    }
    Some(sums)
}

/// All ones in the bytes of `v` that are at most those of `limit`.
#[target_feature(enable = "avx2")]
#[inline]
fn at_most(v: __m256i, limit: __m256i) -> __m256i {
    _mm256_cmpeq_epi8(_mm256_min_epu8(v, limit), v)
}

/// In both halves: the distance of each nibble from the lowest one of `bits`.
#[target_feature(enable = "avx2")]
#[inline]
fn table256(bits: u64) -> __m256i {
    let table = &NIBBLE_DISTANCES[bits as usize & 15];
    // SAFETY: 16 readable bytes; the load has no alignment.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_bytes(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: 32 readable bytes; the load has no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load256(words: &[u64; 4]) -> __m256i {
    // SAFETY: 32 readable bytes; the load has no alignment.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store256(v: __m256i) -> [u64; 4] {
    let mut words = [0; 4];
    // SAFETY: 32 writable bytes; the store has no alignment.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), v) };
    words
}

/// The loop of `plain.rs`, which the compiler turns into vectors.
#[target_feature(enable = "avx2")]
pub(super) fn dot_and_square(query: &[i16], values: &[i8]) -> (i64, i64) {
    super::plain::dot_and_square(query, values)
}
