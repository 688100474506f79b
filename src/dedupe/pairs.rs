//! From candidates to pairs with a measured unlikeness, and what the closer look costs.
//!
//! Each image is laid on its candidates, turned in each way that is asked for; the best way counts. Where one image is smaller than a
//! thumbnail, both are shrunk to its size first: what it does not show is no difference.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::align::{Enough, OF_COPIES, Template, View};
use super::candidates::Codes;
use super::compare::{colour_unlikeness, luma_unlikeness, unlikeness};
use super::look::{Look, SIDE, Thumb, Turn, luma};
use crate::error::Result;
use crate::images::{InputShape, Pixels, Resizer, to_pixels};

/// Variance of the luma below which an image is flat, in grey levels squared: it is compared byte by byte and pixel by pixel alone.
const FLAT: f64 = 6.0;

/// Two images that were compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    /// Position of the one.
    pub(super) a: u32,
    /// Position of the other.
    pub(super) b: u32,
    /// How `a` has to be turned to lie as `b` does.
    pub(super) turn: Turn,
    /// Hamming distance of their layouts, in bits.
    pub(super) distance: u32,
    /// 0 for the same picture, 1 for nothing in common.
    pub(super) unlikeness: f32,
}

/// Whether an image shows nothing.
pub(super) fn is_flat(luma: &Thumb) -> bool {
    let n = luma.len() as f64;
    let (sum, square) = luma.iter().fold((0.0, 0.0), |(sum, square), &value| {
        let value = f64::from(value);
        (sum + value, square + value * value)
    });
    square / n - (sum / n).powi(2) < FLAT
}

/// Compares two looks, the first one turned.
pub(super) fn compare(a: &Look<'_>, b: &Look<'_>, turn: Turn, resizer: &mut Resizer) -> f32 {
    let turned = turn.of(a.luma);
    let view = View::new(&turned);
    against(&Turned { look: a, turn, luma: &turned, template: &Template::new(&view) }, b, &OF_COPIES, resizer)
}

/// A look that others are laid on.
struct Turned<'a> {
    look: &'a Look<'a>,
    turn: Turn,
    luma: &'a Thumb,
    template: &'a Template<'a>,
}

fn against(a: &Turned<'_>, b: &Look<'_>, enough: &Enough, resizer: &mut Resizer) -> f32 {
    let other = View::new(b.luma);
    let Some(motion) = a.template.lay(&other, enough) else { return 1.0 };
    let colour = colour_unlikeness(&a.turn.of_chroma(a.look.chroma), b.chroma);
    let size = smaller(a.look, b);
    let luma = match size
        .and_then(|size| Some((through(a.luma, size, resizer)?, through(b.luma, size, resizer)?)))
    {
        None => luma_unlikeness(a.template, &other, &motion),
        Some((small_a, small_b)) => {
            let (view, other) = (View::new(&small_a), View::new(&small_b));
            luma_unlikeness(&Template::new(&view), &other, &motion)
        }
    };
    unlikeness(luma, colour)
}

/// The size of the smaller image, where it shows less than a thumbnail does and the other shows more.
fn smaller(a: &Look<'_>, b: &Look<'_>) -> Option<(usize, usize)> {
    let side = |look: &Look<'_>| (look.width.min(SIDE as u32), look.height.min(SIDE as u32));
    let (of_a, of_b) = (side(a), side(b));
    let least = (of_a.0.min(of_b.0) as usize, of_a.1.min(of_b.1) as usize);
    (of_a != of_b && least != (SIDE, SIDE)).then_some(least)
}

/// A thumbnail as if its image had been of `size` (columns, rows).
fn through(thumb: &Thumb, (width, height): (usize, usize), resizer: &mut Resizer) -> Option<Thumb> {
    let pixels = Pixels { width: SIDE, height: SIDE, channels: 1, data: thumb.to_vec() };
    let shape = InputShape { channels: 1, height, width };
    let mut small = vec![0.0; shape.size()];
    resizer.to_input(&pixels, shape, &mut small).ok()?;
    luma(&to_pixels(&small, shape), resizer).ok()
}

/// The queries to find copies with: each image, turned in each way; and the pairs they make.
pub(super) struct Comparison<'a> {
    /// The looks, by position.
    pub(super) looks: &'a [Look<'a>],
    /// Codes of these.
    pub(super) codes: &'a Codes,
}

impl Comparison<'_> {
    /// Compares images, by position, in each of the turns, with what may be copies of them; each pair once, sorted by position.
    /// Pairs that correlate less than `enough` count as nothing alike.
    ///
    /// # Errors
    /// Those of the search.
    pub(super) fn pairs(&self, images: &[u32], turns: &[Turn], enough: &Enough) -> Result<Vec<Pair>> {
        let looks = self.looks;
        let images: Vec<u32> =
            images.iter().copied().filter(|&image| !is_flat(looks[image as usize].luma)).collect();
        let mut candidates: BTreeMap<(u32, u32, Turn), u32> = BTreeMap::new();
        for &turn in turns {
            let queries: Vec<Thumb> = images.par_iter().map(|&i| turn.of(looks[i as usize].luma)).collect();
            for (&image, near) in images.iter().zip(self.codes.near(&queries)?) {
                for (other, distance) in near.into_iter().filter(|(other, _)| *other != image) {
                    // the same pair may be found from either side
                    let pair =
                        if image < other { (image, other, turn) } else { (other, image, turn.inverse()) };
                    candidates.entry(pair).or_insert(distance);
                }
            }
        }
        let mut by_image: Vec<Vec<Pair>> = Vec::new();
        for ((a, b, turn), distance) in candidates {
            let pair = Pair { a, b, turn, distance, unlikeness: 1.0 };
            match by_image.last_mut() {
                Some(pairs) if pairs[0].a == a => pairs.push(pair),
                _ => by_image.push(vec![pair]),
            }
        }
        let compared: Vec<Vec<Pair>> = by_image
            .into_par_iter()
            .map_init(Resizer::new, |resizer, pairs| self.compare_one(pairs, enough, resizer))
            .collect();
        Ok(compared.concat())
    }

    /// Pairs of one image: each turn of it is made ready once, the best turn of each pair is kept.
    fn compare_one(&self, mut pairs: Vec<Pair>, enough: &Enough, resizer: &mut Resizer) -> Vec<Pair> {
        let look = &self.looks[pairs[0].a as usize];
        pairs.sort_unstable_by_key(|pair| (pair.turn, pair.b));
        for same in pairs.chunk_by_mut(|a, b| a.turn == b.turn) {
            let turn = same[0].turn;
            let luma = turn.of(look.luma);
            let view = View::new(&luma);
            let turned = Turned { look, turn, luma: &luma, template: &Template::new(&view) };
            for pair in same {
                pair.unlikeness = against(&turned, &self.looks[pair.b as usize], enough, resizer);
            }
        }
        pairs.sort_unstable_by(|a, b| {
            let order = a.b.cmp(&b.b).then(a.unlikeness.total_cmp(&b.unlikeness));
            order.then_with(|| a.turn.cmp(&b.turn))
        });
        pairs.dedup_by_key(|pair| pair.b);
        pairs
    }
}
