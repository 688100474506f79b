//! `aesearch cluster`: groups of similar images.

use std::collections::BTreeMap;

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, open_rows, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{Align, Table, count, seconds, thousands};
use crate::cli::resolve::Context;
use crate::error::{Error, Result};
use crate::explore::cluster::{
    Agreement, ClusterOptions, ClusterOutputs, Clustering, Method, Tried, Unit, WrittenClusters, cluster_to,
    shares,
};
use crate::explore::rows::Rows;

/// Clusters that are listed in the text; all are in the documents.
const LISTED: usize = 60;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ClusterDocument<'a> {
    /// From 0.
    id: usize,
    /// The file name of the medoid.
    name: String,
    /// Images.
    size: usize,
    /// The image in its middle.
    medoid: String,
    /// The largest distance of two images.
    diameter: f64,
    /// Mean over its images, -1 to 1.
    silhouette: f64,
    /// The images nearest to the medoid.
    nearest: Vec<String>,
    /// Those farthest from it.
    farthest: Vec<String>,
    /// The most frequent label, and the share of the labelled images that have it.
    label: Option<&'a str>,
    purity: Option<f64>,
    /// The number of images with each label.
    labels: BTreeMap<&'a str, usize>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document<'a> {
    /// How it was clustered.
    method: &'static str,
    /// Of distances.
    unit: Unit,
    /// The number of clusters.
    k: usize,
    /// The largest first.
    clusters: Vec<ClusterDocument<'a>>,
    /// Images in no cluster.
    apart: usize,
    /// Mean over the images, -1 to 1.
    silhouette: f64,
    /// Numbers of clusters, where it was chosen.
    tried: &'a [Tried],
    #[serde(flatten)]
    agreement: Option<Agreement>,
    /// Clustering without opening the index; and the part of it until each image had its cluster.
    seconds: f64,
    assign_seconds: f64,
    /// Copies or links that were made.
    files: usize,
    /// Images that could not be drawn or copied.
    skipped: Vec<SkippedDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Cluster) -> anyhow::Result<Exit> {
    let options = resolve(&args.grouping)?;
    let outputs = ClusterOutputs {
        table: args.output.clone(),
        sheet: args.sheet.clone(),
        folder: args.folders.target(),
        texts: args.csv.texts(),
    };
    let dir = context.index_dir(&args.reading.index)?;
    let rows = open_rows(context, &dir, &args.reading, (&args.labels, &args.only))?;
    let observer = TerminalObserver::new(context, "clustering");
    let done = cluster_to(&rows, &options, &outputs, &observer);
    observer.finish();
    let done = done?;
    tell_skipped(&context.printer, &done.skipped);
    if context.printer.json {
        context.printer.document("cluster", &document(&rows, &done))?;
    } else {
        print(context, &rows, &done, options.k)?;
        if let Some(target) = &outputs.folder {
            let files = count(done.files as u64, "image");
            let folders = count(done.clustering.clusters.len() as u64, "folder");
            context.printer.text(&format!("{}: {files} in {folders}", target.to.display()))?;
        }
    }
    Ok(exit_for(&done.skipped))
}

/// The clustering that was asked for.
pub(super) fn resolve(args: &args::Grouping) -> Result<ClusterOptions> {
    let default = ClusterOptions::default();
    let method = args.method.as_deref().map_or(Ok(default.method), str::parse)?;
    let k = cluster_count(args.k.as_deref())?;
    let options = ClusterOptions {
        method,
        k,
        max_k: args.max_k.unwrap_or(default.max_k),
        min_size: args.min_size,
        seed: args.seed.unwrap_or(default.seed),
    };
    options.check()?;
    if args.max_k.is_some() && (k.is_some() || method == Method::Hdbscan) {
        return Err(Error::invalid(
            "--max-k: expected --k auto beside it, where numbers of clusters are tried",
        ));
    }
    Ok(options)
}

/// The number of clusters; nothing if it is to be chosen.
pub(super) fn cluster_count(k: Option<&str>) -> Result<Option<usize>> {
    match k {
        None | Some("auto") => Ok(None),
        Some(number) => number.parse().map(Some).map_err(|_| {
            Error::invalid(format!("--k: expected a number of clusters or auto, got {number:?}"))
        }),
    }
}

fn document<'a>(rows: &'a Rows, done: &'a WrittenClusters) -> Document<'a> {
    let WrittenClusters { clustering: found, seconds, files, skipped } = done;
    let name = |row: u32| rows.name(row).into_owned();
    let clusters = found.clusters.iter().enumerate().map(|(id, cluster)| {
        let (label, purity) = found.majority_of(id, rows).unzip();
        ClusterDocument {
            id,
            name: found.name_of(id, rows),
            size: cluster.members.len(),
            medoid: name(cluster.medoid()),
            diameter: cluster.diameter,
            silhouette: cluster.silhouette,
            nearest: cluster.nearest().iter().map(|&row| name(row)).collect(),
            farthest: cluster.farthest().map(name).collect(),
            label,
            purity,
            labels: found.labels_of(id, rows).into_iter().collect(),
        }
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
        seconds: *seconds,
        assign_seconds: found.assign_seconds,
        files: *files,
        skipped: skipped_documents(skipped),
    }
}

fn print(context: &Context, rows: &Rows, done: &WrittenClusters, asked: Option<usize>) -> anyhow::Result<()> {
    let found = &done.clustering;
    let summary = summary(rows, found, done.seconds, asked);
    if found.clusters.is_empty() {
        return context.printer.text(&summary); // a table would have no rows
    }
    context.printer.table(&table(rows, found))?;
    context.printer.text(&format!("\n{summary}"))
}

/// A row for each cluster.
fn table(rows: &Rows, found: &Clustering) -> Table {
    let mut columns = vec![
        ("cluster", Align::Right),
        ("images", Align::Right),
        ("diameter", Align::Right),
        ("silhouette", Align::Right),
    ];
    if rows.is_labelled() {
        columns.push(("labels", Align::Left));
    }
    columns.push(("medoid", Align::Left));
    let mut table = Table::new(&columns);
    for (id, cluster) in found.clusters.iter().enumerate().take(LISTED) {
        let mut cells = vec![
            id.to_string(),
            thousands(cluster.members.len() as u64),
            found.unit.text(cluster.diameter),
            format!("{:.3}", cluster.silhouette),
        ];
        if rows.is_labelled() {
            cells.push(shares(found.labels_of(id, rows), cluster.members.len()));
        }
        cells.push(rows.name(cluster.medoid()).into_owned());
        table.row(cells);
    }
    table
}

fn summary(rows: &Rows, found: &Clustering, took: f64, asked: Option<usize>) -> String {
    let k = count(found.clusters.len() as u64, "cluster");
    let apart = match found.apart() {
        0 => String::new(),
        n => format!(", {} in none", thousands(n as u64)),
    };
    let images = count(rows.len() as u64, "image");
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
            Some("no region is dense enough: try a smaller --min-size".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_clusters_than_asked_for_are_explained() {
        let text = |clusters, method, asked| too_few(clusters, method, asked).unwrap_or_default();
        assert_eq!(text(3, Method::KMeans, Some(5)), "asked for 5; there are no more distinct images");
        assert!(text(0, Method::Hdbscan, None).contains("--min-size"));
        assert_eq!(text(5, Method::KMeans, Some(5)), "");
        assert_eq!(text(2, Method::Hdbscan, None), "");
    }
}
