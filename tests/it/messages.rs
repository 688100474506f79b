//! What the program says of what cannot be: each names the thing, what was expected and what to do, in words that
//! are the same everywhere, and never a file that is its own.

use std::fs;

use crate::cli::Place;

#[test]
fn each_refusal_names_the_thing_and_what_was_expected() {
    let place = Place::indexed();
    let list = ["nowhere", "7.png"].join("\n");
    fs::write(place.path().join("list.txt"), list).expect("a list");
    let picture = "k.jpg: expected a name that ends in .png, as pictures are PNG files";
    let many = "--k: expected at most 40, the number of images, got 5,000";
    let table = "x.npy: expected a name that ends in .csv, .json, .jsonl, .npz or .parquet";
    let matrix = "x.npy: expected --with latents or --with codes alone: .npy holds one matrix";
    let database = match cfg!(feature = "postgres") {
        true => "error: 127.0.0.1:1/db, table images: error connecting to server",
        false => "error: postgres: this build cannot speak to PostgreSQL",
    };
    let mut wrong = Vec::new();
    for (args, expected) in [
        ("push postgres://me@127.0.0.1:1/db", database),
        ("query 7.png --via postgres://me@127.0.0.1:1/db", database),
        (
            "index digits --index x --model /no/such.onnx",
            "error: /no/such.onnx: model: no such file or folder",
        ),
        ("index digits --index x --model /no/such.onnx", "hint: shipped models: digits-64, "),
        ("query 7.png --model such.onnx", "error: such.onnx: model: no such file or folder"),
        ("eval --model such/one", "error: such/one: model: no such file or folder"),
        ("model show such.onnx", "error: such.onnx: model: no such file or folder"),
        ("sample -o s.png --model digits-65", "digits-65: no model of this name, and no such file or folder"),
        ("model show .", ".: model: expected encoder.onnx in this folder, got none"),
        ("query 7.png --sheet k.jpg", picture),
        ("cluster --sheet k.jpg", picture),
        ("outliers --sheet k.jpg", picture),
        ("sample --diverse 3 --sheet k.jpg", picture),
        ("dedupe scan digits --sheet k.jpg", picture),
        ("reconstruct 7.png -o k.jpg", picture),
        ("cluster -k 5000", many),
        ("cluster -k 5000 --method k-means", many),
        ("map --by cluster -k 5000 -o m.svg", many),
        ("export -k 5000 -o e.csv", many),
        ("query 7.png --k -3", "error: --k: expected a whole number, 0 or more, got -3"),
        ("query 7.png -k abc", "error: --k: expected a whole number, 0 or more, got abc"),
        ("dedupe scan digits --keep best", "error: --keep: expected some of whole, camera, generated"),
        ("train digits -o m --family best", "error: --family: expected one of "),
        ("train digits -o m --augment best", "error: --augment: expected none, digits or photos"),
        ("train digits -o m --brightness best", "error: --brightness: expected kept or normalized"),
        ("index digits --device best", "error: --device: expected auto, cpu, cuda or cuda:N"),
        ("query 7.png --invert best", "error: --invert: expected auto, never or always"),
        ("cluster -o x.npy", table),
        ("outliers -o x.npy", table),
        ("query 7.png -o x.npy", table),
        ("export -o x.npy", matrix),
        ("export -o x.npy --with latents,codes", matrix),
        ("export -o x.npy", "hint: a file that ends in .npz holds all columns"),
        ("index nowhere", "error: nowhere: no such file or folder"),
        ("query nowhere", "error: nowhere: no such file or folder"),
        ("train nowhere -o m", "error: nowhere: no such file or folder"),
        ("dedupe scan nowhere", "error: nowhere: no such file or folder"),
        ("denoise nowhere -o m", "error: nowhere: no such file or folder"),
        ("index --files-from nowhere", "error: nowhere: no such file or folder"),
        ("dedupe apply nowhere", "nowhere: no such file or folder"),
        ("cluster --labels nowhere.csv", "nowhere.csv: no such file or folder"),
    ] {
        let words: Vec<&str> = args.split(' ').collect();
        let ran = place.run(&words);
        if ran.code != 2 || !ran.err.contains(expected) || ran.err.contains("----") {
            wrong.push(format!("{args}: expected {expected}, got {}, {}", ran.code, ran.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let ran = place.run(&["query", "--files-from", "list.txt"]).expect(3);
    ran.says("skipped nowhere: no such file or folder");
    assert!(!place.path().join("x").exists() && !place.path().join("m").exists());
}

/// Files that nobody can write: errors name what was asked for, not the temporary file that was tried first.
#[cfg(target_os = "linux")]
#[test]
fn errors_name_no_temporary_file() {
    let place = Place::indexed();
    let mut wrong = Vec::new();
    for args in [
        "query 7.png --sheet /proc/q.png",
        "query 7.png -o /proc/q.csv",
        "cluster -k 3 --sheet /proc/q.png",
        "outliers --unread --sheet /proc/q.png",
        "outliers --unread -o /proc/q.npz",
        "map --method pca -o /proc/q.png",
        "export --with codes -o /proc/q.csv",
        "export --to faiss -o /proc/q",
        "sample --diverse 3 --copy-to /proc/q",
        "sample --diverse 3 --sheet /proc/q.png",
        "dedupe scan digits -o /proc/q.json",
        "index digits --index /proc/q",
        "report --no-duplicates --unread -o /proc/q.html",
    ] {
        let words: Vec<&str> = args.split(' ').collect();
        let ran = place.run(&words);
        let names_it = ran.err.contains("error: /proc/q");
        if ran.code != 2
            || !names_it
            || [".aesearch-", ".tmp", "/tmp/"].iter().any(|own| ran.err.contains(own))
        {
            wrong.push(format!("{args}: {}, {}", ran.code, ran.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_word_is_said_twice_in_a_row() {
    let place = Place::with_digits();
    fs::rename(place.path().join("digits"), place.path().join("images")).expect("a folder of that name");
    let is_word = |word: &str| word.chars().all(char::is_alphabetic);
    let mut wrong = Vec::new();
    for (code, args) in [
        (0, "index images"),
        (0, "index images --prune"),
        (0, "estimate images"),
        (0, "info"),
        (3, "query images/3 7.png gone.png -k 2"),
        (0, "cluster -k 3"),
        (0, "outliers --count 3"),
        (0, "sample --diverse 3 -o s.csv"),
        (0, "dedupe scan images -o plan.json"),
        (0, "dedupe apply plan.json"),
        (0, "dedupe decide images/3 --keep-all"),
        (0, "export --with codes -o e.csv"),
        (0, "remove images/3/0000.png"),
        (2, "index images nowhere/images"),
        (0, "compact"),
        (0, "verify"),
    ] {
        let words: Vec<&str> = args.split(' ').collect();
        let ran = place.run(&words);
        if ran.code != code {
            wrong.push(format!("{args}: expected {code}, got {}, {}", ran.code, ran.err));
        }
        for line in ran.out.lines().chain(ran.err.lines()) {
            let words: Vec<&str> = line.split([' ', ':', ',']).filter(|word| !word.is_empty()).collect();
            let twice =
                words.windows(2).find(|pair| pair[0] == pair[1] && pair[0].len() > 1 && is_word(pair[0]));
            wrong.extend(twice.map(|pair| format!("{args}: {}: {line}", pair[0])));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
