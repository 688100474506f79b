//! Biases that take out the mean error of each convolution (Nagel et al., "Data-Free Quantization through
//! Weight Equalization and Bias Correction", 2019): layer after layer, as each changes what the next one takes.

use super::samples::{Images, each};
use crate::error::{Error, Result};
use crate::model::{Int8Encoder, Ranges};
use crate::observer::{Observer, Progress, Stage};
use crate::onnx::OnnxFile;
use crate::runtime::{Runtime, Tensor};

/// Images that means are taken over, at most: each convolution is one mean over all pixels of them.
const IMAGES: usize = 32;

/// Shifts the bias of every convolution in int8, so that the mean of each output channel is that of the
/// encoder in floats.
pub(super) fn correct(
    runtime: &Runtime,
    encoder: &mut Int8Encoder,
    ranges: &Ranges,
    images: &Images<'_>,
    observer: &dyn Observer,
) -> Result<()> {
    let places = encoder.convolutions();
    let images =
        Images { data: images.data, ids: images.ids.start..images.ids.end.min(images.ids.start + IMAGES) };
    let wanted = means(runtime, &encoder.float_onnx(&places), &images)?;
    observer.stage(Stage::new("correcting", "layers"));
    for (done, (&place, wanted)) in places.iter().zip(&wanted).enumerate() {
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
        observer.progress(&Progress::of(done, places.len()));
        let got = means(runtime, &encoder.int8_onnx_until(ranges, place), &images)?;
        let shift = wanted.iter().zip(got.iter().flatten()).map(|(wanted, got)| (wanted - got) as f32);
        encoder.shift_bias(place, &shift.collect::<Vec<_>>());
    }
    Ok(())
}

/// For each output of a graph, [N, C, H, W], the mean of each channel over images and pixels.
fn means(runtime: &Runtime, graph: &OnnxFile, images: &Images<'_>) -> Result<Vec<Vec<f64>>> {
    let of_output = |output: &Tensor| -> Vec<f64> {
        let channels = output.shape().get(1).copied().unwrap_or(1);
        let pixels = (output.data().len() / channels.max(1)).max(1);
        let planes = output.data().chunks_exact(pixels);
        planes.map(|plane| plane.iter().map(|x| f64::from(*x)).sum::<f64>() / pixels as f64).collect()
    };
    let mut of_images = each(runtime, &graph.to_bytes(), images, &(), |_, outputs| {
        Ok(outputs.iter().map(of_output).collect::<Vec<_>>())
    })?
    .into_iter();
    let mut sums = of_images.next().unwrap_or_default();
    for of_image in of_images {
        sums.iter_mut().flatten().zip(of_image.iter().flatten()).for_each(|(sum, mean)| *sum += mean);
    }
    sums.iter_mut().flatten().for_each(|sum| *sum /= images.ids.len().max(1) as f64);
    Ok(sums)
}
