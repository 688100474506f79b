//! What screens show: chats, slides, memes.

use aesearch::draw::canvas::{Canvas, Colour, Pen};
use aesearch::draw::text::text_width;
use aesearch::images::Pixels;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::Dice;
use super::ink::{BLACK, WHITE, area, bold, centred, ellipse, line, paragraph, polygon, rounded};
use super::light::{Noise, Photo};
use super::words;

/// A screen of one messenger: its frame is always the same.
pub(super) fn chat(dice: &mut Dice) -> Pixels {
    const TEAL: Colour = [12, 96, 88];
    let mut screen = Canvas::new(450, 800, [232, 226, 218]);
    let mut clock = dice.random_range(420..1300usize);
    let time = |minutes: usize| format!("{}:{:02}", minutes / 60, minutes % 60);
    let mut y = 96;
    while y < 790 {
        let is_mine = dice.random_range(0..2) == 0;
        let pen = Pen { size: 16.0, colour: [25; 3] };
        let n = *[2usize, 3, 5, 8, 12, 20, 28].choose(dice).expect("a length");
        let lines = words::lines(&words::phrase(dice, n), pen.size, 280);
        let widest = lines.iter().map(|line| text_width(line, pen.size)).max().unwrap_or(0);
        let (wide, high) = (widest.max(44) + 28, lines.len() * 22 + 30);
        let x = if is_mine { 436 - wide } else { 14 };
        rounded(&mut screen, area(x, y, wide, high), 10, if is_mine { [214, 246, 200] } else { WHITE });
        for (i, line) in lines.iter().enumerate() {
            screen.text((x + 14, y + 8 + 22 * i), line, pen);
        }
        let told = time(clock);
        let small = Pen { size: 11.0, colour: [130; 3] };
        screen.text((x + wide - 12 - text_width(&told, 11.0), y + high - 19), &told, small);
        clock = (clock + dice.random_range(0..9)) % 1440;
        y += high + *[6, 6, 14].choose(dice).expect("a gap");
    }
    screen.fill(area(0, 0, 450, 84), TEAL);
    screen.text((16, 5), &time(clock), Pen { size: 12.0, colour: WHITE });
    screen.fill(area(412, 8, 22, 10), WHITE);
    screen.disc((62.0, 54.0), 20.0, [236, 190, 120]);
    screen.disc((62.0, 49.0), 8.0, [150, 90, 60]);
    line(&mut screen, &[(30.0, 44.0), (20.0, 54.0), (30.0, 64.0)], 2.5, WHITE);
    bold(&mut screen, (96, 34), "Family", Pen { size: 18.0, colour: WHITE });
    screen.text((96, 58), "Anna, Jonas, Vera, you", Pen { size: 12.0, colour: [200, 226, 222] });
    screen.fill(area(0, 740, 450, 60), [240, 240, 240]);
    rounded(&mut screen, area(14, 749, 366, 42), 20, WHITE);
    screen.text((36, 760), "Message", Pen { size: 16.0, colour: [150; 3] });
    screen.disc((415.0, 770.0), 21.0, TEAL);
    polygon(&mut screen, &[(407.0, 760.0), (426.0, 770.0), (407.0, 780.0)], WHITE);
    screen.into_pixels()
}

const NAVY: Colour = [28, 44, 84];
const ORANGE: Colour = [230, 120, 40];

/// A slide of one template: text, sometimes with boxes, bars or a table.
pub(super) fn slide(dice: &mut Dice) -> Pixels {
    let mut slide = Canvas::new(800, 450, WHITE);
    slide.fill(area(0, 0, 26, 450), NAVY);
    slide.fill(area(26, 0, 6, 450), ORANGE);
    let n = dice.random_range(2..6);
    bold(&mut slide, (64, 34), &words::phrase(dice, n), Pen { size: 30.0, colour: NAVY });
    slide.fill(area(64, 80, 680, 2), [200, 206, 216]);
    let kind = dice.random_range(0..5);
    let width = if kind < 2 { 660 } else { 350 };
    let mut y = 104;
    while y < 330 && (y < 150 || dice.random_range(0..5) > 0) {
        slide.disc((74.0, y as f32 + 13.0), 4.0, ORANGE);
        let n = dice.random_range(3..14);
        y = paragraph(
            &mut slide,
            (90, y),
            &words::phrase(dice, n),
            width,
            Pen { size: 19.0, colour: [50; 3] },
        ) + 12;
    }
    match kind {
        2 => bars(&mut slide, dice),
        3 => boxes(&mut slide, dice),
        4 => table(&mut slide, dice),
        _ => {}
    }
    let small = Pen { size: 12.0, colour: [140, 146, 156] };
    slide.text((64, 420), "Harbour Works    Quarterly review 2024", small);
    slide.text((744, 420), &dice.random_range(2..60).to_string(), small);
    slide.into_pixels()
}

fn bars(slide: &mut Canvas, dice: &mut Dice) {
    let n = dice.random_range(3..8);
    let step = 250 / n;
    for i in 0..n {
        let high = dice.random_range(20..220);
        slide.fill(
            area(480 + i * step, 350 - high, step * 2 / 3, high),
            if i % 2 == 0 { NAVY } else { ORANGE },
        );
    }
    slide.fill(area(470, 350, 270, 2), [120; 3]);
}

fn boxes(slide: &mut Canvas, dice: &mut Dice) {
    let n = dice.random_range(2..5);
    for i in 0..n {
        let y = 110 + i * 260 / n;
        rounded(slide, area(500, y, 210, 200 / n), 10, [226, 232, 242]);
        let words = dice.random_range(1..3);
        let text = words::phrase(dice, words);
        centred(slide, (605, y + 100 / n - 12), &text, Pen { size: 17.0, colour: NAVY });
        if i + 1 < n {
            let (x, y) = (605.0, (y + 200 / n + 4) as f32);
            polygon(slide, &[(x - 9.0, y), (x + 9.0, y), (x, y + 13.0)], ORANGE);
        }
    }
}

fn table(slide: &mut Canvas, dice: &mut Dice) {
    let rows = dice.random_range(4..9);
    for row in 0..rows {
        let y = 110 + 28 * row;
        slide.fill(area(470, y, 280, 27), if row == 0 { NAVY } else { [236, 239, 245] });
        let pen = Pen { size: 15.0, colour: if row == 0 { WHITE } else { [50; 3] } };
        slide.text((480, y + 3), words::first_name(dice), pen);
        for column in 0..2 {
            slide.text((600 + 80 * column, y + 3), &format!("{}", dice.random_range(1..9999)), pen);
        }
    }
}

/// One picture, the same in each, with another joke above and below.
pub(super) fn meme(dice: &mut Dice) -> Pixels {
    let mut picture = Canvas::new(600, 560, BLACK);
    picture.image(&owl(), area(0, 0, 600, 560));
    for is_below in [false, true] {
        let n = dice.random_range(2..8);
        let text = words::phrase(dice, n).to_uppercase();
        let lines = words::lines(&text, 40.0, 540);
        let top = if is_below { 545 - 48 * lines.len() } else { 10 };
        for (i, line) in lines.iter().enumerate() {
            let at = (300 - text_width(line, 40.0).min(590) / 2, top + 46 * i);
            picture.text_with_edge(at, line, Pen { size: 40.0, colour: WHITE }, BLACK);
        }
    }
    picture.into_pixels()
}

/// An owl in front of trees.
fn owl() -> Pixels {
    const BROWN: Colour = [120, 84, 52];
    let dice = &mut Dice::seed_from_u64(77);
    let mut canvas = Canvas::new(600, 560, [92, 118, 84]);
    for _ in 0..40 {
        let (x, y) = (dice.random_range(0.0..600.0), dice.random_range(0.0..560.0));
        let shade = dice.random_range(0..60u8);
        canvas.disc((x, y), dice.random_range(20.0..80.0), [60 + shade, 90 + shade, 50 + shade]);
    }
    canvas.stroke([(-10.0, 470.0), (610.0, 440.0)], 46.0, [86, 66, 50]);
    ellipse(&mut canvas, (300.0, 330.0), (120.0, 160.0), BROWN);
    ellipse(&mut canvas, (300.0, 370.0), (80.0, 105.0), [196, 170, 130]);
    for side in [-1.0, 1.0f32] {
        ellipse(&mut canvas, (300.0 + side * 112.0, 340.0), (34.0, 118.0), [92, 62, 40]);
        let x = 300.0 + side * 56.0;
        polygon(&mut canvas, &[(x, 130.0), (x + side * 50.0, 80.0), (x + side * 44.0, 170.0)], BROWN);
    }
    ellipse(&mut canvas, (300.0, 210.0), (118.0, 96.0), BROWN);
    for x in [250.0, 350.0] {
        canvas.disc((x, 205.0), 46.0, [226, 206, 170]);
        canvas.disc((x, 205.0), 30.0, [236, 170, 30]);
        canvas.disc((x + 3.0, 207.0), 16.0, BLACK);
        canvas.disc((x + 9.0, 199.0), 5.0, WHITE);
    }
    polygon(&mut canvas, &[(288.0, 232.0), (312.0, 232.0), (300.0, 266.0)], [220, 150, 50]);
    let mut photo = Photo::of(&canvas.into_pixels());
    photo.textured(&Noise::new(dice, [600, 560], [50.0, 70.0], 0.7), 0.3);
    photo.blurred().blurred().vignetted().developed(dice, 4.0)
}
