//! The threshold from which two images count as near, for a given false-positive rate.
//!
//! Images that were mirrored or turned upside down are not copies of others in the collection, but just as
//! similar to them as different images are: pairs with them are the null. How rare small unlikenesses are
//! among them is fitted by a power law (as for extreme values: Pickands 1975) and extrapolated to the rate
//! that is asked for.
//!
//! A few of the null pairs may be true ones, since collections from the web hold mirrored copies. They are at
//! the small end, and make the tail look longer than it is. So the tail is fitted in windows further and
//! further from that end, and the window in which it falls fastest counts.

/// The ratio of the ends of a window, and of two consecutive windows.
const WINDOW: f64 = 3.0;
const STEP: f64 = 1.15;
/// Where the first window begins, and beyond which no window ends.
const FIRST: f64 = 0.005;
const LAST: f64 = 0.8;
/// With fewer pairs in a window it is not used.
const FEWEST: usize = 60;
/// The steepest power that is accepted.
const STEEPEST: f64 = 10.0;
/// The threshold if there are too few null pairs, as in small collections: that of photos at the default
/// rate, on the safe side.
const FALLBACK: f64 = 0.03;
/// The range of thresholds; rounding alone makes as much as the lower end.
const RANGE: std::ops::RangeInclusive<f64> = 0.001..=0.15;

/// Pairs of images that are not copies of each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Null {
    /// Unlikeness of those that can be aligned at all, ascending.
    unlikeness: Vec<f64>,
    /// The number of pairs compared.
    tested: usize,
}

/// The tail of a null: a power law for the number of pairs below an unlikeness.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tail {
    begin: f64,
    pairs: f64, // below `begin`, extrapolated from above
    power: f64,
}

/// A threshold, and what to expect from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    /// Pairs up to this unlikeness are near.
    pub(super) unlikeness: f64,
    /// The share of compared pairs of different images below it; none if there are too few null pairs.
    pub(super) rate: Option<f64>,
}

impl Null {
    /// The null of `tested` pairs; `unlikeness` holds those that have anything in common, in any order.
    pub(super) fn new(unlikeness: impl Iterator<Item = f32>, tested: usize) -> Null {
        let mut unlikeness: Vec<f64> = unlikeness.map(f64::from).collect();
        unlikeness.sort_unstable_by(f64::total_cmp);
        Null { unlikeness, tested }
    }

    /// The number of pairs compared.
    pub(super) fn tested(&self) -> usize {
        self.tested
    }

    /// The least unlikeness of a null pair; 1 if there are none.
    pub(super) fn least(&self) -> f64 {
        self.unlikeness.first().copied().unwrap_or(1.0)
    }

    /// The threshold below which there is at most a share of `rate` of the null pairs.
    pub(super) fn cut(&self, rate: f64) -> Cut {
        let wanted = rate * self.tested as f64;
        let tails = std::iter::successors(Some(FIRST), |begin| Some(begin * STEP));
        let tails = tails.take_while(|begin| begin * WINDOW <= LAST).filter_map(|begin| self.tail(begin));
        let best = tails.map(|tail| (tail.at(wanted), tail)).max_by(|(a, _), (b, _)| a.total_cmp(b));
        let Some((unlikeness, tail)) = best else { return Cut { unlikeness: FALLBACK, rate: None } };
        let unlikeness = unlikeness.clamp(*RANGE.start(), *RANGE.end());
        Cut { unlikeness, rate: Some(tail.below(unlikeness) / self.tested as f64) }
    }

    /// The tail as fitted in the window that begins at `begin`.
    fn tail(&self, begin: f64) -> Option<Tail> {
        let of = |value: f64| self.unlikeness.partition_point(|&other| other < value);
        let inside = &self.unlikeness[of(begin)..of(begin * WINDOW)];
        if inside.len() < FEWEST {
            return None;
        }
        let n = inside.len() as f64;
        let mean = inside.iter().map(|value| (value / begin).ln()).sum::<f64>() / n;
        let power = power_of(mean);
        Some(Tail { begin, pairs: n / (WINDOW.powf(power) - 1.0), power })
    }
}

impl Tail {
    fn below(&self, unlikeness: f64) -> f64 {
        self.pairs * (unlikeness / self.begin).powf(self.power)
    }

    /// The unlikeness below which there are so many pairs.
    fn at(&self, pairs: f64) -> f64 {
        // the law does not hold inside its window and beyond it
        self.begin * (pairs / self.pairs).min(1.0).powf(self.power.recip())
    }
}

/// The power of x in (0, ln WINDOW) with density exp(power x), by their mean: maximum likelihood.
fn power_of(mean: f64) -> f64 {
    let length = WINDOW.ln();
    let mean_at = |power: f64| length / (1.0 - (-power * length).exp()) - power.recip();
    let (mut low, mut high) = (0.05, STEEPEST);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if mean_at(middle) < mean { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn of(values: Vec<f32>) -> Null {
        let tested = values.len();
        Null::new(values.into_iter().filter(|value| *value < 1.0), tested)
    }

    /// Values with a power law below `scale`.
    fn null(n: usize, scale: f64, power: f64, seed: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..n).map(|_| (scale * rng.random::<f64>().powf(1.0 / power)).min(1.0) as f32).collect()
    }

    #[test]
    fn the_rate_that_was_asked_for_is_the_rate_there_is() {
        for (scale, power) in [(0.6, 3.0), (0.2, 5.0), (1.0, 4.0)] {
            let cut = of(null(20_000, scale, power, 1)).cut(1e-5);
            let true_rate = (cut.unlikeness / scale).powf(power);
            assert!((1e-6..2e-5).contains(&true_rate), "{scale} {power}: {cut:?} {true_rate}");
            assert!(cut.rate.unwrap() <= 1.01e-5);
        }
    }

    #[test]
    fn a_few_true_pairs_do_not_spoil_it() {
        let mut values = null(20_000, 0.6, 3.0, 2);
        let clean = of(values.clone()).cut(1e-5).unlikeness;
        values.extend(null(100, 0.03, 1.5, 3));
        let spoilt = of(values).cut(1e-5).unlikeness;
        assert!((0.5..1.5).contains(&(spoilt / clean)), "{clean} {spoilt}");
    }

    #[test]
    fn few_pairs_tell_nothing_and_a_lower_rate_is_stricter() {
        assert_eq!(of(vec![0.5; 10]).cut(1e-6), Cut { unlikeness: FALLBACK, rate: None });
        assert_eq!(Null::default().least(), 1.0);
        let null = of(null(20_000, 0.6, 4.0, 4));
        let cuts: Vec<f64> = [1e-3, 1e-4, 1e-5, 1e-6].iter().map(|&rate| null.cut(rate).unlikeness).collect();
        assert!(cuts.windows(2).all(|pair| pair[0] >= pair[1]), "{cuts:?}");
    }
}
