//! What `estimate` says before and `doctor` says after: of the same collection, sound and damaged.

use std::fs;

use crate::cli::{Place, assert_keys};

#[test]
fn an_estimate_is_of_the_size_of_what_it_estimates() {
    let place = Place::with_digits();
    let estimate = place.json(&["estimate", "digits"]);
    let keys = ["images", "to_read", "bytes", "sampled", "skipped", "model", "bits", "threads", "seconds"];
    assert_keys(&estimate, &[&keys[..], &["memory_bytes", "index_bytes"]].concat());
    assert!(!place.path().join(".aesearch").exists(), "nothing is written");

    let indexed = place.json(&["index", "digits"]);
    assert_eq!((&estimate["images"], &estimate["to_read"]), (&indexed["images"], &indexed["added"]));
    assert_eq!(estimate["bytes"], indexed["bytes"], "each file once");
    let [guess, size] =
        [&estimate, &indexed].map(|document| document["index_bytes"].as_f64().expect("a size"));
    assert!((0.3..3.0).contains(&(guess / size)), "{guess} for {size}");
    assert_eq!(place.json(&["estimate", "digits"])["to_read"], 0);
    fs::write(place.path().join("digits/1/new.png"), b"no image").expect("a file");
    let again = place.json(&["estimate", "digits"]);
    assert_eq!((&again["to_read"], again["skipped"].as_array().map(Vec::len)), (&1.into(), Some(1)));
    place
        .run(&["estimate", "digits", "--max-memory", "1MB"])
        .expect(2)
        .says("--max-memory: expected at least");
}

#[test]
fn the_doctor_finds_what_is_wrong() {
    let place = Place::indexed();
    let sound = place.json(&["doctor"]);
    assert_eq!((&sound["index"]["sound"], &sound["problems"]), (&true.into(), &serde_json::json!([])));
    assert_eq!(sound["index"]["images"], place.json(&["info"])["images"]);
    assert!(sound["runtime"]["version"].is_string() && sound["cores"].as_u64() >= Some(1), "{sound}");
    assert!(place.run(&["doctor"]).expect(0).out.contains("sound"));
    assert!(Place::empty().json(&["doctor"])["index"].is_null());

    let dir = place.path().join(".aesearch");
    let mut files = fs::read_dir(&dir).expect("a folder").map(|entry| entry.expect("an entry").path());
    let segment = files.find(|path| path.extension().is_some_and(|ending| ending == "seg")).expect("one");
    let mut bytes = fs::read(&segment).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, bytes).expect("writes");
    assert!(place.run(&["doctor"]).expect(4).out.contains("damaged"));
    assert_eq!(place.json(&["doctor"])["index"]["sound"], false);
}
