//! How images are decoded: limits, size, colour or grey, and the memory that decoders share.

use std::sync::{Arc, Mutex, PoisonError};

use super::limits::Limits;
use super::memory_budget::MemoryBudget;
use super::samples::SampleHash;
use super::stopwatch::Stopwatch;
use super::{InputShape, Pixels};

/// How images are decoded.
#[derive(Debug, Clone, Default)]
pub struct Decoding {
    /// What one image may cost.
    pub limits: Limits,
    /// The size that is needed: a large image may be decoded smaller where that is less work.
    pub needed: Needed,
    /// Grey is enough: a colour image may be decoded to its luma where that is less work.
    pub grey: bool,
    /// The memory that decoders share.
    pub budget: MemoryBudget,
    /// Stopped while waiting for memory, started again after.
    pub stopwatch: Stopwatch,
    /// Where decoders leave the hash of the samples, if it is wanted.
    pub samples: SampleHash,
    /// Where decoders leave a transparent image over the other ground, if it is wanted.
    pub other_ground: OtherGround,
    /// What is wrong with images that were decoded all the same. All that shows is looked for where the hash of
    /// the samples is wanted.
    pub remarks: Remarks,
}

/// Where decoders leave a transparent image laid over the other one of black and white; clones share it.
#[derive(Debug, Clone, Default)]
pub struct OtherGround(Option<Arc<Mutex<Option<OnGround>>>>);

/// A transparent image laid over a ground, upright.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnGround {
    /// Whether the ground is white, otherwise black.
    pub is_white: bool,
    /// The image.
    pub pixels: Pixels,
}

impl OtherGround {
    /// Asks for the image; the default does not, and then none is made.
    pub fn wanted() -> OtherGround {
        OtherGround(Some(Arc::default()))
    }

    /// The last image that was decoded; none if it is opaque.
    pub fn take(&self) -> Option<OnGround> {
        self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn put(&self, image: OnGround) {
        if let Some(slot) = &self.0 {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(image);
        }
    }
}

/// What decoders remark, until somebody takes it; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Remarks(Arc<Mutex<Vec<String>>>);

impl Remarks {
    pub(super) fn add(&self, remark: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(remark.into());
    }

    /// Those since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How large an image has to be once it is decoded. JPEG files are decoded at 1/2, 1/4 or 1/8 of their size, if
/// that is still half as much again as is needed, either way; so are PNG files that are not interlaced and TIFF
/// files whose samples are not measurements, if they take more than 4 MiB once decoded whole: their rows are
/// averaged as they come in. Of HEIC files with a thumbnail of twice the size needed it is decoded, in place of
/// the picture. Other files are decoded whole.
///
/// Half as much again, because the scaling that follows has a softer filter than the mean of pixels. Measured
/// on 100 photos of 8 x that size, at 1/2 and at 1/8, codes of 128 bits then differ from those of whole
/// decodes in 1 bit on average, and at most in 6, by the models `photos` and `photos-128`. With no margin it
/// is 3 bits and at most 17; with twice the size needed 0.8 and at most 9. So codes of the same file are equal
/// only if they were made with the same `needed`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Needed {
    /// Every pixel.
    #[default]
    Whole,
    /// To be stretched to so many pixels.
    Stretched {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// To be scaled, with its proportions, so that no side is longer.
    Fitted {
        /// In pixels.
        side: usize,
    },
    /// Both: stretched to so many pixels, and scaled so that no side is longer than `side`.
    Both {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// In pixels.
        side: usize,
    },
}

impl Needed {
    /// What models take.
    pub fn inputs(shapes: &[InputShape]) -> Needed {
        let most = |side: fn(&InputShape) -> usize| shapes.iter().map(side).max().unwrap_or(0);
        Needed::Stretched { width: most(|shape| shape.width), height: most(|shape| shape.height) }
    }

    /// The least number of eighths of an upright image's sides that is enough: 1, 2, 4 or 8.
    pub(super) fn eighths(self, (width, height): (usize, usize)) -> usize {
        let part = |eighths: usize| (width * eighths / 8, height * eighths / 8);
        [1, 2, 4].into_iter().find(|&eighths| self.fits(part(eighths), [3, 2])).unwrap_or(8)
    }

    /// Whether an upright image has so many pixels (a fraction) to each that is needed, either way.
    pub(super) fn fits(self, (width, height): (usize, usize), [above, below]: [usize; 2]) -> bool {
        let fits = |side: usize, needed: usize| below * side >= needed.saturating_mul(above);
        let longest = width.max(height);
        match self {
            Needed::Whole => false,
            Needed::Stretched { width: w, height: h } => fits(width, w) && fits(height, h),
            Needed::Fitted { side } => fits(longest, side),
            Needed::Both { width: w, height: h, side } => {
                fits(width, w) && fits(height, h) && fits(longest, side)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_decoded_no_larger_than_half_as_much_again_as_needed() {
        let input = |height, width| Needed::inputs(&[InputShape { channels: 3, height, width }]);
        for (needed, size, eighths) in [
            (Needed::Whole, (4000, 3000), 8),
            (input(224, 224), (4000, 3000), 1),
            (input(224, 224), (2688, 2688), 1),
            (input(224, 224), (4000, 2687), 2),
            (input(224, 224), (700, 671), 8),
            (input(32, 32), (400, 380), 2),
            (input(100, 400), (4800, 1200), 1),
            (input(400, 100), (4800, 1200), 4),
            (Needed::inputs(&[]), (9, 9), 1),
            (Needed::Fitted { side: 256 }, (3072, 40), 1),
            (Needed::Fitted { side: 256 }, (40, 3071), 2),
            (Needed::Both { width: 32, height: 32, side: 256 }, (4000, 3000), 1),
            (Needed::Both { width: 32, height: 32, side: 512 }, (4000, 3000), 2),
            (Needed::Both { width: 300, height: 300, side: 256 }, (4000, 3000), 2),
            (Needed::Fitted { side: usize::MAX }, (40, 40), 8),
        ] {
            assert_eq!(needed.eighths(size), eighths, "{needed:?} of {size:?}");
        }
    }
}
