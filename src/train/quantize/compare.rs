//! An encoder in int8 beside the one it was made from: the neighbours that it keeps, and the time it takes.

use std::time::Instant;

use super::request::Comparison;
use super::samples::{Images, each, open, run_one};
use crate::error::Result;
use crate::observer::{Observer, Stage};
use crate::pca::to_unit;
use crate::runtime::{Runtime, Session};
use crate::train::evaluate::only;

/// Neighbours of an image.
const NEAREST: usize = 10;
/// Runs of each encoder that are timed, alternately; the median counts.
const TIMED: usize = 31;

/// Compares `encoders`, in floats and in int8.
pub(super) fn compare(
    runtime: &Runtime,
    encoders: [&[u8]; 2],
    images: &Images<'_>,
    observer: &dyn Observer,
) -> Result<Comparison> {
    let latents = |encoder: &[u8]| {
        observer.stage(Stage::images("comparing"));
        each(runtime, encoder, images, observer, |_, outputs| {
            let mut latent = only(outputs)?.data().to_vec();
            to_unit(&mut latent);
            Ok(latent)
        })
    };
    let [float, int8] = [nearest(&latents(encoders[0])?), nearest(&latents(encoders[1])?)];
    let milliseconds = times([&mut open(runtime, encoders[0])?, &mut open(runtime, encoders[1])?], images)?;
    let bytes = encoders.map(<[u8]>::len);
    Ok(Comparison { overlap: overlap(&float, &int8), held_out: images.ids.len(), milliseconds, bytes })
}

/// For each latent of length 1 the numbers of its nearest others.
fn nearest(latents: &[Vec<f32>]) -> Vec<Vec<usize>> {
    let of = |i: usize| {
        let cosine = |j: usize| latents[i].iter().zip(&latents[j]).map(|(a, b)| a * b).sum::<f32>();
        let mut others: Vec<(f32, usize)> =
            (0..latents.len()).filter(|&j| j != i).map(|j| (cosine(j), j)).collect();
        others.sort_by(|(a, i), (b, j)| b.total_cmp(a).then(i.cmp(j)));
        others.into_iter().take(NEAREST).map(|(_, j)| j).collect()
    };
    (0..latents.len()).map(of).collect()
}

/// The share of the neighbours by `a` that are neighbours by `b`.
fn overlap(a: &[Vec<usize>], b: &[Vec<usize>]) -> f64 {
    let both = a.iter().zip(b).map(|(a, b)| a.iter().filter(|i| b.contains(i)).count()).sum::<usize>();
    both as f64 / a.iter().map(Vec::len).sum::<usize>().max(1) as f64
}

/// Medians of the milliseconds for one image.
fn times(mut sessions: [&mut Session; 2], images: &Images<'_>) -> Result<[f64; 2]> {
    let mut seconds = [vec![], vec![]];
    for i in images.ids.clone().cycle().take(TIMED) {
        for (seconds, session) in seconds.iter_mut().zip(&mut sessions) {
            let start = Instant::now();
            run_one(session, images.data, i)?;
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    Ok(seconds.map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        1e3 * seconds[seconds.len() / 2]
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_the_share_of_the_ten_nearest() {
        let around = |step: f32| -> Vec<Vec<f32>> {
            (0..40).map(|i| (i as f32 * step).sin_cos()).map(|(y, x)| vec![x, y]).collect()
        };
        let line = nearest(&around(0.01));
        assert_eq!(line[0], (1..=10).collect::<Vec<_>>());
        assert_eq!(overlap(&line, &nearest(&around(0.02))), 1.0);
        let mut other = around(0.01);
        other.swap(0, 39);
        let kept = overlap(&line, &nearest(&other));
        assert!(kept > 0.8 && kept < 0.99, "{kept}");
    }
}
