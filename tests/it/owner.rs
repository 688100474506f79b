//! An index that protects its owner: what is not there now is kept, one file has one name whichever way leads to
//! it, and what was moved is not made anew.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{Place, Ran};
use crate::runs::{Running, images, is_root, many_digits, set_mode};
use crate::scenes::{png, scene};

#[track_caller]
fn assert_counts(document: &Value, expected: Value) {
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&document[key], value, "{key} in {document:#}");
    }
}

fn held(place: &Place) -> usize {
    images(&place.path().join(".aesearch"))
}

/// The names of all images, sorted.
fn names(place: &Place, index: &str) -> Vec<String> {
    let snapshot = aesearch_index::Snapshot::open(place.path().join(index)).expect("an index");
    let mut names: Vec<String> =
        snapshot.ids().map(|id| String::from_utf8_lossy(snapshot.name(id)).into_owned()).collect();
    names.sort();
    names
}

/// The program, run in a folder of a place.
fn run_in(place: &Place, folder: &Path, args: &[&str]) -> Ran {
    place.command(args).current_dir(folder).output().expect("the binary starts").into()
}

/// Case 16: 50 images were dropped.
#[test]
fn a_drive_that_is_not_mounted_keeps_its_images() {
    let place = many_digits(2);
    place.run(&["index", "digits"]).expect(0);
    fs::rename(place.path().join("digits"), place.path().join("elsewhere")).expect("renames");
    for is_there in [true, false] {
        if is_there {
            fs::create_dir(place.path().join("digits")).expect("an empty folder");
        }
        let kept = place.run(&["index", "digits", "--json"]).expect(3);
        let kept = kept
            .says("skipped digits: no ")
            .says("the index keeps 20 images of it until `aesearch index --prune` drops them");
        let document: Value = serde_json::from_str(&kept.out).expect("a document");
        assert_counts(&document, json!({"removed": 0, "unchanged": 20, "images": 20}));
        assert_eq!(document["skipped"][0]["path"], "digits");
        place.run(&["dedupe", "scan", "digits"]).expect(3).says("the index keeps 20 images");
        assert_eq!(held(&place), 20);
        // the same drive, where another folder is looked at
        place.run(&["index", "7.png"]).expect(if is_there { 3 } else { 0 });
        if is_there {
            assert_eq!(held(&place), 21);
            place.run(&["remove", "7.png"]).expect(0);
            fs::remove_dir(place.path().join("digits")).expect("removes");
        }
    }
}

#[test]
fn what_comes_back_is_as_it_was_and_what_is_given_up_is_dropped() {
    let place = many_digits(2);
    place.run(&["index", "digits"]).expect(0);
    let [digits, elsewhere] = ["digits", "elsewhere"].map(|name| place.path().join(name));
    fs::rename(&digits, &elsewhere).expect("renames");
    place.run(&["index", "digits"]).expect(3);
    fs::rename(&elsewhere, &digits).expect("renames");
    assert_counts(&place.json(&["index", "digits"]), json!({"encoded": 0, "unchanged": 20, "skipped": []}));

    // what is gone below a folder that holds others was deleted
    fs::remove_dir_all(digits.join("3")).expect("removes");
    fs::remove_file(digits.join("4/0000.png")).expect("removes");
    let rest = place.json(&["index", "digits"]);
    assert_counts(&rest, json!({"removed": 3, "images": 17, "skipped": []}));
    fs::remove_dir_all(&digits).expect("removes");
    let pruned = place.run(&["index", "digits", "--prune", "--json"]).expect(0);
    let document: Value = serde_json::from_str(&pruned.out).expect("a document");
    assert_counts(&document, json!({"removed": 17, "images": 0, "skipped": []}));
    place.run(&["index", "digits"]).expect(2).says("no such file or folder");
}

#[test]
fn one_file_is_one_item_by_the_name_first_given() {
    let place = many_digits(2);
    place.run(&["index", "digits"]).expect(0);
    let first = names(&place, ".aesearch");
    let absolute = place.path().join("digits");
    let absolute = absolute.to_str().expect("UTF-8");
    let mut ways = vec!["./digits", "digits/", absolute, "digits/../digits"];
    if cfg!(unix) {
        std::os::unix::fs::symlink("digits", place.path().join("link")).expect("a link");
        ways.push("link");
    }
    for way in &ways {
        let again = place.json(&["index", way]);
        assert_counts(&again, json!({"unchanged": 20, "added": 0, "removed": 0, "renamed": 0, "bytes": 0}));
        place.run(&["dedupe", "scan", way]).expect(0);
        assert_eq!(names(&place, ".aesearch"), first, "{way}");
    }
    place.run(&["index", "./digits", absolute, "digits/3", "./digits/3/0000.png"]).expect(0);
    assert_eq!(names(&place, ".aesearch"), first);

    // from another folder too, and what is new follows; labels are by those names
    fs::copy(place.path().join("7.png"), place.path().join("digits/7/new.png")).expect("copies");
    let inside = place.path().join("digits/7");
    run_in(&place, &inside, &["index", "."]).expect(0);
    let now = names(&place, ".aesearch");
    assert_eq!((now.len(), now.contains(&"digits/7/new.png".to_owned())), (21, true), "{now:?}");
    let hits = run_in(&place, &inside, &["query", "new.png", "--k", "1", "--json"]).expect(0);
    let hits: Value = serde_json::from_str(&hits.out).expect("a document");
    assert_eq!(hits["queries"][0]["hits"][0]["label"], "7");
    assert_counts(&place.json(&["index", absolute]), json!({"unchanged": 21, "encoded": 0}));
    assert_eq!(names(&place, ".aesearch"), now);
    // a scan of a part by another spelling sees that part
    let part = place.json(&["dedupe", "scan", "digits/../digits/7"]);
    assert_eq!(part["images"], 3, "{part:#}");
    place.run(&["remove", "digits/../digits/7"]).expect(0);
    assert_eq!(held(&place), 18);
}

#[test]
fn entries_of_a_container_are_known_whichever_way_leads_to_it() {
    let place = Place::empty();
    let pixels: Vec<u8> = (0..4 * 28 * 28).map(|i| (i * 7 % 251) as u8).collect();
    let file = place.path().join("set/a-images-idx3-ubyte");
    crate::fixtures::write(&file, &crate::fixtures::idx(&[4, 28, 28], &pixels));
    place.run(&["index", "set", "--model", "digits-64"]).expect(0);
    for way in ["./set", "set/../set/a-images-idx3-ubyte", "./set/a-images-idx3-ubyte#2"] {
        let again = place.json(&["index", way]);
        assert_counts(&again, json!({"added": 0, "renamed": 0, "images": 4, "encoded": 0}));
    }
    assert_eq!(names(&place, ".aesearch")[2], "set/a-images-idx3-ubyte#2");
}

#[test]
fn a_folder_that_was_moved_is_renamed_and_not_encoded() {
    let place = many_digits(2);
    place.run(&["index", "digits"]).expect(0);
    fs::rename(place.path().join("digits"), place.path().join("numbers")).expect("renames");
    let moved = place.run(&["index", "numbers"]).expect(0);
    assert!(moved.out.contains("20 images (20 renamed)"), "{}", moved.out);
    assert!(names(&place, ".aesearch").iter().all(|name| name.starts_with("numbers/")));

    // both named: what was kept of the old place has turned up in the new one
    fs::rename(place.path().join("numbers"), place.path().join("figures")).expect("renames");
    let ran = place.run(&["index", "numbers", "figures", "--json"]).expect(3);
    let document: Value =
        serde_json::from_str(&ran.says("numbers: no such file or folder\n").out).expect("a document");
    assert_counts(
        &document,
        json!({"renamed": 20, "encoded": 0, "added": 0, "removed": 0, "unchanged": 0, "images": 20}),
    );

    // one inside of a folder that stays, and a copy, which is new
    fs::rename(place.path().join("figures/5"), place.path().join("figures/five")).expect("renames");
    fs::copy(place.path().join("figures/4/0000.png"), place.path().join("figures/4/copy.png"))
        .expect("copies");
    let document = place.json(&["index", "figures"]);
    assert_counts(&document, json!({"renamed": 2, "encoded": 0, "added": 1, "removed": 0, "unchanged": 18}));
    place.run(&["verify"]).expect(0);
}

/// A folder of photos below one that has an index of digits, as `demo` leaves behind.
fn photos_below_digits() -> Place {
    let place = many_digits(2);
    place.run(&["index", "digits", "--model", "digits-64"]).expect(0);
    for n in 0..10 {
        crate::fixtures::write(&place.path().join(format!("photos/{n}.png")), &png(&scene(n)));
    }
    place
}

#[test]
fn photos_are_not_swallowed_by_an_index_of_digits_without_a_word() {
    let place = photos_below_digits();
    let photos = place.path().join("photos");
    let warned = run_in(&place, &photos, &["index", "."]).expect(0);
    let warned = warned.says("was made with digits-64, which does not know the 10 new images");
    warned.says("another folder as --index");
    run_in(&place, &photos, &["index", "."]).expect(0).silent_about("does not know");

    // digits are known, of which there is one too
    fs::copy(place.path().join("7.png"), place.path().join("digits/7/new.png")).expect("copies");
    place.run(&["index", "digits"]).expect(0).silent_about("does not know");
    let own = run_in(&place, &photos, &["index", ".", "--index", ".aesearch"]).expect(0);
    assert!(own.out.contains("with photos"), "{}", own.out);
}

#[test]
fn indexes_nearby_are_named_where_none_is_found() {
    let place = Place::with_digits();
    // beside the place itself are those of other tests
    let room = place.path().join("room/inner");
    fs::create_dir_all(room.join("empty")).expect("folders");
    for name in ["digits", "7.png"] {
        fs::rename(place.path().join(name), room.join(name)).expect("renames");
    }
    let run = |folder: &str, args: &[&str]| run_in(&place, &room.join(folder), args);
    run("", &["query", "7.png"]).expect(2).says("hint: make one with `aesearch index`");
    run("", &["index", "digits", "--index", "digits/.aesearch"]).expect(0);
    for verb in [&["query", "7.png"][..], &["info"], &["map", "-o", "map.png"], &["dedupe", "scan"]] {
        let told = run("", verb).expect(2).says(".aesearch: no index here");
        told.says("there is one in digits/.aesearch: pass it as --index");
    }
    run("", &["index", "7.png", "--index", "sevens", "--model", "digits-64"]).expect(0);
    run("", &["info"]).expect(2).says("there are some in digits/.aesearch, sevens: pass one of them");
    run("", &["info", "--index", "digits"]).expect(2).says("there are some in digits/.aesearch, sevens");
    run("empty", &["info"]).expect(2).says("../digits/.aesearch, ../sevens");
    run("digits/7", &["info"]).expect(0); // above it
}

/// The program as somebody who may not write the index, with a home of its own.
#[cfg(unix)]
fn as_reader(place: &Place, args: &[&str]) -> Ran {
    use std::os::unix::process::CommandExt as _;
    let home = place.path().join("home");
    let mut command = place.command(args);
    command.env("HOME", &home).env_remove("XDG_CACHE_HOME");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.output().expect("the binary starts").into()
}

#[cfg(unix)]
const NOBODY: u32 = 65_534;

/// Case 15: the scan failed, as its cache could not be written.
#[cfg(unix)]
#[test]
fn an_index_that_cannot_be_written_is_scanned_mapped_and_reported() {
    let place = many_digits(4);
    place.run(&["index", "digits"]).expect(0);
    for folder in ["home", "out"] {
        fs::create_dir(place.path().join(folder)).expect("a folder");
        set_mode(&place.path().join(folder), 0o777);
    }
    set_mode(place.path(), 0o755);
    let index = place.path().join(".aesearch");
    let listed = || {
        let mut files: Vec<_> =
            fs::read_dir(&index).expect("a folder").map(|file| file.expect("a file").file_name()).collect();
        files.sort();
        files
    };
    let before = listed();
    set_mode(&index, 0o555);
    if as_reader(&place, &["info"]).code != 0 {
        eprintln!("SKIPPED: another user cannot run the program here");
        set_mode(&index, 0o755);
        return;
    }
    let plan = as_reader(&place, &["dedupe", "scan", "--json"]).expect(0).silent_about("warning");
    let stored = |args: &[&str]| {
        let ran = as_reader(&place, &[args, &["--json"]].concat()).expect(0);
        let document: Value = serde_json::from_str(&ran.silent_about("not stored").out).expect("a document");
        document["stored"].clone()
    };
    let map = ["map", "-o", "out/map.png"];
    assert_eq!([stored(&map), stored(&map)], [false, true], "the second time it is read");
    as_reader(&place, &["report", "-o", "out/page.html"]).expect(0);
    let caches: Vec<_> = fs::read_dir(place.path().join("home/.cache/aesearch")).expect("a folder").collect();
    assert_eq!((listed(), caches.len()), (before, 1));

    // the same as by its owner, who finds no trace of it
    let again = as_reader(&place, &["dedupe", "scan", "--json"]).expect(0);
    set_mode(&index, 0o755);
    let [plan, again, own] = [plan.out, again.out, place.run(&["dedupe", "scan", "--json"]).expect(0).out]
        .map(|out| serde_json::from_str::<Value>(&out).expect("a document")["groups"].clone());
    assert_eq!((&plan, &again), (&own, &own));
    // what the owner has found is used
    fs::remove_dir_all(place.path().join("home/.cache")).expect("removes");
    set_mode(&index, 0o555);
    set_mode(&index.join("looks"), 0o555);
    let check = as_reader(&place, &["dedupe", "check", "7.png"]).expect(0);
    for folder in [index.join("looks"), index] {
        set_mode(&folder, 0o755);
    }
    assert!(
        check.out.contains("by the last scan") || check.err.contains("by the last scan"),
        "{}",
        check.out
    );
}

#[cfg(unix)]
#[test]
fn a_watched_folder_is_followed_until_ctrl_c() {
    let place = many_digits(2);
    let held = || held(&place);
    let mut running = Running::start(place.command(&["index", "digits", "--watch"]));
    running.until(|| held() == 20);
    fs::copy(place.path().join("7.png"), place.path().join("digits/new.png")).expect("copies");
    running.until(|| held() == 21);
    fs::remove_dir_all(place.path().join("digits/3")).expect("removes");
    running.until(|| held() == 19);
    fs::rename(place.path().join("digits"), place.path().join("away")).expect("renames");
    fs::create_dir(place.path().join("digits")).expect("an empty folder");
    running.until_said("the index keeps 19 images of it");
    running.signal("INT");
    let (ran, _) = running.end();
    let ran = ran.expect(0).says("watching for changes");
    assert!(
        ran.out.contains("(1 new, 20 unchanged)") && ran.out.contains("(19 unchanged, 2 removed)"),
        "{}",
        ran.out
    );
    assert_eq!(held(), 19, "what is not there now is kept");
    place.run(&["verify"]).expect(0);
}
