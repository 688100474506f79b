//! AVX2: bits counted by a table of nibbles (Mula, Kurz and Lemire, 2018), four words at a time.
//!
//! Codes are read as they lie in memory, and the counts of a code's words are added across lanes.

use std::arch::x86_64::*;

use super::Sink;
use super::plain::popcnt;

/// Codes per look at the bound.
const STEP: usize = 32;

/// Scans codes `[n, W]`.
#[target_feature(enable = "avx2,popcnt")]
pub(super) fn scan<const W: usize, S: Sink>(codes: &[[u64; W]], query: &[u64; W], sink: &mut S) {
    // register `r` of a group begins at word `r * 4 % W` of a code
    let mut query_lanes = [_mm256_setzero_si256(); W];
    for (r, lanes) in query_lanes.iter_mut().enumerate() {
        *lanes = load256(&std::array::from_fn(|lane| query[(r * 4 + lane) % W]));
    }
    let (blocks, rest) = codes.as_chunks::<STEP>();
    for (i, block) in blocks.iter().enumerate() {
        let mut distances = [_mm256_setzero_si256(); STEP / 4];
        let mut least = _mm256_set1_epi32(i32::MAX);
        prefetch(block);
        let (groups, _) = block.as_chunks::<4>();
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

/// Codes ahead, in bytes, that are fetched into the cache: the processor's own prefetch ends at the page.
const AHEAD: usize = 4096;

#[target_feature(enable = "avx2")]
#[inline]
#[allow(unused_unsafe, reason = "newer compilers know that a prefetch is safe")]
fn prefetch<const W: usize>(block: &[[u64; W]; STEP]) {
    for line in (0..STEP * W * 8).step_by(64) {
        let ahead = block.as_ptr().cast::<i8>().wrapping_add(AHEAD + line);
        // SAFETY: a prefetch may name any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(ahead) };
    }
}

/// Pushes those of a step's distances that are wanted.
#[target_feature(enable = "avx2")]
#[inline]
fn report<const W: usize, S: Sink>(distances: &[__m256i; STEP / 4], base: usize, sink: &mut S) {
    for (i, &d) in distances.iter().enumerate() {
        let d = if W == 2 { _mm256_permute4x64_epi64::<0b11_01_10_00>(d) } else { d };
        for (lane, distance) in store256(d).into_iter().enumerate() {
            if (distance as u32) < sink.bound() {
                sink.push(base + i * 4 + lane, distance as u32);
            }
        }
    }
}

/// Distances of four codes, one per 64-bit lane: in order, but for two words, where the middle ones change places.
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
