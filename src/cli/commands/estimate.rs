//! `aesearch estimate DATA...`: what indexing would take, from a sample.

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, index, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{bytes, facts, seconds, thousands};
use crate::cli::resolve::Context;
use crate::error::Error;
use crate::gallery::estimate;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EstimateDocument<'a> {
    /// That were found.
    images: usize,
    /// Those that are new or changed.
    to_read: usize,
    /// Of their files.
    bytes: u64,
    /// Images that were encoded to measure.
    sampled: usize,
    /// Images of the sample that could not be read.
    skipped: Vec<SkippedDocument<'a>>,
    /// Its name.
    model: &'a str,
    /// Of a code.
    bits: usize,
    /// That would be used.
    threads: usize,
    /// Wall time that indexing would take.
    seconds: f64,
    /// That it would take at most.
    memory_bytes: u64,
    /// Of the index on disk.
    index_bytes: u64,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Index) -> anyhow::Result<Exit> {
    if !args.from_codes.is_empty() {
        return Err(Error::invalid("--from-codes: expected images to estimate, got codes").into());
    }
    let dir = context.any_index_dir(&args.index)?;
    let (data, options) = index::resolve(context, args)?;
    let observer = TerminalObserver::new(context, "indexing");
    let estimated = estimate(&dir, &data, &options, &observer);
    observer.finish();
    let estimated = estimated?;
    tell_skipped(&context.printer, &estimated.skipped);
    let document = EstimateDocument {
        images: estimated.images,
        to_read: estimated.to_read,
        bytes: estimated.bytes,
        sampled: estimated.sampled,
        skipped: skipped_documents(&estimated.skipped),
        model: &estimated.model,
        bits: estimated.bits,
        threads: estimated.threads,
        seconds: estimated.seconds,
        memory_bytes: estimated.memory_bytes,
        index_bytes: estimated.index_bytes,
    };
    if context.printer.json {
        context.printer.document("estimate", &document)?;
        return Ok(exit_for(&estimated.skipped));
    }
    let count = |n: usize| thousands(n as u64);
    let new = format!("{}, of which {} are to be read", count(document.images), count(document.to_read));
    let time =
        format!("about {} on {}", seconds(document.seconds), super::count(document.threads as u64, "thread"));
    let index = format!("about {}, twice that while it is written", bytes(document.index_bytes));
    let lines = [
        ("images", new),
        ("files", bytes(document.bytes)),
        ("model", format!("{}, {} bits", document.model, document.bits)),
        ("time", time),
        ("memory", format!("about {}, and large images beside it", bytes(document.memory_bytes))),
        ("index", index),
        ("from", format!("a sample of {}", super::count(document.sampled as u64, "image"))),
    ];
    context.printer.text(&facts(&lines))?;
    Ok(exit_for(&estimated.skipped))
}
