//! From near pairs to groups, and which image of a group stays.
//!
//! Complete linkage: all members of a group are near each other, so that no group chains from one image to quite another by small steps. All
//! of it depends on the images alone, not on the order in which they come.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use super::plan::File;
use crate::error::Error;

/// Groups found by chains alone are looked at whole up to this size.
const LARGEST: usize = 200;

/// Unlikenesses of some pairs, in their order.
pub(super) type Measure<'a> = dyn FnMut(&[(u32, u32)]) -> Vec<f32> + 'a;

/// Groups of positions, each ascending, all of their pairs within `limit`. `pairs` holds unlikenesses of pairs (a < b); those of
/// pairs that it lacks are asked of `measure`, some at a time.
pub(super) fn linked(
    pairs: &mut BTreeMap<(u32, u32), f32>,
    limit: f32,
    measure: &mut Measure<'_>,
) -> Vec<Vec<u32>> {
    let mut near: Vec<(f32, u32, u32)> = pairs
        .iter()
        .filter(|(_, unlike)| **unlike <= limit)
        .map(|(&(a, b), &unlike)| (unlike, a, b))
        .collect();
    near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));

    let missing: Vec<(u32, u32)> = chained(&near)
        .iter()
        .filter(|members| members.len() <= LARGEST)
        .flat_map(|members| all_pairs(members))
        .filter(|pair| !pairs.contains_key(pair))
        .collect();
    if !missing.is_empty() {
        let measured = measure(&missing);
        pairs.extend(missing.into_iter().zip(measured));
    }

    // the most alike first; two groups become one where all of both are near each other
    let mut group_of: HashMap<u32, usize> = HashMap::new();
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for (_, a, b) in near {
        for image in [a, b] {
            group_of.entry(image).or_insert_with(|| {
                groups.push(vec![image]);
                groups.len() - 1
            });
        }
        let (into, from) = (group_of[&a], group_of[&b]);
        let is_near =
            |a: u32, b: u32| pairs.get(&(a.min(b), a.max(b))).is_some_and(|&unlike| unlike <= limit);
        let all_near = groups[into].iter().all(|&a| groups[from].iter().all(|&b| is_near(a, b)));
        if into != from && all_near {
            let moved = std::mem::take(&mut groups[from]);
            group_of.extend(moved.iter().map(|image| (*image, into)));
            groups[into].extend(moved);
        }
    }
    groups.retain(|group| group.len() > 1);
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups.sort_unstable();
    groups
}

/// What hangs together by near pairs, each ascending.
fn chained(near: &[(f32, u32, u32)]) -> Vec<Vec<u32>> {
    let mut parents: HashMap<u32, u32> = HashMap::new();
    fn root(parents: &mut HashMap<u32, u32>, image: u32) -> u32 {
        let mut at = image;
        while let Some(&above) = parents.get(&at).filter(|&&above| above != at) {
            at = above;
        }
        parents.insert(image, at);
        at
    }
    for &(_, a, b) in near {
        let (a, b) = (root(&mut parents, a), root(&mut parents, b));
        parents.insert(a.max(b), a.min(b));
        parents.insert(a.min(b), a.min(b));
    }
    let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut images: Vec<u32> = parents.keys().copied().collect();
    images.sort_unstable();
    for image in images {
        members.entry(root(&mut parents, image)).or_default().push(image);
    }
    members.into_values().collect()
}

fn all_pairs(members: &[u32]) -> impl Iterator<Item = (u32, u32)> + '_ {
    members.iter().enumerate().flat_map(|(i, &a)| members[i + 1..].iter().map(move |&b| (a, b)))
}

/// What makes one image of a group better than another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preference {
    /// More pixels.
    Resolution,
    /// A format without loss, then WebP, then JPEG, then GIF.
    Format,
    /// More bytes.
    Bytes,
    /// EXIF data.
    Exif,
    /// The earlier time of change.
    Oldest,
    /// The shorter path.
    Shortest,
}

impl Preference {
    /// All, as they count where nobody says otherwise.
    pub const ALL: [Preference; 6] = [
        Preference::Resolution,
        Preference::Format,
        Preference::Bytes,
        Preference::Exif,
        Preference::Oldest,
        Preference::Shortest,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Preference::Resolution => "resolution",
            Preference::Format => "format",
            Preference::Bytes => "bytes",
            Preference::Exif => "exif",
            Preference::Oldest => "oldest",
            Preference::Shortest => "shortest",
        }
    }

    /// `Less` where `a` is the better one.
    fn order(self, a: &File, b: &File) -> Ordering {
        fn by<T: Ord>(a: &File, b: &File, rank: impl Fn(&File) -> T) -> Ordering {
            rank(a).cmp(&rank(b))
        }
        match self {
            Preference::Resolution => {
                by(a, b, |file| Reverse(u64::from(file.width) * u64::from(file.height)))
            }
            Preference::Format => by(a, b, |file| match file.format.as_str() {
                "gif" => 3,
                "jpeg" => 2,
                "webp" => 1,
                _ => 0,
            }),
            // the container's size is not the image's
            Preference::Bytes => by(a, b, |file| Reverse(if file.entry { 0 } else { file.size })),
            Preference::Exif => by(a, b, |file| !file.exif),
            Preference::Oldest => by(a, b, |file| file.mtime_ns),
            Preference::Shortest => by(a, b, |file| file.name().len()),
        }
    }
}

impl FromStr for Preference {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = Preference::ALL;
        known.into_iter().find(|preference| preference.name() == name).ok_or_else(|| {
            let names = known.map(Preference::name).join(", ");
            Error::usage(format!("keep: expected some of {names}, got {name}"))
        })
    }
}

/// `Less` where `a` is to stay rather than `b`: what nobody may touch first, then by the preferences, then by name.
pub(super) fn better(a: &File, b: &File, preferences: &[Preference]) -> Ordering {
    let first = b.reference.cmp(&a.reference);
    let then = preferences.iter().map(|preference| preference.order(a, b));
    std::iter::once(first).chain(then).find(|order| order.is_ne()).unwrap_or_else(|| a.name().cmp(b.name()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn none(_: &[(u32, u32)]) -> Vec<f32> {
        panic!("nothing is missing")
    }

    #[test]
    fn chains_are_cut() {
        // 1 - 2 - 3 - 4 on a line, a step apart
        let mut pairs: BTreeMap<(u32, u32), f32> = BTreeMap::new();
        for a in 1..=4u32 {
            for b in a + 1..=4 {
                pairs.insert((a, b), 0.1 * (b - a) as f32);
            }
        }
        assert_eq!(linked(&mut pairs.clone(), 0.11, &mut none), [[1, 2], [3, 4]]);
        assert_eq!(linked(&mut pairs.clone(), 0.21, &mut none), [[1, 2, 3]]);
        assert_eq!(linked(&mut pairs, 0.31, &mut none), [[1, 2, 3, 4]]);
    }

    #[test]
    fn what_was_not_compared_is_asked_for() {
        let mut pairs = BTreeMap::from([((1, 2), 0.0), ((2, 3), 0.0)]);
        let mut asked = Vec::new();
        let groups = linked(&mut pairs, 0.1, &mut |missing| {
            asked.extend_from_slice(missing);
            vec![0.05; missing.len()]
        });
        assert_eq!((groups, asked), (vec![vec![1, 2, 3]], vec![(1, 3)]));
    }

    proptest! {
        #[test]
        fn all_members_of_a_group_are_near(edges in proptest::collection::btree_map((0u32..12, 0u32..12), 0.0f32..1.0, 0..60)) {
            let mut pairs: BTreeMap<(u32, u32), f32> =
                edges.into_iter().filter(|((a, b), _)| a < b).collect();
            let groups = linked(&mut pairs, 0.5, &mut |missing| vec![1.0; missing.len()]);
            let mut seen = std::collections::BTreeSet::new();
            for group in &groups {
                prop_assert!(group.iter().all(|image| seen.insert(*image)));
                prop_assert!(all_pairs(group).all(|pair| pairs[&pair] <= 0.5));
            }
        }
    }
}
