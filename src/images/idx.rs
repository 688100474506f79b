//! IDX files, the format of MNIST and its family: big-endian header, then the pixels of all images, with or without gzip.
//!
//! A container is read whole, checked, and shared: its entries are u8 [H, W] or [H, W, C], never anything else. What the header
//! claims is checked against the file before memory is taken, so neither a false header nor a gzip bomb costs more than the
//! file is worth. Layout: <http://yann.lecun.com/exdb/mnist/>, 0 0 type dimensions, then one u32 for each dimension.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::Pixels;
use super::load::{io_reason, mtime_ns};

/// Largest content, in bytes: it is held in memory.
const MAX_BYTES: u64 = 8 << 30;
/// Most images in one file; a claim of more (a bomb of 1x1 images, say) is refused.
const MAX_ENTRIES: u64 = 1 << 24;
/// DEFLATE cannot shrink better than 1032 to 1.
const MAX_DEFLATE_RATIO: u64 = 1032;

/// An IDX file of images, read and checked.
pub(super) struct Container {
    path: PathBuf,
    /// Bytes and time of change of the file, as [`Item::quick_stamp`](super::Item::quick_stamp).
    stamp: (u64, i64),
    n_images: usize,
    /// Height, width, channels of each image.
    shape: [usize; 3],
    pixels: Vec<u8>, // [N, H, W, C]
}

impl Container {
    /// Reads an IDX file of images.
    ///
    /// # Errors
    /// The reason why it cannot be used.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let (sides, pixels, stamp) = read(path)?;
        let (n_images, shape) = match sides[..] {
            [n, height, width] => (n, [height, width, 1]),
            [n, height, width, channels @ (1 | 3)] => (n, [height, width, channels]),
            _ => {
                return Err(format!(
                    "idx: expected images of 1 or 3 channels, got dimensions {}",
                    shown(&sides)
                ));
            }
        };
        if pixels.is_empty() {
            return Err(format!("idx: no images in it: dimensions {}", shown(&sides)));
        }
        Ok(Container { path: path.to_path_buf(), stamp, n_images, shape, pixels })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn quick_stamp(&self) -> (u64, i64) {
        self.stamp
    }

    /// Number of images.
    pub(super) fn len(&self) -> usize {
        self.n_images
    }

    /// Image `index`, which must be below [`len`](Self::len).
    pub(super) fn entry(&self, index: usize) -> Pixels {
        let [height, width, channels] = self.shape;
        let size = height * width * channels;
        let data = self.pixels[index * size..][..size].to_vec();
        Pixels { width, height, channels, data }
    }

    /// The labels in the file beside this one that belongs to it by name, one for each image; nothing if there is none.
    ///
    /// # Errors
    /// The file, and the reason why it cannot be used.
    pub(super) fn labels(&self) -> Result<Option<Vec<u8>>, (PathBuf, String)> {
        let Some(path) = labels_paths(&self.path).into_iter().find(|path| path.is_file()) else {
            return Ok(None);
        };
        match read(&path) {
            Ok((sides, labels, _)) if sides == [self.n_images] => Ok(Some(labels)),
            Ok((sides, ..)) => {
                let what = format!(
                    "idx: expected {} labels, got {}: used without labels",
                    self.n_images,
                    shown(&sides)
                );
                Err((path, what))
            }
            Err(reason) => Err((path, format!("{reason}: used without labels"))),
        }
    }
}

/// Where the labels of an images file may be: `x-images-idx3-ubyte.gz` has `x-labels-idx1-ubyte.gz`, with or without `.gz`.
fn labels_paths(images: &Path) -> Vec<PathBuf> {
    let Some(name) = images.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let bare = name.strip_suffix(".gz").unwrap_or(name);
    let Some((before, after)) = bare.rsplit_once("images") else { return Vec::new() };
    let labels = format!("{before}labels{}", after.replace("idx3", "idx1").replace("idx4", "idx1"));
    let zipped = format!("{labels}.gz");
    let names = if bare.len() < name.len() { [zipped, labels] } else { [labels, zipped] };
    names.map(|name| images.with_file_name(name)).into()
}

/// Dimensions, content, size and time of change of any IDX file of bytes.
#[expect(clippy::type_complexity, reason = "one private function, taken apart at once")]
fn read(path: &Path) -> Result<(Vec<usize>, Vec<u8>, (u64, i64)), String> {
    let file = File::open(path).map_err(io_reason)?;
    let metadata = file.metadata().map_err(io_reason)?;
    let file_bytes = metadata.len();
    let mut file = BufReader::with_capacity(1 << 16, file);
    let is_gzip = std::io::BufRead::fill_buf(&mut file).map_err(io_reason)?.starts_with(&[0x1f, 0x8b]);
    let (sides, content) = if is_gzip {
        read_checked(MultiGzDecoder::new(file), Extent::AtMost(file_bytes.saturating_mul(MAX_DEFLATE_RATIO)))
    } else {
        read_checked(file, Extent::Exactly(file_bytes))
    }?;
    Ok((sides, content, (file_bytes, mtime_ns(&metadata))))
}

/// What is known of a stream's length before it is read, in bytes.
enum Extent {
    Exactly(u64),
    AtMost(u64),
}

fn read_checked(mut stream: impl Read, extent: Extent) -> Result<(Vec<usize>, Vec<u8>), String> {
    let reason = |e: std::io::Error| format!("idx: {}", io_reason(e));
    let mut magic = [0; 4];
    stream.read_exact(&mut magic).map_err(reason)?;
    let [0, 0, 8, n_sides @ 1..=4] = magic else {
        return Err(format!("idx: expected unsigned bytes in 1 to 4 dimensions (0 0 8 n), got {magic:?}"));
    };
    let mut sides = [0_u32; 4];
    for side in &mut sides[..n_sides.into()] {
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).map_err(reason)?;
        *side = u32::from_be_bytes(bytes);
    }
    let sides: Vec<usize> = sides[..n_sides.into()].iter().map(|&side| side as usize).collect();

    let header_bytes = 4 + 4 * u64::from(n_sides);
    let claim = sides.iter().try_fold(1_u64, |product, &side| product.checked_mul(side as u64));
    let shown = shown(&sides);
    let Some(claim) = claim.filter(|&claim| claim <= MAX_BYTES && sides[0] as u64 <= MAX_ENTRIES) else {
        return Err(format!(
            "idx: the header claims {shown}: the limit is {MAX_ENTRIES} images, {} GiB",
            MAX_BYTES >> 30
        ));
    };
    match extent {
        Extent::Exactly(bytes) if bytes != header_bytes + claim => {
            return Err(format!("idx: {shown} takes {} bytes, the file has {bytes}", header_bytes + claim));
        }
        Extent::AtMost(bytes) if claim > bytes => {
            return Err(format!("idx: the header claims {shown}, more than this file can unpack to"));
        }
        _ => {}
    }
    let no_memory = || format!("idx: no memory for {shown}");
    let mut content = Vec::new();
    content
        .try_reserve_exact(usize::try_from(claim + 1).map_err(|_| no_memory())?)
        .map_err(|_| no_memory())?;
    // one byte more than claimed: to notice what is too long, and to make gzip check its sum
    stream.take(claim + 1).read_to_end(&mut content).map_err(reason)?;
    if content.len() as u64 != claim {
        let than = if (content.len() as u64) < claim { "less" } else { "more" };
        return Err(format!("idx: {shown} takes {claim} bytes, the file holds {than}"));
    }
    Ok((sides, content))
}

fn shown(sides: &[usize]) -> String {
    sides.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idx(sides: &[u32], content: &[u8]) -> Vec<u8> {
        let mut file = vec![0, 0, 8, sides.len() as u8];
        file.extend(sides.iter().flat_map(|side| side.to_be_bytes()));
        file.extend_from_slice(content);
        file
    }

    fn parse(file: &[u8]) -> Result<(Vec<usize>, Vec<u8>), String> {
        read_checked(file, Extent::Exactly(file.len() as u64))
    }

    #[test]
    fn labels_are_found_by_name() {
        let found = |name: &str| {
            labels_paths(Path::new(name)).iter().map(|p| p.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            found("d/train-images-idx3-ubyte.gz"),
            ["d/train-labels-idx1-ubyte.gz", "d/train-labels-idx1-ubyte"]
        );
        assert_eq!(found("t10k-images.idx3-ubyte"), ["t10k-labels.idx1-ubyte", "t10k-labels.idx1-ubyte.gz"]);
        assert!(found("digits.idx").is_empty());
    }

    #[test]
    fn reads_what_it_says() {
        assert_eq!(parse(&idx(&[2, 1, 2], &[1, 2, 3, 4])), Ok((vec![2, 1, 2], vec![1, 2, 3, 4])));
    }

    #[test]
    fn every_cut_and_any_excess_is_refused() {
        let file = idx(&[2, 1, 2], &[1, 2, 3, 4]);
        for cut in 0..file.len() {
            assert!(parse(&file[..cut]).is_err(), "cut at {cut}");
            let unknown = read_checked(&file[..cut], Extent::AtMost(1 << 20));
            assert!(unknown.is_err(), "cut at {cut}");
        }
        let long = idx(&[2, 1, 2], &[0; 5]);
        assert!(parse(&long).is_err());
        assert!(read_checked(&long[..], Extent::AtMost(1 << 20)).is_err());
    }

    #[test]
    fn false_claims_cost_no_memory() {
        let reasons = [
            (idx(&[u32::MAX, u32::MAX, u32::MAX], &[]), "claims"),
            (idx(&[u32::MAX, u32::MAX, u32::MAX, u32::MAX], &[]), "claims"),
            (idx(&[1 << 25, 1, 1], &[]), "claims"),
            (idx(&[1 << 20, 64, 64], &[]), "takes"),
        ];
        for (file, word) in reasons {
            assert!(parse(&file).unwrap_err().contains(word));
        }
        let bomb = read_checked(&idx(&[1 << 20, 64, 64], &[])[..], Extent::AtMost(1032 * 100)).unwrap_err();
        assert!(bomb.contains("can unpack to"), "{bomb}");
    }
}
