//! An index: add images to it, ask it, look at what it holds.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use aesearch::filter::Where;
use aesearch::gallery::{
    Answered, BinarizerChoice, Gallery, Labels, ManyOptions, OpenOptions, QueryOptions, QueryResult, Record,
    UpdateOptions, UpdateReport, add_images, index_at, remove, update,
};
use aesearch::images::{Limits, Needed, encode_small_png, fitted, load_for};
use aesearch::model::LoadOptions;
use aesearch::observer::Progress;
use aesearch::runtime::RuntimeOptions;
use aesearch::{Error, Result};
use aesearch_index::{Filter, Hit, Mode, Search, is_index, words};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList};

use crate::arrays::{Owner, array};
use crate::calls::{observed, unlocked};
use crate::encoder::threads_or_all;
use crate::errors::{exception, invalid};
use crate::images::{Stream, items};

/// An index folder, and the last commit of it that was opened; none while it is empty.
#[pyclass(frozen, module = "aesearch._native")]
pub(crate) struct Index {
    dir: PathBuf,
    options: UpdateOptions,
    gallery: RwLock<Option<Arc<Gallery>>>,
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

/// How a new index is made.
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
        self.opened().ok_or_else(|| {
            let what = format!("{}: the index is empty", self.dir.display());
            exception(py, &Error::not_found(what).with_hint("put images into it with `update`"))
        })
    }

    fn opened(&self) -> Option<Arc<Gallery>> {
        self.gallery.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reopen(&self) -> Result<()> {
        let now = match is_index(&self.dir) {
            true => {
                let options = OpenOptions {
                    model: self.options.model.clone(),
                    load: self.options.load.clone(),
                    ..OpenOptions::new(self.options.runtime.clone())
                };
                Some(Arc::new(Gallery::open(&self.dir, &options, &())?))
            }
            false => None,
        };
        *self.gallery.write().unwrap_or_else(PoisonError::into_inner) = now;
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
    /// Opens the index at `path`, or in it.
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf, model: String, threads: usize) -> PyResult<Index> {
        let dir = index_at(&path);
        if !is_index(&dir) {
            let what = format!("{}: no index here", path.display());
            let error = Error::not_found(what).with_hint("make one with `Index.create`");
            return Err(exception(py, &error));
        }
        let index = Index { dir, options: options(model, threads), gallery: RwLock::default() };
        unlocked(py, || index.reopen())?;
        Ok(index)
    }

    /// An index at `path` that is to be made.
    #[staticmethod]
    fn create(py: Python<'_>, path: PathBuf, settings: Settings) -> PyResult<Index> {
        if is_index(&path) {
            let error = Error::invalid(format!("{}: expected no index yet, got one", path.display()));
            return Err(exception(py, &error.with_hint("open it with `Index.open`, or name another folder")));
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
        Ok(Index { dir: path, options, gallery: RwLock::default() })
    }

    #[getter]
    fn path(&self) -> &PathBuf {
        &self.dir
    }

    fn __len__(&self) -> usize {
        self.opened().map_or(0, |gallery| gallery.snapshot().len())
    }

    /// Shows commits of other writers.
    fn reload(&self, py: Python<'_>) -> PyResult<()> {
        unlocked(py, || self.reopen())
    }

    /// Brings the index up to date with what paths hold.
    fn add_paths<'py>(
        &self,
        py: Python<'py>,
        paths: Vec<PathBuf>,
        exclude: Vec<String>,
        listener: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let mut options = self.options.clone();
        options.walk.exclude = exclude;
        let report = observed(py, listener, |observer| update(&self.dir, &paths, &options, observer));
        self.reported(py, report)
    }

    /// Adds images as they come from an iterator of pairs of an image and a label or none; `expected` is how many may
    /// come, 0 if nobody knows.
    fn add_images<'py>(
        &self,
        pairs: &Bound<'py, PyIterator>,
        expected: usize,
        listener: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (py, pairs) = (pairs.py(), pairs.clone().unbind());
        let added = observed(py, listener, |observer| {
            let raised = RefCell::new(None);
            let expected = (expected > 0).then_some(expected);
            let mut stream = Stream { pairs: &pairs, expected, raised: &raised };
            let report = add_images(&self.dir, &mut stream, &self.options, observer);
            Ok((report, raised.into_inner()))
        });
        let report = added.and_then(|(report, raised)| match raised {
            Some(raised) => Err(raised),
            None => report.map_err(|error| exception(py, &error)),
        });
        self.reported(py, report)
    }

    /// A number above all names that are numbers.
    fn next_number(&self, py: Python<'_>) -> u64 {
        let Some(gallery) = self.opened() else { return 0 };
        let snapshot = gallery.snapshot();
        let number = |id| std::str::from_utf8(snapshot.name(id)).ok()?.parse::<u64>().ok();
        py.detach(|| snapshot.ids().filter_map(number).max().map_or(0, |last| last.saturating_add(1)))
    }

    /// Takes images out: (how many, how many are left, paths that hold none).
    fn remove(&self, py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<(usize, usize, Vec<String>)> {
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
        let many = ManyOptions { query: asked.options(only), threads, ..ManyOptions::default() };
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

    /// Ids i64 [N, k] and distances i32 [N, k] of the items whose codes are nearest; -1 where there are fewer. `codes`
    /// are the bytes of [N, B / 8].
    fn query_codes<'py>(
        &self,
        py: Python<'py>,
        codes: &[u8],
        asked: Asked,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let gallery = self.gallery(py)?;
        let only = self.filter(py, &gallery, asked.only.as_deref())?;
        let k = asked.k;
        let search = Search { k, mode: asked.mode(), radius: asked.radius, ties: false, only };
        let bytes = gallery.snapshot().bits().div_ceil(8);
        if !codes.len().is_multiple_of(bytes) {
            return Err(invalid(
                py,
                format!("codes: expected {bytes} bytes each, got {} bytes", codes.len()),
            ));
        }
        let codes = words_of(codes, gallery.snapshot().bits());
        let n = codes.len() / words(gallery.snapshot().bits());
        let (ids, distances) = unlocked(py, || {
            let found = gallery.snapshot().search_many(&codes, &search)?;
            Ok(columns(&found, k))
        })?;
        Ok((array(py, Owner::I64(ids), &[n, k])?, array(py, Owner::I32(distances), &[n, k])?))
    }

    /// Ids i64 [N], ascending.
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let ids =
            self.opened().map_or_else(Vec::new, |gallery| gallery.snapshot().ids().map(i64::from).collect());
        let n = ids.len();
        array(py, Owner::I64(ids), &[n])
    }

    /// Names of items, as bytes.
    #[pyo3(signature = (ids = None))]
    fn names<'py>(&self, py: Python<'py>, ids: Option<Vec<u32>>) -> PyResult<Bound<'py, PyList>> {
        let Some(gallery) = self.opened() else { return Ok(PyList::empty(py)) };
        let snapshot = gallery.snapshot();
        let ids = ids.unwrap_or_else(|| snapshot.ids().collect());
        PyList::new(py, ids.iter().map(|&id| PyBytes::new(py, snapshot.name(id))))
    }

    /// Labels of items.
    #[pyo3(signature = (ids = None))]
    fn labels(&self, py: Python<'_>, ids: Option<Vec<u32>>) -> PyResult<Vec<Option<String>>> {
        let Some(gallery) = self.opened() else { return Ok(Vec::new()) };
        let snapshot = gallery.snapshot();
        unlocked(py, || {
            let ids = ids.unwrap_or_else(|| snapshot.ids().collect());
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
            let (values, scales) = py.detach(|| {
                let (mut values, mut scales) = (Vec::with_capacity(n * size), Vec::with_capacity(n));
                for latent in snapshot.ids().filter_map(|id| snapshot.latent(id)) {
                    values.extend_from_slice(latent.values);
                    scales.push(latent.scale);
                }
                (values, scales)
            });
            (Owner::I8(values), Owner::F32(scales))
        };
        Ok((array(py, values, &[n, size])?, array(py, scales, &[n])?))
    }

    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let info = PyDict::new(py);
        let Some(gallery) = self.opened() else { return Ok(info) };
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

    /// Small PNG pictures of items, no side longer than `side`; none where there is none to show.
    fn thumbnails<'py>(
        &self,
        py: Python<'py>,
        ids: Vec<u32>,
        side: usize,
    ) -> PyResult<Vec<Option<Bound<'py, PyBytes>>>> {
        let gallery = self.gallery(py)?;
        let pictures = py.detach(|| {
            let items = gallery.items_to_show(&ids).into_iter();
            let picture = |item: Result<_, String>| {
                let pixels = load_for(&item.ok()?, &Limits::default(), Needed::Fitted { side }).ok()?.pixels;
                encode_small_png(&fitted(&pixels, side).ok()?).ok()
            };
            items.map(picture).collect::<Vec<Option<Vec<u8>>>>()
        });
        Ok(pictures.into_iter().map(|bytes| bytes.map(|bytes| PyBytes::new(py, &bytes))).collect())
    }
}

impl Asked {
    fn mode(&self) -> Mode {
        if self.exact { Mode::Exact } else { Mode::Recall(self.recall) }
    }

    fn options(&self, only: Option<Filter>) -> QueryOptions {
        let &Asked { k, radius, rerank, without_self, only_near, .. } = self;
        QueryOptions {
            k,
            mode: self.mode(),
            radius,
            rerank,
            without_self,
            only_near,
            only: only.into_iter().collect(),
            ..QueryOptions::default()
        }
    }
}

/// How an index of this model is made and brought up to date.
pub(crate) fn options(model: String, threads: usize) -> UpdateOptions {
    let runtime = RuntimeOptions::from_env();
    let load = LoadOptions { added: Some(runtime.data_dir.join("models")), ..LoadOptions::default() };
    UpdateOptions { model, load, threads: threads_or_all(threads), ..UpdateOptions::new(runtime) }
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

/// Ids and distances `[n, k]`, -1 where a query has fewer hits.
fn columns(found: &[Vec<Hit>], k: usize) -> (Vec<i64>, Vec<i32>) {
    let (mut ids, mut distances) = (vec![-1; found.len() * k], vec![-1; found.len() * k]);
    let rows = ids.chunks_mut(k.max(1)).zip(distances.chunks_mut(k.max(1)));
    for (hits, (ids, distances)) in found.iter().zip(rows) {
        for (hit, (id, distance)) in hits.iter().zip(ids.iter_mut().zip(distances)) {
            (*id, *distance) = (i64::from(hit.id), hit.distance as i32); // at most 256 bits
        }
    }
    (ids, distances)
}

/// Codes `[n, words(bits)]` of bytes `[n, bits / 8]`.
fn words_of(bytes: &[u8], bits: usize) -> Vec<u64> {
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    bytes.chunks_exact(bits.div_ceil(8)).flat_map(|code| code.chunks(8)).map(word).collect()
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Index>()
}
