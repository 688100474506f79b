//! `aesearch merge A B ... -o C`: several indexes into a new one.

use serde::Serialize;

use super::encode::BinarizerDocument;
use super::index::ModelDocument;
use super::observer::TerminalObserver;
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{bytes, count, seconds, thousands};
use crate::cli::resolve::Context;
use crate::error::Result;
use crate::gallery::{MergeReport, merge};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct MergeDocument<'a> {
    /// The folder of the new index.
    index: String,
    /// In it.
    images: usize,
    /// Images that were left out, as a later index has others of the same names.
    replaced: usize,
    /// Images of another binarizer, which were coded anew from their latents.
    recoded: usize,
    /// Parts of the new index; `compact` makes one of them.
    segments: usize,
    /// What encodes.
    model: ModelDocument<'a>,
    /// What makes bits of latents.
    binarizer: BinarizerDocument,
    /// Of the index on disk.
    index_bytes: u64,
    /// Wall time.
    seconds: f64,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Merge) -> anyhow::Result<Exit> {
    let observer = TerminalObserver::new(context, "merging");
    let indexes = args.indexes.iter().map(|index| context.folder_of(index)).collect::<Result<Vec<_>>>()?;
    let report = merge(&indexes, &args.output, 0, &observer);
    observer.finish();
    let MergeReport { images, replaced, recoded, segments, index_bytes, facts, seconds: took } = report?;
    let index = args.output.display().to_string();
    if context.printer.json {
        let model = ModelDocument::of(&facts.model, facts.codes.binarizer.bits());
        let binarizer = BinarizerDocument::of(&facts);
        let seconds = took;
        context.printer.document(
            "merge",
            &MergeDocument {
                index,
                images,
                replaced,
                recoded,
                segments,
                model,
                binarizer,
                index_bytes,
                seconds,
            },
        )?;
        return Ok(Exit::Done);
    }
    let parts = [(replaced, "replaced"), (recoded, "coded anew")].into_iter().filter(|(n, _)| *n > 0);
    let parts: Vec<String> = parts.map(|(n, what)| format!("{} {what}", thousands(n as u64))).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    let [images, segments] =
        [(images, "image"), (segments, "segment")].map(|(n, noun)| count(n as u64, noun));
    let (size, time) = (bytes(index_bytes), seconds(took));
    context.printer.text(&format!("{index}: {images}{parts} in {segments}, {size}, in {time}"))?;
    Ok(Exit::Done)
}
