//! JPEG files in all layouts: smaller decodes against whole ones, orientations, and what is wrong with a file.
//!
//! `tests/data/jpeg` holds a drawing of 91x67 pixels, written by Pillow in the layouts that the names say;
//! `scans-420.jpg` has a scan for each component, `stray-marker.jpg` two damaged bytes.

use std::fs;
use std::path::Path;

use aesearch::images::{Decoding, Item, Limits, MemoryBudget, Needed, Pixels, decode, encode_png, read};
use image::imageops::{self, FilterType};

use crate::fixtures::write;
use crate::scenes::{groups, jpeg, list, members, place_of, png, scan, scene, text};

const WHOLE: [&str; 11] = [
    "baseline-420",
    "baseline-422",
    "baseline-444",
    "progressive-420",
    "progressive-422",
    "progressive-444",
    "restart-420",
    "scans-420",
    "rgb",
    "grey",
    "progressive-cmyk",
];

fn file(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg");
    fs::read(folder.join(name)).expect("the file is there")
}

/// An image at an n-th of its size: 91 / n columns are half as much again as is needed.
fn smaller(bytes: &[u8], n: usize, grey: bool) -> Result<Pixels, String> {
    let needed = if n == 1 { Needed::Whole } else { Needed::Fitted { side: 91 / n * 2 / 3 } };
    let how = Decoding { needed, grey, ..Decoding::default() };
    read(&Item::from_bytes("a", bytes.to_vec()), &how.limits)?.decode(&how)
}

/// Means of n x n pixels; of those that are there, at the borders.
fn means(pixels: &Pixels, n: usize) -> Pixels {
    let (width, height, channels) = (pixels.width.div_ceil(n), pixels.height.div_ceil(n), pixels.channels);
    let mean = |i: usize| {
        let (x, y, c) = (i / channels % width * n, i / channels / width * n, i % channels);
        let (mut sum, mut count) = (0, 0);
        for y in y..(y + n).min(pixels.height) {
            for x in x..(x + n).min(pixels.width) {
                sum += u32::from(pixels.data[(y * pixels.width + x) * channels + c]);
                count += 1;
            }
        }
        ((sum + count / 2) / count) as u8
    };
    Pixels { width, height, channels, data: (0..width * height * channels).map(mean).collect() }
}

/// Mean and largest difference of all pixels but those of the last column and row, which hold what the
/// encoder made up beyond the border.
fn differences(a: &Pixels, b: &Pixels) -> (f64, u8) {
    assert_eq!((a.width, a.height, a.channels), (b.width, b.height, b.channels));
    let row = a.width * a.channels;
    let inside = |i: &usize| i % row < row - a.channels && i / row < a.height - 1;
    let off: Vec<u8> = (0..a.data.len()).filter(inside).map(|i| a.data[i].abs_diff(b.data[i])).collect();
    let mean = off.iter().map(|&off| f64::from(off)).sum::<f64>() / off.len() as f64;
    (mean, off.into_iter().max().unwrap_or(0))
}

#[test]
fn pixels_of_small_pictures_are_means_of_large_ones() {
    for name in WHOLE {
        let bytes = file(&format!("{name}.jpg"));
        for n in [2, 4, 8] {
            for grey in [false, true] {
                let whole = smaller(&bytes, 1, grey).expect(name);
                let small = smaller(&bytes, n, grey).expect(name);
                let (mean, most) = differences(&small, &means(&whole, n));
                // colour is smoothed in one and not in the other; a product of means is not a mean of products
                let (mean_within, most_within) = match name {
                    "progressive-cmyk" => (14.0, 90),
                    _ if small.channels == 1 => (0.6, 5),
                    _ => (2.4, 60),
                };
                let is_close = mean <= mean_within && most <= most_within;
                assert!(is_close, "{name}: 1/{n}, grey {grey}: mean {mean}, most {most}");
            }
        }
    }
}

#[test]
fn scans_of_their_own_are_read() {
    let drawing = decode(&file("drawing.png"), &Limits::default()).expect("a PNG");
    let whole = smaller(&file("scans-420.jpg"), 1, false).expect("decodes");
    let (mean, _) = differences(&drawing, &whole);
    assert!(mean < 8.0, "{mean}"); // colour of a quarter of the pixels
    let (grey, _) =
        differences(&means(&drawing, 8), &smaller(&file("scans-420.jpg"), 8, false).expect("too"));
    assert!(grey < 5.0, "{grey}");
}

#[test]
fn small_pictures_are_turned_as_large_ones() {
    let plain = file("baseline-420.jpg");
    for orientation in 1..=8 {
        let mut exif = b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        let bytes = [&plain[..2], &exif, &plain[2..]].concat();
        let whole = smaller(&bytes, 1, true).expect("decodes");
        assert_eq!((whole.width, whole.height), if orientation < 5 { (91, 67) } else { (67, 91) });
        let small = smaller(&bytes, 8, true).expect("decodes");
        // the column and the row of the border lie elsewhere: not a mean of whole blocks on that side
        let upright = smaller(&plain, 8, true).expect("decodes");
        let mut before: Vec<u8> = upright.data.clone();
        let mut after: Vec<u8> = small.data.clone();
        before.sort_unstable();
        after.sort_unstable();
        assert_eq!(before, after, "{orientation}: the same pixels in other places");
        let corner = |p: &Pixels, right: bool, down: bool| {
            p.data[if down { (p.height - 1) * p.width } else { 0 } + if right { p.width - 1 } else { 0 }]
        };
        let first = match orientation {
            1 | 5 => corner(&small, false, false),
            2 | 6 => corner(&small, true, false),
            3 | 7 => corner(&small, true, true),
            _ => corner(&small, false, true),
        };
        assert_eq!(first, corner(&upright, false, false), "{orientation}");
    }
}

#[test]
fn a_file_that_lacks_only_its_end_marker_is_read() {
    for name in WHOLE {
        let bytes = file(&format!("{name}.jpg"));
        for n in [1, 2, 8] {
            let whole = smaller(&bytes, n, false).expect(name);
            let without = smaller(&bytes[..bytes.len() - 2], n, false).expect(name);
            assert!(whole == without, "{name}");
            for cut in (bytes.len() / 3..bytes.len() - 8).step_by(37) {
                let reason = smaller(&bytes[..cut], n, false).expect_err("is cut");
                assert_eq!(reason, "jpeg: the file ends too early (truncated)", "{name}: {cut}");
            }
        }
    }
}

#[test]
fn what_is_wrong_is_said() {
    let stray = file("stray-marker.jpg");
    let mut arithmetic = file("baseline-420.jpg");
    let frame = arithmetic.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame");
    arithmetic[frame + 1] = 0xc9;
    for n in [1, 8] {
        assert_eq!(smaller(&stray, n, false).unwrap_err(), "jpeg: damaged: a stray marker ff 9f at byte 631");
        assert_eq!(smaller(&arithmetic, n, false).unwrap_err(), "jpeg: unsupported: arithmetic coding");
    }
}

#[test]
fn memory_is_that_of_the_small_picture() {
    // a large flat picture: 4000 x 3000 pixels in a few kilobytes
    let pixels = Pixels { width: 4000, height: 3000, channels: 1, data: vec![90; 12_000_000] };
    let bytes = aesearch::images::encode_jpeg(&pixels, 50).expect("encodes");
    let decoded = |needed: Needed| {
        let how = Decoding { needed, budget: MemoryBudget::new(4 << 20), ..Decoding::default() };
        read(&Item::from_bytes("a", bytes.clone()), &how.limits)?.decode(&how)
    };
    let small = decoded(Needed::Stretched { width: 224, height: 224 }).expect("fits");
    assert_eq!((small.width, small.height), (500, 375));
    assert!(small.data.iter().all(|&value| value.abs_diff(90) <= 1));
    assert!(decoded(Needed::Whole).unwrap_err().contains("too large"));
}

#[test]
fn damaged_files_never_panic_at_any_size() {
    for name in ["baseline-420", "progressive-422", "scans-420", "progressive-cmyk", "restart-420"] {
        let bytes = file(&format!("{name}.jpg"));
        for case in 0..400 {
            let (at, bit) = (case * 7919 % bytes.len(), case % 8);
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            damaged[(at * 31 + 5) % bytes.len()] ^= 1 << (bit ^ 3);
            let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
            let needed = Needed::Fitted { side: [7, 14, 30, 91][case % 4] };
            let how = Decoding { limits, needed, grey: case % 3 == 0, ..Decoding::default() };
            let decoded =
                read(&Item::from_bytes("a", damaged), &limits).and_then(|source| source.decode(&how));
            if let Err(reason) = decoded {
                assert!(!reason.contains("panicked"), "{name}: case {case}: {reason}");
            }
        }
    }
}

#[test]
fn pixels_of_large_files_are_compared_at_their_full_size() {
    let large = |seed: u64| imageops::resize(&scene(seed), 500, 400, FilterType::Triangle);
    let photo = jpeg(&large(1), 92);
    let commented = [&photo[..2], b"\xff\xfe\0\x05any", &photo[2..]].concat();
    let whole = decode(&photo, &Limits::default()).expect("decodes");
    let mut touched = whole.clone();
    touched.data[3 * (200 * 500 + 250)] ^= 1;
    let files = [
        ("p/photo.jpg", photo),
        ("p/commented.jpg", commented),
        ("p/as.png", encode_png(&whole).expect("a PNG")),
        ("p/touched.png", encode_png(&touched).expect("a PNG")),
        ("p/other.jpg", jpeg(&large(2), 92)),
        ("p/small.png", png(&scene(3))),
    ];
    let place = place_of(&files);
    let plan = scan(&place, &["p"]);
    let same = list(&plan["groups"]).iter().find(|group| text(&group["kind"]) == "pixels").expect("a group");
    let mut found = members(same);
    found.sort_unstable();
    assert_eq!(found, ["p/as.png", "p/commented.jpg", "p/photo.jpg"]);
    let sizes: Vec<_> =
        list(&same["duplicates"]).iter().map(|file| (&file["width"], &file["height"])).collect();
    assert!(sizes.iter().all(|&(width, height)| width == 500 && height == 400), "{sizes:?}");
    assert!(groups(&plan).iter().any(|group| group.starts_with("near") && group.contains("touched.png")));
    // the hashes are kept, and a later file is compared with them
    assert_eq!(groups(&scan(&place, &["p"])), groups(&plan));
    write(&place.path().join("p/other.png"), &encode_png(&other(&files)).expect("a PNG"));
    let now = groups(&scan(&place, &["p"]));
    assert!(now.iter().any(|group| group.starts_with("pixels") && group.contains("other.png")), "{now:?}");
}

fn other(files: &[(&str, Vec<u8>)]) -> Pixels {
    let (_, bytes) = files.iter().find(|(name, _)| *name == "p/other.jpg").expect("is there");
    decode(bytes, &Limits::default()).expect("decodes")
}

#[test]
fn the_missing_end_is_remarked_and_damage_left_out() {
    let whole = file("baseline-420.jpg");
    let place = place_of(&[
        ("p/a.jpg", whole[..whole.len() - 2].to_vec()),
        ("p/b.jpg", file("stray-marker.jpg")),
        ("p/c.png", png(&scene(3))),
    ]);
    place
        .run(&["index", "p"])
        .expect(3)
        .says("p/a.jpg: jpeg: its end marker is missing, its pixels are all there")
        .says("p/b.jpg: jpeg: damaged: a stray marker ff 9f at byte 631");
    place
        .run(&["query", "p/a.jpg"])
        .expect(0)
        .says("p/a.jpg: jpeg: its end marker is missing, its pixels are all there");
}
