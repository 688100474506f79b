//! Sizes, medoids, diameters and silhouettes of clusters. All are exact, except the diameters of very large
//! clusters.

use rayon::prelude::*;

use super::space::Space;

/// Images that are listed at either end of a cluster.
const NAMED: usize = 5;
/// Items per task.
const CHUNK: usize = 1024;

/// A cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Its members by ascending distance from the medoid, which is the first.
    pub members: Vec<u32>,
    /// The largest distance between two members; with more than 20,000 members (5,000 by latents), between
    /// those farthest from the centre.
    pub diameter: f64,
    /// The mean silhouette of its members, -1 to 1.
    pub silhouette: f64,
}

impl Cluster {
    /// The member with the least sum of distances to all others.
    pub fn medoid(&self) -> u32 {
        self.members.first().copied().unwrap_or_default()
    }

    /// The members nearest to the medoid, without it.
    pub fn nearest(&self) -> &[u32] {
        &self.members[1.min(self.members.len())..self.members.len().min(1 + NAMED)]
    }

    /// The members farthest from the medoid, the farthest first.
    pub fn farthest(&self) -> impl Iterator<Item = u32> + '_ {
        let inner = 1 + self.nearest().len();
        self.members[inner.min(self.members.len())..].iter().rev().take(NAMED).copied()
    }
}

/// The clusters, and values for each item.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Summary {
    /// The largest first; equally large ones in the order of their medoids.
    pub(super) clusters: Vec<Cluster>,
    /// `[n]`, by position in `clusters`.
    pub(super) assignment: Vec<Option<u32>>,
    /// The distance of each item from the medoid of its cluster, `[n]`; nothing for an item in none.
    pub(super) distances: Vec<Option<f32>>,
    /// Silhouettes, `[n]`: how much nearer an item is to its own cluster than to the next nearest, -1 to 1
    /// (Rousseeuw 1987); 0 for the only item of a cluster.
    pub(super) silhouettes: Vec<Option<f32>>,
}

/// Summarizes `k` clusters, none of them empty.
pub(super) fn summarize<S: Space>(space: &S, clusters: &[Option<u32>], k: usize) -> Summary {
    let totals = space.totals(clusters, k);
    let silhouettes = silhouettes(space, clusters, &totals, k);
    let medoids = medoids(space, clusters, &totals, k);
    let mut members = vec![Vec::new(); k];
    for (row, cluster) in clusters.iter().enumerate() {
        cluster.iter().for_each(|&cluster| members[cluster as usize].push(row as u32));
    }
    let describe = |(members, medoid): (Vec<u32>, Option<u32>)| {
        let medoid = medoid?;
        let mut far: Vec<(f64, u32)> =
            members.iter().map(|&row| (space.distance(medoid, row), row)).collect();
        far.sort_unstable_by(|a, b| {
            a.0.total_cmp(&b.0).then((a.1 != medoid).cmp(&(b.1 != medoid))).then(a.1.cmp(&b.1))
        });
        let known = far.iter().filter_map(|&(_, row)| silhouettes[row as usize]);
        let silhouette = known.fold(0.0, |sum, silhouette| sum + f64::from(silhouette));
        let silhouette = silhouette / far.len() as f64;
        let distances: Vec<f32> = far.iter().map(|&(distance, _)| distance as f32).collect();
        let members: Vec<u32> = far.into_iter().map(|(_, row)| row).collect();
        let diameter = diameter(space, &members);
        Some((Cluster { members, diameter, silhouette }, distances))
    };
    let mut described: Vec<(Cluster, Vec<f32>)> =
        members.into_par_iter().zip(medoids).filter_map(describe).collect();
    described.sort_by_key(|(cluster, _)| (std::cmp::Reverse(cluster.members.len()), cluster.medoid()));
    let (mut assignment, mut distances) = (vec![None; space.len()], vec![None; space.len()]);
    for (number, (cluster, far)) in described.iter().enumerate() {
        for (&row, &distance) in cluster.members.iter().zip(far) {
            assignment[row as usize] = Some(number as u32);
            distances[row as usize] = Some(distance);
        }
    }
    let clusters = described.into_iter().map(|(cluster, _)| cluster).collect();
    Summary { clusters, assignment, distances, silhouettes }
}

/// The member of each cluster with the least sum of distances to all others, the first of equal ones.
pub(super) fn medoids<S: Space>(
    space: &S,
    clusters: &[Option<u32>],
    totals: &S::Totals,
    k: usize,
) -> Vec<Option<u32>> {
    type Best = Vec<Option<(f64, u32)>>;
    let better = |best: &mut Option<(f64, u32)>, found: (f64, u32)| {
        if best.is_none_or(|best| found.0 < best.0 || (found.0 == best.0 && found.1 < best.1)) {
            *best = Some(found);
        }
    };
    let of_chunk = |(chunk, clusters): (usize, &[Option<u32>])| {
        let mut best: Best = vec![None; k];
        for (i, cluster) in clusters.iter().enumerate() {
            let (row, Some(cluster)) = ((chunk * CHUNK + i) as u32, cluster) else { continue };
            better(&mut best[*cluster as usize], (space.total(totals, row, *cluster as usize), row));
        }
        best
    };
    let both = |mut a: Best, b: Best| {
        a.iter_mut().zip(b).for_each(|(a, b)| b.into_iter().for_each(|b| better(a, b)));
        a
    };
    let best = clusters.par_chunks(CHUNK).enumerate().map(of_chunk).reduce(|| vec![None; k], both);
    best.into_iter().map(|best| best.map(|(_, row)| row)).collect()
}

/// The silhouette of each item in a cluster, from the mean distances to whole clusters.
pub(super) fn silhouettes<S: Space>(
    space: &S,
    clusters: &[Option<u32>],
    totals: &S::Totals,
    k: usize,
) -> Vec<Option<f32>> {
    let mut sizes = vec![0usize; k];
    clusters.iter().flatten().for_each(|&cluster| sizes[cluster as usize] += 1);
    let of_row = |(row, cluster): (usize, &Option<u32>)| {
        let own = (*cluster)? as usize;
        if sizes[own] < 2 {
            return Some(0.0);
        }
        let within = space.total(totals, row as u32, own) / (sizes[own] - 1) as f64;
        let others = (0..k).filter(|&other| other != own && sizes[other] > 0);
        let mean = |other: usize| space.total(totals, row as u32, other) / sizes[other] as f64;
        let next = others.map(mean).min_by(f64::total_cmp)?;
        let larger = within.max(next);
        Some(if larger > 0.0 { ((next - within) / larger) as f32 } else { 0.0 })
    };
    clusters.par_iter().with_min_len(CHUNK).enumerate().map(of_row).collect()
}

/// The largest distance between two of `members`, the first of them the medoid. By the triangle inequality,
/// only members far from the centre can have it.
fn diameter<S: Space>(space: &S, members: &[u32]) -> f64 {
    let mut far: Vec<(f64, u32)> = space.outward(members).into_iter().zip(members.iter().copied()).collect();
    far.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    far.truncate(S::OUTER);
    let (mut largest, mut reach) = (0.0, 0.0);
    for (i, &(a_far, a)) in far.iter().enumerate() {
        if far.get(i + 1).is_none_or(|&(b_far, _)| a_far + b_far <= reach) {
            break;
        }
        for &(b_far, b) in &far[i + 1..] {
            if a_far + b_far <= reach {
                break;
            }
            let distance = space.distance(a, b);
            if distance > largest {
                (largest, reach) = (distance, S::metric(distance));
            }
        }
    }
    largest
}
