//! The threshold of `aesearch dedupe`: copies do not poison it, and it says how many false pairs to expect.

use std::fs;

use aesearch::demo::collection::write_collection;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use crate::cli::Place;
use crate::fixtures::write;
use crate::scenes::{brighter, jpeg, place_of, png, scan, scene};

/// Copies of every kind, in turn.
fn copy(image: &RgbImage, kind: usize) -> RgbImage {
    let (width, height) = image.dimensions();
    let mut copy = match kind % 8 {
        0 => image::load_from_memory(&jpeg(image, 30)).expect("a JPEG file").into_rgb8(),
        1 => imageops::resize(image, width / 2, height / 2, FilterType::Triangle),
        2 => brighter(image, 125),
        3 => imageops::crop_imm(image, width / 20, height / 20, width * 9 / 10, height * 9 / 10).to_image(),
        4 => imageops::flip_horizontal(image),
        5 => imageops::rotate90(image),
        _ => image.clone(),
    };
    match kind % 8 {
        6 => imageops::replace(
            &mut copy,
            &RgbImage::from_pixel(width / 4, height / 4, Rgb([250, 220, 30])),
            9,
            9,
        ),
        7 => {
            copy = RgbImage::from_pixel(width * 6 / 5, height * 6 / 5, Rgb([255; 3]));
            imageops::replace(&mut copy, image, i64::from(width / 10), i64::from(height / 10));
        }
        _ => {}
    }
    copy
}

/// 1 minus the threshold of a collection of pictures, and of as many hundredths of copies.
fn cut_with(pictures: &[RgbImage], hundredths: usize) -> f64 {
    let n = pictures.len();
    let name = |at: usize| format!("p/{at:04}.png");
    let copies = (0..n * hundredths / 100).map(|at| copy(&pictures[at * 7 % n], at));
    let all: Vec<(String, Vec<u8>)> =
        pictures.iter().cloned().chain(copies).zip(0..).map(|(image, at)| (name(at), png(&image))).collect();
    let files: Vec<(&str, Vec<u8>)> = all.iter().map(|(name, file)| (name.as_str(), file.clone())).collect();
    let plan = scan(&place_of(&files), &["p"]);
    1.0 - plan["threshold"]["similarity"].as_f64().expect("a number")
}

#[test]
fn copies_of_every_kind_hardly_move_the_threshold() {
    let scenes: Vec<RgbImage> = (0..40).map(scene).collect();
    // thumbnails of 48 pixels tell nothing to local features: their copies stay in the null
    let small: Vec<RgbImage> =
        (100..220).map(|seed| imageops::resize(&scene(seed), 48, 36, FilterType::Triangle)).collect();
    for pictures in [&scenes, &small] {
        let clean = cut_with(pictures, 0);
        for hundredths in [5, 20] {
            let moved = cut_with(pictures, hundredths) / clean;
            assert!((0.6..1.6).contains(&moved), "{} with {hundredths} %: {moved}", pictures.len());
        }
    }
}

#[test]
fn the_expected_number_of_false_pairs_of_drawn_digits_is_right_within_three() {
    let place = Place::empty();
    let files = write_collection(&place.path().join("digits"), 5, 60).expect("draws digits");
    fs::copy(&files[3], place.path().join("digits/copy.png")).expect("a copy");
    let original = files[3].strip_prefix(place.path()).expect("inside").display().to_string();
    write(&place.path().join("pairs.csv"), format!("{original},digits/copy.png\n").as_bytes());
    for rate in ["3e-3", "1e-2"] {
        let args = ["dedupe", "evaluate", "digits", "--truth", "pairs.csv", "--false-positive-rate", rate];
        let document = place.json(&args);
        let at = &document["at_threshold"];
        let [precision, recall] = ["precision", "recall"].map(|name| at[name].as_f64().expect("a number"));
        let found = recall / precision - recall; // of one true pair
        let expected = document["threshold"]["expected_false_pairs"].as_f64().expect("a number");
        assert!(found >= 5.0, "too few to tell: {found} of {expected}");
        assert!((1.0 / 3.0..3.0).contains(&(found / expected)), "rate {rate}: {found}, expected {expected}");
    }
}
