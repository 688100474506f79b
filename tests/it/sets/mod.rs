//! Sets of pictures that resemble each other and hold no copies, as people have them: letters of one firm,
//! forms, chats, nights, skies, charts, frames. A scan must not call any two of a set copies.
//!
//! All are drawn here, each picture by a seed of its own. `AESEARCH_SETS=FOLDER` writes all of them into a
//! folder, and scans all of them instead of a few.
//!
//! | file | sets |
//! |---|---|
//! | `paper` | letters, forms, music |
//! | `screen` | chats, slides, memes |
//! | `print` | manga, codes |
//! | `figures` | charts, maps, icons |
//! | `weather` | skies, fog, nights, stars |
//! | `street` | frames, pans |
//! | `things` | products |
//! | `rates` | how many of small ones are called near, against the number that a scan expects |
//! | `bursts` | small frames, moments apart |
//! | `ink`, `light`, `words` | what they are made of |

mod bursts;
mod figures;
mod paper;
mod print;
mod rates;
mod screen;
mod street;
mod things;
mod weather;

mod ink;
mod light;
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aesearch::demo::collection::drawn;
use aesearch::images::{Pixels, encode_jpeg, encode_png};
use image::RgbImage;
use image::imageops::{self, FilterType};
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::cli::Place;
use crate::fixtures::write;
use crate::scenes::{list, members, png, scan, text};

type Dice = rand_chacha::ChaCha8Rng;

/// How a picture of a set is drawn.
enum Draw {
    /// By chance alone.
    Apart(fn(&mut Dice) -> Pixels),
    /// By its number too.
    InTurn(fn(&mut Dice, usize) -> Pixels),
}

/// How its files are written.
enum Saved {
    Png,
    /// Of a quality between these.
    Jpeg(u8, u8),
}

struct Set {
    name: &'static str,
    draw: Draw,
    saved: Saved,
    /// How many pictures are written into a folder; a test takes fewer.
    n: usize,
}

const fn set(name: &'static str, draw: Draw, saved: Saved, n: usize) -> Set {
    Set { name, draw, saved, n }
}

const SETS: [Set; 19] = [
    set("letters", Draw::Apart(paper::letter), Saved::Png, 40),
    set("forms", Draw::Apart(paper::form), Saved::Jpeg(70, 90), 40),
    set("music", Draw::Apart(paper::music), Saved::Png, 30),
    set("chats", Draw::Apart(screen::chat), Saved::Png, 50),
    set("slides", Draw::Apart(screen::slide), Saved::Png, 40),
    set("memes", Draw::Apart(screen::meme), Saved::Jpeg(60, 90), 40),
    set("manga", Draw::Apart(print::manga), Saved::Jpeg(80, 95), 40),
    set("codes", Draw::Apart(print::code), Saved::Png, 40),
    set("charts", Draw::Apart(figures::chart), Saved::Png, 50),
    set("maps", Draw::Apart(figures::map), Saved::Png, 30),
    set("icons", Draw::InTurn(figures::icon), Saved::Png, 36),
    set("skies", Draw::Apart(weather::sky), Saved::Jpeg(75, 95), 50),
    set("fog", Draw::Apart(weather::fog), Saved::Jpeg(75, 95), 40),
    set("nights", Draw::Apart(weather::night), Saved::Jpeg(70, 95), 50),
    set("stars", Draw::Apart(weather::stars), Saved::Jpeg(75, 95), 40),
    set("frames", Draw::InTurn(street::frame), Saved::Jpeg(85, 85), 40),
    set("pans", Draw::InTurn(street::pan), Saved::Jpeg(85, 85), 30),
    set("products", Draw::Apart(things::product), Saved::Jpeg(85, 95), 50),
    set("digits", Draw::InTurn(digit), Saved::Png, 60),
];

/// A digit of the demo.
fn digit(_: &mut Dice, number: usize) -> Pixels {
    drawn(number + 1, 5).swap_remove(number)
}

impl Set {
    /// Writes the first `n` pictures into a folder, and gives their bytes.
    fn write(&self, folder: &Path, n: usize) -> Vec<Vec<u8>> {
        let one = |number: usize| {
            let (ending, file) = self.file(number);
            write(&folder.join(format!("{:03}.{ending}", number + 1)), &file);
            file
        };
        (0..n).map(one).collect()
    }

    /// A picture, and the dice as they lie then.
    fn drawn(&self, number: usize) -> (Pixels, Dice) {
        let seed = self.name.bytes().fold(number as u64 + 1, |sum, byte| sum * 31 + u64::from(byte));
        let mut dice = Dice::seed_from_u64(seed);
        let pixels = match self.draw {
            Draw::Apart(draw) => draw(&mut dice),
            Draw::InTurn(draw) => draw(&mut dice, number),
        };
        (pixels, dice)
    }

    /// The ending and the bytes of a file.
    fn file(&self, number: usize) -> (&'static str, Vec<u8>) {
        let (pixels, mut dice) = self.drawn(number);
        let (ending, file) = match self.saved {
            Saved::Png => ("png", encode_png(&pixels)),
            Saved::Jpeg(low, high) => ("jpg", encode_jpeg(&pixels, dice.random_range(low..=high))),
        };
        (ending, file.expect("encodes"))
    }
}

/// A picture so many pixels wide.
fn reduced(pixels: &Pixels, width: u32) -> Vec<u8> {
    let (wide, high) = (pixels.width as u32, pixels.height as u32);
    assert_eq!(pixels.channels, 3);
    let image = RgbImage::from_raw(wide, high, pixels.data.clone()).expect("as large as it says");
    png(&imageops::resize(&image, width, high * width / wide, FilterType::Triangle))
}

/// So many pictures of a set are scanned together; all with `AESEARCH_SETS`.
const SCANNED: usize = 6;

/// Where all sets shall be written to.
fn folder() -> Option<PathBuf> {
    std::env::var_os("AESEARCH_SETS").map(PathBuf::from)
}

/// Fails where a scan calls pictures of these sets copies. Related ones may be listed: they are not the same. Returns
/// the number of groups of related pictures in each set.
fn hold_no_copies(names: &[&str]) -> Vec<usize> {
    let related_of = |name: &&str| {
        let set = SETS.iter().find(|set| set.name == *name).expect("a set");
        let place = Place::empty();
        let n = if folder().is_some() { set.n } else { SCANNED };
        set.write(&place.path().join("set"), n);
        let plan = scan(&place, &["set", "--related"]);
        assert_eq!((&plan["images"], list(&plan["skipped"]).len()), (&n.into(), 0), "{name}");
        let (related, wrong): (Vec<&Value>, Vec<&Value>) =
            list(&plan["groups"]).iter().partition(|group| text(&group["kind"]) == "related");
        let told = |group: &&Value| format!("{} {:?}", text(&group["kind"]), members(group));
        assert!(wrong.is_empty(), "{name}: {:?}", wrong.iter().map(told).collect::<Vec<_>>());
        related.len()
    };
    names.iter().map(related_of).collect()
}

#[test]
fn pages_with_the_same_head_are_no_copies() {
    hold_no_copies(&["letters", "music", "manga", "codes"]);
}

#[test]
fn screens_with_the_same_frame_are_no_copies() {
    hold_no_copies(&["chats", "slides", "charts", "maps", "icons", "digits"]);
}

#[test]
fn photographs_of_hardly_anything_are_no_copies() {
    hold_no_copies(&["skies", "fog", "nights", "stars"]);
}

#[test]
fn forms_memes_and_frames_are_related() {
    let names = ["forms", "memes", "frames"];
    let related = hold_no_copies(&names);
    assert!(related.iter().all(|groups| *groups > 0), "groups of related pictures in {names:?}: {related:?}");
}

#[test]
fn pans_and_products_are_no_copies() {
    hold_no_copies(&["pans", "products"]);
}

/// Two of each set into a temporary folder; all into `$AESEARCH_SETS`.
#[test]
fn write_all() {
    let (place, to) = (Place::empty(), folder());
    for set in &SETS {
        let (at, n) = to.as_ref().map_or((place.path(), 2), |to| (to.as_path(), set.n));
        let written = set.write(&at.join(set.name), n);
        let files: BTreeSet<&Vec<u8>> = written.iter().collect();
        assert_eq!(files.len(), n, "{}: some are the same", set.name);
        let again = set.write(&place.path().join("again"), 1);
        assert!(written[0] == again[0], "{}: drawn otherwise each time", set.name);
    }
}
