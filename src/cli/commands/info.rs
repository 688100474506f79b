//! `aesearch info`: what is in the index, without opening the model or ONNX Runtime.

use std::collections::BTreeMap;

use aesearch_index::RecallPoint;
use serde::Serialize;

use super::index::ThumbnailsDocument;
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{bytes, count, facts, thousands};
use crate::cli::resolve::Context;
use crate::gallery::{Facts, Fitted, MeasuredRecall, info, save_binarizer};
use crate::images::{Frames, Video};
use crate::model::Format;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ModelDocument<'a> {
    /// Its name.
    name: &'a str,
    /// Of `encoder.onnx`: its identity.
    sha256: &'a str,
    /// Where it is.
    source: &'a str,
    /// Of a code.
    bits: usize,
    /// How it is fed, where another program made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'a Format>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RecallDocument {
    /// Buckets that are looked at.
    probes: u32,
    /// Found by a walk through the graph, else among all representatives.
    graph: bool,
    /// The share of the 10 nearest that is found.
    recall: f32,
    /// As much as comparing with so many codes in a row.
    cost: u32,
    /// Mean time of a query, measured now.
    microseconds: f32,
}

impl From<&MeasuredRecall> for RecallDocument {
    fn from(measured: &MeasuredRecall) -> Self {
        let RecallPoint { probes, graph, recall, cost, .. } = measured.point;
        RecallDocument { probes, graph, recall, cost, microseconds: measured.microseconds }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SurvivalDocument {
    /// By a network that was trained on the collection.
    learned: f32,
    /// By a rotation.
    itq: f32,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct BinarizerDocument {
    /// How codes are made of latents.
    rule: String,
    /// Its identity.
    sha256: String,
    /// Images it was fitted to; 0 where it needs no fitting or came from elsewhere.
    fitted: u32,
    /// Shares of held-out neighbourhoods, where two binarizers were tried.
    survival: Option<SurvivalDocument>,
}

impl From<&Facts> for BinarizerDocument {
    fn from(facts: &Facts) -> Self {
        let Fitted { binarizer, fitted, survival, .. } = &facts.codes;
        BinarizerDocument {
            rule: binarizer.rule().to_string(),
            sha256: binarizer.sha256(),
            fitted: *fitted,
            survival: survival.map(|both| SurvivalDocument { learned: both.learned, itq: both.itq }),
        }
    }
}

/// Similarities of random pairs, and of nearest neighbours.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct StrangersDocument {
    /// That were asked for their nearest neighbour.
    images: u32,
    /// What 16, 50, 84 and 99 % of the pairs stay below.
    quantiles: [f32; 4],
    /// What 98 % of the images reach with their nearest neighbour.
    nearest: f32,
    /// Above this a hit is no stranger.
    nearer: f32,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct InfoDocument<'a> {
    /// Its folder.
    index: String,
    /// In it.
    images: usize,
    /// Images may share one.
    distinct_codes: usize,
    /// Parts of the index.
    segments: usize,
    /// Images that were removed and still take room; `compact` drops them.
    removed: usize,
    /// Of a code.
    bits: usize,
    /// Numbers of a latent; 0 where none are kept.
    latent_size: usize,
    /// What encodes.
    model: ModelDocument<'a>,
    /// What makes codes of latents.
    binarizer: BinarizerDocument,
    /// Null where too few images were measured.
    strangers: Option<StrangersDocument>,
    /// Whether dark and light are swapped before encoding.
    inverted: bool,
    /// Which frames are taken of files that hold several: first, all, or a number.
    frames: String,
    /// Which pictures are taken of films: off, scene, or seconds between two.
    video: String,
    /// On disk.
    index_bytes: u64,
    /// Null where none are kept.
    thumbnails: Option<ThumbnailsDocument>,
    /// In how many images the file knows it: {"camera": 1200, ..}.
    columns: BTreeMap<&'static str, usize>,
    /// Recall of 10 neighbours after looking at so many buckets; empty where a scan of all codes is as fast.
    recall_curve: Vec<RecallDocument>,
    /// Mean time of a query that is compared with every code, measured now; nothing in an empty index.
    exact_microseconds: Option<f32>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Info) -> anyhow::Result<Exit> {
    let dir = context.index_dir(&args.reading.index)?;
    let info = info(&dir, args.reading.access())?;
    if let Some(path) = &args.save_binarizer {
        save_binarizer(&dir, path)?;
    }
    let model = &info.facts.model;
    let document = InfoDocument {
        index: dir.display().to_string(),
        images: info.images,
        distinct_codes: info.distinct_codes,
        segments: info.segments,
        removed: info.removed,
        bits: info.bits,
        latent_size: info.latent_size,
        model: ModelDocument {
            name: &model.name,
            sha256: &model.sha256,
            source: &model.source,
            bits: info.bits,
            format: model.foreign.as_ref().map(|foreign| &foreign.format),
        },
        binarizer: BinarizerDocument::from(&info.facts),
        strangers: info.facts.strangers.map(|strangers| StrangersDocument {
            images: strangers.images,
            quantiles: strangers.quantiles,
            nearest: strangers.nearest,
            nearer: strangers.nearer(),
        }),
        inverted: info.facts.polarity.inverted,
        frames: info.facts.taken.frames.to_string(),
        video: info.facts.taken.video.to_string(),
        index_bytes: info.index_bytes,
        thumbnails: info.thumbnails.map(ThumbnailsDocument::from),
        columns: info.columns.into_iter().collect(),
        recall_curve: info.recall_curve.iter().map(RecallDocument::from).collect(),
        exact_microseconds: info.exact_microseconds,
    };
    if context.printer.json {
        context.printer.document("info", &document)?;
    } else {
        context.printer.text(&facts(&lines(&document)))?;
    }
    Ok(Exit::Done)
}

/// The points that a planner would take for some recall: each finds more than all cheaper ones.
fn steps(curve: &[RecallDocument]) -> impl Iterator<Item = &RecallDocument> {
    let mut by_cost: Vec<&RecallDocument> = curve.iter().collect();
    by_cost.sort_by_key(|point| point.cost);
    let mut best = f32::NEG_INFINITY;
    by_cost.into_iter().filter(move |point| {
        let better = point.recall > best;
        best = best.max(point.recall);
        better
    })
}

/// `learned (sha256 1a2b3c4d5e6f), fitted to 900 images; of held-out neighbourhoods 31.0 % survive learned
/// codes, 27.2 % itq`
fn binarizer(document: &BinarizerDocument) -> String {
    let BinarizerDocument { rule, sha256, fitted, survival } = document;
    let mut text = format!("{rule} (sha256 {})", sha256.get(..12).unwrap_or(sha256));
    if *fitted > 0 {
        text += &format!(", fitted to {}", count((*fitted).into(), "image"));
    }
    if let Some(SurvivalDocument { learned, itq }) = survival {
        let [learned, itq] = [learned, itq].map(|share| format!("{:.1} %", 100.0 * share));
        text += &format!("; of held-out neighbourhoods {learned} survive learned codes, {itq} itq");
    }
    text
}

fn lines(document: &InfoDocument<'_>) -> Vec<(&'static str, String)> {
    let model = &document.model;
    let sha256 = model.sha256.get(..12).unwrap_or(model.sha256);
    let segments = match document.removed {
        0 => document.segments.to_string(),
        removed => {
            format!("{}, with {} removed images in them", document.segments, thousands(removed as u64))
        }
    };
    let latent = match document.latent_size {
        0 => "no latents kept".to_owned(),
        size => format!("a latent of {size}"),
    };
    let mut lines = vec![
        ("index", format!("{}, {}", document.index, bytes(document.index_bytes))),
        ("images", thousands(document.images as u64)),
        ("distinct codes", thousands(document.distinct_codes as u64)),
        ("code", format!("{} bits, {latent}", document.bits)),
        ("binarizer", binarizer(&document.binarizer)),
        ("segments", segments),
        ("model", format!("{} (sha256 {sha256})", model.name)),
        ("inverted", if document.inverted { "yes" } else { "no" }.into()),
    ];
    let known = document.columns.iter().filter(|(_, images)| **images > 0);
    let known: Vec<String> =
        known.map(|(column, images)| format!("{column} {}", thousands(*images as u64))).collect();
    if !known.is_empty() {
        lines.push(("files know", known.join(", ")));
    }
    if document.frames != Frames::default().to_string() {
        lines.push(("frames", document.frames.clone()));
    }
    if let Some(thumbnails) = &document.thumbnails {
        lines.push(("thumbnails", thumbnails.text()));
    }
    if document.video != Video::default().to_string() {
        lines.push(("video", document.video.clone()));
    }
    if let Some(StrangersDocument { quantiles: [_, middle, ..], nearest, nearer, .. }) = document.strangers {
        let what = format!(
            "random pairs have a similarity of {middle:.3}, nearest neighbours of {nearest:.3} or more; hits above \
             {nearer:.3} are near"
        );
        lines.push(("strangers", what));
    }
    if let Some(Format { size, channels, layout, mean, std, range, pool, .. }) = model.format {
        let pooled = pool.map_or_else(String::new, |pool| format!(", {pool} of the tokens"));
        let fed = format!("{size}x{channels} as {layout}, 0 to {range}, mean {mean:?}, std {std:?}{pooled}");
        lines.push(("model's input", fed));
    }
    for (at, point) in steps(&document.recall_curve).enumerate() {
        let RecallDocument { probes, graph, recall, microseconds, .. } = point;
        let way = if *graph { "by the graph" } else { "of all" };
        let buckets = count((*probes).into(), "bucket");
        let name = if at == 0 { "recall@10" } else { "" };
        lines.push((name, format!("{recall:.4} from {buckets} {way}, {microseconds:.1} us")));
    }
    if let Some(microseconds) = document.exact_microseconds {
        lines.push(("exact", format!("{microseconds:.1} us")));
    }
    lines
}
