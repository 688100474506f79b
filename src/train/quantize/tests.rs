//! Small models in int8: near the original, an identity of their own, the same bytes again, and refusals.

use std::path::PathBuf;

use super::samples::{open, run_one};
use super::{QuantizeRequest, quantize_model};
use crate::images::{InputShape, Item, Limits, Pixels, Resizer, load, write_png};
use crate::model::{Design, Family, Metadata, Model, decoder_onnx, encoder_onnx};
use crate::runtime::{RuntimeOptions, ensure};
use crate::train::save::write_model;
use crate::train::{Dataset, TrainRequest, golden, train_model};
use tempfile::TempDir;

/// A model folder `float` of fresh weights.
fn folder(family: Family, shape: InputShape, width: usize) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let architecture = family.architecture(shape, Design { width, ..Design::default() }).unwrap();
    let weights = architecture.initial_weights(3);
    let metadata = Metadata::new("float", &architecture, 64);
    let [encoder, decoder] =
        [encoder_onnx, decoder_onnx].map(|export| export(&architecture, &weights, &metadata));
    let runtime = ensure(&RuntimeOptions::from_env(), &()).unwrap();
    let (encoder, decoder) = (encoder.to_bytes(), decoder.to_bytes());
    let golden = golden(&runtime, &encoder, &decoder, &metadata).unwrap();
    write_model(&dir.path().join("float"), "# float\n", &golden, [&encoder, &decoder]).unwrap();
    dir
}

/// Waves of random direction, length and colour.
fn waves(n: usize, side: usize, channels: usize) -> Vec<Item> {
    let wave = |i: usize| {
        let (a, b) = ((i as f32 * 1.7).sin() * 9.0, (i as f32 * 2.3).cos() * 9.0);
        let at = |j: usize| {
            let (y, x, c) = (j / channels / side, j / channels % side, j % channels);
            let phase = (a * x as f32 + b * y as f32) / side as f32 + (c * i) as f32;
            (127.5 + 127.5 * phase.sin()) as u8
        };
        Pixels { width: side, height: side, channels, data: (0..side * side * channels).map(at).collect() }
    };
    (0..n).map(|i| Item::from_pixels(format!("wave {i}"), wave(i))).collect()
}

fn request(dir: &TempDir, name: &str) -> QuantizeRequest {
    QuantizeRequest {
        model: dir.path().join("float").display().to_string(),
        folder: dir.path().join(name),
        runtime: RuntimeOptions::from_env(),
        ..QuantizeRequest::default()
    }
}

/// Writes waves as files, as models of colours are given none.
fn files(dir: &TempDir, n: usize, side: usize) -> PathBuf {
    let folder = dir.path().join("waves");
    std::fs::create_dir(&folder).unwrap();
    for item in waves(n, side, 3) {
        let pixels = load(&item, &Limits::default()).unwrap().pixels;
        write_png(&folder.join(format!("{}.png", item.display())), &pixels).unwrap();
    }
    folder
}

#[test]
fn a_small_model_in_int8_keeps_its_neighbours_and_gives_the_same_bytes_again() {
    let shape = InputShape { channels: 1, height: 28, width: 28 };
    let dir = folder(Family::ConvHash, shape, 8);
    let drawn = waves(120, 28, 1);
    let [first, second] = ["int8", "again"].map(|name| {
        quantize_model(&QuantizeRequest { drawn: drawn.clone(), ..request(&dir, name) }, &()).unwrap()
    });
    assert_eq!((first.calibrated_on, first.comparison.held_out), (60, 60));
    assert!(first.comparison.overlap > 0.8, "{:?}", first.comparison);
    assert_eq!(first.sha256, second.sha256);
    let other = QuantizeRequest { drawn: drawn.clone(), ..request(&dir, "again") };
    let refused = quantize_model(&other, &()).unwrap_err().to_string();
    assert!(refused.ends_with("expected a folder without a model, got one with encoder.onnx"), "{refused}");
    assert!(quantize_model(&QuantizeRequest { force: true, ..other }, &()).is_ok());
    let read = |name: &str, file: &str| std::fs::read(dir.path().join(name).join(file)).unwrap();
    assert_eq!(read("int8", "encoder.onnx"), read("again", "encoder.onnx"));
    assert_eq!(read("int8", "decoder.onnx"), read("float", "decoder.onnx"));
    let [float, int8] =
        ["float", "int8"].map(|name| Model::load(&dir.path().join(name).display().to_string()).unwrap());
    assert_ne!(float.sha256, int8.sha256);
    assert_eq!((&int8.metadata, &int8.sha256), (&first.metadata, &first.sha256));
    assert_eq!(int8.metadata.name, "float-int8");
    let origin = int8.metadata.origin.as_deref().unwrap();
    assert_eq!(origin, format!("quantized from float (SHA-256 {})", float.sha256));
    let card = int8.card.as_deref().unwrap();
    for part in ["# float-int8\n", "Overlap: 0.", " ms an image", "VNNI", "\n## float\n"] {
        assert!(card.contains(part), "{part:?} in {card}");
    }
}

#[test]
fn latents_of_photos_in_int8_are_near_those_in_floats() {
    let shape = InputShape { channels: 3, height: 96, width: 96 };
    let dir = folder(Family::Photo, shape, 25);
    let images = vec![files(&dir, 100, 96)];
    let quantized = quantize_model(&QuantizeRequest { images, ..request(&dir, "int8") }, &()).unwrap();
    assert!(quantized.comparison.overlap > 0.6, "{:?}", quantized.comparison);
    let runtime = ensure(&RuntimeOptions::from_env(), &()).unwrap();
    let pixels = waves(3, 96, 3).into_iter().flat_map(|item| {
        let pixels = load(&item, &Limits::default()).unwrap().pixels;
        let mut planes = vec![0.0f32; 3 * 96 * 96];
        Resizer::new().to_input(&pixels, shape, &mut planes).unwrap();
        planes.into_iter().map(|x| (x * 255.0) as u8).collect::<Vec<_>>()
    });
    let data = Dataset::new(shape, pixels.collect()).unwrap();
    let [mut float, mut int8] = ["float", "int8"].map(|name| {
        open(&runtime, &std::fs::read(dir.path().join(name).join("encoder.onnx")).unwrap()).unwrap()
    });
    for i in 0..3 {
        let [a, b] = [&mut float, &mut int8].map(|session| run_one(session, &data, i).unwrap());
        let (a, b) = (a[0].data(), b[0].data());
        let norm = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
        let cosine = a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() / (norm(a) * norm(b));
        assert!(cosine > 0.98 && a != b, "{cosine}");
    }
}

#[test]
fn what_cannot_be_quantized_is_refused() {
    let colour = InputShape { channels: 3, height: 32, width: 32 };
    let dir = folder(Family::ConvHash, colour, 8);
    let refused = |request: &QuantizeRequest| quantize_model(request, &()).unwrap_err().to_string();
    let none = request(&dir, "int8");
    assert_eq!(refused(&none), "float: `images`: expected photos to calibrate on, got none");
    let few = QuantizeRequest { images: vec![files(&dir, 99, 32)], ..none.clone() };
    assert_eq!(refused(&few), "`images`: expected at least 100 that can be read, got 99");
    let own = QuantizeRequest { folder: dir.path().join("float"), ..none.clone() };
    assert!(refused(&own).ends_with("expected another folder than the model's own, got that"));
    std::fs::write(dir.path().join("README.md"), "mine").unwrap();
    let text = QuantizeRequest { folder: dir.path().to_owned(), ..none };
    assert!(refused(&text).ends_with("got one with a README.md of its own"));
    assert!(!dir.path().join("int8").exists());
}

#[test]
fn a_training_does_not_start_from_int8() {
    let dir = folder(Family::ConvHash, InputShape { channels: 1, height: 28, width: 28 }, 8);
    let quantize = QuantizeRequest { drawn: waves(100, 28, 1), ..request(&dir, "int8") };
    quantize_model(&quantize, &()).unwrap();
    let from = Some(quantize.folder.display().to_string());
    let data = vec![files(&dir, 3, 28)];
    let request = TrainRequest { data, folder: dir.path().join("more"), from, ..TrainRequest::default() };
    let error = train_model(&request, &()).err().unwrap();
    assert_eq!(error.to_string(), "`from`: float-int8: expected weights in floats, got int8");
    let again = QuantizeRequest {
        model: quantize.folder.display().to_string(),
        folder: dir.path().join("twice"),
        ..quantize
    };
    let error = quantize_model(&again, &()).unwrap_err();
    assert_eq!(error.to_string(), "float-int8: weights: expected floats, got int8 already");
}
