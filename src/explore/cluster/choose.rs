//! The number of clusters: the one with the largest mean silhouette (Rousseeuw 1987) on a sample.

use serde::Serialize;

use super::space::Space;
use super::summary::silhouettes;

/// How well a number of clusters fits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tried {
    /// The number of clusters.
    pub k: usize,
    /// The mean silhouette of the images of the sample, -1 to 1.
    pub silhouette: f64,
}

/// Tries every number from 2 to `most`: `part` divides a sample into that many clusters, whose silhouettes
/// are measured in `space`. Nothing if `part` gives nothing.
pub(super) fn try_all<S: Space>(
    space: &S,
    most: usize,
    part: &dyn Fn(usize) -> Option<Vec<u32>>,
) -> Option<Vec<Tried>> {
    let try_one = |k| {
        let clusters: Vec<Option<u32>> = part(k)?.into_iter().map(Some).collect();
        let each = silhouettes(space, &clusters, &space.totals(&clusters, k), k);
        let sum: f64 = each.iter().flatten().map(|&silhouette| f64::from(silhouette)).sum();
        let found = clusters.iter().flatten().max().map_or(0, |&most| most as usize + 1);
        Some((found, Tried { k, silhouette: sum / space.len() as f64 }))
    };
    let mut tried = Vec::new();
    for k in 2..=most.min(space.len()) {
        let (found, one) = try_one(k)?;
        if found < k {
            break; // there are no more distinct images
        }
        tried.push(one);
    }
    Some(tried)
}

/// The best number, the smallest of equally good ones; 1 if none was tried.
pub(super) fn best(tried: &[Tried]) -> usize {
    let better = |best: Option<Tried>, one: &Tried| match best {
        Some(best) if best.silhouette >= one.silhouette => Some(best),
        _ => Some(*one),
    };
    tried.iter().fold(None, better).map_or(1, |best| best.k)
}
