//! The threshold from which two images count as near, for a given false-positive rate.
//!
//! The null are pairs of different images that were really compared: the candidates of this collection, without
//! those that local features told to be copies. How rare small unlikenesses are among them is fitted by a power law
//! (as for extreme values: Pickands 1975) and extrapolated to the rate that is asked for.
//!
//! Copies may be left among them, at the small end, where they make the tail look longer than it is. So the tail is
//! fitted in windows further and further from that end, and the window in which it falls fastest counts.
//!
//! A small collection says little: there is a null that comes with the program, [`SHIPPED`], measured on many
//! collections, and the collection's own counts for more the more pairs it has.

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
/// The null that comes with the program, as a share of the pairs compared: between those of 4,000 garments (7e-4 below
/// .3, and falling with a power of 3 to 4), of 1,300 groceries and garments (less), and of letters, slides, charts
/// and frames (30 times as much).
const SHIPPED: Tail = Tail { begin: 0.3, pairs: 1e-3, power: 3.5 };
/// The number of pairs of a collection that count for as much as that null.
const WEIGHT: f64 = 20_000.0;
/// Below this unlikeness the pairs are counted of a null that is too small for a fit.
const COUNTED: f64 = 0.5;
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
    /// The share of compared pairs of different images below it.
    pub(super) rate: f64,
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
        let own = self.own(rate);
        let (mut low, mut high) = RANGE.into_inner();
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if self.rate(&own, middle) <= rate { low = middle } else { high = middle }
        }
        Cut { unlikeness: low, rate: self.rate(&own, low) }
    }

    /// A given threshold, and what to expect from it.
    pub(super) fn at(&self, unlikeness: f64, rate: f64) -> Cut {
        Cut { unlikeness, rate: self.rate(&self.own(rate), unlikeness) }
    }

    /// The share of pairs of different images below an unlikeness: that of the collection, of which the tail is
    /// `own`, and the one that comes with the program, by their weights.
    fn rate(&self, own: &Tail, unlikeness: f64) -> f64 {
        let shipped = WEIGHT * SHIPPED.below(unlikeness);
        ((shipped + own.below(unlikeness)) / (WEIGHT + self.tested as f64)).min(1.0)
    }

    /// The tail of the collection: fitted in the window in which fewest are expected to be so alike as a share of
    /// `rate` is. If no window has enough pairs, it falls as the one that comes with the program does.
    fn own(&self, rate: f64) -> Tail {
        let wanted = rate * self.tested as f64;
        let tails = std::iter::successors(Some(FIRST), |begin| Some(begin * STEP));
        let tails = tails.take_while(|begin| begin * WINDOW <= LAST).filter_map(|begin| self.tail(begin));
        let best = tails.map(|tail| (tail.at(wanted), tail)).max_by(|(a, _), (b, _)| a.total_cmp(b));
        let pairs = self.unlikeness.partition_point(|&other| other < COUNTED) as f64;
        best.map_or(Tail { begin: COUNTED, pairs, power: SHIPPED.power }, |(_, tail)| tail)
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
            let cut = of(null(200_000, scale, power, 1)).cut(1e-5);
            let true_rate = (cut.unlikeness / scale).powf(power);
            assert!((1e-6..2e-5).contains(&true_rate), "{scale} {power}: {cut:?} {true_rate}");
            assert!(cut.rate <= 1.01e-5);
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
    fn few_pairs_say_little_and_a_lower_rate_is_stricter() {
        let none = Null::default().cut(1e-6).unlikeness;
        assert!((0.03..0.05).contains(&none), "{none}: as for photos");
        assert!(
            (of(vec![0.9; 10]).cut(1e-6).unlikeness / none - 1.0).abs() < 0.01,
            "ten pairs change little"
        );
        let frames = of(null(600, 0.6, 2.0, 5)).cut(1e-6).unlikeness;
        assert!(frames < none / 2.0, "{frames}: many similar pairs change much");
        assert_eq!(Null::default().least(), 1.0);
        let null = of(null(20_000, 0.6, 4.0, 4));
        let cuts: Vec<f64> = [1e-3, 1e-4, 1e-5, 1e-6].iter().map(|&rate| null.cut(rate).unlikeness).collect();
        assert!(cuts.windows(2).all(|pair| pair[0] > pair[1]), "{cuts:?}");
    }

    #[test]
    fn a_given_threshold_says_what_it_gives() {
        let null = of(null(20_000, 0.6, 3.0, 6));
        for unlikeness in [0.01, 0.05, 0.1] {
            let cut = null.at(unlikeness, 1e-6);
            let truth = (unlikeness / 0.6f64).powi(3) / 2.0; // half of the weight is the shipped null's
            assert_eq!(cut.unlikeness, unlikeness);
            assert!((0.3..3.0).contains(&(cut.rate / truth)), "{cut:?} {truth}");
        }
    }
}
