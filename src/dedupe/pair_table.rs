//! What is known of how pictures lie to each other, and the groups that come of it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::fingerprint::Turn;
use super::grouping::{Asked, Going, Unlike, all_pairs, know, linked, starred};
use super::pairs::{Comparison, Pair, best_pair};
use crate::error::Result;
use crate::images::Resizer;
use crate::observer::Stage;

/// The largest group of which each pair is measured, where linkage did not need that.
const MEASURED: usize = 100;

/// All that is known of pairs of positions (a < b).
pub(super) struct PairTable<'a> {
    /// How unlike they are.
    pub(super) unlike: Unlike,
    /// How the first is turned to lie as the second; those that are not are left out.
    turned: HashMap<(u32, u32), Turn>,
    /// What compares those that are not known.
    comparison: &'a Comparison<'a>,
    /// Whether two are to be in no group together.
    apart: &'a (dyn Fn(u32, u32) -> bool + Sync),
}

/// How groups are made.
pub(super) struct GroupingRules<'a> {
    /// Pairs up to this unlikeness are near.
    pub(super) cut: f32,
    /// Ways in which a pair that was not compared may lie.
    pub(super) turns: &'a [Turn],
    /// Only pairs of different ranks count.
    pub(super) across: bool,
    /// What there is to compare with has lower ranks than what is compared with it.
    pub(super) rank: &'a dyn Fn(u32) -> usize,
    /// What of the second goes when it joins the first.
    pub(super) going: &'a dyn Fn(u32, u32) -> Going,
    /// `Less` where the first is to stay rather than the second.
    pub(super) prefer: &'a dyn Fn(u32, u32) -> Ordering,
}

/// How a file lies to its group's keeper.
pub(super) struct Relation {
    pub(super) distance: u32,
    pub(super) similarity: f32,
    pub(super) turned: Option<String>,
}

impl Relation {
    /// That of a picture to itself.
    pub(super) fn same() -> Relation {
        Relation { distance: 0, similarity: 1.0, turned: None }
    }
}

impl<'a> PairTable<'a> {
    /// Those of pairs that were compared and are not kept apart.
    pub(super) fn new(
        pairs: &[Pair],
        comparison: &'a Comparison<'a>,
        apart: &'a (dyn Fn(u32, u32) -> bool + Sync),
    ) -> Self {
        let mut links = PairTable { unlike: Unlike::new(), turned: HashMap::new(), comparison, apart };
        for pair in pairs.iter().filter(|pair| !apart(pair.a, pair.b)) {
            links.unlike.insert((pair.a, pair.b), pair.unlikeness);
            if pair.turn != Turn::NONE {
                links.turned.insert((pair.a, pair.b), pair.turn);
            }
        }
        links
    }

    /// Groups of positions; pairs that are needed and were not compared are compared now.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::error::Error::Interrupted).
    pub(super) fn groups(&mut self, linking: &GroupingRules<'_>) -> Result<Vec<Vec<u32>>> {
        let PairTable { unlike, turned, comparison, apart } = self;
        let mut measure = |missing: &[(u32, u32)]| -> Vec<f32> {
            let one = |resizer: &mut Resizer, &(a, b): &(u32, u32)| match apart(a, b) {
                true => Pair { a, b, turn: Turn::NONE, unlikeness: f32::INFINITY },
                false => best_pair(comparison.fingerprints, (a, b), linking.turns, resizer),
            };
            let pairs: Vec<Pair> = missing.par_iter().map_init(Resizer::new, one).collect();
            let are_turned = pairs.iter().filter(|pair| pair.turn != Turn::NONE);
            turned.extend(are_turned.map(|pair| ((pair.a, pair.b), pair.turn)));
            pairs.iter().map(|pair| pair.unlikeness).collect()
        };
        let told = |done: usize, total: usize| comparison.told(done, total);
        let mut asked =
            Asked { limit: linking.cut, measure: &mut measure, told: &told, prefer: linking.prefer };
        comparison.observer.stage(Stage::new("grouping", "pairs"));
        let (mut groups, gone) = starred(unlike, linking.cut, linking.rank, linking.going);
        if !linking.across {
            // what references have in common is left alone
            let is_left = |image: &u32| !gone.contains(image) && (linking.rank)(*image) != 0;
            let left =
                unlike.iter().filter(|((a, b), unlike)| **unlike > linking.cut || is_left(a) && is_left(b));
            let mut left: Unlike = left.map(|(pair, unlike)| (*pair, *unlike)).collect();
            groups.extend(linked(&mut left, &mut asked)?);
            unlike.extend(left);
        }
        let small = groups.iter().filter(|group| group.len() <= MEASURED);
        let pairs = small.flat_map(|group| all_pairs(group).map(|(a, b)| (a.min(b), a.max(b))));
        know(unlike, pairs, &mut asked)?;
        Ok(groups)
    }

    /// The picture of a group that is most like the others, of those that were compared with most of them; and how unlike two of the group
    /// are at most, of those that were compared.
    pub(super) fn middle(&self, positions: &[u32]) -> (Option<u32>, f32) {
        let mut sums: BTreeMap<u32, (usize, f32)> =
            positions.iter().map(|&position| (position, (0, 0.0))).collect();
        let mut diameter = 0.0f32;
        for &a in positions {
            for (&(_, b), &unlike) in self.unlike.range((a, a)..=(a, u32::MAX)) {
                if !sums.contains_key(&b) || unlike.is_infinite() {
                    continue;
                }
                diameter = diameter.max(unlike);
                for end in [a, b] {
                    let (count, sum) = sums.entry(end).or_default();
                    (*count, *sum) = (*count + 1, *sum + unlike);
                }
            }
        }
        let best = positions.iter().copied().min_by(|a, b| {
            let ((a_count, a_sum), (b_count, b_sum)) = (sums[a], sums[b]);
            b_count.cmp(&a_count).then(a_sum.total_cmp(&b_sum))
        });
        (best, diameter)
    }

    /// How the picture at `b` lies to that at `a`.
    pub(super) fn relation(&self, a: u32, b: u32) -> Relation {
        if a == b {
            return Relation::same();
        }
        let pair = (a.min(b), a.max(b));
        let turn = self.turned.get(&pair).copied().unwrap_or_default();
        // the pair's turn makes its first lie as its second; told is how `b` lies
        let turn = if a <= b { turn } else { turn.inverse() };
        let luma = self.comparison.fingerprints[a as usize].luma;
        Relation {
            distance: self.comparison.codes.distance(&turn.of(luma), b),
            similarity: 1.0 - self.unlike.get(&pair).copied().unwrap_or(0.0),
            turned: turn.name().map(str::to_owned),
        }
    }
}
