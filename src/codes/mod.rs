//! Codes in files: what an index would hold, for other programs and machines, and indexes of such files.
//!
//! ```text
//! paths, or a stream of images -> encode -> Parquet, Arrow, npz, JSON lines
//!                                              |
//!                                              +-> index
//! ```
//!
//! | file | what it answers |
//! |---|---|
//! | `encode` | images of paths into a file or stream |
//! | `stream` | images that arrive one after the other |
//! | `parts` | what of it is done already |
//! | `index` | an index of Parquet files |
//! | `shard` | which images are a machine's share |
//! | `row`, `head` | what is kept of an image; of all of them |
//! | `format`, `writer` | from rows to bytes |
//! | `batch`, `line`, `arrays` | the columns: of Arrow and Parquet, of JSON, of numpy |
//! | `read` | rows of a Parquet file |

mod encode;
mod index;
mod parts;
mod shard;
mod stream;

mod format;
mod head;
mod row;
mod writer;

mod arrays;
mod batch;
mod line;
mod read;

pub use encode::{Destination, EncodeOptions, EncodeReport, STREAM, encode_files};
pub use format::Format;
pub use index::index_files;
pub use line::LineDocument;
pub use row::Row;
pub use shard::Shard;
pub use stream::{Line, StreamOptions, encode_lines, encode_table};
