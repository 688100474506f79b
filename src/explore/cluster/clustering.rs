//! The result of clustering.

use serde::Serialize;

use super::agreement::Agreement;
use super::choose::Tried;
use super::options::Method;
use super::summary::Cluster;
use crate::explore::rows::Rows;

/// The unit of distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Differing bits of codes.
    Bits,
    /// 1 minus the cosine of latents, projected where they have more than 64 numbers.
    Cosine,
}

impl Unit {
    /// A distance as text: `12 bits`, or `0.123`.
    pub fn text(self, distance: f64) -> String {
        match self {
            Unit::Bits => format!("{distance:.0} bits"),
            Unit::Cosine => format!("{distance:.3}"),
        }
    }
}

/// The clusters of a collection; images by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustering {
    /// The method that found them, never [`Method::Auto`].
    pub method: Method,
    /// The largest first.
    pub clusters: Vec<Cluster>,
    /// The cluster of each image, `[n]`; nothing for an image in none.
    pub assignment: Vec<Option<u32>>,
    /// The distance of each image from the medoid of its cluster, `[n]`.
    pub distances: Vec<Option<f32>>,
    /// The silhouette of each image, -1 to 1, `[n]`.
    pub silhouettes: Vec<Option<f32>>,
    /// The unit of distances and diameters.
    pub unit: Unit,
    /// The mean silhouette of the images in clusters; 0 if there is only one cluster.
    pub silhouette: f64,
    /// The numbers of clusters that were tried.
    pub tried: Vec<Tried>,
    /// How well clusters and labels agree, where there are labels.
    pub agreement: Option<Agreement>,
    /// How long it took to assign each image to a cluster, in seconds, without the summary that follows.
    pub assign_seconds: f64,
    /// How many images of each cluster have each label, `[clusters, labels]`; where some images are in no
    /// cluster, these are the last row.
    pub label_counts: Vec<Vec<usize>>,
}

impl Clustering {
    /// The number of images in no cluster.
    pub fn apart(&self) -> usize {
        self.assignment.iter().filter(|cluster| cluster.is_none()).count()
    }

    /// What a cluster is called: the file name of its medoid.
    pub fn name_of(&self, cluster: usize, rows: &Rows) -> String {
        self.clusters.get(cluster).map(|cluster| rows.short_name(cluster.medoid())).unwrap_or_default()
    }

    /// The most frequent label of a cluster's images, the first of equally frequent ones, and the share of
    /// the labelled ones that have it; nothing where none has a label.
    pub fn majority_of<'a>(&self, cluster: usize, rows: &'a Rows) -> Option<(&'a str, f64)> {
        let labels = self.labels_of(cluster, rows);
        let all: usize = labels.iter().map(|(_, count)| count).sum();
        let (label, count) = labels.into_iter().rev().max_by_key(|(_, count)| *count)?;
        Some((label, count as f64 / all as f64))
    }

    /// The labels of a cluster's images, with how many have each.
    pub fn labels_of<'a>(&self, cluster: usize, rows: &'a Rows) -> Vec<(&'a str, usize)> {
        let counts = self.label_counts.get(cluster).into_iter().flatten();
        let labels = rows.label_names.iter().map(String::as_str).zip(counts.copied());
        labels.filter(|(_, count)| *count > 0).collect()
    }
}
