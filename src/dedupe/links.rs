//! What is known of how pictures lie to each other, and the groups that come of it.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::linkage::{Asked, Unlike, all_pairs, know, linked, starred};
use super::look::{Look, Turn};
use super::pairs::{Pair, best_pair};
use crate::images::Resizer;

/// The largest group of which each pair is measured, where linkage did not need that.
const MEASURED: usize = 100;

/// All that is known of pairs of positions (a < b).
pub(super) struct Links<F> {
    /// How unlike they are.
    pub(super) unlike: Unlike,
    /// How the first is turned to lie as the second; those that are not are left out.
    pub(super) turned: HashMap<(u32, u32), Turn>,
    /// Whether two are to be in no group together.
    apart: F,
}

/// How groups are made.
pub(super) struct Linking<'a> {
    /// Pairs up to this unlikeness are near.
    pub(super) cut: f32,
    /// Only pairs of different ranks count.
    pub(super) across: bool,
    /// What there is to compare with has lower ranks than what is compared with it.
    pub(super) rank: &'a dyn Fn(u32) -> usize,
    /// `Less` where the first is to stay rather than the second.
    pub(super) prefer: &'a dyn Fn(u32, u32) -> Ordering,
}

impl<F: Fn(u32, u32) -> bool + Sync> Links<F> {
    /// Those of pairs that were compared and are not kept apart.
    pub(super) fn new(pairs: &[Pair], apart: F) -> Self {
        let open = || pairs.iter().filter(|pair| !apart(pair.a, pair.b));
        let turned = open().filter(|pair| pair.turn != Turn::NONE).map(|pair| ((pair.a, pair.b), pair.turn));
        let (unlike, turned) =
            (open().map(|pair| ((pair.a, pair.b), pair.unlikeness)).collect(), turned.collect());
        Links { unlike, turned, apart }
    }

    /// Groups of positions; pairs that are needed and were not compared are compared now, in each of the turns.
    pub(super) fn groups(
        &mut self,
        looks: &[Look<'_>],
        turns: &[Turn],
        linking: &Linking<'_>,
    ) -> Vec<Vec<u32>> {
        let Links { unlike, turned, apart } = self;
        let mut measure = |missing: &[(u32, u32)]| -> Vec<f32> {
            let one = |resizer: &mut Resizer, &(a, b): &(u32, u32)| match apart(a, b) {
                true => Pair { a, b, turn: Turn::NONE, unlikeness: 1.0 },
                false => best_pair(looks, (a, b), turns, resizer),
            };
            let pairs: Vec<Pair> = missing.par_iter().map_init(Resizer::new, one).collect();
            let are_turned = pairs.iter().filter(|pair| pair.turn != Turn::NONE);
            turned.extend(are_turned.map(|pair| ((pair.a, pair.b), pair.turn)));
            pairs.iter().map(|pair| pair.unlikeness).collect()
        };
        let mut asked = Asked { limit: linking.cut, measure: &mut measure, prefer: linking.prefer };
        let mut groups = starred(unlike, linking.cut, linking.rank);
        if !linking.across {
            let done: HashSet<u32> = groups.iter().flatten().copied().collect();
            let anchors = |image: u32| (linking.rank)(image) == 0; // what they have in common is left alone
            let is_left = |image: u32| !done.contains(&image) && !anchors(image);
            let mut left: Unlike = unlike
                .iter()
                .filter(|((a, b), _)| is_left(*a) && is_left(*b))
                .map(|(pair, unlike)| (*pair, *unlike))
                .collect();
            groups.extend(linked(&mut left, &mut asked));
            unlike.extend(left);
        }
        let small = groups.iter().filter(|group| group.len() <= MEASURED);
        let pairs: Vec<(u32, u32)> = small
            .flat_map(|group| all_pairs(group).map(|(a, b)| (a.min(b), a.max(b))).collect::<Vec<_>>())
            .collect();
        know(unlike, pairs.into_iter(), &mut asked);
        groups
    }
}
