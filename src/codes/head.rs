//! What a file of codes says about all of its rows: by what they were made.
//!
//! The metadata of Parquet and Arrow files has the names and hashes of model and binarizer as texts, and all facts that
//! an index keeps under `aesearch.facts`, in Base64: so an index can be made of the file alone.

use super::batch::Layout;
use crate::error::{Error, Result};
use crate::gallery::Facts;
use crate::output::{base64, from_base64};

/// The key of the facts.
pub(super) const FACTS: &str = "aesearch.facts";

/// What holds for all rows.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) facts: Facts,
    pub(super) layout: Layout,
}

impl Head {
    /// For rows of these facts, with latents or without, with fingerprints or without.
    pub(super) fn new(facts: &Facts, latents: bool, fingerprints: bool) -> Head {
        let binarizer = &facts.codes.binarizer;
        let latent_size = if latents { binarizer.latent_size() } else { 0 };
        Head { facts: facts.clone(), layout: Layout { bits: binarizer.bits(), latent_size, fingerprints } }
    }

    /// Names and values, sorted.
    pub(super) fn metadata(&self) -> Vec<(String, String)> {
        let Facts { model, codes, polarity, .. } = &self.facts;
        let binarizer = &codes.binarizer;
        [
            ("aesearch.binarizer", binarizer.rule().to_string()),
            ("aesearch.binarizer_sha256", binarizer.sha256()),
            ("aesearch.bits", self.layout.bits.to_string()),
            (FACTS, base64(&self.facts.to_bytes())),
            ("aesearch.inverted", polarity.inverted.to_string()),
            ("aesearch.latent_size", self.layout.latent_size.to_string()),
            ("aesearch.model", model.name.clone()),
            ("aesearch.model_sha256", model.sha256.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

/// The facts in the metadata of a file; `place` is for messages.
///
/// # Errors
/// `Damaged` when they are no facts, `Version` when a newer program wrote them.
pub(super) fn facts_in(text: &str, place: &str) -> Result<Facts> {
    let what = "aesearch.facts: expected what `encode` wrote, got something else";
    let bytes = from_base64(text).ok_or_else(|| Error::damaged(place, what))?;
    Facts::from_bytes(&bytes, place)
}
