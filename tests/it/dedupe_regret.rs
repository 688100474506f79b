//! What a user of `aesearch dedupe` would regret: frames that nobody looked at, colours that are lost, files
//! written over, duplicates that come back from where they were put.

use std::fs;

use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, RgbImage};

use crate::scenes::{groups, jpeg, list, place_of, png, scan, scene, text};

/// An animation of these scenes.
fn gif(seeds: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for &seed in seeds {
        let frame = Frame::new(DynamicImage::from(scene(seed)).into_rgba8());
        encoder.encode_frame(frame).expect("a frame");
    }
    drop(encoder);
    bytes
}

fn without_colour(image: &RgbImage) -> RgbImage {
    let luma =
        |[r, g, b]: [u8; 3]| (0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b)).round();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        image::Rgb([luma(image.get_pixel(x, y).0) as u8; 3])
    })
}

#[test]
fn animations_are_no_copies_of_their_first_frame() {
    let place = place_of(&[
        ("a/one.gif", gif(&[1])),
        ("a/one-two.gif", gif(&[1, 2])),
        ("a/one-three.gif", gif(&[1, 3])),
        ("a/one-three-again.gif", gif(&[1, 3])),
        ("a/still.png", png(&scene(1))),
    ]);
    let plan = scan(&place, &["a"]);
    let found = groups(&plan);
    let of_frames = |group: &&String| group.contains("one-t");
    let animated: Vec<&String> = found.iter().filter(of_frames).collect();
    assert_eq!(animated.len(), 1, "{found:?}");
    assert!(animated[0].starts_with("bytes ") && !animated[0].contains("one-two"), "{found:?}");
}

#[test]
fn colour_stays_before_grey_and_a_file_before_a_link() {
    let files = [("a/colour.png", png(&scene(4))), ("a/g.png", png(&without_colour(&scene(4))))];
    let place = place_of(&files);
    let plan = scan(&place, &["a", "--keep", "shortest"]);
    assert_eq!(groups(&plan), ["near a/colour.png = a/g.png"]);
    assert_eq!(list(&plan["groups"])[0]["duplicates"][0]["grey"], true);
    #[cfg(unix)]
    {
        let place = place_of(&[("a/a-long-name.png", png(&scene(5))), ("b/again.png", png(&scene(5)))]);
        std::os::unix::fs::symlink("a-long-name.png", place.path().join("a/s.png")).expect("a link");
        let plan = scan(&place, &["a", "b", "--keep", "shortest"]);
        let group = &list(&plan["groups"])[0];
        assert_eq!(text(&group["keep"]), "b/again.png", "{group:#}");
        assert!(list(&group["duplicates"]).iter().any(|file| file["link"] == true), "{group:#}");
    }
}

/// With a comment of so many bytes.
fn longer(jpeg: &[u8], bytes: u16) -> Vec<u8> {
    let comment = [b"\xff\xfe", &(bytes + 2).to_be_bytes()[..], &vec![b'x'; bytes.into()]].concat();
    [&jpeg[..2], &comment, &jpeg[2..]].concat()
}

#[test]
fn a_file_with_a_sidecar_stays_and_a_jpeg_of_higher_quality() {
    let small = image::imageops::thumbnail(&scene(22), 120, 90);
    let place = place_of(&[
        ("p/a/edited.jpg", jpeg(&scene(20), 80)),
        ("p/a/edited.xmp", b"<x/>".to_vec()),
        ("p/b/better.jpg", jpeg(&scene(20), 95)),
        ("p/c/long.jpg", longer(&jpeg(&scene(21), 70), 60_000)),
        ("p/c/short.jpg", jpeg(&scene(21), 90)),
        ("p/d/large.png", png(&scene(22))),
        ("p/d/small.png", png(&small)),
        ("p/d/small.png.json", b"{}".to_vec()),
    ]);
    let order = ["--keep", "resolution,sidecar,quality,bytes"];
    let plan = scan(&place, &[&["p"], &order[..]].concat());
    let expected = [
        "near p/a/edited.jpg = p/b/better.jpg",
        "near p/c/short.jpg = p/c/long.jpg",
        "near p/d/large.png = p/d/small.png",
    ];
    assert_eq!(groups(&plan), expected);
    let keepers: Vec<_> = list(&plan["groups"]).iter().map(|group| &group["keeper"]).collect();
    assert_eq!((&keepers[0]["sidecars"][0], &keepers[0]["jpeg_quality"]), (&"edited.xmp".into(), &80.into()));
    assert_eq!(list(&plan["groups"])[1]["duplicates"][0]["jpeg_quality"], 70);
    let said = place.run(&["dedupe", "scan", "p"]).expect(0).out;
    assert!(said.contains("p/d/small.png") && said.contains("(with small.png.json)"), "{said}");
    assert!(said.contains("sidecars belong to 1 duplicate: `apply` takes them along"), "{said}");
    let by_bytes = groups(&scan(&place, &["p/c", "--keep", "bytes"]));
    assert_eq!(by_bytes, ["near p/c/long.jpg = p/c/short.jpg"]);
}

#[test]
fn what_was_moved_away_is_not_found_again() {
    let place = place_of(&[("1.png", png(&scene(6))), ("2.png", png(&scene(6))), ("3.png", png(&scene(7)))]);
    place.run(&["dedupe", "scan", ".", "-o", "plan.json"]).expect(0);
    place.run(&["dedupe", "apply", "plan.json", "--action", "move", "--yes"]).expect(0);
    assert!(place.path().join("plan.json.duplicates").is_dir());
    let plan = scan(&place, &["."]);
    assert_eq!((&plan["images"], groups(&plan).len()), (&2.into(), 0), "{plan:#}");
}

#[test]
fn no_image_and_no_plan_is_written_over_or_taken_along() {
    let place = place_of(&[("x/1.png", png(&scene(8))), ("x/plan.png", png(&scene(8)))]);
    place.run(&["dedupe", "scan", "x", "-o", "x/plan.json", "--keep", "shortest"]).expect(0);
    fs::write(place.path().join("truth.csv"), "a,b\nx/1.png,x/plan.png\n").expect("a file");
    let image = fs::read(place.path().join("x/1.png")).expect("an image");
    for args in [
        &["dedupe", "decide", "--export", "x/1.png"][..],
        &["dedupe", "evaluate", "x", "--truth", "truth.csv", "--curve", "x/1.png"],
    ] {
        place.run(args).expect(2).says("got one of the images");
        assert_eq!(fs::read(place.path().join("x/1.png")).expect("an image"), image, "{args:?}");
    }
    let told = place.run(&["dedupe", "decide", "x/1.png", "x/plan.png", "--keep-all"]).expect(0);
    assert!(told.err.contains("scan again"), "{}", told.err);
    place.run(&["dedupe", "apply", "x/plan.json", "--action", "delete", "--sidecars", "--yes"]).expect(0);
    assert!(place.path().join("x/plan.json").is_file() && !place.path().join("x/plan.png").exists());
}

#[test]
fn a_place_that_cannot_be_read_is_a_reason() {
    let place = place_of(&[("a/1.png", png(&scene(9))), ("a/2.png", png(&scene(9)))]);
    place.run(&["dedupe", "scan", "a", "-o", "plan.json"]).expect(0);
    let to = "x".repeat(300);
    let ran = place.run(&["dedupe", "apply", "plan.json", "--action", "move", "--to", &to]).expect(3);
    assert!(ran.err.contains("its place"), "{}", ran.err);
}
