//! The threshold from which two images count as near, for a given false-positive rate.
//!
//! The null are pairs of different images that were really compared: the candidates of this collection, without
//! those that local features told to be copies. How rare small unlikenesses are among them is fitted by a power law
//! (as for extreme values: Pickands 1975) and extrapolated to the rate that is asked for.
//!
//! Copies may be left among them, at the small end, where they make the tail look longer than it is. So the tail is
//! fitted in windows further and further from that end, and the window in which it falls fastest counts. As the fastest
//! of many is partly chance, each is taken to fall more slowly by seven tenths of its standard error. A window far below
//! which most pairs lie is beyond the null, and not used.
//!
//! A small collection says little: there is a null that comes with the program, [`SHIPPED`], measured on many
//! collections. The collection's own counts for more the more pairs it has, and the more of them are alike at all.

/// The ratio of the ends of a window, and of two consecutive windows.
const WINDOW: f64 = 3.0;
const STEP: f64 = 1.15;
/// Where the first window begins, and beyond which no window ends.
const FIRST: f64 = 0.005;
const LAST: f64 = 0.8;
/// With fewer pairs in a window it is not used.
const FEWEST: usize = 60;
/// The range of powers that are accepted.
const POWERS: std::ops::RangeInclusive<f64> = 0.05..=10.0;
/// Standard errors by which a tail is taken to fall more slowly than it seems to.
const CAUTION: f64 = 0.7;
/// The share of all pairs that may lie below a window and not follow its law: more than the copies that are left.
const COPIES: f64 = 0.05;
/// The null that comes with the program, as a share of the pairs compared: between those of 4,000 garments (7e-4 below
/// .3, and falling with a power of 3 to 4), of 1,300 groceries and garments (less), and of letters, slides, charts
/// and frames (30 times as much).
const SHIPPED: Tail = Tail { begin: 0.3, pairs: 1e-3, power: 3.5 };
/// The number of pairs of a collection that count for as much as that null, while none of them is alike.
const WEIGHT: f64 = 20_000.0;
/// Below this unlikeness pairs are alike. In a null that is too small for a fit they are counted.
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
        let weight = WEIGHT / (1.0 + self.alike() / FEWEST as f64);
        let shipped = weight * SHIPPED.below(unlikeness);
        ((shipped + own.below(unlikeness)) / (weight + self.tested as f64)).min(1.0)
    }

    /// The number of pairs that are alike at all.
    fn alike(&self) -> f64 {
        self.unlikeness.partition_point(|&other| other < COUNTED) as f64
    }

    /// The tail of the collection: fitted in the window in which fewest are expected to be so alike as a share of
    /// `rate` is. If no window has enough pairs, it falls as the one that comes with the program does.
    fn own(&self, rate: f64) -> Tail {
        let wanted = rate * self.tested as f64;
        let tails = std::iter::successors(Some(FIRST), |begin| Some(begin * STEP));
        let tails = tails.take_while(|begin| begin * WINDOW <= LAST).filter_map(|begin| self.tail(begin));
        let best = tails.map(|tail| (tail.at(wanted), tail)).max_by(|(a, _), (b, _)| a.total_cmp(b));
        let counted = Tail { begin: COUNTED, pairs: self.alike(), power: SHIPPED.power };
        best.map_or(counted, |(_, tail)| tail)
    }

    /// The tail as fitted in the window that begins at `begin`; none if that has too few pairs, or is beyond the null.
    fn tail(&self, begin: f64) -> Option<Tail> {
        let of = |value: f64| self.unlikeness.partition_point(|&other| other < value);
        let inside = &self.unlikeness[of(begin)..of(begin * WINDOW)];
        if inside.len() < FEWEST {
            return None;
        }
        let n = inside.len() as f64;
        let mean = inside.iter().map(|value| (value / begin).ln()).sum::<f64>() / n;
        let power = power_of(mean);
        let power = (power - CAUTION * error_of(power) / n.sqrt()).max(*POWERS.start());
        let pairs = n / (WINDOW.powf(power) - 1.0);
        let is_within = of(begin) as f64 - pairs <= COPIES * self.tested as f64;
        is_within.then_some(Tail { begin, pairs, power })
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
    let (mut low, mut high) = POWERS.into_inner();
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if mean_at(middle) < mean { low = middle } else { high = middle }
    }
    low
}

/// The standard error of [`power_of`] from a single x: one over the standard deviation of x.
fn error_of(power: f64) -> f64 {
    let (length, end) = (WINDOW.ln(), WINDOW.powf(power));
    let variance = power.powi(-2) - length.powi(2) * end / (end - 1.0).powi(2);
    variance.max(f64::MIN_POSITIVE).sqrt().recip()
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
            assert!((3e-6..3e-5).contains(&true_rate), "{scale} {power}: {cut:?} {true_rate}");
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

    /// Copies of every kind: re-encoded and scaled ones; cropped, blurred and brighter ones; marked ones; framed ones;
    /// mirrored ones and small parts, which resemble their originals no more than strangers do.
    fn copies(n: usize, seed: u64) -> Vec<f32> {
        let kinds = [(0.02, 1.0), (0.06, 1.5), (0.3, 2.0), (0.7, 3.0), (1.0, 4.0)];
        let of =
            |(kind, (scale, power)): (u64, (f64, f64))| null(n.div_ceil(5), scale, power, 10 * seed + kind);
        (0..).zip(kinds).flat_map(of).take(n.div_ceil(5) * 5).collect()
    }

    #[test]
    fn copies_of_every_kind_hardly_move_the_threshold() {
        // an image is compared with some thirty others; two of its pairs are copies that nobody told apart
        for (n, scale, power) in [
            (30_000, 0.6, 3.0),
            (30_000, 1.0, 4.0),
            (5_000, 0.6, 3.0),
            (100_000, 0.6, 2.0),
            (30_000, 0.2, 5.0),
        ] {
            for rate in [1e-6, 1e-4, 1e-3] {
                let values = null(n, scale, power, 7);
                let clean = of(values.clone()).cut(rate).unlikeness;
                for hundredths in [0, 1, 5, 20] {
                    let copies = copies(n * hundredths / 100 / 30 * 2, 8);
                    let spoilt = of([values.clone(), copies].concat()).cut(rate).unlikeness;
                    let moved = spoilt / clean;
                    assert!(
                        (0.7..1.1).contains(&moved),
                        "{n} {scale} {power}, rate {rate:e}, {hundredths} %: {moved}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_number_of_false_pairs_is_right_within_three() {
        for (n, scale, power) in [
            (100_000, 1.0, 4.0),
            (30_000, 0.6, 3.0),
            (10_000, 0.6, 2.0),
            (5_000, 0.6, 3.0),
            (3_000, 0.3, 4.0),
        ] {
            for (rate, seed) in [(1e-5, 11), (1e-4, 12), (1e-3, 13)] {
                let cut = of(null(n, scale, power, seed)).cut(rate);
                let truth = (cut.unlikeness / scale).powf(power);
                let ratio = truth / cut.rate;
                assert!((1.0 / 3.0..3.0).contains(&ratio), "{n} {scale} {power}, rate {rate:e}: {ratio}");
            }
        }
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
            let truth = (unlikeness / 0.6f64).powi(3);
            assert_eq!(cut.unlikeness, unlikeness);
            assert!((0.3..3.0).contains(&(cut.rate / truth)), "{cut:?} {truth}");
        }
    }
}
