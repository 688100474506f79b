//! Latents to bits: by sign, or by a rotation that was fitted to a collection.
//!
//! A code is [words(bits)] u64, bit i at word i / 64, position i % 64, unused bits zero, as the index keeps
//! it. The model says which of the two rules fits its latents: one that was trained to be cut at zero only
//! loses by a rotation.

use crate::error::{Error, Result};
use crate::model::{BinarizerKind, Metadata};

/// How latents become bits.
#[derive(Debug, Clone, PartialEq)]
pub enum Binarizer {
    /// Bit i is set where number i of the latent is above zero.
    Sign {
        /// Bits per code, equal to the latent's size.
        bits: usize,
    },
    /// Bit j is set where column j of (latent - mean) x rotation is above zero.
    Itq {
        /// Bits per code.
        bits: usize,
        /// The mean latent, `[D]`.
        mean: Vec<f32>,
        /// `[D, bits]`, row-major, orthonormal columns.
        rotation: Vec<f32>,
    },
}

impl Binarizer {
    /// The binarizer for a model, fitted to `latents` [N, D] of the collection if it needs fitting.
    ///
    /// # Errors
    /// The model states more bits than its latent has numbers, or there is nothing to fit to.
    pub fn for_model(metadata: &Metadata, latents: &[f32], seed: u64) -> Result<Binarizer> {
        let Metadata { latent_size, bits, .. } = *metadata;
        match metadata.binarizer {
            BinarizerKind::Sign if bits == latent_size => Ok(Binarizer::Sign { bits }),
            BinarizerKind::Sign => {
                let what = format!("bits: expected {latent_size}, one per number of the latent, got {bits}");
                Err(Error::damaged(&metadata.name, what))
            }
            BinarizerKind::Itq => Binarizer::fit_itq(latents, latent_size, bits, seed),
        }
    }

    /// Bits per code.
    pub fn bits(&self) -> usize {
        match self {
            Binarizer::Sign { bits } | Binarizer::Itq { bits, .. } => *bits,
        }
    }

    /// Numbers per latent, D.
    pub fn latent_size(&self) -> usize {
        match self {
            Binarizer::Sign { bits } => *bits,
            Binarizer::Itq { mean, .. } => mean.len(),
        }
    }

    /// Codes [N, words(bits)] of latents [N, D].
    ///
    /// # Panics
    /// When `latents` is not a whole number of latents.
    pub fn binarize(&self, latents: &[f32]) -> Vec<u64> {
        let size = self.latent_size();
        assert!(latents.len().is_multiple_of(size), "{} numbers are no latents of {size}", latents.len());
        let words = aesearch_index::words(self.bits());
        let mut codes = vec![0; latents.len() / size * words];
        let mut projected = vec![0.0; self.bits()];
        for (latent, code) in latents.chunks_exact(size).zip(codes.chunks_exact_mut(words)) {
            match self {
                Binarizer::Sign { .. } => pack(latent, code),
                Binarizer::Itq { bits, mean, rotation } => {
                    projected.fill(0.0);
                    for ((value, mean), row) in latent.iter().zip(mean).zip(rotation.chunks_exact(*bits)) {
                        let centred = value - mean;
                        projected.iter_mut().zip(row).for_each(|(sum, weight)| *sum += centred * weight);
                    }
                    pack(&projected, code);
                }
            }
        }
        codes
    }

    /// The bytes to store: kind u8, bits u32, D u32, then mean `[D]` and rotation `[D, bits]` as f32; all
    /// little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, numbers) = match self {
            Binarizer::Sign { .. } => (0, Vec::new()),
            Binarizer::Itq { mean, rotation, .. } => (1, [&mean[..], rotation].concat()),
        };
        let mut bytes = vec![kind];
        for size in [self.bits(), self.latent_size()] {
            bytes.extend((size as u32).to_le_bytes()); // both were checked when it was made, or fit a Vec of f32
        }
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes
    }

    /// The binarizer of [`Binarizer::to_bytes`]; none if the bytes are damaged.
    pub fn from_bytes(bytes: &[u8]) -> Option<Binarizer> {
        let (&kind, rest) = bytes.split_first()?;
        let (bits, rest) = rest.split_first_chunk()?;
        let (size, rest) = rest.split_first_chunk()?;
        let (bits, size) = (u32::from_le_bytes(*bits) as usize, u32::from_le_bytes(*size) as usize);
        let (numbers, []) = rest.as_chunks() else { return None };
        let numbers: Vec<f32> = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
        let sound = aesearch_index::BITS.contains(&bits) && numbers.iter().all(|number| number.is_finite());
        match kind {
            0 if sound && size == bits && numbers.is_empty() => Some(Binarizer::Sign { bits }),
            1 if sound && size > 0 && Some(numbers.len()) == size.checked_mul(bits + 1) => {
                let (mean, rotation) = numbers.split_at(size);
                Some(Binarizer::Itq { bits, mean: mean.to_vec(), rotation: rotation.to_vec() })
            }
            _ => None,
        }
    }
}

/// One bit per value, set where it is above zero.
fn pack(values: &[f32], code: &mut [u64]) {
    for (word, values) in code.iter_mut().zip(values.chunks(64)) {
        *word = values.iter().enumerate().fold(0, |word, (bit, value)| word | u64::from(*value > 0.0) << bit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn itq() -> Binarizer {
        let rotation = (0..40 * 33).map(|i| ((i * 31 % 17) as f32 - 8.0) / 8.0).collect();
        Binarizer::Itq { bits: 33, mean: (0..40).map(|i| i as f32 / 40.0).collect(), rotation }
    }

    #[test]
    fn the_sign_is_cut_above_zero_and_bits_are_in_order() {
        let binarizer = Binarizer::Sign { bits: 70 };
        let mut latents = vec![-1.0; 140];
        latents[0] = 0.5;
        latents[1] = 0.0;
        latents[69] = 1e-9;
        latents[70 + 63] = 2.0;
        latents[70 + 64] = f32::NAN;
        assert_eq!(binarizer.binarize(&latents), [1, 1 << 5, 1 << 63, 0]);
    }

    #[test]
    fn the_rotation_is_applied_to_the_centred_latent() {
        let Binarizer::Itq { bits, mean, rotation } = itq() else { unreachable!() };
        let latent: Vec<f32> = (0..40).map(|i| (i % 7) as f32 / 7.0).collect();
        let code = itq().binarize(&latent);
        for bit in 0..bits {
            let value: f32 = (0..40).map(|d| (latent[d] - mean[d]) * rotation[d * bits + bit]).sum();
            assert_eq!(code[0] >> bit & 1 == 1, value > 0.0, "bit {bit}");
        }
        assert_eq!(code[0] >> bits, 0);
    }

    #[test]
    fn what_is_stored_is_read_and_damage_is_noticed() {
        for binarizer in [Binarizer::Sign { bits: 64 }, itq()] {
            let bytes = binarizer.to_bytes();
            assert_eq!(Binarizer::from_bytes(&bytes).as_ref(), Some(&binarizer));
            for end in [0, 1, 8, bytes.len() - 1] {
                assert_eq!(Binarizer::from_bytes(&bytes[..end]), None);
            }
            assert_eq!(Binarizer::from_bytes(&[&bytes[..], &[0; 4]].concat()), None);
            assert_eq!(Binarizer::from_bytes(&[&[2], &bytes[1..]].concat()), None);
            assert_eq!(Binarizer::from_bytes(&[&bytes[..1], &[0; 4], &bytes[5..]].concat()), None);
        }
        let mut infinite = itq().to_bytes();
        let end = infinite.len();
        infinite[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
        assert_eq!(Binarizer::from_bytes(&infinite), None);
    }
}
