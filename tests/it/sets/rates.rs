//! The number of false pairs that a scan expects is right within three, in sets of different pictures. They are smaller
//! than local features need, so that thumbnails alone decide.

use std::path::Path;

use rayon::prelude::*;

use super::{SETS, Set, reduced};
use crate::cli::Place;
use crate::fixtures::write;

/// Pictures of a set, and how wide they are.
const PICTURES: usize = 240;
const WIDTH: u32 = 48;

/// Pairs of different pictures that are called near, and the number that is expected, at some rates.
fn called_and_expected(set: &Set, rates: &[&str]) -> Vec<(f64, f64)> {
    let place = Place::empty();
    let path = |number: usize| format!("set/{number:03}.png");
    (0..PICTURES).into_par_iter().for_each(|number| {
        write(&place.path().join(path(number)), &reduced(&set.drawn(number).0, WIDTH));
    });
    copied(place.path(), &path(0));
    let of = |rate: &&str| {
        let args = ["dedupe", "evaluate", "set", "--truth", "pairs.csv", "--false-positive-rate", rate];
        let document = place.json(&args);
        let at = |name: &str| document["at_threshold"][name].as_f64().expect("a number");
        let found = at("recall") / at("precision") - at("recall"); // of one true pair
        (found, document["threshold"]["expected_false_pairs"].as_f64().expect("a number"))
    };
    rates.iter().map(of).collect()
}

/// Copies a file, and tells the pair.
fn copied(folder: &Path, file: &str) {
    std::fs::copy(folder.join(file), folder.join("set/copy.png")).expect("a copy");
    write(&folder.join("pairs.csv"), format!("{file},set/copy.png\n").as_bytes());
}

fn are_right_within_three(name: &str, rates: &[&str]) {
    let set = SETS.iter().find(|set| set.name == name).expect("a set");
    let all = called_and_expected(set, rates);
    for ((called, expected), rate) in all.iter().zip(rates) {
        let are_few = called.max(*expected) < 3.0;
        let are_right = (1.0 / 3.0..=3.0).contains(&(called / expected));
        assert!(are_few || are_right, "{name}, rate {rate}: {called} called, {expected} expected");
    }
    assert!(all.last().is_some_and(|(called, _)| *called >= 3.0), "{name}: too few to tell: {all:?}");
}

#[test]
fn false_pairs_of_frames_are_as_many_as_expected() {
    are_right_within_three("frames", &["3e-4", "3e-3", "2e-2"]);
}
