//! t-SNE: here is who is near to whom, where do all of them stand on a map?
//!
//! ```text
//! neighbours [n, k] -> affinity: P, sparse and symmetric ----+
//! start [n, 2] -> descent: rounds of --> attraction by P ----+-> gradient -> step -> points [n, 2]
//!                          repulsion: grid -> fourier -> grid+
//! ```
//!
//! Van der Maaten and Hinton 2008, in the schedule of openTSNE (Policar et al. 2024): early exaggeration (12) and a learning rate of
//! n / exaggeration (Belkina et al. 2019). One round costs O(n k) and a Fourier transform of the map. The same input gives the same
//! bytes on any number of threads: what is summed in parallel is summed in fixed chunks, and those in order. (Other processors may
//! round otherwise, as rustfft takes what instructions there are.) It neither searches neighbours nor projects new items.

mod affinity;
mod descent;
mod fourier;
mod order;
mod repulsion;
mod spline;

use affinity::Affinities;
use order::Order;

/// The nearest others of each item, by whatever means they were found.
#[derive(Debug, Clone, Copy)]
pub struct Neighbours<'a> {
    /// Neighbours of each.
    pub k: usize,
    /// Rows, `[n, k]`, the nearest first; `u32::MAX` where there are fewer. An item itself, and what is not an item, is passed over.
    pub ids: &'a [u32],
    /// Their Euclidean distances, `[n, k]`, in any unit. (Of a cosine similarity s, that of the unit vectors is sqrt(2 - 2 s).) What
    /// is not finite is passed over.
    pub distances: &'a [f32],
}

/// How to embed; the defaults are openTSNE's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TsneOptions {
    /// How many neighbours count, softly; of 3 times as many the distances are looked at. Where fewer are given, a third of these
    /// are what counts.
    pub perplexity: f32,
    /// Rounds in which items attract each other `early_exaggeration` times as much, so that clusters find together.
    pub early_rounds: usize,
    /// Rounds after these.
    pub rounds: usize,
    /// See `early_rounds`.
    pub early_exaggeration: f32,
    /// The same for `rounds`; more than 1 draws clusters together, which helps to see something among a million of items.
    pub exaggeration: f32,
    /// The part of a step that is made again in the next one, in `early_rounds`.
    pub early_momentum: f32,
    /// The same in `rounds`.
    pub momentum: f32,
    /// Of the noise that parts items which start at the same place.
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

/// Places each item in the plane, near to its neighbours: `[n, 2]`, about the origin, in units where the force between two items falls
/// off from a distance of 1. `start` `[n, 2]` says where they come from, as principal components do; its scale does not matter.
///
/// `observer` is told after each round how many of how many are done; where it answers false, there is no map. Two items are as far from
/// each other as they like, whatever the distance: their places are those of the start, and there are no rounds. Rows which are all
/// equally far from all others have no reason to part, and come to lie at one place.
///
/// # Panics
/// When `ids` or `distances` is not `[n, k]`, with `n` the length of `start`.
pub fn embed(
    neighbours: &Neighbours<'_>,
    start: &[[f32; 2]],
    options: &TsneOptions,
    observer: &dyn Fn(usize, usize) -> bool,
) -> Option<Vec<[f32; 2]>> {
    let cells = start.len() * neighbours.k;
    assert_eq!([neighbours.ids.len(), neighbours.distances.len()], [cells; 2], "expected [n, k]");
    let start = descent::placed(start, options.seed);
    if start.len() <= 2 {
        return Some(descent::unscaled(start));
    }
    let order = Order::along(&start);
    let affinities = Affinities::new(neighbours, &order, start.len(), options.perplexity);
    let points = descent::descend(&affinities, order.arranged(&start), options, observer)?;
    Some(order.restored(&points))
}

#[cfg(test)]
mod tests;
