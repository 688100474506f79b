//! Shapes that the canvas does not have: polygons, curves, rounded boxes, paragraphs, handwriting.

use std::f32::consts::TAU;

use aesearch::draw::canvas::{Area, Canvas, Colour, Pen};
use aesearch::draw::text::text_width;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::Dice;
use super::words;

pub(super) type Point = (f32, f32);

pub(super) const BLACK: Colour = [0; 3];
pub(super) const WHITE: Colour = [255; 3];

pub(super) fn area(x: usize, y: usize, width: usize, height: usize) -> Area {
    Area { x, y, width, height }
}

/// A polygon, filled where a line to its left crosses its edge an odd number of times.
pub(super) fn polygon(canvas: &mut Canvas, points: &[Point], colour: Colour) {
    let edges = || points.iter().zip(points.iter().cycle().skip(1));
    let (top, bottom) = points.iter().fold((f32::MAX, 0.0f32), |(a, b), p| (a.min(p.1), b.max(p.1)));
    for y in top.max(0.0) as usize..=bottom.max(0.0) as usize {
        let middle = y as f32 + 0.5;
        let crossed = edges().filter(|(a, b)| (a.1 <= middle) != (b.1 <= middle));
        let mut at: Vec<f32> =
            crossed.map(|(a, b)| a.0 + (middle - a.1) / (b.1 - a.1) * (b.0 - a.0)).collect();
        at.sort_by(f32::total_cmp);
        for two in at.as_chunks::<2>().0 {
            let [left, right] = two.map(|x| x.round().max(0.0) as usize);
            canvas.fill(area(left, y, right - left, 1), colour);
        }
    }
    edges().for_each(|(a, b)| canvas.stroke([*a, *b], 1.0, colour));
}

pub(super) fn line(canvas: &mut Canvas, points: &[Point], width: f32, colour: Colour) {
    points.windows(2).for_each(|two| canvas.stroke([two[0], two[1]], width, colour));
}

/// Points on an ellipse from one angle to another, 0 to the right, clockwise.
pub(super) fn arc(middle: Point, radii: Point, [from, to]: [f32; 2]) -> Vec<Point> {
    let n = (radii.0.max(radii.1) * (to - from).abs() / 3.0).clamp(8.0, 200.0) as usize;
    let angle = |i: usize| from + (to - from) * i as f32 / n as f32;
    (0..=n).map(|i| (middle.0 + radii.0 * angle(i).cos(), middle.1 + radii.1 * angle(i).sin())).collect()
}

pub(super) fn ellipse(canvas: &mut Canvas, middle: Point, radii: Point, colour: Colour) {
    polygon(canvas, &arc(middle, radii, [0.0, TAU]), colour);
}

/// A box with round corners.
pub(super) fn rounded(
    canvas: &mut Canvas,
    Area { x, y, width, height }: Area,
    radius: usize,
    colour: Colour,
) {
    canvas.fill(area(x + radius, y, width - 2 * radius, height), colour);
    canvas.fill(area(x, y + radius, width, height - 2 * radius), colour);
    for (x, y) in [(x, y), (x + width - 2 * radius, y), (x, y + height - 2 * radius)]
        .into_iter()
        .chain([(x + width - 2 * radius, y + height - 2 * radius)])
    {
        canvas.disc(((x + radius) as f32, (y + radius) as f32), radius as f32 - 0.5, colour);
    }
}

/// A curve through all points.
pub(super) fn curve(points: &[Point]) -> Vec<Point> {
    const STEPS: usize = 5;
    let at = |i: isize| points[i.clamp(0, points.len() as isize - 1) as usize];
    let mut curve = Vec::new();
    for i in 0..points.len() as isize - 1 {
        let four = [at(i - 1), at(i), at(i + 1), at(i + 2)];
        curve.extend((0..STEPS).map(|step| between(four, step as f32 / STEPS as f32)));
    }
    curve.push(at(points.len() as isize - 1));
    curve
}

/// Catmull and Rom's curve from the second to the third of four points.
fn between(p: [Point; 4], t: f32) -> Point {
    let one = |p: [f32; 4]| {
        let [a, b, c, d] = p;
        b + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)))
    };
    (one(p.map(|p| p.0)), one(p.map(|p| p.1)))
}

/// A fir in three tiers that stands on `at`, 100 pixels high times `size`.
pub(super) fn fir(canvas: &mut Canvas, (x, y): Point, [size, tall]: [f32; 2], leaf: Colour) {
    let at = |dx: f32, dy: f32| (x + dx * size, y + dy * size * tall);
    canvas.stroke([at(0.0, 0.0), at(0.0, -20.0)], 7.0 * size, leaf.map(|v| v / 2));
    for i in 0..3 {
        let (up, wide) = (27.0 * i as f32, 32.0 - 8.0 * i as f32);
        polygon(canvas, &[at(-wide, -12.0 - up), at(0.0, -55.0 - up), at(wide, -12.0 - up)], leaf);
    }
}

/// A tree with leaves, as high as a [`fir`].
pub(super) fn tree(
    canvas: &mut Canvas,
    dice: &mut Dice,
    (x, y): Point,
    [size, tall]: [f32; 2],
    leaf: Colour,
) {
    let at = |dx: f32, dy: f32| (x + dx * size, y + dy * size);
    canvas.stroke([at(0.0, 0.0), at(0.0, -45.0 * tall)], 8.0 * size, leaf.map(|v| v / 2));
    for _ in 0..9 {
        let (dx, dy) = (dice.random_range(-28.0..28.0f32), dice.random_range(-30.0..30.0f32));
        let shade = leaf.map(|v| v - dice.random_range(0..=v / 4));
        canvas.disc(at(dx, -72.0 * tall + dy), dice.random_range(12.0..24.0f32) * size, shade);
    }
}

/// Lines below each other, and where the next would be.
pub(super) fn paragraph(
    canvas: &mut Canvas,
    at: (usize, usize),
    text: &str,
    width: usize,
    pen: Pen,
) -> usize {
    let step = (pen.size * 1.4) as usize;
    let lines = words::lines(text, pen.size, width);
    lines.iter().enumerate().for_each(|(i, line)| canvas.text((at.0, at.1 + i * step), line, pen));
    at.1 + lines.len() * step
}

/// One line, so that its middle is at `x`.
pub(super) fn centred(canvas: &mut Canvas, (x, y): (usize, usize), text: &str, pen: Pen) {
    canvas.text((x.saturating_sub(text_width(text, pen.size) / 2), y), text, pen);
}

/// Heavier than [`Canvas::text`].
pub(super) fn bold(canvas: &mut Canvas, (x, y): (usize, usize), text: &str, pen: Pen) {
    canvas.text((x, y), text, pen);
    canvas.text((x + 1, y), text, pen);
}

/// Forms of letters as a pen goes: x to the right, y upwards from the line, 1 is the height of a small
/// letter.
const LETTERS: [&[Point]; 9] = [
    &[(0.0, 0.0), (0.1, 0.9), (0.1, 0.1), (0.3, 0.9), (0.5, 0.8), (0.6, 0.1), (0.8, 0.1)],
    &[(0.0, 0.2), (0.1, 0.9), (0.1, 0.2), (0.3, 0.0), (0.5, 0.3), (0.6, 0.9), (0.6, 0.1), (0.8, 0.1)],
    &[(0.0, 0.4), (0.4, 0.9), (0.1, 0.8), (0.0, 0.3), (0.3, 0.0), (0.5, 0.4), (0.4, 0.9), (0.8, 0.7)],
    &[(0.0, 0.1), (0.3, 1.2), (0.3, 2.1), (0.1, 2.0), (0.1, 0.4), (0.3, 0.0), (0.5, 0.2)],
    &[(0.0, 0.3), (0.4, 0.6), (0.3, 1.0), (0.1, 0.6), (0.2, 0.1), (0.5, 0.1), (0.7, 0.4)],
    &[
        (0.5, 0.9),
        (0.1, 0.8),
        (0.0, 0.3),
        (0.3, 0.1),
        (0.5, 0.9),
        (0.5, -0.8),
        (0.2, -1.1),
        (0.1, -0.6),
        (0.7, 0.2),
    ],
    &[(0.0, 0.1), (0.3, 1.0), (0.4, 0.4), (0.2, 0.0), (0.0, 0.2), (0.6, 0.2)],
    &[(0.0, 0.1), (0.2, 1.0), (0.2, 0.1), (0.5, 0.1)],
    &[(0.0, 0.0), (0.0, 0.9), (0.2, 0.9), (0.3, 0.1), (0.4, 0.9), (0.6, 0.9), (0.6, 0.1), (0.8, 0.1)],
];

/// How somebody writes.
#[derive(Clone, Copy)]
pub(super) struct Hand {
    /// Height of a small letter, in pixels.
    pub(super) size: f32,
    pub(super) slant: f32,
    pub(super) wide: f32,
    pub(super) pen: f32,
    pub(super) ink: Colour,
}

impl Hand {
    pub(super) fn someone(dice: &mut Dice) -> Hand {
        const INKS: [Colour; 4] = [[22, 34, 110], [30, 30, 34], [12, 60, 140], [60, 40, 90]];
        Hand {
            size: dice.random_range(5.0..7.5),
            slant: dice.random_range(-0.15..0.6),
            wide: dice.random_range(1.0..1.6),
            pen: dice.random_range(0.8..1.5),
            ink: *INKS.choose(dice).expect("an ink"),
        }
    }

    /// A word of so many letters from the point `at` on its line, and where it ends.
    pub(super) fn word(self, canvas: &mut Canvas, dice: &mut Dice, at: Point, letters: usize) -> f32 {
        let (mut left, mut points) = (at.0, Vec::new());
        for i in 0..letters {
            let form = LETTERS.choose(dice).expect("a letter");
            let tall = if i == 0 { dice.random_range(1.5..2.3) } else { dice.random_range(0.85..1.15) };
            let wobble = |dice: &mut Dice| dice.random_range(-0.07..0.07f32) * self.size;
            for (x, y) in *form {
                let (x, y) = (x * self.size * self.wide, y * self.size * tall);
                points.push((left + x + y * self.slant + wobble(dice), at.1 - y + wobble(dice)));
            }
            left += 0.85 * self.size * self.wide;
        }
        line(canvas, &curve(&points), self.pen, self.ink);
        left
    }

    /// A signature: a word with a swing.
    pub(super) fn signature(self, canvas: &mut Canvas, dice: &mut Dice, at: Point) {
        let large = Hand { size: self.size * 1.6, slant: self.slant + 0.2, ..self };
        let letters = dice.random_range(3..7);
        let end = large.word(canvas, dice, at, letters);
        let mut down = |reach: f32| at.1 + dice.random_range(-reach..reach);
        let swing =
            [(end, at.1), (end + 30.0, down(14.0)), (at.0 + 20.0, down(9.0) + 6.0), (end + 40.0, down(8.0))];
        line(canvas, &curve(&swing), self.pen, self.ink);
    }

    /// A digit whose lower left corner is at `at`.
    pub(super) fn digit(self, canvas: &mut Canvas, dice: &mut Dice, at: Point, digit: usize) {
        let mut moved = |(x, y): Point| {
            let wobble = dice.random_range(-0.08..0.08f32);
            (at.0 + (x + wobble + y * self.slant * 0.4) * self.size, at.1 - (y * 1.7 - wobble) * self.size)
        };
        let points: Vec<Point> = DIGITS[digit % 10].iter().copied().map(&mut moved).collect();
        line(canvas, &curve(&points), self.pen, self.ink);
    }
}

/// As [`LETTERS`], 1 is the height of a digit.
const DIGITS: [&[Point]; 10] = [
    &[(0.5, 1.0), (0.1, 0.8), (0.1, 0.2), (0.5, 0.0), (0.8, 0.3), (0.8, 0.8), (0.5, 1.0)],
    &[(0.2, 0.7), (0.5, 1.0), (0.5, 0.5), (0.5, 0.0)],
    &[(0.1, 0.8), (0.4, 1.0), (0.8, 0.8), (0.5, 0.4), (0.1, 0.0), (0.4, 0.05), (0.8, 0.0)],
    &[(0.1, 0.9), (0.5, 1.0), (0.7, 0.8), (0.4, 0.5), (0.8, 0.3), (0.5, 0.0), (0.1, 0.1)],
    &[(0.5, 1.0), (0.1, 0.4), (0.8, 0.4), (0.6, 0.7), (0.6, 0.3), (0.6, 0.0)],
    &[(0.8, 1.0), (0.2, 1.0), (0.2, 0.6), (0.6, 0.6), (0.8, 0.3), (0.5, 0.0), (0.1, 0.1)],
    &[(0.7, 1.0), (0.2, 0.6), (0.1, 0.2), (0.5, 0.0), (0.8, 0.2), (0.5, 0.5), (0.2, 0.3)],
    &[(0.1, 1.0), (0.5, 0.95), (0.8, 1.0), (0.5, 0.5), (0.3, 0.0)],
    &[
        (0.5, 0.5),
        (0.2, 0.8),
        (0.5, 1.0),
        (0.8, 0.8),
        (0.5, 0.5),
        (0.1, 0.2),
        (0.5, 0.0),
        (0.8, 0.2),
        (0.5, 0.5),
    ],
    &[(0.8, 0.8), (0.5, 1.0), (0.2, 0.7), (0.5, 0.5), (0.8, 0.8), (0.7, 0.4), (0.5, 0.0)],
];
