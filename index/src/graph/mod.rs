//! The HNSW graph (Malkov and Yashunin, 2016) over the bucket representatives: frozen, flat, searched from
//! the map.
//!
//! | file | what it does |
//! |---|---|
//! | `walk.rs` | the frozen graph and the search through it |
//! | `beam.rs` | the candidates of one search, by integer distance |
//! | `build.rs` | lets `hnsw_rs` build a graph and reads it out |
//! | `freeze.rs` | repairs what cannot be reached, numbers the nodes by level, flattens |
//!
//! Nodes are numbered by falling level, so layer `l` is a prefix of them and needs no table: row `layers[l] +
//! node` of `offsets` bounds the node's edges. Node 0 is the entry. Ids read from the map may be anything; a
//! wrong one is skipped.

mod walk;

mod beam;

mod build;
mod freeze;

pub(crate) use freeze::{Frozen, build};
pub(crate) use walk::Graph;
