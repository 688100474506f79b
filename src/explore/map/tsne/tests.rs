//! Maps as a whole.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::observer::Progress;

/// Exact neighbours of vectors.
fn neighbours(vectors: &[Vec<f32>], k: usize) -> (Vec<u32>, Vec<f32>) {
    let (mut ids, mut distances) = (Vec::new(), Vec::new());
    for (i, a) in vectors.iter().enumerate() {
        let distance = |b: &Vec<f32>| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
        let mut row: Vec<(f32, u32)> = vectors
            .iter()
            .zip(0..)
            .map(|(b, j)| (distance(b), j))
            .filter(|&(_, j)| j as usize != i)
            .collect();
        row.sort_by(|a, b| a.partial_cmp(b).expect("finite"));
        row.resize(k, (f32::INFINITY, u32::MAX));
        ids.extend(row.iter().map(|&(_, j)| j));
        distances.extend(row.iter().map(|&(d, _)| d));
    }
    (ids, distances)
}

/// Clusters in 8 dimensions, item i in cluster i % `clusters`.
fn clusters(n: usize, clusters: usize) -> Vec<Vec<f32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut vector = |width: f32| (0..8).map(|_| width * (rng.random::<f32>() - 0.5)).collect::<Vec<f32>>();
    let centres: Vec<Vec<f32>> = (0..clusters).map(|_| vector(20.0)).collect();
    (0..n).map(|i| centres[i % clusters].iter().zip(vector(2.0)).map(|(a, b)| a + b).collect()).collect()
}

fn map(vectors: &[Vec<f32>], k: usize, options: &TsneOptions) -> Vec<[f32; 2]> {
    let (ids, distances) = neighbours(vectors, k);
    let start: Vec<[f32; 2]> = vectors.iter().map(|vector| [vector[0], vector[1]]).collect();
    let lists = NeighbourLists { k, ids: &ids, distances: &distances };
    embed(&lists, &start, options, &()).expect("nobody stops it")
}

#[test]
fn clusters_stay_together_and_apart_by_pairs_and_by_grid() {
    let options = TsneOptions { early_rounds: 150, rounds: 150, perplexity: 10.0, ..TsneOptions::default() };
    for n in [300, 1200] {
        let points = map(&clusters(n, 6), 30, &options);
        let mean = [0, 1].map(|axis| points.iter().map(|p| p[axis]).sum::<f32>() / n as f32);
        assert!(mean.iter().all(|mean| mean.abs() < 1e-2), "{mean:?}");
        for (i, a) in points.iter().enumerate() {
            let near = |j: &usize| (a[0] - points[*j][0]).hypot(a[1] - points[*j][1]);
            let nearest = (0..n).filter(|&j| j != i).min_by(|a, b| near(a).total_cmp(&near(b)));
            assert_eq!(nearest.map(|j| j % 6), Some(i % 6), "item {i} of {n}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_byte_and_the_seed_does() {
    let options = TsneOptions { early_rounds: 30, rounds: 30, perplexity: 8.0, ..TsneOptions::default() };
    for n in [500, 3000] {
        let vectors = clusters(n, 9);
        let bits = |threads: usize, seed: u64| -> Vec<[u32; 2]> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            let points = pool.install(|| map(&vectors, 24, &TsneOptions { seed, ..options }));
            points.iter().map(|point| point.map(f32::to_bits)).collect()
        };
        let one = bits(1, 0);
        assert!([2, 3, 7].iter().all(|&threads| bits(threads, 0) == one), "{n}");
        assert_ne!(one, bits(1, 1), "{n}");
    }
}

#[test]
fn few_items_none_and_equal_ones_have_finite_places() {
    for n in [0, 1, 2, 3, 5, 40, 1100] {
        for k in [0, 1, 4, 90] {
            for vectors in [vec![vec![1.0; 8]; n], clusters(n, 3)] {
                let points =
                    map(&vectors, k, &TsneOptions { early_rounds: 20, rounds: 20, ..TsneOptions::default() });
                assert_eq!(points.len(), n);
                assert!(points.iter().flatten().all(|x| x.is_finite()), "{n} {k}: {points:?}");
            }
        }
    }
    for n in [2, 3, 5, 8, 20] {
        let points = map(&clusters(n, n), 90, &TsneOptions::default());
        let apart = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
        let pairs = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
        let [nearest, farthest] = pairs.fold([f32::INFINITY, 0.0], |[least, most], (i, j)| {
            let d = apart(points[i], points[j]);
            [d.min(least), d.max(most)]
        });
        assert!(nearest > 0.5 && farthest < 200.0, "{n}: {points:?}");
    }
}

#[test]
fn a_start_that_says_nothing_is_replaced_by_noise() {
    let (ids, distances) = neighbours(&clusters(50, 2), 10);
    for start in [[0.0; 2], [f32::NAN, 0.0], [f32::INFINITY; 2]] {
        let options = TsneOptions { perplexity: f32::NAN, ..TsneOptions::default() };
        let lists = NeighbourLists { k: 10, ids: &ids, distances: &distances };
        let points = embed(&lists, &[start; 50], &options, &());
        assert!(points.is_ok_and(|points| points.iter().flatten().all(|x| x.is_finite())));
    }
}

/// Stops the work in a certain round.
struct Watch {
    last: usize,
    seen: std::cell::RefCell<Vec<(usize, usize)>>,
}

impl Observer for Watch {
    fn progress(&self, progress: &Progress) {
        self.seen.borrow_mut().push((progress.done, progress.total));
    }

    fn should_stop(&self) -> bool {
        self.seen.borrow().len() >= self.last
    }
}

#[test]
fn the_observer_sees_every_round_and_stops_it() {
    let (ids, distances) = neighbours(&clusters(20, 2), 5);
    let given = NeighbourLists { k: 5, ids: &ids, distances: &distances };
    let options = TsneOptions { early_rounds: 3, rounds: 4, ..TsneOptions::default() };
    let watch = |last: usize| {
        let watch = Watch { last, seen: std::cell::RefCell::default() };
        let points = embed(&given, &[[0.0; 2]; 20], &options, &watch);
        (points, watch.seen.into_inner())
    };
    let (points, seen) = watch(8);
    assert!(points.is_ok());
    assert_eq!(seen, (1..=7).map(|done| (done, 7)).collect::<Vec<_>>());
    let (points, seen) = watch(5);
    assert!(matches!(points, Err(Error::Interrupted)));
    assert_eq!(seen.len(), 5);
}
