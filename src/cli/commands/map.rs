//! `aesearch map -o FILE`: all images in the plane.

use serde::Serialize;

use super::cluster::cluster_count;
use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, open_rows, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{count, seconds};
use crate::cli::resolve::Context;
use crate::error::{Error, Result};
use crate::explore::cluster::ClusterOptions;
use crate::explore::map::colouring::ColourGroup;
use crate::explore::map::{ColourBy, MapOptions, MapOutputs, Method, WrittenMap, map_to};
use crate::explore::rows::Rows;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct GroupDocument<'a> {
    /// The label, or the cluster.
    name: &'a str,
    /// Images.
    size: usize,
    /// The image in its middle.
    medoid: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document<'a> {
    /// How images were placed.
    method: Method,
    /// Of the random numbers.
    seed: u64,
    /// On the map.
    images: usize,
    /// What colours stand for.
    by: &'static str,
    /// What has a colour.
    groups: Vec<GroupDocument<'a>>,
    /// Files that were written.
    outputs: Vec<String>,
    /// Whether the map was read from the index folder.
    stored: bool,
    /// The map, without pictures.
    seconds: f64,
    /// Images that could not be drawn.
    skipped: Vec<SkippedDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Map) -> anyhow::Result<Exit> {
    let (options, outputs) = resolve(args)?;
    let dir = context.index_dir(&args.reading.index)?;
    let rows = open_rows(context, &dir, &args.reading, (&args.labels, &args.only))?;
    let observer = TerminalObserver::new(context, "arranging");
    let done = map_to(&rows, &options, &outputs, &observer);
    observer.finish();
    let done = done?;
    tell_skipped(&context.printer, &done.skipped);
    if context.printer.json {
        context.printer.document("map", &document(&rows, &outputs, &done))?;
    } else {
        let how = match done.map.was_stored {
            true => "stored by an earlier run".to_owned(),
            false => seconds(done.seconds),
        };
        for path in &outputs.files {
            let images = count(rows.len() as u64, "image");
            let method = options.method.title();
            context.printer.text(&format!("{}: {images} by {method}, {how}", path.display()))?;
        }
    }
    Ok(exit_for(&done.skipped))
}

fn resolve(args: &args::Map) -> Result<(MapOptions, MapOutputs)> {
    let default = MapOptions::default();
    let options = MapOptions {
        method: args.method.as_deref().map_or(Ok(default.method), str::parse)?,
        perplexity: args.perplexity.unwrap_or(default.perplexity),
        seed: args.seed.unwrap_or(default.seed),
    };
    if args.perplexity.is_some() && options.method == Method::Pca {
        return Err(Error::invalid("--perplexity: expected none with pca, it is for tsne"));
    }
    let mut colour_by = args.by.as_deref().map(str::parse).transpose()?;
    match (&args.k, colour_by) {
        (Some(_), None) => colour_by = Some(ColourBy::Cluster),
        (Some(_), Some(by @ (ColourBy::Label | ColourBy::Nothing))) => {
            let what = format!("--k: expected none with --by {}, it is for --by cluster", by.name());
            return Err(Error::invalid(what));
        }
        _ => {}
    }
    let clusters = ClusterOptions {
        k: cluster_count(args.k.as_deref())?,
        seed: options.seed,
        ..ClusterOptions::default()
    };
    Ok((options, MapOutputs { files: args.output.clone(), texts: args.csv.texts(), colour_by, clusters }))
}

fn document<'a>(rows: &Rows, outputs: &MapOutputs, done: &'a WrittenMap) -> Document<'a> {
    let group = |group: &'a ColourGroup| GroupDocument {
        name: &group.name,
        size: group.size,
        medoid: rows.name(group.medoid).into_owned(),
    };
    Document {
        method: done.map.options.method,
        seed: done.map.options.seed,
        images: rows.len(),
        by: done.colour_by.name(),
        groups: done.colouring.groups.iter().map(group).collect(),
        outputs: outputs.files.iter().map(|path| path.display().to_string()).collect(),
        stored: done.map.was_stored,
        seconds: done.seconds,
        skipped: skipped_documents(&done.skipped),
    }
}
