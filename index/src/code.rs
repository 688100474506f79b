//! What a code is: how many bits it may have, and how many words hold them.

/// The narrowest and the widest code, in bits.
pub const BITS: std::ops::RangeInclusive<usize> = 32..=256;

/// The longest latent, in values, and the largest bucket, in codes.
pub(crate) const MAX_SIZE: usize = 1 << 20;

/// Number of u64 words that hold a code of `bits` bits.
pub fn words(bits: usize) -> usize {
    bits.div_ceil(64)
}

/// True when `code` has the words of a `bits`-bit code and no bit set above `bits`.
pub(crate) fn is_code(code: &[u64], bits: usize) -> bool {
    code.len() == words(bits)
        && (bits.is_multiple_of(64) || code.last().is_some_and(|last| last >> (bits % 64) == 0))
}

/// True when the values of a latent may be multiplied by `scale`.
pub(crate) fn is_scale(scale: f32) -> bool {
    scale.is_finite() && scale >= 0.0
}
