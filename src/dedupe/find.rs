//! Duplicates in one call: index the paths, scan them, and write the plan, the page and the sheet.

use std::path::{Path, PathBuf};

use aesearch_index::{Snapshot, is_index};

use super::decisions::Decisions;
use super::fingerprints::FOLDER;
use super::last_scan::LastScan;
use super::options::ScanOptions;
use super::outputs::ScanOutputs;
use super::pictures::Pictures;
use super::plan::{Plan, Unread};
use super::report::{PageOptions, html_report};
use super::scan::{Scan, scan};
use super::sheet::sheet;
use crate::error::{Error, Result};
use crate::gallery::{Memory, UpdateOptions, UpdateReport, keep_images, update};
use crate::images::{Skipped, write_png};
use crate::observer::{Note, Observer, Stage};
use crate::output::{CacheFolder, check_picture, check_places, count, write_whole};
use crate::runtime::RuntimeOptions;

/// What to compare, what to look for, and what to write.
#[derive(Debug, Clone)]
pub struct FindOptions {
    /// Folders, image files or containers, which are indexed first; none: all images of the index, as it is.
    pub data: Vec<PathBuf>,
    /// How to index them. Its memory is also the limit for the pictures of the page and the sheet.
    pub update: UpdateOptions,
    /// What to look for, and what to propose.
    pub scan: ScanOptions,
    /// The files to write.
    pub outputs: ScanOutputs,
}

impl FindOptions {
    /// The defaults: all images of the index, nothing written.
    pub fn new(update: UpdateOptions) -> FindOptions {
        FindOptions {
            data: Vec::new(),
            update,
            scan: ScanOptions::default(),
            outputs: ScanOutputs::default(),
        }
    }
}

impl Default for FindOptions {
    /// As [`FindOptions::new`], with the default place for ONNX Runtime.
    fn default() -> Self {
        FindOptions::new(UpdateOptions::new(RuntimeOptions::default()))
    }
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The scan; its plan also lists the files that could not be indexed.
    pub scan: Scan,
    /// The result of indexing; nothing if there were no paths to index.
    pub update: Option<UpdateReport>,
}

impl Found {
    /// All images that were left out, of the index or of the comparison.
    pub fn skipped(&self) -> Vec<Skipped> {
        let unindexed = self.update.iter().flat_map(|update| &update.skipped);
        unindexed.chain(&self.scan.skipped).cloned().collect()
    }
}

/// Finds duplicates: brings the index at `dir` up to date with the data, scans for duplicates that no
/// decision is about, and writes the outputs. [`check`](fn@crate::dedupe::check)
/// takes its threshold from then on, if it was of half of the index or more.
///
/// # Errors
/// When the options cannot be used; those of [`update`] and [`scan`]; when no image could be indexed, or an
/// output cannot be written or would overwrite one of the images; [`Error::Interrupted`].
pub fn find_duplicates(dir: &Path, options: &FindOptions, observer: &dyn Observer) -> Result<Found> {
    let outputs = options.outputs.paths();
    check_places(&outputs)?; // before the work
    options.outputs.sheet.as_deref().map_or(Ok(()), check_picture)?;
    let found = find(dir, options, &Decisions::read(dir)?, observer)?;
    // a part of the collection says little about the rest
    if 2 * found.scan.plan.images >= Snapshot::open(dir)?.ids().count() {
        let cache = CacheFolder::of(dir, FOLDER)?;
        LastScan::of(&found.scan.plan, options.scan.threshold.is_some()).write(cache.path())?;
    }
    write_outputs(dir, &found.scan.plan, &options.outputs, options.update.memory)?;
    Ok(found)
}

/// Writes a plan as files; the pictures of the page and the sheet are read again, with about so much memory. `dir` is
/// the index that was scanned.
///
/// # Errors
/// When one cannot be written, or would overwrite one of the images.
pub fn write_outputs(dir: &Path, plan: &Plan, outputs: &ScanOutputs, memory: Memory) -> Result<()> {
    let paths = outputs.paths();
    check_places(&paths)?;
    outputs.sheet.as_deref().map_or(Ok(()), check_picture)?;
    if !paths.is_empty() && is_index(dir) {
        let snapshot = Snapshot::open(dir)?;
        paths.iter().try_for_each(|path| keep_images(path, &snapshot, dir))?;
    }
    if let Some(path) = &outputs.plan {
        write_whole(path, plan.to_json().as_bytes())?;
    }
    if outputs.report.is_none() && outputs.sheet.is_none() {
        return Ok(());
    }
    let (Memory::AtMost(bytes) | Memory::About(bytes)) = memory;
    let pictures = Pictures::of(plan, dir, bytes);
    let picture = |file: &_| pictures.get(file);
    if let Some(path) = &outputs.report {
        let folder = path.parent().map(|folder| Path::new(".").join(folder));
        let page = html_report(plan, &picture, &PageOptions { folder, ..PageOptions::default() });
        write_whole(path, page.as_bytes())?;
    }
    if let Some(path) = &outputs.sheet {
        write_png(path, &sheet(plan, &picture))?;
    }
    Ok(())
}

/// Indexes if there is data to index, then scans.
pub(super) fn find(
    dir: &Path,
    options: &FindOptions,
    decisions: &Decisions,
    observer: &dyn Observer,
) -> Result<Found> {
    let FindOptions { data, scan: wanted, .. } = options;
    wanted.check(data)?;
    if data.is_empty() {
        return Ok(Found { scan: scan(dir, data, wanted, decisions, observer)?, update: None });
    }
    let all: Vec<PathBuf> = data.iter().chain(&wanted.reference).cloned().collect();
    observer.stage(Stage::images("indexing"));
    let updated = update(dir, &all, &options.update, observer)?;
    if updated.interrupted {
        let text = "interrupted while indexing: what was done is kept, and the next run goes on from there";
        observer.note(&Note::warning(text));
        return Err(Error::Interrupted);
    }
    if !is_index(dir) {
        let files = count(updated.skipped.len() as u64, "file");
        let what = format!("images: expected some to compare, got none of {files}");
        return Err(Error::invalid(what).with_hint("name folders or files with images"));
    }
    let mut scan = scan(dir, data, wanted, decisions, observer)?;
    let unread = |skipped: &Skipped| Unread { path: skipped.path.clone(), reason: skipped.reason.clone() };
    scan.plan.skipped.extend(updated.skipped.iter().map(unread));
    Ok(Found { scan, update: Some(updated) })
}
