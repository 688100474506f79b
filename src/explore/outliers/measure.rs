//! Measures of all images, read once: brightness, sharpness, proportions, and how well the model reconstructs
//! them.

use crate::encode::{Autoencoder, EncodeOptions};
use crate::error::Result;
use crate::explore::read_all::read_all;
use crate::explore::rows::Rows;
use crate::gallery::{Gallery, Pipeline};
use crate::images::{Item, Limits, Pixels, Resizer, Skipped, fitted, invert_pixels, load};
use crate::observer::Observer;

/// The largest size at which sharpness is measured: beyond it, noise of the sensor counts.
const SIDE: usize = 512;

/// Is called with each image as it is read, by its row; from several threads at once.
pub type Seen<'a> = dyn Fn(u32, &Pixels) + Sync + 'a;

/// How images are read again.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// The model that reconstructs them.
    pub gallery: &'a Gallery,
    /// Is shown each image, for other uses: reading is most of the work.
    pub seen: &'a Seen<'a>,
}

impl<'a> Reading<'a> {
    /// Reads images only to measure them.
    pub fn new(gallery: &'a Gallery) -> Reading<'a> {
        Reading { gallery, seen: &|_, _| () }
    }
}

/// Measures of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measures {
    /// Mean of the pixels, 0 to 1.
    pub brightness: f32,
    /// Standard deviation of the pixels, 0 to 0.5.
    pub contrast: f32,
    /// Mean absolute Laplacian over the standard deviation: how much of the variation is from pixel to pixel.
    pub sharpness: f32,
    /// Width over height.
    pub aspect: f32,
    /// Mean binary cross-entropy per value of its reconstruction, in nats; nothing if the model has no
    /// decoder.
    pub loss: Option<f32>,
}

/// Measures all images, `[n]`; those that cannot be read are skipped.
pub(super) fn measure_all(
    rows: &Rows,
    reading: Reading<'_>,
    threads: usize,
    observer: &dyn Observer,
) -> Result<(Vec<Option<Measures>>, Vec<Skipped>)> {
    let Reading { gallery, seen } = reading;
    let pipeline = gallery.pipeline(threads);
    read_all(rows, threads, observer, || {
        let mut worker = Worker::new(&pipeline)?;
        Ok(move |batch: &[(u32, Item)]| worker.measure(batch, seen))
    })
}

/// The state of one thread.
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
        seen: &Seen<'_>,
    ) -> Result<Vec<(u32, Result<Measures, String>)>> {
        let shape = self.pipeline.model.metadata.input;
        let (mut images, mut measured) = (Vec::with_capacity(batch.len() * shape.size()), Vec::new());
        for (row, item) in batch {
            let start = images.len();
            images.resize(start + shape.size(), 0.0);
            let loaded = load(item, &Limits::default());
            let measures = loaded.and_then(|loaded| {
                self.resizer.to_input(&loaded.pixels, shape, &mut images[start..])?;
                seen(*row, &loaded.pixels);
                measure(&loaded.pixels)
            });
            if measures.is_err() {
                images.truncate(start);
            } else if self.pipeline.inverted {
                invert_pixels(&mut images[start..]);
            }
            measured.push((*row, measures));
        }
        if let Some(autoencoder) = &mut self.autoencoder {
            let losses = autoencoder.reconstruct(&images)?.losses();
            let good = measured.iter_mut().filter_map(|(_, measures)| measures.as_mut().ok());
            good.zip(losses).for_each(|(measures, loss)| measures.loss = Some(loss));
        }
        Ok(measured)
    }
}

/// All measures but the loss of the reconstruction.
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

/// The mean absolute difference between an inner pixel and the mean of its four neighbours.
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
    fn a_blank_image_divides_nothing_by_zero() {
        let blank = measure(&grey(3, 3, |_, _| 7)).unwrap();
        assert_eq!((blank.contrast, blank.sharpness), (0.0, 0.0));
        assert!(measure(&grey(1, 1, |_, _| 7)).is_ok());
    }
}
