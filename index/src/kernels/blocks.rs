//! Codes in blocks of 128, against which many queries are compared.
//!
//! For SIMD a block is turned into planes of nibbles: plane `p` holds nibble `p` of every code, a byte each, so the
//! distances of as many codes as a register has bytes grow by one table look-up and one addition per plane, and never
//! cross lanes. Turning pays when a few dozen queries meet a block: all pairs, and many queries at once.

#[cfg(target_arch = "x86_64")]
use super::avx2;
use super::isa::Kind;
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::{Isa, plain};

/// Codes per block.
pub(crate) const BLOCK: usize = 128;

/// Nibbles in a word.
pub(super) const PLANES_PER_WORD: usize = 16;

/// `[a][b]`: distance of the nibbles `a` and `b` in bits.
pub(super) const NIBBLE_DISTANCES: [[u8; 16]; 16] = nibble_distances();

const fn nibble_distances() -> [[u8; 16]; 16] {
    let mut table = [[0; 16]; 16];
    let mut i = 0;
    while i < 256 {
        table[i / 16][i % 16] = ((i / 16) ^ (i % 16)).count_ones() as u8;
        i += 1;
    }
    table
}

/// A nibble of every code of a block, aligned so that no register's load crosses a cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Plane(pub(super) [u8; BLOCK]);

/// All nibbles of a word of every code of a block.
pub(super) type WordPlanes = [Plane; PLANES_PER_WORD];

/// Which codes of a block are near.
#[derive(Debug, Clone)]
pub(crate) struct Near {
    /// Bit `i`: code `i` of the block is.
    pub(crate) codes: u128,
    /// Of the codes that are near, in bits; 255 stands for 255 and 256. The others may be anything.
    pub(crate) distances: [u8; BLOCK],
}

impl Near {
    pub(super) fn none() -> Self {
        Near { codes: 0, distances: [0; BLOCK] }
    }
}

/// Codes that are compared with a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Queries<'a> {
    /// `[up to BLOCK, words]`.
    pub(crate) codes: &'a [u64],
    /// A bit for each code that is compared; codes that do not exist have none.
    pub(crate) wanted: u128,
    /// Of each code, the greatest distance that is near, in bits; 255 admits all.
    pub(crate) limits: &'a [u8; BLOCK],
}

/// The bits set, the lowest first.
#[inline]
pub(crate) fn each_bit(set: u128, mut f: impl FnMut(usize)) {
    for (start, mut half) in [(0, set as u64), (64, (set >> 64) as u64)] {
        while half != 0 {
            f(start + half.trailing_zeros() as usize);
            half &= half - 1;
        }
    }
}

/// Codes `[n, words]` in blocks; with planes (twice the memory of the codes) where the kernels of `isa` want them.
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

    /// Other codes `[n, words]`, in the memory of those before.
    pub(crate) fn set(&mut self, codes: &'a [u64]) {
        let n = codes.len() / self.words;
        self.codes = codes;
        self.len = n.div_ceil(BLOCK);
        self.last = u128::MAX >> (self.len * BLOCK - n); // 0 to 127
        self.planes.clear();
        if by_planes(self.isa) {
            self.planes.resize(self.len * self.words, [Plane([0; BLOCK]); PLANES_PER_WORD]);
            let blocks = self.planes.chunks_exact_mut(self.words).zip(codes.chunks(BLOCK * self.words));
            blocks.for_each(|(planes, codes)| turn(codes, planes));
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

    /// Calls `found` with each query, by its number and in order, that codes of the block are near, and with these.
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

/// Writes the nibbles of up to `BLOCK` codes into planes `[words]`, which are zero.
fn turn(codes: &[u64], planes: &mut [WordPlanes]) {
    let words = planes.len();
    for (word, planes) in planes.iter_mut().enumerate() {
        for (i, codes) in codes.chunks(8 * words).enumerate() {
            let mut eight = [0; 8];
            for (eight, code) in eight.iter_mut().zip(codes.chunks_exact(words)) {
                *eight = code[word];
            }
            for (pair, bytes) in planes.as_chunks_mut::<2>().0.iter_mut().zip(transposed(eight)) {
                let (low, high) = (bytes & 0x0f0f_0f0f_0f0f_0f0f, bytes >> 4 & 0x0f0f_0f0f_0f0f_0f0f);
                pair[0].0[8 * i..8 * i + 8].copy_from_slice(&low.to_le_bytes());
                pair[1].0[8 * i..8 * i + 8].copy_from_slice(&high.to_le_bytes());
            }
        }
    }
}

/// Byte `j` of word `i` becomes byte `i` of word `j` (Warren, Hacker's Delight, 7-3): blocks of 4, 2 and 1 bytes
/// change places.
#[inline]
fn transposed(mut words: [u64; 8]) -> [u64; 8] {
    for (step, keep) in [(4, 0x0000_0000_ffff_ffff), (2, 0x0000_ffff_0000_ffff), (1, 0x00ff_00ff_00ff_00ff)] {
        for i in (0..8).filter(|i| i & step == 0) {
            let (a, b) = (words[i], words[i + step]);
            words[i] = a & keep | (b & keep) << (8 * step);
            words[i + step] = a >> (8 * step) & keep | b & !keep;
        }
    }
    words
}
