//! What a code is: how many bits it may have, which words hold them, and the same as bytes.

use crate::error::{Error, Result};

/// The narrowest and the widest code, in bits.
pub const BITS: std::ops::RangeInclusive<usize> = 32..=256;

/// The longest latent, in values, and the largest bucket, in codes.
pub(crate) const MAX_SIZE: usize = 1 << 20;

/// Number of u64 words that hold a code of `bits` bits.
///
/// ```
/// assert_eq!([32, 64, 65, 256].map(aesearch_index::words), [1, 1, 2, 4]);
/// ```
#[must_use]
pub fn words(bits: usize) -> usize {
    bits.div_ceil(64)
}

/// Codes `[n, words(bits)]` of rows of bytes `[n, ceil(bits / 8)]`, as faiss, usearch and numpy keep them.
///
/// Bit `i` of a code is bit `i % 8`, from the lowest, of byte `i / 8`. Distances are the same whatever the
/// order of bits within bytes, so bytes of `numpy.packbits`, whose first bit is the highest, can be taken as
/// they are if the number of bits is a multiple of 8.
///
/// ```
/// use aesearch_index::{codes_from_bytes, codes_to_bytes};
///
/// let rows = [0x01, 0, 0, 0, 0, 0, 0, 0x80, /* the second row */ 0xff, 0, 0, 0, 0, 0, 0, 0];
/// let codes = codes_from_bytes(&rows, 64)?;
/// assert_eq!(codes, [1 | 1 << 63, 0xff]);
/// assert_eq!(codes_to_bytes(&codes, 64)?, rows);
/// # Ok::<(), aesearch_index::Error>(())
/// ```
///
/// # Errors
/// [`Error::Input`] for bits outside of [`BITS`], an incomplete last row, or a bit set beyond `bits`.
pub fn codes_from_bytes(rows: &[u8], bits: usize) -> Result<Vec<u64>> {
    check_bits(bits)?;
    let width = bits.div_ceil(8);
    if !rows.len().is_multiple_of(width) {
        return Err(Error::input("codes", format!("{width} bytes each"), format!("{} bytes", rows.len())));
    }
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let codes: Vec<u64> = rows.chunks_exact(width).flat_map(|row| row.chunks(8).map(word)).collect();
    check_codes(&codes, bits)?;
    Ok(codes)
}

/// The bytes `[n, ceil(bits / 8)]` of codes `[n, words(bits)]`: what [`codes_from_bytes`] reads.
///
/// # Errors
/// [`Error::Input`] for bits outside of [`BITS`], an incomplete last code, or a bit set beyond `bits`.
pub fn codes_to_bytes(codes: &[u64], bits: usize) -> Result<Vec<u8>> {
    check_codes(codes, bits)?;
    let width = bits.div_ceil(8);
    let bytes =
        |code: &[u64]| code.iter().flat_map(|word| word.to_le_bytes()).take(width).collect::<Vec<_>>();
    Ok(codes.chunks_exact(words(bits)).flat_map(bytes).collect())
}

/// True when `code` has the words of a `bits`-bit code and no bit set above `bits`.
pub(crate) fn is_code(code: &[u64], bits: usize) -> bool {
    code.len() == words(bits)
        && (bits.is_multiple_of(64) || code.last().is_some_and(|last| last >> (bits % 64) == 0))
}

/// Refuses a width that no code has.
pub(crate) fn check_bits(bits: usize) -> Result<()> {
    match BITS.contains(&bits) {
        true => Ok(()),
        false => Err(Error::input("bits", format!("{} to {}", BITS.start(), BITS.end()), bits)),
    }
}

/// Refuses what is not codes `[n, words(bits)]`.
pub(crate) fn check_codes(codes: &[u64], bits: usize) -> Result<()> {
    check_bits(bits)?;
    let words = words(bits);
    if !codes.len().is_multiple_of(words) {
        return Err(Error::input("codes", format!("{words} words each"), format!("{} words", codes.len())));
    }
    match codes.chunks_exact(words).position(|code| !is_code(code, bits)) {
        Some(wide) => Err(Error::input("codes", format!("{bits} bits each"), format!("more in code {wide}"))),
        None => Ok(()),
    }
}

/// True when the values of a latent may be multiplied by `scale`.
pub(crate) fn is_scale(scale: f32) -> bool {
    scale.is_finite() && scale >= 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_codes_bit_by_bit() {
        for bits in [32usize, 33, 40, 63, 64, 65, 96, 127, 128, 200, 256] {
            let width = bits.div_ceil(8);
            let mut rows: Vec<u8> =
                crate::testing::random_words(width * 5, 7).iter().map(|word| *word as u8).collect();
            rows.chunks_exact_mut(width).for_each(|row| row[width - 1] &= 0xff >> (width * 8 - bits));
            let codes = codes_from_bytes(&rows, bits).unwrap();
            for (row, code) in rows.chunks_exact(width).zip(codes.chunks_exact(words(bits))) {
                for bit in 0..bits {
                    assert_eq!(
                        row[bit / 8] >> (bit % 8) & 1,
                        (code[bit / 64] >> (bit % 64) & 1) as u8,
                        "{bit}"
                    );
                }
            }
            assert_eq!(codes_to_bytes(&codes, bits).unwrap(), rows);
        }
        assert_eq!(codes_from_bytes(&[], 64).unwrap(), [0; 0]);
    }

    #[test]
    fn bytes_that_are_no_codes_are_refused() {
        let refused = |rows: &[u8], bits| codes_from_bytes(rows, bits).unwrap_err().to_string();
        assert_eq!(refused(&[0; 9], 64), "codes: expected 8 bytes each, got 9 bytes");
        assert_eq!(refused(&[0, 0, 0, 0, 2], 33), "codes: expected 33 bits each, got more in code 0");
        assert_eq!(refused(&[], 8), "bits: expected 32 to 256, got 8");
        assert!(codes_to_bytes(&[0, 0, 0], 128).unwrap_err().is_input());
    }
}
