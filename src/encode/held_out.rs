//! Which binarizer a collection is to have: the trained network, unless by it far fewer neighbours of latents
//! that it never saw survive than by ITQ. No labels are needed.
//!
//! That fewer survive is no fault in itself: what the network gives up are differences within a kind. By
//! labels of folders it was better in 23 of 28 trials (300 to 4,000 photos of five collections, 64 and 128
//! bits), by 2 to 26 % mAP, also where ITQ kept four tenths more; worse where a kind has only two to seven
//! images. No measure without labels foresaw either. A network whose training failed keeps hardly any.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nalgebra::DMatrix;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Binarizer, LearnOptions};
use crate::error::{Error, Result};
use crate::observer::Observer;
use crate::pca::{sample, to_unit};

/// The most latents that are held out; one in ten where there are few.
const HELD_OUT: usize = 1000;
/// How sharply the likelihood of a neighbour falls off with the cosine of latents, which is divided by it.
const SHARPNESS: f32 = 0.04;
/// The same for the cosine of codes: each binarizer is judged by the best of these. Sharper ones reward what
/// is left of distances between near duplicates, and ITQ always, even where labels say otherwise.
const CODE_SHARPNESS: [f64; 6] = [0.1, 0.15, 0.2, 0.25, 0.3, 0.4];
/// The network is used as long as this share of what survives by ITQ survives by it.
const ENOUGH: f32 = 0.5;

/// Numbers in all latents, where both trainings run at a time: more would take memory, and the time for them does
/// not grow with the collection.
const FEW_VALUES: usize = 1 << 22;

/// How much of the neighbourhood of latents survives that were held out, 0 to 1: e to the minus
/// Kullback-Leibler divergence of neighbours drawn by codes from those drawn by latents, mean over the
/// latents.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Survival {
    /// By the trained network.
    pub learned: f32,
    /// By the rotation.
    pub itq: f32,
}

impl Survival {
    /// Whether enough survives by the network for it to be used.
    fn favours_learned(&self) -> bool {
        self.learned >= ENOUGH * self.itq
    }
}

/// The binarizer that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// It.
    pub binarizer: Binarizer,
    /// How well each did.
    pub survival: Survival,
    /// How long a second thread worked at it.
    pub beside: Duration,
}

/// Trains a network and fits a rotation to latents [N, D] without some that are held out; then gives one of
/// the two, fitted to all: the network, if by it at least half as much of the neighbourhoods of those held
/// out survives. On two threads the network that is fitted to all is trained at the same time, where [`at_once`] says
/// so.
///
/// # Errors
/// As [`Binarizer::fit_learned`].
pub fn learned_or_itq(latents: &[f32], latent_size: usize, options: &LearnOptions<'_>) -> Result<Trial> {
    let LearnOptions { bits, seed, threads, .. } = *options;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let sample = sample(latents, latent_size, &mut rng);
    let mut order: Vec<usize> = (0..sample.ncols()).collect();
    order.shuffle(&mut rng);
    let (held, base) = order.split_at(HELD_OUT.min(order.len() / 10));
    let of = |chosen: &[usize]| -> Vec<f32> {
        chosen.iter().flat_map(|&column| sample.column(column).iter().copied().collect::<Vec<_>>()).collect()
    };
    let (held, base) = (of(held), of(base));
    let (learned, of_all, beside) = match at_once(latents.len(), threads) {
        false => (Binarizer::fit_learned(&base, latent_size, options)?, None, Duration::ZERO),
        true => learn_both(&base, latents, latent_size, options)?,
    };
    let itq = Binarizer::fit_itq(&base, latent_size, bits, seed)?;
    let likely = likelihoods(&base, &held, latent_size);
    let [by_learned, by_itq] = [&learned, &itq].map(|binarizer| {
        let [base, held] = [&base, &held].map(|latents| binarizer.binarize(latents));
        surviving(&likely, [&base, &held], bits)
    });
    let survival = Survival { learned: by_learned, itq: by_itq };
    let binarizer = match survival.favours_learned() {
        true => match of_all {
            Some(of_all) => of_all?,
            None => Binarizer::fit_learned(latents, latent_size, options)?,
        },
        false => Binarizer::fit_itq(latents, latent_size, bits, seed)?,
    };
    Ok(Trial { binarizer, survival, beside })
}

/// Whether both trainings of [`learned_or_itq`] run at a time, on so many threads and latents of so many numbers in all.
pub fn at_once(n_values: usize, threads: usize) -> bool {
    threads > 1 && n_values <= FEW_VALUES
}

/// Networks trained on a part of the latents and on all of them at a time, and how long the first took.
fn learn_both(
    part: &[f32],
    all: &[f32],
    latent_size: usize,
    options: &LearnOptions<'_>,
) -> Result<(Binarizer, Option<Result<Binarizer>>, Duration)> {
    let LearnOptions { bits, seed, threads, runtime, .. } = *options;
    let is_over = AtomicBool::new(false);
    let of_part = || {
        let start = Instant::now();
        let options = LearnOptions { bits, seed, threads, runtime, observer: &Until(&is_over) };
        (Binarizer::fit_learned(part, latent_size, &options), start.elapsed())
    };
    thread::scope(|scope| {
        let of_part = scope.spawn(of_part);
        let of_all = Binarizer::fit_learned(all, latent_size, options);
        is_over.store(matches!(of_all, Err(Error::Interrupted)), Ordering::Relaxed);
        let (of_part, took) =
            of_part.join().map_err(|_| Error::runtime("learning codes: a thread ended early"))?;
        Ok((of_part?, Some(of_all), took))
    })
}

/// Hears nothing, and stops when it is over.
struct Until<'a>(&'a AtomicBool);

impl Observer for Until<'_> {
    fn should_stop(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How likely each latent of `base` is drawn as the neighbour of a held-out one, by the cosine of what is
/// left without their mean: `[n, held]`, columns sum to 1.
fn likelihoods(base: &[f32], held: &[f32], latent_size: usize) -> DMatrix<f32> {
    let [mut base, mut held] = [base, held].map(|latents| {
        let mut columns = DMatrix::from_column_slice(latent_size, latents.len() / latent_size, latents);
        columns.column_iter_mut().for_each(|mut column| to_unit(column.as_mut_slice()));
        columns
    });
    let mean = base.column_mean();
    for latents in [&mut base, &mut held] {
        for mut column in latents.column_iter_mut() {
            column -= &mean;
            to_unit(column.as_mut_slice());
        }
    }
    let mut likely = base.transpose() * held; // as a plain product it is quick
    for mut column in likely.column_iter_mut() {
        let top = column.max();
        column.iter_mut().for_each(|x| *x = ((*x - top) / SHARPNESS).exp());
        let sum = column.sum();
        column /= sum;
    }
    likely
}

/// How much of `likely` survives in codes of `base` and `held`.
fn surviving(likely: &DMatrix<f32>, [base, held]: [&[u64]; 2], bits: usize) -> f32 {
    let words = aesearch_index::words(bits);
    let cosine = |distance: usize| 1.0 - 2.0 * distance as f64 / bits as f64;
    let mut divergence = [0.0; CODE_SHARPNESS.len()];
    for (likely, code) in likely.column_iter().zip(held.chunks_exact(words)) {
        // all codes at one distance are equally likely
        let (mut count, mut mass) = (vec![0.0f64; bits + 1], vec![0.0f64; bits + 1]);
        let mut certainty = 0.0;
        for (p, other) in likely.iter().zip(base.chunks_exact(words)) {
            let distance: u32 = code.iter().zip(other).map(|(a, b)| (a ^ b).count_ones()).sum();
            let p = f64::from(*p);
            count[distance as usize] += 1.0;
            mass[distance as usize] += p;
            certainty += if p > 0.0 { p * p.ln() } else { 0.0 };
        }
        for (sum, sharpness) in divergence.iter_mut().zip(CODE_SHARPNESS) {
            let by_distance = |values: &[f64], of: &dyn Fn(f64) -> f64| -> f64 {
                values.iter().enumerate().map(|(distance, x)| x * of(cosine(distance) / sharpness)).sum()
            };
            let all = by_distance(&count, &|score| (score - 1.0 / sharpness).exp()).ln() + 1.0 / sharpness;
            *sum += certainty + all - by_distance(&mass, &|score| score);
        }
    }
    let least = divergence.into_iter().fold(f64::INFINITY, f64::min);
    (-least / likely.ncols().max(1) as f64).exp() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 32 directions around a circle, and codes of 32 bits that go round with them: `turn` bits per step.
    fn circle(turn: usize) -> (Vec<f32>, Vec<u64>) {
        let angle = |i: usize| i as f32 / 32.0 * std::f32::consts::TAU;
        let latents = (0..32).flat_map(|i| [angle(i).cos(), angle(i).sin()]).collect();
        let code = |i: usize| u64::from(0xffffu32.rotate_left((i * turn % 32) as u32));
        (latents, (0..32).map(code).collect())
    }

    #[test]
    fn a_network_that_keeps_less_than_half_is_not_used() {
        let favours = |learned, itq| Survival { learned, itq }.favours_learned();
        assert!(favours(0.2, 0.1) && favours(0.16, 0.3) && !favours(0.14, 0.3));
    }

    #[test]
    fn codes_with_the_neighbours_of_the_latents_let_them_survive() {
        let (latents, round) = circle(1);
        let likely = likelihoods(&latents, &latents, 2);
        assert!(likely.column_iter().all(|column| (column.sum() - 1.0).abs() < 1e-4));
        assert!(likely[(0, 0)] > likely[(1, 0)] && likely[(1, 0)] > 10.0 * likely[(9, 0)]);
        let [round, mixed, same] =
            [round, circle(11).1, vec![5; 32]].map(|codes| surviving(&likely, [&codes, &codes], 32));
        assert!(round > 2.0 * mixed && mixed > 0.0 && round < 1.0, "{round} {mixed}");
        // codes that are all the same draw each of 32 as likely as another
        let certainty: f64 =
            likely.iter().filter(|p| **p > 0.0).map(|p| f64::from(p * p.ln())).sum::<f64>() / 32.0;
        assert!((f64::from(same) - (-certainty - 32f64.ln()).exp()).abs() < 1e-4, "{same}");
    }
}
