//! `aesearch compact`: one segment without the removed, instead of several with them.

use aesearch_index::{Snapshot, Writer};
use serde::Serialize;

use crate::cli::args::Opened;
use crate::cli::exit::Exit;
use crate::cli::print::{bytes, count};
use crate::cli::resolve::Context;
use crate::error::{Error, Result};

#[derive(Debug, Serialize)]
struct CompactDocument {
    images: usize,
    segments_before: usize,
    segments: usize,
    removed_before: usize,
    index_bytes_before: u64,
    index_bytes: u64,
}

pub(in crate::cli) fn run(context: &Context, args: &Opened) -> anyhow::Result<Exit> {
    let dir = context.index_dir(&args.index)?;
    let open = || -> Result<Snapshot> { Ok(Snapshot::open(&dir)?) };
    open()?; // before the lock, which would make the folder
    let mut writer = Writer::lock(&dir).map_err(Error::from)?;
    let before = open()?;
    writer.compact().map_err(Error::from)?;
    let after = open()?;
    let document = CompactDocument {
        images: after.len(),
        segments_before: before.segments(),
        segments: after.segments(),
        removed_before: before.dead(),
        index_bytes_before: before.bytes(),
        index_bytes: after.bytes(),
    };
    if context.printer.json {
        context.printer.document("compact", &document)?;
    } else {
        let [segments, now] = [&before, &after].map(|snapshot| count(snapshot.segments() as u64, "segment"));
        let removed = count(before.dead() as u64, "removed image");
        let [size, size_now] = [&before, &after].map(|snapshot| bytes(snapshot.bytes()));
        context
            .printer
            .text(&format!("{}: {segments} with {removed}, {size}; now {now}, {size_now}", dir.display()))?;
    }
    Ok(Exit::Done)
}
