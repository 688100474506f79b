//! Which files `dedupe` calls the same in pixels, where formats hold more than what is decoded of them.

use std::fs;

use image::imageops;
use image::{DynamicImage, ImageFormat};

use crate::fixtures::encode;
use crate::scenes::{groups, place_of, scan, scene};

/// Label maps of 16 bits, for example, whose decoded 8 bits are the same.
#[test]
fn files_of_16_bits_are_compared_in_all_of_them() {
    let grey = imageops::grayscale(&scene(3));
    let file = |more: u16, comment: &str| {
        let samples = grey.as_raw().iter().flat_map(|&v| (u16::from(v).min(254) * 257 + more).to_be_bytes());
        let head = format!("P5 {comment}\n{} {} 65535\n", grey.width(), grey.height());
        [head.into_bytes(), samples.collect()].concat()
    };
    let place = place_of(&[
        ("p/1.pgm", file(0, "")),
        ("p/2.pgm", file(1, "")),
        ("p/3.pgm", file(1, "")),
        ("p/4.pgm", file(1, "# a comment")),
        ("p/5.png", encode(&grey.into(), ImageFormat::Png)),
    ]);
    let found = groups(&scan(&place, &["p", "--keep", "shortest"]));
    assert_eq!(found, ["bytes p/2.pgm = p/3.pgm", "pixels p/2.pgm = p/4.pgm"]);
}

/// A white disc on white, of which only the transparency tells: laid over a ground, all are the same.
#[test]
fn pictures_that_differ_in_transparency_do_not_have_the_same_pixels() {
    let file = |hidden: u32| {
        let alpha = |x: u32| if x / 10 % 4 == hidden { 0 } else { 255 };
        let pixel = |x: u32, y: u32| match y / 20 % 2 {
            0 => image::Rgba([255, 255, 255, alpha(x)]),
            _ => image::Rgba([40, (x / 2) as u8, y as u8, 255]),
        };
        encode(&DynamicImage::ImageRgba8(image::RgbaImage::from_fn(160, 120, pixel)), ImageFormat::Png)
    };
    let flat = image::load_from_memory(&file(9)).expect("a picture").into_rgb8();
    let place = place_of(&[
        ("p/1.png", file(0)),
        ("p/2.png", file(1)),
        ("p/3.tiff", encode(&image::load_from_memory(&file(1)).expect("a picture"), ImageFormat::Tiff)),
        ("p/opaque.png", file(9)),
        ("p/rgb.png", encode(&flat.into(), ImageFormat::Png)),
    ]);
    let found = groups(&scan(&place, &["p"]));
    let pixels: Vec<&String> = found.iter().filter(|group| group.starts_with("pixels")).collect();
    let has =
        |one: &str, other: &str| pixels.iter().any(|group| group.contains(one) && group.contains(other));
    assert!(has("p/2.png", "p/3.tiff") && has("p/opaque.png", "p/rgb.png"), "{found:?}");
    assert!(pixels.len() == 2 && !pixels.iter().any(|group| group.contains("p/1.png")), "{found:?}");
}

/// Of such files not all is decoded that they hold, so they are never the same in pixels; but they are compared.
#[cfg(all(feature = "heic", feature = "jxl"))]
#[test]
fn pictures_of_phones_are_near_their_copies() {
    let file = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/table").join(name);
        fs::read(path).expect("a fixture")
    };
    let place = place_of(&[
        ("p/1.heic", file("heic-1.heic")),
        ("p/2.jpg", file("jpeg-444-1.jpg")),
        ("p/3.jxl", file("jxl-1.jxl")),
    ]);
    let found = groups(&scan(&place, &["p"]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("near") && found[0].matches("p/").count() == 3, "{found:?}");
}
