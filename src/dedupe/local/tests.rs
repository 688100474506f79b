//! Pictures that are drawn, copied in many ways, and compared.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Likeness, Local, Probes, Verified, verify};
use crate::images::{InputShape, Pixels, Resizer};

/// Ellipses of many sizes and shades on a slope, grey; another seed gives another picture.
fn picture(seed: u64, width: usize, height: usize) -> Pixels {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut next = |below: usize| random.next_u32() as usize % below.max(1);
    let mut data: Vec<u8> = (0..width * height).map(|at| (60 + at / width * 80 / height) as u8).collect();
    for round in 0..160 {
        let (x, y) = (next(width) as f32, next(height) as f32);
        let most = (width / 6) * 20 / (20 + round);
        let (along, down) = ((3 + next(most)) as f32, (3 + next(most)) as f32);
        let shade = next(256) as u8;
        for (at, value) in data.iter_mut().enumerate() {
            let (dx, dy) = ((at % width) as f32 - x, (at / width) as f32 - y);
            if (dx / along).powi(2) + (dy / down).powi(2) <= 1.0 {
                *value = shade;
            }
        }
    }
    Pixels { width, height, channels: 1, data }
}

/// The pixels that `from` names for each place; a shade where it names none.
fn drawn(size: (usize, usize), mut from: impl FnMut(usize, usize) -> u8) -> Pixels {
    let (width, height) = size;
    let data = (0..width * height).map(|at| from(at % width, at / width)).collect();
    Pixels { width, height, channels: 1, data }
}

fn at(image: &Pixels, x: usize, y: usize) -> u8 {
    image.data[y * image.width + x]
}

fn part(image: &Pixels, left: usize, top: usize, width: usize, height: usize) -> Pixels {
    drawn((width, height), |x, y| at(image, left + x, top + y))
}

fn resized(image: &Pixels, width: usize, height: usize) -> Pixels {
    let mut values = vec![0.0; width * height];
    Resizer::new().to_input(image, InputShape { channels: 1, height, width }, &mut values).unwrap();
    drawn((width, height), |x, y| (values[y * width + x] * 255.0) as u8)
}

fn compared(a: &Pixels, b: &Pixels) -> Verified {
    let mut resizer = Resizer::new();
    let [a, b] = [a, b].map(|image| Local::of(image, &mut resizer).unwrap());
    let verified = verify(&a, &b, Probes::default());
    let again = verify(&a, &b, Probes::default());
    assert_eq!(format!("{verified:?}"), format!("{again:?}"), "the same again");
    verified
}

#[test]
fn whole_copies_are_near() {
    let image = picture(1, 320, 240);
    let copies = [
        image.clone(),
        resized(&image, 160, 120),
        resized(&image, 320, 200),
        part(&image, 16, 12, 288, 216),
        drawn((320, 240), |x, y| (f32::from(at(&image, x, y)) * 0.7 + 20.0) as u8),
    ];
    for (number, copy) in copies.iter().enumerate() {
        for found in [compared(&image, copy), compared(copy, &image)] {
            assert_eq!(found.likeness, Likeness::Near, "{number}: {found:?}");
            assert!(found.agreeing > 0.95 && !found.mirrored && found.quarter_turns == 0, "{found:?}");
        }
    }
}

#[test]
fn where_light_or_shadow_is_clipped_in_one_picture_nothing_differs() {
    for seed in 20..24 {
        let image = picture(seed, 320, 240);
        let brighter = drawn((320, 240), |x, y| (f32::from(at(&image, x, y)) * 1.25).min(255.0) as u8);
        let darker = drawn((320, 240), |x, y| (f32::from(at(&image, x, y)) * 1.25 - 50.0).max(0.0) as u8);
        for (one, other) in [(&image, &brighter), (&darker, &image), (&image, &darker)] {
            let found = compared(one, other);
            assert_eq!(found.likeness, Likeness::Near, "{seed}: {found:?}");
        }
    }
    // a white sticker is no clipped light
    let image = picture(24, 320, 240);
    let is_in = |x: usize, y: usize| (120..200).contains(&x) && (80..150).contains(&y);
    let covered = drawn((320, 240), |x, y| if is_in(x, y) { 255 } else { at(&image, x, y) });
    assert_eq!(compared(&image, &covered).likeness, Likeness::Edited);
}

#[test]
fn mirrored_and_turned_ones_are_told() {
    let image = picture(2, 320, 240);
    let mirrored = drawn((320, 240), |x, y| at(&image, 319 - x, y));
    let found = compared(&image, &mirrored);
    assert!(found.likeness == Likeness::Near && found.mirrored && found.quarter_turns == 0, "{found:?}");
    let resizer = &mut Resizer::new();
    let [a, b] = [&image, &mirrored].map(|image| Local::of(image, resizer).unwrap());
    assert_eq!(verify(&a, &b, Probes { mirrored: false }).likeness, Likeness::Different);

    // turned anticlockwise, so that a turn clockwise brings it back
    let turned = drawn((240, 320), |x, y| at(&image, 319 - y, x));
    let found = compared(&image, &turned);
    assert!(found.likeness == Likeness::Near && !found.mirrored, "{found:?}");
    assert_eq!(found.quarter_turns, 1, "{found:?}");
    assert_eq!(compared(&turned, &image).quarter_turns, 3);
    let head_down = drawn((320, 240), |x, y| at(&image, 319 - x, 239 - y));
    assert_eq!(compared(&image, &head_down).quarter_turns, 2);
}

#[test]
fn parts_and_frames_are_edited() {
    let image = picture(3, 320, 240);
    let half = part(&image, 100, 60, 160, 120);
    let found = compared(&image, &half);
    assert_eq!(found.likeness, Likeness::Edited, "{found:?}");
    let [whole, own] = found.overlap;
    assert!((whole.left - 100.0 / 320.0).abs() < 0.02 && (whole.bottom - 0.75).abs() < 0.02, "{whole:?}");
    assert!(own.left < 0.02 && own.right > 0.98, "{own:?}");

    let is_in = |x: usize, y: usize| (30..350).contains(&x) && (80..320).contains(&y);
    let framed = drawn((380, 400), |x, y| if is_in(x, y) { at(&image, x - 30, y - 80) } else { 255 });
    assert_eq!(compared(&image, &framed).likeness, Likeness::Edited);
    assert_eq!(compared(&framed, &image).likeness, Likeness::Edited);

    let beside = picture(4, 320, 240);
    let collage = drawn((640, 240), |x, y| if x < 320 { at(&beside, x, y) } else { at(&image, x - 320, y) });
    let found = compared(&image, &collage);
    assert_eq!(found.likeness, Likeness::Edited, "{found:?}");
    assert!((found.overlap[1].left - 0.5).abs() < 0.02, "{found:?}");
}

#[test]
fn the_box_that_differs_is_told() {
    let (image, patch) = (picture(5, 320, 240), picture(6, 320, 240));
    let is_in = |x: usize, y: usize| (200..260).contains(&x) && (120..180).contains(&y);
    let changed = drawn((320, 240), |x, y| at(if is_in(x, y) { &patch } else { &image }, x, y));
    for found in [compared(&image, &changed), compared(&changed, &image)] {
        assert_eq!(found.likeness, Likeness::Edited, "{found:?}");
        for region in found.differing[0] {
            assert!(
                (region.left - 200.0 / 320.0).abs() < 0.1 && (region.top - 0.5).abs() < 0.1,
                "{region:?}"
            );
            assert!((region.right - 260.0 / 320.0).abs() < 0.1, "{region:?}");
        }
    }
}

#[test]
fn what_shares_much_and_differs_in_many_places_is_related() {
    let (image, other) = (picture(7, 320, 240), picture(8, 320, 240));
    let is_filled = |x: usize, y: usize| (x / 40).is_multiple_of(2) && (y / 30).is_multiple_of(2);
    let [one, two] = [&other, &picture(9, 320, 240)]
        .map(|filled| drawn((320, 240), |x, y| at(if is_filled(x, y) { filled } else { &image }, x, y)));
    let found = compared(&one, &two);
    assert_eq!(found.likeness, Likeness::Related, "{found:?}");
    assert_eq!(compared(&image, &other).likeness, Likeness::Different);
}

#[test]
fn nothing_to_see_is_nothing_in_common() {
    let blank = Pixels { width: 300, height: 200, channels: 3, data: vec![255; 180_000] };
    let dot = Pixels { width: 1, height: 1, channels: 1, data: vec![9] };
    let thin = Pixels { width: 4_000, height: 1, channels: 1, data: (0..4_000).map(|i| i as u8).collect() };
    for (a, b) in [(&blank, &blank), (&dot, &dot), (&thin, &thin), (&blank, &thin)] {
        assert_eq!(compared(a, b).likeness, Likeness::Different);
    }
    let none = Pixels { width: 0, height: 0, channels: 1, data: Vec::new() };
    assert!(Local::of(&none, &mut Resizer::new()).is_err());
}
