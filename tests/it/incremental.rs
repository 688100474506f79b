//! An index brought up to date while files come, go and change, and while other programs read, write or
//! interrupt it: what is encoded is what has to be, and in the end it answers as a new index would.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use aesearch::images::write_png;
use serde_json::{Value, json};

use crate::cli::Place;
use crate::fixtures::{idx, picture, write};
use crate::runs::{
    Running, add_large, answers, change, generation, images, is_root, many_digits, segments, set_mode, touch,
};

/// Digits of each kind: 2,000 in all.
const PER_DIGIT: usize = 200;

fn digit(place: &Place, n: usize) -> PathBuf {
    place.path().join(format!("digits/{}/{:04}.png", n % 10, n / 10))
}

#[track_caller]
fn assert_counts(document: &Value, expected: Value) {
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&document[key], value, "{key} in {document:#}");
    }
}

/// Answers and images of the index are those of one that is made anew.
#[track_caller]
fn assert_like_new(place: &Place) {
    place.run(&["verify"]).expect(0);
    place.run(&["index", "digits", "--index", "new"]).expect(0);
    assert_eq!(answers(place, ".aesearch"), answers(place, "new"));
}

/// Whether the index holds something while `index` still writes.
fn begun(place: &Place) -> bool {
    images(&place.path().join(".aesearch")) > 0
}

/// Starts indexing, and waits for the first of its commits.
fn indexing(place: &Place, more: &[&str]) -> Running {
    let args = ["index", "digits", "--threads", "1", "--checkpoint-seconds", "0.05", "--json"];
    let mut running = Running::start(place.command(&[&args[..], more].concat()));
    running.until(|| begun(place));
    running
}

#[test]
fn exactly_what_is_new_is_encoded() {
    let place = many_digits(PER_DIGIT);
    let first = place.json(&["index", "digits"]);
    assert_counts(&first, json!({"added": 2000, "encoded": 2000, "images": 2000}));

    (0..200).for_each(|n| touch(&digit(&place, n)));
    for n in 200..250 {
        fs::rename(digit(&place, n), digit(&place, n).with_extension("renamed.png")).expect("renames");
    }
    (250..300).for_each(|n| fs::remove_file(digit(&place, n)).expect("removes"));
    for n in 300..350 {
        write_png(&digit(&place, n), &picture(28, n, 1)).expect("writes");
    }
    for n in 350..370 {
        fs::copy(digit(&place, n), digit(&place, n).with_extension("copy.png")).expect("copies");
    }
    let second = place.json(&["index", "digits"]);
    assert_counts(
        &second,
        json!({"encoded": 50, "changed": 50, "added": 20, "removed": 50, "renamed": 50, "unchanged": 1850}),
    );
    assert_counts(&second, json!({"images": 1970, "skipped": []}));
    let third = place.json(&["index", "digits"]);
    assert_counts(&third, json!({"encoded": 0, "added": 0, "changed": 0, "removed": 0, "bytes": 0}));
    assert_like_new(&place);
}

#[test]
fn a_moved_folder_and_a_copy_of_all_cost_no_encoding() {
    let place = many_digits(2);
    place.run(&["index", "digits"]).expect(0);
    fs::rename(place.path().join("digits/3"), place.path().join("digits/three")).expect("renames");
    let moved = place.json(&["index", "digits"]);
    assert_counts(&moved, json!({"encoded": 0, "renamed": 2, "added": 0, "removed": 0, "unchanged": 18}));
    // the same bytes under the name of another image: its content has changed, to one that is known
    fs::copy(digit(&place, 1), digit(&place, 2)).expect("copies");
    let swapped = place.json(&["index", "digits"]);
    assert_counts(&swapped, json!({"encoded": 0, "changed": 1, "unchanged": 19, "images": 20}));
    assert_like_new(&place);
}

#[test]
fn a_content_is_known_again_after_its_file_changed_back_and_forth() {
    let place = many_digits(1);
    place.run(&["index", "digits"]).expect(0);
    let path = digit(&place, 5);
    let original = fs::read(&path).expect("a file");
    change(&path, b"behind the end");
    assert_counts(&place.json(&["index", "digits"]), json!({"encoded": 1, "changed": 1}));
    fs::write(&path, original).expect("writes");
    assert_counts(&place.json(&["index", "digits"]), json!({"encoded": 1, "changed": 1}));
    fs::write(&path, b"no image any more").expect("writes");
    let broken = place.json(&["index", "digits"]);
    assert_counts(&broken, json!({"encoded": 0, "removed": 1, "images": 9}));
    assert_eq!(broken["skipped"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_image_that_vanishes_between_walk_and_read_is_named() {
    let place = many_digits(40);
    add_large(&place, 6);
    let running = indexing(&place, &[]);
    // it comes last: nobody has looked for it yet
    let last = place.path().join("digits/9/large.png");
    running.signal("STOP");
    fs::remove_file(&last).expect("removes");
    running.signal("CONT");
    let (ran, _) = running.end();
    let document: Value = serde_json::from_str(&ran.out).expect("a document");
    let skipped = document["skipped"].as_array().expect("a list");
    assert_eq!((ran.code, skipped.len()), (3, 1), "{document:#}");
    assert_eq!(skipped[0], json!({"path": "digits/9/large.png", "reason": "no such file or folder"}));
    assert_counts(&document, json!({"images": 405}));
    assert_counts(&place.json(&["index", "digits"]), json!({"encoded": 0, "unchanged": 405}));
}

#[test]
fn a_second_writer_ends_at_once_or_waits_and_readers_are_not_disturbed() {
    let place = many_digits(40);
    add_large(&place, 6);
    let mut first = indexing(&place, &[]);
    first.signal("STOP"); // at work for as long as this takes
    let start = Instant::now();
    place.run(&["index", "digits"]).expect(5).says("another writer");
    let refused = start.elapsed();
    let mut second = Running::start(place.command(&["index", "digits", "--wait", "--json"]));
    for _ in 0..3 {
        let query = place.json(&["query", "digits/0/0000.png", "-k", "1"]);
        assert_eq!(query["queries"][0]["hits"][0]["distance"], 0);
    }
    place.run(&["info"]).expect(0);
    assert!(first.goes_on() && second.goes_on() && refused < Duration::from_secs(5), "{refused:?}");
    first.signal("CONT");
    first.end().0.expect(0);
    let waited: Value =
        serde_json::from_str(&second.end().0.expect(0).says("waiting").out).expect("a document");
    assert_counts(&waited, json!({"encoded": 0, "unchanged": 406}));
    assert_like_new(&place);
}

#[test]
fn an_interrupted_run_keeps_its_commits_and_is_gone_on_with() {
    let place = many_digits(60);
    add_large(&place, 6);
    let running = indexing(&place, &[]);
    running.signal("INT");
    let (ran, _) = running.end();
    let document: Value =
        serde_json::from_str(&ran.expect(130).says("continues from there").out).expect("a document");
    assert_eq!(document["interrupted"], true);
    place.run(&["verify"]).expect(0);
    let kept = document["images"].as_u64().expect("a number");
    assert!((1..606).contains(&kept), "{kept}");

    let rest = place.json(&["index", "digits"]);
    assert_counts(&rest, json!({"added": 606 - kept, "unchanged": kept, "images": 606}));
    assert_like_new(&place);
    let index = |name: &str| segments(&place.path().join(name));
    assert!(index(".aesearch") == index("new"), "the segments differ");
}

#[test]
fn a_waiting_writer_can_be_interrupted() {
    let place = many_digits(1);
    place.run(&["index", "digits"]).expect(0);
    let before = generation(&place.path().join(".aesearch"));
    let _writer = aesearch_index::Writer::lock(place.path().join(".aesearch")).expect("the lock");
    let waiting = Running::start(place.command(&["index", "digits", "--wait"]));
    std::thread::sleep(Duration::from_millis(500));
    waiting.signal("INT");
    waiting.end().0.expect(130);
    assert_eq!(generation(&place.path().join(".aesearch")), before);
}

#[test]
fn an_index_in_a_folder_that_cannot_be_written_answers() {
    let place = Place::indexed();
    let expected = answers(&place, ".aesearch");
    fs::copy(place.path().join("7.png"), digit(&place, 7).with_extension("new.png")).expect("copies");
    set_mode(&place.path().join(".aesearch"), 0o500);
    let [asked, written] = [answers(&place, ".aesearch"), vec![place.run(&["index", "digits"]).code.into()]];
    place.run(&["verify"]).expect(0);
    set_mode(&place.path().join(".aesearch"), 0o700);
    assert_eq!(asked, expected);
    if is_root() {
        eprintln!("SKIPPED: root may write anywhere: not checked that writing is refused");
    } else {
        assert_eq!(written, [json!(2)]);
    }
}

#[test]
fn what_cannot_be_looked_at_now_stays() {
    if is_root() {
        eprintln!("SKIPPED: nothing is forbidden to root");
        return;
    }
    let place = Place::with_digits();
    write(&place.path().join("more/two-images-idx3-ubyte"), &idx(&[2, 8, 8], &[9; 128]));
    place.run(&["index", "digits", "more"]).expect(0);
    let all = images(&place.path().join(".aesearch"));
    for (closed, data) in
        [("digits/7", "digits"), ("digits/7", "more"), ("more/two-images-idx3-ubyte", "more")]
    {
        let path = place.path().join(closed);
        set_mode(&path, 0o000);
        let document = place.json(&["index", data]);
        set_mode(&path, 0o755);
        assert_counts(&document, json!({"removed": 0, "images": all}));
    }
}
