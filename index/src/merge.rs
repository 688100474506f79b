//! When segments become one: as many as keep every segment larger than twice all younger ones together.
//!
//! That is the rule of a log-structured merge (O'Neil et al., 1996) with tiers of a factor of 2: an index of n items has
//! about log2(n) segments at most, and an item is written about as often. Segments of which more than half is dead are written
//! anew as well, so that a search never wades through more dead items than live ones.

use std::collections::BTreeMap;

use crate::builder::SegmentBuilder;
use crate::error::Result;
use crate::snapshot::Snapshot;
use crate::tombstones::is_dead;
use crate::verify::check_sound;

/// What is left of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) items: usize, // the dead among them
    pub(crate) live: usize,
}

/// Which of the `parts`, oldest first, are merged with `added` new items.
pub(crate) fn plan(parts: &[Part], added: usize) -> Vec<bool> {
    let mut mass = added;
    let mut chosen = vec![false; parts.len()];
    for (part, chosen) in parts.iter().zip(&mut chosen).rev() {
        let small = mass > 0 && part.live <= mass.saturating_mul(2);
        if small || part.live * 2 < part.items {
            *chosen = true;
            mass += part.live;
        }
    }
    chosen
}

/// The live items of the `chosen` segments of `last`, less those that `removed` marks (bits per item, by segment), and after
/// them those of `add`.
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
    for (at, _) in chosen.iter().enumerate().filter(|(_, chosen)| **chosen) {
        // damage would be copied under new checksums, where nobody finds it
        check_sound(&last.entries()[at], &last.opened()[at])?;
        let dead = removed.get(&at).map_or(&[][..], Vec::as_slice);
        for (id, item) in last.ids_of(at).zip(0..) {
            if last.contains(id) && !is_dead(dead, item) {
                all.push_from(last, id)?;
            }
        }
    }
    all.append(add);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(items: usize, live: usize) -> Part {
        Part { items, live }
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
        assert_eq!(plan(&[(100, 49), (10, 10)], 0), [true, false]);
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
            assert!(parts.len() <= 14, "{parts:?}");
        }
        assert!(written <= 14 * 10_000, "{written}");
    }
}
