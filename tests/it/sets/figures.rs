//! What programs draw: charts in one style, maps of towns in one style, icons in one style.

use std::f32::consts::TAU;

use aesearch::draw::canvas::{Canvas, Colour, Pen};
use aesearch::draw::text::text_width;
use aesearch::images::Pixels;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::Dice;
use super::ink::{BLACK, Point, WHITE, arc, area, centred, curve, ellipse, line, polygon, rounded};
use super::words;

const SERIES: [Colour; 5] = [[31, 119, 180], [255, 127, 14], [44, 160, 44], [214, 39, 40], [148, 103, 189]];
/// Where a chart's axes are: left, top, right, bottom.
const AXES: [f32; 4] = [80.0, 58.0, 616.0, 424.0];

/// Bars, lines, dots or a pie, as one program draws them.
pub(super) fn chart(dice: &mut Dice) -> Pixels {
    let mut chart = Canvas::new(640, 480, WHITE);
    let n = dice.random_range(2..6);
    centred(&mut chart, (348, 22), &words::phrase(dice, n), Pen { size: 18.0, colour: BLACK });
    let kind = dice.random_range(0..7);
    if kind == 0 {
        pie(&mut chart, dice);
        return chart.into_pixels();
    }
    let top = *[5.0, 20.0, 60.0, 150.0, 400.0, 1200.0].choose(dice).expect("a scale");
    axes(&mut chart, dice, top);
    match kind {
        1..4 => bars(&mut chart, dice),
        4 | 5 => curves(&mut chart, dice),
        _ => scatter(&mut chart, dice),
    }
    chart.into_pixels()
}

fn axes(chart: &mut Canvas, dice: &mut Dice, top: f32) {
    let [left, up, right, down] = AXES;
    let pen = Pen { size: 12.0, colour: [40; 3] };
    for i in 0..=5 {
        let y = down - (down - up) * i as f32 / 5.0;
        chart.fill(area(left as usize, y as usize, (right - left) as usize, 1), [222; 3]);
        let value = format!("{:.0}", top * i as f32 / 5.0);
        chart.text((left as usize - 8 - text_width(&value, 12.0), y as usize - 8), &value, pen);
    }
    let name = words::phrase(dice, 2);
    centred(chart, (348, 452), &name, Pen { size: 13.0, colour: [40; 3] });
    line(chart, &[(left, up), (left, down), (right, down)], 1.4, BLACK);
}

fn legend(chart: &mut Canvas, dice: &mut Dice, n: usize) {
    for (i, colour) in SERIES.iter().enumerate().take(n) {
        chart.fill(area(510, 66 + 20 * i, 14, 12), *colour);
        chart.text((530, 63 + 20 * i), words::first_name(dice), Pen { size: 12.0, colour: [40; 3] });
    }
}

fn bars(chart: &mut Canvas, dice: &mut Dice) {
    let (groups, series) = (dice.random_range(3..10), dice.random_range(1..4));
    let [left, up, right, down] = AXES;
    let step = (right - left) / groups as f32;
    for group in 0..groups {
        let x = left + step * (group as f32 + 0.12);
        for (i, colour) in SERIES.iter().enumerate().take(series) {
            let high = (down - up) * dice.random_range(0.05..0.95f32);
            let wide = step * 0.76 / series as f32;
            chart.fill(
                area((x + i as f32 * wide) as usize, (down - high) as usize, wide as usize, high as usize),
                *colour,
            );
        }
        let name = words::first_name(dice);
        centred(chart, ((x + step * 0.38) as usize, 430), name, Pen { size: 12.0, colour: [40; 3] });
    }
    legend(chart, dice, if series > 1 { series } else { 0 });
}

fn curves(chart: &mut Canvas, dice: &mut Dice) {
    let (points, series) = (dice.random_range(6..30), dice.random_range(1..5));
    let [left, up, right, down] = AXES;
    for colour in &SERIES[..series] {
        let mut value = dice.random_range(0.1..0.9f32);
        let drift = dice.random_range(-0.03..0.03f32);
        let curve: Vec<Point> = (0..points)
            .map(|i| {
                value = (value + drift + dice.random_range(-0.1..0.1f32)).clamp(0.03, 0.97);
                (left + (right - left) * i as f32 / (points - 1) as f32, down - (down - up) * value)
            })
            .collect();
        line(chart, &curve, 2.2, *colour);
        if points < 14 {
            curve.iter().for_each(|at| chart.disc(*at, 4.0, *colour));
        }
    }
    legend(chart, dice, series);
}

fn scatter(chart: &mut Canvas, dice: &mut Dice) {
    let [left, up, right, down] = AXES;
    for colour in &SERIES[..dice.random_range(1..4)] {
        let (x, y) = (dice.random_range(0.2..0.8f32), dice.random_range(0.2..0.8f32));
        let (wide, high) = (dice.random_range(0.05..0.3f32), dice.random_range(0.05..0.3f32));
        for _ in 0..dice.random_range(15..90) {
            let mut around = |middle: f32, reach: f32| {
                let sum: f32 = (0..3).map(|_| dice.random_range(-reach..reach)).sum();
                (middle + sum / 1.7).clamp(0.01, 0.99)
            };
            let at = (left + (right - left) * around(x, wide), down - (down - up) * around(y, high));
            chart.disc(at, 3.5, *colour);
        }
    }
}

fn pie(chart: &mut Canvas, dice: &mut Dice) {
    let n = dice.random_range(2..6);
    let shares: Vec<f32> = (0..n).map(|_| dice.random_range(0.15..1.0)).collect();
    let (sum, mut from) = (shares.iter().sum::<f32>(), dice.random_range(0.0..TAU));
    for (share, colour) in shares.iter().zip(SERIES) {
        let to = from + TAU * share / sum;
        let mut slice = arc((290.0, 260.0), (165.0, 165.0), [from, to]);
        slice.push((290.0, 260.0));
        polygon(chart, &slice, colour);
        line(chart, &slice, 2.0, WHITE);
        let (x, y) = (290.0 + 110.0 * ((from + to) / 2.0).cos(), 260.0 + 110.0 * ((from + to) / 2.0).sin());
        let told = format!("{:.0} %", 100.0 * share / sum);
        centred(chart, (x as usize, y as usize - 8), &told, Pen { size: 13.0, colour: WHITE });
        from = to;
    }
    legend(chart, dice, n);
}

/// A town: water, parks, houses, streets with names.
pub(super) fn map(dice: &mut Dice) -> Pixels {
    let mut map = Canvas::new(720, 600, [242, 239, 233]);
    let mut at =
        |reach: f32| (dice.random_range(-reach..720.0 + reach), dice.random_range(-reach..600.0 + reach));
    let water = [at(200.0), at(0.0), at(0.0), at(200.0)];
    let parks: Vec<Point> = (0..4).map(|_| at(0.0)).collect();
    for (x, y) in parks {
        let n = dice.random_range(5..9);
        let corner = |i: usize| TAU * i as f32 / n as f32;
        let shape: Vec<Point> = (0..n)
            .map(|i| (corner(i), dice.random_range(30.0..110.0f32)))
            .map(|(angle, r)| (x + r * angle.cos(), y + r * angle.sin()))
            .collect();
        polygon(&mut map, &shape, [200, 224, 180]);
    }
    let wide = dice.random_range(14.0..60.0);
    line(&mut map, &curve(&water), wide, [168, 208, 226]);
    let (angle, bend) = (dice.random_range(0.0..TAU / 4.0), dice.random_range(0.0..0.25f32));
    let swell = (dice.random_range(0.004..0.012f32), dice.random_range(0.0..TAU));
    // a place in the net of streets, on the paper
    let placed = |u: f32, v: f32| {
        let (u, v) = (u + bend * 90.0 * (swell.0 * v + swell.1).sin(), v + bend * 90.0 * (swell.0 * u).cos());
        (360.0 + u * angle.cos() - v * angle.sin(), 300.0 + u * angle.sin() + v * angle.cos())
    };
    let net: [Vec<f32>; 2] = std::array::from_fn(|_| {
        let (mut all, mut reached) = (Vec::new(), -480.0);
        while reached < 480.0 {
            all.push(reached);
            reached += dice.random_range(38.0..110.0f32);
        }
        all
    });
    houses(&mut map, dice, &net, placed);
    streets(&mut map, dice, &net, placed);
    for _ in 0..dice.random_range(6..12) {
        let at = (dice.random_range(10..600), dice.random_range(10..570));
        map.text_with_edge(at, &words::street(dice), Pen { size: 12.0, colour: [70; 3] }, WHITE);
    }
    map.into_pixels()
}

fn houses(map: &mut Canvas, dice: &mut Dice, net: &[Vec<f32>; 2], placed: impl Fn(f32, f32) -> Point) {
    for (x, y) in net[0].windows(2).flat_map(|x| net[1].windows(2).map(move |y| (x, y))) {
        if dice.random_range(0..4) == 0 {
            continue;
        }
        let mut left = x[0] + 9.0;
        while left + 12.0 < x[1] - 8.0 {
            let wide = dice.random_range(9.0..22.0f32).min(x[1] - 8.0 - left);
            for (top, sign) in [(y[0] + 9.0, 1.0), (y[1] - 9.0, -1.0)] {
                let deep = sign * dice.random_range(7.0..13.0f32);
                let corners =
                    [(left, top), (left + wide, top), (left + wide, top + deep), (left, top + deep)];
                polygon(map, &corners.map(|(u, v)| placed(u, v)), [217, 208, 201]);
            }
            left += wide + dice.random_range(1.0..9.0f32);
        }
    }
}

fn streets(map: &mut Canvas, dice: &mut Dice, net: &[Vec<f32>; 2], placed: impl Fn(f32, f32) -> Point) {
    let mut all = Vec::new();
    for (side, lines) in net.iter().enumerate() {
        for &at in lines {
            let mut ends = [dice.random_range(-500.0..-100.0f32), dice.random_range(100.0..500.0f32)];
            let is_large = dice.random_range(0..5) == 0;
            if is_large {
                ends = [-500.0, 500.0];
            }
            let along = (0..=40).map(|i| ends[0] + (ends[1] - ends[0]) * i as f32 / 40.0);
            let points: Vec<Point> =
                along.map(|t| if side == 0 { placed(at, t) } else { placed(t, at) }).collect();
            all.push((is_large, points));
        }
    }
    for is_casing in [true, false] {
        for (is_large, points) in &all {
            let (wide, colour) = match (is_large, is_casing) {
                (true, true) => (12.0, [200, 160, 90]),
                (true, false) => (9.5, [252, 214, 140]),
                (false, true) => (7.5, [200, 196, 190]),
                (false, false) => (5.5, WHITE),
            };
            line(map, points, wide, colour);
        }
    }
}

/// A white sign on a coloured tile; the signs go by number, so that no two are the same.
pub(super) fn icon(dice: &mut Dice, number: usize) -> Pixels {
    const TILES: [Colour; 6] =
        [[52, 120, 246], [52, 199, 89], [255, 149, 0], [255, 59, 48], [175, 82, 222], [90, 90, 100]];
    let colour = TILES[(number + number / 6) % 6];
    let mut icon = Canvas::new(400, 400, WHITE);
    rounded(&mut icon, area(20, 20, 360, 360), 76, colour);
    let c = (200.0, 200.0);
    let at = |x: f32, y: f32| (200.0 + x, 200.0 + y);
    let star = |n: usize, inner: f32| -> Vec<Point> {
        let r = |i: usize| if i.is_multiple_of(2) { 125.0 } else { inner };
        let angle = |i: usize| TAU * (i as f32 / (2 * n) as f32 - 0.25);
        (0..2 * n).map(|i| at(r(i) * angle(i).cos(), r(i) * angle(i).sin())).collect()
    };
    match number {
        0 => polygon(&mut icon, &star(5, 52.0), WHITE),
        1 => {
            polygon(&mut icon, &[at(-120.0, 0.0), at(0.0, -120.0), at(120.0, 0.0)], WHITE);
            icon.fill(area(115, 200, 170, 110), WHITE);
            icon.fill(area(180, 240, 45, 70), colour);
        }
        2 => {
            rounded(&mut icon, area(80, 125, 240, 160), 18, WHITE);
            line(&mut icon, &[at(-112.0, -62.0), at(0.0, 30.0), at(112.0, -62.0)], 12.0, colour);
        }
        3 => {
            icon.disc(c, 120.0, WHITE);
            line(&mut icon, &[at(0.0, -85.0), c, at(60.0, 35.0)], 14.0, colour);
        }
        4 => {
            [80, 150, 220, 110].iter().enumerate().for_each(|(i, &high)| {
                rounded(&mut icon, area(90 + 58 * i, 310 - high, 44, high), 8, WHITE);
            });
        }
        5 => {
            line(&mut icon, &arc(at(-20.0, -20.0), (80.0, 80.0), [0.0, TAU]), 26.0, WHITE);
            icon.stroke([at(42.0, 42.0), at(110.0, 110.0)], 34.0, WHITE);
        }
        6 => {
            icon.disc(c, 115.0, WHITE);
            icon.disc(at(50.0, -30.0), 100.0, colour);
        }
        7 => {
            icon.disc(at(-60.0, 25.0), 60.0, WHITE);
            icon.disc(at(15.0, -25.0), 80.0, WHITE);
            icon.disc(at(80.0, 30.0), 55.0, WHITE);
            icon.fill(area(140, 215, 140, 70), WHITE);
        }
        8 => {
            polygon(&mut icon, &star(12, 95.0), WHITE);
            icon.disc(c, 44.0, colour);
        }
        9 => {
            icon.disc(at(0.0, -50.0), 62.0, WHITE);
            ellipse(&mut icon, at(0.0, 100.0), (115.0, 70.0), WHITE);
        }
        10 => line(&mut icon, &[at(-100.0, 10.0), at(-30.0, 80.0), at(110.0, -80.0)], 34.0, WHITE),
        11 => {
            polygon(&mut icon, &[at(-70.0, -110.0), at(120.0, 0.0), at(-70.0, 110.0)], WHITE);
        }
        _ => letters(&mut icon, dice, number),
    }
    icon.into_pixels()
}

/// Two letters in a ring or alone.
fn letters(icon: &mut Canvas, dice: &mut Dice, number: usize) {
    let letter = |i: usize| char::from(b'A' + (i % 26) as u8);
    let text: String = [letter(number), letter(number * 7 + number / 26)].iter().collect();
    let size = dice.random_range(110.0..170.0);
    let top = 200.0 - aesearch::draw::text::text_middle(size);
    centred(icon, (200, top as usize), &text, Pen { size, colour: WHITE });
    if number.is_multiple_of(3) {
        line(icon, &arc((200.0, 200.0), (150.0, 150.0), [0.0, TAU]), 10.0, WHITE);
    }
}
