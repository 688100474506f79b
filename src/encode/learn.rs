//! Training the binarizer `learned` on latents of a collection, without labels.
//!
//! ```text
//! sample [D, n] -> length 1, centred, first directions, length 1 -> [R, n] -+-> batches, two views by dropout
//!    one ONNX graph: head of each view -> half codes -> who is near to whom -> gradients -> Adam, round by round
//! -> normalizations of the whole sample folded into the weights -> Learned
//! ```
//!
//! Codes are to have the neighbours that the latents have, and two views of a latent the same code. The
//! network starts as ITQ: its hidden layer adds nothing yet to what goes past it. The step runs on one thread
//! of the processor and everything that is drawn comes from the seed, so that the same latents give the same
//! bytes.

use nalgebra::{DMatrix, DVector};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Binarizer;
use super::itq::check_sample;
use super::learned::{Affine, Learned};
use crate::autodiff::{
    Adam, Feature, Tape, Temperatures, adam_pace, add, batch_norm, cosines, dense, half_codes, own_view,
    relu, soft_neighbours, weighted_sum,
};
use crate::error::{Error, Result};
use crate::model::{BATCH_NORM_EPSILON, Extent};
use crate::observer::{Observer, Progress, Stage};
use crate::onnx::{Value, batch, fixed};
use crate::pca::{MAX_FIT, principal_directions, sample, to_unit};
use crate::runtime::{Device, Input, Runtime, SessionOptions, Tensor};

/// Larger latents are reduced to this many numbers first.
const REDUCED: usize = 256;
const HIDDEN: usize = 512;
/// Few latents would be learned by heart: below this, training is gentle.
const MANY: usize = 1200;
/// The most latents in a batch; fewer than twice as many make batches of their half.
const BATCH: usize = 512;
/// Fewer latents than this teach nothing about a collection.
pub const FEWEST_TO_LEARN: usize = 64;
/// The share of numbers that each view lacks.
const DROPOUT: f32 = 0.2;
const TEMPERATURES: Temperatures<'_> = Temperatures { wanted: &[(0.7, 0.04), (0.3, 0.2)], had: 0.3 };
/// Weight of the likeness of two views beside the neighbours.
const VIEWS: f32 = 0.1;
const DECAY: f64 = 1e-4;

/// How long and how fast to train; the time it takes does not grow with the collection.
#[derive(Clone, Copy)]
struct Schedule {
    steps: usize,
    /// The highest learning rate.
    rate: f64,
}

impl Schedule {
    fn of(n_latents: usize) -> Schedule {
        match n_latents < MANY {
            true => Schedule { steps: 60, rate: 3e-3 },
            false => Schedule { steps: 300, rate: 2e-2 },
        }
    }

    /// The learning rate of a step: up for three tenths of the steps, then down, both by a cosine (Smith &
    /// Topin, "Super-Convergence", 2018).
    fn rate_of(self, step: usize) -> f64 {
        let (first, last) = (self.rate / 25.0, self.rate / 250_000.0);
        let turn = (0.3 * self.steps as f64 - 1.0).max(1.0);
        let between = |from: f64, to: f64, share: f64| {
            to + (from - to) / 2.0 * (1.0 + (std::f64::consts::PI * share.clamp(0.0, 1.0)).cos())
        };
        let step = step as f64;
        match step <= turn {
            true => between(first, self.rate, step / turn),
            false => between(self.rate, last, (step - turn) / (self.steps as f64 - 1.0 - turn).max(1.0)),
        }
    }
}

/// How much work it is to learn codes from so many latents, in a unit of its own: for the time that it takes.
pub fn learning_work(n_latents: usize) -> f64 {
    let n = n_latents.min(MAX_FIT);
    (Schedule::of(n).steps * BATCH.min(n / 2)) as f64
}

/// How to train on a collection.
#[derive(Clone, Copy)]
pub struct LearnOptions<'a> {
    /// Bits per code.
    pub bits: usize,
    /// Decides sample, first weights, order and views.
    pub seed: u64,
    /// Threads; each training runs on one.
    pub threads: usize,
    /// Runs the training.
    pub runtime: &'a Runtime,
    /// Hears how it goes, and can stop it.
    pub observer: &'a dyn Observer,
}

impl Binarizer {
    /// Trains a head on latents [N, D], of which a seeded sample of at most [`MAX_FIT`](super::MAX_FIT) is
    /// used.
    ///
    /// # Errors
    /// When there are fewer latents than teach anything, `bits` is more than D, a latent holds a number that
    /// is not finite, the observer stops it, or ONNX Runtime fails.
    pub fn fit_learned(latents: &[f32], latent_size: usize, options: &LearnOptions<'_>) -> Result<Binarizer> {
        check_sample(latents, latent_size, options.bits)?;
        let n_latents = latents.len() / latent_size;
        if n_latents < FEWEST_TO_LEARN {
            let what = format!("latents to learn from: expected at least {FEWEST_TO_LEARN}, got {n_latents}");
            return Err(Error::invalid(what).with_hint("use `itq`, or more images"));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        let (entry, points) = enter(sample(latents, latent_size, &mut rng), &mut rng);
        let head = train(&points, options, &mut rng)?;
        Ok(Binarizer::Learned(Box::new(head.fold(entry, &points))))
    }
}

/// The way into the network, fitted to a sample [D, n], and the sample behind it, [R, n].
fn enter(mut sample: DMatrix<f32>, rng: &mut ChaCha8Rng) -> (Affine, DMatrix<f32>) {
    sample.column_iter_mut().for_each(|mut column| to_unit(column.as_mut_slice()));
    let mean = sample.column_mean();
    sample.column_iter_mut().for_each(|mut column| column -= &mean);
    let (entry, mut points) = if sample.nrows() > REDUCED {
        let directions = principal_directions(&sample, REDUCED, rng); // [D, R]
        let shift = -(directions.tr_mul(&mean));
        let points = directions.transpose() * &sample;
        let weight = directions.transpose().as_slice().to_vec(); // column-major transposed: row-major
        (Affine { weight, shift: shift.as_slice().to_vec() }, points)
    } else {
        (Affine { weight: vec![], shift: (-mean).as_slice().to_vec() }, sample)
    };
    points.column_iter_mut().for_each(|mut column| to_unit(column.as_mut_slice()));
    (entry, points)
}

/// The weights of a head as they are trained.
struct Head {
    /// `[H, R]`
    hidden: DMatrix<f32>,
    /// Scale and shift behind the first normalization, `[H]` each.
    scale: DVector<f32>,
    shift: DVector<f32>,
    /// `[bits, H]`
    output: DMatrix<f32>,
    /// `[bits, R]`
    past: DMatrix<f32>,
}

impl Head {
    /// The network behind `entry`, with the normalizations of all `points` [R, n] folded in.
    fn fold(self, entry: Affine, points: &DMatrix<f32>) -> Learned {
        let (mean, inverse) = statistics(&(&self.hidden * points));
        let scale = self.scale.component_mul(&inverse);
        let hidden = scaled(self.hidden, &scale); // [H, R]
        let shift = self.shift - mean.component_mul(&scale);
        let mut activations = &hidden * points; // [H, n]
        for mut column in activations.column_iter_mut() {
            column += &shift;
            column.iter_mut().for_each(|x| *x = x.max(0.0));
        }
        let (mean, inverse) = statistics(&(&self.output * activations + &self.past * points));
        let output = scaled(self.output, &inverse);
        let past = scaled(self.past, &inverse).as_slice().to_vec();
        // [outputs, inputs] column-major is [inputs, outputs] row-major
        let affine = |weight: DMatrix<f32>, shift: DVector<f32>| Affine {
            weight: weight.as_slice().to_vec(),
            shift: shift.as_slice().to_vec(),
        };
        let (hidden, output) = (affine(hidden, shift), affine(output, -mean.component_mul(&inverse)));
        Learned { entry, hidden, output, past }
    }
}

/// Mean, and one over the deviation, of each row.
fn statistics(values: &DMatrix<f32>) -> (DVector<f32>, DVector<f32>) {
    let n = values.ncols().max(1) as f64;
    let row = |i: usize| {
        let mean = values.row(i).iter().map(|x| f64::from(*x)).sum::<f64>() / n;
        let square = |x: &f32| (f64::from(*x) - mean).powi(2);
        (mean, values.row(i).iter().map(square).sum::<f64>() / n)
    };
    let rows: Vec<(f64, f64)> = (0..values.nrows()).map(row).collect();
    let inverse = |variance: f64| 1.0 / (variance + f64::from(BATCH_NORM_EPSILON)).sqrt();
    (
        DVector::from_iterator(rows.len(), rows.iter().map(|(mean, _)| *mean as f32)),
        DVector::from_iterator(rows.len(), rows.iter().map(|(_, variance)| inverse(*variance) as f32)),
    )
}

/// Each row times its own factor.
fn scaled(mut matrix: DMatrix<f32>, factors: &DVector<f32>) -> DMatrix<f32> {
    matrix.column_iter_mut().for_each(|mut column| column.component_mul_assign(factors));
    matrix
}

/// Trains a head on `points` [R, n], columns of length 1.
fn train(points: &DMatrix<f32>, options: &LearnOptions<'_>, rng: &mut ChaCha8Rng) -> Result<Head> {
    let LearnOptions { bits, runtime, observer, .. } = *options;
    let (inputs, n) = points.shape();
    let size = BATCH.min(n / 2);
    let (schedule, rounds, dims) = (Schedule::of(n), n / size, [inputs, size]);
    let on_one_core = SessionOptions {
        threads: 1,
        device: Device::Cpu,
        flush_denormals: true,
        ..SessionOptions::default()
    };
    let mut session = runtime.session(&training_step(inputs, bits), &on_one_core)?;
    let first = initial(points, bits, rng)?;
    let flat = |values: Vec<f32>| Tensor::new(&[values.len()], values);
    let zeros = || flat(vec![0.0; first.len()]);
    let mut state = [flat(first.clone())?, zeros()?, zeros()?]; // parameters, and Adam's moments
    let mut order: Vec<usize> = (0..n).collect();
    let [mut x, mut a, mut b] = [(); 3].map(|()| vec![0.0; inputs * size]);
    observer.stage(Stage::new("learning codes", "steps"));
    for step in 0..schedule.steps {
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
        if step % rounds == 0 {
            order.shuffle(rng);
        }
        gather(points, &order[step % rounds * size..][..size], &mut x);
        [&mut a, &mut b].into_iter().for_each(|view| drop_out(&x, view, rng));
        let rate = schedule.rate_of(step);
        let [pace, epsilon] = adam_pace(step as u32 + 1, rate); // some hundreds
        let scalars = [("rate", [pace]), ("epsilon", [epsilon]), ("decay", [(rate * DECAY) as f32])];
        let [parameters, m, v] = &state;
        let batch = [("x", &x), ("a", &a), ("b", &b)].map(|(name, data)| (name, Input::Slice(&dims, data)));
        let state_before = [("parameters", parameters), ("m", m), ("v", v)];
        let mut given: Vec<(&str, Input<'_>)> = batch.to_vec();
        given.extend(state_before.map(|(name, tensor)| (name, Input::Tensor(tensor))));
        given.extend(scalars.iter().map(|(name, x)| (*name, Input::Slice(&[], x))));
        let next = session.run(&given)?;
        state = next.try_into().map_err(|_| Error::runtime("learning step: expected three outputs"))?;
        observer.progress(&Progress::of(step + 1, schedule.steps));
    }
    let trained = state[0].data();
    if trained.iter().any(|x| !x.is_finite()) {
        return Err(Error::training("learned codes: the weights are not finite any more"));
    }
    let mut rest = trained;
    let [hidden, scale, shift, output, past] = sizes(inputs, bits).map(|length| {
        let (piece, behind) = rest.split_at(length);
        rest = behind;
        piece
    });
    Ok(Head {
        hidden: DMatrix::from_row_slice(HIDDEN, inputs, hidden),
        scale: DVector::from_column_slice(scale),
        shift: DVector::from_column_slice(shift),
        output: DMatrix::from_row_slice(bits, HIDDEN, output),
        past: DMatrix::from_row_slice(bits, inputs, past),
    })
}

/// Sizes of the tensors in the flat vector of parameters: hidden weights, scale, shift, weights of the output
/// and of what goes past.
fn sizes(inputs: usize, bits: usize) -> [usize; 5] {
    [HIDDEN * inputs, HIDDEN, HIDDEN, bits * HIDDEN, bits * inputs]
}

/// Fresh parameters: hidden weights within one over the root of the inputs, and ITQ of `points` past them.
fn initial(points: &DMatrix<f32>, bits: usize, rng: &mut ChaCha8Rng) -> Result<Vec<f32>> {
    let inputs = points.nrows();
    let [hidden, scale, shift, output, _] = sizes(inputs, bits);
    let bound = 1.0 / (inputs as f32).sqrt();
    let hidden: Vec<f32> = (0..hidden).map(|_| rng.random_range(-bound..bound)).collect();
    let itq = Binarizer::fit_itq(points.as_slice(), inputs, bits, rng.random())?;
    let Binarizer::Itq { rotation, .. } = itq else {
        return Err(Error::training("no rotation to start from"));
    };
    let mut past = DMatrix::from_column_slice(bits, inputs, &rotation); // [R, bits] row-major, transposed
    let deviation = (&past * points).variance().sqrt();
    past /= deviation.max(1e-6);
    let past = past.transpose().as_slice().to_vec(); // [bits, R] row-major
    Ok([hidden, vec![1.0; scale], vec![0.0; shift], vec![0.0; output], past].concat())
}

/// Columns of `points` as a batch, `[R, N]` row-major.
fn gather(points: &DMatrix<f32>, chosen: &[usize], batch: &mut [f32]) {
    for (at, &column) in chosen.iter().enumerate() {
        for (row, x) in points.column(column).iter().enumerate() {
            batch[row * chosen.len() + at] = *x;
        }
    }
}

/// The batch without a share of its numbers, the others larger by as much.
fn drop_out(x: &[f32], view: &mut [f32], rng: &mut ChaCha8Rng) {
    for (out, x) in view.iter_mut().zip(x) {
        *out = if rng.random::<f32>() < DROPOUT { 0.0 } else { x / (1.0 - DROPOUT) };
    }
}

/// One round as a graph: `x`, and its views `a` and `b`, `[R, N]`, and the state, to the next state.
fn training_step(inputs: usize, bits: usize) -> Vec<u8> {
    let mut tape = Tape::default();
    let g = &mut tape.graph;
    let [x, a, b] = ["x", "a", "b"].map(|name| g.input(name, vec![fixed(inputs), batch(1)]));
    let sizes = sizes(inputs, bits);
    let state = ["parameters", "m", "v"].map(|name| g.input(name, vec![fixed(sizes.iter().sum())]));
    let [rate, epsilon, decay] = ["rate", "epsilon", "decay"].map(|name| g.input(name, vec![]));
    let tensors = g.split(&state[0], &sizes);
    let codes = [a, b].map(|view| head(&mut tape, view, inputs, &tensors, bits));
    let cosines = cosines(&mut tape, [&codes[0], &codes[1]]);
    let neighbours = soft_neighbours(&mut tape, &cosines, &x, TEMPERATURES);
    let views = own_view(&mut tape, &cosines, TEMPERATURES.had);
    let weight = tape.graph.scalar(VIEWS);
    let loss = weighted_sum(&mut tape, &neighbours, &views, &weight);
    let gradients: Vec<Value> = tape.backward(&loss, &tensors).into_iter().flatten().collect();
    let g = &mut tape.graph;
    let gradient = g.concat(&gradients, 0);
    let next = Adam { rate, epsilon, decay: Some(decay) }.update(g, &state, &gradient);
    for (name, value) in ["next_parameters", "next_m", "next_v"].into_iter().zip(&next) {
        g.output(name, value);
    }
    tape.graph.finish("learned_codes").to_bytes()
}

/// Codes `[bits, N]` of a view: 1 and -1, half of each in every bit.
fn head(tape: &mut Tape, view: Value, inputs: usize, tensors: &[Value], bits: usize) -> Value {
    let view = Feature::raster(view, Extent::vector(inputs));
    let x = dense(tape, &view, (&tensors[0], None), HIDDEN);
    let (x, _) = batch_norm(tape, &x, Some([&tensors[1], &tensors[2]]));
    let x = relu(tape, &x);
    let through = dense(tape, &x, (&tensors[3], None), bits);
    let past = dense(tape, &view, (&tensors[4], None), bits);
    let sum = add(tape, &through, &past);
    let (x, _) = batch_norm(tape, &sum, None);
    half_codes(tape, &x, 0.0).value
}

#[cfg(test)]
mod tests {
    use super::super::itq::tests::corners;
    use super::super::{at_once, learned_or_itq};
    use super::*;
    use crate::runtime::{RuntimeOptions, ensure};

    fn runtime() -> Runtime {
        ensure(&RuntimeOptions::from_env(), &()).unwrap()
    }

    fn options(runtime: &Runtime) -> LearnOptions<'_> {
        LearnOptions { bits: 32, seed: 3, threads: 1, runtime, observer: &() }
    }

    #[test]
    fn the_work_of_learning_grows_up_to_the_largest_sample() {
        assert!(learning_work(100) < learning_work(600) && learning_work(600) < learning_work(MANY));
        assert_eq!(learning_work(2 * MAX_FIT), learning_work(MAX_FIT));
    }

    #[test]
    fn codes_are_halves_and_tell_the_corners_of_a_box_apart() {
        let runtime = runtime();
        // both ways in: as they are, and reduced
        for size in [40, REDUCED + 4] {
            let latents = corners(512, size, 4); // 32 at each of 16 corners
            let binarizer = Binarizer::fit_learned(&latents, size, &options(&runtime)).unwrap();
            let codes = binarizer.binarize(&latents);
            for bit in 0..32 {
                let ones = codes.iter().filter(|code| **code >> bit & 1 == 1).count();
                assert!((128..=384).contains(&ones), "bit {bit}: {ones} of 512");
            }
            let distance = |a: usize, b: usize| (codes[a] ^ codes[b]).count_ones();
            let same = (0..480).map(|i| distance(i, i + 16)).sum::<u32>() as f32 / 480.0;
            let other = (0..480).map(|i| distance(i, i + 1)).sum::<u32>() as f32 / 480.0;
            assert!(same < 4.0 && other > 10.0, "same corner {same}, another corner {other} bits apart");
        }
        let latents = corners(90, 40, 4);
        let fit = |seed| {
            let options = LearnOptions { seed, ..options(&runtime) };
            Binarizer::fit_learned(&latents, 40, &options).unwrap().to_bytes()
        };
        assert!(fit(3) == fit(3) && fit(3) != fit(4));
    }

    #[test]
    fn the_folded_network_computes_what_the_layers_do() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (entry, points) = enter(DMatrix::from_vec(12, 90, corners(90, 12, 3)), &mut rng);
        let mut uniform =
            |rows, columns| DMatrix::from_fn(rows, columns, |_, _| rng.random_range(-0.3f32..0.3));
        let head = Head {
            hidden: uniform(HIDDEN, 12),
            scale: DVector::from_fn(HIDDEN, |i, _| 0.5 + (i % 5) as f32 / 4.0),
            shift: DVector::from_fn(HIDDEN, |i, _| (i % 3) as f32 / 4.0 - 0.25),
            output: uniform(32, HIDDEN),
            past: uniform(32, 12),
        };
        let normed = |values: DMatrix<f32>| {
            let (mean, inverse) = statistics(&values);
            DMatrix::from_fn(values.nrows(), values.ncols(), |i, j| (values[(i, j)] - mean[i]) * inverse[i])
        };
        let first = normed(&head.hidden * &points);
        let first =
            DMatrix::from_fn(HIDDEN, 90, |i, j| (first[(i, j)] * head.scale[i] + head.shift[i]).max(0.0));
        let expected = normed(&head.output * first + &head.past * &points);
        let network = head.fold(entry, &points);
        let mut scratch = super::super::learned::Scratch::default();
        for (latent, expected) in corners(90, 12, 3).chunks_exact(12).zip(expected.column_iter()) {
            network.project(latent, &mut scratch);
            let near = scratch.output.iter().zip(expected.iter()).all(|(a, b)| (a - b).abs() < 1e-3);
            assert!(near, "{:?} {expected:?}", scratch.output);
        }
    }

    #[test]
    fn the_rate_rises_and_falls() {
        for n in [MANY - 1, MANY] {
            let Schedule { steps, rate } = Schedule::of(n);
            let rates: Vec<f64> = (0..steps).map(|step| Schedule::of(n).rate_of(step)).collect();
            let turn = steps * 3 / 10 - 1;
            assert!((rates[0] - rate / 25.0).abs() < 1e-9 && (rates[turn] - rate).abs() < 1e-9);
            assert!(rates[..turn].is_sorted() && rates[turn..].is_sorted_by(|a, b| a >= b));
            assert!((rates[steps - 1] - rate / 250_000.0).abs() < 1e-9);
        }
    }

    #[test]
    fn both_are_tried_and_too_few_are_refused() {
        let runtime = runtime();
        let latents = corners(400, 40, 5);
        let trial = learned_or_itq(&latents, 40, &options(&runtime)).unwrap();
        let [learned, itq] = [trial.survival.learned, trial.survival.itq];
        assert!((0.01..=1.0).contains(&learned) && (0.01..=1.0).contains(&itq), "{learned} {itq}");
        let expected = match learned >= itq / 2.0 {
            true => Binarizer::fit_learned(&latents, 40, &options(&runtime)).unwrap(),
            false => Binarizer::fit_itq(&latents, 40, 32, 3).unwrap(),
        };
        assert_eq!(trial.binarizer, expected, "fitted to all latents");
        assert!(trial.beside.is_zero() && at_once(latents.len(), 2) && !at_once(1 << 30, 2));
        let both = learned_or_itq(&latents, 40, &LearnOptions { threads: 2, ..options(&runtime) }).unwrap();
        assert_eq!((both.binarizer, both.survival), (expected, trial.survival), "by two threads");
        assert!(!both.beside.is_zero());
        let few = Binarizer::fit_learned(&latents[..40 * (FEWEST_TO_LEARN - 1)], 40, &options(&runtime))
            .unwrap_err();
        assert_eq!(few.to_string(), "latents to learn from: expected at least 64, got 63");
        let bits = LearnOptions { bits: 64, ..options(&runtime) };
        assert!(Binarizer::fit_learned(&latents, 40, &bits).is_err());
    }
}
