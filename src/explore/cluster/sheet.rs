//! A contact sheet of clusters: the images of each from its medoid outward.

use super::clustering::Clustering;
use super::summary::Cluster;
use crate::draw::group_sheet::{GroupSheet, SheetGroup, group_sheet};
use crate::draw::query_sheet::{Cell, Frame};
use crate::explore::read_all::read_some;
use crate::explore::rows::Rows;
use crate::images::{Pixels, Skipped};
use crate::observer::Observer;
use crate::output::{count, thousands};

/// Images of a cluster, which fill one line.
const DRAWN: usize = 9;
/// The most clusters on a sheet.
const MAX_DRAWN: usize = 60;
/// Characters of a label beside its share.
const LABEL: usize = 24;

/// Images of each cluster, evenly spread from its medoid outward.
pub(super) fn draw(
    rows: &Rows,
    found: &Clustering,
    skipped: &mut Vec<Skipped>,
    observer: &dyn Observer,
) -> Pixels {
    let mut group = |(id, cluster): (usize, &Cluster)| {
        let members = &cluster.members;
        let n = DRAWN.min(members.len());
        let ranks: Vec<usize> =
            (0..n).map(|i| i * (members.len() - 1) / n.saturating_sub(1).max(1)).collect();
        let drawn: Vec<u32> = ranks.iter().map(|&rank| members[rank]).collect();
        let images = read_some(rows, &drawn, skipped, observer);
        let cells = drawn.iter().zip(ranks).zip(images).filter_map(|((&row, rank), image)| {
            let far = found.distances[row as usize].map_or(0.0, f64::from);
            let about = match rows.label(row).filter(|_| rows.is_labelled()) {
                Some(label) => format!("{}  {label}", found.unit.text(far)),
                None => found.unit.text(far),
            };
            let name = format!("{}.  {}", thousands(rank as u64 + 1), rows.short_name(row));
            Some(Cell { image: image?, caption: vec![name, about], frame: Frame::Plain })
        });
        let labels = match rows.is_labelled() {
            true => format!(": {}", shares(found.labels_of(id, rows), members.len())),
            false => String::new(),
        };
        let images = count(members.len() as u64, "image");
        let name = found.name_of(id, rows);
        let title = format!("cluster {id}, {name}, {images}, silhouette {:.3}{labels}", cluster.silhouette);
        SheetGroup { title, cells: cells.collect() }
    };
    let groups = found.clusters.iter().enumerate().take(MAX_DRAWN).map(&mut group).collect();
    let more = found.clusters.len().saturating_sub(MAX_DRAWN);
    let [images, clusters] =
        [(rows.len(), "image"), (found.clusters.len(), "cluster")].map(|(n, noun)| count(n as u64, noun));
    group_sheet(&GroupSheet {
        title: [
            format!("{images} in {clusters}"),
            "each from its medoid, at the left, to the image that is farthest from it".to_owned(),
        ],
        groups,
        foot: if more > 0 { format!("and {} more clusters", thousands(more as u64)) } else { String::new() },
    })
}

/// `7: 98 %, 9: 2 %`: the labels of at least one image in a hundred of `size`, at most three.
pub fn shares(mut labels: Vec<(&str, usize)>, size: usize) -> String {
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
}
