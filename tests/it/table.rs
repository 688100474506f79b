//! The table of formats, orientations, profiles and depths: one picture in all of them, pixel by pixel as a second
//! decoder sees it.
//!
//! `benches/formats_table.py` wrote `tests/data/table` and says which decoder that was: the files, `expected.png` with
//! one picture below the other, and in `table.txt` the greatest difference of a sample, for each file.

use std::fs;
use std::path::Path;

use aesearch::images::{Limits, Pixels, decode};

/// Whether this build reads files of such an ending.
fn is_read(ending: &str) -> bool {
    match ending {
        "avif" => cfg!(feature = "avif"),
        "heic" => cfg!(feature = "heic"),
        "jxl" => cfg!(feature = "jxl"),
        "psd" | "psb" => cfg!(feature = "psd"),
        "dng" => cfg!(feature = "raw"),
        _ => true,
    }
}

/// The greatest difference of a sample; none if the sizes differ.
fn difference(found: &Pixels, expected: &[u8], width: usize) -> Option<u8> {
    let rgb: Vec<u8> = found
        .data
        .chunks(found.channels)
        .flat_map(|pixel| [0, 1, 2].map(|c| pixel[c.min(found.channels - 1)]))
        .collect();
    let fits = found.width == width && rgb.len() == expected.len();
    fits.then(|| rgb.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0))
}

#[test]
fn every_format_is_seen_as_a_second_decoder_sees_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/table");
    let bytes = |name: &str| fs::read(folder.join(name)).expect(name);
    let table = String::from_utf8(bytes("table.txt")).expect("text");
    let sheet = decode(&bytes("expected.png"), &Limits::default()).expect("a sheet");
    let size = sheet.data.len() / table.lines().count();
    let mut wrong = Vec::new();
    for (line, expected) in table.lines().zip(sheet.data.chunks_exact(size)) {
        let (name, most) = line.split_once(' ').expect("a name and a number");
        if !is_read(name.rsplit('.').next().unwrap_or_default()) {
            continue;
        }
        let most: u8 = most.parse().expect("a number");
        match decode(&bytes(name), &Limits::default()).map(|found| difference(&found, expected, sheet.width))
        {
            Ok(Some(off)) if off <= most => {}
            other => wrong.push(format!("{name}: {other:?}, {most} allowed")),
        }
    }
    assert!(table.lines().count() > 150 && sheet.data.len() == size * table.lines().count());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
