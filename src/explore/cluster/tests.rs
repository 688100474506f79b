//! Clusterings of drawn points, and every shortcut beside the plain sum over pairs.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::choose;
use super::density::{Density, hdbscan};
use super::partition::{Centre, partition};
use super::space::{Codes, Latents, Space};
use super::summary::summarize;
use crate::explore::neighbours::{NONE, Neighbours};

/// 128-bit codes around `k` centres, `each` per centre, with one bit in sixteen flipped; and their centres.
fn codes(k: usize, each: usize) -> (Codes, Vec<u32>) {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let centres: Vec<[u64; 2]> = (0..k).map(|_| [rng.random(), rng.random()]).collect();
    let mut flips = || (0..4).fold(u64::MAX, |flips, _| flips & rng.random::<u64>());
    let rows = (0..k * each).flat_map(|i| centres[i % k].map(|word| word ^ flips())).collect();
    (Codes { words: 2, codes: rows }, (0..k * each).map(|i| (i % k) as u32).collect())
}

/// Unit vectors of 5 numbers around `k` directions.
fn latents(k: usize, each: usize) -> (Latents, Vec<u32>) {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut vector = || -> [f32; 5] { std::array::from_fn(|_| rng.random::<f32>() - 0.5) };
    let centres: Vec<[f32; 5]> = (0..k).map(|_| unit(vector())).collect();
    let rows = (0..k * each).flat_map(|i| {
        let noise = vector();
        unit(std::array::from_fn(|d| centres[i % k][d] + 0.1 * noise[d]))
    });
    (Latents { size: 5, values: rows.collect() }, (0..k * each).map(|i| (i % k) as u32).collect())
}

fn unit(vector: [f32; 5]) -> [f32; 5] {
    std::array::from_fn(|d| unit_of(&vector)[d])
}

fn unit_of(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter().map(|x| x / length).collect()
}

/// Whether both are the same grouping, whatever the numbers.
fn same(a: &[u32], b: &[u32]) -> bool {
    let pairs: std::collections::BTreeSet<(u32, u32)> = a.iter().copied().zip(b.iter().copied()).collect();
    let side = |all: &[u32]| all.iter().collect::<std::collections::BTreeSet<_>>().len();
    pairs.len() == side(a) && pairs.len() == side(b)
}

#[test]
fn k_majority_finds_the_clusters_of_codes() {
    let (space, truth) = codes(7, 60);
    let found = partition(&space, (7, Centre::Mean), 0, &|| true).unwrap();
    assert!(same(&found, &truth));
    assert_eq!(partition(&space, (7, Centre::Mean), 0, &|| true).unwrap(), found, "the same seed");
    assert_eq!(partition(&space, (7, Centre::Mean), 0, &|| false), None);
}

#[test]
fn k_means_and_k_medoids_find_the_clusters_of_latents() {
    let (space, truth) = latents(5, 80);
    for centre in [Centre::Mean, Centre::Medoid] {
        assert!(same(&partition(&space, (5, centre), 0, &|| true).unwrap(), &truth), "{centre:?}");
    }
}

#[test]
fn many_centres_at_once_are_as_one_by_one() {
    for (k, size) in [(1, 5), (4, 8), (7, 64), (10, 67)] {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let values: Vec<f32> = (0..size * (k + 40)).map(|_| rng.random::<f32>() - 0.5).collect();
        let space = Latents { size, values: values.chunks(size).flat_map(unit_of).collect() };
        let centres = space.centres(&(0..k as u32).collect::<Vec<u32>>());
        for (row, to) in (0..).zip(space.assign(&centres)) {
            let far: Vec<f32> = (0..k as u32).map(|centre| space.distance(centre, row) as f32).collect();
            // for unit vectors, the squared distance is twice 1 minus the cosine
            let least = 2.0 * far.iter().copied().fold(f32::INFINITY, f32::min);
            assert!((to.distance - least).abs() < 1e-5, "{} {least}", to.distance);
            assert!((2.0 * far[to.cluster as usize] - least).abs() < 1e-5);
        }
    }
}

#[test]
fn equal_items_make_one_cluster() {
    let space = Codes { words: 1, codes: vec![9; 20] };
    assert_eq!(partition(&space, (3, Centre::Mean), 0, &|| true).unwrap(), [0; 20]);
    let summary = summarize(&space, &[Some(0); 20], 1);
    assert_eq!((summary.clusters[0].diameter, summary.clusters[0].medoid()), (0.0, 0));
    let alone = Codes { words: 1, codes: vec![9] };
    assert_eq!(partition(&alone, (5, Centre::Mean), 0, &|| true).unwrap(), [0]);
}

#[test]
fn summaries_are_those_of_all_pairs() {
    let (codes, _) = codes(3, 21);
    agrees(&codes);
    let (latents, _) = latents(3, 21);
    agrees(&latents);
}

/// Compares a summary of arbitrary clusters, with some items in none, with sums over pairs.
fn agrees<S: Space>(space: &S) {
    let n = space.len();
    let clusters: Vec<Option<u32>> =
        (0..n).map(|row| (row % 7 != 6).then_some((row * row % 3 % 2 + row % 2) as u32)).collect();
    let k = clusters.iter().flatten().max().map_or(0, |&most| most as usize + 1);
    let summary = summarize(space, &clusters, k);
    let clusters = &clusters;
    let members = |cluster: u32| (0..n as u32).filter(move |&row| clusters[row as usize] == Some(cluster));
    let sum = |row: u32, cluster: u32| members(cluster).map(|other| space.distance(row, other)).sum::<f64>();
    for cluster in &summary.clusters {
        let own = clusters[cluster.medoid() as usize].unwrap();
        assert_eq!(cluster.members.len(), members(own).count());
        let least = members(own).map(|row| sum(row, own)).fold(f64::INFINITY, f64::min);
        assert!(sum(cluster.medoid(), own) <= least + 1e-4);
        let pairs = members(own).flat_map(|a| members(own).map(move |b| (a, b)));
        let widest = pairs.map(|(a, b)| space.distance(a, b)).fold(0.0, f64::max);
        assert!((cluster.diameter - widest).abs() < 1e-6, "{} {widest}", cluster.diameter);
        for &row in &cluster.members {
            let mean = |other: u32| sum(row, other) / members(other).count() as f64;
            let within = sum(row, own) / (cluster.members.len() - 1) as f64;
            let next = (0..k as u32).filter(|&other| other != own).map(mean).fold(f64::INFINITY, f64::min);
            let expected = (next - within) / next.max(within);
            let found = f64::from(summary.silhouettes[row as usize].unwrap());
            assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        }
    }
    assert!((0..n).filter(|row| row % 7 == 6).all(|row| summary.assignment[row].is_none()));
}

#[test]
fn as_many_clusters_as_there_are_fit_best() {
    let (space, _) = codes(6, 50);
    let tried = choose::try_all(&space, 12, &|k| partition(&space, (k, Centre::Mean), 0, &|| true)).unwrap();
    assert_eq!(tried.iter().map(|tried| tried.k).collect::<Vec<_>>(), (2..=12).collect::<Vec<_>>());
    assert_eq!(choose::best(&tried), 6);
    assert_eq!(choose::best(&[]), 1);
}

/// The exact neighbours of points on a line.
fn line(points: &[f32], k: usize) -> Neighbours {
    let (mut rows, mut distances) = (Vec::new(), Vec::new());
    for (i, x) in points.iter().enumerate() {
        let others = points.iter().enumerate().filter(|&(j, _)| j != i);
        let mut far: Vec<(f32, u32)> = others.map(|(j, y)| ((x - y).abs(), j as u32)).collect();
        far.sort_by(|a, b| a.partial_cmp(b).unwrap());
        far.resize(k, (f32::INFINITY, NONE));
        rows.extend(far.iter().map(|near| near.1));
        distances.extend(far.iter().map(|near| near.0));
    }
    Neighbours { k, rows, distances }
}

#[test]
fn dense_clusters_are_found_and_the_rest_belongs_to_none() {
    let dense = |from: f32| (0..30).map(move |i| from + 0.01 * i as f32);
    let points: Vec<f32> =
        dense(0.0).chain(dense(10.0)).chain(dense(20.0)).chain([-30.0, 60.0, 100.0]).collect();
    let density = Density { min_size: 10, min_samples: 4, least: 1e-3 };
    let (found, k) = hdbscan(&line(&points, 70), |distance| distance, density);
    assert_eq!(k, 3);
    let clusters: Vec<u32> = found[..90].iter().map(|cluster| cluster.unwrap()).collect();
    assert!(same(&clusters, &(0..90).map(|i| i / 30).collect::<Vec<_>>()));
    assert_eq!(found[90..], [None; 3]);
}

#[test]
fn few_and_equal_items_have_no_clusters_by_density() {
    let density = Density { min_size: 5, min_samples: 5, least: 1e-3 };
    assert_eq!(hdbscan(&line(&[1.0], 1), |distance| distance, density), (vec![None], 0));
    assert_eq!(hdbscan(&line(&[1.0, 2.0, 3.0], 2), |distance| distance, density).1, 0);
    let (equal, k) = hdbscan(&line(&[4.0; 40], 6), |distance| distance, density);
    assert_eq!((equal.len(), k), (40, 0), "all are one piece: there is nothing to tell apart");
}
