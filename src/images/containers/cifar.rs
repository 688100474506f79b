//! The binary files of CIFAR-10 and CIFAR-100: 32x32 RGB in planes, each image after one or two bytes of
//! labels.
//!
//! They have no magic number: a file is recognised by its name, its length, and labels that are in range.
//! Class names are in the text file that comes with the batches.
//! <https://www.cs.toronto.edu/~kriz/cifar.html>

use std::fs;
use std::io::Read;
use std::path::Path;

use super::arrays::{Arrays, Block, RecordLayout};
use super::file::FileAt;
use super::labels::Labels;
use super::skips::MAX_ENTRIES;
use super::stream::{Content, Packed};
use crate::images::plain_file::io_reason;

/// Bytes of one image.
const IMAGE: usize = 3 * 32 * 32;
/// Longest file of class names, in bytes.
const MAX_NAMES: u64 = 1 << 16;

/// Which of the two data sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::images) enum CifarVariant {
    /// A label below 10.
    Cifar10,
    /// A coarse label below 20, a fine one below 100.
    Cifar100,
}

impl CifarVariant {
    /// Exclusive bounds of the labels before each image.
    fn bounds(self) -> &'static [u8] {
        match self {
            CifarVariant::Cifar10 => &[10],
            CifarVariant::Cifar100 => &[20, 100],
        }
    }

    fn names_file(self) -> &'static str {
        match self {
            CifarVariant::Cifar10 => "batches.meta.txt",
            CifarVariant::Cifar100 => "fine_label_names.txt",
        }
    }

    fn stride(self) -> usize {
        self.bounds().len() + IMAGE
    }
}

/// Which of them a file is, by its name and first bytes.
pub(super) fn recognise(path: &Path, head: &[u8]) -> Option<CifarVariant> {
    let name = path.file_name()?.to_str()?;
    let variant = match name.strip_suffix(".bin")? {
        "test_batch" => CifarVariant::Cifar10,
        batch if batch.starts_with("data_batch_") => CifarVariant::Cifar10,
        // common names: the file of class names must be there too
        "train" | "test" if path.with_file_name(CifarVariant::Cifar100.names_file()).is_file() => {
            CifarVariant::Cifar100
        }
        _ => return None,
    };
    let in_range = head.len() > 2 && head.iter().zip(variant.bounds()).all(|(label, bound)| label < bound);
    in_range.then_some(variant)
}

/// The images of a batch, with their labels.
///
/// # Errors
/// The reason why it cannot be used.
pub(super) fn open(file: &FileAt, variant: CifarVariant) -> Result<Arrays, String> {
    let stride = variant.stride() as u64;
    if !file.len().is_multiple_of(stride) {
        return Err(format!("cifar: expected records of {stride} bytes, got {} in all", file.len()));
    }
    let n_images = file.len() / stride;
    if n_images > MAX_ENTRIES {
        return Err(format!("cifar: more than {} images", MAX_ENTRIES));
    }
    let mut numbers = Vec::new();
    let mut stream = file.from(0);
    let mut record = vec![0; variant.stride()];
    for index in 0..n_images {
        stream.read_exact(&mut record).map_err(|e| format!("cifar: {}", io_reason(e)))?;
        if record.iter().zip(variant.bounds()).any(|(label, bound)| label >= bound) {
            return Err(format!("cifar: damaged: image {index} has a label out of range"));
        }
        numbers.push(i64::from(record[variant.bounds().len() - 1]));
    }
    let names = class_names(&file.path().with_file_name(variant.names_file()));
    Ok(Arrays::new(vec![Block {
        name: String::new(),
        n_images: n_images as usize,
        shape: [32, 32, 3],
        layout: RecordLayout { prefix: variant.bounds().len(), planar: true },
        content: Content::new(Packed::Plain(file.clone(), 0), file.len()),
        start: 0,
        labels: Some(Labels::of_numbers(numbers, &names)),
    }]))
}

/// One name per line; none if there is no such file.
fn class_names(path: &Path) -> Vec<String> {
    let mut text = String::new();
    let is_file = path.is_file(); // opening a pipe would wait for a writer
    let read = |text: &mut String| fs::File::open(path)?.take(MAX_NAMES).read_to_string(text);
    if !is_file || read(&mut text).is_err() {
        return Vec::new();
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::containers::tests::written;
    use crate::images::source::Raw;
    use crate::images::{Limits, Pixels};

    #[test]
    fn batches_are_read_with_their_class_names() {
        for (variant, labels) in [(CifarVariant::Cifar10, &[3][..]), (CifarVariant::Cifar100, &[1, 3])] {
            let planes = [[1_u8; 1024], [2; 1024], [3; 1024]].concat();
            let file = [labels, &planes, labels, &planes].concat();
            let name = if variant == CifarVariant::Cifar10 { "data_batch_1.bin" } else { "train.bin" };
            let (dir, path) = written(name, &file);
            fs::write(dir.path().join(variant.names_file()), "a\nb\nc\ncat\n").unwrap();
            assert_eq!(recognise(&path, &file[..16]), Some(variant));
            assert_eq!(recognise(&path, &[200; 16]), None);
            let arrays = open(&FileAt::new(&path).unwrap(), variant).unwrap();
            assert_eq!((arrays.len(), arrays.label(1)), (2, Some("cat")));
            let Raw::Pixels(pixels) = arrays.read(1, &Limits::default()).unwrap() else { panic!("pixels") };
            let data = [1, 2, 3].repeat(1024);
            assert_eq!(pixels, Pixels { width: 32, height: 32, channels: 3, data });
            for cut in (1..file.len()).filter(|cut| cut % (file.len() / 2) != 0).step_by(97) {
                fs::write(&path, &file[..cut]).unwrap();
                assert!(open(&FileAt::new(&path).unwrap(), variant).is_err(), "{cut}");
            }
        }
    }
}
