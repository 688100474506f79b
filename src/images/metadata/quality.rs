//! The quality with which a JPEG file was written, by its quantization tables.
//!
//! libjpeg scales the tables in annex K of the standard by a number from 1 to 100. The number whose tables
//! are nearest to those of a file is its quality: exact for files written with its tables, an estimate for
//! cameras and programs that have their own.

use super::segments::segments;

/// A table, in zigzag order.
type Table = [u16; 64];

/// Table K.1, of luma.
const LUMA: Table = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40,
    58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103,
    104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];
/// Table K.2, of chroma.
const CHROMA: Table = {
    let mut table = [99; 64];
    let first = [17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66];
    let mut at = 0;
    while at < first.len() {
        table[at] = first[at];
        at += 1;
    }
    table
};

/// What its quantization tables tell of a JPEG file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quantization {
    /// The quality, 1 to 100.
    pub(super) quality: u8,
    /// The step of the first coefficient of luma.
    pub(super) step: u16,
    /// They are those of libjpeg at that quality, not a camera's own. Tables of nothing but 1 are anybody's.
    pub(super) is_standard: bool,
}

/// What its tables tell; none if the file has no table before its first scan.
pub(super) fn quantization(bytes: &[u8]) -> Option<Quantization> {
    const TABLES: u8 = 0xdb;
    let mut tables: [Option<Table>; 2] = [None; 2];
    for segment in segments(bytes).filter(|segment| segment.marker == TABLES) {
        let mut body = segment.body;
        while let Some((&kind, rest)) = body.split_first() {
            let size = if kind >> 4 == 0 { 1 } else { 2 };
            let Some((values, rest)) = rest.split_at_checked(64 * size) else { break };
            let value = |i: usize| match size {
                1 => u16::from(values[i]),
                _ => u16::from_be_bytes([values[2 * i], values[2 * i + 1]]),
            };
            if let Some(table) = tables.get_mut(usize::from(kind & 15)) {
                *table = Some(std::array::from_fn(value));
            }
            body = rest;
        }
    }
    // the first is that of luma, and in nearly all files the second that of chroma
    let luma = tables[0]?;
    let chroma = tables[1].filter(|chroma| *chroma != luma);
    let distance = |quality: &u32| {
        let of_chroma = chroma.map_or(0, |chroma| difference(&chroma, &CHROMA, *quality));
        difference(&luma, &LUMA, *quality) + of_chroma
    };
    // where several qualities give the same tables, such as those of 1 alone, the highest
    let quality = (1..=100).rev().min_by_key(distance)?;
    let is_standard = quality < 100 && distance(&quality) == 0;
    Some(Quantization { quality: quality as u8, step: luma[0], is_standard })
}

/// How far a table is from a standard one at this quality.
fn difference(table: &Table, standard: &Table, quality: u32) -> u32 {
    let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    let expected = |value: u16| ((u32::from(value) * scale + 50) / 100).clamp(1, 255);
    table.iter().zip(standard).map(|(&found, &value)| u32::from(found).abs_diff(expected(value))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments with such tables.
    fn file(luma: &Table, chroma: Option<&Table>, is_wide: bool) -> Vec<u8> {
        let mut bytes = b"\xff\xd8".to_vec();
        for (number, table) in (0..).zip([Some(luma), chroma].into_iter().flatten()) {
            let values: Vec<u8> = match is_wide {
                true => table.iter().flat_map(|value| value.to_be_bytes()).collect(),
                false => table.iter().map(|&value| value as u8).collect(),
            };
            bytes.extend([0xff, 0xdb, 0, 3 + values.len() as u8, u8::from(is_wide) << 4 | number]);
            bytes.extend(values);
        }
        bytes.extend(b"\xff\xda\0\x02");
        bytes
    }

    fn scaled(table: &Table, quality: u32) -> Table {
        let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
        table.map(|value| ((u32::from(value) * scale + 50) / 100).clamp(1, 255) as u16)
    }

    fn jpeg_quality(bytes: &[u8]) -> Option<u8> {
        quantization(bytes).map(|found| found.quality)
    }

    #[test]
    fn the_scale_of_standard_tables_is_found() {
        for quality in 1..=100 {
            let (luma, chroma) = (scaled(&LUMA, quality), scaled(&CHROMA, quality));
            for is_wide in [false, true] {
                // a few low ones have the same tables
                let found = jpeg_quality(&file(&luma, Some(&chroma), is_wide)).unwrap().into();
                assert_eq!((scaled(&LUMA, found), scaled(&CHROMA, found)), (luma, chroma), "{quality}");
                assert!(quality < 10 || found == quality, "{quality}: {found}");
            }
            let found = jpeg_quality(&file(&luma, None, false)).unwrap();
            assert!(quality < 10 || u32::from(found) == quality, "{quality}: {found}");
        }
        // between two of them, and of one kind for luma and chroma
        let mut other = scaled(&LUMA, 80);
        other[63] += 1;
        assert_eq!(jpeg_quality(&file(&other, Some(&other), false)), Some(80));
        assert_eq!(jpeg_quality(&file(&[1; 64], None, false)), Some(100));
        let told = |luma: &Table| quantization(&file(luma, Some(&scaled(&CHROMA, 80)), false)).unwrap();
        assert_eq!((told(&scaled(&LUMA, 80)).is_standard, told(&scaled(&LUMA, 80)).step), (true, 6));
        assert!(
            !told(&other).is_standard && !quantization(&file(&[1; 64], None, false)).unwrap().is_standard
        );
        assert_eq!(jpeg_quality(&file(&[u16::MAX; 64], None, true)), Some(1));
    }

    #[test]
    fn files_of_libjpeg_say_theirs_and_damage_says_nothing() {
        let bytes = include_bytes!("../../../tests/data/jpeg/baseline-420.jpg");
        assert_eq!(jpeg_quality(bytes), Some(85));
        for end in 0..bytes.len() {
            assert!(matches!(jpeg_quality(&bytes[..end]), None | Some(85)));
        }
    }
}
