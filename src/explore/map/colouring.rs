//! What the colours of a map stand for: labels or clusters, each with the image that stands for it.

use rayon::prelude::*;

use crate::error::Result;
use crate::explore::cluster::Clustering;
use crate::explore::neighbours::dot;
use crate::explore::rows::Rows;

/// Images that share a colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// A label, or `cluster 3`.
    pub name: String,
    /// Images.
    pub size: usize,
    /// The row of the image whose distances to the others have the least sum.
    pub medoid: u32,
}

/// Groups, and to which each image belongs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Groups {
    /// The largest first.
    pub groups: Vec<Group>,
    /// As a position in `groups`, `[n]`; nothing for those that belong to none.
    pub of: Vec<Option<u32>>,
}

impl Groups {
    /// Images with the same label; of equally large groups, the one whose label comes first in the alphabet.
    ///
    /// # Errors
    /// When a latent cannot be read.
    pub fn of_labels(items: &Rows<'_>) -> Result<Groups> {
        let latents = super::features(items)?;
        let size = latents.len() / items.len();
        let mut rows = vec![Vec::new(); items.label_names.len()];
        (0..).zip(&items.labels).for_each(|(row, label)| {
            if let Some(label) = label {
                rows[*label as usize].push(row);
            }
        });
        let medoids: Vec<u32> = rows.par_iter().map(|rows| medoid(rows, &latents, size)).collect();
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&label| (std::cmp::Reverse(rows[label].len()), label));
        let groups = order.iter().map(|&label| Group {
            name: items.label_names[label].clone(),
            size: rows[label].len(),
            medoid: medoids[label],
        });
        let mut place = vec![0; order.len()];
        (0..).zip(&order).for_each(|(at, &label)| place[label] = at);
        let of = items.labels.iter().map(|label| label.map(|label| place[label as usize])).collect();
        Ok(Groups { groups: groups.collect(), of })
    }

    /// The clusters that were found.
    pub fn of_clusters(found: &Clustering) -> Groups {
        let group = |(id, cluster): (usize, &crate::explore::cluster::Cluster)| Group {
            name: format!("cluster {id}"),
            size: cluster.members.len(),
            medoid: cluster.medoid(),
        };
        let groups = found.clusters.iter().enumerate().map(group).collect();
        Groups { groups, of: found.assignment.clone() }
    }

    /// No groups among `n` images.
    pub fn none(n: usize) -> Groups {
        Groups { groups: Vec::new(), of: vec![None; n] }
    }
}

/// Of unit latents, the sum of 1 less the cosine is least where the product with the sum of all is largest.
fn medoid(rows: &[u32], latents: &[f32], size: usize) -> u32 {
    let latent = |row: u32| &latents[row as usize * size..][..size];
    let mut sums = vec![0f64; size];
    for &row in rows {
        sums.iter_mut().zip(latent(row)).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let scale = sums.iter().map(|sum| sum.abs()).fold(f64::MIN_POSITIVE, f64::max);
    let sum: Vec<f32> = sums.iter().map(|sum| (sum / scale) as f32).collect();
    let nearness = |row: u32| dot(latent(row), &sum);
    let nearer = |a: &u32, b: &u32| nearness(*a).total_cmp(&nearness(*b)).then(b.cmp(a));
    rows.iter().copied().max_by(nearer).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_medoid_has_the_least_sum_of_distances() {
        let angles = [0.0f32, 0.2, 0.3, 0.35, 1.5, -0.9];
        let latents: Vec<f32> = angles.iter().flat_map(|angle| [angle.cos(), angle.sin()]).collect();
        let rows: Vec<u32> = (0..angles.len() as u32).collect();
        let sum = |row: usize| angles.iter().map(|angle| 1.0 - (angle - angles[row]).cos()).sum::<f32>();
        let best = (0..angles.len()).min_by(|&a, &b| sum(a).total_cmp(&sum(b))).unwrap();
        assert_eq!(medoid(&rows, &latents, 2), best as u32);
        assert_eq!(medoid(&[4], &latents, 2), 4);
    }
}
