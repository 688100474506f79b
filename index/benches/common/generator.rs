//! Made-up codes that look like those of real collections, the same for the same seed on any number of
//! threads.
//!
//! - `clustered`: 1,000 random centres, 20 subcentres of each (12 % of the bits flipped), and points around
//!   the subcentres, each with a flip rate of its own (3 to 15 %).
//! - `latent`: a Gaussian mixture in 24 dimensions (1,000 centres) through a random projection, of which the
//!   signs are the bits: as an encoder's latents are, its bits are not independent of each other.
//!
//! Codes are made in blocks, each from a stream of its own, and handed on as they come: what is held is a few
//! MiB.

use std::f64::consts::TAU;
use std::ops::Range;

use rayon::prelude::*;

const CENTRES: usize = 1000;
const SUBCENTRES: usize = 20; // of each centre
const SUBCENTRE_FLIPS: f64 = 0.12;
const POINT_FLIPS: Range<f64> = 0.03..0.15;

const RANK: usize = 24;
const CENTRE_SPREAD: f32 = 1.5;
const POINT_SPREAD: f32 = 0.6;

/// Codes per stream, and streams at once.
const BLOCK: usize = 1024;
const BLOCKS: usize = 64;

/// A distribution of codes.
pub(crate) struct Generator {
    bits: usize,
    seed: u64,
    kind: Kind,
}

enum Kind {
    Clustered { subcentres: Vec<u64> }, // [CENTRES * SUBCENTRES, words]
    Latent { centres: Vec<f32>, projection: Vec<f32> }, // [CENTRES, RANK], [RANK, bits]
}

/// Which codes are drawn: those to be searched, or those to search with.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Base = 1,
    Queries = 2,
}

impl Generator {
    /// The distribution called `name`; none where there is none.
    pub(crate) fn named(name: &str, bits: usize, seed: u64) -> Option<Generator> {
        let mut random = Random::stream(seed, 0, 0);
        let kind = match name {
            "clustered" => {
                let words = aesearch_index::words(bits);
                let mut subcentres = Vec::with_capacity(CENTRES * SUBCENTRES * words);
                for _ in 0..CENTRES {
                    let centre: Vec<u64> = (0..words).map(|_| random.next()).collect();
                    for _ in 0..SUBCENTRES {
                        let start = subcentres.len();
                        subcentres.extend_from_slice(&centre);
                        random.flip(&mut subcentres[start..], bits, SUBCENTRE_FLIPS);
                    }
                }
                Kind::Clustered { subcentres }
            }
            "latent" => Kind::Latent {
                projection: (0..RANK * bits).map(|_| random.normal()).collect(),
                centres: (0..CENTRES * RANK).map(|_| random.normal() * CENTRE_SPREAD).collect(),
            },
            _ => return None,
        };
        Some(Generator { bits, seed, kind })
    }

    /// Makes `n` codes and hands them on in order, some `[m, words]` at a time; stops at the first error.
    pub(crate) fn for_each<E>(
        &self,
        part: Part,
        n: usize,
        mut take: impl FnMut(&[u64]) -> Result<(), E>,
    ) -> Result<(), E> {
        let blocks: Vec<usize> = (0..n.div_ceil(BLOCK)).collect();
        for blocks in blocks.chunks(BLOCKS) {
            let make = |&block: &usize| {
                self.block(Random::stream(self.seed, part as u64, block as u64), BLOCK.min(n - block * BLOCK))
            };
            let made: Vec<Vec<u64>> = blocks.par_iter().map(make).collect();
            made.iter().try_for_each(|codes| take(codes))?;
        }
        Ok(())
    }

    /// `n` codes `[n, words]` in memory.
    pub(crate) fn codes(&self, part: Part, n: usize) -> Vec<u64> {
        let mut codes = Vec::with_capacity(n * aesearch_index::words(self.bits));
        let done: Result<(), std::convert::Infallible> = self.for_each(part, n, |some| {
            codes.extend_from_slice(some);
            Ok(())
        });
        match done {
            Ok(()) => codes,
        }
    }

    fn block(&self, mut random: Random, n: usize) -> Vec<u64> {
        let (bits, words) = (self.bits, aesearch_index::words(self.bits));
        let mut codes = vec![0; n * words];
        let mut values = vec![0f32; bits];
        for code in codes.chunks_exact_mut(words) {
            match &self.kind {
                Kind::Clustered { subcentres } => {
                    let at = random.below(CENTRES * SUBCENTRES) * words;
                    code.copy_from_slice(&subcentres[at..at + words]);
                    let rate = POINT_FLIPS.start + (POINT_FLIPS.end - POINT_FLIPS.start) * random.unit();
                    random.flip(code, bits, rate);
                }
                Kind::Latent { centres, projection } => {
                    let at = random.below(CENTRES) * RANK;
                    values.fill(0.0);
                    for (centre, row) in centres[at..at + RANK].iter().zip(projection.chunks_exact(bits)) {
                        let latent = centre + random.normal() * POINT_SPREAD;
                        values.iter_mut().zip(row).for_each(|(value, weight)| *value += latent * weight);
                    }
                    for (i, value) in values.iter().enumerate() {
                        code[i / 64] |= u64::from(*value > 0.0) << (i % 64);
                    }
                }
            }
            if !bits.is_multiple_of(64) {
                code[words - 1] &= (1 << (bits % 64)) - 1;
            }
        }
        codes
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): one word of state, and good enough for bits of a benchmark.
struct Random(u64);

impl Random {
    /// A stream for each of (seed, part, block); their starting points are hashed, so that streams do not
    /// overlap in practice.
    fn stream(seed: u64, part: u64, block: u64) -> Random {
        let mut state = Random(seed);
        for word in [part, block] {
            state = Random(state.next() ^ word);
        }
        Random(state.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Uniform in 0..1, 1 left out.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    /// Standard normal (Box and Muller 1958; the second value is thrown away).
    fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        (radius * (TAU * self.unit()).cos()) as f32
    }

    /// Flips each of the `bits` with probability `rate`, by drawing how many stay as they are before the next
    /// one.
    fn flip(&mut self, code: &mut [u64], bits: usize, rate: f64) {
        let scale = 1.0 / (1.0 - rate).ln();
        let mut at = 0;
        loop {
            at += ((1.0 - self.unit()).ln() * scale) as usize;
            if at >= bits {
                break;
            }
            code[at / 64] ^= 1 << (at % 64);
            at += 1;
        }
    }
}
