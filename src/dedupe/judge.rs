//! From pairs that were compared, and from what local features found, to groups of each kind: near, edited, related.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;

use super::finding::Finding;
use super::fingerprint::Turn;
use super::original::Related;
use super::pairs::{Compared, Comparison, Pair};
use super::plan::GroupKind;
use super::verify::Verifier;
use crate::error::Result;
use crate::images::Resizer;

/// Pairs whose thumbnails are less unlike than this are verified, but of each image only the most similar ones.
const WORTH: f32 = 0.97;
const MOST: u32 = 6;
/// What local features call near lies so far within the cut.
const WITHIN: f32 = 0.99;
/// What they found edited or related lies so far beyond it: as much as shows in a similarity.
const BEYOND: f32 = 1e-6;
/// Pairs of edited, or related, images are all within this.
pub(super) const ALL: f32 = 1.0;

/// How pairs are judged.
pub(super) struct Judge<'a> {
    /// What thumbnails tell.
    pub(super) comparison: &'a Comparison<'a>,
    /// What local features tell.
    pub(super) verifier: &'a Verifier<'a>,
    /// Orientations in which a copy is near.
    pub(super) turns: &'a [Turn],
    /// Pairs up to this unlikeness are near.
    pub(super) cut: f32,
    /// Whether the cut is the user's, so that no pair beyond it is near: what is near otherwise is edited then.
    pub(super) strict: bool,
}

/// Verifies the pairs that may be copies: by their thumbnails, and by the latents of the index.
///
/// # Errors
/// [`Error::Interrupted`](crate::error::Error::Interrupted).
pub(super) fn verify(verifier: &Verifier<'_>, compared: &Compared, by_latents: &[(u32, u32)]) -> Result<()> {
    let mut alike: Vec<&Pair> = compared.pairs.iter().filter(|pair| pair.unlikeness < WORTH).collect();
    alike.sort_by(|a, b| a.unlikeness.total_cmp(&b.unlikeness).then((a.a, a.b).cmp(&(b.a, b.b))));
    let mut of_image: HashMap<u32, u32> = HashMap::new();
    let mut wanted = Vec::new();
    let has_few =
        |counts: &HashMap<u32, u32>, image: u32| counts.get(&image).is_none_or(|count| *count < MOST);
    for pair in alike {
        if has_few(&of_image, pair.a) || has_few(&of_image, pair.b) {
            wanted.push((pair.a, pair.b));
            [pair.a, pair.b].iter().for_each(|image| *of_image.entry(*image).or_default() += 1);
        }
    }
    let by_latents = by_latents.iter().filter(|(a, b)| has_few(&of_image, *a) || has_few(&of_image, *b));
    verifier.verify(wanted.iter().chain(by_latents).copied())
}

impl Judge<'_> {
    /// A pair as thumbnails and local features judge it together. What local features found near lies within the
    /// threshold, however the thumbnails differ; and what they found edited or related lies beyond it. That a small
    /// picture is no more than related they cannot tell: too few of its blocks show the same detail.
    fn judged(&self, pair: Pair) -> Pair {
        let Some(finding) = self.verifier.finding((pair.a, pair.b)) else { return pair };
        let is_turned = finding.turn != Turn::NONE && !self.turns.contains(&finding.turn);
        match finding.kind {
            Some(GroupKind::Near) if !is_turned => {
                let unlikeness =
                    if self.strict { pair.unlikeness } else { pair.unlikeness.min(WITHIN * self.cut) };
                Pair { unlikeness, turn: finding.turn, ..pair }
            }
            Some(GroupKind::Related) if self.is_small(pair) => pair,
            Some(_) => Pair { unlikeness: pair.unlikeness.max(self.cut + BEYOND), ..pair },
            None => pair,
        }
    }

    /// Whether one of both is too small for a fine luma.
    fn is_small(&self, pair: Pair) -> bool {
        [pair.a, pair.b].iter().any(|at| self.comparison.fingerprints[*at as usize].fine.is_none())
    }

    /// The compared pairs and those that were found near, judged.
    pub(super) fn near(&self, compared: &[Pair]) -> Vec<Pair> {
        // a pair that was not verified, but can be, is compared when it is needed
        let is_settled = |pair: &&Pair| self.verifier.is_settled((pair.a, pair.b));
        let mut pairs: BTreeMap<(u32, u32), Pair> =
            compared.iter().filter(is_settled).map(|pair| ((pair.a, pair.b), *pair)).collect();
        for (pair, finding) in self.verifier.findings() {
            if finding.kind == Some(GroupKind::Near) {
                pairs.entry(pair).or_insert(finding.pair(pair, ALL));
            }
        }
        pairs.into_values().map(|pair| self.judged(pair)).collect()
    }

    /// Compares pairs (a < b) that may be near.
    pub(super) fn compare(&self, pairs: &[(u32, u32)]) -> Result<Vec<Pair>> {
        let thumbs = self.comparison.thumbs();
        let one = |resizer: &mut Resizer, &pair: &(u32, u32)| thumbs.best_pair(pair, self.turns, resizer);
        let found: Vec<Pair> = pairs.par_iter().map_init(Resizer::new, one).collect();
        self.verifier.verify(pairs.iter().copied())?;
        Ok(found.into_iter().map(|pair| self.judged(pair)).collect())
    }

    /// Those of some pairs (a < b) that are of a kind; pairs that are not verified yet are verified now. What is
    /// near, but turned, or beyond a threshold of the user's, is edited.
    pub(super) fn of_kind(&self, kind: GroupKind, pairs: &[(u32, u32)]) -> Result<Vec<Pair>> {
        self.verifier.verify(pairs.iter().copied())?;
        let of = |&pair: &(u32, u32)| {
            let finding = self.verifier.finding(pair)?;
            let is = match finding.kind {
                Some(GroupKind::Near) => GroupKind::Edited,
                other => other?,
            };
            (is == kind).then(|| finding.pair(pair, 1.0 - finding.agreement))
        };
        Ok(pairs.iter().filter_map(of).collect())
    }

    /// An edited pair with a similarity by which it is called a duplicate, as near ones are.
    pub(super) fn called(&self, pair: Pair) -> Pair {
        Pair { unlikeness: pair.unlikeness.min(WITHIN * self.cut), ..pair }
    }

    /// All pairs of a kind.
    pub(super) fn all_of(&self, kind: GroupKind) -> Vec<(u32, u32)> {
        let of = |(pair, finding): ((u32, u32), Finding)| (finding.kind == Some(kind)).then_some(pair);
        let mut pairs: Vec<(u32, u32)> = self.verifier.findings().into_iter().filter_map(of).collect();
        if kind == GroupKind::Edited {
            let near = self.verifier.findings().into_iter().filter(|(pair, finding)| {
                let judged = self.judged(finding.pair(*pair, ALL));
                finding.kind == Some(GroupKind::Near) && judged.unlikeness > self.cut
            });
            pairs.extend(near.map(|(pair, _)| pair));
        }
        pairs
    }
}

impl Judge<'_> {
    /// The pairs of which one is a copy of the other: near ones of `judged`, and edited ones.
    pub(super) fn related(&self, judged: &[Pair]) -> Vec<Related> {
        let near = judged.iter().filter(|pair| pair.unlikeness <= self.cut).map(|pair| (*pair, true));
        let edited = self.all_of(GroupKind::Edited).into_iter().filter_map(|pair| {
            let finding = self.verifier.finding(pair)?;
            Some((finding.pair(pair, ALL), false))
        });
        let told = |(Pair { a, b, turn, .. }, is_near): (Pair, bool)| {
            let finding = self.verifier.finding((a, b));
            let differs = finding.is_some_and(|finding| finding.regions.is_some());
            let (beside, marked) =
                finding.map_or((None, [false; 2]), |finding| (Some(finding.beside), finding.marked));
            Related { a, b, turn, is_near, differs, beside, marked }
        };
        near.chain(edited).map(told).collect()
    }
}

impl Finding {
    /// The pair that was found.
    fn pair(&self, (a, b): (u32, u32), unlikeness: f32) -> Pair {
        Pair { a, b, turn: self.turn, unlikeness }
    }
}

/// Pairs between the images that stay: where an image goes, the one that is kept for it takes its place.
pub(super) fn between_keepers(pairs: &[(u32, u32)], groups: &[Vec<u32>]) -> Vec<(u32, u32)> {
    let of_group = |group: &Vec<u32>| group[1..].iter().map(|other| (*other, group[0])).collect::<Vec<_>>();
    let keeper: HashMap<u32, u32> = groups.iter().flat_map(of_group).collect();
    let stays = |image: u32| keeper.get(&image).copied().unwrap_or(image);
    let moved = pairs.iter().map(|(a, b)| (stays(*a), stays(*b))).filter(|(a, b)| a != b);
    moved.map(|(a, b)| (a.min(b), a.max(b))).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_is_replaced_by_what_is_kept_for_it() {
        let groups = [vec![1, 2, 3], vec![7, 4]];
        // an edited copy of 2 is one of 1; one of 3 and of 1 is the same pair; 2 and 3 are one image by now
        let pairs = [(2, 9), (1, 9), (3, 4), (2, 3), (5, 6)];
        assert_eq!(between_keepers(&pairs, &groups), [(1, 7), (1, 9), (5, 6)]);
    }
}
