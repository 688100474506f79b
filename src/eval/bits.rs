//! How well codes use their bits, without any query: bits that never change, and bits that repeat each other.

use aesearch_index::words;

/// A bit is dead when more than this share of the images have the same value in it.
const DEAD: f64 = 0.999;

/// How well codes use their bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BitUse {
    /// Bits with the same value in more than 99.9 % of the images.
    pub dead: usize,
    /// Independent, balanced bits that would be worth as much, see [`bit_use`].
    pub effective: f64,
}

/// Measures `codes` `[items, words(bits)]`.
///
/// The effective bits are H^2 / sum over i, j of sqrt(H_i H_j) r_ij^2, where H_i is the entropy of bit i (in
/// bits), H the sum of all H_i and r_ij the correlation of two bits: H if the bits are independent, and the
/// entropy of one bit if all are copies of it. For balanced bits this is the participation ratio of the
/// eigenvalues of their correlation matrix, (sum l)^2 / sum l^2, which equals the degrees of freedom that
/// Daugman measures from the spread of the distances between random pairs ("The importance of being random:
/// statistical principles of iris recognition", 2003). Only pairs are considered: bits that depend on each
/// other in threes count as independent.
pub fn bit_use(codes: &[u64], bits: usize) -> BitUse {
    let width = words(bits);
    let n = codes.len() / width;
    if n == 0 {
        return BitUse { dead: 0, effective: 0.0 };
    }
    // [bits, words(n)]: one row per bit, so that two bits are compared 64 images at a time
    let mut columns = vec![vec![0u64; words(n)]; bits];
    for (item, code) in codes.chunks_exact(width).enumerate() {
        for (bit, column) in columns.iter_mut().enumerate() {
            column[item / 64] |= (code[bit / 64] >> (bit % 64) & 1) << (item % 64);
        }
    }
    let share = |ones: u32| f64::from(ones) / n as f64;
    let ones: Vec<f64> =
        columns.iter().map(|column| share(column.iter().map(|word| word.count_ones()).sum())).collect();
    let both = |i: usize, j: usize| {
        share(columns[i].iter().zip(&columns[j]).map(|(a, b)| (a & b).count_ones()).sum())
    };
    let entropies: Vec<f64> = ones.iter().map(|&p| entropy(p)).collect();
    let mut redundancy = 0.0;
    for (i, &p) in ones.iter().enumerate().filter(|(i, _)| entropies[*i] > 0.0) {
        redundancy += entropies[i]; // r_ii is 1
        for (j, &q) in ones[..i].iter().enumerate().filter(|(j, _)| entropies[*j] > 0.0) {
            let covariance = both(i, j) - p * q;
            let correlation_2 = covariance * covariance / (p * (1.0 - p) * q * (1.0 - q));
            redundancy += 2.0 * (entropies[i] * entropies[j]).sqrt() * correlation_2;
        }
    }
    let sum: f64 = entropies.iter().sum();
    BitUse {
        dead: ones.iter().filter(|&&p| p.max(1.0 - p) > DEAD).count(),
        effective: if redundancy > 0.0 { sum * sum / redundancy } else { 0.0 },
    }
}

/// The entropy of a bit that is set with probability `p`, in bits.
fn entropy(p: f64) -> f64 {
    let term = |p: f64| if p > 0.0 { -p * p.log2() } else { 0.0 };
    term(p) + term(1.0 - p)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Images whose codes count through all values of `counted` bits, spread to the bits named.
    fn counting(counted: u32, spread: impl Fn(u64) -> u64) -> Vec<u64> {
        (0..1u64 << counted).map(spread).collect()
    }

    #[test]
    fn independent_bits_count_whole_and_copies_once() {
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        let seven = bit_use(&counting(7, |code| code), 32);
        assert_eq!(seven.dead, 25);
        close(seven.effective, 7.0);
        // three bits, the last of them five times over: H = 7, redundancy = 2 + 25
        close(bit_use(&counting(3, |code| code | (((code >> 2) * 0b1111) << 3)), 32).effective, 49.0 / 27.0);
        // one bit and its opposites
        close(bit_use(&counting(1, |code| if code == 0 { 0xffff } else { 0xffff << 16 }), 32).effective, 1.0);
        assert_eq!(bit_use(&counting(4, |_| 5), 32), BitUse { dead: 32, effective: 0.0 });
        assert_eq!(bit_use(&[], 64), BitUse { dead: 0, effective: 0.0 });
    }

    #[test]
    fn a_bit_is_worth_its_entropy_and_dead_beyond_one_in_a_thousand() {
        let rare = |every: u64| (0..2000u64).map(|item| u64::from(item % every == 0)).collect::<Vec<_>>();
        let quarter = bit_use(&rare(4), 64);
        assert!((quarter.effective - 0.811_278).abs() < 1e-6);
        assert_eq!(
            (quarter.dead, bit_use(&rare(1000), 64).dead, bit_use(&rare(2000), 64).dead),
            (63, 63, 64)
        );
    }

    #[test]
    fn bits_beyond_the_first_word_are_seen() {
        let codes: Vec<u64> = (0..4u64).flat_map(|item| [item & 1, item >> 1]).collect();
        let found = bit_use(&codes, 70);
        assert_eq!((found.dead, found.effective), (68, 2.0));
    }
}
