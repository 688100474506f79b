//! The loss by which every family is trained and judged.

/// Probabilities are kept this far from 0 and 1, as Keras does.
const CLIP: f64 = 1e-7;

/// Binary cross-entropy of reconstructions against their originals, both in 0..=1, summed over the pixels, in
/// nats.
/// Grey pixels always cost something: the least for a pixel x is its own entropy, 0.69 at 0.5.
pub fn cross_entropy(originals: &[f32], reconstructions: &[f32]) -> f64 {
    let of_pixel = |(&x, &q): (&f32, &f32)| {
        let (x, q) = (f64::from(x), f64::from(q).clamp(CLIP, 1.0 - CLIP));
        -(x * q.ln() + (1.0 - x) * (1.0 - q).ln())
    };
    originals.iter().zip(reconstructions).map(of_pixel).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sure_and_right_is_free_and_sure_and_wrong_is_dear_but_finite() {
        assert!(cross_entropy(&[0.0, 1.0], &[0.0, 1.0]) < 1e-6);
        assert!((cross_entropy(&[0.0, 1.0], &[0.5, 0.5]) - 2.0 * std::f64::consts::LN_2).abs() < 1e-9);
        assert!((10.0..20.0).contains(&cross_entropy(&[1.0], &[0.0])));
        assert_eq!(cross_entropy(&[], &[]), 0.0);
    }
}
