//! The layers of `photo`: EfficientNet-Lite (Tan & Le, "EfficientNet: Rethinking Model Scaling", 2019; the
//! Lite variants have no squeeze-and-excitation, ReLU6 in place of swish, and a stem and head that do not
//! grow), a projection of its pooled features, and a small decoder.
//!
//! ```text
//! [3, H, W] -> stem, 16 blocks, head -> [1280, H/32, W/32] -> mean -> 1280 features -> latent [256] -> [3, 64, 64]
//! ```

use super::architecture::Architecture;
use super::family::{Design, Family};
use super::layers::{Extent, Layer, Padding};
use crate::error::{Error, Result};
use crate::images::InputShape;
use Layer::{Center, GlobalAveragePool, Relu, Relu6, Reshape, Sigmoid, Upsample};

/// Height and width of what the decoder draws: enough to recognize a photo by.
const RECONSTRUCTION: usize = 64;

/// Filters of EfficientNet-Lite0's first convolution and of its last one.
const STEM: usize = 32;
const HEAD: usize = 1280;

/// A row of the paper's table 1: blocks, kernel, stride of the first block, expansion, filters.
struct Stage {
    blocks: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    filters: usize,
}

const STAGES: [Stage; 7] = [
    Stage { blocks: 1, kernel: 3, stride: 1, expansion: 1, filters: 16 },
    Stage { blocks: 2, kernel: 3, stride: 2, expansion: 6, filters: 24 },
    Stage { blocks: 2, kernel: 5, stride: 2, expansion: 6, filters: 40 },
    Stage { blocks: 3, kernel: 3, stride: 2, expansion: 6, filters: 80 },
    Stage { blocks: 3, kernel: 5, stride: 1, expansion: 6, filters: 112 },
    Stage { blocks: 4, kernel: 5, stride: 2, expansion: 6, filters: 192 },
    Stage { blocks: 1, kernel: 3, stride: 1, expansion: 6, filters: 320 },
];

/// The family `photo` for images of shape `input`.
pub(super) fn photo(input: InputShape, design: Design) -> Result<Architecture> {
    let InputShape { channels, height, width } = input;
    if channels != 3 {
        return Err(Error::invalid(format!("photo: channels: expected 3, got {channels}")));
    }
    let ranges = [
        ("depth", design.depth, 10..=400, ""),
        ("latent", design.latent, 32..=4096, ""),
        ("height", height, 64..=320, "a multiple of 32 "),
        ("width", width, 64..=320, "a multiple of 32 "),
    ];
    for (what, value, range, multiple) in ranges {
        if !range.contains(&value) || (!multiple.is_empty() && value % 32 != 0) {
            let expected = format!("{multiple}from {} to {}", range.start(), range.end());
            return Err(Error::invalid(format!("photo: {what}: expected {expected}, got {value}")));
        }
    }
    let reconstruction = InputShape { channels, height: RECONSTRUCTION, width: RECONSTRUCTION };
    Architecture {
        family: Family::Photo,
        input,
        reconstruction,
        design,
        encoder: encoder(&design),
        decoder: decoder(),
        discriminator: vec![],
        head: head(design.bits),
        lesson: vec![],
    }
    .checked()
}

fn encoder(design: &Design) -> Vec<Layer> {
    let narrow = design.width.min(100);
    let mut layers = vec![Center, conv(scaled(STEM, narrow), 3, 2), Relu6];
    let mut channels = scaled(STEM, narrow);
    let last = STAGES.len() - 1;
    for (i, stage) in STAGES.iter().enumerate() {
        // the first and the last stage do not grow with the depth
        let depth = if i == 0 || i == last { design.depth.min(100) } else { design.depth };
        let filters = scaled(stage.filters, design.width);
        for block in 0..(stage.blocks * depth).div_ceil(100) {
            let stride = if block == 0 { stage.stride } else { 1 };
            layers.extend(inverted_bottleneck(stage, channels, filters, stride));
            channels = filters;
        }
    }
    let latent = Layer::Dense { units: design.latent, bias: true };
    layers.extend([conv(scaled(HEAD, narrow), 1, 1), Relu6, GlobalAveragePool, latent]);
    layers
}

/// The block of MobileNetV2 (Sandler et al., 2018): widened, filtered channel by channel, narrowed; with a
/// skip where its shape allows it.
fn inverted_bottleneck(stage: &Stage, channels: usize, filters: usize, stride: usize) -> Vec<Layer> {
    let mut block = vec![];
    if stage.expansion > 1 {
        block.extend([conv(stage.expansion * channels, 1, 1), Relu6]);
    }
    let depthwise = Layer::DepthwiseConv { kernel: stage.kernel, stride, padding: Padding::Same };
    block.extend([depthwise, Relu6, conv(filters, 1, 1)]);
    if stride == 1 && channels == filters {
        block.push(Layer::Residual { layers: block.len() });
    }
    block
}

fn conv(filters: usize, kernel: usize, stride: usize) -> Layer {
    Layer::Conv { filters, kernel, stride, padding: Padding::Same, bias: true }
}

/// So many percent of `filters`, as a multiple of 8, and never less than nine tenths of it: the rounding of
/// the reference implementation.
fn scaled(filters: usize, percent: usize) -> usize {
    let wanted = filters * percent;
    let rounded = ((wanted + 400) / 800 * 8).max(8);
    if rounded * 1000 < 9 * wanted { rounded + 8 } else { rounded }
}

fn decoder() -> Vec<Layer> {
    let eighth = RECONSTRUCTION / 8;
    let start = Extent { channels: 64, height: eighth, width: eighth };
    let mut layers = vec![Layer::Dense { units: start.len(), bias: true }, Relu, Reshape(start)];
    for filters in [32, 16] {
        layers.extend([Upsample, conv(filters, 3, 1), Relu]);
    }
    layers.extend([Upsample, conv(3, 3, 1), Sigmoid]);
    layers
}

/// Hidden numbers of the head.
const HIDDEN: usize = 512;

/// Codes behind a hidden layer see neighbours that codes of the latent alone do not. The binarizer `learned`
/// has such a layer too, and a path past it.
fn head(bits: usize) -> Vec<Layer> {
    let dense = |units| Layer::Dense { units, bias: false };
    let norm = |affine| Layer::BatchNorm { affine };
    vec![dense(HIDDEN), norm(true), Relu, dense(bits), norm(false)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design(width: usize, depth: usize) -> Design {
        Design { width, depth, ..Design::from(128) }
    }

    fn square(side: usize) -> InputShape {
        InputShape { channels: 3, height: side, width: side }
    }

    /// Parameters of the encoder up to the pooled features.
    fn backbone(width: usize, depth: usize) -> usize {
        let architecture = photo(square(224), design(width, depth)).unwrap();
        let rows = architecture.summary();
        let encoder: Vec<_> = rows.iter().filter(|row| row.half == "encoder").collect();
        encoder[..encoder.len() - 1].iter().map(|row| row.parameters).sum()
    }

    #[test]
    fn the_sizes_are_those_of_efficientnet_lite() {
        // 3,371,024 before the scale of each normalization is folded into the weights
        assert_eq!(backbone(100, 100), 3_350_000);
        assert!(backbone(100, 110) > 4_000_000 && backbone(110, 120) > 4_700_000);
        let lite = photo(square(224), design(100, 100)).unwrap();
        let outputs: Vec<String> = lite.summary().iter().map(|row| row.output.to_string()).collect();
        assert!(outputs.contains(&"112x112x32".to_owned()) && outputs.contains(&"7x7x1280".to_owned()));
        assert_eq!(lite.latent_size(), 256);
    }

    #[test]
    fn filters_are_rounded_as_in_the_reference() {
        assert_eq!([16, 24, 40, 80, 112, 192, 320].map(|f| scaled(f, 110)), [16, 24, 48, 88, 120, 208, 352]);
        assert_eq!([16, 24, 40, 80, 112, 192, 320].map(|f| scaled(f, 100)), [16, 24, 40, 80, 112, 192, 320]);
        assert_eq!(scaled(16, 25), 8);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let message = |input, design| photo(input, design).unwrap_err().to_string();
        assert_eq!(
            message(square(100), design(100, 100)),
            "photo: height: expected a multiple of 32 from 64 to 320, got 100"
        );
        let grey = InputShape { channels: 1, ..square(224) };
        assert_eq!(message(grey, design(100, 100)), "photo: channels: expected 3, got 1");
        assert!(message(square(224), design(100, 1)).starts_with("photo: depth: expected from 10 to 400"));
    }
}
