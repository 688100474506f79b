//! Which label a query's neighbours vote for, and how many of the true neighbours an approximate search
//! found.
//!
//! Both look at the first `k` places of an answer, and both are fair to ties: where more items share the last
//! distance than there are places, each of them gets an equal part of a place.

use std::collections::HashMap;

/// The votes for one label.
#[derive(Debug, Clone, Copy)]
struct Votes {
    /// Places taken; parts of places where ties share them.
    places: f64,
    /// Distance of the label's nearest item.
    nearest: u32,
}

/// The chance that the majority of the `k` nearest items has the right label: 1, 0, or in between where
/// labels are tied.
///
/// `neighbours` are `(distance, label)` in any order, and hold at least all items up to the distance of the
/// k-th. A tie of votes goes to the label with the nearest item; among labels tied in that too, each is
/// chosen with equal chance.
pub fn majority(neighbours: &[(u32, u32)], k: usize, truth: u32) -> f64 {
    let mut distances: Vec<u32> = neighbours.iter().map(|&(distance, _)| distance).collect();
    let k = k.min(distances.len());
    if k == 0 {
        return 0.0;
    }
    let last = *distances.select_nth_unstable(k - 1).1;
    let nearer = neighbours.iter().filter(|&&(distance, _)| distance < last).count();
    let tied = neighbours.iter().filter(|&&(distance, _)| distance == last).count();
    let share = (k - nearer) as f64 / tied as f64;
    let mut labels: HashMap<u32, Votes> = HashMap::new();
    for &(distance, label) in neighbours.iter().filter(|&&(distance, _)| distance <= last) {
        let votes = labels.entry(label).or_insert(Votes { places: 0.0, nearest: distance });
        votes.places += if distance < last { 1.0 } else { share };
        votes.nearest = votes.nearest.min(distance);
    }
    let Some(own) = labels.get(&truth) else { return 0.0 };
    // sums of equal shares may differ in their last bits
    let same = |votes: &Votes| (votes.places - own.places).abs() < 1e-9;
    let beaten = |votes: &Votes| {
        if same(votes) { votes.nearest < own.nearest } else { votes.places > own.places }
    };
    if labels.values().any(beaten) {
        return 0.0;
    }
    1.0 / labels.values().filter(|votes| same(votes) && votes.nearest == own.nearest).count() as f64
}

/// The most frequent label of ranked items; a tie goes to the label that comes first. None where there are no
/// items.
pub fn ranked_majority(labels: &[u32]) -> Option<u32> {
    let count = |label: u32| labels.iter().filter(|&&other| other == label).count();
    // `max_by_key` keeps the last of equals, and the first one is to win.
    labels.iter().copied().rev().max_by_key(|&label| count(label))
}

/// The share of the `k` nearest items that an approximate search found, whichever of several items at the
/// same distance it chose.
///
/// Both slices are distances in ascending order, of distinct items. An item counts if it is as near as the
/// exact k-th. 1 when there is nothing to find.
pub fn recall(exact: &[u32], answer: &[u32], k: usize) -> f64 {
    let k = k.min(exact.len());
    if k == 0 {
        return 1.0;
    }
    let found = answer.iter().take(k).filter(|&&distance| distance <= exact[k - 1]).count();
    found as f64 / k as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_majority_wins() {
        let neighbours = [(1, 7), (2, 7), (3, 1), (9, 1), (9, 1)];
        assert_eq!(majority(&neighbours, 3, 7), 1.0);
        assert_eq!(majority(&neighbours, 3, 1), 0.0);
        assert_eq!(majority(&neighbours, 5, 1), 1.0);
        assert_eq!(majority(&neighbours, 50, 1), 1.0, "fewer items than k");
        assert_eq!(majority(&neighbours, 3, 4), 0.0, "a label that has no votes");
        assert_eq!(majority(&[], 10, 4), 0.0);
    }

    #[test]
    fn items_tied_at_the_last_place_share_it() {
        // three places: two at distance 1, four items for the third
        let neighbours = [(1, 7), (1, 1), (5, 1), (5, 7), (5, 7), (5, 7)];
        assert_eq!(majority(&neighbours, 3, 7), 1.0);
        assert_eq!(majority(&neighbours, 3, 1), 0.0);
    }

    #[test]
    fn tied_votes_go_to_the_nearest_then_to_chance() {
        assert_eq!(majority(&[(1, 7), (2, 1), (3, 1), (4, 7)], 4, 7), 1.0);
        assert_eq!(majority(&[(1, 7), (2, 1), (3, 1), (4, 7)], 4, 1), 0.0);
        assert_eq!(majority(&[(1, 7), (1, 1)], 2, 1), 0.5);
        assert_eq!(majority(&[(1, 7), (1, 1), (1, 4)], 1, 4), 1.0 / 3.0);
    }

    #[test]
    fn a_ranked_answer_breaks_ties_by_rank() {
        assert_eq!(ranked_majority(&[3, 5, 5, 3, 1]), Some(3));
        assert_eq!(ranked_majority(&[3, 5, 5, 1]), Some(5));
        assert_eq!(ranked_majority(&[]), None);
    }

    #[test]
    fn recall_counts_any_of_the_tied_items() {
        assert_eq!(recall(&[0, 1, 4, 4, 4], &[0, 1, 4], 3), 1.0);
        assert_eq!(recall(&[0, 1, 4], &[0, 4, 5], 3), 2.0 / 3.0);
        assert_eq!(recall(&[0, 1, 4], &[0], 3), 1.0 / 3.0);
        assert_eq!(recall(&[0, 1], &[0, 1], 10), 1.0, "fewer items than k");
        assert_eq!(recall(&[], &[], 10), 1.0);
    }
}
