//! Labels that the neighbours contradict: most of them are wrong, or the image is ambiguous.

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

/// The images whose `judges` nearest labelled neighbours, weighted by cosine (or by the share of equal bits),
/// give another label more weight than their own; the largest difference first. Labels of fewer than three
/// images are not judged.
pub(super) fn doubts(rows: &Rows, near: &Neighbours, judges: usize) -> Vec<Doubt> {
    let snapshot = rows.snapshot();
    let unit = if snapshot.latent_size() > 0 { 1.0 } else { snapshot.bits() as f32 };
    contradicted(&rows.labels, near, judges, unit)
}

/// The same from labels alone; distances are fractions of `unit`.
fn contradicted(labels: &[Option<u32>], near: &Neighbours, judges: usize, unit: f32) -> Vec<Doubt> {
    let mut images_of: BTreeMap<u32, usize> = BTreeMap::new();
    labels.iter().flatten().for_each(|&label| *images_of.entry(label).or_default() += 1);
    let doubt = |row: u32| {
        let own = labels[row as usize].filter(|label| images_of[label] >= MIN_IMAGES)?;
        let mut votes: BTreeMap<u32, f32> = BTreeMap::new();
        let labelled = near.of(row).filter_map(|(other, far)| Some((labels[other as usize]?, far)));
        for (label, far) in labelled.take(judges) {
            *votes.entry(label).or_default() += (1.0 - far / unit).max(1e-3);
        }
        let total: f32 = votes.values().sum();
        let of_own = votes.get(&own).copied().unwrap_or_default();
        let others = votes.into_iter().filter(|&(label, _)| label != own);
        // of equally many votes, the first label
        let (suggested, votes) = others.fold(None, |best: Option<(u32, f32)>, one| match best {
            Some(best) if best.1 >= one.1 => Some(best),
            _ => Some(one),
        })?;
        (votes > of_own).then(|| Doubt { row, suggested, share: votes / total, own_share: of_own / total })
    };
    let mut doubts: Vec<Doubt> = (0..labels.len() as u32).filter_map(doubt).collect();
    let by = |doubt: &Doubt| doubt.share - doubt.own_share;
    doubts.sort_by(|a, b| by(b).total_cmp(&by(a)).then(a.row.cmp(&b.row)));
    doubts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All images are equally near to each other.
    fn crowd(n: u32) -> Neighbours {
        let rows: Vec<u32> = (0..n).flat_map(|row| (0..n).filter(move |&other| other != row)).collect();
        let distances = vec![0.1; rows.len()];
        Neighbours { k: n as usize - 1, rows, distances }
    }

    fn doubted(labels: &[Option<u32>]) -> Vec<u32> {
        let doubts = contradicted(labels, &crowd(labels.len() as u32), 20, 1.0);
        doubts.iter().map(|doubt| doubt.row).collect()
    }

    #[test]
    fn labels_of_few_images_are_not_judged() {
        let mut labels = vec![Some(0); 8];
        labels.extend([Some(1), Some(1), None]);
        assert_eq!(doubted(&labels), [0u32; 0]);
        labels[10] = Some(1);
        assert_eq!(doubted(&labels), [8, 9, 10]);
    }
}
