//! A collection seen as a whole: `aesearch cluster` and `aesearch outliers` on drawn digits.

use std::collections::HashSet;
use std::fs;

use aesearch::demo::collection::write_collection;
use aesearch::images::{Pixels, write_png};
use serde_json::Value;

use crate::cli::{Place, assert_keys};

/// Thirty digits of each kind, indexed.
pub(crate) fn digits() -> Place {
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
            &[
                "id",
                "name",
                "medoid",
                "diameter",
                "silhouette",
                "nearest",
                "farthest",
                "label",
                "purity",
                "labels",
            ],
        );
        let medoid = clusters[0]["medoid"].as_str().expect("a path");
        let name = clusters[0]["name"].as_str().expect("a name");
        assert!(!name.is_empty() && medoid.ends_with(&format!("/{name}")), "{name} {medoid}");
        assert!(figure(&clusters[0], "purity") > 0.5 && clusters[0]["label"].is_string());
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
        (&["cluster", "--method", "magic"], "--method: expected auto, k-majority"),
        (&["cluster", "-o", "clusters.xlsx"], "clusters.xlsx: expected a name that ends in .csv"),
        (&["cluster", "--min-size", "9"], "--min-size: expected none with auto"),
        (&["cluster", "--min-size", "1", "--method", "hdbscan"], "--min-size: expected at least 2, got 1"),
        (&["cluster", "--max-k", "9", "--k", "3"], "--max-k: expected --k auto beside it"),
        (&["cluster", "--max-k", "9", "--method", "hdbscan"], "--max-k: expected --k auto beside it"),
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

    let found = place.json(&["outliers", "-n", "12", "-o", "odd.csv", "--sheet", "odd.png"]);
    let sheet = aesearch::images::decode(
        &fs::read(place.path().join("odd.png")).expect("a sheet"),
        &Default::default(),
    );
    let sheet = sheet.expect("a picture");
    // each kind has a row of its own, at least, of images 112 high
    let kinds = ["outliers", "flagged", "label_errors"];
    assert!(kinds.iter().all(|kind| found[kind].as_array().is_some_and(|list| !list.is_empty())));
    assert!(sheet.height > 4 * 112, "{}", sheet.height);
    assert_eq!(place.json(&["outliers", "--top", "12"])["outliers"], found["outliers"], "an older name");
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

    let text = place.run(&["outliers"]).expect(0).out;
    assert!(text.lines().any(|line| line.starts_with("near-constant") && line.contains("blank")), "{text}");

    fs::remove_dir_all(at("3")).expect("goes");
    fs::remove_file(at("6/one.png")).expect("goes");
    place.run(&["outliers"]).expect(3).says("no such file");
    let unread = place.json(&["outliers", "--unread", "--count", "400", "--sheet", "odd.png"]);
    let left_out: Vec<&Value> = unread["skipped"].as_array().expect("a list").iter().collect();
    let names: HashSet<&str> = left_out.iter().filter_map(|one| one["path"].as_str()).collect();
    assert_eq!((names.len(), left_out.len()), (31, 31), "once, also where the label is doubted");
    assert_eq!(unread["outliers"][0]["reconstruction_rank"], Value::Null);
    assert!(place.run(&["outliers", "--neighbours", "0"]).expect(2).err.contains("--neighbours"));
}

#[test]
fn maps_are_drawn_kept_and_the_same_for_the_same_seed() {
    let place = digits();
    let drawn = place.json(&["map", "-o", "map.png", "-o", "map.svg", "-o", "map.csv"]);
    assert_keys(&drawn, &["method", "seed", "images", "by", "groups", "outputs", "stored", "seconds"]);
    assert_eq!(
        (&drawn["method"], &drawn["by"], &drawn["stored"]),
        (&"tsne".into(), &"label".into(), &false.into())
    );
    assert_eq!(drawn["groups"].as_array().map(Vec::len), Some(10));
    let files = ["map.png", "map.svg", "map.csv"].map(|name| place.path().join(name));
    let bytes = files.clone().map(|file| fs::read(file).expect("a map"));

    // the same places again, from the index and from the start
    assert_eq!(place.json(&["map", "-o", "again.csv"])["stored"], true);
    assert_eq!(fs::read(place.path().join("again.csv")).expect("a map"), bytes[2]);
    fs::remove_dir_all(place.path().join(".aesearch/maps")).expect("kept maps");
    place.run(&["map", "-o", "map.png", "-o", "map.svg", "-o", "map.csv"]).expect(0);
    assert_eq!(files.map(|file| fs::read(file).expect("a map")), bytes);
    assert_eq!(place.json(&["map", "-o", "other.csv", "--seed", "4"])["stored"], false);

    // digits of a kind lie near: of the nearest dots most bear the same label
    let table = String::from_utf8(bytes[2].clone()).expect("text");
    assert_eq!(table.lines().next(), Some("path,label,x,y"));
    let rows: Vec<(String, f32, f32)> = table
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[1].to_owned(), cells[2].parse().expect("x"), cells[3].parse().expect("y"))
        })
        .collect();
    let nearest = |a: usize| {
        let far = |b: &usize| (rows[a].1 - rows[*b].1).hypot(rows[a].2 - rows[*b].2);
        (0..rows.len()).filter(|b| *b != a).min_by(|b, c| far(b).total_cmp(&far(c))).expect("another")
    };
    let agree = (0..rows.len()).filter(|&row| rows[nearest(row)].0 == rows[row].0).count();
    assert!(agree > 240, "{agree} of {}", rows.len());
}

#[test]
fn a_plane_needs_no_rounds_and_clusters_give_colours() {
    let place = digits();
    let drawn = place.json(&["map", "--method", "pca", "-k", "6", "-o", "plane.svg", "-o", "plane.jsonl"]);
    assert_eq!(
        (&drawn["method"], &drawn["by"], &drawn["stored"]),
        (&"pca".into(), &"cluster".into(), &false.into())
    );
    assert_eq!(drawn["groups"].as_array().map(Vec::len), Some(6));
    let svg = fs::read_to_string(place.path().join("plane.svg")).expect("a map");
    assert_eq!(svg.matches("<image ").count(), 6);
    let rows = fs::read_to_string(place.path().join("plane.jsonl")).expect("a table");
    let first: Value = serde_json::from_str(rows.lines().next().expect("a row")).expect("JSON");
    assert!(first["cluster"].is_u64() && first["x"].is_f64());
    for (args, expected) in [
        (&["map", "-o", "map.gif"][..], "map.gif: expected a name that ends in .png"),
        (&["map", "-o", "m.png", "--method", "umap"], "expected pca or tsne"),
        (&["map", "-o", "m.png", "--by", "size"], "expected label, cluster or none"),
        (&["map", "-o", "m.png", "--perplexity", "0"], "expected a number of neighbours"),
        (&["map", "-o", "m.png", "--perplexity", "201"], "--perplexity: expected at most 200, got 201"),
        (&["map", "-o", "m.png", "-k", "0"], "--k: expected at least 1"),
        (&["map", "-o", "m.png", "-k", "3", "--by", "label"], "--k: expected none with --by label"),
        (
            &["map", "-o", "m.png", "--method", "pca", "--perplexity", "9"],
            "--perplexity: expected none with pca",
        ),
    ] {
        let error = place.run(args).expect(2).err;
        assert!(error.contains(expected), "{args:?}: {error}");
        assert!(!place.path().join("m.png").exists());
    }
}

#[test]
fn a_few_images_are_a_map_too() {
    let place = Place::empty();
    for n in 1..=3u8 {
        let gradient = (0..28 * 28).map(|i| (i % 28) as u8 * 5 + n * 10).collect();
        let pixels = Pixels { width: 28, height: 28, channels: 1, data: gradient };
        write_png(&place.path().join(format!("{n}.png")), &pixels).expect("a picture");
        place.run(&["index", ".", "--model", "digits-64"]).expect(0);
        place.run(&["map", "-o", "map.npz", "-o", "map.svg"]).expect(0);
        place.run(&["map", "-o", "map.npz", "--method", "pca"]).expect(0);
    }
}

#[test]
fn a_few_images_stand_for_all() {
    let place = digits();
    let found =
        place.json(&["sample", "--diverse", "20", "-o", "few.csv", "--sheet", "few.png", "--copy-to", "few"]);
    assert_keys(
        &found,
        &["choice", "seed", "images", "chosen", "mean_distance", "largest_distance", "files"],
    );
    let chosen = found["chosen"].as_array().expect("a list");
    assert_eq!((chosen.len(), &found["files"], &found["images"]), (20, &20.into(), &300.into()));
    let represented: u64 = chosen.iter().map(|image| image["represents"].as_u64().expect("a number")).sum();
    assert_eq!(represented, 300);
    let labels: std::collections::HashSet<&str> =
        chosen.iter().map(|image| image["label"].as_str().expect("a label")).collect();
    assert_eq!(labels.len(), 10, "{labels:?}");
    assert_eq!(fs::read_dir(place.path().join("few")).expect("a folder").count(), 20);
    assert!(place.path().join("few.png").is_file());
    let table = fs::read_to_string(place.path().join("few.csv")).expect("a table");
    assert_eq!((table.lines().next(), table.lines().count()), (Some("path,label,represents"), 21));

    let random = place.json(&["sample", "--random", "20", "--seed", "5"]);
    assert!(figure(&found, "mean_distance") < figure(&random, "mean_distance"), "{random:#}");
    let names = place.run(&["sample", "--random", "20", "--seed", "5"]).expect(0).out;
    assert_eq!(names.lines().count(), 20);
    assert_eq!(names.lines().next(), random["chosen"][0]["path"].as_str());
    assert_ne!(names, place.run(&["sample", "--random", "20", "--seed", "6"]).expect(0).out);
    assert_eq!(place.run(&["sample", "--diverse", "999"]).expect(0).out.lines().count(), 300);
    for (args, expected) in [
        (&["sample", "--diverse", "0"][..], "expected at least 1 image"),
        (&["sample"], "expected -o FILE.png for new images"),
        (&["sample", "-o", "new.png", "--sheet", "few.png"], "expected --diverse N or --random N"),
        (&["sample", "--diverse", "3", "-o", "few.png"], "few.png: expected a name that ends in .csv"),
        (&["sample", "--diverse", "3", "--random", "3"], "cannot be used with"),
    ] {
        let error = place.run(args).expect(2).err;
        assert!(error.contains(expected), "{args:?}: {error}");
    }
}

#[test]
fn what_became_of_a_collection_is_told() {
    let place = digits();
    let at = |name: &str| place.path().join(name);
    fs::rename(at(".aesearch"), at("before")).expect("the index moves");
    fs::remove_file(at("digits/1/0000.png")).expect("gone");
    fs::rename(at("digits/2/0000.png"), at("digits/2/renamed.png")).expect("renamed");
    fs::copy(at("digits/4/0002.png"), at("digits/3/0000.png")).expect("changed");
    fs::copy(at("digits/5/0000.png"), at("digits/5/again.png")).expect("added, and the same as another");
    let stripes = (0..28 * 28).map(|i| if i % 7 < 3 { 255 } else { 0 }).collect();
    let stripes = Pixels { width: 28, height: 28, channels: 1, data: stripes };
    write_png(&at("digits/stripes.png"), &stripes).expect("added, and like nothing");
    place.run(&["index", "digits"]).expect(0);

    let found = place.json(&["diff", "before", ".", "-o", "diff.csv"]);
    assert_keys(
        &found,
        &["before", "after", "same", "added", "gone", "changed", "renamed", "near", "radius"],
    );
    let one = |name: &str| Value::from(vec![name]);
    assert_eq!(found["same"], 297);
    assert_eq!(found["added"], Value::from(vec!["digits/5/again.png", "digits/stripes.png"]));
    assert_eq!(found["gone"], one("digits/1/0000.png"));
    assert_eq!(found["changed"], one("digits/3/0000.png"));
    assert_eq!(found["renamed"][0]["from"], "digits/2/0000.png");
    assert_eq!(found["renamed"][0]["to"], "digits/2/renamed.png");
    let near = found["near"].as_array().expect("a list");
    assert_eq!(near.len(), 1, "{near:#?}");
    assert_eq!((&near[0]["path"], &near[0]["distance"]), (&"digits/5/again.png".into(), &0.into()));
    assert_eq!(fs::read_to_string(at("diff.csv")).expect("a table").lines().count(), 1 + 2 + 1 + 1 + 1 + 1);

    let text = place.run(&["diff", "before", ".aesearch", "--exit-code"]).expect(1);
    assert!(text.out.contains("> digits/2/renamed.png (was digits/2/0000.png)"), "{}", text.out);
    assert!(text.out.contains("~ digits/5/again.png (like digits/5/"), "{}", text.out);
    assert!(
        text.err.contains("297 the same, 2 added, 1 gone, 1 changed, 1 renamed; 1 of the added"),
        "{}",
        text.err
    );
    assert_eq!(place.run(&["diff", ".", ".", "--exit-code"]).expect(0).out, "");
    place.run(&["diff", "before", "nowhere"]).expect(2);

    // codes of another model say nothing about these
    place.run(&["index", "digits", "--model", "digits-128", "--index", "other"]).expect(0);
    assert_eq!(place.json(&["diff", "before", "other"])["near"], Value::Null);
}

#[test]
fn no_image_is_written_over_and_no_work_is_lost_at_its_end() {
    let place = digits();
    let image = place.path().join("digits/3/0001.png");
    let before = fs::read(&image).expect("a digit");
    for args in [
        &["map", "--method", "pca", "-o"][..],
        &["cluster", "--k", "3", "--sheet"],
        &["sample", "--diverse", "3", "--sheet"],
        &["report", "--no-duplicates", "-o"],
    ] {
        let error = place.run(&[args, &["digits/3/0001.png"]].concat()).expect(2).err;
        assert!(error.contains("expected a place to write to, got one of the images"), "{args:?}: {error}");
        let error = place.run(&[args, &["nowhere/a.png"]].concat()).expect(2).err;
        assert!(
            error.contains("nowhere/a.png: expected a file's name in a folder that is there"),
            "{args:?}: {error}"
        );
    }
    // tables over a container of images
    let copied = |name: &str| fs::copy(place.path().join("digits/3/0001.png"), place.path().join(name));
    copied("one.csv").expect("an image by another name");
    place.run(&["index", "one.csv", "--index", "one"]).expect(0);
    for args in
        [&["outliers", "--unread"][..], &["export", "--unread"], &["map"], &["sample", "--random", "1"]]
    {
        let error = place.run(&[args, &["--index", "one", "-o", "one.csv"]].concat()).expect(2).err;
        assert!(error.contains("got one of the images"), "{args:?}: {error}");
    }
    let error = place.run(&["diff", ".aesearch", "one", "-o", "one.csv"]).expect(2).err;
    assert!(error.contains("got one of the images"), "{error}");
    assert_eq!(fs::read(&image).expect("still there"), before);
    assert_eq!(fs::read(place.path().join("one.csv")).expect("still there"), before);
}

#[test]
fn more_neighbours_than_there_are_is_all_of_them() {
    let place = digits();
    let found = place.json(&["outliers", "--unread", "--neighbours", "18446744073709551615"]);
    assert_eq!(found["images"], 300);
    place
        .run(&[
            "export",
            "--unread",
            "--with",
            "neighbours",
            "--neighbours",
            "1000000000000",
            "-o",
            "all.jsonl",
        ])
        .expect(0);
    let rows = fs::read_to_string(place.path().join("all.jsonl")).expect("a table");
    let first: Value = serde_json::from_str(rows.lines().next().expect("a row")).expect("JSON");
    assert_eq!(first["neighbours"].as_array().map(Vec::len), Some(299));
}

#[test]
fn equal_images_are_one_cluster_and_their_codes_judge_labels_by_their_bits() {
    let place = Place::empty();
    for name in ["a", "b", "c", "d"] {
        let pixels = Pixels {
            width: 28,
            height: 28,
            channels: 1,
            data: (0..28 * 28).map(|i| (i % 28) as u8 * 9).collect(),
        };
        write_png(&place.path().join(format!("{name}.png")), &pixels).expect("a picture");
    }
    place.run(&["index", ".", "--model", "digits-64"]).expect(0);
    let text = place.run(&["cluster"]).expect(0).out;
    assert!(
        text.contains("in 1 cluster by k-majority, silhouette 0.000") && !text.contains("the best of"),
        "{text}"
    );
    let error = place.run(&["cluster", "--method", "hdbscan", "--k", "3"]).expect(2).err;
    assert!(error.contains("--k: expected none with hdbscan"), "{error}");

    // with codes alone, one image of another label that has the same code does not outvote all others
    let place = digits();
    fs::copy(place.path().join("digits/1/0000.png"), place.path().join("digits/7/odd.png"))
        .expect("a wrong label");
    place.run(&["index", "digits", "--index", "bits", "--no-latents"]).expect(0);
    let found = place.json(&["outliers", "--unread", "--index", "bits"]);
    let doubted: Vec<&str> = found["label_errors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|doubt| doubt["path"].as_str().expect("a path"))
        .collect();
    assert!(doubted.contains(&"digits/7/odd.png") && !doubted.contains(&"digits/1/0000.png"), "{doubted:?}");
}
