//! What share of copies a scan of this collection finds: copies are made of some of its images and looked for as
//! those that were there before.
//!
//! Copies of the whole picture are looked for among the codes of all images, and compared by thumbnails. What these
//! miss, and all edited copies, are verified by local features, against the image that they were made of. So what
//! is found of those is the share *of copies that are brought near their original*: by the latents of the index, which
//! are not made of these copies, since that would take the model (`neighbours` says how many of them are).

use rayon::prelude::*;

use super::candidates::Codes;
use super::compare::is_seen;
use super::copies::{Alteration, LARGEST};
use super::finding::Finding;
use super::fingerprint::{Fingerprint, Thumb, Turn, chroma, fine_luma, luma};
use super::local::{Local, Probes, verify};
use super::pairs::compare;
use super::plan::{CopyRecall, GroupKind};
use crate::error::Result;
use crate::images::{Decoding, Needed, Pixels, Resizer, Source, fitted};

/// Images of which copies of the whole picture are made, and edited ones, which take longer to verify.
const COPIED: usize = 60;
const EDITED: usize = 20;
/// With fewer images, or fewer large ones among those copied, nothing is verified: it takes a while, and few images
/// say little.
const FEWEST: usize = 50;
const FEWEST_LARGE: usize = COPIED / 2;

/// How copies are looked for.
pub(super) struct Lookup<'a> {
    /// The fingerprints of the collection's pictures, by position, and their codes.
    pub(super) fingerprints: &'a [Fingerprint<'a>],
    pub(super) codes: &'a Codes<'a>,
    /// Orientations in which a copy is near.
    pub(super) turns: &'a [Turn],
    /// Pairs up to this unlikeness are near.
    pub(super) limit: f32,
    /// Whether nothing beyond it is near; then it is edited.
    pub(super) strict: bool,
    /// Corners that lie alike with which a copy counts.
    pub(super) inliers: usize,
}

/// An image of which copies are made, and its position.
struct Original {
    position: u32,
    image: Pixels,
}

/// The positions of the images that are copied, of a collection of `n` pictures.
pub(super) fn sample(n: usize) -> Vec<u32> {
    let few = n.min(COPIED);
    (0..few).map(|i| (i * n / few) as u32).collect()
}

impl Lookup<'_> {
    /// The share of copies found, for each way to make one, of the images at `positions`. If too few of them are large
    /// enough for local features, only those of the whole picture are made, and looked for by thumbnails alone. `source`
    /// reads the image at a position. Also returns whether all could be read.
    ///
    /// # Errors
    /// Those of the search.
    pub(super) fn recall(
        &self,
        positions: &[u32],
        source: impl Fn(u32) -> Option<Source> + Sync,
    ) -> Result<(Vec<CopyRecall>, bool)> {
        let of = |position: &u32| &self.fingerprints[*position as usize];
        let shows = |position: &&u32| is_seen(of(position));
        let read = |&position: &u32| {
            let needed = Needed::Fitted { side: LARGEST };
            let image = source(position)?.decode(&Decoding { needed, ..Decoding::default() }).ok()?;
            Some(Original { position, image: fitted(&image, LARGEST).ok()? }) // many are held at once
        };
        let seen: Vec<&u32> = positions.iter().filter(shows).collect();
        let wanted = seen.len();
        let originals: Vec<Original> = seen.into_par_iter().filter_map(read).collect();
        let are_all_read = originals.len() == wanted;
        let (near, edited): (Vec<Alteration>, Vec<Alteration>) = Alteration::NEAR
            .into_iter()
            .chain(Alteration::EDITED)
            .partition(|change| Alteration::NEAR.contains(change) || self.takes(change.turn()));
        let large: Vec<&Original> =
            originals.iter().filter(|original| of(&original.position).fine.is_some()).collect();
        let is_verified = originals.len() >= FEWEST && large.len() >= FEWEST_LARGE;
        let mut recall = Vec::new();
        for change in near {
            recall.extend(self.of_whole(change, &originals, is_verified)?);
        }
        if !is_verified {
            return Ok((recall, are_all_read));
        }
        let n = large.len().min(EDITED);
        let chosen: Vec<&Original> = (0..n).map(|i| large[i * large.len() / n]).collect();
        let locals: Vec<Option<Local>> = chosen
            .par_iter()
            .map_init(Resizer::new, |resizer, original| Local::of(&original.image, resizer).ok())
            .collect();
        recall.extend(edited.into_iter().filter_map(|change| self.of_edited(change, &chosen, &locals)));
        Ok((recall, are_all_read))
    }

    /// Whether a copy that lies so is near.
    fn takes(&self, turn: Turn) -> bool {
        turn != Turn::NONE && self.turns.contains(&turn)
    }

    /// Copies of the whole picture: by codes and thumbnails, then by local features if these tell.
    fn of_whole(
        &self,
        change: Alteration,
        originals: &[Original],
        is_verified: bool,
    ) -> Result<Option<CopyRecall>> {
        let Lookup { fingerprints, codes, turns, limit, .. } = *self;
        let copy = |resizer: &mut Resizer, original: &Original| {
            let copy = change.of(&original.image, &original.image).ok()?;
            let size = (copy.width as u32, copy.height as u32); // as of images, at most 2^32
            let fine = fine_luma(&copy, resizer).ok()?;
            Some((original.position, size, luma(&copy, resizer).ok()?, chroma(&copy, resizer).ok()?, fine))
        };
        let copies: Vec<Option<_>> = originals.par_iter().map_init(Resizer::new, copy).collect();
        let of = copies.iter().flatten();
        let mut found = vec![false; of.clone().count()];
        for &turn in turns {
            let queries: Vec<Thumb> = of.clone().map(|(_, _, luma, ..)| turn.of(luma)).collect();
            let near = codes.near(&queries)?;
            let mut resizer = Resizer::new();
            for (((position, size, luma, chroma, fine), near), found) in of.clone().zip(near).zip(&mut found)
            {
                let original = &fingerprints[*position as usize];
                let fine = fine.as_deref();
                let copy = Fingerprint { luma, chroma, fine, width: size.0, height: size.1, ..*original };
                *found |= near.binary_search(position).is_ok()
                    && compare(&copy, original, turn, &mut resizer) <= limit;
            }
        }
        let by_thumbs = found.iter().filter(|found| **found).count();
        let made = originals.iter().zip(&copies).filter(|(_, copy)| copy.is_some());
        let missed = made.zip(&found).filter(|(_, found)| !**found).map(|((original, _), _)| original);
        let missed: Vec<&Original> = missed
            .filter(|original| is_verified && fingerprints[original.position as usize].fine.is_some())
            .collect();
        let verified = missed.par_iter().map_init(Resizer::new, |resizer, original| {
            let copy = change.of(&original.image, &original.image).ok()?;
            let local = Local::of(&original.image, resizer).ok()?;
            self.kind_of(&local, &Local::of(&copy, resizer).ok()?)
        });
        let mut kinds: Vec<GroupKind> = verified.flatten().collect();
        kinds.extend(std::iter::repeat_n(GroupKind::Near, by_thumbs));
        Ok(row(change, found.len(), &kinds, GroupKind::Near))
    }

    /// Edited copies: by local features.
    fn of_edited(
        &self,
        change: Alteration,
        originals: &[&Original],
        locals: &[Option<Local>],
    ) -> Option<CopyRecall> {
        let one = |resizer: &mut Resizer, i: usize| {
            let beside = &originals[(i + 1) % originals.len()].image;
            let copy = change.of(&originals[i].image, beside).ok()?;
            let copy = Local::of(&copy, resizer).ok()?;
            Some(locals[i].as_ref().and_then(|local| self.kind_of(local, &copy)))
        };
        let found: Vec<Option<GroupKind>> =
            (0..originals.len()).into_par_iter().map_init(Resizer::new, one).flatten().collect();
        let kinds: Vec<GroupKind> = found.iter().copied().flatten().collect();
        row(change, found.len(), &kinds, GroupKind::Edited)
    }

    /// What a copy that was verified is found as, near or edited, if it is.
    fn kind_of(&self, original: &Local, copy: &Local) -> Option<GroupKind> {
        let finding = Finding::of(&verify(original, copy, Probes::default()));
        let lies_so = finding.turn == Turn::NONE || self.takes(finding.turn);
        match finding.kind.filter(|_| finding.counts(self.inliers))? {
            GroupKind::Near if lies_so && !self.strict => Some(GroupKind::Near),
            GroupKind::Near | GroupKind::Edited => Some(GroupKind::Edited),
            _ => None,
        }
    }
}

/// What was found of so many copies, and as what: as most of them, or as `expected` if none is.
fn row(change: Alteration, copies: usize, found: &[GroupKind], expected: GroupKind) -> Option<CopyRecall> {
    if copies == 0 {
        return None;
    }
    let near = found.iter().filter(|kind| **kind == GroupKind::Near).count();
    let kind = match (2 * near).cmp(&found.len()) {
        std::cmp::Ordering::Greater => GroupKind::Near,
        std::cmp::Ordering::Less => GroupKind::Edited,
        std::cmp::Ordering::Equal => expected,
    };
    Some(CopyRecall { copy: change.name(), kind, copies, recall: found.len() as f64 / copies as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_what_most_copies_are_found_as() {
        let (near, edited) = (GroupKind::Near, GroupKind::Edited);
        let of = |found: &[GroupKind]| row(Alteration::Logo, 4, found, edited).unwrap();
        assert_eq!((of(&[near, near, edited]).kind, of(&[near, near, edited]).recall), (near, 0.75));
        assert_eq!((of(&[near, edited]).kind, of(&[]).kind, of(&[]).recall), (edited, edited, 0.0));
        assert_eq!(row(Alteration::Logo, 0, &[], near), None);
    }

    #[test]
    fn samples_are_spread_evenly() {
        assert_eq!(sample(3), [0, 1, 2]);
        assert_eq!(sample(0), [0; 0]);
        let many = sample(600);
        assert_eq!((many.len(), many[1], many[59]), (COPIED, 10, 590));
    }
}
