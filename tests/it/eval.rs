//! `aesearch eval` on drawn digits: the gallery asking itself, other images asking, and what is said without
//! labels.

use std::fs;

use aesearch::demo::collection::write_collection;
use serde_json::Value;

use crate::cli::{Place, assert_keys};

/// Figures of the document that only labels can give.
const JUDGED: [&str; 7] = [
    "map_all",
    "map_1000",
    "precision_10",
    "precision_100",
    "precision_radius_2",
    "knn10_accuracy",
    "reranked_knn10_accuracy",
];

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

/// All figures are there, are shares, and say what drawn digits are known to give.
#[track_caller]
fn assert_digits(document: &Value, queries: u64) {
    assert_eq!((&document["images"], &document["queries"]), (&300.into(), &queries.into()));
    for key in JUDGED {
        assert!((0.0..=1.0).contains(&figure(document, key)), "{key}");
    }
    assert!(figure(document, "map_all") > 0.6 && figure(document, "knn10_accuracy") > 0.9);
    assert!(figure(document, "recall_10") > 0.95);
    let promises = document["recall_promises"].as_array().expect("a list");
    assert_eq!(promises.len(), 4);
    for promise in promises {
        assert_eq!(promise["kept"], true, "{promise}");
        assert!(figure(promise, "measured") >= figure(promise, "asked") - 0.005);
    }
    let at = |first: &str| figure(&document["recall_10_at"], first);
    assert!(at("10") > 0.3 && at("10") < at("100"), "{document:#}");
    assert!((at("1000") - 1.0).abs() < 1e-9, "there are but 300 codes");

    let baselines = &document["baselines"];
    for name in ["latents", "pixels", "pca_itq"] {
        assert_eq!(baselines[name]["queries"], queries, "{name}");
        assert!(figure(&baselines[name], "map_all") > 0.5, "{name}");
        assert!(figure(&baselines[name], "knn10_accuracy") > 0.8, "{name}");
        assert_keys(&baselines[name], &["map_1000", "precision_10", "precision_100"]);
    }
    assert_keys(&baselines["pca_itq"], &["precision_radius_2"]);
}

#[track_caller]
fn assert_without_labels(document: &Value) {
    let facts = &document["without_labels"];
    assert_eq!(facts["dead_bits"], 0);
    let effective = figure(facts, "effective_bits");
    assert!((5.0..64.0).contains(&effective), "{effective} effective bits");
    assert!((0.01..0.3).contains(&figure(facts, "reconstruction_loss")));
    let view = &facts["own_view"];
    assert_eq!(view["images"], 300);
    assert!(figure(view, "own_distance") < figure(view, "random_distance") / 2.0);
    assert!(figure(view, "auc") > 0.9);
    assert!(facts["note"].as_str().is_some_and(|note| note.contains("none of these is retrieval quality")));
}

#[test]
fn a_gallery_asks_itself_and_others_ask_it() {
    let place = digits();
    let own = place.json(&["eval"]);
    assert_digits(&own, 300);
    assert_without_labels(&own);

    write_collection(&place.path().join("others"), 8, 5).expect("digits can be drawn");
    let asked = place.json(&["eval", "others/digits"]);
    assert_digits(&asked, 50);
    assert_eq!(asked["without_labels"], own["without_labels"]);
    assert_eq!(place.json(&["eval", "--max-queries", "20"])["queries"], 20);

    let text = place.run(&["eval"]).expect(0).out;
    for word in ["codes", "float latents", "raw pixels", "PCA+ITQ", "effective bits", "is retrieval quality"]
    {
        assert!(text.contains(word), "{word} is missing in\n{text}");
    }
}

#[test]
fn an_index_with_gaps_is_examined_as_one_without() {
    let place = digits();
    place.run(&["index", "digits/7", "digits/3", "--index", "two"]).expect(0);
    place.run(&["remove", "digits/3", "--index", "two"]).expect(0);
    place.run(&["index", "digits/3", "digits/4", "--index", "two"]).expect(0);
    place.run(&["remove", "digits/4", "digits/7/0001.png", "--index", "two"]).expect(0);
    let info = place.json(&["info", "--index", "two"]);
    assert!(info["removed"].as_u64() > Some(0), "{info}");
    place.run(&["index", "digits/3", "digits/7/0000.png", "--index", "one"]).expect(0);
    place.run(&["index", "digits/7", "--index", "one"]).expect(0);
    place.run(&["remove", "digits/7/0001.png", "--index", "one"]).expect(0);
    place.run(&["compact", "--index", "one"]).expect(0);
    let [two, one] = ["two", "one"].map(|index| place.json(&["eval", "--index", index]));
    for key in
        ["images", "queries", "map_all", "precision_10", "knn10_accuracy", "recall_10_at", "recall_promises"]
    {
        assert_eq!(two[key], one[key], "{key}");
    }
    assert_eq!(two["images"], 59);
    assert_eq!(two["without_labels"]["distinct_codes"], one["without_labels"]["distinct_codes"]);
}

#[test]
fn without_labels_or_images_the_rest_is_said() {
    let place = digits();
    fs::create_dir(place.path().join("flat")).expect("a folder");
    for digit in 0..10 {
        for number in 0..30 {
            let from = place.path().join(format!("digits/{digit}/{number:04}.png"));
            fs::copy(from, place.path().join(format!("flat/{digit}-{number}.png"))).expect("copies");
        }
    }
    place.run(&["index", "flat", "--index", "unlabelled"]).expect(0);
    let unlabelled = place.json(&["eval", "--index", "unlabelled"]);
    for key in JUDGED {
        assert!(unlabelled[key].is_null(), "{key}");
    }
    for name in ["latents", "pixels", "pca_itq"] {
        assert!(unlabelled["baselines"][name].is_null(), "{name}");
    }
    assert!(figure(&unlabelled["recall_10_at"], "100") > 0.5);
    assert_without_labels(&unlabelled);

    fs::remove_dir_all(place.path().join("digits")).expect("the images go");
    let gone = place.json(&["eval"]);
    assert!(figure(&gone, "map_all") > 0.6);
    assert!(gone["baselines"]["latents"].is_object() && gone["baselines"]["pixels"].is_null());
    assert!(gone["without_labels"]["own_view"].is_null());
    assert!(gone["without_labels"]["reconstruction_loss"].is_null());
}
