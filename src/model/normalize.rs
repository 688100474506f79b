//! `Layer::Normalize`: as a function over pixels, and as nodes of a graph. A test compares the two.

use crate::onnx::{Graph, Value, batch, fixed};

const MEAN: f32 = 0.5;
const DEVIATION: f32 = 0.25;
/// Added to the variance, so that a flat image stays flat.
const EPSILON: f32 = 1e-4;

/// Brings one image, all channels together, to mean 0.5 and standard deviation 0.25, clipped to `0..=1`.
pub(crate) fn normalize(image: &mut [f32]) {
    let count = image.len() as f32;
    let mean = image.iter().sum::<f32>() / count;
    let variance = image.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / count;
    let scale = DEVIATION / (variance + EPSILON).sqrt();
    image.iter_mut().for_each(|x| *x = ((*x - mean) * scale + MEAN).clamp(0.0, 1.0));
}

/// The same over a matrix whose images, `count` numbers each, lie along `axis`.
pub(crate) fn normalize_nodes(graph: &mut Graph, images: &Value, axis: usize, count: usize) -> Value {
    let mut per_image = vec![batch(1); 2];
    per_image[axis] = fixed(1);
    let mean = graph.mean_axis(images, axis);
    let mean = graph.reshape(&mean, per_image.clone());
    let centred = graph.sub(images, &mean);
    let squares = graph.sum_squares_axis(&centred, axis);
    let squares = graph.reshape(&squares, per_image);
    let [part, epsilon, deviation, middle] =
        [1.0 / count as f32, EPSILON, DEVIATION, MEAN].map(|x| graph.scalar(x));
    let variance = graph.mul(&squares, &part);
    let variance = graph.add(&variance, &epsilon);
    let root = graph.sqrt(&variance);
    let scale = graph.div(&deviation, &root);
    let scaled = graph.mul(&centred, &scale);
    let shifted = graph.add(&scaled, &middle);
    graph.clip(&shifted, 0.0, 1.0)
}
