//! The hash of an image's samples as its file stores them: what "the same pixels" means.
//!
//! ```text
//! file --decoder--> samples, before profile and ground --> upright --> BLAKE3
//! ```
//!
//! What counts: columns and rows, every sample, alpha where it hides something, the colours below it, and the
//! colour profile unless it is that of sRGB. Samples of up to 8 bits are scaled to 0 to 255, however a file
//! packs them; those of more bits are compared as they are, together with the largest value they can have.
//! What does not count: compression, palettes, metadata, in which orientation the picture is stored, and
//! whether grey is stored in one channel or three.

use std::sync::{Arc, Mutex, PoisonError};

use super::raster::{Channels, Raster};
use super::stamp::hash_pieces;

/// Where decoders leave the hash of an image's samples for the caller; clones share it.
#[derive(Debug, Clone, Default)]
pub struct SampleHash(Option<Arc<Mutex<Option<[u8; 32]>>>>);

impl SampleHash {
    /// Asks for the hash; the default does not, and then none is made.
    pub fn wanted() -> SampleHash {
        SampleHash(Some(Arc::default()))
    }

    /// The hash of the last image that was decoded. None if it was decoded smaller than it is, or if not
    /// everything in its file is decoded, so that another file may have the same pixels and still differ.
    pub fn take(&self) -> Option<[u8; 32]> {
        self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// For an image of these colours (see [`Colours`](super::colour::Colours)) and this EXIF orientation.
    pub(super) fn sink(&self, colours: Option<[u8; 32]>, turned: u8) -> Sink<'_> {
        Sink { hash: self, colours, turned }
    }
}

/// Takes the samples of an image.
pub(super) struct Sink<'a> {
    hash: &'a SampleHash,
    colours: Option<[u8; 32]>,
    turned: u8,
}

/// The samples of an image, [H, W, C], as they are stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: Channels,
    pub(super) samples: Samples<'a>,
    /// Colours were multiplied by their alpha.
    pub(super) is_associated: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Samples<'a> {
    /// Samples of up to 8 bits, in 8.
    Bytes(&'a [u8]),
    /// Samples of more bits, and the largest value that they can have.
    Words(&'a [u16], u16),
}

impl<'a> From<&'a Raster> for Stored<'a> {
    fn from(raster: &'a Raster) -> Stored<'a> {
        let Raster { width, height, channels, ref data } = *raster;
        Stored { width, height, channels, samples: Samples::Bytes(data), is_associated: false }
    }
}

impl Sink<'_> {
    pub(super) fn is_wanted(&self) -> bool {
        self.hash.is_wanted()
    }

    /// Hashes these samples, if the hash is wanted.
    pub(super) fn put(&self, stored: &Stored<'_>) {
        if let Some(slot) = &self.hash.0 {
            let hash = match stored.samples {
                Samples::Bytes(bytes) => self.hash_of(stored, bytes, u8::MAX.into()),
                Samples::Words(words, most) => self.hash_of(stored, words, most),
            };
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(hash);
        }
    }

    fn hash_of<T: Copy + Into<u16>>(&self, stored: &Stored<'_>, samples: &[T], most: u16) -> [u8; 32] {
        /// Bytes hashed at a time.
        const PIECE: usize = 1 << 16;
        let Stored { width, height, channels, .. } = *stored;
        let (count, kept) = (channels.count(), kept(channels, samples, most));
        let has_alpha = channels.has_alpha() && kept.contains(&(count - 1));
        let upright = if self.turned >= 5 { (height, width) } else { (width, height) };
        hash_pieces(|add| {
            [upright.0, upright.1].iter().for_each(|side| add(&(*side as u64).to_le_bytes()));
            let is_associated = has_alpha && stored.is_associated;
            add(&[kept.len() as u8, u8::from(has_alpha), u8::from(is_associated)]);
            add(&most.to_le_bytes());
            add(&self.colours.unwrap_or_default());
            if let (Samples::Bytes(bytes), 1, true) = (stored.samples, self.turned, kept.len() == count) {
                return add(bytes);
            }
            let mut piece = Vec::with_capacity(2 * PIECE);
            for y in 0..upright.1 {
                for x in 0..upright.0 {
                    let (x, y) = lies_at((x, y), (width, height), self.turned);
                    let pixel = &samples[(y * width + x) * count..][..count];
                    for &channel in &kept {
                        let [low, high] = pixel[channel].into().to_le_bytes();
                        piece.push(low);
                        if most > u8::MAX.into() {
                            piece.push(high);
                        }
                    }
                }
                if piece.len() >= PIECE {
                    add(&piece);
                    piece.clear();
                }
            }
            add(&piece);
        })
    }
}

/// The channels that count: one of three where all are equal, and alpha only where it hides something.
fn kept<T: Copy + Into<u16>>(channels: Channels, samples: &[T], most: u16) -> Vec<usize> {
    let count = channels.count();
    let mut pixels = samples.chunks_exact(count).map(|pixel| |channel: usize| pixel[channel].into());
    let is_grey = matches!(channels, Channels::Rgb | Channels::Rgba)
        && pixels.clone().all(|value| value(0) == value(1) && value(1) == value(2));
    let hides = channels.has_alpha()
        && pixels.clone().any(|value| value(count - 1) < most)
        && pixels.any(|value| value(count - 1) > 0);
    let colours = if channels.has_alpha() { count - 1 } else { count };
    (0..if is_grey { 1 } else { colours }).chain(hides.then_some(count - 1)).collect()
}

/// Where a pixel of the upright picture is stored, in a picture of this size and EXIF orientation.
fn lies_at((x, y): (usize, usize), (width, height): (usize, usize), turned: u8) -> (usize, usize) {
    match turned {
        2 => (width - 1 - x, y),
        3 => (width - 1 - x, height - 1 - y),
        4 => (x, height - 1 - y),
        5 => (y, x),
        6 => (y, height - 1 - x),
        7 => (width - 1 - y, height - 1 - x),
        8 => (width - 1 - y, x),
        _ => (x, y),
    }
}

#[cfg(test)]
mod tests {
    use image::metadata::Orientation;
    use image::{DynamicImage, GrayImage};

    use super::*;

    fn hash_as(stored: &Stored<'_>, colours: Option<[u8; 32]>, turned: u8) -> [u8; 32] {
        let hash = SampleHash::wanted();
        hash.sink(colours, turned).put(stored);
        hash.take().unwrap()
    }

    fn bytes(channels: Channels, data: &[u8]) -> Stored<'_> {
        let width = data.len() / channels.count();
        Stored { width, height: 1, channels, samples: Samples::Bytes(data), is_associated: false }
    }

    fn hash(channels: Channels, data: &[u8]) -> [u8; 32] {
        hash_as(&bytes(channels, data), None, 1)
    }

    #[test]
    fn what_says_nothing_does_not_count() {
        let grey = hash(Channels::Grey, &[1, 2]);
        for (channels, data) in [
            (Channels::GreyAlpha, &[1, 255, 2, 255][..]),
            (Channels::GreyAlpha, &[1, 0, 2, 0]),
            (Channels::Rgb, &[1, 1, 1, 2, 2, 2]),
            (Channels::Rgba, &[1, 1, 1, 255, 2, 2, 2, 255]),
        ] {
            assert_eq!(hash(channels, data), grey, "{channels:?}");
        }
        let colours = hash(Channels::Rgb, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(hash(Channels::Rgba, &[1, 2, 3, 0, 4, 5, 6, 0]), colours, "never set");
        let half = hash(Channels::GreyAlpha, &[1, 9, 2, 0]);
        assert_eq!(hash(Channels::Rgba, &[1, 1, 1, 9, 2, 2, 2, 0]), half);
    }

    #[test]
    fn everything_else_counts() {
        let data = [1, 2, 3, 4, 5, 6, 7, 8];
        let words = data.map(u16::from);
        let of = |samples| Stored { samples, ..bytes(Channels::Rgba, &data) };
        let all = of(Samples::Bytes(&data));
        let hashes = [
            hash_as(&all, None, 1),
            hash_as(&all, Some([1; 32]), 1),
            hash_as(&all, None, 2),
            hash_as(&all, None, 8),
            hash_as(&Stored { is_associated: true, ..all }, None, 1),
            hash_as(&Stored { width: 1, height: 2, ..all }, None, 1),
            hash_as(&of(Samples::Words(&words, u16::MAX)), None, 1),
            hash_as(&of(Samples::Words(&words, 1023)), None, 1),
            hash(Channels::Cmyk, &data),
            hash(Channels::Rgba, &[1, 2, 3, 4, 5, 6, 7, 0]),
            hash(Channels::Rgba, &[1, 2, 3, 0, 5, 6, 7, 8]),
            hash(Channels::Rgba, &[0, 2, 3, 0, 5, 6, 7, 8]), // below a transparent pixel
            hash(Channels::GreyAlpha, &data),
            hash(Channels::Grey, &data),
        ];
        (1..hashes.len()).for_each(|i| assert!(!hashes[..i].contains(&hashes[i]), "{i}"));
        // stored in indexes: a different hash needs a new version of fingerprints
        let golden = crate::images::hash_bytes(&hashes.concat());
        assert_eq!(golden[..4], [4, 204, 96, 60]);
    }

    #[test]
    fn the_hash_is_that_of_the_upright_picture() {
        let (width, height) = (5, 3);
        let data: Vec<u8> = (0..width * height).map(|i| (i * 37 % 251) as u8).collect();
        let words: Vec<u16> = data.iter().map(|&value| u16::from(value) * 200).collect();
        for turned in 1..=8 {
            let mut upright: DynamicImage = GrayImage::from_raw(width, height, data.clone()).unwrap().into();
            upright.apply_orientation(Orientation::from_exif(turned).unwrap());
            let (width, height) = (width as usize, height as usize);
            let lying = Stored { width, height, ..bytes(Channels::Grey, &data) };
            let sides = (upright.width() as usize, upright.height() as usize);
            let straight =
                Stored { width: sides.0, height: sides.1, ..bytes(Channels::Grey, upright.as_bytes()) };
            assert_eq!(hash_as(&lying, None, turned), hash_as(&straight, None, 1), "{turned}");
            let deep: Vec<u16> = upright.as_bytes().iter().map(|&value| u16::from(value) * 200).collect();
            let lying = Stored { samples: Samples::Words(&words, u16::MAX), ..lying };
            let straight = Stored { samples: Samples::Words(&deep, u16::MAX), ..straight };
            assert_eq!(hash_as(&lying, None, turned), hash_as(&straight, None, 1), "{turned}");
        }
    }

    #[test]
    fn nothing_is_made_that_nobody_wants() {
        let hash = SampleHash::default();
        hash.sink(None, 1).put(&bytes(Channels::Grey, &[1]));
        assert_eq!((hash.take(), SampleHash::wanted().take()), (None, None));
    }
}
