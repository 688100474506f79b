//! The life of an index as users meet it: images taken out, segments merged, latents left out, damage
//! repaired, and the program killed at any moment.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aesearch_index::Snapshot;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::cli::{Place, assert_keys};
use crate::runs::{Running, add_large, answers, images, many_digits, segments};

/// Moments at which the program is killed.
const KILLS: usize = 50;

fn segment_files(place: &Place) -> Vec<PathBuf> {
    let files = fs::read_dir(place.path().join(".aesearch")).expect("the index folder");
    let files = files.map(|entry| entry.expect("an entry").path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "seg")).collect()
}

#[test]
fn images_are_removed_and_the_index_is_compacted() {
    let place = Place::indexed();
    let n = place.json(&["info"])["images"].as_u64().expect("a number");
    let removed = place.json(&["remove", "digits/7", "digits/1/0000.png"]);
    assert_keys(&removed, &["removed", "images", "skipped"]);
    let gone = removed["removed"].as_u64().expect("a number");
    assert_eq!(removed["images"].as_u64(), Some(n - gone));
    assert_eq!(gone, 5);
    let info = place.json(&["info"]);
    assert_eq!((info["images"].as_u64(), info["removed"].as_u64()), (Some(n - gone), Some(gone)));
    for hit in place.json(&["query", "7.png", "--exact"])["queries"][0]["hits"].as_array().expect("hits") {
        assert!(!hit["path"].as_str().expect("a path").starts_with("digits/7/"), "{hit}");
    }
    place
        .run(&["remove", "digits/none.png"])
        .expect(3)
        .says("digits/none.png: the index holds no image there");

    let compacted = place.json(&["compact"]);
    assert_eq!((&compacted["segments"], &compacted["removed_before"]), (&1.into(), &gone.into()));
    let info = place.json(&["info"]);
    assert_eq!((info["images"].as_u64(), info["removed"].as_u64()), (Some(n - gone), Some(0)));
    place.run(&["verify"]).expect(0);
    assert_eq!(place.json(&["index", "digits"])["added"].as_u64(), Some(gone), "their files are still there");

    let nowhere = Place::empty();
    for command in [&["remove", "x.png"][..], &["compact"], &["repair"]] {
        nowhere.run(command).expect(2).says("no index here");
    }
    assert!(!nowhere.path().join(".aesearch").exists());
}

#[test]
fn an_index_without_latents_answers_by_codes_and_files_can_be_read_instead_of_mapped() {
    let place = Place::with_digits();
    place.run(&["index", "digits", "--no-latents"]).expect(0);
    assert_eq!(place.json(&["info", "--no-mmap"])["latent_size"], 0);
    let mapped = place.json(&["query", "7.png"]);
    let read = place.json(&["query", "7.png", "--no-mmap"]);
    assert_eq!(mapped["queries"][0]["hits"], read["queries"][0]["hits"]);
    let distances: Vec<u64> = mapped["queries"][0]["hits"]
        .as_array()
        .expect("hits")
        .iter()
        .map(|hit| hit["distance"].as_u64().expect("a distance"))
        .collect();
    assert!(distances.is_sorted(), "{distances:?}");
    let eval = place.json(&["eval", "--no-mmap"]);
    assert!(eval["recall_10_at"].is_null() && eval["baselines"]["latents"].is_null(), "{eval}");
    assert!(eval["recall_promises"].is_array());
}

#[test]
fn damage_is_dropped_and_what_is_missing_is_indexed_again() {
    let place = Place::indexed();
    let whole = place.json(&["query", "7.png"]);
    place.run(&["repair"]).expect(0);
    let segment = segment_files(&place).remove(0);
    let mut bytes = fs::read(&segment).expect("a segment");
    bytes[64 + 14 * 32 + 70] ^= 1; // in the codes
    fs::write(&segment, bytes).expect("a segment");
    place.run(&["verify"]).expect(4).says("aesearch repair");
    let repaired = place.json(&["repair"]);
    assert_keys(&repaired, &["dropped", "paths", "unnamed", "images"]);
    let paths = repaired["paths"].as_array().expect("a list");
    assert_eq!((paths.len(), &repaired["images"], &repaired["unnamed"]), (40, &0.into(), &0.into()));
    assert!(paths.iter().all(|path| place.path().join(path.as_str().expect("a path")).is_file()));
    place.run(&["verify"]).expect(0);
    assert_eq!(place.json(&["index", "digits"])["added"].as_u64(), Some(40));
    assert_eq!(place.json(&["query", "7.png"])["queries"][0]["hits"], whole["queries"][0]["hits"]);
}

/// One change of a collection and what is run for it.
type Change = (fn(&Path, usize), &'static [&'static str]);

/// Copies of some digits come and others go; half of what came is removed; all is merged.
const CHANGES: [Change; 4] = [
    (
        |place, round| {
            let from = place.join(format!("digits/{}", round % 10));
            let to = place.join(format!("digits/{}", (round + 3) % 10));
            for n in 0..4 {
                let name = format!("{n:04}.png");
                let _ = fs::copy(from.join(&name), to.join(format!("copy-{round}-{name}"))); // one may be gone
            }
        },
        &["index", "digits"],
    ),
    (|_, _| {}, &["remove", "digits/1", "digits/2/0003.png"]),
    (
        |place, round| {
            let gone = place.join(format!("digits/{}/0001.png", round % 10));
            let _ = fs::remove_file(gone); // in a later round it is gone already
        },
        &["index", "digits"],
    ),
    (|_, _| {}, &["compact"]),
];

/// Kills `index`, `remove` and `compact` at random moments. After each the index is sound, and the same
/// command run again gives the answers of an index that was never disturbed.
#[test]
fn killed_at_any_moment_the_index_is_sound_and_goes_on() {
    let (calm, place) = (Place::indexed(), Place::indexed());
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let (mut cut_short, mut lost) = (0, 0);
    for round in 0..KILLS {
        let (change, command) = CHANGES[round % CHANGES.len()];
        let arguments = [command, &["--quiet"]].concat();
        let done = |code: i32| assert!([0, 3].contains(&code), "{arguments:?}: exit code {code}");
        change(calm.path(), round);
        let start = Instant::now();
        done(calm.run(&arguments).code);
        let taken = start.elapsed();

        change(place.path(), round);
        let generation = || Snapshot::open(place.path().join(".aesearch")).expect("an index").generation();
        let before = generation();
        let moment = taken.mul_f64(random.random_range(0.0..1.1));
        let mut child = place.command(&arguments).spawn().expect("the binary starts");
        std::thread::sleep(moment);
        child.kill().expect("it can be killed");
        cut_short += usize::from(child.wait().expect("it ends").code().is_none());
        lost += usize::from(generation() == before);
        place.run(&["verify"]).expect(0);

        done(place.run(&arguments).code);
        place.run(&["verify"]).expect(0);
        assert_eq!(
            answers(&place, ".aesearch"),
            answers(&calm, ".aesearch"),
            "round {round}: {arguments:?} killed after {moment:?}"
        );
    }
    eprintln!("{KILLS} kills: {cut_short} hit the program at work, {lost} of them before its commit");
    assert!(cut_short > 0 && lost > 0, "the kills come too late");
}

/// Moments at which a long run is killed.
const KILLS_OF_ONE: usize = 20;

/// Kills a run of many checkpoints again and again, each time as it goes on with what it left. In the end the
/// index is the one of a run that was never disturbed, byte by byte.
#[test]
fn a_long_run_killed_again_and_again_gets_there_in_the_end() {
    let place = many_digits(60);
    add_large(&place, 6);
    let run = |name: &str| {
        let args =
            ["index", "digits", "--index", name, "--checkpoint-seconds", "0.05", "--threads", "1", "-q"];
        Running::start(place.command(&args))
    };
    let start = Instant::now();
    run("calm").end().0.expect(0);
    let taken = start.elapsed();
    let (calm, killed) = (place.path().join("calm"), place.path().join("killed"));
    let expected = (answers(&place, "calm"), segments(&calm));
    let check_end = || {
        place.run(&["verify", "--index", "killed"]).expect(0);
        assert_eq!(answers(&place, "killed"), expected.0);
        assert!(segments(&killed) == expected.1, "the segments differ");
    };

    let mut random = ChaCha8Rng::seed_from_u64(9);
    let (mut kills, mut between, mut finished) = (0, 0, 0);
    while kills < KILLS_OF_ONE {
        let mut running = run("killed");
        match kills % 2 {
            0 => std::thread::sleep(taken.mul_f64(random.random_range(0.0..0.8))),
            // a moment after a commit, however busy the machine is
            _ => {
                let before = images(&killed);
                while images(&killed) == before && running.goes_on() {
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        }
        if !running.kill() {
            // it was done already: from the beginning
            check_end();
            fs::remove_dir_all(&killed).expect("the index goes");
            finished += 1;
            assert!(finished < KILLS_OF_ONE, "the kills come too late");
            continue;
        }
        kills += 1;
        let there = images(&killed);
        between += usize::from(there > 0 && there < 606);
        if there > 0 {
            place.run(&["verify", "--index", "killed"]).expect(0);
        }
    }
    run("killed").end().0.expect(0);
    check_end();
    eprintln!("{kills} kills, {between} of them between two commits; {finished} runs were done before");
    assert!(between > 0, "no kill came between two commits");
}
