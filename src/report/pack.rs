//! Numbers and names in few bytes of text: as many bytes per number as the largest one needs, names without
//! the prefix they share with the one before; and positions in the order of the Hilbert curve.

use serde::Serialize;

use crate::output::base64;

/// Numbers, some of them missing: little-endian, in Base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Packed {
    /// Bytes of each, 1 to 4. A missing one has all bits set.
    width: usize,
    data: String,
}

impl Packed {
    pub(super) fn of(values: &[Option<u32>]) -> Packed {
        let most = values.iter().flatten().max().copied().unwrap_or(0);
        // all bits set means missing
        let width = (1..4).find(|width| u64::from(most) < (1 << (8 * width)) - 1).unwrap_or(4);
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.unwrap_or(u32::MAX).to_le_bytes().into_iter().take(width))
            .collect();
        Packed { width, data: base64(&bytes) }
    }

    /// Fractions of 1 in 65,534 steps.
    pub(super) fn of_parts(values: impl Iterator<Item = Option<f32>>) -> Packed {
        let step = |part: f32| (part.clamp(0.0, 1.0) * 65_534.0).round() as u32;
        Packed::of(&values.map(|value| value.map(step)).collect::<Vec<_>>())
    }

    /// The size of its text in bytes, about.
    pub(super) fn len(&self) -> usize {
        self.data.len()
    }
}

/// Names, each as the length of the prefix it shares with the one before it, and the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Names {
    /// In UTF-16 units, which the page counts in.
    shared: Packed,
    rest: Vec<String>,
}

impl Names {
    pub(super) fn of<'a>(names: impl Iterator<Item = std::borrow::Cow<'a, str>>) -> Names {
        let (mut shared, mut rest, mut before) = (Vec::new(), Vec::new(), String::new());
        for name in names {
            let same = before.chars().zip(name.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a);
            let (bytes, units) =
                same.fold((0, 0), |(bytes, units), c| (bytes + c.len_utf8(), units + c.len_utf16()));
            shared.push(Some(units as u32));
            rest.push(name[bytes..].to_owned());
            before = name.into_owned();
        }
        Names { shared: Packed::of(&shared), rest }
    }
}

/// The distance along the Hilbert curve through 65,536 x 65,536 positions: what is near on the curve is near
/// in the plane.
pub(super) fn hilbert([x, y]: [u16; 2]) -> u32 {
    let (mut x, mut y, mut distance) = (u32::from(x), u32::from(y), 0);
    let mut side = 1 << 15;
    while side > 0 {
        let (right, up) = (u32::from(x & side > 0), u32::from(y & side > 0));
        distance += side * side * ((3 * right) ^ up);
        if up == 0 {
            if right == 1 {
                (x, y) = (65_535 - x, 65_535 - y);
            }
            (x, y) = (y, x);
        }
        side /= 2;
    }
    distance
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need_to_be() {
        let column = |values: &[Option<u32>]| {
            let Packed { width, data } = Packed::of(values);
            (width, data)
        };
        assert_eq!(column(&[Some(1), None, Some(254)]), (1, base64(&[1, 255, 254])));
        assert_eq!(column(&[Some(255), None]), (2, base64(&[255, 0, 255, 255])));
        assert_eq!(column(&[Some(70_000)]), (3, base64(&[0x70, 0x11, 1])));
        assert_eq!(column(&[Some(0xff_ffff)]), (4, base64(&[255, 255, 255, 0])));
        assert_eq!(column(&[]), (1, String::new()));
        let parts = Packed::of_parts([Some(0.0), Some(1.0), None, Some(f32::NAN)].into_iter());
        assert_eq!(parts.data, base64(&[0, 0, 254, 255, 255, 255, 0, 0]));
    }

    #[test]
    fn names_can_be_restored() {
        let names = ["a/b/1.png", "a/b/10.png", "a/ü/\u{1f600}x", "a/ü/\u{1f600}y", "", "#\n"];
        let packed = Names::of(names.iter().map(|&name| Cow::Borrowed(name)));
        assert_eq!(packed.rest, ["a/b/1.png", "0.png", "ü/\u{1f600}x", "y", "", "#\n"]);
        assert_eq!(packed.shared, Packed::of(&[0, 5, 2, 6, 0, 0].map(Some)));
    }

    #[test]
    fn steps_along_the_curve_are_steps_in_the_plane() {
        // the first places of the curve, by their distance
        let mut places: Vec<(u32, [u16; 2])> =
            (0..16).flat_map(|x| (0..16).map(move |y| [x, y])).map(|place| (hilbert(place), place)).collect();
        places.sort_unstable();
        for (expected, (distance, _)) in places.iter().enumerate() {
            assert_eq!(*distance as usize, expected);
        }
        for pair in places.windows(2) {
            let [a, b] = [pair[0].1, pair[1].1];
            assert_eq!(a[0].abs_diff(b[0]) + a[1].abs_diff(b[1]), 1, "{a:?} {b:?}");
        }
        assert_eq!(hilbert([65_535, 0]), u32::MAX);
    }
}
