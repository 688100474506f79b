//! Latents to bits: by sign, by a rotation that was fitted to a collection, or by a network that was trained
//! on one.
//!
//! A code is [words(bits)] u64, bit i at word i / 64, position i % 64, unused bits zero, as the index keeps
//! it. A binarizer's identity is the SHA-256 of its bytes: codes of different ones cannot be compared.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::learned::{Learned, Scratch};
use crate::error::{Error, Result};

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
    /// Bit i is set where number i of a network's output is above zero.
    Learned(Box<Learned>),
}

/// The rule by which a binarizer makes bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The signs of the latent.
    Sign,
    /// A rotation, then the signs.
    Itq,
    /// A network, then the signs.
    Learned,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Rule::Sign => "sign",
            Rule::Itq => "itq",
            Rule::Learned => "learned",
        })
    }
}

impl Binarizer {
    /// The signs of a latent of `latent_size` numbers, as `bits` bits.
    ///
    /// # Errors
    /// When there are not as many bits as numbers.
    pub fn sign(latent_size: usize, bits: usize) -> Result<Binarizer> {
        match bits == latent_size {
            true => Ok(Binarizer::Sign { bits }),
            false => {
                let what = format!("bits: expected {latent_size}, one per number of the latent, got {bits}");
                Err(Error::invalid(what))
            }
        }
    }

    /// The rule it follows.
    pub fn rule(&self) -> Rule {
        match self {
            Binarizer::Sign { .. } => Rule::Sign,
            Binarizer::Itq { .. } => Rule::Itq,
            Binarizer::Learned(_) => Rule::Learned,
        }
    }

    /// The SHA-256 of its bytes, hex.
    pub fn sha256(&self) -> String {
        Sha256::digest(self.to_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Bits per code.
    pub fn bits(&self) -> usize {
        match self {
            Binarizer::Sign { bits } | Binarizer::Itq { bits, .. } => *bits,
            Binarizer::Learned(learned) => learned.bits(),
        }
    }

    /// Numbers per latent, D.
    pub fn latent_size(&self) -> usize {
        match self {
            Binarizer::Sign { bits } => *bits,
            Binarizer::Itq { mean, .. } => mean.len(),
            Binarizer::Learned(learned) => learned.latent_size(),
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
        let mut scratch = Scratch::default();
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
                Binarizer::Learned(learned) => {
                    learned.project(latent, &mut scratch);
                    pack(&scratch.output, code);
                }
            }
        }
        codes
    }

    /// The bytes to store: rule u8, bits u32, D u32; of a rotation mean `[D]` and weights `[D, bits]`, of a
    /// network the sizes R and H of its layers u32 and then their weights and shifts. Numbers are f32, all is
    /// little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut sizes = vec![self.bits(), self.latent_size()];
        let (rule, numbers) = match self {
            Binarizer::Sign { .. } => (0, Vec::new()),
            Binarizer::Itq { mean, rotation, .. } => (1, [&mean[..], rotation].concat()),
            Binarizer::Learned(learned) => {
                let (layers, numbers) = learned.to_stored();
                sizes.extend(layers);
                (2, numbers)
            }
        };
        let mut bytes = vec![rule];
        for size in sizes {
            bytes.extend((size as u32).to_le_bytes()); // both were checked when it was made, or fit a Vec of f32
        }
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes
    }

    /// The binarizer of [`Binarizer::to_bytes`]; none if the bytes are damaged.
    pub fn from_bytes(bytes: &[u8]) -> Option<Binarizer> {
        let (&rule, rest) = bytes.split_first()?;
        let (words, []) = rest.as_chunks::<4>() else { return None };
        let mut words = words.iter();
        let mut size = || words.next().map(|word| u32::from_le_bytes(*word) as usize);
        let sizes = [size()?, size()?];
        let layers = if rule == 2 { [size()?, size()?] } else { [0; 2] };
        let numbers: Vec<f32> = words.map(|number| f32::from_le_bytes(*number)).collect();
        let [bits, size] = sizes;
        let sound = aesearch_index::BITS.contains(&bits) && numbers.iter().all(|number| number.is_finite());
        match rule {
            0 if sound && size == bits && numbers.is_empty() => Some(Binarizer::Sign { bits }),
            1 if sound && size > 0 && Some(numbers.len()) == size.checked_mul(bits + 1) => {
                let (mean, rotation) = numbers.split_at(size);
                Some(Binarizer::Itq { bits, mean: mean.to_vec(), rotation: rotation.to_vec() })
            }
            2 if sound => {
                let learned = Learned::from_stored([size, bits], layers, &numbers)?;
                Some(Binarizer::Learned(Box::new(learned)))
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

    /// From 40 numbers by way of `reduced` and 5 to 33 bits.
    fn learned(reduced: usize) -> Binarizer {
        let entry = if reduced < 40 { 40 * reduced } else { 0 };
        let lengths = [entry, reduced, reduced * 5, 5, 5 * 33, 33, reduced * 33];
        let numbers: Vec<f32> =
            (0..lengths.iter().sum()).map(|i: usize| ((i * 37 % 23) as f32 - 11.0) / 12.0).collect();
        Binarizer::Learned(Box::new(Learned::from_stored([40, 33], [reduced, 5], &numbers).unwrap()))
    }

    #[test]
    fn a_network_sees_directions_and_cuts_its_output_at_zero() {
        for reduced in [40, 7] {
            let binarizer = learned(reduced);
            assert_eq!(
                (binarizer.bits(), binarizer.latent_size(), binarizer.rule()),
                (33, 40, Rule::Learned)
            );
            let latent: Vec<f32> = (0..40).map(|i| (i % 7) as f32 / 7.0 - 0.4).collect();
            let longer: Vec<f32> = latent.iter().map(|x| 3.0 * x).collect();
            let code = binarizer.binarize(&latent);
            assert_eq!(code, binarizer.binarize(&longer));
            let Binarizer::Learned(network) = &binarizer else { unreachable!() };
            let mut scratch = Scratch::default();
            network.project(&latent, &mut scratch);
            assert!(scratch.output.iter().enumerate().all(|(i, x)| (code[0] >> i & 1 == 1) == (*x > 0.0)));
            assert_eq!(binarizer.binarize(&[0.0; 40]).len(), 1, "a latent of no length has a code");
        }
    }

    #[test]
    fn what_is_stored_is_read_and_damage_is_noticed() {
        for binarizer in [Binarizer::Sign { bits: 64 }, itq(), learned(40), learned(7)] {
            let bytes = binarizer.to_bytes();
            assert_eq!(Binarizer::from_bytes(&bytes).as_ref(), Some(&binarizer));
            assert_eq!(binarizer.sha256().len(), 64);
            for end in [0, 1, 8, bytes.len() - 1, bytes.len() - 4] {
                assert_eq!(Binarizer::from_bytes(&bytes[..end]), None);
            }
            assert_eq!(Binarizer::from_bytes(&[&bytes[..], &[0; 4]].concat()), None);
            for other in (0..4).filter(|rule| *rule != bytes[0]) {
                assert_eq!(Binarizer::from_bytes(&[&[other], &bytes[1..]].concat()), None);
            }
            assert_eq!(Binarizer::from_bytes(&[&bytes[..1], &[0; 4], &bytes[5..]].concat()), None);
        }
        let mut vast = learned(7).to_bytes();
        vast[9..17].fill(0xff); // layers that no memory holds
        assert_eq!(Binarizer::from_bytes(&vast), None);
        let mut infinite = itq().to_bytes();
        let end = infinite.len();
        infinite[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
        assert_eq!(Binarizer::from_bytes(&infinite), None);
    }
}
