//! Duplicates: find them, show and decide about them, carry a plan out and take it back.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use aesearch::dedupe::{
    ApplyOptions, CheckOptions, DecideOptions, DecideTask, File, FindOptions, Pictures, Plan as Found,
    ScanOptions, ScanOutputs, Step, Turn, UndoOptions, Verdict, apply, check_items, decide, find_duplicates,
    undo, write_outputs,
};
use aesearch::gallery::{FOLDER, Memory, OpenOptions, find};
use aesearch::images::{Skipped, WalkOptions, walk};
use aesearch::{Error, Result};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use rayon::prelude::*;

use crate::calls::{in_slices, observed, unlocked};
use crate::errors::{exception, in_python};
use crate::images::{files, items, small_jpeg};
use crate::index::options;
use crate::runtime;

/// Pictures that are made before somebody looks for Ctrl-C.
const PICTURES: usize = 64;

/// A plan, and the index that it is of.
#[pyclass(frozen, module = "aesearch._native")]
pub(crate) struct Plan {
    plan: Found,
    dir: PathBuf,
}

/// What a scan looks for.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Wanted {
    false_positive_rate: f64,
    threshold: Option<f64>,
    related: bool,
    turned: bool,
    mirrored: bool,
    reference: Vec<PathBuf>,
    across: bool,
    keep: Option<Vec<String>>,
    select: Option<String>,
    #[pyo3(item("where"))]
    only: Option<String>,
    exclude: Vec<String>,
    model: String,
    threads: usize,
}

impl Wanted {
    fn options(self, data: Vec<PathBuf>) -> Result<FindOptions> {
        let default = ScanOptions::default();
        let keep = self.keep.map(|names| names.iter().map(|name| name.parse()).collect::<Result<_>>());
        let mirrored: &[bool] = if self.mirrored { &[false, true] } else { &[false] };
        let quarters = if self.turned { 4 } else { 1 };
        let turns = mirrored
            .iter()
            .flat_map(|&mirrored| (0..quarters).map(move |quarters| Turn { mirrored, quarters }));
        let scan = ScanOptions {
            false_positive_rate: self.false_positive_rate,
            threshold: self.threshold,
            related: self.related,
            turns: turns.filter(|turn| *turn != Turn::NONE).collect(),
            reference: self.reference,
            across: self.across,
            keep: keep.transpose()?.unwrap_or(default.keep),
            select: self.select.as_deref().map(str::parse).transpose()?,
            only: self.only.as_deref().map(str::parse).transpose()?,
            labels: default.labels,
        };
        let mut update = options(self.model, self.threads);
        update.walk.exclude = self.exclude;
        Ok(FindOptions { data, scan, ..FindOptions::new(update) })
    }
}

#[pymethods]
impl Plan {
    /// Finds duplicates in `data`, or in the whole index where there is none.
    #[staticmethod]
    fn scan(
        py: Python<'_>,
        dir: PathBuf,
        data: Vec<PathBuf>,
        wanted: Wanted,
        listener: Option<Py<PyAny>>,
    ) -> PyResult<Plan> {
        let options = wanted.options(data).map_err(|error| exception(py, &error))?;
        let found = observed(py, listener, |observer| find_duplicates(&dir, &options, observer))?;
        Ok(Plan { plan: found.scan.plan, dir })
    }

    /// Reads a plan from a file.
    #[staticmethod]
    fn read(py: Python<'_>, path: PathBuf, dir: PathBuf) -> PyResult<Plan> {
        let plan = unlocked(py, || {
            let bytes = std::fs::read(&path).map_err(|error| Error::io(&path, error))?;
            let text = String::from_utf8(bytes).map_err(|_| {
                Error::invalid(format!("{}: expected a plan, got bytes that are no text", path.display()))
                    .with_hint("`ScanOutputs::plan` writes one")
            })?;
            Found::from_json(&text, &path)
        })?;
        Ok(Plan { plan, dir })
    }

    fn to_json(&self, py: Python<'_>) -> String {
        py.detach(|| self.plan.to_json())
    }

    /// The folder of the index.
    #[getter]
    fn dir(&self) -> &PathBuf {
        &self.dir
    }

    /// Writes the plan, a page to review it, or a picture of it.
    #[pyo3(signature = (*, plan = None, report = None, sheet = None))]
    fn write(
        &self,
        py: Python<'_>,
        plan: Option<PathBuf>,
        report: Option<PathBuf>,
        sheet: Option<PathBuf>,
    ) -> PyResult<()> {
        let outputs = ScanOutputs { plan, report, sheet };
        unlocked(py, || write_outputs(&self.dir, &self.plan, &outputs, Memory::About(u64::MAX)))
    }

    /// Small JPEG pictures of files of the plan, by their names, no side longer than `side`; none where there is none to
    /// show.
    fn thumbnails<'py>(
        &self,
        py: Python<'py>,
        names: Vec<String>,
        side: usize,
    ) -> PyResult<Vec<Option<Bound<'py, PyBytes>>>> {
        let shown = Found { near_misses: Vec::new(), ..self.plan.clone() };
        let pictures = unlocked(py, || Ok(Pictures::of(&shown, &self.dir, u64::MAX)))?;
        let members = shown.groups.iter().flat_map(|group| {
            let others = group.also_kept.iter().chain(&group.duplicates).map(|other| &other.file);
            std::iter::once(&group.keeper).chain(others)
        });
        let members: HashMap<&str, &File> = members.map(|file| (file.path.as_str(), file)).collect();
        let picture = |name: &String| small_jpeg(&pictures.get(members.get(name.as_str())?)?, side);
        let made = in_slices(py, (&names, PICTURES), |names| Ok(names.par_iter().map(picture).collect()))?;
        Ok(files(py, made))
    }
}

/// The index that is used where none is named: the nearest at or above the working directory, or a new one there.
#[pyfunction]
fn default_index() -> PathBuf {
    std::env::current_dir().ok().and_then(|here| find(&here)).unwrap_or_else(|| PathBuf::from(FOLDER))
}

/// What to do with a plan.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Doing {
    action: String,
    dry_run: bool,
    kinds: Option<Vec<String>>,
    select: Option<String>,
    to: Option<PathBuf>,
    sidecars: Option<bool>,
    merge_metadata: bool,
}

impl Doing {
    fn options(self, plan: &Path) -> Result<ApplyOptions> {
        let default = ApplyOptions::new(self.action.parse()?, plan);
        let kinds = self.kinds.map(|names| names.iter().map(|name| name.parse()).collect::<Result<_>>());
        Ok(ApplyOptions {
            dry_run: self.dry_run,
            kinds: kinds.transpose()?.unwrap_or_else(|| default.kinds.clone()),
            select: self.select.as_deref().map(str::parse).transpose()?,
            to: self.to.unwrap_or_else(|| default.to.clone()),
            sidecars: self.sidecars.unwrap_or(default.sidecars),
            merge_metadata: self.merge_metadata,
            ..default
        })
    }
}

/// Carries out the plan in a file.
#[pyfunction]
fn apply_plan<'py>(
    py: Python<'py>,
    plan: PathBuf,
    doing: Doing,
    listener: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let options = doing.options(&plan).map_err(|error| exception(py, &error))?;
    let report = observed(py, listener, |observer| apply(&options, observer))?;
    let done = PyDict::new(py);
    done.set_item("done", steps(&report.done))?;
    done.set_item("refused", reasons(&report.refused))?;
    done.set_item("orphans", report.orphans)?;
    done.set_item("done_before", report.done_before)?;
    done.set_item("left_out", report.left_out)?;
    done.set_item("freed", report.freed)?;
    Ok(done)
}

/// Takes back what was done by a plan or a journal in a file.
#[pyfunction]
fn undo_plan<'py>(
    py: Python<'py>,
    journal: PathBuf,
    dry_run: bool,
    listener: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let options = UndoOptions { journal, dry_run };
    let report = observed(py, listener, |observer| undo(&options, observer))?;
    let done = PyDict::new(py);
    done.set_item("journal", report.journal)?;
    done.set_item("action", report.action.map(|action| action.name()))?;
    done.set_item("done", steps(&report.done))?;
    done.set_item("refused", reasons(&report.refused))?;
    Ok(done)
}

/// Remembers or forgets decisions; `verdict` is different, keep-all, keep, forget or none. Gives (images, added,
/// replaced, unchanged, forgotten, all decisions as JSON).
#[pyfunction]
fn decide_images(
    py: Python<'_>,
    dir: PathBuf,
    verdict: Option<&str>,
    images: Vec<PathBuf>,
    read: Option<PathBuf>,
    write: Option<PathBuf>,
) -> PyResult<(usize, usize, usize, usize, usize, String)> {
    let task = match verdict {
        Some("different") => DecideTask::Remember(Verdict::Different),
        Some("keep-all") => DecideTask::Remember(Verdict::KeepAll),
        Some("keep") => DecideTask::Remember(Verdict::Keep),
        Some("forget") => DecideTask::Forget,
        _ => DecideTask::Nothing,
    };
    let options = DecideOptions { task, images, import: read, export: write };
    let done = unlocked(py, || decide(&dir, &options))?;
    let [own, imported] = [done.decided, done.imported];
    let (added, replaced) = (own.added + imported.added, own.replaced + imported.replaced);
    let unchanged = own.unchanged + imported.unchanged;
    Ok((done.images, added, replaced, unchanged, done.forgotten, done.decisions.to_json()))
}

/// What of images is there already: the similarity of the threshold; the name of each image, with kind, path and
/// similarity of what was found; what was skipped.
type Checked = (f64, Vec<(String, Option<(&'static str, String, f32)>)>, Vec<(String, String)>);

/// Whether images are in the index already, as copies. Folders and containers stand for the images in them.
#[pyfunction]
fn check_images(
    images: &Bound<'_, PyAny>,
    paths: Vec<PathBuf>,
    dir: PathBuf,
    threshold: Option<f64>,
    listener: Option<Py<PyAny>>,
) -> PyResult<Checked> {
    let (py, mut items) = (images.py(), items(images)?);
    let open = OpenOptions::new(runtime::runtime());
    let options = CheckOptions { open, similarity: threshold, ..CheckOptions::default() };
    let (checked, unwalked) = observed(py, listener, |observer| {
        let walked = walk(&paths, &WalkOptions::default())?;
        walked.skipped.iter().for_each(|skipped| observer.skipped(&skipped.path, &skipped.reason));
        items.extend(walked.items);
        Ok((check_items(&dir, &items, &options, observer)?, walked.skipped))
    })?;
    let found = checked.images.into_iter().map(|image| {
        let found = image.found.map(|found| (found.kind.name(), found.path, found.similarity));
        (image.path, found)
    });
    let found = found.collect();
    Ok((checked.threshold.similarity, found, [reasons(&unwalked), reasons(&checked.skipped)].concat()))
}

/// (name, path, to, is_sidecar, is_new, bytes freed)
type Done<'a> = (&'a str, &'a Path, Option<&'a Path>, bool, bool, u64);

fn steps(steps: &[Step]) -> Vec<Done<'_>> {
    fn one(step: &Step) -> Done<'_> {
        let Step { name, path, to, is_sidecar, is_new, freed } = step;
        (name, path, to.as_deref(), *is_sidecar, *is_new, *freed)
    }
    steps.iter().map(one).collect()
}

/// Names of images that were left out, and why, in Python's words.
pub(crate) fn reasons(skipped: &[Skipped]) -> Vec<(String, String)> {
    let one = |skipped: &Skipped| (skipped.path.clone(), in_python(&skipped.reason).into_owned());
    skipped.iter().map(one).collect()
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Plan>()?;
    module.add_function(wrap_pyfunction!(default_index, module)?)?;
    module.add_function(wrap_pyfunction!(apply_plan, module)?)?;
    module.add_function(wrap_pyfunction!(undo_plan, module)?)?;
    module.add_function(wrap_pyfunction!(decide_images, module)?)?;
    module.add_function(wrap_pyfunction!(check_images, module)?)?;
    Ok(())
}
