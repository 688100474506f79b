//! Clusters of any shape and number, with images in none: HDBSCAN (Campello, Moulavi and Sander 2013; McInnes
//! and Healy 2017) on the graph of nearest neighbours.
//!
//! The spanning tree is that of the graph, not of all pairs: with some tens of neighbours they hardly differ,
//! and the graph takes seconds instead of hours. Components of the graph are joined last, at an infinite
//! distance.

use rayon::prelude::*;

use crate::explore::neighbours::Neighbours;

/// How dense a cluster has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Density {
    /// The least number of images in a cluster.
    pub(super) min_size: usize,
    /// Density around an image is measured by the distance to this neighbour (the n-th nearest, itself
    /// included).
    pub(super) min_samples: usize,
    /// Shorter distances count as this one, so that copies do not dominate.
    pub(super) least: f32,
}

/// The cluster of each image, nothing for an image in none; and the number of clusters. `metric` makes
/// distances obey the triangle inequality.
pub(super) fn hdbscan(
    neighbours: &Neighbours,
    metric: impl Fn(f32) -> f32 + Sync,
    density: Density,
) -> (Vec<Option<u32>>, usize) {
    let tree = spanning_tree(neighbours, &metric, density);
    let condensed = Condensed::of(&dendrogram(&tree, neighbours.rows.len() / neighbours.k), density);
    condensed.clusters()
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Edge {
    length: f32,
    a: u32,
    b: u32,
}

/// The edges of the minimum spanning tree of the graph, by ascending mutual reachability: two images are at
/// least as far apart as each is from its own n-th neighbour.
fn spanning_tree(
    neighbours: &Neighbours,
    metric: &(impl Fn(f32) -> f32 + Sync),
    density: Density,
) -> Vec<Edge> {
    let (k, n) = (neighbours.k, neighbours.rows.len() / neighbours.k);
    let within = density.min_samples.saturating_sub(2).min(k - 1);
    let core: Vec<f32> = neighbours.distances.chunks_exact(k).map(|far| metric(far[within])).collect();
    let edges_of = |a: u32| {
        let core = &core;
        neighbours.of(a).filter(move |&(b, _)| a < b || !neighbours.of(b).any(|(back, _)| back == a)).map(
            move |(b, distance)| {
                let length = metric(distance).max(core[a as usize]).max(core[b as usize]);
                Edge { length: length.max(density.least), a, b }
            },
        )
    };
    let mut edges: Vec<Edge> = (0..n as u32).into_par_iter().flat_map_iter(edges_of).collect();
    edges.par_sort_unstable_by(|x, y| x.length.total_cmp(&y.length).then((x.a, x.b).cmp(&(y.a, y.b))));
    let mut sets = Sets::new(n);
    edges.retain(|edge| sets.join(edge.a, edge.b));
    // joins the components
    let apart = (1..n as u32).filter(|&b| sets.join(0, b));
    edges.extend(apart.map(|b| Edge { length: f32::INFINITY, a: 0, b }).collect::<Vec<_>>());
    edges
}

/// Disjoint sets (Tarjan 1975).
struct Sets(Vec<u32>);

impl Sets {
    fn new(n: usize) -> Sets {
        Sets((0..n as u32).collect())
    }

    fn find(&mut self, mut item: u32) -> u32 {
        while self.0[item as usize] != item {
            let above = self.0[item as usize];
            self.0[item as usize] = self.0[above as usize];
            item = above;
        }
        item
    }

    /// Joins two sets; whether they were different.
    fn join(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        self.0[b as usize] = a;
        a != b
    }
}

/// Two sets of images that are merged at a distance. Set `i` is image `i`, or merge `i - n`.
#[derive(Debug, Clone, Copy)]
struct Merge {
    left: u32,
    right: u32,
    length: f32,
    size: u32,
}

struct Dendrogram {
    n: usize,
    merges: Vec<Merge>, // [n - 1]
}

impl Dendrogram {
    fn size(&self, set: u32) -> usize {
        self.merge(set).map_or(1, |merge| merge.size as usize)
    }

    fn merge(&self, set: u32) -> Option<Merge> {
        (set as usize).checked_sub(self.n).map(|at| self.merges[at])
    }
}

fn dendrogram(tree: &[Edge], n: usize) -> Dendrogram {
    let mut sets = Sets::new(n);
    let mut top: Vec<u32> = (0..n as u32).collect(); // the set of each root
    let mut found = Dendrogram { n, merges: Vec::with_capacity(tree.len()) };
    for edge in tree {
        let (a, b) = (sets.find(edge.a), sets.find(edge.b));
        let (left, right) = (top[a as usize], top[b as usize]);
        let size = (found.size(left) + found.size(right)) as u32;
        sets.join(a, b);
        top[sets.find(a) as usize] = (n + found.merges.len()) as u32;
        found.merges.push(Merge { left, right, length: edge.length, size });
    }
    found
}

/// The dendrogram without splits into pieces that are too small to be clusters.
struct Condensed {
    parents: Vec<Option<u32>>, // [clusters]; the first is the root
    stability: Vec<f64>,       // [clusters]
    fell_from: Vec<u32>,       // [n]: the last cluster an image was in
}

impl Condensed {
    fn of(dendrogram: &Dendrogram, density: Density) -> Condensed {
        let n = dendrogram.n;
        let mut found = Condensed { parents: vec![None], stability: vec![0.0], fell_from: vec![0; n] };
        let root = (n + dendrogram.merges.len()).saturating_sub(1) as u32;
        let mut waiting = vec![(root, 0u32, 0f64)]; // a set, its cluster, the density at which that began
        while let Some((mut set, cluster, birth)) = waiting.pop() {
            while let Some(merge) = dendrogram.merge(set) {
                let lambda = 1.0 / f64::from(merge.length);
                let [left, right] =
                    [merge.left, merge.right].map(|side| dendrogram.size(side) >= density.min_size);
                let leave = |found: &mut Condensed, side: u32| {
                    found.stability[cluster as usize] += (lambda - birth) * dendrogram.size(side) as f64;
                    each_image(dendrogram, side, &mut |image| found.fell_from[image as usize] = cluster);
                };
                set = match (left, right) {
                    (true, true) => {
                        found.stability[cluster as usize] += (lambda - birth) * f64::from(merge.size);
                        for side in [merge.left, merge.right] {
                            let child = found.parents.len() as u32;
                            found.parents.push(Some(cluster));
                            found.stability.push(0.0);
                            waiting.push((side, child, lambda));
                        }
                        break;
                    }
                    (true, false) => {
                        leave(&mut found, merge.right);
                        merge.left
                    }
                    (false, true) => {
                        leave(&mut found, merge.left);
                        merge.right
                    }
                    (false, false) => {
                        leave(&mut found, merge.left);
                        leave(&mut found, merge.right);
                        break;
                    }
                };
            }
            // a single image, where clusters of one are allowed
            if (set as usize) < n && dendrogram.size(set) >= density.min_size {
                found.fell_from[set as usize] = cluster;
            }
        }
        found
    }

    /// The most stable clusters, none within another ("excess of mass"): the cluster of each image, and their
    /// number.
    fn clusters(self) -> (Vec<Option<u32>>, usize) {
        let Condensed { parents, mut stability, fell_from } = self;
        let n = parents.len();
        let (mut below, mut taken) = (vec![0f64; n], vec![false; n]);
        for cluster in (1..n).rev() {
            // children come after their parents
            taken[cluster] = stability[cluster] >= below[cluster];
            stability[cluster] = stability[cluster].max(below[cluster]);
            parents[cluster].iter().for_each(|&parent| below[parent as usize] += stability[cluster]);
        }
        // of nested clusters, the outermost
        let (mut number, mut count) = (vec![None; n], 0u32);
        for cluster in 1..n {
            let outer = parents[cluster].and_then(|parent| number[parent as usize]);
            number[cluster] = outer.or_else(|| {
                taken[cluster].then(|| {
                    count += 1;
                    count - 1
                })
            });
        }
        (fell_from.into_iter().map(|cluster| number[cluster as usize]).collect(), count as usize)
    }
}

/// Visits the images of a set.
fn each_image(dendrogram: &Dendrogram, set: u32, visit: &mut impl FnMut(u32)) {
    let mut waiting = vec![set];
    while let Some(set) = waiting.pop() {
        match dendrogram.merge(set) {
            Some(merge) => waiting.extend([merge.left, merge.right]),
            None => visit(set),
        }
    }
}
