//! From candidates to pairs with a measured unlikeness.
//!
//! Each image is aligned with its candidates, in each orientation that is asked for; the best one counts. If
//! one image is smaller than a thumbnail, both are first reduced to its size: detail that it cannot show is
//! not a difference.

use rayon::prelude::*;

use super::align::{DETAIL_INNER, DETAIL_POINTS, Detail, Enough, INNER, OF_COPIES, POINTS, Template, View};
use super::candidates::Codes;
use super::compare::{colour_unlikeness, is_flat, is_seen, luma_unlikeness, unlikeness};
use super::fingerprint::{Fingerprint, SIDE, Thumb, Turn, luma};
use super::known::{Finder, Known};
use crate::error::{Error, Result};
use crate::images::{InputShape, Pixels, Resizer, to_pixels};
use crate::observer::{Observer, Progress, Stage};

/// Images whose candidates are searched for at a time.
const BLOCK: usize = 1 << 12;
/// Images whose thumbnails are less unlike than this are compared in detail, if both are large enough.
const ALIKE: f32 = 0.8;

/// Two images that were compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    /// Position of the first.
    pub(super) a: u32,
    /// Position of the second.
    pub(super) b: u32,
    /// How `a` has to be turned to lie as `b` does.
    pub(super) turn: Turn,
    /// 0 for the same picture, 1 for nothing in common.
    pub(super) unlikeness: f32,
}

/// Pairs that were compared.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Those with anything in common, each in the orientation of the least unlikeness, sorted by position.
    pub(super) pairs: Vec<Pair>,
    /// The number of comparisons.
    pub(super) tested: usize,
}

/// The unlikeness of two fingerprints, the first one turned.
pub(super) fn compare(a: &Fingerprint<'_>, b: &Fingerprint<'_>, turn: Turn, resizer: &mut Resizer) -> f32 {
    let turned = turn.of(a.luma);
    let view = View::new(&turned);
    against(
        &Turned { fingerprint: a, turn, luma: &turned, template: &Template::new(&view) },
        b,
        &OF_COPIES,
        resizer,
    )
}

/// A fingerprint that others are aligned with.
struct Turned<'a> {
    fingerprint: &'a Fingerprint<'a>,
    turn: Turn,
    luma: &'a Thumb,
    template: &'a Template<'a>,
}

/// Transparent images are compared on both grounds. Two of them must be alike on each where both show; another image
/// may be a copy that was laid over either.
fn against(a: &Turned<'_>, b: &Fingerprint<'_>, enough: &Enough, resizer: &mut Resizer) -> f32 {
    let on_own = on_ground(a, b, enough, resizer);
    let (of_a, of_b) = (a.fingerprint.other, b.other);
    if of_a.is_none() && of_b.is_none() {
        return on_own;
    }
    let (other_a, other_b) = (a.fingerprint.on_other(), b.on_other());
    let (other_a, other_b) = (other_a.as_ref().unwrap_or(a.fingerprint), other_b.as_ref().unwrap_or(b));
    let luma = a.turn.of(other_a.luma);
    let view = View::new(&luma);
    let a_there = Turned { fingerprint: other_a, turn: a.turn, luma: &luma, template: &Template::new(&view) };
    match (of_a, of_b) {
        (Some(of_a), Some(of_b)) => {
            let pairs = match of_a.is_white == of_b.is_white {
                true => [(a, b), (&a_there, other_b)],
                false => [(a, other_b), (&a_there, b)],
            };
            let show = |(a, b): &(&Turned<'_>, &Fingerprint<'_>)| !is_flat(a.luma) && !is_flat(b.luma);
            let shown = pairs.into_iter().filter(show);
            shown.map(|(a, b)| on_ground(a, b, enough, resizer)).reduce(f32::max).unwrap_or(1.0)
        }
        (Some(_), None) => on_own.min(on_ground(&a_there, b, enough, resizer)),
        _ => on_own.min(on_ground(a, other_b, enough, resizer)),
    }
}

fn on_ground(a: &Turned<'_>, b: &Fingerprint<'_>, enough: &Enough, resizer: &mut Resizer) -> f32 {
    let other = View::new(b.luma);
    let Some(motion) = a.template.align(&other, enough) else { return 1.0 };
    let colour = colour_unlikeness(&a.turn.of_chroma(a.fingerprint.chroma), b.chroma);
    let of_thumbs = |a: &Template<'_>, b: &View| {
        let (a, b) = a.pair(b, &motion);
        luma_unlikeness::<POINTS, INNER>(a, b)
    };
    let size = smaller(a, b);
    let luma = match size
        .and_then(|size| Some((through(a.luma, size, resizer)?, through(b.luma, size, resizer)?)))
    {
        None => of_thumbs(a.template, &other),
        Some((small_a, small_b)) => {
            let view = View::new(&small_a);
            of_thumbs(&Template::new(&view), &View::new(&small_b))
        }
    };
    // images that look alike as thumbnails may differ in detail
    let luma = match (a.fingerprint.fine, b.fine) {
        (Some(fine_a), Some(fine_b)) if luma < ALIKE => {
            let (a, b) = Detail::new(&a.turn.of(fine_a)).pair(fine_b, &motion);
            luma_unlikeness::<DETAIL_POINTS, DETAIL_INNER>(a, b)
        }
        _ => luma,
    };
    unlikeness(luma, colour)
}

/// The size of the smaller image, if it is smaller than a thumbnail and than the other.
fn smaller(a: &Turned<'_>, b: &Fingerprint<'_>) -> Option<(usize, usize)> {
    let side = |fingerprint: &Fingerprint<'_>| {
        [fingerprint.width, fingerprint.height].map(|side| side.min(SIDE as u32) as usize)
    };
    let (mut of_a, of_b) = (side(a.fingerprint), side(b));
    if a.turn.quarters % 2 == 1 {
        of_a.reverse();
    }
    let least = (of_a[0].min(of_b[0]), of_a[1].min(of_b[1]));
    (of_a != of_b && least != (SIDE, SIDE)).then_some(least)
}

/// A thumbnail as if its image had been of this size.
fn through(thumb: &Thumb, (width, height): (usize, usize), resizer: &mut Resizer) -> Option<Thumb> {
    let pixels = Pixels { width: SIDE, height: SIDE, channels: 1, data: thumb.to_vec() };
    let shape = InputShape { channels: 1, height, width };
    let mut small = vec![0.0; shape.size()];
    resizer.to_input(&pixels, shape, &mut small).ok()?;
    luma(&to_pixels(&small, shape), resizer).ok()
}

/// The pictures of a collection, ready to be compared.
pub(super) struct Comparison<'a> {
    /// Their fingerprints, by position.
    pub(super) fingerprints: &'a [Fingerprint<'a>],
    /// Their codes.
    pub(super) codes: &'a Codes<'a>,
    /// What is known about pairs of them.
    pub(super) known: &'a Known,
    /// Hears of progress, and says whether to stop.
    pub(super) observer: &'a dyn Observer,
}

impl Comparison<'_> {
    /// Compares images, by position and in each of the `turns`, with their candidates. Pairs that correlate
    /// less than `enough` have nothing in common.
    ///
    /// # Errors
    /// Those of the search; [`Error::Interrupted`].
    pub(super) fn pairs(&self, images: &[u32], turns: &[Turn], enough: &Enough) -> Result<Compared> {
        let (fingerprints, thumbs) = (self.fingerprints, self.thumbs());
        let shown: Vec<u32> =
            images.par_iter().copied().filter(|&image| is_seen(&fingerprints[image as usize])).collect();
        let state = self.known.state(shown.iter().flat_map(|image| image.to_le_bytes()));
        let mut all = Compared::default();
        for &turn in turns {
            self.observer.stage(Stage::new("comparing", "pairs"));
            let search = || self.candidates(&shown, turn);
            let candidates = self.known.searched(Finder::Codes(turn), state, search)?;
            all.tested += candidates.len();
            let by_image: Vec<&[(u32, u32)]> = candidates.chunk_by(|one, next| one.0 == next.0).collect();
            let mut done = 0;
            for block in by_image.chunks(BLOCK) {
                let compare = |resizer: &mut Resizer, pairs: &&[(u32, u32)]| {
                    thumbs.compare(pairs, turn, enough, resizer)
                };
                let compared = block.par_iter().map_init(Resizer::new, compare);
                let compared: Vec<(u32, u32, f32)> = compared.flatten_iter().collect();
                self.known.keep(turn, compared.iter().copied());
                let alike = compared.into_iter().filter(|(_, _, unlikeness)| *unlikeness < 1.0);
                all.pairs.extend(alike.map(|(image, other, unlikeness)| match image < other {
                    true => Pair { a: image, b: other, turn, unlikeness },
                    false => Pair { a: other, b: image, turn: turn.inverse(), unlikeness },
                }));
                done += block.iter().map(|pairs| pairs.len()).sum::<usize>();
                self.report(done, candidates.len())?;
            }
        }
        all.pairs.par_sort_unstable_by(|a, b| {
            let order = (a.a, a.b).cmp(&(b.a, b.b)).then(a.unlikeness.total_cmp(&b.unlikeness));
            order.then_with(|| a.turn.cmp(&b.turn))
        });
        all.pairs.dedup_by_key(|pair| (pair.a, pair.b));
        Ok(all)
    }

    /// Which images, when turned, may be copies of which others: pairs of positions, sorted. If the turn is
    /// its own inverse, each pair is there once.
    fn candidates(&self, images: &[u32], turn: Turn) -> Result<Vec<(u32, u32)>> {
        let fingerprints = self.fingerprints;
        let either_way = turn.inverse() == turn;
        let mut candidates = Vec::new();
        for block in images.chunks(BLOCK) {
            // a transparent image also asks for copies that were laid over the other ground
            let grounds = |&image: &u32| {
                let own = fingerprints[image as usize];
                [Some(own), own.on_other()].into_iter().flatten().map(move |on| (image, turn.of(on.luma)))
            };
            let (images, queries): (Vec<u32>, Vec<Thumb>) = block.par_iter().flat_map_iter(grounds).unzip();
            for (image, near) in images.into_iter().zip(self.codes.near(&queries)?) {
                // files with several pictures may differ in any of them, and finer samples in their low bits
                let is_other = |other: &u32| *other != image && !fingerprints[*other as usize].is_apart();
                let others = near.into_iter().filter(is_other);
                candidates.extend(others.map(|other| match either_way {
                    true => (image.min(other), image.max(other)),
                    false => (image, other),
                }));
            }
            self.report(0, 0)?;
        }
        candidates.par_sort_unstable();
        candidates.dedup();
        Ok(candidates)
    }

    /// What is compared.
    pub(super) fn thumbs(&self) -> Thumbs<'_> {
        Thumbs { fingerprints: self.fingerprints, known: self.known }
    }

    /// Reports progress; with a total of 0, only asks whether to stop.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(super) fn report(&self, done: usize, total: usize) -> Result<()> {
        if total > 0 {
            self.observer.progress(&Progress::of(done, total));
        }
        if self.observer.should_stop() { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// Fingerprints, and what is known about pairs of them.
#[derive(Clone, Copy)]
pub(super) struct Thumbs<'a> {
    fingerprints: &'a [Fingerprint<'a>],
    known: &'a Known,
}

impl Thumbs<'_> {
    /// Compares one image, which is prepared once, with its candidates.
    fn compare(
        &self,
        pairs: &[(u32, u32)],
        turn: Turn,
        enough: &Enough,
        resizer: &mut Resizer,
    ) -> Vec<(u32, u32, f32)> {
        let known: Vec<Option<f32>> =
            pairs.iter().map(|&(image, other)| self.known.unlikeness(image, other, turn)).collect();
        if let Some(all) = known.iter().copied().collect::<Option<Vec<f32>>>() {
            return pairs.iter().zip(all).map(|(&(image, other), unlike)| (image, other, unlike)).collect();
        }
        let fingerprint = &self.fingerprints[pairs[0].0 as usize];
        let luma = turn.of(fingerprint.luma);
        let view = View::new(&luma);
        let turned = Turned { fingerprint, turn, luma: &luma, template: &Template::new(&view) };
        let mut compared = |(&(image, other), known): (&(u32, u32), Option<f32>)| {
            let new = || against(&turned, &self.fingerprints[other as usize], enough, resizer);
            (image, other, known.unwrap_or_else(new))
        };
        pairs.iter().zip(known).map(&mut compared).collect()
    }

    /// One pair, in that of some orientations in which it is least unlike.
    pub(super) fn best_pair(&self, (a, b): (u32, u32), turns: &[Turn], resizer: &mut Resizer) -> Pair {
        let (fingerprint, other) = (&self.fingerprints[a as usize], &self.fingerprints[b as usize]);
        let turned = turns.iter().map(|&turn| {
            let known = self.known.unlikeness(a, b, turn);
            let unlikeness = known.unwrap_or_else(|| compare(fingerprint, other, turn, resizer));
            self.known.keep(turn, std::iter::once((a, b, unlikeness)));
            Pair { a, b, turn, unlikeness }
        });
        let none = Pair { a, b, turn: Turn::NONE, unlikeness: 1.0 };
        turned.min_by(|a, b| a.unlikeness.total_cmp(&b.unlikeness)).unwrap_or(none)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fingerprint::{Fingerprint, Found, fingerprint_of};
    use super::*;
    use crate::images::SourceFacts;

    /// Blobs with a fine pattern of stripes along (across, down), `side` pixels wide and high.
    fn image(side: usize, (across, down): (f32, f32)) -> Pixels {
        let value = |i: usize| {
            let (x, y) = ((i % side) as f32 / side as f32, (i / side) as f32 / side as f32);
            let blob = |cx: f32, cy: f32, r: f32| (-((x - cx).powi(2) + (y - cy).powi(2)) / r).exp();
            let light =
                90.0 * blob(0.3, 0.4, 0.02) + 60.0 * blob(0.7, 0.6, 0.01) + 50.0 * blob(0.5, 0.8, 0.03);
            let stripes = 25.0 * (std::f32::consts::TAU * 16.0 * (across * x + down * y)).sin();
            (70.0 + light + stripes) as u8
        };
        Pixels { width: side, height: side, channels: 1, data: (0..side * side).map(value).collect() }
    }

    fn unlike(a: &Pixels, b: &Pixels) -> f32 {
        let bytes = [a, b].map(|image| {
            fingerprint_of(image, &SourceFacts::default(), &Found::default(), &mut Resizer::new()).unwrap()
        });
        let [a, b] = bytes.each_ref().map(|bytes| Fingerprint::from_bytes(bytes).unwrap());
        compare(&a, &b, Turn::NONE, &mut Resizer::new())
    }

    #[test]
    fn what_thumbnails_do_not_show_is_seen_in_larger_images() {
        let (across, down) = (image(128, (1.0, 0.2)), image(128, (0.2, 1.0)));
        assert_eq!(unlike(&across, &across), 0.0);
        assert!(unlike(&across, &down) > 0.2, "{}", unlike(&across, &down));
        let small = [&across, &down].map(|image| {
            let mut resizer = Resizer::new();
            let thumb = luma(image, &mut resizer).unwrap();
            Pixels { width: SIDE, height: SIDE, channels: 1, data: thumb.to_vec() }
        });
        assert!(unlike(&small[0], &small[1]) < 0.1, "{}", unlike(&small[0], &small[1]));
    }

    #[test]
    fn a_small_copy_is_compared_at_its_own_size() {
        let original = image(128, (1.0, 0.2));
        let shape = InputShape { channels: 1, height: 20, width: 20 };
        let mut planes = vec![0.0; shape.size()];
        Resizer::new().to_input(&original, shape, &mut planes).unwrap();
        let copy = to_pixels(&planes, shape);
        assert!(unlike(&original, &copy) < 0.01, "{}", unlike(&original, &copy));
        assert!(unlike(&copy, &original) < 0.01, "{}", unlike(&copy, &original));
    }

    #[test]
    fn a_small_image_and_its_quarter_turn_are_of_one_size() {
        let right = Turn { quarters: 1, ..Turn::NONE };
        let bytes = [(20, 40), (40, 20)].map(|(width, height)| {
            let large = image(40, (1.0, 0.2));
            let data = (0..width * height).map(|i| large.data[i / width * 40 + i % width]).collect();
            let pixels = Pixels { width, height, channels: 1, data };
            fingerprint_of(&pixels, &SourceFacts::default(), &Found::default(), &mut Resizer::new()).unwrap()
        });
        let [lying, standing] = bytes.each_ref().map(|bytes| Fingerprint::from_bytes(bytes).unwrap());
        let luma = right.of(lying.luma);
        let view = View::new(&luma);
        let template = Template::new(&view);
        let turned = |turn| Turned { fingerprint: &lying, turn, luma: &luma, template: &template };
        assert_eq!(smaller(&turned(right), &standing), None);
        assert_eq!(smaller(&turned(Turn::NONE), &standing), Some((20, 20)));
    }
}
