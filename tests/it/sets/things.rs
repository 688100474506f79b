//! Products before white: turned bodies (bottles, cups, lamps) and boxes, lit from the left.

use aesearch::draw::canvas::{Canvas, Colour, Pen};
use aesearch::images::Pixels;
use rand::RngExt;

use super::Dice;
use super::ink::{Point, WHITE, area, bold, centred, curve, polygon};
use super::light::{Light, Noise, Photo, ramp};
use super::words;

const SIDES: [usize; 2] = [600, 600];

pub(super) fn product(dice: &mut Dice) -> Pixels {
    if dice.random_range(0..3) == 0 { boxed(dice) } else { turned(dice) }
}

/// A body of revolution by a random outline, with a band or a label.
fn turned(dice: &mut Dice) -> Pixels {
    let (top, bottom) = (dice.random_range(60.0..230.0f32), dice.random_range(470.0..530.0f32));
    let n = dice.random_range(4..8);
    let largest = dice.random_range(70.0..190.0f32);
    let knots: Vec<Point> = (0..n)
        .map(|i| {
            (top + (bottom - top) * i as f32 / (n - 1) as f32, largest * dice.random_range(0.25..1.0f32))
        })
        .collect();
    let outline = curve(&knots);
    let radius = |y: f32| {
        let after = outline.iter().position(|knot| knot.0 >= y).unwrap_or(outline.len() - 1).max(1);
        let [a, b] = [outline[after - 1], outline[after]];
        a.1 + (b.1 - a.1) * ((y - a.0) / (b.0 - a.0)).clamp(0.0, 1.0)
    };
    let radii: Vec<f32> = (0..SIDES[1]).map(|y| radius(y as f32)).collect();
    let colour: Light = std::array::from_fn(|_| dice.random_range(0.1..0.9));
    let second: Light = std::array::from_fn(|_| dice.random_range(0.1..0.95));
    let (from, to) = (dice.random_range(0.1..0.5f32), dice.random_range(0.5..0.9f32));
    let (shine, stripes) = (dice.random_range(0.1..0.9f32), dice.random_range(0..4));
    let glaze = Noise::new(dice, SIDES, [80.0, 80.0], 0.5);
    let foot = radii[bottom as usize - 1].max(30.0);
    let photo = Photo::new(SIDES, |x, y| {
        let r = radii[y as usize];
        let side = (x - 300.0) / r;
        if y < top || y >= bottom || side.abs() >= 1.0 {
            return shadow((x - 330.0) / (1.5 * foot), (y - bottom) / 26.0);
        }
        let down = (y - top) / (bottom - top);
        let is_band = match stripes {
            0 => false,
            1 => (from..to).contains(&down),
            2 => (from..to).contains(&down) && side.abs() < 0.7,
            _ => ((down * 9.0) as usize).is_multiple_of(2),
        };
        let paint = if is_band { second } else { colour }.map(|v| v * (1.0 + 0.06 * glaze.at(x, y)));
        let slope = (radii[(y as usize + 2).min(SIDES[1] - 1)] - radii[(y as usize).saturating_sub(2)]) / 4.0;
        let facing = (1.0 - side * side).sqrt();
        let long = (1.0 + slope * slope).sqrt();
        let lit = (0.75 * facing - 0.55 * side - 0.35 * slope.clamp(-1.5, 1.5)) / long.max(1.0);
        let gloss = shine * (-((side + 0.42) / 0.1).powi(2)).exp() * 0.8;
        paint.map(|v| v * (0.3 + 0.75 * lit.max(0.0)) + gloss)
    });
    photo.blurred().developed(dice, 1.5)
}

/// White, darker near the foot of what stands there.
fn shadow(x: f32, y: f32) -> Light {
    [1.0 - 0.5 * (1.0 - ramp(0.0, 1.0, (x * x + y * y).sqrt())); 3]
}

/// A box of cardboard with a name on it, its right side in the shade.
fn boxed(dice: &mut Dice) -> Pixels {
    let mut canvas = Canvas::new(SIDES[0], SIDES[1], WHITE);
    let (wide, high, deep) =
        (dice.random_range(140..330), dice.random_range(140..380), dice.random_range(40.0..130.0f32));
    let (left, bottom) = (270 - wide / 2, 530);
    let paint: Colour = std::array::from_fn(|_| dice.random_range(40..230));
    let other: Colour = std::array::from_fn(|_| dice.random_range(40..230));
    let top = bottom - high;
    let [l, r, t, b] = [left, left + wide, top, bottom].map(|side| side as f32);
    let up = deep * 0.45;
    polygon(
        &mut canvas,
        &[(l, t), (l + deep, t - up), (r + deep, t - up), (r, t)],
        paint.map(|v| v + (255 - v) / 3),
    );
    polygon(&mut canvas, &[(r, t), (r + deep, t - up), (r + deep, b - up), (r, b)], paint.map(|v| v / 2));
    canvas.fill(area(left, top, wide, high), paint);
    let band = dice.random_range(high / 6..high / 2);
    canvas.fill(area(left, top + band, wide, high / 4), other);
    let name = words::first_name(dice).to_uppercase();
    let pen = Pen { size: wide as f32 / 6.0, colour: WHITE };
    centred(&mut canvas, (left + wide / 2, top + band + high / 8 - wide / 12), &name, pen);
    let small = Pen { size: 14.0, colour: WHITE };
    bold(&mut canvas, (left + 14, bottom - 30), &format!("{} g", dice.random_range(2..40) * 25), small);
    for _ in 0..dice.random_range(1..6) {
        let at = (dice.random_range(l + 24.0..r - 24.0), dice.random_range(t + 24.0..b - 40.0));
        canvas.disc(at, dice.random_range(6.0..22.0), other.map(|v| 255 - v / 2));
    }
    let mut photo = Photo::of(&canvas.into_pixels());
    for (i, dot) in photo.dots.iter_mut().enumerate().filter(|(_, dot)| **dot == [1.0; 3]) {
        let (x, y) = ((i % SIDES[0]) as f32, (i / SIDES[0]) as f32);
        *dot = shadow((x - 300.0 - deep / 2.0) / (wide as f32 * 0.8), (y - b + 10.0) / 40.0);
    }
    photo.textured(&Noise::new(dice, SIDES, [300.0, 300.0], 0.5), 0.05);
    photo.blurred().developed(dice, 1.5)
}
