//! NumPy's archives, .npz: a zip of .npy arrays, among them images and often their labels.
//!
//! Every array of images is used, with the labels that belong to it by name. Packed arrays of up to 64 MiB
//! are kept in memory, up to 128 MiB in total; the images of others are unpacked again when they are asked
//! for.

use super::arrays::{Arrays, Block, RecordLayout, shown};
use super::file::FileAt;
use super::labels::Labels;
use super::npy::{Header, Role, partners};
use super::skips::{MAX_ENTRIES, Skips};
use super::stream::{Content, Keep, Packed, skip};
use super::zip::{Member, members};
use crate::images::plain_file::io_reason;

/// An array as its header describes it.
struct Array {
    name: String,
    member: Member,
    header: Header,
}

/// The arrays of images in an .npz file; what cannot be used of it is among `skips`. None if it holds no
/// images.
///
/// # Errors
/// The reason why it cannot be used.
pub(super) fn open(file: &FileAt, skips: &mut Skips) -> Result<Option<Arrays>, String> {
    let mut arrays = Vec::new();
    members(file, &mut |name, member| {
        let Some(stem) = name.strip_suffix(b".npy") else { return Ok(()) };
        let stem_text = String::from_utf8_lossy(stem).into_owned();
        let described = member.and_then(|member| {
            let mut stream = member.content(file).map_err(io_reason)?.stream();
            Ok(Array { name: stem_text, member, header: Header::read(&mut stream)? })
        });
        match described {
            Ok(array) => arrays.push(array),
            Err(reason) => skips.entry(stem, &format!("npy: {reason}")),
        }
        Ok(())
    })?;
    let mut blocks: Vec<Block> = Vec::new();
    let mut total = 0;
    for array in &arrays {
        let refused =
            |reason: String, skips: &mut Skips| skips.entry(array.name.as_bytes(), &format!("npy: {reason}"));
        let (n_images, shape, bytes) = match array.header.role() {
            Role::Images(n, shape, bytes) => (n, shape, bytes),
            Role::Refused(reason) => {
                refused(reason, skips);
                continue;
            }
            Role::Labels(_) | Role::Other(_) => continue,
        };
        total += n_images as u64;
        if total > MAX_ENTRIES {
            return Err(format!("npz: more than {} images", MAX_ENTRIES));
        }
        match content(file, array, bytes) {
            Ok((content, start)) => {
                let labels = labels(file, &arrays, array, n_images, skips);
                let layout = RecordLayout::default();
                blocks.push(Block {
                    name: array.name.clone(),
                    n_images,
                    shape,
                    layout,
                    content,
                    start,
                    labels,
                });
            }
            Err(reason) => refused(reason, skips),
        }
    }
    Ok((!blocks.is_empty()).then(|| Arrays::new(blocks)))
}

/// The bytes of an array of images, which is complete, and where they start.
fn content(file: &FileAt, array: &Array, bytes: u64) -> Result<(Content, u64), String> {
    let start = array.header.start;
    let end = start.saturating_add(bytes);
    if end != array.member.size {
        let takes = shown(&array.header.shape);
        return Err(format!("{takes} takes {end} bytes, the archive says {}", array.member.size));
    }
    let packed = array.member.content(file).map_err(io_reason)?;
    if !matches!(packed, Packed::Plain(..)) {
        if let Some(keep) = Keep::take(end) {
            return Ok((Content::Memory(array.member.read(file).map_err(io_reason)?, keep), start));
        }
        let mut stream = packed.stream();
        skip(&mut stream, end).map_err(io_reason)?;
        if stream.read(&mut [0]).map_err(io_reason)? > 0 {
            return Err("damaged: the entry is larger than the archive's directory says".to_owned());
        }
    }
    Ok((Content::new(packed, end), start))
}

/// The labels that belong to `images` by name.
fn labels(
    file: &FileAt,
    arrays: &[Array],
    images: &Array,
    n_images: usize,
    skips: &mut Skips,
) -> Option<Labels> {
    let (folder, stem) = match images.name.rsplit_once('/') {
        Some((folder, stem)) => (format!("{folder}/"), stem),
        None => (String::new(), &*images.name),
    };
    let find = |name: String| {
        let name = format!("{folder}{name}");
        arrays.iter().find(|array| array.name == name && matches!(array.header.role(), Role::Labels(_)))
    };
    let array = partners(stem).into_iter().find_map(find)?;
    let numbers = match array.header.role() {
        Role::Labels(n) if n == n_images => {
            let stream = array.member.content(file).map_err(io_reason).map(|packed| packed.stream());
            stream.and_then(|mut stream| {
                skip(&mut stream, array.header.start).map_err(io_reason)?;
                array.header.read_numbers(&mut stream)
            })
        }
        _ => Err(format!("expected {n_images} labels, got {}", shown(&array.header.shape))),
    };
    match numbers {
        Ok(numbers) => Some(Labels::of_numbers(numbers, &[])),
        Err(reason) => {
            skips.entry(array.name.as_bytes(), &format!("npy: {reason}: used without labels"));
            None
        }
    }
}
