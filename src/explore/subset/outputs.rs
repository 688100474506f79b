//! What becomes of a subset: a table, a contact sheet, a folder of images.

use std::path::{Path, PathBuf};

use super::{Choice, Subset, SubsetOptions, subset};
use crate::draw::group_sheet::{GroupSheet, SheetGroup, group_sheet};
use crate::draw::query_sheet::{Cell, Frame};
use crate::error::Result;
use crate::explore::copy_out::{CopyTarget, Folder, copy_out};
use crate::explore::read_all::read_some;
use crate::explore::rows::Rows;
use crate::explore::table::{Column, CsvTexts, Format, Table};
use crate::gallery::check_outputs;
use crate::images::{Pixels, Skipped, write_png};
use crate::observer::Observer;
use crate::output::{check_empty, check_picture, count, thousands};

/// The most images on a sheet.
const MAX_DRAWN: usize = 900;

/// What to make of a subset, besides the result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubsetOutputs {
    /// A table with a row for each chosen image: path, label, represents.
    pub table: Option<PathBuf>,
    /// A PNG file that shows the chosen images.
    pub sheet: Option<PathBuf>,
    /// A folder to copy or link them to.
    pub folder: Option<CopyTarget>,
    /// How texts are written in tables that are CSV.
    pub texts: CsvTexts,
}

/// A subset, and what was made of it.
#[derive(Debug)]
pub struct WrittenSubset {
    /// The chosen images.
    pub subset: Subset,
    /// Files or links in the folder.
    pub files: usize,
    /// Images that could not be drawn, copied or linked.
    pub skipped: Vec<Skipped>,
}

/// Chooses images and writes the outputs.
///
/// # Errors
/// As [`subset`], or when an output cannot be written; that is checked before the work where possible.
pub fn subset_to(
    rows: &Rows,
    options: &SubsetOptions,
    outputs: &SubsetOutputs,
    observer: &dyn Observer,
) -> Result<WrittenSubset> {
    let SubsetOutputs { table, sheet, folder, texts } = outputs;
    table.as_deref().map(Format::of).transpose()?;
    sheet.as_deref().map_or(Ok(()), check_picture)?;
    folder.iter().try_for_each(|folder| check_empty(&folder.to))?;
    let files: Vec<&Path> = [table, sheet].into_iter().flatten().map(PathBuf::as_path).collect();
    check_outputs(&files, rows.snapshot(), rows.dir())?;

    let found = subset(rows, options, observer)?;
    let mut written = WrittenSubset { subset: found, files: 0, skipped: Vec::new() };
    if let Some(path) = table {
        table_of(rows, &written.subset).write(path, *texts)?;
    }
    if let Some(path) = sheet {
        write_png(path, &draw(rows, options.choice, &mut written, observer))?;
    }
    if let Some(target) = folder {
        let folder = Folder { name: String::new(), rows: written.subset.rows.clone() };
        let copied = copy_out(rows, &[folder], target, observer)?;
        written.files = copied.files;
        written.skipped.extend(copied.skipped);
    }
    Ok(written)
}

/// `20 of 300 images; distance to the nearest of them: 6.1 bits on average, 14 at most`
pub fn summary(rows: &Rows, found: &Subset) -> String {
    format!(
        "{} of {}; distance to the nearest of them: {:.1} bits on average, {} at most",
        thousands(found.rows.len() as u64),
        count(rows.len() as u64, "image"),
        found.mean_distance,
        found.largest_distance
    )
}

/// A row for each chosen image.
fn table_of(rows: &Rows, found: &Subset) -> Table {
    let chosen = || found.rows.iter();
    let represents = found.represents.iter().map(|&n| u32::try_from(n).ok());
    Table::default()
        .with("path", Column::Texts(chosen().map(|&row| Some(rows.name(row).into_owned())).collect()))
        .with("label", Column::Texts(chosen().map(|&row| rows.label(row).map(str::to_owned)).collect()))
        .with("represents", Column::Integers(represents.collect()))
}

/// The heading of a sheet. Random images represent nothing.
fn heading(choice: Choice) -> &'static str {
    match choice {
        Choice::Diverse => "images that represent the collection",
        Choice::Random => "images chosen at random",
    }
}

fn draw(rows: &Rows, choice: Choice, written: &mut WrittenSubset, observer: &dyn Observer) -> Pixels {
    let WrittenSubset { subset: found, skipped, .. } = written;
    let drawn = &found.rows[..found.rows.len().min(MAX_DRAWN)];
    let images = read_some(rows, drawn, skipped, observer);
    let shown = drawn.iter().zip(&found.represents).zip(images);
    let cells = shown.zip(1..).filter_map(|(((&row, &represents), image), rank)| {
        let represents = format!("for {}", thousands(represents as u64));
        let label = rows.label(row).filter(|_| rows.is_labelled());
        let about = label.map_or(represents.clone(), |label| format!("{represents}  {label}"));
        let caption = vec![format!("{rank}.  {}", rows.short_name(row)), about];
        Some(Cell { image: image?, caption, frame: Frame::Plain })
    });
    let group = SheetGroup {
        title: "below each: for how many images of the collection it is the nearest".to_owned(),
        cells: cells.collect(),
    };
    let more = found.rows.len() - drawn.len();
    group_sheet(&GroupSheet {
        title: [heading(choice).to_owned(), summary(rows, found)],
        groups: vec![group],
        foot: if more > 0 { format!("and {} more", thousands(more as u64)) } else { String::new() },
    })
}
