//! The pictures that the program draws of what a model sees, and the model that `auto` stands for: from
//! outside, as users meet them.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use aesearch::images::{Limits, Pixels, decode, encode_png};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::cli::{Place, assert_keys};
use crate::fixtures::write;

fn picture(path: &Path) -> Pixels {
    decode(&fs::read(path).expect("the picture is there"), &Limits::default()).expect("an image")
}

/// A string of the document.
fn text<'a>(document: &'a Value, key: &str) -> &'a str {
    document[key].as_str().unwrap_or_else(|| panic!("{key} is no text in {document:#}"))
}

/// `n` images of nothing.
fn write_noise(folder: &Path, n: usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for i in 0..n {
        let data = (0..28 * 28).map(|_| rng.random()).collect();
        let png = encode_png(&Pixels { width: 28, height: 28, channels: 1, data }).expect("encodes");
        write(&folder.join(format!("{i}.png")), &png);
    }
}

#[test]
fn a_collection_of_digits_gets_the_model_of_digits() {
    let place = Place::with_digits();
    let ran = place.run(&["index", "digits", "--json"]).expect(0).says("model digits-64: it recognizes ");
    assert!(!ran.err.contains("warning"), "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.out).expect("a document");
    assert_eq!(document["model"]["name"], "digits-64");
    // The index keeps its model: nothing is chosen again.
    let again = place.run(&["index", "digits"]).expect(0);
    assert!(!again.err.contains("recognizes"), "{}", again.err);
}

#[test]
fn no_picture_is_written_over_an_image() {
    let place = Place::with_digits();
    place.run(&["index", "digits"]).expect(0);
    let image = fs::read(place.path().join("7.png")).expect("an image");
    for verb in [
        &["reconstruct", "7.png", "-o"][..],
        &["latent", "7.png", "digits", "-o"],
        &["query", "7.png", "--sheet"],
    ] {
        place.run(&[verb, &["7.png"]].concat()).expect(2).says("got one of the images");
        assert_eq!(fs::read(place.path().join("7.png")).expect("an image"), image, "{verb:?}");
    }
    place.run(&["latent", "digits", "--grid", "1000", "-o", "x.png"]).expect(2).says("--grid");
    place.run(&["reconstruct", "digits", "--count", "0", "-o", "x.png"]).expect(2).says("--count");
}

#[test]
fn what_no_model_knows_is_told_with_the_commands_that_help() {
    let place = Place::empty();
    write_noise(&place.path().join("noise"), 40);
    let ran = place.run(&["index", "noise"]).expect(0);
    ran.says("no shipped model was trained on images like these").says("`aesearch train`").says("--model");
    let quick = ["--epochs", "1", "--width", "4"];
    place.run(&[&["train", "noise", "-o", "models/mine"][..], &quick].concat()).expect(0);
    let ran = place.run(&["index", "noise", "--model", "models/mine", "--index", "mine"]).expect(0);
    assert!(ran.out.contains("with mine"), "{}", ran.out);
    assert!(place.path().join("mine/MANIFEST").is_file());
}

#[test]
fn reconstructions_are_drawn_and_measured() {
    let place = Place::with_digits();
    let document = place.json(&["reconstruct", "digits", "7.png", "-o", "seen.png", "--count", "12"]);
    assert_keys(&document, &["schema_version", "command", "model", "skipped"]);
    let images = document["images"].as_array().expect("a list");
    assert_eq!(images.len(), 12);
    for image in images {
        assert_keys(image, &["path", "explained"]);
        assert!(image["loss"].as_f64().is_some_and(|loss| loss < 0.3), "{image}");
    }
    let one = place.json(&["reconstruct", "7.png", "-o", "one.png"]);
    assert_eq!(one["images"].as_array().map(Vec::len), Some(1));
    let (twelve, one) =
        (picture(&place.path().join(text(&document, "sheet"))), picture(&place.path().join("one.png")));
    assert!(twelve.width > one.width && twelve.height > one.height, "ten in a row, two below");
}

#[test]
fn the_ink_makes_no_difference_to_a_reconstruction() {
    let place = Place::with_digits();
    let mut negative = picture(&place.path().join("7.png"));
    negative.data.iter_mut().for_each(|value| *value = 255 - *value);
    write(&place.path().join("negative.png"), &encode_png(&negative).expect("encodes"));
    let loss = |args: &[&str]| {
        let document = place.json(&[&["reconstruct", "-o", "s.png"], args].concat());
        document["images"][0]["loss"].as_f64().expect("a number")
    };
    let (light, dark) = (loss(&["7.png"]), loss(&["negative.png"]));
    assert!((light - dark).abs() < 1e-4, "{light} {dark}");
    assert!(loss(&["negative.png", "--invert", "never"]) > 2.0 * light);
}

#[test]
fn cleaned_images_take_nobodys_place() {
    let place = Place::with_digits();
    fs::copy(place.path().join("7.png"), place.path().join("0000.png")).expect("a copy");
    let args = ["denoise", "digits/3", "digits/4/0000.png", "0000.png", "-o", "clean", "--noise", "0.3"];
    let document = place.json(&args);
    let images = document["images"].as_array().expect("a list");
    let outputs: HashSet<&str> = images.iter().map(|image| text(image, "output")).collect();
    assert_eq!((images.len(), outputs.len()), (6, 6), "{outputs:?}");
    for output in outputs {
        let cleaned = picture(&place.path().join(output));
        assert_eq!((cleaned.width, cleaned.height), (28, 28));
    }
    assert!(
        images.iter().all(|image| image["error_before"].as_f64().is_some_and(|e| e > 0.1)),
        "{document:#}"
    );
    let sheet = fs::read(place.path().join(text(&document, "sheet"))).expect("the sheet");
    place.json(&[&args[..], &["--sheet", "again.png"]].concat());
    assert_eq!(fs::read(place.path().join("again.png")).expect("the sheet"), sheet, "the seed decides");

    let before = fs::read(place.path().join("7.png")).expect("7.png");
    place.run(&["denoise", "7.png", "-o", "."]).expect(2).says("7.png").says("nothing was written");
    place.run(&["denoise", "7.png", "-o", "out", "--sheet", "7.png"]).expect(2);
    assert_eq!(fs::read(place.path().join("7.png")).expect("7.png"), before);
    place.run(&["denoise", "7.png", "-o", "out", "--noise=-1"]).expect(2).says("--noise");
}

#[test]
fn the_latent_space_is_drawn() {
    let place = Place::with_digits();
    write(&place.path().join("digits/0/bad.png"), b"no image");
    let ran = place.run(&["latent", "digits", "-o", "space.png", "--json"]).expect(3);
    let document: Value = serde_json::from_str(&ran.out).expect("a document");
    let points = document["points"].as_array().expect("a list");
    assert_eq!(points.len(), 40);
    assert_keys(&points[0], &["path", "x", "y"]);
    assert_eq!(points[0]["label"], "0");
    let shares = document["explained"].as_array().expect("two shares");
    assert!(shares[0].as_f64() > shares[1].as_f64() && shares[1].as_f64() > Some(0.0), "{shares:?}");
    place.run(&["latent", "digits/1", "-o", "dots.png", "--grid", "0"]).expect(0);
    let (both, dots) = (picture(&place.path().join("space.png")), picture(&place.path().join("dots.png")));
    assert!(both.width > 3 * dots.width / 2, "{} {}", both.width, dots.width);
    place.run(&["latent", "digits/0/bad.png", "-o", "x.png"]).expect(2).says("bad.png");
}

#[test]
fn new_images_come_from_models_that_can_imagine_them() {
    let place = Place::with_digits();
    let args = ["sample", "-o", "new.png", "--model"];
    place.run(&[&args[..], &["digits-64"]].concat()).expect(2).says("conv-hash").says("the family vae");
    let train = ["train", "digits", "--family", "vae", "--epochs", "1", "--width", "4", "-o", "mine"];
    place.run(&train).expect(0);
    let sample = |dir: &str, more: &[&str]| {
        let document = place.json(&[&args[..], &["mine", "--dir", dir], more].concat());
        document["files"].as_array().expect("a list").len()
    };
    assert_eq!(
        (sample("a", &["-n", "3"]), sample("b", &["-n", "5"]), sample("c", &["--seed", "1", "-n", "3"])),
        (3, 5, 3)
    );
    let file = |dir: &str, i: usize| {
        fs::read(place.path().join(format!("{dir}/sample-000{i}.png"))).expect("a file")
    };
    assert!((0..3).all(|i| file("a", i) == file("b", i)), "more images leave the first ones as they are");
    assert_ne!(file("a", 0), file("c", 0));
    place.run(&["sample", "-o", "new.png", "--model", "mine", "-n", "0"]).expect(2).says("--count");
}
