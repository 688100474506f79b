//! `aesearch query IMAGE...`: the images of the index that look most like these.

use std::path::{Path, PathBuf};
use std::time::Instant;

use aesearch_index::{Filter, Mode};
use serde::Serialize;

use super::answers::AnswerDocument;
use super::observer::TerminalObserver;
use super::push::table;
use super::query_lines::{answer, check_output};
use super::{SkippedDocument, exit_for, index_names, select, skipped_documents, tell_gallery, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::foreign::load_options;
use crate::cli::print::{Align, Table, count, seconds};
use crate::cli::resolve::Context;
use crate::cli::walking;
use crate::database::{InTable, SearchOptions, Table as StoredTable, open_table};
use crate::error::{Error, Result};
use crate::explore::query_sheet::write_query_sheet;
use crate::explore::query_table::write_query_table;
use crate::explore::table::Format;
use crate::filter::Where;
use crate::gallery::{
    Answer, Answers, Gallery, Hit, Labels, ManyOptions, OpenOptions, Opened, QueryOptions, QueryResult,
    check_outputs,
};
use crate::images::{Skipped, Walk};
use crate::observer::Observer;
use crate::output::{check_picture, check_places};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct QueryDocument<'a> {
    /// An answer for each image that could be read, in order.
    queries: Vec<AnswerDocument<'a>>,
    /// Images that could not be read.
    skipped: Vec<SkippedDocument<'a>>,
}

/// What the columns of a table mean.
const BY_SIMILARITY: &str = "ranked by similarity, of latents; distance: bits that differ between codes";
const BY_DISTANCE: &str = "ranked by distance, the bits that differ between codes";

/// What was found, and how.
#[derive(Debug)]
pub(super) struct Found {
    answers: Answers,
    mode: Mode,
    only_near: bool,
    /// Whether hits are put in order by their latents.
    by_latents: bool,
    /// What was searched.
    indexes: Vec<String>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Query) -> anyhow::Result<Exit> {
    if args.stdin {
        return answer_lines(context, args);
    }
    let found = execute(context, args)?;
    if context.printer.json {
        context.printer.document("query", &found.document())?;
    } else if args.output.is_none() {
        found.print(context)?;
    }
    let Answers { answers, skipped } = &found.answers;
    let is_lonely = |answer: &Answer| answer.result.hits.iter().all(|hit| hit.near == Some(false));
    let nothing = args.exit_code && answers.iter().any(is_lonely);
    Ok(if nothing { Exit::Negative } else { exit_for(skipped) })
}

fn answer_lines(context: &Context, args: &args::Query) -> anyhow::Result<Exit> {
    let place = place(context, args)?;
    let mut query = resolve(context, args)?;
    let (only, labels) = (args.only.parsed()?, args.labels.choice()?);
    let output = args.output.as_deref();
    output.map_or(Ok(()), check_output)?; // before the work
    let threads = context.threads(&args.compute.threads);
    let observer = TerminalObserver::unstoppable(context, "searching");
    let gallery = open(context, args, place, &observer)?;
    query.only = filter(context, only.as_ref(), (&gallery, &labels), &observer)?;
    observer.finish();
    let options = ManyOptions { query, threads, labels: Some(labels), pixels: false };
    for opened in gallery.indexes() {
        output.map_or(Ok(()), |path| check_outputs(&[path], &opened.snapshot, &opened.dir))?;
    }
    tell_small(context, args, &gallery);
    Ok(answer(&context.printer, &gallery, &options, output)?.exit(args.exit_code))
}

/// What lets only images pass that an expression allows, in each index.
fn filter(
    context: &Context,
    only: Option<&Where>,
    (gallery, labels): (&Gallery, &Labels),
    observer: &dyn Observer,
) -> Result<Vec<Filter>> {
    let Some(expression) = only else { return Ok(Vec::new()) };
    let filter = |Opened { dir, snapshot, .. }: &Opened| {
        Ok(snapshot.filter(&select(context, expression, (dir, snapshot), labels, observer)?))
    };
    gallery.indexes().map(filter).collect()
}

/// Everything but the answer on stdout.
pub(super) fn execute(context: &Context, args: &args::Query) -> Result<Found> {
    let start = Instant::now();
    let mut options = resolve(context, args)?;
    let only = args.only.parsed()?;
    let labels = args.labels.choice()?;
    args.sheet.as_deref().map_or(Ok(()), check_picture)?; // before the work
    args.output.as_deref().map_or(Ok(()), |path| Format::of(path).map(drop))?;
    let outputs: Vec<&Path> =
        [&args.output, &args.sheet].into_iter().flatten().map(PathBuf::as_path).collect();
    check_places(&outputs)?;
    let place = place(context, args)?;
    let observer = TerminalObserver::unstoppable(context, "searching");
    let Walk { items, skipped, .. } = walking::images(&args.images, &args.walking)?;
    let gallery = open(context, args, place, &observer)?;
    context.threads(&args.compute.threads);
    options.only = filter(context, only.as_ref(), (&gallery, &labels), &observer)?;
    let mut answers = gallery.query_items(&items, &options, &observer)?;
    answers.skipped.splice(..0, skipped);
    answers.label(&gallery, &labels)?;
    observer.finish();
    match &answers.skipped[..] {
        [Skipped { path, reason, .. }] if answers.answers.is_empty() => {
            return Err(Error::invalid(format!("{path}: {reason}")));
        }
        skipped => tell_skipped(&context.printer, skipped),
    }
    if answers.answers.is_empty() && !answers.skipped.is_empty() {
        let n = answers.skipped.len();
        return Err(Error::invalid(format!("no image to search for: all {n} given were skipped")));
    }
    if let Some(path) = &args.sheet {
        write_query_sheet(path, &answers, &gallery)?;
    }
    if let Some(path) = &args.output {
        let n_hits = write_query_table(path, &answers, &gallery, args.csv.texts())?;
        let [hits, images] = [(n_hits, "hit"), (answers.answers.len(), "image")];
        let [hits, images] = [hits, images].map(|(n, noun)| count(n as u64, noun));
        context.printer.note(&format!("{}: {hits} of {images}", path.display()));
    }
    let time = seconds(start.elapsed().as_secs_f64());
    context.printer.detail(&format!("answered in {time}, including the time to open the index"));
    tell_small(context, args, &gallery);
    let by_latents = options.rerank > 0 && gallery.snapshot().latent_size() > 0;
    let (mode, only_near, indexes) = (options.mode, options.only_near, index_names(&gallery));
    Ok(Found { answers, mode, only_near, by_latents, indexes })
}

/// Says so where --only-near has no effect.
fn tell_small(context: &Context, args: &args::Query, gallery: &Gallery) {
    if args.only_near && gallery.indexes().any(|opened| opened.facts.strangers.is_none()) {
        context
            .printer
            .note("--only-near: the index is too small to tell strangers apart: all hits are kept");
    }
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
        only_near: args.only_near,
        crops: args.crops,
        without_self: args.no_self,
        only: Vec::new(), // of the gallery, which is not open yet
    })
}

/// What is searched.
enum Place {
    Indexes(PathBuf, Vec<PathBuf>),
    Table(StoredTable),
}

fn place(context: &Context, args: &args::Query) -> Result<Place> {
    if let Some(url) = &args.via {
        return Ok(Place::Table(table(url, args.table.as_deref().unwrap_or("images"))));
    }
    let (dir, others) = context.index_dirs(&args.reading)?;
    Ok(Place::Indexes(dir, others))
}

fn open(context: &Context, args: &args::Query, place: Place, observer: &dyn Observer) -> Result<Gallery> {
    let default = OpenOptions::new(context.runtime.clone());
    let model = args.model.clone().unwrap_or(default.model);
    let options = OpenOptions {
        load: load_options(context, &args.described, &model)?,
        model,
        access: args.reading.access(),
        device: context.device(&args.compute.device, default.device)?,
        invert: context.invert(&args.invert)?,
        ..default
    };
    let (dir, others) = match place {
        Place::Indexes(dir, others) => (dir, others),
        Place::Table(table) => {
            let default = SearchOptions::default();
            let ef_search = args.ef_search.unwrap_or(default.ef_search);
            let InTable { place, facts, is_complete, store } =
                open_table(&table, &SearchOptions { ef_search })?;
            if !is_complete {
                context.printer.warning(&format!("{place}: a push has not ended: not all images are there"));
            }
            return Gallery::of_store((&place, facts, store), &options, observer);
        }
    };
    let gallery = Gallery::open_all((&dir, &others), &options, observer)?;
    tell_gallery(context, &gallery);
    Ok(gallery)
}

impl Found {
    /// A table per query, under the query's path where there are several.
    pub(super) fn print(&self, context: &Context) -> anyhow::Result<()> {
        let printer = &context.printer;
        let answers = &self.answers.answers;
        for (i, answer) in answers.iter().enumerate() {
            let (path, QueryResult { hits, inverted }) = (answer.item.display(), &answer.result);
            if answers.len() > 1 {
                if i > 0 {
                    printer.text("")?;
                }
                printer.titled(&path, "")?;
            }
            if *inverted {
                printer.note(&format!("{path}: searched for inverted, which the model knows better"));
            }
            if hits.is_empty() {
                printer.note(&match self.only_near {
                    true => format!("{path}: nothing near: no image is nearer than strangers are"),
                    false => format!("{path}: no neighbour within reach"),
                });
            } else {
                printer.table(&hit_table(hits, &self.indexes))?;
            }
        }
        if answers.iter().any(|answer| !answer.result.hits.is_empty()) {
            printer.text(if self.by_latents { BY_SIMILARITY } else { BY_DISTANCE })?;
        }
        Ok(())
    }

    pub(super) fn document(&self) -> QueryDocument<'_> {
        let queries =
            self.answers.answers.iter().map(|answer| AnswerDocument::new(answer, self.mode, &self.indexes));
        QueryDocument { queries: queries.collect(), skipped: skipped_documents(&self.answers.skipped) }
    }
}

/// The hits; a line follows the last one that is nearer than strangers.
fn hit_table(hits: &[Hit], indexes: &[String]) -> Table {
    let n_near = hits.iter().rposition(|hit| hit.near != Some(false)).map_or(0, |last| last + 1);
    let mut columns = vec![
        ("rank", Align::Right),
        ("distance", Align::Right),
        ("similarity", Align::Right),
        ("label", Align::Left),
        ("path", Align::Left),
    ];
    let has_several = indexes.len() > 1;
    columns.extend(has_several.then_some(("index", Align::Left)));
    let mut table = Table::new(&columns);
    for (at, hit) in hits.iter().enumerate() {
        if at == n_near {
            table.line("-- no nearer than strangers --");
        }
        let cells = [
            hit.rank.to_string(),
            hit.distance.to_string(),
            format!("{:.3}", hit.similarity),
            hit.label.clone().unwrap_or_default(),
            hit.path.clone(),
        ];
        let index = indexes.get(hit.index).filter(|_| has_several);
        table.row(cells.into_iter().chain(index.cloned()));
    }
    table
}
