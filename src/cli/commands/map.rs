//! `aesearch map -o FILE`: where the images of the index lie, in two dimensions.

use std::path::Path;
use std::time::Instant;

use aesearch_index::Snapshot;
use serde::Serialize;

use super::cluster::cluster_count;
use super::observer::TerminalObserver;
use super::outputs::check_outputs;
use super::{SkippedDocument, exit_for, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{count, seconds};
use crate::cli::resolve::Context;
use crate::error::{Error, Result};
use crate::explore::cluster::{ClusterOptions, cluster};
use crate::explore::export::columns;
use crate::explore::map::colouring::{Group, Groups};
use crate::explore::map::picture::MapPicture;
use crate::explore::map::{Map, MapOptions, Method, map};
use crate::explore::rows::Rows;
use crate::explore::table::{self, Column, Format};
use crate::images::{self, Limits, Pixels, Skipped};
use crate::output::write_whole;

#[derive(Debug, Serialize)]
struct GroupDocument<'a> {
    name: &'a str,
    size: usize,
    medoid: String,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    method: Method,
    seed: u64,
    images: usize,
    /// What the colours stand for.
    by: &'static str,
    groups: Vec<GroupDocument<'a>>,
    outputs: Vec<String>,
    /// Whether the places were there already.
    stored: bool,
    /// Of the places, without pictures.
    seconds: f64,
    skipped: Vec<SkippedDocument<'a>>,
}

/// What colours stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Label,
    Cluster,
    Nothing,
}

impl By {
    fn name(self) -> &'static str {
        match self {
            By::Label => "label",
            By::Cluster => "cluster",
            By::Nothing => "none",
        }
    }
}

/// What an output's name asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Png,
    Svg,
    Table,
}

impl Output {
    fn of(path: &Path) -> Result<Output> {
        match path.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("png") => Ok(Output::Png),
            Some("svg") => Ok(Output::Svg),
            _ => Format::of(path).map(|_| Output::Table).map_err(|_| {
                Error::invalid(format!(
                    "{}: expected a name that ends in .png, .svg, .csv, .json, .jsonl, .npy or .parquet",
                    path.display()
                ))
            }),
        }
    }
}

pub(in crate::cli) fn run(context: &Context, args: &args::Map) -> anyhow::Result<Exit> {
    let default = MapOptions::default();
    let options = MapOptions {
        method: args.method.as_deref().map_or(Ok(default.method), str::parse)?,
        perplexity: args.perplexity.unwrap_or(default.perplexity),
        seed: args.seed.unwrap_or(default.seed),
    };
    if args.perplexity.is_some() && options.method == Method::Pca {
        return Err(Error::invalid("--perplexity: expected none with pca, it is for tsne").into());
    }
    let clusters = ClusterOptions {
        k: cluster_count(args.k.as_deref())?,
        seed: options.seed,
        ..ClusterOptions::default()
    };
    let outputs: Vec<(&Path, Output)> = args
        .output
        .iter()
        .map(|path| Output::of(path).map(|output| (path.as_path(), output)))
        .collect::<Result<_>>()?;
    let dir = context.index_dir(&args.reading.index)?;
    check_outputs(&outputs.iter().map(|(path, _)| *path).collect::<Vec<_>>(), &dir)?; // before the work
    let snapshot = Snapshot::open_with(&dir, args.reading.access()).map_err(Error::from)?;
    let items = Rows::of(&snapshot)?;
    let by = colours(args, &items)?;
    let start = Instant::now();
    let observer = TerminalObserver::new(context, "arranging");
    let made = map(&items, &dir, &options, &observer);
    observer.finish();
    let made = made?;
    let took = start.elapsed().as_secs_f64();
    let groups = match by {
        By::Label => Groups::of_labels(&items)?,
        By::Cluster => {
            Groups::of_clusters(&cluster(&items, &clusters, &TerminalObserver::new(context, "working"))?)
        }
        By::Nothing => Groups::none(items.len()),
    };
    let mut skipped = Vec::new();
    let is_drawn = outputs.iter().any(|(_, output)| *output != Output::Table);
    let thumbnails = if is_drawn { thumbnails(&items, &groups, &dir, &mut skipped) } else { Vec::new() };
    let picture = MapPicture {
        title: title(&items, &made, by),
        points: made.points.clone(),
        groups,
        thumbnails,
        seed: options.seed,
    };
    for (path, output) in &outputs {
        match output {
            Output::Png => images::write_png(path, &picture.pixels())?,
            Output::Svg => write_whole(path, picture.svg().as_bytes())?,
            Output::Table => table_of(&items, &made, &picture.groups, by).write(path)?,
        }
    }
    tell_skipped(&context.printer, &skipped);
    if context.printer.json {
        context
            .printer
            .document("map", &document(&items, &made, &picture.groups, (by, took), &outputs, &skipped))?;
    } else {
        let how = if made.was_stored { "kept from an earlier run".to_owned() } else { seconds(took) };
        for (path, _) in &outputs {
            let images = count(items.len() as u64, "image");
            let method = options.method.title();
            context.printer.text(&format!("{}: {images} by {method}, {how}", path.display()))?;
        }
    }
    Ok(exit_for(&skipped))
}

fn document<'a>(
    items: &Rows<'_>,
    made: &Map,
    groups: &'a Groups,
    (by, seconds): (By, f64),
    outputs: &[(&Path, Output)],
    skipped: &'a [Skipped],
) -> Document<'a> {
    let group = |group: &'a Group| GroupDocument {
        name: &group.name,
        size: group.size,
        medoid: items.name(group.medoid).into_owned(),
    };
    Document {
        method: made.options.method,
        seed: made.options.seed,
        images: items.len(),
        by: by.name(),
        groups: groups.groups.iter().map(group).collect(),
        outputs: outputs.iter().map(|(path, _)| path.display().to_string()).collect(),
        stored: made.was_stored,
        seconds,
        skipped: skipped_documents(skipped),
    }
}

fn colours(args: &args::Map, items: &Rows<'_>) -> Result<By> {
    if let (Some(by @ ("label" | "none")), Some(_)) = (args.by.as_deref(), &args.k) {
        return Err(Error::invalid(format!("--k: expected none with --by {by}, it is for --by cluster")));
    }
    match args.by.as_deref() {
        None if items.is_labelled() && args.k.is_none() => Ok(By::Label),
        None | Some("cluster") => Ok(By::Cluster),
        Some("label") if items.is_labelled() => Ok(By::Label),
        Some("label") => Err(Error::invalid("--by label: expected labelled images, got none of two labels")
            .with_hint("--by cluster finds groups by itself")),
        Some("none") => Ok(By::Nothing),
        Some(other) => Err(Error::invalid(format!("--by: expected label, cluster or none, got {other:?}"))),
    }
}

fn title(items: &Rows<'_>, made: &Map, by: By) -> [String; 2] {
    let images = count(items.len() as u64, "image");
    let about = match made.options.method {
        Method::Tsne => "what looks alike lies near; how far apart groups lie means little",
        Method::Pca => "the plane along which latents vary most; up and across are the principal directions",
    };
    let colours = match by {
        By::Label => "; colours are labels",
        By::Cluster => "; colours are clusters",
        By::Nothing => "",
    };
    let thumbnails = if by == By::Nothing { "" } else { ", thumbnails their medoids" };
    [format!("{images} by {}", made.options.method.title()), format!("{about}{colours}{thumbnails}")]
}

/// The images of the largest groups' medoids.
fn thumbnails(
    items: &Rows<'_>,
    groups: &Groups,
    dir: &Path,
    skipped: &mut Vec<Skipped>,
) -> Vec<Option<Pixels>> {
    let rows: Vec<u32> =
        groups.groups.iter().take(MapPicture::MAX_THUMBNAILS).map(|group| group.medoid).collect();
    let limits = Limits::default();
    let found = items.find(rows.iter().copied(), dir);
    let load = |(&row, item): (&u32, std::result::Result<images::Item, String>)| {
        let loaded = item.and_then(|item| images::load(&item, &limits));
        loaded.map(|loaded| loaded.pixels).map_err(|reason| {
            skipped.push(Skipped::new(items.snapshot().name(items.ids[row as usize]), reason));
        })
    };
    rows.iter().zip(found).map(load).map(std::result::Result::ok).collect()
}

/// A row for each image.
fn table_of(items: &Rows<'_>, made: &Map, groups: &Groups, by: By) -> table::Table {
    let table = columns::identity(items).and(columns::places(made));
    match by {
        By::Cluster => table.with("cluster", Column::Integers(groups.of.clone())),
        By::Label | By::Nothing => table,
    }
}
