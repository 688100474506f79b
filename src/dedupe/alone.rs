//! Fingerprints on their own, for programs that keep them elsewhere and find the pairs to compare in their own way.

use super::compare::is_seen;
use super::fingerprint::{Fingerprint, Turn};
use super::fingerprints::fingerprint;
use super::pairs::compare;
use crate::images::{Item, Limits, Resizer, read};

/// The fingerprint of an image: 1.3 kB, or 5.4 kB for one of 64x64 pixels and more. Versions of this library may make
/// different ones.
///
/// # Errors
/// The reason why the image cannot be used.
pub fn image_fingerprint(item: &Item) -> Result<Vec<u8>, String> {
    fingerprint(read(item, &Limits::default())?, &mut Resizer::new())
}

/// How similar two images are by their fingerprints, 0 to 1, as `similarity` in plans: 1 for the same pixels; 0 for images
/// that are nearly blank, or hold more than their fingerprints show, and are not the same. The order of the two does not
/// matter. None if one of them is no fingerprint of this version.
pub fn fingerprint_similarity(a: &[u8], b: &[u8]) -> Option<f32> {
    let (a, b) = if a <= b { (a, b) } else { (b, a) };
    let (a, b) = (Fingerprint::from_bytes(a)?, Fingerprint::from_bytes(b)?);
    if a.pixels.is_some() && a.pixels == b.pixels {
        return Some(1.0);
    }
    let are_seen = is_seen(&a) && is_seen(&b);
    Some(if are_seen { 1.0 - compare(&a, &b, Turn::NONE, &mut Resizer::new()) } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::Pixels;

    fn picture(of: impl Fn(usize, usize) -> u8) -> Vec<u8> {
        let data = (0..100 * 80).map(|i| of(i % 100, i / 100)).collect();
        let pixels = Pixels { width: 100, height: 80, channels: 1, data };
        image_fingerprint(&Item::from_pixels("a picture", pixels)).unwrap()
    }

    #[test]
    fn copies_are_similar_and_others_are_not() {
        let waves =
            |x: usize, y: usize| (128.0 + 90.0 * (x as f32 / 9.0).sin() * (y as f32 / 13.0).cos()) as u8;
        let (image, paler) = (picture(waves), picture(|x, y| waves(x, y) / 2 + 40));
        let other = picture(|x, y| ((x / 20 + y / 16) % 2 * 200) as u8);
        assert_eq!(fingerprint_similarity(&image, &image), Some(1.0));
        let copy = fingerprint_similarity(&image, &paler).unwrap();
        assert!(copy > 0.95 && Some(copy) == fingerprint_similarity(&paler, &image), "{copy}");
        assert!(fingerprint_similarity(&image, &other).unwrap() < 0.5);
        let (blank, blanker) = (picture(|_, _| 90), picture(|_, _| 91));
        assert_eq!(fingerprint_similarity(&blank, &blanker), Some(0.0));
        assert_eq!(fingerprint_similarity(&blank, &blank), Some(1.0));
        assert_eq!(fingerprint_similarity(&image, &image[1..]), None);
        let bad = image_fingerprint(&Item::from_bytes("a file", b"no picture".to_vec()));
        assert!(bad.is_err());
    }
}
