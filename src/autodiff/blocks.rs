//! What networks for photos are made of beside convolutions: clipped ReLU, skips, the mean over all pixels.

use super::ops::{Feature, add, compact, planes, reordered};
use super::tape::Tape;
use crate::model::Extent;

/// `min(max(x, 0), 6)`.
pub(crate) fn relu6(tape: &mut Tape, x: &Feature) -> Feature {
    const TOP: f32 = 6.0;
    let y = tape.graph.clip(&x.value, 0.0, TOP);
    let result = y.clone();
    tape.record(&y, &[&x.value], move |g, dy, _| {
        let open = g.between(&result, 0.0, TOP);
        vec![Some(g.mul(dy, &open))]
    });
    Feature { value: y, ..x.clone() }
}

/// `factor * x + offset`.
pub(crate) fn affine(tape: &mut Tape, x: &Feature, [factor, offset]: [f32; 2]) -> Feature {
    let g = &mut tape.graph;
    let (factor, offset) = (g.scalar(factor), g.scalar(offset));
    let scaled = g.mul(&x.value, &factor);
    let y = g.add(&scaled, &offset);
    tape.record(&y, &[&x.value], move |g, dy, _| vec![Some(g.mul(dy, &factor))]);
    Feature { value: y, ..x.clone() }
}

/// `skipped + x`, pixel by pixel, in the order of `x`.
pub(crate) fn residual(tape: &mut Tape, skipped: &Feature, x: &Feature) -> Feature {
    let x = compact(tape, x);
    let skipped = reordered(tape, skipped, &x.order);
    add(tape, &skipped, &x)
}

/// The mean of each channel over all pixels, as a vector.
pub(crate) fn global_mean(tape: &mut Tape, x: &Feature) -> Feature {
    let x = compact(tape, x);
    let (channels, slots) = (x.extent.channels, x.slots);
    let source = x.planes(&mut tape.graph);
    let y = tape.graph.mean_axis(&source, 1);
    tape.record(&y, &[&x.value], move |g, dy, _| {
        let dy = planes(g, dy, channels, 1);
        let share = g.constant(&[1, slots, 1], &vec![1.0 / slots as f32; slots]);
        vec![Some(g.mul(&dy, &share))]
    });
    Feature::raster(y, Extent::vector(channels))
}
