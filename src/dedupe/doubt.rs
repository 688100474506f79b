//! Whether one of two files may be a damaged copy of the other, without a sign that tells which: bits that flipped
//! on a disk leave a JPEG that decodes to another picture, and a BMP of another pixel.
//!
//! Damage does not change the size of a file, and most of its bytes stay. Where a program saves a picture again,
//! hardly any byte stays in its place; where it changes a part of pixels that are not compressed, many change.

use std::path::Path;

use super::plan::File;
use crate::images::file_of;

/// Formats that do not compress, at least by most programs.
const PLAIN: [&str; 4] = ["bmp", "pnm", "tga", "tiff"];
/// A format of which checksums tell what is damaged: such a file is named, and comes not here.
const CHECKED: &str = "png";
/// Bytes that damage leaves unlike, of those of a file that does not compress: this share, or a run of sectors.
const FEW: usize = 100;
const RUN_BYTES: usize = 8192;

/// Whether one of two files whose pixels differ, and that no sign tells to be damaged, may be a damaged copy of the
/// other.
pub(super) fn may_be_damaged(a: &File, b: &File) -> bool {
    let may_be = a.format == b.format && a.format != CHECKED;
    let is_like = may_be && a.size == b.size && !a.entry && !b.entry && a.hash != b.hash;
    let read = |file: &File| std::fs::read(file_of(file.name(), Path::new(""))?).ok();
    match (is_like.then(|| read(a)).flatten(), is_like.then(|| read(b)).flatten()) {
        (Some(of_a), Some(of_b)) => are_alike(&of_a, &of_b, PLAIN.contains(&a.format.as_str())),
        _ => false,
    }
}

fn are_alike(a: &[u8], b: &[u8], is_plain: bool) -> bool {
    let unlike = a.iter().zip(b).filter(|(a, b)| a != b).count();
    if !is_plain {
        return 2 * unlike <= a.len();
    }
    let differs = |(a, b): (&u8, &u8)| a != b;
    let first = a.iter().zip(b).position(differs).unwrap_or(0);
    let last = a.iter().zip(b).rposition(differs).unwrap_or(0);
    FEW * unlike <= a.len() || (last - first < RUN_BYTES && 4 * (last - first) < a.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bytes_or_a_run_of_them_are_damage_and_more_are_another_picture() {
        let plain: Vec<u8> = (0..100_000_u32).map(|i| (i * 7919 % 251) as u8).collect();
        let with = |range: std::ops::Range<usize>, step: usize| {
            let mut other = plain.clone();
            range.step_by(step).for_each(|at| other[at] ^= 0x55);
            other
        };
        for (range, step, damage) in
            [(7..8, 1, true), (4096..8192, 1, true), (0..100_000, 400, true), (0..100_000, 50, false)]
        {
            assert_eq!(are_alike(&plain, &with(range.clone(), step), true), damage, "{range:?} by {step}");
        }
        assert!(!are_alike(&plain, &with(20_000..60_000, 1), true), "a caption");
        assert!(are_alike(&plain, &with(20_000..60_000, 1), false), "half of a file that is compressed");
        assert!(!are_alike(&plain, &with(20_000..90_000, 1), false));
        assert!(!are_alike(&plain[..99], &with(0..100_000, 1)[..99], true));
    }
}
