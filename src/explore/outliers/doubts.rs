//! Labels that the neighbours contradict: wrong, or of an ambiguous image, or of labels that the latents hardly
//! separate.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::explore::neighbours::Neighbours;
use crate::explore::rows::Rows;

/// An image whose neighbours have another label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Doubt {
    /// Its row.
    pub row: u32,
    /// The label that most of its neighbours have, by weight, as a position in `Rows::label_names`.
    pub suggested: u32,
    /// The share of the neighbours, by weight, with that label.
    pub share: f32,
    /// The share with the image's own label.
    pub own_share: f32,
}

/// A label is judged only if at least this many images have it: a single one has no other around it.
const MIN_IMAGES: usize = 3;
/// A doubt takes less than this part of the support that a label usually has among the neighbours of its own
/// images, and at least this part of it for the suggested one: labels that the latents hardly separate are
/// all surrounded by each other.
const OF_USUAL: f32 = 0.5;

/// The images whose `judges` nearest labelled neighbours, weighted by cosine (or by the share of equal bits),
/// give another label more weight than their own, and unusually little to their own; the largest difference
/// first. Labels of fewer than three images are not judged.
pub(super) fn doubts(rows: &Rows, near: &Neighbours, judges: usize) -> Vec<Doubt> {
    let snapshot = rows.snapshot();
    let unit = if snapshot.latent_size() > 0 { 1.0 } else { snapshot.bits() as f32 };
    contradicted(&rows.labels, near, judges, unit)
}

/// The same from labels alone; distances are fractions of `unit`.
fn contradicted(labels: &[Option<u32>], near: &Neighbours, judges: usize, unit: f32) -> Vec<Doubt> {
    // of each label, how many images have it, and the sum of the shares of it among their neighbours
    let mut known: BTreeMap<u32, (usize, f32)> = BTreeMap::new();
    // the share of each label among the neighbours of an image, by weight
    let shares_of = |(row, label): (u32, &Option<u32>)| {
        let mut votes: BTreeMap<u32, f32> = BTreeMap::new();
        let labelled = near.of(row).filter_map(|(other, far)| Some((labels[other as usize]?, far)));
        for (label, far) in labelled.take(if label.is_some() { judges } else { 0 }) {
            *votes.entry(label).or_default() += (1.0 - far / unit).max(1e-3);
        }
        let total: f32 = votes.values().sum();
        votes.values_mut().for_each(|votes| *votes /= total);
        votes
    };
    let shares: Vec<BTreeMap<u32, f32>> = (0..).zip(labels).map(shares_of).collect();
    for (label, shares) in labels.iter().zip(&shares) {
        if let Some(label) = label {
            let (images, sum) = known.entry(*label).or_default();
            *images += 1;
            *sum += shares.get(label).copied().unwrap_or_default();
        }
    }
    let usual = |label: u32| known.get(&label).map_or(0.0, |&(images, sum)| sum / images as f32);
    let doubt = |row: u32| {
        let own = labels[row as usize].filter(|label| known[label].0 >= MIN_IMAGES)?;
        let shares = &shares[row as usize];
        let own_share = shares.get(&own).copied().unwrap_or_default();
        let others = shares.iter().map(|(&label, &share)| (label, share)).filter(|&(label, _)| label != own);
        // of equal shares, the first label
        let (suggested, share) = others.fold(None, |best: Option<(u32, f32)>, one| match best {
            Some(best) if best.1 >= one.1 => Some(best),
            _ => Some(one),
        })?;
        let is_unusual = own_share < OF_USUAL * usual(own) && share >= OF_USUAL * usual(suggested);
        (share > own_share && is_unusual).then_some(Doubt { row, suggested, share, own_share })
    };
    let mut doubts: Vec<Doubt> = (0..labels.len() as u32).filter_map(doubt).collect();
    let by = |doubt: &Doubt| doubt.share - doubt.own_share;
    doubts.sort_by(|a, b| by(b).total_cmp(&by(a)).then(a.row.cmp(&b.row)));
    doubts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::neighbours::NONE;

    /// Each image is equally near to all others of its group.
    fn groups(of: &[u32]) -> Neighbours {
        let k = of.len() - 1;
        let (mut rows, mut distances) = (Vec::new(), Vec::new());
        for (row, group) in (0..).zip(of) {
            let start = rows.len();
            rows.extend((0..of.len() as u32).filter(|&other| other != row && of[other as usize] == *group));
            distances.resize(rows.len(), 0.1);
            rows.resize(start + k, NONE);
            distances.resize(start + k, f32::INFINITY);
        }
        Neighbours { k, rows, distances }
    }

    fn doubted(labels: &[Option<u32>], of: &[u32]) -> Vec<(u32, u32)> {
        let doubts = contradicted(labels, &groups(of), 20, 1.0);
        doubts.iter().map(|doubt| (doubt.row, doubt.suggested)).collect()
    }

    #[test]
    fn a_wrong_label_is_contradicted() {
        let mut labels = [vec![Some(0); 8], vec![Some(1); 8], vec![None]].concat();
        let of = [vec![0; 8], vec![1; 9]].concat();
        assert_eq!(doubted(&labels, &of), []);
        labels[3] = Some(1);
        assert_eq!(doubted(&labels, &of), [(3, 0)]);
        labels[3] = Some(2); // of which there is no other
        assert_eq!(doubted(&labels, &of), []);
    }

    #[test]
    fn labels_that_are_never_among_themselves_are_not_doubted() {
        // all are near to all: eight of one label, three of another
        let labels = [vec![Some(0); 8], vec![Some(1); 3]].concat();
        assert_eq!(doubted(&labels, &[0; 11]), []);
    }
}
