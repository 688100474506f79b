//! Codes in blocks of 128, each compared with many queries: by planes (see `planes.rs`) if the processor has
//! SIMD, else one by one.

#[cfg(target_arch = "x86_64")]
use super::avx2;
use super::isa::{Isa, Kind};
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::plain;
use super::planes::{BLOCK, Near, PLANES_PER_WORD, Plane, Queries, WordPlanes, each_bit, transpose};

/// Codes `[n, words]` in blocks; with planes (twice the memory of the codes) if the kernels of `isa` use
/// them.
#[derive(Debug)]
pub(crate) struct Blocks<'a> {
    isa: Isa,
    words: usize,
    codes: &'a [u64],
    planes: Vec<WordPlanes>, // [blocks, words]; codes that do not exist are zero
    len: usize,              // blocks
    last: u128,              // a bit for each code of the last block
}

impl<'a> Blocks<'a> {
    /// Blocks of codes `[n, words]`; `words` is 1 to 4.
    pub(crate) fn new(isa: Isa, codes: &'a [u64], words: usize) -> Self {
        let mut blocks = Blocks { isa, words, codes, planes: Vec::new(), len: 0, last: 0 };
        blocks.set(codes);
        blocks
    }

    /// Replaces the codes `[n, words]`, reusing the memory of the planes.
    pub(crate) fn set(&mut self, codes: &'a [u64]) {
        let n = codes.len() / self.words;
        self.codes = codes;
        self.len = n.div_ceil(BLOCK);
        self.last = u128::MAX >> (self.len * BLOCK - n); // 0 to 127
        self.planes.clear();
        if by_planes(self.isa) {
            self.planes.resize(self.len * self.words, [Plane([0; BLOCK]); PLANES_PER_WORD]);
            let blocks = self.planes.chunks_exact_mut(self.words).zip(codes.chunks(BLOCK * self.words));
            blocks.for_each(|(planes, codes)| transpose(codes, planes));
        }
    }

    /// Number of blocks.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The codes of a block: `[up to BLOCK, words]`.
    #[inline]
    pub(crate) fn codes(&self, block: usize) -> &'a [u64] {
        let size = BLOCK * self.words;
        &self.codes[block * size..self.codes.len().min((block + 1) * size)]
    }

    /// Calls `found` for each query that is near some code of the block, in order, with its number and these
    /// codes.
    #[inline]
    pub(crate) fn near(&self, block: usize, queries: Queries, mut found: impl FnMut(usize, &Near)) {
        let real = if block + 1 < self.len { u128::MAX } else { self.last };
        let found = |i: usize, near: &mut Near| {
            near.codes &= real;
            if near.codes != 0 {
                found(i, near);
            }
        };
        match self.words {
            1 => self.near_words::<1>(block, queries, found),
            2 => self.near_words::<2>(block, queries, found),
            3 => self.near_words::<3>(block, queries, found),
            _ => self.near_words::<4>(block, queries, found),
        }
    }

    #[inline]
    fn near_words<const W: usize>(
        &self,
        block: usize,
        queries: Queries,
        found: impl FnMut(usize, &mut Near),
    ) {
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        if let Some(planes) = self.planes.get(block * W..).and_then(|planes| planes.first_chunk::<W>()) {
            match self.isa.0 {
                // SAFETY: an `Isa` exists only for sets this processor has, and AVX-512 has AVX2.
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2 | Kind::Avx512 => return unsafe { avx2::near(planes, queries, found) },
                // SAFETY: as above.
                #[cfg(target_arch = "aarch64")]
                Kind::Neon => return unsafe { neon::near(planes, queries, found) },
                _ => {}
            }
        }
        match self.isa.0 {
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Popcnt => unsafe { near_popcnt::<W>(self.codes(block), queries, found) },
            _ => near_any::<W>(self.codes(block), queries, found),
        }
    }
}

/// True when the kernels of `isa` read planes.
pub(super) fn by_planes(isa: Isa) -> bool {
    match isa.0 {
        Kind::Scalar => false,
        #[cfg(target_arch = "x86_64")]
        Kind::Popcnt => false,
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => true,
        #[cfg(target_arch = "aarch64")]
        Kind::Neon => true,
    }
}

#[inline(always)]
fn near_any<const W: usize>(codes: &[u64], queries: Queries, mut found: impl FnMut(usize, &mut Near)) {
    let (codes, all_queries) = (codes.as_chunks::<W>().0, queries.codes.as_chunks::<W>().0);
    let mut near = Near::none();
    each_bit(queries.wanted, |i| {
        let limit = queries.limits[i];
        near.codes = 0;
        for (j, (code, out)) in codes.iter().zip(&mut near.distances).enumerate() {
            *out = plain::distance(code, &all_queries[i]).min(255) as u8;
            near.codes |= u128::from(*out <= limit) << j;
        }
        if near.codes != 0 {
            found(i, &mut near);
        }
    });
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
fn near_popcnt<const W: usize>(codes: &[u64], queries: Queries, found: impl FnMut(usize, &mut Near)) {
    near_any::<W>(codes, queries, found);
}
