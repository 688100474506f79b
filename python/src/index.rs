//! An index: add images to it, ask it, look at what it holds.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use aesearch::filter::Where;
use aesearch::gallery::{
    Answered, BinarizerChoice, Gallery, Labels, ManyOptions, Memory, OpenOptions, QueryOptions, QueryResult,
    Record, UpdateOptions, UpdateReport, add_images, index_at, remove, update, verify,
};
use aesearch::images::{Item, Limits, Needed, load_for};
use aesearch::observer::Progress;
use aesearch::{Error, Result};
use aesearch_index::{Access, Filter, Mode, Search, Snapshot, is_index, words};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList};
use rayon::prelude::*;

use crate::arrays::{Owner, array};
use crate::calls::{in_slices, observed, unlocked};
use crate::codes::nearest;
use crate::encoder::threads_or_all;
use crate::errors::{exception, invalid};
use crate::images::{Stream, files, items, small_jpeg};
use crate::runtime;

/// Items that are looked at before somebody looks for Ctrl-C.
const AT_A_TIME: usize = 1 << 16;
/// Pictures that are made before somebody looks for Ctrl-C.
const PICTURES: usize = 64;

/// An index folder, and the last commit of it that was opened.
#[pyclass(frozen, module = "aesearch._native")]
pub(crate) struct Index {
    dir: PathBuf,
    options: UpdateOptions,
    opened: RwLock<Opened>,
}

/// What is open of an index.
#[derive(Clone)]
enum Opened {
    /// Nothing was ever put into it.
    Empty,
    Commit(Arc<Gallery>),
    /// It was let go of, for good.
    Closed,
}

/// What one query asks for.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Asked {
    k: usize,
    exact: bool,
    recall: f32,
    radius: Option<u32>,
    rerank: usize,
    without_self: bool,
    only_near: bool,
    #[pyo3(item("where"))]
    only: Option<String>,
}

/// How images are added.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Adding {
    exclude: Vec<String>,
    prune: bool,
    wait: bool,
    max_memory: Option<u64>,
}

impl Adding {
    fn options(self, of: &UpdateOptions) -> UpdateOptions {
        let Adding { exclude, prune, wait, max_memory } = self;
        let mut options = UpdateOptions { prune, wait, ..of.clone() };
        options.walk.exclude = exclude;
        options.memory = max_memory.map_or(options.memory, Memory::AtMost);
        options
    }
}

/// How an index is made, and what for.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Settings {
    model: String,
    binarizer: String,
    bits: Option<usize>,
    thumbnails: Option<usize>,
    latents: bool,
    device: String,
    threads: usize,
}

impl Index {
    /// Its folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Threads of long calls.
    pub(crate) fn threads(&self) -> usize {
        self.options.threads
    }

    /// The index as it was when it was last opened.
    pub(crate) fn gallery(&self, py: Python<'_>) -> PyResult<Arc<Gallery>> {
        self.opened(py)?.ok_or_else(|| {
            let what = format!("{}: the index is empty", self.dir.display());
            exception(py, &Error::not_found(what).with_hint("put images into it with `update`"))
        })
    }

    /// The same; none while it is empty.
    fn opened(&self, py: Python<'_>) -> PyResult<Option<Arc<Gallery>>> {
        match &*self.opened.read().unwrap_or_else(PoisonError::into_inner) {
            Opened::Empty => Ok(None),
            Opened::Commit(gallery) => Ok(Some(gallery.clone())),
            Opened::Closed => {
                let error = Error::invalid(format!("{}: this index was closed", self.dir.display()));
                Err(exception(py, &error.with_hint("open it again with `Index.open`")))
            }
        }
    }

    fn reopen(&self) -> Result<()> {
        let now = match is_index(&self.dir) {
            true => {
                let options = OpenOptions {
                    model: self.options.model.clone(),
                    load: self.options.load.clone(),
                    ..OpenOptions::new(self.options.runtime.clone())
                };
                Opened::Commit(Arc::new(Gallery::open(&self.dir, &options, &())?))
            }
            false => Opened::Empty,
        };
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*opened, Opened::Closed) {
            *opened = now;
        }
        Ok(())
    }

    /// The numbers of a report; the index is opened anew, also where the call was ended.
    fn reported<'py>(&self, py: Python<'py>, report: PyResult<UpdateReport>) -> PyResult<Bound<'py, PyDict>> {
        let reopened = unlocked(py, || self.reopen());
        let report = report?;
        reopened?;
        let counts = PyDict::new(py);
        for (name, n) in [
            ("added", report.added),
            ("changed", report.changed),
            ("unchanged", report.unchanged),
            ("removed", report.removed),
            ("renamed", report.renamed),
            ("images", report.images),
        ] {
            counts.set_item(name, n)?;
        }
        let skipped: Vec<_> = report.skipped.iter().map(|s| (s.path.as_str(), s.reason.as_str())).collect();
        counts.set_item("skipped", skipped)?;
        counts.set_item("model", &report.model.name)?;
        counts.set_item("bits", report.bits)?;
        counts.set_item("seconds", report.seconds)?;
        Ok(counts)
    }

    /// The ids that pass an expression.
    fn passing(
        &self,
        py: Python<'_>,
        gallery: &Gallery,
        expression: &str,
    ) -> PyResult<aesearch_index::IdSet> {
        observed(py, None, |observer| {
            let parsed: Where = expression.parse()?;
            parsed.select((gallery.dir(), gallery.snapshot()), &Labels::Auto, observer)
        })
    }

    fn filter(&self, py: Python<'_>, gallery: &Gallery, only: Option<&str>) -> PyResult<Option<Filter>> {
        let ids = only.map(|expression| self.passing(py, gallery, expression)).transpose()?;
        Ok(ids.map(|ids| gallery.snapshot().filter(&ids)))
    }
}

#[pymethods]
impl Index {
    /// The index at `path`: one that is there, or in a folder there; one that is to be made; or, where nobody knows,
    /// either.
    #[staticmethod]
    fn at(py: Python<'_>, path: PathBuf, settings: Settings, is_there: Option<bool>) -> PyResult<Index> {
        let dir = if is_there == Some(true) { index_at(&path) } else { path };
        let problem = match (is_there, is_index(&dir)) {
            (Some(true), false) => {
                let gone = if dir.exists() { "" } else { ": no such file or folder" };
                let error = Error::not_found(format!("{}: no index here{gone}", dir.display()));
                Some(error.with_hint("make one with `Index.create`"))
            }
            (Some(false), true) => {
                let error = Error::invalid(format!("{}: expected no index yet, got one", dir.display()));
                Some(error.with_hint("open it with `Index.open`, or name another folder"))
            }
            _ => None,
        };
        if let Some(problem) = problem {
            return Err(exception(py, &problem));
        }
        let Settings { model, binarizer, bits, thumbnails, latents, device, threads } = settings;
        let device = device.parse().map_err(|error| exception(py, &error))?;
        let options = UpdateOptions {
            binarizer: BinarizerChoice::named(&binarizer),
            bits,
            thumbnails,
            without_latents: !latents,
            device,
            ..options(model, threads)
        };
        let index = Index { dir, options, opened: RwLock::new(Opened::Empty) };
        unlocked(py, || index.reopen())?;
        Ok(index)
    }

    /// The commit that is open, whatever this index shows later.
    fn pinned(&self) -> Index {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner).clone();
        Index { dir: self.dir.clone(), options: self.options.clone(), opened: RwLock::new(opened) }
    }

    /// Lets go of its files.
    fn close(&self) {
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Opened::Closed;
    }

    #[getter]
    fn path(&self) -> &PathBuf {
        &self.dir
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.opened(py)?.map_or(0, |gallery| gallery.snapshot().len()))
    }

    /// Shows commits of other writers.
    fn reload(&self, py: Python<'_>) -> PyResult<()> {
        self.opened(py)?;
        unlocked(py, || self.reopen())
    }

    /// Brings the index up to date with what paths hold.
    fn add_paths<'py>(
        &self,
        py: Python<'py>,
        paths: Vec<PathBuf>,
        adding: Adding,
        listener: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        self.opened(py)?;
        let options = adding.options(&self.options);
        let report = observed(py, listener, |observer| update(&self.dir, &paths, &options, observer));
        self.reported(py, report)
    }

    /// Fits the binarizer anew, and codes all images anew.
    fn refit<'py>(
        &self,
        py: Python<'py>,
        wait: bool,
        listener: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        self.gallery(py)?;
        let options = UpdateOptions { refit: true, wait, ..self.options.clone() };
        let report = observed(py, listener, |observer| update(&self.dir, &[], &options, observer));
        self.reported(py, report)
    }

    /// What is wrong with the index's files: (file, section, offset, what).
    fn verify(&self, py: Python<'_>) -> PyResult<Vec<(PathBuf, String, u64, String)>> {
        self.gallery(py)?;
        let wrong = unlocked(py, || verify(&self.dir, Access::Map))?;
        Ok(wrong.into_iter().map(|one| (one.path, one.section, one.offset, one.detail)).collect())
    }

    /// Adds images as they come from an iterator of pairs of an image and a label or none; `expected` is how many may
    /// come, 0 if nobody knows. If the iterator raises, what came before is kept; no index is made if that is less than
    /// decides about a new one.
    fn add_images<'py>(
        &self,
        pairs: &Bound<'py, PyIterator>,
        expected: usize,
        adding: Adding,
        listener: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (py, pairs) = (pairs.py(), pairs.clone().unbind());
        self.opened(py)?;
        let options = adding.options(&self.options);
        let raised = RefCell::new(None);
        let expected = (expected > 0).then_some(expected);
        let mut stream = Stream { pairs: &pairs, expected, raised: &raised };
        let first = if is_index(&self.dir) { Vec::new() } else { stream.first()? };
        let (pairs, expected) = (&pairs, stream.expected);
        let added = observed(py, listener, |observer| {
            let raised = RefCell::new(None);
            let rest = Stream { pairs, expected, raised: &raised };
            let report = add_images(&self.dir, &mut first.into_iter().chain(rest), &options, observer);
            Ok((report, raised.into_inner()))
        });
        let report = added.and_then(|(report, raised)| match raised {
            Some(raised) => Err(raised),
            None => report.map_err(|error| exception(py, &error)),
        });
        self.reported(py, report)
    }

    /// Takes images out: (how many, how many are left, paths that hold none).
    fn remove(&self, py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<(usize, usize, Vec<String>)> {
        self.opened(py)?;
        let report = unlocked(py, || {
            let report = remove(&self.dir, &paths, None)?;
            self.reopen()?;
            Ok(report)
        })?;
        let unknown = report.skipped.into_iter().map(|skipped| skipped.path).collect();
        Ok((report.removed, report.images, unknown))
    }

    /// The ids that pass an expression.
    fn select<'py>(&self, py: Python<'py>, expression: &str) -> PyResult<Bound<'py, PyAny>> {
        let gallery = self.gallery(py)?;
        let passing = self.passing(py, &gallery, expression)?;
        let ids: Vec<i64> =
            gallery.snapshot().ids().filter(|&id| passing.contains(id)).map(i64::from).collect();
        let n = ids.len();
        array(py, Owner::I64(ids), &[n])
    }

    /// For each image its hits as (name, ids, names, labels, distances, similarities, near), or (name, reason).
    fn query<'py>(
        &self,
        images: &Bound<'py, PyAny>,
        asked: Asked,
        listener: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let (py, items) = (images.py(), items(images)?);
        let gallery = self.gallery(py)?;
        let only = self.filter(py, &gallery, asked.only.as_deref())?;
        let threads = self.options.threads.min(items.len()).max(1);
        let query = asked.options(gallery.snapshot().len(), only);
        let many = ManyOptions { query, threads, ..ManyOptions::default() };
        let answers = observed(py, listener, |observer| {
            let (total, mut answers) = (items.len(), Vec::with_capacity(items.len()));
            let queries = items.into_iter().map(|item| (item.display(), Ok(item)));
            gallery.query_each(queries, &many, |Answered { of: name, answer, .. }| {
                if let Err(reason) = &answer {
                    observer.skipped(&name, reason);
                }
                answers.push(answer.map(|answer| answer.result));
                observer.progress(&Progress::of(answers.len(), total));
                if observer.should_stop() { Err(Error::Interrupted) } else { Ok(()) }
            })?;
            Ok(answers)
        })?;
        let all = PyList::empty(py);
        for answer in answers {
            match answer {
                Ok(result) => all.append(hits(py, &result)?)?,
                Err(reason) => all.append(reason)?,
            }
        }
        Ok(all)
    }

    /// Ids i64 [Q, k] and distances i32 [Q, k] of the items whose codes are nearest; -1 where there are fewer, and no more
    /// columns than the index has items. `codes` are the bytes of u64 [Q, B / 64].
    fn query_codes<'py>(
        &self,
        py: Python<'py>,
        codes: &[u8],
        asked: Asked,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let gallery = self.gallery(py)?;
        let snapshot = gallery.snapshot();
        let only = self.filter(py, &gallery, asked.only.as_deref())?;
        let k = asked.k.min(snapshot.len());
        let search = Search { k, mode: asked.mode(), radius: asked.radius, ties: false, only };
        nearest(py, snapshot, codes, &search)
    }

    /// Ids i64 [N], ascending.
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let ids: Vec<i64> = self
            .opened(py)?
            .map_or_else(Vec::new, |gallery| gallery.snapshot().ids().map(i64::from).collect());
        let n = ids.len();
        array(py, Owner::I64(ids), &[n])
    }

    /// Names of items, as bytes.
    #[pyo3(signature = (ids = None))]
    fn names<'py>(&self, py: Python<'py>, ids: Option<Vec<u32>>) -> PyResult<Bound<'py, PyList>> {
        let Some(gallery) = self.opened(py)? else { return Ok(PyList::empty(py)) };
        let snapshot = gallery.snapshot();
        let ids = these_or_all(py, snapshot, ids)?;
        PyList::new(py, ids.iter().map(|&id| PyBytes::new(py, snapshot.name(id))))
    }

    /// Labels of all items, in the order of the ids.
    fn labels(&self, py: Python<'_>) -> PyResult<Vec<Option<String>>> {
        let Some(gallery) = self.opened(py)? else { return Ok(Vec::new()) };
        let snapshot = gallery.snapshot();
        let ids: Vec<u32> = snapshot.ids().collect();
        in_slices(py, (&ids, AT_A_TIME), |ids| {
            ids.iter().map(|&id| Ok(Record::of(snapshot, id)?.label)).collect()
        })
    }

    /// u64 [N, B / 64], in the order of the ids.
    fn codes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let gallery = self.gallery(py)?;
        let snapshot = gallery.snapshot();
        let codes = py.detach(|| snapshot.ids().flat_map(|id| snapshot.code(id)).copied().collect());
        array(py, Owner::U64(codes), &[snapshot.len(), words(snapshot.bits())])
    }

    /// i8 [N, D] and their scales f32 [N], in the order of the ids; in the map of the index where they lie there in one
    /// piece.
    fn latents<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let gallery = self.gallery(py)?;
        let snapshot = gallery.snapshot();
        let (n, size) = (snapshot.len(), snapshot.latent_size());
        if size == 0 {
            return Err(invalid(py, format!("{}: this index keeps no latents", self.dir.display())));
        }
        let (values, scales) = if snapshot.all_latents().is_some() {
            (Owner::Latents(gallery.clone()), Owner::Scales(gallery.clone()))
        } else {
            let (mut values, mut scales) = (Vec::with_capacity(n * size), Vec::with_capacity(n));
            let ids: Vec<u32> = snapshot.ids().collect();
            in_slices(py, (&ids, AT_A_TIME), |ids| {
                for latent in ids.iter().filter_map(|&id| snapshot.latent(id)) {
                    values.extend_from_slice(latent.values);
                    scales.push(latent.scale);
                }
                Ok(Vec::<()>::new())
            })?;
            (Owner::I8(values), Owner::F32(scales))
        };
        Ok((array(py, values, &[n, size])?, array(py, scales, &[n])?))
    }

    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let info = PyDict::new(py);
        let Some(gallery) = self.opened(py)? else { return Ok(info) };
        let (snapshot, facts) = (gallery.snapshot(), gallery.facts());
        for (name, n) in [
            ("images", snapshot.len()),
            ("bits", snapshot.bits()),
            ("latent_size", snapshot.latent_size()),
            ("segments", snapshot.segments()),
            ("distinct_codes", snapshot.distinct_codes()),
            ("removed", snapshot.dead()),
        ] {
            info.set_item(name, n)?;
        }
        info.set_item("index_bytes", snapshot.bytes())?;
        info.set_item("generation", snapshot.generation())?;
        info.set_item("model", &facts.model.name)?;
        info.set_item("binarizer", facts.codes.binarizer.rule().to_string())?;
        info.set_item("inverted", facts.polarity.inverted)?;
        Ok(info)
    }

    /// Small JPEG pictures of items by their names, no side longer than `side`; none where there is none to show.
    fn thumbnails<'py>(
        &self,
        py: Python<'py>,
        names: Vec<PyBackedBytes>,
        side: usize,
    ) -> PyResult<Vec<Option<Bound<'py, PyBytes>>>> {
        let gallery = self.gallery(py)?;
        let snapshot = gallery.snapshot();
        let items: Vec<Option<Item>> = unlocked(py, || {
            let ids: Vec<u32> = snapshot.ids_named(names.iter().map(|name| &**name)).iter().collect();
            let there = ids.iter().map(|&id| snapshot.name(id)).zip(gallery.items_to_show(&ids));
            let there: HashMap<&[u8], _> = there.collect();
            Ok(names.iter().map(|name| there.get(&**name)?.as_ref().ok().cloned()).collect())
        })?;
        let picture = |item: &Option<Item>| {
            let loaded = load_for(item.as_ref()?, &Limits::default(), Needed::Fitted { side }).ok()?;
            small_jpeg(&loaded.pixels, side)
        };
        let pictures =
            in_slices(py, (&items, PICTURES), |items| Ok(items.par_iter().map(picture).collect()))?;
        Ok(files(py, pictures))
    }
}

impl Asked {
    fn mode(&self) -> Mode {
        if self.exact { Mode::Exact } else { Mode::Recall(self.recall) }
    }

    /// For an index of so many items.
    fn options(&self, n_items: usize, only: Option<Filter>) -> QueryOptions {
        let &Asked { k, radius, rerank, without_self, only_near, .. } = self;
        QueryOptions {
            k: k.min(n_items),
            mode: self.mode(),
            radius,
            rerank: rerank.min(n_items),
            without_self,
            only_near,
            only: only.into_iter().collect(),
            ..QueryOptions::default()
        }
    }
}

/// How an index of this model is made and brought up to date.
pub(crate) fn options(model: String, threads: usize) -> UpdateOptions {
    let runtime = runtime::runtime();
    UpdateOptions {
        model,
        load: runtime::load_options(&runtime),
        threads: threads_or_all(threads),
        ..UpdateOptions::new(runtime)
    }
}

/// (ids, names, labels, distances, similarities, near).
fn hits<'py>(py: Python<'py>, result: &QueryResult) -> PyResult<Bound<'py, PyAny>> {
    let hits = &result.hits;
    let n = hits.len();
    let names = hits.iter().map(|hit| hit.path_bytes.as_deref().unwrap_or(hit.path.as_bytes()));
    let names: Vec<Bound<'_, PyBytes>> = names.map(|name| PyBytes::new(py, name)).collect();
    let labels: Vec<Option<&str>> = hits.iter().map(|hit| hit.label.as_deref()).collect();
    let near: Vec<Option<bool>> = hits.iter().map(|hit| hit.near).collect();
    let ids = array(py, Owner::I64(hits.iter().map(|hit| i64::from(hit.id)).collect()), &[n])?;
    let distances = array(py, Owner::I32(hits.iter().map(|hit| hit.distance as i32).collect()), &[n])?;
    let similarities = array(py, Owner::F32(hits.iter().map(|hit| hit.similarity).collect()), &[n])?;
    Ok((ids, names, labels, distances, similarities, near).into_pyobject(py)?.into_any())
}

/// These ids, if the index has them, or all.
fn these_or_all(py: Python<'_>, snapshot: &Snapshot, ids: Option<Vec<u32>>) -> PyResult<Vec<u32>> {
    let Some(ids) = ids else { return Ok(snapshot.ids().collect()) };
    match ids.iter().find(|&&id| !snapshot.contains(id)) {
        Some(id) => Err(exception(py, &Error::not_found(format!("{id}: the index has no image of this id")))),
        None => Ok(ids),
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Index>()
}
