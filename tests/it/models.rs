//! The shipped models: each is complete, says what it is, and still gives what it gave when it was made.

use std::fs;
use std::path::Path;

use aesearch::model::{Model, shipped_names};
use aesearch::runtime::{Runtime, ensure, options_from};
use aesearch::train::{Golden, golden};

fn runtime() -> Runtime {
    ensure(&options_from(|name| std::env::var_os(name)), &|_| {}).expect("onnx runtime")
}

#[test]
fn every_shipped_model_gives_its_golden_values() {
    let runtime = runtime();
    for name in shipped_names() {
        let model = Model::load(name).expect(name);
        let decoder = model.decoder.as_deref().expect("a decoder");
        let now = golden(&runtime, &model.encoder, decoder, &model.metadata).expect(name);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name).join("golden.json");
        let then: Golden =
            serde_json::from_slice(&fs::read(file).expect("golden.json")).expect("a golden file");
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
