//! `aesearch dedupe scan` as its users meet it: what is found and what not, which file stays, what is heeded,
//! what is written.
//!
//! The images are drawn scenes, different for each seed, and copies of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;

use aesearch::demo::collection::write_collection;
use aesearch::images::{Pixels, encode_png};
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageFormat, Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::cli::{Place, Ran, assert_keys};
use crate::fixtures::{RawPng, encode, gzip, idx, write};
use crate::scenes::{
    brighter, groups, jpeg, list, members, pixels, place_of, png, scan, scene, set_time, text,
};

#[test]
fn same_bytes_same_pixels_and_near_copies_are_told_apart() {
    let grey = imageops::grayscale(&scene(3));
    let rgb = DynamicImage::ImageLuma8(grey.clone()).into_rgb8();
    let bmp = encode(&DynamicImage::ImageRgb8(scene(2)), ImageFormat::Bmp);
    let half = imageops::resize(&scene(5), 80, 60, FilterType::Triangle);
    let twice = imageops::resize(&scene(6), 320, 240, FilterType::Triangle);
    let cropped = imageops::crop_imm(&scene(8), 6, 4, 148, 112).to_image();
    let mut files = vec![
        ("p/1.png", png(&scene(1))),
        ("p/again/1-copy.png", png(&scene(1))),
        ("p/2.png", png(&scene(2))),
        ("p/2.bmp", bmp),
        (
            "p/3.png",
            encode_png(&Pixels { channels: 1, data: grey.into_raw(), ..pixels(&scene(3)) }).expect("PNG"),
        ),
        ("p/3-in-three.png", png(&rgb)),
        ("p/4.png", png(&scene(4))),
        ("p/4.jpg", jpeg(&scene(4), 50)),
        ("p/5.png", png(&scene(5))),
        ("p/5-half.png", png(&half)),
        ("p/6.png", png(&scene(6))),
        ("p/6-twice.png", png(&twice)),
        ("p/7.png", png(&scene(7))),
        ("p/7-bright.jpg", jpeg(&brighter(&scene(7), 120), 90)),
        ("p/8.png", png(&scene(8))),
        ("p/8-cropped.png", png(&cropped)),
    ];
    let names: Vec<String> = (100..130).map(|seed| format!("p/{seed}.png")).collect();
    files.extend(names.iter().zip(100..).map(|(name, seed)| (name.as_str(), png(&scene(seed)))));
    let place = place_of(&files);
    let plan = scan(&place, &["p"]);
    let expected = [
        "bytes p/1.png = p/again/1-copy.png",
        "pixels p/2.bmp = p/2.png", // more bytes
        "pixels p/3-in-three.png = p/3.png",
        "near p/4.png = p/4.jpg",
        "near p/5.png = p/5-half.png",
        "near p/6-twice.png = p/6.png",
        "near p/7.png = p/7-bright.jpg",
        "near p/8.png = p/8-cropped.png",
    ];
    assert_eq!(groups(&plan), expected);
    assert_eq!(plan["images"], files.len());
    for group in list(&plan["groups"]) {
        let similarity = group["duplicates"][0]["similarity"].as_f64().expect("a number");
        let least = plan["threshold"]["similarity"].as_f64().expect("a number");
        assert!(if group["kind"] == "near" { (least..1.0).contains(&similarity) } else { similarity == 1.0 });
    }
}

#[test]
fn a_picture_turned_by_its_exif_data_is_the_upright_one() {
    // orientation 6: to be turned clockwise
    let tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let upright = imageops::grayscale(&scene(1));
    let lying: GrayImage = imageops::rotate270(&upright);
    let rows = lying.rows().flat_map(|row| std::iter::once(0).chain(row.map(|pixel| pixel.0[0])));
    let rows: Vec<u8> = rows.collect();
    let (width, height) = lying.dimensions();
    let lying = RawPng { width, height, depth_and_colour: [8, 0], chunks: &[(b"eXIf", tiff)], rows: &rows };
    let upright = encode(&DynamicImage::ImageLuma8(upright), ImageFormat::Png);
    let place = place_of(&[("p/lying.png", lying.bytes()), ("p/upright.png", upright)]);
    let plan = scan(&place, &["p", "--keep", "exif"]);
    assert_eq!(groups(&plan), ["pixels p/lying.png = p/upright.png"]);
    let keeper = &plan["groups"][0]["keeper"];
    assert_eq!(
        (&keeper["exif"], &keeper["width"], &keeper["height"]),
        (&true.into(), &160.into(), &120.into())
    );
}

#[test]
fn different_digits_are_no_duplicates_of_each_other() {
    let place = Place::empty();
    write_collection(place.path(), 11, 30).expect("digits can be drawn");
    let plan = scan(&place, &["digits"]);
    assert_eq!(groups(&plan), [""; 0]);
    let ran = place.run(&["dedupe", "scan", "--exit-code"]).expect(0);
    assert!(
        ran.out.contains("300 images: none of the same bytes, none of the same pixels, none near"),
        "{}",
        ran.out
    );
}

#[test]
fn images_that_show_nothing_are_like_nothing() {
    let flat = |width, height, rgb| png(&RgbImage::from_pixel(width, height, Rgb(rgb)));
    let noise = |seed: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        png(&RgbImage::from_fn(64, 64, |_, _| Rgb([0; 3].map(|_: u8| rng.random_range(100..103u8)))))
    };
    let place = place_of(&[
        ("p/black.png", flat(28, 28, [0; 3])),
        ("p/black.bmp", encode(&RgbImage::new(28, 28).into(), ImageFormat::Bmp)),
        ("p/larger-black.png", flat(100, 50, [0; 3])),
        ("p/white.png", flat(28, 28, [255; 3])),
        ("p/larger-white.png", flat(56, 56, [255; 3])),
        ("p/red.png", flat(64, 64, [200, 0, 0])),
        ("p/dark-red.jpg", jpeg(&RgbImage::from_pixel(64, 64, Rgb([190, 0, 0])), 80)),
        ("p/dot.png", flat(1, 1, [9; 3])),
        ("p/noise.png", noise(1)),
        ("p/more-noise.png", noise(2)),
        ("p/scene.png", png(&scene(1))),
        ("p/a-copy.png", png(&scene(1))),
    ]);
    let plan = scan(&place, &["p", "--keep", "bytes,shortest"]);
    assert_eq!(groups(&plan), ["bytes p/scene.png = p/a-copy.png", "pixels p/black.bmp = p/black.png"]);
    assert_eq!(plan["near_misses"], json!([]));
    let ran = place.run(&["dedupe", "scan"]).expect(0);
    assert!(ran.out.contains("compared by bytes and pixels alone"), "{}", ran.out);
}

#[test]
fn the_plan_does_not_depend_on_any_order() {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for seed in 0..12 {
        files.push((format!("p/{}/{seed}.png", seed % 3), png(&scene(seed))));
        files.push((format!("p/{}/{seed}.jpg", seed % 2), jpeg(&scene(seed), 60)));
    }
    files.push(("p/1/copy.png".to_owned(), png(&scene(4))));
    let place = Place::empty();
    let fill = |files: &mut dyn Iterator<Item = &(String, Vec<u8>)>| {
        let _ = fs::remove_dir_all(place.path().join("p"));
        for (name, bytes) in files {
            write(&place.path().join(name), bytes);
            set_time(&place.path().join(name), 1_500_000_000);
        }
    };
    let plan = |args: &[&str]| {
        place.run(&[&["dedupe", "scan", "-o", "plan.json"], args].concat()).expect(0);
        fs::read_to_string(place.path().join("plan.json")).expect("a plan")
    };
    fill(&mut files.iter());
    let first = plan(&["p"]);
    assert!(first.contains("\"near\"") && first.contains("\"bytes\""), "{first}");
    assert_eq!(plan(&[]), first, "the index alone");
    assert_eq!(plan(&["p/2", "p/0", "p/1", "--threads", "1"]), first, "paths in another order, one thread");

    fs::remove_dir_all(place.path().join(".aesearch")).expect("there was an index");
    fill(&mut files.iter().rev());
    place.run(&["index", "p/2", "p/1"]).expect(0);
    place.run(&["dedupe", "scan"]).expect(0);
    place.run(&["index", "p/0"]).expect(0);
    assert_eq!(plan(&[]), first, "files made and indexed in another order");
}

#[test]
fn mirrored_and_turned_copies_are_found_when_asked_for() {
    let place = place_of(&[
        ("p/1.png", png(&scene(1))),
        ("p/mirrored.png", png(&imageops::flip_horizontal(&scene(1)))),
        ("p/2.png", png(&scene(2))),
        ("p/right.png", png(&imageops::rotate90(&scene(2)))),
        ("p/3.png", png(&scene(3))),
        ("p/left.png", png(&imageops::rotate270(&scene(3)))),
        ("p/4.png", png(&scene(4))),
        ("p/upside-down.png", png(&imageops::rotate180(&scene(4)))),
        ("p/5.png", png(&scene(5))),
        ("p/flipped.png", png(&imageops::flip_vertical(&scene(5)))),
        ("p/6.png", png(&scene(6))),
        ("p/right-too.png", png(&imageops::rotate90(&scene(6)))),
        ("p/7.png", png(&scene(7))),
        ("p/right-as-well.png", png(&imageops::rotate90(&scene(7)))),
        ("p/8.png", png(&scene(8))),
    ]);
    let found = |how: &[&str]| -> BTreeMap<String, String> {
        let plan = scan(&place, &[&["p", "--keep", "shortest"], how].concat());
        let pair = |group: &Value| {
            let [duplicate] = list(&group["duplicates"]) else { panic!("one duplicate in {group:#}") };
            (text(&duplicate["path"]).to_owned(), text(&duplicate["turned"]).to_owned())
        };
        list(&plan["groups"]).iter().filter(|group| group["kind"] == "near").map(pair).collect()
    };
    let expected = |turns: &[(&str, &str)]| -> BTreeMap<String, String> {
        turns.iter().map(|(name, turned)| (format!("p/{name}.png"), (*turned).to_owned())).collect()
    };
    assert_eq!(found(&[]), BTreeMap::new());
    assert_eq!(found(&["--invariant", "flip"]), expected(&[("mirrored", "mirrored")]));
    let right = ["right", "right-too", "right-as-well"].map(|name| (name, "turned right"));
    let turned = [&right[..], &[("left", "turned left"), ("upside-down", "turned upside down")]].concat();
    assert_eq!(found(&["--invariant", "rot90"]), expected(&turned));
    let all = [&turned[..], &[("mirrored", "mirrored"), ("flipped", "flipped")]].concat();
    assert_eq!(found(&["--invariant", "flip,rot90"]), expected(&all));
    place.run(&["dedupe", "scan", "--invariant", "sideways"]).expect(2).says("flip or rot90, got sideways");
}

#[test]
fn what_was_decided_is_not_proposed_again() {
    let place = place_of(&[
        ("p/1.png", png(&scene(1))),
        ("p/1-again.png", png(&scene(1))),
        ("p/2.png", png(&scene(2))),
        ("p/2.bmp", encode(&scene(2).into(), ImageFormat::Bmp)),
        ("p/3.png", png(&scene(3))),
        ("p/3.jpg", jpeg(&scene(3), 80)),
        ("p/4.png", png(&scene(4))),
        ("p/4.jpg", jpeg(&scene(4), 80)),
        ("p/4-poor.jpg", jpeg(&scene(4), 50)),
    ]);
    let all = groups(&scan(&place, &["p"]));
    assert_eq!(
        all[1..],
        ["pixels p/2.bmp = p/2.png", "near p/3.png = p/3.jpg", "near p/4.png = p/4-poor.jpg p/4.jpg"]
    );
    for (args, left) in [
        (&["p/3.png", "p/3.jpg", "--different"][..], 3),
        (&["p/1.png", "p/1-again.png", "--keep-all"], 2),
        (&["p/2.png", "p/2.bmp", "--keep-all"], 1),
    ] {
        place.run(&[&["dedupe", "decide"], args].concat()).expect(0);
        assert_eq!(groups(&scan(&place, &["p"])).len(), left, "{args:?}");
    }
    // one pair of three is known to be different: they are not all alike any more
    place.run(&["dedupe", "decide", "p/4.png", "p/4-poor.jpg", "--different"]).expect(0);
    let apart = scan(&place, &["p"]);
    let together =
        |group: &Value| members(group).contains(&"p/4.png") && members(group).contains(&"p/4-poor.jpg");
    assert!(!list(&apart["groups"]).iter().any(together), "{:?}", groups(&apart));
    // the third is like one that goes, and so stays with the first
    assert_eq!(groups(&apart), ["near p/4.png = p/4.jpg"]);
    assert_eq!(apart["near_misses"], json!([]));
    place.run(&["dedupe", "decide", "p", "--forget"]).expect(0);
    assert_eq!(groups(&scan(&place, &["p"])), all);
}

#[test]
fn files_of_one_picture_that_are_different_are_never_duplicates_of_each_other() {
    let place = place_of(&[
        ("p/1.png", png(&scene(1))),
        ("p/1.bmp", encode(&scene(1).into(), ImageFormat::Bmp)),
        ("p/1.jpg", jpeg(&scene(1), 80)),
    ]);
    scan(&place, &["p"]);
    place.run(&["dedupe", "decide", "p/1.png", "p/1.bmp", "--different"]).expect(0);
    let plan = scan(&place, &["p"]);
    let both = |group: &Value| members(group).contains(&"p/1.png") && members(group).contains(&"p/1.bmp");
    assert!(!list(&plan["groups"]).iter().any(both), "{:?}", groups(&plan));
}

#[test]
fn the_medoid_need_not_be_what_is_kept() {
    let place = place_of(&[
        ("p/dark.png", png(&brighter(&scene(1), 80))),
        ("p/middle.jpg", jpeg(&scene(1), 95)),
        ("p/bright.jpg", jpeg(&brighter(&scene(1), 115), 40)),
    ]);
    let plan = scan(&place, &["p"]);
    assert_eq!(plan["groups"][0]["keep"], "p/dark.png", "{:?}", groups(&plan));
    assert_eq!(plan["groups"][0]["medoid"], "p/middle.jpg", "{plan:#}");
}

#[test]
fn what_is_kept_is_no_duplicate_of_another_either() {
    let place = place_of(&[
        ("p/1.png", png(&scene(1))),
        ("p/1.jpg", jpeg(&scene(1), 80)),
        ("p/1-poor.jpg", jpeg(&scene(1), 50)),
        ("p/2.png", png(&scene(2))),
    ]);
    assert_eq!(groups(&scan(&place, &["p"])), ["near p/1.png = p/1-poor.jpg p/1.jpg"]);
    place.run(&["dedupe", "decide", "p/1-poor.jpg", "--keep-all"]).expect(0);
    let plan = scan(&place, &["p"]);
    assert_eq!(groups(&plan), ["near p/1.png = p/1.jpg"]);
    assert_eq!(plan["groups"][0]["also_kept"][0]["path"], "p/1-poor.jpg");
}

#[test]
fn nothing_else_in_the_folder_of_the_index_is_touched() {
    let place = place_of(&[("p/1.png", png(&scene(1))), ("p/2.png", png(&scene(2)))]);
    place.run(&["index", "p"]).expect(0);
    let photo = place.path().join(".aesearch/dedupe-plan.json.duplicates/photo.png");
    write(&photo, b"moved here");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(100 * 24 * 60 * 60);
    let folder = std::fs::File::open(photo.parent().expect("a folder")).expect("opens");
    folder.set_modified(long_ago).expect("an old folder");
    let names = || -> BTreeSet<std::ffi::OsString> {
        let entries = std::fs::read_dir(place.path().join(".aesearch")).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name()).collect()
    };
    let mut expected = names();
    expected.insert("looks".into());
    place.run(&["dedupe", "scan"]).expect(0);
    assert!(photo.is_file());
    assert_eq!(names(), expected, "the fingerprints came, and nothing else came or went");
}

#[test]
fn what_stays_can_be_chosen_and_labels_that_differ_are_told() {
    let place = place_of(&[
        ("p/cat/first.png", png(&scene(1))),
        ("p/dog/1.png", png(&scene(1))),
        ("p/cat/old.jpg", jpeg(&scene(2), 50)),
        ("p/cat/2-new.png", png(&scene(2))),
    ]);
    for (name, seconds) in [("cat/first.png", 2), ("dog/1.png", 3), ("cat/old.jpg", 1), ("cat/2-new.png", 9)]
    {
        set_time(&place.path().join("p").join(name), 1_000_000_000 + seconds);
    }
    let found = |keep: &str| groups(&scan(&place, &["p", "--keep", keep]));
    let [by_age, by_name] = ["bytes p/cat/first.png = p/dog/1.png", "bytes p/dog/1.png = p/cat/first.png"];
    let [png_stays, jpeg_stays] =
        ["near p/cat/2-new.png = p/cat/old.jpg", "near p/cat/old.jpg = p/cat/2-new.png"];
    assert_eq!(found("oldest"), [by_age, jpeg_stays]);
    assert_eq!(found("shortest"), [by_name, jpeg_stays]);
    assert_eq!(found("format,shortest"), [by_name, png_stays]);
    place.run(&["dedupe", "scan", "--keep", "nicest"]).expect(2).says("quality, exif, got nicest");

    let plan = scan(&place, &["p"]);
    assert_eq!(plan["groups"][0]["conflicting_labels"], json!(["cat", "dog"]));
    assert!(plan["groups"][1].get("conflicting_labels").is_none());
    assert_eq!(plan["groups"][0]["keeper"]["label"], "cat");
    let ran = place.run(&["dedupe", "scan"]).expect(0);
    assert!(ran.out.contains("labels differ within 1 group"), "{}", ran.out);
}

#[test]
fn entries_of_containers_are_compared_like_files() {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("1.png", zip::write::SimpleFileOptions::default()).expect("starts");
    zip.write_all(&png(&scene(1))).expect("writes");
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    let entry = jpeg(&scene(1), 60);
    header.set_size(entry.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "1.jpg", &entry[..]).expect("appends");
    let digit = imageops::thumbnail(&imageops::grayscale(&scene(2)), 28, 28);
    let other = imageops::thumbnail(&imageops::grayscale(&scene(3)), 28, 28);
    let content = [digit.as_raw().as_slice(), other.as_raw(), digit.as_raw()].concat();
    let place = place_of(&[
        ("p/1.png", png(&scene(1))),
        ("p/a.zip", zip.finish().expect("finishes").into_inner()),
        ("p/a.tgz", gzip(&tar.into_inner().expect("finishes"))),
        ("p/a-images-idx3-ubyte", idx(&[3, 28, 28], &content)),
        ("p/digit.png", encode(&DynamicImage::ImageLuma8(digit), ImageFormat::Png)),
    ]);
    let plan = scan(&place, &["p", "--keep", "shortest"]);
    let expected = [
        "bytes p/1.png = p/a.zip#1.png",
        "bytes p/a-images-idx3-ubyte#0 = p/a-images-idx3-ubyte#2",
        "pixels p/digit.png = p/a-images-idx3-ubyte#0",
        "near p/1.png = p/a.tgz#1.jpg",
    ];
    assert_eq!(groups(&plan), expected);
    let files = list(&plan["groups"])
        .iter()
        .flat_map(|group| std::iter::once(&group["keeper"]).chain(list(&group["duplicates"])));
    for file in files {
        assert_eq!(file.get("entry") == Some(&json!(true)), text(&file["path"]).contains('#'), "{file:#}");
    }
}

/// Each file of the fingerprints with its content.
fn fingerprints(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(place.path().join(".aesearch/looks")).expect("fingerprints are kept");
    let files = files.map(|entry| entry.expect("an entry"));
    files
        .map(|file| (file.file_name().display().to_string(), fs::read(file.path()).expect("can be read")))
        .collect()
}

/// A place with two near images and two others, scanned once.
fn scanned() -> (Place, Value) {
    let place = place_of(&[
        ("p/1.png", png(&scene(1))),
        ("p/1.jpg", jpeg(&scene(1), 60)),
        ("p/2.png", png(&scene(2))),
        ("p/3.png", png(&scene(3))),
    ]);
    let plan = scan(&place, &["p"]);
    assert_eq!(groups(&plan), ["near p/1.png = p/1.jpg"]);
    (place, plan)
}

#[test]
fn fingerprints_are_kept_and_computed_again_if_they_are_damaged() {
    let (place, plan) = scanned();
    let before = fingerprints(&place);
    assert_eq!(scan(&place, &["p"]), plan);
    assert_eq!(fingerprints(&place), before, "nothing was computed again");
    let folder: BTreeSet<String> = fs::read_dir(place.path().join(".aesearch"))
        .expect("the index")
        .map(|entry| entry.expect("an entry").file_name().display().to_string())
        .collect();
    assert!(!folder.iter().any(|name| name.starts_with(".codes-")), "left over: {folder:?}");

    for (name, bytes) in &before {
        let path = place.path().join(".aesearch/looks").join(name);
        let mut damaged = bytes.clone();
        let Some(byte) = damaged.len().checked_sub(1).map(|last| &mut damaged[last / 2]) else { continue };
        *byte ^= 0x5a;
        fs::write(&path, damaged).expect("writes");
        let mut ran = place.run(&["dedupe", "scan", "--json"]).expect(0);
        // what is known of pairs, and the last threshold, are found again without a word
        if !["pairs", "threshold.json"].contains(&name.as_str()) {
            ran = ran.says("all fingerprints are computed again");
        }
        assert_eq!(serde_json::from_str::<Value>(&ran.out).expect("a document"), plan, "{name}");
        place.run(&["dedupe", "scan"]).expect(0);
    }
    fs::remove_dir_all(place.path().join(".aesearch/looks")).expect("they are gone");
    assert_eq!(scan(&place, &[]), plan);
}

#[test]
fn the_bar_says_what_it_counts() {
    let place = place_of(&[("p/1.png", png(&scene(1))), ("p/1.jpg", jpeg(&scene(1), 60))]);
    let ran = place.run(&["dedupe", "scan", "p", "--progress", "always"]).expect(0);
    ran.says("fingerprinting").says("2/2 images").says("comparing").says("1/1 pairs");
}

#[test]
fn what_changed_since_it_was_indexed_is_left_out_aloud() {
    let (place, plan) = scanned();
    let skipped = |ran: Ran| {
        let plan: Value = serde_json::from_str(&ran.expect(3).out).expect("a document");
        assert_eq!(groups(&plan), [""; 0]);
        let [skipped] = list(&plan["skipped"]) else { panic!("one is skipped: {plan:#}") };
        assert_eq!(skipped["path"], "p/1.jpg");
        text(&skipped["reason"]).to_owned()
    };
    let everything = || place.run(&["dedupe", "scan", "--json"]);
    let changed = place.path().join("p/1.jpg");
    set_time(&changed, 1_000_000_000);
    let touched = scan(&place, &[]);
    assert_eq!(groups(&touched), groups(&plan), "it was only touched");
    assert_eq!(touched["groups"][0]["duplicates"][0]["mtime_ns"].as_i64(), Some(1_000_000_000_000_000_000));

    write(&changed, &jpeg(&scene(9), 60));
    assert_eq!(skipped(everything()), "it has changed since it was indexed: index it again");
    fs::remove_dir_all(place.path().join(".aesearch/looks")).expect("fingerprints are kept");
    assert_eq!(skipped(everything()), "it has changed since it was indexed: index it again");
    fs::remove_file(&changed).expect("it is gone");
    assert_eq!(skipped(everything()), "no such file or folder");
    assert_eq!(scan(&place, &["p"])["images"], 3, "given, it is indexed again");
    everything().expect(0);
}

#[test]
fn documents_and_exit_codes_are_those_that_were_promised() {
    let (place, plan) = scanned();
    assert_keys(
        &plan,
        &["schema_version", "command", "threshold", "groups", "images", "near_misses", "skipped"],
    );
    assert_eq!((&plan["command"], &plan["schema_version"]), (&"dedupe scan".into(), &1.into()));
    assert_keys(&plan["threshold"], &["similarity", "false_positive_rate", "expected_false_pairs", "recall"]);
    assert_eq!(plan["threshold"]["false_positive_rate"], 1e-6);
    assert_keys(&plan["groups"][0], &["kind", "keep", "duplicates", "id", "diameter", "medoid"]);
    assert_keys(&plan["groups"][0]["duplicates"][0], &["path", "distance", "similarity", "size", "hash"]);

    let ran = place.run(&["dedupe", "scan", "p"]).expect(0);
    assert!(ran.out.contains("1 near group (1 duplicate)"), "{}", ran.out);
    place.run(&["dedupe", "scan", "p", "--exit-code"]).expect(1);
    place.run(&["dedupe", "scan", "p/2.png", "p/3.png", "--exit-code"]).expect(0);
    write(&place.path().join("p/broken.png"), b"not an image");
    let ran = place.run(&["dedupe", "scan", "p", "--exit-code", "--json"]).expect(3).says("p/broken.png");
    assert_eq!(groups(&serde_json::from_str(&ran.out).expect("a document")).len(), 1);
    for rate in ["0", "0.5", "-1"] {
        let rate = format!("--false-positive-rate={rate}");
        place.run(&["dedupe", "scan", &rate]).expect(2).says("--false-positive-rate: expected more than 0");
    }
    Place::empty().run(&["dedupe", "scan"]).expect(2).says("no index here");
    place.run(&["dedupe", "scan", "nowhere"]).expect(2).says("nowhere");
}

#[test]
fn plan_report_and_sheet_are_written_but_never_over_an_image() {
    let (place, plan) = scanned();
    let outputs = ["-o", "plan.json", "--report", "page.html", "--sheet", "sheet.png"];
    for _ in 0..2 {
        let ran = place.run(&[&["dedupe", "scan", "p"], &outputs[..]].concat()).expect(0);
        assert!(ran.out.contains("next: aesearch dedupe apply plan.json"), "{}", ran.out);
    }
    let read = |name: &str| fs::read(place.path().join(name)).expect("it was written");
    assert_eq!(serde_json::from_slice::<Value>(&read("plan.json")).expect("a document"), plan);
    assert!(read("sheet.png").starts_with(b"\x89PNG"));
    assert!(String::from_utf8_lossy(&read("page.html")).contains("1.jpg"));
    let listed = place.run(&["dedupe", "apply", "plan.json"]).expect(0);
    assert_eq!(listed.out.trim(), place.path().join("p/1.jpg").display().to_string());

    for output in ["-o", "--report", "--sheet"] {
        for name in ["p/1.jpg", "p/1.png", "p/2.png"] {
            let before = read(name);
            let is_picture = output != "--sheet" || name.ends_with("png");
            let reason =
                if is_picture { "got one of the images" } else { "expected a name that ends in .png" };
            place.run(&["dedupe", "scan", "p", output, name]).expect(2).says(reason);
            assert_eq!(read(name), before, "{output} {name}");
        }
    }
}

#[test]
fn thousands_of_images_make_the_same_plan_on_any_number_of_threads() {
    let place = Place::empty();
    write_collection(place.path(), 13, 200).expect("digits can be drawn");
    // variants of one image, all different and more than are compared each with each at first
    let one = scene(1);
    for i in 0..150u32 {
        let mut variant = brighter(&one, 60 + i % 40);
        variant.get_pixel_mut(i % 160, i / 160).0[0] ^= 8;
        write(&place.path().join(format!("digits/variants/{i:03}.png")), &png(&variant));
    }
    let plan = |args: &[&str]| {
        place.run(&[&["dedupe", "scan", "digits", "-o", "plan.json"], args].concat()).expect(0);
        fs::read_to_string(place.path().join("plan.json")).expect("a plan")
    };
    let first = plan(&["--threads", "1"]);
    fs::remove_dir_all(place.path().join(".aesearch")).expect("there was an index");
    place.run(&["index", "digits/variants"]).expect(0);
    assert_eq!(plan(&["--threads", "4"]), first);
    let parsed: Value = serde_json::from_str(&first).expect("a document");
    let threshold = &parsed["threshold"];
    assert!(threshold["null_pairs"].as_u64() > Some(10_000), "the collection tells: {threshold}");
    let of_variants = |group: &&Value| group["kind"] == "near" && text(&group["keep"]).contains("variants");
    let sizes: Vec<usize> = list(&parsed["groups"])
        .iter()
        .filter(of_variants)
        .map(|group| list(&group["duplicates"]).len())
        .collect();
    // brightness from .6 to 1: some lie too far from the one that is kept, and are around another one
    let grouped = sizes.iter().sum::<usize>() + sizes.len();
    assert!(sizes.len() <= 5 && grouped >= 130, "{sizes:?}: few near groups hold nearly all of them");
}
