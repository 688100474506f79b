//! Images as Python hands them over: `(name, bytes)` is an image file, `(name, bytes, (height, width, channels))` are
//! pixels, and `(path,)` is a file on disk. Names and paths are bytes, as the system has them.

use aesearch::images::{Item, Pixels, path_of};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

/// One image.
#[derive(FromPyObject)]
enum Given {
    Pixels(PyBackedBytes, PyBackedBytes, (usize, usize, usize)),
    File(PyBackedBytes, PyBackedBytes),
    Path((PyBackedBytes,)),
}

/// The image of such a tuple.
pub(crate) fn item(given: &Bound<'_, PyAny>) -> PyResult<Item> {
    Ok(match given.extract()? {
        Given::Pixels(name, data, (height, width, channels)) => {
            Item::from_pixels(name.to_vec(), Pixels { width, height, channels, data: data.to_vec() })
        }
        Given::File(name, bytes) => Item::from_bytes(name.to_vec(), bytes.to_vec()),
        Given::Path((path,)) => Item::from_path(path_of(&path)),
    })
}

/// The images of a list of such tuples.
pub(crate) fn items(given: &Bound<'_, PyAny>) -> PyResult<Vec<Item>> {
    given.try_iter()?.map(|one| item(&one?)).collect()
}
