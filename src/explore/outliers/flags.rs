//! Faults that show in an image alone, next to what is usual in its collection.
//!
//! "Usual" is between Tukey's outer fences: three times the distance of the quartiles beyond them. A collection of night shots has no
//! dark images, and one of fog no flat ones; so each fault also has a bound below which nothing is one. Numbers with an end are taken
//! where they have none, as logarithms or log-odds: the fences of brightness itself would lie outside of 0 to 1 among photos.

use serde::Serialize;

use super::measure::Measures;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// Next to nothing on it: the deviation of its pixels is below two steps of 256.
    NearConstant,
    /// Much darker than the others, and dark.
    Dark,
    /// Much brighter than the others, and bright.
    Bright,
    /// Much less sharp than the others.
    Blurred,
    /// Of other proportions than the others.
    OddAspect,
}

impl Flag {
    /// As documents and tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Flag::NearConstant => "near-constant",
            Flag::Dark => "dark",
            Flag::Bright => "bright",
            Flag::Blurred => "blurred",
            Flag::OddAspect => "odd-aspect",
        }
    }
}

/// Least deviation of the pixels of an image with something on it.
const CONSTANT: f32 = 2.0 / 255.0;
/// No image is dark above this brightness, or bright below 1 less this.
const DARK: f32 = 0.25;
/// No image is blurred that is more than half as sharp as the median.
const BLURRED: f32 = 0.5;
/// Proportions within this factor of the median are usual.
const ASPECT: f32 = 1.5;
/// Brightness closer than this to 0 or 1 is no darker or brighter.
const STEP: f32 = 1.0 / 512.0;
/// Tukey's outer fences.
const FENCE: f32 = 3.0;

/// The faults of each image, `[n]`.
pub(super) fn flags(looks: &[Option<Measures>]) -> Vec<Vec<Flag>> {
    let of = |value: fn(&Measures) -> f32| Usual::of(looks.iter().flatten().map(value));
    let filled = |look: &Measures| look.contrast >= CONSTANT;
    let brightness = of(|look| log_odds(look.brightness));
    let sharpness =
        Usual::of(looks.iter().flatten().filter(|look| filled(look)).map(|look| look.sharpness.ln()));
    let aspect = of(|look| look.aspect.ln());
    let judge = |look: &Measures| {
        let mut flags = Vec::new();
        if !filled(look) {
            flags.push(Flag::NearConstant);
        }
        let light = log_odds(look.brightness);
        if light < brightness.low && look.brightness < DARK {
            flags.push(Flag::Dark);
        }
        if light > brightness.high && look.brightness > 1.0 - DARK {
            flags.push(Flag::Bright);
        }
        let sharp = look.sharpness.ln();
        if filled(look) && sharp < sharpness.low && sharp < sharpness.median + BLURRED.ln() {
            flags.push(Flag::Blurred);
        }
        let shape = look.aspect.ln();
        if (shape < aspect.low || shape > aspect.high) && (shape - aspect.median).abs() > ASPECT.ln() {
            flags.push(Flag::OddAspect);
        }
        flags
    };
    looks.iter().map(|look| look.as_ref().map_or(Vec::new(), judge)).collect()
}

/// Brightness without ends: fences around it are brightnesses too.
fn log_odds(brightness: f32) -> f32 {
    let inside = brightness.clamp(STEP, 1.0 - STEP);
    (inside / (1.0 - inside)).ln()
}

/// What is usual of a number.
struct Usual {
    low: f32,
    median: f32,
    high: f32,
}

impl Usual {
    /// Everything, where there are no values.
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
        let mut looks = usual();
        looks.extend([
            measure(0.5, 0.001, 0.0, 1.0),
            measure(0.035, 0.1, 0.1, 1.0),
            measure(0.97, 0.1, 0.1, 1.0),
            measure(0.5, 0.2, 0.001, 1.0),
            measure(0.5, 0.2, 0.1, 3.0),
            measure(0.5, 0.2, 0.1, 1.3),
            measure(0.2, 0.2, 0.1, 1.0),
            None,
        ]);
        let flags = flags(&looks);
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
    fn nights_are_not_dark_among_nights() {
        let nights: Vec<_> = (0..50).map(|i| measure(0.02 + 0.001 * i as f32, 0.1, 0.1, 1.0)).collect();
        assert!(flags(&nights).iter().all(Vec::is_empty));
        assert!(flags(&[None, None]).iter().all(Vec::is_empty));
    }
}
