//! Measurements as grey: signed numbers, whole numbers of more than 16 bits, floats.
//!
//! Floats within 0..=1 are what they seem, and colours in floats are cut to it. All others lie between the
//! least, which is black, and the largest, which is white, since nothing says where black and white are.

use super::layout::{Layout, Number};

/// Values, [n, kept], to 8 bits; what is not a number becomes black.
pub(super) fn to_grey(layout: &Layout, values: &[f32]) -> Vec<u8> {
    let (kept, colours) = (layout.kept().len(), layout.meaning.colours());
    let of_colours =
        || values.chunks_exact(kept).flat_map(|pixel| &pixel[..colours]).filter(|v| v.is_finite());
    let least = of_colours().copied().fold(f32::INFINITY, f32::min);
    let most = of_colours().copied().fold(f32::NEG_INFINITY, f32::max);
    let is_unit = layout.number == Number::Float && (colours >= 3 || (least >= 0.0 && most <= 1.0));
    let (black, range) = if is_unit { (0.0, 1.0) } else { (least, (most - least).max(f32::MIN_POSITIVE)) };
    let grey = |value: f32, black: f32, range: f32| {
        let share = (f64::from(value) - f64::from(black)) / f64::from(range);
        (share.clamp(0.0, 1.0) * 255.0).round() as u8
    };
    let mut out = Vec::with_capacity(values.len());
    for pixel in values.chunks_exact(kept) {
        out.extend(pixel[..colours].iter().map(|&value| grey(value, black, range)));
        out.extend(pixel[colours..].iter().map(|&alpha| grey(alpha, 0.0, 1.0)));
    }
    out
}
