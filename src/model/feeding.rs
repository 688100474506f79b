//! What a foreign encoder is fed, and the latents in what it gives.

use super::foreign::Format;
use super::layout::Layout;
use super::pool::Pool;

impl Format {
    /// Images [N, C, H, W] in 0..=1 as the encoder takes them: each value becomes (value x range - mean) /
    /// std.
    pub fn prepare(&self, images: &[f32], out: &mut Vec<f32>) {
        out.clear();
        let area = self.size.height * self.size.width;
        let range = self.range as f32; // 1 or 255
        for image in images.chunks_exact(self.channels * area) {
            let value = |channel: usize, at: usize| {
                (image[channel * area + at] * range - self.mean[channel]) / self.std[channel]
            };
            let channels = 0..self.channels;
            match self.layout {
                Layout::Nchw => out.extend(channels.flat_map(|c| (0..area).map(move |at| value(c, at)))),
                Layout::Nhwc => {
                    out.extend((0..area).flat_map(|at| channels.clone().map(move |c| value(c, at))))
                }
            }
        }
    }

    /// The latents [N, D] of an output of `n` images, of this shape: [N, D], [N, T, D], or a map [N, C, H, W]
    /// or [N, H, W, C], as the input has it, whose places are averaged. None where it has another shape.
    pub fn latents(&self, n: usize, shape: &[usize], output: &[f32]) -> Option<Vec<f32>> {
        let latent = self.latent;
        if output.len() == n * latent {
            return Some(output.to_vec());
        }
        let of_image = output.len().checked_div(n).filter(|&size| size > 0)?;
        let vectors = of_image / latent;
        let last = of_image.is_multiple_of(latent) && shape.first() == Some(&n);
        let images = output.chunks_exact(of_image);
        match (shape.len(), self.pool) {
            (3, Some(pool)) if last && shape[2] == latent => Some(match pool {
                Pool::Cls => images.flat_map(|image| &image[..latent]).copied().collect(),
                Pool::Mean => images.flat_map(|image| mean(image, latent, |i, v| v * latent + i)).collect(),
            }),
            (4, _) if last && shape[self.layout.axes()[0]] == latent => {
                let at = |i: usize, v: usize| {
                    if self.layout.axes()[0] == 1 { i * vectors + v } else { v * latent + i }
                };
                Some(images.flat_map(|image| mean(image, latent, at)).collect())
            }
            _ => None,
        }
    }
}

/// The mean of the vectors of an image; number `i` of vector `v` stands where `at` says.
fn mean(image: &[f32], latent: usize, at: impl Fn(usize, usize) -> usize) -> Vec<f32> {
    let vectors = image.len() / latent;
    let sum = |i| (0..vectors).map(|v| f64::from(image[at(i, v)])).sum::<f64>();
    (0..latent).map(|i| (sum(i) / vectors as f64) as f32).collect()
}
