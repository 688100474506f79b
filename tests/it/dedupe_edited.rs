//! `aesearch dedupe scan` on pictures that were edited: with a part that differs or is missing, mirrored, turned.

use std::collections::BTreeMap;

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::cli::Place;
use crate::scenes::{groups, jpeg, list, place_of, png, scan, text};

/// A picture with much in it: boxes and discs of all sizes.
fn photo(seed: u64) -> RgbImage {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut image = RgbImage::from_pixel(400, 300, Rgb([120, 130, 125]));
    for _ in 0..90 {
        let (x, y) = (rng.random_range(0.0..400.0f32), rng.random_range(0.0..300.0f32));
        let side: f32 = rng.random_range(6.0..60.0f32) * rng.random_range(0.3..1.0f32);
        let (wide, is_disc) = (rng.random_range(0.5..2.0f32), rng.random_range(0..3) == 0);
        let colour = Rgb([0; 3].map(|_: u8| rng.random_range(10..245u8)));
        for (at_x, at_y, pixel) in image.enumerate_pixels_mut() {
            let (dx, dy) = ((at_x as f32 - x) / (side * wide), (at_y as f32 - y) / side);
            if if is_disc { dx * dx + dy * dy < 1.0 } else { dx.abs().max(dy.abs()) < 0.8 } {
                *pixel = colour;
            }
        }
    }
    image
}

fn framed(image: &RgbImage, (left, top, right, bottom): (u32, u32, u32, u32), colour: [u8; 3]) -> RgbImage {
    let (width, height) = (image.width() + left + right, image.height() + top + bottom);
    let mut framed = RgbImage::from_pixel(width, height, Rgb(colour));
    imageops::replace(&mut framed, image, i64::from(left), i64::from(top));
    framed
}

fn with_sticker(image: &RgbImage) -> RgbImage {
    let mut image = image.clone();
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        if (300..380).contains(&x) && (20..90).contains(&y) {
            *pixel = if (x / 10 + y / 10) % 2 == 0 { Rgb([250, 220, 40]) } else { Rgb([200, 30, 60]) };
        }
    }
    image
}

fn collage(left: &RgbImage, right: &RgbImage) -> RgbImage {
    let mut both = framed(left, (0, 0, right.width() + 6, 0), [255; 3]);
    imageops::replace(&mut both, right, i64::from(left.width()) + 6, 0);
    both
}

/// Photos and edited copies of them.
fn edited() -> Place {
    let of = |seed: u64| photo(seed);
    let crop = imageops::crop_imm(&of(4), 60, 40, 240, 180).to_image();
    let mut files = vec![
        ("p/1-sticker.jpg", jpeg(&with_sticker(&of(1)), 90)),
        ("p/2-border.jpg", jpeg(&framed(&of(2), (30, 30, 30, 30), [255; 3]), 90)),
        ("p/3-screenshot.png", png(&framed(&of(3), (0, 120, 0, 160), [20; 3]))),
        ("p/4-crop.jpg", jpeg(&crop, 90)),
        ("p/5-mirrored.jpg", jpeg(&imageops::flip_horizontal(&of(5)), 90)),
        ("p/6-turned.jpg", jpeg(&imageops::rotate90(&of(6)), 90)),
        ("p/7-collage.jpg", jpeg(&collage(&of(7), &of(8)), 90)),
        ("p/9-half.jpg", jpeg(&imageops::resize(&of(9), 200, 150, FilterType::Triangle), 60)),
    ];
    let names: Vec<String> = (1..30).map(|seed| format!("p/{seed}.png")).collect();
    files.extend(names.iter().zip(1..).map(|(name, seed)| (name.as_str(), png(&of(seed)))));
    place_of(&files)
}

/// The kind of the group that holds each copy.
fn kinds(plan: &Value) -> BTreeMap<String, String> {
    let mut kinds = BTreeMap::new();
    for group in list(&plan["groups"]) {
        let files = list(&group["duplicates"]).iter().map(|file| text(&file["path"]));
        for file in files.chain([text(&group["keep"])]).filter(|file| file.contains('-')) {
            kinds.insert(file.to_owned(), text(&group["kind"]).to_owned());
        }
    }
    kinds
}

#[test]
fn copies_with_a_part_that_differs_are_edited_and_taken_only_by_name() {
    let place = edited();
    let plan = scan(&place, &["p", "-o", "plan.json"]);
    let found = kinds(&plan);
    for copy in ["1-sticker.jpg", "2-border.jpg", "3-screenshot.png", "4-crop.jpg", "5-mirrored.jpg"] {
        assert_eq!(found.get(&format!("p/{copy}")).map(String::as_str), Some("edited"), "{copy}: {found:?}");
    }
    for copy in ["6-turned.jpg", "7-collage.jpg"] {
        assert_eq!(found.get(&format!("p/{copy}")).map(String::as_str), Some("edited"), "{copy}: {found:?}");
    }
    assert_eq!(found.get("p/9-half.jpg").map(String::as_str), Some("near"), "{found:?}");
    let duplicates: Vec<&Value> =
        list(&plan["groups"]).iter().flat_map(|group| list(&group["duplicates"])).collect();
    let turned = |name: &str| {
        let of = duplicates.iter().find(|file| text(&file["path"]).contains(name)).expect("a duplicate");
        of["turned"].as_str().unwrap_or("none").to_owned()
    };
    assert!(turned("p/5").contains("mirrored"), "{}", turned("p/5"));
    assert!(duplicates.len() >= 8 && duplicates.len() <= 9, "{found:?}");

    let apply = ["dedupe", "apply", "plan.json", "--action", "move", "--yes"];
    let document = place.json(&apply);
    assert_eq!(list(&document["done"]).len(), 1, "only the near one: {document:#}");
    place.run(&["dedupe", "undo", "plan.json", "--yes"]).expect(0);
    place.json(&[&apply[..], &["--kinds", "near,edited"]].concat());
    let again = scan(&place, &["p"]);
    // the second picture of a collage may not be among the nearest until others are gone
    let mut left = groups(&again);
    left.retain(|group| !group.contains("collage"));
    assert_eq!(left, Vec::<String>::new());
}

/// With detail that a small copy does not show.
fn textured(seed: u64) -> RgbImage {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let grain: Vec<i16> = (0..200 * 150).map(|_| rng.random_range(-70..=70)).collect();
    let mut image = photo(seed);
    for (x, y, Rgb(colour)) in image.enumerate_pixels_mut() {
        let grain = grain[(y / 2 * 200 + x / 2) as usize];
        *colour = colour.map(|value| (i16::from(value) + grain).clamp(0, 255) as u8);
    }
    image
}

#[test]
fn copies_of_a_tenth_of_the_size_are_near() {
    let files = (1..15).flat_map(|seed| {
        let image = textured(seed);
        let small = imageops::resize(&image, 32, 24, FilterType::Triangle);
        [(format!("p/{seed}.png"), png(&image)), (format!("p/{seed}-small.jpg"), jpeg(&small, 60))]
    });
    let files: Vec<(String, Vec<u8>)> = files.collect();
    let files: Vec<(&str, Vec<u8>)> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let plan = scan(&place_of(&files), &["p"]);
    let found = kinds(&plan);
    assert!(found.len() == 14 && found.values().all(|kind| kind == "near"), "{found:?}");
    assert!(list(&plan["groups"]).iter().all(|group| list(&group["duplicates"]).len() == 1), "{found:?}");
}

#[test]
fn a_threshold_is_what_is_asked_for() {
    let place = edited();
    let at = |threshold: &str| {
        let plan = scan(&place, &["p", "--threshold", threshold]);
        assert_eq!(plan["threshold"]["similarity"].as_f64(), threshold.parse().ok());
        kinds(&plan).get("p/9-half.jpg").cloned()
    };
    assert_eq!(at("0.5").as_deref(), Some("near"));
    assert_eq!(at("0.99999").as_deref(), Some("edited"), "the same picture, but not as similar as that");
    place
        .run(&["dedupe", "scan", "p", "--threshold", "1.5"])
        .expect(2)
        .says("--threshold: expected a similarity");
}

#[test]
fn a_second_scan_measures_nothing_again() {
    let place = edited();
    let first = scan(&place, &["p"]);
    assert!(list(&first["threshold"]["recall"]).len() > 5, "{first:#}");
    // the files look untouched, but nothing can be read from them any more
    for entry in std::fs::read_dir(place.path().join("p")).expect("a folder") {
        let path = entry.expect("a file").path();
        let known = std::fs::metadata(&path).expect("a file");
        std::fs::write(&path, vec![0; known.len() as usize]).expect("writes");
        let file = std::fs::File::options().write(true).open(&path).expect("opens");
        file.set_modified(known.modified().expect("a time")).expect("sets a time");
    }
    assert_eq!(scan(&place, &["p"]), first);
    std::fs::remove_file(place.path().join(".aesearch/looks/pairs")).expect("what is known of pairs");
    assert_ne!(scan(&place, &["p"])["groups"], first["groups"], "local features are needed again");
}

#[test]
fn what_is_known_of_pairs_makes_no_difference() {
    let place = edited();
    let (here, away) = (place.path().join("p"), place.path().join("away"));
    std::fs::create_dir(&away).expect("a folder");
    let names = ["1.png", "3-screenshot.png", "12.png", "8.png"];
    names.iter().for_each(|name| std::fs::rename(here.join(name), away.join(name)).expect("moves"));
    scan(&place, &["p"]);
    names.iter().for_each(|name| std::fs::rename(away.join(name), here.join(name)).expect("moves back"));
    let with = scan(&place, &["p"]);
    std::fs::remove_dir_all(place.path().join(".aesearch/looks")).expect("the caches");
    assert_eq!(scan(&place, &["p"]), with);
}
