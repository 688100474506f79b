//! A collection seen as a whole: `aesearch cluster` and `aesearch outliers` on drawn digits.

use std::fs;

use aesearch::demo::collection::write_collection;
use aesearch::images::{Pixels, write_png};
use serde_json::Value;

use crate::cli::{Place, assert_keys};

/// Thirty digits of each kind, indexed.
fn digits() -> Place {
    let place = Place::empty();
    write_collection(place.path(), 7, 30).expect("digits can be drawn");
    place.run(&["index", "digits"]).expect(0);
    place
}

#[track_caller]
fn figure(document: &Value, key: &str) -> f64 {
    document[key].as_f64().unwrap_or_else(|| panic!("`{key}` is no number in {document:#}"))
}

#[test]
fn digits_fall_into_clusters_that_agree_with_their_labels() {
    let place = digits();
    for method in ["k-majority", "k-means", "k-medoids"] {
        let found = place.json(&["cluster", "--k", "10", "--method", method, "-o", "clusters.csv"]);
        assert_keys(
            &found,
            &["method", "unit", "k", "clusters", "silhouette", "purity", "nmi", "ari", "accuracy"],
        );
        assert_eq!((&found["k"], &found["apart"]), (&10.into(), &0.into()));
        assert!(figure(&found, "accuracy") > 0.8 && figure(&found, "nmi") > 0.7, "{method}: {found:#}");
        let clusters = found["clusters"].as_array().expect("a list");
        let sizes: Vec<u64> =
            clusters.iter().map(|cluster| cluster["size"].as_u64().expect("a size")).collect();
        assert_eq!(sizes.iter().sum::<u64>(), 300);
        assert!(sizes.is_sorted_by(|a, b| a >= b), "the largest first: {sizes:?}");
        assert_keys(
            &clusters[0],
            &["id", "medoid", "diameter", "silhouette", "nearest", "farthest", "labels"],
        );
        let table = fs::read_to_string(place.path().join("clusters.csv")).expect("a table");
        assert_eq!(table.lines().next(), Some("path,label,cluster,distance,silhouette"));
        assert_eq!(table.lines().count(), 301);
    }
    let dense = place.json(&["cluster", "--method", "hdbscan"]);
    assert!(dense["k"].as_u64().expect("a number") >= 5, "{dense:#}");
    assert_eq!(dense["unit"], "cosine");
}

#[test]
fn the_number_of_clusters_is_chosen_and_told() {
    let place = digits();
    let found = place.json(&["cluster", "--max-k", "14"]);
    assert!((7..=13).contains(&found["k"].as_u64().expect("a number")), "{found:#}");
    assert_eq!(found["tried"].as_array().map(Vec::len), Some(13));
    let text = place.run(&["cluster", "--max-k", "14"]).expect(0).out;
    assert!(text.contains("by silhouette; next best") && text.contains("with labels: purity"), "{text}");
    assert_eq!(place.run(&["cluster", "--max-k", "14"]).expect(0).out.lines().next(), text.lines().next());
}

#[test]
fn images_are_copied_and_linked_and_never_moved() {
    let place = digits();
    let before = fs::read(place.path().join("digits/3/0001.png")).expect("a digit");
    let copied = place.json(&["cluster", "--k", "10", "--copy-to", "copies", "--sheet", "clusters.png"]);
    assert_eq!(copied["files"], 300);
    let folders: Vec<_> = fs::read_dir(place.path().join("copies")).expect("folders").collect();
    assert_eq!(folders.len(), 10);
    assert_eq!(fs::read(place.path().join("digits/3/0001.png")).expect("still there"), before);
    assert!(place.path().join("clusters.png").is_file());

    let again = place.run(&["cluster", "--k", "10", "--copy-to", "copies"]).expect(2).err;
    assert!(again.contains("expected a new or empty folder"), "{again}");

    let linked = place.json(&["cluster", "--k", "10", "--link-to", "links"]);
    assert_eq!(linked["files"], 300);
    let first = fs::read_dir(place.path().join("links/cluster-0")).expect("links").next();
    let link = first.expect("a link").expect("an entry").path();
    assert!(fs::symlink_metadata(&link).expect("is there").is_symlink());
    assert!(fs::read(&link).expect("leads to an image").starts_with(b"\x89PNG"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = digits();
    for (args, expected) in [
        (&["cluster", "--k", "0"][..], "--k: expected at least 1"),
        (&["cluster", "--k", "many"], "--k: expected a number of clusters or auto"),
        (&["cluster", "--method", "magic"], "--method: expected k-majority"),
        (&["cluster", "-o", "clusters.xlsx"], "clusters.xlsx: expected a name that ends in .csv"),
    ] {
        let said = place.run(args).expect(2).err;
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    assert!(place.run(&["cluster", "--index", "nowhere"]).expect(2).err.contains("nowhere"));
}

#[test]
fn strangers_faults_and_wrong_labels_are_found() {
    let place = Place::empty();
    write_collection(place.path(), 7, 30).expect("digits can be drawn");
    let at = |path: &str| place.path().join("digits").join(path);
    // noise is nothing that a model of digits can draw
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    for i in 0..3 {
        let data = (0..28 * 28).map(|_| noise()).collect();
        let pixels = Pixels { width: 28, height: 28, channels: 1, data };
        write_png(&at(&format!("0/noise-{i}.png")), &pixels).expect("writes");
    }
    let blank = Pixels { width: 28, height: 28, channels: 1, data: vec![7; 28 * 28] };
    write_png(&at("0/blank.png"), &blank).expect("writes");
    fs::rename(at("1/0004.png"), at("6/one.png")).expect("moves");
    place.run(&["index", "digits", "--model", "digits-64"]).expect(0);

    let found = place.json(&["outliers", "--top", "12", "-o", "odd.csv"]);
    let paths = |key: &str| -> Vec<String> {
        let list = found[key].as_array().expect("a list");
        list.iter().map(|one| one["path"].as_str().expect("a path").to_owned()).collect()
    };
    assert_eq!(paths("outliers").len(), 12);
    assert_eq!(paths("outliers").iter().filter(|path| path.contains("noise")).count(), 3, "{found:#}");
    assert!(paths("flagged").iter().any(|path| path.contains("blank")), "{found:#}");
    let wrong = paths("label_errors").iter().position(|path| path.contains("one.png"));
    assert!(wrong.is_some_and(|at| at < 8), "{:#}", found["label_errors"]);
    assert_eq!(fs::read_to_string(place.path().join("odd.csv")).expect("a table").lines().count(), 305);

    fs::remove_dir_all(at("3")).expect("goes");
    place.run(&["outliers"]).expect(3).says("no such file");
    let unread = place.json(&["outliers", "--unread"]);
    assert_eq!(unread["outliers"][0]["reconstruction_rank"], Value::Null);
    assert!(place.run(&["outliers", "--neighbours", "0"]).expect(2).err.contains("--neighbours"));
}
