//! IDX files, the format of MNIST and its family: big-endian header, then the bytes of all images, with or
//! without gzip.
//!
//! Plain files are read by position. A packed file is unpacked once when it is listed, which shows whether it
//! is complete; up to 64 MiB of it are kept in memory, of all files together up to 128. What the header
//! claims is checked against the file before memory is taken. RecordLayout:
//! <http://yann.lecun.com/exdb/mnist/>, 0 0 type dimensions, then one u32 for each dimension.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::arrays::{Arrays, Block, RecordLayout, images_of, shown};
use super::file::FileAt;
use super::labels::Labels;
use super::stream::{Content, Keep, Packed, bomb_reason, is_bomb, skip};
use crate::images::Skipped;
use crate::images::plain_file::io_reason;

/// DEFLATE cannot shrink better than 1032 to 1.
const MAX_DEFLATE_RATIO: u64 = 1032;

/// The images of an IDX file, and what is wrong with the labels beside them.
///
/// # Errors
/// The reason why it cannot be used.
pub(super) fn open(file: &FileAt, is_gzip: bool) -> Result<(Arrays, Vec<Skipped>), String> {
    let (sides, content, start) = read(file, is_gzip).map_err(|reason| format!("idx: {reason}"))?;
    let images = images_of(&sides).ok_or_else(|| {
        format!("idx: expected images of 1 or 3 channels, got dimensions {}", shown(&sides))
    })?;
    let (n_images, shape, _) = images.map_err(|reason| format!("idx: {reason}"))?;
    let mut skipped = Vec::new();
    let labels = labels(file.path(), n_images).unwrap_or_else(|(path, reason)| {
        let reason = format!("idx: {reason}: used without labels");
        skipped.push(Skipped::new(path.as_os_str().as_encoded_bytes(), reason));
        None
    });
    let name = String::new();
    let block = Block { name, n_images, shape, layout: RecordLayout::default(), content, start, labels };
    Ok((Arrays::new(vec![block]), skipped))
}

/// The labels of these images, from the file beside them that belongs to them by name; none if there is no
/// such file.
///
/// # Errors
/// The file, and the reason why it cannot be used.
fn labels(images: &Path, n_images: usize) -> Result<Option<Labels>, (PathBuf, String)> {
    let Some(path) = labels_paths(images).into_iter().find(|path| path.is_file()) else { return Ok(None) };
    let read = || {
        let file = FileAt::new(&path)?;
        let mut head = [0; 2];
        let is_gzip = file.read_exact_at(0, &mut head).is_ok() && head == [0x1f, 0x8b];
        let (sides, content, start) = read(&file, is_gzip)?;
        if sides != [n_images as u64] {
            return Err(format!("expected {n_images} labels, got {}", shown(&sides)));
        }
        content.read_at(start, n_images as u64).map_err(io_reason)
    };
    match read() {
        Ok(numbers) => Ok(Some(Labels::of_numbers(numbers.into_iter().map(i64::from), &[]))),
        Err(reason) => Err((path, reason)),
    }
}

/// Where the labels of an images file may be: `x-images-idx3-ubyte.gz` has `x-labels-idx1-ubyte.gz`, with or
/// without `.gz`.
fn labels_paths(images: &Path) -> Vec<PathBuf> {
    let Some(name) = images.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let bare = name.strip_suffix(".gz").unwrap_or(name);
    let Some((before, after)) = bare.rsplit_once("images") else { return Vec::new() };
    let labels = format!("{before}labels{}", after.replace("idx3", "idx1").replace("idx4", "idx1"));
    let zipped = format!("{labels}.gz");
    let names = if bare.len() < name.len() { [zipped, labels] } else { [labels, zipped] };
    names.map(|name| images.with_file_name(name)).into()
}

/// Dimensions and content of any IDX file of bytes, and where in the content they start. The file is
/// complete.
fn read(file: &FileAt, is_gzip: bool) -> Result<(Vec<u64>, Content, u64), String> {
    let packed = if is_gzip { Packed::Gzip(file.clone()) } else { Packed::Plain(file.clone(), 0) };
    let mut stream = packed.stream();
    let sides = read_header(&mut stream).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => error.to_string(),
        _ => io_reason(error),
    })?;
    let header_bytes = 4 + 4 * sides.len() as u64;
    let shown = shown(&sides);
    let claim = sides.iter().try_fold(1_u64, |product, &side| product.checked_mul(side));
    let claim = claim.filter(|claim| *claim <= i64::MAX as u64 - header_bytes);
    let claim = claim.ok_or_else(|| format!("the header claims {shown}: more than any file holds"))?;
    if !is_gzip {
        let (takes, has) = (header_bytes + claim, file.len());
        if takes != has {
            return Err(format!("{shown} takes {takes} bytes, the file has {has}"));
        }
        return Ok((sides, Content::new(packed, has), header_bytes));
    }
    if claim > file.len().saturating_mul(MAX_DEFLATE_RATIO) {
        return Err(format!("the header claims {shown}, more than this file can unpack to"));
    }
    if is_bomb(claim, file.len()) {
        return Err(bomb_reason());
    }
    let mut content = Vec::new();
    let size = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => format!("{shown} takes {claim} bytes, the file holds less"),
        _ => io_reason(e),
    };
    let keep = Keep::take(claim);
    if keep.is_some() {
        content.try_reserve_exact(claim as usize).map_err(|_| format!("no memory for {shown}"))?;
        if stream.by_ref().take(claim).read_to_end(&mut content).map_err(size)? < claim as usize {
            return Err(size(std::io::ErrorKind::UnexpectedEof.into()));
        }
    } else {
        skip(&mut stream, claim).map_err(size)?;
    }
    // one byte more than claimed: to notice excess, and to make gzip verify its checksum
    if stream.read(&mut [0]).map_err(io_reason)? > 0 {
        return Err(format!("{shown} takes {claim} bytes, the file holds more"));
    }
    Ok(match keep {
        Some(keep) => (sides, Content::Memory(content, keep), 0),
        None => (sides, Content::new(packed, header_bytes + claim), header_bytes),
    })
}

/// The dimensions that an IDX file claims.
fn read_header(stream: &mut dyn Read) -> std::io::Result<Vec<u64>> {
    let mut magic = [0; 4];
    stream.read_exact(&mut magic)?;
    let [0, 0, 8, n_sides @ 1..=4] = magic else {
        let what = format!("expected unsigned bytes in 1 to 4 dimensions (0 0 8 n), got {magic:?}");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, what));
    };
    let mut sides = Vec::new();
    for _ in 0..n_sides {
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes)?;
        sides.push(u32::from_be_bytes(bytes).into());
    }
    Ok(sides)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::containers::tests::{gzip, written};

    fn idx(sides: &[u32], content: &[u8]) -> Vec<u8> {
        let mut file = vec![0, 0, 8, sides.len() as u8];
        file.extend(sides.iter().flat_map(|side| side.to_be_bytes()));
        file.extend_from_slice(content);
        file
    }

    /// Dimensions and content.
    type Parsed = (Vec<u64>, Vec<u8>);

    /// What both a plain and a packed file of these bytes come to.
    fn parse(file: &[u8]) -> [Result<Parsed, String>; 2] {
        [(file.to_vec(), false), (gzip(file), true)].map(|(file, is_gzip)| {
            let (_dir, file) = written("x", &file);
            let (sides, content, start) = read(&FileAt::new(&file)?, is_gzip)?;
            let bytes = content.read_at(start, sides.iter().product()).map_err(io_reason)?;
            Ok((sides, bytes))
        })
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
        for read in parse(&idx(&[2, 1, 2], &[1, 2, 3, 4])) {
            assert_eq!(read, Ok((vec![2, 1, 2], vec![1, 2, 3, 4])));
        }
    }

    #[test]
    fn every_cut_and_any_excess_is_refused() {
        let file = idx(&[2, 1, 2], &[1, 2, 3, 4]);
        for cut in 0..file.len() {
            assert!(parse(&file[..cut]).iter().all(Result::is_err), "cut at {cut}");
        }
        assert!(parse(&idx(&[2, 1, 2], &[0; 5])).iter().all(Result::is_err));
        let packed = gzip(&file);
        for cut in 0..packed.len() {
            let (_dir, path) = written("x", &packed[..cut]);
            assert!(read(&FileAt::new(&path).unwrap(), true).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn false_claims_cost_no_memory() {
        let reasons = [
            (idx(&[u32::MAX, u32::MAX, u32::MAX], &[]), "claims"),
            (idx(&[u32::MAX, u32::MAX, u32::MAX, u32::MAX], &[]), "claims"),
            (idx(&[1 << 20, 64, 64], &[]), "takes"),
        ];
        for (file, word) in reasons {
            let [plain, packed] = parse(&file).map(Result::unwrap_err);
            assert!(plain.contains(word), "{plain}");
            assert!(packed.contains("claims"), "{packed}");
        }
        let (_dir, path) = written("x", &idx(&[1 << 25, 1, 1], &vec![0; 1 << 25]));
        let reason = open(&FileAt::new(&path).unwrap(), false).map(drop).unwrap_err();
        assert!(reason.contains("the limit is"), "{reason}");
    }
}
