//! How many corners of two pictures must lie alike before this says something: more than those of strangers do by
//! chance, in this collection.
//!
//! The null are the pairs that were verified and found to have nothing in common. How many of them have so many such
//! corners falls by about the same factor with each more. Among them are copies that were changed too much, or show too
//! little, to be told; they have many, and make it fall more slowly. So the factor is the least of all steps with
//! enough pairs, and from there it is extrapolated to a rate. A null comes with the program: the number is never lower
//! than the one that follows from it, and that one alone counts where the collection has too few pairs.

use super::plan::InlierNull;

/// The number that counts by the null that comes with the program: at most 5 of 5,000 pairs of photos that resemble each
/// other most, of different scenes.
pub(super) const SHIPPED: usize = 8;
/// The most that are asked for.
const MOST: usize = 12;
/// The share of strangers that may have as many. Of these, nearly all differ in some block.
const RATE: f64 = 1e-5;
/// Any map that fits has so many; and with fewer pairs a step is not used.
const LEAST: usize = 3;
const FEWEST: f64 = 50.0;

/// The number of corners that counts, by those of pairs of strangers, in any order.
pub(super) fn null(inliers: impl Iterator<Item = usize>) -> InlierNull {
    let mut inliers: Vec<usize> = inliers.collect();
    inliers.sort_unstable_by(|a, b| b.cmp(a));
    let own = own(&inliers).map(|own| own.min(MOST));
    InlierNull {
        counts: own.unwrap_or(0).max(SHIPPED),
        shipped: SHIPPED,
        own,
        strangers: inliers.len() as u64,
        largest: inliers.first().copied().unwrap_or(0),
    }
}

/// The number that at most a share of [`RATE`] of the strangers has, or more; none if too few tell. Descending.
fn own(inliers: &[usize]) -> Option<usize> {
    let more = |k: usize| inliers.partition_point(|n| *n >= k) as f64;
    let (mut best, mut k) = (None, LEAST);
    while more(k + 1) >= FEWEST {
        let ratio = more(k + 1) / more(k);
        if best.is_none_or(|(least, _)| ratio < least) {
            best = Some((ratio, k));
        }
        k += 1;
    }
    let (ratio, k) = best.filter(|(ratio, _)| *ratio < 1.0)?;
    let share = more(k) / inliers.len() as f64;
    Some(k + ((RATE / share).ln() / ratio.ln()).ceil().max(0.0) as usize)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Two, and one more with a probability of `ratio` each time.
    fn strangers(n: usize, ratio: f64) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let one = |_| 2 + (0..40).take_while(|_| rng.random::<f64>() < ratio).count();
        (0..n).map(one).collect()
    }

    #[test]
    fn the_number_follows_from_how_rare_more_are() {
        for (ratio, expected) in [(0.1f64, 7), (0.2, 9), (0.25, 10)] {
            let clean = strangers(20_000, ratio);
            // copies that nobody told apart have many
            let copies = (0..40).map(|n| 8 + n);
            for inliers in [clean.clone(), clean.iter().copied().chain(copies).collect()] {
                let found = null(inliers.into_iter());
                let own = found.own.unwrap();
                assert!(own.abs_diff(expected) <= 1, "{ratio}: {own}, not {expected}");
                assert_eq!((found.counts, found.shipped), (own.max(SHIPPED), SHIPPED));
            }
        }
        let most = null(strangers(20_000, 0.8).into_iter());
        assert_eq!((most.own, most.counts, most.strangers), (Some(MOST), MOST, 20_000));
    }

    #[test]
    fn few_strangers_say_nothing() {
        let few = null(strangers(90, 0.45).into_iter());
        assert_eq!((few.own, few.counts), (None, SHIPPED));
        let none = null(std::iter::empty());
        assert_eq!((none.counts, none.largest, none.strangers), (SHIPPED, 0, 0));
    }
}
