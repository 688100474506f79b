//! Which file of a group `aesearch dedupe scan` keeps: the original, by each kind of evidence, and why.

use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::cli::Place;
use crate::fixtures::encode;
use crate::scenes::{jpeg, list, place_of, png, scan, scene, set_time, text};

/// Names of an original, and of a copy that comes before it. (Names tell no format.)
const ORIGINAL: &str = "p/the-original.jpg";
const COPY: &str = "p/a.jpg";

/// A picture with detail down to the pixel: discs and boxes of all sizes, and noise as of a sensor.
fn photo(seed: u64) -> RgbImage {
    const SIZE: (u32, u32) = (320, 256);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut image = RgbImage::from_pixel(SIZE.0, SIZE.1, Rgb([120, 130, 125]));
    for _ in 0..90 {
        let (x, y) = (rng.random_range(0.0..SIZE.0 as f32), rng.random_range(0.0..SIZE.1 as f32));
        let side: f32 = rng.random_range(6.0..50.0f32) * rng.random_range(0.3..1.0f32);
        let (wide, is_disc) = (rng.random_range(0.5..2.0f32), rng.random_range(0..3) == 0);
        let colour = Rgb([0; 3].map(|_: u8| rng.random_range(60..195u8)));
        for (at_x, at_y, pixel) in image.enumerate_pixels_mut() {
            let (dx, dy) = ((at_x as f32 - x) / (side * wide), (at_y as f32 - y) / side);
            if if is_disc { dx * dx + dy * dy < 1.0 } else { dx.abs().max(dy.abs()) < 0.8 } {
                *pixel = colour;
            }
        }
    }
    // light that changes from block to block, as in a photo
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let light = 24.0 * (x as f32 / 31.0).sin() + 20.0 * (y as f32 / 23.0).cos();
        let more = rng.random_range(-9..=9_i16) + light as i16;
        pixel.0 = pixel.0.map(|value| (i16::from(value) + more).clamp(4, 251) as u8);
    }
    image
}

/// A JPEG file with the EXIF data of a camera: its maker.
fn with_camera(jpeg: &[u8]) -> Vec<u8> {
    with_exif(jpeg, b"MM\0*\0\0\0\x08\0\x01\x01\x0f\0\x02\0\0\0\x04Cam\0\0\0\0\0")
}

fn with_exif(jpeg: &[u8], tiff: &[u8]) -> Vec<u8> {
    let length = (8 + tiff.len()) as u16;
    [&jpeg[..2], b"\xff\xe1", &length.to_be_bytes(), b"Exif\0\0", tiff, &jpeg[2..]].concat()
}

/// A PNG file with a text chunk behind its header.
fn with_text(png: &[u8], text: &[u8]) -> Vec<u8> {
    const HEADER: usize = 33;
    let chunk = [b"tEXt", text].concat();
    let checksum = crc(&chunk).to_be_bytes();
    let length = (text.len() as u32).to_be_bytes();
    [&png[..HEADER], &length[..], &chunk, &checksum, &png[HEADER..]].concat()
}

/// The checksum of PNG.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

/// What a JPEG file looks like once decoded.
fn decoded(jpeg: &[u8]) -> RgbImage {
    image::load_from_memory(jpeg).expect("decodes").into_rgb8()
}

fn framed(image: &RgbImage, side: u32, colour: [u8; 3]) -> RgbImage {
    let mut framed = RgbImage::from_pixel(image.width() + 2 * side, image.height() + 2 * side, Rgb(colour));
    imageops::replace(&mut framed, image, side.into(), side.into());
    framed
}

fn with_sticker(image: &RgbImage) -> RgbImage {
    let mut image = image.clone();
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        if (230..300).contains(&x) && (20..80).contains(&y) {
            *pixel = if (x / 10 + y / 10) % 2 == 0 { Rgb([250, 220, 40]) } else { Rgb([200, 30, 60]) };
        }
    }
    image
}

/// The one group of a scan of an original and copies, which by name, time and most by size would come first.
fn group_of(original: (&str, Vec<u8>), copies: &[(&str, Vec<u8>)]) -> (Place, Value) {
    let mut files = copies.to_vec();
    files.push(original.clone());
    let place = place_of(&files);
    for (name, _) in copies {
        set_time(&place.path().join(name), 1_000_000);
    }
    set_time(&place.path().join(original.0), 2_000_000);
    let plan = scan(&place, &["p"]);
    let groups = list(&plan["groups"]);
    assert_eq!(groups.len(), 1, "{plan:#}");
    (place, groups[0].clone())
}

/// The original stays, for this reason.
fn stays(original: Vec<u8>, copy: Vec<u8>, reason: &str) {
    let (_place, group) = group_of((ORIGINAL, original), &[(COPY, copy)]);
    assert_eq!((text(&group["keep"]), text(&group["reason"])), (ORIGINAL, reason), "{group:#}");
}

#[test]
fn the_one_with_the_exif_of_a_camera_stays() {
    let camera = with_camera(&jpeg(&photo(1), 80));
    let copy = jpeg(&decoded(&camera), 97);
    assert!(copy.len() > camera.len());
    stays(camera.clone(), copy, "original: camera EXIF, others re-encoded");
    stays(camera.clone(), png(&decoded(&camera)), "original: camera EXIF, others re-encoded");
    // a date, as editors write it, is no camera
    let date = b"MM\0*\0\0\0\x08\0\x01\x01\x32\0\x02\0\0\0\x04201\0\0\0\0\0";
    let dated = with_exif(&jpeg(&decoded(&camera), 97), date);
    stays(camera, dated, "original: camera EXIF, others re-encoded");
}

#[test]
fn the_one_that_tells_how_it_was_generated_stays() {
    let drawn = png(&photo(2));
    let generated = with_text(&drawn, b"parameters\0a cat, Steps: 20, Seed: 42");
    stays(generated, drawn, "original: tells how it was generated");
}

#[test]
fn a_jpeg_stays_rather_than_what_was_made_of_it() {
    let original = jpeg(&photo(3), 60);
    let image = decoded(&original);
    let reason = "original: others re-encoded";
    // saved again with a higher quality; turned into a lossless format, the same pixels or nearly so; fewer colours
    stays(original.clone(), jpeg(&image, 90), reason);
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP] {
        stays(original.clone(), encode(&DynamicImage::from(image.clone()), format), reason);
    }
    let mut nearly = image.clone();
    nearly.put_pixel(5, 5, Rgb([1, 2, 3]));
    stays(original.clone(), png(&nearly), reason);
    stays(original.clone(), jpeg(&imageops::flip_horizontal(&image), 90), reason);
    stays(original.clone(), jpeg(&imageops::rotate90(&image), 90), reason);
    let mut brighter = image.clone();
    brighter.iter_mut().for_each(|value| *value = (f32::from(*value) * 1.1).min(255.0) as u8);
    stays(original.clone(), jpeg(&brighter, 90), reason);
    stays(original, jpeg(&with_sticker(&image), 90), "original: others marked, others re-encoded");
}

#[test]
fn a_lossless_picture_stays_rather_than_a_jpeg_of_it() {
    // the JPEG has more bytes
    let drawn = scene(4);
    let (original, copy) = (png(&drawn), jpeg(&drawn, 100));
    assert!(original.len() < copy.len());
    stays(original, copy, "original: others re-encoded");
}

#[test]
fn a_thumbnail_stays_for_no_picture_that_was_saved_twice() {
    let twice = jpeg(&decoded(&jpeg(&photo(5), 75)), 90);
    let small = png(&imageops::resize(&decoded(&twice), 100, 80, FilterType::Triangle));
    stays(twice, small, "most pixels");
}

#[test]
fn an_enlarged_copy_goes() {
    let original = jpeg(&photo(6), 92);
    let enlarged = |filter| imageops::resize(&decoded(&original), 400, 320, filter);
    let reason = "original: others enlarged";
    stays(original.clone(), jpeg(&enlarged(FilterType::CatmullRom), 92), reason);
    stays(original.clone(), png(&enlarged(FilterType::Lanczos3)), reason);
    // one that was made smaller is smaller
    let small = imageops::resize(&decoded(&original), 200, 160, FilterType::Triangle);
    stays(original, jpeg(&small, 98), "most pixels");
}

#[test]
fn a_copy_with_a_border_goes_and_so_does_a_crop() {
    let original = jpeg(&photo(7), 90);
    let image = decoded(&original);
    for colour in [[255; 3], [0; 3], [216, 200, 176]] {
        let (_place, group) =
            group_of((ORIGINAL, original.clone()), &[(COPY, jpeg(&framed(&image, 24, colour), 95))]);
        assert_eq!(text(&group["keep"]), ORIGINAL, "{group:#}");
        assert!(text(&group["reason"]).starts_with("original: others framed"), "{group:#}");
    }
    // the crop has the EXIF data
    let crop = imageops::crop_imm(&image, 20, 16, 280, 224).to_image();
    let (_place, group) = group_of((ORIGINAL, original), &[(COPY, with_camera(&jpeg(&crop, 99)))]);
    assert_eq!((text(&group["keep"]), text(&group["reason"])), (ORIGINAL, "original: others cropped"));
}

#[test]
fn a_collage_goes() {
    let (left, right) = (photo(8), photo(9));
    let mut both = RgbImage::from_pixel(646, 256, Rgb([255; 3]));
    imageops::replace(&mut both, &left, 0, 0);
    imageops::replace(&mut both, &right, 326, 0);
    stays(jpeg(&left, 90), jpeg(&both, 90), "original: others framed");
}

/// Words of a kind, half transparent: strokes of white over the middle.
fn with_watermark(image: &RgbImage) -> RgbImage {
    let mut image = image.clone();
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let is_inside = (90..230).contains(&x) && (105..150).contains(&y);
        if is_inside && (x % 22 < 7 || (y / 8) % 4 == 0 && x % 44 < 29) {
            pixel.0 = pixel.0.map(|value| value + (f32::from(255 - value) * 0.4) as u8);
        }
    }
    image
}

#[test]
fn of_two_the_one_with_a_mark_goes() {
    let marks: [fn(&RgbImage) -> RgbImage; 2] = [with_sticker, with_watermark];
    for (mark, seed) in marks.iter().zip(40..) {
        let image = photo(seed);
        // the marked one has more bytes, and the EXIF data of a camera
        let marked = with_camera(&jpeg(&mark(&image), 96));
        let (_place, group) = group_of((ORIGINAL, jpeg(&image, 85)), &[(COPY, marked)]);
        assert_eq!((text(&group["kind"]), text(&group["keep"])), ("edited", ORIGINAL), "{seed} {group:#}");
        assert!(text(&group["reason"]).starts_with("original: others marked"), "{group:#}");
    }
}

#[test]
fn what_is_added_to_a_drawing_is_told_only_if_it_covers_something() {
    // on white, it may as well have been wiped off: the larger file stays
    let blank = |image: &mut RgbImage| {
        for (x, y, pixel) in image.enumerate_pixels_mut() {
            if x > 215 && y < 95 {
                *pixel = Rgb([255; 3]);
            }
        }
    };
    let mut image = photo(44);
    blank(&mut image);
    let (_place, group) = group_of((ORIGINAL, png(&image)), &[(COPY, png(&with_sticker(&image)))]);
    assert!(!text(&group["reason"]).contains("marked"), "{group:#}");
}

#[test]
fn a_mark_that_most_have_not_goes() {
    let image = photo(10);
    let small = imageops::resize(&image, 280, 224, FilterType::Triangle);
    let marked = jpeg(&with_sticker(&image), 96);
    let files = [(ORIGINAL, jpeg(&image, 85)), (COPY, marked), ("p/small.jpg", jpeg(&small, 80))];
    let plan = scan(&place_of(&files), &["p"]);
    let kept: Vec<&str> = list(&plan["groups"]).iter().map(|group| text(&group["keep"])).collect();
    assert_eq!(kept, [ORIGINAL; 2], "{plan:#}");
    assert_eq!(text(&plan["groups"][1]["reason"]), "original: others marked");
}

/// Bars of a few colours on white, with lines below.
fn chart(seed: u64) -> RgbImage {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut image = RgbImage::from_pixel(240, 180, Rgb([255; 3]));
    let bars: Vec<(u32, [u8; 3])> =
        (0..12).map(|_| (rng.random_range(10..160), [0; 3].map(|_: u8| rng.random_range(0..255)))).collect();
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let (top, colour) = bars[x as usize / 20];
        if x % 20 < 14 && y > top {
            *pixel = Rgb(colour);
        } else if y % 30 == 0 {
            *pixel = Rgb([120; 3]);
        }
    }
    image
}

/// Scans pairs of files, each a file that stays and one that goes, and asserts that they do.
fn all_stay(pairs: &[(Vec<u8>, Vec<u8>)]) {
    let names = |n: usize| [format!("p/{n}/b.jpg"), format!("p/{n}/a.jpg")];
    let files: Vec<(String, Vec<u8>)> = (0..)
        .zip(pairs)
        .flat_map(|(n, (stays, goes))| names(n).into_iter().zip([stays.clone(), goes.clone()]))
        .collect();
    let place = place_of(&files.iter().map(|(name, file)| (name.as_str(), file.clone())).collect::<Vec<_>>());
    let plan = scan(&place, &["p"]);
    let mut kept: Vec<&str> = list(&plan["groups"]).iter().map(|group| text(&group["keep"])).collect();
    kept.sort_unstable();
    let mut expected: Vec<String> = (0..pairs.len()).map(|n| names(n)[0].clone()).collect();
    expected.sort_unstable();
    assert_eq!(kept, expected, "{plan:#}");
}

#[test]
fn drawings_stay_rather_than_jpegs_of_them() {
    let qualities = (60..=95).step_by(5).cycle();
    let drawings = (30..46).map(scene).chain((0..4).map(chart));
    all_stay(
        &drawings
            .zip(qualities)
            .map(|(drawn, quality)| (png(&drawn), jpeg(&drawn, quality)))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn jpegs_of_photos_stay_rather_than_lossless_files_made_of_them() {
    let made = |(seed, quality): (u64, u8)| {
        let original = jpeg(&photo(seed), quality);
        let mut image = decoded(&original);
        image.put_pixel(5, 5, Rgb([1, 2, 3])); // not the same pixels
        (original, png(&image))
    };
    all_stay(&(60..).zip((60..=95).step_by(5)).map(made).collect::<Vec<_>>());
}

#[test]
fn the_reason_is_shown_and_cameras_that_would_go_are_counted() {
    let camera = with_camera(&jpeg(&photo(11), 80));
    let copy = jpeg(&decoded(&camera), 97);
    let place = place_of(&[("p/b.jpg", camera), ("p/a.jpg", copy)]);
    let scan = |more: &[&str]| place.run(&[&["dedupe", "scan", "p"], more].concat()).expect(0);
    let told = scan(&[]).out;
    for wanted in [
        "p/b.jpg  (original: camera EXIF, others re-encoded)",
        "no file with camera EXIF would be removed for one without",
    ] {
        assert!(told.contains(wanted), "{told}");
    }
    let told = scan(&["--keep", "bytes"]).out;
    assert!(
        told.contains("p/a.jpg  (largest file)") && told.contains("1 file with camera EXIF would be removed"),
        "{told}"
    );
    let plan = |keep: &str| place.json(&["dedupe", "scan", "p", "--keep", keep]);
    let lost = |keep: &str| plan(keep)["cameras_lost"].as_u64();
    assert_eq!((lost("bytes"), lost("camera")), (Some(1), Some(0)));
    let copy = &plan("camera")["groups"][0]["duplicates"][0];
    assert_eq!((&copy["flaws"], &copy["camera"]), (&serde_json::json!(["reencoded"]), &Value::Null));
    scan(&["--report", "page.html", "--sheet", "sheet.png"]);
    let page = std::fs::read_to_string(place.path().join("page.html")).expect("a page");
    assert!(page.contains("\"reason\":\"original: camera EXIF, others re-encoded\""));
}

/// Case 10: in four of six pairs a copy was kept.
#[test]
fn a_copy_made_by_a_program_never_stays_for_what_a_camera_or_generator_wrote() {
    let camera = |seed: u64| with_camera(&jpeg(&photo(seed), 88));
    let image = |seed: u64| decoded(&camera(seed));
    let few: RgbImage = {
        let mut image = image(23);
        image.iter_mut().for_each(|value| *value = *value / 64 * 64 + 32);
        image
    };
    let indexed = encode(&DynamicImage::from(few), ImageFormat::Gif);
    let enlarged = imageops::resize(&image(22), 640, 512, FilterType::CatmullRom);
    let drawn = png(&photo(25));
    let files = [
        ("c/a_camera.jpg", camera(20)),
        ("c/a_converted.png", png(&image(20))),
        ("c/b_camera.jpg", camera(21)),
        ("c/b_resaved.jpg", jpeg(&image(21), 100)),
        ("c/c_camera.jpg", camera(22)),
        ("c/c_upscaled.jpg", jpeg(&enlarged, 60)),
        ("c/d_camera.jpg", camera(23)),
        ("c/d_64colours.gif", indexed),
        ("c/e_camera.jpg", camera(24)),
        ("c/e_from_q15.png", png(&decoded(&jpeg(&image(24), 15)))),
        ("c/f_generated.png", with_text(&drawn, b"parameters\0prompt, steps 20, seed 42")),
        ("c/f_stripped.png", encode(&DynamicImage::from(photo(25)), ImageFormat::Bmp)),
    ];
    let plan = scan(&place_of(&files), &["c"]);
    let kept: Vec<&str> = list(&plan["groups"]).iter().map(|group| text(&group["keep"])).collect();
    assert!(kept.len() >= 5, "{plan:#}");
    assert!(
        kept.iter().all(|path| path.ends_with("_camera.jpg") || path.ends_with("_generated.png")),
        "{kept:?}"
    );
    assert_eq!(plan["cameras_lost"], 0);
}
