//! When segments are merged: as many of the youngest as it takes to keep each larger than twice all younger
//! ones together.
//!
//! That is a log-structured merge (O'Neil et al., 1996) with tiers that grow threefold: an index of n items
//! has at most about log3(n) segments, and each item is written about as often. A segment with more deleted
//! items than live ones is rewritten too, with all younger ones, so that a search never scans more deleted
//! items than live ones.

use std::collections::BTreeMap;

use crate::builder::SegmentBuilder;
use crate::error::Result;
use crate::manifest::SegmentEntry;
use crate::snapshot::Snapshot;
use crate::tombstones::is_dead;

/// What is left of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) items: usize, // including deleted ones
    pub(crate) live: usize,
    pub(crate) generation: u64, // the commit that wrote it
}

/// What is left of each segment of `last` with the tombstones in `removed`.
pub(crate) fn parts(last: &Snapshot, removed: &BTreeMap<usize, Vec<u64>>) -> Vec<Part> {
    let part = |(at, entry): (usize, &SegmentEntry)| {
        let dead = |words: &Vec<u64>| words.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        let live = removed.get(&at).map_or(entry.live() as usize, |words| entry.items as usize - dead(words));
        Part { items: entry.items as usize, live, generation: entry.generation() }
    };
    last.entries().iter().enumerate().map(part).collect()
}

/// Which of the `parts`, oldest first, are merged with `added` new items: none, or all from one on.
pub(crate) fn plan(parts: &[Part], added: usize) -> Vec<bool> {
    let (mut younger, mut first) = (added, parts.len());
    for (at, part) in parts.iter().enumerate().rev() {
        let small = younger > 0 && part.live <= younger.saturating_mul(2);
        if small || part.live * 2 < part.items {
            first = at;
        }
        younger += part.live;
    }
    (0..parts.len()).map(|at| at >= first).collect()
}

/// As [`plan`], but only segments that commits after `since` wrote.
pub(crate) fn plan_young(parts: &[Part], added: usize, since: u64) -> Vec<bool> {
    let planned = plan(parts, added).into_iter().zip(parts);
    planned.map(|(chosen, part)| chosen && part.generation > since).collect()
}

/// As [`plan`], and also all segments that commits after `since` wrote.
pub(crate) fn plan_since(parts: &[Part], added: usize, since: u64) -> Vec<bool> {
    let planned = plan(parts, added).into_iter().zip(parts);
    planned.map(|(chosen, part)| chosen || part.generation > since).collect()
}

/// The live items of the `chosen` segments of `last`, without those marked in `removed` (a bit per item, by
/// segment), followed by those of `add`.
///
/// # Errors
/// [`Error::Damaged`](crate::Error::Damaged) when `verify` finds anything in a chosen segment.
pub(crate) fn merged(
    last: &Snapshot,
    removed: &BTreeMap<usize, Vec<u64>>,
    chosen: &[bool],
    add: SegmentBuilder,
) -> Result<SegmentBuilder> {
    if !chosen.contains(&true) {
        return Ok(add);
    }
    let mut all = SegmentBuilder::new(add.settings())?;
    all.in_one_bucket = add.in_one_bucket;
    for (at, _) in chosen.iter().enumerate().filter(|(_, chosen)| **chosen) {
        let dead = removed.get(&at).map_or(&[][..], Vec::as_slice);
        for (id, item) in last.ids_of(at).zip(0..) {
            if last.contains(id) && !is_dead(dead, item) {
                all.push_from(last, id)?;
            }
        }
    }
    all.append(add)?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(items: usize, live: usize) -> Part {
        Part { items, live, generation: 0 }
    }

    #[test]
    fn what_one_run_wrote_becomes_one() {
        let parts = [(100, 1), (30, 2), (10, 3)].map(|(n, generation)| Part { generation, ..part(n, n) });
        assert_eq!(plan(&parts, 1), [false, false, false]);
        assert_eq!(plan_since(&parts, 1, 3), [false, false, false]);
        assert_eq!(plan_since(&parts, 1, 2), [false, false, true]);
        assert_eq!(plan_since(&parts, 0, 2), [false, false, true], "it is arranged for search");
        assert_eq!(plan_since(&parts, 0, 1), [false, true, true]);
        assert_eq!(plan_since(&parts, 0, 0), [true, true, true]);
        assert_eq!(plan(&parts, 40), [true, true, true]);
        assert_eq!(plan_young(&parts, 40, 1), [false, true, true]);
    }

    #[test]
    fn small_and_mostly_dead_segments_are_merged() {
        let plan = |parts: &[(usize, usize)], added| {
            plan(&parts.iter().map(|&(items, live)| part(items, live)).collect::<Vec<_>>(), added)
        };
        assert_eq!(plan(&[], 5), [false; 0]);
        assert_eq!(plan(&[(100, 100), (10, 10)], 1), [false, false]);
        assert_eq!(plan(&[(100, 100), (10, 10)], 5), [false, true]);
        assert_eq!(plan(&[(100, 100), (10, 10), (40, 40)], 20), [true, true, true]);
        assert_eq!(plan(&[(100, 50), (10, 10)], 0), [false, false]);
        assert_eq!(plan(&[(100, 49), (10, 10)], 0), [true, true]);
        assert_eq!(
            plan(&[(100, 100), (50, 50), (10, 10)], 0),
            [true, true, true],
            "the last one is small enough"
        );
        assert_eq!(plan(&[(1000, 1000), (100, 40), (10, 10)], 1), [false, true, true]);
        assert_eq!(plan(&[(100, 0)], 0), [true]);
    }

    #[test]
    fn single_items_make_few_segments_and_are_written_few_times() {
        let (mut parts, mut written): (Vec<Part>, usize) = (Vec::new(), 0);
        for _ in 0..10_000 {
            let chosen = plan(&parts, 1);
            let mut merged = 1;
            let mut chosen = chosen.into_iter();
            parts.retain(|part| match chosen.next() {
                Some(true) => {
                    merged += part.live;
                    false
                }
                _ => true,
            });
            parts.push(part(merged, merged));
            written += merged;
            assert!(parts.len() <= 10, "{parts:?}");
        }
        assert!(written <= 14 * 10_000, "{written}");
    }
}
