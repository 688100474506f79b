//! The models that travel inside the program: those of the crates in `models/`, where the feature
//! `shipped-models` is on, else none.

/// As in those crates: name, encoder, decoder, card, and what it must give for a fixed image.
type Shipped = (&'static str, &'static [u8], &'static [u8], &'static str, &'static str);

#[cfg(feature = "shipped-models")]
static CRATES: [&[Shipped]; 4] = [
    &aesearch_models_digits::MODELS,
    &aesearch_models_photos::MODELS,
    &aesearch_models_thumbnails::MODELS,
    &aesearch_models_article::MODELS,
];
#[cfg(not(feature = "shipped-models"))]
static CRATES: [&[Shipped]; 0] = [];

/// All of them, in the order in which they are listed.
pub(super) fn shipped() -> impl Iterator<Item = &'static Shipped> {
    CRATES.into_iter().flatten()
}
