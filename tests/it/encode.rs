//! `encode` and what is made of its files: codes are those of `index`, whoever computes them and however often a run is
//! ended; indexes of files, and of indexes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use aesearch::output::base64;
use aesearch_index::Snapshot;
use arrow_array::cast::AsArray as _;
use arrow_array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

use crate::cli::{Place, assert_keys};
use crate::queries::run_with;
#[cfg(unix)]
use crate::runs::{Running, add_large};
use crate::runs::{answers, many_digits, segments};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Names and codes of a table.
fn codes_of(batch: &RecordBatch) -> BTreeMap<String, Vec<u8>> {
    let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    let (names, codes) = (column("path").as_string::<i32>(), column("code").as_binary::<i32>());
    let row = |row: usize| (names.value(row).to_owned(), codes.value(row).to_vec());
    (0..batch.num_rows()).map(row).collect()
}

fn table(path: &Path) -> (RecordBatch, ParquetRecordBatchReaderBuilder<File>) {
    let open =
        || ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("a file")).expect("Parquet");
    let batches: Vec<RecordBatch> =
        open().with_batch_size(1 << 20).build().expect("rows").map(|batch| batch.expect("a block")).collect();
    assert_eq!(batches.len(), 1);
    (batches[0].clone(), open())
}

/// Names and codes of an index.
fn codes_in(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let index = Snapshot::open(dir).expect("an index");
    let code = |id: u32| aesearch_index::codes_to_bytes(index.code(id), index.bits()).expect("a code");
    index.ids().map(|id| (String::from_utf8_lossy(index.name(id)).into_owned(), code(id))).collect()
}

fn index_of(place: &Place, index: &str, files: &[&str]) {
    place.run(&[&["index", "--index", index, "--from-codes"][..], files].concat()).expect(0);
}

#[test]
fn an_index_of_encoded_files_is_that_of_the_images_whatever_the_binarizer_and_the_shards() {
    let place = many_digits(12);
    fs::write(place.path().join("digits/3/broken.png"), b"no picture").expect("a file");
    for kind in [&[][..], &["--binarizer", "itq", "--bits", "40"], &["--binarizer", "learned"]] {
        for name in ["own", "whole", "shards"] {
            let _ = fs::remove_dir_all(place.path().join(name));
        }
        place.run(&[&["index", "digits", "--index", "own"], kind].concat()).expect(3);
        let encode = |output: &str, how: &[&str]| {
            let encoded = [&["encode", "digits", "-o", output, "--json"], kind, how].concat();
            place.run(&encoded)
        };
        let ran = encode("codes.parquet", &[]).expect(3);
        ran.says("skipped digits/3/broken.png: ");
        index_of(&place, "whole", &["codes.parquet"]);
        let own = segments(&place.path().join("own"));
        assert!(own == segments(&place.path().join("whole")), "{kind:?}: byte by byte");
        assert_eq!(answers(&place, "whole"), answers(&place, "own"), "{kind:?}");

        let files = ["1.parquet", "2.parquet", "3.parquet"];
        for (file, shard) in files.iter().zip(["1/3", "2/3", "3/3"]) {
            let ran = encode(file, &["--shard", shard]);
            let told: Value = serde_json::from_str(&ran.out).expect("JSON");
            assert_eq!(ran.code, if told["skipped"] == json!([]) { 0 } else { 3 }, "{}", ran.err);
            let n = told["images"].as_u64().expect("a number");
            assert!((20..=60).contains(&n), "{n} of 120 in {shard}");
        }
        index_of(&place, "shards", &files);
        assert!(own == segments(&place.path().join("shards")), "{kind:?}: byte by byte");
        // by the binarizer of an index
        let from = ["--binarizer", "own"];
        place.run(&[&["encode", "digits/5", "-o", "five.parquet"][..], &from].concat()).expect(0);
        let all = codes_in(&place.path().join("own"));
        let five = codes_of(&table(&place.path().join("five.parquet")).0);
        assert_eq!(five.len(), 12);
        assert!(five.iter().all(|(name, code)| all[name] == *code), "{kind:?}");
    }
    place.run(&["index", "digits", "--index", "own"]).expect(3);
    let told = place.json(&["index", "digits", "--index", "own"]);
    assert_eq!((&told["unchanged"], &told["encoded"]), (&json!(120), &json!(0)), "their files are known");
    place.run(&["index", "--index", "own", "--from-codes", "1.parquet"]).expect(2).says("expected no index");
}

#[test]
fn all_formats_hold_the_same_rows() {
    let place = Place::with_digits();
    let told = place.json(&["encode", "digits", "-o", "codes.parquet"]);
    let keys = [
        "output",
        "format",
        "shard",
        "images",
        "resumed",
        "skipped",
        "model",
        "binarizer",
        "inverted",
        "bytes",
        "output_bytes",
        "seconds",
        "interrupted",
    ];
    assert_keys(&told, &keys);
    for output in ["codes.arrow", "codes.npz", "codes.jsonl"] {
        place.run(&["encode", "digits", "-o", output]).expect(0);
    }
    let (batch, reader) = table(&place.path().join("codes.parquet"));
    let codes = codes_of(&batch);
    assert_eq!(codes.len(), 40);
    let pairs = reader.metadata().file_metadata().key_value_metadata().expect("metadata").clone();
    let of = |key: &str| pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone());
    assert_eq!(of("aesearch.model").as_deref(), Some("digits-64"));
    assert_eq!(of("aesearch.binarizer_sha256").as_deref(), told["binarizer"]["sha256"].as_str());

    let file = File::open(place.path().join("codes.arrow")).expect("a file");
    let stream = arrow_ipc::reader::StreamReader::try_new(file, None).expect("a stream");
    assert_eq!(stream.schema().metadata().get("aesearch.model").map(String::as_str), Some("digits-64"));
    let stream: Vec<RecordBatch> = stream.map(|batch| batch.expect("a batch")).collect();
    assert_eq!(stream.len(), 1);
    assert_eq!(stream[0].columns(), batch.columns(), "column by column");

    let text = fs::read_to_string(place.path().join("codes.jsonl")).expect("lines");
    for line in lines(&text) {
        let path = line["path"].as_str().expect("a path");
        let hex: String = codes[path].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(line["code"], hex);
        let bits: String = codes[path]
            .iter()
            .flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1))
            .map(|bit| if bit == 1 { '1' } else { '0' })
            .collect();
        assert_eq!(line["bits"], bits);
        assert_eq!((&line["width"], &line["format"]), (&json!(28), &json!("png")));
        assert_eq!(line["latent"].as_array().map(Vec::len), Some(64));
        let file = fs::read(place.path().join(path)).expect("an image");
        let hash = aesearch::images::hash_bytes(&file).map(|byte| format!("{byte:02x}")).concat();
        assert_eq!((&line["hash"], &line["bytes"]), (&json!(hash), &json!(file.len())));
        assert_eq!(line["label"], path.split('/').nth(1).expect("a folder"));
    }
    assert_eq!(text.lines().count(), 40);

    let archive = File::open(place.path().join("codes.npz")).expect("a file");
    let mut archive = zip::ZipArchive::new(archive).expect("an archive");
    let mut array = |name: &str| {
        let mut bytes = Vec::new();
        archive.by_name(&format!("{name}.npy")).expect(name).read_to_end(&mut bytes).expect("reads");
        bytes
    };
    let all: Vec<u8> = codes.values().flatten().copied().collect();
    assert!(array("code").ends_with(&all) && array("latent").len() > 40 * 64);
    assert!(String::from_utf8_lossy(&array("aesearch.model")).ends_with("digits-64"));
}

#[test]
fn rows_may_be_streamed_and_nothing_is_overwritten() {
    let place = Place::with_digits();
    for output in ["codes.arrow", "codes.jsonl"] {
        place.run(&["encode", "digits", "-o", output]).expect(0);
    }
    let text = fs::read_to_string(place.path().join("codes.jsonl")).expect("lines");
    let streamed = place.run(&["encode", "digits", "-o", "-"]).expect(0);
    assert_eq!(streamed.out, text);
    let arrow =
        place.command(&["encode", "digits", "-o", "-", "--format", "arrow", "-q"]).output().expect("runs");
    assert_eq!(arrow.stdout, fs::read(place.path().join("codes.arrow")).expect("a file"));
    place.run(&["encode", "digits", "-o", "-", "--format", "npz"]).expect(2).says("a stream");
    place.run(&["encode", "digits", "-o", "codes.csv"]).expect(2).says(".parquet, .arrow, .npz or .jsonl");
    place.run(&["encode", "digits", "-o", "7.png", "--format", "jsonl"]).expect(0);
    place
        .run(&["encode", "digits", "-o", "digits/3/0000.png", "--format", "jsonl"])
        .expect(2)
        .says("one of the images");
    place.run(&["encode", "digits", "-o", "x.parquet", "--shard", "4/3"]).expect(2).says("--shard");
    fs::write(place.path().join("broken.png"), b"no picture").expect("a file");
    let itq = ["encode", "broken.png", "-o", "x.parquet", "--binarizer", "itq"];
    place.run(&itq).expect(2).says("nothing to encode"); // nothing to fit it to
    assert!(!place.path().join("x.parquet").exists() && !place.path().join(".x.parquet.parts").exists());
}

#[cfg(unix)]
#[test]
fn a_killed_run_goes_on_and_its_file_is_that_of_an_undisturbed_one() {
    let place = many_digits(250);
    add_large(&place, 3); // in digits/7, 8 and 9
    let line =
        ["encode", "digits", "-o", "codes.parquet", "--threads", "1", "--binarizer", "itq", "--bits", "32"];
    let parts = place.path().join(".codes.parquet.parts");
    let kill = || {
        let mut run = Running::start(place.command(&line));
        run.until(|| parts.join("0.parquet").exists());
        run.signal("STOP");
        let locked = place.run(&line).expect(5);
        assert!(locked.err.contains("codes.parquet: another process writes this file"), "{}", locked.err);
        assert!(run.kill(), "it was still at work");
        assert!(!place.path().join("codes.parquet").exists());
    };
    kill();
    let ran = place.json(&[&line[..], &["-v"]].concat());
    assert!(ran["resumed"].as_u64().is_some_and(|n| n >= 1024 && n % 1024 == 0), "{}", ran["resumed"]);
    assert_eq!(ran["images"], 2503);
    assert!(!parts.exists());
    let resumed = fs::read(place.path().join("codes.parquet")).expect("a file");
    let whole = [&line[..2], &["-o", "other.parquet", "--threads", "2"], &line[6..]].concat();
    place.run(&whole).expect(0);
    assert!(resumed == fs::read(place.path().join("other.parquet")).expect("a file"), "byte by byte");

    // what was done counts for the same images and options alone
    fs::remove_file(place.path().join("codes.parquet")).expect("removes");
    kill();
    fs::remove_file(place.path().join("digits/9/large.png")).expect("removes");
    let ran = place.json(&line);
    assert_eq!((&ran["resumed"], &ran["images"]), (&json!(0), &json!(2502)));

    // other threads make the same codes
    fs::remove_file(place.path().join("codes.parquet")).expect("removes");
    kill();
    let threads = [&line[..4], &["--threads", "2"], &line[6..]].concat();
    assert!(place.json(&threads)["resumed"].as_u64().is_some_and(|n| n >= 1024));
}

#[cfg(unix)]
#[test]
fn pipes_are_not_replaced_and_what_cannot_be_read_ends() {
    let place = Place::indexed();
    let pipe = place.path().join("pipe.jsonl");
    if Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
        place
            .run(&["encode", "digits", "-o", "pipe.jsonl"])
            .expect(2)
            .says("pipe.jsonl: expected a file's name, got a pipe");
        let stream = ["encode", "--stdin", "--model", "digits-64", "-o", "pipe.jsonl"];
        run_with(&place, &stream, b"").expect(2).says("pipe.jsonl: expected a file's name, got a pipe");
        assert!(!fs::metadata(&pipe).expect("a pipe").is_file());
    }
    for line in [&["encode", "--stdin", "--model", "digits-64"][..], &["query", "--stdin"]] {
        let folder = fs::File::open(place.path()).expect("a folder");
        let ran = place.command(line).stdin(folder).output().expect("runs");
        let out = String::from_utf8_lossy(&ran.stdout);
        assert_eq!((out.lines().count(), ran.status.code()), (1, Some(3)), "{out}");
    }
}

#[test]
fn a_folder_without_images_makes_no_table() {
    let place = Place::empty();
    fs::create_dir(place.path().join("empty")).expect("a folder");
    for more in [&[][..], &["--binarizer", "itq"]] {
        let line = [&["encode", "empty", "-o", "e.parquet"], more].concat();
        place.run(&line).expect(2).says("nothing to encode");
        assert!(!place.path().join("e.parquet").exists());
    }
}

#[test]
fn images_on_standard_input_are_encoded_in_order() {
    let place = Place::indexed();
    let all = codes_in(&place.path().join(".aesearch"));
    let hex = |name: &str| all[name].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let image = fs::read(place.path().join("digits/4/0002.png")).expect("an image");
    let mut input =
        String::from("\u{feff}\"digits/3/0001.png\"\n\n{\"path\": \"nowhere.png\", \"id\": 7}\nno json\n");
    input += &json!({"path": "mine", "bytes": base64(&image), "label": "four", "id": [1]}).to_string();
    input += "\n{\"path\": \"x\", \"bytes\": \"?\"}\n";
    let encode = ["encode", "--stdin", "--model", "digits-64"];
    let ran = run_with(&place, &encode, input.as_bytes()).expect(3);
    let rows = lines(&ran.out);
    assert_eq!(rows.iter().map(|row| row["line"].clone()).collect::<Vec<_>>(), [1, 3, 4, 5, 6]);
    assert_eq!(
        (&rows[0]["path"], &rows[0]["code"]),
        (&json!("digits/3/0001.png"), &json!(hex("digits/3/0001.png")))
    );
    assert_eq!(rows[1], json!({"line": 3, "id": 7, "error": "no such file or folder"}));
    assert!(rows[2]["error"].as_str().is_some_and(|error| error.starts_with("expected JSON")));
    assert_eq!(
        (&rows[3]["code"], &rows[3]["id"], &rows[3]["label"]),
        (&json!(hex("digits/4/0002.png")), &json!([1]), &json!("four"))
    );
    assert_eq!((&rows[3]["path"], &rows[3]["mtime_ns"]), (&json!("mine"), &Value::Null));
    assert_eq!(rows[4]["error"], "bytes: expected Base64, got something else");

    // framed, into a table, by the model and binarizer of an index
    let piece = |bytes: &[u8]| [&(bytes.len() as u32).to_le_bytes()[..], bytes].concat();
    let framed = [
        piece(b"mine"),
        piece(&image),
        piece(b"digits/3/0001.png"),
        piece(b""),
        piece(b"bad"),
        piece(b"x"),
        piece(b"cut"),
    ]
    .concat();
    let encode = ["encode", "--stdin=framed", "--binarizer", ".aesearch", "-o", "framed.parquet"];
    let ran = run_with(&place, &encode, &framed).expect(3);
    ran.says("skipped bad: ");
    let found = codes_of(&table(&place.path().join("framed.parquet")).0);
    let expected = [("mine", &all["digits/4/0002.png"]), ("digits/3/0001.png", &all["digits/3/0001.png"])];
    assert_eq!(found, expected.map(|(name, code)| (name.to_owned(), code.clone())).into());

    run_with(&place, &["encode", "--stdin"], b"").expect(2).says("--model: expected a name");
    run_with(&place, &["encode", "--stdin", "--model", "photos"], b"")
        .expect(2)
        .says("--binarizer: expected one that is ready");
    run_with(&place, &["encode", "--stdin", "--model", "digits-64"], b"").expect(0);
}

#[test]
fn a_program_can_send_one_image_at_a_time() {
    let place = Place::with_digits();
    let mut command = place.command(&["encode", "--stdin", "--model", "digits-64"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("piped");
    let mut rows = BufReader::new(child.stdout.take().expect("piped")).lines();
    for digit in 0..4 {
        writeln!(stdin, "\"digits/{digit}/0000.png\"").expect("asks");
        let row: Value = serde_json::from_str(&rows.next().expect("a row").expect("text")).expect("JSON");
        assert_eq!(row["path"], format!("digits/{digit}/0000.png"));
    }
    drop(stdin);
    assert!(child.wait().expect("ends").success());
}

/// Writes a table anew, without a column or without metadata.
fn rewrite(from: &Path, to: &Path, without: Option<&str>, metadata: bool) {
    let (batch, reader) = table(from);
    let schema = batch.schema();
    let keep: Vec<usize> =
        (0..batch.num_columns()).filter(|&at| Some(schema.field(at).name().as_str()) != without).collect();
    let batch = batch.project(&keep).expect("columns");
    let pairs = reader.metadata().file_metadata().key_value_metadata().cloned();
    let pairs = pairs
        .filter(|_| metadata)
        .map(|pairs| pairs.into_iter().filter(|pair| pair.key != "ARROW:schema").collect());
    let properties = WriterProperties::builder().set_key_value_metadata(pairs).build();
    let plain = Arc::new(arrow_schema::Schema::new(batch.schema().fields().clone()));
    let batch = batch.with_schema(plain.clone()).expect("the same columns");
    let mut writer =
        ArrowWriter::try_new(File::create(to).expect("a file"), plain, Some(properties)).expect("a table");
    writer.write(&batch).expect("writes");
    writer.close().expect("ends");
}

#[test]
fn tables_of_other_programs_may_name_what_has_no_code() {
    let place = Place::with_digits();
    place.run(&["index", "digits", "--index", "own"]).expect(0);
    place.run(&["encode", "digits", "-o", "codes.parquet"]).expect(0);
    let (batch, _) = table(&place.path().join("codes.parquet"));
    let column = |name: &str| batch.column_by_name(name).expect("a column").clone();
    let codes = column("code");
    let codes = codes.as_binary::<i32>().iter().enumerate().map(|(row, code)| code.filter(|_| row > 0));
    let reasons = (0..batch.num_rows()).map(|row| (row == 0).then_some("no picture"));
    let columns: [(&str, ArrayRef); 7] = [
        ("path", column("path")),
        ("hash", column("hash")),
        ("size", column("size")),
        ("code", Arc::new(BinaryArray::from_iter(codes))),
        ("latent", column("latent")),
        ("latent_scale", column("latent_scale")),
        ("reason", Arc::new(StringArray::from_iter(reasons))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)));
    let batch = batch.expect("columns");
    let file = File::create(place.path().join("theirs.parquet")).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a table");
    writer.write(&batch).expect("writes");
    writer.close().expect("ends");
    let from = ["index", "--index", "new", "--from-codes", "theirs.parquet", "--binarizer", "own", "--json"];
    let ran = place.run(&from).expect(3);
    let told: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(told["images"], 39);
    assert_eq!(told["skipped"], json!([{"path": "digits/0/0000.png", "reason": "no picture"}]));
    let told = place.json(&["index", "digits", "--index", "new"]);
    let counts = ["added", "unchanged", "encoded"].map(|count| told[count].as_u64().expect("a number"));
    assert_eq!(counts, [1, 39, 1], "what has the same content is not encoded again");
    assert_eq!(answers(&place, "new"), answers(&place, "own"));
}

#[test]
fn files_that_cannot_be_one_index_are_refused_by_name() {
    let place = many_digits(7);
    place.run(&["index", "digits", "--index", "own"]).expect(0);
    let at = |name: &str| place.path().join(name);
    place.run(&["encode", "digits", "-o", "sign.parquet"]).expect(0);
    place.run(&["encode", "digits", "-o", "itq.parquet", "--binarizer", "itq"]).expect(0);
    place.run(&["encode", "digits", "-o", "photos.parquet", "--model", "photos"]).expect(0);
    place.run(&["encode", "digits", "-o", "plain.parquet", "--no-latents"]).expect(0);
    let from =
        |files: &[&str]| place.run(&[&["index", "--index", "new", "--from-codes"][..], files].concat());
    from(&["sign.parquet", "itq.parquet"])
        .expect(4)
        .says("sign.parquet and itq.parquet: codes of different binarizers");
    from(&["sign.parquet", "photos.parquet"])
        .expect(4)
        .says("codes of different models, digits-64 and photos");
    from(&["sign.parquet", "plain.parquet"])
        .expect(2)
        .says("plain.parquet: expected latents in all files or in none");
    from(&["digits/7/0000.png"]).expect(4).says("digits/7/0000.png: expected a Parquet file of codes");
    from(&["digits"]).expect(2).says("digits: expected files that end in .parquet");
    from(&["sign.parquet", "--binarizer", "itq"]).expect(2).says("--binarizer: expected the index");
    from(&["sign.parquet", "--bits", "32"]).expect(2).says("--bits: expected none");
    for column in ["path", "code", "hash", "latent_scale"] {
        rewrite(&at("sign.parquet"), &at("less.parquet"), Some(column), true);
        from(&["less.parquet"]).expect(2).says(&format!("less.parquet: expected a column `{column}`"));
    }
    assert!(!at("new").exists(), "nothing was written");

    // as programs leave them that know nothing of metadata, in a folder
    fs::create_dir(at("tables")).expect("a folder");
    rewrite(&at("sign.parquet"), &at("tables/part-0.parquet"), Some("bits"), false);
    fs::write(at("tables/_SUCCESS"), "").expect("a file");
    from(&["tables"]).expect(2).says("expected metadata that names model and binarizer");
    let named = ["index", "--index", "new", "--from-codes", "tables", "--binarizer", "own"];
    place.run(&named).expect(0);
    assert!(segments(&at("new")) == segments(&at("own")));
    // a part that was written twice counts once
    fs::copy(at("tables/part-0.parquet"), at("tables/part-1.parquet")).expect("a copy");
    fs::remove_dir_all(at("new")).expect("removes");
    place.run(&named).expect(0);
    assert!(segments(&at("new")) == segments(&at("own")));
}

const SHARDS: [&str; 8] = ["shard1", "shard2", "shard3", "shard4", "shard5", "shard6", "shard7", "shard8"];

/// Digits in the index `own`, and in an index for each of eight shards.
fn sharded() -> Place {
    let place = many_digits(30);
    let own =
        ["index", "digits", "--index", "own", "--binarizer", "itq", "--bits", "48", "--thumbnails", "32"];
    place.run(&own).expect(0);
    for (name, number) in SHARDS.iter().zip(1..) {
        let (file, shard) = (format!("{name}.parquet"), format!("{number}/8"));
        let encode = ["encode", "digits", "-o", &file, "--shard", &shard, "--binarizer", "own"];
        place.run(&encode).expect(0);
        index_of(&place, name, &[&file]);
    }
    place
}

#[test]
fn shards_are_merged_to_what_one_build_answers() {
    let place = sharded();
    let merged = place.json(&[&["merge"], &SHARDS[..], &["-o", "all"]].concat());
    assert_eq!(
        (&merged["images"], &merged["segments"], &merged["replaced"]),
        (&json!(300), &json!(8), &json!(0))
    );
    place.run(&["verify", "--index", "all"]).expect(0);
    assert_eq!(answers(&place, "all"), answers(&place, "own"));
    let infos = ["own", "all"].map(|index| place.json(&["info", "--index", index]));
    for fact in ["images", "bits", "latent_size", "strangers", "columns"] {
        assert_eq!(infos[0][fact], infos[1][fact], "{fact}");
    }
    assert_eq!(infos[0]["binarizer"]["sha256"], infos[1]["binarizer"]["sha256"]);
    place.run(&["compact", "--index", "all"]).expect(0);
    assert!(segments(&place.path().join("all")) == segments(&place.path().join("own")), "byte by byte");
}

#[test]
fn what_was_removed_stays_so_and_later_indexes_count() {
    let place = sharded();
    place.run(&["remove", "--index", SHARDS[2], "--where", "path ~ /3/"]).expect(0);
    let images = |index: &str| place.json(&["info", "--index", index])["images"].as_u64().expect("a number");
    let left: u64 = SHARDS.iter().map(|name| images(name)).sum();
    assert!((270..300).contains(&left), "{left}");
    let merged = place.json(&[&["merge"], &SHARDS[..], &["-o", "some"]].concat());
    assert_eq!(merged["images"], left);
    let again = place.json(&[&["merge", "own"], &SHARDS[..], &["-o", "over"]].concat());
    assert_eq!((&again["images"], &again["replaced"]), (&json!(300), &json!(left)));
    assert_eq!(answers(&place, "over"), answers(&place, "own"));
    let thumbnails =
        ["own", "over"].map(|index| place.json(&["info", "--index", index])["thumbnails"]["images"].clone());
    assert_eq!(thumbnails[0], thumbnails[1]);
    place.run(&["merge", "own", SHARDS[0], "-o", "over"]).expect(2).says("over: expected no index, got one");
    let told = place.json(&["index", "digits", "--index", "over"]);
    assert_eq!((&told["unchanged"], &told["encoded"]), (&json!(300), &json!(0)), "it goes on as any index");
}

/// The hits of two queries, and the indexes that hold them.
fn hits(place: &Place, how: &[&str]) -> (Vec<Value>, Vec<Option<String>>) {
    let found = place.json(&[&["query", "7.png", "digits/3/0002.png", "--no-self"], how].concat());
    let queries = found["queries"].as_array().expect("queries").iter();
    let all = queries.flat_map(|query| query["hits"].as_array().expect("hits").clone());
    let parted = all.map(|mut hit| {
        let fields = hit.as_object_mut().expect("a hit");
        fields.remove("near"); // each index has strangers of its own
        let index = fields.remove("index").and_then(|index| index.as_str().map(str::to_owned));
        (hit, index)
    });
    parted.unzip()
}

#[test]
fn several_indexes_are_searched_as_the_one_that_is_made_of_them() {
    let place = sharded();
    place.run(&[&["merge"], &SHARDS[..], &["-o", "all"]].concat()).expect(0);
    let list: Vec<String> = SHARDS.iter().map(|name| format!("\"../{name}\"")).collect();
    fs::create_dir(place.path().join("lists")).expect("a folder");
    let list = format!("indexes = [{}]\n", list.join(", "));
    fs::write(place.path().join("lists/shards.toml"), list).expect("a list");
    let several: Vec<&str> = SHARDS.iter().flat_map(|name| ["--index", name]).collect();
    let contents = SHARDS.map(|name| codes_in(&place.path().join(name)));
    for how in [
        &[][..],
        &["--exact", "-k", "300"],
        &["--rerank", "0"],
        &["--rerank", "20"],
        &["--radius", "12", "-k", "50"],
        &["--where", "path ~ /3/ or path ~ /8/"],
    ] {
        let (expected, _) = hits(&place, &[&["--index", "all"], how].concat());
        let (found, holders) = hits(&place, &[&several, how].concat());
        assert_eq!(found, expected, "{how:?}");
        for (hit, holder) in found.iter().zip(&holders) {
            let holder = SHARDS.iter().position(|name| Some(*name) == holder.as_deref()).expect("a shard");
            assert!(contents[holder].contains_key(hit["path"].as_str().expect("a path")), "{hit}");
        }
        assert_eq!(hits(&place, &[&["--index", "lists/shards.toml"], how].concat()).0, expected, "{how:?}");
    }
    let two = ["query", "7.png", "--index", SHARDS[0], "--index", SHARDS[1]];
    let ran = place.run(&two).expect(0);
    assert!(ran.out.contains("  index") && ran.out.contains("shard2"), "{}", ran.out);
    place.run(&[&two[..], &["-o", "hits.csv", "--sheet", "hits.png"]].concat()).expect(0);
    assert!(fs::read_to_string(place.path().join("hits.csv")).expect("a table").contains(",shard2"));
    place
        .run(&["query", "7.png", "--index", SHARDS[0], "--index", "none"])
        .expect(2)
        .says("none: no index here");
    fs::write(place.path().join("empty.toml"), "indexes = []").expect("a list");
    place.run(&["query", "7.png", "--index", "empty.toml"]).expect(2).says("expected some, got none");
}

#[test]
fn other_binarizers_are_coded_anew_where_there_are_latents() {
    let place = many_digits(8);
    let index = |name: &str, of: &str, how: &[&str]| {
        place.run(&[&["index", of, "--index", name], how].concat()).expect(0);
    };
    index("a", "digits/1", &["--model", "digits-64"]);
    index("b", "digits/2", &["--model", "digits-64", "--binarizer", "itq", "--bits", "32"]);
    index("one", "digits/1", &["--model", "digits-64"]);
    place.run(&["index", "digits/2", "--index", "one"]).expect(0);
    let merged = place.json(&["merge", "a", "b", "-o", "c"]);
    assert_eq!(
        (&merged["images"], &merged["recoded"], &merged["segments"]),
        (&json!(16), &json!(8), &json!(2))
    );
    // latents are kept in 8 bits, so a number that is nearly zero may change its sign
    let [one, c] = ["one", "c"].map(|name| codes_in(&place.path().join(name)));
    let differing: u32 = one
        .iter()
        .map(|(name, code)| code.iter().zip(&c[name]).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>())
        .sum();
    assert!(differing <= 8, "{differing} of 1024 bits");
    place.run(&["verify", "--index", "c"]).expect(0);

    place
        .run(&["query", "7.png", "--index", "a", "--index", "b"])
        .expect(4)
        .says("a and b: codes of different binarizers");
    index("d", "digits/3", &["--model", "digits-64", "--no-latents"]);
    index("e", "digits/4", &["--model", "digits-64", "--no-latents", "--binarizer", "itq"]);
    index("f", "digits/5", &["--model", "photos"]);
    for (pair, said) in
        [(["a", "d"], "latents"), (["d", "e"], "different binarizers"), (["a", "f"], "different models")]
    {
        place.run(&["merge", pair[0], pair[1], "-o", "none"]).expect(4).says(said);
        assert!(!place.path().join("none").exists());
    }
    place.run(&["merge", "a", "nowhere", "-o", "none"]).expect(2).says("nowhere");
}
