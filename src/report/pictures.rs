//! Small pictures of a collection, kept while its images are read for something else, so that nothing is read
//! twice.

use std::sync::OnceLock;

use crate::images::{Pixels, fitted};

/// Sides that pictures are kept at, the largest first.
pub(super) const SIDES: [usize; 9] = [96, 64, 48, 40, 32, 28, 24, 20, 16];
/// Pictures take no more memory than this, in bytes.
const MEMORY: usize = 300_000_000;

/// A picture, and the size of its image.
#[derive(Debug)]
struct Kept {
    picture: Pixels,
    size: [usize; 2],
}

/// The pictures of a collection, by row.
#[derive(Debug)]
pub(super) struct Pictures {
    kept: Vec<OnceLock<Kept>>,
    /// The longest side of a picture.
    side: usize,
    /// Only every n-th image has a picture, where memory is not enough for all.
    every: usize,
}

/// The sizes of images, width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// The smallest, by area.
    pub(super) least: [usize; 2],
    /// The most frequent one.
    pub(super) usual: [usize; 2],
    /// The largest, by area.
    pub(super) most: [usize; 2],
    /// Whether some are in colour.
    pub(super) coloured: bool,
}

impl Pictures {
    /// Holds the pictures of `n` images.
    pub(super) fn of(n: usize) -> Pictures {
        let fits = |side: &usize| n * side * side * 3 <= MEMORY;
        let least = SIDES[SIDES.len() - 1];
        let every = (n * least * least * 3).div_ceil(MEMORY).max(1);
        let side = SIDES.into_iter().find(fits).unwrap_or(least);
        Pictures { kept: (0..n).map(|_| OnceLock::new()).collect(), side, every }
    }

    /// Keeps a small picture of an image; may be called from several threads at once.
    pub(super) fn keep(&self, row: u32, image: &Pixels) {
        let row = row as usize;
        let Some(place) = self.kept.get(row).filter(|_| row.is_multiple_of(self.every)) else { return };
        // an image that cannot be scaled has none
        let Ok(picture) = fitted(image, self.side) else { return };
        place.get_or_init(|| Kept { picture, size: [image.width, image.height] });
    }

    /// The picture of an image.
    pub(super) fn get(&self, row: u32) -> Option<&Pixels> {
        self.kept.get(row as usize)?.get().map(|kept| &kept.picture)
    }

    /// The longest side of the images that have pictures.
    pub(super) fn longest(&self) -> usize {
        self.all().map(|kept| kept.size[0].max(kept.size[1])).max().unwrap_or(0)
    }

    /// The sizes of the images; nothing if there are no pictures.
    pub(super) fn sizes(&self) -> Option<Sizes> {
        let mut sizes: Vec<[usize; 2]> = self.all().map(|kept| kept.size).collect();
        sizes.sort_unstable_by_key(|&[width, height]| (width * height, width));
        let usual = sizes.chunk_by(|a, b| a == b).max_by_key(|same| same.len())?[0];
        let coloured = self.all().any(|kept| kept.picture.channels > 1);
        Some(Sizes { least: *sizes.first()?, usual, most: *sizes.last()?, coloured })
    }

    fn all(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter().filter_map(OnceLock::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_as_large_as_memory_allows() {
        assert_eq!((Pictures::of(100).side, Pictures::of(100).every), (96, 1));
        assert_eq!((Pictures::of(70_000).side, Pictures::of(70_000).every), (32, 1));
        assert_eq!((Pictures::of(1_000_000).side, Pictures::of(1_000_000).every), (16, 3));
    }

    #[test]
    fn they_are_kept_small_with_the_sizes_of_their_images() {
        let pictures = Pictures::of(4);
        let image = |width, height| Pixels { width, height, channels: 1, data: vec![9; width * height] };
        assert_eq!(pictures.sizes(), None);
        for (row, (width, height)) in [(200, 100), (20, 30), (200, 100)].into_iter().enumerate() {
            pictures.keep(row as u32, &image(width, height));
        }
        pictures.keep(3, &Pixels { width: 3, height: 3, channels: 1, data: Vec::new() });
        pictures.keep(9, &image(1, 1));
        let sides = |row| pictures.get(row).map(|picture| (picture.width, picture.height));
        assert_eq!([0, 1, 3, 9].map(sides), [Some((96, 48)), Some((20, 30)), None, None]);
        let sizes = pictures.sizes().unwrap();
        assert_eq!((sizes.least, sizes.usual, sizes.most), ([20, 30], [200, 100], [200, 100]));
        assert!(!sizes.coloured && pictures.longest() == 200);
    }
}
