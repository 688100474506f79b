//! The command line as typed: clap's view of verbs and flags, nothing decided yet.
//!
//! Every flag that has a default is an `Option` here; `resolve` puts flags, AESEARCH_* variables (read by clap, so that
//! `--help` names them) and `aesearch.toml` together. Names are fixed: scripts and
//! `aesearch.toml` files of users rely on them.

mod dedupe;
mod explore;
mod pictures;

use std::path::PathBuf;

use aesearch_index::Access;
use clap::{Args, Parser, Subcommand};

pub(super) use dedupe::{Apply, Decide, Dedupe, Evaluate, Scan, Undo};
pub(super) use explore::{Cluster, Diff, Export, Grouping, Map, Outliers, Report};
pub(super) use pictures::{Denoise, Latent, Reconstruct, Sample};

use super::print::When;

/// Similarity search for image collections: train a small autoencoder, hash the latents, ask what looks alike.
#[derive(Debug, Parser)]
#[command(name = "aesearch", version, max_term_width = 100)]
#[command(
    after_help = "Start with `aesearch demo`: it draws digits, indexes them and finds the kin of one of them."
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Flags that every verb takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(super) struct Global {
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Leave out remarks and progress bars
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Say more on stderr: what is used, where it was found, how long it took
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    /// Colours: auto [default], always, never; NO_COLOR is heeded
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
    /// The ONNX Runtime library to use, instead of finding or fetching one (ORT_DYLIB_PATH)
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) ort_lib: Option<PathBuf>,
    /// Never fetch anything (AESEARCH_OFFLINE=1)
    #[arg(long, global = true)]
    pub(super) offline: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Draw a set of digits, index it, and find the kin of a seven
    Demo(Demo),
    /// Train an autoencoder on images and write it as ONNX
    Train(Box<Train>),
    /// List the models at hand, or show one
    #[command(subcommand)]
    Model(Model),
    /// Encode images and store their codes; run again to bring the index up to date
    Index(Box<Index>),
    /// Find the images that look like the given ones
    Query(Box<Query>),
    /// Draw what a model makes of images: original, latent, reconstruction
    Reconstruct(Reconstruct),
    /// Clean images with an autoencoder that was trained on noisy ones
    Denoise(Denoise),
    /// Draw where a model's latents of images lie, and what its decoder draws between them
    Latent(Latent),
    /// Draw new images from a model's latent space, or choose a few of the index that stand for all
    Sample(Sample),
    /// Find what is there twice, and clean up without regret
    #[command(subcommand)]
    Dedupe(Dedupe),
    /// Part the images of the index into groups that look alike
    Cluster(Cluster),
    /// Find images that do not fit, and labels that their neighbours contradict
    Outliers(Outliers),
    /// Draw all images of the index as a map on which alike ones lie near
    Map(Map),
    /// Tell what became of one index's images in another: added, gone, changed, renamed, near
    Diff(Diff),
    /// Write all that is found of each image, for other programs
    Export(Box<Export>),
    /// Write one HTML file about all that is in the index: its groups, its oddities, a map to walk around in
    Report(Box<Report>),
    /// Tell what is in the index
    Info(Reading),
    /// Check every byte of the index
    Verify(Reading),
    /// Drop damaged parts of the index, and tell which images to index again
    Repair(Opened),
    /// Take images out of the index; their files are left alone
    Remove(Remove),
    /// Merge the index's segments into one and drop what was removed
    Compact(Opened),
    /// Measure how good the codes of the index are
    Eval(Box<Eval>),
    /// Tell what indexing would take: time, memory, room on disk
    Estimate(Box<Index>),
    /// Look at everything the program needs, and at the index: one page
    Doctor(Doctor),
    /// Where ONNX Runtime comes from
    #[command(subcommand)]
    Runtime(Runtime),
    /// Print a completion script
    Completions {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
}

/// Which index.
#[derive(Debug, Args)]
pub(super) struct IndexDir {
    /// The index folder [default: .aesearch, here or in the nearest folder above]
    #[arg(long, value_name = "DIR", env = "AESEARCH_INDEX", hide_env_values = true)]
    pub(super) index: Option<PathBuf>,
}

/// Which index, and how it is read.
#[derive(Debug, Args)]
pub(super) struct Reading {
    #[command(flatten)]
    pub(super) index: IndexDir,
    /// Read the index into memory instead of mapping its files: for network drives, and files that others may cut short
    #[arg(long)]
    pub(super) no_mmap: bool,
}

impl Reading {
    pub(super) fn access(&self) -> Access {
        if self.no_mmap { Access::Read } else { Access::Map }
    }
}

/// How to compute.
#[derive(Debug, Clone, Args)]
pub(super) struct Compute {
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", env = "AESEARCH_THREADS", hide_env_values = true)]
    pub(super) threads: Option<usize>,
    #[command(flatten)]
    pub(super) device: DeviceArg,
}

/// Where to compute.
#[derive(Debug, Clone, Args)]
pub(super) struct DeviceArg {
    /// auto [default], cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE", env = "AESEARCH_DEVICE", hide_env_values = true)]
    pub(super) device: Option<String>,
}

/// Dark ink on light paper, or the reverse.
#[derive(Debug, Args)]
pub(super) struct InvertArg {
    /// Take the negative of an image: auto [default] where the model reconstructs it better, never, always
    #[arg(long, value_name = "WHEN", env = "AESEARCH_INVERT", hide_env_values = true)]
    pub(super) invert: Option<String>,
}

/// Which model looks at images, and how.
#[derive(Debug, Args)]
pub(super) struct Looking {
    /// A shipped model's name, a model folder, or auto: the shipped one that reconstructs the images best [default: auto]
    #[arg(long, value_name = "MODEL", env = "AESEARCH_MODEL", hide_env_values = true)]
    pub(super) model: Option<String>,
    #[command(flatten)]
    pub(super) invert: InvertArg,
}

/// What to know of an encoder that another program made.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Bring your own model (any image encoder as .onnx)")]
pub(super) struct Described {
    /// Height and width of its input, as 224 or 192x256 [default: as the file says]
    #[arg(long, value_name = "N|HxW")]
    pub(super) model_size: Option<String>,
    /// Channels of its input: 1 (grey) or 3 (red, green, blue) [default: as the file says]
    #[arg(long, value_name = "N")]
    pub(super) model_channels: Option<usize>,
    /// Where channels stand: nchw or nhwc [default: where the file has 1 or 3]
    #[arg(long, value_name = "LAYOUT")]
    pub(super) model_layout: Option<String>,
    /// Subtracted from each channel, as 0.5 or 0.485,0.456,0.406 [default: 0]
    #[arg(long, value_name = "M,..", value_delimiter = ',', allow_hyphen_values = true)]
    pub(super) model_mean: Option<Vec<f32>>,
    /// Each channel is divided by it then, as 0.5 or 0.229,0.224,0.225 [default: 1]
    #[arg(long, value_name = "S,..", value_delimiter = ',', allow_hyphen_values = true)]
    pub(super) model_std: Option<Vec<f32>>,
    /// What white is before mean and std: 1 or 255 [default: 1]
    #[arg(long, value_name = "1|255")]
    pub(super) model_range: Option<u32>,
    /// Its input's name [default: the only one's]
    #[arg(long, value_name = "NAME")]
    pub(super) model_input: Option<String>,
    /// The output to use [default: the only one with a vector per image]
    #[arg(long, value_name = "NAME")]
    pub(super) model_output: Option<String>,
    /// Numbers per vector [default: as the file says]
    #[arg(long, value_name = "N")]
    pub(super) model_latent: Option<usize>,
    /// Bits per code, 32 to 256 [default: 64, or as many as the vector has numbers]
    #[arg(long, value_name = "N")]
    pub(super) model_bits: Option<usize>,
    /// Refuse model files larger than this, together with their weights, as 500MB or 4GiB [default: 1GiB]
    #[arg(long, value_name = "SIZE", env = "AESEARCH_MAX_MODEL_SIZE", hide_env_values = true)]
    pub(super) max_model_size: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Where to put digits/, 7.png and the index
    #[arg(default_value = ".")]
    pub(super) dir: PathBuf,
    /// The seed of the drawing
    #[arg(long, default_value_t = 7)]
    pub(super) seed: u64,
    #[command(flatten)]
    pub(super) compute: Compute,
}

#[derive(Debug, Args)]
pub(super) struct Opened {
    #[command(flatten)]
    pub(super) index: IndexDir,
}

#[derive(Debug, Args)]
#[command(
    after_help = "An image whose file is still there comes back when `aesearch index` is run over its folder."
)]
pub(super) struct Remove {
    /// Images, containers or entries of them (data.gz#17), or folders; as they are called in the index, or where they are
    #[arg(required = true, value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) index: IndexDir,
}

#[derive(Debug, Subcommand)]
pub(super) enum Model {
    /// Models that are shipped, and trained ones in ./models
    List,
    /// Layers, output shapes and parameters; then what is known of its training
    Show {
        /// A shipped model's name, a model folder, or an ONNX file
        #[arg(value_name = "NAME|FILE")]
        name: String,
        #[command(flatten)]
        described: Box<Described>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Runtime {
    /// Say which library would be used, and why
    Show,
    /// Fetch the library now, into the data folder
    Install {
        /// The build for NVIDIA GPUs
        #[arg(long)]
        cuda: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Train {
    /// Folders, image files, or files that hold many: IDX, npy, npz, CIFAR-10 binary, tar, tgz, zip, parquet; - reads paths from
    /// standard input
    #[arg(required_unless_present = "files_from")]
    pub(super) data: Vec<PathBuf>,
    /// The model folder to write; log.jsonl and curve.png in it show how the training went
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: PathBuf,
    /// conv-hash [default], conv, dense, vae, aae or lstm
    #[arg(long)]
    pub(super) family: Option<String>,
    /// Bits of the code, 32 to 256 [default: 64; vae, aae 32; lstm 128]
    #[arg(long)]
    pub(super) bits: Option<usize>,
    /// Filters of the first convolution of conv-hash, vae and aae; deeper ones have more [default: 32]
    #[arg(long)]
    pub(super) width: Option<usize>,
    /// Passes over the data [default: conv-hash 15; vae, aae, lstm 10; else 5]
    #[arg(long)]
    pub(super) epochs: Option<usize>,
    /// Images per step [default: conv-hash 256; vae, aae, lstm 64; else 32]
    #[arg(long)]
    pub(super) batch: Option<usize>,
    /// Highest learning rate of Adam; in the end it comes down to 0 [default: aae 0.0005, else 0.002]
    #[arg(long)]
    pub(super) lr: Option<f64>,
    /// Part of every weight taken off at a step, times the learning rate [default: conv-hash 0.0001, else 0]
    #[arg(long, value_name = "W")]
    pub(super) weight_decay: Option<f64>,
    /// Weight of what the family adds to the reconstruction loss [default: conv-hash 0.1, in colour 0.2; vae 1; aae 0.02]
    #[arg(long, value_name = "W")]
    pub(super) weight: Option<f64>,
    /// Temperature of conv-hash's contrastive loss [default: 0.3]
    #[arg(long, value_name = "T")]
    pub(super) temperature: Option<f32>,
    /// Whether conv-hash evens out brightness first: kept or normalized [default: normalized in colour]
    #[arg(long, value_name = "HOW")]
    pub(super) brightness: Option<String>,
    /// Seed of weights, shuffling, views and noise
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Train on images with Gaussian noise of this deviation, against the clean ones
    #[arg(long, value_name = "SIGMA")]
    pub(super) denoise: Option<f32>,
    /// Learn from random views of the images: none, digits (turned, scaled, bent) or photos (cropped, mirrored, recoloured, blurred)
    /// [default: conv-hash digits, in colour photos; else none]
    #[arg(long, value_name = "HOW")]
    pub(super) augment: Option<String>,
    /// Draw some images and views of them into this PNG file, before training
    #[arg(long, value_name = "FILE")]
    pub(super) augment_sheet: Option<PathBuf>,
    /// Start from the weights of this model
    #[arg(long, value_name = "MODEL")]
    pub(super) from: Option<String>,
    /// Images to validate on, or the fraction of the data to hold out
    #[arg(long, value_name = "DATA|FRACTION")]
    pub(super) val: Option<String>,
    /// Stop after so many epochs without a better validation loss [default: never]. conv, dense and lstm keep their best epoch, the
    /// others, which are trained for more than that loss, their last one
    #[arg(long, value_name = "N")]
    pub(super) early_stop: Option<usize>,
    /// Go on with the unfinished training in the model folder, if there is one: interrupted, killed, or diverged (then with
    /// a lower --lr)
    #[arg(long)]
    pub(super) resume: bool,
    /// Wall time between two checkpoints [default: 10]
    #[arg(long, value_name = "S")]
    pub(super) checkpoint_seconds: Option<f64>,
    /// Memory for decoded images, such as 2GiB or 500MB; more of them lie in an unnamed file in the model folder while the
    /// training runs [default: half of what is free]
    #[arg(long, value_name = "SIZE", env = "AESEARCH_MAX_MEMORY", hide_env_values = true)]
    pub(super) max_memory: Option<String>,
    /// Input size, as 28 or 32x48 (width x height) [default: that of the first image, 64 at most]
    #[arg(long, value_name = "SIZE")]
    pub(super) size: Option<String>,
    /// Input channels: 1 (grey) or 3 (colour) [default: those of the first image]
    #[arg(long, value_name = "N")]
    pub(super) channels: Option<usize>,
    #[command(flatten)]
    pub(super) compute: Compute,
    #[command(flatten)]
    pub(super) walking: Walking,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The index keeps what other runs put in. An image is dropped when its file is gone, or when it lies below DATA \
                  and is not found there. An image is known by its path as given: a relative one starts at the working \
                  directory, else at the folder that holds the index.\n\n\
                  A model of another program takes a float32 image [N, C, H, W] or [N, H, W, C] and gives one vector per \
                  image, [N, D]. What its file leaves open is said by flags, or in a .toml file beside it that is called \
                  like it (clip.toml beside clip.onnx: size = 224, mean = [0.48, 0.46, 0.41]; the keys are the flags \
                  without --model-). A value goes in as (value x range - mean) / std. The index remembers all of it: \
                  queries need not say it again. Files that name operators ONNX Runtime lacks, or weights outside of \
                  their own folder, are refused."
)]
pub(super) struct Index {
    /// Folders, image files, or files that hold many: IDX, npy, npz, CIFAR-10 binary, tar, tgz, zip, parquet; - reads paths from
    /// standard input
    #[arg(required_unless_present = "files_from")]
    pub(super) data: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) index: IndexDir,
    /// A shipped model's name, a model folder, any image encoder as .onnx, or auto: the shipped one that
    /// reconstructs the images best [default: the index's own, else auto]
    #[arg(long, value_name = "MODEL", env = "AESEARCH_MODEL", hide_env_values = true)]
    pub(super) model: Option<String>,
    #[command(flatten)]
    pub(super) invert: InvertArg,
    /// Codes per bucket of the HNSW graph; 1 is textbook HNSW [default: the index's own, else 128,
    /// and more beyond 400,000 images]
    #[arg(long, value_name = "N")]
    pub(super) bucket_size: Option<usize>,
    /// Keep no latents: less budget, but answers in the order of their codes alone. Cannot be taken back
    #[arg(long)]
    pub(super) no_latents: bool,
    /// Memory for all of it, such as 2GiB or 500MB; large images wait for each other, and one that needs more is skipped
    /// [default: half of what is free]
    #[arg(long, value_name = "SIZE", env = "AESEARCH_MAX_MEMORY", hide_env_values = true)]
    pub(super) max_memory: Option<String>,
    /// Skip an image that takes longer than this to decode [default: 60]
    #[arg(long, value_name = "S")]
    pub(super) decode_timeout: Option<f64>,
    /// Commit at least this often, so that a kill costs no more; 50,000 images are committed in any case [default: 10]
    #[arg(long, value_name = "S")]
    pub(super) checkpoint_seconds: Option<f64>,
    /// Wait while another program writes the index, instead of ending with exit code 5
    #[arg(long)]
    pub(super) wait: bool,
    /// Write what was skipped into this file: one JSON document {path, reason} per line, and path_bytes where a name is not
    /// UTF-8
    #[arg(long, value_name = "FILE")]
    pub(super) report_skipped: Option<PathBuf>,
    #[command(flatten)]
    pub(super) compute: Compute,
    #[command(flatten)]
    pub(super) walking: Walking,
    #[command(flatten)]
    pub(super) described: Described,
}

/// Which images of the paths are taken.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Which images")]
pub(super) struct Walking {
    /// Read more paths from this file, one per line; - is standard input. One that is not there is skipped
    #[arg(long, value_name = "FILE")]
    pub(super) files_from: Option<PathBuf>,
    /// Paths in such a list are separated by NUL bytes, as find -print0 does
    #[arg(short = '0', long)]
    pub(super) null: bool,
    /// Leave out what matches, by the rules of .gitignore: '*.tif', '/cache/', '!keep.tif'; files called .aesearchignore
    /// say such rules for their folders
    #[arg(long, value_name = "GLOB")]
    pub(super) exclude: Vec<String>,
    /// Take files and folders whose name begins with a dot
    #[arg(long)]
    pub(super) hidden: bool,
    /// Enter folders that are reached by a link, each of them once
    #[arg(long)]
    pub(super) follow: bool,
}

#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    pub(super) reading: Reading,
}

#[derive(Debug, Args)]
pub(super) struct Query {
    /// Image files, or anything `index` takes
    #[arg(required = true, value_name = "IMAGE")]
    pub(super) images: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) reading: Reading,
    /// Neighbours per image [default: 10]
    #[arg(short, long, value_name = "N", env = "AESEARCH_K", hide_env_values = true)]
    pub(super) k: Option<usize>,
    /// The recall to aim for; the index knows what it costs [default: 0.99]
    #[arg(long, value_name = "R", env = "AESEARCH_RECALL", hide_env_values = true)]
    pub(super) recall: Option<f32>,
    /// Compare with every code
    #[arg(long)]
    pub(super) exact: bool,
    /// Where the index's model is now, if it has moved
    #[arg(long, value_name = "MODEL")]
    pub(super) model: Option<String>,
    /// Only neighbours within this Hamming distance
    #[arg(long, value_name = "BITS")]
    pub(super) radius: Option<u32>,
    /// Sort this many of the nearest images, and all that are as near as the last, by their latents; 0 is off [default: 200]
    #[arg(long, value_name = "N", env = "AESEARCH_RERANK", hide_env_values = true)]
    pub(super) rerank: Option<usize>,
    #[command(flatten)]
    pub(super) invert: InvertArg,
    /// Draw queries and neighbours into this PNG file
    #[arg(long, value_name = "FILE")]
    pub(super) sheet: Option<PathBuf>,
    /// Exit with 1 when an image has no neighbour
    #[arg(long)]
    pub(super) exit_code: bool,
    #[command(flatten)]
    pub(super) device: DeviceArg,
    #[command(flatten)]
    pub(super) described: Described,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Labels are the folders' names, or those beside an IDX file. Figures of codes are exact means over all orders \
                  of items at the same distance. mAP ranks the whole index; mAP@1000 is the mean precision at the relevant \
                  items among the first 1,000; radius 2 is the precision within 2 bits, where a query with nothing that \
                  near counts as 0; kNN-10 lets the 10 nearest vote. Beside the codes stand exact search by the cosine of \
                  the latents and by the distance of the pixels (32x32 at most), and codes of as many bits cut from the \
                  pixels by PCA and ITQ. A bit is dead when more than 99.9 % of the images agree in it; effective bits are \
                  the entropies of the bits less what correlated bits repeat.\n\n\
                  JSON: images, queries, bits, map_all, map_1000, precision_10, precision_100, precision_radius_2, \
                  knn10_accuracy, reranked_knn10_accuracy (the answers of `query`), recall_10 (graph against all codes), recall_promises [{asked, measured, kept}], \
                  recall_10_at {10, 100, 1000} (of the 10 nearest latents, among so many codes), baselines {latents, \
                  pixels, pca_itq}, without_labels {distinct_codes, dead_bits, effective_bits, reconstruction_loss, own_view \
                  {images, own_distance, random_distance, auc}, note}, skipped. What needs labels or images that are \
                  not there is null."
)]
pub(super) struct Eval {
    /// Images to ask with, labelled [default: those of the index, each leaving itself out]
    #[arg(value_name = "DATA")]
    pub(super) queries: Vec<PathBuf>,
    /// Ask with at most so many images, spread evenly [default: 10,000]
    #[arg(long, value_name = "N")]
    pub(super) max_queries: Option<usize>,
    #[command(flatten)]
    pub(super) reading: Reading,
    /// Where the index's model is now, if it has moved
    #[arg(long, value_name = "MODEL")]
    pub(super) model: Option<String>,
    #[command(flatten)]
    pub(super) compute: Compute,
    #[command(flatten)]
    pub(super) described: Described,
}
