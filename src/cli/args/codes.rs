//! The verbs that take codes elsewhere: `encode` into files, `push` into a database.

use std::path::PathBuf;

use clap::Args;

use super::encoding::Coding;
use super::indexing::{Described, Walking};
use super::shared::{Compute, Reading};

#[derive(Debug, Args)]
#[command(
    after_help = "The codes are those of `index` with the same options, byte for byte, and need no index. All shards of DATA \
                  decide on the same model and binarizer, as they look at the same sample of all of it; with --binarizer INDEX \
                  nothing is decided, and the sample is not encoded. An image belongs to a shard by the hash of its name: \
                  shards are of nearly the same size, and images stay in theirs when others come and go, as long as paths are \
                  spelled the same way on all machines.\n\n\
                  FILE appears when all is done. What a run has done is kept in the folder .FILE.parts beside it, which the \
                  next run with the same images and options goes on from; the bytes of FILE do not depend on that. \
                  See docs/scale.md for the columns.\n\n\
                  JSON: output, format, shard, images, resumed, skipped, model {name, sha256, bits}, binarizer {rule, sha256}, \
                  inverted, bytes, output_bytes, seconds, interrupted."
)]
pub(in crate::cli) struct Encode {
    /// Folders, image files, or containers, as for `index`; - reads paths from standard input
    #[arg(required_unless_present_any = ["files_from", "stdin"])]
    pub(in crate::cli) data: Vec<PathBuf>,
    /// Write to this file, .parquet, .arrow, .npz or .jsonl; - is standard output [default with --stdin: -]
    #[arg(short, long, value_name = "FILE", required_unless_present = "stdin")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// parquet, arrow (the stream format of Apache Arrow), npz (numpy) or jsonl [default: by the end of FILE, else
    /// jsonl]
    #[arg(long, value_name = "FORMAT")]
    pub(in crate::cli) format: Option<String>,
    /// Only the images of this share, as 1/8 to 8/8
    #[arg(long, value_name = "I/N", conflicts_with = "stdin")]
    pub(in crate::cli) shard: Option<String>,
    /// Encode images on standard input as they come. lines [default]: JSON, each a path or {"path": ..., "bytes":
    /// Base64, "label": ..., "id": ...}; framed: a length of 4 bytes, little-endian, and a name, then a length and the
    /// image file, of length 0 where the name is a path to be read. Images are taken as they are unless --invert or the
    /// index of --binarizer say otherwise
    #[arg(
        long,
        value_name = "lines|framed",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "lines",
        conflicts_with_all = ["data", "files_from", "null"]
    )]
    pub(in crate::cli) stdin: Option<String>,
    /// Add a column of fingerprints, by which `dedupe` compares images; each image is decoded a second time
    #[arg(long)]
    pub(in crate::cli) fingerprints: bool,
    #[command(flatten)]
    pub(in crate::cli) coding: Coding,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
    #[command(flatten)]
    pub(in crate::cli) walking: Walking,
    #[command(flatten)]
    pub(in crate::cli) described: Described,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The table has a row for each image of the index: path, path_bytes (where the path is not UTF-8), hash, \
                  width, height, label, code, latent, latent_scale. It is made on the first run; later ones write rows whose \
                  file, label or code is another, and delete those whose image left the index. Rows are committed in \
                  batches, so that a run which was ended goes on where it was. When all rows of a new table are there, \
                  pgvector builds its search index. `query --via URL` searches the table; in SQL, \
                  aesearch_neighbours(code, k) does.\n\n\
                  The table aesearch_tables, in the same schema, names model and binarizer of each; codes of others are \
                  refused. Needs pgvector 0.8 or later on the server. TLS is not built in. A password is taken from \
                  PGPASSWORD where URL has none. See docs/postgres.md.\n\n\
                  JSON: table, images, added, changed, unchanged, removed, bits, latent_size, search_index_built, \
                  push_seconds, build_seconds, interrupted."
)]
pub(in crate::cli) struct Push {
    /// postgres://USER@HOST:PORT/DATABASE
    #[arg(value_name = "URL")]
    pub(in crate::cli) url: String,
    /// The table, or SCHEMA.TABLE
    #[arg(long, value_name = "TABLE", default_value = "images")]
    pub(in crate::cli) table: String,
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
}
