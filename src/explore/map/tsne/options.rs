//! What t-SNE gets: neighbours, and how to embed them.

/// The nearest other items of each item, however they were found.
#[derive(Debug, Clone, Copy)]
pub struct NeighbourLists<'a> {
    /// The number of neighbours of each item.
    pub k: usize,
    /// Item numbers, `[n, k]`, the nearest first; `u32::MAX` where there are fewer. An item itself and
    /// invalid numbers are ignored.
    pub ids: &'a [u32],
    /// Their Euclidean distances, `[n, k]`, in any unit; those that are not finite are ignored. (Unit vectors
    /// with cosine s have the distance sqrt(2 - 2 s).)
    pub distances: &'a [f32],
}

/// How to embed; the defaults are openTSNE's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TsneOptions {
    /// The effective number of neighbours; three times as many are used. Where fewer are given, a third of
    /// those.
    pub perplexity: f32,
    /// Rounds in which attraction is `early_exaggeration` times as strong, so that clusters form.
    pub early_rounds: usize,
    /// Rounds after these.
    pub rounds: usize,
    /// See `early_rounds`.
    pub early_exaggeration: f32,
    /// The same for `rounds`; more than 1 makes clusters denser, which helps with a million items.
    pub exaggeration: f32,
    /// The share of a step that is repeated in the next one, in `early_rounds`.
    pub early_momentum: f32,
    /// The same in `rounds`.
    pub momentum: f32,
    /// Seed of the noise that separates items with the same start.
    pub seed: u64,
}

impl Default for TsneOptions {
    fn default() -> TsneOptions {
        TsneOptions {
            perplexity: 30.0,
            early_rounds: 250,
            rounds: 500,
            early_exaggeration: 12.0,
            exaggeration: 1.0,
            early_momentum: 0.8,
            momentum: 0.8,
            seed: 0,
        }
    }
}
