//! Finds the images that may have the same pixels as another where their fingerprints do not tell. Large
//! JPEG, PNG and TIFF files are decoded smaller than they are; the samples of one are hashed only if another
//! image is very similar.

use std::collections::HashMap;

use super::fingerprint::{AREA, Fingerprint};

/// Mean difference of the lumas of images with equal pixels, in levels, at most. Those of 100 photos decoded
/// smaller, at three times the size of the fine luma, and of the same photos decoded whole differ by .26.
const WITHIN: u32 = 1;

/// The positions of those fingerprints without a hash of the pixels that are as large as another one, and
/// whose luma hardly differs from its.
pub(super) fn alike(fingerprints: &[Fingerprint<'_>]) -> Vec<usize> {
    let mut by_size: HashMap<(u32, u32), Vec<(u32, usize)>> = HashMap::new();
    for (position, fingerprint) in fingerprints.iter().enumerate() {
        let sum = fingerprint.luma.iter().map(|&value| u32::from(value)).sum();
        by_size.entry((fingerprint.width, fingerprint.height)).or_default().push((sum, position));
    }
    let mut is_alike = vec![false; fingerprints.len()];
    for same_size in by_size.values_mut() {
        // sums differ at most as much as pixels do
        same_size.sort_unstable();
        for (number, &(sum, position)) in same_size.iter().enumerate() {
            if is_alike[position] {
                continue;
            }
            let after = same_size[number + 1..].iter();
            let near = after.take_while(|(other, _)| other - sum <= LIMIT);
            let before = same_size[..number].iter().rev().take_while(|(other, _)| sum - other <= LIMIT);
            let luma = fingerprints[position].luma;
            let mut others = near.chain(before).map(|(_, other)| *other);
            if let Some(other) = others.find(|&other| is_near(luma, fingerprints[other].luma)) {
                (is_alike[position], is_alike[other]) = (true, true);
            }
        }
    }
    let unknown = |fingerprint: &Fingerprint<'_>| {
        fingerprint.pixels.is_none()
            && !fingerprint.partial
            && !fingerprint.several
            && fingerprint.damage.is_none()
    };
    (0..fingerprints.len()).filter(|&at| is_alike[at] && unknown(&fingerprints[at])).collect()
}

const LIMIT: u32 = WITHIN * AREA as u32;

fn is_near(a: &[u8; AREA], b: &[u8; AREA]) -> bool {
    let mut sum = 0;
    // most differ in the first rows
    a.chunks(64).zip(b.chunks(64)).all(|(a, b)| {
        sum += a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>();
        sum <= LIMIT
    })
}

#[cfg(test)]
mod tests {
    use super::super::traces::{self, Traces};
    use super::*;

    #[test]
    fn only_what_is_like_another_of_its_size_is_found() {
        let lumas: Vec<[u8; AREA]> = [0, 1, 40, 80, 80, 0]
            .iter()
            .map(|more| std::array::from_fn(|i| (i * 7919 % 97) as u8 + more))
            .collect();
        let (chroma, hash, traces) = ([128; 128], [7; 32], [0; traces::SIZE]);
        let of = |(at, luma): (usize, &'_ [u8; AREA])| -> Fingerprint<'_> {
            Fingerprint {
                pixels: (at == 0).then_some(&hash),
                luma: &lumas[lumas.iter().position(|other| other == luma).unwrap()],
                fine: None,
                chroma: &chroma,
                width: if at == 5 { 9 } else { 8 },
                height: 8,
                format: "jpeg",
                exif: false,
                jpeg_quality: None,
                traces: Traces::from_bytes(&traces),
                several: false,
                finer: false,
                partial: false,
                damage: None,
                other: None,
            }
        };
        let fingerprints: Vec<Fingerprint<'_>> = lumas.iter().enumerate().map(of).collect();
        // the first has its hash, the third is like none, the last is of another size
        assert_eq!(alike(&fingerprints), [1, 3, 4]);
    }
}
