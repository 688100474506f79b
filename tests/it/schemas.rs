//! What the program prints as JSON is what `docs/reference/schemas/` says: every document that any test reads
//! is compared with its schema, and here those of all commands and files once.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::Place;

/// Commands whose documents other tests read: their inputs, or a download, would take too long here; `push` and `publish`
/// need servers, which `engines/` has.
const ELSEWHERE: [&str; 6] = ["demo", "model-add", "model-import", "publish", "push", "runtime-install"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/schemas")
}

/// The schema, by which no field may be that it does not name.
fn strict(name: &str) -> Value {
    let path = folder().join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut schema: Value = serde_json::from_str(&text).expect("a schema");
    let root = schema["anyOf"].to_string() + &schema["oneOf"].to_string();
    for (name, definition) in schema.get_mut("$defs").and_then(Value::as_object_mut).into_iter().flatten() {
        // what the document is one of names only a part of its fields
        if definition["properties"].is_object() && !root.contains(&format!("#/$defs/{name}\"")) {
            definition["unevaluatedProperties"] = json!(false);
        }
    }
    if schema["type"] == "object" {
        schema["unevaluatedProperties"] = json!(false);
    }
    schema
}

#[track_caller]
fn assert_valid(document: &Value, name: &str) {
    let schema = strict(name);
    let validator = jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    let faults: Vec<String> =
        validator.iter_errors(document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{name}: {faults:#?}\n{document:#}");
}

/// What a command printed with `--json` is what the schema of that command says.
#[track_caller]
pub(crate) fn assert_document(document: &Value) {
    let command = document["command"].as_str().expect("every document names its command");
    assert_valid(document, &command.replace(' ', "-"));
}

/// Each line of a text is a document of its own.
#[track_caller]
fn assert_lines(text: &str, name: &str) {
    assert!(!text.is_empty(), "{name}: no lines");
    for line in text.lines() {
        assert_valid(&serde_json::from_str(line).expect("a line of JSON"), name);
    }
}

fn collection() -> Place {
    let place = Place::with_digits();
    fs::copy(place.path().join("digits/7/0000.png"), place.path().join("digits/3/copy.png")).expect("a copy");
    fs::write(place.path().join("digits/3/broken.png"), b"no picture").expect("a file");
    fs::write(place.path().join("truth.csv"), "digits/7/0000.png,digits/3/copy.png\n").expect("a file");
    place
}

#[test]
fn every_command_prints_what_its_schema_says() {
    let place = collection();
    let mut seen: BTreeSet<String> = ELSEWHERE.map(str::to_owned).into();
    for line in [
        "estimate digits",
        "index digits --report-skipped skipped.jsonl",
        "index digits/1 --index other",
        "query 7.png gone.png",
        "encode digits -o codes.jsonl",
        "merge .aesearch other -o both",
        "eval",
        "cluster --k 3",
        "outliers",
        "map -o map.csv --method pca",
        "sample --random 3",
        "sample -n 2 -o new.png",
        "diff other .aesearch",
        "export -o all.csv --with cluster",
        "report -o page.html --no-duplicates",
        "dedupe scan digits -o plan.json",
        "dedupe evaluate digits --truth truth.csv",
        "dedupe apply plan.json --action move --yes",
        "dedupe undo plan.json",
        "dedupe decide digits/1/0000.png digits/1/0001.png --different --export decisions.json",
        "dedupe check digits/1/0000.png",
        "train digits --family dense --epochs 1 -o models/dense",
        "model list",
        "model show models/dense",
        "model quantize digits-64 -o models/int8",
        "reconstruct digits -o seen.png",
        "denoise 7.png --model models/dense -o cleaned",
        "latent digits -o space.png",
        "info",
        "verify",
        "repair",
        "remove digits/2/0000.png",
        "compact",
        "doctor",
        "runtime show",
        "man manual",
    ] {
        // compared with its schema on the way
        let document = place.json(&line.split(' ').collect::<Vec<_>>());
        seen.insert(document["command"].as_str().unwrap_or_default().replace(' ', "-"));
    }
    check_files(&place);
    let lines = [
        "decisions",
        "encoded-line",
        "image-line",
        "row-line",
        "skipped-line",
        "training-line",
        "journal-header",
        "journal-record",
    ];
    seen.extend(lines.into_iter().chain(["query-line", "query-answer"]).map(str::to_owned));
    let all = fs::read_dir(folder()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let all: BTreeSet<String> =
        all.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    assert_eq!(seen, all, "schemas that nothing was compared with");
}

/// Files and lines of JSON that commands wrote.
fn check_files(place: &Place) {
    let file = |name: &str| fs::read_to_string(place.path().join(name)).expect("a file");
    let as_document = |name: &str| serde_json::from_str(&file(name)).expect("JSON");
    assert_valid(&as_document("plan.json"), "dedupe-scan");
    assert_valid(&as_document("decisions.json"), "decisions");
    assert_lines(&file("skipped.jsonl"), "skipped-line");
    assert_lines(&file("models/dense/log.jsonl"), "training-line");
    let journal = file("plan.json.journal");
    let (header, records) = journal.split_once('\n').expect("a header");
    assert_lines(header, "journal-header");
    assert_lines(records, "journal-record");
    fs::write(place.path().join("asked"), "\"7.png\"\n{\"path\": \"gone.png\", \"id\": 17}\n")
        .expect("a file");
    assert_lines(&file("asked"), "query-line");
    let asked = fs::File::open(place.path().join("asked")).expect("a file");
    let answered = place.command(&["query", "--stdin", "--k", "1"]).stdin(asked).output().expect("answers");
    assert_lines(&String::from_utf8_lossy(&answered.stdout), "query-answer");

    assert_lines(&file("codes.jsonl"), "encoded-line");
    assert_lines(&file("asked"), "image-line");
    let asked = fs::File::open(place.path().join("asked")).expect("a file");
    let encode = ["encode", "--stdin", "--model", "digits-64"];
    let answered = place.command(&encode).stdin(asked).output().expect("answers");
    assert_lines(&String::from_utf8_lossy(&answered.stdout), "row-line");
}

#[test]
fn a_document_of_another_shape_is_noticed() {
    let sound = json!({"schema_version": 1, "command": "verify", "ok": true, "problems": []});
    assert_document(&sound);
    let other_type = json!({"schema_version": 1, "command": "verify", "ok": "yes", "problems": []});
    let unknown = json!({"schema_version": 1, "command": "verify", "ok": true, "problems": [], "more": 1});
    let validator = jsonschema::validator_for(&strict("verify")).expect("a schema");
    assert!(!validator.is_valid(&other_type) && !validator.is_valid(&unknown));
}
