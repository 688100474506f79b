//! The content of the page as two JSON documents: a small one that is read first, and columns with a value
//! for each image, which the map needs. Both refer to images by row.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::content::{Content, DuplicateGroup, DuplicateKind, Fact, Figure};
use super::pack::{Names, Packed, hilbert};
use crate::draw::colormap::LABELS;
use crate::explore::cluster::{Cluster, Unit};
use crate::explore::outliers::Flag;
use crate::explore::rows::Rows;

/// Limits of the lists; the rest is only counted.
const CLUSTERS: usize = 200;
const LABELS_OF_CLUSTER: usize = 12;
const OUTLIERS: usize = 120;
const FAULTY: usize = 60;
const DOUBTS: usize = 200;
const GROUPS: usize = 60;
const OF_GROUP: usize = 12;
const SOURCES: usize = 20;
const SKIPPED: usize = 200;

/// The content, and what of it is listed.
pub(super) struct Collected<'a> {
    content: &'a Content<'a>,
    /// Positions in the plane, 0 to 65,535, with the proportions of the map.
    positions: Vec<[u16; 2]>,
    outliers: Vec<u32>,
    faults: Vec<Fault>,
}

/// Images with a fault.
struct Fault {
    flag: Flag,
    count: usize,
    rows: Vec<u32>,
}

/// Name, value, explanation.
type FactRow<'a> = (&'a str, &'a str, &'a str);

#[derive(Serialize)]
struct Data<'a> {
    version: &'static str,
    images: usize,
    collection: Vec<FactRow<'a>>,
    model: Vec<FactRow<'a>>,
    quality: QualityRow<'a>,
    /// Containers and folders with their numbers of images, and how many more there are.
    sources: Vec<(String, usize)>,
    more_sources: usize,
    /// Labels with their numbers of images.
    labels: Vec<(&'a str, usize)>,
    labelled: bool,
    clusters: Clusters<'a>,
    map: &'static str,
    unit: &'static str,
    outliers: &'a [u32],
    faults: Vec<FaultRow<'a>>,
    /// Row, suggested label, its share, the share of its own label.
    doubts: Vec<(u32, u32, f64, f64)>,
    n_doubts: usize,
    duplicates: Option<DuplicatesRow<'a>>,
    skipped: Vec<(&'a str, &'a str)>,
    n_skipped: usize,
    pictured: bool,
    colours: [[u8; 3]; 10],
}

#[derive(Serialize)]
struct QualityRow<'a> {
    figures: Vec<(&'a str, f64, &'a str)>,
    facts: Vec<FactRow<'a>>,
    curve: &'a [(u32, f32)],
    note: &'a str,
}

#[derive(Serialize)]
struct Clusters<'a> {
    method: &'static str,
    unit: &'static str,
    n: usize,
    apart: usize,
    silhouette: f64,
    tried: Vec<(usize, f64)>,
    agreement: Vec<(&'a str, f64, &'a str)>,
    list: Vec<ClusterRow>,
}

#[derive(Serialize)]
struct ClusterRow {
    size: usize,
    silhouette: f64,
    diameter: f64,
    medoid: u32,
    near: Vec<u32>,
    far: Vec<u32>,
    /// Labels with their numbers of images, the most frequent first, and the number of images with other
    /// labels.
    labels: Vec<(usize, usize)>,
    others: usize,
}

#[derive(Serialize)]
struct FaultRow<'a> {
    name: &'a str,
    count: usize,
    rows: &'a [u32],
}

#[derive(Serialize)]
struct DuplicatesRow<'a> {
    kinds: Vec<(&'a str, usize, usize)>,
    facts: Vec<FactRow<'a>>,
    groups: Vec<GroupRow>,
}

#[derive(Serialize)]
struct GroupRow {
    kind: usize,
    rows: Vec<u32>,
    more: usize,
    similarity: f64,
    conflict: bool,
}

/// Values for each image.
#[derive(Serialize)]
struct PerImage {
    /// Positions, across and up alternating.
    #[serde(rename = "places")]
    positions: Packed,
    labels: Packed,
    clusters: Packed,
    /// The shares of the images that are reconstructed better, and that have nearer neighbours.
    drawn: Packed,
    alone: Packed,
    /// `n_near` neighbours of each, and their distances: differing bits, or square roots of fractions of
    /// `farthest`.
    near: Packed,
    n_near: usize,
    distances: Packed,
    farthest: f64,
    names: Names,
}

impl<'a> Collected<'a> {
    pub(super) fn of(content: &'a Content<'a>) -> Collected<'a> {
        let outliers = content.outliers.order().into_iter().take(OUTLIERS).collect();
        let all = [Flag::NearConstant, Flag::Dark, Flag::Bright, Flag::Blurred, Flag::OddAspect];
        let fault = |flag: Flag| {
            let flags = (0..).zip(&content.outliers.flags);
            let rows: Vec<u32> =
                flags.filter(|(_, flags)| flags.contains(&flag)).map(|(row, _)| row).collect();
            Fault { flag, count: rows.len(), rows: rows.into_iter().take(FAULTY).collect() }
        };
        let faults = all.into_iter().map(fault).filter(|fault| fault.count > 0).collect();
        Collected { content, positions: positions(&content.map.points), outliers, faults }
    }

    /// The rows in the order of their positions along a curve, so that images seen together are on the same
    /// sheets.
    pub(super) fn along_the_curve(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = (0..self.positions.len() as u32).collect();
        rows.sort_by_cached_key(|&row| (hilbert(self.positions[row as usize]), row));
        rows
    }

    /// The rows of all listed images, ascending.
    pub(super) fn listed(&self) -> Vec<u32> {
        let mut rows: BTreeSet<u32> = self.outliers.iter().copied().collect();
        rows.extend(self.faults.iter().flat_map(|fault| &fault.rows));
        rows.extend(self.content.outliers.doubts.iter().take(DOUBTS).map(|doubt| doubt.row));
        for cluster in self.content.clustering.clusters.iter().take(CLUSTERS) {
            rows.insert(cluster.medoid());
            rows.extend(cluster.nearest());
            rows.extend(cluster.farthest());
        }
        let groups = self.content.duplicates.iter().flat_map(|found| found.groups.iter().take(GROUPS));
        rows.extend(groups.flat_map(|group| group.rows.iter().take(OF_GROUP)));
        rows.into_iter().collect()
    }

    /// The document that is read first.
    pub(super) fn data(&self) -> String {
        let Content { rows, clustering, outliers, .. } = self.content;
        let (sources, more_sources) = sources(self.content.rows);
        let mut images = vec![0; rows.label_names.len()];
        rows.labels.iter().flatten().for_each(|&label| images[label as usize] += 1);
        let doubts = outliers.doubts.iter().take(DOUBTS);
        let skipped = self.content.skipped.iter().take(SKIPPED);
        let data = Data {
            version: env!("CARGO_PKG_VERSION"),
            images: rows.len(),
            collection: facts(&self.content.collection),
            model: facts(&self.content.model),
            quality: QualityRow {
                figures: figures(&self.content.quality.figures),
                facts: facts(&self.content.quality.facts),
                curve: &self.content.quality.curve,
                note: &self.content.quality.note,
            },
            sources,
            more_sources,
            labels: rows.label_names.iter().map(String::as_str).zip(images).collect(),
            labelled: rows.is_labelled(),
            clusters: Clusters {
                method: clustering.method.name(),
                unit: match clustering.unit {
                    Unit::Bits => "bits",
                    Unit::Cosine => "cosine",
                },
                n: clustering.clusters.len(),
                apart: clustering.apart(),
                silhouette: short(clustering.silhouette),
                tried: clustering.tried.iter().map(|tried| (tried.k, short(tried.silhouette))).collect(),
                agreement: self.agreement(),
                list: clustering
                    .clusters
                    .iter()
                    .take(CLUSTERS)
                    .enumerate()
                    .map(|at| self.cluster(at))
                    .collect(),
            },
            map: self.content.map.options.method.name(),
            unit: self.unit(),
            outliers: &self.outliers,
            faults: self.faults.iter().map(fault_row).collect(),
            doubts: doubts
                .map(|doubt| {
                    let shares = [doubt.share, doubt.own_share].map(|share| short(f64::from(share)));
                    (doubt.row, doubt.suggested, shares[0], shares[1])
                })
                .collect(),
            n_doubts: outliers.doubts.len(),
            duplicates: self.duplicates(),
            skipped: skipped.map(|skipped| (skipped.path.as_str(), skipped.reason.as_str())).collect(),
            n_skipped: self.content.skipped.len(),
            pictured: self.content.pictures.is_some(),
            colours: LABELS,
        };
        // only numbers and text, which cannot fail
        serde_json::to_string(&data).unwrap_or_default()
    }

    /// The unit of distances between neighbours.
    fn unit(&self) -> &'static str {
        if self.content.rows.snapshot().latent_size() > 0 { "cosine" } else { "bits" }
    }

    fn agreement(&self) -> Vec<(&'static str, f64, &'static str)> {
        let Some(found) = self.content.clustering.agreement else { return Vec::new() };
        vec![
            ("purity", short(found.purity), "images that have their cluster's most frequent label"),
            ("NMI", short(found.nmi), "what clusters tell about labels, and labels about clusters"),
            ("ARI", short(found.ari), "pairs that both put together or apart, beyond chance"),
            ("accuracy", short(found.accuracy), "images right, each cluster matched with one label"),
        ]
    }

    fn cluster(&self, (number, cluster): (usize, &Cluster)) -> ClusterRow {
        let counts = self.content.clustering.label_counts.get(number).into_iter().flatten();
        let mut labels: Vec<(usize, usize)> =
            counts.copied().enumerate().filter(|(_, count)| *count > 0).collect();
        labels.sort_by_key(|&(label, count)| (std::cmp::Reverse(count), label));
        let others = labels.iter().skip(LABELS_OF_CLUSTER).map(|(_, count)| count).sum();
        labels.truncate(LABELS_OF_CLUSTER);
        ClusterRow {
            size: cluster.members.len(),
            silhouette: short(cluster.silhouette),
            diameter: short(cluster.diameter),
            medoid: cluster.medoid(),
            near: cluster.nearest().to_vec(),
            far: cluster.farthest().collect(),
            labels,
            others,
        }
    }

    fn duplicates(&self) -> Option<DuplicatesRow<'a>> {
        let found = self.content.duplicates.as_ref()?;
        let kind = |kind: &'a DuplicateKind| (kind.name.as_str(), kind.groups, kind.duplicates);
        let group = |group: &DuplicateGroup| GroupRow {
            kind: group.kind,
            rows: group.rows.iter().copied().take(OF_GROUP).collect(),
            more: group.rows.len().saturating_sub(OF_GROUP),
            similarity: short(f64::from(group.similarity)),
            conflict: group.conflict,
        };
        Some(DuplicatesRow {
            kinds: found.kinds.iter().map(kind).collect(),
            facts: facts(&found.facts),
            groups: found.groups.iter().take(GROUPS).map(group).collect(),
        })
    }

    /// The document that the map needs.
    pub(super) fn columns(&self) -> String {
        let Content { rows, clustering, outliers, near, n_near, .. } = self.content;
        let n_near = (*n_near).min(near.k);
        let all = 0..rows.len() as u32;
        let some = |values: &[f32]| values.iter().copied().map(Some).collect::<Vec<_>>();
        let of_each = |row: u32| near.of(row).map(Some).chain(std::iter::repeat(None)).take(n_near);
        let pairs: Vec<Option<(u32, f32)>> = all.clone().flat_map(of_each).collect();
        let farthest = pairs.iter().flatten().map(|(_, distance)| *distance).fold(0.0, f32::max);
        let distances = pairs.iter().map(|pair| pair.map(|(_, distance)| distance));
        let distances = match self.unit() {
            "bits" => Packed::of(&distances.map(|bits| bits.map(|bits| bits as u32)).collect::<Vec<_>>()),
            // square roots keep the digits of small distances, which most are
            _ => Packed::of_parts(distances.map(|d| d.map(|d| (d / farthest.max(f32::MIN_POSITIVE)).sqrt()))),
        };
        let columns = PerImage {
            positions: Packed::of(
                &self.positions.iter().flatten().map(|&at| Some(at.into())).collect::<Vec<_>>(),
            ),
            labels: Packed::of(&rows.labels),
            clusters: Packed::of(&clustering.assignment),
            drawn: Packed::of_parts(outliers.reconstruction_ranks.iter().copied()),
            alone: Packed::of_parts(some(&outliers.neighbour_ranks).into_iter()),
            near: Packed::of(&pairs.iter().map(|pair| pair.map(|(row, _)| row)).collect::<Vec<_>>()),
            n_near,
            distances,
            farthest: f64::from(farthest),
            names: Names::of(all.map(|row| rows.name(row))),
        };
        // only numbers and text, which cannot fail
        serde_json::to_string(&columns).unwrap_or_default()
    }
}

/// Points as positions in a square of 65,536, centred, with the same proportions.
fn positions(points: &[[f32; 2]]) -> Vec<[u16; 2]> {
    let ends = |axis: usize| {
        let of_axis = || points.iter().map(|point| point[axis]);
        (of_axis().fold(f32::INFINITY, f32::min), of_axis().fold(f32::NEG_INFINITY, f32::max))
    };
    let ends = [ends(0), ends(1)];
    let longest = ends.iter().map(|(low, high)| high - low).fold(f32::MIN_POSITIVE, f32::max);
    let position = |point: &[f32; 2]| {
        std::array::from_fn(|axis| {
            let (low, high) = ends[axis];
            (((point[axis] - (low + high) / 2.0) / longest + 0.5) * 65_534.0).round() as u16
        })
    };
    points.iter().map(position).collect()
}

/// Containers and folders with their numbers of images, the largest first; and how many more there are.
fn sources(rows: &Rows) -> (Vec<(String, usize)>, usize) {
    let mut sources: BTreeMap<String, usize> = BTreeMap::new();
    for row in 0..rows.len() as u32 {
        let name = rows.name(row);
        let source = match name.rsplit_once('#') {
            Some((container, _)) => container,
            None => name.rsplit_once(['/', '\\']).map_or("", |(folder, _)| folder),
        };
        match sources.get_mut(source) {
            Some(count) => *count += 1,
            None => drop(sources.insert(source.to_owned(), 1)),
        }
    }
    let mut sources: Vec<(String, usize)> = sources.into_iter().collect();
    sources.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let more = sources.len().saturating_sub(SOURCES);
    sources.truncate(SOURCES);
    (sources, more)
}

fn facts(facts: &[Fact]) -> Vec<FactRow<'_>> {
    facts.iter().map(|fact| (fact.name.as_str(), fact.value.as_str(), fact.about.as_str())).collect()
}

fn figures(figures: &[Figure]) -> Vec<(&str, f64, &str)> {
    let row = |figure: &'_ Figure| short(figure.value);
    figures.iter().map(|figure| (figure.name.as_str(), row(figure), figure.about.as_str())).collect()
}

fn fault_row(Fault { flag, count, rows }: &Fault) -> FaultRow<'_> {
    FaultRow { name: flag.name(), count: *count, rows }
}

/// Rounded to four digits.
fn short(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_keep_the_proportions_of_the_map() {
        assert_eq!(
            positions(&[[-1.0, 5.0], [3.0, 5.0], [1.0, 6.0]]),
            [[0, 24_575], [65_534, 24_575], [32_767, 40_959]]
        );
        assert_eq!(positions(&[[2.0, 2.0]]), [[32_767, 32_767]]);
        assert!(positions(&[]).is_empty());
    }
}
