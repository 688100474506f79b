//! How well a student follows its teacher, measured on its exported files: which share of the teacher's
//! nearest neighbours its codes keep, and how long both take for an image.

use std::fmt;

use super::data::Dataset;
use super::teacher::image_us;
use crate::encode::{Binarizer, EncodeOptions, Encoder};
use crate::error::Result;
use crate::images::spread;
use crate::model::{BinarizerKind, Metadata, Model};
use crate::pca::to_unit;
use crate::runtime::Runtime;

use rayon::prelude::*;

/// Neighbours that are compared.
const NEAREST: usize = 10;
/// Held-out images among which they are looked for, at most, and at least.
const HELD_OUT: (usize, usize) = (1000, 2 * NEAREST);
/// Training images that a binarizer is fitted to, at most.
const FITTED: usize = 2000;
/// Images that the time is measured on.
const TIMED: usize = 64;

/// How well a student follows its teacher.
#[derive(Debug, Clone, PartialEq)]
pub struct Student {
    /// Name and SHA-256 of the teacher.
    pub teacher: String,
    /// The share, 0 to 1, of the teacher's ten nearest (by the cosine of features) that are among the ten
    /// nearest by the student's codes; none without held-out images.
    pub kept: Option<f64>,
    /// The number of held-out images, each compared with the others.
    pub images: usize,
    /// How long each takes for an image on one thread, in microseconds: student, teacher.
    pub image_us: [f64; 2],
}

impl Student {
    /// Measures `model`, which was trained on `data` with a teacher; none where there was no teacher.
    ///
    /// # Errors
    /// When images cannot be read, or ONNX Runtime fails.
    pub(super) fn measure(
        runtime: &Runtime,
        model: &Model,
        data: &Dataset,
        validation: Option<&Dataset>,
    ) -> Result<Option<Student>> {
        let Some(lessons) = data.lessons() else { return Ok(None) };
        let mut encoder = Encoder::new(runtime, model, &EncodeOptions::default())?;
        let timed = data.batch_outermost(0..data.len().min(TIMED))?;
        let times = [image_us(&mut encoder, &timed)?, lessons.image_us];
        let mut student =
            Student { teacher: lessons.teacher.clone(), kept: None, images: 0, image_us: times };
        let Some((held_out, lessons)) = validation.and_then(|held_out| Some((held_out, held_out.lessons()?)))
        else {
            return Ok(Some(student));
        };
        let ids = spread(held_out.len(), HELD_OUT.0);
        if ids.len() < HELD_OUT.1 {
            return Ok(Some(student));
        }
        let binarizer = fitted_binarizer(&mut encoder, &model.metadata, data)?;
        let codes = binarizer.binarize(&latents(&mut encoder, held_out, &ids)?);
        let mut features = held_out.features(lessons, &ids);
        student.kept = Some(kept(&mut features, lessons.size, &codes));
        student.images = ids.len();
        Ok(Some(student))
    }
}

impl fmt::Display for Student {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [own, teachers] = self.image_us;
        write!(
            f,
            "Teacher: {}, {teachers:.0} µs an image on one thread; this model {own:.0} µs",
            self.teacher
        )?;
        if let Some(kept) = self.kept {
            let percent = 100.0 * kept;
            write!(
                f,
                "; its codes keep {percent:.0} % of the teacher's ten nearest among {} held-out images",
                self.images
            )?;
        }
        Ok(())
    }
}

/// What makes codes of the model's latents, fitted to some of the images it was trained on where it is to be.
pub(super) fn fitted_binarizer(
    encoder: &mut Encoder,
    metadata: &Metadata,
    data: &Dataset,
) -> Result<Binarizer> {
    let (bits, size) = (metadata.bits, metadata.latent_size);
    match metadata.binarizer {
        BinarizerKind::Sign => Binarizer::sign(size, bits),
        BinarizerKind::Itq => {
            let latents = latents(encoder, data, &spread(data.len(), FITTED))?;
            Binarizer::fit_itq(&latents, size, bits, metadata.seed)
        }
    }
}

/// The latents of images `ids`.
pub(super) fn latents(encoder: &mut Encoder, data: &Dataset, ids: &[usize]) -> Result<Vec<f32>> {
    let mut all = vec![];
    for &id in ids {
        all.extend(encoder.encode(&data.batch_outermost(id..id + 1)?)?);
    }
    Ok(all)
}

/// The share of each item's nearest by `features` `[n, size]` that are among its nearest by `codes`, mean
/// over the items. Where codes tie for the last place, each of them has its share of it.
fn kept(features: &mut [f32], size: usize, codes: &[u64]) -> f64 {
    let n = features.len() / size;
    features.chunks_exact_mut(size).for_each(to_unit);
    let (features, words) = (&*features, codes.len() / n);
    let feature = |i: usize| &features[i * size..][..size];
    let code = |i: usize| &codes[i * words..][..words];
    let shares = (0..n).into_par_iter().map(|i| {
        let others = || (0..n).filter(|&j| j != i);
        let cosine = |j: usize| feature(i).iter().zip(feature(j)).map(|(a, b)| a * b).sum::<f32>();
        let mut near: Vec<(f32, usize)> = others().map(|j| (cosine(j), j)).collect();
        near.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let bits = |j: usize| code(i).iter().zip(code(j)).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
        let mut distances: Vec<u32> = others().map(bits).collect();
        distances.sort_unstable();
        let last = distances[NEAREST - 1];
        let before = distances.partition_point(|&d| d < last);
        let tied = distances.partition_point(|&d| d <= last) - before;
        let share = (NEAREST - before) as f64 / tied as f64;
        let of = |d: u32| {
            if d < last {
                1.0
            } else if d == last {
                share
            } else {
                0.0
            }
        };
        near[..NEAREST].iter().map(|&(_, j)| of(bits(j))).sum::<f64>() / NEAREST as f64
    });
    shares.collect::<Vec<f64>>().iter().sum::<f64>() / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_kept_as_far_as_codes_tell_them() {
        // 40 items on a circle, two numbers each
        let circle = |i: usize| (i as f32 * std::f32::consts::TAU / 40.0).sin_cos();
        let features = || (0..40).flat_map(|i| [circle(i).0, circle(i).1]).collect::<Vec<f32>>();
        // the thermometer code of the place on the circle: bit b is set for the 20 items from b on
        let code = |i: usize| (0..40).filter(|b| (i + 40 - b) % 40 < 20).map(|b| 1u64 << b).sum::<u64>();
        let codes: Vec<u64> = (0..40).map(code).collect();
        assert!((kept(&mut features(), 2, &codes) - 1.0).abs() < 1e-9);
        // all codes alike: ten of 39, whichever they are
        assert!((kept(&mut features(), 2, &[0; 40]) - 10.0 / 39.0).abs() < 1e-9);
        // neighbours on the circle as far apart as can be
        let scattered: Vec<u64> = (0..40).map(|i| code(i * 17 % 40)).collect();
        assert!(kept(&mut features(), 2, &scattered) < 0.4);
    }
}
