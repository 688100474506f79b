//! From a block of 64 coefficients to pixels: 8x8 of them, or means of 2x2, 4x4 and 8x8 as one.
//!
//! Each pass transforms the first axis and turns the result, so that two passes give rows. In floats: what
//! hostile files hold cannot overflow.

/// Dequantized coefficients, `[horizontal frequency, vertical frequency]`.
pub(super) type Block = [[f32; 8]; 8];

/// Values of the eight cosines at half of the pixels; the others differ by the sign of odd frequencies.
/// For means, cosines are averaged over the pixels.
const WHOLE: [[f32; 8]; 4] = [
    [
        0.353_553_39,
        0.490_392_64,
        0.461_939_77,
        0.415_734_8,
        0.353_553_39,
        0.277_785_12,
        0.191_341_72,
        0.097_545_16,
    ],
    [
        0.353_553_39,
        0.415_734_8,
        0.191_341_72,
        -0.097_545_16,
        -0.353_553_39,
        -0.490_392_64,
        -0.461_939_77,
        -0.277_785_12,
    ],
    [
        0.353_553_39,
        0.277_785_12,
        -0.191_341_72,
        -0.490_392_64,
        -0.353_553_39,
        0.097_545_16,
        0.461_939_77,
        0.415_734_8,
    ],
    [
        0.353_553_39,
        0.097_545_16,
        -0.461_939_77,
        -0.277_785_12,
        0.353_553_39,
        0.415_734_8,
        -0.191_341_72,
        -0.490_392_64,
    ],
];
const PAIRS: [[f32; 8]; 2] = [
    [
        0.353_553_39,
        0.453_063_72,
        0.326_640_74,
        0.159_094_82,
        0.0,
        -0.106_303_76,
        -0.135_299_03,
        -0.090_119_98,
    ],
    [0.353_553_39, 0.187_665_14, -0.326_640_74, -0.384_088_88, 0.0, 0.256_64, 0.135_299_03, -0.037_328_917],
];
const FOURS: [[f32; 8]; 1] =
    [[0.353_553_39, 0.320_364_43, 0.0, -0.112_497_03, 0.0, 0.075_168_11, 0.0, -0.063_724_45]];

/// Writes `side` x `side` pixels, 2, 4 or 8, from the start of `out`, whose rows are `stride` apart. All
/// frequencies from `used` on, either way, are 0.
#[inline]
pub(super) fn inverse(block: &Block, used: usize, side: usize, out: &mut [u8], stride: usize) {
    match side {
        8 => {
            let turned = transposed(&pass::<4, 8, 8>(&WHOLE, block, used));
            write(&pass::<4, 8, 8>(&WHOLE, &turned, used), out, stride);
        }
        4 => {
            let turned = transposed(&pass::<2, 4, 8>(&PAIRS, block, used));
            write(&pass::<2, 4, 4>(&PAIRS, &turned, used), out, stride);
        }
        _ => {
            let turned = transposed(&pass::<1, 2, 8>(&FOURS, block, used));
            write(&pass::<1, 2, 2>(&FOURS, &turned, used), out, stride);
        }
    }
}

/// The mean of a block, from its dequantized first coefficient.
#[inline]
pub(super) fn mean(dc: i32) -> u8 {
    ((dc.saturating_add(4) >> 3).saturating_add(128)).clamp(0, 255) as u8
}

/// Frequencies of the first axis to pixels, for all of the second; `SIDE` is twice `HALF`.
#[inline(always)]
fn pass<const HALF: usize, const SIDE: usize, const LANES: usize>(
    cosines: &[[f32; 8]; HALF],
    block: &[[f32; LANES]; 8],
    used: usize,
) -> [[f32; LANES]; SIDE] {
    let mut out = [[0.0; LANES]; SIDE];
    for (near, cosines) in cosines.iter().enumerate() {
        let mut sums = [[0.0; LANES]; 2]; // of even and of odd frequencies
        for (frequency, (values, cosine)) in block.iter().zip(cosines).enumerate().take(used) {
            for (sum, value) in sums[frequency % 2].iter_mut().zip(values) {
                *sum += cosine * value;
            }
        }
        let [even, odd] = sums;
        for lane in 0..LANES {
            out[near][lane] = even[lane] + odd[lane];
            out[SIDE - 1 - near][lane] = even[lane] - odd[lane];
        }
    }
    out
}

#[inline(always)]
fn transposed<const A: usize, const B: usize>(values: &[[f32; A]; B]) -> [[f32; B]; A] {
    std::array::from_fn(|a| std::array::from_fn(|b| values[b][a]))
}

/// Samples are signed before they are stored: 128 is added; then they are rounded.
#[inline(always)]
fn write<const SIDE: usize>(values: &[[f32; SIDE]; SIDE], out: &mut [u8], stride: usize) {
    for (row, out) in values.iter().zip(out.chunks_mut(stride)) {
        for (value, out) in row.iter().zip(out) {
            *out = (value + 128.5) as u8;
        }
    }
}
