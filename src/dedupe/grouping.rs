//! From near pairs to groups.
//!
//! - [`groups_around`]: the best image with all images near it; then the best of the rest, and so on. Each member
//!   is near the one that is kept, so that no group leads by small steps from one image to quite another; and
//!   no two images that stay are near each other, so that a second scan has nothing to propose.
//! - [`anchored_groups`]: if some images are there to be compared with (a reference, or the first of several
//!   paths), each other image joins one of those.
//!
//! The result depends only on the images, not on their order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::error::Result;

/// Pairs measured at a time.
const BLOCK: usize = 1 << 12;

/// Unlikeness of pairs of positions (a < b); infinite for two that are to be kept apart.
pub(super) type Unlike = BTreeMap<(u32, u32), f32>;

/// Measures the unlikeness of some pairs.
type Measure<'a> = dyn FnMut(&[(u32, u32)]) -> Result<Vec<f32>> + 'a;

/// What grouping needs from its caller.
pub(super) struct Grouping<'a> {
    /// Pairs up to this unlikeness are near.
    pub(super) limit: f32,
    /// Unlikenesses of some pairs, in their order.
    pub(super) measure: &'a mut Measure<'a>,
    /// Told how many pairs have been measured, of how many; an error ends the work.
    pub(super) report: &'a dyn Fn(usize, usize) -> Result<()>,
    /// `Less` if the first is to be kept rather than the second.
    pub(super) prefer: &'a dyn Fn(u32, u32) -> Ordering,
}

/// Images connected by near pairs.
#[derive(Debug, Default)]
struct Chain {
    /// Ascending.
    members: Vec<u32>,
    near: Vec<(u32, u32)>,
}

/// Which of an image's files go if the image joins another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Going {
    /// None: all of them stay anyway, so there is no reason to join.
    Nothing,
    /// Some; others may still join those that stay.
    Part,
    /// All; nothing is left for others to join.
    All,
}

/// Groups of positions: an image, which comes first, and those near it. `pairs` holds what is known; of what is
/// missing, the pairs of an image and of those reached from it along near pairs are measured and added.
///
/// # Errors
/// Those of `report`.
pub(super) fn groups_around(pairs: &mut Unlike, grouping: &mut Grouping<'_>) -> Result<Vec<Vec<u32>>> {
    let known = pairs.iter().map(|(pair, unlike)| (*pair, *unlike));
    let chains = chained(&near(known, grouping.limit));
    let mut groups = Vec::new();
    for chain in chains {
        groups.extend(around_the_best(pairs, chain, grouping)?);
    }
    groups.sort_unstable();
    Ok(groups)
}

/// Groups of an anchor, which comes first, and of images of higher rank that join it; groups of lower ranks
/// come first. Also returns the images of which no file is left.
///
/// An image joins the lowest rank that it is near, and there the image it is most similar to. It joins no
/// image of its own rank, none for which `going(anchor, other)` is [`Going::Nothing`], and none that is gone
/// itself.
pub(super) fn anchored_groups(
    pairs: &Unlike,
    limit: f32,
    rank: &dyn Fn(u32) -> usize,
    going: &dyn Fn(u32, u32) -> Going,
) -> (Vec<Vec<u32>>, HashSet<u32>) {
    let known = pairs.iter().map(|(pair, unlike)| (*pair, *unlike));
    let mut near: Vec<(usize, f32, u32, u32)> = near(known, limit)
        .into_iter()
        .filter_map(|(unlike, a, b)| {
            let (of_a, of_b) = (rank(a), rank(b));
            match of_a.cmp(&of_b) {
                Ordering::Less => Some((of_a, unlike, a, b)),
                Ordering::Greater => Some((of_b, unlike, b, a)),
                Ordering::Equal => None,
            }
        })
        .filter(|(_, _, anchor, other)| going(*anchor, *other) != Going::Nothing)
        .collect();
    near.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then_with(|| (a.2, a.3).cmp(&(b.2, b.3))));
    let (mut joined, mut gone) = (HashSet::new(), HashSet::new());
    let mut groups: BTreeMap<(usize, u32), Vec<u32>> = BTreeMap::new();
    for (rank, _, anchor, other) in near {
        if gone.contains(&anchor) || !joined.insert(other) {
            continue;
        }
        groups.entry((rank, anchor)).or_insert_with(|| vec![anchor]).push(other);
        if going(anchor, other) == Going::All {
            gone.insert(other);
        }
    }
    (groups.into_values().collect(), gone)
}

/// Measures those of the `wanted` pairs that are not known yet.
///
/// # Errors
/// Those of `report`.
pub(super) fn measure_missing(
    pairs: &mut Unlike,
    wanted: impl Iterator<Item = (u32, u32)> + Clone,
    grouping: &mut Grouping<'_>,
) -> Result<()> {
    let total = wanted.clone().filter(|pair| !pairs.contains_key(pair)).count();
    let (mut wanted, mut done) = (wanted, 0);
    while done < total {
        let missing = wanted.by_ref().filter(|pair| !pairs.contains_key(pair));
        let missing: Vec<(u32, u32)> = missing.take(BLOCK).collect();
        if missing.is_empty() {
            break; // some of the pairs were the same
        }
        let measured = (grouping.measure)(&missing)?;
        done += missing.len();
        pairs.extend(missing.into_iter().zip(measured));
        (grouping.report)(done, total)?;
    }
    Ok(())
}

/// All pairs of ascending positions.
pub(super) fn all_pairs(members: &[u32]) -> impl Iterator<Item = (u32, u32)> + Clone + '_ {
    members.iter().enumerate().flat_map(|(i, &a)| members[i + 1..].iter().map(move |&b| (a, b)))
}

/// Pairs within the limit, the most similar first.
fn near(pairs: impl Iterator<Item = ((u32, u32), f32)>, limit: f32) -> Vec<(f32, u32, u32)> {
    let near = pairs.filter(|(_, unlike)| *unlike <= limit);
    let mut near: Vec<(f32, u32, u32)> = near.map(|((a, b), unlike)| (unlike, a, b)).collect();
    near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
    near
}

/// The best image with all images near it that are reached along near pairs; then the best of the rest, and
/// so on.
fn around_the_best(
    pairs: &mut Unlike,
    Chain { mut members, near }: Chain,
    grouping: &mut Grouping<'_>,
) -> Result<Vec<Vec<u32>>> {
    let mut neighbours: HashMap<u32, Vec<u32>> = HashMap::new();
    for (a, b) in near {
        neighbours.entry(a).or_default().push(b);
        neighbours.entry(b).or_default().push(a);
    }
    members.sort_by(|&a, &b| (grouping.prefer)(a, b).then(a.cmp(&b)));
    let mut left: BTreeSet<u32> = members.iter().copied().collect();
    let mut groups = Vec::new();
    for best in members {
        if !left.remove(&best) {
            continue;
        }
        let (mut group, mut tried, mut next) = (vec![best], HashSet::from([best]), vec![best]);
        while !next.is_empty() {
            let beside = next.iter().flat_map(|image| &neighbours[image]).copied();
            let mut fresh: Vec<u32> =
                beside.filter(|image| left.contains(image) && !tried.contains(image)).collect();
            fresh.sort_unstable();
            fresh.dedup();
            tried.extend(&fresh);
            let pair = |image: u32| (image.min(best), image.max(best));
            measure_missing(pairs, fresh.iter().map(|&image| pair(image)), grouping)?;
            next = fresh.into_iter().filter(|&image| pairs[&pair(image)] <= grouping.limit).collect();
            for image in &next {
                left.remove(image);
            }
            group.extend(&next);
        }
        if group.len() > 1 {
            groups.push(group);
        }
    }
    Ok(groups)
}

/// The chains that near pairs form.
fn chained(near: &[(f32, u32, u32)]) -> Vec<Chain> {
    fn root(parents: &mut HashMap<u32, u32>, image: u32) -> u32 {
        let mut at = image;
        while let Some(&above) = parents.get(&at).filter(|&&above| above != at) {
            at = above;
        }
        parents.insert(image, at);
        at
    }
    let mut parents: HashMap<u32, u32> = HashMap::new();
    for &(_, a, b) in near {
        let (a, b) = (root(&mut parents, a), root(&mut parents, b));
        parents.insert(a.max(b), a.min(b));
    }
    let mut chains: BTreeMap<u32, Chain> = BTreeMap::new();
    let mut images: Vec<u32> = parents.keys().copied().collect();
    images.sort_unstable();
    for image in images {
        chains.entry(root(&mut parents, image)).or_default().members.push(image);
    }
    for &(_, a, b) in near {
        chains.entry(root(&mut parents, a)).or_default().near.push((a, b));
    }
    chains.into_values().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn groups_of(
        pairs: &mut Unlike,
        limit: f32,
        mut measure: impl FnMut(&[(u32, u32)]) -> Vec<f32>,
    ) -> Vec<Vec<u32>> {
        let mut measure = |missing: &[(u32, u32)]| Ok(measure(missing));
        let mut grouping =
            Grouping { limit, measure: &mut measure, report: &|_, _| Ok(()), prefer: &|a, b| a.cmp(&b) };
        groups_around(pairs, &mut grouping).expect("nothing interrupts it")
    }

    fn none(_: &[(u32, u32)]) -> Vec<f32> {
        panic!("nothing is missing")
    }

    /// Images on a line, a step of 0.1 apart.
    fn line(n: u32) -> Unlike {
        let all: Vec<u32> = (1..=n).collect();
        all_pairs(&all).map(|(a, b)| ((a, b), 0.1 * (b - a) as f32)).collect()
    }

    #[test]
    fn chains_are_cut() {
        assert_eq!(groups_of(&mut line(4), 0.11, none), [[1, 2], [3, 4]]);
        assert_eq!(groups_of(&mut line(4), 0.21, none), [[1, 2, 3]]);
        assert_eq!(groups_of(&mut line(4), 0.31, none), [[1, 2, 3, 4]]);
    }

    #[test]
    fn pairs_that_were_not_compared_are_measured() {
        let mut pairs = BTreeMap::from([((1, 2), 0.0), ((2, 3), 0.0)]);
        let mut asked = Vec::new();
        let groups = groups_of(&mut pairs, 0.1, |missing: &[(u32, u32)]| {
            asked.extend_from_slice(missing);
            vec![0.05; missing.len()]
        });
        assert_eq!((groups, asked), (vec![vec![1, 2, 3]], vec![(1, 3)]));
    }

    #[test]
    fn many_variants_of_one_image_are_one_group_and_long_chains_are_cut() {
        let n = 700;
        // each image is near its next five
        let chain: Unlike = (0..n)
            .flat_map(|a| (1..=5).map(move |step| (a, a + step)))
            .filter(|(_, b)| *b < n)
            .map(|pair| (pair, 0.01))
            .collect();
        let one = groups_of(&mut chain.clone(), 0.1, |missing: &[(u32, u32)]| vec![0.05; missing.len()]);
        assert_eq!(one, [(0..n).collect::<Vec<u32>>()]);
        let mut asked = 0;
        let cut = groups_of(&mut chain.clone(), 0.1, |missing: &[(u32, u32)]| {
            asked += missing.len();
            missing.iter().map(|(a, b)| 0.01 * (b - a) as f32).collect()
        });
        assert!(asked < 20 * n as usize, "{asked} asked for");
        assert!(cut.iter().all(|group| group[group.len() - 1] - group[0] <= 10));
        assert_eq!(cut.iter().map(Vec::len).sum::<usize>(), n as usize);
    }

    #[test]
    fn measuring_ends_when_it_is_interrupted() {
        // a ring: the first one's neighbours have neighbours that it was not compared with
        let n = 10;
        let mut chain: Unlike = (1..n).map(|b| ((b - 1, b), 0.01)).chain([((0, n - 1), 0.01)]).collect();
        let mut blocks = 0;
        let mut measure = |missing: &[(u32, u32)]| {
            blocks += 1;
            Ok(vec![0.05; missing.len()])
        };
        let report = |done: usize, total: usize| {
            assert_eq!((done, total), (2, 2));
            Err(crate::error::Error::Interrupted)
        };
        let mut grouping =
            Grouping { limit: 0.1, measure: &mut measure, report: &report, prefer: &|a, b| a.cmp(&b) };
        assert!(groups_around(&mut chain, &mut grouping).is_err());
        assert_eq!(blocks, 1);
    }

    #[test]
    fn others_join_what_they_are_compared_with() {
        let all = |_: u32, _: u32| Going::All;
        // 2 is nearer to 3, but 1 is the reference that both are near; 5 reaches a reference only through 4
        let pairs: Unlike =
            BTreeMap::from([((1, 2), 0.05), ((2, 3), 0.01), ((1, 3), 0.08), ((1, 4), 0.06), ((4, 5), 0.01)]);
        let rank = |image: u32| usize::from(image != 1);
        assert_eq!(anchored_groups(&pairs, 0.1, &rank, &all).0, [[1, 2, 4, 3]]);
        // three paths: what is gone with the first is not there to be joined
        let rank = |image: u32| [0, 0, 1, 2, 1, 2][image as usize];
        assert_eq!(
            anchored_groups(&pairs, 0.1, &rank, &all),
            (vec![vec![1, 2, 4, 3]], HashSet::from([2, 3, 4]))
        );
        // what stays in part is there
        let part = |_: u32, other: u32| if other == 4 { Going::Part } else { Going::All };
        assert_eq!(anchored_groups(&pairs, 0.1, &rank, &part).0, [&[1, 2, 4, 3][..], &[4, 5]]);
        // what stays anyway joins nothing, but is joined
        let stays = |_: u32, other: u32| if other == 4 { Going::Nothing } else { Going::All };
        assert_eq!(anchored_groups(&pairs, 0.1, &rank, &stays).0, [&[1, 2, 3][..], &[4, 5]]);
    }

    proptest! {
        #[test]
        fn all_members_of_a_group_are_near_the_first_and_those_that_stay_are_not_near(
            edges in proptest::collection::btree_map((0u32..12, 0u32..12), 0.0f32..1.0, 0..60),
        ) {
            let mut pairs: Unlike = edges.into_iter().filter(|((a, b), _)| a < b).collect();
            let groups = groups_of(&mut pairs, 0.5, |missing: &[(u32, u32)]| vec![1.0; missing.len()]);
            let mut goes = BTreeSet::new();
            for group in &groups {
                for other in &group[1..] {
                    prop_assert!(pairs[&(group[0].min(*other), group[0].max(*other))] <= 0.5);
                    prop_assert!(goes.insert(*other));
                }
            }
            for ((a, b), unlike) in &pairs {
                prop_assert!(*unlike > 0.5 || goes.contains(a) || goes.contains(b));
            }
        }
    }
}
