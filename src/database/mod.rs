//! Codes in PostgreSQL, where pgvector searches them: an index pushed into a table, and images searched for there.
//!
//! ```text
//! index -> rows -> what the table has already -> COPY, in batches -> table -> HNSW index of its codes
//! 7.png -> model, binarizer (as the table names them) -> code -> the nearest of the table -> re-ranked by int8 latents
//! ```
//!
//! | file | what it answers |
//! |---|---|
//! | `table.rs` | where a table is, and what its name is in SQL |
//! | `server.rs` | a connection; errors without passwords |
//! | `layout.rs` | what `aesearch_tables` says of a table; tables that are not ours |
//! | `rows.rs` | rows of an index, and whether a table has them already |
//! | `copy.rs` | the binary format of COPY |
//! | `push.rs` | an index into a table |
//! | `search.rs` | the nearest codes of a table |
//!
//! The client of PostgreSQL is behind the feature `postgres`; without it, calls say so.

mod report;
mod table;

#[cfg(feature = "postgres")]
mod copy;
#[cfg(feature = "postgres")]
mod layout;
#[cfg(feature = "postgres")]
mod push;
#[cfg(feature = "postgres")]
mod rows;
#[cfg(feature = "postgres")]
mod search;
#[cfg(feature = "postgres")]
mod server;
#[cfg(not(feature = "postgres"))]
mod without;

#[cfg(feature = "postgres")]
pub use push::push;
pub use report::{InTable, PushReport, SearchOptions};
#[cfg(feature = "postgres")]
pub use search::open_table;
pub use table::Table;
#[cfg(not(feature = "postgres"))]
pub use without::{open_table, push};
