//! Does a file hold finer samples than the 8 bits that are decoded of each? Two such files may differ where
//! their decoded pixels are the same: label maps of 16 bits, for example.

use super::{bmp, ico, tiff};

/// Whether a file of `format` does; no for one that cannot be understood.
pub(super) fn is_finer(format: &str, bytes: &[u8]) -> bool {
    match format {
        "png" => bytes.get(24) == Some(&16), // the bit depth in IHDR, which comes first
        "pnm" => pnm_maximum(bytes).is_some_and(|maximum| maximum > 255),
        "ico" => matches!(ico::best(bytes), Ok(ico::Picture::Png(png)) if is_finer("png", png)),
        "tiff" => {
            let layout = tiff::Directory::first(bytes).and_then(|first| tiff::Layout::of(&first));
            layout.is_ok_and(|layout| layout.is_finer())
        }
        _ => false,
    }
}

/// The largest number of a sample, where the decoder gives each as the file has it.
pub(super) fn largest(format: &str, bytes: &[u8]) -> Option<u16> {
    match format {
        "pnm" if matches!(bytes.get(..2), Some(b"P1" | b"P4")) => Some(255), // bits
        // those of another maximum are scaled, and numbers beyond it are cut
        "pnm" => {
            let maximum = pnm_maximum(bytes)?;
            [255, 65_535].into_iter().find(|largest| u32::from(*largest) == maximum)
        }
        "bmp" => (!bmp::is_finer(bytes)).then_some(255),
        "png" if bytes.get(24) == Some(&16) => Some(65_535),
        _ => Some(255),
    }
}

/// The largest value of a sample: the third number of a header, after width and height, and `MAXVAL` of PAM.
fn pnm_maximum(bytes: &[u8]) -> Option<u32> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1 << 12)]);
    let lines = head.lines().map(|line| line.split('#').next().unwrap_or_default());
    let mut words = lines.flat_map(str::split_whitespace);
    let at = match words.next()? {
        "P2" | "P3" | "P5" | "P6" => words.nth(2),
        "P7" => words.find(|word| *word == "MAXVAL").and_then(|_| words.next()),
        _ => None, // bits, or floats, which are not read
    };
    at?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grey TIFF of 2 by 1 pixels, little-endian, of samples of so many bits.
    fn tiff(bits: u16) -> Vec<u8> {
        let bytes = u32::from(bits / 8) * 2;
        let entries: [(u16, u32); 8] =
            [(256, 2), (257, 1), (258, bits.into()), (259, 1), (262, 1), (273, 110), (278, 1), (279, bytes)];
        let mut file = b"II*\0\x08\0\0\0\x08\0".to_vec();
        for (tag, value) in entries {
            file.extend(tag.to_le_bytes());
            file.extend(4u16.to_le_bytes()); // a number of 32 bits, and one of them
            file.extend(1u32.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        file.resize(110 + bytes as usize, 0);
        file
    }

    fn png(bits: u8) -> Vec<u8> {
        [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x01"[..], &[bits, 0, 0, 0, 0]].concat()
    }

    #[test]
    fn samples_that_are_not_given_as_they_are_have_no_largest_number() {
        let of_bmp = |mask: u32| {
            let mut file = [&b"BM"[..], &[0; 12], &[40, 0, 0, 0], &[0; 12], &[3, 0, 0, 0], &[0; 20]].concat();
            file.extend([0x3ff_u32, 0xffc00, mask].map(u32::to_le_bytes).concat());
            file
        };
        assert_eq!((largest("png", &png(16)), largest("png", &png(4))), (Some(65_535), Some(255)));
        assert_eq!(
            (largest("pnm", b"P5 2 2 65535\n"), largest("pnm", b"P4 2 2\n")),
            (Some(65_535), Some(255))
        );
        let commented = [&b"P5 # "[..], &[b' '; 1 << 13], b"\n2 2 65535\n"].concat();
        assert_eq!(largest("pnm", &commented), None);
        assert_eq!((largest("pnm", b"P5 2 2 1023\n"), largest("pnm", b"P5 2 2 15\n")), (None, None));
        assert_eq!(largest("bmp", &of_bmp(0x3ff0_0000)), None);
        let mut coarse = of_bmp(0xff);
        coarse[54..62].copy_from_slice(&[0xff, 0, 0, 0, 0xff, 0, 0, 0]);
        assert_eq!((largest("bmp", &coarse), largest("bmp", b"BM")), (Some(255), Some(255)));
        assert_eq!((largest("gif", b"GIF89a"), largest("tga", &png(16))), (Some(255), Some(255)));
    }

    #[test]
    fn files_of_more_than_8_bits_are_finer() {
        assert!(is_finer("png", &png(16)) && is_finer("tiff", &tiff(16)));
        assert!(is_finer("pnm", b"P5 # a comment\n2 2\n# 300\n65535\n"));
        assert!(is_finer("pnm", b"P7\nWIDTH 2\nMAXVAL 1000\nENDHDR\n"));
        assert!(!is_finer("png", &png(8)) && !is_finer("tiff", &tiff(8)));
        assert!(!is_finer("pnm", b"P5 2 2 255\n") && !is_finer("pnm", b"P4\n2 2\n"));
        for (format, file) in [("png", png(16)), ("tiff", tiff(16)), ("pnm", b"P5 2 2 65535".to_vec())] {
            (0..12).for_each(|end| assert!(!is_finer(format, &file[..end.min(file.len() - 5)]), "{format}"));
        }
    }
}
