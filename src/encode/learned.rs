//! The binarizer that knows a collection: a small network from latents to bits, trained on the collection
//! without labels.
//!
//! ```text
//! latent [D] -> length 1 -> centred, reduced to [R] -> length 1 -+-> hidden [H], ReLU -+-> [bits], cut at zero
//!                                                                +---------------------+
//! ```
//!
//! Here it only runs, in plain loops; `learn` trains it. Its batch normalizations are folded into the
//! weights.

use crate::pca::to_unit;

/// `x W + b`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Affine {
    /// `[inputs, outputs]`, row-major.
    pub(super) weight: Vec<f32>,
    /// `[outputs]`
    pub(super) shift: Vec<f32>,
}

/// A network of one hidden layer from latents to bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    /// Centres latents of length 1, and reduces them to fewer numbers where it has weights.
    pub(super) entry: Affine,
    pub(super) hidden: Affine,
    pub(super) output: Affine,
    /// What goes past the hidden layer, `[R, bits]`, row-major.
    pub(super) past: Vec<f32>,
}

/// Numbers on the way, to be used again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    unit: Vec<f32>,
    reduced: Vec<f32>,
    hidden: Vec<f32>,
    pub(super) output: Vec<f32>,
}

impl Learned {
    /// Bits per code.
    pub(super) fn bits(&self) -> usize {
        self.output.shift.len()
    }

    /// Numbers per latent.
    pub(super) fn latent_size(&self) -> usize {
        self.entry
            .weight
            .len()
            .checked_div(self.entry.shift.len())
            .filter(|size| *size > 0)
            .unwrap_or(self.entry.shift.len())
    }

    /// What is cut at zero, `[bits]`: `scratch.output`.
    pub(super) fn project(&self, latent: &[f32], scratch: &mut Scratch) {
        let Scratch { unit, reduced, hidden, output } = scratch;
        unit.clear();
        unit.extend_from_slice(latent);
        to_unit(unit);
        match self.entry.weight.is_empty() {
            true => {
                reduced.clear();
                reduced.extend(unit.iter().zip(&self.entry.shift).map(|(x, shift)| x + shift));
            }
            false => self.entry.apply(unit, reduced),
        }
        to_unit(reduced);
        self.hidden.apply(reduced, hidden);
        hidden.iter_mut().for_each(|x| *x = x.max(0.0));
        self.output.apply(hidden, output);
        add_product(reduced, &self.past, output);
    }

    /// The sizes and numbers to store: R and H, then weights and shifts in the order of the layers.
    pub(super) fn to_stored(&self) -> ([usize; 2], Vec<f32>) {
        let layers = [&self.entry, &self.hidden, &self.output];
        let numbers =
            layers.iter().flat_map(|layer| layer.weight.iter().chain(&layer.shift)).chain(&self.past);
        ([self.entry.shift.len(), self.hidden.shift.len()], numbers.copied().collect())
    }

    /// What was stored; none where the numbers are not as many as the sizes say. Nothing is allocated by a
    /// size that they do not bear out.
    pub(super) fn from_stored(
        [size, bits]: [usize; 2],
        [reduced, hidden]: [usize; 2],
        numbers: &[f32],
    ) -> Option<Learned> {
        let entry = if reduced == size { 0 } else { size.checked_mul(reduced)? };
        let (inner, outer, past) =
            (reduced.checked_mul(hidden)?, hidden.checked_mul(bits)?, reduced.checked_mul(bits)?);
        let lengths = [entry, reduced, inner, hidden, outer, bits, past];
        let total = lengths.iter().try_fold(0usize, |sum, length| sum.checked_add(*length))?;
        if reduced == 0 || reduced > size || hidden == 0 || total != numbers.len() {
            return None;
        }
        let mut rest = numbers;
        let [a, b, c, d, e, f, past] = lengths.map(|length| {
            let (piece, behind) = rest.split_at(length);
            rest = behind;
            piece.to_vec()
        });
        let [entry, hidden, output] =
            [(a, b), (c, d), (e, f)].map(|(weight, shift)| Affine { weight, shift });
        Some(Learned { entry, hidden, output, past })
    }
}

impl Affine {
    fn apply(&self, input: &[f32], output: &mut Vec<f32>) {
        output.clear();
        output.extend_from_slice(&self.shift);
        add_product(input, &self.weight, output);
    }
}

/// Adds `input` times weights `[inputs, outputs]` to `output`.
fn add_product(input: &[f32], weight: &[f32], output: &mut [f32]) {
    for (x, row) in input.iter().zip(weight.chunks_exact(output.len())) {
        // a ReLU closes about half of them
        if *x != 0.0 {
            output.iter_mut().zip(row).for_each(|(sum, weight)| *sum += x * weight);
        }
    }
}
