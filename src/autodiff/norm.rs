//! Batch normalization (Ioffe & Szegedy, 2015) over `[channels, slots * N]`, with its gradients, in few
//! passes over memory.
//!
//! Statistics are two reductions, and a channel's scale and shift one pass. Right behind a convolution of the
//! image itself not even that: [`normed_conv`] works the normalization into the weights.

use super::conv::{Conv, TapTable, columns};
use super::ops::{Feature, compact, matrix};
use super::tape::Tape;
use crate::model::{BATCH_NORM_EPSILON, Extent};
use crate::onnx::{Graph, Value, fixed};

/// Mean and variance of each channel over the batch, `[C]` each.
pub(crate) type Statistics = [Value; 2];

/// Brings each channel to mean 0 and variance 1 over the batch; `affine` are a scale and a shift, `[C]` each,
/// that follow.
pub(crate) fn batch_norm(tape: &mut Tape, x: &Feature, affine: Option<[&Value; 2]>) -> (Feature, Statistics) {
    let x = compact(tape, x);
    let g = &mut tape.graph;
    let (channels, slots) = (x.extent.channels, x.slots);
    let input = matrix(g, &x.value, channels, slots);
    let count = columns_of(g, &input, channels);
    let mean = g.mean_axis(&input, 1);
    let squares = g.sum_squares_axis(&input, 1);
    let squares = g.div(&squares, &count);
    let variance = variance(g, &squares, &mean);
    let inverse = inverse_deviation(g, &variance);
    let factor = match affine {
        Some([scale, _]) => g.mul(scale, &inverse),
        None => inverse.clone(),
    };
    let taken = g.mul(&mean, &factor);
    let shift = match affine {
        Some([_, shift]) => shift.clone(),
        None => g.constant(&[channels], &vec![0.0; channels]),
    };
    let offset = g.sub(&shift, &taken);
    let y = g.channel_affine(&input, &factor, &offset);
    let inputs: Vec<&Value> = [&x.value].into_iter().chain(affine.into_iter().flatten()).collect();
    let statistics = [mean.clone(), variance];
    tape.record(&y, &inputs, move |g, dy, wanted| {
        let dshift = g.sum_axis(dy, 1);
        let product = g.mul(dy, &input);
        let product = g.sum_axis(&product, 1);
        // sum of dy times the normalized input
        let part = g.mul(&mean, &dshift);
        let centred = g.sub(&product, &part);
        let dscale = g.mul(&centred, &inverse);
        let dx = wanted[0].then(|| {
            // factor * (dy - mean(dy) - normalized * mean(dy * normalized)), as one scale and shift of the
            // input beside dy
            let slope = g.mul(&factor, &inverse);
            let slope = g.mul(&slope, &dscale);
            let slope = g.div(&slope, &count);
            let zero = g.scalar(0.0);
            let slope = g.sub(&zero, &slope);
            let level = g.mul(&factor, &dshift);
            let level = g.div(&level, &count);
            let from_mean = g.mul(&slope, &mean);
            let level = g.add(&level, &from_mean);
            let level = g.sub(&zero, &level);
            let direct = g.reshape(&factor, vec![fixed(channels), fixed(1)]);
            let direct = g.mul(dy, &direct);
            let through = g.channel_affine(&input, &slope, &level);
            g.add(&direct, &through)
        });
        vec![dx, Some(dscale), Some(dshift)]
    });
    (Feature { value: y, ..x }, statistics)
}

/// A convolution of a constant image and the batch normalization behind it, as one product.
///
/// The normalization of `W c` over all columns `c` needs only their mean `m` and second moments `M`: the mean
/// is `W m`, the variance the diagonal of `W M W'` less its square. So the weights are scaled before the
/// product, and the large result is written once. Exactly what [`batch_norm`] of the convolution gives, as
/// the image has no gradient.
pub(crate) fn normed_conv(
    tape: &mut Tape,
    x: &Feature,
    [weight, scale, shift]: [&Value; 3],
    conv: Conv,
    wanted: Option<&[usize]>,
) -> (Feature, Statistics) {
    let g = &mut tape.graph;
    let (filters, inputs) = (conv.filters, x.extent.channels * conv.taps());
    let mut table = TapTable::new(&conv, x.extent, &x.order);
    let (height, width, pixels) = (table.height, table.width, table.pixels());
    let order = table.reorder(wanted);
    let source = x.planes(g);
    let cols = columns(g, &source, &table.rows);
    let count = columns_of(g, &cols, inputs);
    let moments = g.gemm((&cols, false), (&cols, true), None);
    let moments = g.div(&moments, &count);
    let average = g.mean_axis(&cols, 1);
    let average = g.reshape(&average, vec![fixed(inputs), fixed(1)]);
    let w = g.reshape(weight, vec![fixed(filters), fixed(inputs)]);
    let column = vec![fixed(filters), fixed(1)];
    let mean = g.gemm((&w, false), (&average, false), None);
    let spread = g.gemm((&w, false), (&moments, false), None);
    let squares = g.mul(&spread, &w);
    let squares = g.sum_axis(&squares, 1);
    let squares = g.reshape(&squares, column.clone());
    let variance = variance(g, &squares, &mean);
    let inverse = inverse_deviation(g, &variance);
    let [scale_column, shift_column] = [scale, shift].map(|v| g.reshape(v, column.clone()));
    let factor = g.mul(&scale_column, &inverse);
    let scaled = g.mul(&w, &factor);
    let taken = g.mul(&factor, &mean);
    let offset = g.sub(&shift_column, &taken);
    let y = g.gemm((&scaled, false), (&cols, false), Some(&offset));
    let statistics = [&mean, &variance].map(|v| g.reshape(v, vec![fixed(filters)]));
    tape.record(&y, &[weight, scale, shift], move |g, dy, _| {
        let dscaled = g.gemm((dy, false), (&cols, true), None);
        let doffset = g.sum_axis(dy, 1);
        let doffset = g.reshape(&doffset, column.clone());
        let along = g.mul(&dscaled, &w);
        let along = g.sum_axis(&along, 1);
        let along = g.reshape(&along, column.clone());
        let level = g.mul(&doffset, &mean);
        let dfactor = g.sub(&along, &level);
        let dscale = g.mul(&dfactor, &inverse);
        // 2 * d variance = -d factor * scale * inverse^3
        let cube = g.mul(&inverse, &inverse);
        let cube = g.mul(&cube, &factor);
        let dvariance2 = g.mul(&dfactor, &cube);
        let zero = g.scalar(0.0);
        let dvariance2 = g.sub(&zero, &dvariance2);
        // the mean acts through the offset and through the variance
        let through_offset = g.mul(&factor, &doffset);
        let through_variance = g.mul(&dvariance2, &mean);
        let sum = g.add(&through_offset, &through_variance);
        let dmean = g.sub(&zero, &sum);
        let direct = g.mul(&dscaled, &factor);
        let from_spread = g.mul(&spread, &dvariance2);
        let from_mean = g.gemm((&dmean, false), (&average, true), None);
        let dw = g.add(&direct, &from_spread);
        let dw = g.add(&dw, &from_mean);
        vec![Some(dw), Some(dscale), Some(doffset)]
    });
    let extent = Extent { channels: filters, height, width };
    (Feature { value: y, extent, order, slots: pixels }, statistics)
}

/// How many columns a matrix has, known only when the graph runs.
fn columns_of(g: &mut Graph, x: &Value, rows: usize) -> Value {
    let count = g.count(x);
    let rows = g.scalar(rows as f32);
    g.div(&count, &rows)
}

fn variance(g: &mut Graph, squares: &Value, mean: &Value) -> Value {
    let square = g.mul(mean, mean);
    let difference = g.sub(squares, &square);
    // rounding must not make it negative
    g.relu(&difference)
}

fn inverse_deviation(g: &mut Graph, variance: &Value) -> Value {
    let epsilon = g.scalar(BATCH_NORM_EPSILON);
    let sum = g.add(variance, &epsilon);
    let root = g.sqrt(&sum);
    let one = g.scalar(1.0);
    g.div(&one, &root)
}
