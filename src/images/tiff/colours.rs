//! From what samples mean to grey, RGB or CMYK.

use super::layout::{Layout, Meaning, YCbCr};
use crate::images::alpha::divide_by_alpha;
use crate::images::raster::{Channels, Raster};

/// Makes a raster of the samples that were kept, u8 [H, W, kept].
pub(super) fn resolve(layout: &Layout, mut data: Vec<u8>) -> Raster {
    let kept = layout.kept().len();
    let has_alpha = layout.alpha.is_some();
    match &layout.meaning {
        Meaning::Grey | Meaning::Rgb | Meaning::Cmyk => {}
        Meaning::GreyInverted => data.chunks_exact_mut(kept).for_each(|pixel| pixel[0] = 255 - pixel[0]),
        Meaning::Palette(colours) => {
            let look_up = |pixel: &[u8]| {
                let colour = colours.get(usize::from(pixel[0])).copied().unwrap_or_default();
                colour.into_iter().chain(pixel.get(1).copied())
            };
            data = data.chunks_exact(kept).flat_map(look_up).collect();
        }
        Meaning::YCbCr(how) => each_colour(&mut data, kept, |colour| how.to_rgb(colour)),
        Meaning::Lab { is_offset } => {
            let flip = if *is_offset { 128 } else { 0 };
            each_colour(&mut data, kept, |[l, a, b]| lab_to_rgb(l, (a ^ flip) as i8, (b ^ flip) as i8));
        }
    }
    let channels = match (&layout.meaning, has_alpha) {
        (Meaning::Cmyk, _) => Channels::Cmyk,
        (Meaning::Grey | Meaning::GreyInverted, false) => Channels::Grey,
        (Meaning::Grey | Meaning::GreyInverted, true) => Channels::GreyAlpha,
        (_, false) => Channels::Rgb,
        (_, true) => Channels::Rgba,
    };
    if layout.alpha.is_some_and(|alpha| alpha.is_associated) {
        match channels {
            Channels::GreyAlpha => divide_by_alpha::<2>(&mut data),
            _ => divide_by_alpha::<4>(&mut data),
        }
    }
    Raster { width: layout.width, height: layout.height, channels, data }
}

fn each_colour(data: &mut [u8], kept: usize, convert: impl Fn([u8; 3]) -> [u8; 3]) {
    for pixel in data.chunks_exact_mut(kept) {
        let colour = convert([pixel[0], pixel[1], pixel[2]]);
        pixel[..3].copy_from_slice(&colour);
    }
}

impl YCbCr {
    /// TIFF 6.0, section 21.
    fn to_rgb(&self, stored: [u8; 3]) -> [u8; 3] {
        let scaled = |c: usize, range: f32| {
            let (black, white) = (self.reference[2 * c], self.reference[2 * c + 1]);
            (f32::from(stored[c]) - black) * range / (white - black)
        };
        let (y, cb, cr) = (scaled(0, 255.0), scaled(1, 127.0), scaled(2, 127.0));
        let [share_red, share_green, share_blue] = self.luma;
        let red = cr * (2.0 - 2.0 * share_red) + y;
        let blue = cb * (2.0 - 2.0 * share_blue) + y;
        let green = (y - share_blue * blue - share_red * red) / share_green;
        [red, green, blue].map(|value| value.round().clamp(0.0, 255.0) as u8)
    }
}

/// CIE LAB of white D50, as in ICC profiles; L is 0..=255 for 0..=100.
fn lab_to_rgb(l: u8, a: i8, b: i8) -> [u8; 3] {
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
    fn grey_axes_are_grey() {
        let how = YCbCr {
            luma: [0.299, 0.587, 0.114],
            reference: [0.0, 255.0, 128.0, 255.0, 128.0, 255.0],
            subsampling: (1, 1),
        };
        for value in [0, 1, 100, 255] {
            assert_eq!(how.to_rgb([value, 128, 128]), [value; 3]);
        }
        assert_eq!(how.to_rgb([76, 85, 255]), [254, 0, 0], "red");
        assert_eq!((lab_to_rgb(0, 0, 0), lab_to_rgb(255, 0, 0)), ([0; 3], [255; 3]));
        let [r, g, b] = lab_to_rgb(136, 81, 70);
        assert!(r > 250 && g < 12 && b < 12, "red: {r} {g} {b}");
    }
}
