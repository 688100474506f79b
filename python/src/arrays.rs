//! Results as NumPy arrays without a copy: NumPy is shown an address through `__array_interface__`, and keeps what
//! owns it alive. (The buffer protocol is no part of the stable interface of Python 3.10.)

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use aesearch::gallery::Gallery;

/// The memory behind an array.
#[pyclass(frozen, module = "aesearch._native")]
pub(crate) struct Memory {
    owner: Owner,
    shape: Vec<usize>,
}

/// Who owns it.
pub(crate) enum Owner {
    F32(Vec<f32>),
    I64(Vec<i64>),
    I32(Vec<i32>),
    I8(Vec<i8>),
    U64(Vec<u64>),
    /// Latents of an index, in its map.
    Latents(Arc<Gallery>),
    /// Their scales.
    Scales(Arc<Gallery>),
}

#[pymethods]
impl Memory {
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        fn at<T>(values: &[T]) -> usize {
            values.as_ptr() as usize
        }
        let latents = |gallery: &Arc<Gallery>| gallery.snapshot().all_latents().map(|(values, _)| at(values));
        let scales = |gallery: &Arc<Gallery>| gallery.snapshot().all_latents().map(|(_, scales)| at(scales));
        let (address, kind, is_fixed) = match &self.owner {
            Owner::F32(values) => (at(values), "<f4", false),
            Owner::I64(values) => (at(values), "<i8", false),
            Owner::I32(values) => (at(values), "<i4", false),
            Owner::I8(values) => (at(values), "|i1", false),
            Owner::U64(values) => (at(values), "<u8", false),
            Owner::Latents(gallery) => (latents(gallery).unwrap_or_default(), "|i1", true),
            Owner::Scales(gallery) => (scales(gallery).unwrap_or_default(), "<f4", true),
        };
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("typestr", kind)?;
        interface.set_item("shape", PyTuple::new(py, &self.shape)?)?;
        interface.set_item("data", (address, is_fixed))?;
        Ok(interface)
    }
}

/// An array of this shape that `owner` owns.
pub(crate) fn array<'py>(py: Python<'py>, owner: Owner, shape: &[usize]) -> PyResult<Bound<'py, PyAny>> {
    let memory = Memory { owner, shape: shape.to_vec() };
    py.import("numpy")?.call_method1("asarray", (Bound::new(py, memory)?,))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Memory>()
}
