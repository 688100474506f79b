//! What speaks against an image being the original: as the images that show the same picture tell.
//!
//! An image alone tells little. A white margin may be a border or a wall, and a JPEG saved twice may be the
//! best there is. Beside an image without the margin, or with the tables of the first save, it shows.
//!
//! | flaw | of the first of two related images, if |
//! |---|---|
//! | enlarged | it is larger, and its detail has the period that enlarging the second leaves |
//! | framed | what it shows beside the overlap begins with a seam |
//! | marked | something is laid over it; if nothing tells, a part differs and fewer images are like the first |
//! | cropped | the second shows more of the same picture around it |
//! | re-encoded | it shows the JPEG that the second is, or has an encoding of copies, which the second has not |
//! | blurred | it has the same size and far less detail |

use std::collections::{BTreeMap, HashMap};

use super::collection::Picture;
use super::decisions::Hash;
use super::fingerprint::{Fingerprint, Turn};
use super::fingerprints::Fingerprints;
use super::local::Beside;
use super::plan::Flaw;
use super::traces::{Earlier, octaves_above, period};
use crate::images::Encoding;

/// Two pictures, by position, one of which is a copy of the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Related {
    pub(super) a: u32,
    pub(super) b: u32,
    /// How the first has to be turned to lie as the second does.
    pub(super) turn: Turn,
    /// They are near, not edited.
    pub(super) is_near: bool,
    /// A part differs.
    pub(super) differs: bool,
    /// What they show beside the overlap, if that is known.
    pub(super) beside: Option<[Beside; 2]>,
    /// Which of them has something laid over it; neither if nothing tells.
    pub(super) marked: [bool; 2],
}

/// What speaks against contents; those against which nothing does are missing.
#[derive(Debug, Default)]
pub(super) struct Flaws {
    /// With whether a near picture tells it.
    of: HashMap<Hash, BTreeMap<Flaw, bool>>,
}

/// The least share of pixels that a source has, of what was made from it; and of a lossless one.
const AS_LARGE: f64 = 0.9;
const LOSSLESS_AS_LARGE: f64 = 0.98;
/// The quality of a JPEG from which something better known to be a copy may be made of it.
const POOR: u8 = 50;
/// How far the step of an earlier JPEG may be from that of the file: light may have been scaled since.
const STEP_WITHIN: f32 = 0.27;
/// The sides of an enlarged picture, at least, in those of its source; and how clear the period is, of a
/// median of 1.
const ENLARGED: f64 = 1.08;
const PERIOD: f32 = 2.5;
/// The side of a block where nothing was made smaller, and the least step of an earlier JPEG that is found there.
const WHOLE: u8 = 8;
const LEAST_STEP: u16 = 2;
/// Octaves of power that a blurred picture lacks. The strongest sharpening that is common adds 1.4.
const BLURRED: f32 = 1.7;

impl Flaws {
    /// What related pictures tell of each other.
    pub(super) fn of(pictures: &[Picture], fingerprints: &Fingerprints, related: &[Related]) -> Flaws {
        let mut flaws = Flaws::default();
        let contents = |at: u32| {
            let hashes = pictures[at as usize].contents.iter();
            hashes.filter_map(|hash| Some((*hash, fingerprints.get(hash)?)))
        };
        for (picture, at) in pictures.iter().zip(0..) {
            if picture.contents.len() < 2 {
                continue;
            }
            // the same pixels: what loses some was there first
            if contents(at).any(|(_, found)| is_lossy(&found)) {
                let made = contents(at).filter(|(_, found)| !is_lossy(found));
                made.for_each(|(hash, _)| flaws.add(hash, Flaw::Reencoded, true));
            }
        }
        let near = near_of(related);
        for pair in related {
            for (x, y, is_first) in [(pair.a, pair.b, true), (pair.b, pair.a, false)] {
                let beside =
                    pair.beside.map_or([Beside::Nothing; 2], |[a, b]| if is_first { [a, b] } else { [b, a] });
                let is_whole = beside == [Beside::Nothing; 2];
                let votes = |at: u32| near.get(&at).copied().unwrap_or(0);
                let [is_marked, is_covered] =
                    if is_first { pair.marked } else { [pair.marked[1], pair.marked[0]] };
                let is_other = pair.differs && !is_covered && votes(x) < votes(y);
                let same = (is_whole || pair.is_near).then_some(pair.turn);
                let across = pair.turn.quarters % 2 == 1;
                let sources: Vec<Fingerprint<'_>> = contents(y).map(|(_, found)| found).collect();
                for (hash, found) in contents(x) {
                    let of_any = |is_so: &dyn Fn(&Fingerprint<'_>) -> bool| sources.iter().any(is_so);
                    let told = [
                        (is_whole && of_any(&|source| is_enlarged(&found, source, across)), Flaw::Enlarged),
                        (beside[0] == Beside::Frame, Flaw::Framed),
                        ((is_marked || is_other) && is_whole, Flaw::Marked),
                        (beside == [Beside::Nothing, Beside::Picture], Flaw::Cropped),
                        (of_any(&|source| is_made_from(&found, source, same)), Flaw::Reencoded),
                        (
                            (is_whole || pair.is_near)
                                && of_any(&|source| is_blurred(&found, source, across)),
                            Flaw::Blurred,
                        ),
                    ];
                    told.into_iter()
                        .filter(|(is_so, _)| *is_so)
                        .for_each(|(_, flaw)| flaws.add(hash, flaw, pair.is_near));
                }
            }
        }
        flaws
    }

    fn add(&mut self, hash: Hash, flaw: Flaw, is_near: bool) {
        *self.of.entry(hash).or_default().entry(flaw).or_default() |= is_near;
    }

    /// Those of a content; in a group of near pictures only those that near ones tell.
    pub(super) fn against(&self, hash: &Hash, in_near: bool) -> Vec<Flaw> {
        let told = self.of.get(hash).into_iter().flatten();
        told.filter(|(_, is_near)| **is_near || !in_near).map(|(flaw, _)| *flaw).collect()
    }
}

/// The number of pictures that each is near.
fn near_of(related: &[Related]) -> HashMap<u32, usize> {
    let mut near = HashMap::new();
    for pair in related.iter().filter(|pair| pair.is_near && !pair.differs) {
        [pair.a, pair.b].iter().for_each(|at| *near.entry(*at).or_default() += 1);
    }
    near
}

fn is_lossy(found: &Fingerprint<'_>) -> bool {
    found.traces.encoding() == Encoding::Lossy
}

fn pixels(found: &Fingerprint<'_>) -> f64 {
    f64::from(found.width) * f64::from(found.height)
}

/// Whether `copy` was made from `source`, or from what that is, and encoded again. If they show the same, and
/// neither more, `same` is how one has to be turned to lie as the other does.
fn is_made_from(copy: &Fingerprint<'_>, source: &Fingerprint<'_>, same: Option<Turn>) -> bool {
    let share = pixels(source) / pixels(copy).max(1.0);
    if source.damage.is_some() || share < AS_LARGE {
        return false;
    }
    let (of_copy, of_source) = (&copy.traces, &source.traces);
    let is_same = same.is_some();
    // then the blocks of both begin at the same pixels; drawings seem to have lattices that begin elsewhere
    let is_aligned = same == Some(Turn::NONE) && (copy.width, copy.height) == (source.width, source.height);
    let can_be =
        |earlier: &Earlier| !is_aligned || !matches!(earlier, Earlier::OtherGrid { at_start: false, .. });
    let steps = of_copy.earlier().filter(can_be).zip(of_source.jpeg_step());
    if steps.is_some_and(|(earlier, step)| {
        of_source.earlier().is_none() && fits(earlier, of_copy.jpeg_step(), step)
    }) {
        return true;
    }
    let is_poor = source.jpeg_quality.is_some_and(|quality| quality < POOR);
    match (of_copy.encoding(), of_source.encoding()) {
        (_, Encoding::Palette) => false,
        (Encoding::Palette, _) => of_copy.is_textured() && !is_poor,
        // not if the lossless one shows this JPEG file, or is a photo and would not show it
        (Encoding::Lossy, Encoding::Lossless) => {
            let step = of_copy.jpeg_step().unwrap_or(u8::MAX);
            let earlier = of_source.earlier().filter(can_be);
            let is_younger = earlier.is_some_and(|earlier| fits(earlier, None, step));
            let is_seen =
                u16::from(step) * u16::from(of_source.block_side()) >= LEAST_STEP * u16::from(WHOLE);
            let is_told = is_seen || !of_source.is_textured();
            is_same && share >= LOSSLESS_AS_LARGE && is_told && !is_younger
        }
        // a photo too large for traces is a camera's, and cameras write lossy files
        (Encoding::Lossless, Encoding::Lossy) => {
            is_same && of_copy.block_side() == 0 && of_copy.is_textured() && !is_poor
        }
        (Encoding::Lossy, Encoding::Lossy) => match (copy.format, source.format) {
            ("webp" | "avif", "jpeg" | "heic") => !is_poor,
            ("jpeg", "jpeg") => {
                let quality = |found: &Fingerprint<'_>| found.jpeg_quality.unwrap_or(0);
                of_copy.has_standard_tables()
                    && !of_source.has_standard_tables()
                    && of_source.block_side() > 0
                    && of_source.earlier().is_none()
                    && quality(source) >= quality(copy)
            }
            // cameras that write HEIC convert it to JPEG for others
            ("jpeg", "heic") => of_source.camera(),
            _ => false,
        },
        (Encoding::Lossless, Encoding::Lossless) => false,
    }
}

/// Whether a JPEG file with this step is what shows in one whose own step is `own`.
fn fits(earlier: Earlier, own: Option<u8>, step: u8) -> bool {
    let is_near = |found: f32| (f32::from(step) / found - 1.0).abs() <= STEP_WITHIN;
    match earlier {
        // a lattice of 16 is one of 8 as well
        Earlier::OtherGrid { step: found, .. } => step.is_multiple_of(found) || is_near(f32::from(found)),
        Earlier::OwnGrid { frequency } => {
            // periods of more than a step, and of less than two
            let own = f32::from(own.unwrap_or(0));
            [frequency, 1.0 - frequency].into_iter().any(|frequency| is_near(own / frequency))
        }
    }
}

/// Whether `copy` is `source` made larger: its detail has the period that this leaves, along each side that
/// is longer. `across` tells that one lies on its side.
fn is_enlarged(copy: &Fingerprint<'_>, source: &Fingerprint<'_>, across: bool) -> bool {
    let Some(detail) = copy.traces.detail().filter(|_| copy.traces.block_side() == WHOLE) else {
        return false;
    };
    let (width, height) = if across { (source.height, source.width) } else { (source.width, source.height) };
    let sides = [(copy.width, width), (copy.height, height)].into_iter().enumerate();
    let longer = sides.filter(|(_, (side, of))| f64::from(*side) >= ENLARGED * f64::from(*of));
    let periods: Vec<f32> =
        longer.map(|(axis, (side, of))| period(detail, axis, side, of).unwrap_or(0.0)).collect();
    !periods.is_empty() && periods.iter().sum::<f32>() >= PERIOD * periods.len() as f32
}

/// Whether `copy` has the size of `source` and far less detail.
fn is_blurred(copy: &Fingerprint<'_>, source: &Fingerprint<'_>, across: bool) -> bool {
    let (width, height) = if across { (source.height, source.width) } else { (source.width, source.height) };
    let (of_copy, of_source) = (&copy.traces, &source.traces);
    let is_alike =
        (copy.width, copy.height) == (width, height) && of_copy.block_side() == of_source.block_side();
    let more =
        of_source.detail().zip(of_copy.detail()).and_then(|(source, copy)| octaves_above(source, copy));
    is_alike && more.is_some_and(|octaves| octaves >= BLURRED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_jpeg_is_known_by_its_step() {
        let other = |step| Earlier::OtherGrid { step, at_start: true };
        assert!(fits(other(8), None, 8) && fits(other(8), None, 16) && fits(other(9), None, 10));
        assert!(!fits(other(8), None, 4) && !fits(other(8), None, 80 - 1));
        let own = |frequency| Earlier::OwnGrid { frequency };
        // 8 to 4, 10 to 4, 8 to 3; brightened by a tenth, 8 to 4
        for (frequency, own_step, step) in [(0.5, 4, 8), (0.4, 4, 10), (0.375, 3, 8), (0.4545, 4, 8)] {
            assert!(fits(own(frequency), Some(own_step), step), "{own_step} {step}");
            assert!(!fits(own(frequency), Some(own_step), 40) && !fits(own(frequency), Some(own_step), 2));
        }
    }

    #[test]
    fn votes_are_of_near_pictures() {
        let pair = |a, b, is_near, differs| Related {
            a,
            b,
            turn: Turn::NONE,
            is_near,
            differs,
            beside: None,
            marked: [false; 2],
        };
        let near = near_of(&[pair(0, 1, true, false), pair(1, 2, false, true), pair(0, 3, true, false)]);
        assert_eq!(
            (near.get(&0), near.get(&1), near.get(&2), near.get(&3)),
            (Some(&2), Some(&1), None, Some(&1))
        );
    }
}
