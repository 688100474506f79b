//! What is known about pairs of pictures, and the groups that follow from it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use super::fingerprint::Turn;
use super::grouping::{Going, Grouping, Unlike, all_pairs, anchored_groups, groups_around, measure_missing};
use super::judge::Judge;
use super::pairs::{Comparison, Pair};
use crate::error::Result;
use crate::observer::Stage;

/// In groups up to this size all pairs are measured, even those that grouping did not need.
const MEASURED: usize = 100;

/// All that is known of pairs of positions (a < b).
pub(super) struct PairTable<'a> {
    /// How unlike they are.
    pub(super) unlike: Unlike,
    /// How the first has to be turned to lie as the second does; pairs that lie the same way are left out.
    turned: HashMap<(u32, u32), Turn>,
    /// Compares pairs that are not known yet.
    compare: &'a Compare<'a>,
    judge: &'a Judge<'a>,
    /// Whether two are to be in no common group.
    apart: &'a (dyn Fn(u32, u32) -> bool + Sync),
}

/// Compares some pairs (a < b); those that have nothing in common may be left out.
pub(super) type Compare<'a> = dyn Fn(&[(u32, u32)]) -> Result<Vec<Pair>> + 'a;

/// How groups are made.
pub(super) struct GroupingRules<'a> {
    /// Pairs up to this unlikeness are near.
    pub(super) cut: f32,
    /// Only pairs of different ranks count.
    pub(super) across: bool,
    /// Images of higher rank join those of lower rank.
    pub(super) rank: Box<dyn Fn(u32) -> usize + 'a>,
    /// What goes of the second if it joins the first.
    pub(super) going: Box<dyn Fn(u32, u32) -> Going + 'a>,
    /// `Less` if the first is to be kept rather than the second.
    pub(super) prefer: Box<dyn Fn(u32, u32) -> Ordering + 'a>,
}

/// How a file differs from its group's keeper; the fields are those of a duplicate in the plan.
pub(super) struct Relation {
    pub(super) distance: u32,
    pub(super) similarity: f32,
    pub(super) turned: Option<String>,
    /// Where they differ, in the one that is described.
    pub(super) region: Option<[f32; 4]>,
}

impl Relation {
    /// The relation of a picture to itself.
    pub(super) fn same() -> Relation {
        Relation { distance: 0, similarity: 1.0, turned: None, region: None }
    }
}

impl<'a> PairTable<'a> {
    /// The pairs that were compared and are not kept apart.
    pub(super) fn new(
        pairs: &[Pair],
        judge: &'a Judge<'a>,
        compare: &'a Compare<'a>,
        apart: &'a (dyn Fn(u32, u32) -> bool + Sync),
    ) -> Self {
        let (unlike, turned) = (Unlike::new(), HashMap::new());
        let mut table = PairTable { unlike, turned, compare, judge, apart };
        for pair in pairs.iter().filter(|pair| !apart(pair.a, pair.b)) {
            table.unlike.insert((pair.a, pair.b), pair.unlikeness);
            if pair.turn != Turn::NONE {
                table.turned.insert((pair.a, pair.b), pair.turn);
            }
        }
        table
    }

    /// Groups of positions. Pairs that are needed and were not compared are compared now.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::error::Error::Interrupted).
    pub(super) fn groups(&mut self, rules: &GroupingRules<'_>) -> Result<Vec<Vec<u32>>> {
        let PairTable { unlike, turned, compare, judge, apart } = self;
        let comparison = judge.comparison;
        let mut measure = |missing: &[(u32, u32)]| -> Result<Vec<f32>> {
            let near: Vec<(u32, u32)> = missing.iter().copied().filter(|(a, b)| !apart(*a, *b)).collect();
            let compared: HashMap<(u32, u32), Pair> =
                compare(&near)?.into_iter().map(|pair| ((pair.a, pair.b), pair)).collect();
            let are_turned = compared.values().filter(|pair| pair.turn != Turn::NONE);
            turned.extend(are_turned.map(|pair| ((pair.a, pair.b), pair.turn)));
            let unlike = |pair: &(u32, u32)| compared.get(pair).map_or(f32::INFINITY, |pair| pair.unlikeness);
            Ok(missing.iter().map(unlike).collect())
        };
        let report = |done: usize, total: usize| comparison.report(done, total);
        let mut grouping =
            Grouping { limit: rules.cut, measure: &mut measure, report: &report, prefer: &rules.prefer };
        comparison.observer.stage(Stage::new("grouping", "pairs"));
        let (mut groups, gone) = anchored_groups(unlike, rules.cut, &rules.rank, &rules.going);
        if !rules.across {
            // duplicates within references are left alone
            let is_left = |image: &u32| !gone.contains(image) && (rules.rank)(*image) != 0;
            let left =
                unlike.iter().filter(|((a, b), unlike)| **unlike > rules.cut || is_left(a) && is_left(b));
            let mut left: Unlike = left.map(|(pair, unlike)| (*pair, *unlike)).collect();
            groups.extend(groups_around(&mut left, &mut grouping)?);
            unlike.extend(left);
        }
        let small = groups.iter().filter(|group| group.len() <= MEASURED);
        let pairs = small.flat_map(|group| all_pairs(group).map(|(a, b)| (a.min(b), a.max(b))));
        measure_missing(unlike, pairs, &mut grouping)?;
        Ok(groups)
    }

    /// The picture of a group that is most similar to the others, among those compared with most of them; and
    /// the largest unlikeness in the group, among pairs that were compared.
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

    /// How the picture at `b` differs from the one at `a`.
    pub(super) fn relation(&self, a: u32, b: u32) -> Relation {
        if a == b {
            return Relation::same();
        }
        let pair = (a.min(b), a.max(b));
        let turn = self.turned.get(&pair).copied().unwrap_or_default();
        // the pair's turn makes its first lie as its second; the relation says how `b` lies
        let turn = if a <= b { turn } else { turn.inverse() };
        let regions = self.judge.verifier.finding(pair).and_then(|finding| finding.regions);
        let Comparison { fingerprints, codes, .. } = self.judge.comparison;
        Relation {
            distance: codes.distance(&turn.of(fingerprints[a as usize].luma), b),
            similarity: 1.0 - self.unlike.get(&pair).copied().unwrap_or(0.0),
            turned: turn.name().map(str::to_owned),
            region: regions.map(|[of_first, of_second]| if a <= b { of_second } else { of_first }),
        }
    }
}
