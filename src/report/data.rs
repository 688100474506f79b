//! What the page knows, as two JSON documents: a small one that is read at once, and columns with a value for each image, which the map
//! needs. Images are named by their rows in both.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::pack::{Column, Names, hilbert};
use super::{DuplicateGroup, DuplicateKind, Fact, Figure, Report};
use crate::draw::colormap::LABELS;
use crate::explore::cluster::{Cluster, Unit};
use crate::explore::outliers::Flag;

/// So many are listed of what there can be many of; the rest is counted.
const CLUSTERS: usize = 200;
const LABELS_OF_CLUSTER: usize = 12;
const OUTLIERS: usize = 120;
const FAULTY: usize = 60;
const DOUBTS: usize = 200;
const GROUPS: usize = 60;
const OF_GROUP: usize = 12;
const SOURCES: usize = 20;
const SKIPPED: usize = 200;

/// What of a report has a place in the page.
pub(super) struct Collected<'a> {
    report: &'a Report<'a>,
    /// Places in the plane, 0 to 65,535, with the proportions of the map.
    places: Vec<[u16; 2]>,
    outliers: Vec<u32>,
    faults: Vec<Fault>,
}

/// Images with a fault.
struct Fault {
    flag: Flag,
    count: usize,
    rows: Vec<u32>,
}

/// Name, value, what it means.
type FactRow<'a> = (&'a str, &'a str, &'a str);

#[derive(Serialize)]
struct Data<'a> {
    version: &'static str,
    images: usize,
    collection: Vec<FactRow<'a>>,
    model: Vec<FactRow<'a>>,
    quality: QualityRow<'a>,
    /// Containers and folders with their images, and how many more there are.
    sources: Vec<(String, usize)>,
    more_sources: usize,
    /// Labels with their images.
    labels: Vec<(&'a str, usize)>,
    labelled: bool,
    clusters: Clusters<'a>,
    map: &'static str,
    unit: &'static str,
    outliers: &'a [u32],
    faults: Vec<FaultRow<'a>>,
    /// Row, suggested label, its share, the own one's.
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
    /// Labels with their images, the most frequent first, and how many images have others.
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

/// A value for each image.
#[derive(Serialize)]
struct Columns {
    /// Places, across and up, one after the other.
    places: Column,
    labels: Column,
    clusters: Column,
    /// Parts of the images that are reconstructed better, that have nearer neighbours.
    drawn: Column,
    alone: Column,
    /// So many neighbours of each, and their distances: differing bits, or square roots of parts of `farthest`.
    near: Column,
    n_near: usize,
    distances: Column,
    farthest: f64,
    names: Names,
}

impl<'a> Collected<'a> {
    pub(super) fn of(report: &'a Report<'a>) -> Collected<'a> {
        let outliers = report.outliers.order().into_iter().take(OUTLIERS).collect();
        let all = [Flag::NearConstant, Flag::Dark, Flag::Bright, Flag::Blurred, Flag::OddAspect];
        let fault = |flag: Flag| {
            let flags = (0..).zip(&report.outliers.flags);
            let rows: Vec<u32> =
                flags.filter(|(_, flags)| flags.contains(&flag)).map(|(row, _)| row).collect();
            Fault { flag, count: rows.len(), rows: rows.into_iter().take(FAULTY).collect() }
        };
        let faults = all.into_iter().map(fault).filter(|fault| fault.count > 0).collect();
        Collected { report, places: places(&report.map.points), outliers, faults }
    }

    /// The rows in the order of their places: what is seen together is then near together on the sheets.
    pub(super) fn along_the_curve(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = (0..self.places.len() as u32).collect();
        rows.sort_by_cached_key(|&row| (hilbert(self.places[row as usize]), row));
        rows
    }

    /// The images that are listed somewhere, ascending.
    pub(super) fn listed(&self) -> Vec<u32> {
        let mut rows: BTreeSet<u32> = self.outliers.iter().copied().collect();
        rows.extend(self.faults.iter().flat_map(|fault| &fault.rows));
        rows.extend(self.report.outliers.doubts.iter().take(DOUBTS).map(|doubt| doubt.row));
        for cluster in self.report.clustering.clusters.iter().take(CLUSTERS) {
            rows.insert(cluster.medoid());
            rows.extend(cluster.nearest());
            rows.extend(cluster.farthest());
        }
        let groups = self.report.duplicates.iter().flat_map(|found| found.groups.iter().take(GROUPS));
        rows.extend(groups.flat_map(|group| group.rows.iter().take(OF_GROUP)));
        rows.into_iter().collect()
    }

    /// What is read at once.
    pub(super) fn data(&self) -> String {
        let Report { items, clustering, outliers, .. } = self.report;
        let (sources, more_sources) = sources(self.report);
        let mut images = vec![0; items.label_names.len()];
        items.labels.iter().flatten().for_each(|&label| images[label as usize] += 1);
        let doubts = outliers.doubts.iter().take(DOUBTS);
        let skipped = self.report.skipped.iter().take(SKIPPED);
        let data = Data {
            version: env!("CARGO_PKG_VERSION"),
            images: items.len(),
            collection: facts(&self.report.collection),
            model: facts(&self.report.model),
            quality: QualityRow {
                figures: figures(&self.report.quality.figures),
                facts: facts(&self.report.quality.facts),
                curve: &self.report.quality.curve,
                note: &self.report.quality.note,
            },
            sources,
            more_sources,
            labels: items.label_names.iter().map(String::as_str).zip(images).collect(),
            labelled: items.is_labelled(),
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
            map: self.report.map.options.method.name(),
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
            n_skipped: self.report.skipped.len(),
            pictured: self.report.pictures.is_some(),
            colours: LABELS,
        };
        // strings and numbers: nothing in it fails
        serde_json::to_string(&data).unwrap_or_default()
    }

    /// What distances of neighbours are counted in.
    fn unit(&self) -> &'static str {
        if self.report.items.snapshot().latent_size() > 0 { "cosine" } else { "bits" }
    }

    fn agreement(&self) -> Vec<(&'static str, f64, &'static str)> {
        let Some(found) = self.report.clustering.agreement else { return Vec::new() };
        vec![
            ("purity", short(found.purity), "images that have their cluster's most frequent label"),
            ("NMI", short(found.nmi), "what clusters tell about labels, and labels about clusters"),
            ("ARI", short(found.ari), "pairs that both put together or apart, beyond chance"),
            ("accuracy", short(found.accuracy), "images right, each cluster matched with one label"),
        ]
    }

    fn cluster(&self, (number, cluster): (usize, &Cluster)) -> ClusterRow {
        let counts = self.report.clustering.label_counts.get(number).into_iter().flatten();
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
        let found = self.report.duplicates.as_ref()?;
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

    /// What the map needs.
    pub(super) fn columns(&self) -> String {
        let Report { items, clustering, outliers, near, n_near, .. } = self.report;
        let n_near = (*n_near).min(near.k);
        let rows = 0..items.len() as u32;
        let some = |values: &[f32]| values.iter().copied().map(Some).collect::<Vec<_>>();
        let of_each = |row: u32| near.of(row).map(Some).chain(std::iter::repeat(None)).take(n_near);
        let pairs: Vec<Option<(u32, f32)>> = rows.clone().flat_map(of_each).collect();
        let farthest = pairs.iter().flatten().map(|(_, distance)| *distance).fold(0.0, f32::max);
        let distances = pairs.iter().map(|pair| pair.map(|(_, distance)| distance));
        let distances = match self.unit() {
            "bits" => Column::of(&distances.map(|bits| bits.map(|bits| bits as u32)).collect::<Vec<_>>()),
            // most are small, and are to keep their digits
            _ => Column::of_parts(distances.map(|d| d.map(|d| (d / farthest.max(f32::MIN_POSITIVE)).sqrt()))),
        };
        let columns = Columns {
            places: Column::of(&self.places.iter().flatten().map(|&at| Some(at.into())).collect::<Vec<_>>()),
            labels: Column::of(&items.labels),
            clusters: Column::of(&clustering.assignment),
            drawn: Column::of_parts(outliers.reconstruction_ranks.iter().copied()),
            alone: Column::of_parts(some(&outliers.neighbour_ranks).into_iter()),
            near: Column::of(&pairs.iter().map(|pair| pair.map(|(row, _)| row)).collect::<Vec<_>>()),
            n_near,
            distances,
            farthest: f64::from(farthest),
            names: Names::of(rows.map(|row| items.name(row))),
        };
        // strings and numbers: nothing in it fails
        serde_json::to_string(&columns).unwrap_or_default()
    }
}

/// Points as places in a square of 65,536, in their proportions, in the middle.
fn places(points: &[[f32; 2]]) -> Vec<[u16; 2]> {
    let ends = |axis: usize| {
        let of_axis = || points.iter().map(|point| point[axis]);
        (of_axis().fold(f32::INFINITY, f32::min), of_axis().fold(f32::NEG_INFINITY, f32::max))
    };
    let ends = [ends(0), ends(1)];
    let longest = ends.iter().map(|(low, high)| high - low).fold(f32::MIN_POSITIVE, f32::max);
    let place = |point: &[f32; 2]| {
        std::array::from_fn(|axis| {
            let (low, high) = ends[axis];
            (((point[axis] - (low + high) / 2.0) / longest + 0.5) * 65_534.0).round() as u16
        })
    };
    points.iter().map(place).collect()
}

/// Containers and folders with how many images lie in each, those with the most first; and how many more there are.
fn sources(report: &Report<'_>) -> (Vec<(String, usize)>, usize) {
    let mut sources: BTreeMap<String, usize> = BTreeMap::new();
    for row in 0..report.items.len() as u32 {
        let name = report.items.name(row);
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

/// Four digits after the point say enough.
fn short(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_keep_the_proportions_of_the_map() {
        assert_eq!(
            places(&[[-1.0, 5.0], [3.0, 5.0], [1.0, 6.0]]),
            [[0, 24_575], [65_534, 24_575], [32_767, 40_959]]
        );
        assert_eq!(places(&[[2.0, 2.0]]), [[32_767, 32_767]]);
        assert!(places(&[]).is_empty());
    }
}
