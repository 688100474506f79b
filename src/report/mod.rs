//! A collection as one self-contained HTML file that makes no network requests: what was indexed, clusters,
//! outliers, duplicates, and an interactive map.
//!
//! ```text
//! rows, clusters, outliers, neighbours, map --data--> JSON blocks (one first, one for the map) --\
//! pictures, kept while images are read ----sprites--> sheets of thumbnails as data: URIs ------> page.html
//! ```
//!
//! | file | responsibility |
//! |---|---|
//! | `content` | what a page shows |
//! | `facts` | the index, its model, the quality of its codes, duplicates, as facts with explanations |
//! | `data` | the content as JSON |
//! | `pack` | columns of numbers, names and positions in few bytes |
//! | `pictures` | small pictures of all images, kept while something else reads them |
//! | `sprites` | pictures side by side on sheets, within a budget |
//! | `page` | one HTML file |
//! | `page.html`, `.css` | the page, filled in by `crate::output` |
//! | `base.js`, `sheets.js`, `scene.js`, `map.js`, `picked.js`, `lists.js` | its script, in this order |
//!
//! Paths and labels are untrusted text: they become JSON without a `<`, and the page inserts them only as
//! text.

mod content;
mod data;
mod facts;
mod pack;
mod page;
mod pictures;
mod sprites;

use std::path::Path;

use crate::dedupe::{self, Decisions, Plan, ScanOptions};
use crate::error::{Error, Result};
use crate::eval::evaluate::{EvalOptions, evaluate};
use crate::explore::cluster::{ClusterOptions, cluster};
use crate::explore::map::{MapOptions, Method, map};
use crate::explore::neighbours::nearest;
use crate::explore::outliers::{OutlierOptions, Reading, outliers_among};
use crate::explore::rows::Rows;
use crate::filter::Where;
use crate::gallery::{Gallery, Labels, check_outputs};
use crate::images::{Pixels, Skipped};
use crate::observer::{Note, Observer};
use crate::output::write_whole;

use content::Content;
use pictures::Pictures;

pub use content::PageSize;

/// Queries that measure the quality of the codes: figures are then right to about a hundredth.
const QUERIES: usize = 1000;

/// What to report, and how to compute it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportOptions {
    /// How to cluster.
    pub clusters: ClusterOptions,
    /// How to make the map.
    pub map: MapOptions,
    /// How to look for outliers, and the threads that read images.
    pub outliers: OutlierOptions,
    /// The number of neighbours shown for each image; at least 1.
    pub neighbours: usize,
    /// Whether to read the images, for pictures, faults and reconstructions.
    pub images: bool,
    /// Whether to search for duplicates, which takes longest.
    pub duplicates: bool,
    /// Which labels count.
    pub labels: Labels,
    /// Which images are compared to find duplicates, as in the rows; none: all.
    pub only: Option<Where>,
    /// How large the page may be.
    pub size: PageSize,
}

impl Default for ReportOptions {
    fn default() -> Self {
        ReportOptions {
            clusters: ClusterOptions::default(),
            map: MapOptions::default(),
            outliers: OutlierOptions::default(),
            neighbours: 10,
            images: true,
            duplicates: true,
            labels: Labels::default(),
            only: None,
            size: PageSize::default(),
        }
    }
}

impl ReportOptions {
    /// Refuses options that cannot be used.
    ///
    /// # Errors
    /// When `neighbours` is 0, or an option of a part cannot be used.
    pub fn check(&self) -> Result<()> {
        self.clusters.check()?;
        self.map.check()?;
        self.outliers.check()?;
        match self.neighbours {
            0 => Err(Error::invalid("`neighbours`: expected at least 1, got 0")),
            _ => Ok(()),
        }
    }
}

/// The result of a report.
#[derive(Debug)]
pub struct Reported {
    /// The size of the page.
    pub bytes: usize,
    /// The number of clusters.
    pub clusters: usize,
    /// How the map was made.
    pub map: Method,
    /// The number of images with a fault.
    pub flagged: usize,
    /// The number of labels that the neighbours contradict.
    pub doubts: usize,
    /// Duplicates; nothing if they were not searched for.
    pub duplicates: Option<DuplicateCounts>,
    /// Images that could not be read.
    pub skipped: Vec<Skipped>,
}

/// Numbers of duplicates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DuplicateCounts {
    /// Groups of duplicates.
    pub groups: usize,
    /// Groups with the same bytes.
    pub bytes: usize,
    /// Groups with the same pixels.
    pub pixels: usize,
    /// Groups of near duplicates.
    pub near: usize,
    /// Groups of one picture with parts that differ or are missing.
    pub edited: usize,
    /// Images besides the one of each group that would be kept.
    pub duplicates: usize,
    /// The least similarity of near duplicates.
    pub threshold: f64,
}

/// Collects everything about an index and writes the page `to`. Images are read once, for faults,
/// reconstructions and pictures.
///
/// # Errors
/// When the options cannot be used, the index or the model fails, the page cannot be written, or the observer
/// stops the work. If duplicates cannot be searched for, because nothing can be kept beside the index, the
/// page goes without.
pub fn report(
    rows: &Rows,
    gallery: &Gallery,
    to: &Path,
    options: &ReportOptions,
    observer: &dyn Observer,
) -> Result<Reported> {
    options.check()?;
    check_outputs(&[to], rows.snapshot(), rows.dir())?; // before the work
    let clustering = cluster(rows, &options.clusters, observer)?;
    let near = nearest(rows, options.outliers.nearest().max(options.neighbours), observer)?;
    let pictures = Pictures::of(if options.images { rows.len() } else { 0 });
    let seen = |row: u32, image: &Pixels| pictures.keep(row, image);
    let reading = options.images.then_some(Reading { gallery, seen: &seen });
    let outliers = outliers_among(rows, &near, reading, &options.outliers, observer)?;
    let map = map(rows, &options.map, observer)?;
    let examination = EvalOptions {
        max_queries: QUERIES,
        threads: options.outliers.threads,
        pixels: false,
        labels: options.labels.clone(),
    };
    let quality = evaluate(gallery, &[], &examination, observer)?;
    let plan = if options.duplicates { duplicates(rows.dir(), options, observer)? } else { None };

    let pictures = options.images.then_some(&pictures);
    let page = page::html(&Content {
        rows,
        collection: facts::collection(gallery, pictures),
        model: facts::model(gallery),
        quality: facts::quality(&quality, rows.snapshot()),
        clustering: &clustering,
        map: &map,
        outliers: &outliers,
        near: &near,
        n_near: options.neighbours,
        pictures,
        duplicates: plan.as_ref().map(|plan| facts::duplicates(plan, rows)),
        skipped: &outliers.skipped,
        size: options.size,
    });
    write_whole(to, page.as_bytes())?;
    Ok(Reported {
        bytes: page.len(),
        clusters: clustering.clusters.len(),
        map: map.options.method,
        flagged: outliers.flags.iter().filter(|flags| !flags.is_empty()).count(),
        doubts: outliers.doubts.len(),
        duplicates: plan.as_ref().map(counts),
        skipped: outliers.skipped,
    })
}

/// Duplicates; nothing if the fingerprints they are compared by cannot be kept beside the index.
fn duplicates(dir: &Path, options: &ReportOptions, observer: &dyn Observer) -> Result<Option<Plan>> {
    let ReportOptions { labels, only, .. } = options.clone();
    let options = ScanOptions { labels, only, ..ScanOptions::default() };
    let scanned =
        Decisions::read(dir).and_then(|decisions| dedupe::scan(dir, &[], &options, &decisions, observer));
    match scanned {
        Ok(scan) => Ok(Some(scan.plan)),
        Err(error @ (Error::Invalid(_) | Error::Unsupported(_) | Error::TooLarge(_) | Error::Io { .. })) => {
            observer.note(&Note::new(format!("duplicates are left out: {error}")));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn counts(plan: &Plan) -> DuplicateCounts {
    let [bytes, pixels, near, edited] =
        facts::KINDS.map(|kind| plan.groups.iter().filter(|group| group.kind == kind).count());
    DuplicateCounts {
        groups: plan.groups.len(),
        bytes,
        pixels,
        near,
        edited,
        duplicates: plan.groups.iter().map(|group| group.duplicates.len()).sum(),
        threshold: plan.threshold.similarity,
    }
}
