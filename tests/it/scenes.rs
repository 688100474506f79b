//! Drawn scenes, places with files, and how the plan of a scan is read: for the tests of `dedupe scan`.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use aesearch::images::{Pixels, encode_jpeg, encode_png};
use image::{Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::cli::Place;
use crate::fixtures::write;

/// A scene: a sky, hills, and coloured discs and boxes wherever the seed puts them.
pub(crate) fn scene(seed: u64) -> RgbImage {
    const SIZE: (u32, u32) = (160, 120);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let colour = |rng: &mut ChaCha8Rng| [0; 3].map(|_: u8| rng.random_range(20..235u8));
    let (top, bottom) = (colour(&mut rng), colour(&mut rng));
    let mut image = RgbImage::from_fn(SIZE.0, SIZE.1, |_, y| {
        let t = y as f32 / SIZE.1 as f32;
        Rgb(std::array::from_fn(|c| (f32::from(top[c]) * (1.0 - t) + f32::from(bottom[c]) * t) as u8))
    });
    for _ in 0..9 {
        let (x, y) = (rng.random_range(0.0..SIZE.0 as f32), rng.random_range(0.0..SIZE.1 as f32));
        let (rx, ry) = (rng.random_range(8.0..35.0f32), rng.random_range(8.0..30.0f32));
        let (is_disc, colour) = (rng.random_range(0..2) == 0, colour(&mut rng));
        for (at_x, at_y, pixel) in image.enumerate_pixels_mut() {
            let (dx, dy) = ((at_x as f32 - x) / rx, (at_y as f32 - y) / ry);
            if if is_disc { dx * dx + dy * dy < 1.0 } else { dx.abs().max(dy.abs()) < 0.8 } {
                *pixel = Rgb(colour);
            }
        }
    }
    image
}

pub(crate) fn pixels(image: &RgbImage) -> Pixels {
    let (width, height) = (image.width() as usize, image.height() as usize);
    Pixels { width, height, channels: 3, data: image.as_raw().clone() }
}

pub(crate) fn png(image: &RgbImage) -> Vec<u8> {
    encode_png(&pixels(image)).expect("a PNG file")
}

pub(crate) fn jpeg(image: &RgbImage, quality: u8) -> Vec<u8> {
    encode_jpeg(&pixels(image), quality).expect("a JPEG file")
}

/// So many hundredths as bright.
pub(crate) fn brighter(image: &RgbImage, hundredths: u32) -> RgbImage {
    let mut image = image.clone();
    image.iter_mut().for_each(|value| *value = (u32::from(*value) * hundredths / 100).min(255) as u8);
    image
}

/// A place with these files.
pub(crate) fn place_of(files: &[(&str, Vec<u8>)]) -> Place {
    let place = Place::empty();
    files.iter().for_each(|(name, bytes)| write(&place.path().join(name), bytes));
    place
}

pub(crate) fn set_time(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("sets a time");
}

/// The plan of a scan of `args`.
pub(crate) fn scan(place: &Place, args: &[&str]) -> Value {
    place.json(&[&["dedupe", "scan"], args].concat())
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// Groups as `kind keeper = duplicates`.
pub(crate) fn groups(plan: &Value) -> Vec<String> {
    let duplicates = |group: &Value| {
        let mut paths: Vec<&str> =
            list(&group["duplicates"]).iter().map(|file| text(&file["path"])).collect();
        paths.sort_unstable();
        paths.join(" ")
    };
    let told =
        |group: &Value| format!("{} {} = {}", text(&group["kind"]), text(&group["keep"]), duplicates(group));
    list(&plan["groups"]).iter().map(told).collect()
}

/// The paths of a group, the keeper first.
pub(crate) fn members(group: &Value) -> Vec<&str> {
    let others = list(&group["duplicates"]).iter().map(|file| text(&file["path"]));
    std::iter::once(text(&group["keep"])).chain(others).collect()
}
