//! Numbers of 1 to 64 bits in the rows of a chunk, and what predictors did to them.

use super::layout::{Layout, Meaning, Number, Predictor};

/// Sample `at` of a row, as it is stored.
pub(super) fn bits(layout: &Layout, row: &[u8], at: usize) -> u64 {
    if layout.bits.is_multiple_of(8) {
        let size = layout.bits / 8;
        return integer(&row[at * size..][..size], layout.is_little);
    }
    // high bits first, across bytes, whatever the order of bytes
    let (start, end) = (at * layout.bits, (at + 1) * layout.bits);
    let whole = row[start / 8..end.div_ceil(8)].iter().fold(0, |all, &byte| all << 8 | u64::from(byte));
    whole >> (end.next_multiple_of(8) - end) & ((1 << layout.bits) - 1)
}

/// Sample `at` of a row, as the number that it is.
pub(super) fn value(layout: &Layout, row: &[u8], at: usize) -> f32 {
    let stored = bits(layout, row, at);
    match (layout.number, layout.bits) {
        (Number::Unsigned, _) => stored as f32,
        (Number::Signed, bits) => (((stored << (64 - bits)) as i64) >> (64 - bits)) as f32,
        (Number::Float, 16) => half::f16::from_bits(stored as u16).to_f32(),
        (Number::Float, 32) => f32::from_bits(stored as u32),
        (Number::Float, _) => f64::from_bits(stored) as f32,
    }
}

/// From stored bits to 8 bits: scaled, but not where they number the colours of a palette. Of LAB in 16 bits
/// it is the high byte.
pub(super) fn to_8_bits(layout: &Layout) -> impl Fn(u64) -> u8 {
    let most = (1_u64 << layout.bits) - 1;
    let is_number = matches!(layout.meaning, Meaning::Palette(_));
    let is_lab = matches!(layout.meaning, Meaning::Lab { .. });
    move |stored| match () {
        () if is_number => stored as u8,
        () if is_lab => (stored >> 8) as u8,
        () => ((stored * 255 + most / 2) / most) as u8,
    }
}

/// From stored bits to 16 bits, white where that is stored as 0.
pub(super) fn to_16_bits(layout: &Layout) -> impl Fn(u64) -> u16 {
    let most = (1_u64 << layout.bits) - 1;
    let inverted = if layout.meaning == Meaning::GreyInverted { most } else { 0 };
    move |stored| ((stored.abs_diff(inverted) * 0xffff + most / 2) / most) as u16
}

fn integer(digits: &[u8], is_little: bool) -> u64 {
    let add = |value: u64, digit: &u8| value << 8 | u64::from(*digit);
    if is_little { digits.iter().rev().fold(0, add) } else { digits.iter().fold(0, add) }
}

/// Makes stored samples of the differences that a predictor left, in one row of `samples` a pixel.
pub(super) fn undo_predictor(layout: &Layout, row: &mut [u8], samples: usize) {
    let size = layout.bits / 8;
    match layout.predictor {
        Predictor::None => {}
        Predictor::Horizontal if size == 1 => add_left(row, samples),
        Predictor::Horizontal => {
            for at in (samples * size..row.len() / size * size).step_by(size) {
                let left = integer(&row[at - samples * size..][..size], layout.is_little);
                let sum = left.wrapping_add(integer(&row[at..][..size], layout.is_little));
                let digits = sum.to_le_bytes();
                let out = &mut row[at..at + size];
                out.copy_from_slice(&digits[..size]);
                if !layout.is_little {
                    out.reverse();
                }
            }
        }
        Predictor::Float => {
            // the high bytes of all samples, then the next ones, as one row of differences
            add_left(row, samples);
            let planes = row.to_vec();
            let count = row.len() / size;
            for (at, out) in row.chunks_exact_mut(size).enumerate() {
                (0..size).for_each(|byte| out[byte] = planes[byte * count + at]);
                if layout.is_little {
                    out.reverse();
                }
            }
        }
    }
}

fn add_left(row: &mut [u8], distance: usize) {
    for at in distance..row.len() {
        row[at] = row[at].wrapping_add(row[at - distance]);
    }
}

/// Units of several luma samples and one of each chroma become three samples a pixel.
pub(super) fn spread_chroma(units: &[u8], layout: &Layout, rows: usize) -> Vec<u8> {
    let (across, down) = layout.subsampling();
    let (width, unit) = (layout.chunk.0, across * down + 2);
    let units_across = width.div_ceil(across);
    let mut out = Vec::with_capacity(width * rows * 3);
    for y in 0..rows {
        for x in 0..width {
            let unit = &units[(y / down * units_across + x / across) * unit..][..unit];
            let luma = unit[y % down * across + x % across];
            out.extend([luma, unit[across * down], unit[across * down + 1]]);
        }
    }
    out
}
