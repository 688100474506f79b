//! `aesearch report`: one HTML file about all that is in the index.

mod facts;

use std::path::{Path, PathBuf};
use std::time::Instant;

use aesearch_index::Snapshot;
use serde::Serialize;

use super::cluster;
use super::observer::TerminalObserver;
use super::outputs::check_outputs;
use super::{SkippedDocument, exit_for, skipped_documents, tell_gallery, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{bytes, count, quoted, seconds, thousands};
use crate::cli::resolve::Context;
use crate::dedupe::{self, Decisions, Plan, ScanOptions};
use crate::error::{Error, Result};
use crate::eval::report::{EvalOptions, evaluate};
use crate::explore::cluster::{ClusterOptions, Clustering};
use crate::explore::map::{Map, MapOptions, Method, map};
use crate::explore::neighbours::{Neighbours, nearest};
use crate::explore::outliers::{OutlierOptions, Outliers, Reading, outliers_among};
use crate::explore::rows::Rows;
use crate::gallery::{Gallery, OpenOptions};
use crate::output::write_whole;
use crate::report::{Pictures, Report, ReportOptions, html};

/// Where the page goes where no place is named.
const OUTPUT: &str = "report.html";
/// Neighbours that are told of each image.
const NEIGHBOURS: usize = 10;
/// The stage whose bar counts rounds instead of images.
const PLACING: &str = "placing";
/// Images that ask the others, to tell how good the codes are: figures are then right to about a hundredth.
const QUERIES: usize = 1000;

#[derive(Debug, Serialize)]
struct DuplicatesDocument {
    groups: usize,
    bytes: usize,
    pixels: usize,
    near: usize,
    /// Images beside the one of each group that would stay.
    duplicates: usize,
    /// From this similarity on images are near.
    threshold: f64,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    output: String,
    bytes: usize,
    images: usize,
    clusters: usize,
    map: &'static str,
    /// Images with a fault.
    flagged: usize,
    label_errors: usize,
    /// Nothing where they were not looked for.
    duplicates: Option<DuplicatesDocument>,
    seconds: f64,
    skipped: Vec<SkippedDocument<'a>>,
}

/// What holds.
struct Options {
    output: PathBuf,
    clusters: ClusterOptions,
    map: MapOptions,
    outliers: OutlierOptions,
    n_near: usize,
    unread: bool,
    duplicates: bool,
}

/// All that was found out about a collection.
struct Found {
    clustering: Clustering,
    near: Neighbours,
    outliers: Outliers,
    pictures: Option<Pictures>,
    map: Map,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Report) -> anyhow::Result<Exit> {
    let start = Instant::now();
    let options = resolve(context, args)?;
    let dir = context.index_dir(&args.reading.index)?;
    let gallery = open(context, args, &dir)?;
    let snapshot = Snapshot::open_with(&dir, args.reading.access()).map_err(Error::from)?;
    check_outputs(&[&options.output], &dir)?; // before the work
    let items = Rows::of(&snapshot)?;
    let found = find_out(context, &items, &gallery, (&dir, &options))?;
    let examination = EvalOptions { max_queries: QUERIES, threads: options.outliers.threads, pixels: false };
    let (judged, _) =
        stage(context, "judging", |observer| evaluate(&gallery, &dir, None, &examination, observer))?;
    let plan = match options.duplicates {
        true => told_unless_unwritable(context, scan(context, &dir))?,
        false => None,
    };
    let skipped = &found.outliers.skipped;
    let page = html(&Report {
        items: &items,
        dir: &dir,
        collection: facts::collection(&gallery, found.pictures.as_ref()),
        model: facts::model(&gallery),
        quality: facts::quality(&judged, &snapshot),
        clustering: &found.clustering,
        map: &found.map,
        outliers: &found.outliers,
        near: &found.near,
        n_near: options.n_near,
        pictures: found.pictures.as_ref(),
        duplicates: plan.as_ref().map(|plan| facts::duplicates(plan, &items, &dir)),
        skipped,
        options: ReportOptions::default(),
    });
    write_whole(&options.output, page.as_bytes())?;
    tell_skipped(&context.printer, skipped);
    let document = Document {
        output: options.output.display().to_string(),
        bytes: page.len(),
        images: items.len(),
        clusters: found.clustering.clusters.len(),
        map: found.map.options.method.name(),
        flagged: found.outliers.flags.iter().filter(|flags| !flags.is_empty()).count(),
        label_errors: found.outliers.doubts.len(),
        duplicates: plan.as_ref().map(counted),
        seconds: start.elapsed().as_secs_f64(),
        skipped: skipped_documents(skipped),
    };
    if context.printer.json {
        context.printer.document("report", &document)?;
    } else {
        context.printer.text(&text(&document))?;
    }
    Ok(exit_for(skipped))
}

fn resolve(context: &Context, args: &args::Report) -> Result<Options> {
    let clusters = cluster::resolve(&args.grouping)?;
    let method = args.map.as_deref().map_or(Ok(Method::Tsne), |name| {
        name.parse().map_err(|_| Error::invalid(format!("--map: expected pca or tsne, got {name:?}")))
    })?;
    let n_near = args.neighbours.unwrap_or(NEIGHBOURS);
    if n_near == 0 {
        return Err(Error::invalid("--neighbours: expected at least 1, got 0"));
    }
    Ok(Options {
        output: args.output.clone().unwrap_or_else(|| PathBuf::from(OUTPUT)),
        clusters,
        map: MapOptions { method, seed: clusters.seed, ..MapOptions::default() },
        outliers: OutlierOptions { threads: context.threads(&args.compute), ..OutlierOptions::default() },
        n_near,
        unread: args.unread,
        duplicates: !args.no_duplicates,
    })
}

/// What is compared is kept beside the index; where that cannot be written to, the page does without.
fn told_unless_unwritable(context: &Context, scanned: Result<Plan>) -> Result<Option<Plan>> {
    match scanned {
        Ok(plan) => Ok(Some(plan)),
        Err(error @ (Error::Invalid(_) | Error::Io { .. })) => {
            context.printer.note(&format!("what is there twice is left out: {error}"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn open(context: &Context, args: &args::Report, dir: &Path) -> Result<Gallery> {
    let default = OpenOptions::new(context.runtime.clone());
    let options = OpenOptions {
        access: args.reading.access(),
        device: context.device(&args.compute.device, default.device)?,
        ..default
    };
    let gallery = Gallery::open(dir, &options, &TerminalObserver::unstoppable(context, "opening"))?;
    tell_gallery(context, dir, &gallery);
    Ok(gallery)
}

/// One stage of the work: its bar, and with `-v` what it took.
fn stage<T>(
    context: &Context,
    what: &'static str,
    work: impl FnOnce(&TerminalObserver<'_>) -> Result<T>,
) -> Result<T> {
    let start = Instant::now();
    let observer = TerminalObserver::new(context, what);
    let done = work(&observer);
    observer.finish();
    context.printer.detail(&format!("{what}: {}", seconds(start.elapsed().as_secs_f64())));
    done
}

/// Everything but duplicates; the images are read once, for their faults, their reconstructions and their pictures.
fn find_out(
    context: &Context,
    items: &Rows<'_>,
    gallery: &Gallery,
    (dir, options): (&Path, &Options),
) -> Result<Found> {
    let clustering = stage(context, "grouping", |observer| {
        crate::explore::cluster::cluster(items, &options.clusters, observer)
    })?;
    let k = options.outliers.nearest().max(options.n_near);
    let near = stage(context, "searching", |observer| nearest(items, k, observer))?;
    let pictures = Pictures::of(if options.unread { 0 } else { items.len() });
    let seen = |row: u32, image: &crate::images::Pixels| pictures.take(row, image);
    let reading = (!options.unread).then_some(Reading { gallery, dir, seen: &seen });
    let outliers = stage(context, "reading", |observer| {
        outliers_among(items, &near, reading, &options.outliers, observer)
    })?;
    let map = stage(context, PLACING, |observer| map(items, dir, &options.map, observer))?;
    let pictures = (!options.unread).then_some(pictures);
    Ok(Found { clustering, near, outliers, pictures, map })
}

/// What is there twice, as `aesearch dedupe scan` finds it.
fn scan(context: &Context, dir: &Path) -> Result<Plan> {
    let decisions = Decisions::read(dir)?;
    let scan = stage(context, "comparing", |observer| {
        dedupe::scan(dir, &[], &ScanOptions::default(), &decisions, observer)
    })?;
    Ok(scan.plan)
}

fn counted(plan: &Plan) -> DuplicatesDocument {
    let [bytes, pixels, near] =
        facts::KINDS.map(|(kind, _)| plan.groups.iter().filter(|group| group.kind == kind).count());
    DuplicatesDocument {
        groups: plan.groups.len(),
        bytes,
        pixels,
        near,
        duplicates: plan.groups.iter().map(|group| group.duplicates.len()).sum(),
        threshold: plan.threshold.similarity,
    }
}

/// For people: what is in the file, and how to look at it.
fn text(document: &Document<'_>) -> String {
    let Document { output, images, clusters, flagged, label_errors, .. } = document;
    let mut parts = vec![count(*images as u64, "image"), count(*clusters as u64, "cluster")];
    if *flagged > 0 {
        parts.push(count(*flagged as u64, "image") + " with a fault");
    }
    if *label_errors > 0 {
        parts.push(count(*label_errors as u64, "doubtful label"));
    }
    parts.extend(document.duplicates.as_ref().map(|found| match found.groups {
        0 => "no duplicates".to_owned(),
        n => format!("{} of {}", count(n as u64, "group"), count(found.duplicates as u64, "duplicate")),
    }));
    format!(
        "{output}: {} in {} bytes ({}), made in {}\nopen it in a browser; it needs no network: {}",
        parts.join(", "),
        thousands(document.bytes as u64),
        bytes(document.bytes as u64),
        seconds(document.seconds),
        quoted(output),
    )
}
