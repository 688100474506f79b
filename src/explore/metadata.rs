//! What the files of images say about themselves: EXIF data, XMP, quantization tables, files beside them.

use super::read_all::read_items;
use super::rows::Rows;
use crate::error::Result;
use crate::images::{Item, Limits, Metadata, Sidecars, Skipped, read};
use crate::observer::Observer;

/// What the file of an image says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfFile {
    /// What the file itself says, filled in from an XMP file beside it.
    pub metadata: Metadata,
    /// The names of the files that belong to it, sorted.
    pub sidecars: Vec<String>,
}

/// What the files of all images say, `[n]` by row; none for those that cannot be read, which are skipped. No
/// image is decoded.
///
/// # Errors
/// When the observer stops the work.
pub fn metadata(
    rows: &Rows,
    threads: usize,
    observer: &dyn Observer,
) -> Result<(Vec<Option<OfFile>>, Vec<Skipped>)> {
    let sidecars = Sidecars::default();
    // a thumbnail says nothing about its image
    let items = rows.find(0..rows.len() as u32);
    read_items(rows, items, threads, observer, || {
        let of_file = |item: &Item| of_file(item, &sidecars);
        Ok(move |batch: &[(u32, Item)]| Ok(batch.iter().map(|(row, item)| (*row, of_file(item))).collect()))
    })
}

fn of_file(item: &Item, sidecars: &Sidecars) -> Result<OfFile, String> {
    let metadata = read(item, &Limits::default())?.metadata();
    let Some(path) = item.file() else { return Ok(OfFile { metadata, sidecars: Vec::new() }) };
    let names = sidecars.of(path).iter().map(|name| name.to_string_lossy().into_owned()).collect();
    let metadata = match sidecars.xmp(path) {
        Some(packet) => metadata.or_by_xmp(&packet),
        None => metadata,
    };
    Ok(OfFile { metadata, sidecars: names })
}
