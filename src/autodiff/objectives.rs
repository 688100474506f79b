//! What latents are trained for besides reconstruction: codes that survive another view, and latents that
//! follow a normal distribution.

use super::ops::{Feature, dense, matrix};
use super::tape::Tape;
use crate::model::Extent;
use crate::onnx::{Graph, Value, batch, fixed};

/// Weight of the pull from latents to their codes in [`binarize`]: gamma in the paper.
const PULL: f32 = 1.0;
/// Stands for minus infinity: what a view is not compared with itself by.
const NEVER: f32 = 1e9;

/// Bi-half coding (Li & van Gemert, "Deep Unsupervised Image Hashing by Maximizing Bit Entropy", 2021): each
/// latent number is 1 for the larger half of the batch and -1 for the other. The gradient passes straight
/// through, with a slight pull of the latents towards their codes.
pub(crate) fn binarize(tape: &mut Tape, x: &Feature) -> Feature {
    half_codes(tape, x, PULL)
}

/// The codes of [`binarize`], with this weight of the pull.
pub(crate) fn half_codes(tape: &mut Tape, x: &Feature, pull: f32) -> Feature {
    let g = &mut tape.graph;
    let latent = matrix(g, &x.value, x.extent.len(), 1);
    let middle = g.median_of_rows(&latent);
    let (one, two) = (g.scalar(1.0), g.scalar(2.0));
    let upper = g.at_least(&latent, &middle);
    let code = g.mul(&upper, &two);
    let code = g.sub(&code, &one);
    let result = code.clone();
    tape.record(&code, &[&x.value], move |g, dy, _| {
        let distance = g.sub(&latent, &result);
        let count = g.count(&latent);
        let pull = g.scalar(pull);
        let pull = g.div(&pull, &count);
        let pull = g.mul(&distance, &pull);
        vec![Some(g.add(dy, &pull))]
    });
    Feature::raster(code, Extent::vector(x.extent.len()))
}

/// NT-Xent (Chen et al., "A Simple Framework for Contrastive Learning", 2020) of codes `[K, 2N]`, whose
/// second half are other views of the images of the first, in this order. Similarity is the cosine over
/// `temperature`; the loss, a scalar, is the mean over all 2N views, each against all others.
pub(crate) fn contrastive(tape: &mut Tape, codes: &Feature, temperature: f32) -> Value {
    let size = codes.extent.len();
    let g = &mut tape.graph;
    let z = matrix(g, &codes.value, size, 1);
    let row = vec![fixed(1), batch(1)];
    let squares = g.sum_squares_axis(&z, 0);
    let tiny = g.scalar(1e-12);
    let squares = g.add(&squares, &tiny);
    let norm = g.sqrt(&squares);
    let norm = g.reshape(&norm, row.clone());
    let unit = g.div(&z, &norm);
    let [first, second] = g.halves(&unit);
    let others = g.join_halves([&second, &first]);
    let scale = g.scalar(1.0 / temperature);
    let scaled = g.mul(&unit, &scale);
    let similarity = g.gemm((&unit, true), (&scaled, false), None);
    let own = g.identity_like(&similarity);
    let never = g.scalar(NEVER);
    let own = g.mul(&own, &never);
    let similarity = g.sub(&similarity, &own);
    let against_all = g.log_sum_exp_axis(&similarity, 1);
    let against_other = g.mul(&scaled, &others);
    let against_other = g.sum_axis(&against_other, 0);
    let each = g.sub(&against_all, &against_other);
    let loss = g.mean(&each);
    tape.record(&loss, &[&codes.value], move |g, dloss, _| {
        let count = g.count(&each);
        let share = g.div(dloss, &count);
        let share = g.mul(&share, &scale);
        let attention = g.softmax(&similarity);
        let from = g.gemm((&unit, false), (&attention, false), None);
        let to = g.gemm((&unit, false), (&attention, true), None);
        let pushed = g.add(&from, &to);
        let two = g.scalar(2.0);
        let pulled = g.mul(&others, &two);
        let dunit = g.sub(&pushed, &pulled);
        let dunit = g.mul(&dunit, &share);
        // what lies along the code itself does not change its direction
        let along = g.mul(&dunit, &unit);
        let along = g.sum_axis(&along, 0);
        let along = g.reshape(&along, row.clone());
        let along = g.mul(&unit, &along);
        let across = g.sub(&dunit, &along);
        vec![Some(g.div(&across, &norm))]
    });
    loss
}

/// The first half of the batch; see [`Graph::halves`].
pub(crate) fn first_half(tape: &mut Tape, x: &Feature) -> Feature {
    let [first, second] = tape.graph.halves(&x.value);
    tape.record(&first, &[&x.value], move |g, dy, _| {
        let nothing = g.zeros_like(&second);
        vec![Some(g.join_halves([dy, &nothing]))]
    });
    Feature { value: first, ..x.clone() }
}

/// The second half of the batch.
pub(crate) fn second_half(tape: &mut Tape, x: &Feature) -> Feature {
    let [first, second] = tape.graph.halves(&x.value);
    tape.record(&second, &[&x.value], move |g, dy, _| {
        let nothing = g.zeros_like(&first);
        vec![Some(g.join_halves([&nothing, dy]))]
    });
    Feature { value: second, ..x.clone() }
}

/// A draw from a normal distribution whose mean and logarithmic variance are fully connected to `x`, and the
/// distribution's divergence from the standard one (Kullback-Leibler, in nats per latent number, mean over
/// the batch; Kingma & Welling, 2014).
///
/// `noise`, `[units, N]`, is standard normal. Gives the draw and the divergence, a scalar.
pub(crate) fn gaussian(
    tape: &mut Tape,
    x: &Feature,
    (weight, bias): (&Value, Option<&Value>),
    noise: &Value,
) -> (Feature, Value) {
    let units = noise.size(0);
    let both = dense(tape, x, (weight, bias), 2 * units).value;
    let g = &mut tape.graph;
    let [mean, log_variance] = halves_of_rows(g, &both, units);
    let half = g.scalar(0.5);
    let exponent = g.mul(&log_variance, &half);
    let deviation = g.exp(&exponent);
    let strayed = g.mul(&deviation, noise);
    let draw = g.add(&mean, &strayed);
    let variance = g.mul(&deviation, &deviation);
    let one = g.scalar(1.0);
    let square = g.mul(&mean, &mean);
    let terms = g.add(&square, &variance);
    let terms = g.sub(&terms, &one);
    let terms = g.sub(&terms, &log_variance);
    let total = g.mean(&terms);
    let factor = g.scalar(0.5);
    let divergence = g.mul(&total, &factor);
    let (strayed_by_draw, mean_by_divergence) = (strayed, mean);
    tape.record(&draw, &[&both], move |g, dy, _| {
        let dlog = g.mul(dy, &strayed_by_draw);
        let half = g.scalar(0.5);
        let dlog = g.mul(&dlog, &half);
        vec![Some(g.concat(&[dy.clone(), dlog], 0))]
    });
    tape.record(&divergence, &[&both], move |g, dy, _| {
        let count = g.count(&mean_by_divergence);
        let share = g.div(dy, &count);
        let dmean = g.mul(&mean_by_divergence, &share);
        let (one, half) = (g.scalar(1.0), g.scalar(0.5));
        let dlog = g.sub(&variance, &one);
        let dlog = g.mul(&dlog, &half);
        let dlog = g.mul(&dlog, &share);
        vec![Some(g.concat(&[dmean, dlog], 0))]
    });
    (Feature::raster(draw, Extent::vector(units)), divergence)
}

fn halves_of_rows(g: &mut Graph, x: &Value, rows: usize) -> [Value; 2] {
    let mut pieces = g.split(x, &[rows, rows]).into_iter();
    [pieces.next(), pieces.next()].map(|piece| piece.unwrap_or_else(|| x.clone()))
}

/// Mean binary cross-entropy of verdicts, logits of "drawn from the prior", where the truth is the same for
/// all of them.
pub(crate) fn verdict_loss(tape: &mut Tape, verdicts: &Value, truth: bool) -> Value {
    let g = &mut tape.graph;
    let zero = g.scalar(0.0);
    // softplus(-x) where the truth is 1, softplus(x) where it is 0
    let against = if truth { g.sub(&zero, verdicts) } else { verdicts.clone() };
    let each = g.softplus(&against);
    let loss = g.mean(&each);
    tape.record(&loss, &[verdicts], move |g, dloss, _| {
        let count = g.count(&each);
        let share = g.div(dloss, &count);
        let slope = g.sigmoid(&against);
        let slope = if truth { g.sub(&zero, &slope) } else { slope };
        vec![Some(g.mul(&slope, &share))]
    });
    loss
}

/// `a + weight * b`, all scalars; `weight` has no gradient.
pub(crate) fn weighted_sum(tape: &mut Tape, a: &Value, b: &Value, weight: &Value) -> Value {
    let g = &mut tape.graph;
    let part = g.mul(b, weight);
    let sum = g.add(a, &part);
    let weight = weight.clone();
    tape.record(&sum, &[a, b], move |g, dy, _| vec![Some(dy.clone()), Some(g.mul(dy, &weight))]);
    sum
}
