//! The verbs that change an index: `index`, `estimate`, `remove`, `compact`, `repair`.

use std::path::PathBuf;

use clap::Args;

use super::encoding::Coding;
use super::shared::{Compute, IndexDir, LabelsArg, WhereArg};

#[derive(Debug, Args)]
#[command(
    after_help = "The index keeps what earlier runs added. An image is dropped when its file is gone, or when it belongs below \
                  DATA and is not found there; if DATA itself is gone or empty, as where a drive is not mounted, its images \
                  are kept (exit code 3) until --prune drops them. An image is known by its path as first given: a relative \
                  path starts at the working directory, else at the folder that holds the index.\n\n\
                  A foreign model takes an image [N, C, H, W] or [N, H, W, C] and gives one vector per image, [N, D], one \
                  per token, [N, T, D] (--model-pool), or a map, whose places are averaged. \
                  Flags fill in what its file leaves open, or a .toml file of the same name beside it (clip.toml beside \
                  clip.onnx: size = 224, mean = [0.48, 0.46, 0.41]; the keys are the flags without --model-). Each value \
                  goes in as (value x range - mean) / std. The index remembers all of it, so queries need not repeat it. \
                  Files with operators that ONNX Runtime lacks, or with weights outside their own folder, are refused; so are \
                  encoders in training mode, and those that give different images the same vector. See docs/encoders.md."
)]
pub(in crate::cli) struct Index {
    /// Folders, image files, or containers: IDX, npy, npz, CIFAR-10 binary, tar, tgz, zip, parquet; - reads
    /// paths from standard input. With the feature cloud also images in buckets: s3://BUCKET/PREFIX, gs://, az://, http(s)://
    #[arg(required_unless_present_any = ["files_from", "from_codes"])]
    pub(in crate::cli) data: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) index: IndexDir,
    /// Make a new index of codes that `encode` wrote into Parquet files, or folders of such, on this machine or others;
    /// no image is opened. All must be of one model and binarizer, by their metadata; where another program has dropped
    /// that, --binarizer names an index of the same. --model says where a model is that lies elsewhere here
    #[arg(
        long,
        value_name = "FILE",
        num_args = 1..,
        conflicts_with_all = ["data", "files_from", "null", "watch", "refit", "thumbnails", "prune"]
    )]
    pub(in crate::cli) from_codes: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) coding: Coding,
    /// Fit the binarizer anew and code all images anew from their stored latents, without reading them; for
    /// another --binarizer or --bits too
    #[arg(long)]
    pub(in crate::cli) refit: bool,
    /// Codes per bucket of the HNSW graph; 1 is textbook HNSW [default: the index's own, else 128,
    /// and more beyond 400,000 images]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) bucket_size: Option<usize>,
    /// Keep a small JPEG of each image in the index, no side longer than PX (16 to 2048), so that sheets and pages
    /// show images whose files are not there; 0 removes them [default: as the index has it, at first none]
    #[arg(long, value_name = "PX")]
    pub(in crate::cli) thumbnails: Option<usize>,
    /// Seconds between commits, which is all that a kill can cost; also after every 50,000 images [default:
    /// 10]
    #[arg(long, value_name = "S")]
    pub(in crate::cli) checkpoint_seconds: Option<f64>,
    /// Keep running, and bring the index up to date whenever files below DATA change; Ctrl-C ends it, with exit code
    /// 0. With --json, one document for each time
    #[arg(long)]
    pub(in crate::cli) watch: bool,
    /// Drop images of paths that are gone or empty, as where a drive is not mounted; otherwise the index keeps
    /// them
    #[arg(long)]
    pub(in crate::cli) prune: bool,
    /// Wait while another process writes the index, instead of ending with exit code 5
    #[arg(long)]
    pub(in crate::cli) wait: bool,
    /// Write skipped inputs to this file: one JSON object {path, reason} per line, with path_bytes where a
    /// name is not UTF-8
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) report_skipped: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
    #[command(flatten)]
    pub(in crate::cli) walking: Walking,
    #[command(flatten)]
    pub(in crate::cli) described: Described,
}

/// Which images below the paths are taken.
#[derive(Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "Which images")]
pub(in crate::cli) struct Walking {
    /// Read more paths from this file, one per line; - is standard input. Missing files are skipped
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) files_from: Option<PathBuf>,
    /// Paths in such a list are separated by NUL bytes, as by find -print0
    #[arg(short = '0', long)]
    pub(in crate::cli) null: bool,
    /// Skip what matches, by the rules of .gitignore: '*.tif', '/cache/', '!keep.tif'. Files named
    /// .aesearchignore hold such rules for their folders
    #[arg(long, value_name = "GLOB")]
    pub(in crate::cli) exclude: Vec<String>,
    /// Include files and folders whose name begins with a dot
    #[arg(long)]
    pub(in crate::cli) hidden: bool,
    /// Follow symbolic links to folders, each folder once
    #[arg(long)]
    pub(in crate::cli) follow: bool,
}

/// How to feed a foreign encoder.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Bring your own model (any image encoder as .onnx)")]
pub(in crate::cli) struct Described {
    /// Input height and width, as 224 or 192x256 [default: from the file]
    #[arg(long, value_name = "N|HxW")]
    pub(in crate::cli) model_size: Option<String>,
    /// Input channels: 1 (grey) or 3 (red, green, blue) [default: from the file]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) model_channels: Option<usize>,
    /// Input layout: nchw or nhwc [default: where the file has 1 or 3]
    #[arg(long, value_name = "LAYOUT")]
    pub(in crate::cli) model_layout: Option<String>,
    /// Mean subtracted from each channel, as 0.5 or 0.485,0.456,0.406 [default: 0]
    #[arg(long, value_name = "M,..", value_delimiter = ',', allow_hyphen_values = true)]
    pub(in crate::cli) model_mean: Option<Vec<f32>>,
    /// Standard deviation each channel is then divided by, as 0.5 or 0.229,0.224,0.225 [default: 1]
    #[arg(long, value_name = "S,..", value_delimiter = ',', allow_hyphen_values = true)]
    pub(in crate::cli) model_std: Option<Vec<f32>>,
    /// Value of white before mean and std: 1 or 255 [default: 1]
    #[arg(long, value_name = "1|255")]
    pub(in crate::cli) model_range: Option<u32>,
    /// Name of the input [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) model_input: Option<String>,
    /// Name of the output [default: the only one with a vector per image]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) model_output: Option<String>,
    /// For an output of several vectors per image, [N, T, D]: mean, or cls, the first one
    #[arg(long, value_name = "HOW")]
    pub(in crate::cli) model_pool: Option<String>,
    /// Numbers per vector [default: from the file]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) model_latent: Option<usize>,
    /// Bits per code, 32 to 256 [default: 64, or as many as the vector has numbers]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) model_bits: Option<usize>,
    /// Refuse model files larger than this, weights included, as 500MB or 4GiB [default: 1GiB]
    #[arg(long, value_name = "SIZE", env = "AESEARCH_MAX_MODEL_SIZE", hide_env_values = true)]
    pub(in crate::cli) max_model_size: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "An image whose file is still there comes back the next time its folder is indexed.")]
pub(in crate::cli) struct Remove {
    /// Images, containers, their entries (data.gz#17) or folders, by their name in the index or their path
    #[arg(required_unless_present = "expression", value_name = "PATH")]
    pub(in crate::cli) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) only: WhereArg,
    #[command(flatten)]
    pub(in crate::cli) labels: LabelsArg,
    #[command(flatten)]
    pub(in crate::cli) index: IndexDir,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Opened {
    #[command(flatten)]
    pub(in crate::cli) index: IndexDir,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Segments are copied as they are, with what was removed, labels, latents and what files know; no image is \
                  opened. Queries of the new index find what one index of all images would find; `compact` makes one segment \
                  of all. All indexes must be of one model. Those with another binarizer than the first are coded anew from \
                  their latents. Of images of one name, that of the last index counts. Thumbnails are copied; what was \
                  decided about duplicates is not.\n\n\
                  JSON: index, images, replaced, recoded, segments, model {name, sha256, bits}, binarizer {rule, sha256}, \
                  index_bytes, seconds."
)]
pub(in crate::cli) struct Merge {
    /// Index folders, or folders with an .aesearch; with the feature cloud also URLs that `publish` wrote to
    #[arg(required = true, value_name = "INDEX")]
    pub(in crate::cli) indexes: Vec<PathBuf>,
    /// The folder of the new index
    #[arg(short, long, value_name = "DIR")]
    pub(in crate::cli) output: PathBuf,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Files that the bucket has are not sent again, and the list of files is written last: who opens the index sees \
                  it as it was before or as it is after. Thumbnails, maps, what was decided about duplicates and foreign \
                  models are not sent. Credentials come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, \
                  AWS_REGION, AWS_ENDPOINT; GOOGLE_SERVICE_ACCOUNT; AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY. \
                  Needs the feature cloud. See docs/object-stores.md.\n\n\
                  JSON: url, images, sent, sent_bytes, kept, kept_bytes, seconds."
)]
pub(in crate::cli) struct Publish {
    /// The prefix to put it below, as s3://BUCKET/INDEX, gs://, az:// or http(s)://
    pub(in crate::cli) url: String,
    #[command(flatten)]
    pub(in crate::cli) index: IndexDir,
}
