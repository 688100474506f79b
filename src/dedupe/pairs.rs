//! From candidates to pairs with a measured unlikeness, and what the closer look costs.
//!
//! Each image is laid on its candidates, turned in each way that is asked for; the best way counts. Where one image is smaller than a
//! thumbnail, both are shrunk to its size first: what it does not show is no difference.

use rayon::prelude::*;

use super::align::{DETAIL_INNER, DETAIL_POINTS, Detail, Enough, INNER, OF_COPIES, POINTS, Template, View};
use super::candidates::Codes;
use super::compare::{colour_unlikeness, luma_unlikeness, unlikeness};
use super::look::{Look, SIDE, Thumb, Turn, luma};
use crate::error::Result;
use crate::images::{InputShape, Pixels, Resizer, to_pixels};

/// Variance of the luma below which an image is flat, in grey levels squared: it is compared byte by byte and pixel by pixel alone.
const FLAT: f64 = 6.0;

/// Images whose candidates are looked for at once.
const BLOCK: usize = 1 << 14;
/// Thumbnails less unlike than this are looked at in detail, where there is more of them.
const ALIKE: f32 = 0.8;

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

/// Pairs that were compared.
pub(super) struct Compared {
    /// Those with anything in common, sorted by position.
    pub(super) pairs: Vec<Pair>,
    /// All of them.
    pub(super) tested: usize,
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
    let of_thumbs = |a: &Template<'_>, b: &View| {
        let (a, b) = a.pair(b, &motion);
        luma_unlikeness::<POINTS, INNER>(a, b)
    };
    let size = smaller(a.look, b);
    let luma = match size
        .and_then(|size| Some((through(a.luma, size, resizer)?, through(b.luma, size, resizer)?)))
    {
        None => of_thumbs(a.template, &other),
        Some((small_a, small_b)) => {
            let view = View::new(&small_a);
            of_thumbs(&Template::new(&view), &View::new(&small_b))
        }
    };
    // what looks alike when it is small may be told apart when it is larger
    let luma = match (a.look.fine, b.fine) {
        (Some(fine_a), Some(fine_b)) if luma < ALIKE => {
            let (a, b) = Detail::new(&a.turn.of(fine_a)).pair(fine_b, &motion);
            luma_unlikeness::<DETAIL_POINTS, DETAIL_INNER>(a, b)
        }
        _ => luma,
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
    pub(super) fn pairs(&self, images: &[u32], turns: &[Turn], enough: &Enough) -> Result<Compared> {
        let candidates = self.candidates(images, turns)?;
        let by_image: Vec<&[Pair]> = candidates.chunk_by(|one, next| one.a == next.a).collect();
        let compared: Vec<(usize, Vec<Pair>)> = by_image
            .into_par_iter()
            .map_init(Resizer::new, |resizer, pairs| self.compare_one(pairs, enough, resizer))
            .collect();
        let tested = compared.iter().map(|(tested, _)| tested).sum();
        Ok(Compared { pairs: compared.into_iter().flat_map(|(_, pairs)| pairs).collect(), tested })
    }

    /// Pairs to be compared, each once in every turn, sorted by their first image.
    fn candidates(&self, images: &[u32], turns: &[Turn]) -> Result<Vec<Pair>> {
        let looks = self.looks;
        let shown = images.iter().copied().filter(|&image| !is_flat(looks[image as usize].luma));
        let shown: Vec<u32> = shown.collect();
        let mut candidates = Vec::new();
        for (&turn, block) in
            turns.iter().flat_map(|turn| shown.chunks(BLOCK).map(move |block| (turn, block)))
        {
            let queries: Vec<Thumb> = block.par_iter().map(|&i| turn.of(looks[i as usize].luma)).collect();
            for (&image, near) in block.iter().zip(self.codes.near(&queries)?) {
                let others = near.into_iter().filter(|(other, _)| *other != image);
                candidates.extend(others.map(|(other, distance)| {
                    // the same pair may be found from either side
                    let (a, b, turn) =
                        if image < other { (image, other, turn) } else { (other, image, turn.inverse()) };
                    Pair { a, b, turn, distance, unlikeness: 1.0 }
                }));
            }
        }
        let key = |pair: &Pair| (pair.a, pair.turn, pair.b, pair.distance);
        candidates.par_sort_unstable_by_key(key);
        candidates.dedup_by_key(|pair| (pair.a, pair.turn, pair.b));
        Ok(candidates)
    }

    /// Pairs of one image, sorted by turn: each turn of it is made ready once, the best turn of each pair is kept. How many were
    /// compared, and those with anything in common.
    fn compare_one(&self, pairs: &[Pair], enough: &Enough, resizer: &mut Resizer) -> (usize, Vec<Pair>) {
        let look = &self.looks[pairs[0].a as usize];
        let mut compared = Vec::with_capacity(pairs.len());
        for same in pairs.chunk_by(|one, next| one.turn == next.turn) {
            let turn = same[0].turn;
            let luma = turn.of(look.luma);
            let view = View::new(&luma);
            let turned = Turned { look, turn, luma: &luma, template: &Template::new(&view) };
            compared.extend(same.iter().map(|pair| {
                let unlikeness = against(&turned, &self.looks[pair.b as usize], enough, resizer);
                Pair { unlikeness, ..*pair }
            }));
        }
        compared.sort_unstable_by(|a, b| {
            let order = a.b.cmp(&b.b).then(a.unlikeness.total_cmp(&b.unlikeness));
            order.then_with(|| a.turn.cmp(&b.turn))
        });
        compared.dedup_by_key(|pair| pair.b);
        let tested = compared.len();
        compared.retain(|pair| pair.unlikeness < 1.0);
        (tested, compared)
    }
}

#[cfg(test)]
mod tests {
    use super::super::look::{Look, look_at};
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
        let bytes = [a, b].map(|image| look_at(image, &SourceFacts::default(), &mut Resizer::new()).unwrap());
        let [a, b] = bytes.each_ref().map(|bytes| Look::from_bytes(bytes).unwrap());
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
    fn one_colour_is_flat_and_a_face_is_not() {
        assert!(is_flat(&[0; 1024]) && is_flat(&[255; 1024]));
        assert!(!is_flat(&luma(&image(64, (1.0, 0.0)), &mut Resizer::new()).unwrap()));
    }
}
