//! `aesearch dedupe check`: what is in the index already, in which way, and what is not; before a scan and after one.

use std::fs;

use image::{ImageFormat, Rgb, RgbImage, imageops};
use serde_json::Value;

use crate::cli::{Place, assert_keys};
use crate::fixtures::{encode, write};
use crate::scenes::{brighter, jpeg, list, place_of, png, scene, text};

/// An index of twelve scenes, and files outside of it.
fn place() -> Place {
    let files: Vec<(String, Vec<u8>)> =
        (0..12).map(|seed| (format!("photos/{seed:02}.png"), png(&scene(seed)))).collect();
    let files: Vec<(&str, Vec<u8>)> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let place = place_of(&files);
    place.run(&["index", "photos", "--model", "photos-128"]).expect(0);
    let (width, height) = scene(8).dimensions();
    let small = imageops::thumbnail(&scene(5), scene(5).width() / 2, scene(5).height() / 2);
    for (name, bytes) in [
        ("bytes.png", png(&scene(1))),
        ("pixels.bmp", encode(&scene(2).into(), ImageFormat::Bmp)),
        ("quality.jpg", jpeg(&scene(3), 60)),
        ("bright.jpg", jpeg(&brighter(&scene(4), 115), 90)),
        ("small.jpg", jpeg(&small, 90)),
        (
            "cropped.jpg",
            jpeg(&imageops::crop_imm(&scene(8), 0, 0, width * 7 / 10, height * 7 / 10).to_image(), 90),
        ),
        ("mirrored.png", png(&imageops::flip_horizontal(&scene(6)))),
        ("new.png", png(&scene(77))),
    ] {
        write(&place.path().join("in").join(name), &bytes);
    }
    place
}

/// `small.jpg near photos/05.png` for each image.
fn found(document: &Value) -> Vec<String> {
    let line = |image: &Value| {
        let path = text(&image["path"]).trim_start_matches("in/").to_owned();
        match image["known"].as_bool() {
            Some(true) => format!("{path} {} {}", text(&image["kind"]), text(&image["match"])),
            _ => format!("{path} new"),
        }
    };
    list(&document["images"]).iter().map(line).collect()
}

#[test]
fn what_is_there_already_is_told_with_its_kind() {
    let place = place();
    let expected = [
        "bright.jpg near photos/04.png",
        "bytes.png bytes photos/01.png",
        "cropped.jpg edited photos/08.png",
        "mirrored.png edited photos/06.png",
        "new.png new",
        "pixels.bmp pixels photos/02.png",
        "quality.jpg near photos/03.png",
        "small.jpg near photos/05.png",
    ];
    // before a scan, no fingerprints are there: pixels are found by what the codes bring near
    let before = place.json(&["dedupe", "check", "in"]);
    assert_keys(&before, &["schema_version", "command", "threshold", "images", "skipped"]);
    assert_keys(&before["threshold"], &["similarity", "from", "images", "null_pairs"]);
    assert_eq!(found(&before), expected, "{before:#}");
    assert!(!place.path().join(".aesearch/looks").exists(), "nothing is written");
    place.run(&["dedupe", "scan", "-o", "plan.json"]).expect(0);
    let after = place.json(&["dedupe", "check", "in"]);
    assert_eq!(found(&after), expected, "{after:#}");
    let new = list(&after["images"]).iter().find(|image| image["known"] == false).expect("a new one");
    assert_keys(new, &["path", "known", "kind", "match", "similarity"]);
    assert!(new["kind"].is_null() && new["match"].is_null() && new["similarity"].is_null());
}

#[test]
fn the_exit_code_is_a_gate() {
    let place = place();
    place.run(&["dedupe", "check", "in/bytes.png", "in/pixels.bmp", "--exit-code"]).expect(0);
    let ran = place.run(&["dedupe", "check", "in/bytes.png", "in/new.png", "--exit-code"]).expect(1);
    assert!(
        ran.out.contains("new     in/new.png") && ran.out.contains("bytes   in/bytes.png = photos/01.png")
    );
    place.run(&["dedupe", "check", "in/new.png"]).expect(0);
    fs::write(place.path().join("in/broken.png"), "no image").expect("a file");
    place
        .run(&["dedupe", "check", "in/broken.png", "in/bytes.png", "--exit-code"])
        .expect(3)
        .says("broken.png");
    // a stricter threshold
    let strict = place.json(&["dedupe", "check", "in/quality.jpg", "--threshold", "1"]);
    assert_eq!(found(&strict), ["quality.jpg edited photos/03.png"]);
    for (args, said) in [
        (&["in/new.png", "--threshold", "7"][..], "--threshold: expected a similarity from 0 to 1"),
        (&[], "expected images, got none"),
        (&["gone.png"], "gone.png"),
        (&["in/new.png", "--index", "nowhere"], "nowhere"),
    ] {
        place.run(&[&["dedupe", "check"], args].concat()).expect(2).says(said);
    }
}

#[test]
fn the_threshold_is_that_of_the_last_scan() {
    let place = place();
    let checked = |more: &[&str]| {
        let document = place.json(&[&["dedupe", "check", "in/quality.jpg"], more].concat());
        let threshold = &document["threshold"];
        let similarity = threshold["similarity"].as_f64().expect("a number");
        (similarity, text(&threshold["from"]).to_owned(), found(&document).swap_remove(0))
    };
    let (shipped, from, said) = checked(&[]);
    assert_eq!((from.as_str(), said.as_str()), ("default", "quality.jpg near photos/03.png"));

    // a scan that was given its threshold: nothing less similar is near
    place.run(&["dedupe", "scan", "--threshold", "0.99999"]).expect(0);
    let edited = (0.99999, "scan".to_owned(), "quality.jpg edited photos/03.png".to_owned());
    assert_eq!(checked(&[]), edited);
    let (given, from, said) = checked(&["--threshold", "0.5"]);
    assert_eq!((given, from.as_str(), said.as_str()), (0.5, "option", "quality.jpg near photos/03.png"));
    place
        .run(&["dedupe", "check", "in/quality.jpg"])
        .expect(0)
        .says("1.0000 or more, by the last scan (12 images)");
    let exact = place.run(&["dedupe", "check", "in/bytes.png"]).expect(0);
    assert!(!exact.err.contains("last scan"), "bytes need no threshold: {}", exact.err);

    // one that found its own, at a rate of its own; to evaluate is not to scan
    let plan = place.json(&["dedupe", "scan", "--false-positive-rate", "1e-2"]);
    let (found, from, said) = checked(&[]);
    assert_eq!((Some(found), from.as_str()), (plan["threshold"]["similarity"].as_f64(), "scan"));
    assert!(found < shipped && said == "quality.jpg near photos/03.png", "{found} {shipped} {said}");
    write(&place.path().join("pairs.csv"), b"photos/01.png,photos/02.png\n");
    place.run(&["dedupe", "evaluate", "--truth", "pairs.csv"]).expect(0);
    assert_eq!(checked(&[]).0, found);

    write(&place.path().join(".aesearch/looks/threshold.json"), b"{}");
    assert_eq!(checked(&[]).0, shipped, "as if there had been no scan");
}

#[test]
fn parts_frames_and_turns_are_found_in_an_index_of_any_model() {
    let files: Vec<(String, Vec<u8>)> =
        (0..30).map(|seed| (format!("photos/{seed:02}.png"), png(&scene(seed)))).collect();
    let files: Vec<(&str, Vec<u8>)> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let place = place_of(&files);
    let (width, height) = scene(0).dimensions();
    let laid = |pictures: &[(u32, u32, u64)], size: (u32, u32), ground: [u8; 3]| {
        let mut canvas = RgbImage::from_pixel(size.0, size.1, Rgb(ground));
        for (x, y, seed) in pictures {
            imageops::replace(&mut canvas, &scene(*seed), i64::from(*x), i64::from(*y));
        }
        canvas
    };
    let half =
        |seed| imageops::crop_imm(&scene(seed), width / 4, height / 4, width / 2, height / 2).to_image();
    for (name, image) in [
        ("screenshot.png", laid(&[(0, height / 2, 1)], (width, 2 * height), [24, 24, 28])),
        ("framed.png", laid(&[(width / 4, height / 4, 2)], (width * 3 / 2, height * 3 / 2), [255; 3])),
        ("beside.png", laid(&[(0, 0, 3), (width, 0, 93)], (2 * width, height), [255; 3])),
        ("below.png", laid(&[(0, 0, 94), (0, height, 4)], (width, 2 * height), [255; 3])),
        ("half.png", imageops::resize(&half(5), width, height, imageops::FilterType::Triangle)),
        ("turned.png", imageops::rotate90(&scene(6))),
        ("upside-down.png", imageops::rotate180(&scene(7))),
        ("flipped.png", imageops::flip_vertical(&scene(8))),
        ("new.png", laid(&[(0, height / 2, 95)], (width, 2 * height), [24, 24, 28])),
    ] {
        write(&place.path().join("in").join(name), &png(&image));
    }
    let expected = [
        "below.png edited photos/04.png",
        "beside.png edited photos/03.png",
        "flipped.png edited photos/08.png",
        "framed.png edited photos/02.png",
        "half.png edited photos/05.png",
        "new.png new",
        "screenshot.png edited photos/01.png",
        "turned.png edited photos/06.png",
        "upside-down.png edited photos/07.png",
    ];
    for model in ["digits-64", "photos-128"] {
        place.run(&["index", "photos", "--model", model, "--index", model]).expect(0);
        place.run(&["dedupe", "scan", "--index", model, "-o", "plan.json"]).expect(0);
        let checked = place.json(&["dedupe", "check", "in", "--index", model]);
        assert_eq!(found(&checked), expected, "{model}");
    }
}
