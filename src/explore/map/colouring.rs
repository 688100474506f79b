//! The colours of a map: labels or clusters, each with its medoid.

use rayon::prelude::*;

use crate::error::Result;
use crate::explore::cluster::{Cluster, Clustering};
use crate::explore::neighbours::dot;
use crate::explore::rows::Rows;

/// Images that share a colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColourGroup {
    /// A label, or `cluster 3`.
    pub name: String,
    /// The number of images.
    pub size: usize,
    /// The row of the medoid: the image with the least sum of distances to the others.
    pub medoid: u32,
}

/// Groups of images, and the group of each image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Colouring {
    /// The largest first.
    pub groups: Vec<ColourGroup>,
    /// The group of each image as a position in `groups`, `[n]`; nothing for images in none.
    pub of: Vec<Option<u32>>,
}

impl Colouring {
    /// A group for each label; equally large ones in the order of their labels.
    ///
    /// # Errors
    /// When the index is damaged.
    pub fn of_labels(rows: &Rows) -> Result<Colouring> {
        let vectors = rows.unit_vectors()?;
        let size = vectors.len() / rows.len();
        let mut members = vec![Vec::new(); rows.label_names.len()];
        (0..).zip(&rows.labels).for_each(|(row, label)| {
            if let Some(label) = label {
                members[*label as usize].push(row);
            }
        });
        let medoids: Vec<u32> = members.par_iter().map(|members| medoid(members, &vectors, size)).collect();
        let mut order: Vec<usize> = (0..members.len()).collect();
        order.sort_by_key(|&label| (std::cmp::Reverse(members[label].len()), label));
        let groups = order.iter().map(|&label| ColourGroup {
            name: rows.label_names[label].clone(),
            size: members[label].len(),
            medoid: medoids[label],
        });
        let mut position = vec![0; order.len()];
        (0..).zip(&order).for_each(|(at, &label)| position[label] = at);
        let of = rows.labels.iter().map(|label| label.map(|label| position[label as usize])).collect();
        Ok(Colouring { groups: groups.collect(), of })
    }

    /// A group for each cluster.
    pub fn of_clusters(found: &Clustering) -> Colouring {
        let group = |(id, cluster): (usize, &Cluster)| ColourGroup {
            name: format!("cluster {id}"),
            size: cluster.members.len(),
            medoid: cluster.medoid(),
        };
        let groups = found.clusters.iter().enumerate().map(group).collect();
        Colouring { groups, of: found.assignment.clone() }
    }

    /// No groups among `n` images.
    pub fn none(n: usize) -> Colouring {
        Colouring { groups: Vec::new(), of: vec![None; n] }
    }
}

/// For unit vectors, the sum of 1 minus the cosine is least where the dot product with the sum of all is
/// largest.
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
