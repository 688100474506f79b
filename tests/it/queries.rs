//! `query` as scripts use it: images on standard input, lists, JSON lines, tables; what is missing, and labels.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use aesearch::images::{Item, Limits, load};
use serde_json::{Value, json};

use crate::cli::{Place, Ran, assert_keys};
use crate::scenes::{jpeg, place_of, png, scene};

/// Runs with this on standard input.
pub(crate) fn run_with(place: &Place, args: &[&str], input: &[u8]) -> Ran {
    let mut command = place.command(args);
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = streams.spawn().expect("the binary starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input))); // it may be closed early
    let ran = child.wait_with_output().expect("ends").into();
    writer.join().expect("writes");
    ran
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn first(query: &Value) -> &str {
    query["hits"][0]["path"].as_str().expect("a hit")
}

#[test]
fn lines_are_answered_in_order_with_an_error_for_each_that_cannot_be() {
    let place = Place::indexed();
    let mut asked = String::from("\u{feff}\"digits/3/0001.png\"\r\n\n");
    asked += "{\"path\": \"nowhere.png\", \"id\": [7]}\nno json\n{\"id\": 3}\n";
    for i in 0..40 {
        asked += &format!("{{\"path\": \"digits/{}/000{}.png\", \"id\": {i}}}\n", i % 10, i / 10);
    }
    let ran =
        run_with(&place, &["query", "--stdin", "-k", "3", "--threads", "2"], asked.as_bytes()).expect(3);
    let found = lines(&ran.out);
    assert_eq!(found.len(), 44, "{}", ran.err);
    assert_eq!(first(&found[0]), "digits/3/0001.png");
    assert_eq!((&found[0]["line"], found[0].get("id")), (&json!(1), None));
    assert_keys(&found[0], &["path", "hits", "mode", "inverted", "seconds"]);
    let missing = json!({"line": 3, "id": [7], "path": "nowhere.png", "error": "no such file or folder"});
    assert_eq!(found[1], missing);
    for (at, line) in [(2, 4), (3, 5)] {
        assert_eq!(found[at]["line"], line);
        assert!(found[at]["error"].as_str().is_some_and(|error| error.starts_with("expected JSON")));
    }
    for (i, query) in found[4..].iter().enumerate() {
        assert_eq!(query["id"], i);
        let path = format!("digits/{}/000{}.png", i % 10, i / 10);
        assert_eq!((&query["path"], first(query)), (&json!(path), path.as_str()));
        assert_eq!(query["hits"].as_array().map(Vec::len), Some(3));
    }
    run_with(&place, &["query", "--stdin"], b"").expect(0);
    run_with(&place, &["query", "--stdin", "7.png"], b"").expect(2);
}

#[test]
fn a_program_can_ask_one_question_at_a_time() {
    let place = Place::indexed();
    let mut command = place.command(&["query", "--stdin", "-k", "1"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("piped");
    let mut answers = BufReader::new(child.stdout.take().expect("piped")).lines();
    for digit in 0..4 {
        writeln!(stdin, "\"digits/{digit}/0000.png\"").expect("asks");
        let answer = answers.next().expect("an answer").expect("text");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(first(&answer), format!("digits/{digit}/0000.png"));
    }
    drop(stdin);
    assert!(child.wait().expect("ends").success());
}

#[test]
fn what_is_missing_is_skipped_and_the_others_are_answered() {
    let place = Place::indexed();
    let ran = place.run(&["query", "no.png", "7.png", "gone.png", "--json"]).expect(3);
    ran.says("skipped no.png: no such file");
    let found = place.json(&["query", "no.png", "7.png", "gone.png"]);
    assert_eq!(found["queries"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["skipped"].as_array().map(Vec::len), Some(2));
    place.run(&["query", "no.png"]).expect(2).says("no.png: no such file");

    // as Windows writes lists
    fs::write(place.path().join("list.txt"), "\u{feff}7.png\r\ndigits/3/0001.png\r\nno.png\r\n")
        .expect("a list");
    let found = place.json(&["query", "--files-from", "list.txt", "digits/5/0002.png"]);
    let paths: Vec<&str> = found["queries"]
        .as_array()
        .expect("queries")
        .iter()
        .filter_map(|query| query["path"].as_str())
        .collect();
    assert_eq!(paths, ["digits/5/0002.png", "7.png", "digits/3/0001.png"]);
    assert_eq!(found["skipped"][0]["path"], "no.png");
}

#[test]
fn an_image_comes_on_standard_input() {
    let place = Place::indexed();
    let image = fs::read(place.path().join("digits/4/0002.png")).expect("an image");
    let found: Value =
        serde_json::from_str(&run_with(&place, &["query", "-", "7.png", "--json"], &image).expect(0).out)
            .expect("JSON");
    assert_eq!(
        (&found["queries"][0]["path"], first(&found["queries"][0])),
        (&json!("-"), "digits/4/0002.png")
    );
    assert_eq!(found["queries"][1]["path"], "7.png");
    let others = run_with(&place, &["query", "-", "--no-self"], &image).expect(0).out;
    assert!(!others.contains("digits/4/0002.png"), "{others}");
    run_with(&place, &["query", "-", "7.png"], b"no image").expect(3).says("skipped -: ");
    run_with(&place, &["query", "-", "-"], &image).expect(2).says("standard input once");
    run_with(&place, &["query", "-", "--files-from", "-"], &image).expect(2).says("standard input once");
}

#[test]
fn queries_leave_out_themselves_and_write_tables() {
    let place = Place::indexed();
    let here = fs::canonicalize(place.path().join("digits/2/0001.png")).expect("a path");
    let here = here.to_str().expect("text");
    for path in ["digits/2/0001.png", "./digits/../digits/2/0001.png", here] {
        let with = place.json(&["query", path, "-k", "5"]);
        assert_eq!(first(&with["queries"][0]), "digits/2/0001.png");
        let without = place.json(&["query", path, "-k", "4", "--no-self"]);
        let of = |found: &Value, range: std::ops::Range<usize>| -> Vec<Value> {
            range.map(|i| found["queries"][0]["hits"][i]["path"].clone()).collect()
        };
        assert_eq!(of(&without, 0..4), of(&with, 1..5), "{path}");
        assert_eq!(without["queries"][0]["hits"][0]["rank"], 1);
    }

    let ran = place.run(&["query", "7.png", "digits/1", "-k", "2", "-o", "hits.csv"]).expect(0);
    let ran = ran.says("hits.csv: 10 hits of 5 images");
    assert!(ran.out.is_empty(), "{}", ran.out);
    let table = fs::read_to_string(place.path().join("hits.csv")).expect("a table");
    assert_eq!(table.lines().next(), Some("query,rank,path,label,distance,similarity,near"));
    assert_eq!(table.lines().count(), 11);
    place.run(&["query", "7.png", "-o", "hits.txt"]).expect(2).says("expected a name that ends in .csv");
    place.run(&["query", "7.png", "-o", "7.png"]).expect(2);
    place
        .run(&["query", "--stdin", "-o", "hits.csv"])
        .expect(2)
        .says("--stdin, expected a name that ends in .jsonl");
    let ran = run_with(&place, &["query", "--stdin", "-o", "a.jsonl"], b"\"7.png\"\n\"no\"\n").expect(3);
    assert!(ran.out.is_empty());
    assert_eq!(lines(&fs::read_to_string(place.path().join("a.jsonl")).expect("lines")).len(), 2);
}

#[test]
fn the_table_says_what_its_columns_are() {
    let place = Place::indexed();
    let line = "ranked by similarity, of latents; distance: bits that differ between codes";
    let out = place.run(&["query", "7.png", "digits/1"]).expect(0).out;
    assert_eq!(out.matches(line).count(), 1, "{out}");
    assert!(
        place
            .run(&["query", "7.png", "--rerank", "0"])
            .expect(0)
            .out
            .contains("ranked by distance, the bits")
    );
    let help = place.run(&["help", "query"]).expect(0).out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help.contains("Rank goes by similarity, which compares latents; distance counts the bits"),
        "{help}"
    );
}

/// Dots of the red of frames in a picture.
fn red(place: &Place, sheet: &str) -> usize {
    let sheet = load(&Item::from_path(place.path().join(sheet)), &Limits::default()).expect("a sheet");
    sheet.pixels.data.chunks_exact(3).filter(|dot| *dot == [205, 72, 52]).count()
}

#[test]
fn a_collection_of_photos_has_no_labels_and_a_set_of_classes_has() {
    let photos: Vec<(String, Vec<u8>)> = (0..12)
        .map(|i| {
            let folder = ["2019/06", "2020/06", "Rome"][i % 3];
            (format!("p/{folder}/IMG_{i:04}.JPG"), jpeg(&scene(i as u64 / 2), 90))
        })
        .collect();
    let photos: Vec<(&str, Vec<u8>)> =
        photos.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let place = place_of(&photos);
    place.run(&["index", "p", "--model", "photos-128"]).expect(0);
    let label = |more: &[&str]| {
        let found = place.json(&[&["query", "p/2019/06/IMG_0000.JPG", "-k", "12"], more].concat());
        found["queries"][0]["hits"][0]["label"].clone()
    };
    assert_eq!(label(&[]), Value::Null);
    assert_eq!(label(&["--labels", "folder"]), "2019/06");
    fs::write(place.path().join("l.csv"), "p/2019/06/IMG_0000.JPG,cat\n").expect("a table");
    assert_eq!(label(&["--labels", "l.csv"]), "cat");
    place.run(&["query", "p/2019/06/IMG_0000.JPG", "-k", "12", "--sheet", "q.png"]).expect(0);
    place.run(&["dedupe", "scan", "p", "-o", "plan.json", "--sheet", "d.png"]).expect(0);
    place.run(&["cluster", "--k", "3", "--sheet", "c.png"]).expect(0);
    for sheet in ["q.png", "d.png"] {
        assert_eq!(red(&place, sheet), 0, "{sheet}");
    }
    place
        .run(&["query", "p/2019/06/IMG_0000.JPG", "-k", "12", "--sheet", "q.png", "--labels", "folder"])
        .expect(0);
    assert!(red(&place, "q.png") > 0);

    let classes = Place::indexed();
    let found = classes.json(&["query", "digits/3/0001.png"]);
    assert_eq!(found["queries"][0]["hits"][0]["label"], "3");
    let points = classes.json(&["latent", "digits", "-o", "l.png", "--model", "digits-64"])["points"].clone();
    assert!(points.as_array().expect("points").iter().all(|point| point["label"].is_string()));
    let points = classes.json(&[
        "latent",
        "digits",
        "-o",
        "l.png",
        "--model",
        "digits-64",
        "--labels",
        "none",
    ])["points"]
        .clone();
    assert!(points.as_array().expect("points").iter().all(|point| point["label"].is_null()));
}

/// Lists and rules as programs on Windows write them (case 09).
#[test]
fn lists_and_rules_from_windows() {
    let place = place_of(&[("p/a.png", png(&scene(1))), ("p/b.png", png(&scene(2)))]);
    let write = |name: &str, text: &str| fs::write(place.path().join(name), text).expect("a file");
    let index =
        |more: &[&str]| place.json(&[&["index", "--model", "digits-64"], more].concat())["images"].clone();
    write("crlf.txt", "p/a.png\r\np/b.png\r\n");
    write("bom.txt", "\u{feff}p/a.png\np/b.png\n");
    for list in ["crlf", "bom"] {
        assert_eq!(index(&["--files-from", &format!("{list}.txt"), "--index", list]), 2, "{list}");
    }
    for (i, rules) in ["\u{feff}b.png\n", "b.png\r\n", "\u{feff}b.png\r\n"].iter().enumerate() {
        write("p/.aesearchignore", rules);
        assert_eq!(index(&["p", "--index", &format!("rules-{i}")]), 1, "{rules:?}");
    }
    write("aesearch.toml", "\u{feff}k = 1\r\nindex = \"crlf\"\r\n");
    let found = place.json(&["query", "p/a.png"]);
    assert_eq!(found["queries"][0]["hits"].as_array().map(Vec::len), Some(1));
    write("labels.csv", "\u{feff}p/a.png,x\r\np/b.png,y\r\n");
    let found = place.json(&["query", "p/a.png", "--labels", "labels.csv"]);
    assert_eq!(found["queries"][0]["hits"][0]["label"], "x");
}
