//! The threshold from which two images count as near, for a given false-positive rate.
//!
//! The null are pairs of different images that were really compared: the candidates of this collection, without
//! those that local features told to be copies. How rare small unlikenesses are among them is fitted by a law, and
//! extrapolated to the rate that is asked for: on logarithmic axes the number of pairs below an unlikeness is a
//! straight line (a power law, as for extreme values: Pickands 1975) that bends down, for the worst of many places
//! decides, and the more must be alike the less likely that is. Digits fall with a power of 3 where a pair in a hundred
//! is, and of 7 where one in a million is; a straight line would say thirty times too many.
//!
//! Copies may be left among them, at the small end, where they make the tail look longer than it is. So the law is
//! fitted in windows further and further from that end, and the window in which it falls fastest counts. As the fastest
//! of many is partly chance, each is taken to bend and to fall a little less than it seems to. A window far below
//! which most pairs lie is beyond the null, and so is one above most: there the law ends. They are not used.
//!
//! A small collection says little: there is a null that comes with the program, [`SHIPPED`], measured on many
//! collections. The collection's own counts for more the more pairs it has, and the more of them are alike at all.

/// The ratio of the ends of a window, and of two consecutive windows.
const WINDOW: f64 = 4.0;
const STEP: f64 = 1.15;
/// Where the first window begins, and beyond which no window ends.
const FIRST: f64 = 0.005;
const LAST: f64 = 0.8;
/// The share of the null beyond which no window ends.
const MOST: f64 = 0.5;
/// With fewer pairs in a window it is not used.
const FEWEST: usize = 60;
/// The range of powers that are accepted.
const POWERS: std::ops::RangeInclusive<f64> = 0.05..=15.0;
/// How much laws bend, and the standard deviation of that, as far as is known before pairs are: between those of
/// digits (2), photos (1) and none.
const BENDS: f64 = 0.5;
const BENDS_VARY: f64 = 0.7;
/// Standard errors by which a law is taken to fall, and to bend, less than it seems to.
const CAUTION: f64 = 1.0;
const CAUTION_OF_BENDS: f64 = 1.5;
/// Places at which a law is summed.
const PLACES: usize = 64;
/// The share of all pairs that may lie below a window and not follow its law: more than the copies that are left.
const COPIES: f64 = 0.05;
/// The null that comes with the program, as a share of the pairs compared: between those of 4,000 garments (7e-4 below
/// .3, and falling with a power of 3 to 4), of 1,300 groceries and garments (less), and of letters, slides, charts
/// and frames (30 times as much).
const SHIPPED: Tail = Tail { begin: 0.3, end: 1.0, pairs: 1e-3, power: 3.5, bend: 0.0 };
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

/// The tail of a null: a law for the number of pairs below an unlikeness. Per unit of x, the logarithm of the unlikeness
/// over `begin`, there are as many as exp(power x - bend x^2 / 2), times a constant.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tail {
    begin: f64,
    /// Up to here it holds.
    end: f64,
    /// Below `begin`, extrapolated from above.
    pairs: f64,
    power: f64,
    bend: f64,
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
        let unlikeness = last(*RANGE.start()..=RANGE.end().min(own.end), |at| self.rate(&own, at) <= rate);
        Cut { unlikeness, rate: self.rate(&own, unlikeness) }
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
        let middle = self.unlikeness.get((MOST * self.unlikeness.len() as f64) as usize).copied();
        let end = middle.unwrap_or(0.0).min(LAST);
        let begins = std::iter::successors(Some(FIRST), |begin| Some(begin * STEP));
        let tails = begins.take_while(|begin| begin * WINDOW <= end).filter_map(|begin| self.tail(begin));
        let best = tails.map(|tail| (tail.at(wanted), tail)).max_by(|(a, _), (b, _)| a.total_cmp(b));
        let counted = Tail { begin: COUNTED, pairs: self.alike(), ..SHIPPED };
        best.map_or(counted, |(_, tail)| tail)
    }

    /// The tail as fitted in the window that begins at `begin`; none if that has too few pairs, or is beyond the null.
    fn tail(&self, begin: f64) -> Option<Tail> {
        let end = begin * WINDOW;
        let of = |value: f64| self.unlikeness.partition_point(|&other| other < value);
        let inside = &self.unlikeness[of(begin)..of(end)];
        if inside.len() < FEWEST {
            return None;
        }
        let n = inside.len() as f64;
        let (power, bend) = fit(inside.iter().map(|value| (value / begin).ln()), n);
        let tail = Tail { begin, end, pairs: 4.0 * n / Law::new(power, bend).sum, power, bend };
        let tail = Tail { pairs: tail.pairs / tail.slopes(0.0), ..tail };
        let is_within = of(begin) as f64 - tail.pairs <= COPIES * self.tested as f64;
        is_within.then_some(tail)
    }
}

impl Tail {
    /// The number of pairs below an unlikeness.
    fn below(&self, unlikeness: f64) -> f64 {
        let x = (unlikeness.min(self.end) / self.begin).ln();
        let top = if self.bend > 0.0 { self.power / self.bend } else { f64::INFINITY };
        let x = x.min(top); // beyond it the law would fall again
        let there = (self.power * x - self.bend * x * x / 2.0).exp();
        self.pairs * there * self.slopes(0.0) / self.slopes(x)
    }

    /// Four times the number of pairs per unit of x over that of the pairs below, nearly: by the slope of the law, as the
    /// tail of a normal distribution (Szarek and Werner 1999); exact for one that does not bend.
    fn slopes(&self, x: f64) -> f64 {
        let slope = self.power - self.bend * x;
        3.0 * slope + (slope * slope + 8.0 * self.bend).sqrt()
    }

    /// The unlikeness below which there are so many pairs, as far as the law holds.
    fn at(&self, pairs: f64) -> f64 {
        last(f64::MIN_POSITIVE.sqrt()..=self.end, |unlikeness| self.below(unlikeness) <= pairs)
    }
}

/// The last place of a range where something is so, if it is so up to there.
fn last(range: std::ops::RangeInclusive<f64>, is_so: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = range.into_inner();
    for _ in 0..60 {
        let far = low > 0.0 && 4.0 * low < high;
        let middle = if far { (low * high).sqrt() } else { (low + high) / 2.0 };
        if is_so(middle) { low = middle } else { high = middle }
    }
    low
}

/// The power and the bend of `n` values of x in a window, with caution: the likeliest, given what is known of bends.
fn fit(values: impl Iterator<Item = f64>, n: f64) -> (f64, f64) {
    let (sum, halves) = values.fold((0.0, 0.0), |(sum, halves), x| (sum + x, halves + x * x / 2.0));
    let (mean, half) = (sum / n, halves / n);
    let prior = BENDS_VARY.powi(-2);
    let (mut power, mut bend, mut error) = (2.0, BENDS, 0.0);
    for _ in 0..30 {
        // Newton's method; the logarithm of the likelihood is concave
        let law = Law::new(power, bend);
        let (of_power, of_bend) = (n * (mean - law.mean), n * (law.half - half) - prior * (bend - BENDS));
        let (a, b, c) = (n * law.variance, -n * law.both, n * law.of_half + prior);
        let all = a * c - b * b;
        let step = ((c * of_power - b * of_bend) / all, (a * of_bend - b * of_power) / all);
        power += step.0.clamp(-2.0, 2.0);
        bend += step.1.clamp(-2.0, 2.0);
        error = (a / all).sqrt();
    }
    let bend = (bend - CAUTION_OF_BENDS * error).max(0.0);
    let steep = 2.0 * *POWERS.end();
    let power = last(-steep..=steep, |power| Law::new(power, bend).mean <= mean);
    let error = (n * Law::new(power, bend).variance).sqrt().recip();
    ((power - CAUTION * error).clamp(*POWERS.start(), *POWERS.end()), bend)
}

/// Sums of a law over a window: of the law itself, and means by it.
struct Law {
    sum: f64,
    /// Of x, and its variance.
    mean: f64,
    variance: f64,
    /// Of x^2 / 2, its variance, and its covariance with x.
    half: f64,
    of_half: f64,
    both: f64,
}

impl Law {
    fn new(power: f64, bend: f64) -> Law {
        let width = WINDOW.ln() / PLACES as f64;
        let mut sums = [0.0; 6];
        for place in 0..PLACES {
            let x = (place as f64 + 0.5) * width;
            let half = x * x / 2.0;
            let there = (power * x - bend * half).exp() * width;
            let terms = [1.0, x, x * x, half, half * half, x * half];
            sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += there * term);
        }
        let [sum, ..] = sums;
        let [_, mean, square, half, of_half, both] = sums.map(|value| value / sum);
        let (variance, of_half, both) = (square - mean * mean, of_half - half * half, both - mean * half);
        Law { sum, mean, variance, half, of_half, both }
    }
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

    /// The share of values below one of which a law is below, that bends: as the unlikeness of digits.
    fn below_bent(value: f64, (scale, power, bend): (f64, f64, f64)) -> f64 {
        let x = (value / scale).ln().min(0.0);
        (power * x - bend * x * x / 2.0).exp()
    }

    fn bent(n: usize, (scale, power, bend): (f64, f64, f64), seed: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let x = |share: f64| (power - (power * power - 2.0 * bend * share.ln()).sqrt()) / bend;
        (0..n).map(|_| (scale * x(1.0 - rng.random::<f64>()).exp()) as f32).collect()
    }

    #[test]
    fn the_number_of_false_pairs_is_right_within_three_where_the_law_bends() {
        for (n, law) in [
            (300_000, (0.3, 1.0, 2.0)),
            (100_000, (0.4, 1.0, 1.5)),
            (20_000, (0.3, 1.0, 2.0)),
            (5_000, (0.6, 1.5, 1.0)),
        ] {
            let (clean, copies) = (bent(n, law, 21), copies(n / 150, 22));
            for rate in [1e-5, 1e-4, 1e-3, 1e-2] {
                let are_right = |null: &Null| {
                    let cut = null.cut(rate);
                    let (expected, truth) = (cut.rate * n as f64, below_bent(cut.unlikeness, law) * n as f64);
                    let is_right =
                        (1.0 / 3.0..3.0).contains(&(truth / expected)) || truth.max(expected) < 3.0;
                    assert!(is_right, "{n} {law:?}, rate {rate:e}: {truth}, not {expected}");
                };
                are_right(&of(clean.clone()));
                are_right(&of([&clean[..], &copies].concat()));
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
