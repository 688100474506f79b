//! `aesearch query IMAGE...`: the images of the index that look most like these.

use std::path::Path;
use std::time::Instant;

use aesearch_index::Mode;
use serde::Serialize;

use super::{SkippedDocument, exit_for, keep_images, sheet, skipped_documents, tell_gallery, tell_skipped};
use crate::cli::args;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::exit::Exit;
use crate::cli::foreign::load_options;
use crate::cli::print::{Align, Table, seconds};
use crate::cli::resolve::Context;
use crate::error::{Error, Result};
use crate::gallery::{Gallery, Hit, OpenOptions, QueryOptions};
use crate::images::{self, Item, Limits, Pixels, Skipped};

#[derive(Debug, Serialize)]
struct HitDocument<'a> {
    rank: usize,
    path: &'a str,
    /// The bytes of a path that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<&'a [u8]>,
    label: Option<&'a str>,
    distance: u32,
    similarity: f32,
}

#[derive(Debug, Serialize)]
struct AnswerDocument<'a> {
    path: &'a str,
    hits: Vec<HitDocument<'a>>,
    mode: &'static str,
    inverted: bool,
    seconds: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct QueryDocument<'a> {
    queries: Vec<AnswerDocument<'a>>,
    skipped: Vec<SkippedDocument<'a>>,
}

/// What one query brought.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) path: String,
    pub(super) label: Option<String>,
    pub(super) pixels: Pixels,
    pub(super) hits: Vec<Hit>,
    inverted: bool,
    seconds: f64,
}

/// All that were asked.
#[derive(Debug)]
pub(super) struct Asked {
    answers: Vec<Answer>,
    skipped: Vec<Skipped>,
    mode: Mode,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Query) -> anyhow::Result<Exit> {
    let asked = execute(context, args)?;
    if context.printer.json {
        context.printer.document("query", &asked.document())?;
    } else {
        asked.print(context)?;
    }
    let nothing = args.exit_code && asked.answers.iter().any(|answer| answer.hits.is_empty());
    Ok(if nothing { Exit::Negative } else { exit_for(&asked.skipped) })
}

/// Everything but the answer on stdout.
pub(super) fn execute(context: &Context, args: &args::Query) -> Result<Asked> {
    let start = Instant::now();
    let dir = context.index_dir(&args.reading.index)?;
    let options = resolve(context, args)?;
    let walk = images::walk(&args.images, &images::WalkOptions::default())?;
    if let Some(sheet) = &args.sheet {
        keep_images(sheet, &walk.items)?;
    }
    let mut skipped = walk.skipped;
    let mut gallery = open(context, args, &dir)?;
    let mut answers = Vec::with_capacity(walk.items.len());
    for item in &walk.items {
        match ask(&mut gallery, item, &options)? {
            Ok(answer) => answers.push(answer),
            Err(reason) => skipped.push(reason),
        }
    }
    match &skipped[..] {
        [Skipped { path, reason, .. }] if answers.is_empty() => {
            return Err(Error::invalid(format!("{path}: {reason}")));
        }
        [_, _, ..] if answers.is_empty() => {
            tell_skipped(&context.printer, &skipped);
            let what = format!("no image to ask with: all {} given were skipped", skipped.len());
            return Err(Error::invalid(what));
        }
        _ => {}
    }
    if let Some(path) = &args.sheet {
        sheet::draw(path, &answers, gallery.snapshot(), &dir)?;
    }
    tell_skipped(&context.printer, &skipped);
    context
        .printer
        .detail(&format!("answered in {}, opening included", seconds(start.elapsed().as_secs_f64())));
    Ok(Asked { answers, skipped, mode: options.mode })
}

fn resolve(context: &Context, args: &args::Query) -> Result<QueryOptions> {
    let default = QueryOptions::default();
    let recall = args.recall.or(context.config.recall);
    if let Some(recall) = recall.filter(|recall| !(0.0..=1.0).contains(recall)) {
        return Err(Error::invalid(format!("--recall: expected 0 to 1, got {recall}")));
    }
    let k = args.k.or(context.config.k).unwrap_or(default.k);
    if k == 0 {
        return Err(Error::invalid("--k: expected at least 1, got 0"));
    }
    Ok(QueryOptions {
        k,
        mode: if args.exact { Mode::Exact } else { recall.map_or(default.mode, Mode::Recall) },
        radius: args.radius,
        rerank: args.rerank.or(context.config.rerank).unwrap_or(default.rerank),
    })
}

fn open(context: &Context, args: &args::Query, dir: &Path) -> Result<Gallery> {
    let default = OpenOptions::new(context.runtime.clone());
    let model = args.model.clone().unwrap_or(default.model);
    let options = OpenOptions {
        load: load_options(context, &args.described, &model)?,
        model,
        access: args.reading.access(),
        device: context.device(&args.device, default.device)?,
        invert: context.invert(&args.invert)?,
        ..default
    };
    let gallery = Gallery::open(dir, &options, &TerminalObserver::unstoppable(context, "opening"))?;
    tell_gallery(context, dir, &gallery);
    Ok(gallery)
}

/// One query; an image that cannot be used is data.
fn ask(gallery: &mut Gallery, item: &Item, options: &QueryOptions) -> Result<Result<Answer, Skipped>> {
    let start = Instant::now();
    let loaded = match images::load(item, &Limits::default()) {
        Ok(loaded) => loaded,
        Err(reason) => return Ok(Err(Skipped::new(item.name(), reason))),
    };
    let result = gallery.query_pixels(&loaded.pixels, options)?;
    Ok(Ok(Answer {
        path: item.display(),
        label: item.label().map(str::to_owned),
        pixels: loaded.pixels,
        hits: result.hits,
        inverted: result.inverted,
        seconds: start.elapsed().as_secs_f64(),
    }))
}

impl Asked {
    /// A table per query, under the query's path where there are several.
    pub(super) fn print(&self, context: &Context) -> anyhow::Result<()> {
        let printer = &context.printer;
        for (i, answer) in self.answers.iter().enumerate() {
            if self.answers.len() > 1 {
                printer.text(&format!("{}{}", if i > 0 { "\n" } else { "" }, printer.bold(&answer.path)))?;
            }
            if answer.inverted {
                printer
                    .note(&format!("{}: asked as its negative, which the model knows better", answer.path));
            }
            if answer.hits.is_empty() {
                printer.note(&format!("{}: no neighbour within reach", answer.path));
            } else {
                printer.table(&table(&answer.hits))?;
            }
        }
        Ok(())
    }

    pub(super) fn document(&self) -> QueryDocument<'_> {
        let mode = if self.mode == Mode::Exact { "exact" } else { "recall" };
        let queries = self.answers.iter().map(|answer| AnswerDocument {
            path: &answer.path,
            hits: answer.hits.iter().map(HitDocument::from).collect(),
            mode,
            inverted: answer.inverted,
            seconds: answer.seconds,
        });
        QueryDocument { queries: queries.collect(), skipped: skipped_documents(&self.skipped) }
    }
}

impl<'a> From<&'a Hit> for HitDocument<'a> {
    fn from(hit: &'a Hit) -> Self {
        HitDocument {
            rank: hit.rank,
            path: &hit.path,
            path_bytes: hit.path_bytes.as_deref(),
            label: hit.label.as_deref(),
            distance: hit.distance,
            similarity: hit.similarity,
        }
    }
}

fn table(hits: &[Hit]) -> Table {
    let mut table = Table::new(&[
        ("rank", Align::Right),
        ("distance", Align::Right),
        ("similarity", Align::Right),
        ("label", Align::Left),
        ("path", Align::Left),
    ]);
    for hit in hits {
        table.row([
            hit.rank.to_string(),
            hit.distance.to_string(),
            format!("{:.3}", hit.similarity),
            hit.label.clone().unwrap_or_default(),
            hit.path.clone(),
        ]);
    }
    table
}
