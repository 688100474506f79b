//! Trainings that would disappoint: into a folder that is not theirs, beside another one, of few images, of
//! images of odd sizes, or without success. Each spawns the program on a few drawn images.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aesearch::demo::collection::write_collection;

use crate::cli::{Place, Ran, assert_keys};

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_folder_of_images_or_of_another_model_is_written_only_by_force() {
    let place = Place::with_digits();
    let folder = place.path().join("digits");
    let before = names(&folder);
    let train = ["train", "digits", "--family", "dense", "--size", "8", "--epochs", "1", "-o", "digits"];
    let says =
        "digits: expected a new or empty folder for the model, got one with 10 files and folders, such as 0";
    run(&place, &train).expect(2).says(says).says("--force");
    assert_eq!(names(&folder), before);
    run(&place, &[&train[..], &["--force"]].concat()).expect(0);
    assert!(names(&folder).is_superset(&before) && folder.join("encoder.onnx").is_file());

    fs::create_dir(place.path().join("clip")).expect("a folder");
    // what others write there, a file of theirs called lock too, is left alone
    let theirs = ["clip.onnx", "lock", ".aesearch-Ab3dEf"];
    theirs
        .iter()
        .for_each(|name| fs::write(place.path().join("clip").join(name), b"theirs").expect("written"));
    let others = [
        &["train", "digits", "--family", "dense", "--size", "8", "--epochs", "1", "-o", "clip"][..],
        &["model", "quantize", "digits-64", "-o", "clip"],
    ];
    for args in others {
        run(&place, args)
            .expect(2)
            .says("clip: expected a new or empty folder")
            .says("got one with 2 files and folders, such as clip.onnx");
    }
    assert_eq!(names(&place.path().join("clip")), theirs.map(str::to_owned).into());
    let into_a_file = [&train[..train.len() - 1], &["7.png"]].concat();
    run(&place, &into_a_file).expect(2).says("7.png: expected a folder for the model, got a file");
}

/// The program with these arguments on one thread: small steps on more would wait for each other.
fn run(place: &Place, args: &[&str]) -> Ran {
    place.command(args).env("AESEARCH_THREADS", "1").output().expect("the binary starts").into()
}

/// Starts the program, and waits until it says a line that begins so; gives it and what it says from then on.
fn started(place: &Place, args: &[&str], says: &str) -> (Child, std::thread::JoinHandle<String>) {
    let mut child = place
        .command(args)
        .env("AESEARCH_THREADS", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    assert!(lines.any(|line| line.expect("text").starts_with(says)), "{says}");
    // read on: a full pipe would stop it
    let rest = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>().join("\n"));
    (child, rest)
}

#[test]
fn of_two_trainings_into_one_folder_the_second_ends_with_5_and_what_the_killed_one_left_is_swept() {
    let place = Place::with_digits();
    let train =
        ["train", "digits", "--family", "dense", "--size", "8", "--checkpoint-seconds", "0", "-o", "mine"];
    let (mut first, rest) = started(&place, &[&train[..], &["--epochs", "1000000"]].concat(), "epoch 1 ");
    for more in [&[][..], &["--resume"], &["--force"]] {
        let ran = run(&place, &[&train[..], more].concat()).expect(5);
        let ran = ran.says(
            "mine: expected a folder that nobody else is writing, got one that another process is writing",
        );
        assert!(ran.err.contains("hint: name another folder, or wait"), "{}", ran.err);
    }
    first.kill().expect("it is killed");
    first.wait().expect("it ends");
    rest.join().expect("all is read");
    let folder = place.path().join("mine");
    fs::write(folder.join(".aesearch-Ab3dEf"), b"half a checkpoint").expect("written");
    run(&place, &[&train[..], &["--epochs", "1", "--resume"]].concat()).expect(0);
    let own = ["README.md", "curve.png", "decoder.onnx", "encoder.onnx", "golden.json", "log.jsonl"];
    assert_eq!(names(&folder), own.map(str::to_owned).into());
}

#[cfg(unix)]
#[test]
fn a_training_that_is_stopped_names_the_command_that_continues_it() {
    let place = Place::with_digits();
    // stopped in the first epoch or soon after it, and in a later one
    for (folder, says) in [("a", "training dense "), ("b", "epoch 2 ")] {
        let train = [
            "train", "digits", "--family", "dense", "--batch", "1", "--epochs", "100000", "--force", "-o",
            folder,
        ];
        let (mut child, rest) = started(&place, &train, says);
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
        let deadline = Instant::now() + Duration::from_secs(300);
        while child.try_wait().expect("it can be asked").is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        assert_eq!(child.wait().expect("it ends").code(), Some(130));
        let said = rest.join().expect("all is read");
        let command = format!(
            "to continue: aesearch train --resume digits --family dense --batch 1 --epochs 100000 -o {folder}"
        );
        assert!(said.contains(&command), "{said}");
        assert!(place.path().join(folder).join("checkpoint").is_file());
    }
}

#[test]
fn batch_and_epochs_go_by_the_number_of_images_unless_they_are_said() {
    let place = Place::with_digits();
    let train =
        ["train", "digits", "--family", "lstm", "--size", "8", "--bits", "32", "--force", "-o", "mine"];
    let chosen = run(&place, &[&train[..], &["--epochs", "2", "--json"]].concat()).expect(0);
    let chosen =
        chosen.says("training lstm on 40 images for 2 epochs in batches of 16 (chosen for so few images)");
    let document: serde_json::Value = serde_json::from_str(&chosen.out).expect("a document");
    assert_eq!(document["batch"], 16);
    let said = run(&place, &[&train[..], &["--epochs", "2", "--batch", "64"]].concat()).expect(0);
    said.says("for 2 epochs in batches of 64\n");
    let dense = ["train", "digits", "--family", "dense", "--size", "8", "--force", "-o", "mine"];
    run(&place, &dense)
        .expect(0)
        .says("training dense on 40 images for 200 epochs in batches of 16 (chosen for so few images)");
}

#[test]
fn a_training_without_success_says_so_and_another_does_not() {
    let place = Place::empty();
    write_collection(place.path(), 7, 20).expect("digits can be drawn");
    let train = ["train", "digits", "--family", "conv", "--val", "0.2", "--force", "-o", "mine"];
    let failed =
        run(&place, &[&train[..], &["--lr", "0.000001", "--epochs", "1", "--json"]].concat()).expect(0);
    let failed = failed.says("warning: the reconstructions of 40 held-out images are nearly all alike");
    assert!(failed.err.contains("hint: train longer (--epochs)"), "{}", failed.err);
    let document: serde_json::Value = serde_json::from_str(&failed.out).expect("a document");
    let checkup = &document["checkup"];
    assert_keys(
        checkup,
        &[
            "images",
            "held_out",
            "variation",
            "bits",
            "dead_bits",
            "own_view_by_latents",
            "own_view_by_pixels",
        ],
    );
    assert!(checkup["warnings"].as_array().is_some_and(|warnings| !warnings.is_empty()), "{checkup}");
    let sound = run(&place, &[&train[..], &["--epochs", "60", "--json"]].concat()).expect(0);
    let document: serde_json::Value = serde_json::from_str(&sound.out).expect("a document");
    let checkup = &document["checkup"];
    assert_eq!(checkup["warnings"], serde_json::json!([]), "{checkup}");
    assert!(checkup["variation"].as_f64().is_some_and(|variation| variation > 0.3), "{checkup}");
}

#[test]
fn every_family_trains_on_images_of_odd_sizes_and_draws_and_indexes_them() {
    let sizes = [(97, 33), (33, 97), (1, 5), (13, 29), (27, 44)];
    let place = Place::empty();
    for (width, height) in sizes {
        let folder = place.path().join(format!("{width}x{height}"));
        fs::create_dir(&folder).expect("a folder");
        for i in 0..4u32 {
            let picture = image::RgbImage::from_fn(width, height, |x, y| {
                image::Rgb([x, y, x + y].map(|value| (value * (i + 3) % 251) as u8))
            });
            picture.save(folder.join(format!("{i}.png"))).expect("written");
        }
    }
    for family in ["conv-hash", "conv", "dense", "vae", "aae", "lstm", "photo"] {
        // the layers of photo are many, and its input is of one size for all small images
        let sizes = if family == "photo" { &sizes[..1] } else { &sizes[..] };
        for (width, height) in sizes {
            let data = format!("{width}x{height}");
            let [model, index, sheet] =
                ["model", "index", "seen.png"].map(|what| format!("{family}-{data}-{what}"));
            let bits = ["--bits", "32", "--epochs", "1", "--batch", "4"];
            let width_of = if family == "photo" { ["--width", "35"] } else { ["--width", "8"] };
            let train = [&["train", &data, "--family", family, "-o", &model][..], &bits, &width_of].concat();
            run(&place, &train).expect(0);
            run(&place, &["reconstruct", &data, "--model", &model, "-o", &sheet]).expect(0);
            run(&place, &["index", &data, "--model", &model, "--index", &index]).expect(0);
            assert!(place.path().join(&sheet).is_file());
        }
    }
}
