//! Pixels as a file has them, in 8 bits: before profile, transparency and orientation are applied.

/// What the channels of a raster are, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channels {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
    /// 0 is no ink, 255 is full.
    Cmyk,
}

impl Channels {
    /// How many there are.
    pub(super) fn count(self) -> usize {
        match self {
            Channels::Grey => 1,
            Channels::GreyAlpha => 2,
            Channels::Rgb => 3,
            Channels::Rgba | Channels::Cmyk => 4,
        }
    }

    /// Whether the last one is alpha.
    pub(super) fn has_alpha(self) -> bool {
        matches!(self, Channels::GreyAlpha | Channels::Rgba)
    }
}

/// Pixels of one image, u8 [H, W, C].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Raster {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: Channels,
    pub(super) data: Vec<u8>,
}

/// The nearest of 256 steps: 65535 is 255 x 257.
pub(super) fn to_8_bits(value: u16) -> u8 {
    ((u32::from(value) + 128) / 257) as u8
}

/// CMYK as RGB where no profile says how the inks look: what each ink leaves of its colour.
pub(super) fn without_profile([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    let left = |ink: u8| ((255 - u32::from(ink)) * (255 - u32::from(black)) + 127) / 255;
    [cyan, magenta, yellow].map(|ink| left(ink) as u8)
}

/// CIE LAB of white D50, as in ICC profiles; L is 0..=255 for 0..=100.
pub(super) fn lab_to_rgb(l: u8, a: i8, b: i8) -> [u8; 3] {
    const WHITE: [f32; 3] = [0.9642, 1.0, 0.8249];
    // to linear sRGB, whose white is D65, adapted by Bradford's method
    const TO_RGB: [[f32; 3]; 3] = [
        [3.133_856, -1.616_867, -0.490_615],
        [-0.978_768, 1.916_142, 0.033_454],
        [0.071_945, -0.228_991, 1.405_243],
    ];
    let fy = (f32::from(l) * 100.0 / 255.0 + 16.0) / 116.0;
    let cubes = [fy + f32::from(a) / 500.0, fy, fy - f32::from(b) / 200.0];
    let light = |f: f32| if f > 6.0 / 29.0 { f * f * f } else { (f - 4.0 / 29.0) * 108.0 / 841.0 };
    let xyz: [f32; 3] = std::array::from_fn(|i| light(cubes[i]) * WHITE[i]);
    TO_RGB.map(|row| {
        let linear = row.iter().zip(xyz).map(|(factor, value)| factor * value).sum::<f32>().clamp(0.0, 1.0);
        let curved =
            if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
        (curved * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lab_is_that_of_white_d50() {
        assert_eq!((lab_to_rgb(0, 0, 0), lab_to_rgb(255, 0, 0)), ([0; 3], [255; 3]));
        let [r, g, b] = lab_to_rgb(136, 81, 70);
        assert!(r > 250 && g < 12 && b < 12, "red: {r} {g} {b}");
    }
}
