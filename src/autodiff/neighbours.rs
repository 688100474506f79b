//! Objectives on who is near to whom: neighbours of codes as those of features, and two views of an image
//! nearest to each other. All take cosines `[N, N]`, entry (i, j) of item i in one view and item j in the
//! other.

use super::ops::{Feature, matrix};
use super::tape::Tape;
use crate::onnx::{Graph, Value, batch, fixed};

/// Stands for minus infinity: what an item is not compared with itself by.
const NEVER: f32 = 1e9;

/// A feature as `[K, N]`.
pub(crate) fn columns(tape: &mut Tape, x: &Feature) -> Value {
    let y = matrix(&mut tape.graph, &x.value, x.extent.channels * x.slots, 1);
    tape.record(&y, &[&x.value], |_, dy, _| vec![Some(dy.clone())]);
    y
}

/// The cosines `[N, N]` of all columns of `a` with all columns of `b`, both `[K, N]`.
pub(crate) fn cosines(tape: &mut Tape, [a, b]: [&Value; 2]) -> Value {
    let [a, b] = [a, b].map(|x| unit_columns(tape, x));
    let cosines = tape.graph.gemm((&a, true), (&b, false), None);
    let [left, right] = [a.clone(), b.clone()];
    tape.record(&cosines, &[&a, &b], move |g, dy, _| {
        vec![Some(g.gemm((&right, false), (dy, true), None)), Some(g.gemm((&left, false), (dy, false), None))]
    });
    cosines
}

/// Each column of `[K, N]` scaled to length 1.
fn unit_columns(tape: &mut Tape, x: &Value) -> Value {
    let g = &mut tape.graph;
    let row = vec![fixed(1), batch(1)];
    let squares = g.sum_squares_axis(x, 0);
    let tiny = g.scalar(1e-12);
    let squares = g.add(&squares, &tiny);
    let length = g.sqrt(&squares);
    let length = g.reshape(&length, row.clone());
    let unit = g.div(x, &length);
    let direction = unit.clone();
    tape.record(&unit, &[x], move |g, dy, _| {
        // what lies along the column itself does not change its direction
        let along = g.mul(dy, &direction);
        let along = g.sum_axis(&along, 0);
        let along = g.reshape(&along, row.clone());
        let along = g.mul(&direction, &along);
        let across = g.sub(dy, &along);
        vec![Some(g.div(&across, &length))]
    });
    unit
}

/// How sharply likelihoods fall off with the cosine, which is divided by a temperature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Temperatures<'a> {
    /// Of the features. Several likelihoods can be mixed, such as near neighbours and a wider circle: share
    /// and temperature of each.
    pub(crate) wanted: &'a [(f32, f32)],
    /// Of the codes.
    pub(crate) had: f32,
}

/// Soft neighbours: how likely item i would draw item j as its neighbour, by `cosines` of codes against
/// `features` `[D, N]`, whose columns have length 1 and get no gradient (stochastic neighbours: Hinton &
/// Roweis, 2002). A scalar: the cross-entropy in nats, mean over the items.
pub(crate) fn soft_neighbours(
    tape: &mut Tape,
    cosines: &Value,
    features: &Value,
    temperatures: Temperatures<'_>,
) -> Value {
    let g = &mut tape.graph;
    let products = g.gemm((features, true), (features, false), None);
    let own = g.identity_like(&products);
    let never = g.scalar(NEVER);
    let own = g.mul(&own, &never);
    let scale = g.scalar(1.0 / temperatures.had);
    let mut likely = g.zeros_like(&products);
    for (share, temperature) in temperatures.wanted {
        let scores = others(g, &products, 1.0 / temperature, &own);
        let part = g.softmax(&scores);
        let share = g.scalar(*share);
        let part = g.mul(&part, &share);
        likely = g.add(&likely, &part);
    }
    let had = others(g, cosines, 1.0 / temperatures.had, &own);
    // the sum of -p log q, where log q is the score less the log-sum-exp of all
    let hit = g.mul(&likely, &had);
    let hit = g.sum_axis(&hit, 1);
    let all = g.log_sum_exp_axis(&had, 1);
    let each = g.sub(&all, &hit);
    let loss = g.mean(&each);
    tape.record(&loss, &[cosines], move |g, dloss, _| {
        let drawn = g.softmax(&had);
        let difference = g.sub(&drawn, &likely);
        vec![Some(share(g, &difference, (dloss, &scale), &each))]
    });
    loss
}

/// How surely each item is drawn as the neighbour of its own other view, by `cosines` over `temperature`: the
/// cross-entropy in nats, mean over the items, a scalar.
pub(crate) fn own_view(tape: &mut Tape, cosines: &Value, temperature: f32) -> Value {
    let g = &mut tape.graph;
    let scale = g.scalar(1.0 / temperature);
    let scores = g.mul(cosines, &scale);
    let own = g.identity_like(&scores);
    let hit = g.mul(&scores, &own);
    let hit = g.sum_axis(&hit, 1);
    let all = g.log_sum_exp_axis(&scores, 1);
    let each = g.sub(&all, &hit);
    let loss = g.mean(&each);
    tape.record(&loss, &[cosines], move |g, dloss, _| {
        let drawn = g.softmax(&scores);
        let difference = g.sub(&drawn, &own);
        vec![Some(share(g, &difference, (dloss, &scale), &each))]
    });
    loss
}

/// How far columns of `x`, each without regard to its length, are from those of `features`, both `[D, N]`;
/// the latter have length 1 and get no gradient. A scalar: 1 less the cosine, mean over the items.
pub(crate) fn apart(tape: &mut Tape, x: &Value, features: &Value) -> Value {
    let unit = unit_columns(tape, x);
    let g = &mut tape.graph;
    let cosines = g.mul(&unit, features);
    let cosines = g.sum_axis(&cosines, 0);
    let one = g.scalar(1.0);
    let each = g.sub(&one, &cosines);
    let loss = g.mean(&each);
    let (features, back) = (features.clone(), g.scalar(-1.0));
    tape.record(&loss, &[&unit], move |g, dloss, _| vec![Some(share(g, &features, (dloss, &back), &each))]);
    loss
}

/// Scores of all items but each its own.
fn others(g: &mut Graph, values: &Value, scale: f32, own: &Value) -> Value {
    let scale = g.scalar(scale);
    let scores = g.mul(values, &scale);
    g.sub(&scores, own)
}

/// The gradient of a mean over `each` item, from that of its terms: times what came in, and the scale.
fn share(g: &mut Graph, difference: &Value, (dloss, scale): (&Value, &Value), each: &Value) -> Value {
    let count = g.count(each);
    let share = g.div(dloss, &count);
    let share = g.mul(&share, scale);
    g.mul(difference, &share)
}
