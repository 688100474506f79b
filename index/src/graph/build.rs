//! Builds the graph with `hnsw_rs` and reads it out through its public interface; the only file that names
//! that crate.
//!
//! Its dump format is never read or written. It draws levels from a generator with a fixed seed, so inserting
//! in order on one thread always makes the same graph from the same codes.

use hnsw_rs::prelude::{Distance, Hnsw};

/// Neighbours per node and layer (M in the paper); twice as many on layer 0.
const NEIGHBOURS: usize = 16;
/// Candidates examined per insertion (efConstruction in the paper).
const CANDIDATES: usize = 64;
const MAX_LAYERS: usize = 16;

/// Hamming distance in bits: the crate's own `DistHamming` counts unequal words.
#[derive(Clone, Copy)]
struct Hamming;

impl Distance<u64> for Hamming {
    fn eval(&self, a: &[u64], b: &[u64]) -> f32 {
        crate::kernels::distance(a, b) as f32
    }
}

/// The neighbours of every node on each of its layers, `[node][layer][..]`, from layer 0 up; never empty per
/// node.
pub(super) fn layered_neighbours(codes: &[u64], words: usize) -> Vec<Vec<Vec<u32>>> {
    let nodes = codes.len() / words;
    let hnsw = Hnsw::<u64, Hamming>::new(NEIGHBOURS, nodes, MAX_LAYERS, CANDIDATES, Hamming);
    for (i, code) in codes.chunks_exact(words).enumerate() {
        hnsw.insert_slice((code, i));
    }
    let mut read = vec![vec![Vec::new()]; nodes];
    for point in hnsw.get_point_indexation() {
        let layers = usize::from(point.get_point_id().0) + 1;
        read[point.get_origin_id()] = point
            .get_neighborhood_id()
            .into_iter()
            .take(layers) // above its level it lists the path it was inserted by, not neighbours
            .map(|layer| layer.into_iter().map(|neighbour| neighbour.d_id as u32).collect())
            .collect();
    }
    read
}
