//! The same digits in every container: the same codes, byte for byte; a million of them in one archive; and
//! what the program says of names that are not UTF-8.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use aesearch::images::{self, Limits, Pixels, WalkOptions, encode_png};
use aesearch_index::Snapshot;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::cli::Place;
use crate::fixtures::{gzip, idx, shared_data, write};
use crate::runs::Running;

/// Digits of MNIST in each container.
const DIGITS: usize = 1000;
/// What a run over a million images may hold, in KiB.
const CAP_KIB: u64 = 1 << 20;

/// The first training images of MNIST; nothing, aloud, without the shared data.
fn digits() -> Option<Vec<Pixels>> {
    let file = shared_data()?.join("mnist/train-images-idx3-ubyte.gz");
    let items = images::walk(&[file], &WalkOptions::default()).expect("walks").items;
    let load = |item| images::load(item, &Limits::default()).expect("a digit").pixels;
    Some(items[..DIGITS].iter().map(load).collect())
}

/// The codes of an index by the numbers in the names of its images.
fn codes(place: &Place, data: &str) -> BTreeMap<usize, Vec<u64>> {
    let report = place.json(&["index", data, "--index", "index", "--model", "digits-64"]);
    assert_eq!((&report["added"], &report["encoded"]), (&DIGITS.into(), &DIGITS.into()), "{data}: {report}");
    let dir = place.path().join("index");
    let snapshot = Snapshot::open(&dir).expect("opens");
    let number = |name: &[u8]| {
        let name = String::from_utf8_lossy(name).into_owned();
        let digits = name.trim_end_matches(".png").rsplit(['#', '/']).next().expect("a part").to_owned();
        digits.parse().unwrap_or_else(|_| panic!("{name}: no number"))
    };
    let found = snapshot.ids().map(|id| (number(snapshot.name(id)), snapshot.code(id).to_vec())).collect();
    fs::remove_dir_all(&dir).expect("removes the index");
    found
}

fn npy(content: &[u8]) -> Vec<u8> {
    let mut header =
        format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({DIGITS}, 28, 28), }}").into_bytes();
    header.resize(117, b' ');
    header.push(b'\n');
    [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), &header, content].concat()
}

fn zip(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        archive.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).expect("starts");
        archive.write_all(bytes).expect("writes");
    }
    archive.finish().expect("finishes").into_inner()
}

pub(crate) fn tar(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, &bytes[..]).expect("appends");
    }
    archive.into_inner().expect("finishes")
}

fn parquet(files: Vec<Vec<u8>>) -> Vec<u8> {
    table("message m { required binary image; }", &[files])
}

/// A table with these columns.
fn table(schema: &str, columns: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let schema = parse_message_type(schema).expect("a schema");
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), properties).expect("starts");
    let mut rows = writer.next_row_group().expect("a row group");
    for files in columns {
        let mut column = rows.next_column().expect("a column").expect("one");
        let files: Vec<ByteArray> = files.iter().cloned().map(ByteArray::from).collect();
        column.typed::<ByteArrayType>().write_batch(&files, None, None).expect("writes");
        column.close().expect("closes");
    }
    rows.close().expect("closes");
    writer.into_inner().expect("finishes")
}

#[test]
fn of_two_columns_of_images_one_is_named() {
    let place = Place::with_digits();
    let digit =
        |digit: usize| fs::read(place.path().join(format!("digits/{digit}/0000.png"))).expect("a digit");
    let columns = [vec![digit(1), digit(2), digit(3)], vec![digit(4), digit(5), digit(6)]];
    let bytes = table("message m { required binary image; required binary mask; }", &columns);
    write(&place.path().join("t.parquet"), &bytes);
    let asked = "t.parquet: several columns hold images: image, mask; name one: t.parquet#image";
    place.run(&["index", "t.parquet", "--model", "digits-64"]).expect(2).says(asked);
    let asked = asked.replace("t.parquet", "./t.parquet");
    place.run(&["index", ".", "--model", "digits-64", "--index", "all"]).expect(3).says(&asked);

    let report = place.json(&["index", "t.parquet#mask", "--model", "digits-64"]);
    assert_eq!((&report["added"], &report["skipped"]), (&3.into(), &serde_json::json!([])));
    assert_eq!(place.json(&["index", "t.parquet#mask"])["unchanged"], 3);
    let found = place.json(&["query", "t.parquet#mask/1", "-k", "1", "--exact"]);
    assert_eq!(found["queries"][0]["hits"][0]["path"], "t.parquet#mask/1");
    let found = place.json(&["query", "digits/5/0000.png", "-k", "1", "--exact", "--sheet", "q.png"]);
    assert_eq!(found["queries"][0]["hits"][0]["path"], "t.parquet#mask/1");
    // once each, and no column must be named any more
    fs::remove_dir_all(place.path().join("all")).expect("an index");
    for args in [["t.parquet#mask", "./t.parquet#mask"], [".", "t.parquet#mask"], ["t.parquet#mask", "."]] {
        fs::remove_dir_all(place.path().join("once")).ok();
        let options = ["--model", "digits-64", "--index", "once", "--exclude", "*.png"];
        let report = place.json(&[&["index"], &args[..], &options].concat());
        assert_eq!((&report["added"], &report["skipped"]), (&3.into(), &serde_json::json!([])), "{args:?}");
    }
    place.run(&["index", "t.parquet#masks"]).expect(2).says("t.parquet#masks: ");
    let report = place.json(&["index", "t.parquet#image"]);
    assert_eq!((&report["images"], &report["added"]), (&6.into(), &3.into()));
}

#[test]
fn the_same_digits_have_the_same_codes_in_every_container() {
    let Some(digits) = digits() else { return };
    let place = Place::empty();
    let content: Vec<u8> = digits.iter().flat_map(|digit| digit.data.iter().copied()).collect();
    let png = |n: usize| encode_png(&digits[n]).expect("a PNG file");
    let entries: Vec<(String, Vec<u8>)> =
        (0..DIGITS).map(|n| (format!("digits/{n:05}.png"), png(n))).collect();
    for (name, bytes) in &entries {
        write(&place.path().join("folder").join(name), bytes);
    }
    let plain = idx(&[DIGITS as u32, 28, 28], &content);
    let array = npy(&content);
    let files = [
        ("a-idx3-ubyte.gz", gzip(&plain)),
        ("a-idx3-ubyte", plain),
        ("a.npz", zip(&[("images.npy".to_owned(), array.clone())])),
        ("a.npy", array),
        ("a.tgz", gzip(&tar(&entries))),
        ("a.tar", tar(&entries)),
        ("a.zip", zip(&entries)),
        ("a.parquet", parquet(entries.into_iter().map(|(_, bytes)| bytes).collect())),
    ];
    let expected = codes(&place, "folder");
    assert_eq!(expected.len(), DIGITS);
    for (name, bytes) in files {
        write(&place.path().join(name), &bytes);
        assert!(codes(&place, name) == expected, "{name}");
    }
}

/// Different small images, as PGM files in a tar archive.
fn write_archive(path: &Path, n: usize) {
    let mut archive = tar::Builder::new(BufWriter::new(File::create(path).expect("a file")));
    let mut header = tar::Header::new_ustar();
    let mut file = b"P5 28 28 255\n".to_vec();
    let start = file.len();
    file.resize(start + 28 * 28, 0);
    header.set_size(file.len() as u64);
    header.set_mode(0o644);
    for image in 0..n {
        let pixels = &mut file[start..];
        let (a, b, c) = (image % 251, image / 251 % 241, image / 251 / 241);
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let (x, y) = (at % 28, at / 28);
            *pixel = if (x * (a + 3) + y * (b + 5)) / 16 % 9 == c % 9 { 255 - (image % 97) as u8 } else { 0 };
        }
        pixels[..4].copy_from_slice(&(image as u32).to_le_bytes());
        archive.append_data(&mut header, format!("images/{image:07}.pgm"), &file[..]).expect("appends");
    }
    archive.finish().expect("finishes");
}

/// 30,000 images; a million with `AESEARCH_MILLION=1`.
#[test]
fn a_large_archive_is_indexed_in_little_memory_and_known_again() {
    let n = if std::env::var_os("AESEARCH_MILLION").is_some() {
        1_000_000
    } else {
        eprintln!("SKIPPED: a million images (set AESEARCH_MILLION); 30,000 instead");
        30_000
    };
    let place = Place::empty();
    write_archive(&place.path().join("a.tar"), n);
    let args = ["index", "a.tar", "--model", "digits-64", "--max-memory", "1GiB", "--json"];
    for encoded in [n, 0] {
        let (ran, peak_kib) = Running::start(place.command(&args)).end();
        assert_eq!(ran.code, 0, "{}", ran.err);
        let report: serde_json::Value = serde_json::from_str(&ran.out).expect("a document");
        assert_eq!((&report["images"], &report["encoded"]), (&n.into(), &encoded.into()), "{report}");
        assert!(peak_kib < CAP_KIB, "{peak_kib} KiB");
    }
}

#[cfg(unix)]
#[test]
fn names_are_kept_byte_for_byte() {
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::with_digits();
    let odd = place.path().join("digits/7").join(std::ffi::OsStr::from_bytes(b"odd-\xff.png"));
    if fs::copy(place.path().join("7.png"), &odd).is_err() {
        eprintln!("SKIPPED: this file system takes UTF-8 names only");
        return;
    }
    place.run(&["index", "digits"]).expect(0);
    let hits = &place.json(&["query", "7.png", "--k", "1"])["queries"][0]["hits"];
    assert_eq!(hits[0]["path"], "digits/7/odd-\u{fffd}.png");
    let bytes: Vec<u8> = serde_json::from_value(hits[0]["path_bytes"].clone()).expect("bytes");
    assert_eq!(bytes, b"digits/7/odd-\xff.png");
    assert_eq!(place.json(&["remove", "digits/7"])["skipped"], serde_json::json!([]));
}
