//! Files that hold several pictures: frames of animations, pages of TIFF files, photos of MPO and HEIC files.
//! What each frame shows, and how every command deals with items that are called `file#frame`.

use std::fs;
use std::path::Path;

use aesearch::images::{Frames, Item, Limits, Pixels, WalkOptions, decode, load, read, resolve, walk};
use image::codecs::gif::{GifEncoder, Repeat};
use image::{DynamicImage, Frame, ImageFormat, Rgb, RgbImage};
use serde_json::Value;

use crate::cli::Place;
use crate::fixtures::{encode, shared_data, write};
use crate::scenes::{jpeg, png, scene};

/// Sides of the pictures below.
const SIZE: (u32, u32) = (24, 16);

/// A picture of three colours, another one for each number.
fn drawn(number: u32) -> RgbImage {
    RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| match (x + y * number) % 3 {
        0 => Rgb([200, 30, number as u8 * 20]),
        1 => Rgb([10, 220, 90]),
        _ => Rgb([40, 40, 250]),
    })
}

fn gif(pictures: &[RgbImage]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = GifEncoder::new(&mut file);
    encoder.set_repeat(Repeat::Infinite).expect("a GIF file");
    for picture in pictures {
        let picture = DynamicImage::ImageRgb8(picture.clone()).into_rgba8();
        encoder.encode_frame(Frame::new(picture)).expect("a frame");
    }
    drop(encoder);
    file
}

/// The chunks of a PNG file with this name.
fn chunks_of(png: &[u8], name: &[u8; 4]) -> Vec<u8> {
    let (mut at, mut found) = (8, Vec::new());
    while at < png.len() {
        let length = u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes")) as usize;
        if &png[at + 4..at + 8] == name {
            found.extend(&png[at + 8..at + 8 + length]);
        }
        at += 12 + length;
    }
    found
}

/// An animated PNG: the first picture, then the others each over the part of it that begins at (8, 4).
fn apng(first: &RgbImage, others: &[RgbImage]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |name: &[u8; 4], body: &[u8]| {
        let mut sum = flate2::Crc::new();
        sum.update(name);
        sum.update(body);
        file.extend([&(body.len() as u32).to_be_bytes(), &name[..], body, &sum.sum().to_be_bytes()].concat());
    };
    let control = |number: u32, picture: &RgbImage, x: u32, y: u32| {
        let numbers = [number, picture.width(), picture.height(), x, y].map(u32::to_be_bytes).concat();
        [&numbers[..], &[0, 1, 0, 10, 0, 0]].concat() // a tenth of a second; left there; in place of what was
    };
    let whole = png(first);
    chunk(b"IHDR", &chunks_of(&whole, b"IHDR"));
    chunk(b"acTL", &[(1 + others.len() as u32).to_be_bytes(), [0; 4]].concat());
    chunk(b"fcTL", &control(0, first, 0, 0));
    chunk(b"IDAT", &chunks_of(&whole, b"IDAT"));
    for (at, other) in (1_u32..).zip(others) {
        // data have numbers too, but for those of the first picture
        chunk(b"fcTL", &control(2 * at - 1, other, 8, 4));
        chunk(b"fdAT", &[&(2 * at).to_be_bytes()[..], &chunks_of(&png(other), b"IDAT")].concat());
    }
    chunk(b"IEND", &[]);
    file
}

/// An animated WebP of whole frames, without loss.
fn webp(pictures: &[RgbImage]) -> Vec<u8> {
    let chunk = |name: &[u8; 4], body: &[u8]| {
        let padding = &[0][..body.len() % 2];
        [&name[..], &(body.len() as u32).to_le_bytes(), body, padding].concat()
    };
    let long = |number: u32| number.to_le_bytes()[..3].to_vec();
    let sides = [long(SIZE.0 - 1), long(SIZE.1 - 1)].concat();
    let mut body = b"WEBP".to_vec();
    body.extend(chunk(b"VP8X", &[&[2, 0, 0, 0][..], &sides].concat()));
    body.extend(chunk(b"ANIM", &[0; 6]));
    for picture in pictures {
        let still = encode(&DynamicImage::ImageRgb8(picture.clone()), ImageFormat::WebP);
        // place, sides, time, how it is laid over the last one; then the still's own chunk
        let header = [vec![0; 6], sides.clone(), long(100), vec![2]].concat();
        body.extend(chunk(b"ANMF", &[&header[..], &still[12..]].concat()));
    }
    chunk(b"RIFF", &body)
}

/// A TIFF of several pages.
fn tiff(pages: &[RgbImage]) -> Vec<u8> {
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    for (at, page) in (1..).zip(pages) {
        let tags = [
            (256, 4, page.width()),
            (257, 4, page.height()),
            (258, 3, 8),
            (262, 3, 2),
            (277, 3, 3),
            (273, 4, file.len() as u32 + 2 + 7 * 12 + 4),
            (279, 4, page.as_raw().len() as u32),
        ];
        let next = file.len() + 2 + 7 * 12 + 4 + page.as_raw().len();
        file.extend([7, 0]);
        for (tag, kind, value) in tags {
            file.extend([&(tag as u16).to_le_bytes()[..], &(kind as u16).to_le_bytes()].concat());
            file.extend([1_u32.to_le_bytes(), u32::to_le_bytes(value)].concat());
        }
        file.extend((if at == pages.len() { 0 } else { next as u32 }).to_le_bytes());
        file.extend(page.as_raw());
    }
    file
}

/// A JPEG file with others behind it, and an index of them.
fn mpo(pictures: &[Vec<u8>]) -> Vec<u8> {
    let index_size = 26 + 16 * pictures.len();
    let inserted = 2 + 2 + 4 + index_size;
    let mut index = b"II*\0\x08\0\0\0\x01\0\x02\xb0\x07\0".to_vec();
    index.extend([(16 * pictures.len() as u32).to_le_bytes(), 26_u32.to_le_bytes(), [0; 4]].concat());
    let mut end = 0;
    for (at, picture) in pictures.iter().enumerate() {
        let size = picture.len() + if at == 0 { inserted } else { 0 };
        let offset = if at == 0 { 0 } else { end - 10 };
        index.extend([0x0002_0002, size as u32, offset as u32, 0].map(u32::to_le_bytes).concat());
        end += size;
    }
    let (first, others) = pictures.split_first().expect("a picture");
    let segment = [b"\xff\xe2", &((2 + 4 + index_size) as u16).to_be_bytes()[..], b"MPF\0", &index].concat();
    [&first[..2], &segment, &first[2..], &others.concat()].concat()
}

fn walked(path: &Path, frames: Frames) -> Vec<Item> {
    let options = WalkOptions { frames, ..WalkOptions::default() };
    let walk = walk(&[path.to_path_buf()], &options).expect("walks");
    assert!(walk.skipped.is_empty(), "{:?}", walk.skipped);
    walk.items
}

fn pixels(item: &Item) -> Pixels {
    load(item, &Limits::default()).unwrap_or_else(|why| panic!("{}: {why}", item.display())).pixels
}

fn names(items: &[Item]) -> Vec<String> {
    items.iter().map(|item| item.display().rsplit('/').next().expect("a name").to_owned()).collect()
}

#[test]
fn every_frame_shows_what_was_drawn_in_any_order_and_on_any_thread() {
    let place = Place::empty();
    let pictures: Vec<RgbImage> = (0..5).map(drawn).collect();
    let mut over = vec![pictures[0].clone()];
    let parts: Vec<RgbImage> = pictures[1..]
        .iter()
        .map(|picture| image::imageops::crop_imm(picture, 8, 4, 9, 7).to_image())
        .collect();
    for part in &parts {
        let mut whole = over[over.len() - 1].clone();
        image::imageops::replace(&mut whole, part, 8, 4);
        over.push(whole);
    }
    for (name, file, expected) in [
        ("a.gif", gif(&pictures), &pictures),
        ("a.png", apng(&pictures[0], &parts), &over),
        ("a.webp", webp(&pictures), &pictures),
        ("a.tif", tiff(&pictures), &pictures),
    ] {
        let path = place.path().join(name);
        write(&path, &file);
        let items = walked(&path, Frames::All);
        assert_eq!(names(&items), [0, 1, 2, 3, 4].map(|frame| format!("{name}#{frame}")));
        assert_eq!(names(&walked(&path, Frames::AtMost(2))), [0, 2].map(|frame| format!("{name}#{frame}")));
        assert_eq!(names(&walked(&path, Frames::First)), [name]);
        let shows = |item: &Item, frame: usize| {
            assert_eq!(pixels(item).data, *expected[frame].as_raw(), "{name}, frame {frame}");
        };
        for frame in [0, 1, 2, 3, 4, 3, 0, 4, 2, 2] {
            shows(&items[frame], frame);
        }
        shows(&walked(&path, Frames::First)[0], 0);
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let (items, shows) = (&items, &shows);
                scope.spawn(move || {
                    (0..20).map(|i| i * (thread + 1) % 5).for_each(|frame| shows(&items[frame], frame))
                });
            }
        });
        // by their names alone, and with different contents
        let by_name: Vec<Vec<u8>> = items.iter().map(|item| item.name().into_owned()).collect();
        let found = resolve(by_name.iter().map(Vec::as_slice), Path::new(""));
        found.into_iter().enumerate().for_each(|(frame, item)| shows(&item.expect("found again"), frame));
        let hashes = items.iter().map(|item| load(item, &Limits::default()).expect("loads").stamp.hash);
        assert_eq!(hashes.collect::<std::collections::HashSet<_>>().len(), 5, "{name}");
    }
}

#[test]
fn photos_in_one_jpeg_are_files_of_their_own() {
    let place = Place::empty();
    let photos: Vec<Vec<u8>> = (0..3).map(|seed| jpeg(&scene(seed), 90)).collect();
    let path = place.path().join("a.mpo");
    write(&path, &mpo(&photos));
    let items = walked(&path, Frames::All);
    assert_eq!(names(&items), ["a.mpo#0", "a.mpo#1", "a.mpo#2"]);
    for (item, photo) in items.iter().zip(&photos) {
        assert_eq!(pixels(item), decode(photo, &Limits::default()).expect("decodes"));
    }
    // a photo without others, whatever it is called, and an index that leads nowhere
    write(&path, &photos[0]);
    assert_eq!(names(&walked(&path, Frames::All)), ["a.mpo"]);
    write(&path, &mpo(&photos)[..mpo(&photos[..1]).len()]);
    assert_eq!(names(&walked(&path, Frames::All)), ["a.mpo"]);
}

#[test]
fn photos_of_cameras_and_phones_are_found() {
    let Some(data) = shared_data() else { return };
    let formats = data.join("formats");
    if !formats.is_dir() {
        return eprintln!("SKIPPED: no {}", formats.display());
    }
    for (name, several) in [
        ("frozenpond.mpo", 2),
        ("sugarshack.mpo", 2),
        #[cfg(feature = "heic")]
        ("example.heic", 2),
        ("hopper.heif", 1),
        ("canon_eos_6d.dng", 1),
    ] {
        let path = formats.join(name);
        let items = walked(&path, Frames::All);
        assert_eq!(items.len(), several, "{name}: {:?}", names(&items));
        let holds_several = |item: &Item| read(item, &Limits::default()).expect("reads").facts().several;
        assert_eq!(holds_several(&walked(&path, Frames::First)[0]), several > 1, "{name}");
        assert!(!items.iter().any(holds_several), "{name}: each picture is one");
        if several > 1 {
            let first = pixels(&walked(&path, Frames::First)[0]);
            assert_eq!(pixels(&items[0]), first, "{name}");
            assert_ne!(pixels(&items[1]).data, first.data, "{name}");
        }
    }
}

/// Made by ffmpeg with x265 of four pictures at 96x64, once each on its own and once each from the one before it; the
/// brand and the handler are those of a sequence of pictures.
#[test]
#[cfg(feature = "heic")]
fn pictures_of_a_sequence_are_read_where_they_need_no_others() {
    let drawn = |n: usize, x: usize, y: usize| {
        let is_near = (x as i32 - 20 * n as i32 - 10).pow(2) + (y as i32 - 30).pow(2) < 200;
        [(x * 2 + n * 40) % 256, (y * 3 + n * 20) % 256, if is_near { 220 } else { 20 }]
    };
    let difference = |pixels: &Pixels, n: usize| {
        assert_eq!((pixels.width, pixels.height, pixels.channels), (96, 64, 3));
        let differs = |(at, &value): (usize, &u8)| {
            (f64::from(value) - drawn(n, at / 3 % 96, at / 288)[at % 3] as f64).abs()
        };
        pixels.data.iter().enumerate().map(differs).sum::<f64>() / pixels.data.len() as f64
    };
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/heic");
    let items = walked(&data.join("sequence-intra.heic"), Frames::All);
    let numbered = (0..4).map(|n| format!("sequence-intra.heic#{n}")).collect::<Vec<_>>();
    assert_eq!(names(&items), numbered);
    for (n, item) in items.iter().enumerate() {
        let shown = difference(&pixels(item), n);
        assert!(shown < 9.0, "{n}: {shown}");
    }
    let first = walked(&data.join("sequence-intra.heic"), Frames::First);
    assert_eq!(pixels(&first[0]), pixels(&items[0]));
    assert!(read(&first[0], &Limits::default()).expect("reads").facts().several);

    let items = walked(&data.join("sequence-inter.heic"), Frames::All);
    assert_eq!(items.len(), 4);
    assert!(difference(&pixels(&items[0]), 0) < 9.0);
    let reason = load(&items[2], &Limits::default()).expect_err("needs others");
    let expected = "unsupported: the picture needs others before it; convert the sequence to a film with `ffmpeg`, which `video` reads";
    assert_eq!(reason, format!("heic: {expected}"));

    // turned by the matrix of its track: a, b, c, d lie 40 bytes into it
    let mut file = fs::read(data.join("sequence-intra.heic")).expect("reads");
    let matrix = 4 + 40 + file.windows(4).position(|window| window == b"tkhd").expect("a track");
    for (at, number) in [(0, 0), (4, 1), (12, -1), (16, 0)] {
        file[matrix + at..matrix + at + 4].copy_from_slice(&(i32::to_be_bytes(number << 16)));
    }
    let turned = decode(&file, &Limits::default()).expect("decodes");
    assert_eq!((turned.width, turned.height), (64, 96));
    let upright = pixels(&first[0]);
    let at = |pixels: &Pixels, x: usize, y: usize| pixels.data[(y * pixels.width + x) * 3..][..3].to_vec();
    assert_eq!(at(&turned, 63, 0), at(&upright, 0, 0), "a quarter turn with the clock");
    assert_eq!(at(&turned, 0, 95), at(&upright, 95, 63));
    file[matrix + 16..matrix + 20].copy_from_slice(&(5_i32 << 16).to_be_bytes());
    assert!(decode(&file, &Limits::default()).expect_err("another matrix").contains("without a track"));
}

#[test]
fn damage_costs_only_the_frames_behind_it_and_limits_hold() {
    let place = Place::empty();
    let path = place.path().join("a.gif");
    let file = gif(&(0..6).map(drawn).collect::<Vec<_>>());
    write(&path, &file[..file.len() * 2 / 3]);
    let items = walked(&path, Frames::All);
    assert!((3..6).contains(&items.len()), "{}", items.len());
    let loaded = items.iter().map(|item| load(item, &Limits::default()));
    let reasons: Vec<String> = loaded.filter_map(Result::err).collect();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(reasons[0].starts_with("gif: frame "), "{reasons:?}");

    let tight = Limits { max_pixels: 100, ..Limits::default() };
    assert!(load(&items[0], &tight).expect_err("too large").contains("too large"));
    let small = Limits { max_file_bytes: 100, ..Limits::default() };
    assert!(load(&items[0], &small).expect_err("too large").contains("file too large"));

    write(&path, &gif(&[drawn(1), drawn(2)]));
    let reason = load(&items[0], &Limits::default()).expect_err("another file");
    assert!(reason.contains("has changed since it was listed"), "{reason}");
}

/// A place with an animation and a TIFF of three scenes each, and two photos, one of them the second scene.
fn place() -> Place {
    let place = Place::empty();
    let scenes: Vec<RgbImage> = (0..6).map(scene).collect();
    write(&place.path().join("d/a.gif"), &gif(&scenes[..3]));
    write(&place.path().join("d/b.tif"), &tiff(&scenes[3..]));
    write(&place.path().join("d/c.png"), &png(&scenes[1]));
    write(&place.path().join("d/d.png"), &png(&scene(9)));
    place
}

fn paths<'a>(documents: &'a Value, key: &str) -> Vec<&'a str> {
    documents.as_array().expect("a list").iter().map(|one| one[key].as_str().expect("a path")).collect()
}

#[test]
fn an_index_of_frames_answers_and_keeps_its_setting() {
    let place = place();
    let index = |more: &[&str]| place.json(&[&["index", "d", "--model", "photos-128"], more].concat());
    let counts = |report: Value| ["images", "added", "unchanged", "removed"].map(|key| report[key].as_u64());
    assert_eq!(counts(index(&[])), [Some(4), Some(4), Some(0), Some(0)]);
    assert_eq!(counts(index(&["--frames", "all"])), [Some(8), Some(6), Some(2), Some(2)]);
    // as it was made, without the option
    assert_eq!(counts(index(&[])), [Some(8), Some(0), Some(8), Some(0)]);
    fs::write(place.path().join("d/e.gif"), gif(&[scene(20), scene(21)])).expect("writes");
    assert_eq!(counts(index(&[])), [Some(10), Some(2), Some(8), Some(0)]);
    assert_eq!(place.json(&["info"])["frames"], "all");

    let hits = place.json(&["query", "d/a.gif#1", "--k", "2", "--sheet", "s.png"]);
    assert_eq!(hits["queries"][0]["path"], "d/a.gif#1");
    let mut found = paths(&hits["queries"][0]["hits"], "path");
    found.sort_unstable();
    assert_eq!(found, ["d/a.gif#1", "d/c.png"]);
    assert!(place.path().join("s.png").exists());
    let first = place.json(&["query", "d/a.gif", "--k", "1"]);
    assert_eq!(paths(&first["queries"][0]["hits"], "path"), ["d/a.gif#0"]);
    place.run(&["query", "d/b.tif#3"]).expect(2).says("no such entry");

    // what reads the images of an index again, by their names
    place.run(&["report", "-o", "r.html"]).expect(0);
    place.run(&["outliers"]).expect(0);
    place.run(&["cluster", "--k", "2", "--copy-to", "groups"]).expect(0);
    let copies = fs::read_dir(place.path().join("groups")).expect("folders").flat_map(|folder| {
        fs::read_dir(folder.expect("a folder").path())
            .expect("files")
            .map(|file| file.expect("a file").path())
    });
    let copies: Vec<_> = copies.filter(|path| path.to_string_lossy().ends_with("-1.png")).collect();
    assert_eq!(copies.len(), 3, "a.gif#1, b.tif#1, e.gif#1: {copies:?}");
    copies
        .iter()
        .for_each(|path| drop(decode(&fs::read(path).expect("reads"), &Limits::default()).expect("PNG")));

    assert_eq!(counts(index(&["--frames", "2"]))[0], Some(8));
    place.run(&["remove", "d/a.gif"]).expect(0);
    assert_eq!(place.json(&["info"])["images"], 6);
    assert_eq!(counts(index(&["--frames", "first"]))[0], Some(5));
    place
        .run(&["index", "d", "--frames", "some"])
        .expect(2)
        .says("--frames: expected first, all or a number");
}

#[test]
fn frames_are_duplicates_of_frames_and_no_file_is_deleted_for_one() {
    let place = place();
    let twins: Vec<RgbImage> = vec![scene(30); 4];
    write(&place.path().join("d/still.gif"), &gif(&twins));
    fs::copy(place.path().join("d/a.gif"), place.path().join("d/f.gif")).expect("copies");
    write(&place.path().join("d/g.png"), &png(&scene(9)));
    place.run(&["index", "d", "--model", "photos-128", "--frames", "all"]).expect(0);
    let scan = place.json(&["dedupe", "scan", "-o", "plan.json"]);
    let plan: Value =
        serde_json::from_slice(&fs::read(place.path().join("plan.json")).expect("a plan")).expect("JSON");
    let mut kept_and_going = Vec::new();
    for group in plan["groups"].as_array().expect("groups") {
        let keep = group["keep"].as_str().expect("a path");
        for duplicate in group["duplicates"].as_array().expect("a list") {
            kept_and_going.push((keep.to_owned(), duplicate["path"].as_str().expect("a path").to_owned()));
        }
    }
    let file = |name: &str| name.split('#').next().expect("a file").to_owned();
    for (keep, going) in &kept_and_going {
        assert_ne!(file(keep), file(going), "frames of one file");
        assert!(!keep.contains('#') || going.contains('#'), "{going} goes for {keep}");
    }
    for pair in [("d/c.png", "d/a.gif#1"), ("d/d.png", "d/g.png"), ("d/a.gif#0", "d/f.gif#0")] {
        let found = |(keep, going): &(String, String)| (keep.as_str(), going.as_str()) == pair;
        assert!(kept_and_going.iter().any(found), "{pair:?} in {kept_and_going:?} of {scan:#}");
    }
    let delete = ["--yes", "--action", "delete", "--kinds", "bytes,pixels,near"];
    let applied = place.run(&[&["dedupe", "apply", "plan.json"], &delete[..]].concat()).expect(3);
    assert!(applied.err.contains("inside a container, which is never changed"), "{}", applied.err);
    let left = |name: &&str| place.path().join("d").join(name).exists();
    let files = ["a.gif", "b.tif", "c.png", "d.png", "f.gif", "g.png", "still.gif"];
    let left: Vec<&str> = files.into_iter().filter(left).collect();
    assert_eq!(left, ["a.gif", "b.tif", "c.png", "d.png", "f.gif", "still.gif"], "{}", applied.err);
}

#[test]
fn no_file_is_deleted_for_a_picture_in_a_file_of_any_name() {
    let place = Place::empty();
    let photos = [jpeg(&scene(1), 90), jpeg(&scene(2), 90)];
    write(&place.path().join("d/stereo.mpo"), &mpo(&photos));
    write(&place.path().join("d/left.jpg"), &photos[0]);
    write(&place.path().join("d/right.jpg"), &photos[1]);
    write(&place.path().join("d/film"), &gif(&[scene(3), scene(4)]));
    write(&place.path().join("d/still.png"), &png(&scene(4)));
    let index = |frames: &str| {
        place.run(&["index", "d", "--model", "photos-128", "--frames", frames]).expect(0);
        let scan = place.run(&["dedupe", "scan", "-o", "plan.json"]);
        assert!([0, 1].contains(&scan.code), "{}", scan.err);
        let plan = fs::read(place.path().join("plan.json")).expect("a plan");
        serde_json::from_slice::<Value>(&plan).expect("JSON")
    };
    let groups = |plan: &Value| plan["groups"].as_array().expect("groups").len();
    // an MPO is no copy of its first picture
    assert_eq!(groups(&index("first")), 0);

    let mut plan = index("all");
    assert_eq!(groups(&plan), 3, "{plan:#}");
    for group in plan["groups"].as_array_mut().expect("groups") {
        assert!(!group["keep"].as_str().expect("a path").contains('#'), "{group:#}");
        assert_eq!(group["duplicates"][0]["frame"], true, "{group:#}");
        // what no scan proposes: the file goes, and the picture stays
        let going = group["keeper"].clone();
        let keeper = group["duplicates"][0].clone();
        group["keep"] = keeper["path"].clone();
        group["keeper"] = keeper;
        for (name, value) in going.as_object().expect("a file") {
            group["duplicates"][0][name] = value.clone();
        }
        ["entry", "frame"].iter().for_each(|field| group["duplicates"][0][field] = false.into());
    }
    for is_told in [true, false] {
        if !is_told {
            let groups = plan["groups"].as_array_mut().expect("groups").iter_mut();
            groups.for_each(|group| drop(group["keeper"].as_object_mut().expect("a file").remove("frame")));
        }
        let edited = format!("edited-{is_told}.json");
        fs::write(place.path().join(&edited), plan.to_string()).expect("writes");
        let delete = ["--yes", "--action", "delete", "--kinds", "bytes,pixels,near"];
        let applied = place.run(&[&["dedupe", "apply", &edited], &delete[..]].concat()).expect(3);
        assert_eq!(applied.err.matches("only one picture of another file").count(), 3, "{}", applied.err);
        for file in ["stereo.mpo", "left.jpg", "right.jpg", "film", "still.png"] {
            assert!(place.path().join("d").join(file).exists(), "{file}: {}", applied.err);
        }
    }
}
