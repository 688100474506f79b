//! Small inputs that once went wrong without a word, run through the program: what is the same, what stays on
//! disk, what is read.
//!
//! Most files are written here, as the programs that they come from write them. `tests/data/cases` holds those
//! that need libtiff or libjpeg; `make.py` there says how.

use std::fs;
use std::path::Path;

use aesearch::images::{Limits, Pixels, decode};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, Rgb, RgbImage, imageops};

use crate::cli::Place;
use crate::fixtures::webp_with_exif;
use crate::scenes::{groups, list, place_of, png, scan, scene, text};

fn case(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases").join(name)).expect(name)
}

/// The names in a folder of a place, sorted.
fn names(place: &Place, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(place.path().join(folder)).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Scans a folder, then deletes what the plan says is a duplicate.
fn scan_and_delete(place: &Place, folder: &str, code: i32) {
    place.run(&["dedupe", "scan", folder, "-o", "plan.json"]).expect(code);
    let delete = ["dedupe", "apply", "plan.json", "--action", "delete", "--kinds", "bytes,pixels,near"];
    place.run(&[&delete[..], &["--yes"]].concat()).expect(0);
}

/// Segments of a JPEG file up to the header of its scan, and what the scan holds.
fn split(jpeg: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (mut at, mut segments) = (2, Vec::new());
    loop {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] == 0xda {
            return (segments, &jpeg[end..jpeg.len() - 2]);
        }
        segments.push(&jpeg[at..end]);
        at = end;
    }
}

/// A baseline JPEG of luma and chroma at half the size, each in a scan of its own, as `jpegtran -scans` and
/// some scanners write it.
fn in_three_scans(image: &RgbImage) -> Vec<u8> {
    let plane = |weights: [f32; 3], more: f32| {
        image::GrayImage::from_fn(image.width(), image.height(), |x, y| {
            let values = image.get_pixel(x, y).0.iter().zip(weights);
            image::Luma([
                (values.map(|(&value, weight)| f32::from(value) * weight).sum::<f32>() + more).round() as u8
            ])
        })
    };
    let half = |plane: image::GrayImage| {
        imageops::resize(&plane, image.width() / 2, image.height() / 2, imageops::FilterType::Triangle)
    };
    let planes = [
        plane([0.299, 0.587, 0.114], 0.0),
        half(plane([-0.168_736, -0.331_264, 0.5], 128.0)),
        half(plane([0.5, -0.418_688, -0.081_312], 128.0)),
    ];
    let scans = planes.map(|plane| {
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, 90)
            .encode(plane.as_raw(), plane.width(), plane.height(), ExtendedColorType::L8)
            .expect("encodes");
        file
    });
    let (segments, _) = split(&scans[0]);
    let tables = segments.iter().filter(|segment| matches!(segment[1], 0xe0 | 0xdb | 0xc4));
    let mut file = [b"\xff\xd8", tables.copied().collect::<Vec<_>>().concat().as_slice()].concat();
    file.extend(b"\xff\xc0\0\x11\x08");
    file.extend([image.height() as u16, image.width() as u16].map(u16::to_be_bytes).concat());
    file.extend([3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]);
    for (number, scan) in (1..).zip(&scans) {
        file.extend([0xff, 0xda, 0, 8, 1, number, 0, 0, 63, 0]);
        file.extend(split(scan).1);
    }
    file.extend(b"\xff\xd9");
    file
}

/// Case 03: they were decoded to stripes.
#[test]
fn components_in_scans_of_their_own_show_the_picture() {
    let names = |n: u64| [format!("photos/scan{n}.jpg"), format!("photos/scan{n}_same.png")];
    let files: Vec<(String, Vec<u8>)> = (0..3)
        .flat_map(|n| {
            let [jpeg, same] = names(n);
            [(jpeg, in_three_scans(&scene(n))), (same, png(&scene(n)))]
        })
        .collect();
    let place = place_of(&files.iter().map(|(name, file)| (name.as_str(), file.clone())).collect::<Vec<_>>());
    let plan = scan(&place, &["photos"]);
    let found = (0..3).map(|n| format!("near photos/scan{n}_same.png = photos/scan{n}.jpg"));
    assert_eq!(groups(&plan), found.collect::<Vec<_>>(), "{plan:#}");
    assert!(list(&plan["skipped"]).is_empty(), "{plan:#}");
}

/// Case 04: they were decoded to grey, two were called the same, and one was deleted.
#[test]
fn photos_with_a_stray_marker_are_no_duplicates() {
    let names_of = ["IMG_0000.jpg", "IMG_0001.jpg", "IMG_0002.jpg"];
    let mut files = vec![("photos/sound.png", png(&scene(9)))];
    let paths = names_of.map(|name| format!("photos/{name}"));
    files.extend(paths.iter().zip(0..).map(|(path, n)| (path.as_str(), case(&format!("stray{n}.jpg")))));
    let place = place_of(&files);
    let plan = scan(&place, &["photos"]);
    assert!(groups(&plan).is_empty(), "{plan:#}");
    let skipped = list(&plan["skipped"]);
    let reasons: Vec<&str> = skipped.iter().map(|skipped| text(&skipped["reason"])).collect();
    assert!(
        reasons.len() == 3 && reasons.iter().all(|why| why.contains("a stray marker ff 9f")),
        "{reasons:?}"
    );
    scan_and_delete(&place, "photos", 3);
    assert_eq!(names(&place, "photos"), [&names_of[..], &["sound.png"]].concat());
}

/// Case 05: all TGA files were called the same, and all but one deleted.
#[test]
fn a_fourth_byte_that_is_never_set_is_no_alpha() {
    const SIZE: (u16, u16) = (160, 120);
    let mut files = Vec::new();
    for n in 0..3 {
        let bgra: Vec<u8> = scene(n).pixels().flat_map(|&Rgb([r, g, b])| [b, g, r, 0]).collect();
        let sides = [SIZE.0, SIZE.1].map(u16::to_le_bytes).concat();
        // no bits of alpha are declared, from the top down
        let header = [&[0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0], &sides[..], &[32, 0x20]].concat();
        files.push((format!("shots/game{n}.tga"), [&header, &bgra[..]].concat()));
        let numbers = [54 + bgra.len() as u32, 0, 54, 40, SIZE.0.into()].map(u32::to_le_bytes).concat();
        let mut bmp = [b"BM", &numbers[..], &(-i32::from(SIZE.1)).to_le_bytes(), &[1, 0, 32, 0]].concat();
        bmp.extend([0, bgra.len() as u32, 2835, 2835, 0, 0].map(u32::to_le_bytes).concat());
        files.push((format!("shots/shot{n}.bmp"), [bmp, bgra].concat()));
    }
    // what shows the same is a duplicate; of three different pictures none is
    let place = place_of(&files.iter().map(|(name, file)| (name.as_str(), file.clone())).collect::<Vec<_>>());
    for n in 0..3 {
        let [tga, bmp] = [format!("shots/game{n}.tga"), format!("shots/shot{n}.bmp")]
            .map(|name| decode(&fs::read(place.path().join(name)).expect("a file"), &Limits::default()));
        let drawn = scene(n).into_raw();
        assert_eq!((tga.expect("decodes").data, bmp.expect("decodes").data), (drawn.clone(), drawn));
    }
    let plan = scan(&place, &["shots"]);
    let expected: Vec<String> =
        (0..3).map(|n| format!("pixels shots/shot{n}.bmp = shots/game{n}.tga")).collect();
    assert_eq!(groups(&plan), expected);
    scan_and_delete(&place, "shots", 0);
    assert_eq!(names(&place, "shots"), ["shot0.bmp", "shot1.bmp", "shot2.bmp"]);
}

/// Case 06: the one with the prefix was not turned.
#[test]
fn a_webp_is_turned_by_exif_with_and_without_the_prefix_of_jpeg() {
    let tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let upright = scene(3);
    let lying = imageops::rotate270(&upright);
    let place = place_of(&[
        ("p/upright.png", png(&upright)),
        ("p/plain.webp", webp_with_exif(&lying, tiff)),
        ("p/prefixed.webp", webp_with_exif(&lying, &[b"Exif\0\0", &tiff[..]].concat())),
    ]);
    let plan = scan(&place, &["p"]);
    assert_eq!(groups(&plan), ["pixels p/upright.png = p/plain.webp p/prefixed.webp"]);
}

/// Case 11: nine of them were refused.
#[test]
fn tiff_files_of_every_kind_are_read() {
    // mean differences by Pillow: 9.5 by its palette, 6.2 by JPEG, 1.3 by YCbCr
    const COLOUR: [(&str, f64); 7] = [
        ("palette8", 9.6),
        ("ycbcr_jpeg", 6.5),
        ("ycbcr_raw", 1.4),
        ("bigtiff", 0.0),
        ("deflate", 0.0),
        ("zstd", 0.0),
        ("lab", 1.0),
    ];
    const GREY: [&str; 2] = ["grey_jpeg", "grey_float32"];
    const OTHERS: [&str; 4] = ["cmyk", "fax3", "fax4", "grey_alpha"];
    let reference = decode(&case("reference.png"), &Limits::default()).expect("decodes");
    let found = |name: &str| decode(&case(&format!("{name}.tif")), &Limits::default()).expect(name);
    for (name, most) in COLOUR {
        let found = found(name);
        assert_eq!((found.width, found.height, found.channels), (24, 16, 3), "{name}");
        let off = difference(&found.data, &reference.data);
        assert!(off <= most, "{name}: {off}");
    }
    let luma = luma(&reference);
    for name in GREY {
        let off = difference(&found(name).data, &luma);
        assert!(off < 4.0 && found(name).channels == 1, "{name}: {off}");
    }
    // inks without a profile, black and white, and a ramp of transparency: only what is known of them
    assert_eq!((found("cmyk").data == reference.data, found("fax3")), (true, found("fax4")));
    let black_or_white = found("fax3").data;
    let mean =
        |values: &[u8]| values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
    assert!(black_or_white.iter().all(|value| matches!(value, 0 | 255)));
    assert!((mean(&black_or_white) - mean(&luma)).abs() < 8.0);
    let last_row = 24 * 15;
    let off = difference(&found("grey_alpha").data[last_row..], &luma[last_row..]);
    assert!(off < 8.0, "opaque at the bottom: {off}");

    let names = COLOUR.map(|(name, _)| name).into_iter().chain(GREY).chain(OTHERS);
    let all: Vec<(String, Vec<u8>)> = names
        .map(|name| (format!("t/{name}.tif"), case(&format!("{name}.tif"))))
        .chain([("t/reference.png".to_owned(), case("reference.png"))])
        .collect();
    let place = place_of(&all.iter().map(|(name, file)| (name.as_str(), file.clone())).collect::<Vec<_>>());
    let document = place.json(&["index", "t"]);
    assert_eq!((&document["images"], list(&document["skipped"]).len()), (&14.into(), 0), "{document:#}");
}

/// Mean difference of samples.
fn difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
}

/// By the weights of JPEG.
fn luma(pixels: &Pixels) -> Vec<u8> {
    let weigh = |[r, g, b]: &[u8; 3]| 0.299 * f32::from(*r) + 0.587 * f32::from(*g) + 0.114 * f32::from(*b);
    pixels.data.as_chunks().0.iter().map(|pixel| weigh(pixel).round() as u8).collect()
}
