//! `aesearch export`: everything about each image, for other programs.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, cluster, exit_for, open_rows, outliers, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{self, count, quoted, seconds};
use crate::cli::resolve::Context;
use crate::error::{Error, Result};
use crate::explore::export::{ExportOptions, Exported, Part, Target, Written, export};
use crate::explore::map::MapOptions;
use crate::explore::outliers::OutlierOptions;
use crate::explore::rows::Rows;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct FileDocument<'a> {
    /// In the folder, where there is one.
    name: &'a str,
    bytes: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document<'a> {
    /// The format.
    to: &'static str,
    /// The file or folder that was written.
    path: String,
    /// Rows.
    images: usize,
    /// Their names.
    columns: &'a [&'static str],
    /// What was written.
    files: Vec<FileDocument<'a>>,
    /// Wall time.
    seconds: f64,
    /// Images that could not be read.
    skipped: Vec<SkippedDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Export) -> anyhow::Result<Exit> {
    let start = Instant::now();
    let options = resolve(context, args)?;
    options.target.check(&args.output, &options.parts)?; // before anything is opened
    let dir = context.index_dir(&args.reading.index)?;
    let rows = open_rows(context, &dir, &args.reading, (&args.labels, &args.only))?;
    let gallery = match options.parts.contains(&Part::Outliers) && !args.unread {
        true => Some(outliers::open(context, &args.reading, &args.compute, &dir)?),
        false => None,
    };
    let observer = TerminalObserver::new(context, "exporting");
    let done = export(&rows, gallery.as_ref(), &args.output, &options, &observer);
    observer.finish();
    let done = done?;
    tell_skipped(&context.printer, &done.skipped);
    let took = start.elapsed().as_secs_f64();
    if context.printer.json {
        context.printer.document("export", &document(args, &options, &rows, &done, took))?;
    } else {
        context.printer.text(&summary(&args.output, &rows, &done, took))?;
        if let Some(command) = opened_with(&args.output, options.target, &done.columns) {
            context.printer.note(&command);
        }
    }
    Ok(exit_for(&done.skipped))
}

fn resolve(context: &Context, args: &args::Export) -> Result<ExportOptions> {
    let default = ExportOptions::default();
    let target = args.to.as_deref().map_or(Ok(default.target), str::parse)?;
    let parts = match args.with.as_deref() {
        None => target.parts().to_vec(),
        Some([all]) if all == "all" => {
            Part::ALL.into_iter().filter(|part| !args.unread || *part != Part::Metadata).collect()
        }
        Some(names) => names.iter().map(|name| name.trim().parse()).collect::<Result<_>>()?,
    };
    if args.unread && parts.contains(&Part::Metadata) {
        let what =
            "--unread: expected no metadata in --with, got metadata, which is read from the image files";
        return Err(Error::invalid(what));
    }
    let mut map = MapOptions::default();
    if let Some(name) = &args.map {
        map.method =
            name.parse().map_err(|_| Error::invalid(format!("--map: expected tsne or pca, got {name:?}")))?;
    }
    let outliers = OutlierOptions {
        neighbours: args.neighbours.unwrap_or(default.outliers.neighbours),
        threads: context.threads(&args.compute.threads),
    };
    let picture = if args.unread { 0 } else { args.picture.unwrap_or(default.picture) };
    let cluster = cluster::resolve(&args.grouping)?;
    let options = ExportOptions { target, parts, texts: args.csv.texts(), cluster, map, outliers, picture };
    options.check()?;
    Ok(options)
}

fn document<'a>(
    args: &args::Export,
    options: &ExportOptions,
    rows: &Rows,
    done: &'a Exported,
    seconds: f64,
) -> Document<'a> {
    let file = |Written { name, bytes }: &'a Written| FileDocument { name, bytes: *bytes };
    Document {
        to: options.target.name(),
        path: args.output.display().to_string(),
        images: rows.len(),
        columns: &done.columns,
        files: done.files.iter().map(file).collect(),
        seconds,
        skipped: skipped_documents(&done.skipped),
    }
}

/// `all.parquet: 70,000 images, 19 columns, 9.1 MB, 41 s`
fn summary(output: &Path, rows: &Rows, done: &Exported, took: f64) -> String {
    let bytes: u64 = done.files.iter().map(|file| file.bytes).sum();
    let head = format!(
        "{}: {}, {}, {}, {}",
        output.display(),
        count(rows.len() as u64, "image"),
        count(done.columns.len() as u64, "column"),
        print::bytes(bytes),
        seconds(took)
    );
    match &done.files[..] {
        [_] => head,
        files => files.iter().fold(head, |text, file| text + "\n  " + &file.name),
    }
}

/// The command that opens it.
fn opened_with(output: &Path, target: Target, columns: &[&str]) -> Option<String> {
    let output = quoted(&output.to_string_lossy());
    let flags = [
        ("neighbors", "--neighbors neighbors"),
        ("image", "--image image"),
        ("silhouette", "--pagerank silhouette"),
    ];
    match target {
        Target::EmbeddingAtlas => {
            let mut command = format!("embedding-atlas {output} --x projection_x --y projection_y");
            for (_, flag) in flags.iter().filter(|(column, _)| columns.contains(column)) {
                command = command + " " + flag;
            }
            Some(format!("open it: {command}"))
        }
        Target::TensorBoard => Some(format!("open it: tensorboard --logdir {output}")),
        Target::Table | Target::Faiss => None,
    }
}
