//! Flags that several verbs take.

use std::path::PathBuf;

use aesearch_index::Access;
use clap::Args;

use crate::error::Result;
use crate::explore::table::CsvTexts;
use crate::filter::Where;
use crate::gallery::Labels;

/// Which index.
#[derive(Debug, Args)]
pub(in crate::cli) struct IndexDir {
    /// The index folder [default: .aesearch, here or in the nearest folder above]
    #[arg(long, value_name = "DIR", env = "AESEARCH_INDEX", hide_env_values = true)]
    pub(in crate::cli) index: Option<PathBuf>,
}

/// Which index, and how it is read.
#[derive(Debug, Args)]
pub(in crate::cli) struct Reading {
    #[command(flatten)]
    pub(in crate::cli) index: IndexDir,
    /// Read the index into memory instead of mapping its files: for network drives, and files that others may
    /// truncate
    #[arg(long)]
    pub(in crate::cli) no_mmap: bool,
}

impl Reading {
    pub(in crate::cli) fn access(&self) -> Access {
        if self.no_mmap { Access::Read } else { Access::Map }
    }
}

/// Which indexes, and how they are read.
#[derive(Debug, Args)]
pub(in crate::cli) struct Readings {
    /// The index folder; given several times, all are searched together, as one. A file .toml lists some: indexes =
    /// ["a", "b"], paths from its own folder [default: .aesearch, here or in the nearest folder above]
    #[arg(long = "index", value_name = "DIR|FILE.toml", env = "AESEARCH_INDEX", hide_env_values = true)]
    pub(in crate::cli) indexes: Vec<PathBuf>,
    /// Read the index into memory instead of mapping its files: for network drives, and files that others may
    /// truncate
    #[arg(long)]
    no_mmap: bool,
}

impl Readings {
    pub(in crate::cli) fn access(&self) -> Access {
        if self.no_mmap { Access::Read } else { Access::Map }
    }
}

/// Which labels count.
#[derive(Debug, Args)]
pub(in crate::cli) struct LabelsArg {
    /// Labels: auto [default], folders where they look like classes, never dates or albums; folder, all folders;
    /// none; or a .csv file with lines of path,label
    #[arg(long, value_name = "auto|folder|none|FILE.csv")]
    pub(in crate::cli) labels: Option<String>,
}

impl LabelsArg {
    pub(in crate::cli) fn choice(&self) -> Result<Labels> {
        self.labels.as_deref().map_or(Ok(Labels::default()), str::parse)
    }
}

/// Which images count.
#[derive(Debug, Args)]
pub(in crate::cli) struct WhereArg {
    /// Only images that pass, such as 'date >= 2024-06 and camera ~ pixel and not (label = cat or width <= 2000)'.
    /// Columns: path, label, date, camera, lens, width, height, format, bytes, latitude, longitude, rating, orientation,
    /// software. ~ looks for a part of the text, in either case; a date is all of its day, month or year; = none: unknown
    #[arg(long = "where", value_name = "EXPR")]
    pub(in crate::cli) expression: Option<String>,
}

impl WhereArg {
    pub(in crate::cli) fn parsed(&self) -> Result<Option<Where>> {
        self.expression.as_deref().map(str::parse).transpose()
    }
}

/// How tables are written.
#[derive(Debug, Args)]
pub(in crate::cli) struct CsvArg {
    /// Put an apostrophe before texts in .csv files that begin with = + - @, so that spreadsheets do not run them
    /// as formulas [default: true]; --safe-csv=false leaves them as they are. Columns of numbers never change
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    safe_csv: Option<bool>,
}

impl CsvArg {
    pub(in crate::cli) fn texts(&self) -> CsvTexts {
        if self.safe_csv == Some(false) { CsvTexts::Plain } else { CsvTexts::Safe }
    }
}

/// How to compute.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Compute {
    #[command(flatten)]
    pub(in crate::cli) threads: Threads,
    #[command(flatten)]
    pub(in crate::cli) device: DeviceArg,
}

/// On how many cores to compute.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Threads {
    /// Worker threads, at most 1024 [default: one per core]
    #[arg(long, value_name = "N", env = "AESEARCH_THREADS", hide_env_values = true)]
    pub(in crate::cli) threads: Option<usize>,
}

/// Where to compute.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct DeviceArg {
    /// auto [default], cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE", env = "AESEARCH_DEVICE", hide_env_values = true)]
    pub(in crate::cli) device: Option<String>,
}

/// Dark on light, or light on dark.
#[derive(Debug, Args)]
pub(in crate::cli) struct InvertArg {
    /// Invert images first: auto [default] where the model reconstructs the negative better, never, always
    #[arg(long, value_name = "WHEN", env = "AESEARCH_INVERT", hide_env_values = true)]
    pub(in crate::cli) invert: Option<String>,
}

/// Which model encodes the images, and how.
#[derive(Debug, Args)]
pub(in crate::cli) struct Looking {
    /// A shipped model's name, a model folder, or auto: digits-64 where it explains most of the images'
    /// variance and tells them apart, else photos [default: auto]
    #[arg(long, value_name = "MODEL", env = "AESEARCH_MODEL", hide_env_values = true)]
    pub(in crate::cli) model: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) invert: InvertArg,
}
