//! Images of one size, one after another, as plain bytes: what IDX, npy, npz and CIFAR files are once
//! unpacked.
//!
//! A [`Block`] is one array, `[N, H, W, C]` or with the channels outermost (`planar`); each image may follow
//! a few bytes that do not belong to it. Images are read when they are asked for; whoever makes a block has
//! checked that the bytes exist.

use std::borrow::Cow;

use super::labels::Labels;
use super::skips::MAX_ENTRIES;
use super::stream::Content;
use crate::images::plain_file::io_reason;
use crate::images::source::Raw;
use crate::images::{Limits, Pixels};

/// One array of images.
pub(super) struct Block {
    /// Its name among the arrays of a container.
    pub(super) name: String,
    pub(super) n_images: usize,
    /// Height, width, channels of each image.
    pub(super) shape: [usize; 3],
    pub(super) layout: RecordLayout,
    pub(super) content: Content,
    /// Bytes of the content before the first image.
    pub(super) start: u64,
    pub(super) labels: Option<Labels>,
}

/// The bytes of one image: what precedes them, and their order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RecordLayout {
    /// Bytes before the pixels of each image.
    pub(super) prefix: usize,
    /// `[C, H, W]` instead of `[H, W, C]`.
    pub(super) planar: bool,
}

impl Block {
    /// Bytes from one image to the next.
    fn stride(&self) -> u64 {
        (self.layout.prefix + self.shape.iter().product::<usize>()) as u64
    }

    fn read(&self, index: usize, limits: &Limits) -> Result<Pixels, String> {
        let [height, width, channels] = self.shape;
        let (pixels, bytes) = ((height * width) as u64, self.stride());
        // read and decoded at once, so both the limit of files and that of pixels apply
        if pixels > limits.max_pixels || bytes > limits.max_decoded_bytes.min(limits.max_file_bytes) {
            return Err(format!("too large: {width}x{height}, {} MiB", bytes >> 20));
        }
        let at = self.start + index as u64 * bytes + self.layout.prefix as u64;
        let mut data = self.content.read_at(at, bytes - self.layout.prefix as u64).map_err(io_reason)?;
        if self.layout.planar && channels > 1 {
            let planes = data.len() / channels;
            data = (0..data.len()).map(|i| data[i % channels * planes + i / channels]).collect();
        }
        Ok(Pixels { width, height, channels, data })
    }
}

/// All arrays of a container; their images are numbered consecutively.
pub(super) struct Arrays {
    blocks: Vec<Block>,
}

impl Arrays {
    /// The blocks, of which there is at least one.
    pub(super) fn new(blocks: Vec<Block>) -> Self {
        Arrays { blocks }
    }

    pub(super) fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.n_images).sum()
    }

    pub(super) fn read(&self, index: usize, limits: &Limits) -> Result<Raw, String> {
        let (block, index) = self.locate(index).ok_or("no such entry")?;
        block.read(index, limits).map(Raw::Pixels)
    }

    /// `17`, or `x_test/17` where there are several arrays.
    pub(super) fn entry_name(&self, index: usize) -> Cow<'_, [u8]> {
        let name = match (self.locate(index), &self.blocks[..]) {
            (None, _) | (_, [_]) => index.to_string(),
            (Some((block, index)), _) => format!("{}/{index}", block.name),
        };
        Cow::Owned(name.into_bytes())
    }

    /// The image with this [`entry_name`](Self::entry_name).
    pub(super) fn find(&self, name: &[u8]) -> Option<usize> {
        let name = std::str::from_utf8(name).ok()?;
        let (block, number) = match (&self.blocks[..], name.rsplit_once('/')) {
            ([_], None) => (0, name),
            ([_], Some(_)) => return None,
            (blocks, parts) => {
                let (array, number) = parts?;
                (blocks.iter().position(|block| block.name == array)?, number)
            }
        };
        let index: usize = number.parse().ok()?;
        let before: usize = self.blocks[..block].iter().map(|block| block.n_images).sum();
        let is_entry = index < self.blocks[block].n_images && number == index.to_string();
        is_entry.then_some(before + index)
    }

    pub(super) fn label(&self, index: usize) -> Option<&str> {
        let (block, index) = self.locate(index)?;
        block.labels.as_ref()?.get(index)
    }

    pub(super) fn in_sequence(&self, index: usize) -> bool {
        self.locate(index).is_some_and(|(block, _)| block.content.in_sequence())
    }

    /// The block that holds image `index`, and its number there.
    fn locate(&self, mut index: usize) -> Option<(&Block, usize)> {
        for block in &self.blocks {
            if index < block.n_images {
                return Some((block, index));
            }
            index -= block.n_images;
        }
        None
    }
}

/// `60000x28x28`.
pub(super) fn shown(sides: &[u64]) -> String {
    sides.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

/// Number of images; height, width and channels of each; bytes of all.
pub(super) type Extent = (usize, [usize; 3], u64);

/// Number, [height, width, channels] and total bytes of images of these dimensions, `[N, H, W]` or `[N, H, W,
/// 1 | 3]`; none if they are not those of images.
///
/// # Errors
/// There are no images, or more than a container may hold.
pub(super) fn images_of(sides: &[u64]) -> Option<Result<Extent, String>> {
    let (n, height, width, channels) = match sides[..] {
        [n, height, width] => (n, height, width, 1),
        [n, height, width, channels @ (1 | 3)] => (n, height, width, channels),
        _ => return None,
    };
    let size = [height, width, channels].into_iter().try_fold(1_u64, u64::checked_mul);
    let bytes = size.and_then(|size| size.checked_mul(n)).filter(|bytes| i64::try_from(*bytes).is_ok());
    let image = [height, width, channels].map(|side| usize::try_from(side).unwrap_or(usize::MAX));
    Some(match bytes {
        Some(0) => Err(format!("no images in it: dimensions {}", shown(sides))),
        Some(bytes) if n <= MAX_ENTRIES => Ok((n as usize, image, bytes)),
        _ => Err(format!("it claims {}: the limit is {} images", shown(sides), MAX_ENTRIES)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::stream::Keep;
    use super::*;

    fn block(name: &str, n_images: usize, layout: RecordLayout) -> Block {
        let content = Content::Memory((0..200).collect(), Keep::take(200).unwrap());
        Block { name: name.into(), n_images, shape: [1, 2, 3], layout, content, start: 4, labels: None }
    }

    #[test]
    fn planes_become_pixels_and_prefixes_are_skipped() {
        let arrays = Arrays::new(vec![block("x", 3, RecordLayout { prefix: 2, planar: true })]);
        let Raw::Pixels(pixels) = arrays.read(1, &Limits::default()).unwrap() else { panic!("pixels") };
        assert_eq!(pixels, Pixels { width: 2, height: 1, channels: 3, data: vec![14, 16, 18, 15, 17, 19] });
        assert!(arrays.read(3, &Limits::default()).is_err());
        let small = Limits { max_pixels: 1, ..Limits::default() };
        assert!(arrays.read(1, &small).unwrap_err().contains("too large"));
        let short = Limits { max_file_bytes: 7, ..Limits::default() };
        assert!(arrays.read(1, &short).unwrap_err().contains("too large"));
    }

    #[test]
    fn names_lead_back() {
        for blocks in [vec![("only", 3)], vec![("a", 2), ("b/c", 3)]] {
            let blocks = blocks.into_iter().map(|(name, n)| block(name, n, RecordLayout::default()));
            let arrays = Arrays::new(blocks.collect());
            for i in 0..arrays.len() {
                assert_eq!(arrays.find(&arrays.entry_name(i)), Some(i));
            }
            for wrong in ["", "07", "a/2", "c/0", "9", "a/", "b/c/3", "a"] {
                assert_eq!(arrays.find(wrong.as_bytes()), None, "{wrong}");
            }
        }
    }

    #[test]
    fn dimensions_are_bounded() {
        assert_eq!(images_of(&[2, 3, 4]), Some(Ok((2, [3, 4, 1], 24))));
        assert_eq!(images_of(&[2, 3, 4, 3]), Some(Ok((2, [3, 4, 3], 72))));
        assert!(images_of(&[3, 4]).is_none() && images_of(&[1, 3, 4, 2]).is_none());
        for sides in [[0, 1, 1], [1, 0, 1], [1 << 25, 1, 1], [u64::MAX; 3], [1, u64::MAX, 1]] {
            assert!(images_of(&sides).unwrap().is_err(), "{sides:?}");
        }
    }
}
