//! What a PNG file without a profile says about its colours, in chunks that the decoder does not apply (nor
//! do most programs). Files with the same samples and different chunks may be meant to look different.

use super::metadata::png_chunks;

/// The content of these chunks; none if they describe sRGB.
pub(super) fn told(bytes: &[u8]) -> Option<Vec<u8>> {
    /// 1 / 2.2, in 100,000ths.
    const GAMMA: u32 = 45_455;
    /// White point, red, green and blue of sRGB, in 100,000ths.
    const PRIMARIES: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000];
    /// Primaries and curve of sRGB, by their numbers in H.273; RGB, full range.
    const NUMBERS: [u8; 4] = [1, 13, 0, 1];
    let (mut numbers, mut others, mut is_told) = (None, Vec::new(), false);
    for (name, content) in png_chunks(bytes).take_while(|(name, _)| name != b"IDAT") {
        let is_near = |expected: &[u32]| {
            let found = content.as_chunks().0.iter().map(|&digits| u32::from_be_bytes(digits));
            content.len() == 4 * expected.len() && found.zip(expected).all(|(a, b)| a.abs_diff(*b) <= 10)
        };
        match &name {
            b"cICP" => numbers = Some(content),
            b"iCCP" | b"sRGB" => is_told = true,
            b"gAMA" if !is_near(&[GAMMA]) => others.extend(content),
            b"cHRM" if !is_near(&PRIMARIES) => others.extend(content),
            _ => {}
        }
    }
    match numbers {
        Some(numbers) => (numbers != NUMBERS).then(|| numbers.to_vec()),
        None => (!is_told && !others.is_empty()).then_some(others),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_by(chunks: &[(&[u8; 4], &[u8])]) -> Option<Vec<u8>> {
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, content) in chunks {
            file.extend((content.len() as u32).to_be_bytes());
            file.extend([&name[..], content, &[0; 4]].concat());
        }
        told(&file)
    }

    #[test]
    fn only_what_is_not_srgb_counts() {
        let [srgb, linear] = [45_455_u32, 100_000].map(u32::to_be_bytes);
        assert_eq!(told_by(&[(b"IHDR", &[]), (b"gAMA", &srgb)]), None);
        assert_eq!(told_by(&[(b"gAMA", &linear)]).unwrap(), linear);
        assert_eq!(told_by(&[(b"gAMA", &linear), (b"sRGB", &[0])]), None);
        assert_eq!(told_by(&[(b"iCCP", &[0]), (b"gAMA", &linear)]), None, "the profile counts");
        assert_eq!(told_by(&[(b"IDAT", &[]), (b"gAMA", &linear)]), None, "too late");
        assert_eq!(told_by(&[(b"cHRM", &[7; 32])]).unwrap(), [7; 32]);
        assert_eq!(told_by(&[(b"cICP", &[9, 16, 0, 1]), (b"sRGB", &[0])]).unwrap(), [9, 16, 0, 1]);
        assert_eq!(told_by(&[(b"cICP", &[1, 13, 0, 1]), (b"gAMA", &linear)]), None);
        assert_eq!(told(b""), None);
    }
}
