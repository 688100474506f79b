//! Frames of films: a street from a camera that stands still, a land from one that turns slowly.

use std::f32::consts::TAU;

use aesearch::draw::canvas::{Canvas, Colour};
use aesearch::images::Pixels;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::Dice;
use super::ink::{Point, area, ellipse, fir, line, polygon, rounded, tree};
use super::light::{Noise, Photo};

const SIDES: [usize; 2] = [720, 480];
const PAINTS: [Colour; 7] = [
    [190, 40, 36],
    [40, 70, 140],
    [225, 225, 220],
    [40, 42, 46],
    [150, 154, 160],
    [200, 170, 60],
    [50, 110, 80],
];

/// Moment `number` of a street: the houses stay, cars and people have gone on by a quarter of the picture.
pub(super) fn frame(dice: &mut Dice, number: usize) -> Pixels {
    moment(dice, number as f32)
}

/// The street at a time. In a tenth of one the nearest cars go on by a thirtieth of the picture.
pub(super) fn moment(dice: &mut Dice, time: f32) -> Pixels {
    let scene = &mut Dice::seed_from_u64(4);
    let mut canvas = Canvas::new(SIDES[0], SIDES[1], [168, 196, 226]);
    row_of_houses(&mut canvas, scene, 300.0);
    canvas.fill(area(0, 300, 720, 34), [150, 146, 140]);
    canvas.fill(area(0, 334, 720, 146), [84, 84, 88]);
    (0..9).for_each(|i| canvas.fill(area(20 + 86 * i, 402, 46, 5), [226, 226, 220]));
    // somebody on the pavement, and then the two lanes, the nearer last
    for i in 0..6 {
        let (start, speed) = (scene.random_range(0.0..900.0f32), scene.random_range(60.0..110.0f32));
        let direction = if i % 2 == 0 { 1.0 } else { -1.0 };
        let x = (start + direction * speed * time).rem_euclid(900.0) - 90.0;
        let coat = *PAINTS.choose(scene).expect("a coat");
        person(&mut canvas, (x, 318.0), coat, time + i as f32);
    }
    for (y, speed, size) in [(378.0, -177.0, 0.85f32), (456.0, 211.0, 1.15)] {
        for i in 0..4 {
            let start = i as f32 * 380.0 + scene.random_range(0.0..120.0f32);
            let x = (start + speed * time).rem_euclid(1520.0) - 400.0;
            let paint = PAINTS[(i * 3 + size as usize * 2) % PAINTS.len()];
            car(&mut canvas, (x, y), size, paint, speed);
        }
    }
    let mut photo = Photo::of(&canvas.into_pixels());
    photo.textured(&Noise::new(scene, SIDES, [60.0, 60.0], 0.75), 0.13);
    photo.blurred().vignetted().developed(dice, 4.0)
}

fn row_of_houses(canvas: &mut Canvas, dice: &mut Dice, foot: f32) {
    let mut left = 0.0;
    while left < SIDES[0] as f32 {
        let (wide, high) = (dice.random_range(90.0..170.0f32), dice.random_range(120.0..250.0f32));
        let wall = [dice.random_range(130..210u8), dice.random_range(110..180), dice.random_range(90..160)];
        let top = foot - high;
        polygon(canvas, &[(left, foot), (left, top), (left + wide, top), (left + wide, foot)], wall);
        let roof = wall.map(|v| v / 2);
        if dice.random_range(0..2) == 0 {
            let (middle, up) = (left + wide / 2.0, top - dice.random_range(30.0..60.0));
            polygon(canvas, &[(left - 6.0, top), (middle, up), (left + wide + 6.0, top)], roof);
        } else {
            polygon(
                canvas,
                &[(left, top), (left, top - 9.0), (left + wide, top - 9.0), (left + wide, top)],
                roof,
            );
        }
        let (columns, rows) = ((wide / 34.0) as usize, (high / 48.0) as usize);
        for (column, row) in (0..columns).flat_map(|column| (0..rows).map(move |row| (column, row))) {
            let x = left + wide * (column as f32 + 0.5) / columns as f32 - 9.0;
            let y = top + high * (row as f32 + 0.3) / rows as f32;
            let glass = dice.random_range(40..110u8);
            canvas.fill(area(x as usize, y as usize, 18, 26), [230; 3]);
            canvas.fill(area(x as usize + 2, y as usize + 2, 14, 22), [glass, glass + 8, glass + 20]);
        }
        left += wide;
    }
}

fn car(canvas: &mut Canvas, (x, y): Point, size: f32, paint: Colour, speed: f32) {
    let direction = speed.signum();
    let at = |dx: f32, dy: f32| (x + direction * dx * size, y + dy * size);
    ellipse(canvas, at(0.0, 2.0), (90.0 * size, 7.0 * size), [50, 50, 54]);
    let body = [(-84.0, -8.0), (-84.0, -32.0), (-52.0, -36.0), (-30.0, -60.0), (26.0, -60.0), (52.0, -35.0)];
    let body: Vec<Point> =
        body.into_iter().chain([(84.0, -28.0), (86.0, -8.0)]).map(|(dx, dy)| at(dx, dy)).collect();
    polygon(canvas, &body, paint);
    for pane in [[(-40.0, -37.0), (-24.0, -55.0), (-4.0, -55.0), (-4.0, -37.0)]].into_iter().chain([[
        (2.0, -37.0),
        (2.0, -55.0),
        (22.0, -55.0),
        (40.0, -37.0),
    ]]) {
        polygon(canvas, &pane.map(|(dx, dy)| at(dx, dy)), [60, 72, 84]);
    }
    for wheel in [-50.0, 50.0] {
        if at(wheel, 0.0).0 > -30.0 {
            canvas.disc(at(wheel, -8.0), 15.0 * size, [26; 3]);
            canvas.disc(at(wheel, -8.0), 7.0 * size, [150; 3]);
        }
    }
}

fn person(canvas: &mut Canvas, (x, y): Point, coat: Colour, step: f32) {
    let swing = 9.0 * (2.4 * step).sin();
    line(canvas, &[(x - swing, y), (x, y - 24.0), (x + swing, y)], 5.0, [46, 44, 52]);
    canvas.stroke([(x, y - 26.0), (x, y - 44.0)], 14.0, coat);
    canvas.disc((x, y - 58.0), 6.5, [206, 164, 134]);
}

/// View `number` of a land: each shows two thirds that the one before does not, and near things pass faster.
pub(super) fn pan(dice: &mut Dice, number: usize) -> Pixels {
    const STEP: f32 = 480.0;
    let left = number as f32 * STEP;
    let mut canvas = Canvas::new(SIDES[0], SIDES[1], [176, 200, 224]);
    for (layer, far) in [3.0, 1.5, 1.0, 0.7].into_iter().enumerate() {
        let shift = left / far;
        let (foot, green) = (230.0 + 70.0 * layer as f32, [150, 120, 100, 76][layer]);
        let ground: Colour = [green - 30, green, green - [0, 20, 40, 40][layer]];
        let hill = |x: f32| {
            let wave = |length: f32, high: f32| high * (TAU * (x + 97.0 * layer as f32) / length).sin();
            foot + wave(531.0, 22.0) + wave(233.0, 11.0) + wave(91.0, 3.0)
        };
        for x in 0..SIDES[0] {
            let top = hill(x as f32 + shift) as usize;
            canvas.fill(area(x, top, 1, SIDES[1] - top), ground);
        }
        // things stand in cells of the land, each by the number of its cell
        let cell = [36.0, 70.0, 130.0, 260.0][layer];
        let first = (shift / cell) as i64 - 2;
        for i in first..first + (SIDES[0] as f32 / cell) as i64 + 5 {
            let thing = &mut Dice::seed_from_u64((i + 1_000_000 * (layer as i64 + 1)).unsigned_abs());
            let world = cell * (i as f32 + thing.random_range(0.2..0.8f32));
            thing_of(&mut canvas, thing, (world - shift, hill(world) + 2.0), 0.35 + 0.35 * layer as f32);
        }
    }
    let mut photo = Photo::of(&canvas.into_pixels());
    photo.textured(&Noise::new(dice, SIDES, [40.0, 30.0], 0.75), 0.14);
    photo.blurred().vignetted().developed(dice, 4.0)
}

/// A fir, a tree, a house or a tower, as large as `size` says.
fn thing_of(canvas: &mut Canvas, dice: &mut Dice, (x, y): Point, size: f32) {
    let at = |dx: f32, dy: f32| (x + dx * size, y + dy * size);
    let tall = dice.random_range(0.6..1.3f32);
    let leaf: Colour = [dice.random_range(30..90), dice.random_range(70..120), dice.random_range(20..60)];
    match dice.random_range(0..6) {
        0 | 1 => fir(canvas, (x, y), [size, tall], leaf),
        2 | 3 => tree(canvas, dice, (x, y), [size, tall], leaf),
        4 => {
            let wall: Colour = [dice.random_range(160..230), dice.random_range(140..210), 150];
            polygon(
                canvas,
                &[at(-50.0, 0.0), at(-50.0, -50.0 * tall), at(50.0, -50.0 * tall), at(50.0, 0.0)],
                wall,
            );
            let roof = [dice.random_range(110..180), 60, 44];
            polygon(canvas, &[at(-60.0, -50.0 * tall), at(0.0, -100.0 * tall), at(60.0, -50.0 * tall)], roof);
            for dx in [-30.0, 8.0] {
                let pane = [at(dx, -16.0), at(dx, -36.0), at(dx + 20.0, -36.0), at(dx + 20.0, -16.0)];
                polygon(canvas, &pane, [60, 66, 80]);
            }
        }
        _ => {
            let (left, top) = at(-26.0, -150.0 * tall);
            if left > 0.0 && top > 0.0 {
                let [wide, high] = [52.0 * size, 150.0 * tall * size].map(|side| side as usize);
                rounded(canvas, area(left as usize, top as usize, wide, high), 3, [178, 170, 160]);
                polygon(
                    canvas,
                    &[at(-30.0, -150.0 * tall), at(0.0, -190.0 * tall), at(30.0, -150.0 * tall)],
                    [90; 3],
                );
            }
        }
    }
}
