//! The shipped models: each is complete, says what it is, and still gives what it gave when it was made. And
//! models in int8, made from them.

use aesearch::model::{Model, shipped_names};
use aesearch::runtime::{Runtime, RuntimeOptions, ensure};
use aesearch::train::{Golden, golden};
use {
    aesearch_models_article as article, aesearch_models_digits as digits, aesearch_models_photos as photos,
    aesearch_models_thumbnails as thumbnails,
};

use crate::cli::{Place, assert_keys};

fn runtime() -> Runtime {
    ensure(&RuntimeOptions::from_env(), &()).expect("onnx runtime")
}

#[test]
fn every_shipped_model_gives_its_golden_values() {
    let runtime = runtime();
    let kept = [&digits::MODELS[..], &photos::MODELS, &thumbnails::MODELS, &article::MODELS].concat();
    assert!(shipped_names().eq(kept.iter().map(|(name, ..)| *name)));
    for name in shipped_names() {
        let model = Model::load(name).expect(name);
        let decoder = model.decoder.as_deref().expect("a decoder");
        let now = golden(&runtime, &model.encoder, decoder, &model.metadata).expect(name);
        let then = kept.iter().find(|(known, ..)| *known == name).expect(name).4;
        let then: Golden = serde_json::from_str(then).expect("a golden file");
        assert_eq!(now.encoder_sha256, then.encoder_sha256, "{name}");
        assert_eq!(now.encoder_sha256, model.sha256, "{name}");
        assert_eq!(now.latent.len(), then.latent.len(), "{name}");
        for (a, b) in now.latent.iter().zip(&then.latent) {
            assert!((a - b).abs() < 1e-3, "{name}: latent {a}, golden {b}");
        }
        assert!((now.reconstruction_mean - then.reconstruction_mean).abs() < 1e-4, "{name}");
    }
}

#[test]
fn every_shipped_model_has_a_card_with_its_command() {
    for name in shipped_names() {
        let model = Model::load(name).expect(name);
        assert_eq!(model.metadata.name, name);
        let card = model.card.expect("a card");
        for part in ["Command: `aesearch train ", "Seed ", "epoch", "## Metrics"] {
            assert!(card.contains(part), "{name}: the card lacks {part}");
        }
    }
}

#[test]
fn a_model_in_int8_is_another_model() {
    let place = Place::with_digits();
    let made = place.json(&["model", "quantize", "digits-64", "-o", "small"]);
    let keys =
        ["family", "calibration_images", "held_out_images", "ms_float", "ms_int8", "model_dir", "skipped"];
    assert_keys(&made, &keys);
    assert_eq!((&made["name"], &made["held_out_images"]), (&"digits-64-int8".into(), &512.into()));
    let overlap = made["overlap"].as_f64().expect("a share");
    assert!((0.9..1.0).contains(&overlap), "{overlap}");

    let shown = place.json(&["model", "show", "small"]);
    assert_eq!((&shown["sha256"], &shown["latent_size"]), (&made["sha256"], &64.into()));
    assert!((shown["int8_overlap"].as_f64().expect("a share") - overlap).abs() < 1e-3);
    assert!(shown["card"].as_str().is_some_and(|card| card.contains(" ms an image, ")), "{shown}");
    assert!(place.run(&["model", "show", "small"]).expect(0).out.contains("of the ten nearest"));

    let indexed = place.json(&["index", "digits", "--model", "small"]);
    assert_eq!(indexed["model"]["sha256"], made["sha256"]);
    assert_eq!(place.json(&["query", "7.png", "--k", "1"])["queries"][0]["hits"][0]["label"], "7");
    let float = ["query", "7.png", "--model", "digits-64"];
    place.run(&float).expect(4).says("model: expected digits-64-int8 (sha256");
    place.run(&["reconstruct", "digits", "--model", "small", "-o", "seen.png"]).expect(0);

    place.run(&["model", "quantize", "photos", "-o", "other"]).expect(2).says("--images: expected photos");
    place.run(&["model", "quantize", "small", "-o", "other"]).expect(2).says("got int8 already");
    place
        .run(&["model", "quantize", "article-dense", "-o", "other"])
        .expect(2)
        .says("conv-hash, conv, vae or aae), got dense");
    place
        .run(&["train", "digits", "--from", "small", "-o", "other"])
        .expect(2)
        .says("--from: digits-64-int8");
    assert!(!place.path().join("other").exists());
}
