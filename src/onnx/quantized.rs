//! What int8 needs of the graph builder: numbers rounded to 8 bits on their way, and weights stored in 8 bits.
//!
//! Everything is a pair of QuantizeLinear and DequantizeLinear, or the latter alone over a constant. ONNX
//! Runtime makes one integer operator of a convolution or a sum between such nodes; run one by one they give
//! the same up to rounding.

use super::fields::int;
use super::graph::{Graph, Value};
use super::messages::data_type;

/// What numbers of 8 bits stand for: `scale * (q - zero)`, q in 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Between two neighbouring numbers.
    pub scale: f32,
    /// What stands for 0, which is always among them.
    pub zero: u8,
}

impl Affine {
    /// From the smallest to the largest number, and 0.
    pub fn covering(low: f32, high: f32) -> Affine {
        let (low, high) = (low.min(0.0), high.max(0.0));
        let scale = (high - low) / 255.0;
        if !(scale.is_finite() && scale > 0.0) {
            return Affine { scale: 1.0, zero: 0 };
        }
        Affine { scale, zero: (-low / scale).round() as u8 }
    }

    /// The nearest number that 8 bits stand for.
    pub fn round(self, x: f32) -> f32 {
        let zero = f32::from(self.zero);
        ((x / self.scale).round_ties_even() + zero).clamp(0.0, 255.0) * self.scale - zero * self.scale
    }
}

impl Graph {
    /// `x` rounded to 8 bits.
    pub fn rounded(&mut self, x: &Value, affine: Affine) -> Value {
        let scale = self.scalar(affine.scale);
        let zero = self.shared_constant(data_type::UINT8, &[], vec![affine.zero]);
        let bits = self.node("QuantizeLinear", &[x, &scale, &zero], vec![], x.shape().to_vec());
        self.node("DequantizeLinear", &[&bits, &scale, &zero], vec![], x.shape().to_vec())
    }

    /// A weight stored in 8 bits, with a scale for each entry of its first dimension.
    pub fn int8_weight(&mut self, name: &str, dims: &[usize], data: &[i8], scales: &[f32]) -> Value {
        assert_eq!(dims.iter().product::<usize>(), data.len(), "weight {name}");
        let bytes = data.iter().map(|x| x.cast_unsigned()).collect();
        let stored = self.stored(data_type::INT8, name, dims, bytes);
        self.scaled(&stored, scales, (data_type::INT8, 1))
    }

    /// The same in 32 bits: a bias.
    pub fn int32_weight(&mut self, name: &str, data: &[i32], scales: &[f32]) -> Value {
        let bytes = data.iter().flat_map(|x| x.to_le_bytes()).collect();
        let stored = self.stored(data_type::INT32, name, &[data.len()], bytes);
        self.scaled(&stored, scales, (data_type::INT32, 4))
    }

    fn scaled(&mut self, stored: &Value, scales: &[f32], (kind, bytes): (i32, usize)) -> Value {
        assert_eq!(stored.size(0), scales.len(), "scales of {}", stored.name());
        let zeros = self.shared_constant(kind, &[scales.len()], vec![0; bytes * scales.len()]);
        let scales = self.constant(&[scales.len()], scales);
        let shape = stored.shape().to_vec();
        self.node("DequantizeLinear", &[stored, &scales, &zeros], vec![int("axis", 0)], shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bits_cover_the_range_and_zero() {
        for (low, high) in [(-1.0, 3.0), (0.5, 6.0), (-2.0, -1.0), (0.0, 0.0), (f32::NAN, f32::NAN)] {
            let affine = Affine::covering(low, high);
            assert_eq!(affine.round(0.0), 0.0, "{low} to {high}");
            for x in [low, high].into_iter().filter(|x| x.is_finite()) {
                assert!((affine.round(x) - x).abs() <= affine.scale, "{x} of {low} to {high}");
            }
        }
        let six = Affine::covering(0.0, 6.0);
        assert_eq!((six.round(7.0), six.round(-1.0)), (six.scale * 255.0, 0.0));
    }
}
