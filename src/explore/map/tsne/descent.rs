//! Rounds of gradient descent, from a start to a map.
//!
//! A step keeps a share of the last one (momentum), and each coordinate has a gain of its own that grows
//! while it keeps its direction and shrinks when it turns (Jacobs 1988). As in openTSNE 1.0, down to the
//! order of operations, but with single-precision positions.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::affinity::Affinities;
use super::options::TsneOptions;
use super::repulsion::Repulsion;
use crate::observer::{Observer, Progress};

/// The spread of a start along its widest axis: far below 1, where forces are still linear.
const START_WIDTH: f64 = 1e-4;
/// The noise that is added, as a share of it.
const NOISE: f64 = 0.01;
const MIN_GAIN: f32 = 0.01;
const MAX_STEP: f32 = 5.0;
/// Items per task, and per sum.
const CHUNK: usize = 256;

/// The settings of a phase.
#[derive(Debug, Clone, Copy)]
struct Phase {
    rounds: usize,
    exaggeration: f32,
    momentum: f32,
}

/// The state of all items.
struct State {
    points: Vec<[f32; 2]>,
    steps: Vec<[f32; 2]>, // the last ones
    gains: Vec<[f32; 2]>,
    forces: Vec<[f32; 2]>, // of repulsion
}

/// Runs all rounds; nothing where the observer stops the work.
pub(super) fn descend(
    affinities: &Affinities,
    points: Vec<[f32; 2]>,
    options: &TsneOptions,
    observer: &dyn Observer,
) -> Option<Vec<[f32; 2]>> {
    let n = points.len();
    let mut state =
        State { points, steps: vec![[0.0; 2]; n], gains: vec![[1.0; 2]; n], forces: vec![[0.0; 2]; n] };
    let mut repulsion = Repulsion::default();
    let early = Phase {
        rounds: options.early_rounds,
        exaggeration: options.early_exaggeration,
        momentum: options.early_momentum,
    };
    let main =
        Phase { rounds: options.rounds, exaggeration: options.exaggeration, momentum: options.momentum };
    let (mut done, total) = (0, early.rounds + main.rounds);
    for phase in [early, main] {
        for _ in 0..phase.rounds {
            state.advance(affinities, &mut repulsion, phase);
            done += 1;
            observer.progress(&Progress::of(done, total));
            if observer.should_stop() {
                return None;
            }
        }
    }
    Some(state.points)
}

/// The start, scaled for the descent, with some noise so that no two items have the same position. A start
/// without information (all equal, or not finite) becomes noise.
pub(super) fn placed(start: &[[f32; 2]], seed: u64) -> Vec<[f32; 2]> {
    let n = start.len().max(1) as f64;
    let finite =
        |point: &[f32; 2]| if point.iter().all(|x| x.is_finite()) { point.map(f64::from) } else { [0.0; 2] };
    let mean = [0, 1].map(|axis| start.iter().map(|point| finite(point)[axis]).sum::<f64>() / n);
    let width = |axis: usize| {
        (start.iter().map(|point| (finite(point)[axis] - mean[axis]).powi(2)).sum::<f64>() / n).sqrt()
    };
    let widest = width(0).max(width(1));
    let (scale, noise) =
        if widest > 0.0 { (START_WIDTH / widest, NOISE * START_WIDTH) } else { (0.0, START_WIDTH) };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // uniform, with a standard deviation of 1
    let mut random = || (rng.random::<f64>() - 0.5) * 12f64.sqrt();
    let place = |point: &[f32; 2]| {
        [0, 1].map(|axis| (scale * (finite(point)[axis] - mean[axis]) + noise * random()) as f32)
    };
    start.iter().map(place).collect()
}

/// A placed start, scaled to a width of about 1.
pub(super) fn unscaled(points: Vec<[f32; 2]>) -> Vec<[f32; 2]> {
    points.into_iter().map(|point| point.map(|x| x / START_WIDTH as f32)).collect()
}

impl State {
    fn advance(&mut self, affinities: &Affinities, repulsion: &mut Repulsion, phase: Phase) {
        let n = self.points.len() as f64;
        let z = repulsion.push(&self.points, &mut self.forces);
        let away = (1.0 / z.max(f64::from(f32::MIN_POSITIVE))) as f32; // one item alone has no pairs
        let rate = n as f32 / phase.exaggeration.max(f32::MIN_POSITIVE);
        let points = &self.points;
        let rows = self
            .steps
            .par_chunks_mut(CHUNK)
            .zip(self.gains.par_chunks_mut(CHUNK))
            .zip(self.forces.par_chunks(CHUNK));
        let sums: Vec<[f64; 2]> = rows
            .enumerate()
            .map(|(chunk, ((steps, gains), forces))| {
                let mut sum = [0.0; 2];
                for (i, ((step, gain), force)) in steps.iter_mut().zip(gains).zip(forces).enumerate() {
                    let item = chunk * CHUNK + i;
                    let pull = attraction(points[item], affinities.row(item), points);
                    let gradient = [0, 1].map(|axis| phase.exaggeration * pull[axis] - away * force[axis]);
                    take_step(step, gain, gradient, phase.momentum, rate);
                    [0, 1]
                        .iter()
                        .for_each(|&axis| sum[axis] += f64::from(points[item][axis]) + f64::from(step[axis]));
                }
                sum
            })
            .collect();
        let mean = [0, 1].map(|axis| (sums.iter().map(|sum| sum[axis]).sum::<f64>() / n) as f32);
        let moved = self.points.par_iter_mut().zip(&self.steps).with_min_len(CHUNK * 16);
        moved.for_each(|(point, step)| *point = [0, 1].map(|axis| point[axis] + step[axis] - mean[axis]));
    }
}

/// Updates the gain, then the step.
fn take_step(step: &mut [f32; 2], gain: &mut [f32; 2], gradient: [f32; 2], momentum: f32, rate: f32) {
    for axis in 0..2 {
        // a step goes against its gradient, so equal signs mean that it went too far; as numpy's sign, 0 for
        // 0
        let same = step[axis] * gradient[axis] > 0.0 || (step[axis] == 0.0 && gradient[axis] == 0.0);
        gain[axis] = if same { gain[axis] * 0.8 + MIN_GAIN } else { gain[axis] + 0.2 };
        step[axis] = momentum * step[axis] - rate * gain[axis] * gradient[axis];
    }
    let length = (step[0] * step[0] + step[1] * step[1]).sqrt();
    if length > MAX_STEP {
        *step = step.map(|x| x / length * MAX_STEP);
    }
}

/// The sum over an item's row of p (y - y') / (1 + d^2), eight at a time, which the compiler vectorizes.
fn attraction(here: [f32; 2], (targets, weights): (&[u32], &[f32]), points: &[[f32; 2]]) -> [f32; 2] {
    const LANES: usize = 8;
    let (target_lanes, target_rest) = targets.as_chunks::<LANES>();
    let (weight_lanes, weight_rest) = weights.as_chunks::<LANES>();
    let mut sums = [[0f32; LANES]; 2];
    for (targets, weights) in target_lanes.iter().zip(weight_lanes) {
        let there = targets.map(|target| points[target as usize]);
        for lane in 0..LANES {
            let by = [here[0] - there[lane][0], here[1] - there[lane][1]];
            let pull = weights[lane] / (1.0 + by[0] * by[0] + by[1] * by[1]);
            sums[0][lane] += pull * by[0];
            sums[1][lane] += pull * by[1];
        }
    }
    for (&target, weight) in target_rest.iter().zip(weight_rest) {
        let there = points[target as usize];
        let by = [here[0] - there[0], here[1] - there[1]];
        let pull = weight / (1.0 + by[0] * by[0] + by[1] * by[1]);
        sums[0][0] += pull * by[0];
        sums[1][0] += pull * by[1];
    }
    sums.map(|lanes| lanes.iter().sum())
}
