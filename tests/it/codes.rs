//! Binarizers from the command line: learned for a foreign encoder, fitted anew, shared by two indexes; and
//! hits told from strangers.

use aesearch::demo::collection::write_collection;
use serde_json::Value;

use crate::cli::{Place, assert_keys};
use crate::fixtures::write;
use crate::foreign::colour;

/// 300 digits, and an encoder of another program with latents of 48 numbers.
fn place() -> Place {
    let place = Place::empty();
    write_collection(place.path(), 7, 30).expect("digits can be drawn");
    write(&place.path().join("net.onnx"), &colour().file());
    place
}

#[test]
fn both_binarizers_are_tried_for_a_foreign_encoder_and_info_tells() {
    let place = place();
    let ran = place.run(&["index", "digits", "--model", "net.onnx", "--bits", "40"]).expect(0);
    ran.says("of held-out neighbourhoods");
    let info = place.json(&["info"]);
    assert_keys(&info["binarizer"], &["rule", "sha256", "fitted", "survival"]);
    let [learned, itq] = ["learned", "itq"].map(|rule| {
        let share = info["binarizer"]["survival"][rule].as_f64().expect("a share");
        assert!((0.0..=1.0).contains(&share), "{info}");
        share
    });
    assert_eq!(info["binarizer"]["rule"], if learned >= itq / 2.0 { "learned" } else { "itq" });
    assert_eq!((&info["bits"], &info["binarizer"]["fitted"]), (&40.into(), &300.into()));
    let text = place.run(&["info"]).expect(0).out;
    let sha256 = info["binarizer"]["sha256"].as_str().expect("a hash");
    assert!(text.contains(&sha256[..12]) && text.contains("of held-out neighbourhoods"), "{text}");
    assert_eq!(place.json(&["index", "digits"])["unchanged"], 300, "nothing is asked of it");
    place.run(&["index", "digits", "--bits", "32"]).expect(4).says("--refit");
    place.run(&["index", "digits", "--bits", "64"]).expect(2).says("--bits: expected 32 to 48");
}

#[test]
fn an_index_is_refitted_and_its_binarizer_shared() {
    let place = place();
    let index = |args: &[&str]| place.json(&[&["index", "--model", "net.onnx"][..], args].concat());
    index(&["digits", "--binarizer", "itq"]);
    let sha256 = |dir: &str| place.json(&["info", "--index", dir])["binarizer"]["sha256"].clone();
    let first = sha256(".aesearch");
    place
        .run(&["index", "digits", "--binarizer", "learned"])
        .expect(4)
        .says("expected itq ")
        .says("got learned");
    let learned = index(&["digits", "--binarizer", "learned", "--bits", "32", "--refit"]);
    let counts =
        |d: &Value| ["recoded", "encoded", "bytes", "unchanged"].map(|key| d[key].as_u64().unwrap_or(9));
    assert_eq!(counts(&learned), [300, 0, 0, 300]);
    assert_eq!(learned["model"]["bits"], 32);
    assert_ne!(sha256(".aesearch"), first);
    assert_eq!(counts(&index(&["digits", "--binarizer", "learned", "--refit"]))[0], 0, "the same once more");

    // two ways to share it
    place.run(&["info", "--save-binarizer", "codes.bin"]).expect(0);
    for (dir, from) in [("one", ".aesearch"), ("two", "codes.bin")] {
        index(&["digits/7", "--index", dir, "--binarizer", from]);
        assert_eq!(sha256(dir), sha256(".aesearch"));
    }
    assert!(place.json(&["diff", "one", ".aesearch"])["near"].is_array());
    index(&["digits/7", "--index", "three", "--binarizer", "itq"]);
    let apart = place.run(&["diff", "one", "three"]).expect(0);
    apart.says("codes of different binarizers, learned ").says("--refit");
    assert!(place.json(&["diff", "one", "three"])["near"].is_null());
    place
        .run(&["index", "digits/7", "--index", "one", "--binarizer", "three"])
        .expect(4)
        .says("expected learned");
    place
        .run(&["index", "digits", "--index", "four", "--binarizer", "codes.bin"])
        .expect(4)
        .says("for the model");
    place
        .run(&["index", "digits", "--index", "four", "--binarizer", "7.png"])
        .expect(4)
        .says("binarizer: expected");
}

#[test]
fn hits_are_told_from_strangers() {
    let place = place();
    place.run(&["index", "digits", "--model", "digits-64"]).expect(0);
    let info = place.json(&["info"]);
    assert_keys(&info["strangers"], &["images", "quantiles", "nearest", "nearer"]);
    let nearer = info["strangers"]["nearer"].as_f64().expect("a similarity");
    assert!(place.run(&["info"]).expect(0).out.contains("random pairs"));
    let hits = |args: &[&str]| place.json(args)["queries"][0]["hits"].as_array().expect("hits").clone();
    let all = hits(&["query", "7.png", "-k", "300", "--rerank", "300"]);
    let is_near = |hit: &Value| hit["near"].as_bool().expect("it was measured");
    assert!(all.iter().all(|hit| is_near(hit) == (hit["similarity"].as_f64().unwrap_or(9.0) > nearer)));
    let near = all.iter().filter(|hit| is_near(hit)).count();
    assert!((1..300).contains(&near), "{near} of 300");
    assert_eq!(hits(&["query", "7.png", "-k", "300", "--rerank", "300", "--only-near"]).len(), near);
    let text = place.run(&["query", "7.png", "-k", "300", "--rerank", "300"]).expect(0).out;
    let line = text.lines().position(|line| line == "-- no nearer than strangers --");
    assert_eq!(line, Some(near + 1), "below the heading and the near hits");
    place.run(&["query", "7.png", "--exit-code"]).expect(0);

    // a picture that is like nothing here
    let noise = (0..28 * 28).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let noise = aesearch::images::Pixels { width: 28, height: 28, channels: 1, data: noise };
    aesearch::images::write_png(&place.path().join("noise.png"), &noise).expect("it is written");
    let lonely = !hits(&["query", "noise.png"]).iter().any(is_near);
    place.run(&["query", "noise.png", "--exit-code"]).expect(i32::from(lonely));
    assert_eq!(hits(&["query", "noise.png", "--only-near"]).is_empty(), lonely);
    place
        .run(&["query", "noise.png", "--radius", "0", "--exit-code"])
        .expect(1)
        .says("no neighbour within reach");
}
