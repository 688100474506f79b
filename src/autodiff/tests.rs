//! Gradients of every operation against finite differences.
//!
//! The graphs run in ONNX Runtime, which is fetched on first use like in the program itself.

use super::blocks::{affine, global_mean, relu6, residual};
use super::conv::{Conv, conv, phase_order};
use super::depthwise::{depthwise, tile_order};
use super::lstm::lstm;
use super::neighbours::{Temperatures, apart, cosines, own_view, soft_neighbours};
use super::norm::{batch_norm, normed_conv};
use super::objectives::{binarize, contrastive, first_half, gaussian, verdict_loss, weighted_sum};
use super::ops::{Feature, add, cross_entropy, dense, raster, relu, reordered};
use super::tape::Tape;
use super::upconv::upsample_conv;
use crate::model::Extent;
use crate::onnx::{Dim, Value, batch, fixed};
use crate::runtime::{Input, Runtime, RuntimeOptions, Session, SessionOptions, ensure};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Even, for halves.
const BATCH: usize = 4;

fn runtime() -> Runtime {
    ensure(&RuntimeOptions::from_env(), &()).unwrap()
}

fn dims(shape: &[Dim]) -> Vec<usize> {
    shape.iter().map(|d| if let Dim::Batch(k) = d { k * BATCH } else { size(*d) }).collect()
}

fn size(d: Dim) -> usize {
    match d {
        Dim::Fixed(n) => n,
        Dim::Batch(k) => k * BATCH,
    }
}

/// Runs a session on leaves called `x0`, `x1`, ...
fn outputs(session: &mut Session, shapes: &[Vec<usize>], leaves: &[Vec<f32>]) -> Vec<Vec<f32>> {
    // the last leaf is the weight of every output
    let name = |i| if i + 1 == leaves.len() { "w".to_owned() } else { format!("x{i}") };
    let names: Vec<String> = (0..leaves.len()).map(name).collect();
    let inputs: Vec<_> =
        (0..leaves.len()).map(|i| (names[i].as_str(), Input::Slice(&shapes[i], &leaves[i]))).collect();
    session.run(&inputs).unwrap().iter().map(|t| t.data().to_vec()).collect()
}

/// Compares the gradients of `sum(w * f(leaves))`, w random, with central differences.
fn check_gradients(name: &str, shapes: &[Vec<Dim>], step: f32, f: impl Fn(&mut Tape, &[Value]) -> Value) {
    check_gradients_beside(name, (shapes, &[]), step, f);
}

/// The same of leaves beside which `constants` go in, which have no gradient.
fn check_gradients_beside(
    name: &str,
    (shapes, constants): (&[Vec<Dim>], &[Vec<Dim>]),
    step: f32,
    f: impl Fn(&mut Tape, &[Value]) -> Value,
) {
    let n_leaves = shapes.len();
    let shapes = [shapes, constants].concat();
    let mut tape = Tape::default();
    let leaves: Vec<Value> =
        shapes.iter().enumerate().map(|(i, s)| tape.graph.input(&format!("x{i}"), s.clone())).collect();
    let y = f(&mut tape, &leaves);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let w = tape.graph.input("w", y.shape().to_vec());
    let weighted = tape.graph.mul(&y, &w);
    let mean = tape.graph.mean(&weighted);
    let scalar = |g: &mut crate::onnx::Graph, x: &Value| {
        let count = g.count(&weighted);
        g.mul(x, &count)
    };
    let loss = scalar(&mut tape.graph, &mean);
    tape.record(&loss, &[&y], move |g, dloss, _| vec![Some(g.mul(&w, dloss))]);
    let gradients = tape.backward(&loss, &leaves[..n_leaves]);
    tape.graph.output("loss", &loss);
    let one = tape.graph.scalar(1.0);
    for (i, gradient) in gradients.iter().enumerate() {
        // one value cannot be two outputs, and leaves may share theirs
        let own = tape.graph.mul(gradient.as_ref().unwrap(), &one);
        tape.graph.output(&format!("d{i}"), &own);
    }
    let bytes = tape.graph.finish(name).to_bytes();
    let mut session = runtime().session(&bytes, &SessionOptions::default()).unwrap();
    let shapes: Vec<Vec<usize>> = shapes.iter().map(Vec::as_slice).chain([y.shape()]).map(dims).collect();
    let mut values: Vec<Vec<f32>> = shapes
        .iter()
        .map(|s| (0..s.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect())
        .collect();
    let analytic = outputs(&mut session, &shapes, &values);
    for leaf in 0..n_leaves {
        let n = values[leaf].len();
        for i in (0..n).step_by((n / 40).max(1)) {
            let center = values[leaf][i];
            let mut at = |x: f32| {
                values[leaf][i] = x;
                let weighted: f32 = outputs(&mut session, &shapes, &values)[0][0];
                f64::from(weighted)
            };
            let difference = (at(center + step) - at(center - step)) / (2.0 * f64::from(step));
            values[leaf][i] = center;
            let gradient = f64::from(analytic[1 + leaf][i]);
            let error = (gradient - difference).abs() / (1.0 + gradient.abs());
            assert!(error < 4e-3, "{name}: leaf {leaf}[{i}]: gradient {gradient}, difference {difference}");
        }
    }
}

fn image(channels: usize, height: usize, width: usize) -> Extent {
    Extent { channels, height, width }
}

fn plane_shape(e: Extent) -> Vec<Dim> {
    vec![fixed(e.channels), fixed(e.height * e.width), batch(1)]
}

#[test]
fn convolution_gradients() {
    let cases = [
        // extent, filters, kernel, stride, padding, input in phase order
        (image(2, 5, 6), 3, 3, 1, (1, 1), false),
        (image(2, 5, 5), 3, 3, 1, (0, 0), false),
        (image(3, 4, 4), 2, 2, 1, (0, 1), false),
        (image(2, 6, 8), 3, 3, 2, (0, 1), true),
        (image(2, 7, 7), 3, 3, 2, (1, 1), true),
        (image(2, 7, 7), 3, 2, 2, (0, 1), true),
        (image(2, 6, 6), 3, 3, 2, (0, 1), false),
    ];
    for (extent, filters, kernel, stride, pad, in_phase_order) in cases {
        let shape = Conv { filters, kernel, stride, pad_y: pad, pad_x: pad };
        let leaves = [
            plane_shape(extent),
            vec![fixed(filters * extent.channels * kernel * kernel)],
            vec![fixed(filters)],
        ];
        let out = |size: usize| (size + pad.0 + pad.1 - kernel) / stride + 1;
        let (height, width) = (out(extent.height), out(extent.width));
        let phases = |lo| Some(phase_order(height, width, lo));
        for next in [None, phases((0, 0)), phases((1, 1)), Some(tile_order(height, width))] {
            let name = format!("conv {extent} {filters} {kernel} {stride} {pad:?} {in_phase_order} {next:?}");
            check_gradients(&name, &leaves, 0.25, |tape, x| {
                let mut feature = Feature::raster(x[0].clone(), extent);
                if in_phase_order {
                    for (slot, pixel) in
                        phase_order(extent.height, extent.width, (pad.0, pad.0)).into_iter().enumerate()
                    {
                        feature.order[pixel] = slot;
                    }
                }
                let y = conv(tape, &feature, (&x[1], Some(&x[2])), shape, next.as_deref());
                raster(tape, &y).value
            });
        }
    }
}

#[test]
fn upsampled_convolution_gradients() {
    for (extent, filters, same) in [
        (image(2, 4, 4), 3, true),  // gather, then multiply
        (image(2, 4, 3), 3, false), // the same without border: col2im
        (image(9, 3, 4), 2, true),  // multiply, then gather
        (image(9, 4, 4), 1, false),
    ] {
        let leaves = [plane_shape(extent), vec![fixed(filters * extent.channels * 9)], vec![fixed(filters)]];
        check_gradients(&format!("upsample {extent} {filters} {same}"), &leaves, 0.25, |tape, x| {
            let y =
                upsample_conv(tape, &Feature::raster(x[0].clone(), extent), [&x[1], &x[2]], filters, same);
            raster(tape, &y).value
        });
    }
}

/// Sizes at which the padding is odd, tiles do not fit the order of the input, or one tile is all.
const DEPTHWISE: [(Extent, usize, usize, (usize, usize)); 8] = [
    // extent, kernel, stride, padding
    (Extent { channels: 2, height: 5, width: 6 }, 3, 1, (1, 1)),
    (Extent { channels: 2, height: 8, width: 6 }, 3, 2, (0, 1)),
    (Extent { channels: 2, height: 7, width: 7 }, 3, 2, (1, 1)),
    (Extent { channels: 3, height: 7, width: 7 }, 5, 1, (2, 2)),
    (Extent { channels: 2, height: 8, width: 12 }, 5, 2, (1, 2)),
    (Extent { channels: 2, height: 9, width: 7 }, 5, 2, (2, 2)),
    (Extent { channels: 1, height: 6, width: 5 }, 3, 1, (0, 0)),
    (Extent { channels: 1, height: 24, width: 20 }, 3, 2, (0, 1)),
];

#[test]
fn depthwise_gradients() {
    for (extent, kernel, stride, pad) in DEPTHWISE {
        let channels = extent.channels;
        let shape = Conv { filters: channels, kernel, stride, pad_y: pad, pad_x: pad };
        let leaves = [plane_shape(extent), vec![fixed(channels * kernel * kernel)], vec![fixed(channels)]];
        for tiled in [false, true] {
            let name = format!("depthwise {extent} {kernel} {stride} {pad:?} {tiled}");
            check_gradients(&name, &leaves, 0.25, |tape, x| {
                let mut feature = Feature::raster(x[0].clone(), extent);
                if tiled {
                    let pixels = tile_order(extent.height, extent.width);
                    pixels.into_iter().enumerate().for_each(|(slot, pixel)| feature.order[pixel] = slot);
                }
                let y = depthwise(tape, &feature, [&x[1], &x[2]], shape);
                raster(tape, &y).value
            });
        }
    }
}

/// The tiled product against a loop over pixels and taps.
#[test]
fn depthwise_convolution_is_a_sum_over_taps() {
    for (extent, kernel, stride, pad) in DEPTHWISE {
        let Extent { channels, height, width } = extent;
        let shape = Conv { filters: channels, kernel, stride, pad_y: pad, pad_x: pad };
        let mut tape = Tape::default();
        let dims = [vec![channels, height * width, BATCH], vec![channels, kernel * kernel], vec![channels]];
        let shapes =
            [plane_shape(extent), vec![fixed(channels), fixed(kernel * kernel)], vec![fixed(channels)]];
        let names = ["x", "w", "b"];
        let leaves: Vec<Value> =
            names.iter().zip(shapes).map(|(name, shape)| tape.graph.input(name, shape)).collect();
        let x = Feature::raster(leaves[0].clone(), extent);
        let y = depthwise(&mut tape, &x, [&leaves[1], &leaves[2]], shape);
        let out = y.extent;
        let y = raster(&mut tape, &y);
        tape.graph.output("y", &y.value);
        let bytes = tape.graph.finish("depthwise").to_bytes();
        let mut session = runtime().session(&bytes, &SessionOptions::default()).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let values =
            dims.each_ref().map(|d| (0..d.iter().product()).map(|_| rng.random::<f32>()).collect::<Vec<_>>());
        let inputs: Vec<_> = (0..3).map(|i| (names[i], Input::Slice(&dims[i], &values[i]))).collect();
        let y = session.run(&inputs).unwrap()[0].data().to_vec();
        let [x, w, b] = values;
        assert_eq!(y.len(), out.len() * BATCH);
        for (i, y) in y.iter().enumerate() {
            let (pixel, n) = (i / BATCH, i % BATCH);
            let (c, row, column) =
                (pixel / out.width / out.height, pixel / out.width % out.height, pixel % out.width);
            let mut expected = b[c];
            for tap in 0..kernel * kernel {
                let read = |at: usize, tap: usize, size: usize| {
                    (at * stride + tap).checked_sub(pad.0).filter(|at| *at < size)
                };
                let at = read(row, tap / kernel, height).zip(read(column, tap % kernel, width));
                let value = at.map_or(0.0, |(r, s)| x[((c * height + r) * width + s) * BATCH + n]);
                expected += w[c * kernel * kernel + tap] * value;
            }
            assert!((y - expected).abs() < 1e-5, "{extent} {kernel} {stride}: {y} and {expected} at {i}");
        }
    }
}

#[test]
fn gradients_of_blocks() {
    let extent = image(3, 4, 6);
    let leaves = [plane_shape(extent), vec![fixed(15)], vec![fixed(5)]];
    check_gradients("1x1 convolution", &leaves, 0.25, |tape, x| {
        dense(tape, &Feature::raster(x[0].clone(), extent), (&x[1], Some(&x[2])), 5).value
    });
    let plane = [plane_shape(extent)];
    // from -1..1 to -2..8, with both kinks inside
    let few = image(2, 2, 3);
    check_gradients("relu6", &[plane_shape(few)], 1e-3, |tape, x| {
        let spread = affine(tape, &Feature::raster(x[0].clone(), few), [5.0, 3.0]);
        relu6(tape, &spread).value
    });
    check_gradients("mean", &plane, 0.25, |tape, x| {
        global_mean(tape, &Feature::raster(x[0].clone(), extent)).value
    });
    for order in [(0..24).collect(), tile_order(4, 6), (0..24).rev().collect::<Vec<_>>()] {
        check_gradients("skip", &[plane_shape(extent), plane_shape(extent)], 0.25, |tape, x| {
            let x = [&x[0], &x[1]].map(|x| Feature::raster(x.clone(), extent));
            let moved = reordered(tape, &x[1], &order);
            let skipped = affine(tape, &x[0], [2.0, 0.5]);
            let y = residual(tape, &skipped, &moved);
            raster(tape, &y).value
        });
    }
}

#[test]
fn dense_relu_and_loss_gradients() {
    let vector = |units| vec![fixed(units), batch(1)];
    check_gradients("dense", &[vector(5), vec![fixed(35)], vec![fixed(7)]], 0.25, |tape, x| {
        dense(tape, &Feature::raster(x[0].clone(), Extent::vector(5)), (&x[1], Some(&x[2])), 7).value
    });
    // values as far from the kink as the step is long
    check_gradients("relu", &[vector(40)], 1e-4, |tape, x| {
        relu(tape, &Feature::raster(x[0].clone(), Extent::vector(40))).value
    });
    check_gradients("sum", &[vector(3), vector(3)], 0.25, |tape, x| {
        let [a, b] = [&x[0], &x[1]].map(|x| Feature::raster(x.clone(), Extent::vector(3)));
        add(tape, &a, &b).value
    });
    check_gradients("cross-entropy", &[vector(6)], 0.02, |tape, x| {
        let zero = tape.graph.scalar(0.0);
        let zeros = tape.graph.mul(&x[0], &zero);
        let column = tape.graph.constant(&[6, 1], &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        let target = tape.graph.add(&zeros, &column);
        cross_entropy(tape, &x[0], &target)
    });
}

#[test]
fn normalization_gradients() {
    let extent = image(3, 2, 3);
    let channels = vec![fixed(3)];
    check_gradients(
        "batch norm",
        &[plane_shape(extent), channels.clone(), channels.clone()],
        0.02,
        |tape, x| batch_norm(tape, &Feature::raster(x[0].clone(), extent), Some([&x[1], &x[2]])).0.value,
    );
    check_gradients("plain batch norm", &[plane_shape(extent)], 0.02, |tape, x| {
        batch_norm(tape, &Feature::raster(x[0].clone(), extent), None).0.value
    });
}

/// The one-product form against convolution and normalization one after the other: values and gradients.
#[test]
fn a_normed_convolution_of_an_image_is_both_steps_at_once() {
    let extent = image(2, 6, 5);
    let (filters, pad) = (4, (0, 1));
    let shape = Conv { filters, kernel: 3, stride: 2, pad_y: pad, pad_x: pad };
    let mut tape = Tape::default();
    let names = ["image", "weight", "scale", "shift", "w"];
    let shapes: [Vec<Dim>; 5] = [
        plane_shape(extent),
        vec![fixed(filters * 2 * 9)],
        vec![fixed(filters)],
        vec![fixed(filters)],
        vec![fixed(filters), batch(6)],
    ];
    let leaves: Vec<Value> =
        names.iter().zip(&shapes).map(|(name, shape)| tape.graph.input(name, shape.clone())).collect();
    let [x, weight, scale, shift, w] = &leaves[..] else { unreachable!() };
    let x = Feature::raster(x.clone(), extent);
    let wanted = phase_order(3, 2, (0, 0));
    let (fused, statistics) = normed_conv(&mut tape, &x, [weight, scale, shift], shape, Some(&wanted));
    let convolved = conv(&mut tape, &x, (weight, None), shape, Some(&wanted));
    let (plain, expected) = batch_norm(&mut tape, &convolved, Some([scale, shift]));
    for (i, y) in [&fused, &plain].into_iter().enumerate() {
        let product = tape.graph.mul(&y.value, w);
        let loss = tape.graph.mean(&product);
        let w = w.clone();
        tape.record(&loss, &[&y.value], move |g, dy, _| {
            let count = g.count(&w);
            let share = g.div(dy, &count);
            vec![Some(g.mul(&w, &share))]
        });
        let gradients = tape.backward(&loss, &leaves[1..4]);
        tape.graph.output(&format!("y{i}"), &y.value);
        for (gradient, name) in gradients.iter().zip(&names[1..]) {
            tape.graph.output(&format!("{name}{i}"), gradient.as_ref().unwrap());
        }
        for (value, name) in if i == 0 { &statistics } else { &expected }.iter().zip(["mean", "variance"]) {
            tape.graph.output(&format!("{name}{i}"), value);
        }
    }
    let mut session =
        runtime().session(&tape.graph.finish("normed").to_bytes(), &SessionOptions::default()).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let shapes: Vec<Vec<usize>> = shapes.iter().map(|s| dims(s)).collect();
    let values: Vec<Vec<f32>> = (shapes.iter())
        .map(|s| (0..s.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect())
        .collect();
    let inputs: Vec<_> = (0..5).map(|i| (names[i], Input::Slice(&shapes[i], &values[i]))).collect();
    let outputs = session.run(&inputs).unwrap();
    let (fused, plain) = outputs.split_at(outputs.len() / 2);
    for (fused, plain) in fused.iter().zip(plain) {
        for (a, b) in fused.data().iter().zip(plain.data()) {
            assert!((a - b).abs() < 2e-5, "{:?}: {a} and {b}", fused.shape());
        }
    }
}

#[test]
fn recurrent_gradients() {
    let extent = image(2, 3, 4);
    let weights = |inputs: usize, units: usize| {
        [vec![fixed(4 * units * inputs)], vec![fixed(4 * units * units)], vec![fixed(4 * units)]]
    };
    for sequence in [false, true] {
        let leaves = [vec![plane_shape(extent)], weights(8, 3).to_vec()].concat();
        check_gradients(&format!("lstm {sequence}"), &leaves, 0.03, |tape, x| {
            let rows = Feature::raster(x[0].clone(), extent);
            lstm(tape, &rows, [&x[1], &x[2], &x[3]], (3, sequence), None).value
        });
        let leaves = [vec![vec![fixed(5), batch(1)]], weights(5, 3).to_vec()].concat();
        check_gradients(&format!("repeated lstm {sequence}"), &leaves, 0.03, |tape, x| {
            let vector = Feature::raster(x[0].clone(), Extent::vector(5));
            lstm(tape, &vector, [&x[1], &x[2], &x[3]], (3, sequence), Some(4)).value
        });
    }
}

#[test]
fn gradients_of_what_families_add() {
    let vector = |units| vec![fixed(units), batch(1)];
    let feature = |x: &Value, units| Feature::raster(x.clone(), Extent::vector(units));
    check_gradients("contrast", &[vector(6)], 0.02, |tape, x| contrastive(tape, &feature(&x[0], 6), 0.5));
    check_gradients("first half", &[vector(3)], 0.25, |tape, x| {
        let half = first_half(tape, &feature(&x[0], 3)).value;
        let doubled = tape.graph.join_halves([&half, &half]);
        tape.record(&doubled, &[&half], |g, dy, _| {
            let [a, b] = g.halves(dy);
            vec![Some(g.add(&a, &b))]
        });
        doubled
    });
    let dense = [vector(4), vec![fixed(24)], vec![fixed(6)]];
    let noise = |tape: &mut Tape, x: &Value| {
        let zeros = tape.graph.zeros_like(x);
        let zeros = tape.graph.split(&zeros, &[3, 1]).remove(0);
        let column = tape.graph.constant(&[3, 1], &[0.3, -1.0, 0.8]);
        tape.graph.add(&zeros, &column)
    };
    check_gradients("draw", &dense, 0.02, |tape, x| {
        let noise = noise(tape, &x[0]);
        gaussian(tape, &feature(&x[0], 4), (&x[1], Some(&x[2])), &noise).0.value
    });
    check_gradients("divergence", &dense, 0.02, |tape, x| {
        let noise = noise(tape, &x[0]);
        gaussian(tape, &feature(&x[0], 4), (&x[1], Some(&x[2])), &noise).1
    });
    for truth in [false, true] {
        check_gradients("verdict", &[vector(1)], 0.02, |tape, x| verdict_loss(tape, &x[0], truth));
    }
    check_gradients("weighted sum", &[vec![], vec![]], 0.25, |tape, x| {
        let weight = tape.graph.scalar(0.3);
        weighted_sum(tape, &x[0], &x[1], &weight)
    });
}

#[test]
fn neighbour_gradients() {
    let (vector, square) = (|units| vec![fixed(units), batch(1)], vec![batch(1), batch(1)]);
    check_gradients("cosines", &[vector(5), vector(5)], 0.02, |tape, x| cosines(tape, [&x[0], &x[1]]));
    check_gradients("own view", std::slice::from_ref(&square), 0.02, |tape, x| own_view(tape, &x[0], 0.4));
    let leaves: (&[_], &[_]) = (&[vector(3)], &[vector(3)]);
    check_gradients_beside("apart", leaves, 0.02, |tape, x| apart(tape, &x[0], &x[1]));
    let leaves: (&[_], &[_]) = (&[square], &[vector(3)]);
    check_gradients_beside("soft neighbours", leaves, 0.02, |tape, x| {
        soft_neighbours(tape, &x[0], &x[1], Temperatures { wanted: &[(0.7, 0.5), (0.3, 2.0)], had: 0.3 })
    });
}

/// Values of PyTorch's log_softmax, normalize and cross_entropy, in float64.
#[test]
fn neighbours_are_judged_as_by_pytorch() {
    let features = [0.6f32, 0.28, 0.0, -0.48, -0.8, 0.96, 0.6, 0.6, 0.0, 0.0, 0.8, 0.64]; // [3, N]
    let a = [1.0f32, 1.0, -1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 0.25, 1.0, 0.5, -1.0, 1.0, 1.0]; // [4, N]
    let b = [1.0f32, 1.0, -1.0, 0.75, -0.5, 1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0, -1.0, 1.0, 1.0];
    let mut tape = Tape::default();
    let [x, left, right] = [("x", 3), ("a", 4), ("b", 4)]
        .map(|(name, rows)| tape.graph.input(name, vec![fixed(rows), batch(1)]));
    let cosines = cosines(&mut tape, [&left, &right]);
    let neighbours = soft_neighbours(
        &mut tape,
        &cosines,
        &x,
        Temperatures { wanted: &[(0.7, 0.5), (0.3, 2.0)], had: 0.2 },
    );
    let views = own_view(&mut tape, &cosines, 0.2);
    let weight = tape.graph.scalar(0.3);
    let loss = weighted_sum(&mut tape, &neighbours, &views, &weight);
    let gradients = tape.backward(&loss, &[left, right]);
    for (name, value) in [("neighbours", &neighbours), ("views", &views)] {
        tape.graph.output(name, value);
    }
    for (name, gradient) in ["da", "db"].into_iter().zip(&gradients) {
        tape.graph.output(name, gradient.as_ref().unwrap());
    }
    let bytes = tape.graph.finish("neighbours").to_bytes();
    let mut session = runtime().session(&bytes, &SessionOptions::default()).unwrap();
    let inputs = [
        ("x", Input::Slice(&[3, 4], &features)),
        ("a", Input::Slice(&[4, 4], &a)),
        ("b", Input::Slice(&[4, 4], &b)),
    ];
    let outputs = session.run(&inputs).unwrap();
    let expected: [&[f32]; 4] = [
        &[2.300308],
        &[0.549569],
        &[
            -0.186806, 0.050663, 0.011149, 0.01435, -0.169364, -0.128993, 0.020853, -0.079878, -0.097438,
            0.194106, -0.001329, -0.038249, 0.229761, -0.272436, -0.009372, -0.027278,
        ],
        &[
            0.071157, -0.082409, -0.109201, -0.063891, 0.181515, 0.179527, -0.005099, -0.074452, -0.198253,
            -0.178136, 0.002922, 0.075721, -0.217854, -0.081018, -0.10118, -0.102254,
        ],
    ];
    for (got, expected) in outputs.iter().zip(expected) {
        assert_eq!(got.data().len(), expected.len());
        assert!(got.data().iter().zip(expected).all(|(a, b)| (a - b).abs() < 2e-5), "{:?}", got.data());
    }
}

/// The larger half of every row is 1; gradients pass, with a pull towards the code.
#[test]
fn codes_are_half_ones_and_let_gradients_through() {
    let mut tape = Tape::default();
    let z = tape.graph.input("z", vec![fixed(2), batch(1)]);
    let code = binarize(&mut tape, &Feature::raster(z.clone(), Extent::vector(2)));
    let loss = tape.graph.mean(&code.value);
    let shape = code.value.clone();
    tape.record(&loss, &[&code.value], move |g, dy, _| {
        let zeros = g.zeros_like(&shape);
        vec![Some(g.add(&zeros, dy))]
    });
    let gradient = tape.backward(&loss, &[z]).remove(0).unwrap();
    tape.graph.output("code", &code.value);
    tape.graph.output("gradient", &gradient);
    let bytes = tape.graph.finish("codes").to_bytes();
    let mut session = runtime().session(&bytes, &SessionOptions::default()).unwrap();
    let z = [0.5f32, 3.0, -1.0, 2.0, -4.0, -3.0, -2.0, -1.0];
    let outputs = session.run(&[("z", Input::Slice(&[2, 4], &z))]).unwrap();
    assert_eq!(outputs[0].data(), [-1.0, 1.0, -1.0, 1.0, -1.0, -1.0, 1.0, 1.0]);
    for ((gradient, z), code) in outputs[1].data().iter().zip(z).zip(outputs[0].data()) {
        assert!((gradient - (1.0 + (z - code) / 8.0)).abs() < 1e-6);
    }
}

#[test]
fn the_loss_stays_exact_for_large_logits() {
    let mut tape = Tape::default();
    let [z, t] = ["z", "t"].map(|name| tape.graph.input(name, vec![fixed(4), batch(1)]));
    let loss = cross_entropy(&mut tape, &z, &t);
    tape.graph.output("loss", &loss);
    let bytes = tape.graph.finish("loss").to_bytes();
    let mut session = runtime().session(&bytes, &SessionOptions::default()).unwrap();
    let [z, t] = [[50.0f32, -50.0, 50.0, 0.0], [1.0, 0.0, 0.5, 0.5]];
    let inputs = [("z", Input::Slice(&[4, 1], &z)), ("t", Input::Slice(&[4, 1], &t))];
    let loss = session.run(&inputs).unwrap()[0].data()[0];
    assert!((loss - (25.0 + 2.0f32.ln()) / 4.0).abs() < 1e-5, "{loss}");
}
