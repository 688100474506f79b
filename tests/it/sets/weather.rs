//! Photographs of the open: skies, fog, nights, stars.

use aesearch::draw::canvas::Canvas;
use aesearch::images::Pixels;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::Dice;
use super::ink::{BLACK, WHITE, area, fir, tree};
use super::light::{Light, Noise, Photo, mixed, ramp};

const SIDES: [usize; 2] = [640, 480];

/// Clouds in a sky, seen from below: smaller and closer together towards the horizon.
pub(super) fn sky(dice: &mut Dice) -> Pixels {
    const SKIES: [[Light; 2]; 4] = [
        [[0.16, 0.36, 0.72], [0.70, 0.82, 0.93]],
        [[0.28, 0.46, 0.74], [0.86, 0.90, 0.93]],
        [[0.22, 0.26, 0.50], [0.98, 0.66, 0.40]],
        [[0.40, 0.50, 0.64], [0.80, 0.80, 0.82]],
    ];
    let [top, bottom] = *SKIES.choose(dice).expect("a sky");
    let period = dice.random_range(70.0..190.0);
    let noise = Noise::new(dice, [1800, 700], [period * 1.3, period], 0.5);
    let (cover, soft) = (dice.random_range(-0.35..0.05), dice.random_range(0.2..0.6));
    let land = dice.random_range(0.0..0.12f32);
    let ridge = Noise::new(dice, [SIDES[0], 1], [120.0, 120.0], 0.5);
    let photo = Photo::new(SIDES, |x, y| {
        let [across, down] = [x / SIDES[0] as f32 - 0.5, y / SIDES[1] as f32];
        if down > 1.0 - land * (1.0 + 0.4 * ridge.at(x, 0.0)) {
            return [0.05, 0.07, 0.06];
        }
        let far = 1.0 / (1.25 - down);
        let (u, v) = (900.0 + across * far * 420.0, far * 160.0);
        let here = noise.at(u, v);
        let lit = 0.8 + 0.5 * (here - noise.at(u - 9.0, v - 14.0));
        let share = ramp(cover, cover + soft, here);
        let grey = mixed([0.60, 0.62, 0.70], [1.0, 0.99, 0.97], lit);
        let cloud: Light = std::array::from_fn(|c| grey[c] * (0.5 + 0.5 * bottom[c]));
        mixed(mixed(top, bottom, down), cloud, share * 0.95)
    });
    photo.vignetted().developed(dice, 2.0)
}

/// Ridges with trees, the farther the paler, in fog.
pub(super) fn fog(dice: &mut Dice) -> Pixels {
    let grey = dice.random_range(0.66..0.84f32);
    let air: Light = std::array::from_fn(|_| grey + dice.random_range(-0.02..0.02f32));
    let mut photo = Photo::new(SIDES, |_, y| mixed(air, air.map(|v| v + 0.1), 1.0 - y / SIDES[1] as f32));
    let layers = dice.random_range(3..6);
    for layer in 0..layers {
        let near = (layer + 1) as f32 / layers as f32;
        let base = SIDES[1] as f32 * (0.35 + 0.5 * near + dice.random_range(-0.06..0.06));
        let shape = Photo::of(&ridge(dice, base, 0.3 + 1.5 * near * near));
        let colour = mixed(air, [0.16, 0.19, 0.18], 0.08 + 0.55 * near * near);
        for (i, (dot, shape)) in photo.dots.iter_mut().zip(shape.dots).enumerate() {
            let below = (i / SIDES[0]) as f32 - base;
            let veil = ramp(-60.0, 160.0, below) * 0.6; // the fog lies in the valleys
            *dot = mixed(*dot, mixed(colour, air, veil), 1.0 - shape[0]);
        }
    }
    let drift = Noise::new(dice, SIDES, [240.0, 90.0], 0.5);
    photo.textured(&drift, 0.06);
    photo.blurred().vignetted().developed(dice, 3.0)
}

/// A ridge with trees, black on white.
fn ridge(dice: &mut Dice, base: f32, size: f32) -> Pixels {
    let period = dice.random_range(90.0..260.0);
    let hills = Noise::new(dice, [SIDES[0], 1], [period, 300.0], 0.45);
    let mut canvas = Canvas::new(SIDES[0], SIDES[1], WHITE);
    let top = |x: usize| base - 45.0 * hills.at(x as f32, 0.0);
    (0..SIDES[0]).for_each(|x| canvas.fill(area(x, top(x) as usize, 1, SIDES[1]), BLACK));
    for _ in 0..dice.random_range(2..16) {
        let x = dice.random_range(0..SIDES[0]);
        let (at, sizes) = ((x as f32, top(x) + 3.0), [size * dice.random_range(0.6..1.1), 1.0]);
        match dice.random_range(0..3) {
            0 => tree(&mut canvas, dice, at, sizes, BLACK),
            _ => fir(&mut canvas, at, sizes, BLACK),
        }
    }
    canvas.into_pixels()
}

/// A town at night: black houses, few windows, lamps that glow, much noise.
pub(super) fn night(dice: &mut Dice) -> Pixels {
    let (width, height) = (SIDES[0] as f32, SIDES[1] as f32);
    let ground = height * dice.random_range(0.62..0.85f32);
    let dusk = dice.random_range(0.02..0.09f32);
    let mut photo = Photo::new(SIDES, |_, y| {
        let v = 0.02 + dusk * (y / ground).min(1.0).powi(3);
        if y < ground { [v * 0.8, v * 0.85, v * 1.25] } else { [0.025, 0.024, 0.022] }
    });
    let mut left = -20.0f32;
    while left < width {
        let wide = dice.random_range(40.0..150.0f32);
        let roof = ground - dice.random_range(0.0..0.5f32) * height;
        house(dice, &mut photo, [left, roof, left + wide, ground]);
        left += wide * dice.random_range(0.8..1.5f32);
    }
    const LAMPS: [Light; 4] = [[1.0, 0.72, 0.36], [1.0, 0.85, 0.6], [0.8, 0.9, 1.0], [1.0, 0.25, 0.16]];
    for _ in 0..dice.random_range(1..6) {
        let light = *LAMPS.choose(dice).expect("a lamp");
        let (x, y) = (dice.random_range(0.0..width), ground - dice.random_range(5.0..150.0f32));
        let size = dice.random_range(2.0..9.0f32);
        photo.glow((x, y), size, light.map(|v| 1.3 * v));
        photo.glow((x, y), size * 6.0, light.map(|v| 0.12 * v));
        for step in 0..14 {
            let down = ground + 3.0 + step as f32 * 9.0;
            let wobble = dice.random_range(-3.0..3.0f32);
            photo.glow((x + wobble, down), size, light.map(|v| 0.3 * v / (1.0 + 0.25 * step as f32)));
        }
    }
    photo.vignetted().developed(dice, 7.0)
}

/// A wall from the left, top, right to the bottom, with some windows lit.
fn house(dice: &mut Dice, photo: &mut Photo, [left, roof, right, ground]: [f32; 4]) {
    let wall = dice.random_range(0.006..0.03f32);
    let lit = dice.random_range(0.0..0.22);
    let (room, storey) = (dice.random_range(11.0..20.0f32), dice.random_range(14.0..24.0f32));
    let tint: Light = [1.0, dice.random_range(0.65..0.95), dice.random_range(0.3..0.8)];
    let rooms: Vec<f32> = (0..600).map(|_| dice.random_range(0.0..1.0f32)).collect();
    for (i, dot) in photo.dots.iter_mut().enumerate() {
        let (x, y) = ((i % photo.width) as f32, (i / photo.width) as f32);
        if x < left || x > right || y < roof || y > ground {
            continue;
        }
        let (across, down) = ((x - left) / room, (y - roof) / storey);
        let window = rooms[(down as usize * 17 + across as usize) % rooms.len()];
        let is_pane = (0.25..0.75).contains(&across.fract()) && (0.3..0.75).contains(&down.fract());
        *dot = if is_pane && window < lit { tint.map(|v| v * (0.25 + 2.5 * window)) } else { [wall; 3] };
    }
}

/// Stars, in some pictures the Milky Way, in some a mountain below.
pub(super) fn stars(dice: &mut Dice) -> Pixels {
    let (width, height) = (SIDES[0] as f32, SIDES[1] as f32);
    let dust = Noise::new(dice, SIDES, [150.0, 150.0], 0.55);
    let (slope, through, way) =
        (dice.random_range(-1.5..1.5f32), dice.random_range(0.0..height), dice.random_range(0.0..0.3f32));
    let sky: Light = [0.02, 0.03, dice.random_range(0.045..0.09)];
    let band = |x: f32, y: f32| (-((y - through - slope * (x - width / 2.0)) / 90.0).powi(2)).exp() * way;
    let mut photo = Photo::new(SIDES, |x, y| {
        let light = band(x, y) * (0.6 + 0.5 * dust.at(x, y)).max(0.0);
        std::array::from_fn(|c| sky[c] + light * [0.95, 0.85, 0.9][c])
    });
    for _ in 0..dice.random_range(500..1500) {
        let (x, y) = (dice.random_range(0.0..width), dice.random_range(0.0..height));
        let bright = dice.random_range(0.0..1.0f32).powi(14) * 2.0 + 0.1 + 0.7 * band(x, y);
        let warm = dice.random_range(0.75..1.0f32);
        photo.glow((x, y), 0.6 + 0.5 * bright, [bright, bright * warm, bright * (1.9 - warm).min(1.0)]);
    }
    if dice.random_range(0..3) > 0 {
        let ridge = Noise::new(dice, [SIDES[0], 1], [200.0, 200.0], 0.5);
        let base = height * dice.random_range(0.75..0.95f32);
        for (i, dot) in photo.dots.iter_mut().enumerate() {
            let below = (i / SIDES[0]) as f32 - base + 60.0 * ridge.at((i % SIDES[0]) as f32, 0.0);
            *dot = mixed(*dot, [0.008, 0.008, 0.012], below.clamp(0.0, 1.0));
        }
    }
    photo.developed(dice, 4.0)
}
