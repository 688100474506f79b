//! The command line as typed: clap's view of verbs and flags, nothing decided yet.
//!
//! Every flag that has a default is an `Option` here; `resolve` puts flags, AESEARCH_* variables (read by
//! clap, so that `--help` names them) and `aesearch.toml` together. Names are fixed: scripts and
//! `aesearch.toml` files of users rely on them.

mod shared;

mod codes;
mod encoding;
mod indexing;
mod models;
mod search;

mod dedupe;
mod explore;
mod pictures;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(super) use codes::{Encode, Push};
pub(super) use dedupe::{Apply, Check, Decide, Dedupe, DedupeVerb, Evaluate, Photos, Scan, Undo};
pub(super) use encoding::Coding;
pub(super) use explore::{Cluster, Diff, Export, Grouping, Map, Outliers, Report};
pub(super) use indexing::{Described, Index, Merge, Opened, Publish, Remove, Walking};
pub(super) use models::{Demo, Import, Model, Quantize, Runtime, Train};
pub(super) use pictures::{Denoise, Latent, Reconstruct, Sample};
pub(super) use search::{Doctor, Eval, Info, Query};
pub(super) use shared::{
    Compute, DeviceArg, IndexDir, InvertArg, LabelsArg, Looking, Reading, Readings, Threads, WhereArg,
};

use super::print::When;

/// Similarity search for image collections: train a small autoencoder, hash its latents, find similar images.
#[derive(Debug, Parser)]
#[command(name = "aesearch", version, max_term_width = 100)]
#[command(after_help = "Start with `aesearch demo`: it draws digits, indexes them and searches for a 7.")]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Flags that every verb takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Print no notes and no progress bars
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Print details on stderr: what is used, where it was found, how long it took
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    /// Colours: auto [default], always, never; respects NO_COLOR
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        env = "AESEARCH_COLOR",
        hide_env_values = true,
        hide_possible_values = true
    )]
    pub(super) color: Option<When>,
    /// Progress bars on stderr: auto [default], always, never
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        env = "AESEARCH_PROGRESS",
        hide_env_values = true,
        hide_possible_values = true
    )]
    pub(super) progress: Option<When>,
    /// The ONNX Runtime library to use, instead of finding or downloading one (ORT_DYLIB_PATH)
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) ort_lib: Option<PathBuf>,
    /// Never download anything (AESEARCH_OFFLINE=1)
    #[arg(long, global = true)]
    pub(super) offline: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Draw a set of digits, index it, and search for a 7
    Demo(Demo),
    /// Train an autoencoder on images and write it as ONNX
    Train(Box<Train>),
    /// List, show, add, import and quantize models
    #[command(subcommand)]
    Model(Model),
    /// Encode images and store their codes; run again to bring the index up to date
    Index(Box<Index>),
    /// Encode images and write their codes into a file, for other programs and machines
    Encode(Box<Encode>),
    /// Find images similar to the given ones
    Query(Box<Query>),
    /// Show what a model makes of images: original, latent, reconstruction
    Reconstruct(Reconstruct),
    /// Remove noise with an autoencoder trained on noisy images
    Denoise(Denoise),
    /// Plot the latents of images, and what the decoder draws between them
    Latent(Latent),
    /// Generate new images, or choose a few that represent the index
    Sample(Sample),
    /// Find duplicates and remove them, with undo
    Dedupe(Box<Dedupe>),
    /// Cluster the images of the index
    Cluster(Cluster),
    /// Find images that do not fit, and labels that their neighbours contradict
    Outliers(Outliers),
    /// Draw a map of all images, with similar ones near each other
    Map(Map),
    /// Compare two indexes: images added, gone, changed, renamed
    Diff(Diff),
    /// Export clusters, map, outliers and neighbours of each image for other programs
    Export(Box<Export>),
    /// Write a self-contained HTML report: clusters, outliers, duplicates, an interactive map
    Report(Box<Report>),
    /// Show what is in the index
    Info(Info),
    /// Check every byte of the index
    Verify(Reading),
    /// Drop damaged parts of the index, and list the images to index again
    Repair(Opened),
    /// Remove images from the index; their files are left alone
    Remove(Remove),
    /// Merge the index's segments into one and drop what was removed
    Compact(Opened),
    /// Put several indexes together into a new one, without opening images
    Merge(Merge),
    /// Put the index into a bucket, where `query --index s3://...` opens it
    Publish(Publish),
    /// Push the codes of the index into a table of PostgreSQL, where pgvector searches them
    Push(Push),
    /// Measure how good the codes of the index are
    Eval(Box<Eval>),
    /// Estimate time, memory and disk space for indexing
    Estimate(Box<Index>),
    /// Check the installation and the index
    Doctor(Doctor),
    /// Show or install ONNX Runtime
    #[command(subcommand)]
    Runtime(Runtime),
    /// Print a completion script
    Completions {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
    /// Write the manual, one page for each command
    Man {
        /// The folder to write it into; it is created if it does not exist
        dir: PathBuf,
    },
}
