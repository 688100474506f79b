//! Seeded data for the unit tests.

/// `n` words of SplitMix64.
pub(crate) fn random_words(n: usize, seed: u64) -> Vec<u64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    (0..n).map(|_| next()).collect()
}

/// `n` codes of `bits` bits around `centres` centres, each bit flipped with probability 1/8: `[n, words]`.
pub(crate) fn clustered_codes(n: usize, bits: usize, centres: usize, seed: u64) -> Vec<u64> {
    let words = crate::words(bits);
    let centre_words = random_words(centres * words, 1);
    let noise = random_words(n * (words * 3 + 1), seed);
    let mut codes = Vec::with_capacity(n * words);
    for noise in noise.chunks_exact(words * 3 + 1) {
        let centre = (noise[words * 3] % centres as u64) as usize * words;
        for w in 0..words {
            let flips = noise[w * 3] & noise[w * 3 + 1] & noise[w * 3 + 2];
            codes.push(centre_words[centre + w] ^ flips);
        }
    }
    if !bits.is_multiple_of(64) {
        codes.iter_mut().skip(words - 1).step_by(words).for_each(|last| *last &= (1 << (bits % 64)) - 1);
    }
    codes
}
