//! One reading of all images: how bright, how sharp, of what proportions they are, and how badly the model reconstructs them.

use super::{Reading, Seen};
use crate::encode::{Autoencoder, EncodeOptions};
use crate::error::Result;
use crate::explore::read_all::read_all;
use crate::explore::rows::Rows;
use crate::gallery::Pipeline;
use crate::images::{Item, Limits, Pixels, Resizer, Skipped, fitted, invert_pixels, load};
use crate::observer::Observer;

/// Sharpness is measured at no larger a size: beyond it, it tells about the sensor.
const SIDE: usize = 512;

/// What was seen of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measures {
    /// Mean of the pixels, 0 to 1.
    pub brightness: f32,
    /// Standard deviation of the pixels, 0 to 0.5.
    pub contrast: f32,
    /// Mean size of the Laplacian over the standard deviation: how much of what varies does so from pixel to pixel.
    pub sharpness: f32,
    /// Width over height.
    pub aspect: f32,
    /// Mean binary cross-entropy per value of its reconstruction; nothing where the model has no decoder.
    pub loss: Option<f32>,
}

/// Looks at all images, `[n]`; those that cannot be read are named.
pub(super) fn measure_all(
    items: &Rows<'_>,
    reading: Reading<'_>,
    threads: usize,
    observer: &dyn Observer,
) -> Result<(Vec<Option<Measures>>, Vec<Skipped>)> {
    let Reading { gallery, dir, seen: shown } = reading;
    let pipeline = gallery.pipeline(threads);
    read_all(items, dir, threads, observer, || {
        let mut worker = Worker::new(&pipeline)?;
        Ok(move |batch: &[(u32, Item)]| worker.measure(batch, shown))
    })
}

/// What one thread works with.
struct Worker<'a> {
    pipeline: &'a Pipeline<'a>,
    autoencoder: Option<Autoencoder>,
    resizer: Resizer,
}

impl<'a> Worker<'a> {
    fn new(pipeline: &'a Pipeline<'a>) -> Result<Worker<'a>> {
        let options = EncodeOptions { threads: 1, device: pipeline.options.device };
        let autoencoder = Autoencoder::open(pipeline.runtime, pipeline.model, &options)?;
        Ok(Worker { pipeline, autoencoder, resizer: Resizer::new() })
    }

    fn measure(
        &mut self,
        batch: &[(u32, Item)],
        shown: &Seen<'_>,
    ) -> Result<Vec<(u32, Result<Measures, String>)>> {
        let shape = self.pipeline.model.metadata.input;
        let (mut images, mut seen) = (Vec::with_capacity(batch.len() * shape.size()), Vec::new());
        for (row, item) in batch {
            let start = images.len();
            images.resize(start + shape.size(), 0.0);
            let loaded = load(item, &Limits::default());
            let look = loaded.and_then(|loaded| {
                self.resizer.to_input(&loaded.pixels, shape, &mut images[start..])?;
                shown(*row, &loaded.pixels);
                measure(&loaded.pixels)
            });
            if look.is_err() {
                images.truncate(start);
            } else if self.pipeline.inverted {
                invert_pixels(&mut images[start..]);
            }
            seen.push((*row, look));
        }
        if let Some(autoencoder) = &mut self.autoencoder {
            let losses = autoencoder.reconstruct(&images)?.losses();
            let good = seen.iter_mut().filter_map(|(_, look)| look.as_mut().ok());
            good.zip(losses).for_each(|(look, loss)| look.loss = Some(loss));
        }
        Ok(seen)
    }
}

/// All but the reconstruction.
fn measure(pixels: &Pixels) -> Result<Measures, String> {
    let small = fitted(pixels, SIDE)?;
    let grey: Vec<f32> = match small.channels {
        3 => small
            .data
            .chunks_exact(3)
            .map(|dot| {
                (0.299 * f32::from(dot[0]) + 0.587 * f32::from(dot[1]) + 0.114 * f32::from(dot[2])) / 255.0
            })
            .collect(),
        _ => small.data.iter().map(|&value| f32::from(value) / 255.0).collect(),
    };
    let n = grey.len() as f64;
    let mean = grey.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = grey.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    let contrast = variance.sqrt() as f32;
    let edges = laplacian(&grey, small.width);
    let sharpness = if contrast > 0.0 { edges / contrast } else { 0.0 };
    let aspect = pixels.width as f32 / pixels.height as f32;
    Ok(Measures { brightness: mean as f32, contrast, sharpness, aspect, loss: None })
}

/// The mean size of what an inner pixel differs from the mean of its four neighbours.
fn laplacian(grey: &[f32], width: usize) -> f32 {
    let rows: Vec<&[f32]> = grey.chunks_exact(width).collect();
    let (mut sum, mut count) = (0.0f64, 0usize);
    for rows in rows.windows(3) {
        for x in 1..width.saturating_sub(1) {
            let around = (rows[0][x] + rows[2][x] + rows[1][x - 1] + rows[1][x + 1]) / 4.0;
            sum += f64::from((rows[1][x] - around).abs());
            count += 1;
        }
    }
    (sum / count.max(1) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: usize, height: usize, value: impl Fn(usize, usize) -> u8) -> Pixels {
        let data =
            (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| value(x, y)).collect();
        Pixels { width, height, channels: 1, data }
    }

    #[test]
    fn a_chessboard_is_sharper_than_a_slope() {
        let board = measure(&grey(32, 16, |x, y| if (x + y) % 2 == 0 { 255 } else { 0 })).unwrap();
        let slope = measure(&grey(32, 16, |x, _| 8 * x as u8)).unwrap();
        assert!(board.sharpness > 1.0 && slope.sharpness < 0.01, "{board:?} {slope:?}");
        assert!((board.brightness - 0.5).abs() < 0.01 && (board.contrast - 0.5).abs() < 0.01);
        assert_eq!(board.aspect, 2.0);
    }

    #[test]
    fn nothing_on_it_is_no_division_by_zero() {
        let blank = measure(&grey(3, 3, |_, _| 7)).unwrap();
        assert_eq!((blank.contrast, blank.sharpness), (0.0, 0.0));
        assert!(measure(&grey(1, 1, |_, _| 7)).is_ok());
    }
}
