//! Numbers as colours, and labels as colours, so that people who do not tell red from green can read them
//! too.

use super::canvas::Colour;

/// Black over purple and orange to pale yellow, evenly in lightness: "magma" of matplotlib, at every eighth.
const MAGMA: [Colour; 9] = [
    [0, 0, 4],
    [28, 16, 68],
    [79, 18, 123],
    [129, 37, 129],
    [181, 54, 122],
    [229, 80, 100],
    [251, 135, 97],
    [254, 194, 135],
    [252, 253, 191],
];

/// Blue over near white to red: "RdBu" of ColorBrewer, reversed.
const BLUE_RED: [Colour; 9] = [
    [33, 102, 172],
    [67, 147, 195],
    [146, 197, 222],
    [209, 229, 240],
    [247, 247, 247],
    [253, 219, 199],
    [244, 165, 130],
    [214, 96, 77],
    [178, 24, 43],
];

/// Ten colours for labels: "muted" of Paul Tol, its pale grey replaced by one that is seen on paper.
pub const LABELS: [Colour; 10] = [
    [51, 34, 136],
    [136, 204, 238],
    [68, 170, 153],
    [17, 119, 51],
    [153, 153, 51],
    [221, 204, 119],
    [204, 102, 119],
    [136, 34, 85],
    [170, 68, 153],
    [120, 120, 120],
];

/// Groups that have a colour of their own, in three lightnesses; those after them are grey.
const GROUPS: usize = 3 * (LABELS.len() - 1);

/// The colour of a group of so many, the largest being 0. Up to ten have the ten colours of labels.
pub fn group_colour(group: usize, groups: usize) -> Colour {
    let hues = LABELS.len() - 1;
    let mixed = |part: f32, other: f32| {
        LABELS[group % hues].map(|c| (f32::from(c) + part * (other - f32::from(c))).round() as u8)
    };
    match group / hues {
        0 => LABELS[group],
        _ if groups <= LABELS.len() => LABELS[hues],
        1 => mixed(0.45, 255.0),
        _ if group < GROUPS => mixed(0.4, 0.0),
        _ => LABELS[hues],
    }
}

/// How numbers become colours: from 0 to a limit, or where there are negative ones, from the limit's
/// negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// What has the last colour; larger numbers have it too.
    pub limit: f32,
    /// Whether 0 is in the middle.
    pub signed: bool,
}

impl Scale {
    /// The scale for `values`. Its limit is what 49 of 50 do not exceed, so that a few large ones do not dim
    /// the rest.
    pub fn of(values: &[f32]) -> Scale {
        let mut sizes: Vec<f32> =
            values.iter().map(|value| value.abs()).filter(|size| size.is_finite()).collect();
        sizes.sort_by(f32::total_cmp);
        let limit = sizes.get(sizes.len().saturating_sub(1 + sizes.len() / 50)).copied().unwrap_or(0.0);
        let limit = if limit > 0.0 { limit } else { 1.0 };
        Scale { limit, signed: values.iter().any(|value| *value < 0.0) }
    }

    /// The colour of a number.
    pub fn colour(&self, value: f32) -> Colour {
        match self.signed {
            true => between(&BLUE_RED, (value / self.limit + 1.0) / 2.0),
            false => between(&MAGMA, value / self.limit),
        }
    }
}

/// The colour at `place`, 0 to 1, along evenly spaced ones.
fn between(colours: &[Colour; 9], place: f32) -> Colour {
    let place = if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) * 8.0 };
    let (left, part) = (place as usize, place.fract());
    let right = (left + 1).min(8);
    std::array::from_fn(|c| {
        let [from, to] = [colours[left][c], colours[right][c]].map(f32::from);
        (from + part * (to - from)).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_colours_of_their_own_and_the_rest_is_grey() {
        let of = |groups: usize| (0..groups).map(|group| group_colour(group, groups)).collect::<Vec<_>>();
        assert_eq!(of(10), LABELS);
        let many = of(40);
        let own = &many[..GROUPS];
        assert!((0..GROUPS).all(|i| !own[..i].contains(&own[i]) && own[i] != LABELS[9]));
        assert_eq!(many[..9], LABELS[..9]);
        assert!(many[GROUPS..].iter().all(|colour| *colour == LABELS[9]));
    }

    #[test]
    fn signs_decide_the_scale_and_its_ends_are_reached() {
        let positive = Scale::of(&[0.0, 1.0, 4.0]);
        assert_eq!(positive, Scale { limit: 4.0, signed: false });
        assert_eq!([0.0, 4.0, 9.0].map(|v| positive.colour(v)), [MAGMA[0], MAGMA[8], MAGMA[8]]);
        let signed = Scale::of(&[-4.0, 1.0]);
        assert_eq!([-4.0, 0.0, 4.0].map(|v| signed.colour(v)), [BLUE_RED[0], BLUE_RED[4], BLUE_RED[8]]);
        assert_eq!(signed.colour(1.0), between(&BLUE_RED, 0.625));
    }

    #[test]
    fn single_giants_and_no_numbers_do_no_harm() {
        let mut values = vec![1.0; 999];
        values.push(1e9);
        assert_eq!(Scale::of(&values).limit, 1.0);
        assert_eq!(Scale::of(&[]).limit, 1.0);
        assert_eq!(Scale::of(&[0.0; 4]).colour(0.0), MAGMA[0]);
        assert_eq!(Scale::of(&[f32::NAN]).colour(f32::NAN), MAGMA[0]);
    }

    #[test]
    fn lightness_rises_along_the_scale() {
        let scale = Scale { limit: 1.0, signed: false };
        let light = |value: usize| {
            let [r, g, b] = scale.colour(value as f32 / 100.0).map(f32::from);
            0.299 * r + 0.587 * g + 0.114 * b
        };
        assert!((1..=100).all(|value| light(value) >= light(value - 1)));
    }
}
