//! The program from outside: spawned, with its streams, exit codes, JSON documents and settings as CLI users
//! meet them.
//!
//! Each test has a folder of its own with a few drawn digits; ONNX Runtime is found or fetched as a user's
//! would be.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use aesearch::demo::collection::write_collection;
use image::ImageFormat;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixtures::{RawPng, encoded_picture, write};
use crate::schemas::assert_document;

/// Images of each digit: enough for ten neighbours, few enough to encode in a moment.
const PER_DIGIT: usize = 4;

/// A folder to run the program in.
pub(crate) struct Place(TempDir);

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn empty() -> Self {
        Place(tempfile::tempdir().expect("a temporary folder"))
    }

    /// With `digits/<label>/*.png` and `7.png`.
    pub(crate) fn with_digits() -> Self {
        let place = Place::empty();
        write_collection(place.path(), 7, PER_DIGIT).expect("digits can be drawn");
        place
    }

    /// With digits that are indexed.
    pub(crate) fn indexed() -> Self {
        let place = Place::with_digits();
        place.run(&["index", "digits"]).expect(0);
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The program with these arguments, not started yet, free of the settings of whoever runs the tests.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aesearch"));
        command.args(args).current_dir(self.path());
        for name in [
            "INDEX",
            "MODEL",
            "THREADS",
            "DEVICE",
            "COLOR",
            "PROGRESS",
            "INVERT",
            "K",
            "RECALL",
            "RERANK",
            "MAX_MEMORY",
        ] {
            command.env_remove(format!("AESEARCH_{name}"));
        }
        command.env_remove("NO_COLOR");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().expect("the binary starts").into()
    }

    /// Runs with `--json` and reads the document, which is as its schema says.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat());
        let document = serde_json::from_str(&ran.out)
            .unwrap_or_else(|e| panic!("{args:?}: {e}\n{}\n{}", ran.out, ran.err));
        assert_document(&document);
        document
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// The same run, after its exit code was checked.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn silent_about(self, text: &str) -> Self {
        assert!(!self.err.contains(text), "unexpected `{text}` on stderr:\n{}", self.err);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text), "expected `{text}` on stderr, got:\n{}", self.err);
        self
    }
}

/// The keys of a document, all of which CLI users may rely on.
#[track_caller]
pub(crate) fn assert_keys(document: &Value, keys: &[&str]) {
    for key in keys {
        assert!(document.get(key).is_some(), "`{key}` is missing in {document:#}");
    }
}

#[test]
fn help_is_an_answer_and_no_command_is_wrong_usage() {
    let place = Place::empty();
    let help = place.run(&["--help"]).expect(0);
    for verb in [
        "demo",
        "train",
        "model",
        "index",
        "query",
        "cluster",
        "export",
        "reconstruct",
        "denoise",
        "latent",
        "sample",
        "info",
        "verify",
        "eval",
        "runtime",
        "completions",
    ] {
        assert!(help.out.contains(verb), "{verb} is not in the help");
    }
    let nothing = place.run(&[]).expect(2);
    assert!(nothing.out.is_empty() && nothing.err.contains("Usage"));
    place.run(&["query"]).expect(2);
    place.run(&["query", "x", "--recall", "2"]).expect(2).says("--recall: expected 0 to 1");
    place.run(&["--version"]).expect(0);
}

#[test]
fn every_shell_gets_completions_and_a_closed_pipe_is_no_error() {
    let place = Place::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(place.run(&["completions", shell]).expect(0).out.contains("aesearch"), "{shell}");
    }
    for args in [&["completions", "bash"][..], &["model", "list", "--json"]] {
        let mut child = place.command(args).stdout(Stdio::piped()).spawn().expect("the binary starts");
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
    }
}

#[test]
fn every_verb_has_a_page_of_the_manual() {
    let place = Place::empty();
    let document = place.json(&["man", "share/man1"]);
    let pages: Vec<&str> =
        document["pages"].as_array().expect("pages").iter().filter_map(Value::as_str).collect();
    assert_eq!(fs::read_dir(place.path().join("share/man1")).expect("the folder").count(), pages.len());
    for name in ["aesearch.1", "aesearch-query.1", "aesearch-dedupe-scan.1", "aesearch-model-import.1"] {
        assert!(pages.contains(&name), "{name} is not among {pages:?}");
    }
    let read = |name: &str| fs::read_to_string(place.path().join("share/man1").join(name)).expect("a page");
    assert!(read("aesearch-query.1").contains(".SH OPTIONS"));
    let before = read("aesearch.1");
    assert!(place.run(&["man", "share/man1"]).expect(0).out.contains("share/man1: "), "written again");
    assert_eq!(read("aesearch.1"), before, "the same pages each time");
    fs::write(place.path().join("file"), "").expect("writes");
    place.run(&["man", "file"]).expect(2).says("file: ");
}

#[test]
fn a_verbose_version_tells_the_build() {
    let place = Place::empty();
    let version = place.run(&["--version"]).expect(0).out;
    let told = place.run(&["--version", "-v"]).expect(0).out;
    assert!(told.starts_with(&version), "{told}");
    for fact in ["features", "shipped-models", "onnx runtime", "index format"] {
        assert!(told.contains(fact) && !version.contains(fact), "{fact}: {told}");
    }
}

#[test]
fn what_is_missing_is_named_with_what_to_do() {
    let place = Place::with_digits();
    place.run(&["query", "7.png"]).expect(2).says("error: ").says("aesearch index");
    place.run(&["index", "nowhere"]).expect(2).says("nowhere");
    place
        .run(&["index", "digits", "--model", "no-such-model"])
        .expect(2)
        .says("no-such-model")
        .says("hint: ");
    place.run(&["index", "digits", "--device", "abacus"]).expect(2).says("abacus");
    let ran = place.run(&["query", "7.png", "--json"]).expect(2);
    assert!(ran.out.is_empty(), "an error is no document: {}", ran.out);
}

#[test]
fn an_index_is_made_brought_up_to_date_and_asked() {
    let place = Place::with_digits();
    let n = 10 * PER_DIGIT as u64;
    let first = place.json(&["index", "digits"]);
    assert_keys(&first, &["schema_version", "command", "skipped", "index_bytes", "seconds"]);
    assert_keys(&first["model"], &["name", "sha256", "bits"]);
    let counts =
        |d: &Value| ["added", "unchanged", "changed", "removed", "images"].map(|key| d[key].as_u64());
    assert_eq!(counts(&first), [n, 0, 0, 0, n].map(Some));

    fs::remove_file(place.path().join("digits/0/0000.png")).expect("a file goes");
    fs::copy(place.path().join("7.png"), place.path().join("digits/1/0000.png")).expect("a file changes");
    fs::copy(place.path().join("7.png"), place.path().join("digits/7/new.png")).expect("a file comes");
    let second = place.json(&["index", "digits"]);
    assert_eq!(counts(&second), [1, n - 2, 1, 1, n].map(Some));

    let answer = place.json(&["query", "7.png", "-k", "3"]);
    assert_eq!(answer["command"], "query");
    assert_eq!(answer["schema_version"], 1);
    let query = &answer["queries"][0];
    assert_keys(query, &["path", "hits", "mode", "seconds"]);
    assert_eq!(query["hits"].as_array().map(Vec::len), Some(3));
    assert_keys(&query["hits"][0], &["rank", "path", "label", "distance", "similarity"]);
    assert_eq!((&query["hits"][0]["rank"], &query["hits"][0]["distance"]), (&1.into(), &0.into()));

    let info = place.json(&["info"]);
    assert_keys(
        &info,
        &["images", "distinct_codes", "segments", "removed", "bits", "model", "index_bytes", "recall_curve"],
    );
    assert_eq!(info["images"].as_u64(), Some(n));
    assert_eq!(place.json(&["verify"])["ok"], true);
}

#[test]
fn an_index_keeps_what_other_runs_put_in() {
    let place = Place::with_digits();
    let n = PER_DIGIT as u64;
    let counts = |d: &Value| ["added", "removed", "images"].map(|key| d[key].as_u64().unwrap_or(u64::MAX));
    assert_eq!(counts(&place.json(&["index", "digits/1"])), [n, 0, n]);
    assert_eq!(counts(&place.json(&["index", "digits/7"])), [n, 0, 2 * n]);
    fs::remove_file(place.path().join("digits/1/0000.png")).expect("a file goes");
    assert_eq!(counts(&place.json(&["index", "digits/1"])), [0, 1, 2 * n - 1]);

    // From a folder inside, the index above is meant; what lies there keeps the names that it has.
    let mut command = place.command(&["index", ".", "--json"]);
    let ran = Ran::from(command.current_dir(place.path().join("digits/7")).output().expect("it starts"));
    let document: Value = serde_json::from_str(&ran.expect(0).out).expect("a document");
    assert_eq!(counts(&document), [0, 0, 2 * n - 1]);
}

#[test]
fn a_stored_decision_about_negatives_holds_and_that_is_told() {
    let place = Place::indexed();
    place.run(&["index", "digits", "--invert", "always"]).expect(0).says("--invert always has no effect");
    let quiet = place.run(&["index", "digits", "--invert", "never", "-q"]).expect(0);
    assert_eq!(quiet.err, "");
}

#[test]
fn every_unusable_query_is_named() {
    let place = Place::indexed();
    for name in ["a.png", "b.png"] {
        fs::write(place.path().join(name), b"not an image").expect("a file");
    }
    place.run(&["query", "a.png", "b.png"]).expect(2).says("a.png").says("b.png");
}

#[test]
fn a_failed_first_run_leaves_no_index_behind() {
    let place = Place::with_digits();
    place.run(&["index", "digits", "--model", "no-such-model"]).expect(2);
    assert!(!place.path().join(".aesearch").exists());
}

#[test]
fn the_demo_answers_in_full_and_takes_nobodys_place() {
    let place = Place::empty();
    fs::create_dir_all(place.path().join("it's here/digits/0/empty.png")).expect("a folder");
    let ran = place.run(&["demo", "it's here", "--json"]).expect(3);
    let document: Value = serde_json::from_str(&ran.out).expect("a document");
    assert_eq!(document["index"]["skipped"].as_array().map(Vec::len), Some(1));
    assert_eq!(document["query"]["queries"][0]["hits"].as_array().map(Vec::len), Some(10));
    let typed = document["commands"][1].as_str().unwrap_or_default();
    assert!(typed.contains(r"'it'\''s here/7.png'"), "{typed}");

    fs::write(place.path().join("7.png"), b"mine").expect("a file");
    place.run(&["demo"]).expect(2).says("7.png").says("another folder");
    assert_eq!(fs::read(place.path().join("7.png")).expect("it is there"), b"mine");
    assert!(!place.path().join("digits").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_damaged_library_is_fetched_again_by_install() {
    let place = Place::with_digits();
    let run = |args: &[&str]| {
        let mut command = place.command(args);
        command
            .env_remove("ORT_DYLIB_PATH")
            .env_remove("AESEARCH_OFFLINE")
            .env("AESEARCH_DATA_DIR", place.path().join("data"));
        Ran::from(command.env("AESEARCH_PYTHON", "no-such-python").output().expect("the binary starts"))
    };
    // The folder's name states the pinned version, which `runtime show` tells.
    let shown = run(&["runtime", "show", "--json"]);
    let shown: Value = serde_json::from_str(&shown.out).expect("a document");
    let folder = format!("data/onnxruntime-{}", shown["pinned"].as_str().unwrap_or_default());
    fs::create_dir_all(place.path().join(&folder)).expect("a folder");
    fs::write(place.path().join(&folder).join("libonnxruntime.so"), b"damaged").expect("a file");
    run(&["runtime", "install"]).expect(2).says("it is fetched again").says("no-such-python -m pip");
}

#[test]
fn a_query_prints_a_table_on_stdout() {
    let place = Place::indexed();
    let ran = place.run(&["query", "7.png"]).expect(0);
    let head = ran.out.lines().next().unwrap_or("");
    let columns: Vec<&str> = head.split_whitespace().collect();
    assert_eq!(columns, ["rank", "distance", "similarity", "label", "path"]);
    assert_eq!(ran.out.lines().count(), 12, "a line says what the columns are");
    assert!(!ran.out.contains('\u{1b}'), "no colour in a pipe");
    let coloured = place.run(&["query", "7.png", "--color", "always"]).expect(0);
    assert!(coloured.out.contains('\u{1b}'));
}

#[test]
fn an_exact_and_a_fast_query_agree_on_the_nearest() {
    let place = Place::indexed();
    let first = |args: &[&str]| place.json(args)["queries"][0]["hits"][0]["path"].clone();
    assert_eq!(first(&["query", "7.png", "--exact"]), first(&["query", "7.png", "--recall", "0.999"]));
    let hits = place.json(&["query", "7.png", "--radius", "0", "--exact"]);
    let far = hits["queries"][0]["hits"].as_array().into_iter().flatten().any(|hit| hit["distance"] != 0);
    assert!(!far, "{hits:#}");
}

#[test]
fn a_sheet_is_drawn() {
    let place = Place::indexed();
    place.run(&["query", "7.png", "--sheet", "sheet.png"]).expect(0);
    let bytes = fs::read(place.path().join("sheet.png")).expect("the sheet is there");
    assert!(bytes.starts_with(b"\x89PNG"));
}

#[test]
fn huge_numbers_are_as_good_as_all_or_refused() {
    let place = Place::with_digits();
    place.run(&["index", "digits", "--threads", "9223372036854775807"]).expect(0);
    let n = 10 * PER_DIGIT;
    for huge in ["1000000000000", "18446744073709551615"] {
        let hits = |options: &[&str]| {
            let answer = place.json(&[&["query", "7.png"], options].concat());
            answer["queries"][0]["hits"].as_array().map_or(0, Vec::len)
        };
        assert_eq!(hits(&["-k", huge]), n);
        assert_eq!(hits(&["-k", huge, "--rerank", huge, "--no-self"]), n);
        assert_eq!(hits(&["--exact", "--rerank", huge]), 10);
        place.run(&["outliers", "--count", huge, "--neighbours", huge]).expect(0);
        place.run(&["cluster", "-k", huge]).expect(2);
    }
}

#[test]
fn hostile_files_are_named_and_the_rest_is_indexed() {
    let place = Place::with_digits();
    let write = |name: &OsStr, bytes: &[u8]| write(&place.path().join("digits/0").join(name), bytes);
    let png = encoded_picture(40, 30, ImageFormat::Png);
    let jpeg = encoded_picture(40, 30, ImageFormat::Jpeg);
    let huge =
        RawPng { width: 30_000, height: 30_000, depth_and_colour: [8, 2], chunks: &[], rows: &[0; 64] };
    let mut bad: Vec<(OsString, Vec<u8>)> = vec![
        ("empty.png".into(), vec![]),
        ("zeros.bmp".into(), vec![0; 5000]),
        ("text.jpg".into(), b"not an image".to_vec()),
        ("cut.png".into(), png[..png.len() / 2].to_vec()),
        ("cut.jpg".into(), jpeg[..jpeg.len() / 2].to_vec()),
        ("huge.png".into(), huge.bytes()),
    ];
    #[cfg(unix)]
    bad.push((std::os::unix::ffi::OsStringExt::from_vec(b"not-utf8-\xff.png".to_vec()), b"no".to_vec()));
    for (name, bytes) in &bad {
        write(name, bytes);
    }
    fs::create_dir(place.path().join("digits/0/folder.png")).expect("a folder");
    write(OsStr::new("a-jpeg-in-truth.png"), &jpeg);
    let ran = place.run(&["index", "digits", "--json"]).expect(3);
    let document: Value = serde_json::from_str(&ran.out).expect("a document");
    assert_eq!(document["images"].as_u64(), Some(10 * PER_DIGIT as u64 + 1), "{}", ran.err);
    let skipped = document["skipped"].as_array().expect("a list");
    skipped.iter().for_each(|s| assert_keys(s, &["path", "reason"]));
    let names = bad.iter().map(|(name, _)| name.to_string_lossy().into_owned()).chain(["folder.png".into()]);
    for name in names {
        let told = skipped.iter().filter(|s| s["path"].as_str().is_some_and(|p| p.ends_with(&name)));
        assert_eq!(told.count(), 1, "{name}: {}", ran.err);
        assert!(ran.err.contains(&name), "{name}: {}", ran.err);
    }
    assert_eq!(skipped.len(), bad.len() + 1);
    place.run(&["verify"]).expect(0);
}

#[test]
fn a_flipped_byte_is_found() {
    let place = Place::indexed();
    let folder = fs::read_dir(place.path().join(".aesearch")).expect("the index folder");
    let files = folder.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    let largest = files.max_by_key(|path| fs::metadata(path).map_or(0, |m| m.len())).expect("a segment");
    let mut bytes = fs::read(&largest).expect("the segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&largest, bytes).expect("the segment");
    let ran = place.run(&["verify", "--json"]).expect(4);
    let document: Value = serde_json::from_str(&ran.out).expect("a document");
    assert_eq!(document["ok"], false);
    assert_keys(&document["problems"][0], &["path", "section", "offset", "detail"]);
}

#[test]
fn a_second_writer_is_turned_away() {
    let place = Place::with_digits();
    let _writer = aesearch_index::Writer::lock(place.path().join(".aesearch")).expect("the lock");
    place.run(&["index", "digits"]).expect(5).says("another writer");
}

#[test]
fn another_model_is_refused_with_both_names() {
    let place = Place::indexed();
    // a folder, not the name of a shipped model: an index moves only to those
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/models/article/article-dense");
    let ran = place.run(&["index", "digits", "--model", folder]).expect(4);
    assert!(ran.err.contains("article-dense") && ran.err.contains("digits-64"), "{}", ran.err);
}

#[test]
fn a_library_that_is_none_or_too_old_is_refused() {
    // A process loads a library once, so this needs processes of its own.
    let place = Place::with_digits();
    fs::write(place.path().join("libonnxruntime.so"), b"not a library").expect("a file");
    let args = ["index", "digits", "--ort-lib", "libonnxruntime.so"];
    place.run(&args).expect(2).says("a file that does not load").says("hint: ");
    fs::write(place.path().join("libonnxruntime.so.1.20.1"), b"").expect("a file");
    let args = ["index", "digits", "--ort-lib", "libonnxruntime.so.1.20.1"];
    place.run(&args).expect(2).says("1.24").says("1.20.1");
}

#[test]
fn flags_beat_variables_beat_the_file() {
    let place = Place::indexed();
    let hits = |command: &mut Command| {
        let ran = Ran::from(command.output().expect("the binary starts")).expect(0);
        let is_hit = |line: &&str| line.trim_start().starts_with(|first: char| first.is_ascii_digit());
        ran.out.lines().filter(is_hit).count()
    };
    fs::write(place.path().join("aesearch.toml"), "k = 2\n").expect("a file");
    assert_eq!(hits(&mut place.command(&["query", "7.png"])), 2);
    assert_eq!(hits(place.command(&["query", "7.png"]).env("AESEARCH_K", "3")), 3);
    assert_eq!(hits(place.command(&["query", "7.png", "--k", "4"]).env("AESEARCH_K", "3")), 4);
    fs::write(place.path().join("aesearch.toml"), "neighbours = 2\n").expect("a file");
    place.run(&["query", "7.png"]).expect(2).says("aesearch.toml").says("neighbours");
}

#[test]
fn the_index_is_found_from_a_folder_inside() {
    let place = Place::indexed();
    let inside = place.path().join("digits/7");
    let mut command = place.command(&["query", "0000.png", "-k", "1", "--json"]);
    let ran = Ran::from(command.current_dir(inside).output().expect("the binary starts")).expect(0);
    let document: Value = serde_json::from_str(&ran.out).expect("a document");
    assert_eq!(document["queries"][0]["hits"][0]["distance"], 0);
}

#[test]
fn quiet_says_nothing_and_bars_come_when_asked_for() {
    let place = Place::with_digits();
    assert_eq!(place.run(&["index", "digits", "--progress", "never", "-q"]).expect(0).err, "");
    fs::remove_dir_all(place.path().join(".aesearch")).expect("the index goes");
    place.run(&["index", "digits", "--progress", "always"]).expect(0).says("images");
}

#[test]
fn training_writes_a_model_that_can_be_shown_and_used() {
    let place = Place::with_digits();
    let args = [
        "train",
        "digits",
        "--family",
        "dense",
        "--epochs",
        "2",
        "--val",
        "0.2",
        "-o",
        "mine",
        "--threads",
        "1",
    ];
    let trained = place.json(&args);
    assert_keys(&trained, &["family", "parameters", "epochs", "model_dir", "device"]);
    assert_eq!(trained["epochs"].as_array().map(Vec::len), Some(2));
    assert_keys(&trained["epochs"][0], &["epoch", "train_loss", "val_loss", "seconds"]);
    let shown = place.json(&["model", "show", "mine"]);
    assert_eq!(shown["parameters"], trained["parameters"]);
    assert!(shown["layers"].as_array().is_some_and(|layers| layers.len() > 5));
    place.run(&["model", "show", "mine"]).expect(0);
    place.run(&["index", "digits", "--model", "mine"]).expect(0);
    assert_eq!(place.json(&["query", "digits/3/0001.png"])["queries"][0]["hits"][0]["distance"], 0);
}

#[test]
fn views_can_be_looked_at_before_the_training() {
    let place = Place::with_digits();
    let args = [
        "train",
        "digits",
        "--family",
        "dense",
        "--epochs",
        "1",
        "-o",
        "mine",
        "--augment-sheet",
        "views.png",
    ];
    place.run(&[&args[..], &["--augment", "none"]].concat()).expect(2).says("set --augment to digits");
    assert!(!place.path().join("mine").exists());
    place.run(&[&args[..], &["--augment", "digits"]].concat()).expect(0).says("views.png: ");
    let sheet = image::open(place.path().join("views.png")).expect("a picture");
    assert!(sheet.width() > 9 * 28 && sheet.height() > 10 * 28);
    place
        .run(&[&args[..], &["--augment", "letters"]].concat())
        .expect(2)
        .says("expected none, digits or photos");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_with_130() {
    let place = Place::with_digits();
    let args = ["train", "digits", "--family", "conv", "--epochs", "100000", "-o", "mine"];
    let mut child =
        place.command(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    // When the first epoch is reported, training is under way.
    let stderr = std::io::BufReader::new(child.stderr.take().expect("a pipe"));
    let mut lines = std::io::BufRead::lines(stderr);
    assert!(lines.any(|line| line.expect("text").starts_with("epoch 1 ")), "a first epoch");
    let rest = std::thread::spawn(move || lines.count()); // a full pipe would stop it
    let pid = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &pid]).status().expect("kill runs");
    assert!(killed.success());
    let deadline = Instant::now() + Duration::from_secs(60);
    while child.try_wait().expect("it can be asked").is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    rest.join().expect("all is read");
}

/// Only a model that is typed moves an index; one in a variable or in `aesearch.toml` is for new indexes.
#[test]
fn a_variable_moves_no_index_to_another_model() {
    let place = Place::with_digits();
    place.run(&["index", "digits"]).expect(0);
    let index = |args: &[&str]| {
        let mut command = place.command(args);
        Ran::from(command.env("AESEARCH_MODEL", "digits-128").output().expect("the binary starts"))
    };
    index(&["index", "digits"]).expect(4).says("digits-64").says("--model on the command line");
    fs::write(place.path().join("aesearch.toml"), "model = \"digits-128\"\n").unwrap();
    place.run(&["index", "digits"]).expect(4);
    let estimated = place.run(&["estimate", "digits", "--model", "digits-128"]).expect(0);
    assert!(estimated.out.contains("digits-128"), "{}", estimated.out);
    place.run(&["index", "digits", "--model", "digits-128"]).expect(0).says("moves to the model digits-128");
    index(&["index", "digits"]).expect(0);
}
