//! `aesearch compact`: merge the segments into one, without the removed images.

use serde::Serialize;

use crate::cli::args::Opened;
use crate::cli::exit::Exit;
use crate::cli::print::{bytes, count};
use crate::cli::resolve::Context;
use crate::gallery::{IndexSize, compact};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CompactDocument {
    /// In the index.
    images: usize,
    /// Parts of the index.
    segments_before: usize,
    /// Parts that are left.
    segments: usize,
    /// Removed images that took room.
    removed_before: usize,
    /// Of the index on disk.
    index_bytes_before: u64,
    /// Of the index on disk now.
    index_bytes: u64,
}

pub(in crate::cli) fn run(context: &Context, args: &Opened) -> anyhow::Result<Exit> {
    let dir = context.own_index_dir(&args.index)?;
    let report = compact(&dir)?;
    let (before, after) = (report.before, report.after);
    if context.printer.json {
        let document = CompactDocument {
            images: report.images,
            segments_before: before.segments,
            segments: after.segments,
            removed_before: before.removed,
            index_bytes_before: before.bytes,
            index_bytes: after.bytes,
        };
        context.printer.document("compact", &document)?;
    } else {
        let segments = |size: &IndexSize| count(size.segments as u64, "segment");
        let (had, has) = (segments(&before), segments(&after));
        let removed = count(before.removed as u64, "removed image");
        let [size, size_now] = [before.bytes, after.bytes].map(bytes);
        let dir = dir.display();
        context.printer.text(&format!("{dir}: {had} with {removed}, {size}; now {has}, {size_now}"))?;
    }
    Ok(Exit::Done)
}
