//! The verbs about models and what runs them: `demo`, `train`, `model`, `runtime`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::indexing::{Described, Walking};
use super::shared::{Compute, Threads};

#[derive(Debug, Args)]
pub(in crate::cli) struct Demo {
    /// Where to put digits/, 7.png and the index
    #[arg(default_value = ".")]
    pub(in crate::cli) dir: PathBuf,
    /// Seed of the drawing
    #[arg(long, default_value_t = 7)]
    pub(in crate::cli) seed: u64,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Train {
    /// Folders, image files, or containers: IDX, npy, npz, CIFAR-10 binary, tar, tgz, zip, parquet; - reads
    /// paths from standard input
    #[arg(required_unless_present = "files_from")]
    pub(in crate::cli) data: Vec<PathBuf>,
    /// The model folder to write; log.jsonl and curve.png in it record the training
    #[arg(short, long, value_name = "DIR")]
    pub(in crate::cli) output: PathBuf,
    /// conv-hash [default], conv, dense, vae, aae, lstm or photo
    #[arg(long)]
    pub(in crate::cli) family: Option<String>,
    /// Bits of the code, 32 to 256 [default: 64; dense, vae, aae 32; lstm, photo 128]
    #[arg(long)]
    pub(in crate::cli) bits: Option<usize>,
    /// Filters of the first convolution of conv-hash, vae and aae; deeper layers have more [default: 32]. For
    /// photo, filters in percent of EfficientNet-Lite0's [default: 100]
    #[arg(long)]
    pub(in crate::cli) width: Option<usize>,
    /// For photo, repeats of its blocks in percent of EfficientNet-Lite0's [default: 100]
    #[arg(long)]
    pub(in crate::cli) depth: Option<usize>,
    /// For photo, numbers of the latent [default: 256]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) latent: Option<usize>,
    /// Passes over the data [default: conv-hash 15; vae, aae, lstm 10; photo 20; else 5; of few images up to 200]
    #[arg(long)]
    pub(in crate::cli) epochs: Option<usize>,
    /// Images per step [default: conv-hash 256, as photo with a frozen encoder; vae, aae, lstm 64; else 32; of
    /// few images down to 16, conv-hash and a frozen encoder 64]
    #[arg(long)]
    pub(in crate::cli) batch: Option<usize>,
    /// Peak learning rate of Adam; it decays to 0 [default: aae 0.0005, photo --from without frozen
    /// encoder 0.0001, else 0.002]
    #[arg(long)]
    pub(in crate::cli) lr: Option<f64>,
    /// Weight decay [default: conv-hash, photo 0.0001, else 0]
    #[arg(long, value_name = "W")]
    pub(in crate::cli) weight_decay: Option<f64>,
    /// Weight of the family's own loss, added to the reconstruction loss [default: conv-hash 0.1, in colour
    /// 0.2; vae, photo 1; aae 0.02]
    #[arg(long, value_name = "W")]
    pub(in crate::cli) weight: Option<f64>,
    /// Temperature of conv-hash's contrastive loss [default: 0.3]
    #[arg(long, value_name = "T")]
    pub(in crate::cli) temperature: Option<f32>,
    /// Brightness of the images, for conv-hash: kept or normalized [default: normalized in colour]
    #[arg(long, value_name = "HOW")]
    pub(in crate::cli) brightness: Option<String>,
    /// Seed of weights, shuffling, views and noise
    #[arg(long)]
    pub(in crate::cli) seed: Option<u64>,
    /// Add Gaussian noise of this standard deviation to the input, and reconstruct the clean images
    #[arg(long, value_name = "SIGMA")]
    pub(in crate::cli) denoise: Option<f32>,
    /// Augmentation: none, digits (turned, scaled, bent) or photos (cropped, mirrored, recoloured, blurred)
    /// [default: conv-hash digits, in colour photos; photo photos; else none]
    #[arg(long, value_name = "HOW")]
    pub(in crate::cli) augment: Option<String>,
    /// Draw some images and their augmented views into this PNG file, before training
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) augment_sheet: Option<PathBuf>,
    /// Start from the weights of this model
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) from: Option<String>,
    /// Learn to have the neighbours that this encoder's features have: a shipped model's name, a model folder,
    /// or any image encoder as .onnx, which --model-size and the like describe. The card says which share of
    /// them held-out images (--val) keep
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) teacher: Option<String>,
    /// For photo with --from, what stays as it is: encoder (all before the latent), latent (that too: the
    /// decoder alone is trained), none, or a number of blocks counted from the input [default: none]
    #[arg(long, value_name = "WHAT")]
    pub(in crate::cli) freeze: Option<String>,
    /// How the files store weights: float32 or float16 [default: as the model of --from, else float32]
    #[arg(long, value_name = "TYPE")]
    pub(in crate::cli) precision: Option<String>,
    /// Images to validate on, or the fraction of the data to hold out
    #[arg(long, value_name = "DATA|FRACTION")]
    pub(in crate::cli) val: Option<String>,
    /// Stop after this many epochs without a better validation loss [default: never]. conv, dense and lstm
    /// keep their best epoch; the others, which optimise more than that loss, keep their last
    #[arg(long, value_name = "N")]
    pub(in crate::cli) early_stop: Option<usize>,
    /// Resume the unfinished training in the model folder, if there is one: interrupted, killed, or diverged
    /// (then with a lower --lr)
    #[arg(long)]
    pub(in crate::cli) resume: bool,
    /// Replace the model in the model folder, start over the unfinished training there, or write into a folder
    /// that holds other files
    #[arg(long, conflicts_with = "resume")]
    pub(in crate::cli) force: bool,
    /// Seconds between two checkpoints [default: 10]
    #[arg(long, value_name = "S")]
    pub(in crate::cli) checkpoint_seconds: Option<f64>,
    /// Memory limit for decoded images, such as 2GiB or 500MB; beyond it they go to an unnamed file in the
    /// model folder while the training runs [default: half of what is free]
    #[arg(long, value_name = "SIZE", env = "AESEARCH_MAX_MEMORY", hide_env_values = true)]
    pub(in crate::cli) max_memory: Option<String>,
    /// Input size, as 28 or 32x48 (width x height) [default: that of --from, else the first image's, at most 64;
    /// photo 64]
    #[arg(long, value_name = "SIZE")]
    pub(in crate::cli) size: Option<String>,
    /// Input channels: 1 (grey) or 3 (colour) [default: that of --from, else the first image's; photo 3]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) channels: Option<usize>,
    #[command(flatten)]
    pub(in crate::cli) described: Box<Described>,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
    #[command(flatten)]
    pub(in crate::cli) walking: Walking,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Model {
    /// List shipped models, those in ./models, and those added by name
    List,
    /// Show layers, output shapes and parameters, then facts about its training
    Show {
        /// A shipped model's name, a model folder, an ONNX file, or the name of an added model
        #[arg(value_name = "NAME|FILE")]
        name: String,
        #[command(flatten)]
        described: Box<Described>,
    },
    /// Try an image encoder of another program and give it a name: --model NAME then finds it
    Add {
        /// An image encoder as ONNX
        #[arg(value_name = "FILE.onnx")]
        file: String,
        /// Its name from now on
        #[arg(long)]
        name: String,
        /// Replace a model that was added under this name
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        described: Box<Described>,
    },
    /// Take over a pretrained network of another program as a model of family photo, to train on from
    Import(Import),
    /// Make a model whose encoder computes in int8: about half the time per image, nearly the same neighbours
    Quantize(Quantize),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Codes in int8 differ a little between processors with and without VNNI (instructions for sums of \
                  8-bit products): build and query an index on processors of one kind. The new model has an \
                  identity of its own, so its indexes never mix with the original's."
)]
pub(in crate::cli) struct Quantize {
    /// A shipped model's name or a model folder, of family photo, conv-hash, conv, vae or aae
    #[arg(value_name = "NAME|DIR")]
    pub(in crate::cli) model: String,
    /// The model folder to write
    #[arg(short, long, value_name = "DIR")]
    pub(in crate::cli) output: PathBuf,
    /// Replace the model in the model folder
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// Images like those to index: folders, files, containers. At least 100; up to 256 calibrate, up to 512
    /// measure the result [default for models of grey images: drawn digits]
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(in crate::cli) images: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) threads: Threads,
    #[command(flatten)]
    pub(in crate::cli) walking: Walking,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
    /// An ONNX file of EfficientNet-Lite without its classifier, weights included
    #[arg(value_name = "FILE.onnx")]
    pub(in crate::cli) file: PathBuf,
    /// The model folder to write
    #[arg(short, long, value_name = "DIR")]
    pub(in crate::cli) output: PathBuf,
    /// Replace the model in the model folder
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// The family whose layers take the weights: photo
    #[arg(long, default_value = "photo", value_parser = ["photo"])]
    pub(in crate::cli) family: String,
    /// Height and width of the input in pixels: a multiple of 32 from 64 to 320 [default: as the file says, else 224]
    #[arg(long, value_name = "PX")]
    pub(in crate::cli) size: Option<usize>,
    /// Filters, in percent of EfficientNet-Lite0's [default: of Lite0 to Lite4, the one that fits]
    #[arg(long)]
    pub(in crate::cli) width: Option<usize>,
    /// Repeats of blocks, in percent of EfficientNet-Lite0's [default: of Lite0 to Lite4, the one that fits]
    #[arg(long)]
    pub(in crate::cli) depth: Option<usize>,
    /// Numbers of the latent
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(in crate::cli) latent: usize,
    /// Seed of the projection to the latent and of the decoder
    #[arg(long, default_value_t = 0)]
    pub(in crate::cli) seed: u64,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Runtime {
    /// Show which library is used, and why
    Show,
    /// Download the library now, into the data folder
    Install {
        /// Install the build for NVIDIA GPUs
        #[arg(long)]
        cuda: bool,
    },
}
