//! The shipped models: each is complete, says what it is, and still gives what it gave when it was made.

use aesearch::model::{Model, shipped_names};
use aesearch::runtime::{Runtime, RuntimeOptions, ensure};
use aesearch::train::{Golden, golden};
use {
    aesearch_models_article as article, aesearch_models_digits as digits, aesearch_models_photos as photos,
    aesearch_models_thumbnails as thumbnails,
};

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
