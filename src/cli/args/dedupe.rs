//! The verbs below `dedupe`: scan, apply, undo, decide, evaluate.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Compute, IndexDir, Walking};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Dedupe {
    /// Find files with the same bytes, the same pixels, or nearly the same picture; nothing is changed
    Scan(Box<Scan>),
    /// Carry out a plan: move, link or delete the duplicates that it names
    Apply(Apply),
    /// Take back what `apply` did
    Undo(Undo),
    /// Remember which images are no duplicates, or are all to be kept
    Decide(Decide),
    /// Hold what is found against known pairs: precision, recall, F1, average precision
    Evaluate(Box<Evaluate>),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Scan {
    /// Folders, image files or containers to compare; they are indexed first, where they are not yet [default: all of the index]
    pub(in crate::cli) data: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) index: IndexDir,
    /// Write the plan into this file, for `dedupe apply`
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Write an HTML file to look at and decide in
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) report: Option<PathBuf>,
    /// Draw the groups into this PNG file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) sheet: Option<PathBuf>,
    /// How often two different images may be called near duplicates, per pair tested [default: 1e-6]
    #[arg(long, value_name = "RATE")]
    pub(in crate::cli) false_positive_rate: Option<f64>,
    /// Find mirrored and turned copies as well: flip, rot90
    #[arg(long, value_name = "HOW", value_delimiter = ',')]
    pub(in crate::cli) invariant: Vec<String>,
    /// Images that are kept whatever is found: of the others, those that are there too are duplicates
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) reference: Vec<PathBuf>,
    /// Report only pairs between different paths of DATA, such as a training and a test set
    #[arg(long)]
    pub(in crate::cli) across: bool,
    /// Which image of a group is kept, the most important first [default: resolution,format,bytes,exif,oldest,shortest]
    #[arg(long, value_name = "ORDER", value_delimiter = ',')]
    pub(in crate::cli) keep: Vec<String>,
    /// Exit with 1 when there are duplicates
    #[arg(long)]
    pub(in crate::cli) exit_code: bool,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
    #[command(flatten)]
    pub(in crate::cli) walking: Walking,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Apply {
    /// The plan that `dedupe scan -o` wrote
    #[arg(value_name = "PLAN")]
    pub(in crate::cli) plan: PathBuf,
    /// list [default], move, trash, hardlink, reflink, symlink or delete
    #[arg(long, value_name = "ACTION")]
    pub(in crate::cli) action: Option<String>,
    /// Do it; without this, what would be done is only told
    #[arg(long, conflicts_with = "dry_run")]
    pub(in crate::cli) yes: bool,
    /// Only tell what would be done: the default
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Only groups of these kinds: bytes, pixels, near [default: all; with links bytes alone]
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(in crate::cli) kinds: Vec<String>,
    /// Where `move` puts the files, below their own paths [default: PLAN's name with .duplicates]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) to: Option<PathBuf>,
    /// Files beside an image that go with it: the same name with .xmp, .json or .aae
    #[arg(long)]
    pub(in crate::cli) sidecars: bool,
    /// Where each step is recorded, for `undo` [default: PLAN's name with .journal]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) journal: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Undo {
    /// The journal that `dedupe apply` wrote, or the plan beside it
    #[arg(value_name = "JOURNAL")]
    pub(in crate::cli) journal: PathBuf,
    /// Do it; without this, what would be done is only told
    #[arg(long, conflicts_with = "dry_run")]
    pub(in crate::cli) yes: bool,
    /// Only tell what would be done: the default
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Decide {
    /// Images of one group
    #[arg(value_name = "IMAGE")]
    pub(in crate::cli) images: Vec<PathBuf>,
    /// They are not duplicates of each other
    #[arg(long, conflicts_with = "keep_all")]
    pub(in crate::cli) different: bool,
    /// They are duplicates, and all of them stay
    #[arg(long)]
    pub(in crate::cli) keep_all: bool,
    /// Take the decisions about them back
    #[arg(long, conflicts_with_all = ["different", "keep_all"])]
    pub(in crate::cli) forget: bool,
    /// Add the decisions of this JSON file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) import: Option<PathBuf>,
    /// Write all decisions into this JSON file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) export: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) index: IndexDir,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Evaluate {
    /// Folders, image files or containers to compare [default: all of the index]
    pub(in crate::cli) data: Vec<PathBuf>,
    /// Pairs that are duplicates: lines of a,b or a,b,judgement, where a judgement of 0, no, false or different says that they are not
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) truth: PathBuf,
    /// Draw precision over recall into this SVG file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) curve: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) index: IndexDir,
    /// As with `dedupe scan`
    #[arg(long, value_name = "RATE")]
    pub(in crate::cli) false_positive_rate: Option<f64>,
    /// As with `dedupe scan`
    #[arg(long, value_name = "HOW", value_delimiter = ',')]
    pub(in crate::cli) invariant: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
    #[command(flatten)]
    pub(in crate::cli) walking: Walking,
}
