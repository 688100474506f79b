//! Small pictures kept in the index: made while it is indexed, and shown when the files are not there.

use std::fs;
use std::path::Path;

use image::RgbImage;
use serde_json::Value;

use crate::cli::Place;

/// Pictures of two colours each, of which no two are the same; the last two have the same bytes.
fn collection(folder: &Path) {
    fs::create_dir_all(folder).expect("a folder");
    for number in 0..11u32 {
        let colours = [[20 * number as u8, 250 - 20 * number as u8, 90], [240, 20 * number as u8, 30]];
        let pixel = |x: u32, y: u32| image::Rgb(colours[((x / (9 + number) + y / 30) % 2) as usize]);
        let file = folder.join(format!("{number}.png"));
        RgbImage::from_fn(300, 200, pixel).save(file).expect("written");
    }
    fs::copy(folder.join("10.png"), folder.join("11.png")).expect("copied");
}

fn place() -> Place {
    let place = Place::empty();
    collection(&place.path().join("photos"));
    fs::copy(place.path().join("photos/3.png"), place.path().join("3.png")).expect("copied");
    place
}

fn thumbnails(document: &Value) -> [u64; 2] {
    ["side", "images"].map(|key| document["thumbnails"][key].as_u64().expect("a number"))
}

/// The mean difference of two pictures of the same size.
fn compare(place: &Place, a: &str, b: &str) -> f64 {
    let [a, b] = [a, b].map(|name| image::open(place.path().join(name)).expect("a picture").into_rgb8());
    assert_eq!(a.dimensions(), b.dimensions());
    let apart: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    apart as f64 / a.as_raw().len() as f64
}

#[test]
fn sheets_and_pages_show_images_whose_files_are_gone() {
    let place = place();
    let index = ["index", "photos", "--model", "photos-128"];
    let document = place.json(&[&index[..], &["--thumbnails", "128"]].concat());
    assert_eq!(thumbnails(&document), [128, 11], "two have the same content");
    let draw = |sheet: &str, clusters: &str| {
        place.json(&["query", "3.png", "--k", "12", "--sheet", sheet]);
        place.json(&["cluster", "--k", "2", "--sheet", clusters]);
    };
    draw("there.png", "clusters-there.png");
    fs::rename(place.path().join("photos"), place.path().join("away")).expect("renamed");
    draw("gone.png", "clusters-gone.png");
    let report = place.run(&["report", "-o", "gone.html"]).expect(0);
    assert!(report.err.contains("12 images cannot be found: thumbnails are used"), "{}", report.err);
    let page = fs::read_to_string(place.path().join("gone.html")).expect("a page");
    assert!(page.contains("data:image/jpeg") || page.contains("data:image/png"));
    fs::remove_dir_all(place.path().join(".aesearch/thumbnails")).expect("removed");
    draw("without.png", "clusters-without.png");
    let (kept, lost) =
        (compare(&place, "there.png", "gone.png"), compare(&place, "there.png", "without.png"));
    assert!(kept < 0.2 * lost, "{kept} {lost}");
    let clusters = compare(&place, "clusters-there.png", "clusters-gone.png");
    assert!(clusters < kept + 1.0, "{clusters} {kept}");
}

#[test]
fn thumbnails_follow_the_index() {
    let place = place();
    let index = |more: &[&str]| place.json(&[&["index", "photos", "--model", "photos-128"], more].concat());
    assert!(index(&[])["thumbnails"].is_null());
    // made later: the files are read again for them
    assert_eq!(thumbnails(&index(&["--thumbnails", "64"])), [64, 11]);
    fs::copy(place.path().join("photos/1.png"), place.path().join("photos/12.png")).expect("copied");
    RgbImage::new(40, 40).save(place.path().join("photos/13.png")).expect("written");
    assert_eq!(thumbnails(&index(&[])), [64, 12], "the setting stays");
    assert_eq!(thumbnails(&place.json(&["info"])), [64, 12]);
    place.json(&["remove", "photos/13.png"]);
    assert_eq!(thumbnails(&place.json(&["info"])), [64, 11], "no picture stays of what is taken out");
    fs::remove_file(place.path().join("photos/13.png")).expect("removed");
    fs::remove_file(place.path().join("photos/5.png")).expect("removed");
    assert_eq!(thumbnails(&index(&[])), [64, 10]);
    let small = index(&[])["thumbnails"]["bytes"].as_u64();
    let large = index(&["--thumbnails", "256"]);
    assert_eq!(thumbnails(&large), [256, 10], "another size: all are made again");
    assert!(large["thumbnails"]["bytes"].as_u64() > small);
    // damaged: a cache
    let manifest = place.path().join(".aesearch/thumbnails/MANIFEST");
    let mut bytes = fs::read(&manifest).expect("a manifest");
    bytes[9] ^= 255;
    fs::write(&manifest, bytes).expect("written");
    assert_eq!(thumbnails(&index(&["--thumbnails", "256"])), [256, 10]);
    assert!(index(&["--thumbnails", "0"])["thumbnails"].is_null());
    assert!(!place.path().join(".aesearch/thumbnails").exists());
    // a folder of the user's that has the name
    fs::create_dir_all(place.path().join("own/thumbnails")).expect("a folder");
    fs::copy(place.path().join("3.png"), place.path().join("own/thumbnails/3.png")).expect("copied");
    for side in ["64", "0"] {
        let own =
            place.run(&["index", "own", "--index", "own", "--model", "photos-128", "--thumbnails", side]);
        own.expect(2).says("own/thumbnails: expected the thumbnails of the index, got another folder");
    }
    assert!(place.path().join("own/thumbnails/3.png").exists());
    let refused = place.run(&["index", "photos", "--thumbnails", "9"]).expect(2);
    assert!(refused.err.contains("--thumbnails: expected 0 or 16 to 2048 pixels, got 9"), "{}", refused.err);
}
