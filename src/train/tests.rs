//! The whole forward pass against the exported files.
//!
//! The graphs run in ONNX Runtime, which is fetched on first use like in the program itself.

use super::augment::Augment;
use super::batch::Batch;
use super::data::Dataset;
use super::options::TrainOptions;
use super::step::forward_only;
use super::trainer::{Pace, Trainer};
use crate::images::InputShape;
use crate::model::{Architecture, Brightness, Design, Family, Metadata, decoder_onnx, encoder_onnx};
use crate::runtime::{Input, Runtime, RuntimeOptions, SessionOptions, ensure};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn runtime() -> Runtime {
    ensure(&RuntimeOptions::from_env(), &()).unwrap()
}

#[test]
fn the_exported_files_give_the_trainers_forward_values() {
    let runtime = runtime();
    let small = [
        InputShape { channels: 1, height: 28, width: 28 },
        InputShape { channels: 3, height: 32, width: 32 },
        InputShape { channels: 1, height: 12, width: 20 },
    ];
    let large = [(96, 96), (160, 128)].map(|(height, width)| InputShape { channels: 3, height, width });
    for family in Family::ALL {
        for &shape in if family == Family::Photo { &large[..] } else { &small[..] } {
            let design = Design { width: 30, ..Design::from(64) };
            // a head is not exported
            let architecture = Architecture { head: vec![], ..family.architecture(shape, design).unwrap() };
            let mut rng = ChaCha8Rng::seed_from_u64(5);
            let weights: Vec<f32> = (architecture.initial_weights(5).iter())
                .map(|w| w + rng.random_range(-0.02f32..0.02))
                .collect();
            let n = 5;
            let size = shape.channels * shape.height * shape.width;
            let images: Vec<f32> = (0..n * size).map(|_| rng.random()).collect(); // [N, C, H, W]
            let innermost: Vec<f32> = (0..size * n).map(|i| images[i % n * size + i / n]).collect();
            let graph = forward_only(&architecture).unwrap().to_bytes();
            let mut session = runtime.session(&graph, &SessionOptions::default()).unwrap();
            let (parameters, _) = weights.split_at(architecture.parameter_count());
            let no_draw = vec![0.0; architecture.latent_size() * n];
            let image_dims = [shape.channels, size / shape.channels, n];
            let parameter_dims = [parameters.len()];
            let mut inputs = vec![
                ("image", Input::Slice(&image_dims, &innermost)),
                ("parameters", Input::Slice(&parameter_dims, parameters)),
            ];
            let draw_dims = [architecture.latent_size(), n];
            if family == Family::Vae {
                inputs.push(("draw", Input::Slice(&draw_dims, &no_draw)));
            }
            let trainer = session.run(&inputs).unwrap();
            // exported with the statistics of this very batch
            let measured = trainer.get(2).map_or(&[][..], |statistics| statistics.data());
            let weights = [parameters, measured].concat();
            let metadata = Metadata::new("test", &architecture, 64);
            let [mut encoder, mut decoder] = [encoder_onnx, decoder_onnx].map(|export| {
                let bytes = export(&architecture, &weights, &metadata).to_bytes();
                runtime.session(&bytes, &SessionOptions::default()).unwrap()
            });
            let dims = [n, shape.channels, shape.height, shape.width];
            let latent = encoder.run(&[("image", Input::Slice(&dims, &images))]).unwrap();
            let exported = decoder.run(&[("latent", Input::Tensor(&latent[0]))]).unwrap();
            let InputShape { channels, height, width } = architecture.reconstruction;
            assert_eq!(exported[0].shape(), [n, channels, height, width]);
            let compare = |what: &str, ours: &[f32], theirs: &[f32]| {
                let size = theirs.len() / n;
                for (i, theirs) in theirs.iter().enumerate() {
                    let ours = ours[i % size * n + i / size];
                    let near = (ours - theirs).abs() < 1e-4 * theirs.abs().max(0.1);
                    assert!(near, "{family} {shape:?}: {what}: {ours} and {theirs} at {i}");
                }
            };
            compare("latent", trainer[0].data(), latent[0].data());
            // codes of half ones are not those of the sign
            if family != Family::ConvHash {
                compare("reconstruction", trainer[1].data(), exported[0].data());
            }
        }
    }
}

#[test]
fn a_fresh_photo_tells_images_apart_and_learns() {
    let runtime = runtime();
    let shape = InputShape { channels: 3, height: 96, width: 96 };
    let plain = TrainOptions::for_family(Family::Photo, 3);
    let design = Design { width: 25, ..plain.design };
    let options = TrainOptions { design, augment: Augment::None, ..plain };
    let architecture = Architecture { head: vec![], ..options.architecture(shape).unwrap() };
    let n = 16;
    // every image of one colour above and another below
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let colours: Vec<u8> = (0..n * 6).map(|_| rng.random()).collect();
    let pixels = colours.iter().flat_map(|&colour| vec![colour; 96 * 48]).collect();
    let data = Dataset::new(shape, pixels).unwrap();
    let ids: Vec<usize> = (0..n).collect();
    let batch = Batch::new(&data, &ids, &options, &architecture, (1, 0)).unwrap();

    let weights = architecture.initial_weights(0);
    let metadata = Metadata::new("fresh", &architecture, 64);
    let encoder = encoder_onnx(&architecture, &weights, &metadata).to_bytes();
    let mut session = runtime.session(&encoder, &SessionOptions::default()).unwrap();
    let images = data.batch_outermost(0..n).unwrap();
    let latents = session.run(&[("image", Input::Slice(&[n, 3, 96, 96], &images))]).unwrap();
    let largest = |column: usize| {
        let numbers = latents[0].data().iter().skip(column).step_by(architecture.latent_size());
        let (low, high) = numbers.fold((f32::MAX, f32::MIN), |(low, high), x| (low.min(*x), high.max(*x)));
        high - low
    };
    let spread =
        (0..architecture.latent_size()).map(largest).sum::<f32>() / architecture.latent_size() as f32;
    assert!(spread > 0.01, "latents differ by {spread}");

    let mut trainer = Trainer::new(&runtime, &architecture, &options).unwrap();
    let pace = Pace { rate: 2e-3, decay: 1e-4, weight: 0.0 };
    let losses: Vec<f64> = (0..20).map(|_| trainer.step(&batch, &pace).unwrap().reconstruction).collect();
    assert!(losses[19] < losses[0] - 0.03, "{losses:?}");
}

#[test]
fn brightness_is_evened_out_alike_in_pixels_and_nodes() {
    let shape = InputShape { channels: 3, height: 8, width: 12 };
    let design = Design { brightness: Brightness::Normalized, ..Design::default() };
    let architecture = Family::ConvHash.architecture(shape, design).unwrap();
    let metadata = Metadata::new("bright", &architecture, 64);
    let encoder = encoder_onnx(&architecture, &architecture.initial_weights(1), &metadata).to_bytes();
    let mut session = runtime().session(&encoder, &SessionOptions::default()).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let image: Vec<f32> = (0..shape.size()).map(|_| rng.random_range(0.2..0.6)).collect();
    let dims = [1, 3, 8, 12];
    let mut latent =
        |image: &[f32]| session.run(&[("image", Input::Slice(&dims, image))]).unwrap()[0].data().to_vec();
    let darker: Vec<f32> = image.iter().map(|x| 0.5 * x).collect();
    let even = metadata.target(image.clone());
    let mean = even.iter().sum::<f32>() / even.len() as f32;
    assert!((mean - 0.5).abs() < 0.02, "{mean}");
    let [plain, darker, even] = [&image, &darker, &even].map(|image| latent(image));
    for ((a, b), c) in plain.iter().zip(&darker).zip(&even) {
        // the deviation's epsilon, and a second round of clipping, leave a little
        assert!((a - b).abs() < 0.05 && (a - c).abs() < 0.05, "{a}, {b}, {c}");
    }
}
