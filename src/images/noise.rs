//! Noise for images: what denoising models are trained on and shown with.

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// Adds Gaussian noise of standard deviation `sigma` to values in 0..=1, and clips to that range again.
pub fn add_noise(clean: &[f32], sigma: f32, rng: &mut impl Rng) -> Vec<f32> {
    let mut noisy = |x: &f32| (x + sigma * rng.sample::<f32, _>(StandardNormal)).clamp(0.0, 1.0);
    clean.iter().map(&mut noisy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn noise_is_seeded_and_clipped() {
        let clean = vec![0.5; 2000];
        let noisy = add_noise(&clean, 0.5, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(noisy, add_noise(&clean, 0.5, &mut ChaCha8Rng::seed_from_u64(1)));
        assert!(noisy.iter().all(|x| (0.0..=1.0).contains(x)));
        let clipped = noisy.iter().filter(|x| **x == 0.0 || **x == 1.0).count();
        assert!(
            (500..800).contains(&clipped),
            "a normal lies beyond one deviation in 32 of 100 cases: {clipped}"
        );
    }
}
