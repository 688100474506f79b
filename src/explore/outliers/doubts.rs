//! Labels that the neighbours contradict: most of them are wrong, or their images could be either.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::explore::items::Items;
use crate::explore::neighbours::Neighbours;

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

/// The images whose `judges` nearest labelled neighbours, weighted by the cosine (or the part of the bits that is equal), give another label more weight than their own; those
/// with the largest difference first.
pub(super) fn doubts(items: &Items<'_>, near: &Neighbours, judges: usize) -> Vec<Doubt> {
    let snapshot = items.snapshot();
    let unit = if snapshot.latent_size() > 0 { 1.0 } else { snapshot.bits() as f32 };
    let doubt = |row: u32| {
        let own = items.labels[row as usize]?;
        let mut votes: BTreeMap<u32, f32> = BTreeMap::new();
        let labelled = near.of(row).filter_map(|(other, far)| Some((items.labels[other as usize]?, far)));
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
    let mut doubts: Vec<Doubt> = (0..items.len() as u32).filter_map(doubt).collect();
    let by = |doubt: &Doubt| doubt.share - doubt.own_share;
    doubts.sort_by(|a, b| by(b).total_cmp(&by(a)).then(a.row.cmp(&b.row)));
    doubts
}
