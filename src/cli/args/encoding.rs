//! What decides the code of an image: flags of all verbs that encode.

use clap::Args;

use super::shared::InvertArg;

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
