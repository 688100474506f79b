//! An index of files of codes.

use std::fs;
use std::path::{Path, PathBuf};

use aesearch_index::Snapshot;

use super::head::Head;
use super::read::Table;
use crate::error::{Error, Result};
use crate::gallery::{
    BinarizerChoice, Elsewhere, Facts, UpdateOptions, UpdateReport, different_codes, index_at, index_coded,
};
use crate::observer::Observer;

/// Makes an index at `dir`, where there is none, of Parquet files of codes, and of all those in folders. Their metadata
/// says by which model and binarizer they were made; where none says so, as programs that rewrite tables drop it, those
/// of the index that `options.binarizer` names are taken. Nothing else than [`index_coded`] is done.
///
/// # Errors
/// `Mismatch` when files differ in model, binarizer or polarity; `Invalid` when a column is missing or of another type,
/// only some files have latents, or another binarizer is asked for; `Damaged` when a row is none. Nothing is written then.
pub fn index_files(
    dir: &Path,
    files: &[PathBuf],
    options: &UpdateOptions,
    observer: &dyn Observer,
) -> Result<UpdateReport> {
    if !matches!(options.binarizer, BinarizerChoice::Auto | BinarizerChoice::From(_)) {
        let what = "`binarizer`: expected the index whose binarizer made the codes, got the name of a kind";
        return Err(Error::invalid(what).with_hint("`refit` codes an index anew by another one"));
    }
    if options.bits.is_some() {
        let what = "`bits`: expected none, as codes in files have theirs";
        return Err(Error::invalid(what).with_hint("`refit` codes an index anew with others"));
    }
    let files = listed(files)?;
    let named = named(&options.binarizer)?;
    let mut known: Option<(String, Facts)> = named;
    let (mut latents, mut n_rows) = (None, 0);
    for path in &files {
        let table = Table::open(path)?;
        let place = path.display().to_string();
        n_rows += table.len();
        if let Some(facts) = table.facts()? {
            match &known {
                None => known = Some((place.clone(), facts)),
                Some((first, known)) => check(known, &facts, &format!("{first} and {place}"))?,
            }
        }
        let has_latents = table.has_latents();
        if latents.is_some_and(|latents| latents != has_latents) {
            let what = format!("{place}: expected latents in all files or in none, got them in some");
            return Err(Error::invalid(what).with_hint("with `without_latents`, encode all without them"));
        }
        latents = Some(has_latents);
    }
    let Some((_, facts)) = known else {
        let what = format!("{}: expected metadata that names model and binarizer, got none", shown(&files));
        let hint = "files of `encode` have it; where another program has rewritten them, name an index as `binarizer` \
                    that was made with the same";
        return Err(Error::invalid(what).with_hint(hint));
    };
    let has_latents = latents.unwrap_or(false);
    let layout = Head::new(&facts, has_latents, false).layout;
    let blocks = files.iter().flat_map(|path| {
        let rows = Table::open(path).and_then(|table| table.rows(layout));
        let (rows, failed) = match rows {
            Ok(rows) => (Some(rows), None),
            Err(error) => (None, Some(Err(error))),
        };
        failed.into_iter().chain(rows.into_iter().flatten())
    });
    let mut images = blocks.flat_map(|block| -> Box<dyn Iterator<Item = Result<Elsewhere>>> {
        match block {
            Ok(rows) => Box::new(rows.into_iter().map(|row| Ok(row.map(|row| row.image)))),
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    });
    index_coded(dir, (&facts, has_latents), (&mut images, n_rows), options, observer)
}

fn shown(files: &[PathBuf]) -> String {
    files.first().map_or_else(String::new, |path| path.display().to_string())
}

/// The index that is named as the binarizer, and its facts.
fn named(choice: &BinarizerChoice) -> Result<Option<(String, Facts)>> {
    let BinarizerChoice::From(path) = choice else { return Ok(None) };
    let dir = index_at(path);
    Ok(Some((dir.display().to_string(), Facts::of(&Snapshot::open(&dir)?, &dir)?)))
}

/// Refuses codes that cannot be compared.
fn check(a: &Facts, b: &Facts, place: &str) -> Result<()> {
    let hint = "index them apart, or encode all with one model and one `binarizer`";
    if let Some(what) = different_codes(a, b) {
        return Err(Error::mismatch(place, what).with_hint(hint));
    }
    if a.polarity.inverted != b.polarity.inverted {
        let what = "codes of images as they are and of inverted ones";
        return Err(Error::mismatch(place, what).with_hint(hint));
    }
    Ok(())
}

/// The files, and those in folders that end in .parquet, by name.
fn listed(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let fail = |error| Error::io(path, error);
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(fail)? {
            let file = entry.map_err(fail)?.path();
            let hidden = file.file_name().is_some_and(|name| {
                name.to_string_lossy().starts_with(['.', '_']) // as programs mark what is not data
            });
            if !hidden && file.extension().is_some_and(|end| end.eq_ignore_ascii_case("parquet")) {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            let what =
                format!("{}: expected files that end in .parquet, got a folder without any", path.display());
            return Err(Error::invalid(what));
        }
        inside.sort_unstable();
        files.extend(inside);
    }
    Ok(files)
}
