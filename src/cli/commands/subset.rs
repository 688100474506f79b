//! `aesearch sample --diverse N` and `--random N`: a few images of the index that stand for all.

use std::path::{Path, PathBuf};

use aesearch_index::Snapshot;
use serde::Serialize;

use super::observer::TerminalObserver;
use super::outputs::check_outputs;
use super::{SkippedDocument, exit_for, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{count, thousands};
use crate::cli::resolve::Context;
use crate::draw::group_sheet::{GroupSheet, SheetGroup, group_sheet};
use crate::draw::query_sheet::{Cell, Frame};
use crate::error::Error;
use crate::explore::copy_out::{Folder, copy_out};
use crate::explore::rows::Rows;
use crate::explore::subset::{Choice, Subset, subset};
use crate::explore::table::{self, Column, Format};
use crate::images::{self, Limits, Pixels, Skipped};
use crate::output::check_empty;

/// Images on a sheet.
const MAX_DRAWN: usize = 900;

#[derive(Debug, Serialize)]
struct ChosenDocument<'a> {
    path: String,
    label: Option<&'a str>,
    /// Images that have this one nearest, itself included.
    represents: usize,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    choice: &'static str,
    seed: u64,
    /// Of how many they were chosen.
    images: usize,
    chosen: Vec<ChosenDocument<'a>>,
    mean_distance: f64,
    largest_distance: u32,
    files: usize,
    skipped: Vec<SkippedDocument<'a>>,
}

pub(super) fn run(
    context: &Context,
    args: &args::Sample,
    (choice, n): (Choice, usize),
) -> anyhow::Result<Exit> {
    if n == 0 {
        let flag = if choice == Choice::Diverse { "--diverse" } else { "--random" };
        return Err(Error::invalid(format!("{flag}: expected at least 1 image, got 0")).into());
    }
    args.output.as_deref().map(Format::of).transpose()?;
    let target = args.folders.target();
    target.iter().try_for_each(|(to, _)| check_empty(to))?; // before the work
    let dir = context.index_dir(&args.reading.index)?;
    let outputs: Vec<&Path> =
        [&args.output, &args.sheet].into_iter().flatten().map(PathBuf::as_path).collect();
    check_outputs(&outputs, &dir)?;
    let snapshot = Snapshot::open_with(&dir, args.reading.access()).map_err(Error::from)?;
    let items = Rows::of(&snapshot)?;
    let seed = args.seed.unwrap_or(0);
    let observer = TerminalObserver::new(context, "choosing");
    let found = subset(&items, n, choice, seed, &observer);
    observer.finish();
    let found = found?;

    let mut skipped = Vec::new();
    if let Some(path) = &args.output {
        table_of(&items, &found).write(path)?;
    }
    if let Some(path) = &args.sheet {
        images::write_png(path, &sheet(&items, &found, choice, &dir, &mut skipped))?;
    }
    let mut files = 0;
    if let Some(target) = target {
        let folder = Folder { name: String::new(), rows: found.rows.clone() };
        let gathered = copy_out(&items, &dir, &[folder], target, &TerminalObserver::new(context, "working"))?;
        files = gathered.files;
        skipped.extend(gathered.skipped);
    }
    tell_skipped(&context.printer, &skipped);
    if context.printer.json {
        let chosen = found.rows.iter().zip(&found.represents).map(|(&row, &represents)| ChosenDocument {
            path: items.name(row).into_owned(),
            label: items.label(row),
            represents,
        });
        let document = Document {
            choice: if choice == Choice::Diverse { "diverse" } else { "random" },
            seed,
            images: items.len(),
            chosen: chosen.collect(),
            mean_distance: found.mean_distance,
            largest_distance: found.largest_distance,
            files,
            skipped: skipped_documents(&skipped),
        };
        context.printer.document("sample", &document)?;
    } else {
        for &row in &found.rows {
            context.printer.text(&items.name(row))?;
        }
        context.printer.note(&summary(&items, &found));
    }
    Ok(exit_for(&skipped))
}

fn summary(items: &Rows<'_>, found: &Subset) -> String {
    format!(
        "{} of {}; from an image to the nearest of them {:.1} bits in the mean, {} at most",
        thousands(found.rows.len() as u64),
        count(items.len() as u64, "image"),
        found.mean_distance,
        found.largest_distance
    )
}

/// A row for each that was chosen.
fn table_of(items: &Rows<'_>, found: &Subset) -> table::Table {
    let rows = || found.rows.iter();
    let represents = found.represents.iter().map(|&n| u32::try_from(n).ok());
    table::Table::default()
        .with("path", Column::Texts(rows().map(|&row| Some(items.name(row).into_owned())).collect()))
        .with("label", Column::Texts(rows().map(|&row| items.label(row).map(str::to_owned)).collect()))
        .with("represents", Column::Integers(represents.collect()))
}

/// The heading of the sheet: what is drawn by lot stands for nothing.
fn heading(choice: Choice) -> &'static str {
    match choice {
        Choice::Diverse => "a few that stand for all",
        Choice::Random => "drawn by lot",
    }
}

fn sheet(items: &Rows<'_>, found: &Subset, choice: Choice, dir: &Path, skipped: &mut Vec<Skipped>) -> Pixels {
    let limits = Limits::default();
    let rows = &found.rows[..found.rows.len().min(MAX_DRAWN)];
    let shown = rows.iter().zip(&found.represents).zip(items.find(rows.iter().copied(), dir));
    let cells = shown.filter_map(|((&row, represents), item)| {
        match item.and_then(|item| images::load(&item, &limits)) {
            Ok(loaded) => {
                let label = items.label(row).unwrap_or_default().to_owned();
                let caption = vec![format!("for {}", thousands(*represents as u64)), label];
                Some(Cell { image: loaded.pixels, caption, frame: Frame::Plain })
            }
            Err(reason) => {
                skipped.push(Skipped::new(items.snapshot().name(items.ids[row as usize]), reason));
                None
            }
        }
    });
    let group = SheetGroup {
        title: "each with how many images of the collection are nearest to it".to_owned(),
        cells: cells.collect(),
    };
    let more = found.rows.len() - rows.len();
    group_sheet(&GroupSheet {
        title: [heading(choice).to_owned(), summary(items, found)],
        groups: vec![group],
        foot: if more > 0 { format!("{more} more were chosen") } else { String::new() },
    })
}
