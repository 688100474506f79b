//! The verbs that ask an index: `query`, `eval`, `doctor`.

use std::path::PathBuf;

use clap::Args;

use super::indexing::{Described, Walking};
use super::shared::{Compute, CsvArg, InvertArg, LabelsArg, Reading, Readings, WhereArg};

#[derive(Debug, Args)]
#[command(
    after_help = "Rank goes by similarity, which compares latents; distance counts the bits in which codes differ. \
                  An image that is missing or cannot be read is skipped, and the others are answered (exit code 3).\n\n\
                  With --stdin, each line of the answer holds line (of the input, from 1), id (as given), path, and hits, \
                  mode, inverted, seconds as below, or error. Answers come as soon as they are there: a program can ask one \
                  question at a time, or send many at once, which are then encoded together.\n\n\
                  JSON: queries [{path, hits [{rank, path, label, distance, similarity, near}], mode, inverted, seconds}], skipped; with several indexes, hits \
                  have an `index`. \
                  `distance` is the Hamming distance of the codes, in bits. `similarity`, -1 to 1, is the cosine of the latents, \
                  in 8 bits a number; where codes were learned from the collection, 0.75 x that cosine + 0.25 x (1 - 2 x \
                  distance / bits); in an index without latents, 1 - 2 x distance / bits. `near` says whether a hit is nearer \
                  than a stranger; null where that was not measured."
)]
pub(in crate::cli) struct Query {
    /// Image files, or anything `index` takes; - is an image on standard input
    #[arg(required_unless_present_any = ["files_from", "stdin"], value_name = "IMAGE")]
    pub(in crate::cli) images: Vec<PathBuf>,
    /// Answer JSON lines on standard input, each a path or {"path": ..., "id": ...}, with JSON lines in the same
    /// order, as they come
    #[arg(long, conflicts_with_all = ["images", "files_from", "null", "sheet"])]
    pub(in crate::cli) stdin: bool,
    #[command(flatten)]
    pub(in crate::cli) reading: Readings,
    /// Search a table of PostgreSQL that `push` filled, instead of an index: postgres://USER@HOST:PORT/DATABASE
    #[arg(long, value_name = "URL", conflicts_with_all = ["expression"])]
    pub(in crate::cli) via: Option<String>,
    /// The table for --via, or SCHEMA.TABLE [default: images]
    #[arg(long, value_name = "TABLE", requires = "via")]
    pub(in crate::cli) table: Option<String>,
    /// With --via, how many codes pgvector keeps in view, 1 to 1000: more is slower, and finds more [default: 400]
    #[arg(long, value_name = "N", requires = "via", conflicts_with = "exact")]
    pub(in crate::cli) ef_search: Option<u32>,
    /// Neighbours per image [default: 10]
    #[arg(short, long, value_name = "N", env = "AESEARCH_K", hide_env_values = true)]
    pub(in crate::cli) k: Option<usize>,
    /// Recall to aim for, 0 to 1 [default: 0.99]
    #[arg(long, value_name = "R", env = "AESEARCH_RECALL", hide_env_values = true)]
    pub(in crate::cli) recall: Option<f32>,
    /// Compare with every code: exact, slower
    #[arg(long)]
    pub(in crate::cli) exact: bool,
    /// The index's model, if it has moved
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) model: Option<String>,
    /// Only neighbours within this Hamming distance
    #[arg(long, value_name = "BITS")]
    pub(in crate::cli) radius: Option<u32>,
    #[command(flatten)]
    pub(in crate::cli) labels: LabelsArg,
    #[command(flatten)]
    pub(in crate::cli) only: WhereArg,
    /// Re-rank this many of the nearest images, and ties with the last, by their similarity; 0 is off
    /// [default: 200]
    #[arg(long, value_name = "N", env = "AESEARCH_RERANK", hide_env_values = true)]
    pub(in crate::cli) rerank: Option<usize>,
    #[command(flatten)]
    pub(in crate::cli) invert: InvertArg,
    /// Leave out the query itself, where the index holds it
    #[arg(long)]
    pub(in crate::cli) no_self: bool,
    /// Write the hits to this table instead, as .csv, .json, .jsonl, .npz or .parquet; with --stdin the lines, as
    /// .jsonl
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) csv: CsvArg,
    /// Draw queries and neighbours into this PNG file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) sheet: Option<PathBuf>,
    /// Search with the mean latent of the whole image, its middle and its corners: six times the work
    #[arg(long)]
    pub(in crate::cli) crops: bool,
    /// Leave out hits that are no nearer than strangers
    #[arg(long)]
    pub(in crate::cli) only_near: bool,
    /// Exit with 1 when an image has no neighbour that is nearer than a stranger
    #[arg(long)]
    pub(in crate::cli) exit_code: bool,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
    #[command(flatten)]
    pub(in crate::cli) walking: Walking,
    #[command(flatten)]
    pub(in crate::cli) described: Described,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Labels are folder names, or those beside an IDX file. Figures for codes are exact means over all orders \
                  of items at the same distance. mAP ranks the whole index; mAP@1000 is the mean precision at the relevant \
                  items among the first 1,000; radius 2 is the precision within 2 bits, where a query with nothing that \
                  near counts as 0; kNN-10 lets the 10 nearest vote. The baselines are exact search by the cosine of \
                  the latents and by pixel distance (32x32 at most), and codes of as many bits made from the pixels by \
                  PCA and ITQ. A bit is dead when more than 99.9 % of the images agree in it; effective bits are \
                  the entropies of the bits minus what correlated bits repeat.\n\n\
                  JSON: images, queries, bits, map_all, map_1000, precision_10, precision_100, precision_radius_2, \
                  knn10_accuracy, reranked_knn10_accuracy (the answers of `query`), recall_10 (graph against all codes), recall_promises [{asked, measured, kept}], \
                  recall_10_at {10, 100, 1000} (of the 10 nearest latents, among so many codes), baselines {latents, \
                  pixels, pca_itq}, without_labels {distinct_codes, dead_bits, effective_bits, reconstruction_loss, own_view \
                  {images, own_distance, random_distance, auc}, note}, skipped. What needs labels or images that are \
                  not there is null."
)]
pub(in crate::cli) struct Eval {
    /// Labelled images to query with [default: those of the index, each excluding itself]
    #[arg(value_name = "DATA")]
    pub(in crate::cli) queries: Vec<PathBuf>,
    /// Query with at most this many images, spread evenly [default: 10,000]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) max_queries: Option<usize>,
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    #[command(flatten)]
    pub(in crate::cli) labels: LabelsArg,
    /// The index's model, if it has moved
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) model: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
    #[command(flatten)]
    pub(in crate::cli) described: Described,
}

#[derive(Debug, Args)]
#[command(
    after_help = "JSON: index, images, distinct_codes, segments, removed, bits, latent_size, model {name, sha256, source, bits}, \
                  binarizer {rule, sha256, fitted, survival {learned, itq}}, strangers {images, quantiles, nearest, nearer}, \
                  inverted, frames, video, index_bytes, columns {name: images whose file knows it}, recall_curve, exact_microseconds. `survival` is how much of the neighbourhood of held-out images survives, 0 to 1 \
                  (e to the minus divergence of neighbours by code from those by latent), where both binarizers were tried. `quantiles` are similarities that 16, 50, 84 and 99 % of random pairs stay below, `nearest` is what 98 % of the images reach with their \
                  nearest neighbour; above `nearer` a hit is no stranger."
)]
pub(in crate::cli) struct Info {
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    /// Write the binarizer to this file, for `index --binarizer` elsewhere
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) save_binarizer: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Doctor {
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
}
