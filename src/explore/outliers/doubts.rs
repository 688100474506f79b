//! Labels that the neighbours contradict: most of them are wrong, or their images could be either.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::explore::neighbours::Neighbours;
use crate::explore::rows::Rows;

/// An image whose neighbours bear another label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Doubt {
    /// Its row.
    pub row: u32,
    /// The label that most of its neighbours bear, by weight, as a position among the labels.
    pub suggested: u32,
    /// The part of the neighbours, by weight, with that label.
    pub share: f32,
    /// The part with the image's own.
    pub own_share: f32,
}

/// Images that bear a label, at least, for its neighbours to have a say: the only one has none of its kind around it.
const BEARERS: usize = 3;

/// The images whose `judges` nearest labelled neighbours, weighted by the cosine (or the part of the bits that is equal), give
/// another label more weight than their own; those with the largest difference first. None whose label fewer than three images of
/// the collection bear, since their neighbours cannot say.
pub(super) fn doubts(items: &Rows<'_>, near: &Neighbours, judges: usize) -> Vec<Doubt> {
    let snapshot = items.snapshot();
    let unit = if snapshot.latent_size() > 0 { 1.0 } else { snapshot.bits() as f32 };
    contradicted(&items.labels, near, judges, unit)
}

/// The same of labels, where distances are parts of `unit`.
fn contradicted(labels: &[Option<u32>], near: &Neighbours, judges: usize, unit: f32) -> Vec<Doubt> {
    let mut bearers: BTreeMap<u32, usize> = BTreeMap::new();
    labels.iter().flatten().for_each(|&label| *bearers.entry(label).or_default() += 1);
    let doubt = |row: u32| {
        let own = labels[row as usize].filter(|label| bearers[label] >= BEARERS)?;
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

    /// Everybody is as near to everybody else.
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
    fn labels_that_few_bear_are_not_judged() {
        let mut labels = vec![Some(0); 8];
        labels.extend([Some(1), Some(1), None]);
        assert_eq!(doubted(&labels), [0u32; 0]);
        labels[10] = Some(1);
        assert_eq!(doubted(&labels), [8, 9, 10]);
    }
}
