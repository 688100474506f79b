//! `aesearch push postgres://... --table images`: codes into a database.

use std::env;

use serde::Serialize;

use super::observer::TerminalObserver;
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{count, seconds, thousands};
use crate::cli::resolve::Context;
use crate::database::{PushReport, Table, push};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PushDocument {
    /// Server, database and table.
    table: String,
    /// Rows in it that are of the index.
    images: usize,
    /// Rows that came.
    added: usize,
    /// Rows whose file, label or code is another.
    changed: usize,
    /// Rows that stayed, and were not written.
    unchanged: usize,
    /// Rows whose image is no longer in the index.
    removed: usize,
    /// Per code.
    bits: usize,
    /// Numbers per latent; 0 where there are none, and hits stay in the order of their codes.
    latent_size: usize,
    /// Whether pgvector's search index was built now.
    search_index_built: bool,
    /// Wall time until all rows were written.
    push_seconds: f64,
    /// Wall time of building the search index.
    build_seconds: f64,
    /// Whether it was ended by Ctrl-C; the same command goes on.
    interrupted: bool,
}

/// The table at a URL, with the password that libpq's programs take too.
pub(super) fn table(url: &str, name: &str) -> Table {
    Table { url: url.to_owned(), password: env::var("PGPASSWORD").ok(), name: name.to_owned() }
}

pub(in crate::cli) fn run(context: &Context, args: &args::Push) -> anyhow::Result<Exit> {
    let dir = context.index_dir(&args.reading.index)?;
    let observer = TerminalObserver::new(context, "pushing");
    let report = push(&dir, args.reading.access(), &table(&args.url, &args.table), &observer);
    observer.finish();
    let report = report?;
    if report.interrupted {
        context.printer.warning("interrupted: what was done is kept; the same command goes on from there");
    }
    match context.printer.json {
        true => context.printer.document("push", &PushDocument::of(&report))?,
        false => context.printer.text(&summary(&report))?,
    }
    Ok(if report.interrupted { Exit::Interrupted } else { Exit::Done })
}

/// `localhost:5432/photos, table images: 2,000 images (12 added, 1 changed, 3 removed), 64 bits, in 0.81 s`
fn summary(report: &PushReport) -> String {
    let parts = [(report.added, "added"), (report.changed, "changed"), (report.removed, "removed")];
    let parts = parts.into_iter().filter(|(n, _)| *n > 0);
    let parts: Vec<String> = parts.map(|(n, what)| format!("{} {what}", thousands(n as u64))).collect();
    let parts = if parts.is_empty() { "nothing new".to_owned() } else { parts.join(", ") };
    let built = match report.built {
        true => format!(", and built the search index in {}", seconds(report.build_seconds)),
        false => String::new(),
    };
    let (images, time) = (count(report.images as u64, "image"), seconds(report.push_seconds));
    format!("{}: {images} ({parts}), {} bits, in {time}{built}", report.place, report.bits)
}

impl PushDocument {
    fn of(report: &PushReport) -> PushDocument {
        PushDocument {
            table: report.place.clone(),
            images: report.images,
            added: report.added,
            changed: report.changed,
            unchanged: report.unchanged,
            removed: report.removed,
            bits: report.bits,
            latent_size: report.latent_size,
            search_index_built: report.built,
            push_seconds: report.push_seconds,
            build_seconds: report.build_seconds,
            interrupted: report.interrupted,
        }
    }
}
