//! Faults of single images, compared with what is usual in the collection.
//!
//! "Usual" is within Tukey's outer fences: three times the interquartile range beyond the quartiles. Each
//! fault also has an absolute bound. Bounded numbers are compared on an unbounded scale, as logarithms or
//! log-odds: among photos, the fences of brightness itself would lie outside of 0 to 1.

use serde::Serialize;

use super::measure::Measures;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// Almost blank: the standard deviation of its pixels is below two steps of 256.
    NearConstant,
    /// Much darker than the others, and dark.
    Dark,
    /// Much brighter than the others, and bright.
    Bright,
    /// Much less sharp than the others.
    Blurred,
    /// Of proportions that few others have.
    OddAspect,
}

impl Flag {
    /// The name in documents and tables.
    pub fn name(self) -> &'static str {
        match self {
            Flag::NearConstant => "near-constant",
            Flag::Dark => "dark",
            Flag::Bright => "bright",
            Flag::Blurred => "blurred",
            Flag::OddAspect => "odd-aspect",
        }
    }

    /// The names of several, `dark blurred`.
    pub fn names(flags: &[Flag]) -> String {
        flags.iter().map(|flag| flag.name()).collect::<Vec<_>>().join(" ")
    }
}

/// The least standard deviation of the pixels of an image that is not almost blank.
const CONSTANT: f32 = 2.0 / 255.0;
/// No image is dark above this brightness, or bright below 1 less this.
const DARK: f32 = 0.25;
/// An image that is more than half as sharp as the median is not blurred.
const BLURRED: f32 = 0.5;
/// Proportions within this factor of the median are usual, whether upright or lying.
const ASPECT: f32 = 1.5;
/// So are those that at least this share of the images have, within this factor: portraits among landscapes.
const SHARED: f32 = 0.01;
const SAME_ASPECT: f32 = 1.1;
/// Brightness is clamped to this distance from 0 and 1.
const STEP: f32 = 1.0 / 512.0;
/// Tukey's outer fences.
const FENCE: f32 = 3.0;

/// The faults of each image, `[n]`.
pub(super) fn flags(measures: &[Option<Measures>]) -> Vec<Vec<Flag>> {
    let of = |value: fn(&Measures) -> f32| Usual::of(measures.iter().flatten().map(value));
    let filled = |image: &Measures| image.contrast >= CONSTANT;
    let brightness = of(|image| log_odds(image.brightness));
    let sharpness =
        Usual::of(measures.iter().flatten().filter(|image| filled(image)).map(|image| image.sharpness.ln()));
    let aspect = of(elongation);
    let mut shapes: Vec<f32> = measures.iter().flatten().map(elongation).collect();
    shapes.sort_unstable_by(f32::total_cmp);
    // not counting the image itself
    let alike = |shape: f32| {
        let below = |bound: f32| shapes.partition_point(|other| *other < bound);
        below(shape + SAME_ASPECT.ln()) - below(shape - SAME_ASPECT.ln()) - 1
    };
    let is_shared = |shape: f32| alike(shape) as f32 >= (SHARED * shapes.len() as f32).max(2.0);
    let judge = |image: &Measures| {
        let mut flags = Vec::new();
        if !filled(image) {
            flags.push(Flag::NearConstant);
        }
        let light = log_odds(image.brightness);
        if light < brightness.low && image.brightness < DARK {
            flags.push(Flag::Dark);
        }
        if light > brightness.high && image.brightness > 1.0 - DARK {
            flags.push(Flag::Bright);
        }
        let sharp = image.sharpness.ln();
        if filled(image) && sharp < sharpness.low && sharp < sharpness.median + BLURRED.ln() {
            flags.push(Flag::Blurred);
        }
        let shape = elongation(image);
        let is_far =
            (shape < aspect.low || shape > aspect.high) && (shape - aspect.median).abs() > ASPECT.ln();
        if is_far && !is_shared(shape) {
            flags.push(Flag::OddAspect);
        }
        flags
    };
    measures.iter().map(|image| image.as_ref().map_or(Vec::new(), judge)).collect()
}

/// How much longer one side is than the other, as a logarithm: a photo turned by a quarter has the same.
fn elongation(image: &Measures) -> f32 {
    image.aspect.ln().abs()
}

/// Brightness on an unbounded scale, so that fences around it are valid.
fn log_odds(brightness: f32) -> f32 {
    let inside = brightness.clamp(STEP, 1.0 - STEP);
    (inside / (1.0 - inside)).ln()
}

/// The usual range of a number.
struct Usual {
    low: f32,
    median: f32,
    high: f32,
}

impl Usual {
    /// Everything is usual where there are no values.
    fn of(values: impl Iterator<Item = f32>) -> Usual {
        let mut values: Vec<f32> = values.filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f32::total_cmp);
        let at = |part: usize| values.get((values.len().saturating_sub(1)) * part / 4).copied();
        let (Some(first), Some(median), Some(third)) = (at(1), at(2), at(3)) else {
            return Usual { low: f32::NEG_INFINITY, median: 0.0, high: f32::INFINITY };
        };
        let reach = FENCE * (third - first);
        Usual { low: first - reach, median, high: third + reach }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(brightness: f32, contrast: f32, sharpness: f32, aspect: f32) -> Option<Measures> {
        Some(Measures { brightness, contrast, sharpness, aspect, loss: None })
    }

    /// Fifty usual images that vary as photos do.
    fn usual() -> Vec<Option<Measures>> {
        let vary = |i: usize| i as f32 / 50.0;
        (0..50).map(|i| measure(0.3 + 0.35 * vary(i), 0.2, 0.1 + 0.05 * vary(i), 1.0)).collect()
    }

    #[test]
    fn each_fault_is_seen_and_nothing_else() {
        let mut measures = usual();
        measures.extend([
            measure(0.5, 0.001, 0.0, 1.0),
            measure(0.035, 0.1, 0.1, 1.0),
            measure(0.97, 0.1, 0.1, 1.0),
            measure(0.5, 0.2, 0.001, 1.0),
            measure(0.5, 0.2, 0.1, 3.0),
            measure(0.5, 0.2, 0.1, 1.3),
            measure(0.2, 0.2, 0.1, 1.0),
            None,
        ]);
        let flags = flags(&measures);
        assert!(flags[..50].iter().all(Vec::is_empty));
        let expected: [&[Flag]; 8] = [
            &[Flag::NearConstant],
            &[Flag::Dark],
            &[Flag::Bright],
            &[Flag::Blurred],
            &[Flag::OddAspect],
            &[],
            &[],
            &[],
        ];
        assert_eq!(flags[50..], expected);
    }

    #[test]
    fn what_many_share_is_not_odd() {
        let shaped = |aspect: f32, count: usize| (0..count).map(move |_| measure(0.5, 0.2, 0.1, aspect));
        let odd = |measures: &[Option<Measures>]| -> Vec<usize> {
            let flags = flags(measures);
            (0..measures.len()).filter(|&i| flags[i].contains(&Flag::OddAspect)).collect()
        };
        // portraits among landscapes, a second format of cameras, twelve strips, and three longer ones
        let cameras = shaped(0.75, 717).chain(shaped(1.333, 180)).chain(shaped(1.5, 3));
        let mut photos: Vec<_> = cameras.chain(shaped(3.0, 12)).collect();
        photos.extend([5.0, 8.0, 0.2].map(|aspect| measure(0.5, 0.2, 0.1, aspect)));
        assert_eq!(odd(&photos), [912, 913, 914]);
        // two alike in a small collection are few
        let few: Vec<_> = shaped(1.5, 30).chain(shaped(0.3, 2)).collect();
        assert_eq!(odd(&few), [30, 31]);
    }

    #[test]
    fn nights_are_not_dark_among_nights() {
        let nights: Vec<_> = (0..50).map(|i| measure(0.02 + 0.001 * i as f32, 0.1, 0.1, 1.0)).collect();
        assert!(flags(&nights).iter().all(Vec::is_empty));
        assert!(flags(&[None, None]).iter().all(Vec::is_empty));
    }
}
