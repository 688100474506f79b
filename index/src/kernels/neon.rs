//! NEON: counts bits with `vcntq_u8` and adds them in pairs.
//!
//! The same two forms as in `avx2.rs`: [`scan`] reads codes as they lie in memory, [`near`] planes of
//! nibbles. The compiler uses NEON in the naive loops too, so single distances are left to those.

use std::arch::aarch64::*;

use super::plain;
use super::planes::{BLOCK, NIBBLE_DISTANCES, Near, PLANES_PER_WORD, Queries, WordPlanes, each_bit};
use super::sink::Sink;

/// Codes per check of the bound.
const STEP: usize = 16;

/// Scans codes `[n, W]`.
#[target_feature(enable = "neon")]
pub(super) fn scan<const W: usize, S: Sink>(codes: &[[u64; W]], query: &[u64; W], sink: &mut S) {
    // register `r` of a group begins at word `r * 2 % W` of a code
    let query_lanes: [[u64; 2]; W] =
        std::array::from_fn(|r| std::array::from_fn(|lane| query[(r * 2 + lane) % W]));
    let (blocks, rest) = codes.as_chunks::<STEP>();
    for (i, block) in blocks.iter().enumerate() {
        let mut distances = [0; STEP];
        let mut least = vdupq_n_u64(u64::from(u32::MAX));
        for (group, out) in block.as_chunks::<2>().0.iter().zip(distances.as_chunks_mut::<2>().0) {
            let two = two_distances(group, &query_lanes);
            // SAFETY: 16 writable bytes; the store has no alignment.
            unsafe { vst1q_u64(out.as_mut_ptr(), two) };
            // the upper halves of the lanes are zero
            least =
                vreinterpretq_u64_u32(vminq_u32(vreinterpretq_u32_u64(least), vreinterpretq_u32_u64(two)));
        }
        let bound = u64::from(sink.bound());
        if vgetq_lane_u64::<0>(least) < bound || vgetq_lane_u64::<1>(least) < bound {
            for (j, distance) in distances.into_iter().enumerate() {
                if (distance as u32) < sink.bound() {
                    sink.push(i * STEP + j, distance as u32);
                }
            }
        }
    }
    plain::scan(rest, query, blocks.len() * STEP, sink);
}

/// Distances of two codes, in order, one per 64-bit lane.
#[target_feature(enable = "neon")]
#[inline]
fn two_distances<const W: usize>(group: &[[u64; W]; 2], query: &[[u64; 2]; W]) -> uint64x2_t {
    let (pairs, _) = group.as_flattened().as_chunks::<2>(); // W registers
    let count = |r: usize| vcntq_u8(vreinterpretq_u8_u64(veorq_u64(load(&pairs[r]), load(&query[r]))));
    // sums of bytes, those of the first code in the lower half; they stay below 4 * 8
    let bytes = match W {
        1 => count(0),
        2 => vpaddq_u8(count(0), count(1)),
        // a0 a1, a2 b0, b1 b2
        3 => vaddq_u8(vpaddq_u8(count(0), count(2)), count(1)),
        _ => vpaddq_u8(vaddq_u8(count(0), count(1)), vaddq_u8(count(2), count(3))),
    };
    vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(bytes)))
}

/// Calls `found` for each query that is near some code of a block, with these codes.
#[target_feature(enable = "neon")]
pub(super) fn near<const W: usize>(
    planes: &[WordPlanes; W],
    queries: Queries,
    mut found: impl FnMut(usize, &mut Near),
) {
    let all_queries = queries.codes.as_chunks::<W>().0;
    let mut near = Near::none();
    each_bit(queries.wanted, |i| {
        let limit = queries.limits[i];
        let Some(sums) = near_sums(planes, &all_queries[i], limit) else { return };
        near.codes = 0;
        for (sum, out) in sums.into_iter().zip(near.distances.as_chunks_mut::<16>().0) {
            // SAFETY: 16 writable bytes; the store has no alignment.
            unsafe { vst1q_u8(out.as_mut_ptr(), sum) };
        }
        for (j, &distance) in near.distances.iter().enumerate() {
            near.codes |= u128::from(distance <= limit) << j;
        }
        found(i, &mut near);
    });
}

/// Distances of the codes of a block, a byte each; `None` once all are beyond the limit.
#[target_feature(enable = "neon")]
#[inline]
fn near_sums<const W: usize>(
    planes: &[WordPlanes; W],
    query: &[u64; W],
    limit: u8,
) -> Option<[uint8x16_t; BLOCK / 16]> {
    let mut sums = [vdupq_n_u8(0); BLOCK / 16];
    for (planes, &word) in planes.iter().zip(query) {
        let mut bits = word;
        for half in planes.as_chunks::<{ PLANES_PER_WORD / 2 }>().0 {
            for plane in half {
                let table = load_bytes(&NIBBLE_DISTANCES[bits as usize & 15]);
                bits >>= 4;
                for (sum, nibbles) in sums.iter_mut().zip(plane.0.as_chunks::<16>().0) {
                    // 64 planes of at most 4 bits could reach 256: 255 stands for both
                    *sum = vqaddq_u8(*sum, vqtbl1q_u8(table, load_bytes(nibbles)));
                }
            }
            let least = sums.into_iter().fold(vdupq_n_u8(u8::MAX), |least, sum| vminq_u8(least, sum));
            if vminvq_u8(least) > limit {
                return None;
            }
        }
    }
    Some(sums)
}

/// Dot product of a query with a latent, and the latent's squared length, both in the integers of their
/// scales.
#[target_feature(enable = "neon")]
pub(super) fn dot_and_square(query: &[i16], values: &[i8]) -> (i64, i64) {
    let (mut dot, mut square) = (0, 0);
    let n = query.len().min(values.len());
    let (query, values) = (query[..n].as_chunks::<8>(), values[..n].as_chunks::<8>());
    // 64 products of at most 2^15 * 2^7 per lane stay below 2^31
    for (query, values) in query.0.chunks(32).zip(values.0.chunks(32)) {
        let (mut d, mut s) = (vdupq_n_s32(0), vdupq_n_s32(0));
        for (query, values) in query.iter().zip(values) {
            // SAFETY: 16 and 8 readable bytes; the loads have no alignment.
            let (q, v) = unsafe { (vld1q_s16(query.as_ptr()), vmovl_s8(vld1_s8(values.as_ptr()))) };
            d = vmlal_high_s16(vmlal_s16(d, vget_low_s16(q), vget_low_s16(v)), q, v);
            s = vmlal_high_s16(vmlal_s16(s, vget_low_s16(v), vget_low_s16(v)), v, v);
        }
        dot += vaddlvq_s32(d);
        square += vaddlvq_s32(s);
    }
    let (d, s) = plain::dot_and_square(query.1, values.1);
    (dot + d, square + s)
}

#[target_feature(enable = "neon")]
#[inline]
fn load(words: &[u64; 2]) -> uint64x2_t {
    // SAFETY: 16 readable bytes; the load has no alignment.
    unsafe { vld1q_u64(words.as_ptr()) }
}

#[target_feature(enable = "neon")]
#[inline]
fn load_bytes(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: 16 readable bytes; the load has no alignment.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}
