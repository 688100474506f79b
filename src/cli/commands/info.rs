//! `aesearch info`: what is in the index, without opening the model or ONNX Runtime.

use aesearch_index::Snapshot;
use serde::Serialize;

use crate::cli::args::Opened;
use crate::cli::exit::Exit;
use crate::cli::print::{bytes, count, facts, thousands};
use crate::cli::resolve::Context;
use crate::error::Error;
use crate::gallery::Facts;
use crate::model::Format;

#[derive(Debug, Serialize)]
struct ModelDocument<'a> {
    name: &'a str,
    sha256: &'a str,
    source: &'a str,
    bits: usize,
    /// How it is fed, where another program made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'a Format>,
}

#[derive(Debug, Serialize)]
struct RecallDocument {
    probes: u32,
    recall: f32,
}

#[derive(Debug, Serialize)]
struct InfoDocument<'a> {
    index: String,
    images: usize,
    distinct_codes: usize,
    segments: usize,
    bits: usize,
    latent_size: usize,
    model: ModelDocument<'a>,
    inverted: bool,
    index_bytes: u64,
    /// Recall of 10 neighbours after looking at so many buckets; empty where a scan of all codes is as fast.
    recall_curve: Vec<RecallDocument>,
}

pub(in crate::cli) fn run(context: &Context, args: &Opened) -> anyhow::Result<Exit> {
    let dir = context.index_dir(&args.index)?;
    let snapshot = Snapshot::open(&dir).map_err(Error::from)?;
    let known = Facts::of(&snapshot, &dir)?;
    let curve = snapshot.recall_curve().iter();
    let document = InfoDocument {
        index: dir.display().to_string(),
        images: snapshot.len(),
        distinct_codes: snapshot.distinct_codes(),
        segments: snapshot.segments(),
        bits: snapshot.bits(),
        latent_size: snapshot.latent_size(),
        model: ModelDocument {
            name: &known.model.name,
            sha256: &known.model.sha256,
            source: &known.model.source,
            bits: snapshot.bits(),
            format: known.model.foreign.as_ref().map(|foreign| &foreign.format),
        },
        inverted: known.ink.inverted,
        index_bytes: snapshot.bytes(),
        recall_curve: curve
            .map(|point| RecallDocument { probes: point.probes, recall: point.recall })
            .collect(),
    };
    if context.printer.json {
        context.printer.document("info", &document)?;
    } else {
        context.printer.text(&facts(&lines(&document)))?;
    }
    Ok(Exit::Done)
}

fn lines(document: &InfoDocument<'_>) -> Vec<(&'static str, String)> {
    let model = &document.model;
    let sha256 = model.sha256.get(..12).unwrap_or(model.sha256);
    let mut lines = vec![
        ("index", format!("{}, {}", document.index, bytes(document.index_bytes))),
        ("images", thousands(document.images as u64)),
        ("distinct codes", thousands(document.distinct_codes as u64)),
        ("code", format!("{} bits of a latent of {}", document.bits, document.latent_size)),
        ("segments", document.segments.to_string()),
        ("model", format!("{} (sha256 {sha256})", model.name)),
        ("inverted", if document.inverted { "yes" } else { "no" }.into()),
    ];
    if let Some(Format { size, channels, layout, mean, std, range, .. }) = model.format {
        let fed = format!("{size}x{channels} as {layout}, 0 to {range}, mean {mean:?}, std {std:?}");
        lines.push(("model's input", fed));
    }
    if let (Some(first), Some(last)) = (document.recall_curve.first(), document.recall_curve.last()) {
        let point = |p: &RecallDocument| format!("{:.3} from {}", p.recall, count(p.probes.into(), "bucket"));
        lines.push(("recall@10", format!("{}, {}", point(first), point(last))));
    }
    lines
}
