//! The verbs that draw what an autoencoder makes of images.

use std::path::PathBuf;

use clap::Args;

use super::explore::Folders;
use super::shared::{Compute, CsvArg, DeviceArg, InvertArg, LabelsArg, Looking, Reading, WhereArg};

#[derive(Debug, Args)]
pub(in crate::cli) struct Reconstruct {
    /// Image files, or anything `index` takes
    #[arg(required = true, value_name = "IMAGE|DATA")]
    pub(in crate::cli) data: Vec<PathBuf>,
    /// The PNG file to draw
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: PathBuf,
    /// Draw at most this many images, spread evenly [default: 10]
    #[arg(short = 'n', long, value_name = "N")]
    pub(in crate::cli) count: Option<usize>,
    #[command(flatten)]
    pub(in crate::cli) looking: Looking,
    #[command(flatten)]
    pub(in crate::cli) device: DeviceArg,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Denoise {
    /// Image files, or anything `index` takes
    #[arg(required = true, value_name = "IMAGE")]
    pub(in crate::cli) images: Vec<PathBuf>,
    /// Folder for the cleaned images: PNG files of the model's size, named like the originals
    #[arg(short, long, value_name = "DIR")]
    pub(in crate::cli) output: PathBuf,
    /// PNG file that shows them before and after [default: sheet.png in that folder]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) sheet: Option<PathBuf>,
    /// First add Gaussian noise of this standard deviation (black is 0, white is 1), such as 0.5
    #[arg(long, value_name = "SIGMA")]
    pub(in crate::cli) noise: Option<f32>,
    /// Seed of the noise [default: 0]
    #[arg(long, value_name = "SEED")]
    pub(in crate::cli) seed: Option<u64>,
    /// A shipped model's name, or a model folder [default: article-denoise]
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) model: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) invert: InvertArg,
    #[command(flatten)]
    pub(in crate::cli) device: DeviceArg,
}

#[derive(Debug, Args)]
#[command(
    after_help = "--diverse chooses images so that every image of the index is near one of them, the most representative first \
                  (facility location on codes). Their names go to stdout, one per line.\n\n\
                  JSON of new images: model, images, seed, sheet, files. JSON of chosen ones: choice, seed, images, chosen \
                  [{path, label, represents}], mean_distance, largest_distance, files, skipped [{path, reason}]; represents: how \
                  many images of the index are nearest to this one.\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some images could not be read, 4 the index or the model is \
                  damaged, 130 interrupted."
)]
pub(in crate::cli) struct Sample {
    /// Choose this many images that represent the index
    #[arg(long, value_name = "N", conflicts_with_all = ["random", "count", "dir", "model"])]
    pub(in crate::cli) diverse: Option<usize>,
    /// Choose this many images of the index at random
    #[arg(long, value_name = "N", conflicts_with_all = ["count", "dir", "model"])]
    pub(in crate::cli) random: Option<usize>,
    /// Number of new images [default: 100]
    #[arg(short = 'n', long, value_name = "N")]
    pub(in crate::cli) count: Option<usize>,
    /// New images: PNG file that shows them all. Chosen images: a table, as .csv, .json, .jsonl, .npz or
    /// .parquet
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) csv: CsvArg,
    /// New images: also write each to this folder
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) dir: Option<PathBuf>,
    /// Random seed [default: 0]
    #[arg(long, value_name = "SEED")]
    pub(in crate::cli) seed: Option<u64>,
    /// A model whose latents follow a known distribution: family vae or aae [default: the first shipped one]
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) model: Option<String>,
    /// Chosen images: draw them into this PNG file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) sheet: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) folders: Folders,
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    #[command(flatten)]
    pub(in crate::cli) labels: LabelsArg,
    #[command(flatten)]
    pub(in crate::cli) only: WhereArg,
    #[command(flatten)]
    pub(in crate::cli) device: DeviceArg,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Latent {
    /// Folders, image files or containers; dots are coloured by label
    #[arg(required = true)]
    pub(in crate::cli) data: Vec<PathBuf>,
    /// The PNG file to draw
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: PathBuf,
    /// Draw at most this many images, spread evenly [default: 10,000]
    #[arg(short = 'n', long, value_name = "N")]
    pub(in crate::cli) count: Option<usize>,
    /// Images along each side of the decoder's grid; 0 leaves it out [default: 15]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) grid: Option<usize>,
    /// Random seed for the drawing order of dots [default: 0]
    #[arg(long, value_name = "SEED")]
    pub(in crate::cli) seed: Option<u64>,
    #[command(flatten)]
    pub(in crate::cli) labels: LabelsArg,
    #[command(flatten)]
    pub(in crate::cli) looking: Looking,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
}
