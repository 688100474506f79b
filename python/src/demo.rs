//! Something to try it on.

use std::path::PathBuf;

use aesearch::demo::collection::write_collection;
use pyo3::prelude::*;

use crate::calls::unlocked;

/// Writes drawn digits into a folder, `per_digit` of each, and gives their paths.
#[pyfunction]
fn write_digits(py: Python<'_>, folder: PathBuf, seed: u64, per_digit: usize) -> PyResult<Vec<PathBuf>> {
    unlocked(py, || write_collection(&folder, seed, per_digit))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(write_digits, module)?)
}
