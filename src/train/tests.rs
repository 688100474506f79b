//! Gradients of every operation against finite differences, and the whole forward pass against the exported files.
//!
//! The graphs run in ONNX Runtime, which is fetched on first use like in the program itself.

use super::conv::{Conv, conv, phase_order};
use super::ops::{Feature, cross_entropy, dense, raster, relu};
use super::step::forward_only;
use super::tape::Tape;
use super::upconv::upsample_conv;
use crate::images::InputShape;
use crate::model::{Extent, Family, Metadata, decoder_onnx, encoder_onnx};
use crate::onnx::{Dim, Value, batch, fixed};
use crate::runtime::{Input, Runtime, Session, SessionOptions, ensure, options_from};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const BATCH: usize = 3;

fn runtime() -> Runtime {
    ensure(&options_from(|name| std::env::var_os(name)), &|_| {}).unwrap()
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
    let gradients = tape.backward(&loss, &leaves);
    tape.graph.output("loss", &loss);
    for (i, gradient) in gradients.iter().enumerate() {
        tape.graph.output(&format!("d{i}"), gradient.as_ref().unwrap());
    }
    let bytes = tape.graph.finish(name).to_bytes();
    let mut session = runtime().session(&bytes, &SessionOptions::default()).unwrap();
    let shapes: Vec<Vec<usize>> = shapes.iter().map(Vec::as_slice).chain([y.shape()]).map(dims).collect();
    let mut values: Vec<Vec<f32>> = shapes
        .iter()
        .map(|s| (0..s.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect())
        .collect();
    let analytic = outputs(&mut session, &shapes, &values);
    for leaf in 0..leaves.len() {
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
        for next in [None, Some((0, 0)), Some((1, 1))] {
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
                let y = conv(tape, &feature, [&x[1], &x[2]], shape, next);
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

#[test]
fn dense_relu_and_loss_gradients() {
    let vector = |units| vec![fixed(units), batch(1)];
    check_gradients("dense", &[vector(5), vec![fixed(35)], vec![fixed(7)]], 0.25, |tape, x| {
        dense(tape, &Feature::raster(x[0].clone(), Extent::vector(5)), [&x[1], &x[2]], 7).value
    });
    // values as far from the kink as the step is long
    check_gradients("relu", &[vector(40)], 1e-4, |tape, x| {
        relu(tape, &Feature::raster(x[0].clone(), Extent::vector(40))).value
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

#[test]
fn the_exported_files_give_the_trainers_forward_values() {
    let runtime = runtime();
    for family in Family::ALL {
        for shape in [
            InputShape { channels: 1, height: 28, width: 28 },
            InputShape { channels: 3, height: 32, width: 32 },
            InputShape { channels: 1, height: 12, width: 20 },
        ] {
            let architecture = family.architecture(shape, 64).unwrap();
            let mut rng = ChaCha8Rng::seed_from_u64(5);
            let weights: Vec<f32> = (architecture.initial_parameters(5).iter())
                .map(|w| w + rng.random_range(-0.02f32..0.02))
                .collect();
            let n = 5;
            let size = shape.channels * shape.height * shape.width;
            let images: Vec<f32> = (0..n * size).map(|_| rng.random()).collect(); // [N, C, H, W]
            let innermost: Vec<f32> = (0..size * n).map(|i| images[i % n * size + i / n]).collect();
            let graph = forward_only(&architecture).unwrap().to_bytes();
            let mut session = runtime.session(&graph, &SessionOptions::default()).unwrap();
            let trainer = session
                .run(&[
                    ("image", Input::Slice(&[shape.channels, size / shape.channels, n], &innermost)),
                    ("parameters", Input::Slice(&[weights.len()], &weights)),
                ])
                .unwrap();
            let metadata = Metadata::new("test", &architecture, 64);
            let [mut encoder, mut decoder] = [encoder_onnx, decoder_onnx].map(|export| {
                let bytes = export(&architecture, &weights, &metadata).to_bytes();
                runtime.session(&bytes, &SessionOptions::default()).unwrap()
            });
            let dims = [n, shape.channels, shape.height, shape.width];
            let latent = encoder.run(&[("image", Input::Slice(&dims, &images))]).unwrap();
            let exported = decoder.run(&[("latent", Input::Tensor(&latent[0]))]).unwrap();
            assert_eq!(exported[0].shape(), dims);
            for i in 0..n * size {
                let (ours, theirs) = (trainer[0].data()[i % size * n + i / size], exported[0].data()[i]);
                assert!((ours - theirs).abs() < 1e-5, "{family} {shape:?}: {ours} and {theirs} at {i}");
            }
        }
    }
}
