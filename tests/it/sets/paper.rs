//! Pages: typed letters, a form that people filled in by hand and scanned, sheet music.

use std::f32::consts::TAU;

use aesearch::draw::canvas::{Canvas, Colour, Pen};
use aesearch::draw::text::text_width;
use aesearch::images::Pixels;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::Dice;
use super::ink::{
    BLACK, Hand, Point, WHITE, arc, area, bold, centred, curve, ellipse, line, paragraph, polygon,
};
use super::light::Photo;
use super::words;

const INK: Colour = [24; 3];
const PALE: Colour = [110; 3];

fn pen(size: f32, colour: Colour) -> Pen {
    Pen { size, colour }
}

/// A letter on the paper of a firm: the head and the foot are always the same.
pub(super) fn letter(dice: &mut Dice) -> Pixels {
    const BLUE: Colour = [24, 78, 140];
    const WIDTH: usize = 496; // of the text
    let mut page = Canvas::new(620, 877, WHITE);
    page.disc((78.0, 62.0), 20.0, BLUE);
    line(&mut page, &[(66.0, 68.0), (76.0, 52.0), (82.0, 64.0), (90.0, 50.0)], 3.0, WHITE);
    bold(&mut page, (108, 42), "Lindqvist & Daughters", pen(22.0, BLUE));
    page.text((109, 70), "Clocks, repairs and restoration since 1921", pen(10.0, PALE));
    page.fill(area(62, 98, WIDTH, 2), BLUE);
    page.fill(area(62, 826, WIDTH, 1), PALE);
    let foot =
        "12 Harbour Street, 4021 Norham    tel. 555 0134    office@lindqvist.example    account 4400 1812 07";
    centred(&mut page, (310, 834), foot, pen(9.0, PALE));
    let typed = pen(12.0, INK);
    let to = [
        words::full_name(dice),
        format!("{} {}", dice.random_range(1..99), words::street(dice)),
        "4020 Norham".into(),
    ];
    to.iter().enumerate().for_each(|(i, text)| page.text((62, 128 + 17 * i), text, typed));
    const MONTHS: [&str; 6] = ["January", "March", "May", "July", "September", "November"];
    let month = MONTHS.choose(dice).expect("a month");
    page.text((448, 196), &format!("{} {month} 2024", dice.random_range(1..29)), typed);
    let n = dice.random_range(3..6);
    bold(&mut page, (62, 226), &words::phrase(dice, n), typed);
    let mut y = paragraph(&mut page, (62, 258), &format!("Dear {},", to[0]), WIDTH, typed) + 8;
    for _ in 0..dice.random_range(2..6) {
        let n = dice.random_range(2..6);
        let text = words::sentences(dice, n);
        if y + 17 * (text.len() / 80 + 1) < 690 {
            y = paragraph(&mut page, (62, y), &text, WIDTH, typed) + 10;
        }
    }
    page.text((62, y + 6), "Yours sincerely,", typed);
    let hand = Hand { size: 7.0, slant: 0.4, wide: 1.2, pen: 1.6, ink: [20, 30, 100] };
    hand.signature(&mut page, dice, (70.0, y as f32 + 52.0));
    page.text((62, y + 72), ["Tilda Lindqvist", "Wim Novak"].choose(dice).expect("a name"), typed);
    page.into_pixels()
}

/// One form, filled in by somebody: names, digits in boxes, crosses, a signature.
pub(super) fn form(dice: &mut Dice) -> Pixels {
    let mut page = Canvas::new(620, 820, WHITE);
    printed(&mut page);
    let hand = Hand::someone(dice);
    for (i, (_, [x, y, wide])) in FIELDS.iter().enumerate() {
        let mut at = (*x as f32 + 8.0, *y as f32 + 23.0);
        let words = if i < 2 { 1 } else { dice.random_range(1..4) };
        for _ in 0..words {
            let letters = dice.random_range(3..9);
            if at.0 + letters as f32 * hand.size * hand.wide < (x + wide - 8) as f32 {
                at.0 = hand.word(&mut page, dice, at, letters) + hand.size;
            }
        }
    }
    for (_, [x, y, n]) in BOXES {
        for i in 0..n {
            let digit = dice.random_range(0..10);
            hand.digit(&mut page, dice, ((x + 22 * i) as f32 + 6.0, y as f32 + 20.0), digit);
        }
    }
    for i in 0..CHOICES.len() {
        if dice.random_range(0..5) < 2 {
            let (x, y) = choice(i);
            let (x, y) = (x as f32 + dice.random_range(-2.0..2.0f32), y as f32);
            page.stroke([(x, y), (x + 13.0, y + 14.0)], hand.pen, hand.ink);
            page.stroke([(x + 13.0, y - 1.0), (x, y + 13.0)], hand.pen, hand.ink);
        }
    }
    for row in 0..dice.random_range(0..4) {
        let mut at = (48.0, 590.0 + 26.0 * row as f32);
        while at.0 < dice.random_range(200.0..520.0f32) {
            let letters = dice.random_range(2..9);
            at.0 = hand.word(&mut page, dice, at, letters) + hand.size;
        }
    }
    hand.signature(&mut page, dice, (340.0, 742.0));
    scanned(&page.into_pixels(), dice)
}

const FIELDS: [(&str, [usize; 3]); 6] = [
    ("First name", [40, 120, 260]),
    ("Last name", [310, 120, 270]),
    ("Street and number", [40, 176, 540]),
    ("Town", [200, 232, 380]),
    ("Occupation", [40, 288, 260]),
    ("Employer", [310, 288, 270]),
];
const BOXES: [(&str, [usize; 3]); 4] = [
    ("Postal code", [40, 234, 5]),
    ("Date of birth", [40, 344, 8]),
    ("Telephone", [310, 344, 11]),
    ("Number of the account", [40, 400, 18]),
];
const CHOICES: [&str; 8] = [
    "New member",
    "Change of address",
    "Pays monthly",
    "Pays yearly",
    "Newsletter",
    "Family rate",
    "Student",
    "Has a garden plot",
];

fn choice(i: usize) -> (usize, usize) {
    (44 + 270 * (i % 2), 460 + 24 * (i / 2))
}

/// The form as it was printed.
fn printed(page: &mut Canvas) {
    page.fill(area(0, 0, 620, 76), [222, 230, 222]);
    bold(page, (40, 22), "Application for membership", pen(24.0, [20, 70, 40]));
    page.text((42, 54), "Garden Society of Norham. Please write in capitals.", pen(11.0, [60, 90, 70]));
    for (name, [x, y, wide]) in FIELDS {
        page.text((x, y - 16), name, pen(11.0, PALE));
        page.outline(area(x, y, wide, 30), PALE);
    }
    for (name, [x, y, n]) in BOXES {
        page.text((x, y - 16), name, pen(11.0, PALE));
        (0..n).for_each(|i| page.outline(area(x + 22 * i, y, 23, 26), PALE));
    }
    for (i, name) in CHOICES.iter().enumerate() {
        let (x, y) = choice(i);
        page.outline(area(x, y, 14, 14), INK);
        page.text((x + 24, y - 1), name, pen(12.0, INK));
    }
    page.text((40, 556), "Remarks", pen(11.0, PALE));
    (0..4).for_each(|i| page.fill(area(40, 596 + 26 * i, 540, 1), [190; 3]));
    page.fill(area(40, 750, 220, 1), INK);
    page.fill(area(320, 750, 260, 1), INK);
    page.text((40, 756), "Place and date", pen(11.0, PALE));
    page.text((320, 756), "Signature", pen(11.0, PALE));
}

/// As a scanner gives it: never quite straight, on grey paper, with noise.
fn scanned(page: &Pixels, dice: &mut Dice) -> Pixels {
    let photo = Photo::of(page);
    let (tilt, paper) = (dice.random_range(-0.012..0.012f32), dice.random_range(0.90..0.97));
    let (right, down) = (dice.random_range(-5.0..5.0f32), dice.random_range(-5.0..5.0f32));
    let [width, height] = [page.width, page.height];
    let at = |x: f32, y: f32| {
        let is_inside = x >= 0.0 && y >= 0.0 && x < width as f32 && y < height as f32;
        if is_inside {
            photo.dots[y as usize * width + x as usize][..].try_into().expect("three")
        } else {
            [1.0; 3]
        }
    };
    let turned = Photo::new([width, height], |x, y| {
        let (x, y) = (x + tilt * (y - 400.0) + right, y - tilt * (x - 300.0) + down);
        let (u, v) = (x.fract().abs(), y.fract().abs());
        let four: [[f32; 3]; 4] = [at(x, y), at(x + 1.0, y), at(x, y + 1.0), at(x + 1.0, y + 1.0)];
        std::array::from_fn(|c| {
            let [a, b, below, next] = four.map(|dot| dot[c]);
            paper * ((a * (1.0 - u) + b * u) * (1.0 - v) + (below * (1.0 - u) + next * u) * v)
        })
    });
    turned.developed(dice, 3.0)
}

/// A page of a piece for one voice, as one program engraves it.
pub(super) fn music(dice: &mut Dice) -> Pixels {
    const STEP: f32 = 4.0; // from a line to the space above it
    let mut page = Canvas::new(640, 860, WHITE);
    let n = dice.random_range(1..4);
    centred(&mut page, (320, 30), &words::phrase(dice, n), pen(26.0, BLACK));
    let composer = words::full_name(dice);
    page.text((590 - text_width(&composer, 12.0), 70), &composer, pen(12.0, BLACK));
    page.text(
        (50, 70),
        ["Allegro", "Andante", "Moderato", "Presto"].choose(dice).expect("a pace"),
        pen(12.0, BLACK),
    );
    let sharps = dice.random_range(0..5);
    for system in 0..8 {
        let foot = 150.0 + 90.0 * system as f32; // the lowest line
        for i in 0..5 {
            page.fill(area(40, (foot - 2.0 * STEP * i as f32) as usize, 560, 1), BLACK);
        }
        clef(&mut page, (56.0, foot));
        for i in 0..sharps {
            let at = (76.0 + 9.0 * i as f32, foot - STEP * [8.0, 5.0, 9.0, 6.0, 3.0][i]);
            sharp(&mut page, at);
        }
        let mut x = 86.0 + 9.0 * sharps as f32;
        let mut pitch = dice.random_range(0..9);
        for bar in 0..4 {
            let end = if bar == 3 { 600.0 } else { 86.0 + 9.0 * sharps as f32 + (bar + 1) as f32 * 120.0 };
            while x + 34.0 < end {
                x = figure(&mut page, dice, &mut pitch, (x + 8.0, foot), STEP);
            }
            page.stroke([(end, foot - 8.0 * STEP), (end, foot)], 1.4, BLACK);
            x = end;
        }
    }
    page.into_pixels()
}

fn clef(page: &mut Canvas, (x, foot): Point) {
    let points =
        [(0.0, -6.0), (5.0, -10.0), (1.0, -15.0), (-6.0, -9.0), (-2.0, -1.0), (6.0, -4.0), (6.0, -14.0)];
    let tall =
        [(1.0, -22.0), (-2.0, -34.0), (3.0, -40.0), (4.0, -32.0), (-5.0, -22.0), (2.0, 8.0), (-3.0, 9.0)];
    for part in [points, tall] {
        line(page, &curve(&part.map(|(dx, dy)| (x + dx, foot + dy))), 1.6, BLACK);
    }
}

fn sharp(page: &mut Canvas, (x, y): Point) {
    for d in [-1.6, 1.6] {
        page.stroke([(x + d, y - 7.0), (x + d, y + 7.0)], 0.9, BLACK);
        page.stroke([(x - 4.0, y + 1.6 * d + 1.0), (x + 4.0, y + 1.6 * d - 1.0)], 1.6, BLACK);
    }
}

/// A note, a beamed pair, a chord or a rest; and where the next begins.
fn figure(page: &mut Canvas, dice: &mut Dice, pitch: &mut i32, (x, foot): Point, step: f32) -> f32 {
    let mut next = |dice: &mut Dice| {
        *pitch = (*pitch + dice.random_range(-3..4)).clamp(-1, 10);
        foot - step * *pitch as f32
    };
    match dice.random_range(0..8) {
        0 => {
            let y = foot - 4.0 * step;
            let bent =
                [(x, y - 9.0), (x + 5.0, y - 3.0), (x, y + 1.0), (x + 6.0, y + 8.0), (x + 1.0, y + 9.0)];
            line(page, &bent, 2.0, BLACK);
            x + 16.0
        }
        1..4 => {
            let heads = [(x, next(dice)), (x + 19.0, next(dice))];
            let beam = heads.map(|(x, y)| (x + 4.4, y.min(foot - 4.0 * step) - 24.0));
            for (head, beam) in heads.iter().zip(beam) {
                note(page, *head, true);
                page.stroke([(beam.0, head.1), beam], 1.2, BLACK);
            }
            let [a, b] = beam;
            polygon(page, &[a, b, (b.0, b.1 + 3.0), (a.0, a.1 + 3.0)], BLACK);
            x + 34.0
        }
        kind => {
            let y = next(dice);
            note(page, (x, y), kind != 4);
            if kind == 5 {
                note(page, (x, y + 4.0 * step), true);
            }
            let up = y > foot - 4.0 * step;
            let (side, far) = if up { (4.4, -28.0) } else { (-4.4, 28.0) };
            page.stroke([(x + side, y), (x + side, y + far)], 1.2, BLACK);
            x + if kind == 4 { 36.0 } else { 20.0 }
        }
    }
}

fn note(page: &mut Canvas, (x, y): Point, is_full: bool) {
    if is_full {
        ellipse(page, (x, y), (4.6, 3.2), BLACK);
    } else {
        line(page, &arc((x, y), (4.2, 2.9), [0.0, TAU]), 1.6, BLACK);
    }
}
