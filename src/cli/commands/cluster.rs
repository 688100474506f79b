//! `aesearch cluster`: which images of the index belong together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use aesearch_index::Snapshot;
use serde::Serialize;

use super::outputs::check_outputs;
use super::{SkippedDocument, exit_for, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::exit::Exit;
use crate::cli::print::{Align, Table, count, seconds, thousands};
use crate::cli::resolve::Context;
use crate::draw::group_sheet::{GroupSheet, SheetGroup, group_sheet};
use crate::draw::query_sheet::{Cell, Frame};
use crate::error::{Error, Result};
use crate::explore::cluster::{Agreement, ClusterOptions, Clustering, Method, Tried, Unit, cluster};
use crate::explore::copy_out::{Folder, copy_out};
use crate::explore::export::columns;
use crate::explore::rows::Rows;
use crate::explore::table::Format;
use crate::images::{self, Limits, Pixels, Skipped};
use crate::output::check_empty;

/// Images of a cluster on the sheet, which are one line, and clusters.
const DRAWN: usize = 9;
const MAX_DRAWN: usize = 60;
/// Clusters that are listed in the text; all are in the documents.
const LISTED: usize = 60;
/// Characters of a label beside its share.
const LABEL: usize = 24;

#[derive(Debug, Serialize)]
struct ClusterDocument<'a> {
    id: usize,
    size: usize,
    medoid: String,
    diameter: f64,
    silhouette: f64,
    nearest: Vec<String>,
    farthest: Vec<String>,
    /// Images with each label that occurs.
    labels: BTreeMap<&'a str, usize>,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    method: &'static str,
    unit: Unit,
    k: usize,
    clusters: Vec<ClusterDocument<'a>>,
    /// Images that belong to no cluster.
    apart: usize,
    silhouette: f64,
    tried: &'a [Tried],
    #[serde(flatten)]
    agreement: Option<Agreement>,
    /// The clustering itself, without opening the index; and of that, until each image had its cluster.
    seconds: f64,
    assign_seconds: f64,
    files: usize,
    skipped: Vec<SkippedDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Cluster) -> anyhow::Result<Exit> {
    let options = resolve(&args.grouping)?;
    args.output.as_deref().map(Format::of).transpose()?;
    let target = args.folders.target();
    target.iter().try_for_each(|(to, _)| check_empty(to))?; // before the work
    let dir = context.index_dir(&args.reading.index)?;
    let outputs: Vec<&Path> =
        [&args.output, &args.sheet].into_iter().flatten().map(PathBuf::as_path).collect();
    check_outputs(&outputs, &dir)?;
    let snapshot = Snapshot::open_with(&dir, args.reading.access()).map_err(Error::from)?;
    let items = Rows::of(&snapshot)?;
    let start = Instant::now();
    let found = cluster(&items, &options, &TerminalObserver::new(context, "working"))?;
    let took = start.elapsed().as_secs_f64();
    let mut skipped = Vec::new();
    if let Some(path) = &args.output {
        columns::identity(&items).and(columns::clusters(&found)).write(path)?;
    }
    if let Some(path) = &args.sheet {
        images::write_png(path, &sheet(&items, &found, &dir, &mut skipped))?;
    }
    let mut files = 0;
    if let Some(target) = target {
        let gathered =
            copy_out(&items, &dir, &folders(&found), target, &TerminalObserver::new(context, "working"))?;
        files = gathered.files;
        skipped.extend(gathered.skipped);
    }
    tell_skipped(&context.printer, &skipped);
    if context.printer.json {
        context.printer.document("cluster", &document(&items, &found, took, files, &skipped))?;
    } else {
        print(context, &items, &found, took, options.k)?;
        if let Some((to, _)) = target {
            let files = count(files as u64, "image");
            context.printer.text(&format!(
                "{}: {files} in {}",
                to.display(),
                count(found.clusters.len() as u64, "folder")
            ))?;
        }
    }
    Ok(exit_for(&skipped))
}

/// What was asked for; an option that would change nothing is refused.
pub(super) fn resolve(args: &args::Grouping) -> Result<ClusterOptions> {
    let default = ClusterOptions::default();
    let method = args.method.as_deref().map_or(Ok(default.method), str::parse)?;
    let k = cluster_count(args.k.as_deref())?;
    if args.min_size.is_some() && method != Method::Hdbscan {
        let what = format!("--min-size: expected none with {}, it is for hdbscan", method.name());
        return Err(Error::invalid(what).with_hint("--k N says how many clusters there are"));
    }
    if let Some(size @ ..2) = args.min_size {
        return Err(Error::invalid(format!("--min-size: expected at least 2, got {size}")));
    }
    if args.max_k.is_some() && (k.is_some() || method == Method::Hdbscan) {
        return Err(Error::invalid(
            "--max-k: expected --k auto beside it, where numbers of clusters are tried",
        ));
    }
    Ok(ClusterOptions {
        method,
        k,
        max_k: args.max_k.unwrap_or(default.max_k),
        min_size: args.min_size,
        seed: args.seed.unwrap_or(default.seed),
    })
}

/// How many clusters; nothing where that is to be found.
pub(super) fn cluster_count(k: Option<&str>) -> Result<Option<usize>> {
    match k {
        None | Some("auto") => Ok(None),
        Some(number) => number.parse().map(Some).map_err(|_| {
            Error::invalid(format!("--k: expected a number of clusters or auto, got {number:?}"))
        }),
    }
}

fn document<'a>(
    items: &'a Rows<'_>,
    found: &'a Clustering,
    seconds: f64,
    files: usize,
    skipped: &'a [Skipped],
) -> Document<'a> {
    let name = |row: u32| items.name(row).into_owned();
    let clusters = found.clusters.iter().enumerate().map(|(id, cluster)| ClusterDocument {
        id,
        size: cluster.members.len(),
        medoid: name(cluster.medoid()),
        diameter: cluster.diameter,
        silhouette: cluster.silhouette,
        nearest: cluster.nearest().iter().map(|&row| name(row)).collect(),
        farthest: cluster.farthest().map(name).collect(),
        labels: labels(items, found, id).collect(),
    });
    Document {
        method: found.method.name(),
        unit: found.unit,
        k: found.clusters.len(),
        clusters: clusters.collect(),
        apart: found.apart(),
        silhouette: found.silhouette,
        tried: &found.tried,
        agreement: found.agreement,
        seconds,
        assign_seconds: found.assign_seconds,
        files,
        skipped: skipped_documents(skipped),
    }
}

/// The labels of a cluster's images, with how many have each.
fn labels<'a>(
    items: &'a Rows<'_>,
    found: &'a Clustering,
    cluster: usize,
) -> impl Iterator<Item = (&'a str, usize)> {
    let counts = found.label_counts.get(cluster).into_iter().flatten();
    items.label_names.iter().map(String::as_str).zip(counts.copied()).filter(|(_, count)| *count > 0)
}

fn folders(found: &Clustering) -> Vec<Folder> {
    let digits = found.clusters.len().saturating_sub(1).to_string().len();
    let of_cluster = |(id, cluster): (usize, &crate::explore::cluster::Cluster)| Folder {
        name: format!("cluster-{id:0digits$}"),
        rows: cluster.members.clone(),
    };
    let mut folders: Vec<Folder> = found.clusters.iter().enumerate().map(of_cluster).collect();
    let apart: Vec<u32> =
        (0..).zip(&found.assignment).filter(|(_, cluster)| cluster.is_none()).map(|(row, _)| row).collect();
    if !apart.is_empty() {
        folders.push(Folder { name: "apart".to_owned(), rows: apart });
    }
    folders
}

fn print(
    context: &Context,
    items: &Rows<'_>,
    found: &Clustering,
    took: f64,
    asked: Option<usize>,
) -> anyhow::Result<()> {
    let summary = summary(items, found, took, asked);
    if found.clusters.is_empty() {
        return context.printer.text(&summary); // a table would have no rows
    }
    context.printer.table(&table(items, found))?;
    context.printer.text(&format!("\n{summary}"))
}

/// A row for each cluster.
fn table(items: &Rows<'_>, found: &Clustering) -> Table {
    let mut columns = vec![
        ("cluster", Align::Right),
        ("images", Align::Right),
        ("diameter", Align::Right),
        ("silhouette", Align::Right),
    ];
    if items.is_labelled() {
        columns.push(("labels", Align::Left));
    }
    columns.push(("medoid", Align::Left));
    let mut table = Table::new(&columns);
    for (id, cluster) in found.clusters.iter().enumerate().take(LISTED) {
        let mut cells = vec![
            id.to_string(),
            thousands(cluster.members.len() as u64),
            distance(found.unit, cluster.diameter),
            format!("{:.3}", cluster.silhouette),
        ];
        if items.is_labelled() {
            cells.push(most_frequent(items, found, id));
        }
        cells.push(items.name(cluster.medoid()).into_owned());
        table.row(cells);
    }
    table
}

/// Of a cluster, as [`shares`].
fn most_frequent(items: &Rows<'_>, found: &Clustering, cluster: usize) -> String {
    shares(labels(items, found, cluster).collect(), found.clusters[cluster].members.len())
}

/// `7: 98 %, 9: 2 %`: the labels of one image in a hundred or more of `size`, at most three.
fn shares(mut labels: Vec<(&str, usize)>, size: usize) -> String {
    labels.sort_by_key(|(label, count)| (std::cmp::Reverse(*count), *label));
    let shares = labels.iter().map(|(label, count)| (label, 100.0 * *count as f64 / size as f64));
    let shares: Vec<String> = shares
        .filter(|(_, share)| *share >= 1.0)
        .take(3)
        .map(|(label, share)| format!("{}: {share:.0} %", short(label)))
        .collect();
    shares.join(", ")
}

/// A label that leaves room for others beside it.
fn short(label: &str) -> String {
    match label.chars().count() {
        n if n > LABEL => label.chars().take(LABEL - 2).chain("..".chars()).collect(),
        _ => label.to_owned(),
    }
}

fn distance(unit: Unit, distance: f64) -> String {
    match unit {
        Unit::Bits => format!("{distance:.0} bits"),
        Unit::Cosine => format!("{distance:.3}"),
    }
}

fn summary(items: &Rows<'_>, found: &Clustering, took: f64, asked: Option<usize>) -> String {
    let k = count(found.clusters.len() as u64, "cluster");
    let apart = match found.apart() {
        0 => String::new(),
        n => format!(", {} in none", thousands(n as u64)),
    };
    let images = count(items.len() as u64, "image");
    let mut lines = vec![format!(
        "{images} in {k}{apart} by {}, silhouette {:.3}, {}",
        found.method.name(),
        found.silhouette,
        seconds(took)
    )];
    lines.extend(too_few(found.clusters.len(), found.method, asked));
    if found.clusters.len() > LISTED {
        lines.insert(
            0,
            format!("... and {} more: -o FILE and --json have all", found.clusters.len() - LISTED),
        );
    }
    if let (Some(first), Some(last)) = (found.tried.first(), found.tried.last()) {
        let mut best = found.tried.clone();
        best.sort_by(|a, b| b.silhouette.total_cmp(&a.silhouette));
        let next: Vec<String> =
            best.iter().skip(1).take(2).map(|tried| format!("{} {:.3}", tried.k, tried.silhouette)).collect();
        let next = if next.is_empty() { String::new() } else { format!("; next best {}", next.join(", ")) };
        lines.push(format!("the best of {} to {} clusters by silhouette{next}", first.k, last.k));
    }
    if let Some(Agreement { purity, nmi, ari, accuracy }) = found.agreement {
        lines.push(format!(
            "with labels: purity {purity:.3}, NMI {nmi:.3}, ARI {ari:.3}, accuracy {accuracy:.3}"
        ));
    }
    lines.join("\n")
}

/// Why there are fewer clusters than one would expect.
fn too_few(clusters: usize, method: Method, asked: Option<usize>) -> Option<String> {
    match asked {
        Some(n) if clusters < n => {
            Some(format!("asked for {}; there are no more distinct images", thousands(n as u64)))
        }
        None if clusters == 0 && method == Method::Hdbscan => {
            Some("no part is dense enough: try a smaller --min-size".to_owned())
        }
        _ => None,
    }
}

/// The images of each cluster from its medoid outward, evenly.
fn sheet(items: &Rows<'_>, found: &Clustering, dir: &Path, skipped: &mut Vec<Skipped>) -> Pixels {
    let limits = Limits::default();
    let mut draw = |(id, cluster): (usize, &crate::explore::cluster::Cluster)| {
        let members = &cluster.members;
        let n = DRAWN.min(members.len());
        let rows: Vec<u32> =
            (0..n).map(|i| members[i * (members.len() - 1) / n.saturating_sub(1).max(1)]).collect();
        let cells = rows.iter().zip(items.find(rows.iter().copied(), dir)).filter_map(|(&row, item)| {
            match item.and_then(|item| images::load(&item, &limits)) {
                Ok(loaded) => {
                    let far = found.distances[row as usize].map_or(0.0, f64::from);
                    let label = items.label(row).map(str::to_owned).unwrap_or_default();
                    let caption = vec![distance(found.unit, far), label];
                    Some(Cell { image: loaded.pixels, caption, frame: Frame::Plain })
                }
                Err(reason) => {
                    skipped.push(Skipped::new(items.snapshot().name(items.ids[row as usize]), reason));
                    None
                }
            }
        });
        let labels = if items.is_labelled() {
            format!(": {}", most_frequent(items, found, id))
        } else {
            String::new()
        };
        let images = count(members.len() as u64, "image");
        let title = format!("cluster {id}, {images}, silhouette {:.3}{labels}", cluster.silhouette);
        SheetGroup { title, cells: cells.collect() }
    };
    let groups = found.clusters.iter().enumerate().take(MAX_DRAWN).map(&mut draw).collect();
    let more = found.clusters.len().saturating_sub(MAX_DRAWN);
    group_sheet(&GroupSheet {
        title: [
            format!(
                "{} in {}",
                count(items.len() as u64, "image"),
                count(found.clusters.len() as u64, "cluster")
            ),
            "each from its medoid, at the left, to the image that is farthest from it".to_owned(),
        ],
        groups,
        foot: if more > 0 { format!("{more} more clusters") } else { String::new() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_told_apart_from_their_shares() {
        assert_eq!(shares(vec![("7", 98), ("9", 2), ("4", 0)], 100), "7: 98 %, 9: 2 %");
        let long = "great crested grebes of the lake";
        assert_eq!(shares(vec![(long, 5)], 5), "great crested grebes o..: 100 %");
        assert_eq!(short("exactly twenty-four here").chars().count(), LABEL);
        assert_eq!(short("exactly twenty-four here"), "exactly twenty-four here");
    }

    #[test]
    fn fewer_clusters_than_asked_for_are_explained() {
        let told = |clusters, method, asked| too_few(clusters, method, asked).unwrap_or_default();
        assert_eq!(told(3, Method::KMeans, Some(5)), "asked for 5; there are no more distinct images");
        assert!(told(0, Method::Hdbscan, None).contains("--min-size"));
        assert_eq!(told(5, Method::KMeans, Some(5)), "");
        assert_eq!(told(2, Method::Hdbscan, None), "");
    }
}
