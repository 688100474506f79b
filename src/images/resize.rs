//! The one way from an image to a model's input; training, indexing and queries all go through it.
//!
//! The image is stretched to the model's size, whatever its own proportions, by antialiased bilinear
//! filtering in 8 bits; then colour becomes luma or grey is repeated, as the model takes it; then 0..=255
//! becomes 0..=1. An image of the model's size is not filtered at all. The rules have names, which models
//! store: another rule would give other codes.

use fast_image_resize as fir;

use super::{InputShape, Pixels};

/// The name of what [`Resizer`] does to sizes: both sides stretched (proportions are not kept, nothing is
/// cropped or padded), triangle filter widened by the scale, 8-bit result.
pub const RESIZE_RULE: &str = "stretch-bilinear-antialiased";

/// The name of what [`Resizer`] does to colours: luma of Rec. 601 (.299 R + .587 G + .114 B, rounded to 8
/// bits), grey repeated.
pub const COLOUR_RULE: &str = "luma-rec601";

/// Makes model inputs; use one per thread, since it keeps its buffers.
#[derive(Default)]
pub struct Resizer {
    inner: fir::Resizer,
    resized: Vec<u8>, // [H, W, C], of the last image that needed it
}

impl Resizer {
    /// A resizer with empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills `out`, [C, H, W] in 0..=1, with the image as a model of shape `shape` takes it.
    ///
    /// # Errors
    /// Sizes that are zero or do not fit their buffers.
    pub fn to_input(&mut self, pixels: &Pixels, shape: InputShape, out: &mut [f32]) -> Result<(), String> {
        pixels.check().map_err(|what| format!("resize: {what}"))?;
        if out.len() != shape.size() || out.is_empty() || !matches!(shape.channels, 1 | 3) {
            return Err(format!("resize: expected room for {} values, got {}", shape.size(), out.len()));
        }
        let sized = if (pixels.width, pixels.height) == (shape.width, shape.height) {
            &pixels.data
        } else {
            self.resize(pixels, shape).map_err(|error| format!("resize: {error}"))?;
            &self.resized
        };
        to_planes(sized, pixels.channels, shape.channels, out);
        Ok(())
    }

    /// The image at a model's size, in its own colours: [`Resizer::to_input`] makes the same of it as of the image.
    ///
    /// # Errors
    /// As [`Resizer::to_input`].
    pub fn to_size(&mut self, pixels: &Pixels, shape: InputShape) -> Result<Pixels, String> {
        pixels.check().map_err(|what| format!("resize: {what}"))?;
        let InputShape { height, width, .. } = shape;
        if (pixels.width, pixels.height) == (width, height) {
            return Ok(pixels.clone());
        }
        self.resize(pixels, shape).map_err(|error| format!("resize: {error}"))?;
        Ok(Pixels { width, height, channels: pixels.channels, data: self.resized.clone() })
    }

    fn resize(&mut self, pixels: &Pixels, shape: InputShape) -> Result<(), Box<dyn std::error::Error>> {
        const OPTIONS: fir::ResizeOptions = fir::ResizeOptions {
            algorithm: fir::ResizeAlg::Convolution(fir::FilterType::Bilinear),
            cropping: fir::SrcCropping::None,
            mul_div_alpha: false,
        };
        let kind = if pixels.channels == 1 { fir::PixelType::U8 } else { fir::PixelType::U8x3 };
        let source = fir::images::ImageRef::new(
            u32::try_from(pixels.width)?,
            u32::try_from(pixels.height)?,
            &pixels.data,
            kind,
        )?;
        self.resized.resize(shape.height * shape.width * pixels.channels, 0);
        let (width, height) = (u32::try_from(shape.width)?, u32::try_from(shape.height)?);
        let mut target = fir::images::Image::from_slice_u8(width, height, &mut self.resized, kind)?;
        Ok(self.inner.resize(&source, &mut target, &OPTIONS)?)
    }
}

/// The image scaled down, antialiased, with its proportions kept, so that no side is longer than `side`;
/// unchanged if it is small enough.
///
/// # Errors
/// Sizes that are zero or do not fit the data.
pub fn fitted(pixels: &Pixels, side: usize) -> Result<Pixels, String> {
    pixels.check().map_err(|what| format!("resize: {what}"))?;
    if side == 0 {
        return Err("resize: expected a side of at least 1 pixel, got 0".to_owned());
    }
    let Pixels { width, height, channels, .. } = *pixels;
    let longest = width.max(height);
    if longest <= side {
        return Ok(pixels.clone());
    }
    let scaled = |length: usize| {
        let rounded = (length as u128 * side as u128 + longest as u128 / 2) / longest as u128;
        (rounded as usize).max(1)
    };
    let shape = InputShape { channels, height: scaled(height), width: scaled(width) };
    let mut resizer = Resizer::new();
    resizer.resize(pixels, shape).map_err(|error| format!("resize: {error}"))?;
    Ok(Pixels { width: shape.width, height: shape.height, channels, data: resizer.resized })
}

/// Images [N, C, H, W] of shape `from` at the smaller shape `to`: each pixel is the mean of the area that it
/// covers.
///
/// # Panics
/// When `images` is not a whole number of images, or `to` is larger than `from`.
pub fn shrink(images: &[f32], from: InputShape, to: InputShape) -> Vec<f32> {
    assert!(images.len().is_multiple_of(from.size()) && to.height <= from.height && to.width <= from.width);
    let (rows, columns) = (coverage(from.height, to.height), coverage(from.width, to.width));
    let mut narrow = vec![0.0; from.height * to.width];
    let mut small = Vec::with_capacity(images.len() / from.size() * to.size());
    for plane in images.chunks_exact(from.height * from.width) {
        for (row, out) in plane.chunks_exact(from.width).zip(narrow.chunks_exact_mut(to.width)) {
            for ((first, weights), out) in columns.iter().zip(out) {
                *out = row[*first..].iter().zip(weights).map(|(value, weight)| value * weight).sum();
            }
        }
        for (first, weights) in &rows {
            let covered = narrow[first * to.width..].chunks_exact(to.width).zip(weights);
            let start = small.len();
            small.resize(start + to.width, 0.0);
            for (row, weight) in covered {
                small[start..].iter_mut().zip(row).for_each(|(sum, value)| *sum += value * weight);
            }
        }
    }
    small
}

/// For each of `to` pixels along a side, the first of `from` pixels that it covers, and the share of it that
/// each of these has.
fn coverage(from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    // in units of 1 / (from * to) of the side, all borders are whole numbers
    let of_pixel = |pixel: usize| {
        let (start, end) = (pixel * from, (pixel + 1) * from);
        let covered = start / to..end.div_ceil(to);
        let shared = |source: usize| ((source + 1) * to).min(end) - (source * to).max(start);
        (covered.start, covered.map(|source| shared(source) as f32 / from as f32).collect())
    };
    (0..to).map(of_pixel).collect()
}

/// A model's f32 [C, H, W] in 0..=1 as an image, each value rounded to the nearest of 256 steps.
///
/// # Panics
/// When `planes` is not of shape `shape`.
pub fn to_pixels(planes: &[f32], shape: InputShape) -> Pixels {
    let InputShape { channels, height, width } = shape;
    assert_eq!(planes.len(), shape.size(), "planes of {shape:?}");
    let area = height * width;
    let values = (0..area).flat_map(|i| (0..channels).map(move |c| c * area + i));
    let data = values.map(|at| (planes[at].clamp(0.0, 1.0) * 255.0).round() as u8).collect();
    Pixels { width, height, channels, data }
}

/// Inverts light and dark: each value x in 0..=1 becomes 1 - x.
pub fn invert_pixels(image: &mut [f32]) {
    for value in image {
        *value = 1.0 - *value;
    }
}

/// u8 [H, W, from] to f32 [to, H, W] in 0..=1.
fn to_planes(pixels: &[u8], from: usize, to: usize, out: &mut [f32]) {
    let unit = |value: u8| f32::from(value) / 255.0;
    let area = out.len() / to;
    match (from, to) {
        (1, _) => {
            for plane in out.chunks_exact_mut(area) {
                for (out, &value) in plane.iter_mut().zip(pixels) {
                    *out = unit(value);
                }
            }
        }
        (_, 1) => {
            for (out, &[r, g, b]) in out.iter_mut().zip(pixels.as_chunks::<3>().0) {
                *out = unit(luma(r, g, b));
            }
        }
        _ => {
            for (channel, plane) in out.chunks_exact_mut(area).enumerate() {
                for (out, pixel) in plane.iter_mut().zip(pixels.as_chunks::<3>().0) {
                    *out = unit(pixel[channel]);
                }
            }
        }
    }
}

/// Rec. 601 in 16-bit fixed point; the weights sum to 65536, so grey stays exactly itself.
fn luma(r: u8, g: u8, b: u8) -> u8 {
    ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(channels: usize, height: usize, width: usize) -> InputShape {
        InputShape { channels, height, width }
    }

    fn input(pixels: &Pixels, shape: InputShape) -> Vec<f32> {
        let mut out = vec![-1.0; shape.size()];
        Resizer::new().to_input(pixels, shape, &mut out).unwrap();
        out
    }

    #[test]
    fn the_same_size_is_copied() {
        let grey = Pixels { width: 2, height: 1, channels: 1, data: vec![0, 255] };
        assert_eq!(input(&grey, shape(1, 1, 2)), [0.0, 1.0]);
        assert_eq!(input(&grey, shape(3, 1, 2)), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
        let rgb = Pixels { width: 2, height: 1, channels: 3, data: vec![255, 0, 51, 0, 255, 102] };
        assert_eq!(input(&rgb, shape(3, 1, 2)), [1.0, 0.0, 0.0, 1.0, 0.2, 0.4]);
        assert_eq!(input(&rgb, shape(1, 1, 2)), [82.0 / 255.0, 161.0 / 255.0]);
    }

    #[test]
    fn grey_as_colour_gives_the_same_luma() {
        for value in 0..=255 {
            assert_eq!(luma(value, value, value), value);
        }
    }

    #[test]
    fn shrinking_averages_and_stretches() {
        // left half black, right half white, 8 rows of 64 columns
        let data = (0..8 * 64).map(|i| if i % 64 < 32 { 0 } else { 255 }).collect();
        let out = input(&Pixels { width: 64, height: 8, channels: 1, data }, shape(1, 4, 4));
        for row in out.chunks_exact(4) {
            assert!(row[0] < 0.01 && row[3] > 0.99 && row[1] < 0.2 && row[2] > 0.8, "{row:?}");
            assert!((row[1] + row[2] - 1.0).abs() < 0.01, "{row:?}");
        }
        // a checkerboard of single pixels is even grey once antialiased
        let data = (0..64 * 64).map(|i| if (i / 64 + i % 64) % 2 == 0 { 0 } else { 255 }).collect();
        let out = input(&Pixels { width: 64, height: 64, channels: 1, data }, shape(1, 4, 4));
        assert!(out.iter().all(|v| (v - 0.5).abs() < 0.01), "{out:?}");
    }

    #[test]
    fn a_flat_image_stays_flat_at_any_size() {
        for (width, height) in [(1, 1), (1, 100), (7, 3), (33, 29), (1000, 2)] {
            let data = [10, 20, 30].repeat(width * height);
            let out = input(&Pixels { width, height, channels: 3, data }, shape(3, 5, 6));
            for (plane, value) in out.chunks_exact(30).zip([10.0, 20.0, 30.0]) {
                assert!(plane.iter().all(|v| (v - value / 255.0).abs() < 1e-6), "{width}x{height}");
            }
        }
    }

    #[test]
    fn buffers_that_do_not_fit_are_refused() {
        let grey = Pixels { width: 2, height: 2, channels: 1, data: vec![0; 3] };
        assert!(Resizer::new().to_input(&grey, shape(1, 1, 1), &mut [0.0]).is_err());
        let grey = Pixels { width: 2, height: 2, channels: 1, data: vec![0; 4] };
        assert!(Resizer::new().to_input(&grey, shape(1, 1, 1), &mut [0.0; 2]).is_err());
        assert!(Resizer::new().to_input(&grey, shape(1, 0, 1), &mut []).is_err());
    }

    #[test]
    fn pixels_come_back_as_they_went() {
        let data: Vec<u8> = (0..=255).cycle().step_by(7).take(3 * 5 * 4).collect();
        for channels in [1, 3] {
            let data = data[..channels * 20].to_vec();
            let pixels = Pixels { width: 5, height: 4, channels, data };
            let shape = shape(channels, 4, 5);
            assert_eq!(to_pixels(&input(&pixels, shape), shape), pixels);
        }
    }

    #[test]
    fn shrunk_pixels_are_means_of_what_they_cover() {
        let image: Vec<f32> = (0..2 * 3 * 5).map(|i| (i * 7 % 11) as f32).collect();
        let (from, to) = (shape(2, 3, 5), shape(2, 2, 2));
        let small = shrink(&image, from, to);
        // rows 0 and half of 1, columns 0, 1 and half of 2
        let weighted = |rows: [f32; 3], columns: [f32; 5], plane: usize| {
            let value = |y: usize, x: usize| image[plane * 15 + y * 5 + x] * rows[y] * columns[x];
            (0..3).flat_map(|y| (0..5).map(move |x| (y, x))).map(|(y, x)| value(y, x)).sum::<f32>() / 3.75
        };
        let [above, below] = [[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]];
        let [left, right] = [[1.0, 1.0, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 1.0, 1.0]];
        for plane in 0..2 {
            let expected = [(above, left), (above, right), (below, left), (below, right)];
            for (got, (rows, columns)) in small[plane * 4..].iter().zip(expected) {
                assert!((got - weighted(rows, columns, plane)).abs() < 1e-5);
            }
        }
        assert_eq!(shrink(&image, from, from), image);
        assert!(
            shrink(&[0.7; 224 * 224], shape(1, 224, 224), shape(1, 64, 64))
                .iter()
                .all(|x| (x - 0.7).abs() < 1e-5)
        );
    }

    #[test]
    fn inverted_twice_is_unchanged() {
        let mut image = [0.0, 0.25, 1.0];
        invert_pixels(&mut image);
        assert_eq!(image, [1.0, 0.75, 0.0]);
    }

    #[test]
    fn what_is_fitted_keeps_its_proportions_and_is_never_enlarged() {
        for (width, height, expected) in
            [(400, 200, (96, 48)), (30, 96, (30, 96)), (7, 3, (7, 3)), (1, 5000, (1, 96)), (97, 97, (96, 96))]
        {
            for channels in [1, 3] {
                let data = [9, 90, 200][..channels].repeat(width * height);
                let small = fitted(&Pixels { width, height, channels, data }, 96).unwrap();
                assert_eq!((small.width, small.height), expected);
                assert_eq!(small.data, [9, 90, 200][..channels].repeat(expected.0 * expected.1));
            }
        }
        let data = (0..64 * 64).map(|i| if (i / 64 + i % 64) % 2 == 0 { 0 } else { 255 }).collect();
        let small = fitted(&Pixels { width: 64, height: 64, channels: 1, data }, 16).unwrap();
        assert!(small.data.iter().all(|v| v.abs_diff(127) < 3), "{:?}", small.data);
        assert!(fitted(&Pixels { width: 2, height: 2, channels: 1, data: vec![0; 3] }, 96).is_err());
        assert!(fitted(&Pixels { width: 0, height: 0, channels: 1, data: vec![] }, 96).is_err());
    }
}
