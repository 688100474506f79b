//! Hundreds of hostile files among a few good images: all good ones are indexed, every bad one is named with
//! its reason, wherever that is told, and it takes no more memory than allowed and not long.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use aesearch_index::Snapshot;
use serde_json::{Value, json};

use crate::cli::{Place, Ran};
use crate::fixtures::write;
use crate::hostile_files::{Fate, hostile_containers, hostile_files};
use crate::runs::{Running, is_root, large_png, large_qoi, set_mode};

/// What the run is told to keep to, and what it may be seen to hold: the program's own pages are not counted.
const MAX_MEMORY: &str = "512MiB";
const CAP_KIB: u64 = 600 << 10;

/// The corpus takes seconds; other programs may be at work beside it.
const LONGEST: Duration = Duration::from_secs(60);

/// The hostile corpus in a folder, and what has to become of each file, by its name.
struct Corpus {
    place: Place,
    fates: BTreeMap<String, Fate>,
    _socket: Box<dyn std::any::Any>,
}

impl Corpus {
    fn new() -> Corpus {
        let place = Place::with_digits();
        let folder = place.path().join("digits/hostile");
        fs::create_dir(&folder).expect("a folder");
        let mut fates = BTreeMap::new();
        for file in hostile_files() {
            write(&folder.join(&file.name), &file.bytes);
            assert_eq!(fates.insert(file.name, file.fate), None);
        }
        for container in hostile_containers() {
            write(&folder.join(container.name), &container.bytes);
            fates.extend(container.fates.into_iter().map(|(name, fate)| (name.to_owned(), fate)));
        }
        let (names, socket) = unusual(&folder);
        fates.extend(names.into_iter().map(|name| (name.to_owned(), Fate::Skipped)));
        Corpus { place, fates, _socket: socket }
    }

    fn index(&self) -> (Ran, u64) {
        let args = ["index", "digits", "--json", "--threads", "2", "--max-memory", MAX_MEMORY];
        let args = [&args[..], &["--decode-timeout", "20", "--report-skipped", "skipped.jsonl"]].concat();
        Running::start(self.place.command(&args)).end()
    }
}

/// What is no plain file, or cannot be read; gives the names of what has to be told.
#[cfg(unix)]
fn unusual(folder: &Path) -> (Vec<&'static str>, Box<dyn std::any::Any>) {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    let mut names = vec!["socket.png", "link-to-nowhere.png", "link-loop.png", "device.png", "sparse.png"];
    let socket = std::os::unix::net::UnixListener::bind(folder.join("socket.png")).expect("binds");
    symlink("nowhere", folder.join("link-to-nowhere.png")).expect("links");
    symlink("link-loop.png", folder.join("link-loop.png")).expect("links");
    symlink("/dev/zero", folder.join("device.png")).expect("links");
    symlink(".", folder.join("folder-loop")).expect("links");
    File::create(folder.join("sparse.png")).and_then(|file| file.set_len(2 << 30)).expect("a sparse file");
    fs::create_dir(folder.join("folder.png")).expect("a folder");
    names.push("folder.png");
    if Command::new("mkfifo").arg(folder.join("pipe.png")).status().is_ok_and(|status| status.success()) {
        names.push("pipe.png");
    } else {
        eprintln!("SKIPPED: no mkfifo here: no pipe among the files");
    }
    if fs::write(folder.join(OsStr::from_bytes(b"not-utf8-\xff.png")), b"text").is_ok() {
        names.push("not-utf8-\u{fffd}.png");
    } else {
        eprintln!("SKIPPED: this file system takes no names that are not UTF-8");
    }
    // size 0, yet it has content
    if Path::new("/proc/version").exists() {
        symlink("/proc/version", folder.join("size-that-lies.png")).expect("links");
        names.push("size-that-lies.png");
    }
    if is_root() {
        eprintln!("SKIPPED: root may read anything: no folder without permission among the files");
    } else {
        write(&folder.join("locked/inside.png"), b"");
        write(&folder.join("unreadable.png"), b"");
        set_mode(&folder.join("locked"), 0);
        set_mode(&folder.join("unreadable.png"), 0);
        names.extend(["locked", "unreadable.png"]);
    }
    (names, Box::new(socket))
}

/// The end of a path below the corpus; nothing for the good images.
fn hostile_name(path: &str) -> Option<String> {
    path.strip_prefix("digits/hostile/").map(str::to_owned)
}

#[cfg(unix)]
#[test]
fn every_bad_file_is_named_and_every_good_one_is_indexed() {
    let corpus = Corpus::new();
    let start = Instant::now();
    let (ran, peak_kib) = corpus.index();
    assert!(start.elapsed() < LONGEST, "it took {:?}", start.elapsed());
    assert!(peak_kib < CAP_KIB, "it held {} MiB", peak_kib >> 10);
    let ran = ran.expect(3);
    let document: Value = serde_json::from_str(&ran.out).expect("a document");
    let skipped = document["skipped"].as_array().expect("a list");

    // the three places agree
    let report = fs::read_to_string(corpus.place.path().join("skipped.jsonl")).expect("the report");
    let report: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).expect("a line")).collect();
    assert_eq!(&report, skipped);
    let mut reasons = BTreeMap::new();
    for bad in skipped {
        let [path, reason] = ["path", "reason"].map(|key| bad[key].as_str().expect("a text"));
        assert!(reason.len() > 5 && !reason.contains('\n'), "{path}: {reason}");
        assert!(ran.err.contains(&format!("skipped {path}: {reason}\n")), "{path} is not on stderr");
        let name = hostile_name(path).unwrap_or_else(|| panic!("{path} is a good image: {reason}"));
        assert_eq!(reasons.insert(name, reason), None, "{path} is told twice");
    }

    // each file has its fate
    let snapshot = Snapshot::open(corpus.place.path().join(".aesearch")).expect("an index");
    let names = snapshot.ids().map(|id| String::from_utf8_lossy(snapshot.name(id)).into_owned());
    let (hostile, good): (Vec<_>, Vec<_>) = names.partition(|name| hostile_name(name).is_some());
    let indexed: BTreeSet<String> = hostile.iter().filter_map(|name| hostile_name(name)).collect();
    assert_eq!(good.len(), 40);
    assert_eq!(document["images"], snapshot.len());
    assert_eq!(document["added"], snapshot.len());
    for (name, fate) in &corpus.fates {
        let became = match (indexed.contains(name), reasons.get(name)) {
            (true, None) => Fate::Indexed,
            (false, Some(_)) => Fate::Skipped,
            both => panic!("{name}: {both:?}"),
        };
        assert!(*fate == became || *fate == Fate::Either, "{name}: {became:?}, {:?}", reasons.get(name));
    }
    assert_eq!(corpus.fates.len(), indexed.len() + reasons.len());
    assert!(reasons.len() >= 200, "{}", reasons.len());
    eprintln!(
        "{} hostile files, {} of them named, {} MiB",
        corpus.fates.len(),
        reasons.len(),
        peak_kib >> 10
    );

    // once more: the same, and nothing is encoded
    let (again, peak_kib) = corpus.index();
    let again: Value = serde_json::from_str(&again.expect(3).out).expect("a document");
    assert_eq!((&again["encoded"], &again["unchanged"]), (&json!(0), &document["images"]));
    assert_eq!(&again["skipped"], &document["skipped"]);
    assert!(peak_kib < CAP_KIB, "it held {} MiB", peak_kib >> 10);
    corpus.place.run(&["verify"]).expect(0);
}

#[test]
fn what_takes_too_long_to_decode_is_skipped() {
    let place = Place::with_digits();
    write(&place.path().join("digits/0/slow.png"), &large_png(14_000, 0));
    let start = Instant::now();
    let ran =
        place.run(&["index", "digits", "--json", "--decode-timeout", "0.1", "--threads", "2"]).expect(3);
    assert!(start.elapsed() < LONGEST, "it took {:?}", start.elapsed());
    let document: Value = serde_json::from_str(&ran.out).expect("a document");
    let reason = "it takes longer than 100ms to decode (--decode-timeout)";
    assert_eq!(document["skipped"], json!([{"path": "digits/0/slow.png", "reason": reason}]));
    assert_eq!(document["images"], 40);
    place.run(&["verify"]).expect(0);
}

#[test]
fn large_images_keep_to_the_memory() {
    let place = Place::with_digits();
    for n in 0..4 {
        write(&place.path().join(format!("digits/0/fits-{n}.qoi")), &large_qoi(4_600, n));
    }
    write(&place.path().join("digits/0/too-large.qoi"), &large_qoi(7_506, 0));
    let args = ["index", "digits", "--json", "--threads", "2", "--max-memory", "700MiB"];
    let (ran, peak_kib) = Running::start(place.command(&args)).end();
    let document: Value = serde_json::from_str(&ran.expect(3).out).expect("a document");
    let skipped = document["skipped"].as_array().expect("a list");
    let reason = "qoi: too large: it needs 322 MiB of memory, images may use 205 MiB (--max-memory)";
    assert_eq!(skipped, &[json!({"path": "digits/0/too-large.qoi", "reason": reason})]);
    assert_eq!(document["images"], 44);
    assert!(peak_kib < 700 << 10, "it held {} MiB", peak_kib >> 10);
}

#[test]
fn a_decoder_that_comes_late_does_not_stop_the_run() {
    let place = Place::with_digits();
    write(&place.path().join("digits/0/0-slow.png"), &large_png(9_000, 0));
    for n in 0..40 {
        write(&place.path().join(format!("digits/9/later-{n:02}.png")), &large_png(3_000, n));
    }
    let args = ["index", "digits", "--json", "--threads", "2", "--decode-timeout", "0.2"];
    let (ran, _) = Running::start(place.command(&args)).end();
    let document: Value = serde_json::from_str(&ran.out).expect("a document");
    let skipped = document["skipped"].as_array().expect("a list").len() as u64;
    assert_eq!(document["images"].as_u64(), Some(81 - skipped), "{document}");
    place.run(&["verify"]).expect(0);
}

#[test]
fn too_little_memory_is_refused_with_what_is_needed() {
    let place = Place::with_digits();
    let args = ["index", "digits", "--threads", "2", "--max-memory"];
    place
        .run(&[&args[..], &["100MiB"]].concat())
        .expect(2)
        .says("--max-memory: expected at least 353 MiB for 40 images on 2 threads, got 100 MiB")
        .says("hint: ");
    assert!(!place.path().join(".aesearch/MANIFEST").exists());
    place.run(&[&args[..], &["353MiB"]].concat()).expect(0);
}
