//! The page of `aesearch report`: what stands in it, whatever files are called, and that it comes out the
//! same again.
//!
//! The page stays in `$CARGO_TARGET_TMPDIR` (`collection.html`), where `.ci/explore_check.mjs` opens it in a
//! browser.

use std::fs;
use std::path::Path;

use aesearch::demo::collection::write_collection;
use aesearch::images::{Pixels, write_png};
use serde_json::Value;

use crate::cli::{Place, assert_keys};

/// Thirty digits of each kind and a few oddities, indexed.
fn collection() -> Place {
    let place = Place::empty();
    write_collection(place.path(), 7, 30).expect("digits can be drawn");
    let at = |path: &str| place.path().join("digits").join(path);
    let blank = Pixels { width: 28, height: 28, channels: 1, data: vec![7; 28 * 28] };
    write_png(&at("0/blank.png"), &blank).expect("writes");
    fs::copy(at("3/0001.png"), at("3/again.png")).expect("copies");
    fs::copy(at("5/0001.png"), at("2/wrong label.png")).expect("copies");
    #[cfg(unix)]
    fs::copy(at("4/0002.png"), at("4/<\u{202e}script>alert(1)<!--\u{e9}.png")).expect("copies");
    place.run(&["index", "digits", "--model", "digits-64"]).expect(0);
    place
}

/// The JSON of the page's block `id`.
fn block(page: &str, id: &str) -> Value {
    let start = format!("<script type=\"application/json\" id=\"{id}\">");
    let text = page.split(&start).nth(1).and_then(|rest| rest.split("</script>").next());
    serde_json::from_str(text.expect("the block is there")).expect("it is JSON")
}

/// A column of the page as numbers; missing ones are nothing.
fn numbers(column: &Value) -> Vec<Option<u32>> {
    let width = column["width"].as_u64().expect("a width") as usize;
    let bytes = unbase64(column["data"].as_str().expect("text"));
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    let value = |bytes| Some(number(bytes)).filter(|&n| n + 1 < 1 << (8 * width)).map(|n| n as u32);
    bytes.chunks_exact(width).map(value).collect()
}

fn unbase64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for c in text.bytes() {
        let digit = DIGITS.iter().position(|digit| *digit == c).expect("Base64") as u32;
        (bits, held) = ((bits << 6 | digit) & 0xfff, held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

#[test]
fn the_page_tells_what_the_commands_tell() {
    let place = collection();
    let told = place.json(&["report", "-o", "page.html", "--k", "10"]);
    assert_keys(
        &told,
        &[
            "output",
            "bytes",
            "images",
            "clusters",
            "map",
            "flagged",
            "label_errors",
            "duplicates",
            "seconds",
            "skipped",
        ],
    );
    let page = fs::read_to_string(place.path().join("page.html")).expect("the page is there");
    assert_eq!((told["bytes"].as_u64(), told["map"].as_str()), (Some(page.len() as u64), Some("tsne")));
    let n = told["images"].as_u64().expect("a number") as usize;
    assert!(n >= 303 && page.len() < 2_000_000, "{n} images in {} bytes", page.len());

    let (data, heavy) = (block(&page, "data"), block(&page, "heavy"));
    assert_eq!(data["images"], n);
    assert_eq!(data["labels"].as_array().map(Vec::len), Some(10));
    assert_eq!(data["clusters"]["list"].as_array().map(Vec::len), Some(10));
    assert_eq!(data["clusters"]["agreement"].as_array().map(Vec::len), Some(4));
    assert!(data["quality"]["figures"].as_array().expect("figures").len() > 5, "{:#}", data["quality"]);
    assert_eq!(told["duplicates"]["bytes"], if cfg!(unix) { 3 } else { 2 });
    let groups = data["duplicates"]["groups"].as_array().expect("groups");
    let contradicted = groups.iter().filter(|group| group["kind"] == 0 && group["conflict"] == true);
    assert_eq!(contradicted.count(), 1, "{groups:#?}");
    let faults = data["faults"].as_array().expect("faults");
    assert!(faults.iter().any(|fault| fault["name"] == "near-constant"), "{faults:#?}");

    let columns = &heavy["columns"];
    assert_eq!(numbers(&columns["places"]).len(), 2 * n);
    assert_eq!(numbers(&columns["near"]).len(), 10 * n);
    let clusters = place.json(&["cluster", "--k", "10"]);
    let sizes = clusters["clusters"].as_array().expect("clusters");
    for (id, cluster) in sizes.iter().enumerate() {
        let of = numbers(&columns["clusters"]).into_iter().filter(|of| *of == Some(id as u32)).count();
        assert_eq!(cluster["size"], of);
    }
    let mut tiles = numbers(&heavy["small"]["rows"]);
    tiles.sort_unstable();
    assert_eq!(tiles, (0..n as u32).map(Some).collect::<Vec<_>>(), "each image has its picture");
    assert_eq!(heavy["small"]["side"], 28);
    assert!(heavy["small"]["sheets"][0].as_str().expect("a sheet").starts_with("data:image/png;base64,"));

    // the same again, but for the map, which is there now, and the fingerprints
    place.run(&["report", "-o", "again.html", "--k", "10", "--threads", "1"]).expect(0);
    assert!(fs::read_to_string(place.path().join("again.html")).expect("is there") == page);
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("collection.html"), page).expect("writes");
}

#[test]
fn no_name_gets_out_of_its_place() {
    let place = collection();
    place.run(&["report", "--unread", "--no-duplicates", "--map", "pca"]).expect(0);
    let page = fs::read_to_string(place.path().join("report.html")).expect("the page is there");
    assert_eq!(page.matches("<script").count(), 3, "its data twice, and its own script");
    assert_eq!(page.to_lowercase().matches("</script").count(), 3);
    assert!(!page.contains("<!--"));
    assert!(page.contains("default-src 'none'; img-src data:"), "its policy lets nothing out");
    let data = block(&page, "data");
    assert_eq!(
        (&data["pictured"], &data["duplicates"], &data["map"]),
        (&false.into(), &Value::Null, &"pca".into())
    );
    assert!(numbers(&block(&page, "heavy")["columns"]["drawn"]).iter().all(Option::is_none));
}

#[test]
fn what_is_gone_is_told_and_what_makes_no_sense_refused() {
    let place = collection();
    for (args, expected) in [
        (&["report", "--map", "umap"][..], "--map: expected pca or tsne"),
        (&["report", "--neighbours", "0"], "--neighbours: expected at least 1"),
        (&["report", "--k", "0"], "--k: expected at least 1"),
        (&["report", "-o", "nowhere/page.html"], "expected a file's name in a folder that is there"),
        (&["report", "-o", "digits"], "expected a file's name in a folder that is there"),
        (&["report", "-o", "digits/7/0001.png"], "got one of the images"),
    ] {
        let said = place.run(args).expect(2).err;
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    fs::remove_dir_all(place.path().join("digits/3")).expect("goes");
    place.run(&["report", "--no-duplicates", "--map", "pca"]).expect(3).says("no such file");
    let page = fs::read_to_string(place.path().join("report.html")).expect("the page is there all the same");
    assert_eq!(block(&page, "data")["n_skipped"], 31);
}
