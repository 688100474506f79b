//! What callers ask for, and what they are told.

use crate::gallery::{Facts, Store};

/// What a push did.
#[derive(Debug, Clone)]
pub struct PushReport {
    /// The server, the database and the table.
    pub place: String,
    /// Rows in the table that are of the index.
    pub images: usize,
    /// Rows that came.
    pub added: usize,
    /// Rows whose content, label or code is another.
    pub changed: usize,
    /// Rows that stayed as they were, and were not written.
    pub unchanged: usize,
    /// Rows whose image is no longer in the index.
    pub removed: usize,
    /// Bits per code.
    pub bits: usize,
    /// Numbers per latent; 0 where there are none, so that hits stay in the order of their codes.
    pub latent_size: usize,
    /// Whether the search index over the codes was built now.
    pub built: bool,
    /// Wall time until all rows were written.
    pub push_seconds: f64,
    /// Of building the search index.
    pub build_seconds: f64,
    /// Whether it was stopped; the same call goes on.
    pub interrupted: bool,
}

/// How a table is searched.
#[derive(Debug, Clone)]
pub struct SearchOptions {
    /// pgvector's `hnsw.ef_search`, 1 to 1000: how many codes are kept in view. More is slower, and finds more.
    pub ef_search: u32,
}

impl Default for SearchOptions {
    fn default() -> Self {
        SearchOptions { ef_search: 400 }
    }
}

/// A table that can be searched, by [`Gallery::of_store`](crate::gallery::Gallery::of_store).
pub struct InTable {
    /// The server, the database and the table.
    pub place: String,
    /// By what its codes were made.
    pub facts: Facts,
    /// Whether all rows of the index that was pushed last are there.
    pub is_complete: bool,
    /// Its codes.
    pub store: Box<dyn Store>,
}
