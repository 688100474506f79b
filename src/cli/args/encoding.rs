//! How images become codes, and the verb `encode`, which writes codes into files.

use std::path::PathBuf;

use clap::Args;

use super::indexing::{Described, Walking};
use super::shared::{Compute, InvertArg};

/// What decides the code of an image.
#[derive(Debug, Args)]
pub(in crate::cli) struct Coding {
    /// A shipped model's name, a model folder, any image encoder as .onnx, or auto: digits-64 where it explains
    /// most of the images' variance and tells them apart, else photos [default: the index's own, else auto]
    /// [env: AESEARCH_MODEL=]. An index that another model made moves to a shipped model that is named here, not
    /// in a variable or aesearch.toml
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) model: Option<String>,
    /// Which pictures of a file that holds several (animated GIF, PNG, WebP; TIFF pages; HEIC; MPO): first, all,
    /// or N, at most so many, spread evenly over the file. With more than the first, each is an image named
    /// FILE#0, FILE#1 and so on [default: the index's own, else first]
    #[arg(long, value_name = "first|all|N")]
    pub(in crate::cli) frames: Option<String>,
    /// Which pictures of films, by the program ffmpeg: off, scene (the first of each scene), or SECONDS between
    /// two of them. Each is an image named by its time, FILE#00:01:02 [default: the index's own, else off]
    #[arg(long, value_name = "off|scene|SECONDS")]
    pub(in crate::cli) video: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) invert: InvertArg,
    /// How latents become bits: auto, sign, itq (a rotation), learned (a network trained on this collection),
    /// or the binarizer of another index or of a file that `info --save-binarizer` wrote [default: the
    /// index's own, else auto: what suits the model]
    #[arg(long, value_name = "KIND|FROM")]
    pub(in crate::cli) binarizer: Option<String>,
    /// Bits per code, 32 to 256, for models whose binarizer is fitted [default: the index's own, else the
    /// model's]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) bits: Option<usize>,
    /// Store no latents: a smaller index, but hits ordered by codes alone. Cannot be changed later
    #[arg(long)]
    pub(in crate::cli) no_latents: bool,
    /// Memory limit for the run, such as 2GiB or 500MB; large images wait for each other, and one that needs
    /// more is skipped [default: half of what is free]
    #[arg(long, value_name = "SIZE", env = "AESEARCH_MAX_MEMORY", hide_env_values = true)]
    pub(in crate::cli) max_memory: Option<String>,
    /// Skip an image that takes longer than this to decode [default: 60]
    #[arg(long, value_name = "S")]
    pub(in crate::cli) decode_timeout: Option<f64>,
}

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
