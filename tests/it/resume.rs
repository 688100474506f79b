//! Trainings as users run them: killed and taken up again, diverging, stopping early, with images on disk,
//! and what they leave behind. Each spawns the program on a few drawn digits.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::Place;

/// What every training here is given beside its family and its folder; each step is followed by a checkpoint.
const COMMON: [&str; 11] = [
    "train",
    "digits",
    "--size",
    "8",
    "--batch",
    "8",
    "--threads",
    "1",
    "--checkpoint-seconds",
    "0",
    "--progress=never",
];

fn arguments<'a>(own: &[&'a str]) -> Vec<&'a str> {
    COMMON.into_iter().chain(own.iter().copied()).collect()
}

fn model_files(folder: &Path) -> [Vec<u8>; 2] {
    ["encoder.onnx", "decoder.onnx"].map(|name| fs::read(folder.join(name)).expect("a model file"))
}

/// The lines of `log.jsonl`, each of them whole.
fn log(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("log.jsonl")).expect("a log");
    assert!(text.is_empty() || text.ends_with('\n'), "half a line: {text}");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// Starts a training and kills it, without a chance to clean up, once its checkpoint has been replaced so
/// many times.
#[cfg(unix)]
fn killed_after(place: &Place, args: &[&str], checkpoint: &Path, replaced: usize) {
    use std::os::unix::fs::MetadataExt;
    let mut child =
        place.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    let state = || fs::metadata(checkpoint).ok().map(|m| (m.ino(), m.mtime(), m.mtime_nsec()));
    let (mut last, mut seen) = (state(), 0);
    while seen < replaced {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it ended before it was killed");
        assert!(Instant::now() < deadline, "no checkpoint for a minute");
        let now = state();
        if now.is_some() && now != last {
            (last, seen) = (now, seen + 1);
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    child.kill().expect("it can be killed");
    assert_eq!(child.wait().expect("it ends").code(), None, "it ended by itself");
}

/// Kills a training at several moments, one after the other; what it comes to is what it would have been.
#[cfg(unix)]
fn survives_kills(family: &[&str], moments: &[usize]) {
    let place = Place::with_digits();
    let with = |folder| arguments(&[family, &["--epochs", "30", "--val", "0.2", "-o", folder]].concat());
    place.run(&with("whole/mine")).expect(0);
    for &moment in moments {
        let args = [&with("broken/mine")[..], &["--resume"]].concat();
        killed_after(&place, &args, &place.path().join("broken/mine/checkpoint"), moment);
    }
    place.run(&with("broken/mine")).expect(2).says("--resume");
    place.run(&[&with("broken/mine")[..], &["--resume"]].concat()).expect(0).says("resuming after");
    let [whole, broken] = ["whole/mine", "broken/mine"].map(|folder| place.path().join(folder));
    assert!(model_files(&whole) == model_files(&broken), "{family:?}: not the same model");
    let [whole_log, log] = [&whole, &broken].map(|folder| log(folder));
    let losses = |log: &[Value]| -> Vec<[Value; 4]> {
        log.iter()
            .map(|line| ["epoch", "train_loss", "val_loss", "best"].map(|key| line[key].clone()))
            .collect()
    };
    assert_eq!(log.len(), 30);
    assert_eq!(losses(&whole_log), losses(&log));
    assert!(!broken.join("checkpoint").exists());
}

#[cfg(unix)]
#[test]
fn a_killed_training_goes_on_to_the_same_bytes() {
    survives_kills(&["--family", "dense", "--denoise", "0.3"], &[1, 9, 14]);
}

#[cfg(unix)]
#[test]
fn a_killed_training_with_statistics_goes_on_to_the_same_bytes() {
    survives_kills(&["--family", "conv-hash", "--width", "4"], &[3, 11]);
}

#[cfg(unix)]
#[test]
fn a_killed_training_with_two_optimizers_goes_on_to_the_same_bytes() {
    survives_kills(&["--family", "aae", "--width", "4"], &[5, 8]);
}

#[test]
fn a_finished_training_is_not_begun_again_and_other_folders_are_left_alone() {
    let place = Place::with_digits();
    let with = |folder| arguments(&["--family", "dense", "--epochs", "1", "-o", folder]);
    place.run(&with("mine")).expect(0);
    let before = model_files(&place.path().join("mine"));
    place.run(&[&with("mine")[..], &["--resume"]].concat()).expect(2).says("got a finished one");
    assert_eq!(model_files(&place.path().join("mine")), before);

    crate::fixtures::write(&place.path().join("notes/README.md"), b"mine");
    place.run(&with("notes")).expect(2).says("a README.md of its own");
    assert_eq!(fs::read(place.path().join("notes/README.md")).expect("is there"), b"mine");
}

#[test]
fn a_divergence_is_told_and_its_last_good_checkpoint_can_be_gone_on_from() {
    let place = Place::with_digits();
    let with = |lr, more: &[&'static str]| {
        arguments(&[&["--family", "dense", "--epochs", "3", "-o", "mine", "--lr", lr], more].concat())
    };
    let ran = place.run(&with("1e30", &[])).expect(2).says("training: epoch 1, step 2: loss: ");
    assert!(ran.err.contains("hint: try a lower --lr; --resume goes on"), "{}", ran.err);
    assert!(!place.path().join("mine/encoder.onnx").exists());
    place.run(&with("0.001", &["--resume"])).expect(0);
    assert_eq!(log(&place.path().join("mine")).len(), 3);
    // nothing of the divergence is left: the first step's weights were never kept
    place.run(&arguments(&["--family", "dense", "--epochs", "3", "-o", "b/mine", "--lr", "0.001"])).expect(0);
    let [resumed, fresh] = ["mine", "b/mine"].map(|folder| model_files(&place.path().join(folder)));
    assert!(resumed == fresh, "the divergence left traces");
    // without a checkpoint there is nothing to go on from
    let args =
        ["train", "digits", "--family", "dense", "--size", "8", "--batch", "64", "-o", "c", "--lr", "1e30"];
    let ran = place.run(&args).expect(2).says("training: epoch 2, step 1: loss: ");
    assert!(ran.err.contains("hint: try a lower --lr") && !ran.err.contains("--resume"), "{}", ran.err);
}

#[test]
fn an_early_stop_exports_the_best_epoch() {
    let place = Place::with_digits();
    let args = arguments(&[
        "--family",
        "dense",
        "--lr",
        "0.03",
        "--epochs",
        "300",
        "--val",
        "0.3",
        "--early-stop",
        "4",
        "-o",
        "mine",
    ]);
    let trained = place.json(&args);
    let epochs = trained["epochs"].as_array().expect("epochs");
    let losses: Vec<f64> = epochs.iter().map(|e| e["val_loss"].as_f64().expect("validated")).collect();
    let best = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).expect("an epoch");
    assert_eq!(losses.len(), best + 1 + 4, "{losses:?}");
    assert!(losses.len() < 300);
    let shown = place.json(&["model", "show", "mine"]);
    assert_eq!((&shown["val_loss"], &shown["epochs"]), (&Value::from(losses[best]), &Value::from(best + 1)));
    let lines = log(&place.path().join("mine"));
    assert_eq!(lines.len(), losses.len());
    let last_best = lines.iter().rfind(|line| line["best"] == true).expect("a best epoch");
    assert_eq!((&last_best["epoch"], &last_best["val_loss"]), (&shown["epochs"], &shown["val_loss"]));
}

#[test]
fn a_training_leaves_its_curve_beside_the_model() {
    let place = Place::with_digits();
    for (family, terms) in [("dense", &[][..]), ("aae", &["discriminator", "generator"])] {
        let folder = format!("models/{family}");
        let own = ["--family", family, "--width", "4", "--epochs", "2", "--val", "0.2", "-o", &folder];
        let trained = place.json(&arguments(&own));
        let lines = log(&place.path().join(&folder));
        assert_eq!(Value::from(lines.clone()), trained["epochs"]);
        for line in &lines {
            crate::cli::assert_keys(
                line,
                &["epoch", "train_loss", "val_loss", "seconds", "learning_rate", "best"],
            );
            let names: Vec<&String> =
                line["terms"].as_object().map_or(vec![], |terms| terms.keys().collect());
            assert_eq!(names, terms);
        }
        let curve = image::open(place.path().join(&folder).join("curve.png")).expect("a picture");
        assert!(curve.width() > 600 && curve.height() > 400);
        place.run(&["model", "show", &folder]).expect(0);
    }
    let listed = place.json(&["model", "list"]);
    let names = listed["models"].as_array().expect("models").iter().filter_map(|m| m["place"].as_str());
    assert_eq!(names.filter(|place| *place != "shipped").collect::<Vec<_>>(), ["models/aae", "models/dense"]);
}

#[test]
fn images_that_do_not_fit_into_memory_train_from_disk_to_the_same_bytes() {
    let place = Place::with_digits();
    let with = |folder, memory| {
        let own =
            ["--family", "dense", "--epochs", "2", "--val", "digits/3", "-o", folder, "--max-memory", memory];
        arguments(&own)
    };
    place.run(&with("a/mine", "1GiB")).expect(0);
    // 2,560 bytes in all: the training images on disk, and those of the validation
    let ran = place
        .run(&with("b/mine", "200"))
        .expect(0)
        .says("b/mine: decoded images go into an unnamed file here: 2.6 kB");
    assert!(ran.err.contains("here: 256 B"), "{}", ran.err);
    let [memory, disk] = ["a/mine", "b/mine"].map(|folder| place.path().join(folder));
    assert!(model_files(&memory) == model_files(&disk), "not the same model");
    let mut left: Vec<_> =
        fs::read_dir(&disk).expect("a folder").map(|e| e.expect("an entry").file_name()).collect();
    left.sort();
    assert_eq!(left, ["README.md", "curve.png", "decoder.onnx", "encoder.onnx", "golden.json", "log.jsonl"]);
    let mut command = place.command(&with("c/mine", "1kB")[..COMMON.len() + 8]);
    let ran = command.env("AESEARCH_MAX_MEMORY", "much").output().expect("the binary starts");
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("--max-memory: expected an amount such as 2GiB"));
}

#[test]
fn a_training_without_images_names_one_that_could_not_be_read() {
    let place = Place::with_digits();
    let says = "training images: expected at least one that can be read, got none: ";
    fs::write(place.path().join("list"), "gone.png\nlost.png\n").unwrap();
    let by_list = ["train", "--files-from", "list", "-o", "mine", "--progress=never"];
    place.run(&by_list).expect(2).says(says).says("gone.png: ");
    fs::create_dir(place.path().join("broken")).unwrap();
    fs::write(place.path().join("broken/a.png"), b"not an image").unwrap();
    for size in [&[][..], &["--size", "8"]] {
        let args = [&["train", "broken", "-o", "mine", "--progress=never"], size].concat();
        place.run(&args).expect(2).says(says).says("a.png: ");
    }
}
