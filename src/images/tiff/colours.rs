//! From what samples mean to grey, RGB or CMYK.

use std::ops::Sub;

use super::layout::{Layout, Meaning, YCbCr};
use crate::images::alpha::divide_by_alpha;
use crate::images::raster::{Channels, Raster, lab_to_rgb};

/// Makes a raster of the samples that were kept, of the whole picture or some rows, u8 [n, W, kept].
pub(super) fn resolve(layout: &Layout, data: Vec<u8>) -> Raster {
    let raster = stored(layout, data);
    if layout.is_associated() { divide(raster) } else { raster }
}

/// As [`resolve`], with alpha as it is stored.
pub(super) fn stored(layout: &Layout, mut data: Vec<u8>) -> Raster {
    let kept = layout.kept().len();
    let height = data.len() / (layout.width * kept);
    turn_white_up(layout, &mut data, 255);
    match &layout.meaning {
        Meaning::Grey | Meaning::GreyInverted | Meaning::Rgb | Meaning::Cmyk => {}
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
    Raster { width: layout.width, height, channels: layout.channels(), data }
}

/// Makes 0 black, where it is white: `most` is the largest number.
pub(super) fn turn_white_up<T: Copy + Sub<Output = T>>(layout: &Layout, samples: &mut [T], most: T) {
    if layout.meaning == Meaning::GreyInverted {
        samples.iter_mut().step_by(layout.kept().len()).for_each(|sample| *sample = most - *sample);
    }
}

/// Takes associated alpha out of the colours.
pub(super) fn divide(mut raster: Raster) -> Raster {
    match raster.channels {
        Channels::GreyAlpha => divide_by_alpha::<2>(&mut raster.data),
        _ => divide_by_alpha::<4>(&mut raster.data),
    }
    raster
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
    }
}
