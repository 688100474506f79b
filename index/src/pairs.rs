//! All pairs of codes within a radius, exactly: candidates for duplicates.
//!
//! Every block of codes is compared with the blocks up to itself, so each pair is seen once. Where
//! consecutive codes are similar, as in an index, a block fits into a small ball around its majority, and by
//! the triangle inequality blocks (or a code and a block) that are too far apart are skipped. On unordered
//! codes nothing is skipped, and the time grows with the square of their number.

use rayon::prelude::*;

use crate::code::{check_codes, words};
use crate::error::{Error, Result};
use crate::kernels::{BLOCK, Blocks, Isa, Queries, distance, each_bit};

/// Pairs per call, roughly: enough to make a call cheap, few enough for the L2 cache.
const BATCH: usize = 4096;

/// Two codes within the radius.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Position of the first code; less than `b`.
    pub a: u32,
    /// Position of the second code.
    pub b: u32,
    /// Hamming distance, in bits.
    pub distance: u32,
}

/// Passes all pairs of `codes` `[n, words(bits)]` within `radius` bits to `found`, each once.
///
/// `found` is called with batches of pairs, in any order and concurrently, from the threads of rayon's
/// current pool. It takes about twice the memory of the codes on top of them. Put similar codes next to each
/// other: the pruning depends on it.
///
/// ```
/// use std::sync::Mutex;
///
/// let pairs = Mutex::new(Vec::new());
/// aesearch_index::pairs_within(&[0b0001, 0b0011, !0], 64, 1, &|found| {
///     pairs.lock().unwrap().extend(found.iter().map(|pair| (pair.a, pair.b, pair.distance)));
/// })?;
/// assert_eq!(pairs.into_inner()?, [(0, 1, 1)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Input`] for bits outside of [`BITS`](crate::BITS), an incomplete last code, a bit set beyond
/// `bits`, or more codes than a u32 counts.
pub fn pairs_within(
    codes: &[u64],
    bits: usize,
    radius: u32,
    found: &(impl Fn(&[Pair]) + Sync),
) -> Result<()> {
    pairs_with(Isa::current(), codes, bits, radius, found)
}

fn pairs_with(
    isa: Isa,
    codes: &[u64],
    bits: usize,
    radius: u32,
    found: &(impl Fn(&[Pair]) + Sync),
) -> Result<()> {
    check_codes(codes, bits)?;
    let words = words(bits);
    if codes.len() / words > u32::MAX as usize {
        return Err(Error::input("codes", "at most 4294967295", codes.len() / words));
    }
    let blocks = Blocks::new(isa, codes, words);
    let balls: Vec<Ball> =
        (0..blocks.len()).into_par_iter().map(|block| Ball::around(blocks.codes(block), words)).collect();
    let all = All { blocks, balls, words, radius };
    // the last blocks take longest
    (0..all.balls.len()).into_par_iter().rev().with_max_len(1).for_each_init(
        || Vec::with_capacity(BATCH + BLOCK),
        |batch, block| {
            all.pairs_up_to(block, batch, found);
            if !batch.is_empty() {
                found(batch);
                batch.clear();
            }
        },
    );
    Ok(())
}

/// A ball around the bitwise majority of some codes that holds them all.
#[derive(Debug)]
struct Ball {
    centre: [u64; 4], // [words]
    radius: u32,      // bits
}

impl Ball {
    fn around(codes: &[u64], words: usize) -> Self {
        let n = codes.len() / words;
        let mut centre = [0; 4];
        for (w, centre) in centre[..words].iter_mut().enumerate() {
            for bit in 0..64 {
                let ones = codes[w..].iter().step_by(words).filter(|&&word| word >> bit & 1 == 1).count();
                *centre |= u64::from(2 * ones > n) << bit;
            }
        }
        let radius = codes.chunks_exact(words).map(|code| distance(code, &centre)).max().unwrap_or(0);
        Ball { centre, radius }
    }
}

/// Codes in blocks, with the ball of each block.
struct All<'a> {
    blocks: Blocks<'a>,
    balls: Vec<Ball>, // [blocks]
    words: usize,
    radius: u32,
}

impl All<'_> {
    /// The pairs of `block`'s codes with those before them.
    fn pairs_up_to(&self, block: usize, batch: &mut Vec<Pair>, found: &impl Fn(&[Pair])) {
        let ball = &self.balls[block];
        let centre = &ball.centre[..self.words];
        let reach = ball.radius.saturating_add(self.radius);
        let limits = [reach.min(255) as u8; BLOCK];
        for (other, other_ball) in self.balls[..=block].iter().enumerate() {
            if distance(centre, &other_ball.centre) <= reach.saturating_add(other_ball.radius) {
                let centre = Queries { codes: centre, wanted: 1, limits: &limits };
                self.blocks.near(other, centre, |_, near| {
                    self.pairs_of_blocks((other, near.codes), block, batch, found);
                });
            }
        }
    }

    /// The pairs of some codes of block `a`, those with a bit in `rows`, with later ones of block `b`.
    fn pairs_of_blocks(
        &self,
        (a, rows): (usize, u128),
        b: usize,
        batch: &mut Vec<Pair>,
        found: &impl Fn(&[Pair]),
    ) {
        let (codes_a, codes_b) = (self.blocks.codes(a), self.blocks.codes(b));
        let limits = [self.radius.min(255) as u8; BLOCK];
        let queries = Queries { codes: codes_a, wanted: rows, limits: &limits };
        self.blocks.near(b, queries, |i, near| {
            let later = if a == b { u128::MAX << i << 1 } else { u128::MAX };
            each_bit(near.codes & later, |j| {
                let distance = match near.distances[j] {
                    u8::MAX => distance(&codes_a[i * self.words..][..self.words], &codes_b[j * self.words..]),
                    distance => u32::from(distance),
                };
                if distance <= self.radius {
                    batch.push(Pair { a: (a * BLOCK + i) as u32, b: (b * BLOCK + j) as u32, distance });
                }
            });
            if batch.len() >= BATCH {
                found(batch);
                batch.clear();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::{clustered_codes, random_words};

    /// All pairs by the double loop, sorted.
    fn naive(codes: &[u64], words: usize, radius: u32) -> Vec<Pair> {
        let codes: Vec<&[u64]> = codes.chunks_exact(words).collect();
        let mut pairs = Vec::new();
        for (a, code) in codes.iter().enumerate() {
            for (b, other) in codes.iter().enumerate().skip(a + 1) {
                let distance = code.iter().zip(*other).map(|(a, b)| (a ^ b).count_ones()).sum();
                if distance <= radius {
                    pairs.push(Pair { a: a as u32, b: b as u32, distance });
                }
            }
        }
        pairs
    }

    fn sorted_pairs(isa: Isa, codes: &[u64], bits: usize, radius: u32) -> Vec<Pair> {
        let pairs = Mutex::new(Vec::new());
        pairs_with(isa, codes, bits, radius, &|found| pairs.lock().unwrap().extend_from_slice(found))
            .unwrap();
        let mut pairs = pairs.into_inner().unwrap();
        pairs.sort_unstable();
        pairs
    }

    proptest! {
        #[test]
        fn pairs_are_those_of_the_double_loop(
            n in prop_oneof![
                Just(0), Just(1), Just(63), Just(64), Just(65), Just(127), Just(128), Just(129), 130usize..600,
            ],
            bits in prop_oneof![32usize..=256, Just(64), Just(128), Just(192), Just(256)],
            radius in prop_oneof![Just(0), 0u32..=20, 20u32..=257, Just(u32::MAX)],
            centres in 1usize..=40,
            sort in any::<bool>(),
            seed in any::<u64>(),
        ) {
            let words = crate::words(bits);
            let mut codes = clustered_codes(n, bits, centres, seed);
            if sort {
                let mut rows: Vec<&[u64]> = codes.chunks_exact(words).collect();
                rows.sort_unstable();
                codes = rows.concat();
            }
            let expected = naive(&codes, words, radius);
            for isa in Isa::available() {
                prop_assert_eq!(&sorted_pairs(isa, &codes, bits, radius), &expected, "{:?}", isa);
            }
        }
    }

    #[test]
    fn opposite_codes_are_256_bits_apart() {
        let mut codes = random_words(4 * 200, 1);
        codes.extend(codes.clone().iter().map(|word| !word));
        for isa in Isa::available() {
            for radius in [254, 255, 256] {
                let pairs = sorted_pairs(isa, &codes, 256, radius);
                assert_eq!(pairs, naive(&codes, 4, radius));
            }
        }
    }

    #[test]
    fn clusters_far_apart_are_left_out_and_every_pair_comes_once() {
        // equal codes, cluster by cluster: all pairs within each, none between, more than one batch
        let codes: Vec<u64> = random_words(10, 3).into_iter().flat_map(|code| [code; 200]).collect();
        let pairs = sorted_pairs(Isa::current(), &codes, 64, 5);
        assert_eq!(pairs, naive(&codes, 1, 5));
        assert_eq!(pairs.len(), 10 * (200 * 199 / 2));
    }

    #[test]
    fn input_that_is_no_codes_is_refused() {
        let refused = |codes: &[u64], bits| pairs_within(codes, bits, 3, &|_| panic!("a pair")).unwrap_err();
        assert_eq!(refused(&[], 31).to_string(), "bits: expected 32 to 256, got 31");
        assert_eq!(refused(&[], 257).to_string(), "bits: expected 32 to 256, got 257");
        assert_eq!(refused(&[1, 2, 3], 128).to_string(), "codes: expected 2 words each, got 3 words");
    }
}
