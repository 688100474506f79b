//! What becomes of clusters: a table, a contact sheet, folders of images.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::clustering::Clustering;
use super::options::ClusterOptions;
use super::sheet::draw;
use crate::error::Result;
use crate::explore::columns;
use crate::explore::copy_out::{CopyTarget, Folder, copy_out};
use crate::explore::rows::Rows;
use crate::explore::table::{CsvTexts, Format};
use crate::gallery::check_outputs;
use crate::images::{Skipped, write_png};
use crate::observer::Observer;
use crate::output::{check_empty, check_picture};

/// What to make of clusters, besides the result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterOutputs {
    /// A table with a row for each image: path, label, cluster, distance, silhouette.
    pub table: Option<PathBuf>,
    /// A PNG file that shows images of each cluster.
    pub sheet: Option<PathBuf>,
    /// A folder to copy or link the images to, with a subfolder for each cluster.
    pub folder: Option<CopyTarget>,
    /// How texts are written in tables that are CSV.
    pub texts: CsvTexts,
}

/// Clusters, and what was made of them.
#[derive(Debug)]
pub struct WrittenClusters {
    /// The clusters.
    pub clustering: Clustering,
    /// How long clustering took, in seconds, without the outputs.
    pub seconds: f64,
    /// Files or links in the folder.
    pub files: usize,
    /// Images that could not be drawn, copied or linked.
    pub skipped: Vec<Skipped>,
}

/// Clusters the images and writes the outputs.
///
/// # Errors
/// As [`super::cluster`], or when an output cannot be written; that is checked before the work where
/// possible.
pub fn cluster_to(
    rows: &Rows,
    options: &ClusterOptions,
    outputs: &ClusterOutputs,
    observer: &dyn Observer,
) -> Result<WrittenClusters> {
    let ClusterOutputs { table, sheet, folder, texts } = outputs;
    table.as_deref().map(Format::of).transpose()?;
    sheet.as_deref().map_or(Ok(()), check_picture)?;
    folder.iter().try_for_each(|folder| check_empty(&folder.to))?;
    let files: Vec<&Path> = [table, sheet].into_iter().flatten().map(PathBuf::as_path).collect();
    check_outputs(&files, rows.snapshot(), rows.dir())?;

    let start = Instant::now();
    let clustering = super::cluster(rows, options, observer)?;
    let seconds = start.elapsed().as_secs_f64();
    let (mut files, mut skipped) = (0, Vec::new());
    if let Some(path) = table {
        columns::identity(rows).and(columns::clusters(&clustering)).write(path, *texts)?;
    }
    if let Some(path) = sheet {
        write_png(path, &draw(rows, &clustering, &mut skipped, observer))?;
    }
    if let Some(target) = folder {
        let copied = copy_out(rows, &folders(&clustering), target, observer)?;
        files = copied.files;
        skipped.extend(copied.skipped);
    }
    Ok(WrittenClusters { clustering, seconds, files, skipped })
}

/// `cluster-0`, `cluster-1` and so on, and `apart` for images in no cluster.
fn folders(found: &Clustering) -> Vec<Folder> {
    let digits = found.clusters.len().saturating_sub(1).to_string().len();
    let clusters = found.clusters.iter().enumerate();
    let mut folders: Vec<Folder> = clusters
        .map(|(id, cluster)| Folder { name: format!("cluster-{id:0digits$}"), rows: cluster.members.clone() })
        .collect();
    let apart = (0..).zip(&found.assignment).filter(|(_, cluster)| cluster.is_none());
    let apart: Vec<u32> = apart.map(|(row, _)| row).collect();
    if !apart.is_empty() {
        folders.push(Folder { name: "apart".to_owned(), rows: apart });
    }
    folders
}
