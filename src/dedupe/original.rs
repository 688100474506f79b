//! What speaks against an image being the original: as the images that show the same picture tell.
//!
//! An image alone tells little. A white margin may be a border or a wall, and a JPEG saved twice may be the best there
//! is. Beside an image without the margin, or with the tables of the first save, it shows.
//!
//! | flaw | of the first of two related images, if |
//! |---|---|
//! | enlarged | it is larger, and has no more detail than the second could have given it |
//! | framed | what it shows beside the overlap begins with a seam |
//! | marked | a part of it differs, and more images are like the second than like the first |
//! | cropped | the second shows more of the same picture around it |
//! | re-encoded | it shows the JPEG that the second is, or has an encoding of copies, which the second has not |

use std::collections::{BTreeSet, HashMap};

use super::collection::Picture;
use super::decisions::Hash;
use super::fingerprint::{Fingerprint, Turn};
use super::fingerprints::Fingerprints;
use super::local::Beside;
use super::plan::Flaw;
use super::traces::{BANDS, Earlier, PER_OCTAVE};
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
}

/// What speaks against contents; those against which nothing does are missing.
#[derive(Debug, Default)]
pub(super) struct Flaws {
    of: HashMap<Hash, BTreeSet<Flaw>>,
}

/// The least share of pixels that a source has, of what was made from it; and of a lossless one.
const AS_LARGE: f64 = 0.9;
const LOSSLESS_AS_LARGE: f64 = 0.98;
/// The quality of a JPEG from which something better known to be a copy may be made of it.
const POOR: u8 = 50;
/// How far the step of an earlier JPEG may be from that of the file: light may have been scaled since.
const STEP_WITHIN: f32 = 0.27;
/// The sides of an enlarged picture, at least, in those of its source.
const ENLARGED: f64 = 1.08;

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
                made.for_each(|(hash, _)| flaws.add(hash, Flaw::Reencoded));
            }
        }
        let near = near_of(related);
        for pair in related {
            for (x, y, is_first) in [(pair.a, pair.b, true), (pair.b, pair.a, false)] {
                let beside =
                    pair.beside.map_or([Beside::Nothing; 2], |[a, b]| if is_first { [a, b] } else { [b, a] });
                let is_whole = beside == [Beside::Nothing; 2];
                let votes = |at: u32| near.get(&at).copied().unwrap_or(0);
                let sources: Vec<Fingerprint<'_>> = contents(y).map(|(_, found)| found).collect();
                for (hash, found) in contents(x) {
                    let is_enlarged = is_whole
                        && sources
                            .iter()
                            .any(|source| is_enlarged(&found, source, pair.turn.quarters % 2 == 1));
                    let told = [
                        (is_enlarged, Flaw::Enlarged),
                        (beside[0] == Beside::Frame, Flaw::Framed),
                        (pair.differs && is_whole && votes(x) < votes(y), Flaw::Marked),
                        (beside == [Beside::Nothing, Beside::Picture], Flaw::Cropped),
                        (sources.iter().any(|source| is_made_from(&found, source)), Flaw::Reencoded),
                    ];
                    told.into_iter().filter(|(is_so, _)| *is_so).for_each(|(_, flaw)| flaws.add(hash, flaw));
                }
            }
        }
        flaws
    }

    fn add(&mut self, hash: Hash, flaw: Flaw) {
        self.of.entry(hash).or_default().insert(flaw);
    }

    /// Those of a content.
    pub(super) fn against(&self, hash: &Hash) -> Vec<Flaw> {
        self.of.get(hash).map_or_else(Vec::new, |flaws| flaws.iter().copied().collect())
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

/// Whether `copy` was made from `source`, or from what that is, and encoded again.
fn is_made_from(copy: &Fingerprint<'_>, source: &Fingerprint<'_>) -> bool {
    let share = pixels(source) / pixels(copy).max(1.0);
    if source.damage.is_some() || share < AS_LARGE {
        return false;
    }
    let (of_copy, of_source) = (&copy.traces, &source.traces);
    let steps = of_copy.earlier().zip(of_source.jpeg_step());
    if steps.is_some_and(|(earlier, step)| {
        of_source.earlier().is_none() && fits(earlier, of_copy.jpeg_step(), step)
    }) {
        return true;
    }
    let is_poor = source.jpeg_quality.is_some_and(|quality| quality < POOR);
    match (of_copy.encoding(), of_source.encoding()) {
        (_, Encoding::Palette) => false,
        (Encoding::Palette, _) => of_copy.is_textured() && !is_poor,
        (Encoding::Lossy, Encoding::Lossless) => share >= LOSSLESS_AS_LARGE && of_source.earlier().is_none(),
        (Encoding::Lossy, Encoding::Lossy) => match (copy.format, source.format) {
            ("webp" | "avif", "jpeg" | "heic") => !is_poor,
            ("jpeg", "jpeg") => {
                let quality = |found: &Fingerprint<'_>| found.jpeg_quality.unwrap_or(0);
                of_copy.has_standard_tables()
                    && !of_source.has_standard_tables()
                    && of_source.earlier().is_none()
                    && quality(source) >= quality(copy)
            }
            // cameras that write HEIC convert it to JPEG for others
            ("jpeg", "heic") => of_source.camera(),
            _ => false,
        },
        (Encoding::Lossless, _) => false,
    }
}

/// Whether a JPEG file with this step is what shows in one whose own step is `own`.
fn fits(earlier: Earlier, own: Option<u8>, step: u8) -> bool {
    let is_near = |found: f32| (f32::from(step) / found - 1.0).abs() <= STEP_WITHIN;
    match earlier {
        // a lattice of 16 is one of 8 as well
        Earlier::OtherGrid { step: found } => step % found == 0 || is_near(f32::from(found)),
        Earlier::OwnGrid { frequency } => {
            // periods of more than a step, and of less than two
            let own = f32::from(own.unwrap_or(0));
            [frequency, 1.0 - frequency].into_iter().any(|frequency| is_near(own / frequency))
        }
    }
}

/// Whether `copy` is `source` made larger: its detail ends where that of the source must. `across` tells that one lies
/// on its side.
fn is_enlarged(copy: &Fingerprint<'_>, source: &Fingerprint<'_>, across: bool) -> bool {
    let Some(spectrum) = copy.traces.spectrum() else { return false };
    let (of_width, of_height) =
        if across { (source.height, source.width) } else { (source.width, source.height) };
    let mut is_enlarged = false;
    for (axis, (size, of)) in [(copy.width, of_width), (copy.height, of_height)].into_iter().enumerate() {
        if f64::from(size) >= ENLARGED * f64::from(of) {
            let share = of as f32 / size as f32;
            if !ends_at(&spectrum[axis * BANDS..(axis + 1) * BANDS], share) {
                return false;
            }
            is_enlarged = true;
        }
    }
    is_enlarged
}

/// How far the power falls beyond the end of the source's frequencies, in octaves, and how much of that is usual.
const FALL: f32 = 4.0;

/// Whether a spectrum ends at this share of its frequencies.
fn ends_at(bands: &[u8], share: f32) -> bool {
    let mean = |from: f32, to: f32| {
        let range = (from * BANDS as f32) as usize..((to * BANDS as f32).ceil() as usize).min(BANDS);
        // the edges of JPEG blocks show at multiples of an eighth of a period
        let seen: Vec<f32> = range
            .filter(|at| (at + 1) % (BANDS / 4) != 0)
            .map(|at| f32::from(bands[at]) / PER_OCTAVE)
            .collect();
        (!seen.is_empty()).then(|| seen.iter().sum::<f32>() / seen.len() as f32)
    };
    let (inside, outside) =
        (mean(0.6 * share, 0.85 * share), mean((1.15 * share).min(0.9), (1.5 * share).min(1.0)));
    inside.zip(outside).is_some_and(|(inside, outside)| inside - outside >= FALL)
}
