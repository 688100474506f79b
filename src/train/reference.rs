//! The whole training step against values that PyTorch gave once (`tests/data/torch_reference.py`).

use super::step::{StepOptions, training_step};
use crate::autodiff::adam_pace;
use crate::images::InputShape;
use crate::model::{Architecture, Design, Family};
use crate::runtime::{Input, RuntimeOptions, SessionOptions, Tensor, ensure};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    seed: u64,
    images: usize,
    images_summary: Summary,
    losses: Vec<f64>,
    tensors: Vec<TensorReference>,
}

#[derive(Deserialize)]
struct TensorReference {
    name: String,
    scale: f32,
    initial: Summary,
    gradient: Summary,
    after_1: Option<Summary>,
    after_3: Option<Summary>,
}

#[derive(Deserialize)]
struct Summary {
    first: Vec<f64>,
    sum: f64,
    norm: f64,
    weighted: f64,
}

impl Summary {
    /// Checks `x` to `tolerance` times the size that rounding errors have in each sum.
    fn check(&self, what: &str, x: &[f32], tolerance: f64) {
        let x: Vec<f64> = x.iter().map(|&v| v.into()).collect();
        let norm = x.iter().map(|v| v * v).sum::<f64>().sqrt();
        let root = (x.len() as f64).sqrt();
        let close = |kind: &str, got: f64, expected: f64, size: f64| {
            assert!(
                (got - expected).abs() <= tolerance * size,
                "{what}: {kind}: expected {expected}, got {got}"
            );
        };
        for (i, (&got, &expected)) in x.iter().zip(&self.first).enumerate() {
            close(&format!("element {i}"), got, expected, self.norm.max(1e-6));
        }
        close("norm", norm, self.norm, self.norm);
        close("sum", x.iter().sum(), self.sum, self.norm * root);
        let weighted = x.iter().enumerate().map(|(i, v)| v * (i % 97 + 1) as f64).sum();
        close("weighted sum", weighted, self.weighted, 97.0 * self.norm * root);
    }
}

/// The generator of the reference script: `count` numbers in `0..1`.
fn draw(state: &mut u64, count: usize) -> Vec<f32> {
    let mut next = || {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 40) as f32 / 16_777_216.0
    };
    (0..count).map(|_| next()).collect()
}

/// Images, batch innermost, of which about half of the pixels are black.
fn draw_images(state: &mut u64, n: usize, shape: InputShape) -> [Vec<f32>; 2] {
    let size = shape.size();
    let outermost: Vec<f32> = draw(state, n * size).iter().map(|&u| if u >= 0.5 { u } else { 0.0 }).collect();
    let innermost = (0..size * n).map(|i| outermost[i % n * size + i / n]).collect();
    [outermost, innermost]
}

fn compare(architecture: &Architecture, json: &str) {
    let reference: Reference = serde_json::from_str(json).unwrap();
    let tensors = architecture.parameters();
    assert_eq!(tensors.len(), reference.tensors.len());
    let mut state = reference.seed;
    let mut weights = vec![];
    for (tensor, expected) in tensors.iter().zip(&reference.tensors) {
        let values: Vec<f32> =
            draw(&mut state, tensor.len()).iter().map(|u| (u - 0.5) * expected.scale).collect();
        expected.initial.check(&expected.name, &values, 1e-6);
        weights.extend(values);
    }
    let n = reference.images;
    let [images, innermost] = draw_images(&mut state, n, architecture.input);
    reference.images_summary.check("images", &images, 1e-6);
    let has_target = architecture.reconstruction != architecture.input;
    let [_, target] =
        if has_target { draw_images(&mut state, n, architecture.reconstruction) } else { [vec![], vec![]] };

    let runtime = ensure(&RuntimeOptions::from_env(), &()).unwrap();
    let options = StepOptions { target: has_target, temperature: 1.0, decay: false, features: None };
    let graph = training_step(architecture, &options).unwrap().to_bytes();
    let mut session = runtime.session(&graph, &SessionOptions::default()).unwrap();
    let count = weights.len();
    let mut moments = [(); 2].map(|()| Tensor::new(&[count], vec![0.0; count]).unwrap());
    let mut parameters = Tensor::new(&[count], weights).unwrap();
    let dims = |shape: InputShape| [shape.channels, shape.height * shape.width, n];
    let [image_dims, target_dims] = [architecture.input, architecture.reconstruction].map(dims);
    for (step, &expected) in (1..).zip(&reference.losses) {
        let [rate, epsilon] = adam_pace(step, 1e-3).map(|x| [x]);
        let mut inputs = vec![
            ("image", Input::Slice(&image_dims, &innermost)),
            ("parameters", Input::Tensor(&parameters)),
            ("m", Input::Tensor(&moments[0])),
            ("v", Input::Tensor(&moments[1])),
            ("rate", Input::Slice(&[], &rate)),
            ("epsilon", Input::Slice(&[], &epsilon)),
        ];
        if has_target {
            inputs.push(("target", Input::Slice(&target_dims, &target)));
        }
        let [next, m, v, loss]: [Tensor; 4] = session.run(&inputs).unwrap().try_into().unwrap();
        let loss = f64::from(loss.data()[0]);
        assert!((loss - expected).abs() < 1e-5, "step {step}: loss: expected {expected}, got {loss}");
        for (tensor, expected) in tensors.iter().zip(&reference.tensors) {
            if step == 1 {
                // the first moment's sum after the first step is the gradient
                let gradient = &m.data()[tensor.range()];
                expected.gradient.check(&format!("{} gradient", expected.name), gradient, 1e-5);
            }
            let after = match step {
                1 => &expected.after_1,
                3 => &expected.after_3,
                _ => &None,
            };
            after.iter().for_each(|after| after.check(&expected.name, &next.data()[tensor.range()], 1e-4));
        }
        parameters = next;
        moments = [m, v];
    }
}

fn small(family: Family) -> Architecture {
    family.architecture(InputShape { channels: 1, height: 28, width: 28 }, 64).unwrap()
}

#[test]
fn conv_steps_like_pytorch() {
    compare(&small(Family::Conv), include_str!("../../tests/data/torch_conv.json"));
}

#[test]
fn dense_steps_like_pytorch() {
    compare(&small(Family::Dense), include_str!("../../tests/data/torch_dense.json"));
}

#[test]
fn photo_steps_like_pytorch() {
    let shape = InputShape { channels: 3, height: 96, width: 96 };
    let design = Design { width: 25, depth: 40, ..Design::from(64) };
    let architecture = Family::Photo.architecture(shape, design).unwrap();
    let architecture = Architecture { head: vec![], ..architecture };
    compare(&architecture, include_str!("../../tests/data/torch_photo.json"));
}
