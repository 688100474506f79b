//! `dedupe decide` from outside: what is remembered, taken back, imported and exported, and left alone by the
//! index.

use std::fs;

use image::ImageFormat;
use serde_json::Value;

use crate::cli::{Place, assert_keys};
use crate::fixtures::encode;
use crate::scenes::{jpeg, list, place_of, png, scan, scene, text};

/// What is remembered beside the index.
fn remembered(place: &Place) -> String {
    fs::read_to_string(place.path().join(".aesearch/decisions.json")).expect("decisions are there")
}

#[test]
fn decisions_are_remembered_by_content_and_taken_back() {
    let place = Place::indexed();
    let [a, b, c] = ["digits/1/0000.png", "digits/1/0001.png", "digits/7/0000.png"];
    let ran = place.run(&["dedupe", "decide", a, b, "--different"]).expect(0);
    assert!(
        ran.out.contains("2 images: not duplicates of each other, remembered; 1 decision in .aesearch"),
        "{}",
        ran.out
    );
    let first = remembered(&place);
    place.run(&["dedupe", "decide", b, a, a, "--different"]).expect(0);
    assert_eq!(remembered(&place), first, "the same decision is the same bytes");

    fs::copy(place.path().join(a), place.path().join("elsewhere.png")).expect("a copy");
    let document = place.json(&["dedupe", "decide", "elsewhere.png", b, "--keep-all"]);
    assert_keys(&document, &["schema_version", "command", "decided", "imported", "forgotten", "decisions"]);
    assert_eq!((&document["command"], &document["schema_version"]), (&"dedupe decide".into(), &1.into()));
    assert_eq!(document["decided"]["replaced"], 1, "known by its content: {document:#}");
    place.run(&["dedupe", "decide", c, a, "--keep-all"]).expect(0);

    let told = place.run(&["dedupe", "decide"]).expect(0);
    assert_eq!(told.out.lines().filter(|line| line.starts_with("keep-all")).count(), 2, "{}", told.out);
    let document = place.json(&["dedupe", "decide", c, "--forget"]);
    assert_eq!(
        (&document["forgotten"], document["decisions"].as_array().map(Vec::len)),
        (&1.into(), Some(1))
    );
    place.run(&["dedupe", "decide", c, "--forget"]).expect(0);
}

#[test]
fn copies_of_the_same_bytes_may_stay_but_are_not_different() {
    let place = Place::indexed();
    fs::copy(place.path().join("7.png"), place.path().join("again.png")).expect("a copy");
    let hint = "with --keep-all both of them stay";
    place
        .run(&["dedupe", "decide", "7.png", "again.png", "--different"])
        .expect(2)
        .says("same bytes")
        .says(hint);
    assert!(!place.path().join(".aesearch/decisions.json").exists());
    let document = place.json(&["dedupe", "decide", "7.png", "again.png", "--keep-all"]);
    let decision = &document["decisions"][0];
    assert_eq!(
        (decision["hashes"].as_array().map(Vec::len), decision["paths"].as_array().map(Vec::len)),
        (Some(1), Some(2))
    );
}

#[test]
fn what_is_exported_can_be_imported_elsewhere() {
    let (here, there) = (Place::indexed(), Place::indexed());
    here.run(&["dedupe", "decide", "digits/1", "--different", "--export", "mine.json"]).expect(0);
    assert_eq!(fs::read_to_string(here.path().join("mine.json")).expect("exported"), remembered(&here));
    let mine = here.path().join("mine.json");
    let mine = mine.to_str().expect("a path in UTF-8");
    let ran = there.run(&["dedupe", "decide", "--import", mine]).expect(0);
    assert!(ran.out.contains("1 added, 0 replaced, 0 known already"), "{}", ran.out);
    assert_eq!(remembered(&here), remembered(&there));
    let document =
        there.json(&["dedupe", "decide", "7.png", "digits/7/0000.png", "--keep-all", "--import", mine]);
    assert_eq!((&document["imported"]["unchanged"], &document["decided"]["added"]), (&1.into(), &1.into()));
    // the answer of --json is a document that can be imported as well
    fs::write(here.path().join("answer.json"), document.to_string()).expect("a file");
    here.run(&["dedupe", "decide", "--import", "answer.json"]).expect(0);
    assert_eq!(remembered(&here), remembered(&there));
}

#[test]
fn entries_of_containers_can_be_decided_about() {
    let place = Place::indexed();
    let grey = [[1u8; 4], [2; 4], [2; 4]].concat();
    fs::write(place.path().join("three-images-idx3-ubyte"), crate::fixtures::idx(&[3, 2, 2], &grey))
        .expect("a file");
    let entry = |i: usize| format!("three-images-idx3-ubyte#{i}");
    place.run(&["dedupe", "decide", &entry(0), &entry(1), "--different"]).expect(0);
    place.run(&["dedupe", "decide", &entry(1), &entry(2), "--different"]).expect(2).says("same bytes");
    place.run(&["dedupe", "decide", &entry(3), "--keep-all"]).expect(2).says("no such entry");
}

#[test]
fn the_index_leaves_decisions_alone() {
    let place = Place::indexed();
    place.run(&["dedupe", "decide", "digits/1", "--different"]).expect(0);
    let before = remembered(&place);
    fs::remove_file(place.path().join("digits/3/0000.png")).expect("a file goes");
    for args in [
        &["index", "digits"][..],
        &["verify"],
        &["compact"],
        &["repair"],
        &["remove", "digits/2"],
        &["index", "digits"],
    ] {
        place.run(args).expect(0);
        assert_eq!(remembered(&place), before, "{args:?}");
    }
    assert_eq!(place.json(&["verify"])["ok"], true);
}

#[test]
fn wrong_requests_and_wrong_files_change_nothing() {
    let place = Place::indexed();
    let empty = Place::with_digits();
    empty
        .run(&["dedupe", "decide", "7.png", "digits/7/0000.png", "--different"])
        .expect(2)
        .says("no index here");
    let hash = "ab".repeat(32);
    let document = |version: u32, command: &str, verdict: &str| {
        format!(
            r#"{{"schema_version": {version}, "command": "{command}", "decisions": [{{"verdict": "{verdict}", "hashes": ["{hash}", "12"]}}]}}"#
        )
    };
    for (text, expected) in [
        ("no JSON".to_owned(), "expected decisions"),
        (document(1, "dedupe scan", "different"), "got \"dedupe scan\""),
        (document(9, "dedupe decide", "different"), "expected schema version 1 to 2, got 9"),
        (document(1, "dedupe decide", "same"), "decision 1: verdict: expected different, keep-all or keep"),
        (
            document(1, "dedupe decide", "different"),
            "decision 1: hash: expected 64 hexadecimal digits, got \"12\"",
        ),
    ] {
        fs::write(place.path().join("import.json"), text).expect("a file");
        place
            .run(&["dedupe", "decide", "7.png", "--keep-all", "--import", "import.json"])
            .expect(2)
            .says("import.json")
            .says(expected);
    }
    for (args, expected) in [
        (&["7.png"][..], "say --different, --keep-all, --keep or --forget"),
        (&["--different"], "expected images, got none"),
        (&["7.png", "--different"], "expected two images or more"),
        (&["7.png", "none.png", "--keep-all"], "none.png"),
        (&["7.png", "--different", "--keep-all"], "cannot be used with"),
        (&["--import", "none.json"], "none.json"),
    ] {
        place.run(&[&["dedupe", "decide"], args].concat()).expect(2).says(expected);
    }
    assert!(!place.path().join(".aesearch/decisions.json").exists());
    fs::write(place.path().join(".aesearch/decisions.json"), "{").expect("a file");
    place.run(&["dedupe", "decide", "7.png", "--keep-all"]).expect(2).says("decisions.json").says("hint: ");
    assert_eq!(remembered(&place), "{");
}

/// The kept file of each group.
fn kept(plan: &Value) -> Vec<&str> {
    list(&plan["groups"]).iter().map(|group| text(&group["keep"])).collect()
}

#[test]
fn the_one_that_was_chosen_is_kept() {
    let place = place_of(&[
        ("x/a.png", png(&scene(1))),
        ("x/b.png", png(&scene(1))),
        ("x/near.jpg", jpeg(&scene(2), 60)),
        ("x/near.png", png(&scene(2))),
        ("x/same.bmp", encode(&scene(3).into(), ImageFormat::Bmp)),
        ("x/same.png", png(&scene(3))),
    ]);
    let before = scan(&place, &["x"]);
    let mut found = kept(&before);
    found.sort_unstable();
    assert_eq!((found[0], found[1], found.len()), ("x/a.png", "x/near.png", 3), "{before:#}");
    let other = if found[2] == "x/same.png" { "x/same.bmp" } else { "x/same.png" };

    for path in ["x/b.png", "x/near.jpg"] {
        let ran = place.run(&["dedupe", "decide", "--keep", path]).expect(0);
        assert!(ran.out.contains(&format!("{path}: kept rather than its duplicates")), "{}", ran.out);
    }
    let document = place.json(&["dedupe", "decide", found[2], "--keep", other]);
    assert_eq!((&document["schema_version"], &document["decided"]["added"]), (&1.into(), &1.into()));
    let decisions = list(&document["decisions"]);
    let chosen: Vec<&str> = decisions.iter().map(|decision| text(&decision["keep"]["path"])).collect();
    assert_eq!(decisions.len(), 3);
    assert!(chosen.contains(&other) && decisions.iter().all(|of| text(&of["verdict"]) == "keep"));
    let after = scan(&place, &["x"]);
    let mut found = kept(&after);
    found.sort_unstable();
    assert_eq!(found, ["x/b.png", "x/near.jpg", other], "{after:#}");
    for (group, earlier) in list(&after["groups"]).iter().zip(list(&before["groups"])) {
        assert_eq!(list(&group["duplicates"]).len(), list(&earlier["duplicates"]).len());
    }
    // the later decision counts, and what is forgotten no longer does
    place.run(&["dedupe", "decide", "x/near.jpg", "--keep", "x/near.png"]).expect(0);
    place.run(&["dedupe", "decide", "x/b.png", "--forget"]).expect(0);
    let last = scan(&place, &["x"]);
    assert!(kept(&last).contains(&"x/near.png") && kept(&last).contains(&"x/a.png"), "{last:#}");
    place.run(&["dedupe", "decide", "--keep", "x"]).expect(2).says("expected one image to keep, got 6");
}

#[test]
fn a_reference_stays_the_one_that_is_kept() {
    let place = place_of(&[("old/a.png", png(&scene(4))), ("new/a.jpg", jpeg(&scene(4), 70))]);
    let args = ["new", "--reference", "old"];
    assert_eq!(kept(&scan(&place, &args)), ["old/a.png"]);
    place.run(&["dedupe", "decide", "--keep", "new/a.jpg"]).expect(0);
    let plan = scan(&place, &args);
    assert!(list(&plan["groups"]).is_empty(), "both stay: {plan:#}");
}
