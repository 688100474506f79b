//! Distances, as fast as the processor allows: scalar, POPCNT, AVX2 and AVX-512 VPOPCNTDQ, chosen at run time.
//!
//! A scan walks codes `[n, words]` in order and hands every code nearer than the sink's bound to the sink, so all
//! kernels give the same calls in the same order. With `map.rs` the only home of unsafe code.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Takes what a scan finds.
pub(crate) trait Sink {
    /// Only distances below it are pushed.
    fn bound(&self) -> u32;
    /// Code `index` of the scan lies at `distance`, which is below the bound.
    fn push(&mut self, index: usize, distance: u32);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Popcnt,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// An instruction set this processor has: holding one proves that its kernels may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Isa(Kind);

impl Isa {
    /// The fastest set of this processor.
    #[inline]
    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if has_avx512() {
                return Isa(Kind::Avx512);
            }
            if has_avx2() {
                return Isa(Kind::Avx2);
            }
            if is_x86_feature_detected!("popcnt") {
                return Isa(Kind::Popcnt);
            }
        }
        Isa(Kind::Scalar)
    }

    /// Every set of this processor.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        {
            let all = [Kind::Scalar, Kind::Popcnt, Kind::Avx2, Kind::Avx512];
            let has = [true, is_x86_feature_detected!("popcnt"), has_avx2(), has_avx512()];
            all.into_iter().zip(has).filter(|(_, has)| *has).map(|(kind, _)| Isa(kind)).collect()
        }
        #[cfg(not(target_arch = "x86_64"))]
        vec![Isa(Kind::Scalar)]
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt")
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vpopcntdq") && has_avx2()
}

/// Hamming distance of two codes in bits; words that only one of them has are not compared.
#[inline]
pub fn distance(a: &[u64], b: &[u64]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor has POPCNT.
        return unsafe { distance_popcnt(a, b) };
    }
    distance_any(a, b)
}

#[inline(always)]
fn distance_any(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
fn distance_popcnt(a: &[u64], b: &[u64]) -> u32 {
    distance_any(a, b)
}

/// Scans codes `[n, words]` against `query` `[words]` with the fastest kernel.
#[inline]
pub(crate) fn scan<S: Sink>(codes: &[u64], query: &[u64], sink: &mut S) {
    scan_with(Isa::best(), codes, query, sink);
}

/// Scans codes `[n, words]` against `query` `[words]` with the kernels of `isa`.
pub(crate) fn scan_with<S: Sink>(isa: Isa, codes: &[u64], query: &[u64], sink: &mut S) {
    match query.len() {
        1 => scan_words::<1, S>(isa, codes, query, sink),
        2 => scan_words::<2, S>(isa, codes, query, sink),
        3 => scan_words::<3, S>(isa, codes, query, sink),
        4 => scan_words::<4, S>(isa, codes, query, sink),
        _ => {} // no such code exists: see `BITS`
    }
}

#[inline]
fn scan_words<const W: usize, S: Sink>(isa: Isa, codes: &[u64], query: &[u64], sink: &mut S) {
    let Some(query) = query.first_chunk::<W>() else { return };
    let (codes, _) = codes.as_chunks::<W>();
    match isa.0 {
        Kind::Scalar => scan_any(codes, query, 0, sink),
        // SAFETY: an `Isa` exists only for sets this processor has.
        #[cfg(target_arch = "x86_64")]
        Kind::Popcnt => unsafe { scan_popcnt(codes, query, 0, sink) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { scan_avx2(codes, query, sink) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { scan_avx512(codes, query, sink) },
    }
}

#[inline(always)]
fn scan_any<const W: usize, S: Sink>(codes: &[[u64; W]], query: &[u64; W], base: usize, sink: &mut S) {
    for (i, code) in codes.iter().enumerate() {
        let distance = distance_any(code, query);
        if distance < sink.bound() {
            sink.push(base + i, distance);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
fn scan_popcnt<const W: usize, S: Sink>(codes: &[[u64; W]], query: &[u64; W], base: usize, sink: &mut S) {
    scan_any(codes, query, base, sink);
}

/// Four codes at a time, sixteen per look at the bound. Three-word codes do not divide a register and go by POPCNT.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn scan_avx2<const W: usize, S: Sink>(codes: &[[u64; W]], query: &[u64; W], sink: &mut S) {
    if W == 3 {
        return scan_popcnt(codes, query, 0, sink);
    }
    let repeated: [u64; 4] = std::array::from_fn(|i| query[i % W]);
    let query_lanes = load256(&repeated);
    let mut done = 0;
    for block in codes.as_chunks::<16>().0 {
        let (quads, _) = block.as_flattened().as_chunks::<4>(); // 4 * W registers
        let mut distances = [_mm256_setzero_si256(); 4];
        let mut near = _mm256_setzero_si256();
        let bound = _mm256_set1_epi64x(i64::from(sink.bound()));
        for (i, d) in distances.iter_mut().enumerate() {
            *d = four_distances::<W>(&quads[i * W..(i + 1) * W], query_lanes);
            near = _mm256_or_si256(near, _mm256_cmpgt_epi64(bound, *d));
        }
        if _mm256_movemask_epi8(near) != 0 {
            for (i, d) in distances.into_iter().enumerate() {
                for (j, d) in store256(d).into_iter().enumerate() {
                    if (d as u32) < sink.bound() {
                        sink.push(done + i * 4 + j, d as u32);
                    }
                }
            }
        }
        done += 16;
    }
    scan_popcnt(&codes[done..], query, done, sink);
}

/// Distances of four codes, in order, one per 64-bit lane. `quads`: `W` registers of words.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn four_distances<const W: usize>(quads: &[[u64; 4]], query: __m256i) -> __m256i {
    let count = |i: usize| popcount_lanes256(_mm256_xor_si256(load256(&quads[i]), query));
    let pairs = |a, b| _mm256_add_epi64(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    match W {
        1 => count(0),
        2 => _mm256_permute4x64_epi64::<0b11_01_10_00>(pairs(count(0), count(1))),
        _ => {
            let (ab, cd) = (pairs(count(0), count(1)), pairs(count(2), count(3)));
            _mm256_add_epi64(
                _mm256_permute2x128_si256::<0x20>(ab, cd),
                _mm256_permute2x128_si256::<0x31>(ab, cd),
            )
        }
    }
}

/// Bits set per 64-bit lane: a table of nibbles, summed by SAD (Mula, Kurz and Lemire, 2018).
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn popcount_lanes256(v: __m256i) -> __m256i {
    let table = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    let nibble = _mm256_set1_epi8(15);
    let low = _mm256_shuffle_epi8(table, _mm256_and_si256(v, nibble));
    let high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16::<4>(v), nibble));
    _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256())
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn load256(words: &[u64; 4]) -> __m256i {
    // SAFETY: 32 readable bytes; the load has no alignment.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn store256(v: __m256i) -> [u64; 4] {
    let mut words = [0; 4];
    // SAFETY: 32 writable bytes; the store has no alignment.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), v) };
    words
}

/// Eight codes at a time, thirty-two per look at the bound. Three-word codes do not divide a register and go by POPCNT.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
fn scan_avx512<const W: usize, S: Sink>(codes: &[[u64; W]], query: &[u64; W], sink: &mut S) {
    if W == 3 {
        return scan_popcnt(codes, query, 0, sink);
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

/// Pushes those of eight distances that are wanted; bit `i` of `real` says that code `base + i` exists.
#[cfg(target_arch = "x86_64")]
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
#[cfg(target_arch = "x86_64")]
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

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline]
fn load512(words: &[u64; 8]) -> __m512i {
    // SAFETY: 64 readable bytes; the load has no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

/// Loads up to eight words; the others are zero.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline]
fn load512_prefix(words: &[u64]) -> __m512i {
    let real = (0xffu16 >> (8 - words.len().min(8))) as u8;
    // SAFETY: the mask keeps the load within `words`; the load has no alignment.
    unsafe { _mm512_maskz_loadu_epi64(real, words.as_ptr().cast()) }
}

/// Distances of the codes `ids` of `codes` `[n, words]`, into `out` `[ids.len()]`; `u32::MAX` for an id that is none.
pub(crate) fn gather(codes: &[u64], ids: &[u32], query: &[u64], out: &mut Vec<u32>) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor has POPCNT.
        return unsafe { gather_popcnt(codes, ids, query, out) };
    }
    gather_any(codes, ids, query, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
fn gather_popcnt(codes: &[u64], ids: &[u32], query: &[u64], out: &mut Vec<u32>) {
    gather_any(codes, ids, query, out);
}

#[inline(always)]
fn gather_any(codes: &[u64], ids: &[u32], query: &[u64], out: &mut Vec<u32>) {
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
    out.extend(
        ids.iter().map(|&id| codes.get(id as usize).map_or(u32::MAX, |code| distance_any(code, query))),
    );
}

/// Dot product of a query with a latent, and the latent's squared length, both in the integers of their scales.
pub(crate) fn dot_and_square(query: &[i16], values: &[i8]) -> (i64, i64) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { dot_and_square_avx2(query, values) };
    }
    dot_and_square_any(query, values)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn dot_and_square_avx2(query: &[i16], values: &[i8]) -> (i64, i64) {
    dot_and_square_any(query, values)
}

#[inline(always)]
fn dot_and_square_any(query: &[i16], values: &[i8]) -> (i64, i64) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::top::{ByCode, First, Nearest};

    fn naive(a: &[u64], b: &[u64]) -> u32 {
        a.iter().zip(b).map(|(a, b)| (0..64).filter(|i| (a ^ b) >> i & 1 == 1).count() as u32).sum()
    }

    /// A sink whose bound never moves.
    struct All(u32, Vec<(usize, u32)>);
    impl Sink for All {
        fn bound(&self) -> u32 {
            self.0
        }
        fn push(&mut self, index: usize, distance: u32) {
            self.1.push((index, distance));
        }
    }

    fn sizes() -> impl Strategy<Value = usize> {
        prop_oneof![Just(0), Just(1), Just(63), Just(64), Just(65), Just(127), 0usize..200]
    }

    proptest! {
        #[test]
        fn every_kernel_calls_the_sink_as_the_naive_loop_does(
            n in sizes(), words in 1usize..=4, seed in any::<u64>(), bound in 0u32..=257, k in 1usize..20,
        ) {
            let random = crate::testing::random_words(n * words + words, seed);
            let (query, codes) = random.split_at(words);
            let expected: Vec<_> = codes
                .chunks_exact(words)
                .map(|code| naive(code, query))
                .enumerate()
                .filter(|&(_, d)| d < bound)
                .collect();
            let mut sorted: Vec<_> = codes.chunks_exact(words).map(|code| naive(code, query)).zip(0u32..).collect();
            sorted.sort_unstable();
            for isa in Isa::all() {
                let mut all = All(bound, Vec::new());
                scan_with(isa, codes, query, &mut all);
                prop_assert_eq!(&all.1, &expected, "{:?}", isa);

                let mut nearest = Nearest::new(k, 256);
                scan_with(isa, codes, query, &mut ByCode(&mut nearest));
                let mut kept = nearest.finish();
                kept.sort_unstable();
                let last = sorted.get(k - 1).map_or(256, |last| last.0);
                let wanted: Vec<_> = sorted.iter().copied().filter(|&(d, _)| d <= last).collect();
                prop_assert_eq!(&kept, &wanted, "{:?}", isa);

                let mut first = First::new();
                scan_with(isa, codes, query, &mut first);
                if let Some(&(d, i)) = sorted.first() {
                    prop_assert_eq!((first.distance, first.index), (d, i as usize), "{:?}", isa);
                }
            }
        }

        #[test]
        fn gather_and_distance_equal_the_naive_loop(n in sizes(), words in 1usize..=4, seed in any::<u64>()) {
            let random = crate::testing::random_words(n * words + words, seed);
            let (query, codes) = random.split_at(words);
            let ids: Vec<u32> = (0..n as u32 + 2).rev().collect();
            let expected: Vec<u32> = ids
                .iter()
                .map(|&i| codes.chunks_exact(words).nth(i as usize).map_or(u32::MAX, |code| naive(code, query)))
                .collect();
            let mut out = vec![7];
            gather(codes, &ids, query, &mut out);
            prop_assert_eq!(&out, &expected);
            let mut slow = Vec::new();
            gather_any(codes, &ids, query, &mut slow);
            prop_assert_eq!(&slow, &expected);
            for code in codes.chunks_exact(words) {
                prop_assert_eq!(distance(code, query), naive(code, query));
            }
        }

        #[test]
        fn dot_products_are_exact_at_the_extremes(n in sizes(), seed in any::<u64>(), extreme in any::<bool>()) {
            let random = crate::testing::random_words(n * 5, seed);
            let query: Vec<i16> = random[..n].iter().map(|&r| if extreme { i16::MIN } else { r as i16 }).collect();
            let values: Vec<i8> = random[n..2 * n].iter().map(|&r| if extreme { i8::MIN } else { r as i8 }).collect();
            let dot = query.iter().zip(&values).map(|(&q, &v)| i64::from(q) * i64::from(v)).sum();
            let square = values.iter().map(|&v| i64::from(v) * i64::from(v)).sum();
            prop_assert_eq!(dot_and_square(&query, &values), (dot, square));
            prop_assert_eq!(dot_and_square_any(&query, &values), (dot, square));
        }
    }
}
