//! What files know, kept as columns, and `--where` on every verb that takes it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use image::{ImageFormat, RgbImage};
use serde_json::Value;

use crate::cli::Place;
use crate::queries::run_with;

/// EXIF data of a camera: (model, date, rating), as a block of little-endian TIFF.
fn exif(model: &str, date: &str, rating: u16) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: usize, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &(count as u32).to_le_bytes(), &value.to_le_bytes()]
            .concat()
    };
    let texts = [format!("{model}\0"), format!("{date}\0"), "50mm\0".to_owned()];
    let first = 8 + 2 + 4 * 12 + 4;
    let camera = first + 2 + 2 * 12 + 4;
    // the latitude and longitude of Sydney, in degrees, minutes and seconds
    let place = camera + 2 + 4 * 12 + 4;
    let texts_at = place + 48;
    let at = |i: usize| (texts_at + texts[..i].iter().map(String::len).sum::<usize>()) as u32;
    let mut block = b"II*\0\x08\0\0\0".to_vec();
    block.extend(4u16.to_le_bytes());
    block.extend(entry(272, 2, texts[0].len(), at(0)));
    block.extend(entry(18_246, 3, 1, rating.into()));
    block.extend(entry(34_665, 4, 1, first as u32));
    block.extend(entry(34_853, 4, 1, camera as u32));
    block.extend([0; 4]);
    block.extend(2u16.to_le_bytes());
    block.extend(entry(36_867, 2, texts[1].len(), at(1)));
    block.extend(entry(42_036, 2, texts[2].len(), at(2)));
    block.extend([0; 4]);
    block.extend(4u16.to_le_bytes());
    block.extend(entry(1, 2, 2, u32::from(b'S')));
    block.extend(entry(2, 5, 3, place as u32));
    block.extend(entry(3, 2, 2, u32::from(b'E')));
    block.extend(entry(4, 5, 3, place as u32 + 24));
    block.extend([0; 4]);
    for number in [33u32, 1, 51, 1, 36, 1, 151, 1, 12, 1, 0, 1] {
        block.extend(number.to_le_bytes());
    }
    texts.iter().for_each(|text| block.extend(text.as_bytes()));
    block
}

fn picture(number: u32, width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let pixel =
        |x: u32, y: u32| image::Rgb([(x * number + 40) as u8, (y * 7 + 31 * number) as u8, (x * y) as u8]);
    let mut file = std::io::Cursor::new(Vec::new());
    RgbImage::from_fn(width, height, pixel).write_to(&mut file, format).expect("encodes");
    file.into_inner()
}

fn photo(path: &Path, number: u32, (width, height): (u32, u32), exif: &[u8]) {
    let jpeg = picture(number, width, height, ImageFormat::Jpeg);
    let length = (exif.len() as u16 + 8).to_be_bytes();
    let segment = [b"\xff\xe1", &length[..], b"Exif\0\0", exif].concat();
    fs::write(path, [&jpeg[..2], &segment, &jpeg[2..]].concat()).expect("written");
}

/// Five photos and a drawing, of which two are labelled cat.
fn collection() -> Place {
    let place = Place::empty();
    for folder in ["photos/cat", "photos/dog"] {
        fs::create_dir_all(place.path().join(folder)).expect("a folder");
    }
    let at = |name: &str| place.path().join("photos").join(name);
    photo(&at("cat/a.jpg"), 1, (64, 48), &exif("Pixel 8", "2024:06:15 10:00:00", 5));
    photo(&at("cat/b.jpg"), 2, (48, 64), &exif("Pixel 7a", "2024:05:31 23:59:59", 2));
    photo(&at("dog/c.jpg"), 3, (200, 100), &exif("EOS R5", "2024:06:30 23:59:59", 0));
    photo(&at("dog/d.jpg"), 4, (300, 100), &exif("EOS R5", "2023:01:01 00:00:00", 4));
    fs::write(at("dog/e.png"), picture(5, 90, 70, ImageFormat::Png)).expect("written");
    fs::write(at("dog/f.gif"), picture(6, 80, 80, ImageFormat::Gif)).expect("written");
    place
}

fn indexed() -> Place {
    let place = collection();
    place.run(&["index", "photos", "--model", "photos-128"]).expect(0);
    place
}

/// The letters of the images that a query finds.
fn found(place: &Place, expression: &str) -> String {
    let document = place.json(&["query", "photos/cat/a.jpg", "--labels", "folder", "--where", expression]);
    letters(document["queries"][0]["hits"].as_array().expect("hits"))
}

fn letters(items: &[Value]) -> String {
    let letter = |item: &Value| {
        let path = item["path"].as_str().expect("a path");
        path.rsplit('/').next().and_then(|name| name.chars().next()).expect("a letter")
    };
    items.iter().map(letter).collect::<BTreeSet<char>>().into_iter().collect()
}

#[test]
fn queries_find_only_what_passes() {
    let place = indexed();
    for (expression, expected) in [
        ("camera ~ pixel", "ab"),
        ("camera = 'eos r5' or format = gif", "cdf"),
        ("date = 2024-06", "ac"),
        ("date < 2024-06", "bd"),
        ("date > 2024-05 and date <= 2024-06-15", "a"),
        ("date = none", "ef"),
        ("not date >= 2024", "def"),
        ("width > height", ""),
        ("width > 100", "cd"),
        ("width = 48 and height = 64", "b"),
        ("label = cat", "ab"),
        ("label != cat and not (camera ~ eos)", "ef"),
        ("path ~ DOG/", "cdef"),
        ("rating >= 4", "ad"),
        ("lens = 50mm and bytes < 5MB", "abcd"),
        ("latitude < -33.85 and latitude > -33.87 and longitude > 151", "abcd"),
        ("format != jpeg", "ef"),
        ("width > 5000", ""),
    ] {
        if expression == "width > height" {
            let ran = place.run(&["query", "photos/cat/a.jpg", "--where", expression]).expect(2);
            assert!(
                ran.err.contains("--where: at character 9: expected a number, got height"),
                "{}",
                ran.err
            );
            continue;
        }
        assert_eq!(found(&place, expression), expected, "{expression}");
    }
    let ran = place.run(&["query", "photos/cat/a.jpg", "--where", "rating >= 4"]).expect(0);
    assert!(ran.err.contains("--where: 2 of 6 images pass"), "{}", ran.err);
    let lines =
        run_with(&place, &["query", "--stdin", "--where", "rating >= 4"], b"\"photos/dog/c.jpg\"").expect(0);
    let line: Value = serde_json::from_str(lines.out.trim()).expect("a line");
    assert_eq!(letters(line["hits"].as_array().expect("hits")), "ad");
}

#[test]
fn every_verb_works_on_what_passes() {
    let place = indexed();
    let only = ["--where", "format = jpeg"];
    let run = |args: &[&str]| place.json(&[args, &only].concat());
    assert_eq!(run(&["cluster", "--k", "2"])["clusters"].as_array().map(Vec::len), Some(2));
    assert_eq!(run(&["outliers", "--unread"])["images"], 4);
    assert_eq!(run(&["map", "-o", "map.csv", "--method", "pca"])["images"], 4);
    assert_eq!(run(&["export", "-o", "some.csv", "--with", "neighbours"])["images"], 4);
    assert_eq!(letters(run(&["sample", "--random", "4"])["chosen"].as_array().expect("chosen")), "abcd");
    assert_eq!(run(&["report", "-o", "page.html", "--unread", "--no-duplicates"])["images"], 4);
    assert_eq!(run(&["dedupe", "scan"])["images"], 4);
    let none = place.run(&["cluster", "--where", "width > 5000"]).expect(2);
    assert!(none.err.contains("--where: expected some of 6 images to pass, got none"), "{}", none.err);
    place.run(&["sample", "-o", "new.png", "--where", "width > 1"]).expect(2).says("--where");

    let removed = run(&["remove", "photos/dog"]);
    assert_eq!((&removed["removed"], &removed["images"]), (&2.into(), &4.into()), "photos of dogs");
    let removed = run(&["remove"]);
    assert_eq!((&removed["removed"], &removed["images"]), (&2.into(), &2.into()), "all that pass");
}

#[test]
fn what_files_know_is_shown_and_exported() {
    let place = indexed();
    let columns = &place.json(&["info"])["columns"];
    let expected = [("bytes", 6), ("camera", 4), ("date", 4), ("latitude", 4), ("rating", 3), ("width", 6)];
    for (column, images) in expected {
        assert_eq!(columns[column], images, "{column}");
    }
    assert!(place.run(&["info"]).expect(0).out.contains("camera 4"), "in the text too");
    place.run(&["export", "-o", "exif.csv", "--with", "exif"]).expect(0);
    let text = fs::read_to_string(place.path().join("exif.csv")).expect("written");
    let line = |name: &str| text.lines().find(|line| line.contains(name)).expect("a line");
    assert_eq!(
        text.lines().next(),
        Some(
            "path,label,date,camera,lens,width,height,format,bytes,latitude,longitude,rating,orientation,software"
        )
    );
    assert!(line("a.jpg").contains(",2024-06-15T10:00:00,Pixel 8,50mm,64,48,jpeg,"), "{}", line("a.jpg"));
    assert!(line("a.jpg").contains(",-33.86,151.2,5,,"), "{}", line("a.jpg"));
    assert!(line("e.png").contains(",,,,90,70,png,"), "{}", line("e.png"));
}

/// An index as an earlier version left it: the same segments without columns.
fn forget(place: &Place) {
    use aesearch_index::{Item, SegmentBuilder, Snapshot, Writer};
    let dir = place.path().join(".aesearch");
    let old = Snapshot::open(&dir).expect("an index");
    let mut builder = SegmentBuilder::new(&old.settings()).expect("settings");
    for id in old.ids() {
        let latent = old.latent(id).expect("a latent");
        let latent: Vec<f32> = latent.values.iter().map(|&value| f32::from(value) * latent.scale).collect();
        let item = Item { name: old.name(id), payload: old.payload(id), code: old.code(id), latent: &latent };
        builder.push(item).expect("fits");
    }
    drop(old);
    Writer::lock(&dir).expect("free").replace(builder).expect("written");
}

#[test]
fn older_indexes_get_their_columns_once() {
    let place = indexed();
    forget(&place);
    assert_eq!(place.json(&["info"])["columns"]["camera"], 0);
    fs::rename(place.path().join("photos/dog/d.jpg"), place.path().join("away.jpg")).expect("renamed");
    let query = ["query", "photos/cat/a.jpg", "--where", "camera ~ eos"];
    let ran = place.run(&query).expect(0);
    let line = "was read for 5 images; 1 other cannot be read now";
    assert_eq!(ran.err.matches(line).count(), 1, "{}", ran.err);
    assert!(ran.err.contains("--where: 1 of 6 images pass"), "{}", ran.err);
    // what could not be read is tried again, the others are known
    fs::rename(place.path().join("away.jpg"), place.path().join("photos/dog/d.jpg")).expect("renamed");
    let ran = place.run(&query).expect(0);
    assert!(ran.err.contains("was read for 1 image:"), "{}", ran.err);
    assert!(ran.err.contains("--where: 2 of 6 images pass"), "{}", ran.err);
    let ran = place.run(&query).expect(0);
    assert!(!ran.err.contains("was read for") && ran.err.contains("2 of 6"), "{}", ran.err);
    assert_eq!(place.json(&["info"])["columns"]["camera"], 4);
    assert_eq!(found(&place, "date = 2024-06 and label = cat"), "a");
    // a new image has columns of its own, beside those of the others
    photo(&place.path().join("photos/dog/g.jpg"), 9, (64, 64), &exif("EOS R6", "2025:01:01 00:00:00", 1));
    place.run(&["index", "photos"]).expect(0);
    assert_eq!(found(&place, "camera ~ eos"), "cdg");
    // what is taken out of the index is forgotten there too
    place.run(&["remove", "photos/dog"]).expect(0);
    assert_eq!(
        aesearch_index::Snapshot::open(place.path().join(".aesearch/columns")).expect("open").len(),
        2
    );
}
