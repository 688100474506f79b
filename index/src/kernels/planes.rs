//! The codes of a block, transposed: plane `p` holds nibble `p` of every code, a byte each.
//!
//! One table look-up and one addition per plane then advance the distances of as many codes as a register has
//! bytes, without crossing lanes. Transposing pays off when a few dozen queries are compared with a block.

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

/// The codes of a block that are near a query.
#[derive(Debug, Clone)]
pub(crate) struct Near {
    /// Bit `i` is set if code `i` of the block is near.
    pub(crate) codes: u128,
    /// Distances of the near codes, in bits; 255 stands for 255 and 256. Other entries are undefined.
    pub(crate) distances: [u8; BLOCK],
}

impl Near {
    pub(super) fn none() -> Self {
        Near { codes: 0, distances: [0; BLOCK] }
    }
}

/// Queries that are compared with a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Queries<'a> {
    /// `[up to BLOCK, words]`.
    pub(crate) codes: &'a [u64],
    /// A bit for each query to compare; none beyond the last query.
    pub(crate) wanted: u128,
    /// The greatest distance that is near, for each query, in bits; 255 admits all.
    pub(crate) limits: &'a [u8; BLOCK],
}

/// Calls `f` with the number of each set bit, the lowest first.
#[inline]
pub(crate) fn each_bit(set: u128, mut f: impl FnMut(usize)) {
    for (start, mut half) in [(0, set as u64), (64, (set >> 64) as u64)] {
        while half != 0 {
            f(start + half.trailing_zeros() as usize);
            half &= half - 1;
        }
    }
}

/// Writes the nibbles of up to `BLOCK` codes into planes `[words]`, which are zero.
pub(super) fn transpose(codes: &[u64], planes: &mut [WordPlanes]) {
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

/// Byte `j` of word `i` becomes byte `i` of word `j` (Warren, Hacker's Delight, 7-3): blocks of 4, 2 and 1
/// bytes are swapped.
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
