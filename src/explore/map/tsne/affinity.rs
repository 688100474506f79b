//! From distances to affinities: P of t-SNE, sparse and symmetric.
//!
//! Each item spreads a weight of 1 over its neighbours by a Gaussian, whose width gives the requested
//! perplexity (van der Maaten and Hinton 2008, section 2); an affinity is the mean of both directions. Rows
//! have any length: an item that is a neighbour of many has all of them in its row.

use rayon::prelude::*;

use super::options::NeighbourLists;
use super::order::Order;

/// Neighbours that are used, per unit of perplexity: beyond, the Gaussian is negligible.
const REACH: f32 = 3.0;
/// Rows to one task.
const BLOCK: usize = 1024;
/// How far the logarithm of a row's perplexity may be from the requested one.
const TOLERANCE: f64 = 1e-5;
/// Newton's method takes about 5 steps; a row without a solution (too many neighbours at one distance) stops
/// here.
const MAX_STEPS: usize = 50;

/// How much items attract each other; sums to 1.
#[derive(Debug)]
pub(super) struct Affinities {
    starts: Vec<usize>, // [n + 1], rows in `targets`
    targets: Vec<u32>,  // [edges], ascending in each row
    weights: Vec<f32>,  // [edges]
}

/// One direction of an affinity: the target, and its share of the row's weight of 1.
type Edge = (u32, f32);
/// Fills rows that have fewer edges.
const NO_EDGE: Edge = (u32::MAX, 0.0);

impl Affinities {
    /// The affinities of `n` items with these neighbours, indexed by places in this order.
    pub(super) fn new(
        neighbours: &NeighbourLists<'_>,
        order: &Order,
        n: usize,
        perplexity: f32,
    ) -> Affinities {
        let perplexity = perplexity.max(1.0); // also where it is not a number
        let kept = neighbours.k.min((REACH * perplexity).ceil() as usize);
        if kept == 0 {
            return Affinities { starts: vec![0; n + 1], targets: Vec::new(), weights: Vec::new() };
        }
        let mut outward = vec![NO_EDGE; n * kept];
        outward.par_chunks_mut(kept).enumerate().with_min_len(BLOCK).for_each(|(place, row)| {
            let first = order.item(place) * neighbours.k;
            let cells = first..first + neighbours.k;
            let places = neighbours.ids[cells.clone()].iter().map(|&id| order.place(id));
            let given =
                places.zip(&neighbours.distances[cells]).filter_map(|(to, &distance)| Some((to?, distance)));
            let usable =
                given.filter(|&(to, distance)| to as usize != place && (distance * distance).is_finite());
            let count = row.iter_mut().zip(usable).map(|(edge, usable)| *edge = usable).count();
            calibrate(&mut row[..count], f64::from(perplexity).min(count as f64 / f64::from(REACH)));
            row[..count].sort_unstable_by_key(|&(id, _)| id);
        });
        symmetric(&outward, kept, n)
    }

    /// The targets of an item, and their weights.
    pub(super) fn row(&self, item: usize) -> (&[u32], &[f32]) {
        let range = self.starts[item]..self.starts[item + 1];
        (&self.targets[range.clone()], &self.weights[range])
    }
}

/// Turns the distances of a row into weights that sum to 1 and whose entropy is the logarithm of
/// `perplexity`, or as near as possible.
///
/// With weights exp(-beta d^2) / sum, the entropy is H = beta E[d^2] + ln sum, and dH / d ln beta = -beta^2
/// Var[d^2]: Newton's method over ln beta, between bounds that each step narrows.
fn calibrate(row: &mut [Edge], perplexity: f64) {
    let square = |distance: f32| f64::from(distance) * f64::from(distance);
    let least = row.iter().map(|edge| square(edge.1)).fold(f64::INFINITY, f64::min);
    let scale = row.iter().map(|edge| square(edge.1) - least).sum::<f64>() / row.len() as f64;
    let uniform = scale <= 0.0 || perplexity >= row.len() as f64;
    // a common offset changes no weight, and a mean of 1 makes the start independent of the unit
    let relative = |edge: &Edge| if uniform { 0.0 } else { (square(edge.1) - least) / scale };
    let (mut log_beta, mut bounds) = (0f64, [f64::NEG_INFINITY, f64::INFINITY]);
    let target = perplexity.max(1.0).ln();
    for _ in 0..if uniform { 0 } else { MAX_STEPS } {
        let beta = log_beta.exp();
        let [mut sum, mut first, mut second] = [0f64; 3];
        for edge in row.iter() {
            let distance = relative(edge);
            let weight = (-beta * distance).exp();
            sum += weight;
            first += weight * distance;
            second += weight * distance * distance;
        }
        let mean = first / sum;
        let excess = beta * mean + sum.ln() - target;
        if excess.abs() < TOLERANCE {
            break;
        }
        bounds[usize::from(excess < 0.0)] = log_beta;
        let slope = beta * beta * (second / sum - mean * mean);
        // far from the solution the slope vanishes
        let next = log_beta + (excess / slope.max(1e-9)).clamp(-3.0, 3.0);
        let inside = bounds[0] < next && next < bounds[1];
        log_beta = if inside { next } else { (bounds[0] + bounds[1]) / 2.0 };
    }
    let beta = log_beta.exp();
    let weight = |edge: &Edge| (-beta * relative(edge)).exp();
    let sum: f64 = row.iter().map(weight).sum();
    row.iter_mut().for_each(|edge| edge.1 = (weight(edge) / sum) as f32);
}

/// Both directions of each edge, `outward` `[n, kept]` in rows that ascend.
fn symmetric(outward: &[Edge], kept: usize, n: usize) -> Affinities {
    let (inward_starts, inward) = transposed(outward, n, kept);
    let rows = |item: usize| {
        let own = &outward[item * kept..(item + 1) * kept];
        (own, &inward[inward_starts[item]..inward_starts[item + 1]])
    };
    let lengths: Vec<usize> =
        (0..n).into_par_iter().with_min_len(BLOCK).map(|item| merged(rows(item)).count()).collect();
    let mut starts = vec![0; n + 1];
    for (item, length) in lengths.iter().enumerate() {
        starts[item + 1] = starts[item] + length;
    }
    let edges = starts[n];
    let senders = outward.chunks(kept).filter(|row| row[0] != NO_EDGE).count();
    let share = 1.0 / (2 * senders.max(1)) as f32;
    let (mut targets, mut weights) = (vec![0u32; edges], vec![0f32; edges]);
    let (mut targets_left, mut weights_left) = (targets.as_mut_slice(), weights.as_mut_slice());
    let mut blocks = Vec::new();
    for first in (0..n).step_by(BLOCK) {
        let items = first..n.min(first + BLOCK);
        let length = starts[items.end] - starts[items.start];
        let (block_targets, rest) = targets_left.split_at_mut(length);
        targets_left = rest;
        let (block_weights, rest) = weights_left.split_at_mut(length);
        weights_left = rest;
        blocks.push((items, block_targets, block_weights));
    }
    blocks.into_par_iter().for_each(|(items, targets, weights)| {
        let edges = items.flat_map(|item| merged(rows(item)));
        for ((target, weight), edge) in targets.iter_mut().zip(weights).zip(edges) {
            (*target, *weight) = (edge.0, edge.1 * share);
        }
    });
    Affinities { starts, targets, weights }
}

/// The same edges by target: the start of each item's row, and the sources that lead to it, ascending.
fn transposed(outward: &[Edge], n: usize, kept: usize) -> (Vec<usize>, Vec<Edge>) {
    let real = || outward.iter().enumerate().filter(|(_, edge)| **edge != NO_EDGE);
    let mut starts = vec![0; n + 2];
    real().for_each(|(_, edge)| starts[edge.0 as usize + 2] += 1);
    for item in 0..n {
        starts[item + 2] += starts[item + 1];
    }
    // starts[item + 1] moves from the start of a row to its end, which is the next one's start
    let mut inward = vec![NO_EDGE; starts[n + 1]];
    for (cell, edge) in real() {
        let place = &mut starts[edge.0 as usize + 1];
        inward[*place] = ((cell / kept) as u32, edge.1);
        *place += 1;
    }
    (starts, inward)
}

/// Merges two ascending rows; edges in both are summed.
fn merged<'a>((own, inward): (&'a [Edge], &'a [Edge])) -> impl Iterator<Item = Edge> + 'a {
    let own_count = own.partition_point(|edge| *edge != NO_EDGE);
    let (mut own, mut inward) =
        (own[..own_count].iter().copied().peekable(), inward.iter().copied().peekable());
    std::iter::from_fn(move || match (own.peek().copied(), inward.peek().copied()) {
        (Some(a), Some(b)) if a.0 == b.0 => {
            own.next();
            inward.next().map(|b| (a.0, a.1 + b.1))
        }
        (Some(a), b) if b.is_none_or(|b| a.0 < b.0) => own.next(),
        _ => inward.next(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_perplexity_that_was_asked_for() {
        for (scale, perplexity) in [(1.0, 30.0), (1e-6, 5.0), (1e6, 2.0), (1.0, 80.0)] {
            let mut row: Vec<Edge> = (0..90).map(|i| (i, scale * (1.0 + 0.02 * (i as f32).sqrt()))).collect();
            calibrate(&mut row, perplexity);
            let weights = row.iter().map(|edge| f64::from(edge.1));
            assert!((weights.clone().sum::<f64>() - 1.0).abs() < 1e-5);
            let reached = weights.map(|w| -w * w.ln()).sum::<f64>().exp();
            assert!((reached - perplexity).abs() < 1e-2, "{reached} for {perplexity}");
        }
    }

    #[test]
    fn rows_without_a_solution_have_finite_weights() {
        let rows = [vec![0.0; 9], vec![1.0; 9], vec![], vec![3.0], [vec![0.0; 8], vec![1.0]].concat()];
        for distances in rows {
            let mut row: Vec<Edge> = (0..).zip(distances).collect();
            let count = row.len();
            calibrate(&mut row, 3.0);
            let sum: f32 = row.iter().map(|edge| edge.1).sum();
            assert!(count == 0 || (sum - 1.0).abs() < 1e-5, "{row:?}");
        }
    }

    #[test]
    fn affinities_are_symmetric_and_sum_to_one() {
        // a chain whose middle is a hub, an item whose neighbours are all unusable, one that names itself
        let none = u32::MAX;
        let ids = [[1, 2], [2, 0], [3, 1], [2, 4], [2, none], [2, 5], [6, 77], [2, 4]].concat();
        let distances = [
            [1.0, 2.0],
            [1.0, 1.5],
            [1.0, 1.0],
            [1.0, 3.0],
            [1.0, 0.0],
            [4.0, 0.0],
            [0.0, 1.0],
            [1.0, f32::NAN],
        ]
        .concat();
        let given = NeighbourLists { k: 2, ids: &ids, distances: &distances };
        let affinities = Affinities::new(&given, &Order::along(&[[0.0; 2]; 8]), 8, 30.0);
        let weight = |a: usize, b: usize| {
            let (targets, weights) = affinities.row(a);
            targets.iter().position(|&t| t as usize == b).map_or(0.0, |at| weights[at])
        };
        for (a, b) in (0..8).flat_map(|a| (0..8).map(move |b| (a, b))) {
            assert_eq!(weight(a, b), weight(b, a), "{a} {b}");
        }
        assert_eq!(affinities.row(2).0, [0, 1, 3, 4, 5, 7]);
        assert!(affinities.row(6).0.is_empty());
        assert_eq!(weight(2, 7), 0.5 / 7.0);
        assert!((affinities.weights.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
