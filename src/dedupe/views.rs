//! More pairs worth comparing: a picture is also looked up by other views of it. The codes of structure know it again
//! without its frame, by a part of it, and turned, whatever model made the index.
//!
//! - *frame*: what is left when edges of one colour are cut away: bars, borders, the rows of a screenshot;
//! - *parts*: both sides of the clearest straight seam, upright and across: the pictures of a collage;
//! - *windows*: of half and three quarters of its sides, at steps of a quarter: what a crop leaves;
//! - *turns*: mirrored, turned by quarters, upside down.
//!
//! Views are made of the fine luma, so pictures without one have none. Of each view the nearest few are aligned with
//! it, and only those that look much like it are worth more.

use rayon::prelude::*;

use super::align::{Enough, INNER, POINTS, Template, View};
use super::compare::{is_flat, luma_unlikeness};
use super::fingerprint::{AREA, FINE_SIDE, FineLuma, Fingerprint, SIDE, Thumb, Turn};
use super::known::Finder;
use super::pairs::Comparison;
use crate::error::Result;

/// Pictures whose views are looked up at a time.
const BLOCK: usize = 1 << 12;
/// The number of codes of each kind that are nearest to a view and looked at, and the most bits in which they differ.
const NEAREST: usize = 2;
const MOST_BITS: u32 = 80;
/// The least correlation with which a view is aligned, and the unlikeness below which a pair is worth more.
const ENOUGH: Enough = [0.4, 0.8, 0.85];
const ALIKE: f32 = 0.3;

/// Levels within which a pixel has the shade of a frame, and the share of a line, and of the outermost, that has it.
const SHADES: usize = 12;
const PLAIN: f32 = 0.5;
const OUTERMOST: f32 = 0.8;
/// Lines in which a frame may hold something, such as words, if plain ones follow.
const WORDS: usize = 3;
/// Lines that a frame has at least, and that are left inside.
const FRAME: usize = 2;
const INSIDE: usize = 10;
/// Lines on each side of a seam at least, and the levels from which a step counts no more.
const BESIDE: usize = 16;
const STEP: u8 = 32;
/// Steps between windows.
const QUARTER: usize = FINE_SIDE / 4;

/// A rectangle of the fine luma: columns, then rows, the ends excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
}

const WHOLE: Part = Part { left: 0, right: FINE_SIDE, top: 0, bottom: FINE_SIDE };

/// The pairs (a < b) of which one looks like a view of the other, sorted.
///
/// # Errors
/// Those of the search; [`Error::Interrupted`](crate::error::Error::Interrupted).
pub(super) fn pairs(comparison: &Comparison<'_>, images: &[u32]) -> Result<Vec<(u32, u32)>> {
    let state = comparison.known.state(images.iter().flat_map(|image| image.to_le_bytes()));
    comparison.known.searched(Finder::Views, state, || search(comparison, images))
}

fn search(comparison: &Comparison<'_>, images: &[u32]) -> Result<Vec<(u32, u32)>> {
    let fingerprints = comparison.fingerprints;
    let mut pairs = Vec::new();
    for block in images.chunks(BLOCK) {
        let of =
            |&image: &u32| views(&fingerprints[image as usize]).into_iter().map(move |view| (image, view));
        let (of, views): (Vec<u32>, Vec<Thumb>) = block.par_iter().flat_map_iter(of).unzip();
        let near = comparison.codes.nearest(&views, NEAREST)?;
        let alike = |((&image, view), near): ((&u32, &Thumb), Vec<(u32, u32)>)| {
            let is_worth = |&(other, bits): &(u32, u32)| {
                other != image && bits <= MOST_BITS && !fingerprints[other as usize].is_apart()
            };
            let others: Vec<u32> = near.into_iter().filter(is_worth).map(|(other, _)| other).collect();
            like(view, &others, fingerprints)
                .into_iter()
                .map(move |other| (image.min(other), image.max(other)))
        };
        pairs.par_extend(of.par_iter().zip(&views).zip(near).flat_map_iter(alike));
        comparison.report(0, 0)?;
    }
    pairs.par_sort_unstable();
    pairs.dedup();
    Ok(pairs)
}

/// Those of some pictures that look much like a view.
pub(super) fn like(view: &Thumb, others: &[u32], fingerprints: &[Fingerprint<'_>]) -> Vec<u32> {
    if others.is_empty() {
        return Vec::new();
    }
    let view = View::new(view);
    let template = Template::new(&view);
    let is_like = |other: &u32| {
        let other = View::new(fingerprints[*other as usize].luma);
        template.align(&other, &ENOUGH).is_some_and(|motion| {
            let (a, b) = template.pair(&other, &motion);
            luma_unlikeness::<POINTS, INNER>(a, b) < ALIKE
        })
    };
    others.iter().copied().filter(is_like).collect()
}

/// The views of a picture: none that is blank.
pub(super) fn views(fingerprint: &Fingerprint<'_>) -> Vec<Thumb> {
    let Some(fine) = fingerprint.fine else { return Vec::new() };
    if fingerprint.is_apart() || is_flat(fingerprint.luma) {
        return Vec::new();
    }
    let turns = [1, 2].map(|quarters| Turn { mirrored: false, quarters });
    let turns = turns.into_iter().chain([Turn::MIRRORED, Turn::FLIPPED]);
    let parts = inside(fine).into_iter().chain(halves(fine)).chain(windows());
    let views = turns.map(|turn| turn.of(fingerprint.luma)).chain(parts.map(|part| stretched(fine, &part)));
    views.filter(|view| !is_flat(view)).collect()
}

/// Parts of a picture that may be pictures of their own: what a frame leaves, and both sides of its seams. Each is left,
/// top, right and bottom, as shares of the sides.
pub(super) fn parts(fingerprint: &Fingerprint<'_>) -> Vec<[f32; 4]> {
    let Some(fine) = fingerprint.fine else { return Vec::new() };
    let share = |at: usize| at as f32 / FINE_SIDE as f32;
    let of = |Part { left, right, top, bottom }: Part| [left, top, right, bottom].map(share);
    inside(fine).into_iter().chain(halves(fine)).map(of).collect()
}

/// What a frame leaves, if there is one.
fn inside(fine: &FineLuma) -> Option<Part> {
    let mut part = WHOLE;
    // a border is found by rows or by columns; of a screenshot, columns are plain only beside the photo
    for _ in 0..2 {
        let Part { left, right, top, bottom } = part;
        let row = |y: usize| move |x: usize| fine[y * FINE_SIDE + x];
        part.top += frame((bottom - top, left..right), |line| row(top + line));
        part.bottom -= frame((bottom - part.top, left..right), |line| row(bottom - 1 - line));
        let Part { top, bottom, .. } = part;
        let column = |x: usize| move |y: usize| fine[y * FINE_SIDE + x];
        part.left += frame((right - left, top..bottom), |line| column(left + line));
        part.right -= frame((right - part.left, top..bottom), |line| column(right - 1 - line));
    }
    let (width, height) = (part.right - part.left, part.bottom - part.top);
    let is_framed = 2 * FINE_SIDE - width - height >= FRAME;
    (is_framed && width.min(height) >= INSIDE).then_some(part)
}

/// How many of `n` lines, from the edge, belong to a frame. `line` gives the values of one, at each of `range`.
fn frame<F: Fn(usize) -> u8>(
    (n, range): (usize, std::ops::Range<usize>),
    line: impl Fn(usize) -> F,
) -> usize {
    let enough = (PLAIN * range.len() as f32) as usize;
    let mut counts = [0usize; 256 + SHADES];
    if n == 0 || range.is_empty() {
        return 0;
    }
    let outermost = line(0);
    range.clone().for_each(|at| counts[usize::from(outermost(at))] += 1);
    let shades = counts.windows(SHADES).map(|shades| shades.iter().sum::<usize>()).zip(0usize..);
    let Some((most, low)) = shades.max_by_key(|(count, low)| (*count, usize::MAX - low)) else { return 0 };
    if (most as f32) < OUTERMOST * range.len() as f32 {
        return 0;
    }
    let is_plain = |number: usize| {
        let value = line(number);
        range.clone().filter(|at| (low..low + SHADES).contains(&usize::from(value(*at)))).count() > enough
    };
    let mut last = 0;
    for number in 1..n {
        if is_plain(number) {
            last = number;
        } else if number - last > WORDS {
            break;
        }
    }
    last + 1
}

/// Both sides of the clearest seam from top to bottom, and of the clearest from left to right.
fn halves(fine: &FineLuma) -> [Part; 4] {
    let upright = seam(|at, along| fine[along * FINE_SIDE + at]);
    let across = seam(|at, along| fine[at * FINE_SIDE + along]);
    [
        Part { right: upright, ..WHOLE },
        Part { left: upright, ..WHOLE },
        Part { bottom: across, ..WHOLE },
        Part { top: across, ..WHOLE },
    ]
}

/// Windows of half and of three quarters of both sides.
fn windows() -> impl Iterator<Item = Part> {
    let of = |size: usize| {
        let starts = (0..=FINE_SIDE - size).step_by(QUARTER);
        let at = move |left: usize, top: usize| Part { left, right: left + size, top, bottom: top + size };
        starts.clone().flat_map(move |top| starts.clone().map(move |left| at(left, top)))
    };
    [2 * QUARTER, 3 * QUARTER].into_iter().flat_map(of)
}

/// Where most lines make a step, between `at` - 1 and `at`.
fn seam(value: impl Fn(usize, usize) -> u8) -> usize {
    let steps = |at: usize| -> u32 {
        let step = |along: usize| value(at, along).abs_diff(value(at - 1, along)).min(STEP);
        (0..FINE_SIDE).map(|along| u32::from(step(along))).sum()
    };
    let places = BESIDE..=FINE_SIDE - BESIDE;
    places.max_by_key(|&at| (steps(at), at)).unwrap_or(SIDE)
}

/// A part of the fine luma, stretched to a square.
fn stretched(fine: &FineLuma, part: &Part) -> Thumb {
    let columns = weights(part.left, part.right);
    let rows = weights(part.top, part.bottom);
    let mut across = [0.0f32; FINE_SIDE * SIDE]; // [rows, SIDE]
    for (row, out) in fine.as_chunks::<FINE_SIDE>().0.iter().zip(across.as_chunks_mut::<SIDE>().0) {
        for (out, weights) in out.iter_mut().zip(&columns) {
            *out = weights.iter().map(|(at, weight)| weight * f32::from(row[*at])).sum();
        }
    }
    let value = |i: usize| -> f32 {
        rows[i / SIDE].iter().map(|(at, weight)| weight * across[at * SIDE + i % SIDE]).sum()
    };
    let mut out = [0; AREA];
    out.iter_mut().zip(0..).for_each(|(out, i)| *out = value(i).round() as u8);
    out
}

/// For each of [`SIDE`] pixels, which of those from `start` to `end` it is made of, and how much of each: by a
/// triangle as wide as a pixel of either.
fn weights(start: usize, end: usize) -> Vec<Vec<(usize, f32)>> {
    let scale = (end - start) as f32 / SIDE as f32;
    let reach = scale.max(1.0);
    let one = |i: usize| {
        let middle = start as f32 + (i as f32 + 0.5) * scale - 0.5;
        let weight = |at: usize| (1.0 - (at as f32 - middle).abs() / reach).max(0.0);
        let used: Vec<(usize, f32)> =
            (start..end).map(|at| (at, weight(at))).filter(|(_, weight)| *weight > 0.0).collect();
        let sum: f32 = used.iter().map(|(_, weight)| weight).sum();
        used.into_iter().map(|(at, weight)| (at, weight / sum)).collect()
    };
    (0..SIDE).map(one).collect()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::candidates::Codes;
    use super::super::fingerprint::{Found, fingerprint_of};
    use super::super::known::Known;
    use super::*;
    use crate::images::{Pixels, Resizer, SourceFacts};

    const LARGE: usize = 128;

    /// Ellipses of many sizes and shades; another seed gives another picture.
    fn picture(seed: u64) -> Pixels {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut next = |below: usize| random.next_u32() as usize % below;
        let mut data = vec![110; LARGE * LARGE];
        for _ in 0..30 {
            let (x, y, across, down) = (next(LARGE), next(LARGE), 6 + next(24), 6 + next(24));
            let shade = next(256) as u8;
            for (at, value) in data.iter_mut().enumerate() {
                let off = |from: usize, middle: usize, reach: usize| {
                    ((from as f32 - middle as f32) / reach as f32).powi(2)
                };
                if off(at % LARGE, x, across) + off(at / LARGE, y, down) <= 1.0 {
                    *value = shade;
                }
            }
        }
        Pixels { width: LARGE, height: LARGE, channels: 1, data }
    }

    fn drawn((width, height): (usize, usize), value: impl Fn(usize, usize) -> u8) -> Pixels {
        let data = (0..width * height).map(|at| value(at % width, at / width)).collect();
        Pixels { width, height, channels: 1, data }
    }

    /// Around a picture so many pixels of a shade: left, top, right, bottom; the upper ones with words on them.
    fn framed(image: &Pixels, (left, top, right, bottom): (usize, usize, usize, usize)) -> Pixels {
        let size = (left + image.width + right, top + image.height + bottom);
        drawn(size, |x, y| {
            let is_inside = (left..left + image.width).contains(&x) && (top..top + image.height).contains(&y);
            let is_word = (20..24).contains(&y) && top > 40 && x % 3 > 0 && x < size.0 / 3;
            match is_inside {
                true => image.data[(y - top) * image.width + x - left],
                false => 245 - if is_word { 220 } else { 0 },
            }
        })
    }

    fn beside(left: &Pixels, right: &Pixels) -> Pixels {
        drawn((left.width + right.width, LARGE), |x, y| match x.checked_sub(left.width) {
            None => left.data[y * left.width + x],
            Some(x) => right.data[y * right.width + x],
        })
    }

    fn fine(image: &Pixels) -> Box<FineLuma> {
        super::super::fingerprint::fine_luma(image, &mut Resizer::new()).unwrap().unwrap()
    }

    #[test]
    fn frames_are_cut_away_and_pictures_are_not() {
        let image = picture(1);
        assert_eq!(inside(&fine(&image)), None);
        for (left, top, right, bottom) in [(16, 16, 16, 16), (0, 60, 0, 60), (40, 0, 20, 0), (0, 100, 0, 60)]
        {
            let found = inside(&fine(&framed(&image, (left, top, right, bottom)))).unwrap();
            let is_near = |found: usize, pixels: usize, of: usize| {
                (found as f32 - (pixels * FINE_SIDE) as f32 / of as f32).abs() <= 1.5
            };
            let (width, height) = (left + LARGE + right, top + LARGE + bottom);
            assert!(is_near(found.left, left, width) && is_near(found.top, top, height), "{found:?}");
            assert!(is_near(found.right, left + LARGE, width), "{found:?}");
            assert!(is_near(found.bottom, top + LARGE, height), "{found:?}");
        }
        let blank = [200; FINE_SIDE * FINE_SIDE];
        assert_eq!(inside(&blank), None, "nothing is left");
    }

    #[test]
    fn the_seam_of_two_pictures_is_found() {
        let narrow = drawn((80, LARGE), |x, y| picture(2).data[y * LARGE + x]);
        let both = fine(&beside(&narrow, &picture(3)));
        let [left, right, ..] = halves(&both);
        assert!(left.right == right.left && left.right.abs_diff(80 * FINE_SIDE / 208) <= 1, "{left:?}");
    }

    #[test]
    fn windows_cover_every_corner() {
        let all: Vec<Part> = windows().collect();
        assert_eq!(all.len(), 9 + 4);
        let half = |left, top| Part { left, right: left + 32, top, bottom: top + 32 };
        assert!([half(0, 0), half(32, 0), half(16, 16), half(32, 32)].iter().all(|part| all.contains(part)));
        assert!(all.contains(&Part { left: 16, right: 64, top: 16, bottom: 64 }));
    }

    #[test]
    fn a_part_is_stretched_as_it_is() {
        let slope: FineLuma = std::array::from_fn(|at| (2 * (at % FINE_SIDE) + at / FINE_SIDE) as u8);
        let whole = stretched(&slope, &WHOLE);
        assert!((1..SIDE - 1).all(|x| whole[x].abs_diff((4 * x + 2) as u8) <= 1), "{whole:?}");
        let part = stretched(&slope, &Part { left: 16, right: 32, top: 32, bottom: 64 });
        assert!((1..SIDE - 1).all(|x| part[x].abs_diff((32 + x + 32) as u8) <= 2), "{part:?}");
    }

    #[test]
    fn framed_joined_and_turned_pictures_are_worth_more() {
        let strangers = (10..34).map(picture);
        let turned = |turn: Turn| {
            let data: [u8; LARGE * LARGE] = picture(4).data.try_into().unwrap();
            Pixels { data: turn.of(&data).to_vec(), ..picture(4) }
        };
        let originals = [picture(1), picture(2), picture(3), picture(4)];
        let copies = [
            framed(&originals[0], (0, 80, 0, 60)),
            beside(&originals[1], &originals[2]),
            turned(Turn::MIRRORED),
            turned(Turn { mirrored: false, quarters: 3 }),
        ];
        let bytes: Vec<Vec<u8>> = originals
            .into_iter()
            .chain(copies)
            .chain(strangers)
            .map(|image| {
                fingerprint_of(&image, &SourceFacts::default(), &Found::default(), &mut Resizer::new())
                    .unwrap()
            })
            .collect();
        let fingerprints: Vec<Fingerprint<'_>> =
            bytes.iter().map(|bytes| Fingerprint::from_bytes(bytes).unwrap()).collect();
        let lumas: Vec<&Thumb> = fingerprints.iter().map(|fingerprint| fingerprint.luma).collect();
        let folder = tempfile::tempdir().unwrap();
        let codes = Codes::new(folder.path(), &lumas);
        let comparison = Comparison {
            fingerprints: &fingerprints,
            codes: &codes,
            known: &Known::default(),
            observer: &(),
        };
        let all: Vec<u32> = (0..fingerprints.len() as u32).collect();
        let found = pairs(&comparison, &all).unwrap();
        for pair in [(0, 4), (1, 5), (2, 5), (3, 6), (3, 7)] {
            assert!(found.contains(&pair), "{pair:?}: {found:?}");
        }
        let of_strangers = found.iter().filter(|(_, b)| *b >= 8).count();
        assert!(of_strangers < 5, "{found:?}");
    }
}
