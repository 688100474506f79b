//! A collection as a whole: clusters, a map, outliers, a page, how good the codes are, files for other programs.

use std::path::{Path, PathBuf};

use aesearch::eval::evaluate::{EvalOptions, evaluate};
use aesearch::explore::cluster::{ClusterOptions, cluster};
use aesearch::explore::export::{ExportOptions, Part, Target, export};
use aesearch::explore::map::{MapOptions, MapOutputs, map_to};
use aesearch::explore::outliers::{Flag, OutlierOptions, Reading, outliers};
use aesearch::explore::rows::Rows;
use aesearch::filter::Where;
use aesearch::gallery::Labels;
use aesearch::report::{ReportOptions, report};
use aesearch::{Observer, Result};
use aesearch_index::Access;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::arrays::{Owner, array};
use crate::calls::observed;
use crate::dedupe::reasons;
use crate::errors::exception;
use crate::index::Index;

/// Which images of an index count, and their labels.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Among {
    labels: String,
    #[pyo3(item("where"))]
    only: Option<String>,
}

impl Among {
    fn labels(&self) -> Result<Labels> {
        self.labels.parse()
    }

    fn only(&self) -> Result<Option<Where>> {
        self.only.as_deref().map(str::parse).transpose()
    }

    /// These images of the index at `dir`, in the order of their names.
    pub(crate) fn rows(&self, dir: &Path, observer: &dyn Observer) -> Result<Rows> {
        let labels = self.labels()?;
        let rows = Rows::labelled(dir, Access::Map, &labels)?;
        match self.only()? {
            Some(expression) => {
                let ids = expression.select((dir, rows.snapshot()), &labels, observer)?;
                rows.only(&ids)
            }
            None => Ok(rows),
        }
    }
}

/// How to cluster.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Grouping {
    method: String,
    k: Option<usize>,
    max_k: usize,
    min_size: Option<usize>,
    seed: u64,
}

impl Grouping {
    fn options(&self) -> Result<ClusterOptions> {
        let &Grouping { ref method, k, max_k, min_size, seed } = self;
        Ok(ClusterOptions { method: method.parse()?, k, max_k, min_size, seed })
    }
}

/// The ids i64 [n], names and labels of images, in a dictionary.
fn images<'py>(py: Python<'py>, rows: &Rows) -> PyResult<Bound<'py, PyDict>> {
    let n = rows.len();
    let found = PyDict::new(py);
    found
        .set_item("ids", array(py, Owner::I64(rows.ids.iter().map(|&id| i64::from(id)).collect()), &[n])?)?;
    let names = rows.ids.iter().map(|&id| PyBytes::new(py, rows.snapshot().name(id)));
    found.set_item("names", PyList::new(py, names)?)?;
    found.set_item("labels", (0..n as u32).map(|row| rows.label(row)).collect::<Vec<Option<&str>>>())?;
    Ok(found)
}

/// Rows as numbers that NumPy takes: -1 where there is none.
fn numbers<'py>(py: Python<'py>, of: &[Option<u32>]) -> PyResult<Bound<'py, PyAny>> {
    array(
        py,
        Owner::I32(of.iter().map(|number| number.map_or(-1, |number| number as i32)).collect()),
        &[of.len()],
    )
}

/// NaN where there is none.
fn floats<'py>(py: Python<'py>, of: &[Option<f32>]) -> PyResult<Bound<'py, PyAny>> {
    array(py, Owner::F32(of.iter().map(|number| number.unwrap_or(f32::NAN)).collect()), &[of.len()])
}

/// Clusters of similar images.
#[pyfunction]
fn cluster_index<'py>(
    index: &Bound<'py, Index>,
    among: Among,
    grouping: Grouping,
    listener: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let (py, index) = (index.py(), index.get());
    index.gallery(py)?;
    let (rows, found) = observed(py, listener, |observer| {
        let rows = among.rows(index.dir(), observer)?;
        let found = cluster(&rows, &grouping.options()?, observer)?;
        Ok((rows, found))
    })?;
    let all = images(py, &rows)?;
    all.set_item("assignment", numbers(py, &found.assignment)?)?;
    all.set_item("distances", floats(py, &found.distances)?)?;
    all.set_item("silhouettes", floats(py, &found.silhouettes)?)?;
    all.set_item("method", found.method.name())?;
    all.set_item("silhouette", found.silhouette)?;
    let tried: Vec<(usize, f64)> = found.tried.iter().map(|one| (one.k, one.silhouette)).collect();
    all.set_item("tried", tried)?;
    let agreement = found.agreement.map(|with| {
        [("purity", with.purity), ("nmi", with.nmi), ("ari", with.ari), ("accuracy", with.accuracy)]
    });
    all.set_item("agreement", agreement.map(Vec::from))?;
    let clusters: Vec<_> = found
        .clusters
        .iter()
        .enumerate()
        .map(|(id, of)| {
            let (label, purity) = found.majority_of(id, &rows).unzip();
            (found.name_of(id, &rows), of.members.clone(), of.diameter, of.silhouette, label, purity)
        })
        .collect();
    all.set_item("clusters", clusters)?;
    Ok(all)
}

/// How to draw a map.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Drawing {
    method: String,
    perplexity: f32,
    colour_by: Option<String>,
    /// Pictures and tables to write.
    files: Vec<PathBuf>,
}

/// All images in the plane.
#[pyfunction]
fn map_index<'py>(
    index: &Bound<'py, Index>,
    among: Among,
    grouping: Grouping,
    drawing: Drawing,
    listener: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let (py, index) = (index.py(), index.get());
    index.gallery(py)?;
    let Drawing { method, perplexity, colour_by, files } = drawing;
    let (rows, found) = observed(py, listener, |observer| {
        let options = MapOptions { method: method.parse()?, perplexity, seed: grouping.seed };
        let colour_by = colour_by.as_deref().map(str::parse).transpose()?;
        let clusters = grouping.options()?;
        let outputs = MapOutputs { files, colour_by, clusters, ..MapOutputs::default() };
        let rows = among.rows(index.dir(), observer)?;
        let found = map_to(&rows, &options, &outputs, observer)?;
        Ok((rows, found))
    })?;
    let all = images(py, &rows)?;
    let points: Vec<f32> = found.map.points.iter().flatten().copied().collect();
    all.set_item("points", array(py, Owner::F32(points), &[rows.len(), 2])?)?;
    all.set_item("groups", numbers(py, &found.colouring.of)?)?;
    let names: Vec<&str> = found.colouring.groups.iter().map(|group| group.name.as_str()).collect();
    all.set_item("group_names", names)?;
    all.set_item("coloured_by", found.colour_by.name())?;
    all.set_item("method", found.map.options.method.name())?;
    Ok(all)
}

/// How unusual each image is; with `reading`, images are read again and reconstructed.
#[pyfunction]
fn outliers_index<'py>(
    index: &Bound<'py, Index>,
    among: Among,
    neighbours: usize,
    reading: bool,
    listener: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let (py, index) = (index.py(), index.get());
    let gallery = index.gallery(py)?;
    let options = OutlierOptions { neighbours, threads: index.threads() };
    let (rows, found) = observed(py, listener, |observer| {
        let rows = among.rows(index.dir(), observer)?;
        let found = outliers(&rows, reading.then(|| Reading::new(&gallery)), &options, observer)?;
        Ok((rows, found))
    })?;
    let n = rows.len();
    let all = images(py, &rows)?;
    all.set_item("scores", array(py, Owner::F32(found.scores.clone()), &[n])?)?;
    all.set_item("reconstruction_ranks", floats(py, &found.reconstruction_ranks)?)?;
    all.set_item("neighbour_ranks", array(py, Owner::F32(found.neighbour_ranks.clone()), &[n])?)?;
    all.set_item("distances", array(py, Owner::F32(found.distances.clone()), &[n])?)?;
    let flags = |flags: &Vec<Flag>| flags.iter().map(|flag| flag.name()).collect::<Vec<_>>();
    all.set_item("flags", found.flags.iter().map(flags).collect::<Vec<_>>())?;
    let suggested = |label: u32| rows.label_names.get(label as usize).map_or("", String::as_str);
    let doubts: Vec<_> = found
        .doubts
        .iter()
        .map(|doubt| (doubt.row, suggested(doubt.suggested), doubt.share, doubt.own_share))
        .collect();
    all.set_item("doubts", doubts)?;
    all.set_item("skipped", reasons(&found.skipped))?;
    Ok(all)
}

/// What a page shows, and where it is written.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Page {
    path: PathBuf,
    map: String,
    neighbours: usize,
    read: bool,
    duplicates: bool,
}

/// Writes everything about the images as one page.
#[pyfunction]
fn report_index<'py>(
    index: &Bound<'py, Index>,
    among: Among,
    grouping: Grouping,
    page: Page,
    listener: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let (py, index) = (index.py(), index.get());
    let gallery = index.gallery(py)?;
    let Page { path, map, neighbours, read, duplicates } = page;
    let done = observed(py, listener, |observer| {
        let options = ReportOptions {
            clusters: grouping.options()?,
            map: MapOptions { method: map.parse()?, seed: grouping.seed, ..MapOptions::default() },
            outliers: OutlierOptions { neighbours, threads: index.threads() },
            neighbours,
            images: read,
            duplicates,
            labels: among.labels()?,
            only: among.only()?,
            ..ReportOptions::default()
        };
        options.check()?;
        report(&among.rows(index.dir(), observer)?, &gallery, &path, &options, observer)
    })?;
    let counts = PyDict::new(py);
    counts.set_item("bytes", done.bytes)?;
    counts.set_item("clusters", done.clusters)?;
    counts.set_item("flagged", done.flagged)?;
    counts.set_item("label_errors", done.doubts)?;
    counts.set_item("groups", done.duplicates.map(|found| found.groups))?;
    counts.set_item("duplicates", done.duplicates.map(|found| found.duplicates))?;
    counts.set_item("skipped", reasons(&done.skipped))?;
    Ok(counts)
}

/// How good the codes are, as JSON, and what was skipped.
#[pyfunction]
fn evaluate_index(
    index: &Bound<'_, Index>,
    queries: Vec<PathBuf>,
    max_queries: usize,
    pixels: bool,
    labels: &str,
    listener: Option<Py<PyAny>>,
) -> PyResult<(String, Vec<(String, String)>)> {
    let (py, index) = (index.py(), index.get());
    let gallery = index.gallery(py)?;
    let labels = labels.parse().map_err(|error| exception(py, &error))?;
    let options = EvalOptions { max_queries, threads: index.threads(), pixels, labels };
    let found = observed(py, listener, |observer| evaluate(&gallery, &queries, &options, observer))?;
    let ranking = found.codes.map(|codes| codes.ranking);
    let figures = serde_json::json!({
        "images": found.images,
        "queries": found.queries,
        "bits": found.bits,
        "map": ranking.map(|of| of.map_all),
        "map_1000": ranking.map(|of| of.map_1000),
        "precision_10": ranking.map(|of| of.precision_10),
        "precision_100": ranking.map(|of| of.precision_100),
        "precision_radius_2": found.codes.map(|codes| codes.precision_radius_2),
        "knn10_accuracy": ranking.map(|of| of.knn10_accuracy),
        "reranked_knn10_accuracy": found.reranked_knn10_accuracy,
        "recall_10": found.recall_10,
        "recall_promises": found.promises,
        "recall_10_at": found.recall_10_at,
        "baselines": found.baselines,
        "without_labels": found.without_labels,
    });
    Ok((figures.to_string(), reasons(&found.skipped)))
}

/// Columns, files and their bytes, what was skipped.
type Written = (Vec<&'static str>, Vec<(String, u64)>, Vec<(String, String)>);

/// What is written for another program, and where.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Exporting {
    path: PathBuf,
    to: String,
    parts: Option<Vec<String>>,
    map: String,
    read: bool,
}

/// Writes what is known of the images for another program; gives columns, files and their bytes, and what was
/// skipped.
#[pyfunction]
fn export_index(
    index: &Bound<'_, Index>,
    among: Among,
    grouping: Grouping,
    exporting: Exporting,
    listener: Option<Py<PyAny>>,
) -> PyResult<Written> {
    let (py, index) = (index.py(), index.get());
    let gallery = index.gallery(py)?;
    let Exporting { path, to, parts, map, read } = exporting;
    let done = observed(py, listener, |observer| {
        let default = ExportOptions::default();
        let target: Target = to.parse()?;
        let parts = match parts {
            None => target.parts().to_vec(),
            Some(names) if names == ["all"] => {
                Part::ALL.into_iter().filter(|part| read || *part != Part::Metadata).collect()
            }
            Some(names) => names.iter().map(|name| name.parse()).collect::<Result<_>>()?,
        };
        let options = ExportOptions {
            target,
            parts,
            cluster: grouping.options()?,
            map: MapOptions { method: map.parse()?, seed: grouping.seed, ..MapOptions::default() },
            outliers: OutlierOptions { threads: index.threads(), ..default.outliers },
            picture: if read { default.picture } else { 0 },
            ..default
        };
        let reading = (read && options.parts.contains(&Part::Outliers)).then_some(&*gallery);
        export(&among.rows(index.dir(), observer)?, reading, &path, &options, observer)
    })?;
    let files = done.files.into_iter().map(|file| (file.name, file.bytes)).collect();
    Ok((done.columns, files, reasons(&done.skipped)))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(cluster_index, module)?)?;
    module.add_function(wrap_pyfunction!(map_index, module)?)?;
    module.add_function(wrap_pyfunction!(outliers_index, module)?)?;
    module.add_function(wrap_pyfunction!(report_index, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate_index, module)?)?;
    module.add_function(wrap_pyfunction!(export_index, module)?)?;
    Ok(())
}
