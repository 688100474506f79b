//! `aesearch publish URL`: the index into a bucket, where others open it.

use serde::Serialize;

use super::observer::TerminalObserver;
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{bytes, count, seconds};
use crate::cli::resolve::Context;
use crate::gallery::{PublishReport, publish};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PublishDocument<'a> {
    /// Where the index is now.
    url: &'a str,
    /// In the index.
    images: usize,
    /// Files that were sent.
    sent: usize,
    /// Of them.
    sent_bytes: u64,
    /// Files that were there already.
    kept: usize,
    /// Of them.
    kept_bytes: u64,
    /// Wall time.
    seconds: f64,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Publish) -> anyhow::Result<Exit> {
    let dir = context.own_index_dir(&args.index)?;
    let observer = TerminalObserver::new(context, "publishing");
    let report = publish(&dir, &args.url, &observer);
    observer.finish();
    let PublishReport { images, sent: (sent, sent_bytes), kept: (kept, kept_bytes), seconds: took } = report?;
    let url = args.url.as_str();
    if context.printer.json {
        let seconds = took;
        let document = PublishDocument { url, images, sent, sent_bytes, kept, kept_bytes, seconds };
        context.printer.document("publish", &document)?;
        return Ok(Exit::Done);
    }
    let (images, sent) = (count(images as u64, "image"), count(sent as u64, "file"));
    let (sent_bytes, kept_bytes, time) = (bytes(sent_bytes), bytes(kept_bytes), seconds(took));
    let there = match kept {
        0 => String::new(),
        kept => format!(", {kept} of {kept_bytes} there already"),
    };
    context.printer.text(&format!("{url}: {images}; {sent} sent, {sent_bytes}{there}, in {time}"))?;
    Ok(Exit::Done)
}
