//! What others may write: indexes, models, lists and journals made to break whoever reads them.

use std::fs;
use std::path::Path;

use aesearch_index::{Item, SegmentBuilder, Settings, Snapshot, Writer, words};

use crate::cli::Place;
use crate::craft::Index;
use crate::mutants::{files, put};
use crate::runs::Running;

/// Changes the first segment of the index of a place, with right checksums.
fn damage(place: &Place, change: impl FnOnce(&mut crate::craft::Framed)) {
    let dir = place.path().join(".aesearch");
    let mut index = Index::parse(&files(&dir));
    change(&mut index.segments[0].segment);
    put(&dir, &index.to_files());
}

/// What reads the codes, names and latents of all images, but none of the images.
const READERS: [&[&str]; 7] = [
    &["info"],
    &["cluster", "--method", "hdbscan"],
    &["cluster", "--k", "3"],
    &["export", "--unread", "-o", "x.json"],
    &["outliers", "--unread"],
    &["sample", "--diverse", "3"],
    &["verify"],
];

/// Each ends with one of these exit codes, and none in a panic. The last one is `verify`, which finds the damage.
#[track_caller]
fn all_read(place: &Place, codes: &[i32]) {
    for reader in READERS {
        let ran = place.run(reader);
        let codes = if *reader == ["verify"] { &[4] } else { codes };
        assert!(codes.contains(&ran.code), "{reader:?}: {}: {}", ran.code, ran.err);
        assert!(!ran.err.contains("panicked"), "{reader:?}: {}", ran.err);
    }
}

#[test]
fn codes_that_are_fewer_than_items_end_in_no_panic() {
    let place = Place::indexed();
    let sound = files(&place.path().join(".aesearch"));
    damage(&place, |segment| {
        let at = segment.section(2).len() - 4;
        segment.section(2)[at..].fill(0);
    });
    all_read(&place, &[4]);
    for (from, to) in [(8, 12), (4, 60), (12, 40)] {
        for value in [0, 0xff] {
            put(&place.path().join(".aesearch"), &sound);
            damage(&place, |segment| segment.section(2)[from..to].fill(value));
            all_read(&place, &[0, 4]);
        }
    }
}

#[test]
fn scales_of_no_latent_end_in_no_panic() {
    let place = Place::indexed();
    let sound = files(&place.path().join(".aesearch"));
    fs::remove_dir_all(place.path().join("digits")).expect("removes"); // codes and latents alone are judged
    for value in [0.0, f32::NAN, f32::INFINITY, f32::MAX, -1.0, 1e-45] {
        put(&place.path().join(".aesearch"), &sound);
        damage(&place, |segment| {
            let (scales, _) = segment.section(14).as_chunks_mut::<4>();
            scales[5..20].fill(value.to_le_bytes());
        });
        // `verify` does not know how large latents are
        for reader in READERS[..6].iter().chain(&[&["eval"][..]]) {
            let ran = place.run(reader);
            // latents of such a size are refused by name
            assert!(
                [0, 3, 4].contains(&ran.code) && !ran.err.contains("panicked"),
                "{value}: {reader:?}: {}: {}",
                ran.code,
                ran.err
            );
        }
    }
}

#[test]
fn names_that_overlap_are_refused_or_empty() {
    let place = Place::indexed();
    damage(&place, |segment| {
        let offsets = segment.section(9);
        let (end, last) = (offsets[offsets.len() - 8..].to_vec(), offsets.len() / 8 - 1);
        for (i, at) in offsets.chunks_exact_mut(8).enumerate() {
            at.copy_from_slice(&if i % 2 == 1 || i == last { end.clone() } else { vec![0; 8] });
        }
    });
    let names: usize = {
        let snapshot = Snapshot::open(place.path().join(".aesearch")).expect("its ends are right");
        snapshot.ids().map(|id| snapshot.name(id).len()).sum()
    };
    assert_eq!(names, 0, "not twenty times all names");
    all_read(&place, &[0, 4]);
}

/// Names may hold any bytes. Where colours are on, as for `less -R`, none of theirs get through.
#[cfg(unix)]
#[test]
fn names_bring_no_colours_of_their_own() {
    let place = Place::with_digits();
    let name = "digits/3/\u{1b}[31mred\u{202e}gnp.\u{200f}.png";
    fs::rename(place.path().join("digits/3/0001.png"), place.path().join(name)).expect("renames");
    place.run(&["index", "digits"]).expect(0);
    let query = ["query", name, "7.png", "-k", "3", "--color"];
    let ran = place.run(&[&query[..], &["always"]].concat()).expect(0);
    assert!(ran.out.contains(r"\u{1b}[31mred\u{202e}gnp.\u{200f}.png"), "{}", ran.out);
    let colours: Vec<&str> = ran.out.split('\u{1b}').skip(1).map(|rest| &rest[..3]).collect();
    assert!(!colours.is_empty() && colours.iter().all(|of| ["[1m", "[0m"].contains(of)), "{colours:?}");
    // in a pipe they are as they are, to be used as they are
    let ran = place.run(&[&query[..], &["never"]].concat()).expect(0);
    assert!(ran.out.contains(name), "{}", ran.out);
    let ran = place.run(&["query", "\u{1b}[31mx.png", "--color", "always"]);
    assert!(ran.code != 0 && !ran.err.contains("\u{1b}[31mx"), "{}", ran.err);
}

/// As a protobuf has it: a key, and how many bytes follow in groups of 7 bits.
fn field(key: u8, content: &[u8]) -> Vec<u8> {
    let (mut field, mut length) = (vec![key], content.len());
    while length >= 0x80 {
        field.push(length as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    [&field[..], content].concat()
}

#[test]
fn a_model_with_a_long_name_is_listed() {
    let place = Place::empty();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/digits/digits-64");
    let pair = |name: &[u8]| field(0x72, &[field(0x0a, b"aesearch.name"), field(0x12, name)].concat());
    let old = pair(b"digits-64");
    let folder = place.path().join("models/x");
    fs::create_dir_all(&folder).expect("a folder");
    for file in ["encoder.onnx", "decoder.onnx"] {
        let bytes = fs::read(shipped.join(file)).expect("reads");
        let at = bytes.windows(old.len()).position(|window| window == old).expect("its name");
        let bytes = [&bytes[..at], &pair(&b"N".repeat(70_000)), &bytes[at + old.len()..]].concat();
        fs::write(folder.join(file), bytes).expect("writes");
    }
    let ran = place.run(&["model", "list"]).expect(0);
    assert!(ran.out.contains("NNN\u{2026}") && ran.out.lines().all(|line| line.chars().count() < 5000));
    place.run(&["model", "show", "models/x"]).expect(0);
    assert!(
        place.json(&["model", "list"]).to_string().contains(&"N".repeat(70_000)),
        "scripts get all of it"
    );
}

#[cfg(unix)]
#[test]
fn devices_are_no_texts() {
    let place = Place::indexed();
    place.run(&["dedupe", "scan", "digits", "-o", "plan.json"]).expect(0);
    for (arguments, named) in [
        (&["dedupe", "undo", "/dev/zero"][..], "/dev/zero"),
        (
            &["dedupe", "apply", "plan.json", "--action", "trash", "--journal", "/dev/zero", "--yes"],
            "/dev/zero",
        ),
        (&["dedupe", "apply", "plan.json", "--action", "trash", "--journal", "/dev/zero"], "/dev/zero"),
        (&["dedupe", "apply", "/dev/zero", "--action", "trash"], "/dev/zero"),
        (&["cluster", "--labels", "/dev/zero"], "/dev/zero"),
        (&["index", "--files-from", "/dev/zero"], "/dev/zero"),
        (&["index", "digits", "--index", "other", "--binarizer", "/dev/zero"], "/dev/zero"),
        (&["dedupe", "evaluate", "--truth", "/dev/zero"], "/dev/zero"),
    ] {
        let (ran, peak_kib) = Running::start(place.command(arguments)).end();
        assert!([2, 4].contains(&ran.code), "{arguments:?}: {}: {}", ran.code, ran.err);
        assert!(ran.err.contains(named), "{arguments:?}: {}", ran.err);
        assert!(peak_kib < 400 << 10, "{arguments:?}: {peak_kib} KiB");
    }
}

/// An index of so many images with the same code and latents that differ a little.
fn all_alike(place: &Place, count: u32) {
    let dir = place.path().join(".aesearch");
    let (settings, payload) = {
        let snapshot = Snapshot::open(&dir).expect("an index");
        (snapshot.settings(), snapshot.payload(0).to_vec())
    };
    let Settings { bits, latent_size, .. } = settings;
    let mut builder = SegmentBuilder::new(&settings).expect("settings");
    let code = vec![0x5555_5555; words(bits)];
    for i in 0..count {
        let latent: Vec<f32> =
            (0..latent_size).map(|j| 1.0 + (i as f32 * 0.1 + j as f32).sin() / 9.0).collect();
        let name = format!("digits/{i:05}.png");
        builder
            .push(Item { name: name.as_bytes(), payload: &payload, code: &code, latent: &latent })
            .expect("fits");
    }
    Writer::lock(&dir).expect("locks").replace(builder).expect("writes");
}

/// Each search finds thousands as near as the first, and a block of 8,192 of them was kept at once: 1.9 GB for 20,000
/// images, which AESEARCH_LONG_TESTS tries, with all verbs.
#[test]
fn images_of_one_code_take_no_memory_for_every_pair() {
    let place = Place::indexed();
    let long = std::env::var_os("AESEARCH_LONG_TESTS").is_some();
    all_alike(&place, if long { 20_000 } else { 6000 });
    let verbs: [&[&str]; 3] = [
        &["outliers", "--unread"],
        &["cluster", "--method", "hdbscan"],
        &["export", "--unread", "--with", "outliers,neighbours", "-o", "x.npz"],
    ];
    for verb in &verbs[..if long { 3 } else { 1 }] {
        let (ran, peak_kib) = Running::start(place.command(&[*verb, &["--threads", "2"]].concat())).end();
        ran.expect(0);
        eprintln!("{verb:?}: {peak_kib} KiB");
        assert!(peak_kib < 160 << 10, "{verb:?}: {peak_kib} KiB");
    }
}
