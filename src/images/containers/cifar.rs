//! The binary files of CIFAR-10 and CIFAR-100: 32x32 RGB in planes, each image behind one or two bytes of labels.
//!
//! They have no magic: a file is one by its name, its length and labels that are in range. Class names are in the text file that
//! comes with the batches. <https://www.cs.toronto.edu/~kriz/cifar.html>

use std::fs;
use std::io::Read;
use std::path::Path;

use super::arrays::{Arrays, Block, Layout};
use super::file::FileAt;
use super::labels::Labels;
use super::stream::{Content, Packed};
use crate::images::load::io_reason;

/// Bytes of one image.
const IMAGE: usize = 3 * 32 * 32;
/// Longest file of class names, in bytes.
const MAX_NAMES: u64 = 1 << 16;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::images) enum Kind {
    /// A label below 10.
    Cifar10,
    /// A coarse label below 20, a fine one below 100.
    Cifar100,
}

impl Kind {
    /// Exclusive bounds of the labels before each image.
    fn bounds(self) -> &'static [u8] {
        match self {
            Kind::Cifar10 => &[10],
            Kind::Cifar100 => &[20, 100],
        }
    }

    fn names_file(self) -> &'static str {
        match self {
            Kind::Cifar10 => "batches.meta.txt",
            Kind::Cifar100 => "fine_label_names.txt",
        }
    }

    fn stride(self) -> usize {
        self.bounds().len() + IMAGE
    }
}

/// What a file may be by its name and its first bytes.
pub(super) fn recognise(path: &Path, head: &[u8]) -> Option<Kind> {
    let name = path.file_name()?.to_str()?;
    let kind = match name.strip_suffix(".bin")? {
        "test_batch" => Kind::Cifar10,
        batch if batch.starts_with("data_batch_") => Kind::Cifar10,
        // names that many files have: the class names beside must be there too
        "train" | "test" if path.with_file_name(Kind::Cifar100.names_file()).is_file() => Kind::Cifar100,
        _ => return None,
    };
    let in_range = head.len() > 2 && head.iter().zip(kind.bounds()).all(|(label, bound)| label < bound);
    in_range.then_some(kind)
}

/// The images of a batch, with their labels.
///
/// # Errors
/// The reason why it cannot be used.
pub(super) fn open(file: &FileAt, kind: Kind) -> Result<Arrays, String> {
    let stride = kind.stride() as u64;
    if !file.len().is_multiple_of(stride) {
        return Err(format!("cifar: expected records of {stride} bytes, got {} in all", file.len()));
    }
    let n_images = file.len() / stride;
    if n_images > super::MAX_ENTRIES {
        return Err(format!("cifar: more than {} images", super::MAX_ENTRIES));
    }
    let mut numbers = Vec::new();
    let mut stream = file.from(0);
    let mut record = vec![0; kind.stride()];
    for index in 0..n_images {
        stream.read_exact(&mut record).map_err(|e| format!("cifar: {}", io_reason(e)))?;
        if record.iter().zip(kind.bounds()).any(|(label, bound)| label >= bound) {
            return Err(format!("cifar: damaged: image {index} has a label that is none"));
        }
        numbers.push(i64::from(record[kind.bounds().len() - 1]));
    }
    let names = class_names(&file.path().with_file_name(kind.names_file()));
    Ok(Arrays::new(vec![Block {
        name: String::new(),
        n_images: n_images as usize,
        shape: [32, 32, 3],
        layout: Layout { prefix: kind.bounds().len(), planar: true },
        content: Content::new(Packed::Plain(file.clone(), 0), file.len()),
        start: 0,
        labels: Some(Labels::of_numbers(numbers, &names)),
    }]))
}

/// One name a line; none where there is no such file.
fn class_names(path: &Path) -> Vec<String> {
    let mut text = String::new();
    let is_file = path.is_file(); // a pipe would wait for somebody to write
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
    use crate::images::load::Raw;
    use crate::images::{Limits, Pixels};

    #[test]
    fn batches_are_read_with_their_class_names() {
        for (kind, labels) in [(Kind::Cifar10, &[3][..]), (Kind::Cifar100, &[1, 3])] {
            let planes = [[1_u8; 1024], [2; 1024], [3; 1024]].concat();
            let file = [labels, &planes, labels, &planes].concat();
            let name = if kind == Kind::Cifar10 { "data_batch_1.bin" } else { "train.bin" };
            let (dir, path) = written(name, &file);
            fs::write(dir.path().join(kind.names_file()), "a\nb\nc\ncat\n").unwrap();
            assert_eq!(recognise(&path, &file[..16]), Some(kind));
            assert_eq!(recognise(&path, &[200; 16]), None);
            let arrays = open(&FileAt::new(&path).unwrap(), kind).unwrap();
            assert_eq!((arrays.len(), arrays.label(1)), (2, Some("cat")));
            let Raw::Pixels(pixels) = arrays.read(1, &Limits::default()).unwrap() else { panic!("pixels") };
            let data = [1, 2, 3].repeat(1024);
            assert_eq!(pixels, Pixels { width: 32, height: 32, channels: 3, data });
            for cut in (1..file.len()).filter(|cut| cut % (file.len() / 2) != 0).step_by(97) {
                fs::write(&path, &file[..cut]).unwrap();
                assert!(open(&FileAt::new(&path).unwrap(), kind).is_err(), "{cut}");
            }
        }
    }
}
