//! What `dedupe` must never do: call different pictures the same, lose a whole file for a damaged one, or take a
//! file for another that holds more. Hundreds of files from seeded generators, in the ways that files differ or are
//! damaged where people reported losses.

use std::collections::HashSet;
use std::fs;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage, imageops};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::cli::Place;
use crate::fixtures::{RawPng, RawTiff, encode};
use crate::scenes::{groups, jpeg, list, members, place_of, png, scan, scene, text};

/// Owned names and bytes as a place.
fn place(files: &[(String, Vec<u8>)]) -> Place {
    place_of(&files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect::<Vec<_>>())
}

/// Members of groups of these kinds, by group.
fn of_kinds<'a>(plan: &'a Value, kinds: &[&str]) -> Vec<Vec<&'a str>> {
    let groups = list(&plan["groups"]).iter();
    groups.filter(|group| kinds.contains(&text(&group["kind"]))).map(members).collect()
}

/// A drawing of boxes and discs in one colour on transparency.
fn drawing(seed: u64, ink: [u8; 3]) -> RgbaImage {
    const SIZE: (u32, u32) = (160, 120);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut image = RgbaImage::from_pixel(SIZE.0, SIZE.1, Rgba([0; 4]));
    for _ in 0..6 {
        let (x, y) = (rng.random_range(10..150_i32), rng.random_range(10..110_i32));
        let (r, width) = (rng.random_range(8..40_i32), rng.random_range(3..8_i32));
        let is_disc = rng.random_range(0..2) == 0;
        for (at_x, at_y, pixel) in image.enumerate_pixels_mut() {
            let (dx, dy) = (at_x as i32 - x, at_y as i32 - y);
            let far =
                if is_disc { ((dx * dx + dy * dy) as f32).sqrt() as i32 } else { dx.abs().max(dy.abs()) };
            if (r - width..=r).contains(&far) {
                *pixel = Rgba([ink[0], ink[1], ink[2], 255]);
            }
        }
    }
    image
}

/// Cases 01 and 12: drawings in black and white on transparency, and where the colours under the alpha or the alpha
/// itself differ.
#[test]
fn drawings_on_transparency_are_told_apart() {
    let mut files = Vec::new();
    for seed in 0..30 {
        let ink = if seed % 2 == 0 { [0; 3] } else { [255; 3] };
        files.push((format!("p/{seed}.png"), encode(&drawing(seed, ink).into(), ImageFormat::Png)));
    }
    for seed in 0..10 {
        let mut other = drawing(seed, [0; 3]);
        let hidden = other.pixels_mut().find(|pixel| pixel.0[3] == 0).expect("something transparent");
        *hidden = if seed % 2 == 0 { Rgba([0, 0, 0, 40]) } else { Rgba([9, 0, 0, 0]) };
        files.push((format!("p/{seed}-alpha.png"), encode(&other.into(), ImageFormat::Png)));
    }
    let plan = scan(&place(&files), &["p"]);
    assert!(of_kinds(&plan, &["bytes", "pixels"]).is_empty(), "{:?}", groups(&plan));
    for group in of_kinds(&plan, &["near", "edited"]) {
        let drawn: HashSet<&str> =
            group.iter().map(|path| path.trim_end_matches(".png").trim_end_matches("-alpha")).collect();
        assert_eq!(drawn.len(), 1, "{group:?}");
    }
}

/// A drawing on transparency and its copy laid over white or black.
#[test]
fn a_drawing_on_transparency_is_found_on_both_grounds() {
    let (mut files, mut pairs) = (Vec::new(), Vec::new());
    for seed in 100..112 {
        let ink = [[0, 0, 0], [255, 255, 255], [200, 60, 30]][seed as usize % 3];
        let image = drawing(seed, ink);
        files.push((format!("p/{seed}.png"), encode(&image.clone().into(), ImageFormat::Png)));
        // black ink on white; other inks on black, which a red drawing is not laid over first
        let (ground, name) = if ink == [0; 3] { (255, "white") } else { (0, "black") };
        let mut flat = RgbaImage::from_pixel(160, 120, Rgba([ground, ground, ground, 255]));
        imageops::overlay(&mut flat, &image, 0, 0);
        files.push((format!("p/{seed}-{name}.jpg"), jpeg(&DynamicImage::from(flat).into_rgb8(), 88)));
        pairs.push((format!("p/{seed}.png"), format!("p/{seed}-{name}.jpg")));
    }
    let plan = scan(&place(&files), &["p"]);
    let found = of_kinds(&plan, &["near"]);
    let missed: Vec<_> = pairs
        .iter()
        .filter(|(a, b)| {
            !found.iter().any(|group| group.contains(&a.as_str()) && group.contains(&b.as_str()))
        })
        .collect();
    assert!(missed.is_empty(), "{missed:?}");
}

/// Case 02: maps whose labels differ in the bits below the eighth, in three formats.
#[test]
fn maps_of_16_bits_are_told_apart() {
    const SIDE: u32 = 24;
    let mut files = Vec::new();
    for seed in 0..40_u64 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed / 2);
        let mut samples: Vec<u16> = (0..SIDE * SIDE).map(|_| rng.random_range(0..40)).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(1000 + seed);
        samples[rng.random_range(0..(SIDE * SIDE) as usize)] ^= 1;
        let big: Vec<u8> = samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
        let little: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        files.push(match seed % 3 {
            0 => (format!("p/{seed}.pgm"), [format!("P5 {SIDE} {SIDE} 65535\n").as_bytes(), &big].concat()),
            1 => {
                let rows: Vec<u8> =
                    big.chunks(2 * SIDE as usize).flat_map(|row| [&[0], row].concat()).collect();
                let (width, height, depth_and_colour) = (SIDE, SIDE, [16, 0]);
                let raw = RawPng { width, height, depth_and_colour, chunks: &[], rows: &rows };
                (format!("p/{seed}.png"), raw.bytes())
            }
            _ => {
                let tiff = RawTiff::new([SIDE, SIDE], [1, 16], &little).with(262, &[1]).with(259, &[1]);
                (format!("p/{seed}.tif"), tiff.bytes())
            }
        });
    }
    let plan = scan(&place(&files), &["p"]);
    assert!(groups(&plan).is_empty(), "{:?}", groups(&plan));
}

/// Cases 04 and others: each picture in one of eight formats, with damaged copies whose names are shorter and whose
/// times are older, so that only damage can decide.
#[test]
fn no_whole_file_is_lost_to_a_damaged_one() {
    let mut files = Vec::new();
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    for seed in 0..48_u64 {
        let (ending, whole) = whole_file(seed);
        for copy in 0..3 {
            files.push((format!("p/{seed}-{copy}.{ending}"), damaged(&whole, (seed + copy) % 4, &mut rng)));
        }
        files.push((format!("p/{seed}-this-is-the-whole-file.{ending}"), whole));
    }
    let place = place(&files);
    let plan = scan(&place, &["p", "-o", "plan.json"]);
    let damaged: HashSet<&str> = list(&plan["damaged"]).iter().map(|file| text(&file["path"])).collect();
    assert!(damaged.len() > 5 && damaged.iter().all(|path| !path.contains("whole")), "{damaged:?}");
    assert!(list(&plan["skipped"]).iter().all(|file| !text(&file["path"]).contains("whole")));
    for group in of_kinds(&plan, &["pixels"]) {
        assert!(!group.iter().any(|path| damaged.contains(path)), "{group:?}");
    }
    let apply =
        ["dedupe", "apply", "plan.json", "--action", "delete", "--yes", "--kinds", "bytes,pixels,near"];
    place.run(&apply).expect(0);
    let lost: Vec<&String> = files
        .iter()
        .map(|(name, _)| name)
        .filter(|name| name.contains("whole") && !place.path().join(name).exists())
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
}

fn whole_file(seed: u64) -> (&'static str, Vec<u8>) {
    let image = scene(500 + seed);
    let rgb = DynamicImage::from(image.clone());
    match seed % 8 {
        0 | 1 => ("jpg", jpeg(&image, 60 + seed as u8 % 35)),
        2 => ("jpg", with_restarts(&image)),
        3 => ("png", png(&image)),
        4 => ("bmp", encode(&rgb, ImageFormat::Bmp)),
        5 => ("gif", encode(&rgb, ImageFormat::Gif)),
        6 => ("webp", encode(&rgb, ImageFormat::WebP)),
        _ => ("tif", encode(&rgb, ImageFormat::Tiff)),
    }
}

/// In grey, as another encoder writes it.
fn with_restarts(image: &image::RgbImage) -> Vec<u8> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 80).encode_image(&imageops::grayscale(image)).expect("encodes");
    file
}

/// One bit flipped, some bytes changed, a run of zeros, or the last bytes missing; never in the first quarter, where
/// headers are.
fn damaged(whole: &[u8], how: u64, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut file = whole.to_vec();
    let start = file.len() / 4;
    match how {
        0 => {
            let at = rng.random_range(start..file.len());
            file[at] ^= 1 << rng.random_range(0..8);
        }
        1 => (0..5).for_each(|_| {
            let at = rng.random_range(start..file.len());
            file[at] ^= rng.random_range(1..=255_u8);
        }),
        2 => {
            let at = rng.random_range(start..file.len());
            let end = (at + 512).min(file.len());
            file[at..end].fill(0);
        }
        _ => {
            let cut = [1, 2, 3, 30][rng.random_range(0..4)];
            file.truncate(file.len() - cut);
        }
    }
    file
}

/// The same picture with other metadata is the same in pixels; with a film, a map or a picture behind it, only in
/// bytes.
#[test]
fn what_is_inside_a_file_counts_and_metadata_does_not() {
    let mut files = Vec::new();
    for seed in 0..12 {
        let whole = jpeg(&scene(900 + seed), 90);
        let comment = format!("made by scanner {seed}");
        let length = (2 + comment.len()) as u16;
        let commented =
            [&whole[..2], b"\xff\xfe", &length.to_be_bytes(), comment.as_bytes(), &whole[2..]].concat();
        let xmp = [&b"http://ns.adobe.com/xap/1.0/\0"[..], b"<x GDepth:Data=\"AAAA\"/>"].concat();
        let length = (2 + xmp.len()) as u16;
        let inside: Vec<u8> = match seed % 4 {
            0 => [&whole[..], b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x08mdat"].concat(),
            1 => [&whole[..], &jpeg(&scene(990 + seed), 60)].concat(),
            2 => [&whole[..2], b"\xff\xe1", &length.to_be_bytes(), &xmp, &whole[2..]].concat(),
            _ => [&whole[..], b"SEFHd\0\0\0DualShot_DepthMap_1"].concat(),
        };
        files.push((format!("p/{seed}.jpg"), whole));
        files.push((format!("p/{seed}-comment.jpg"), commented));
        files.push((format!("p/{seed}-inside.jpg"), inside.clone()));
        files.push((format!("p/{seed}-inside-too.jpg"), inside));
    }
    let plan = scan(&place(&files), &["p"]);
    let found: HashSet<Vec<&str>> = of_kinds(&plan, &["bytes", "pixels", "near", "edited"])
        .into_iter()
        .map(|mut group| {
            group.sort_unstable();
            group
        })
        .collect();
    let expected: Vec<[String; 2]> = (0..12)
        .flat_map(|seed| {
            [["-comment", ""], ["-inside", "-inside-too"]]
                .map(|names| names.map(|name| format!("p/{seed}{name}.jpg")))
        })
        .collect();
    let expected: HashSet<Vec<&str>> = expected
        .iter()
        .map(|pair| {
            let mut pair: Vec<&str> = pair.iter().map(String::as_str).collect();
            pair.sort_unstable();
            pair
        })
        .collect();
    assert_eq!(found, expected);
}

/// Two names of one file.
#[cfg(unix)]
#[test]
fn hard_links_are_one_file() {
    let (one, other) = (png(&scene(1)), png(&scene(2)));
    let place = place_of(&[("p/a.png", one.clone()), ("p/b.png", one), ("p/c.png", other)]);
    let link =
        |from: &str, to: &str| fs::hard_link(place.path().join(from), place.path().join(to)).expect("links");
    link("p/a.png", "p/a2.png");
    link("p/c.png", "p/c2.png");
    assert_eq!(groups(&scan(&place, &["p", "--keep", "shortest"])), ["bytes p/a.png = p/b.png"]);
    place.run(&["dedupe", "scan", "p", "-o", "plan.json", "--keep", "shortest"]).expect(0);
    place.run(&["dedupe", "apply", "plan.json", "--action", "hardlink", "--yes"]).expect(0);
    assert!(groups(&scan(&place, &["p"])).is_empty(), "all are names of one file now");
}
