//! An image as other images may show it: its parts and turns as pictures, to look for by any model; and which of some
//! images show it, or are shown by it. Half a picture, or a turned one, is a stranger to the codes of most models.

use rayon::prelude::*;

use super::copies::{Alteration, LARGEST};
use super::fingerprint::{Fingerprint, needed};
use super::fingerprints::Hash;
use super::views::{like, parts, views};
use crate::images::{Decoding, Item, Limits, Pixels, fitted, read};

/// What an image shows inside of its frame and on both sides of its seams, then the image mirrored and turned; nothing of
/// one that is too small, or cannot be read.
pub(super) fn glimpses(item: &Item, fingerprint: &Fingerprint<'_>) -> Vec<Pixels> {
    if fingerprint.fine.is_none() {
        return Vec::new();
    }
    let decoded = read(item, &Limits::default()).and_then(|source| {
        let needed = needed(&source.facts());
        fitted(&source.decode(&Decoding { needed, ..Decoding::default() })?, LARGEST)
    });
    let Ok(image) = decoded else { return Vec::new() };
    let turned = |image: &Pixels| Alteration::Quarter.of(image, image).ok();
    let (mirrored, quarter) = (Alteration::Mirrored.of(&image, &image).ok(), turned(&image));
    let half = quarter.as_ref().and_then(turned);
    let three = half.as_ref().and_then(turned);
    let flipped = mirrored.as_ref().and_then(turned).as_ref().and_then(turned);
    let turns = [mirrored, quarter, half, three, flipped].into_iter().flatten();
    parts(fingerprint).iter().map(|part| part_of(&image, *part)).chain(turns).collect()
}

/// A part of an image: left, top, right and bottom as shares of its sides.
fn part_of(image: &Pixels, [left, top, right, bottom]: [f32; 4]) -> Pixels {
    let Pixels { width, height, channels, .. } = *image;
    let range = |start: f32, end: f32, side: usize| {
        let start = ((start * side as f32).round() as usize).min(side - 1);
        start..((end * side as f32).round() as usize).clamp(start + 1, side)
    };
    let (columns, rows) = (range(left, right, width), range(top, bottom, height));
    let row = |y: usize| &image.data[(y * width + columns.start) * channels..][..columns.len() * channels];
    Pixels { width: columns.len(), height: rows.len(), channels, data: rows.flat_map(row).copied().collect() }
}

/// Those of some images that look like a view of one, or of which it looks like a view; in their order.
pub(super) fn views_of(own: &Fingerprint<'_>, others: &[(Hash, Fingerprint<'_>)]) -> Vec<Hash> {
    let own_views = views(own);
    let shows = |view: &_, other: &Fingerprint<'_>| !like(view, &[0], &[*other]).is_empty();
    let is_alike = |(_, other): &&(Hash, Fingerprint<'_>)| {
        !other.is_apart()
            && (own_views.iter().any(|view| shows(view, other))
                || views(other).iter().any(|view| shows(view, own)))
    };
    others.par_iter().filter(is_alike).map(|(hash, _)| *hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_cut_where_it_lies() {
        let data: Vec<u8> = (0..8 * 4 * 3).collect();
        let image = Pixels { width: 8, height: 4, channels: 3, data };
        let part = part_of(&image, [0.25, 0.5, 0.75, 1.0]);
        assert_eq!((part.width, part.height), (4, 2));
        assert_eq!(part.data[..3], image.data[(2 * 8 + 2) * 3..][..3]);
        assert_eq!(part_of(&image, [0.0, 0.0, 1.0, 1.0]), image);
        let least = part_of(&image, [1.0, 1.0, 1.0, 1.0]);
        assert_eq!((least.width, least.height), (1, 1));
    }
}
