//! t-SNE: from the neighbours of each item to positions in the plane.
//!
//! ```text
//! neighbours [n, k] -> affinity: P, sparse and symmetric ----+
//! start [n, 2] -> descent: rounds of --> attraction by P ----+-> gradient -> step -> points [n, 2]
//!                          repulsion: grid -> fourier -> grid+
//! ```
//!
//! Van der Maaten and Hinton 2008, with the schedule of openTSNE (Policar et al. 2024): early exaggeration
//! (12) and a learning rate of n / exaggeration (Belkina et al. 2019). A round costs O(n k) and a Fourier
//! transform of the map. The same input gives the same bytes with any number of threads, as parallel sums are
//! made in fixed chunks and added in order. (Other processors may round differently, as rustfft uses the
//! instructions they have.) Nothing here searches neighbours or projects new items.

mod affinity;
mod descent;
mod fourier;
mod options;
mod order;
mod repulsion;
mod spline;

use affinity::Affinities;
use order::Order;

use crate::error::{Error, Result};
use crate::observer::{Observer, Stage};

pub use options::{NeighbourLists, TsneOptions};

/// Places each item in the plane, near its neighbours: `[n, 2]`, around the origin, in units where the force
/// between two items falls off beyond a distance of 1. `start` `[n, 2]` holds initial positions, such as
/// principal components; its scale does not matter.
///
/// Two items or fewer keep the positions of the start. Items that are all equally far from all others end at
/// the same position.
///
/// # Errors
/// When the observer stops the work.
///
/// # Panics
/// When `ids` or `distances` is not `[n, k]`, with `n` the length of `start`.
pub fn embed(
    neighbours: &NeighbourLists<'_>,
    start: &[[f32; 2]],
    options: &TsneOptions,
    observer: &dyn Observer,
) -> Result<Vec<[f32; 2]>> {
    let cells = start.len() * neighbours.k;
    assert_eq!([neighbours.ids.len(), neighbours.distances.len()], [cells; 2], "expected [n, k]");
    let start = descent::placed(start, options.seed);
    if start.len() <= 2 {
        return Ok(descent::unscaled(start));
    }
    observer.stage(Stage::new("arranging", "rounds"));
    let order = Order::along(&start);
    let affinities = Affinities::new(neighbours, &order, start.len(), options.perplexity);
    let points = descent::descend(&affinities, order.arranged(&start), options, observer);
    points.map(|points| order.restored(&points)).ok_or(Error::Interrupted)
}

#[cfg(test)]
mod tests;
