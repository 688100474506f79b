//! From a block of 64 coefficients to pixels: 8x8 of them, or means of 2x2, 4x4 and 8x8 as one.
//!
//! Of whole blocks each pass transforms the first axis and turns the result, so that two passes give rows. Of
//! small ones each coefficient is added to all pixels as it is read: most are 0. In floats: what hostile files
//! hold cannot overflow.

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

/// Added to a small number, it leaves that number, rounded, in the lowest bits: 2 to the power of 23. Vector
/// units do this sooner than a conversion.
const TO_BITS: f32 = 8_388_608.0;

/// Writes 8x8 pixels from the start of `out`, whose rows are `stride` apart. All frequencies from `used` on,
/// either way, are 0.
#[inline]
pub(super) fn inverse(block: &Block, used: usize, out: &mut [u8], stride: usize) {
    let turned = transposed(&pass(block, used));
    write(&pass(&turned, used), out, stride);
}

/// What a coefficient of 1 at a horizontal and a vertical frequency adds to each of `side` x `side` pixels, 2
/// or 4, row by row.
pub(super) fn shares(side: usize, (across, down): (usize, usize)) -> impl Iterator<Item = f32> {
    let halves: &[[f32; 8]] = if side == 2 { &FOURS } else { &PAIRS };
    let share = move |at: usize, frequency: usize| match halves.get(at) {
        Some(cosines) => cosines[frequency],
        None if frequency.is_multiple_of(2) => halves[side - 1 - at][frequency],
        None => -halves[side - 1 - at][frequency],
    };
    (0..side * side).map(move |at| share(at % side, across) * share(at / side, down))
}

/// Adds what a coefficient is to the pixels of a small block.
#[inline(always)]
pub(super) fn add<const N: usize>(pixels: &mut [f32; N], shares: &[f32; N], value: i32) {
    for (pixel, share) in pixels.iter_mut().zip(shares) {
        *pixel += share * value as f32;
    }
}

/// Writes the pixels of a small block, as [`inverse`] does.
#[inline(always)]
pub(super) fn write_small<const N: usize>(pixels: &[f32; N], out: &mut [u8], stride: usize) {
    match pixels.as_chunks::<4>().0 {
        &[[a, b, c, d]] => write(&[[a, b], [c, d]], out, stride),
        rows => {
            if let Some(rows) = rows.first_chunk::<4>() {
                write(rows, out, stride);
            }
        }
    }
}

/// The mean of a block, from its dequantized first coefficient.
#[inline]
pub(super) fn mean(dc: i32) -> u8 {
    ((dc.saturating_add(4) >> 3).saturating_add(128)).clamp(0, 255) as u8
}

/// Frequencies of the first axis to pixels, for all of the second.
#[inline(always)]
fn pass(block: &Block, used: usize) -> Block {
    let mut out = [[0.0; 8]; 8];
    for (near, cosines) in WHOLE.iter().enumerate() {
        let mut sums = [[0.0; 8]; 2]; // of even and of odd frequencies
        for (frequency, (values, cosine)) in block.iter().zip(cosines).enumerate().take(used) {
            for (sum, value) in sums[frequency % 2].iter_mut().zip(values) {
                *sum += cosine * value;
            }
        }
        let [even, odd] = sums;
        for lane in 0..8 {
            out[near][lane] = even[lane] + odd[lane];
            out[7 - near][lane] = even[lane] - odd[lane];
        }
    }
    out
}

#[inline(always)]
fn transposed(values: &Block) -> Block {
    std::array::from_fn(|a| std::array::from_fn(|b| values[b][a]))
}

/// Samples are signed before they are stored: 128 is added; then they are rounded.
#[inline(always)]
fn write<const SIDE: usize>(values: &[[f32; SIDE]; SIDE], out: &mut [u8], stride: usize) {
    for (row, out) in values.iter().zip(out.chunks_mut(stride)) {
        if let Some(out) = out.first_chunk_mut() {
            *out = row.map(|value| ((value + 128.0).clamp(0.0, 255.0) + TO_BITS).to_bits() as u8);
        }
    }
}
