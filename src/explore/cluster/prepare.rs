//! Latents of many numbers made ready to cluster: centred, turned to the principal directions of the
//! collection, cut to the first of them, and scaled to length 1 again.
//!
//! In a space of a thousand directions all images are about equally far from each other; most directions
//! there are noise, and what all images share hides how they differ. On photos (efficientnet-lite0, 1280
//! numbers) k-means with half of the differences in deviation evened out finds about the right number of
//! clusters; HDBSCAN, which needs density, does better with fewer directions and true distances.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::partition::chosen;
use super::space::Latents;
use crate::encode::Directions;
use crate::error::Result;
use crate::explore::neighbours::dot;
use crate::explore::rows::Rows;

/// Latents of at most so many numbers are clustered as they are.
pub(super) const SMALL: usize = 64;
/// The images that directions are fitted to, at most.
const FITTED: usize = 5000;
/// Images per task.
const CHUNK: usize = 1024;
/// A direction with less than this share of the largest deviation holds rounding errors alone.
const LEAST: f32 = 1e-4;

/// What latents are prepared for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Clusters around centres.
    Centres,
    /// Clusters where images are dense.
    Density,
}

impl Purpose {
    /// The number of directions, and the power of its deviation that each is divided by.
    fn shape(self) -> (usize, f32) {
        match self {
            Purpose::Centres => (32, 0.5),
            Purpose::Density => (16, 0.0),
        }
    }
}

/// The latents of the images, unit vectors; those of more than [`SMALL`] numbers are projected.
///
/// # Errors
/// When the index keeps no latents.
pub(super) fn prepared(rows: &Rows, purpose: Purpose, seed: u64) -> Result<Latents> {
    let size = rows.snapshot().latent_size();
    if size <= SMALL {
        return Ok(Latents { size, values: rows.latents()? });
    }
    let mut sample = Vec::new();
    for row in chosen(rows.len(), FITTED, &mut ChaCha8Rng::seed_from_u64(seed)) {
        let start = sample.len();
        sample.resize(start + size, 0.0);
        rows.write_latent(row, &mut sample[start..]);
    }
    let (count, power) = purpose.shape();
    let projection = Projection::new(Directions::fit(sample, size, count, seed), power);
    // one latent at a time: all of them at full length might not fit into memory
    let mut values = vec![0f32; rows.len() * projection.count()];
    let chunks = values.par_chunks_mut(CHUNK * projection.count()).enumerate();
    chunks.for_each_init(
        || vec![0f32; size],
        |latent, (chunk, values)| {
            for (i, to) in values.chunks_exact_mut(projection.count()).enumerate() {
                rows.write_latent((chunk * CHUNK + i) as u32, latent);
                projection.project(latent, to);
            }
        },
    );
    Ok(Latents { size: projection.count(), values })
}

/// A turn to a few directions, each with a scale of its own.
struct Projection {
    directions: Directions,
    scales: Vec<f32>, // [count]
}

impl Projection {
    fn new(directions: Directions, power: f32) -> Projection {
        let largest = directions.deviations.first().copied().unwrap_or_default();
        let scale = |&deviation: &f32| match deviation > LEAST * largest {
            true => (deviation / largest).powf(-power),
            false => 0.0,
        };
        Projection { scales: directions.deviations.iter().map(scale).collect(), directions }
    }

    fn count(&self) -> usize {
        self.scales.len()
    }

    /// Writes the projection of a latent into `to`, scaled to length 1; all zeros where it is the mean.
    fn project(&self, latent: &[f32], to: &mut [f32]) {
        let Directions { vectors, means, .. } = &self.directions;
        let each = vectors.chunks_exact(latent.len()).zip(means).zip(&self.scales);
        for (to, ((vector, mean), scale)) in to.iter_mut().zip(each) {
            *to = (dot(latent, vector) - mean) * scale;
        }
        let length = dot(to, to).sqrt();
        let unit = if length > 1e-6 { length.recip() } else { 0.0 };
        to.iter_mut().for_each(|x| *x *= unit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_share_and_noise_are_left_out() {
        // 40 points of 70 numbers: far from 0 all, in two groups along the third number, noise along the
        // fifth
        let point = |i: usize| {
            let side = if i.is_multiple_of(2) { 0.3 } else { -0.3 };
            let noise = 0.01 * (i as f32 * 2.4).sin();
            (0..70).map(move |d| if d == 2 { side } else { 1.0 + if d == 4 { noise } else { 0.0 } })
        };
        let latents: Vec<f32> = (0..40).flat_map(point).collect();
        for power in [0.0, 0.5] {
            let projection = Projection::new(Directions::fit(latents.clone(), 70, 8, 0), power);
            let mut points = vec![[0f32; 8]; 40];
            for (point, latent) in points.iter_mut().zip(latents.chunks_exact(70)) {
                projection.project(latent, point);
                assert!((dot(point, point) - 1.0).abs() < 1e-5, "{point:?}");
            }
            assert!(dot(&points[0], &points[2]) > 0.9 && dot(&points[0], &points[1]) < -0.9, "{points:?}");
            let mean: Vec<f32> = (0..70).map(|d| if d == 2 { 0.0 } else { 1.0 }).collect();
            assert!(projection.scales[2..].iter().all(|scale| *scale == 0.0), "{:?}", projection.scales);
            projection.project(&mean, &mut points[0]);
            assert!(points[0].iter().all(|x| x.is_finite()));
        }
    }
}
