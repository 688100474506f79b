//! Black and white: comics with screentone, QR codes.

use aesearch::draw::canvas::{Area, Canvas, Pen};
use aesearch::images::Pixels;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::Dice;
use super::ink::{BLACK, Point, WHITE, arc, area, centred, curve, ellipse, line, polygon};
use super::words;

/// A page of a comic: panels with tones, heads, balloons, speed lines.
pub(super) fn manga(dice: &mut Dice) -> Pixels {
    let mut page = Canvas::new(600, 860, WHITE);
    let mut panels = vec![area(24, 24, 552, 812)];
    for _ in 0..dice.random_range(3..7) {
        let largest = (0..panels.len()).max_by_key(|&i| panels[i].width * panels[i].height).expect("a panel");
        let Area { x, y, width, height } = panels.swap_remove(largest);
        let share = dice.random_range(0.35..0.65f32);
        if height as f32 > 0.9 * width as f32 {
            let first = (height as f32 * share) as usize;
            panels.extend([area(x, y, width, first - 6), area(x, y + first + 6, width, height - first - 6)]);
        } else {
            let first = (width as f32 * share) as usize;
            panels.extend([area(x, y, first - 5, height), area(x + first + 5, y, width - first - 5, height)]);
        }
    }
    for at in panels {
        let mut panel = Canvas::new(at.width, at.height, WHITE);
        draw(&mut panel, dice, (at.width as f32, at.height as f32));
        page.image(&panel.into_pixels(), at);
        (0..3)
            .for_each(|i| page.outline(area(at.x + i, at.y + i, at.width - 2 * i, at.height - 2 * i), BLACK));
    }
    page.into_pixels()
}

fn draw(panel: &mut Canvas, dice: &mut Dice, (width, height): Point) {
    let middle = (width * dice.random_range(0.3..0.7), height * dice.random_range(0.45..0.65));
    match dice.random_range(0..5) {
        0 => speed(panel, dice, middle, width.max(height)),
        1 => tone(panel, (width, height), dice.random_range(4.0..8.0), |_, y| 0.15 + 0.55 * y),
        2 => {
            let left = dice.random_range(0.0..0.7);
            tone(panel, (width, height), 6.0, |x, y| if x > left + 0.1 * y { 0.5 } else { 0.0 });
        }
        3 => {
            let sky = height * dice.random_range(0.4..0.8);
            houses(panel, dice, (width, sky));
        }
        _ => {}
    }
    let heads = dice.random_range(0..3);
    for i in 0..heads {
        let size = height.min(width) * dice.random_range(0.2..0.42);
        let at =
            (width * (i as f32 + 0.5) / heads as f32 + dice.random_range(-20.0..20.0), middle.1 + size * 0.4);
        head(panel, dice, at, size);
    }
    for _ in 0..dice.random_range(0..3) {
        let radii = (dice.random_range(38.0..62.0f32), dice.random_range(26.0..40.0f32));
        let x = dice.random_range(radii.0 + 8.0..(width - radii.0 - 8.0).max(radii.0 + 9.0));
        let y = dice.random_range(radii.1 + 8.0..(height * 0.45).max(radii.1 + 9.0));
        balloon(panel, dice, (x, y), radii);
    }
}

/// Dots on a turned grid, by how dark it shall be at a place, both from 0 to 1.
fn tone(panel: &mut Canvas, (width, height): Point, step: f32, dark: impl Fn(f32, f32) -> f32) {
    let (n, diagonal) = (((width + height) / step) as i32, step * std::f32::consts::FRAC_1_SQRT_2);
    for (u, v) in (-n..n).flat_map(|u| (-n..n).map(move |v| (u, v))) {
        let (x, y) = ((u + v) as f32 * diagonal, (u - v) as f32 * diagonal);
        if x >= 0.0 && y >= 0.0 && x < width && y < height {
            let share = dark(x / width, y / height);
            if share > 0.0 {
                panel.disc((x, y), step * (share / std::f32::consts::PI).sqrt(), BLACK);
            }
        }
    }
}

fn speed(panel: &mut Canvas, dice: &mut Dice, middle: Point, reach: f32) {
    for _ in 0..dice.random_range(60..160) {
        let angle = dice.random_range(0.0..std::f32::consts::TAU);
        let (near, wide) = (reach * dice.random_range(0.25..0.5f32), dice.random_range(0.004..0.02f32));
        let at = |angle: f32, r: f32| (middle.0 + r * angle.cos(), middle.1 + r * angle.sin());
        polygon(panel, &[at(angle, near), at(angle - wide, reach), at(angle + wide, reach)], BLACK);
    }
}

fn houses(panel: &mut Canvas, dice: &mut Dice, (width, foot): Point) {
    let mut left = 0.0;
    while left < width {
        let (wide, high) = (dice.random_range(30.0..90.0f32), foot * dice.random_range(0.2..0.8f32));
        let corners = [(left, foot), (left, foot - high), (left + wide, foot - high), (left + wide, foot)];
        polygon(panel, &corners, WHITE);
        line(panel, &corners, 1.6, BLACK);
        for i in 0..(high / 16.0) as usize {
            let y = foot - high + 6.0 + 16.0 * i as f32;
            let n = (wide / 14.0) as usize;
            (0..n).for_each(|k| panel.fill(area((left + 5.0) as usize + 14 * k, y as usize, 7, 8), BLACK));
        }
        left += wide;
    }
    panel.stroke([(0.0, foot), (width, foot)], 2.0, BLACK);
}

/// Shoulders, a face that looks to one side, hair in strands.
fn head(panel: &mut Canvas, dice: &mut Dice, (x, y): Point, r: f32) {
    let (side, stroke) = (dice.random_range(-0.35..0.35f32), (r / 26.0).max(1.4));
    let at = |dx: f32, dy: f32| (x + dx * r, y + dy * r);
    let dress = if dice.random_range(0..2) == 0 { BLACK } else { WHITE };
    let body = [at(-1.3, 3.0), at(-1.1, 1.5), at(-0.3, 1.1), at(0.3, 1.1), at(1.1, 1.5), at(1.3, 3.0)];
    polygon(panel, &body, dress);
    line(panel, &body, stroke, BLACK);
    let chin =
        [at(-0.85, -0.3), at(-0.75, 0.5), at(side * 0.5, 1.1), at(0.75, 0.5), at(0.85, -0.3), at(0.0, -1.0)];
    polygon(panel, &curve(&chin), WHITE);
    line(panel, &curve(&chin), stroke, BLACK);
    let wide = dice.random_range(0.1..0.3f32);
    for eye in [side - 0.36, side + 0.36] {
        let (ex, ey) = at(eye, 0.1);
        ellipse(panel, (ex, ey), (0.15 * r, wide * r), BLACK);
        panel.disc((ex + 0.05 * r, ey - 0.08 * r), 0.06 * r, WHITE);
        let brow = dice.random_range(-0.1..0.1f32);
        panel.stroke([at(eye - 0.2, -0.3 + brow), at(eye + 0.2, -0.3 - brow)], stroke, BLACK);
    }
    let mouth = arc(at(side, 0.55), (0.2 * r, dice.random_range(-0.12..0.16f32) * r), [0.2, 2.9]);
    line(panel, &mouth, stroke, BLACK);
    let is_dark = dice.random_range(0..3) > 0;
    let n = dice.random_range(5..12);
    let mut hair = vec![at(-1.0, dice.random_range(0.0..1.2))];
    hair.extend(arc(at(0.0, -0.2), (1.05 * r, 1.1 * r), [std::f32::consts::PI, 2.0 * std::f32::consts::PI]));
    hair.push(at(1.0, dice.random_range(0.0..1.2)));
    for i in 0..=2 * n {
        let t = 0.85 - 1.7 * i as f32 / (2 * n) as f32;
        let down = if i % 2 == 0 { -0.75 } else { dice.random_range(-0.5..-0.1f32) };
        hair.push(at(t, down));
    }
    polygon(panel, &hair, if is_dark { BLACK } else { WHITE });
    line(panel, &hair, stroke, BLACK);
}

fn balloon(panel: &mut Canvas, dice: &mut Dice, (x, y): Point, radii: Point) {
    let tip = (x + dice.random_range(-30.0..30.0), y + radii.1 + 22.0);
    let tail = [(x - 10.0, y + radii.1 * 0.8), tip, (x + 8.0, y + radii.1 * 0.8)];
    ellipse(panel, (x, y), (radii.0 + 2.0, radii.1 + 2.0), BLACK);
    polygon(panel, &tail, WHITE);
    line(panel, &tail, 2.0, BLACK);
    ellipse(panel, (x, y), radii, WHITE);
    let n = dice.random_range(2..6);
    let lines = words::lines(&words::phrase(dice, n).to_uppercase(), 11.0, (radii.0 * 1.5) as usize);
    let rows = ((radii.1 * 1.6) / 14.0) as usize;
    let shown = &lines[..lines.len().min(rows)];
    for (i, line) in shown.iter().enumerate() {
        let top = y as usize + 14 * i - 7 * shown.len();
        centred(panel, (x as usize, top), line, Pen { size: 11.0, colour: BLACK });
    }
}

/// A QR code of 33 x 33 modules: the marks where they belong, the rest as contents and mask leave it.
pub(super) fn code(dice: &mut Dice) -> Pixels {
    const N: usize = 33;
    let module = *[14, 15, 16].choose(dice).expect("a size");
    let mut code = Canvas::new((N + 8) * module, (N + 8) * module, WHITE);
    let finder = |x: usize, y: usize| {
        let corners = [(3, 3), (N - 4, 3), (3, N - 4)];
        corners.iter().map(|&(cx, cy)| x.abs_diff(cx).max(y.abs_diff(cy))).min().expect("three")
    };
    for (x, y) in (0..N).flat_map(|y| (0..N).map(move |x| (x, y))) {
        let mark = x.abs_diff(N - 7).max(y.abs_diff(N - 7));
        let is_dark = match (finder(x, y), mark) {
            (0 | 1 | 3, _) | (_, 0 | 2) => true,
            (2 | 4, _) | (_, 1) => false,
            _ if x == 6 || y == 6 => (x + y) % 2 == 0,
            _ => dice.random_range(0..2) == 0,
        };
        if is_dark {
            code.fill(area((x + 4) * module, (y + 4) * module, module, module), BLACK);
        }
    }
    code.into_pixels()
}
