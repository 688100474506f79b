//! Sprite sheets: pictures side by side, as `data:` URIs, within a budget of bytes.
//!
//! The bytes per picture are measured on a sample; then the largest and finest encoding is used by which all
//! fit. Sheets are small, so that the page decodes only what is seen. If even the smallest pictures are too
//! many, an evenly spread part gets one.

use std::borrow::Cow;

use rayon::prelude::*;
use serde::Serialize;

use super::pack::Packed;
use crate::images::{Pixels, encode_jpeg, encode_small_png, fitted, spread};
use crate::output::base64;

/// Side of a sheet, in pixels, at most.
const SHEET: usize = 512;
/// Pictures on which encodings are tried, in so many runs of neighbours.
const SAMPLE: usize = 256;
const RUNS: usize = 4;
/// Qualities of JPEG that are tried at each size.
const QUALITIES: [u8; 3] = [82, 70, 58];
/// PNG is used if it takes at most so many times the bytes of the finest JPEG.
const LOSSLESS: f64 = 1.5;

/// How pictures are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Encoding {
    side: usize,
    /// The quality of JPEG; nothing means PNG.
    quality: Option<u8>,
}

/// Sheets of pictures.
#[derive(Debug, Default, Serialize)]
pub(super) struct SpriteSheets {
    /// Side of a cell, in pixels; a picture is in its upper left corner.
    side: usize,
    /// Cells side by side, and one below the other.
    across: usize,
    /// `data:` URIs.
    sheets: Vec<String>,
    /// The row of the image in each cell.
    rows: Option<Packed>,
    /// The size of each picture, 256 times its width plus its height; nothing if all fill their cells.
    sizes: Option<Packed>,
}

impl SpriteSheets {
    /// Pictures of the images `rows`, where `picture` has one; `sides` are the sizes to try, the largest
    /// first.
    pub(super) fn of<'a>(
        rows: &[u32],
        picture: &(dyn Fn(u32) -> Option<Cow<'a, Pixels>> + Sync),
        sides: &[usize],
        budget: usize,
    ) -> SpriteSheets {
        let there: Vec<u32> = rows.iter().copied().filter(|&row| picture(row).is_some()).collect();
        let Some((encoding, cost)) = SpriteSheets::encoding(&there, picture, sides, budget) else {
            return SpriteSheets::default();
        };
        // evenly spread, if not all fit
        let most = (budget as f64 / cost) as usize;
        let rows: Vec<u32> = spread(there.len(), most).into_iter().map(|i| there[i]).collect();
        let across = across(encoding.side);
        let made: Vec<(Option<String>, Vec<u32>)> = rows
            .par_chunks(across * across)
            .map(|some| {
                let (sheet, sizes) = sheet(some, picture, encoding.side);
                (written(&sheet, encoding), sizes)
            })
            .collect();
        let (sheets, sizes): (Vec<Option<String>>, Vec<Vec<u32>>) = made.into_iter().unzip();
        let sizes = sizes.concat();
        let full = sizes.iter().all(|&size| size == (256 * encoding.side + encoding.side) as u32);
        SpriteSheets {
            side: encoding.side,
            across,
            // a sheet that cannot be encoded is empty
            sheets: sheets.into_iter().map(Option::unwrap_or_default).collect(),
            rows: Some(Packed::of(&rows.iter().copied().map(Some).collect::<Vec<_>>())),
            sizes: (!full).then(|| Packed::of(&sizes.into_iter().map(Some).collect::<Vec<_>>())),
        }
    }

    /// Whether all pictures fit at this size.
    pub(super) fn fits<'a>(
        rows: &[u32],
        picture: &(dyn Fn(u32) -> Option<Cow<'a, Pixels>> + Sync),
        side: usize,
        budget: usize,
    ) -> bool {
        let there: Vec<u32> = rows.iter().copied().filter(|&row| picture(row).is_some()).collect();
        let encoding = SpriteSheets::encoding(&there, picture, &[side], budget);
        encoding.is_none_or(|(_, cost)| cost * there.len() as f64 <= budget as f64)
    }

    /// The first encoding by which all fit, else the last; and the bytes per picture.
    fn encoding<'a>(
        rows: &[u32],
        picture: &(dyn Fn(u32) -> Option<Cow<'a, Pixels>> + Sync),
        sides: &[usize],
        budget: usize,
    ) -> Option<(Encoding, f64)> {
        let run = SAMPLE / RUNS;
        let sample: Vec<u32> = match rows.len() {
            0 => return None,
            n if n <= SAMPLE => rows.to_vec(),
            n => (0..RUNS).flat_map(|i| &rows[i * (n - run) / (RUNS - 1)..][..run]).copied().collect(),
        };
        let mut last = None;
        for &side in sides {
            let (sheet, _) = sheet(&sample, picture, side);
            let encodings =
                std::iter::once(None).chain(QUALITIES.map(Some)).map(|quality| Encoding { side, quality });
            let costs: Vec<(Encoding, f64)> = encodings
                .filter_map(|encoding| {
                    Some((encoding, written(&sheet, encoding)?.len() as f64 / sample.len() as f64))
                })
                .collect();
            let finest = costs.iter().find(|(encoding, _)| encoding.quality.is_some()).map(|(_, cost)| *cost);
            for (encoding, cost) in costs {
                // lossless may take a little more, but not several times as much, as it does for photos
                if encoding.quality.is_none() && finest.is_some_and(|jpeg| cost > LOSSLESS * jpeg) {
                    continue;
                }
                // a margin, as this is only a sample
                let cost = 1.05 * cost;
                last = Some((encoding, cost));
                if cost * rows.len() as f64 <= budget as f64 {
                    return last;
                }
            }
        }
        last
    }

    /// Side of a cell, 0 if there are no pictures.
    pub(super) fn side(&self) -> usize {
        self.side
    }

    /// The size of its text in bytes, about.
    pub(super) fn len(&self) -> usize {
        let numbers = [&self.rows, &self.sizes].into_iter().flatten().map(Packed::len);
        self.sheets.iter().map(String::len).sum::<usize>() + numbers.sum::<usize>()
    }
}

/// Cells of this side across a sheet.
fn across(side: usize) -> usize {
    (SHEET / side.max(1)).max(1)
}

/// The pictures of `rows` side by side, and their sizes.
fn sheet<'a>(
    rows: &[u32],
    picture: &(dyn Fn(u32) -> Option<Cow<'a, Pixels>> + Sync),
    side: usize,
) -> (Pixels, Vec<u32>) {
    let across = across(side).min(rows.len()).max(1);
    let small = |&row: &u32| picture(row).and_then(|pixels| fitted(&pixels, side).ok());
    let pictures: Vec<Option<Pixels>> = rows.iter().map(small).collect();
    let channels = if pictures.iter().flatten().any(|picture| picture.channels == 3) { 3 } else { 1 };
    let (width, height) = (across * side, rows.len().div_ceil(across) * side);
    let mut sheet = Pixels { width, height, channels, data: vec![0; width * height * channels] };
    let mut sizes = Vec::with_capacity(rows.len());
    for (i, picture) in pictures.iter().enumerate() {
        let Some(picture) = picture else {
            sizes.push(0);
            continue;
        };
        let (left, top) = (i % across * side, i / across * side);
        for y in 0..side {
            // the last line and column are repeated beyond the picture: an edge there would cost bytes and
            // blur it
            let line = &picture.data[y.min(picture.height - 1) * picture.width * picture.channels..];
            for x in 0..side {
                let from = x.min(picture.width - 1) * picture.channels;
                let to = ((top + y) * width + left + x) * channels;
                for c in 0..channels {
                    sheet.data[to + c] = line[from + c % picture.channels];
                }
            }
        }
        sizes.push((256 * picture.width + picture.height) as u32);
    }
    (sheet, sizes)
}

/// A sheet as a `data:` URI.
fn written(sheet: &Pixels, encoding: Encoding) -> Option<String> {
    let (kind, bytes) = match encoding.quality {
        None => ("png", encode_small_png(sheet).ok()?),
        Some(quality) => ("jpeg", encode_jpeg(sheet, quality).ok()?),
    };
    Some(format!("data:image/{kind};base64,{}", base64(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` pictures, noisy in their lower halves.
    fn pictures(n: usize, width: usize, height: usize, channels: usize) -> Vec<Pixels> {
        let mut state = 1u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let size = width * height * channels;
        let mut data = || (0..size).map(|i| if i < size / 2 { 0 } else { noise() }).collect();
        (0..n).map(|_| Pixels { width, height, channels, data: data() }).collect()
    }

    fn sheets(pictures: &[Pixels], sides: &[usize], budget: usize) -> SpriteSheets {
        let rows: Vec<u32> = (0..pictures.len() as u32 + 1).collect(); // the last one has none
        let picture = |row: u32| pictures.get(row as usize).map(Cow::Borrowed);
        SpriteSheets::of(&rows, &picture, sides, budget)
    }

    #[test]
    fn the_largest_size_that_fits_is_taken() {
        let all = pictures(500, 40, 30, 3);
        let roomy = sheets(&all, &[40, 24, 16], 10_000_000);
        assert_eq!((roomy.side, roomy.across, roomy.sheets.len()), (40, 12, 4));
        assert_eq!(roomy.sizes, Some(Packed::of(&[Some(40 * 256 + 30); 500])));
        let tight = sheets(&all, &[40, 24, 16], roomy.len() / 3);
        assert!(tight.side < 40 && tight.len() <= roomy.len() / 3, "{} {}", tight.side, tight.len());
        assert_eq!(tight.rows, roomy.rows, "all have a cell");
        let few = sheets(&all, &[16], 20_000);
        assert!(few.len() <= 24_000 && few.rows != roomy.rows, "{}", few.len());
        assert_eq!(sheets(&[], &[16], 20_000).side(), 0);
    }

    #[test]
    fn pictures_are_where_they_should_be() {
        let all = pictures(5, 8, 8, 1);
        let picture = |row: u32| all.get(row as usize).map(Cow::Borrowed);
        let (sheet, sizes) = sheet(&[4, 9, 0], &picture, 8);
        assert_eq!((sheet.width, sheet.height, sheet.channels), (24, 8, 1));
        assert_eq!(sizes, [8 * 256 + 8, 0, 8 * 256 + 8]);
        let part =
            |x: usize| (0..8).flat_map(|y| sheet.data[y * 24 + x..][..8].to_vec()).collect::<Vec<u8>>();
        assert_eq!((part(0), part(8), part(16)), (all[4].data.clone(), vec![0; 64], all[0].data.clone()));
    }
}
