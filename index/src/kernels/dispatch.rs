//! Picks the kernel of the instruction set in use, for every operation.

#[cfg(target_arch = "x86_64")]
use super::avx2;
#[cfg(target_arch = "x86_64")]
use super::avx512;
use super::isa::{Isa, Kind};
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::plain;
#[cfg(target_arch = "x86_64")]
use super::popcnt;
use super::sink::{First, Sink};

/// Scans codes `[n, words]` against `query` `[words]`.
#[inline]
pub(crate) fn scan<S: Sink>(codes: &[u64], query: &[u64], sink: &mut S) {
    scan_with(Isa::current(), codes, query, sink);
}

/// Scans codes `[n, words]` against `query` `[words]` with the kernels of `isa`.
pub(super) fn scan_with<S: Sink>(isa: Isa, codes: &[u64], query: &[u64], sink: &mut S) {
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
        Kind::Scalar => plain::scan(codes, query, 0, sink),
        // SAFETY: an `Isa` exists only for sets this processor has.
        #[cfg(target_arch = "x86_64")]
        Kind::Popcnt => unsafe { popcnt::scan(codes, query, 0, sink) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { avx2::scan(codes, query, sink) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { avx512::scan(codes, query, sink) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Kind::Neon => unsafe { neon::scan(codes, query, sink) },
    }
}

/// Writes the distances of codes `[n, words]` from `query` `[words]` to `out` `[n]`, in order, instead of what
/// is there.
///
/// ```
/// let mut distances = Vec::new();
/// aesearch_index::distances(&[0b01, 0b11, 0b00], &[0b01], &mut distances);
/// assert_eq!(distances, [0, 1, 1]);
/// ```
#[inline]
pub fn distances(codes: &[u64], query: &[u64], out: &mut Vec<u16>) {
    distances_with(Isa::current(), codes, query, out);
}

#[inline]
pub(super) fn distances_with(isa: Isa, codes: &[u64], query: &[u64], out: &mut Vec<u16>) {
    match isa.0 {
        // long codes only: the compiler does as well with short ones
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 if query.len() == 4 => {
            let Some(query) = query.first_chunk::<4>() else { return };
            // SAFETY: an `Isa` exists only for sets this processor has.
            unsafe { avx512::distances(codes.as_chunks::<4>().0, query, out) }
        }
        // SAFETY: as above, and these have POPCNT.
        #[cfg(target_arch = "x86_64")]
        Kind::Popcnt | Kind::Avx2 | Kind::Avx512 => unsafe { popcnt::distances(codes, query, out) },
        // on aarch64 the compiler counts bits with NEON anyway
        _ => plain::distances(codes, query, out),
    }
}

/// Prefetches `codes`; does nothing if the instruction set cannot.
#[inline]
pub(crate) fn prefetch(codes: &[u64]) {
    #[cfg(target_arch = "x86_64")]
    if matches!(Isa::current().0, Kind::Avx2 | Kind::Avx512) {
        // SAFETY: an `Isa` exists only for sets this processor has, and AVX-512 has AVX2.
        unsafe { avx2::prefetch(codes.as_chunks::<1>().0) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = codes;
}

/// Writes the distances of the codes `ids` of `codes` `[n, words]` to `out` `[ids.len()]`; `u32::MAX` for an
/// id out of range.
#[inline]
pub(crate) fn gather(codes: &[u64], ids: &[u32], query: &[u64], out: &mut Vec<u32>) {
    gather_with(Isa::current(), codes, ids, query, out);
}

#[inline]
pub(super) fn gather_with(isa: Isa, codes: &[u64], ids: &[u32], query: &[u64], out: &mut Vec<u32>) {
    match isa.0 {
        // SAFETY: an `Isa` exists only for sets this processor has, and these have POPCNT.
        #[cfg(target_arch = "x86_64")]
        Kind::Popcnt | Kind::Avx2 | Kind::Avx512 => unsafe { popcnt::gather(codes, ids, query, out) },
        // aarch64 counts bits by NEON as it is
        _ => plain::gather(codes, ids, query, out),
    }
}

/// Position and Hamming distance of the code of `codes` `[n, words]` nearest to `query` `[words]`; the first
/// of several. `None` if there are no codes.
///
/// ```
/// assert_eq!(aesearch_index::nearest(&[0b1001, 0b0011, 0b1011], &[0b0010]), Some((1, 1)));
/// ```
#[must_use]
pub fn nearest(codes: &[u64], query: &[u64]) -> Option<(usize, u32)> {
    let mut first = First::new();
    scan(codes, query, &mut first);
    first.found.then_some((first.index, first.distance))
}

/// Hamming distance of two codes, in bits; words that only one of them has are ignored.
///
/// ```
/// assert_eq!(aesearch_index::distance(&[0b0110, 1], &[0b0011, 0]), 3);
/// ```
#[must_use]
#[inline]
pub fn distance(a: &[u64], b: &[u64]) -> u32 {
    distance_with(Isa::current(), a, b)
}

#[inline]
pub(super) fn distance_with(isa: Isa, a: &[u64], b: &[u64]) -> u32 {
    match isa.0 {
        // SAFETY: an `Isa` exists only for sets this processor has, and these have POPCNT.
        #[cfg(target_arch = "x86_64")]
        Kind::Popcnt | Kind::Avx2 | Kind::Avx512 => unsafe { popcnt::distance(a, b) },
        // aarch64 counts bits by NEON as it is
        _ => plain::distance(a, b),
    }
}

/// Dot product of a query with a latent, and the latent's squared length, both in the integers of their
/// scales.
#[inline]
pub(crate) fn dot_and_square(query: &[i16], values: &[i8]) -> (i64, i64) {
    dot_and_square_with(Isa::current(), query, values)
}

#[inline]
pub(super) fn dot_and_square_with(isa: Isa, query: &[i16], values: &[i8]) -> (i64, i64) {
    match isa.0 {
        // SAFETY: an `Isa` exists only for sets this processor has, and AVX-512 has AVX2.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe { avx2::dot_and_square(query, values) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Kind::Neon => unsafe { neon::dot_and_square(query, values) },
        _ => plain::dot_and_square(query, values),
    }
}
